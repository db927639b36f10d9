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

/* Floats of every kind: any bits, small numbers, or a few numbers of note. */
static inline float fuzz_float(fuzz_input *in, unsigned kind)
{
    static const float of_note[16] = {0.0f,   -0.0f,   1.0f,   -1.0f,   1e30f, -1e30f,
                                      1e-40f, -1e-40f, 88.0f,  -104.0f, 18.0f, 3.4e38f,
                                      1e-30f, 9.01f,   1e-45f, 0.5f};
    uint32_t bits = 0;
    float value;
    int k;
    if (kind == 1) {
        return of_note[fuzz_byte(in) % 16];
    }
    if (kind == 2) {
        for (k = 0; k < 4; k++) {
            bits = bits << 8 | fuzz_byte(in);
        }
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    return ((float)fuzz_byte(in) - 128.0f) / 64.0f;
}

/* count floats; what the input does not fill comes from a generator that its bytes seed */
static inline float *fuzz_floats(fuzz_input *in, size_t count)
{
    float *p = (float *)fuzz_alloc(count * sizeof *p);
    const unsigned kind = fuzz_byte(in) % 4;
    uint32_t state = 12345u + fuzz_byte(in);
    size_t k;
    for (k = 0; k < count; k++) {
        state = state * 1664525u + 1013904223u;
        p[k] = in->size != 0 ? fuzz_float(in, kind)
                             : ((float)(state >> 8) / 8388608.0f - 1.0f);
    }
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
