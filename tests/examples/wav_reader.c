/* The reader of WAV files of examples/amplifier, for sanitizers: every length of a short file and
 * every value of every byte of its header. Each is read or refused, and what is read fits.
 *
 *     wav_reader FILE   FILE is overwritten */
#include <stdlib.h>

#include "amplifier/wav.h"

enum { HEADER = 44, SAMPLES = 100, BYTES = HEADER + 2 * SAMPLES };

static unsigned char good[BYTES] = {'R', 'I', 'F', 'F', 236, 0,   0,   0,   'W', 'A', 'V',
                                    'E', 'f', 'm', 't', ' ', 16,  0,   0,   0,   1,   0,
                                    1,   0,   128, 187, 0,   0,   0,   119, 1,   0,   2,
                                    0,   16,  0,   'd', 'a', 't', 'a', 200, 0,   0,   0};
static int passed, failed, read_ones;

/* Reads a file of these bytes into memory for `room` samples. */
static void try_one(const char *path, const unsigned char *bytes, size_t count,
                    size_t room)
{
    float *const samples = malloc(room * sizeof(float)); /* and not one float more */
    wav audio = {0, 0};
    const char *problem;
    FILE *file = fopen(path, "wb");
    int good_one;
    if (file == NULL || samples == NULL || fwrite(bytes, 1, count, file) != count ||
        fclose(file) != 0) {
        fprintf(stderr, "%s cannot be written\n", path);
        exit(EXIT_FAILURE);
    }
    problem = wav_read(path, &audio, samples, room);
    good_one = problem != NULL ||
               (audio.samples >= 1 && audio.samples <= room && audio.rate > 0);
    for (size_t k = 0; problem == NULL && k < audio.samples; k++) {
        good_one = good_one && samples[k] >= -1.0f && samples[k] < 1.0f;
    }
    free(samples);
    read_ones += problem == NULL;
    passed += good_one;
    failed += !good_one;
}

int main(int argc, char **argv)
{
    unsigned char bytes[BYTES];
    if (argc != 2) {
        return EXIT_FAILURE;
    }
    for (size_t k = HEADER; k < BYTES; k++) {
        good[k] = (unsigned char)(k * 37);
    }
    for (size_t count = 0; count <= BYTES; count++) {
        try_one(argv[1], good, count, SAMPLES);
    }
    try_one(argv[1], good, BYTES, SAMPLES - 1);
    if (read_ones != 1) { /* the whole file where there is room, and no part of it */
        failed++;
    }
    for (size_t k = 0; k < HEADER; k++) {
        for (unsigned value = 0; value < 256; value++) {
            memcpy(bytes, good, BYTES);
            bytes[k] = (unsigned char)value;
            try_one(argv[1], bytes, BYTES, SAMPLES);
        }
    }
    printf("%d WAV files, %d of them read, the others refused\n", passed + failed,
           read_ones);
    return failed != 0;
}
