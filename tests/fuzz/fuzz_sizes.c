/* Sizes of every magnitude: the counts are those of 128-bit arithmetic or 0, and whatever does not
 * fit into size_t is refused with nothing written, though pointers are given. Sizes that would be
 * valid are not run: no such arrays exist here.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/fuzz_sizes.c -lm */
#include "lstm.h"
#include "fuzz.h"

__extension__ typedef unsigned __int128 wide;

static const wide most_floats = (wide)SIZE_MAX / sizeof(float);

/* Sizes near powers of two, where products begin not to fit. */
static size_t read_size(fuzz_input *in)
{
    const unsigned shift = fuzz_byte(in) % 65, low = fuzz_byte(in);
    const size_t base = shift == 64 ? SIZE_MAX : (size_t)1 << shift;
    return low & 1 ? base - (low >> 1) % 16 : base + (low >> 1) % 16;
}

static wide count_of(size_t input_dim, size_t units, int has_bias)
{
    return 4 * (wide)units * ((wide)input_dim + units + (has_bias ? 1 : 0));
}

/* 4*units*(input_dim + units + 1) may not fit into 128 bits either. */
static int is_valid(size_t input_dim, size_t units, int has_bias)
{
    return input_dim != 0 && units != 0 && units <= most_floats &&
           input_dim <= most_floats &&
           count_of(input_dim, units, has_bias) <= most_floats;
}

static const float weights[64] = {0};

static void the_counts_are_those_of_wide_arithmetic(size_t input_dim, size_t units)
{
    lstm_layer layer;
    int has_bias;
    memset(&layer, 0, sizeof layer);
    layer.input_dim = input_dim;
    layer.units = units;
    for (has_bias = 0; has_bias < 2; has_bias++) {
        layer.bias = has_bias ? weights : NULL;
        if (is_valid(input_dim, units, has_bias)) {
            FUZZ_ASSERT(lstm_param_count(&layer) == count_of(input_dim, units, has_bias));
        } else if (input_dim == 0 || units == 0 ||
                   (units < (size_t)1 << 60 && input_dim < (size_t)1 << 62 &&
                    count_of(input_dim, units, has_bias) > SIZE_MAX)) {
            FUZZ_ASSERT(lstm_param_count(&layer) == 0);
        }
    }
}

/* A layer that cannot be, or one that can in a call whose arrays cannot. */
static void the_impossible_is_refused(fuzz_input *in, size_t input_dim, size_t units)
{
    const size_t batch = read_size(in), timesteps = read_size(in);
    float h[4] = {1, 2, 3, 4}, c[4] = {5, 6, 7, 8}, y[4] = {9, 10, 11, 12}, scratch[4];
    const wide steps = (wide)batch * timesteps;
    lstm_layer layer;
    lstm_dense dense;
    memset(&layer, 0, sizeof layer);
    memset(&dense, 0, sizeof dense);
    layer.input_dim = dense.input_dim = input_dim;
    layer.units = dense.units = units;
    layer.kernel = layer.recurrent_kernel = layer.bias = dense.kernel = dense.bias =
        weights;
    layer.return_sequences = 1;
    if (!is_valid(input_dim, units, 1)) {
        FUZZ_ASSERT(lstm_step(&layer, weights, h, c, scratch) == LSTM_ERR_SHAPE);
        FUZZ_ASSERT(lstm_weights_from_torch(input_dim, units, weights, weights, NULL,
                                            NULL, y) == LSTM_ERR_SHAPE);
        FUZZ_ASSERT(lstm_weights_from_onnx(input_dim, units, weights, weights, weights,
                                           y) == LSTM_ERR_SHAPE);
        FUZZ_ASSERT(lstm_layer_init(&layer, input_dim, units, weights, read_size(in)) ==
                    LSTM_ERR_SHAPE);
    }
    if (!is_valid(input_dim, units, 1) || steps > most_floats ||
        steps * input_dim > most_floats || steps * units > most_floats) {
        const lstm_status want =
            is_valid(input_dim, units, 1) && steps == 0 ? LSTM_OK : LSTM_ERR_SHAPE;
        FUZZ_ASSERT(lstm_forward_batch(&layer, weights, NULL, batch, timesteps, h, c, y,
                                       scratch) == want);
    }
    if (input_dim == 0 || units == 0 ||
        (wide)units * ((wide)input_dim + 1) > most_floats) {
        FUZZ_ASSERT(lstm_dense_forward(&dense, weights, batch, y) == LSTM_ERR_SHAPE);
    }
    FUZZ_ASSERT(h[0] == 1 && h[3] == 4 && c[0] == 5 && c[3] == 8 && y[0] == 9 &&
                y[3] == 12);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    const size_t input_dim = read_size(&in), units = read_size(&in);
    the_counts_are_those_of_wide_arithmetic(input_dim, units);
    the_impossible_is_refused(&in, input_dim, units);
    return 0;
}
