/* tables.c - `make bench`: every case by every build of lstm.h, how near it is to what the core can
 * do, the lines of lines.c, and how times grow with a size. An engine's output is compared with a
 * computation in double before it is timed. -DENGINES='X(name) ...' lists the builds, and
 * -DBUILDS='Y(compiler) ...' the compilers that lines.c compares. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "functions.h"

#define X(name) extern const engine name;
ENGINES
#undef X
#define X(name) &name,
static const engine *const engines[] = {ENGINES};
#undef X
enum { ENGINE_COUNT = sizeof engines / sizeof *engines };

/* Builds that run.sh left out are NULL. */
#define WEAK __attribute__((weak))
#define Y(name)                                                 \
    extern const lstm_functions name##_functions;               \
    extern const engine name##_native WEAK, name##_no_fma WEAK, \
        name##_no_fma_native WEAK, name##_int8 WEAK;            \
    extern const exported name##_exported WEAK, name##_exported_aligned WEAK;
BUILDS
#undef Y
#define Y(name)             \
    {#name,                 \
     &name##_functions,     \
     &name##_native,        \
     &name##_no_fma,        \
     &name##_no_fma_native, \
     &name##_int8,          \
     &name##_exported,      \
     &name##_exported_aligned},
static const lstm_build builds[] = {BUILDS};
enum { BUILD_COUNT = sizeof builds / sizeof *builds };

static double per_case(double time, const bench_case *a)
{
    return time / (a->is_stream ? (double)a->timesteps : 1.0);
}

static void print_time(double t)
{
    if (t < 1e-6) {
        printf(" %9.1f ns", t * 1e9);
    } else if (t < 1e-3) {
        printf(" %9.2f us", t * 1e6);
    } else {
        printf(" %9.3f ms", t * 1e3);
    }
}

static void print_head(const char *first)
{
    printf("%-34s", first);
    for (size_t e = 0; e < ENGINE_COUNT; e++) {
        printf(" %12.12s", engines[e]->name);
    }
    printf("\n");
}

/* The limits of the core, and which level of cache holds so many bytes. */
enum { LEVELS = 3 }; /* what L2 does not hold, L3 does */
static double peak, loads[LEVELS];
static size_t level_size[LEVELS - 1];

static int level_of(double bytes)
{
    int level = 0;
    while (level < LEVELS - 1 && bytes > (double)level_size[level]) {
        level++;
    }
    return level;
}

static void measure_limits(void)
{
    static const int names[LEVELS - 1] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE};
    static const size_t usual[LEVELS - 1] = {32u << 10, 512u << 10};
    for (int k = 0; k < LEVELS - 1; k++) {
        const long size = sysconf(names[k]);
        level_size[k] = size > 0 ? (size_t)size : usual[k];
    }
    peak = machine_peak();
    loads[0] = machine_load(level_size[0] / 2);
    loads[1] = machine_load(level_size[1] / 2);
    loads[2] = machine_load(level_size[1] * 8);
    printf(
        "one core: %.0f GFLOP/s of fused multiply-adds, %.0f of products and sums apart",
        peak, machine_peak_apart());
    for (int k = 0; k < LEVELS; k++) {
        printf("; L%d %.0f GB/s", k + 1, loads[k]);
    }
    printf("\n\n");
}

/* One line of times, two of the shares of the limits; returns the count of wrong outputs. */
static int print_case(const bench_case *a)
{
    problem *p = new_problem(a, 0);
    runner r[ENGINE_COUNT];
    timed t[ENGINE_COUNT];
    char text[64];
    /* Read anew in each step; the kernel can serve several steps at once. */
    const double weights = 16.0 * (double)(a->units * a->units);
    const int level = level_of(weights);
    int wrong = 0;
    compute_in_double(p);
    for (size_t e = 0; e < ENGINE_COUNT; e++) {
        if (!runner_begin(&r[e], engines[e], p)) {
            fprintf(stderr, "%s: cannot run\n", engines[e]->name);
            exit(1);
        }
        wrong += !(r[e].error < 1e-5);
        timed_begin(&t[e], runner_run, &r[e]);
    }
    timed_all(t, ENGINE_COUNT, 0.1, 5);
    snprintf(text, sizeof text, "%-6s %lu x (%lu,%lu) LSTM(%lu)", a->name,
             (unsigned long)a->batch, (unsigned long)(a->is_stream ? 1 : a->timesteps),
             (unsigned long)a->input_dim, (unsigned long)a->units);
    if (a->dense_units != 0) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "+Dense(%lu)",
                 (unsigned long)a->dense_units);
    }
    printf("%-34s", text);
    for (size_t e = 0; e < ENGINE_COUNT; e++) {
        print_time(per_case(t[e].best, a));
    }
    printf("\n%-34s", "       GFLOP/s, % of the peak");
    for (size_t e = 0; e < ENGINE_COUNT; e++) {
        const double flops = 2e-9 * multiply_adds(a) / t[e].best;
        printf(" %7.1f %3.0f%%", flops, 100.0 * flops / peak);
    }
    snprintf(text, sizeof text, "       recurrent GB/s, %% of L%d's", level + 1);
    printf("\n%-34s", text);
    for (size_t e = 0; e < ENGINE_COUNT; e++) {
        /* once a step, for all sequences of a batch together */
        const double rate = 1e-9 * weights * (double)a->timesteps / t[e].best;
        printf(" %7.1f %3.0f%%", rate, 100.0 * rate / loads[level]);
        runner_end(&r[e]);
    }
    printf("\n");
    fflush(stdout);
    free_problem(p);
    return wrong;
}

/* Times of a growing size; `of` divides the time. */
static void print_growth(const char *title, const bench_case *cases, size_t count,
                         double (*of)(const bench_case *))
{
    printf("%-34s", title);
    for (size_t e = 0; e < BUILD_COUNT; e++) {
        printf(" %12s", builds[e].name);
    }
    printf("\n");
    for (size_t k = 0; k < count; k++) {
        problem *p = new_problem(&cases[k], 0);
        runner r[BUILD_COUNT];
        timed t[BUILD_COUNT];
        for (size_t e = 0; e < BUILD_COUNT; e++) {
            if (!runner_begin(&r[e], builds[e].plain->as_engine, p)) {
                exit(1);
            }
            timed_begin(&t[e], runner_run, &r[e]);
        }
        timed_all(t, BUILD_COUNT, 0.02, 5);
        printf("%-34s", cases[k].name);
        for (size_t e = 0; e < BUILD_COUNT; e++) {
            print_time(t[e].best / of(&cases[k]));
            runner_end(&r[e]);
        }
        printf("\n");
        fflush(stdout);
        free_problem(p);
    }
}

static double timesteps_of(const bench_case *a)
{
    return (double)a->timesteps;
}

static double thousand_multiply_adds_of(const bench_case *a)
{
    return multiply_adds(a) / 1000.0;
}

static double batch_of(const bench_case *a)
{
    return (double)a->batch;
}

static void print_growths(void)
{
    static const bench_case steps[] = {
        {"1 step", 1, 1, 32, 32, 0, 0},      {"2 steps", 1, 2, 32, 32, 0, 0},
        {"4 steps", 1, 4, 32, 32, 0, 0},     {"8 steps", 1, 8, 32, 32, 0, 0},
        {"16 steps", 1, 16, 32, 32, 0, 0},   {"64 steps", 1, 64, 32, 32, 0, 0},
        {"256 steps", 1, 256, 32, 32, 0, 0}, {"1024 steps", 1, 1024, 32, 32, 0, 0}};
    static const bench_case units[] = {
        {"4 units", 1, 20, 16, 4, 0, 0},     {"8 units", 1, 20, 16, 8, 0, 0},
        {"16 units", 1, 20, 16, 16, 0, 0},   {"32 units", 1, 20, 16, 32, 0, 0},
        {"33 units", 1, 20, 16, 33, 0, 0},   {"64 units", 1, 20, 16, 64, 0, 0},
        {"128 units", 1, 20, 16, 128, 0, 0}, {"256 units", 1, 20, 16, 256, 0, 0},
        {"512 units", 1, 20, 16, 512, 0, 0}, {"1024 units", 1, 20, 16, 1024, 0, 0}};
    static const bench_case batches[] = {
        {"batch 1", 1, 20, 64, 64, 0, 0},   {"batch 2", 2, 20, 64, 64, 0, 0},
        {"batch 3", 3, 20, 64, 64, 0, 0},   {"batch 4", 4, 20, 64, 64, 0, 0},
        {"batch 8", 8, 20, 64, 64, 0, 0},   {"batch 9", 9, 20, 64, 64, 0, 0},
        {"batch 32", 32, 20, 64, 64, 0, 0}, {"batch 128", 128, 20, 64, 64, 0, 0}};
    print_growth("time of a step, (T,32) LSTM(32)", steps, sizeof steps / sizeof *steps,
                 timesteps_of);
    printf("\n");
    print_growth("of 1000 products, (20,16)", units, sizeof units / sizeof *units,
                 thousand_multiply_adds_of);
    printf("\n");
    print_growth("of a sequence, (20,64) LSTM(64)", batches,
                 sizeof batches / sizeof *batches, batch_of);
}

int main(int argc, char **argv)
{
    int wrong = 0, not_finite = 0;
    measure_limits();
    if (wants("cases", argc, argv)) {
        print_head("case");
        for (size_t k = 0; k < BENCH_CASES; k++) {
            wrong += print_case(&bench_cases[k]);
        }
    }
    not_finite = print_lines(builds, BUILD_COUNT, argc, argv);
    if (wants("growth", argc, argv)) {
        printf("\n");
        print_growths();
    }
    if (wrong != 0) {
        printf("FAILED: %d outputs are not what double precision gives\n", wrong);
    }
    return wrong != 0 || not_finite != 0;
}
