/* LSTM_LOAD reads every weight and nothing else: here the weights lie in memory with their sign
 * turned, and the reading turns it back. */
#define LSTM_LOAD(p) (-*(p))
#include "check.h"
#include "lstm.h"
#include "reference.h"

static void turn_signs(const float *weights, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        ((float *)(uintptr_t)weights)[k] = -weights[k];
    }
}

/* A step and a Dense layer on its h, with these units, next to the reference on plain weights */
static void weights_with_turned_signs_are_read(size_t units, int has_bias)
{
    enum { D = 3, OUTPUTS = 2, MOST_UNITS = 9 };
    float x[D], h[MOST_UNITS] = {0}, c[MOST_UNITS] = {0},
                scratch[LSTM_SCRATCH_LEN(MOST_UNITS)];
    float dense_weights[LSTM_DENSE_PARAM_COUNT(MOST_UNITS, OUTPUTS)], y[OUTPUTS],
        y_want[OUTPUTS];
    double h_want[MOST_UNITS] = {0}, c_want[MOST_UNITS] = {0};
    const size_t count = LSTM_PARAM_COUNT(D, units);
    const size_t dense_count = LSTM_DENSE_PARAM_COUNT(units, OUTPUTS);
    uint64_t seed = 17 + units;
    lstm_layer layer;
    lstm_dense dense;
    random_layer(&layer, D, units, &seed);
    check_random_fill(x, D, 1.0f, &seed);
    check_random_fill(dense_weights, dense_count, 0.5f, &seed);
    CHECK(lstm_dense_init(&dense, units, OUTPUTS, dense_weights, dense_count) == LSTM_OK);
    layer.bias = has_bias ? layer.bias : NULL;
    dense.bias = has_bias ? dense.bias : NULL;
    reference_step(&layer, x, h_want, c_want);
    turn_signs(layer.kernel, count);
    CHECK(lstm_step(&layer, x, h, c, scratch) == LSTM_OK);
    for (size_t u = 0; u < units; u++) {
        CHECK(check_is_near((double)h[u], h_want[u], 1e-6, 1e-6));
        CHECK(check_is_near((double)c[u], c_want[u], 1e-6, 1e-6));
    }
    reference_dense(&dense, h, y_want);
    turn_signs(dense_weights, dense_count);
    CHECK(lstm_dense_forward(&dense, h, 1, y) == LSTM_OK);
    CHECK_NEAR(y, y_want, OUTPUTS, 1e-6, 1e-6);
    free_layer(&layer);
}

static void every_weight_is_read_by_lstm_load(void)
{
    for (size_t units = 1; units <= 9; units++) {
        weights_with_turned_signs_are_read(units, 1);
        weights_with_turned_signs_are_read(units, 0);
    }
}

int main(void)
{
    RUN(every_weight_is_read_by_lstm_load);
    return check_report();
}
