/* Every activation against a float64 reference, reached through lstm_dense_forward: a Dense
 * layer of one unit with weight 1 hands its input to the activation unchanged. */
#include "reference.h"

static const float one = 1.0f;

static float apply(lstm_activation activation, float x)
{
    lstm_dense dense = {0};
    float y = 12345.0f;
    dense.input_dim = 1;
    dense.units = 1;
    dense.kernel = &one;
    dense.activation = activation;
    CHECK(lstm_dense_forward(&dense, &x, 1, &y) == LSTM_OK);
    return y;
}

static double ulp(float x)
{
    const float magnitude = fabsf(x);
    return (double)nextafterf(magnitude, INFINITY) - (double)magnitude;
}

/* Every 4999th float from -Inf to Inf, so about 860,000 of them. */
#define FOR_SOME_FLOATS(x)                                    \
    for (uint32_t rank = 0; rank < 0xff000000u; rank += 4999) \
        if (x = float_of_rank(rank), 1)

static float float_of_rank(uint32_t rank)
{
    const uint32_t bits = rank < 0x7f800000u ? 0xff800000u - rank : rank - 0x7f800000u;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void is_within_ulps(lstm_activation activation, double bound)
{
    double worst = 0.0;
    float x;
    FOR_SOME_FLOATS(x) {
        const double want = reference_activation(activation, (double)x);
        const double error = fabs((double)apply(activation, x) - want) / ulp((float)want);
        worst = !(error <= worst) ? error : worst;
    }
    CHECK(worst <= bound);
}

static void tanh_is_within_2_5_ulp(void)
{
    is_within_ulps(LSTM_TANH, 2.5);
}

static void sigmoid_is_within_2_9_ulp(void)
{
    is_within_ulps(LSTM_SIGMOID, 2.9);
}

/* exp overflows at 88.73 to Inf, where the reference is a large double; leave that to the
 * test of special values. */
static void exponential_is_within_2_ulp(void)
{
    double worst = 0.0;
    for (float x = -104.0f; x < 88.72f; x += 0.00123f) {
        const double want = exp((double)x);
        const double error =
            fabs((double)apply(LSTM_EXPONENTIAL, x) - want) / ulp((float)want);
        worst = !(error <= worst) ? error : worst;
    }
    CHECK(worst <= 2.0);
}

static void the_others_are_within_4e_7_relative(void)
{
    static const lstm_activation others[] = {
        LSTM_LINEAR,    LSTM_HARD_SIGMOID, LSTM_HARD_SIGMOID_KERAS2,
        LSTM_RELU,      LSTM_RELU6,        LSTM_LEAKY_RELU,
        LSTM_ELU,       LSTM_SELU,         LSTM_SILU,
        LSTM_HARD_SILU, LSTM_SOFTPLUS,     LSTM_SOFTSIGN,
        LSTM_MISH};
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        for (float x = -30.0f; x < 30.0f; x += 0.00317f) {
            const float got = apply(others[k], x);
            const float want = (float)reference_activation(others[k], (double)x);
            CHECK_NEAR(&got, &want, 1, 6e-8, 4e-7);
        }
    }
}

static void gelu_is_the_exact_one(void)
{
    for (float x = -13.0f; x < 13.0f; x += 0.00317f) {
        const float got = apply(LSTM_GELU, x);
        const float want = (float)reference_activation(LSTM_GELU, (double)x);
        CHECK_NEAR(&got, &want, 1, 6e-8, 4e-7);
    }
}

static void zeros_keep_their_sign(void)
{
    static const lstm_activation odd[] = {LSTM_LINEAR, LSTM_TANH, LSTM_RELU,
                                          LSTM_LEAKY_RELU, LSTM_SOFTSIGN};
    for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
        CHECK(apply(odd[k], 0.0f) == 0.0f && !signbit(apply(odd[k], 0.0f)));
    }
    {
        /* x*1 summed from +0 is +0, so reach tanh(-0) through the bits of the smallest float */
        const float smallest = 1.40129846e-45f;
        CHECK(apply(LSTM_TANH, smallest) == smallest);
        CHECK(apply(LSTM_TANH, -smallest) == -smallest);
    }
    CHECK(apply(LSTM_SIGMOID, 0.0f) == 0.5f);
    CHECK(apply(LSTM_EXPONENTIAL, 0.0f) == 1.0f);
    CHECK(apply(LSTM_HARD_SIGMOID, 0.0f) == 0.5f);
}

static void infinities_go_to_the_limits(void)
{
    const float inf = INFINITY;
    CHECK(apply(LSTM_TANH, inf) == 1.0f && apply(LSTM_TANH, -inf) == -1.0f);
    CHECK(apply(LSTM_SIGMOID, inf) == 1.0f && apply(LSTM_SIGMOID, -inf) == 0.0f);
    CHECK(apply(LSTM_EXPONENTIAL, inf) == inf && apply(LSTM_EXPONENTIAL, -inf) == 0.0f);
    CHECK(apply(LSTM_EXPONENTIAL, 89.0f) == inf &&
          apply(LSTM_EXPONENTIAL, -104.0f) == 0.0f);
    CHECK(apply(LSTM_HARD_SIGMOID, inf) == 1.0f &&
          apply(LSTM_HARD_SIGMOID, -inf) == 0.0f);
    CHECK(apply(LSTM_RELU, inf) == inf && apply(LSTM_RELU, -inf) == 0.0f);
    CHECK(apply(LSTM_RELU6, inf) == 6.0f && apply(LSTM_RELU6, -inf) == 0.0f);
    CHECK(apply(LSTM_ELU, -inf) == -1.0f && apply(LSTM_ELU, inf) == inf);
    CHECK(apply(LSTM_SOFTPLUS, inf) == inf && apply(LSTM_SOFTPLUS, -inf) == 0.0f);
    CHECK(apply(LSTM_GELU, inf) == inf && apply(LSTM_MISH, inf) == inf);
}

static void huge_inputs_saturate(void)
{
    CHECK(apply(LSTM_TANH, 3e38f) == 1.0f && apply(LSTM_TANH, -3e38f) == -1.0f);
    CHECK(apply(LSTM_SIGMOID, 3e38f) == 1.0f && apply(LSTM_SIGMOID, -3e38f) == 0.0f);
    CHECK(apply(LSTM_SIGMOID, -103.0f) > 0.0f); /* a denormal, not yet 0 */
}

/* NaNs of both signs, with every value of the last bits: those are a number within e^x. */
static void nan_stays_nan(void)
{
    for (int k = LSTM_LINEAR; k <= LSTM_LOG_SOFTMAX; k++) {
        for (uint32_t low = 0; low < 512; low++) {
            const uint32_t bits = 0x7fc00000u | low;
            float nan;
            memcpy(&nan, &bits, sizeof nan);
            CHECK(isnan(apply((lstm_activation)k, nan)));
            CHECK(isnan(apply((lstm_activation)k, -nan)));
        }
    }
}

/* Softmax and log_softmax need all elements, so a NaN among them is in every output. */
static void nan_spreads_over_the_vector_where_its_sum_is_used(void)
{
    for (int k = LSTM_LINEAR; k <= LSTM_LOG_SOFTMAX; k++) {
        for (size_t place = 0; place < 7; place++) {
            const float zeros[7] = {0.0f};
            float z[7] = {0.5f, -1.0f, 2.0f, 0.0f, 88.0f, 3.0f, -0.25f}, y[7];
            lstm_dense dense = {0};
            z[place] = place % 2 == 0 ? NAN : -NAN;
            dense.input_dim = 1;
            dense.units = 7;
            dense.kernel = zeros;
            dense.bias = z;
            dense.activation = (lstm_activation)k;
            CHECK(lstm_dense_forward(&dense, &one, 1, y) == LSTM_OK);
            for (size_t i = 0; i < 7; i++) {
                CHECK(!isnan(y[i]) == (i != place && k < LSTM_SOFTMAX));
            }
        }
    }
}

static void tanh_never_exceeds_1_and_is_odd(void)
{
    for (float x = 0.0f; x < 12.0f; x += 0.000917f) {
        const float y = apply(LSTM_TANH, x);
        CHECK(y <= 1.0f && y >= 0.0f);
        CHECK(apply(LSTM_TANH, -x) == -y);
    }
}

static void softmax_matches_the_reference(lstm_activation activation)
{
    static const float inputs[4][7] = {
        {0.1f, -2.0f, 3.0f, 0.5f, 0.25f, -0.75f, 1.5f},
        {5.0f, 5.0f, 5.0f, 5.0f, 5.0f, 5.0f, 5.0f},
        {1e30f, -1e30f, 0.0f, 1e30f, 1.0f, 2.0f, 3.0f},
        {-90.0f, -50.0f, -70.0f, -88.0f, -60.0f, -51.0f, -52.0f}};
    for (size_t row = 0; row < 4; row++) {
        float identity[49] = {0}, got[7], want[7];
        lstm_dense dense = {0};
        for (size_t k = 0; k < 7; k++) {
            identity[8 * k] = 1.0f;
        }
        dense.input_dim = dense.units = 7;
        dense.kernel = identity;
        dense.activation = activation;
        CHECK(lstm_dense_forward(&dense, inputs[row], 1, got) == LSTM_OK);
        reference_dense(&dense, inputs[row], want);
        CHECK_NEAR(got, want, 7, 1e-7, 4e-7);
    }
}

/* Wherever the maximum stands it is taken off: e^z of the other elements would overflow. */
static void softmax_finds_its_maximum_at_every_place(void)
{
    enum { MOST = 40 };
    float zeros[MOST] = {0.0f}, z[MOST], got[MOST], want[MOST];
    lstm_dense dense = {0};
    uint64_t seed = 9;
    dense.input_dim = 1;
    dense.kernel = zeros;
    dense.bias = z;
    for (dense.units = 1; dense.units <= MOST; dense.units++) {
        for (size_t place = 0; place < dense.units; place++) {
            check_random_fill(z, dense.units, 2.0f, &seed);
            z[place] += 200.0f;
            for (int a = LSTM_SOFTMAX; a <= LSTM_LOG_SOFTMAX; a++) {
                dense.activation = (lstm_activation)a;
                CHECK(lstm_dense_forward(&dense, &one, 1, got) == LSTM_OK);
                reference_dense(&dense, &one, want);
                CHECK_NEAR(got, want, dense.units, 1e-7, 4e-7);
            }
        }
    }
}

/* The same of the gates of a layer, where softmax runs over the units of each */
static void softmax_of_gates_finds_its_maximum_at_every_place(void)
{
    enum { MOST = 20 };
    float h[MOST], c[MOST], scratch[LSTM_SCRATCH_LEN(MOST)];
    const float x = 1.0f;
    uint64_t seed = 10;
    for (size_t units = 1; units <= MOST; units++) {
        for (size_t place = 0; place < units; place++) {
            double h_want[MOST], c_want[MOST];
            lstm_layer layer;
            random_layer(&layer, 1, units, &seed);
            layer.recurrent_activation = LSTM_SOFTMAX;
            for (size_t gate = 0; gate < 4; gate++) {
                ((float *)(uintptr_t)layer.bias)[gate * units + place] += 200.0f;
            }
            for (size_t u = 0; u < units; u++) {
                h_want[u] = 0.0;
                h[u] = 0.0f;
                c_want[u] = 0.5;
                c[u] = 0.5f;
            }
            reference_step(&layer, &x, h_want, c_want);
            CHECK(lstm_step(&layer, &x, h, c, scratch) == LSTM_OK);
            for (size_t u = 0; u < units; u++) {
                CHECK(check_is_near((double)h[u], h_want[u], 1e-6, 1e-6));
                CHECK(check_is_near((double)c[u], c_want[u], 1e-6, 1e-6));
            }
            free_layer(&layer);
        }
    }
}

static void softmax_of_anything_sums_to_one(void)
{
    softmax_matches_the_reference(LSTM_SOFTMAX);
    CHECK(apply(LSTM_SOFTMAX, 1e38f) == 1.0f);
}

static void log_softmax_is_the_logarithm_of_softmax(void)
{
    softmax_matches_the_reference(LSTM_LOG_SOFTMAX);
    CHECK(apply(LSTM_LOG_SOFTMAX, -1e38f) == 0.0f);
}

static void the_default_of_dense_is_linear(void)
{
    CHECK(apply(LSTM_DEFAULT, -3.5f) == -3.5f && apply(LSTM_LINEAR, 7.25f) == 7.25f);
}

static void the_two_hard_sigmoids_differ(void)
{
    const float keras3 = apply(LSTM_HARD_SIGMOID, -2.7f);
    const float keras2 = apply(LSTM_HARD_SIGMOID_KERAS2, -2.7f);
    CHECK(check_is_near((double)keras3, 0.05, 1e-7, 0.0));
    CHECK(keras2 == 0.0f);
}

int main(void)
{
    RUN(tanh_is_within_2_5_ulp);
    RUN(sigmoid_is_within_2_9_ulp);
    RUN(exponential_is_within_2_ulp);
    RUN(the_others_are_within_4e_7_relative);
    RUN(gelu_is_the_exact_one);
    RUN(zeros_keep_their_sign);
    RUN(infinities_go_to_the_limits);
    RUN(huge_inputs_saturate);
    RUN(nan_stays_nan);
    RUN(nan_spreads_over_the_vector_where_its_sum_is_used);
    RUN(tanh_never_exceeds_1_and_is_odd);
    RUN(softmax_finds_its_maximum_at_every_place);
    RUN(softmax_of_gates_finds_its_maximum_at_every_place);
    RUN(softmax_of_anything_sums_to_one);
    RUN(log_softmax_is_the_logarithm_of_softmax);
    RUN(the_default_of_dense_is_linear);
    RUN(the_two_hard_sigmoids_differ);
    return check_report();
}
