/* Streaming: samples come one at a time, and the state is kept between them. The model was
 * trained with Keras to say what the next sample of a sine wave will be (see
 * small_models.py). Two streams share one layer; each has its own h and c. At the end the
 * first stream's state has the same bits as after one call over all samples.
 *
 * Prints:
 *   sample    stream 0: next  predicted    stream 1: next  predicted
 *   sample 24:         0.707      0.710            1.000      0.988
 *   sample 25:         0.876      0.877            0.844      0.853
 *   sample 26:         0.976      0.972            0.426      0.453
 *   sample 27:         0.998      0.991           -0.125     -0.139
 *   sample 28:         0.941      0.934           -0.637     -0.625
 *   sample 29:         0.809      0.803           -0.951     -0.948
 *   the same bits as one call over all samples
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lstm.h"

enum { SAMPLES = 30, SHOWN = 6, INPUT_DIM = 1, UNITS = 4, STREAMS = 2 };

/* Of a trained Keras model: LSTM(4) and Dense(1), each layer's get_weights() in a row. */
/* clang-format off */
static const float lstm_weights[LSTM_PARAM_COUNT(INPUT_DIM, UNITS)] = {
    0.1348f, 0.4494f, -0.7089f, 0.3188f, 1.5586f, 1.2591f, -0.4288f, -0.8701f,
    0.5919f, -1.0364f, 0.4390f, -0.8022f, 0.2938f, 0.4551f, 0.7588f, -0.8390f,
    0.4986f, 2.9949f, -0.9220f, 2.1341f, -0.4397f, -0.9004f, -2.3284f, -0.6405f,
    0.3769f, 0.3788f, -0.1339f, 0.5269f, -0.5648f, 1.9666f, 0.4172f, 0.8787f,
    -1.1593f, 0.9323f, 1.0333f, -1.9804f, -0.0119f, 1.2760f, 0.7172f, -1.8213f,
    1.4663f, -1.5249f, 0.9020f, -1.8803f, 1.3010f, -0.4813f, 2.8112f, -1.7278f,
    -1.4472f, -2.0403f, -0.7444f, -2.1343f, -0.6828f, -3.2759f, 0.3152f, 1.0612f,
    0.1987f, 1.1425f, 0.0280f, -0.7807f, -2.1829f, -1.4266f, -0.2629f, -0.6893f,
    0.6888f, 2.8722f, 0.5331f, 1.9989f, -0.5668f, -0.9122f, -0.2583f, -0.1825f,
    0.2350f, -0.1184f, -1.3651f, -1.4451f, 0.4993f, 1.7651f, 0.6152f, 1.9352f,
    0.6379f, -0.8593f, 0.0592f, -0.1378f, 1.0889f, -0.9898f, 1.1496f, -0.2133f,
    0.4483f, -0.3044f, -0.2997f, -0.1970f, 0.6916f, 2.0691f, 0.4105f, 0.3963f
};
static const float dense_weights[LSTM_DENSE_PARAM_COUNT(UNITS, 1)] = {
    0.5117f, -2.5353f, -0.7719f, -2.0370f, -0.4155f
};
/* clang-format on */

typedef struct stream {
    float h[UNITS], c[UNITS];
} stream;

/* One is enough for all streams of a thread. */
static float scratch[LSTM_SCRATCH_LEN(UNITS)];

static float wave(float cycles_in_100, int sample)
{
    return sinf(6.2831853f * cycles_in_100 / 100.0f * (float)sample);
}

int main(void)
{
    const float cycles[STREAMS] = {4.5f, 9.0f};
    float samples[SAMPLES]; /* of the first stream */
    stream streams[STREAMS] = {{{0}, {0}}, {{0}, {0}}}, whole = {{0}, {0}};
    lstm_layer lstm;
    lstm_dense dense;

    if (lstm_layer_init(&lstm, INPUT_DIM, UNITS, lstm_weights,
                        LSTM_PARAM_COUNT(INPUT_DIM, UNITS)) != LSTM_OK ||
        lstm_dense_init(&dense, UNITS, 1, dense_weights,
                        LSTM_DENSE_PARAM_COUNT(UNITS, 1)) != LSTM_OK) {
        return 1;
    }
    printf("sample    stream 0: next  predicted    stream 1: next  predicted\n");
    for (int t = 0; t < SAMPLES; t++) {
        float x, y[STREAMS];
        samples[t] = wave(cycles[0], t);
        for (int s = 0; s < STREAMS; s++) {
            x = wave(cycles[s], t);
            if (lstm_step(&lstm, &x, streams[s].h, streams[s].c, scratch) != LSTM_OK ||
                lstm_dense_forward(&dense, streams[s].h, 1, &y[s]) != LSTM_OK) {
                return 1;
            }
        }
        if (t >= SAMPLES - SHOWN) {
            printf("sample %d:       %7.3f    %7.3f          %7.3f    %7.3f\n", t,
                   (double)wave(cycles[0], t + 1), (double)y[0],
                   (double)wave(cycles[1], t + 1), (double)y[1]);
        }
    }
    if (lstm_forward(&lstm, samples, SAMPLES, whole.h, whole.c, NULL, scratch) !=
        LSTM_OK) {
        return 1;
    }
    printf("%s\n", memcmp(&whole, &streams[0], sizeof whole) == 0
                       ? "the same bits as one call over all samples"
                       : "differs from one call over all samples");
    return 0;
}
