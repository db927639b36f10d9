/* web.c - the speakers and the amplifier for a page in a browser, as WebAssembly without any C
 * library. index.html calls these functions and reads the arrays that they return; all memory
 * is static. The same file compiled for a PC gives the same bits (LSTM_NO_FMA: WebAssembly has
 * no fused multiply-add). */
#include "amplifier/amplifier.h"
#include "lstm.h"
#include "speakers/speaker_streaming.h"

/* Made by data.sh: recordings from speakers/vowels_test.txt, samples from amplifier/riff.wav. */
#include "data.h"

#if defined(__wasm__)
#define EXPORT(name) __attribute__((export_name(#name))) name
#else
#define EXPORT(name) name
#endif

enum { FEATURES = 12, HIDDEN = 48, SPEAKERS = 9, BLOCK = 64 };

/* ---- Who is speaking? ---------------------------------------------------------------- */

static float h[HIDDEN], c[HIDDEN], probabilities[SPEAKERS];
static float scratch[LSTM_SCRATCH_LEN(HIDDEN)];

int EXPORT(utterance_count)(void)
{
    return RECORDED_UTTERANCES;
}

int EXPORT(utterance_frames)(int utterance)
{
    return recorded_lengths[utterance];
}

int EXPORT(utterance_speaker)(int utterance)
{
    return recorded_speakers[utterance];
}

/* One frame of an utterance, [FEATURES]. */
const float *EXPORT(frame)(int utterance, int frame)
{
    int first = 0;
    for (int k = 0; k < utterance; k++) {
        first += recorded_lengths[k];
    }
    return recorded_frames[first + frame];
}

/* Forgets what was heard. */
void EXPORT(start)(void)
{
    for (int k = 0; k < HIDDEN; k++) {
        h[k] = c[k] = 0.0f;
    }
}

/* The model hears one more frame: one timestep. Returns lstm.h's status. */
int EXPORT(hear)(const float *x)
{
    const lstm_status status = lstm_step(&speaker_streaming_lstm_layer, x, h, c, scratch);
    return status != LSTM_OK ? (int)status
                             : (int)lstm_dense_forward(&speaker_streaming_dense_layer, h,
                                                       1, probabilities);
}

/* The LSTM's output, [HIDDEN], and the probability of each speaker, [SPEAKERS]. */
const float *EXPORT(hidden)(void)
{
    return h;
}

const float *EXPORT(answer)(void)
{
    return probabilities;
}

float EXPORT(speakers_error)(void)
{
    return speaker_streaming_selftest();
}

/* ---- The amplifier ------------------------------------------------------------------- */

static float amplifier_state[AMPLIFIER_STATE_LEN];
static float amplifier_scratch[AMPLIFIER_SCRATCH_LEN];
static float dry[RIFF_SAMPLES], loud[RIFF_SAMPLES];

int EXPORT(riff_samples)(void)
{
    return RIFF_SAMPLES;
}

/* The guitar, [RIFF_SAMPLES] from -1 to 1. */
const float *EXPORT(riff)(void)
{
    for (int k = 0; k < RIFF_SAMPLES; k++) {
        dry[k] = (float)riff_words[k] / 32768.0f;
    }
    return dry;
}

/* The amplifier's output, [RIFF_SAMPLES], as far as it has been played. */
const float *EXPORT(amplified)(void)
{
    return loud;
}

void EXPORT(amplifier_start)(void)
{
    amplifier_reset(amplifier_state);
}

/* The block of 64 samples that begins at `first`: what an audio callback does. The state is
 * kept for the next block. Returns lstm.h's status. */
int EXPORT(amplify)(int first)
{
    const int left = RIFF_SAMPLES - first;
    const size_t samples = left < BLOCK ? (size_t)left : (size_t)BLOCK;
    return (int)amplifier_block(dry + first, samples, amplifier_state, loud + first,
                                amplifier_scratch);
}

float EXPORT(amplifier_error)(void)
{
    return amplifier_selftest();
}
