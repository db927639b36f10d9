/* microphone_recorded.c - recordings in flash in place of a microphone. recordings.h is
 * made of examples/speakers/vowels_test.txt by recordings.awk. */
#include "microphone.h"

#include "recordings.h"

static struct {
    unsigned utterance, frame_of_utterance, frame;
} at;

microphone_event microphone_next(float *x)
{
    int k;
    if (at.utterance == RECORDED_UTTERANCES) {
        return MICROPHONE_OFF;
    }
    if (at.frame_of_utterance == recorded_lengths[at.utterance]) {
        at.utterance++;
        at.frame_of_utterance = 0;
        return MICROPHONE_PAUSE;
    }
    for (k = 0; k < MICROPHONE_FEATURES; k++) {
        x[k] = recorded_frames[at.frame][k];
    }
    at.frame++;
    at.frame_of_utterance++;
    return MICROPHONE_FRAME;
}
