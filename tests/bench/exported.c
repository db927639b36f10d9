/* A program built from a header that the exporter made: 100 steps of LSTM(48)+Dense(9) on static
 * const arrays. EXPORTED is its name. */
#include <stdlib.h>

#include "functions.h"
#include "speakers/speaker_streaming.h"

enum { STEPS = 100 };

static void run(void *unused)
{
    static float x[STEPS * SPEAKER_STREAMING_INPUT_DIM];
    static float y[SPEAKER_STREAMING_OUTPUT_DIM];
    static float work[SPEAKER_STREAMING_WORK_LEN(1)];
    (void)unused;
    for (size_t k = 0; x[0] == 0.0f && k < sizeof x / sizeof *x; k++) {
        x[k] = 0.5f - (float)(k % 13) / 13.0f;
    }
    if (speaker_streaming_predict(x, STEPS, y, work) != LSTM_OK) {
        abort();
    }
}

extern const exported EXPORTED;
const exported EXPORTED = {run, speaker_streaming_lstm_weights};
