/* recogniser.c - what there is to write for a model that examples/export has turned into a
 * header: the memory, the calls, and a self-test. Nothing here knows the board. */
#include "recogniser.h"

#include "speaker_streaming.h"

/* Does not compile where the model has other sizes than recogniser.h says. */
#define CHECK(name, condition) typedef char name[(condition) ? 1 : -1]
CHECK(interface, (int)SPEAKER_STREAMING_INPUT_DIM == (int)RECOGNISER_FEATURES &&
                     (int)SPEAKER_STREAMING_OUTPUT_DIM == (int)RECOGNISER_SPEAKERS);

static float state[SPEAKER_STREAMING_STATE_LEN], scratch[SPEAKER_STREAMING_SCRATCH_LEN];
static float answer[SPEAKER_STREAMING_OUTPUT_DIM];

void recogniser_start(void)
{
    speaker_streaming_reset(state);
}

int recogniser_hear(const float *x)
{
    return speaker_streaming_step(x, state, answer, scratch);
}

const float *recogniser_answer(void)
{
    return answer;
}

float recogniser_self_test(void)
{
    return speaker_streaming_selftest();
}
