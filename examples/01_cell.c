/* One step of an LSTM cell by hand, next to lstm_step. A cell with 1 input and 2 units has
 * 4 gates of 2 values each; the weights stand as Keras' get_weights() returns them.
 *
 * Prints:
 *   gates of unit 0: i 0.6457  f 0.7311  g 0.4621  o 0.5000
 *   gates of unit 1: i 0.4256  f 0.7685  g -0.3799  o 0.5987
 *   by hand:   c 0.2984 -0.1617   h 0.1449 -0.0960
 *   lstm_step: c 0.2984 -0.1617   h 0.1449 -0.0960
 */
#include <math.h>
#include <stdio.h>

#include "lstm.h"

enum { INPUT_DIM = 1, UNITS = 2 };

static const float weights[LSTM_PARAM_COUNT(INPUT_DIM, UNITS)] = {
    /* kernel: i i  f f  c c  o o */
    0.6f, -0.3f, 0.0f, 0.2f, 0.5f, -0.4f, 0.0f, 0.4f,
    /* recurrent_kernel, one row a unit; unused in the first step, where h is 0 */
    0.1f, -0.2f, 0.3f, 0.1f, -0.5f, 0.2f, 0.4f, -0.1f, 0.2f, 0.1f, -0.3f, 0.2f, 0.3f,
    0.1f, -0.1f, 0.5f,
    /* bias: the forget gate starts at 1, as unit_forget_bias leaves it */
    0.0f, 0.0f, 1.0f, 1.0f, 0.0f, 0.0f, 0.0f, 0.0f};

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

int main(void)
{
    const float x[INPUT_DIM] = {1.0f};
    const float *kernel = weights, *bias = weights + 4 * UNITS * (INPUT_DIM + UNITS);
    float h[UNITS] = {0}, c[UNITS] = {0}, by_hand_h[UNITS], by_hand_c[UNITS];
    float scratch[LSTM_SCRATCH_LEN(UNITS)];
    lstm_layer layer;

    for (int u = 0; u < UNITS; u++) {
        /* the four blocks of x*kernel + bias; h*recurrent_kernel is 0 here */
        const float i = sigmoid(x[0] * kernel[u] + bias[u]);
        const float f = sigmoid(x[0] * kernel[UNITS + u] + bias[UNITS + u]);
        const float g = tanhf(x[0] * kernel[2 * UNITS + u] + bias[2 * UNITS + u]);
        const float o = sigmoid(x[0] * kernel[3 * UNITS + u] + bias[3 * UNITS + u]);
        by_hand_c[u] = f * c[u] + i * g;
        by_hand_h[u] = o * tanhf(by_hand_c[u]);
        printf("gates of unit %d: i %.4f  f %.4f  g %.4f  o %.4f\n", u, (double)i,
               (double)f, (double)g, (double)o);
    }
    printf("by hand:   c %.4f %.4f   h %.4f %.4f\n", (double)by_hand_c[0],
           (double)by_hand_c[1], (double)by_hand_h[0], (double)by_hand_h[1]);

    if (lstm_layer_init(&layer, INPUT_DIM, UNITS, weights,
                        LSTM_PARAM_COUNT(INPUT_DIM, UNITS)) != LSTM_OK ||
        lstm_step(&layer, x, h, c, scratch) != LSTM_OK) {
        return 1;
    }
    printf("lstm_step: c %.4f %.4f   h %.4f %.4f\n", (double)c[0], (double)c[1],
           (double)h[0], (double)h[1]);
    return 0;
}
