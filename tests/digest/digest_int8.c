/* digest_int8.c - one number over many outputs of lstm_int8.h, as digest.c has one over floats. All
 * arithmetic is on integers, so there is one digest for all builds and processors.
 *
 * Float layers with random weights are converted; what is hashed are the arrays of the layer, the
 * states, the outputs and the logits of a Dense layer. With an argument, every case prints the
 * digest up to it. */
#include "check.h"
#include "lstm_int8.h"

enum { MOST = 40, BATCH = 7, STEPS = 5 };

static uint64_t digest = 0xCBF29CE484222325u;
static uint64_t seed = 1;
static int is_verbose, error_count;

static int8_t weights[LSTM_INT8_WEIGHT_LEN(MOST, MOST)];
static uint16_t row_scales[LSTM_INT8_ROW_LEN(MOST, MOST)];
static uint16_t multipliers[LSTM_INT8_COLUMN_LEN(MOST)];
static int32_t bias[LSTM_INT8_COLUMN_LEN(MOST)];
static int16_t scratch[LSTM_INT8_BATCH_SCRATCH_LEN(BATCH, MOST, MOST)];
static int16_t x[BATCH * STEPS * MOST], h[BATCH * MOST], y[BATCH * STEPS * MOST];
static int32_t c[BATCH * MOST], logits[BATCH * STEPS * MOST];

/* low..high */
static size_t pick(size_t low, size_t high)
{
    return low + (size_t)(check_random(&seed) % (high - low + 1));
}

static void add(int32_t value)
{
    for (int shift = 0; shift < 32; shift += 8) {
        digest = (digest ^ ((uint32_t)value >> shift & 0xFFu)) * 0x100000001B3u;
    }
}

static void add_shorts(const int16_t *values, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        add(values[k]);
    }
}

static void add_longs(const int32_t *values, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        add(values[k]);
    }
}

static void add_layer(const lstm_int8_layer *layer)
{
    for (size_t k = 0; k < LSTM_INT8_WEIGHT_LEN(layer->input_dim, layer->units); k++) {
        add(weights[k]);
    }
    for (size_t k = 0; k < layer->input_dim + layer->units; k++) {
        add(row_scales[k]);
    }
    for (size_t k = 0; k < 4 * layer->units; k++) {
        add(multipliers[k]);
        add(bias[k]);
    }
    add(layer->shift);
}

/* Any state and input: small and large ones, and now and then the ends of the range */
static int16_t any_short(void)
{
    const int32_t value = (int32_t)(check_random(&seed) >> 48) - 32768;
    const size_t kind = pick(0, 9);
    return (int16_t)(kind == 0   ? -32768
                     : kind == 1 ? 32767
                     : kind < 6  ? value / 64
                                 : value);
}

static void dense(size_t input_dim, size_t rows)
{
    const size_t units = pick(1, 9);
    float *const from_weights = NEW_FLOATS(LSTM_DENSE_PARAM_COUNT(input_dim, units));
    lstm_dense from;
    static lstm_int8_dense to;
    check_random_fill(from_weights, LSTM_DENSE_PARAM_COUNT(input_dim, units), 1.0f,
                      &seed);
    error_count += lstm_dense_init(&from, input_dim, units, from_weights,
                                   LSTM_DENSE_PARAM_COUNT(input_dim, units)) != LSTM_OK;
    error_count +=
        lstm_int8_quantize_dense(&from, 15, weights, multipliers, bias, &to) != LSTM_OK;
    error_count += lstm_int8_dense_logits(&to, y, rows, logits) != LSTM_OK;
    add_longs(logits, rows * units);
    free(from_weights);
}

static void layer(size_t input_dim, size_t units)
{
    static const float scales[] = {0.1f, 0.5f, 0.5f, 2.0f, 40.0f};
    const size_t batch = pick(1, BATCH), steps = pick(1, STEPS);
    const size_t count = LSTM_PARAM_COUNT(input_dim, units);
    float *const from_weights = NEW_FLOATS(count);
    float *const space = NEW_FLOATS(LSTM_INT8_QUANTIZE_LEN(input_dim, units));
    lstm_layer from;
    static lstm_int8_layer to;
    check_random_fill(from_weights, count, scales[pick(0, 4)], &seed);
    error_count +=
        lstm_layer_init(&from, input_dim, units, from_weights, count) != LSTM_OK;
    from.return_sequences = (int)pick(0, 1);
    from.go_backwards = (int)pick(0, 1);
    error_count += lstm_int8_quantize(&from, 12, NULL, weights, row_scales, multipliers,
                                      bias, space, &to) != LSTM_OK;
    add_layer(&to);
    for (size_t k = 0; k < batch * steps * input_dim; k++) {
        x[k] = any_short();
    }
    for (size_t k = 0; k < batch * units; k++) {
        h[k] = any_short();
        c[k] = (int32_t)any_short() * 65536 / 2;
    }
    error_count +=
        lstm_int8_forward_batch(&to, x, batch, steps, h, c, y, scratch) != LSTM_OK;
    error_count += lstm_int8_step(&to, x, h, c, scratch) != LSTM_OK;
    add_shorts(y, batch * units * (to.return_sequences ? steps : 1));
    add_shorts(h, batch * units);
    add_longs(c, batch * units);
    dense(units, batch * (to.return_sequences ? steps : 1));
    free(from_weights);
    free(space);
    if (is_verbose) {
        printf("%lu %lu: %08lx%08lx\n", (unsigned long)input_dim, (unsigned long)units,
               (unsigned long)(digest >> 32), (unsigned long)(digest & 0xFFFFFFFFu));
    }
}

int main(int argc, char **argv)
{
    is_verbose = argc > 1 && argv[1][0] != '\0';
    for (size_t units = 1; units <= MOST; units++) {
        layer(pick(1, MOST), units);
        layer(units, pick(1, MOST));
    }
    if (error_count != 0) {
        fprintf(stderr, "%d errors\n", error_count);
        return 1;
    }
    printf("%08lx%08lx\n", (unsigned long)(digest >> 32),
           (unsigned long)(digest & 0xFFFFFFFFu));
    return 0;
}
