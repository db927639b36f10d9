/* recogniser.c - what there is to write for a model that examples/export has turned into a
 * header: the memory, the calls, and a self-test. Nothing here knows the board. */
#include "recogniser.h"

#include "golden.h"
#include "speaker_streaming.h"

/* Does not compile where the model has other sizes than recogniser.h says. */
#define CHECK(name, condition) typedef char name[(condition) ? 1 : -1]
CHECK(interface, (int)SPEAKER_STREAMING_INPUT_DIM == (int)RECOGNISER_FEATURES &&
                     (int)SPEAKER_STREAMING_OUTPUT_DIM == (int)RECOGNISER_SPEAKERS);

static float state[SPEAKER_STREAMING_STATE_LEN], scratch[SPEAKER_STREAMING_SCRATCH_LEN];

void recogniser_start(void)
{
    int k;
    for (k = 0; k < (int)SPEAKER_STREAMING_STATE_LEN; k++) {
        state[k] = 0.0f;
    }
}

int recogniser_hear(const float *x)
{
    return speaker_streaming_step(x, state, NULL, scratch);
}

/* The state begins with h, which is the output of the LSTM. */
int recogniser_answer(float *probabilities)
{
    return lstm_dense_forward(&speaker_streaming_dense_layer, state, 1, probabilities);
}

float recogniser_self_test(void)
{
    float probabilities[RECOGNISER_SPEAKERS], largest = 0.0f;
    int k, status = LSTM_OK;
    recogniser_start();
    for (k = 0; k < GOLDEN_FRAMES; k++) {
        status |= recogniser_hear(golden_frames[k]);
    }
    status |= recogniser_answer(probabilities);
    for (k = 0; k < RECOGNISER_SPEAKERS && status == LSTM_OK; k++) {
        const float difference = probabilities[k] - golden_probabilities[k];
        const float error = difference < 0.0f ? -difference : difference;
        if (!(error <= largest)) { /* and so a NaN gets in, and stays: none is <= a NaN */
            largest = error;
        }
    }
    recogniser_start();
    return status == LSTM_OK ? largest : 1e30f;
}
