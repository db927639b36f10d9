/* Numbers at the edge: huge, tiny, infinite and equal ones, and many steps. */
#include "check.h"
#include "lstm.h"
#include "reference.h"

enum { D = 3, U = 5, COUNT = LSTM_PARAM_COUNT(D, U) };

static float weights[COUNT], x[D], h[U], c[U], scratch[LSTM_SCRATCH_LEN(U)];
static lstm_layer layer;

/* Random weights and input, times these factors; a state of zeros. */
static void set_up(float weight_factor, float x_factor)
{
    uint64_t seed = 21;
    check_random_fill(weights, COUNT, weight_factor, &seed);
    check_random_fill(x, D, x_factor, &seed);
    memset(h, 0, sizeof h);
    memset(c, 0, sizeof c);
    CHECK(lstm_layer_init(&layer, D, U, weights, COUNT) == LSTM_OK);
}

/* So many steps on the same x are those of the reference in double. */
static void steps_are_near_the_reference(int steps, double atol)
{
    double h_want[U] = {0}, c_want[U] = {0};
    for (int step = 0; step < steps; step++) {
        CHECK(lstm_step(&layer, x, h, c, scratch) == LSTM_OK);
        reference_step(&layer, x, h_want, c_want);
    }
    for (int u = 0; u < U; u++) {
        CHECK(check_is_near((double)h[u], h_want[u], atol, 1e-6));
        CHECK(check_is_near((double)c[u], c_want[u], atol, 1e-6));
    }
}

static void weights_of_1e30_saturate_the_gates(void)
{
    set_up(1e30f, 1.0f);
    steps_are_near_the_reference(20, 1e-6);
}

static void weights_and_input_whose_products_are_denormal_are_taken_as_they_are(void)
{
    set_up(1e-20f, 1e-20f);
    steps_are_near_the_reference(5, 1e-9);
}

static void a_weight_of_zero_makes_a_state_of_zero(void)
{
    set_up(0.0f, 1.0f);
    for (int step = 0; step < 5; step++) {
        CHECK(lstm_step(&layer, x, h, c, scratch) == LSTM_OK);
    }
    for (int u = 0; u < U; u++) {
        CHECK(h[u] == 0.0f && c[u] == 0.0f);
    }
}

/* With an infinite input each gate is open or shut, and no NaN comes up. */
static void an_infinite_input_saturates_the_gates(void)
{
    set_up(0.5f, 1.0f);
    x[1] = INFINITY;
    CHECK(lstm_step(&layer, x, h, c, scratch) == LSTM_OK);
    for (int u = 0; u < U; u++) {
        const float *row = weights + 4 * U;
        const float i = row[u] > 0.0f ? 1.0f : 0.0f;
        const float g = row[2 * U + u] > 0.0f ? 1.0f : -1.0f;
        const float o = row[3 * U + u] > 0.0f ? 1.0f : 0.0f;
        CHECK(c[u] == i * g);
        CHECK(check_is_near((double)h[u], (double)o * tanh((double)c[u]), 0.0, 3e-7));
    }
}

/* A c or h below 2^-100 becomes zero, so that no denormals follow. */
static void a_state_that_decays_becomes_zero_with(lstm_activation activation)
{
    float decaying[LSTM_PARAM_COUNT(1, 1)] = {0.0f};
    float one_h[1] = {0.0f}, one_c[1] = {1.0f}, smallest = 1.0f;
    const float none[1] = {0.0f};
    CHECK(lstm_layer_init(&layer, 1, 1, decaying, LSTM_PARAM_COUNT(1, 1)) == LSTM_OK);
    layer.activation = activation;
    for (int step = 0; step < 200; step++) {
        CHECK(lstm_step(&layer, none, one_h, one_c, scratch) == LSTM_OK);
        smallest = one_c[0] != 0.0f ? one_c[0] : smallest;
    }
    CHECK(smallest == 7.88860905e-31f); /* the forget gate halves it, down to 2^-100 */
    CHECK(one_c[0] == 0.0f && one_h[0] == 0.0f);
}

static void a_state_that_decays_becomes_zero(void)
{
    a_state_that_decays_becomes_zero_with(LSTM_TANH);
    a_state_that_decays_becomes_zero_with(LSTM_LINEAR);
    a_state_that_decays_becomes_zero_with(LSTM_SOFTSIGN);
}

/* One step of one unit whose gates are their biases: i = f = sigmoid(0), so that c stays the
 * value of the candidate, and o. Small h become zero, those from 2^-100 on stay. */
static void a_small_output_becomes_zero(lstm_activation activation, float sign)
{
    const double smallest = ldexp(1.0, -100);
    const float none[1] = {0.0f}, start = sign * 0.75f;
    float gates[LSTM_PARAM_COUNT(1, 1)] = {0.0f};
    float *bias = gates + 8, one_h[1], one_c[1];
    int zeros = 0, others = 0;
    CHECK(lstm_layer_init(&layer, 1, 1, gates, LSTM_PARAM_COUNT(1, 1)) == LSTM_OK);
    layer.activation = activation;
    bias[2] = activation == LSTM_LINEAR ? start : atanhf(start);
    for (bias[3] = -72.0f; bias[3] < -66.0f; bias[3] += 0.01f) {
        const double o = exp((double)bias[3]);
        double want;
        one_h[0] = 0.0f;
        one_c[0] = start;
        CHECK(lstm_step(&layer, none, one_h, one_c, scratch) == LSTM_OK);
        CHECK(check_is_near((double)one_c[0], (double)start, 0.0, 1e-6));
        want = o * (activation == LSTM_LINEAR ? (double)start : tanh((double)start));
        if (fabs(want) < smallest * 0.9999) {
            CHECK(one_h[0] == 0.0f);
            zeros++;
        } else if (fabs(want) > smallest * 1.0001) {
            CHECK(check_is_near((double)one_h[0], want, 0.0, 2e-6));
            others++;
        }
    }
    CHECK(zeros > 100 && others > 100);
}

static void an_output_below_2_to_the_minus_100_becomes_zero(void)
{
    a_small_output_becomes_zero(LSTM_TANH, 1.0f);
    a_small_output_becomes_zero(LSTM_TANH, -1.0f);
    a_small_output_becomes_zero(LSTM_LINEAR, 1.0f);
    a_small_output_becomes_zero(LSTM_LINEAR, -1.0f);
}

/* Its softmax or log_softmax, or e^z: a layer whose bias is z */
static void activate(lstm_activation activation, const float *z, size_t n, float *y)
{
    const float none[150] = {0.0f}, nothing = 0.0f;
    lstm_dense dense = {0};
    dense.input_dim = 1;
    dense.units = n;
    dense.kernel = none;
    dense.bias = z;
    dense.activation = activation;
    CHECK(lstm_dense_forward(&dense, &nothing, 1, y) == LSTM_OK);
}

/* The sum of e^z has 16 parts that take turns. Its logarithm is so near 0 that another order of
 * the sum shows in it. */
static void the_sum_of_softmax_has_16_parts(void)
{
    uint64_t random = 8;
    for (size_t n = 1; n <= 150; n++) {
        float z[150], e[150], y[150], logs[150], sum;
        volatile float s[16] = {0.0f};
        for (size_t k = 0; k < n; k++) {
            z[k] = check_random_float(&random, 1.0f) - 5.0f;
        }
        z[n / 2] = 0.0f; /* the largest */
        activate(LSTM_EXPONENTIAL, z, n, e);
        for (size_t k = 0; k < n; k++) {
            s[k % 16] += e[k];
        }
        for (size_t half = 8; half > 0; half /= 2) {
            for (size_t k = 0; k < half; k++) {
                s[k] += s[k + half];
            }
        }
        sum = s[0];
        activate(LSTM_SOFTMAX, z, n, y);
        activate(LSTM_LOG_SOFTMAX, z, n, logs);
        for (size_t k = 0; k < n; k++) {
            CHECK(y[k] == e[k] / sum);
        }
        CHECK(check_is_near(-(double)logs[n / 2], log((double)sum), 0.0, 3e-7));
    }
}

static void softmax_of(const float *z, size_t n, float *y)
{
    static float identity[8 * 8];
    lstm_dense dense;
    memset(identity, 0, sizeof identity);
    for (size_t k = 0; k < n; k++) {
        identity[k * n + k] = 1.0f;
    }
    CHECK(lstm_dense_init_no_bias(&dense, n, n, identity, n * n) == LSTM_OK);
    dense.activation = LSTM_SOFTMAX;
    CHECK(lstm_dense_forward(&dense, z, 1, y) == LSTM_OK);
}

static void softmax_takes_huge_and_equal_inputs(void)
{
    const float huge[4] = {3e38f, -3e38f, 3e38f, 1.0f},
                equal[4] = {7.0f, 7.0f, 7.0f, 7.0f};
    float y[4];
    softmax_of(huge, 4, y);
    CHECK(y[0] == 0.5f && y[1] == 0.0f && y[2] == 0.5f && y[3] == 0.0f);
    softmax_of(equal, 4, y);
    CHECK(y[0] == 0.25f && y[1] == 0.25f && y[2] == 0.25f && y[3] == 0.25f);
}

/* `make endurance` takes 10^8 steps. */
static void a_hundred_thousand_steps_do_not_drift(void)
{
    double h_want[U] = {0}, c_want[U] = {0}, worst = 0.0;
    uint64_t seed = 5;
    set_up(0.5f, 1.0f);
    for (int step = 0; step < 100000; step++) {
        check_random_fill(x, D, 1.0f, &seed);
        lstm_step(&layer, x, h, c, scratch);
        reference_step(&layer, x, h_want, c_want);
        for (int u = 0; u < U; u++) {
            const double error = fabs((double)h[u] - h_want[u]);
            worst = error <= worst ? worst : error; /* a NaN stays */
        }
    }
    CHECK(worst < 1e-6);
}

int main(void)
{
    RUN(weights_of_1e30_saturate_the_gates);
    RUN(weights_and_input_whose_products_are_denormal_are_taken_as_they_are);
    RUN(a_weight_of_zero_makes_a_state_of_zero);
    RUN(an_infinite_input_saturates_the_gates);
    RUN(a_state_that_decays_becomes_zero);
    RUN(an_output_below_2_to_the_minus_100_becomes_zero);
    RUN(the_sum_of_softmax_has_16_parts);
    RUN(softmax_takes_huge_and_equal_inputs);
    RUN(a_hundred_thousand_steps_do_not_drift);
    return check_report();
}
