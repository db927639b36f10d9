/* What the page of examples/web has to show, computed on this PC by the same web.c: the bits
 * of every number, one a line. First those of each frame of each utterance (48 hidden units and
 * 9 probabilities), then the amplifier's output. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "web/web.c"

static void print_bits(const float *numbers, int count)
{
    for (int k = 0; k < count; k++) {
        uint32_t bits;
        memcpy(&bits, &numbers[k], sizeof bits);
        printf("%lu\n", (unsigned long)bits);
    }
}

int main(void)
{
    for (int u = 0; u < utterance_count(); u++) {
        start();
        for (int t = 0; t < utterance_frames(u); t++) {
            if (hear(frame(u, t)) != 0) {
                return 1;
            }
            print_bits(hidden(), HIDDEN);
            print_bits(answer(), SPEAKERS);
        }
    }
    riff();
    amplifier_start();
    for (int first = 0; first < RIFF_SAMPLES; first += BLOCK) {
        if (amplify(first) != 0) {
            return 1;
        }
    }
    print_bits(amplified(), RIFF_SAMPLES);
    return utterance_speaker(0) != 1 || riff_samples() != RIFF_SAMPLES ||
           !(speakers_error() <= 2e-6f) || !(amplifier_error() <= 2e-6f);
}
