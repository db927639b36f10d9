/* recogniser_int8.c - recogniser.c with 8-bit weights: a quarter of the flash for weights, and
 * integers where recogniser.c has floats. The header is made of the same model, by the
 * exporter's --int8. Build with one of the two files. */
#include "recogniser.h"

#include "speaker_streaming_int8.h"

/* Does not compile where the model has other sizes than recogniser.h says. */
#define CHECK(name, condition) typedef char name[(condition) ? 1 : -1]
CHECK(interface, (int)SPEAKER_STREAMING_INT8_INPUT_DIM == (int)RECOGNISER_FEATURES &&
                     (int)SPEAKER_STREAMING_INT8_OUTPUT_DIM == (int)RECOGNISER_SPEAKERS);

static speaker_streaming_int8_memory memory; /* state and scratch */
static float answer[SPEAKER_STREAMING_INT8_OUTPUT_DIM];

void recogniser_start(void)
{
    speaker_streaming_int8_reset(&memory);
}

int recogniser_hear(const float *x)
{
    return speaker_streaming_int8_step(&memory, x, answer);
}

const float *recogniser_answer(void)
{
    return answer;
}

/* How many integers are not those of the exporter: 0 is well. */
float recogniser_self_test(void)
{
    static speaker_streaming_int8_memory of_test; /* what was heard is not touched */
    return (float)speaker_streaming_int8_selftest(&of_test);
}
