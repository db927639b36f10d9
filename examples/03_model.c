/* Sequential([LSTM(32, input_shape=(10, 64)), Dense(2)]): shapes, parameters, a batch of 3.
 * The numbers are those of Keras with the same weights (see small_models.py). The number of
 * parameters does not depend on the 10 timesteps: every step uses the same weights.
 *
 * Prints:
 *   Layer (type)    Output Shape    Param #
 *   lstm (LSTM)     (None, 32)        12416
 *   dense (Dense)   (None, 2)            66
 *   Total params                      12482
 *   x (3, 10, 64) -> h (3, 32) -> y (3, 2)
 *   y[0] =  0.14761  0.56782
 *   y[1] =  0.35096  0.69542
 *   y[2] =  0.05248  0.35522
 */
#include <stdint.h>
#include <stdio.h>

#include "lstm.h"

enum { BATCH = 3, TIMESTEPS = 10, FEATURES = 64, UNITS = 32, OUTPUTS = 2 };

/* What lstm_layer.get_weights() and dense_layer.get_weights() return, each in a row. */
static float lstm_weights[LSTM_PARAM_COUNT(FEATURES, UNITS)];
static float dense_weights[LSTM_DENSE_PARAM_COUNT(UNITS, OUTPUTS)];

static float x[BATCH][TIMESTEPS][FEATURES];
static float h[BATCH][UNITS], c[BATCH][UNITS]; /* zeros: a new sequence in every row */
static float scratch[LSTM_BATCH_SCRATCH_LEN(BATCH, UNITS)];

/* Stands in for a trained model: 12,416 numbers are too many to print here. */
static void fill(float *numbers, size_t count, float scale, uint32_t seed)
{
    for (size_t k = 0; k < count; k++) {
        seed = seed * 1664525u + 1013904223u;
        numbers[k] = scale * ((float)(seed >> 8) / 8388608.0f - 1.0f);
    }
}

int main(void)
{
    float y[BATCH][OUTPUTS];
    lstm_layer lstm;
    lstm_dense dense;

    fill(lstm_weights, LSTM_PARAM_COUNT(FEATURES, UNITS), 0.2f, 3);
    fill(dense_weights, LSTM_DENSE_PARAM_COUNT(UNITS, OUTPUTS), 0.5f, 4);
    fill(x[0][0], sizeof x / sizeof(float), 1.0f, 5);
    if (lstm_layer_init(&lstm, FEATURES, UNITS, lstm_weights,
                        LSTM_PARAM_COUNT(FEATURES, UNITS)) != LSTM_OK ||
        lstm_dense_init(&dense, UNITS, OUTPUTS, dense_weights,
                        LSTM_DENSE_PARAM_COUNT(UNITS, OUTPUTS)) != LSTM_OK) {
        return 1;
    }
    {
        const unsigned long in_lstm = (unsigned long)lstm_param_count(&lstm);
        const unsigned long in_dense = (unsigned long)lstm_dense_param_count(&dense);
        printf("Layer (type)    Output Shape    Param #\n");
        printf("lstm (LSTM)     (None, %d)   %10lu\n", UNITS, in_lstm);
        printf("dense (Dense)   (None, %d)    %10lu\n", OUTPUTS, in_dense);
        printf("Total params                 %10lu\n", in_lstm + in_dense);
    }

    if (lstm_forward_batch(&lstm, x[0][0], NULL, BATCH, TIMESTEPS, h[0], c[0], NULL,
                           scratch) != LSTM_OK ||
        lstm_dense_forward(&dense, h[0], BATCH, y[0]) != LSTM_OK) {
        return 1;
    }
    printf("x (%d, %d, %d) -> h (%d, %d) -> y (%d, %d)\n", BATCH, TIMESTEPS, FEATURES,
           BATCH, UNITS, BATCH, OUTPUTS);
    for (int b = 0; b < BATCH; b++) {
        printf("y[%d] = %8.5f %8.5f\n", b, (double)y[b][0], (double)y[b][1]);
    }
    return 0;
}
