/* A sequence through LSTM(3) on 2 features, with and without return_sequences. The last row of
 * the first is the output of the second, and both leave the same final state.
 *
 * Prints:
 *   return_sequences=True: y is (4, 3)
 *     y[t]         -0.11047 -0.05023 -0.04429
 *     y[t]         -0.08926 -0.18074  0.06015
 *     y[t]          0.21267 -0.12970  0.28989
 *     y[t]          0.47694 -0.34149  0.21237
 *     final c       0.84674 -0.67252  0.36839
 *   return_sequences=False: y is (3,)
 *     y             0.47694 -0.34149  0.21237
 *     final c       0.84674 -0.67252  0.36839
 */
#include <stdio.h>

#include "example_weights.h"
#include "lstm.h"

enum { TIMESTEPS = 4, INPUT_DIM = 2, UNITS = 3 };

static void print_row(const char *name, const float *row)
{
    printf("%-14s", name);
    for (int u = 0; u < UNITS; u++) {
        printf(" %8.5f", (double)row[u]);
    }
    printf("\n");
}

int main(void)
{
    static float weights[LSTM_PARAM_COUNT(INPUT_DIM, UNITS)];
    const float x[TIMESTEPS][INPUT_DIM] = {
        {0.5f, -1.0f}, {1.0f, 0.25f}, {-0.75f, 0.5f}, {0.0f, 2.0f}};
    float scratch[LSTM_SCRATCH_LEN(UNITS)];
    lstm_layer layer;

    example_fill(weights, LSTM_PARAM_COUNT(INPUT_DIM, UNITS), 1.0f, 2);
    if (lstm_layer_init(&layer, INPUT_DIM, UNITS, weights,
                        LSTM_PARAM_COUNT(INPUT_DIM, UNITS)) != LSTM_OK) {
        return 1;
    }
    {
        float h[UNITS] = {0}, c[UNITS] = {0}, y[TIMESTEPS][UNITS];
        layer.return_sequences = 1;
        if (lstm_forward(&layer, x[0], TIMESTEPS, h, c, y[0], scratch) != LSTM_OK) {
            return 1;
        }
        printf("return_sequences=True: y is (%d, %d)\n", TIMESTEPS, UNITS);
        for (int t = 0; t < TIMESTEPS; t++) {
            print_row("  y[t]", y[t]);
        }
        print_row("  final c", c);
    }
    {
        float h[UNITS] = {0}, c[UNITS] = {0}, y[UNITS];
        layer.return_sequences = 0;
        if (lstm_forward(&layer, x[0], TIMESTEPS, h, c, y, scratch) != LSTM_OK) {
            return 1;
        }
        printf("return_sequences=False: y is (%d,)\n", UNITS);
        print_row("  y", y);
        print_row("  final c", c);
    }
    return 0;
}
