/* lstm_int8.h against its arithmetic in 64 bits: any float layer that lstm_int8_quantize
 * accepts, any inputs, any state, any split. Nothing overflows 32 bits, and all integers are
 * those of the formulas in NUMERICS.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/fuzz_int8.c -lm */
#include "lstm_int8.h"
#include "fuzz.h"

enum { MOST = 12, TIMES = 4 };

static float weights[LSTM_PARAM_COUNT(MOST, MOST)];
static int8_t packed[LSTM_INT8_WEIGHT_LEN(MOST, MOST)];
static uint16_t row_scales[2 * MOST], multipliers[4 * MOST];
static int32_t bias[4 * MOST];
static float space[LSTM_INT8_QUANTIZE_LEN(MOST, MOST)];
static float moments[LSTM_INT8_MOMENT_LEN(MOST, MOST)];

static int64_t int32_of(int64_t value)
{
    FUZZ_ASSERT(value >= INT32_MIN && value <= INT32_MAX);
    return value;
}

static int64_t tanh_of(int64_t z)
{
    const int64_t size = z < 0 ? -z : z, a = size < 49151 ? size : 49151;
    const int64_t low = lstm_int8_impl_table[a >> 8];
    const int64_t high = lstm_int8_impl_table[(a >> 8) + 1];
    const int64_t value = low + (((high - low) * (a & 255)) >> 8);
    return z < 0 ? -value : value;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* z of a gate: 0 i, 1 f, 2 g, 3 o */
static int64_t gate_of(const lstm_int8_layer *layer, const int64_t *v, size_t unit,
                       size_t gate)
{
    const size_t rows = layer->input_dim + layer->units, blocks = (rows + 7) / 8;
    const size_t column = 4 * unit + gate;
    int64_t sum = 0;
    size_t k;
    for (k = 0; k < rows; k++) {
        sum += v[k] * layer->weights[((unit * blocks + k / 8) * 4 + gate) * 8 + k % 8];
        int32_of(sum);
    }
    sum = int32_of((sum * layer->multipliers[column]) >> 16);
    return tanh_of(int32_of(sum + layer->bias[column]) >> layer->shift);
}

static void step_of(const lstm_int8_layer *layer, const int16_t *x, int16_t *h,
                    int32_t *c)
{
    int64_t v[2 * MOST], i, f, g, o, next;
    size_t k, u;
    for (k = 0; k < layer->input_dim + layer->units; k++) {
        const int64_t in = k < layer->input_dim ? x[k] : h[k - layer->input_dim];
        v[k] = (in * layer->row_scales[k] + 16384) >> 15;
    }
    for (u = 0; u < layer->units; u++) {
        i = 16384 + (gate_of(layer, v, u, 0) >> 1);
        f = 16384 + (gate_of(layer, v, u, 1) >> 1);
        g = gate_of(layer, v, u, 2);
        o = 16384 + (gate_of(layer, v, u, 3) >> 1);
        next = clamp((c[u] * f + 16384) >> 15, -(1 << 30), (1 << 30) - 1);
        next = int32_of(next + ((i * g + 8192) >> 14));
        c[u] = (int32_t)next;
        next = (o * tanh_of(next >> 3) + 16384) >> 15;
        h[u] = (int16_t)(next > 32767 ? 32767 : next);
    }
}

/* Weights of all kinds, times a power of two: with 1, most layers are accepted. */
static void read_weights(fuzz_input *in, size_t count)
{
    const int exponent = (int)(fuzz_byte(in) % 32) - 24;
    float scale = 1.0f;
    size_t k;
    int e;
    for (e = 0; e < (exponent < 0 ? -exponent : exponent); e++) {
        scale *= exponent < 0 ? 0.5f : 2.0f;
    }
    fuzz_fill(in, weights, count);
    for (k = 0; k < count; k++) {
        weights[k] *= scale;
    }
}

static int16_t read_int16(fuzz_input *in)
{
    const unsigned high = fuzz_byte(in), low = fuzz_byte(in);
    return (int16_t)(int32_t)((high << 8 | low) - 32768u);
}

static void run(fuzz_input *in, const lstm_int8_layer *layer)
{
    const size_t timesteps = 1 + fuzz_byte(in) % TIMES, split = fuzz_byte(in) % timesteps;
    const size_t units = layer->units, inputs = layer->input_dim;
    int16_t x[TIMES * MOST], h[MOST], want_h[MOST];
    int16_t scratch[LSTM_INT8_SCRATCH_LEN(MOST, MOST)];
    int32_t c[MOST], want_c[MOST];
    size_t k;
    for (k = 0; k < timesteps * inputs; k++) {
        x[k] = read_int16(in);
    }
    for (k = 0; k < units; k++) {
        h[k] = want_h[k] = read_int16(in);
        c[k] = want_c[k] = (int32_t)read_int16(in) * 65536 + (int32_t)fuzz_byte(in) * 257;
    }
    for (k = 0; k < timesteps; k++) {
        step_of(layer, x + k * inputs, want_h, want_c);
    }
    FUZZ_ASSERT(lstm_int8_forward(layer, x, split, h, c, NULL, scratch) == LSTM_OK);
    FUZZ_ASSERT(lstm_int8_forward(layer, x + split * inputs, timesteps - split, h, c,
                                  NULL, scratch) == LSTM_OK);
    FUZZ_ASSERT(memcmp(h, want_h, units * sizeof *h) == 0);
    FUZZ_ASSERT(memcmp(c, want_c, units * sizeof *c) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size}, *const in = &input;
    const size_t inputs = 1 + fuzz_byte(in) % MOST, units = 1 + fuzz_byte(in) % MOST;
    const size_t count = LSTM_PARAM_COUNT(inputs, units);
    const int bits = (int)(fuzz_byte(in) % 16), refined = (int)(fuzz_byte(in) & 1);
    lstm_layer from;
    lstm_int8_layer layer;
    FUZZ_ASSERT(lstm_layer_init(&from, inputs, units, weights, count) == LSTM_OK);
    read_weights(in, count);
    if (refined) { /* whatever the moments are, the result is valid */
        fuzz_fill(in, moments, LSTM_INT8_MOMENT_LEN(inputs, units));
    }
    if (lstm_int8_quantize(&from, bits, refined ? moments : NULL, packed, row_scales,
                           multipliers, bias, space, &layer) == LSTM_OK) {
        run(in, &layer);
    }
    return 0;
}
