/* Models of few units in static arrays of exact size, as firmware and small programs have them:
 * the compiler sees the sizes of the arrays, and must not think that a vector kernel that such
 * sizes never reach is reached. Compiles as C and C++; UNITS is 1 or more. With ONLY_STEPS the kernels have one
 * caller. */
#include "lstm.h"

enum { INPUT_DIM = 1, TIMESTEPS = 3, BATCH = 2, OUTPUTS = 1 };

static const float weights[LSTM_PARAM_COUNT(INPUT_DIM, UNITS)] = {0.5f};
static const float dense_weights[LSTM_DENSE_PARAM_COUNT(UNITS, OUTPUTS)] = {0.5f};
static float x[BATCH * TIMESTEPS * INPUT_DIM];
static float out[OUTPUTS];

/* Bound at run time, a step at a time */
static lstm_status stream(void)
{
    static float h[UNITS], c[UNITS], scratch[LSTM_SCRATCH_LEN(UNITS)];
    lstm_layer layer;
    lstm_status status = lstm_layer_init(&layer, INPUT_DIM, UNITS, weights,
                                         sizeof weights / sizeof weights[0]);
    int t;
    for (t = 0; t < TIMESTEPS && status == LSTM_OK; t++) {
        status = lstm_step(&layer, x + t * INPUT_DIM, h, c, scratch);
    }
    if (status == LSTM_OK) {
        lstm_dense dense;
        status = lstm_dense_init(&dense, UNITS, OUTPUTS, dense_weights,
                                 sizeof dense_weights / sizeof dense_weights[0]);
        if (status == LSTM_OK) {
            status = lstm_dense_forward(&dense, h, 1, out);
        }
    }
    return status;
}

#if !defined(ONLY_STEPS)
/* A constant layer over one sequence and over a batch */
static const unsigned char mask[BATCH * TIMESTEPS] = {1, 1, 0, 1};
static float y[BATCH * TIMESTEPS * 2 * UNITS];
static const lstm_layer constant = {INPUT_DIM,
                                    UNITS,
                                    weights,
                                    weights + 4 * UNITS *INPUT_DIM,
                                    0,
                                    LSTM_DEFAULT,
                                    LSTM_DEFAULT,
                                    1,
                                    0,
                                    0};

static lstm_status sequence(void)
{
    static float h[UNITS], c[UNITS], scratch[LSTM_SCRATCH_LEN(UNITS)];
    return lstm_forward(&constant, x, TIMESTEPS, h, c, y, scratch);
}

static lstm_status batch(void)
{
    static float h[BATCH * UNITS], c[BATCH * UNITS];
    static float scratch[LSTM_BATCH_SCRATCH_LEN(BATCH, UNITS)];
    return lstm_forward_batch(&constant, x, mask, BATCH, TIMESTEPS, h, c, y, scratch);
}

static lstm_status two_directions(void)
{
    static float h[BATCH * 2 * UNITS], c[BATCH * 2 * UNITS];
    static float scratch[LSTM_BIDIRECTIONAL_SCRATCH_LEN(BATCH, UNITS, UNITS)];
    lstm_bidirectional both;
    both.forward = both.backward = constant;
    both.merge = LSTM_MERGE_CONCAT;
    return lstm_bidirectional_forward(&both, x, mask, BATCH, TIMESTEPS, h, c, y, scratch);
}
#endif

int main(void)
{
#if !defined(ONLY_STEPS)
    if (sequence() != LSTM_OK || batch() != LSTM_OK || two_directions() != LSTM_OK) {
        return 1;
    }
#endif
    return stream() != LSTM_OK;
}
