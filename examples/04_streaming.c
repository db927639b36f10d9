/* Streaming: samples come one at a time and the state is kept between them. Two streams share
 * one layer; each has its own h and c. At the end the first stream's state is the one that a
 * single call over all samples gives, to the last bit.
 *
 * Prints:
 *   sample 0:  stream 0:  0.0 -> -1.00479  stream 1:  1.0 -> -0.70498
 *   sample 1:  stream 0:  0.5 -> -0.88456  stream 1: -1.0 -> -1.07313
 *   sample 2:  stream 0:  1.0 -> -0.78800  stream 1:  1.0 -> -0.75145
 *   sample 3:  stream 0:  0.5 -> -0.89351  stream 1: -1.0 -> -1.09204
 *   sample 4:  stream 0:  0.0 -> -0.96365  stream 1:  1.0 -> -0.76260
 *   sample 5:  stream 0: -0.5 -> -1.05369  stream 1: -1.0 -> -1.09235
 *   the same bits as one call over all samples
 */
#include <stdio.h>
#include <string.h>

#include "example_weights.h"
#include "lstm.h"

enum { SAMPLES = 6, INPUT_DIM = 1, UNITS = 4, STREAMS = 2 };

typedef struct stream {
    float h[UNITS], c[UNITS];
} stream;

static float lstm_weights[LSTM_PARAM_COUNT(INPUT_DIM, UNITS)];
static float dense_weights[LSTM_DENSE_PARAM_COUNT(UNITS, 1)];
static float
    scratch[LSTM_SCRATCH_LEN(UNITS)]; /* one is enough for all streams of a thread */

int main(void)
{
    const float samples[STREAMS][SAMPLES] = {{0.0f, 0.5f, 1.0f, 0.5f, 0.0f, -0.5f},
                                             {1.0f, -1.0f, 1.0f, -1.0f, 1.0f, -1.0f}};
    stream streams[STREAMS] = {{{0}, {0}}, {{0}, {0}}}, whole = {{0}, {0}};
    lstm_layer lstm;
    lstm_dense dense;

    example_fill(lstm_weights, LSTM_PARAM_COUNT(INPUT_DIM, UNITS), 1.0f, 6);
    example_fill(dense_weights, LSTM_DENSE_PARAM_COUNT(UNITS, 1), 1.0f, 7);
    if (lstm_layer_init(&lstm, INPUT_DIM, UNITS, lstm_weights,
                        LSTM_PARAM_COUNT(INPUT_DIM, UNITS)) != LSTM_OK ||
        lstm_dense_init(&dense, UNITS, 1, dense_weights,
                        LSTM_DENSE_PARAM_COUNT(UNITS, 1)) != LSTM_OK) {
        return 1;
    }
    for (int t = 0; t < SAMPLES; t++) {
        printf("sample %d:", t);
        for (int s = 0; s < STREAMS; s++) {
            float y;
            if (lstm_step(&lstm, &samples[s][t], streams[s].h, streams[s].c, scratch) !=
                    LSTM_OK ||
                lstm_dense_forward(&dense, streams[s].h, 1, &y) != LSTM_OK) {
                return 1;
            }
            printf("  stream %d: %4.1f -> %8.5f", s, (double)samples[s][t], (double)y);
        }
        printf("\n");
    }
    if (lstm_forward(&lstm, samples[0], SAMPLES, whole.h, whole.c, NULL, scratch) !=
        LSTM_OK) {
        return 1;
    }
    printf("%s\n", memcmp(&whole, &streams[0], sizeof whole) == 0
                       ? "the same bits as one call over all samples"
                       : "differs from one call over all samples");
    return 0;
}
