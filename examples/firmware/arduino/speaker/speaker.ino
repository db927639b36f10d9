/* speaker.ino - an LSTM on an Arduino Uno: who of nine speakers says two vowels?
 *
 * Copy lstm.h into this folder. examples/export has made speaker_model.h of a Keras model.
 * The weights stay in flash: SPEAKER_WEIGHTS puts them there, and LSTM_LOAD says how one is
 * read. In RAM are the state, the scratch memory, a frame and the answer: 276 bytes.
 *
 * To begin with it recognises an utterance in flash and compares the answer with Keras', a
 * self-test; should it fail, the LED stays on. Then it plays recorded utterances, as an Uno
 * has no microphone: put what your sensor measures where next_frame() is. */
#include <avr/pgmspace.h>
#define LSTM_LOAD(p) pgm_read_float(p)
#define SPEAKER_WEIGHTS PROGMEM
#include "speaker_model.h"
#include "utterances.h"

static_assert(FEATURES == SPEAKER_INPUT_DIM && SPEAKERS == SPEAKER_OUTPUT_DIM,
              "utterances of another model");

static float state[SPEAKER_STATE_LEN], scratch[SPEAKER_SCRATCH_LEN];
static float frame[FEATURES], probabilities[SPEAKERS];

static unsigned char utterance; /* which one is played next, and where it begins */
static unsigned int first_frame;

static void next_frame(unsigned int number)
{
    memcpy_P(frame, utterance_frames[number], sizeof frame);
}

/* Hears the next utterance, a frame at a time, and leaves the answer in probabilities.
 * Returns LSTM_OK, or why lstm.h refused. */
static int recognise(void)
{
    const unsigned char frames = pgm_read_byte(&utterance_lengths[utterance]);
    int status = LSTM_OK;
    memset(state, 0, sizeof state);
    for (unsigned char k = 0; k < frames && status == LSTM_OK; k++) {
        float *const answer = k + 1 == frames ? probabilities : NULL;
        next_frame(first_frame + k);
        status = speaker_step(frame, state, answer, scratch);
    }
    return status;
}

static void go_on(void)
{
    first_frame += pgm_read_byte(&utterance_lengths[utterance]);
    utterance++;
    if (utterance == UTTERANCES) {
        utterance = 0;
        first_frame = 0;
    }
}

/* Recognises the first utterance and returns the largest difference of a probability to
 * Keras': a NaN where one is a NaN, and huge where lstm.h refuses. */
static float self_test(void)
{
    float largest = 0.0f;
    if (recognise() != LSTM_OK) {
        return 1e30f;
    }
    for (unsigned char s = 0; s < SPEAKERS; s++) {
        const float error =
            fabs(probabilities[s] - pgm_read_float(&keras_probabilities[s]));
        if (!(error <= largest)) { /* so that a NaN gets in, and stays */
            largest = error;
        }
    }
    return largest;
}

static void print_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    Serial.print(' ');
    Serial.print((unsigned long)bits, HEX);
}

void setup()
{
    pinMode(LED_BUILTIN, OUTPUT);
    Serial.begin(115200);
    const float error = self_test();
    const bool good = error <= 1e-5f; /* not of a NaN */
    Serial.print(good ? F("self-test: ok, bits of the error")
                      : F("self-test: FAILED, bits of the error"));
    print_bits(error);
    Serial.println();
    while (!good) {
        digitalWrite(LED_BUILTIN, HIGH);
    }
}

void loop()
{
    unsigned char best = 0;
    recognise();
    for (unsigned char s = 1; s < SPEAKERS; s++) {
        best = probabilities[s] > probabilities[best] ? s : best;
    }
    Serial.print(F("speaker "));
    Serial.print(best + 1);
    Serial.print(F(", says Keras "));
    Serial.print(pgm_read_byte(&keras_speakers[utterance]));
    Serial.print(F(", bits"));
    for (unsigned char s = 0; s < SPEAKERS; s++) {
        print_bits(probabilities[s]);
    }
    Serial.println();
    go_on();
}
