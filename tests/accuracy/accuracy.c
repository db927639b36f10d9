/* accuracy.c - tanh, sigmoid and e^x of lstm.h for every float, and a cell's step for random gates,
 * against double precision.
 *
 * Usage: accuracy NAME [STEP]   NAME heads the lines; STEP: every STEP-th float only
 *
 * The floats are taken in increasing order, so that steps down show; each thread takes a stretch
 * of them. Instruction sets that round products and sums apart must all give the same bits, and so
 * must those that fuse them: each kind has its lines. One ULP is the distance of the two floats
 * around the true value. Exit status 1 if a function is off by more than 3 ULP or a cell by more
 * than 7, a special value is wrong or a bit differs. */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define LSTM_TEST_SET LSTM_IMPL_PORTABLE /* all sets are there; the API is not called */
#include "lstm.h"
#include "../sets.h"

#define MOST_ULP 3.0
#define MOST_CELL_ULP 7.0
#define INFINITY_BITS 0x7F800000
enum { BLOCK = 4096, THREADS = 2, SETS = 6, CELLS = 4000000 };

typedef void (*function)(float *z, size_t n); /* in place */

/* The functions of a set */
typedef struct functions {
    function tanh, sigmoid, exp;
    lstm_impl_cells cells;
} functions;

#define FUNCTIONS_OF(set) FUNCTIONS_AND_CELLS(set, set)
/* AVX-512 has the functions of AVX2 and cells of its own. */
#define FUNCTIONS_AND_CELLS(set, cells_set)                              \
    {                                                                    \
        lstm_impl_all_tanh_##set, lstm_impl_all_sigmoid_##set,           \
            lstm_impl_all_exponential_##set, lstm_impl_cells_##cells_set \
    }
#define NO_FUNCTIONS           \
    {                          \
        NULL, NULL, NULL, NULL \
    }

/* By the number of the set, lstm_impl_set */
static const functions of_set[SETS] = {FUNCTIONS_OF(portable),
#if defined(LSTM_NO_SIMD) || !defined(__GNUC__)
                                       NO_FUNCTIONS,           NO_FUNCTIONS, NO_FUNCTIONS,
                                       NO_FUNCTIONS,           NO_FUNCTIONS
#elif defined(__x86_64__) && defined(LSTM_NO_FMA)
                                       NO_FUNCTIONS,
                                       FUNCTIONS_OF(vector4),
                                       NO_FUNCTIONS,
                                       FUNCTIONS_OF(avx2),
                                       FUNCTIONS_AND_CELLS(avx2, avx512)
#elif defined(__x86_64__)
                                       FUNCTIONS_OF(portable_fma),
                                       FUNCTIONS_OF(vector4),
                                       FUNCTIONS_OF(vector4_fma),
                                       FUNCTIONS_OF(avx2),
                                       FUNCTIONS_AND_CELLS(avx2, avx512)
#else
                                       NO_FUNCTIONS,
                                       FUNCTIONS_OF(vector4),
                                       NO_FUNCTIONS,
                                       NO_FUNCTIONS,
                                       NO_FUNCTIONS
#endif
};
static const char *const set_names[SETS] = {
    "portable", "portable, FMA", "4", "4, FMA", "8", "16"};

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
    function of[SETS]; /* the sets of a kind: all have to give the bits of the first */
    int count;
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

static subject subjects[] = {
    {"tanh", {NULL}, 0, true_tanh, 0.0, -1.0, 1.0},
    {"sigmoid", {NULL}, 0, true_sigmoid, 0.5, 0.0, 1.0},
    {"exp", {NULL}, 0, true_exp, 1.0, 0.0, (double)INFINITY},
};

/* What one thread does and finds. */
typedef struct work {
    const subject *of;
    int64_t first, end,
        step; /* floats by rank: 0 is +0, 1 the least above it, -1 below */
    double most_ulp, most_absolute;
    float most_ulp_at, most_absolute_at;
    uint64_t count, breaks, differing;
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

static void apply(function f, const float *x, float *y)
{
    memcpy(y, x, BLOCK * sizeof *y);
    f(y, BLOCK);
}

static void compare_sets(work *w, const float *x, const float *y)
{
    float other[BLOCK];
    for (int k = 1; k < w->of->count; k++) {
        apply(w->of->of[k], x, other);
        w->differing += count_differing(y, other);
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
        apply(w->of->of[0], x, y);
        compare_sets(w, x, y);
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
    for (int set = 0; set < s->count; set++) {
        apply(s->of[set], x, y);
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
            apply(s->of[set], nans, y);
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
    both.differing += b->differing;
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
    printf("%-34s %-8s %6.3f at %-16.9g ", name, s->name, all.most_ulp,
           (double)all.most_ulp_at);
    if (s->at_infinity <= 1.0) {
        printf("%9.3g at %-12.9g ", all.most_absolute, (double)all.most_absolute_at);
    } else {
        printf("%27s", "");
    }
    printf("%8llu %5d  ", (unsigned long long)all.breaks, wrong);
    printf("%llu", (unsigned long long)all.differing);
    printf("\n");
    fflush(stdout);
    return all.most_ulp <= MOST_ULP && wrong == 0 && all.differing == 0;
}

/* ---- the cell ---- */

typedef struct worst {
    double most, sum_of_squares;
    uint64_t count;
} worst;

static void take_error(worst *w, float got, double want, double unit_of)
{
    const double error = fabs((double)got - want) * per_ulp(unit_of);
    w->most = error <= w->most ? w->most : isnan(error) ? HUGE_VAL : error;
    w->sum_of_squares += error * error;
    w->count++;
}

/* Between -1 and 1, more often near 0 */
static float near_0(uint64_t *state)
{
    float sum = 0.0f;
    for (int k = 0; k < 3; k++) {
        uint64_t z = (*state += 0x9E3779B97F4A7C15u);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        sum += (float)(int32_t)((z ^ (z >> 31)) >> 40) / 8388608.0f - 1.0f;
    }
    return sum / 3.0f;
}

/* c and h of one step from random gates and a random c. Where the two terms of c cancel no float
 * arithmetic is near, so the unit is the ULP of the larger term, and for h what that makes of it. */
static int test_cell(const char *name, const instruction_sets *sets)
{
    enum { UNITS = 48 };
    static const float scales[] = {1.0f, 4.0f, 12.0f, 40.0f};
    worst of_c = {0.0, 0.0, 0}, of_h = {0.0, 0.0, 0};
    uint64_t seed = 1, differing = 0;
    for (int round = 0; round < CELLS / UNITS; round++) {
        const float scale = scales[round % 4];
        float z[4 * UNITS], used_z[4 * UNITS], old_c[UNITS], h[UNITS], c[UNITS],
            other_h[UNITS], other_c[UNITS];
        for (int k = 0; k < 4 * UNITS; k++) {
            z[k] = scale * near_0(&seed);
        }
        for (int k = 0; k < UNITS; k++) {
            old_c[k] = 3.0f * near_0(&seed);
        }
        for (int k = 0; k < sets->count; k++) {
            memcpy(k == 0 ? c : other_c, old_c, sizeof c);
            memcpy(used_z, z, sizeof z);
            of_set[sets->sets[k]].cells(NULL, UNITS, used_z, k == 0 ? h : other_h,
                                        k == 0 ? c : other_c);
            differing += k != 0 && (memcmp(c, other_c, sizeof c) != 0 ||
                                    memcmp(h, other_h, sizeof h) != 0);
        }
        for (int k = 0; k < UNITS; k++) {
            const double kept = true_sigmoid((double)z[UNITS + k]) * (double)old_c[k];
            const double added =
                true_sigmoid((double)z[k]) * true_tanh((double)z[2 * UNITS + k]);
            const double o = true_sigmoid((double)z[3 * UNITS + k]);
            const double want = kept + added;
            const double larger = fabs(kept) > fabs(added) ? kept : added;
            take_error(&of_c, c[k], want, larger);
            take_error(&of_h, h[k], o * true_tanh(want),
                       fabs(larger) > fabs(want) ? o * true_tanh(larger)
                                                 : o * true_tanh(want));
        }
    }
    printf("%-34s cell c   %6.3f (rms %.3f)   h %6.3f (rms %.3f), ULP%22s%llu\n", name,
           of_c.most, sqrt(of_c.sum_of_squares / (double)of_c.count), of_h.most,
           sqrt(of_h.sum_of_squares / (double)of_h.count), "",
           (unsigned long long)differing);
    fflush(stdout);
    return of_c.most <= MOST_CELL_ULP && of_h.most <= MOST_CELL_ULP && differing == 0;
}

/* All lines of one kind of sets */
static int test_kind(const char *build, const char *kind, const instruction_sets *sets,
                     int64_t step)
{
    char name[64];
    int is_good = 1;
    snprintf(name, sizeof name, "%s, %s", build, kind);
    if (sets->count == 0) {
        return 1;
    }
    printf("%s, sets:", name);
    for (int k = 0; k < sets->count; k++) {
        const functions *of = &of_set[sets->sets[k]];
        printf(" %s;", set_names[sets->sets[k]]);
        if (of->cells == NULL) {
            printf(" is not in this build\n");
            return 0;
        }
        subjects[0].of[k] = of->tanh;
        subjects[1].of[k] = of->sigmoid;
        subjects[2].of[k] = of->exp;
    }
    printf("\n");
    for (size_t k = 0; k < sizeof subjects / sizeof *subjects; k++) {
        subjects[k].count = sets->count;
        is_good &= test(name, &subjects[k], step);
    }
    return test_cell(name, sets) && is_good;
}

int main(int argc, char **argv)
{
    const long step = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
    instruction_sets apart = {{0}, 0}, fused = {{0}, 0};
    int is_good;
    if (argc < 2 || step < 1) {
        fprintf(stderr, "usage: accuracy NAME [STEP]\n");
        return 2;
    }
    find_sets(&apart, &fused);
    is_good = test_kind(argv[1], "apart", &apart, step);
    return !(test_kind(argv[1], "fused", &fused, step) && is_good);
}
