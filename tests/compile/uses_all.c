/* Calls every function of the header once, in C and in C++, and prints the sum of the outputs'
 * bits: the same number for every compiler, language and option that keeps the bits. */
#include <stdio.h>
#include <string.h>

#include "lstm.h"
#include "lstm.h" /* twice is as good as once */

enum { D = 5, U = 10, T = 4, B = 3 };

/* Sizes known to the compiler: array bounds, case labels, and of type size_t. */
typedef char params[LSTM_PARAM_COUNT(5, 10) == 640 ? 1 : -1];
typedef char
    model[LSTM_PARAM_COUNT(64, 32) + LSTM_DENSE_PARAM_COUNT(32, 2) == 12482 ? 1 : -1];
typedef char no_bias[LSTM_PARAM_COUNT_NO_BIAS(5, 10) == 600 ? 1 : -1];
typedef char is_size_t[sizeof(LSTM_SCRATCH_LEN(1)) == sizeof(size_t) ? 1 : -1];
#if defined(__cplusplus)
static_assert(LSTM_PARAM_COUNT(5, 10) == 640, "640 parameters");
constexpr size_t scratch_len = LSTM_BIDIRECTIONAL_SCRATCH_LEN(2, 3, 4);
static_assert(scratch_len == LSTM_BATCH_SCRATCH_LEN(2, 4), "of the larger half");
#elif __STDC_VERSION__ >= 201112L
_Static_assert(LSTM_PARAM_COUNT(5, 10) == 640, "640 parameters");
#endif

static LSTM_ALIGNED float weights[LSTM_PARAM_COUNT(D, U)],
    source[LSTM_PARAM_COUNT(D, U) + 4 * U];
static float x[B * T * D], h[2 * B * U], c[2 * B * U], y[B * T * 2 * U];
static float scratch[LSTM_BIDIRECTIONAL_SCRATCH_LEN(B, U, U)];
static unsigned long long sum;
static int failures;

static int is_known(size_t count)
{
    switch (count) {
    case LSTM_PARAM_COUNT(5, 10): return 1;
    case LSTM_DENSE_PARAM_COUNT(10, 5): return 1;
    default: return 0;
    }
}

static void add_bits(const float *p, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        unsigned int bits;
        memcpy(&bits, p + k, sizeof bits);
        sum = (sum ^ bits) * 1099511628211ull;
    }
}

static void expect_ok(lstm_status status)
{
    failures += status != LSTM_OK;
}

int uses_all(void)
{
    lstm_layer layer;
    lstm_dense dense;
    lstm_bidirectional both;
    unsigned char mask[B * T];
    for (size_t k = 0; k < sizeof source / sizeof *source; k++) {
        source[k] = (float)(int)(k * 37 % 101) / 128.0f - 0.375f;
    }
    for (size_t k = 0; k < B * T * D; k++) {
        x[k] = (float)(int)(k * 53 % 97) / 64.0f - 0.75f;
    }
    expect_ok(lstm_weights_from_torch(D, U, source, source + 4 * U * D,
                                      source + 4 * U * (D + U),
                                      source + 4 * U * (D + U + 1), weights));
    add_bits(weights, LSTM_PARAM_COUNT(D, U));
    expect_ok(lstm_weights_from_onnx(D, U, source, source + 4 * U * D,
                                     source + 4 * U * (D + U), weights));
    expect_ok(
        lstm_layer_init_no_bias(&layer, D, U, weights, LSTM_PARAM_COUNT_NO_BIAS(D, U)));
    expect_ok(lstm_dense_init_no_bias(&dense, U, 5, weights, 5 * U));
    expect_ok(lstm_layer_init(&layer, D, U, weights, LSTM_PARAM_COUNT(D, U)));
    expect_ok(lstm_dense_init(&dense, U, 5, weights, LSTM_DENSE_PARAM_COUNT(U, 5)));
    failures +=
        !is_known(lstm_param_count(&layer)) + !is_known(lstm_dense_param_count(&dense));
    lstm_mask(x, B * T, D, 0.0f, mask);
    mask[1] = 0;
    expect_ok(lstm_step(&layer, x, h, c, scratch));
    expect_ok(lstm_forward(&layer, x, T, h, c, NULL, scratch));
    layer.return_sequences = 1;
    expect_ok(lstm_forward_batch(&layer, x, mask, B, T, h, c, y, scratch));
    add_bits(y, B * T * U);
    both.forward = both.backward = layer;
    both.backward.activation = LSTM_SOFTSIGN;
    both.merge = LSTM_MERGE_CONCAT;
    expect_ok(lstm_bidirectional_forward(&both, x, mask, B, T, h, c, y, scratch));
    add_bits(y, B * T * 2 * U);
    expect_ok(lstm_dense_forward(&dense, h, B, y));
    add_bits(y, B * 5);
    failures += lstm_status_string(LSTM_OK)[0] == '\0';
    return failures;
}

#ifndef NO_MAIN
int main(void)
{
    const int failed = uses_all();
    printf("%016llx\n", sum);
    return failed;
}
#endif
