/* `make endurance`: STEPS steps (10^8) of one stream next to a reference in double, and what a step
 * costs while the state is stuck in the denormals.
 *
 *   endurance [STEPS] */
#define _POSIX_C_SOURCE 200809L
#include <time.h>
#include "check.h"
#include "lstm.h"

enum { D = 1, U = 4, COLUMNS = 4 * U };
static const double most_drift = 1e-6;

static double sigmoid(double z)
{
    return 1.0 / (1.0 + exp(-z));
}

/* The step of tests/reference.h without its allocations and options */
static void step_in_double(const lstm_layer *layer, float x, double *h, double *c)
{
    double z[COLUMNS];
    for (int j = 0; j < COLUMNS; j++) {
        z[j] = (double)layer->bias[j] + (double)x * (double)layer->kernel[j];
        for (int u = 0; u < U; u++) {
            z[j] += h[u] * (double)layer->recurrent_kernel[u * COLUMNS + j];
        }
    }
    for (int u = 0; u < U; u++) {
        c[u] = sigmoid(z[U + u]) * c[u] + sigmoid(z[u]) * tanh(z[2 * U + u]);
        h[u] = sigmoid(z[3 * U + u]) * tanh(c[u]);
    }
}

static double drift_after(const lstm_layer *layer, long steps)
{
    float h[U] = {0}, c[U] = {0}, scratch[LSTM_SCRATCH_LEN(U)];
    double h_want[U] = {0}, c_want[U] = {0}, worst = 0.0;
    uint64_t seed = 1;
    for (long step = 0; step < steps; step++) {
        const float x = check_random_float(&seed, 1.0f);
        lstm_step(layer, &x, h, c, scratch);
        step_in_double(layer, x, h_want, c_want);
        for (int u = 0; u < U; u++) {
            const double error = fabs((double)h[u] - h_want[u]);
            worst = error <= worst ? worst : error; /* a NaN stays */
        }
    }
    return worst;
}

/* Nanoseconds of a step, the least of many rounds, from this c on and with an input of zero */
static double cost_from(const lstm_layer *layer, float first_c)
{
    double best = 1e9;
    for (int round = 0; round < 200; round++) {
        float h[U] = {0}, c[U] = {first_c, first_c, first_c, first_c};
        float scratch[LSTM_SCRATCH_LEN(U)];
        const float x = 0.0f;
        struct timespec before, after;
        double ns;
        clock_gettime(CLOCK_MONOTONIC, &before);
        for (int step = 0; step < 1000; step++) {
            lstm_step(layer, &x, h, c, scratch);
        }
        clock_gettime(CLOCK_MONOTONIC, &after);
        ns = 1e9 * (double)(after.tv_sec - before.tv_sec) +
             (double)(after.tv_nsec - before.tv_nsec);
        best = ns / 1000 < best ? ns / 1000 : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    const long steps = argc > 1 ? strtol(argv[1], NULL, 10) : 100000000;
    float weights[LSTM_PARAM_COUNT(D, U)];
    lstm_layer layer;
    uint64_t seed = 9;
    double drift, normal, denormal;
    check_random_fill(weights, LSTM_PARAM_COUNT(D, U), 0.8f, &seed);
    if (lstm_layer_init(&layer, D, U, weights, LSTM_PARAM_COUNT(D, U)) != LSTM_OK) {
        return 1;
    }
    drift = drift_after(&layer, steps);
    printf("%ld steps: h within %.2e of the reference, at most %.0e allowed\n", steps,
           drift, most_drift);
    /* Nothing comes in, and the forget gate is nearly 1: a tiny c stays as it is. */
    memset(weights, 0, sizeof weights);
    for (int u = 0; u < U; u++) {
        weights[(D + U) * COLUMNS + U + u] = 10.0f;
    }
    normal = cost_from(&layer, 0.25f);
    denormal = cost_from(&layer, 1e-44f);
    printf("a step with a denormal state: %.1f ns, with another: %.1f ns, %.2f times\n",
           denormal, normal, denormal / normal);
    printf("%d passed, %d failed\n", drift <= most_drift, !(drift <= most_drift));
    return !(drift <= most_drift);
}
