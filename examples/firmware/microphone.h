/* microphone.h - where frames come from: one at a time, 12 cepstrum coefficients each.
 * microphone_recorded.c plays the 370 test utterances; yours would compute the frames of
 * what an ADC heard. */
#ifndef MICROPHONE_H
#define MICROPHONE_H

enum { MICROPHONE_FEATURES = 12 };

typedef enum microphone_event {
    MICROPHONE_FRAME, /* another frame, in x */
    MICROPHONE_PAUSE, /* the utterance is over */
    MICROPHONE_OFF    /* there will be no other one */
} microphone_event;

/* Waits for what comes next; fills x[MICROPHONE_FEATURES] where it is a frame. */
microphone_event microphone_next(float *x);

#endif
