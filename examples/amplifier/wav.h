/* wav.h - reads and writes WAV files of 16-bit PCM. Samples are floats from -1 to 1. A file
 * is not trusted: what does not fit together is refused. */
#ifndef WAV_H
#define WAV_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct wav {
    uint32_t rate;  /* samples a second */
    size_t samples; /* of one channel */
} wav;

static inline uint32_t wav_number(const unsigned char *bytes, int count)
{
    uint32_t value = 0;
    while (count-- > 0) {
        value = value << 8 | bytes[count];
    }
    return value;
}

/* The samples of the first channel. Returns NULL or what is wrong. */
static inline const char *wav_read_samples(FILE *file, wav *audio, uint32_t bytes,
                                           uint32_t channels, float *samples, size_t room)
{
    unsigned char word[2];
    const uint32_t frames = bytes / (2 * channels);
    if (frames == 0) {
        return "has no samples";
    }
    if (frames > room) {
        return "is too long for this program";
    }
    for (uint32_t k = 0; k < frames * channels; k++) {
        if (fread(word, 1, 2, file) != 2) {
            return "ends before its last sample";
        }
        if (k % channels == 0) {
            const int32_t value = (int32_t)wav_number(word, 2);
            samples[k / channels] =
                (float)(value >= 32768 ? value - 65536 : value) / 32768.0f;
        }
    }
    audio->samples = frames;
    return NULL;
}

static inline const char *wav_read_file(FILE *file, wav *audio, float *samples,
                                        size_t room)
{
    unsigned char head[12], format[16];
    uint32_t channels = 0;
    if (fread(head, 1, 12, file) != 12 || memcmp(head, "RIFF", 4) != 0 ||
        memcmp(head + 8, "WAVE", 4) != 0) {
        return "is no WAV file";
    }
    while (fread(head, 1, 8, file) == 8) {
        const uint32_t length = wav_number(head + 4, 4);
        uint32_t skip = length + (length & 1u);
        if (memcmp(head, "data", 4) == 0) {
            return channels == 0
                       ? "has samples before their format"
                       : wav_read_samples(file, audio, length, channels, samples, room);
        }
        if (memcmp(head, "fmt ", 4) == 0) {
            if (length < 16 || fread(format, 1, 16, file) != 16) {
                return "has no format";
            }
            channels = wav_number(format + 2, 2);
            audio->rate = wav_number(format + 4, 4);
            if (wav_number(format, 2) != 1 || wav_number(format + 14, 2) != 16 ||
                channels == 0 || channels > 8 || audio->rate == 0) {
                return "is not 16-bit PCM of 1 to 8 channels";
            }
            skip -= 16;
        }
        while (skip > 0) {
            if (fgetc(file) == EOF) {
                return "ends within a chunk";
            }
            skip--;
        }
    }
    return "has no samples";
}

/* wav_read - the first channel of a WAV file, at most `room` samples of it.
 * Returns NULL, or a text that says what is wrong with the file. */
static inline const char *wav_read(const char *path, wav *audio, float *samples,
                                   size_t room)
{
    FILE *file = fopen(path, "rb");
    const char *problem;
    if (file == NULL) {
        return "cannot be opened";
    }
    problem = wav_read_file(file, audio, samples, room);
    fclose(file);
    return problem;
}

static inline void wav_put(FILE *file, uint32_t value, int bytes)
{
    for (; bytes > 0; bytes--, value >>= 8) {
        fputc((int)(value & 255u), file);
    }
}

/* wav_write - one channel of 16-bit PCM; what is above 1 is cut. Returns 0, or -1. */
static inline int wav_write(const char *path, uint32_t rate, const float *samples,
                            size_t count)
{
    FILE *file = fopen(path, "wb");
    int failed;
    if (file == NULL) {
        return -1;
    }
    fputs("RIFF", file);
    wav_put(file, (uint32_t)(36 + 2 * count), 4);
    fputs("WAVEfmt ", file);
    wav_put(file, 16, 4);
    wav_put(file, 1, 2);
    wav_put(file, 1, 2);
    wav_put(file, rate, 4);
    wav_put(file, 2 * rate, 4);
    wav_put(file, 2, 2);
    wav_put(file, 16, 2);
    fputs("data", file);
    wav_put(file, (uint32_t)(2 * count), 4);
    for (size_t k = 0; k < count; k++) {
        const float scaled = samples[k] * 32768.0f;
        const float cut = scaled > 32767.0f ? 32767.0f : scaled;
        const int32_t value =
            (int32_t)(cut >= -32768.0f ? cut + (cut < 0.0f ? -0.5f : 0.5f) : -32768.0f);
        wav_put(file, (uint32_t)(value > 32767 ? 32767 : value), 2);
    }
    failed = ferror(file) != 0;
    return fclose(file) != 0 || failed ? -1 : 0;
}

#endif
