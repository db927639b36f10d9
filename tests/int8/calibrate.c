/* Prints a digest of moments and of the weights that are rounded by them. Compilers may not change
 * either by fusing products with sums. `make int8` compares builds, with LSTM_NO_FMA, so that the
 * float layer gives the same h in all. */
#include <stdio.h>
#include <string.h>

#include "lstm_int8.h"

enum { INPUT_DIM = 20, UNITS = 20, ROWS = INPUT_DIM + UNITS, STEPS = 30, LAYERS = 20 };

static uint32_t seed = 1;

/* From -1 to 1, in steps that floats hold exactly */
static float next(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 16) / 32768.0f - 1.0f;
}

/* By value: the order of bytes does not count. */
static uint32_t digest(uint32_t sum, uint32_t value)
{
    return (sum ^ value) * 16777619u + (sum >> 15);
}

static uint32_t bits(float value)
{
    uint32_t word;
    memcpy(&word, &value, sizeof word);
    return word;
}

int main(void)
{
    static float weights[LSTM_PARAM_COUNT(INPUT_DIM, UNITS)], moments[ROWS * ROWS];
    static float x[STEPS * INPUT_DIM], scratch[LSTM_INT8_QUANTIZE_LEN(INPUT_DIM, UNITS)];
    static int8_t packed[LSTM_INT8_WEIGHT_LEN(INPUT_DIM, UNITS)];
    static uint16_t row_scales[LSTM_INT8_ROW_LEN(INPUT_DIM, UNITS)];
    static uint16_t multipliers[LSTM_INT8_COLUMN_LEN(UNITS)];
    static int32_t bias[LSTM_INT8_COLUMN_LEN(UNITS)];
    const size_t count = sizeof weights / sizeof *weights;
    uint32_t sum = 2166136261u;
    for (int layer = 0; layer < LAYERS; layer++) {
        float h[UNITS] = {0}, c[UNITS] = {0};
        lstm_layer from;
        lstm_int8_layer to;
        for (size_t k = 0; k < count; k++) {
            weights[k] = next();
        }
        for (size_t k = 0; k < STEPS * INPUT_DIM; k++) {
            const float before = k < INPUT_DIM ? 0.0f : x[k - INPUT_DIM];
            x[k] = before * 0.5f + next();
        }
        for (size_t k = 0; k < ROWS * ROWS; k++) {
            moments[k] = 0.0f;
        }
        if (lstm_layer_init(&from, INPUT_DIM, UNITS, weights, count) != LSTM_OK ||
            lstm_int8_observe(&from, x, STEPS, h, c, moments, scratch) != LSTM_OK ||
            lstm_int8_quantize(&from, 12, moments, packed, row_scales, multipliers, bias,
                               scratch, &to) != LSTM_OK) {
            return 1;
        }
        for (size_t k = 0; k < ROWS * ROWS; k++) {
            sum = digest(sum, bits(moments[k]));
        }
        for (size_t k = 0; k < sizeof packed; k++) {
            sum = digest(sum, (uint8_t)packed[k]);
        }
    }
    printf("%08lx\n", (unsigned long)sum);
    return 0;
}
