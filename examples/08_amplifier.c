/* A guitar amplifier: a WAV file goes through LSTM(16) and Dense(1) in blocks of 64 samples,
 * as an audio callback would run it. The model was trained with Keras on a simulated circuit,
 * a diode clipper (see amplifier/train.py).
 *
 *     08_amplifier [IN.wav [OUT.wav]]
 *
 * IN.wav is 16-bit PCM; of several channels the first is used. The model was trained for
 * 48,000 samples a second. Default: the riff that the circuit has played too; then the
 * program prints how far the model is from the circuit. The time that it takes goes to
 * stderr, as it is another one in every run.
 *
 * Compiles with lstm.h, amplifier/amplifier.h and amplifier/wav.h.
 *
 * Prints:
 *   96000 samples, 48000 a second
 *   against the circuit: 0.13 % of the energy is error, at most 0.24
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "amplifier/amplifier.h"
#include "amplifier/wav.h"

enum { BLOCK = 64, MOST_SAMPLES = 48000 * 60 };

#define RIFF "examples/amplifier/riff.wav"
#define CIRCUIT "examples/amplifier/riff_circuit.wav"

typedef struct amplifier {
    float state[AMPLIFIER_STATE_LEN]; /* kept between blocks: without it blocks click */
    float scratch[AMPLIFIER_SCRATCH_LEN];
} amplifier;

/* Denormal floats become 0. Once per audio thread: a state that fades out is slow
 * otherwise. */
static void flush_denormals(void)
{
#if defined(__SSE__)
    _mm_setcsr(_mm_getcsr() | 0x8040u);
#elif defined(__aarch64__) && defined(__GNUC__)
    unsigned long fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    __asm__ volatile("msr fpcr, %0" : : "r"(fpcr | 1ul << 24));
#endif
}

/* The audio callback: no heap, no locks, the same number of operations for every sample. `in`
 * and `out` are not the same array. */
static lstm_status callback(amplifier *a, const float *in, float *out, size_t samples)
{
    return amplifier_block(in, samples, a->state, out, a->scratch);
}

static double amplify(const float *in, float *out, size_t samples)
{
    static amplifier a;
    const clock_t began = clock();
    amplifier_reset(a.state); /* silence before the first sample */
    for (size_t done = 0; done < samples;) {
        const size_t left = samples - done, block = left < BLOCK ? left : BLOCK;
        if (callback(&a, in + done, out + done, block) != LSTM_OK) {
            fprintf(stderr, "lstm.h refuses to run\n");
            exit(EXIT_FAILURE);
        }
        done += block;
    }
    return (double)(clock() - began) / CLOCKS_PER_SEC;
}

static void read_or_exit(const char *path, wav *audio, float *samples)
{
    const char *problem = wav_read(path, audio, samples, MOST_SAMPLES);
    if (problem != NULL) {
        fprintf(stderr, "%s: %s\n", path, problem);
        exit(EXIT_FAILURE);
    }
}

static void compare(const float *got, const float *wanted, size_t samples)
{
    double error = 0.0, signal = 0.0, largest = 0.0;
    for (size_t k = 0; k < samples; k++) {
        const double difference = (double)got[k] - (double)wanted[k];
        const double size = difference < 0.0 ? -difference : difference;
        error += difference * difference;
        signal += (double)wanted[k] * (double)wanted[k];
        largest = largest >= size ? largest : size; /* a NaN gets in */
    }
    printf("against the circuit: %.2f %% of the energy is error, at most %.2f\n",
           100.0 * error / signal, largest);
}

int main(int argc, char **argv)
{
    static float in[MOST_SAMPLES], out[MOST_SAMPLES], circuit[MOST_SAMPLES];
    const char *path = argc > 1 ? argv[1] : RIFF;
    double seconds, length;
    wav audio, reference;

    if (!(amplifier_selftest() <= 2e-6f)) {
        fprintf(stderr, "the self-test failed: see the compiler's options\n");
        return EXIT_FAILURE;
    }
    read_or_exit(path, &audio, in);
    flush_denormals();
    seconds = amplify(in, out, audio.samples);
    length = (double)audio.samples / (double)audio.rate;
    printf("%lu samples, %lu a second\n", (unsigned long)audio.samples,
           (unsigned long)audio.rate);
    if (argc <= 1) {
        read_or_exit(CIRCUIT, &reference, circuit);
        if (reference.samples != audio.samples) {
            fprintf(stderr, "%s: another length than the riff\n", CIRCUIT);
            return EXIT_FAILURE;
        }
        compare(out, circuit, audio.samples);
    }
    fprintf(stderr, "%.1f ms for %.2f s of audio: %.0f times as fast as it plays\n",
            1e3 * seconds, length, length / seconds);
    if (argc > 2 && wav_write(argv[2], audio.rate, out, audio.samples) != 0) {
        fprintf(stderr, "%s: cannot be written\n", argv[2]);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
