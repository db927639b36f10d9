/* recogniser.h - who speaks? The streaming model of `make run`: LSTM(48), then a Dense
 * layer with softmax, 12,153 weights that stay in flash. */
#ifndef RECOGNISER_H
#define RECOGNISER_H

enum { RECOGNISER_FEATURES = 12, RECOGNISER_SPEAKERS = 9 };

/* Forgets all that was heard: before each utterance. */
void recogniser_start(void);

/* Hears another frame x[RECOGNISER_FEATURES]. Returns 0, or an error of lstm.h. */
int recogniser_hear(const float *x);

/* How likely it was each speaker, probabilities[RECOGNISER_SPEAKERS], by all that was
 * heard until now. Returns 0, or an error of lstm.h. */
int recogniser_answer(float *probabilities);

/* Recognises an utterance in flash and returns how far the answer is from Keras', the
 * largest difference of a probability: a NaN where one is a NaN, and huge where lstm.h
 * refuses to run. Forgets what was heard. */
float recogniser_self_test(void);

#endif
