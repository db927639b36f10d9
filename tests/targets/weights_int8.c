/* weights_int8.c - prints the arrays of weights.c with 8-bit weights, for model_int8.c.
 * Compiled for one of the cases of model.h:
 *     weights_int8 > model_arrays.h */
#include "../check.h"
#include "lstm_int8.h"
#include "model.h"

#include "expected.h"

enum { FRACTION_BITS = 14 }; /* the inputs are from -1 to 1 */

static float weights[LSTM_PARAM_COUNT(INPUT_DIM, UNITS)];
static float dense_weights[LSTM_DENSE_PARAM_COUNT(UNITS, OUTPUTS)];
static float x[TIMESTEPS * INPUT_DIM];
static int8_t packed[LSTM_INT8_WEIGHT_LEN(INPUT_DIM, UNITS)];
static int8_t dense_packed[LSTM_INT8_DENSE_WEIGHT_LEN(UNITS, OUTPUTS)];
static uint16_t row_scales[LSTM_INT8_ROW_LEN(INPUT_DIM, UNITS)];
static uint16_t multipliers[LSTM_INT8_COLUMN_LEN(UNITS)], dense_multipliers[OUTPUTS];
static int32_t bias[LSTM_INT8_COLUMN_LEN(UNITS)], dense_bias[OUTPUTS];
static float scratch[LSTM_INT8_QUANTIZE_LEN(INPUT_DIM, UNITS)];
static int16_t q[TIMESTEPS * INPUT_DIM];

static void print_start(const char *type, const char *name, size_t count)
{
    printf("%s model_%s[%lu] MODEL_ROM = {", type, name, (unsigned long)count);
}

static void print_value(size_t k, long value)
{
    printf("%s%ld,", k % 12 == 0 ? "\n    " : " ", value);
}

/* print(type, name, array): all of a static array */
#define PRINT(type, name, array)                                    \
    do {                                                            \
        print_start(type, name, sizeof array / sizeof *array);      \
        for (size_t k = 0; k < sizeof array / sizeof *array; k++) { \
            print_value(k, (long)array[k]);                         \
        }                                                           \
        printf("\n};\n");                                           \
    } while (0)

int main(void)
{
    uint64_t state = 2026;
    lstm_layer layer;
    lstm_dense dense;
    lstm_int8_layer to;
    lstm_int8_dense dense_to;
    check_random_fill(weights, LSTM_PARAM_COUNT(INPUT_DIM, UNITS), 0.3f, &state);
    check_random_fill(dense_weights, LSTM_DENSE_PARAM_COUNT(UNITS, OUTPUTS), 0.5f,
                      &state);
    check_random_fill(x, TIMESTEPS * INPUT_DIM, 1.0f, &state);
    if (lstm_layer_init(&layer, INPUT_DIM, UNITS, weights,
                        LSTM_PARAM_COUNT(INPUT_DIM, UNITS)) != LSTM_OK ||
        lstm_dense_init(&dense, UNITS, OUTPUTS, dense_weights,
                        LSTM_DENSE_PARAM_COUNT(UNITS, OUTPUTS)) != LSTM_OK ||
        lstm_int8_quantize(&layer, FRACTION_BITS, NULL, packed, row_scales, multipliers,
                           bias, scratch, &to) != LSTM_OK ||
        lstm_int8_quantize_dense(&dense, 15, dense_packed, dense_multipliers, dense_bias,
                                 &dense_to) != LSTM_OK) {
        return 1;
    }
    lstm_int8_from_float(x, TIMESTEPS * INPUT_DIM, FRACTION_BITS, q);
    PRINT("static const int8_t", "weights", packed);
    PRINT("static const uint16_t", "row_scales", row_scales);
    PRINT("static const uint16_t", "multipliers", multipliers);
    PRINT("static const int32_t", "biases", bias);
    PRINT("static const int8_t", "dense_weights", dense_packed);
    PRINT("static const uint16_t", "dense_multipliers", dense_multipliers);
    PRINT("static const int32_t", "dense_biases", dense_bias);
    PRINT("const int16_t", "inputs", q);
    print_start("const int32_t", "expected", OUTPUTS);
    for (size_t k = 0; k < OUTPUTS; k++) {
        print_value(k, (long)(expected[k] * 65536.0f));
    }
    printf("\n};\nenum { MODEL_SHIFT = %d, MODEL_DENSE_SHIFT = %d };\n", to.shift,
           dense_to.shift);
    return 0;
}
