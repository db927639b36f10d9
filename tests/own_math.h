/* own_math.h - tests of LSTM_EXPF and LSTM_TANHF, for test_expf.c, test_tanhf.c and
 * test_expf_tanhf.c, each of which defines OWN_EXPF, OWN_TANHF or both.
 *
 * What stands in for e^x is 2^x, and for tanh x it is x/(1 + |x|): no rounding of the built-in
 * ones comes near, so an output shows which was called. Each counts its calls by the sign of x. */
#ifndef OWN_MATH_H
#define OWN_MATH_H

#include "check.h"

static unsigned long calls_below_0, calls_from_0_on;

static inline void own_count(float x)
{
    calls_below_0 += x < 0.0f;
    calls_from_0_on += x >= 0.0f;
}

#ifdef OWN_EXPF
static inline float own_expf(float x)
{
    own_count(x);
    return exp2f(x);
}
#define LSTM_EXPF(x) own_expf(x)
#define OWN_EXP(x) exp2(x)
#else
#define OWN_EXP(x) exp(x)
#endif

#ifdef OWN_TANHF
static inline float own_tanhf(float x)
{
    own_count(x);
    return x / (1.0f + fabsf(x));
}
#define LSTM_TANHF(x) own_tanhf(x)
#define OWN_TANH(x) ((x) / (1.0 + fabs(x)))
#else
#define OWN_TANH(x) tanh(x)
#endif

#include "reference.h"

static inline double own_sigmoid(double x)
{
    return x < 0.0 ? OWN_EXP(x) / (1.0 + OWN_EXP(x)) : 1.0 / (1.0 + OWN_EXP(-x));
}

static double own_reference(lstm_activation activation, double x)
{
    switch (activation) {
    case LSTM_TANH: return OWN_TANH(x);
    case LSTM_SIGMOID: return own_sigmoid(x);
    case LSTM_SILU: return x * own_sigmoid(x);
    case LSTM_EXPONENTIAL: return OWN_EXP(x);
    default: return (double)NAN;
    }
}

static const lstm_activation own_activations[] = {LSTM_TANH, LSTM_SIGMOID, LSTM_SILU,
                                                  LSTM_EXPONENTIAL};

/* A Dense layer of so many units whose sums are z, followed by the activation */
static void own_activate(lstm_activation activation, const float *z, size_t n, float *y)
{
    static const float zeros[64] = {0.0f};
    const float x = 1.0f;
    lstm_dense dense;
    memset(&dense, 0, sizeof dense);
    dense.input_dim = 1;
    dense.units = n;
    dense.kernel = zeros;
    dense.bias = z;
    dense.activation = activation;
    CHECK(lstm_dense_forward(&dense, &x, 1, y) == LSTM_OK);
}

static void activations_use_it_below_and_above_0(void)
{
    float z[64], y[64];
    uint64_t seed = 1;
    for (size_t k = 0; k < sizeof own_activations / sizeof *own_activations; k++) {
        for (size_t n = 1; n <= 64; n++) {
            check_random_fill(z, n, n % 2 ? 3.0f : 25.0f, &seed);
            own_activate(own_activations[k], z, n, y);
            for (size_t u = 0; u < n; u++) {
                const double want = own_reference(own_activations[k], (double)z[u]);
                CHECK(check_is_near((double)y[u], want, 1e-7, 4e-7));
            }
        }
    }
}

static void far_out_it_saturates_and_gives_no_nan(void)
{
    const float z[6] = {1000.0f, -1000.0f, INFINITY, -INFINITY, 3e38f, -3e38f};
    float y[6];
    own_activate(LSTM_SIGMOID, z, 6, y);
    for (size_t k = 0; k < 6; k++) {
        CHECK(y[k] == (k % 2 == 0 ? 1.0f : 0.0f));
    }
#ifndef OWN_TANHF
    own_activate(LSTM_TANH, z, 6, y);
    for (size_t k = 0; k < 6; k++) {
        CHECK(y[k] == (k % 2 == 0 ? 1.0f : -1.0f));
    }
#endif
}

/* The smallest values keep their digits: as 1/(1 + e^-x) or 1/e^-x they would be 0. */
static void tails_are_as_small_as_a_float_can_be(void)
{
#ifdef OWN_EXPF
    const float z[3] = {-127.25f, -140.5f, -147.75f};
#else
    const float z[3] = {-88.75f, -95.5f, -102.5f};
#endif
    float y[3];
    for (int a = 0; a < 2; a++) {
        own_activate(a == 0 ? LSTM_SIGMOID : LSTM_EXPONENTIAL, z, 3, y);
        for (size_t k = 0; k < 3; k++) {
            const double want =
                a == 0 ? own_sigmoid((double)z[k]) : OWN_EXP((double)z[k]);
            CHECK(check_is_near((double)y[k], want, 1.5e-45, 4e-7));
            CHECK(y[k] > 0.0f);
        }
    }
}

static void softmax_of_logits_uses_it(void)
{
    float z[40], y[40];
    uint64_t seed = 2;
    for (size_t n = 1; n <= 40; n++) {
        double largest = -HUGE_VAL, sum = 0.0;
        check_random_fill(z, n, 4.0f, &seed);
        for (size_t u = 0; u < n; u++) {
            largest = fmax(largest, (double)z[u]);
        }
        for (size_t u = 0; u < n; u++) {
            sum += OWN_EXP((double)z[u] - largest);
        }
        own_activate(LSTM_SOFTMAX, z, n, y);
        for (size_t u = 0; u < n; u++) {
            const double want = OWN_EXP((double)z[u] - largest) / sum;
            CHECK(check_is_near((double)y[u], want, 1e-7, 1e-6));
        }
    }
}

/* One step of keras.layers.LSTMCell, with what stands in; activation: LSTM_DEFAULT or one that
 * is named */
static void own_step(const lstm_layer *layer, const float *x, double *h, double *c)
{
    const size_t units = layer->units, columns = 4 * units;
    double *z = (double *)check_alloc(columns, sizeof *z);
    for (size_t j = 0; j < columns; j++) {
        z[j] = (double)layer->bias[j];
        for (size_t k = 0; k < layer->input_dim; k++) {
            z[j] += (double)x[k] * (double)layer->kernel[k * columns + j];
        }
        for (size_t k = 0; k < units; k++) {
            z[j] += h[k] * (double)layer->recurrent_kernel[k * columns + j];
        }
    }
    for (size_t u = 0; u < units; u++) {
        c[u] = own_sigmoid(z[units + u]) * c[u] +
               own_sigmoid(z[u]) * OWN_TANH(z[2 * units + u]);
        h[u] = own_sigmoid(z[3 * units + u]) * OWN_TANH(c[u]);
    }
    free(z);
}

enum { OWN_BATCH = 5, OWN_STEPS = 4, OWN_IN = 18, OWN_UNITS = 40 };

/* One layer over a batch in which gates are far below and far above 0 */
static void own_layer(size_t input_dim, size_t units, lstm_activation activation,
                      lstm_activation recurrent_activation)
{
    static float x[OWN_BATCH * OWN_STEPS * OWN_IN],
        scratch[LSTM_BATCH_SCRATCH_LEN(OWN_BATCH, OWN_UNITS)];
    static float h[OWN_BATCH * OWN_UNITS], c[OWN_BATCH * OWN_UNITS];
    lstm_layer layer;
    uint64_t seed = 40 * input_dim + units;
    random_layer(&layer, input_dim, units, &seed);
    layer.activation = activation;
    layer.recurrent_activation = recurrent_activation;
    check_random_fill(x, OWN_BATCH * OWN_STEPS * input_dim, 6.0f, &seed);
    memset(h, 0, sizeof h);
    memset(c, 0, sizeof c);
    CHECK(lstm_forward_batch(&layer, x, NULL, OWN_BATCH, OWN_STEPS, h, c, NULL,
                             scratch) == LSTM_OK);
    for (size_t b = 0; b < OWN_BATCH; b++) {
        double h_want[OWN_UNITS] = {0.0}, c_want[OWN_UNITS] = {0.0};
        for (size_t t = 0; t < OWN_STEPS; t++) {
            own_step(&layer, x + (b * OWN_STEPS + t) * input_dim, h_want, c_want);
        }
        for (size_t u = 0; u < units; u++) {
            CHECK(check_is_near((double)h[b * units + u], h_want[u], 2e-6, 2e-6));
            CHECK(check_is_near((double)c[b * units + u], c_want[u], 2e-6, 2e-6));
        }
    }
    free_layer(&layer);
}

/* No vector kernel stands in for what the program has defined, whatever the width. */
static void layers_of_any_width_use_it(void)
{
    for (size_t units = 1; units <= OWN_UNITS; units++) {
        own_layer(1 + units % 3, units, LSTM_DEFAULT, LSTM_DEFAULT);
        own_layer(OWN_IN, units, LSTM_TANH, LSTM_SIGMOID);
    }
}

/* Each gate of each unit of each step is an argument, on both sides of 0. */
static void it_is_called_for_every_gate(void)
{
    const unsigned long cells = OWN_BATCH * OWN_STEPS * 33;
    calls_below_0 = calls_from_0_on = 0;
    own_layer(7, 33, LSTM_DEFAULT, LSTM_DEFAULT);
#ifdef OWN_TANHF
    CHECK(calls_below_0 + calls_from_0_on >= 2 * cells);
    CHECK(calls_below_0 > cells / 4 && calls_from_0_on > cells / 4);
#endif
#ifdef OWN_EXPF
    CHECK(calls_below_0 + calls_from_0_on >= 3 * cells);
#endif
}

int main(void)
{
    RUN(activations_use_it_below_and_above_0);
    RUN(far_out_it_saturates_and_gives_no_nan);
    RUN(tails_are_as_small_as_a_float_can_be);
    RUN(softmax_of_logits_uses_it);
    RUN(layers_of_any_width_use_it);
    RUN(it_is_called_for_every_gate);
    return check_report();
}

#endif
