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

enum { MOST_IN = 19, MOST_UNITS = 21, STEPS = 3, OUTPUTS = 3 };

/* Steps from a random state and a Dense layer on their h, next to the reference on plain weights:
 * h is not 0, so every weight plays a part. */
static void weights_with_turned_signs_are_read(size_t input_dim, size_t units,
                                               int has_bias)
{
    float x[STEPS * MOST_IN], h[MOST_UNITS], c[MOST_UNITS], y[OUTPUTS], y_want[OUTPUTS];
    float scratch[LSTM_SCRATCH_LEN(MOST_UNITS)];
    float dense_weights[LSTM_DENSE_PARAM_COUNT(MOST_UNITS, OUTPUTS)];
    double h_want[MOST_UNITS], c_want[MOST_UNITS];
    const size_t count = LSTM_PARAM_COUNT(input_dim, units);
    const size_t dense_count = LSTM_DENSE_PARAM_COUNT(units, OUTPUTS);
    uint64_t seed = 17 + units;
    lstm_layer layer;
    lstm_dense dense;
    random_layer(&layer, input_dim, units, &seed);
    check_random_fill(x, STEPS * input_dim, 1.0f, &seed);
    check_random_fill(h, units, 1.0f, &seed);
    check_random_fill(c, units, 1.0f, &seed);
    check_random_fill(dense_weights, dense_count, 0.5f, &seed);
    CHECK(lstm_dense_init(&dense, units, OUTPUTS, dense_weights, dense_count) == LSTM_OK);
    layer.bias = has_bias ? layer.bias : NULL;
    dense.bias = has_bias ? dense.bias : NULL;
    for (size_t u = 0; u < units; u++) {
        h_want[u] = (double)h[u];
        c_want[u] = (double)c[u];
    }
    for (size_t t = 0; t < STEPS; t++) {
        reference_step(&layer, x + t * input_dim, h_want, c_want);
    }
    turn_signs(layer.kernel, count);
    CHECK(lstm_step(&layer, x, h, c, scratch) == LSTM_OK);
    CHECK(lstm_forward(&layer, x + input_dim, STEPS - 1, h, c, NULL, scratch) == LSTM_OK);
    for (size_t u = 0; u < units; u++) {
        CHECK(check_is_near((double)h[u], h_want[u], 2e-6, 2e-6));
        CHECK(check_is_near((double)c[u], c_want[u], 2e-6, 2e-6));
    }
    reference_dense(&dense, h, y_want);
    turn_signs(dense_weights, dense_count);
    CHECK(lstm_dense_forward(&dense, h, 1, y) == LSTM_OK);
    CHECK_NEAR(y, y_want, OUTPUTS, 1e-6, 1e-6);
    free_layer(&layer);
}

static void every_weight_is_read_by_lstm_load(void)
{
    for (size_t units = 1; units <= MOST_UNITS; units++) {
        for (size_t input_dim = 1; input_dim <= MOST_IN; input_dim += 3) {
            weights_with_turned_signs_are_read(input_dim, units, 1);
            weights_with_turned_signs_are_read(input_dim, units, 0);
        }
    }
}

/* A batch in two directions, next to the reference */
static void a_batch_reads_its_weights_by_lstm_load(void)
{
    enum { D = 17, U = 6, B = 3, T = 9 };
    float x[B * T * D], h[2 * B * U] = {0}, c[2 * B * U] = {0}, y[B * T * 2 * U];
    float scratch[LSTM_BIDIRECTIONAL_SCRATCH_LEN(B, U, U)];
    uint64_t seed = 5;
    lstm_bidirectional both;
    random_layer(&both.forward, D, U, &seed);
    random_layer(&both.backward, D, U, &seed);
    check_random_fill(x, B * T * D, 1.0f, &seed);
    both.forward.return_sequences = both.backward.return_sequences = 1;
    both.merge = LSTM_MERGE_CONCAT;
    turn_signs(both.forward.kernel, LSTM_PARAM_COUNT(D, U));
    turn_signs(both.backward.kernel, LSTM_PARAM_COUNT(D, U));
    CHECK(lstm_bidirectional_forward(&both, x, NULL, B, T, h, c, y, scratch) == LSTM_OK);
    turn_signs(both.forward.kernel, LSTM_PARAM_COUNT(D, U));
    turn_signs(both.backward.kernel, LSTM_PARAM_COUNT(D, U));
    for (size_t half = 0; half < 2; half++) {
        const lstm_layer *layer = half == 0 ? &both.forward : &both.backward;
        for (size_t b = 0; b < B; b++) {
            double h_want[U] = {0}, c_want[U] = {0};
            for (size_t step = 0; step < T; step++) {
                const size_t t = half == 0 ? step : T - 1 - step;
                reference_step(layer, x + (b * T + t) * D, h_want, c_want);
                for (size_t u = 0; u < U; u++) {
                    CHECK(check_is_near((double)y[(b * T + t) * 2 * U + half * U + u],
                                        h_want[u], 2e-6, 2e-6));
                }
            }
        }
    }
    free_layer(&both.forward);
    free_layer(&both.backward);
}

int main(void)
{
    RUN(every_weight_is_read_by_lstm_load);
    RUN(a_batch_reads_its_weights_by_lstm_load);
    return check_report();
}
