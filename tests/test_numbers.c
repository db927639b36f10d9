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
static void a_state_that_decays_becomes_zero(void)
{
    float decaying[LSTM_PARAM_COUNT(1, 1)] = {0.0f};
    float one_h[1] = {0.0f}, one_c[1] = {1.0f}, smallest = 1.0f;
    const float none[1] = {0.0f};
    CHECK(lstm_layer_init(&layer, 1, 1, decaying, LSTM_PARAM_COUNT(1, 1)) == LSTM_OK);
    for (int step = 0; step < 200; step++) {
        CHECK(lstm_step(&layer, none, one_h, one_c, scratch) == LSTM_OK);
        smallest = one_c[0] != 0.0f ? one_c[0] : smallest;
    }
    CHECK(smallest == 7.88860905e-31f); /* the forget gate halves it, down to 2^-100 */
    CHECK(one_c[0] == 0.0f && one_h[0] == 0.0f);
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
    RUN(softmax_takes_huge_and_equal_inputs);
    RUN(a_hundred_thousand_steps_do_not_drift);
    return check_report();
}
