/* check.h - the comparisons the tests are made of.
 *
 * A test is a function whose name states one fact; RUN(fact) runs it and counts it. Every
 * comparison is written so that a NaN fails it. A failed check prints where and what, and
 * the test goes on, so one run shows everything that is wrong. */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failures_in_test, check_passed, check_failed;

static inline void check_fail(const char *file, int line, const char *what)
{
    if (++check_failures_in_test <= 5) {
        fprintf(stderr, "%s:%d: %s\n", file, line, what);
    }
}

#define CHECK(condition) \
    ((condition) ? (void)0 : check_fail(__FILE__, __LINE__, #condition))

/* |got - want| <= atol + rtol*|want|, which no NaN satisfies; equal infinities do. */
static inline int check_is_near(double got, double want, double atol, double rtol)
{
    return got == want || fabs(got - want) <= atol + rtol * fabs(want);
}

static inline void check_near(const char *file, int line, const char *what,
                              const float *got, const float *want, size_t count,
                              double atol, double rtol)
{
    for (size_t i = 0; i < count; i++) {
        if (!check_is_near((double)got[i], (double)want[i], atol, rtol)) {
            char text[256];
            snprintf(text, sizeof text, "%s[%lu] is %.9g, wanted %.9g", what,
                     (unsigned long)i, (double)got[i], (double)want[i]);
            check_fail(file, line, text);
            return;
        }
    }
}
#define CHECK_NEAR(got, want, count, atol, rtol) \
    check_near(__FILE__, __LINE__, #got, got, want, count, atol, rtol)

/* Bit for bit: -0 is not 0 here, and NaNs differ unless their bits agree. */
static inline void check_bits(const char *file, int line, const char *what,
                              const float *got, const float *want, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(got + i, want + i, sizeof *got) != 0) {
            char text[256];
            snprintf(text, sizeof text, "%s[%lu] is %a, wanted the same bits as %a", what,
                     (unsigned long)i, (double)got[i], (double)want[i]);
            check_fail(file, line, text);
            return;
        }
    }
}
#define CHECK_BITS(got, want, count) \
    check_bits(__FILE__, __LINE__, #got, got, want, count)

static inline void check_run(const char *name, void (*test)(void))
{
    check_failures_in_test = 0;
    test();
    if (check_failures_in_test == 0) {
        check_passed++;
        return;
    }
    check_failed++;
    fprintf(stderr, "FAILED: %s (%d checks)\n", name, check_failures_in_test);
}
#define RUN(fact) check_run(#fact, fact)

/* The line every test program ends with, and its exit status. */
static inline int check_report(void)
{
    printf("%d passed, %d failed\n", check_passed, check_failed);
    return check_failed != 0 || check_passed == 0;
}

/* Reproducible inputs: splitmix64, and floats that are exact multiples of 2^-23 in [-1, 1). */
static inline uint64_t check_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline float check_random_float(uint64_t *state, float scale)
{
    return scale * ((float)(int32_t)(check_random(state) >> 40) / 8388608.0f - 1.0f);
}

static inline void check_random_fill(float *x, size_t count, float scale, uint64_t *state)
{
    for (size_t i = 0; i < count; i++) {
        x[i] = check_random_float(state, scale);
    }
}

static inline void *check_alloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    if (p == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return p;
}
#define NEW_FLOATS(count) ((float *)check_alloc((count), sizeof(float)))

#endif
