/* recogniser.c - what there is to write for a model: the layers, the buffers, two calls,
 * and a self-test. Nothing here knows the board. */
#include "recogniser.h"

#include "golden.h"
#include "lstm.h"
#include "speaker_streaming.h"

enum {
    FEATURES = SPEAKER_STREAMING_INPUT_DIM,
    UNITS = SPEAKER_STREAMING_UNITS,
    SPEAKERS = SPEAKER_STREAMING_CLASSES
};

/* The layers are constants, so they are in flash, and the linker leaves out every
 * activation that they do not use. */
static const lstm_layer lstm = {
    .input_dim = FEATURES,
    .units = UNITS,
    .kernel = speaker_streaming_lstm,
    .recurrent_kernel = speaker_streaming_lstm + 4 * UNITS * FEATURES,
    .bias = speaker_streaming_lstm + LSTM_PARAM_COUNT_NO_BIAS(FEATURES, UNITS)};

static const lstm_dense dense = {.input_dim = UNITS,
                                 .units = SPEAKERS,
                                 .kernel = speaker_streaming_dense,
                                 .bias = speaker_streaming_dense + SPEAKERS * UNITS,
                                 .activation = LSTM_SOFTMAX};

/* lstm_layer_init would find a wrong number of weights at run time, this does it now. */
#define CHECK(name, condition) typedef char name[(condition) ? 1 : -1]
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
CHECK(lstm_weights, COUNT(speaker_streaming_lstm) == LSTM_PARAM_COUNT(FEATURES, UNITS));
CHECK(dense_weights,
      COUNT(speaker_streaming_dense) == LSTM_DENSE_PARAM_COUNT(UNITS, SPEAKERS));
CHECK(interface, (int)FEATURES == (int)RECOGNISER_FEATURES &&
                     (int)SPEAKERS == (int)RECOGNISER_SPEAKERS);

static float h[UNITS], c[UNITS], scratch[LSTM_SCRATCH_LEN(UNITS)];

void recogniser_start(void)
{
    int u;
    for (u = 0; u < UNITS; u++) {
        h[u] = c[u] = 0.0f;
    }
}

int recogniser_hear(const float *x)
{
    return lstm_step(&lstm, x, h, c, scratch);
}

int recogniser_answer(float *probabilities)
{
    return lstm_dense_forward(&dense, h, 1, probabilities);
}

float recogniser_self_test(void)
{
    float probabilities[SPEAKERS], largest = 0.0f;
    int k, status = LSTM_OK;
    recogniser_start();
    for (k = 0; k < GOLDEN_FRAMES; k++) {
        status |= recogniser_hear(golden_frames[k]);
    }
    status |= recogniser_answer(probabilities);
    for (k = 0; k < SPEAKERS && status == LSTM_OK; k++) {
        const float difference = probabilities[k] - golden_probabilities[k];
        const float error = difference < 0.0f ? -difference : difference;
        if (!(error <= largest)) { /* and so a NaN gets in, and stays: none is <= a NaN */
            largest = error;
        }
    }
    recogniser_start();
    return status == LSTM_OK ? largest : 1e30f;
}
