/* Sequential([LSTM(32, input_shape=(10, 64)), Dense(2)]): shapes, parameters, a batch of 3.
 *
 * Prints:
 *   Model: "sequential"
 *   +---------------------------------+------------------------+---------------+
 *   | Layer (type)                    | Output Shape           |       Param # |
 *   +=================================+========================+===============+
 *   | lstm (LSTM)                     | (None, 32)             |        12,416 |
 *   +---------------------------------+------------------------+---------------+
 *   | dense (Dense)                   | (None, 2)              |            66 |
 *   +---------------------------------+------------------------+---------------+
 *    Total params: 12,482 (48.76 KB)
 *    Trainable params: 12,482 (48.76 KB)
 *    Non-trainable params: 0 (0.00 B)
 *   x (3, 10, 64) -> h (3, 32) -> y (3, 2)
 *   y[0] =  0.14761  0.56782
 *   y[1] =  0.35096  0.69542
 *   y[2] =  0.05248  0.35522
 */
#include <stdio.h>

#include "example_weights.h"
#include "lstm.h"
#include "speakers/summary.h"

enum { BATCH = 3, TIMESTEPS = 10, FEATURES = 64, UNITS = 32, OUTPUTS = 2 };

/* What lstm_layer.get_weights() and dense_layer.get_weights() return, each in a row. */
static float lstm_weights[LSTM_PARAM_COUNT(FEATURES, UNITS)];
static float dense_weights[LSTM_DENSE_PARAM_COUNT(UNITS, OUTPUTS)];

static float x[BATCH][TIMESTEPS][FEATURES];
static float h[BATCH][UNITS], c[BATCH][UNITS]; /* zeros: a new sequence in every row */
static float scratch[LSTM_BATCH_SCRATCH_LEN(BATCH, UNITS)];

int main(void)
{
    float y[BATCH][OUTPUTS];
    lstm_layer lstm;
    lstm_dense dense;
    summary_row rows[2] = {{"lstm (LSTM)", "(None, 32)", 0},
                           {"dense (Dense)", "(None, 2)", 0}};

    example_fill(lstm_weights, sizeof lstm_weights / sizeof(float), 0.2f, 3);
    example_fill(dense_weights, sizeof dense_weights / sizeof(float), 0.5f, 4);
    example_fill(x[0][0], sizeof x / sizeof(float), 1.0f, 5);
    if (lstm_layer_init(&lstm, FEATURES, UNITS, lstm_weights,
                        sizeof lstm_weights / sizeof(float)) != LSTM_OK ||
        lstm_dense_init(&dense, UNITS, OUTPUTS, dense_weights,
                        sizeof dense_weights / sizeof(float)) != LSTM_OK) {
        return 1;
    }
    rows[0].parameters = lstm_param_count(&lstm);
    rows[1].parameters = lstm_dense_param_count(&dense);
    summary_print("sequential", rows, 2);

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
