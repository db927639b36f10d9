/* A sequence through LSTM(3) on 2 features, with and without return_sequences. The last row
 * with return_sequences is the output without. Both leave the same final state. The numbers
 * are those of Keras with the same weights (see small_models.py).
 *
 * Prints:
 *   return_sequences=True: y is (4, 3)
 *     y[t]          0.03482  0.02639 -0.03779
 *     y[t]         -0.05431 -0.11265 -0.06411
 *     y[t]         -0.00022 -0.06552  0.00842
 *     y[t]         -0.05993 -0.20901  0.09404
 *     final c      -0.25110 -0.32203  0.19468
 *   return_sequences=False: y is (3,)
 *     y            -0.05993 -0.20901  0.09404
 *     final c      -0.25110 -0.32203  0.19468
 */
#include <stdio.h>

#include "lstm.h"

enum { TIMESTEPS = 4, INPUT_DIM = 2, UNITS = 3 };

/* What layer.get_weights() returns, in a row: kernel, recurrent_kernel, bias. */
/* clang-format off */
static const float weights[LSTM_PARAM_COUNT(INPUT_DIM, UNITS)] = {
    -0.5407f, 0.2676f, -0.3709f, 0.2549f, 0.2611f, 0.1474f, -0.4411f, -0.5297f,
    -0.1521f, -0.3241f, -0.2682f, 0.3810f, -0.1415f, -0.1793f, 0.4891f, -0.1224f,
    -0.6015f, 0.3516f, -0.3463f, -0.3857f, 0.1307f, -0.5492f, 0.3531f, -0.0106f,
    0.0037f, -0.7589f, 0.2557f, 0.1556f, -0.2788f, 0.0594f, -0.2993f, 0.1406f,
    -0.2397f, 0.1848f, 0.2283f, 0.0060f, 0.4399f, 0.0732f, 0.0531f, 0.0533f,
    0.2633f, -0.1792f, -0.0689f, 0.5017f, 0.1948f, 0.5090f, -0.1074f, 0.3591f,
    -0.5896f, 0.1498f, 0.2247f, 0.2999f, -0.1956f, -0.1702f, 0.3099f, 0.5230f,
    0.0855f, -0.1085f, 0.1148f, 0.1431f, 0.0000f, 0.0000f, 0.0000f, 1.0000f,
    1.0000f, 1.0000f, 0.0000f, 0.0000f, 0.0000f, 0.0000f, 0.0000f, 0.0000f
};
/* clang-format on */

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
    const float x[TIMESTEPS][INPUT_DIM] = {
        {0.5f, -1.0f}, {1.0f, 0.25f}, {-0.75f, 0.5f}, {0.0f, 2.0f}};
    float scratch[LSTM_SCRATCH_LEN(UNITS)];
    lstm_layer layer;

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
