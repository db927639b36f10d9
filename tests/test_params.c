/* Parameter counts: the macros, the functions, and which weight arrays are accepted. */
#include "check.h"
#include "lstm.h"

/* Usable as array bounds, and known to the compiler. */
static float bound[LSTM_PARAM_COUNT(5, 10)];
typedef char lstm_10_on_5_features_has_640[sizeof bound == 640 * sizeof(float) ? 1 : -1];
typedef char count_is_size_t[sizeof(LSTM_PARAM_COUNT(1, 1)) == sizeof(size_t) ? 1 : -1];

static void lstm_of_10_on_5_features_has_640_parameters(void)
{
    lstm_layer layer;
    CHECK(LSTM_PARAM_COUNT(5, 10) == 640);
    CHECK(lstm_layer_init(&layer, 5, 10, bound, 640) == LSTM_OK);
    CHECK(lstm_param_count(&layer) == 640);
}

static void the_timesteps_do_not_change_the_count(void)
{
    static float x[100 * 5], h[10], c[10], scratch[LSTM_SCRATCH_LEN(10)];
    lstm_layer layer;
    CHECK(lstm_layer_init(&layer, 5, 10, bound, 640) == LSTM_OK);
    CHECK(lstm_forward(&layer, x, 13, h, c, NULL, scratch) == LSTM_OK);
    CHECK(lstm_param_count(&layer) == 640);
    CHECK(lstm_forward(&layer, x, 100, h, c, NULL, scratch) == LSTM_OK);
    CHECK(lstm_param_count(&layer) == 640);
}

static void the_model_everyone_starts_from_has_12482(void)
{
    CHECK(LSTM_PARAM_COUNT(64, 32) == 12416);
    CHECK(LSTM_DENSE_PARAM_COUNT(32, 2) == 66);
    CHECK(LSTM_PARAM_COUNT(64, 32) + LSTM_DENSE_PARAM_COUNT(32, 2) == 12482);
}

static void the_count_is_the_formula_of_keras(void)
{
    for (size_t input_dim = 1; input_dim < 40; input_dim++) {
        for (size_t units = 1; units < 40; units++) {
            const size_t with_bias = 4 * units * (input_dim + units + 1);
            lstm_layer layer = {0};
            layer.input_dim = input_dim;
            layer.units = units;
            CHECK(lstm_param_count(&layer) == with_bias - 4 * units);
            layer.bias = bound;
            CHECK(lstm_param_count(&layer) == with_bias);
            CHECK(LSTM_PARAM_COUNT(input_dim, units) == with_bias);
            CHECK(LSTM_PARAM_COUNT_NO_BIAS(input_dim, units) == with_bias - 4 * units);
        }
    }
}

static void a_macro_argument_may_be_an_expression(void)
{
    CHECK(LSTM_PARAM_COUNT(2 + 3, 4 + 6) == 640);
    CHECK(LSTM_PARAM_COUNT_NO_BIAS(2 + 3, 4 + 6) == 600);
    CHECK(LSTM_DENSE_PARAM_COUNT(30 + 2, 1 + 1) == 66);
    CHECK(LSTM_SCRATCH_LEN(4 + 6) == LSTM_SCRATCH_LEN(10));
    CHECK(LSTM_BATCH_SCRATCH_LEN(1 + 1, 4 + 6) == LSTM_BATCH_SCRATCH_LEN(2, 10));
    CHECK(LSTM_BIDIRECTIONAL_SCRATCH_LEN(1 + 1, 4 + 6, 2 + 1) ==
          LSTM_BIDIRECTIONAL_SCRATCH_LEN(2, 10, 3));
}

static void sizes_of_type_int_do_not_overflow(void)
{
    const int input_dim = 30000, units = 30000;
    CHECK(LSTM_PARAM_COUNT(input_dim, units) == (size_t)120000 * 60001);
    CHECK(LSTM_DENSE_PARAM_COUNT(60000, 60000) == (size_t)60000 * 60001);
}

static void bidirectional_scratch_serves_the_larger_half(void)
{
    CHECK(LSTM_BIDIRECTIONAL_SCRATCH_LEN(2, 3, 10) == LSTM_BATCH_SCRATCH_LEN(2, 10));
    CHECK(LSTM_BIDIRECTIONAL_SCRATCH_LEN(2, 10, 3) == LSTM_BATCH_SCRATCH_LEN(2, 10));
}

static void init_binds_the_weights_in_the_order_of_get_weights(void)
{
    lstm_layer layer;
    memset(&layer, 0x55, sizeof layer);
    CHECK(lstm_layer_init(&layer, 5, 10, bound, 640) == LSTM_OK);
    CHECK(layer.input_dim == 5 && layer.units == 10);
    CHECK(layer.kernel == bound);
    CHECK(layer.recurrent_kernel == bound + 5 * 40);
    CHECK(layer.bias == bound + 15 * 40);
    CHECK(layer.activation == LSTM_DEFAULT && layer.recurrent_activation == LSTM_DEFAULT);
    CHECK(!layer.return_sequences && !layer.go_backwards && !layer.zero_output_for_mask);
}

static void init_without_bias_leaves_bias_null(void)
{
    lstm_layer layer;
    lstm_dense dense;
    CHECK(lstm_layer_init_no_bias(&layer, 5, 10, bound, 600) == LSTM_OK);
    CHECK(layer.bias == NULL && layer.recurrent_kernel == bound + 5 * 40);
    CHECK(lstm_param_count(&layer) == 600);
    CHECK(lstm_dense_init_no_bias(&dense, 10, 2, bound, 20) == LSTM_OK);
    CHECK(dense.bias == NULL);
    CHECK(lstm_dense_param_count(&dense) == 20);
}

static void dense_init_binds_kernel_and_bias(void)
{
    lstm_dense dense;
    memset(&dense, 0x55, sizeof dense);
    CHECK(lstm_dense_init(&dense, 10, 2, bound, 22) == LSTM_OK);
    CHECK(dense.input_dim == 10 && dense.units == 2);
    CHECK(dense.kernel == bound && dense.bias == bound + 20);
    CHECK(dense.activation == LSTM_DEFAULT);
    CHECK(lstm_dense_param_count(&dense) == 22);
}

static void any_other_weight_count_is_refused(void)
{
    for (size_t count = 0; count < 1300; count++) {
        lstm_layer layer, before;
        lstm_dense dense, dense_before;
        lstm_status status;
        memset(&before, 0x5a, sizeof before);
        memset(&dense_before, 0x5a, sizeof dense_before);
        layer = before;
        dense = dense_before;
        status = lstm_layer_init(&layer, 5, 10, bound, count);
        CHECK(status == (count == 640 ? LSTM_OK : LSTM_ERR_WEIGHT_COUNT));
        CHECK(status == LSTM_OK || memcmp(&layer, &before, sizeof layer) == 0);
        layer = before;
        status = lstm_layer_init_no_bias(&layer, 5, 10, bound, count);
        CHECK(status == (count == 600 ? LSTM_OK : LSTM_ERR_WEIGHT_COUNT));
        CHECK(status == LSTM_OK || memcmp(&layer, &before, sizeof layer) == 0);
        status = lstm_dense_init(&dense, 10, 60, bound, count);
        CHECK(status == (count == 660 ? LSTM_OK : LSTM_ERR_WEIGHT_COUNT));
        CHECK(status == LSTM_OK || memcmp(&dense, &dense_before, sizeof dense) == 0);
        dense = dense_before;
        status = lstm_dense_init_no_bias(&dense, 10, 60, bound, count);
        CHECK(status == (count == 600 ? LSTM_OK : LSTM_ERR_WEIGHT_COUNT));
        CHECK(status == LSTM_OK || memcmp(&dense, &dense_before, sizeof dense) == 0);
    }
}

typedef lstm_status (*layer_binder)(lstm_layer *, size_t, size_t, const float *, size_t);
typedef lstm_status (*dense_binder)(lstm_dense *, size_t, size_t, const float *, size_t);

/* The layer is bound by `own` weights alone, and untouched with this other count. */
static void layer_takes_only_its_own(layer_binder bind, size_t input_dim, size_t units,
                                     size_t own, size_t other)
{
    lstm_layer layer, before;
    lstm_status status;
    memset(&before, 0x5a, sizeof before);
    layer = before;
    status = bind(&layer, input_dim, units, bound, other);
    CHECK(status == (other == own ? LSTM_OK : LSTM_ERR_WEIGHT_COUNT));
    CHECK(other == own ? layer.input_dim == input_dim && layer.units == units
                       : memcmp(&layer, &before, sizeof layer) == 0);
}

static void dense_takes_only_its_own(dense_binder bind, size_t input_dim, size_t units,
                                     size_t own, size_t other)
{
    lstm_dense layer, before;
    lstm_status status;
    memset(&before, 0x5a, sizeof before);
    layer = before;
    status = bind(&layer, input_dim, units, bound, other);
    CHECK(status == (other == own ? LSTM_OK : LSTM_ERR_WEIGHT_COUNT));
    CHECK(other == own ? layer.input_dim == input_dim && layer.units == units
                       : memcmp(&layer, &before, sizeof layer) == 0);
}

/* The counts of layers that are a feature or a unit larger or smaller, with and without bias: some
 * of them are the same number, and a size that is one off must not get through. */
static void the_weights_of_a_neighbour_are_refused(void)
{
    for (size_t d = 1; d <= 9; d++) {
        for (size_t u = 1; u <= 9; u++) {
            for (size_t k = 0; k < 9; k++) {
                const size_t nd = d + k % 3 - 1, nu = u + k / 3 - 1;
                for (int bias = 0; bias < 2; bias++) {
                    const size_t other = bias ? LSTM_PARAM_COUNT(nd, nu)
                                              : LSTM_PARAM_COUNT_NO_BIAS(nd, nu);
                    const size_t dense = nu * nd + (bias ? nu : 0);
                    layer_takes_only_its_own(lstm_layer_init, d, u,
                                             LSTM_PARAM_COUNT(d, u), other);
                    layer_takes_only_its_own(lstm_layer_init_no_bias, d, u,
                                             LSTM_PARAM_COUNT_NO_BIAS(d, u), other);
                    dense_takes_only_its_own(lstm_dense_init, d, u,
                                             LSTM_DENSE_PARAM_COUNT(d, u), dense);
                    dense_takes_only_its_own(lstm_dense_init_no_bias, d, u, d * u, dense);
                }
            }
        }
    }
}

static void an_input_dim_one_too_large_is_no_layer_without_bias(void)
{
    lstm_layer layer;
    lstm_dense dense;
    CHECK(LSTM_PARAM_COUNT(5, 10) == LSTM_PARAM_COUNT_NO_BIAS(6, 10));
    CHECK(lstm_layer_init(&layer, 6, 10, bound, LSTM_PARAM_COUNT(5, 10)) ==
          LSTM_ERR_WEIGHT_COUNT);
    CHECK(lstm_layer_init_no_bias(&layer, 4, 10, bound, LSTM_PARAM_COUNT(5, 10)) ==
          LSTM_ERR_WEIGHT_COUNT);
    CHECK(lstm_dense_init(&dense, 6, 10, bound, LSTM_DENSE_PARAM_COUNT(5, 10)) ==
          LSTM_ERR_WEIGHT_COUNT);
}

static void each_status_has_words_of_its_own(void)
{
    for (int a = LSTM_ERR_WEIGHT_COUNT; a <= LSTM_OK; a++) {
        for (int b = LSTM_ERR_WEIGHT_COUNT - 1; b < a; b++) {
            CHECK(strcmp(lstm_status_string((lstm_status)a),
                         lstm_status_string((lstm_status)b)) != 0);
        }
    }
}

/* With bias the count would be one row more than size_t can say. */
static void the_last_count_that_fits_without_bias(void)
{
    const size_t most = (size_t)-1;
    lstm_layer layer = {0};
    lstm_dense dense = {0};
    for (size_t units = 1; units <= 64; units *= 2) {
        const size_t rows = most / (4 * units); /* of 4*units weights each */
        layer.units = units;
        layer.input_dim = rows - units;
        layer.bias = NULL;
        CHECK(lstm_param_count(&layer) == rows * 4 * units);
        layer.bias = bound;
        CHECK(lstm_param_count(&layer) == 0);
        layer.input_dim--;
        CHECK(lstm_param_count(&layer) == rows * 4 * units);
        layer.input_dim += 2;
        layer.bias = NULL;
        CHECK(lstm_param_count(&layer) == 0);
    }
    for (dense.units = 1; dense.units <= 64; dense.units++) {
        dense.input_dim = most / dense.units;
        dense.bias = NULL;
        CHECK(lstm_dense_param_count(&dense) == dense.input_dim * dense.units);
        dense.bias = bound;
        CHECK(lstm_dense_param_count(&dense) == 0);
        dense.input_dim--;
        CHECK(lstm_dense_param_count(&dense) == (dense.input_dim + 1) * dense.units);
    }
}

static void a_count_that_does_not_fit_is_zero(void)
{
    const size_t most = (size_t)-1;
    lstm_layer layer = {0};
    lstm_dense dense = {0};
    CHECK(lstm_param_count(NULL) == 0 && lstm_dense_param_count(NULL) == 0);
    layer.units = 1;
    CHECK(lstm_param_count(&layer) == 0);
    layer.input_dim = most - 1;
    CHECK(lstm_param_count(&layer) == 0);
    layer.input_dim = most / 4 - 1;
    CHECK(lstm_param_count(&layer) == most / 4 * 4);
    layer.bias = bound;
    CHECK(lstm_param_count(&layer) == 0);
    layer.bias = NULL;
    layer.input_dim = most;
    CHECK(lstm_param_count(&layer) == 0);
    layer.input_dim = 1;
    layer.units = most / 4 + 1;
    CHECK(lstm_param_count(&layer) == 0);
    layer.units = 0;
    CHECK(lstm_param_count(&layer) == 0);
    dense.input_dim = 3;
    dense.units = most / 3;
    CHECK(lstm_dense_param_count(&dense) == most / 3 * 3);
    dense.bias = bound;
    CHECK(lstm_dense_param_count(&dense) == 0);
    dense.input_dim = most; /* with the bias 0 rows, for all size_t can say */
    CHECK(lstm_dense_param_count(&dense) == 0);
    dense.units = 1;
    CHECK(lstm_dense_param_count(&dense) == 0);
    dense.input_dim = 0;
    CHECK(lstm_dense_param_count(&dense) == 0);
}

int main(void)
{
    RUN(lstm_of_10_on_5_features_has_640_parameters);
    RUN(the_timesteps_do_not_change_the_count);
    RUN(the_model_everyone_starts_from_has_12482);
    RUN(the_count_is_the_formula_of_keras);
    RUN(a_macro_argument_may_be_an_expression);
    RUN(sizes_of_type_int_do_not_overflow);
    RUN(bidirectional_scratch_serves_the_larger_half);
    RUN(init_binds_the_weights_in_the_order_of_get_weights);
    RUN(init_without_bias_leaves_bias_null);
    RUN(dense_init_binds_kernel_and_bias);
    RUN(any_other_weight_count_is_refused);
    RUN(the_weights_of_a_neighbour_are_refused);
    RUN(an_input_dim_one_too_large_is_no_layer_without_bias);
    RUN(each_status_has_words_of_its_own);
    RUN(the_last_count_that_fits_without_bias);
    RUN(a_count_that_does_not_fit_is_zero);
    return check_report();
}
