/* reference.h - what the layers compute, in double and as literally as it can be written: the
 * oracle where Keras' own vectors do not reach. */
#ifndef REFERENCE_H
#define REFERENCE_H

#include "check.h"
#include "lstm.h"

static inline double reference_hard_sigmoid(double x, double slope)
{
    const double y = slope * x + 0.5;
    return y < 0.0 ? 0.0 : y > 1.0 ? 1.0 : y;
}

static inline double reference_elu(double x, double alpha)
{
    return x < 0.0 ? alpha * expm1(x) : x;
}

/* Elementwise activations; LSTM_DEFAULT is settled by the caller. */
static inline double reference_activation(lstm_activation activation, double x)
{
    const double sigmoid = x < 0.0 ? exp(x) / (1.0 + exp(x)) : 1.0 / (1.0 + exp(-x));
    switch (activation) {
    case LSTM_TANH: return tanh(x);
    case LSTM_SIGMOID: return sigmoid;
    case LSTM_HARD_SIGMOID: return reference_hard_sigmoid(x, 1.0 / 6.0);
    case LSTM_HARD_SIGMOID_KERAS2: return reference_hard_sigmoid(x, 0.2);
    case LSTM_RELU: return x < 0.0 ? 0.0 : x;
    case LSTM_RELU6: return x < 0.0 ? 0.0 : x > 6.0 ? 6.0 : x;
    case LSTM_LEAKY_RELU: return x < 0.0 ? 0.2 * x : x;
    case LSTM_ELU: return reference_elu(x, 1.0);
    case LSTM_SELU:
        return 1.05070098735548049342 * reference_elu(x, 1.67326324235437728481);
    case LSTM_GELU: return 0.5 * x * erfc(-x / sqrt(2.0));
    case LSTM_SILU: return x * sigmoid;
    case LSTM_HARD_SILU: return x * reference_hard_sigmoid(x, 1.0 / 6.0);
    case LSTM_SOFTPLUS: return (x > 0.0 ? x : 0.0) + log1p(exp(-fabs(x)));
    case LSTM_SOFTSIGN: return x / (1.0 + fabs(x));
    case LSTM_EXPONENTIAL: return exp(x);
    case LSTM_MISH: return x * tanh((x > 0.0 ? x : 0.0) + log1p(exp(-fabs(x))));
    default: return x;
    }
}

static inline void reference_activate(lstm_activation activation, double *z, size_t n)
{
    double largest = z[0], sum = 0.0;
    if (activation != LSTM_SOFTMAX && activation != LSTM_LOG_SOFTMAX) {
        for (size_t k = 0; k < n; k++) {
            z[k] = reference_activation(activation, z[k]);
        }
        return;
    }
    for (size_t k = 0; k < n; k++) {
        largest = z[k] > largest ? z[k] : largest;
    }
    for (size_t k = 0; k < n; k++) {
        sum += exp(z[k] - largest);
    }
    for (size_t k = 0; k < n; k++) {
        z[k] = (z[k] - largest) - log(sum);
        z[k] = activation == LSTM_SOFTMAX ? exp(z[k]) : z[k];
    }
}

/* One step of keras.layers.LSTMCell; h and c are replaced by the new state. */
static inline void reference_step(const lstm_layer *layer, const float *x, double *h,
                                  double *c)
{
    const size_t units = layer->units, columns = 4 * units;
    const lstm_activation act =
        layer->activation == LSTM_DEFAULT ? LSTM_TANH : layer->activation;
    const lstm_activation rec = layer->recurrent_activation == LSTM_DEFAULT
                                    ? LSTM_SIGMOID
                                    : layer->recurrent_activation;
    double *z = (double *)check_alloc(columns, sizeof *z);
    for (size_t j = 0; j < columns; j++) {
        z[j] = layer->bias != NULL ? (double)layer->bias[j] : 0.0;
        for (size_t k = 0; k < layer->input_dim; k++) {
            z[j] += (double)x[k] * (double)layer->kernel[k * columns + j];
        }
        for (size_t k = 0; k < units; k++) {
            z[j] += h[k] * (double)layer->recurrent_kernel[k * columns + j];
        }
    }
    reference_activate(rec, z, units);
    reference_activate(rec, z + units, units);
    reference_activate(act, z + 2 * units, units);
    reference_activate(rec, z + 3 * units, units);
    for (size_t u = 0; u < units; u++) {
        c[u] = z[units + u] * c[u] + z[u] * z[2 * units + u];
        h[u] = c[u];
    }
    reference_activate(act, h, units);
    for (size_t u = 0; u < units; u++) {
        h[u] *= z[3 * units + u];
    }
    free(z);
}

static inline void reference_dense(const lstm_dense *layer, const float *x, float *y)
{
    double *z = (double *)check_alloc(layer->units, sizeof *z);
    for (size_t j = 0; j < layer->units; j++) {
        z[j] = layer->bias != NULL ? (double)layer->bias[j] : 0.0;
        for (size_t k = 0; k < layer->input_dim; k++) {
            z[j] += (double)x[k] * (double)layer->kernel[k * layer->units + j];
        }
    }
    reference_activate(layer->activation, z, layer->units);
    for (size_t j = 0; j < layer->units; j++) {
        y[j] = (float)z[j];
    }
    free(z);
}

/* A layer with random weights of a size that keeps the gates away from saturation. */
static inline void random_layer(lstm_layer *layer, size_t input_dim, size_t units,
                                uint64_t *seed)
{
    const size_t count = LSTM_PARAM_COUNT(input_dim, units);
    float *weights = NEW_FLOATS(count);
    check_random_fill(weights, count, input_dim + units > 16 ? 0.25f : 0.5f, seed);
    CHECK(lstm_layer_init(layer, input_dim, units, weights, count) == LSTM_OK);
}

static inline void free_layer(lstm_layer *layer)
{
    free((void *)(uintptr_t)layer->kernel);
}

#endif
