/* fuzz.h - what the fuzz targets share: bytes of the input as numbers, buffers of exact size, and
 * an assertion that the fuzzer sees. Each target defines LLVMFuzzerTestOneInput; replay.c gives
 * it a plain main. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_ASSERT(condition)                                                      \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

/* The input, byte for byte, and zeros behind its end. */
typedef struct fuzz_input {
    const uint8_t *data;
    size_t size;
} fuzz_input;

static inline unsigned fuzz_byte(fuzz_input *in)
{
    if (in->size == 0) {
        return 0;
    }
    in->size--;
    return *in->data++;
}

static inline size_t fuzz_below(fuzz_input *in, size_t limit)
{
    return fuzz_byte(in) % limit;
}

static inline void *fuzz_alloc(size_t size)
{
    void *p = malloc(size != 0 ? size : 1);
    if (p == NULL) {
        exit(1);
    }
    return p;
}

static inline void *fuzz_copy(const void *p, size_t size)
{
    void *copy = fuzz_alloc(size);
    memcpy(copy, p, size);
    return copy;
}

/* Words without end: the next 4 bytes of the input for the first of them, then a generator's, so
 * that a few bytes of input make whole arrays and leave the rest to what comes after. */
typedef struct fuzz_words {
    fuzz_input *in;
    size_t from_input;
    uint32_t state;
} fuzz_words;

static inline fuzz_words fuzz_words_of(fuzz_input *in)
{
    fuzz_words words = {in, fuzz_byte(in), 0};
    words.state = 12345u + 65537u * fuzz_byte(in);
    return words;
}

static inline uint32_t fuzz_word(fuzz_words *words)
{
    uint32_t word = 0;
    int k;
    if (words->from_input != 0 && words->in->size >= 4) {
        words->from_input--;
        for (k = 0; k < 4; k++) {
            word = word << 8 | fuzz_byte(words->in);
        }
        return word;
    }
    words->state = words->state * 1664525u + 1013904223u;
    return words->state ^ words->state >> 15;
}

typedef enum fuzz_kind {
    FUZZ_SMALL,
    FUZZ_MOSTLY_SMALL, /* and one in 16 of note */
    FUZZ_OF_NOTE,
    FUZZ_ANY_BITS,
    FUZZ_KINDS
} fuzz_kind;

static inline float fuzz_float(uint32_t word, fuzz_kind kind)
{
    static const float of_note[16] = {0.0f,   -0.0f,   1.0f,   -1.0f,   1e30f, -1e30f,
                                      1e-40f, -1e-40f, 88.0f,  -104.0f, 18.0f, 3.4e38f,
                                      1e-30f, 9.01f,   1e-45f, 0.5f};
    float value;
    if (kind == FUZZ_OF_NOTE || (kind == FUZZ_MOSTLY_SMALL && word % 16 == 0)) {
        return of_note[word >> 8 & 15];
    }
    if (kind == FUZZ_ANY_BITS) {
        memcpy(&value, &word, sizeof value);
        return value;
    }
    return (float)(word >> 8) / 8388608.0f - 1.0f;
}

static inline void fuzz_fill(fuzz_input *in, float *p, size_t count)
{
    const fuzz_kind kind = (fuzz_kind)fuzz_below(in, FUZZ_KINDS);
    fuzz_words words = fuzz_words_of(in);
    size_t k;
    for (k = 0; k < count; k++) {
        p[k] = fuzz_float(fuzz_word(&words), kind);
    }
}

static inline float *fuzz_floats(fuzz_input *in, size_t count)
{
    float *p = (float *)fuzz_alloc(count * sizeof *p);
    fuzz_fill(in, p, count);
    return p;
}

/* The same bits, where any NaN is as good as any other. */
static inline int fuzz_is_same(const float *a, const float *b, size_t count)
{
    size_t k;
    for (k = 0; k < count; k++) {
        if (!(a[k] != a[k] && b[k] != b[k]) && memcmp(&a[k], &b[k], sizeof *a) != 0) {
            return 0;
        }
    }
    return 1;
}

#endif
