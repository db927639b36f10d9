/* speaker_int8.ino - the sketch ../speaker with 8-bit weights: the same model, a quarter of
 * the time.
 *
 * Copy lstm.h, lstm_int8.h and ../speaker/utterances.h into this folder. speaker_int8_model.h
 * is made of the same Keras model by lstm_export.py --int8 --input-range 4. The weights stay
 * in flash. In RAM are a frame, the scores and `memory`: the state and scratch memory.
 *
 * To begin with it runs a sequence for which every integer is known, a self-test; should it
 * fail, the LED stays on. Then it plays recorded utterances: put what your sensor measures
 * where next_frame() is. Frames are floats there; a sensor that gives integers needs none:
 * speaker_int8_step_int16 takes them, times 8192. */
#include <avr/pgmspace.h>
#include "speaker_int8_model.h"
#include "utterances.h"

static_assert(FEATURES == SPEAKER_INT8_INPUT_DIM && SPEAKERS == SPEAKER_INT8_OUTPUT_DIM,
              "utterances of another model");

static speaker_int8_memory memory;
static float frame[FEATURES];
static int32_t logits[SPEAKERS]; /* the scores of the speakers, times 65536 */

static unsigned char utterance; /* which one is played next, and where it begins */
static unsigned int first_frame;

static void next_frame(unsigned int number)
{
    memcpy_P(frame, utterance_frames[number], sizeof frame);
}

/* Hears the next utterance, a frame at a time, and leaves the answer in logits.
 * Returns LSTM_OK, or why lstm_int8.h refused. */
static lstm_status recognise(void)
{
    const unsigned char frames = pgm_read_byte(&utterance_lengths[utterance]);
    lstm_status status = LSTM_OK;
    speaker_int8_reset(&memory);
    for (unsigned char k = 0; k < frames && status == LSTM_OK; k++) {
        next_frame(first_frame + k);
        status = speaker_int8_step(&memory, frame, NULL);
    }
    return status == LSTM_OK ? speaker_int8_logits(&memory, logits) : status;
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

void setup()
{
    pinMode(LED_BUILTIN, OUTPUT);
    Serial.begin(115200);
    const bool good = speaker_int8_selftest(&memory) == 0;
    Serial.print(good ? F("self-test: ok") : F("self-test: FAILED"));
    Serial.println();
    while (!good) {
        digitalWrite(LED_BUILTIN, HIGH);
    }
}

void loop()
{
    if (recognise() != LSTM_OK) {
        Serial.print(F("lstm_int8.h refuses"));
        Serial.println();
        return;
    }
    Serial.print(F("speaker "));
    Serial.print((int)lstm_int8_argmax(logits, SPEAKERS) + 1);
    Serial.print(F(", says Keras "));
    Serial.print(pgm_read_byte(&keras_speakers[utterance]));
    Serial.print(F(", bits"));
    for (unsigned char s = 0; s < SPEAKERS; s++) {
        Serial.print(' ');
        Serial.print((unsigned long)(uint32_t)logits[s], HEX);
    }
    Serial.println();
    go_on();
}
