/* One step of the cell, and sequences of them, against the float64 reference. */
#include "reference.h"

#define MAX_UNITS 70

/* `steps` steps of a random layer from a random state, each compared with the reference. */
static void compare_steps(lstm_layer *layer, size_t steps, uint64_t *seed)
{
    const size_t units = layer->units;
    float *x = NEW_FLOATS(layer->input_dim),
          *scratch = NEW_FLOATS(LSTM_SCRATCH_LEN(units));
    float h[MAX_UNITS], c[MAX_UNITS], want[MAX_UNITS];
    double h64[MAX_UNITS], c64[MAX_UNITS];
    check_random_fill(h, units, 1.0f, seed);
    check_random_fill(c, units, 1.0f, seed);
    for (size_t step = 0; step < steps; step++) {
        for (size_t u = 0; u < units;
             u++) { /* from the same state, so errors do not add up */
            h64[u] = (double)h[u];
            c64[u] = (double)c[u];
        }
        check_random_fill(x, layer->input_dim, 1.0f, seed);
        reference_step(layer, x, h64, c64);
        CHECK(lstm_step(layer, x, h, c, scratch) == LSTM_OK);
        for (size_t u = 0; u < units; u++) {
            want[u] = (float)h64[u];
        }
        CHECK_NEAR(h, want, units, 1e-6, 1e-6);
        for (size_t u = 0; u < units; u++) {
            want[u] = (float)c64[u];
        }
        CHECK_NEAR(c, want, units, 1e-6, 1e-6);
    }
    free(x);
    free(scratch);
}

static void a_step_matches_the_reference_for_every_size(void)
{
    uint64_t seed = 1;
    for (size_t units = 1; units <= MAX_UNITS; units++) {
        lstm_layer layer;
        random_layer(&layer, 1 + units * 7 % 23, units, &seed);
        compare_steps(&layer, 2, &seed);
        layer.bias = NULL;
        compare_steps(&layer, 2, &seed);
        free_layer(&layer);
    }
}

static void every_activation_works_in_both_places(void)
{
    uint64_t seed = 2;
    lstm_layer layer;
    random_layer(&layer, 5, 6, &seed);
    for (int a = LSTM_DEFAULT; a <= LSTM_LOG_SOFTMAX; a++) {
        layer.activation = (lstm_activation)a;
        layer.recurrent_activation = LSTM_DEFAULT;
        compare_steps(&layer, 3, &seed);
        layer.activation = LSTM_DEFAULT;
        layer.recurrent_activation = (lstm_activation)a;
        compare_steps(&layer, 3, &seed);
    }
    free_layer(&layer);
}

/* LSTM_TANH and LSTM_SIGMOID where they are the default: one without the other, too */
static void the_default_activations_by_name_give_the_same_bits(void)
{
    enum { D = 3, U = 11 };
    uint64_t seed = 6;
    float x[D], start[2][U], want[2][U], scratch[LSTM_SCRATCH_LEN(U)];
    lstm_layer layer;
    random_layer(&layer, D, U, &seed);
    check_random_fill(x, D, 2.0f, &seed);
    check_random_fill(start[0], U, 1.0f, &seed);
    check_random_fill(start[1], U, 1.0f, &seed);
    memcpy(want, start, sizeof want);
    CHECK(lstm_step(&layer, x, want[0], want[1], scratch) == LSTM_OK);
    for (int named = 1; named < 4; named++) {
        float state[2][U];
        memcpy(state, start, sizeof state);
        layer.activation = named & 1 ? LSTM_TANH : LSTM_DEFAULT;
        layer.recurrent_activation = named & 2 ? LSTM_SIGMOID : LSTM_DEFAULT;
        CHECK(lstm_step(&layer, x, state[0], state[1], scratch) == LSTM_OK);
        CHECK_BITS(state[0], want[0], U);
        CHECK_BITS(state[1], want[1], U);
    }
    free_layer(&layer);
}

/* The three weight arrays of a layer need not stand in a row. */
static void weights_may_lie_anywhere(void)
{
    enum { D = 3, U = 11, KERNEL = D * 4 * U, RECURRENT = U * 4 * U, BIAS = 4 * U };
    static float apart[BIAS + 1 + RECURRENT + 1 + KERNEL];
    uint64_t seed = 7;
    float x[2 * D], want[2][U] = {{0}}, got[2][U] = {{0}}, scratch[LSTM_SCRATCH_LEN(U)];
    lstm_layer layer, other;
    random_layer(&layer, D, U, &seed);
    check_random_fill(x, 2 * D, 2.0f, &seed);
    other = layer;
    other.bias = apart;
    other.recurrent_kernel = apart + BIAS + 1;
    other.kernel = other.recurrent_kernel + RECURRENT + 1;
    memcpy(apart, layer.bias, BIAS * sizeof(float));
    memcpy(apart + BIAS + 1, layer.recurrent_kernel, RECURRENT * sizeof(float));
    memcpy(apart + BIAS + RECURRENT + 2, layer.kernel, KERNEL * sizeof(float));
    CHECK(lstm_forward(&layer, x, 2, want[0], want[1], NULL, scratch) == LSTM_OK);
    CHECK(lstm_forward(&other, x, 2, got[0], got[1], NULL, scratch) == LSTM_OK);
    CHECK_BITS(got[0], want[0], U);
    CHECK_BITS(got[1], want[1], U);
    free_layer(&layer);
}

/* A cell small enough to do by hand: units 1, input_dim 1, no bias. */
static void the_gates_stand_in_the_order_i_f_c_o(void)
{
    const float kernel[4] = {1.0f, 2.0f, 3.0f, 4.0f}, recurrent[4] = {0.0f};
    const float x = 0.25f;
    float h = 0.0f, c = 0.5f, scratch[LSTM_SCRATCH_LEN(1)], want;
    lstm_layer layer = {0};
    layer.input_dim = layer.units = 1;
    layer.kernel = kernel;
    layer.recurrent_kernel = recurrent;
    layer.activation = layer.recurrent_activation = LSTM_LINEAR;
    CHECK(lstm_step(&layer, &x, &h, &c, scratch) == LSTM_OK);
    want = 0.5f * 0.5f + 0.25f * 0.75f; /* f*c + i*g */
    CHECK_BITS(&c, &want, 1);
    want = 1.0f * want; /* o*c' */
    CHECK_BITS(&h, &want, 1);
}

/* Whether a product and its sum are rounded at once: seen in a Dense layer of one unit, whose
 * products 0 and 8 share a sum. */
static int products_are_fused(void)
{
    const float x = 1.0f + 0x1p-12f, rounded = 1.0f + 0x1p-11f;
    float weights[9] = {0.0f}, nine[9] = {0.0f}, y;
    lstm_dense dense;
    weights[0] = rounded;
    nine[0] = -1.0f;
    weights[8] = nine[8] = x;
    CHECK(lstm_dense_init_no_bias(&dense, 9, 1, weights, 9) == LSTM_OK);
    CHECK(lstm_dense_forward(&dense, nine, 1, &y) == LSTM_OK);
    CHECK(y == 0.0f || y == 0x1p-24f);
    return y != 0.0f;
}

/* f*c + i*g is one more sum of that kind. From a c of 0 it is i*g alone. */
static void the_new_c_is_rounded_like_any_sum(void)
{
    const int is_fused = products_are_fused();
    uint64_t seed = 5;
    int others = 0;
    for (int a = 0; a < 200; a++) {
        const float x = 1.0f;
        float weights[LSTM_PARAM_COUNT(1, 1)] = {0.0f}, scratch[LSTM_SCRATCH_LEN(1)];
        float h = 0.0f, i_g = 0.0f, c = check_random_float(&seed, 1.0f), f, want;
        const float old_c = c;
        volatile float product;
        lstm_layer layer;
        lstm_dense sigmoid = {0};
        check_random_fill(weights, 4, 1.0f, &seed);
        CHECK(lstm_layer_init(&layer, 1, 1, weights, LSTM_PARAM_COUNT(1, 1)) == LSTM_OK);
        layer.activation = a % 2 ? LSTM_LINEAR : LSTM_DEFAULT;
        CHECK(lstm_step(&layer, &x, &h, &i_g, scratch) == LSTM_OK);
        CHECK(lstm_step(&layer, &x, &h, &c, scratch) == LSTM_OK);
        sigmoid.input_dim = sigmoid.units = 1;
        sigmoid.kernel = weights + 1;
        sigmoid.activation = LSTM_SIGMOID;
        CHECK(lstm_dense_forward(&sigmoid, &x, 1, &f) == LSTM_OK);
        product = f * old_c;
        product = product + i_g;
        want = is_fused ? fmaf(f, old_c, i_g) : product;
        CHECK(c == want);
        others += fmaf(f, old_c, i_g) != product;
    }
    CHECK(others > 10);
}

static void a_nan_in_x_reaches_the_state(void)
{
    uint64_t seed = 3;
    float x[5] = {0.0f, 0.0f, NAN, 0.0f, 0.0f}, h[6] = {0}, c[6] = {0}, scratch[24];
    lstm_layer layer;
    random_layer(&layer, 5, 6, &seed);
    CHECK(lstm_step(&layer, x, h, c, scratch) == LSTM_OK);
    for (size_t u = 0; u < 6; u++) {
        CHECK(isnan(h[u]) && isnan(c[u]));
    }
    free_layer(&layer);
}

static void the_content_of_scratch_does_not_matter(void)
{
    uint64_t seed = 4;
    float x[5], h[2][6] = {{0}}, c[2][6] = {{0}}, scratch[2][24];
    lstm_layer layer;
    random_layer(&layer, 5, 6, &seed);
    check_random_fill(x, 5, 1.0f, &seed);
    for (size_t k = 0; k < 24; k++) {
        scratch[0][k] = NAN;
        scratch[1][k] = 1e30f;
    }
    for (size_t k = 0; k < 2; k++) {
        CHECK(lstm_step(&layer, x, h[k], c[k], scratch[k]) == LSTM_OK);
    }
    CHECK_BITS(h[0], h[1], 6);
    CHECK_BITS(c[0], c[1], 6);
    CHECK(h[0][0] == h[0][0]);
    free_layer(&layer);
}

int main(void)
{
    RUN(a_step_matches_the_reference_for_every_size);
    RUN(every_activation_works_in_both_places);
    RUN(the_default_activations_by_name_give_the_same_bits);
    RUN(weights_may_lie_anywhere);
    RUN(the_gates_stand_in_the_order_i_f_c_o);
    RUN(the_new_c_is_rounded_like_any_sum);
    RUN(a_nan_in_x_reaches_the_state);
    RUN(the_content_of_scratch_does_not_matter);
    return check_report();
}
