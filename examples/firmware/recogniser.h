/* recogniser.h - who speaks? The streaming model of `make run`: LSTM(48), then a Dense
 * layer with softmax, 12,153 weights that stay in flash; in floats (recogniser.c) or in 8 bits
 * (recogniser_int8.c). */
#ifndef RECOGNISER_H
#define RECOGNISER_H

enum { RECOGNISER_FEATURES = 12, RECOGNISER_SPEAKERS = 9 };

/* Forgets all that was heard: before each utterance. */
void recogniser_start(void);

/* Hears another frame x[RECOGNISER_FEATURES]. Returns 0, or an error of lstm.h. */
int recogniser_hear(const float *x);

/* How likely each speaker is, RECOGNISER_SPEAKERS probabilities, by all that was heard
 * until now. They stand there until the next recogniser_hear. */
const float *recogniser_answer(void);

/* Runs the model on the numbers that the exporter has put into its header. Returns the
 * largest error of an output: at most 2e-6 if all is well, a NaN if one came out, and huge
 * if lstm.h refuses to run. With 8-bit weights it is 0, or how many integers are wrong. What
 * was heard is not touched. */
float recogniser_self_test(void);

#endif
