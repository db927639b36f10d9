/* accuracy.c - tanh, sigmoid and e^x of lstm.h for every float, against double precision.
 *
 * Usage: accuracy NAME [STEP]   NAME heads the lines; STEP: every STEP-th float only
 *
 * The floats are taken in increasing order, so that steps down show; each thread takes a stretch
 * of them. The vector functions must give the bits of the scalar ones. One ULP is the distance
 * of the two floats around the true value. Exit status 1 if a function is off by more than 3.5
 * ULP, a special value is wrong or a bit differs. */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lstm.h"

#define MOST_ULP 3.5
#define INFINITY_BITS 0x7F800000
enum { BLOCK = 4096, THREADS = 2 };

typedef void (*function)(const float *x, float *y); /* of BLOCK floats */

static void scalar_tanh(const float *x, float *y)
{
    for (int k = 0; k < BLOCK; k++) {
        y[k] = lstm_impl_tanh(x[k]);
    }
}

static void scalar_sigmoid(const float *x, float *y)
{
    for (int k = 0; k < BLOCK; k++) {
        y[k] = lstm_impl_sigmoid(x[k]);
    }
}

static void scalar_exp(const float *x, float *y)
{
    for (int k = 0; k < BLOCK; k++) {
        y[k] = lstm_impl_exp(x[k]);
    }
}

/* The same by the vector functions of L lanes. */
#define VECTOR(name, L, target)                                      \
    static target void vector_##name##_##L(const float *x, float *y) \
    {                                                                \
        for (int k = 0; k < BLOCK; k += L) {                         \
            lstm_impl_v##L v;                                        \
            memcpy(&v, x + k, sizeof v);                             \
            lstm_impl_##name##_##L(&v);                              \
            memcpy(y + k, &v, sizeof v);                             \
        }                                                            \
    }
#define NO_TARGET
#if defined(LSTM_NO_SIMD) || !defined(__GNUC__)
static int has_width(int lanes)
{
    return lanes == 0;
}
#define WIDTHS(name) NULL, NULL, NULL
#elif defined(__x86_64__)
static int has_width(int lanes)
{
    return lanes == 4 || (lanes == 8 && __builtin_cpu_supports("avx2")) ||
           (lanes == 16 && __builtin_cpu_supports("avx512f"));
}
VECTOR(tanh, 4, NO_TARGET)
VECTOR(tanh, 8, __attribute__((target("avx2"))))
VECTOR(tanh, 16, __attribute__((target("avx512f"))))
VECTOR(sigmoid, 4, NO_TARGET)
VECTOR(sigmoid, 8, __attribute__((target("avx2"))))
VECTOR(sigmoid, 16, __attribute__((target("avx512f"))))
#define WIDTHS(name) vector_##name##_4, vector_##name##_8, vector_##name##_16
#else
static int has_width(int lanes)
{
    return lanes == 4;
}
VECTOR(tanh, 4, NO_TARGET)
VECTOR(sigmoid, 4, NO_TARGET)
#define WIDTHS(name) vector_##name##_4, NULL, NULL
#endif

/* The true values. Where libm would be slow and the result is plain, a series that is exact to
 * double's precision. */
static double true_tanh(double x)
{
    const double magnitude = fabs(x);
    return magnitude < 0x1p-13 ? x - x * x * x / 3.0
           : magnitude > 20.0  ? copysign(1.0, x)
                               : tanh(x);
}

static double true_sigmoid(double x)
{
    return fabs(x) < 0x1p-30 ? 0.5 + x / 4.0
           : x > 50.0        ? 1.0
           : x < -200.0      ? 0.0
                             : 1.0 / (1.0 + exp(-x));
}

static double true_exp(double x)
{
    return fabs(x) < 0x1p-30 ? 1.0 + x : x > 100.0 ? 0x1p140 : x < -200.0 ? 0.0 : exp(x);
}

typedef struct subject {
    const char *name;
    function scalar, vector[3]; /* of 4, 8 and 16 lanes */
    double (*true_value)(double);
    double at_zero, at_minus_infinity, at_infinity;
} subject;

/* The floats nearest to the true values of a block where these are plain: what the function is at
 * 0 (tanh: x itself) or at infinity. Most floats are so small or so large. Returns whether it is
 * such a block. */
static int plain_values(const subject *s, const float *x, float *y)
{
    const float first = fabsf(x[0]), last = fabsf(x[BLOCK - 1]);
    if (first < 0x1p-30f && last < 0x1p-30f) {
        for (int k = 0; k < BLOCK; k++) {
            y[k] = s->at_zero == 0.0 ? x[k] : (float)s->at_zero;
        }
        return 1;
    }
    if (first > 128.0f && last > 128.0f && (x[0] < 0.0f) == (x[BLOCK - 1] < 0.0f)) {
        for (int k = 0; k < BLOCK; k++) {
            y[k] = (float)(x[0] < 0.0f ? s->at_minus_infinity : s->at_infinity);
        }
        return 1;
    }
    return 0;
}

static const subject subjects[] = {
    {"tanh", scalar_tanh, {WIDTHS(tanh)}, true_tanh, 0.0, -1.0, 1.0},
    {"sigmoid", scalar_sigmoid, {WIDTHS(sigmoid)}, true_sigmoid, 0.5, 0.0, 1.0},
    {"exp", scalar_exp, {NULL, NULL, NULL}, true_exp, 1.0, 0.0, (double)INFINITY},
};

/* What one thread does and finds. */
typedef struct work {
    const subject *of;
    int64_t first, end,
        step; /* floats by rank: 0 is +0, 1 the least above it, -1 below */
    double most_ulp, most_absolute;
    float most_ulp_at, most_absolute_at;
    uint64_t count, breaks, differing[3];
} work;

static float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float float_of_rank(int64_t rank)
{
    return float_of_bits(rank < 0 ? 0x80000000u | (uint32_t)-rank : (uint32_t)rank);
}

/* 1/ULP */
static double per_ulp(double value)
{
    uint64_t bits;
    int exponent;
    memcpy(&bits, &value, sizeof bits);
    exponent = (int)(bits >> 52 & 0x7FFu) - 1023;
    exponent = exponent < -126 ? -126 : exponent > 127 ? 127 : exponent;
    bits = (uint64_t)(23 - exponent + 1023) << 52;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void judge(work *w, float x, float got)
{
    const double want = w->of->true_value((double)x);
    const double value =
        fmin((double)got, 0x1p128); /* infinity: the float after the last */
    const double error = fabs(value - fmin(want, 0x1p128));
    const double ulps = error * per_ulp(want);
    if (!(ulps <= w->most_ulp)) {
        w->most_ulp = isnan(ulps) ? HUGE_VAL : ulps;
        w->most_ulp_at = x;
    }
    if (!(error <= w->most_absolute)) {
        w->most_absolute = isnan(error) ? HUGE_VAL : error;
        w->most_absolute_at = x;
    }
}

static uint64_t count_differing(const float *a, const float *b)
{
    uint64_t count = 0;
    for (int k = 0; k < BLOCK && memcmp(a, b, BLOCK * sizeof *a) != 0; k++) {
        if (memcmp(a + k, b + k, sizeof *a) != 0 && !(isnan(a[k]) && isnan(b[k]))) {
            count++;
        }
    }
    return count;
}

static void compare_widths(work *w, const float *x, const float *y)
{
    float other[BLOCK];
    for (int k = 0; k < 3; k++) {
        if (w->of->vector[k] != NULL && has_width(4 << k)) {
            w->of->vector[k](x, other);
            w->differing[k] += count_differing(y, other);
        }
    }
}

static void *run(void *argument)
{
    work *w = (work *)argument;
    float x[BLOCK], y[BLOCK], plain[BLOCK], last = -HUGE_VALF;
    for (int64_t rank = w->first; rank < w->end;) {
        for (int k = 0; k < BLOCK; k++, rank += w->step) {
            x[k] = float_of_rank(rank < w->end ? rank : w->end - 1);
        }
        w->of->scalar(x, y);
        compare_widths(w, x, y);
        w->count += BLOCK;
        if (plain_values(w->of, x, plain) && memcmp(y, plain, sizeof y) == 0) {
            w->breaks += y[0] < last;
            last = y[BLOCK - 1];
            continue;
        }
        for (int k = 0; k < BLOCK; k++) {
            judge(w, x[k], y[k]);
            w->breaks += y[k] < last;
            last = y[k];
        }
    }
    return NULL;
}

/* All NaNs give NaNs; the rest as the table says. Returns how many are wrong. */
static int wrong_specials(const subject *s)
{
    const double zero = s->at_zero == 0.0 ? -0.0 : s->at_zero;
    const float wanted[5] = {(float)s->at_zero, (float)zero, (float)s->at_infinity,
                             (float)s->at_minus_infinity, 0.0f};
    float x[BLOCK] = {0.0f, -0.0f, HUGE_VALF, -HUGE_VALF}, y[BLOCK];
    int wrong = 0;
    for (int width = -1; width < 3; width++) {
        const function f = width < 0 ? s->scalar : s->vector[width];
        if (f == NULL || (width >= 0 && !has_width(4 << width))) {
            continue;
        }
        f(x, y);
        for (int k = 0; k < 4; k++) {
            wrong += memcmp(y + k, wanted + k, sizeof *y) != 0;
        }
        for (uint32_t nan = 1; nan < 0x800000u; nan += BLOCK) {
            float nans[BLOCK];
            for (uint32_t k = 0; k < BLOCK; k++) {
                nans[k] =
                    float_of_bits(INFINITY_BITS | (nan + k > 0x7FFFFFu ? 1u : nan + k) |
                                  (k & 1u) << 31);
            }
            f(nans, y);
            for (int k = 0; k < BLOCK; k++) {
                wrong += !isnan(y[k]);
            }
        }
    }
    return wrong;
}

static work merged(const work *a, const work *b)
{
    work both = *a;
    both.count += b->count;
    both.breaks += b->breaks;
    for (int k = 0; k < 3; k++) {
        both.differing[k] += b->differing[k];
    }
    if (b->most_ulp > a->most_ulp) {
        both.most_ulp = b->most_ulp;
        both.most_ulp_at = b->most_ulp_at;
    }
    if (b->most_absolute > a->most_absolute) {
        both.most_absolute = b->most_absolute;
        both.most_absolute_at = b->most_absolute_at;
    }
    return both;
}

/* Prints the line of one function; returns whether it is good. */
static int test(const char *name, const subject *s, int64_t step)
{
    const int64_t ranks = 2 * (int64_t)INFINITY_BITS + 1;
    const int wrong = wrong_specials(s);
    pthread_t threads[THREADS];
    work works[THREADS], all;
    uint64_t differing;
    memset(works, 0, sizeof works);
    for (int t = 0; t < THREADS; t++) {
        works[t].of = s;
        works[t].first = ranks * t / THREADS - INFINITY_BITS;
        works[t].end = ranks * (t + 1) / THREADS - INFINITY_BITS;
        works[t].step = step;
        if (pthread_create(&threads[t], NULL, run, &works[t]) != 0) {
            exit(2);
        }
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
    }
    all = works[0];
    for (int t = 1; t < THREADS; t++) {
        all = merged(&all, &works[t]);
    }
    printf("%-26s %-8s %6.3f at %-16.9g ", name, s->name, all.most_ulp,
           (double)all.most_ulp_at);
    if (s->at_infinity <= 1.0) {
        printf("%9.3g at %-12.9g ", all.most_absolute, (double)all.most_absolute_at);
    } else {
        printf("%27s", "");
    }
    printf("%8llu %5d  ", (unsigned long long)all.breaks, wrong);
    differing = 0;
    for (int k = 0; k < 3; k++) {
        if (s->vector[k] != NULL && has_width(4 << k)) {
            printf(" %d: %llu", 4 << k, (unsigned long long)all.differing[k]);
            differing += all.differing[k];
        }
    }
    printf("\n");
    fflush(stdout);
    return all.most_ulp <= MOST_ULP && wrong == 0 && differing == 0;
}

int main(int argc, char **argv)
{
    const long step = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
    int is_good = 1;
    if (argc < 2 || step < 1) {
        fprintf(stderr, "usage: accuracy NAME [STEP]\n");
        return 2;
    }
    for (size_t k = 0; k < sizeof subjects / sizeof *subjects; k++) {
        is_good &= test(argv[1], &subjects[k], step);
    }
    return !is_good;
}
