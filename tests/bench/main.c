/* main.c - times the engines it is linked with.
 *
 * Usage: bench                      tables: every case by every engine, limits, growth
 *        bench --worker             for peers.py: answers the lines "cases", "engines", "machine",
 *                                   "dump CASE FILE" and "time ENGINE CASE MILLISECONDS"
 * An engine's output is compared with a computation in double before it is timed. Times are the
 * least of many runs, the engines taking turns. -DENGINES='X(name) ...' lists the engines. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "bench.h"

#define X(name) extern const engine name;
ENGINES
#undef X
#define X(name) &name,
static const engine *const engines[] = {ENGINES};
enum { ENGINE_COUNT = sizeof engines / sizeof *engines };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *allocate(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    if (p == NULL) {
        exit(2);
    }
    return p;
}

/* ---- problems ------------------------------------------------------------------------ */

float *new_floats(size_t count)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, (count + 1) * sizeof(float)) != 0) {
        exit(2);
    }
    return (float *)memset(p, 0, (count + 1) * sizeof(float));
}

static float *new_random(size_t count, float scale, uint64_t *state)
{
    float *x = new_floats(count);
    for (size_t k = 0; k < count; k++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        x[k] = scale * ((float)(*state >> 40) / 8388608.0f - 1.0f);
    }
    return x;
}

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static void step_in_double(const problem *p, const float *x, double *h, double *c,
                           double *z)
{
    const size_t units = p->shape.units, columns = 4 * units,
                 input_dim = p->shape.input_dim;
    for (size_t j = 0; j < columns; j++) {
        z[j] = (double)p->weights[(input_dim + units) * columns + j];
    }
    for (size_t k = 0; k < input_dim + units; k++) {
        const double a = k < input_dim ? (double)x[k] : h[k - input_dim];
        for (size_t j = 0; j < columns; j++) {
            z[j] += a * (double)p->weights[k * columns + j];
        }
    }
    for (size_t u = 0; u < units; u++) {
        c[u] = sigmoid(z[units + u]) * c[u] + sigmoid(z[u]) * tanh(z[2 * units + u]);
        h[u] = sigmoid(z[3 * units + u]) * tanh(c[u]);
    }
}

static void output_in_double(const problem *p, const double *h, double *y)
{
    const size_t units = p->shape.units, outputs = p->shape.dense_units;
    for (size_t o = 0; o < outputs; o++) {
        y[o] = (double)p->dense_weights[units * outputs + o];
        for (size_t u = 0; u < units; u++) {
            y[o] += h[u] * (double)p->dense_weights[u * outputs + o];
        }
    }
    for (size_t u = 0; outputs == 0 && u < units; u++) {
        y[u] = h[u];
    }
}

static void compute_in_double(problem *p)
{
    const bench_case *a = &p->shape;
    const size_t y_step = a->dense_units ? a->dense_units : a->units;
    double *h = (double *)allocate(a->units, sizeof *h),
           *c = (double *)allocate(a->units, 8);
    double *z = (double *)allocate(4 * a->units, sizeof *z);
    for (size_t b = 0; b < a->batch; b++) {
        memset(h, 0, a->units * sizeof *h);
        memset(c, 0, a->units * sizeof *c);
        for (size_t t = 0; t < a->timesteps; t++) {
            step_in_double(p, p->x + (b * a->timesteps + t) * a->input_dim, h, c, z);
            output_in_double(p, h, p->want + (a->is_stream ? t : b) * y_step);
        }
    }
    free(h);
    free(c);
    free(z);
}

static size_t weights_off; /* floats that the weights begin off their alignment */

static problem *new_problem(const bench_case *a)
{
    problem *p = (problem *)allocate(1, sizeof *p);
    const float scale = 1.0f / sqrtf((float)(a->units + a->input_dim));
    uint64_t seed = a->units;
    p->shape = *a;
    p->weight_count = 4 * a->units * (a->input_dim + a->units + 1);
    p->dense_count = a->dense_units * (a->units + 1);
    p->x_len = a->batch * a->timesteps * a->input_dim;
    p->y_len = a->is_stream ? a->timesteps * a->dense_units
                            : a->batch * (a->dense_units ? a->dense_units : a->units);
    p->weights = new_random(p->weight_count + weights_off, scale, &seed) + weights_off;
    p->dense_weights = new_random(p->dense_count, 0.5f, &seed);
    p->x = new_random(p->x_len, 1.0f, &seed);
    p->want = (double *)allocate(p->y_len, sizeof *p->want);
    return p;
}

static void free_problem(problem *p)
{
    free(p->weights - weights_off);
    free(p->dense_weights);
    free(p->x);
    free(p->want);
    free(p);
}

static double multiply_adds(const bench_case *a)
{
    const double lstm = (double)(4 * a->units * (a->input_dim + a->units));
    const double dense = (double)(a->units * a->dense_units);
    return (double)a->batch * (double)a->timesteps * lstm +
           (double)(a->is_stream ? a->timesteps : a->batch) * dense;
}

/* ---- timing -------------------------------------------------------------------------- */

typedef struct runner {
    const engine *of;
    const problem *p;
    void *state;
    float *y;
    size_t runs; /* in a row between two looks at the clock */
    double best; /* seconds of a run */
    double error;
} runner;

/* Seconds of `runs` runs. */
static double run_for(const runner *r, size_t runs)
{
    const double start = seconds();
    for (size_t k = 0; k < runs; k++) {
        r->of->run(r->state, r->y);
    }
    return seconds() - start;
}

static double worst_error(const problem *p, const float *y)
{
    double worst = 0.0;
    for (size_t k = 0; k < p->y_len; k++) {
        const double error = fabs((double)y[k] - p->want[k]);
        worst = error <= worst ? worst : error; /* a NaN stays */
    }
    return worst;
}

/* Opens, compares (unless p->want is empty, as in the growth tables) and finds how many runs take
 * a tenth of a millisecond. Returns 0 if the engine cannot run this. */
static int begin(runner *r, const engine *of, const problem *p)
{
    memset(r, 0, sizeof *r);
    r->of = of;
    r->p = p;
    r->state = of->open(p);
    if (r->state == NULL) {
        return 0;
    }
    r->y = (float *)allocate(p->y_len, sizeof *r->y);
    run_for(r, 1);
    r->error = worst_error(p, r->y);
    r->best = 1e9;
    for (r->runs = 1; r->runs < 1u << 20 && run_for(r, r->runs) < 1e-4;) {
        r->runs *= 2;
    }
    return 1;
}

static void end(runner *r)
{
    r->of->close(r->state);
    free(r->y);
}

static void measure(runner *r)
{
    const double time = run_for(r, r->runs) / (double)r->runs;
    r->best = time < r->best ? time : r->best;
}

/* The engines in turn, each until it has had its time, and so often at least. */
static void measure_all(runner *r, size_t count, double seconds_each, int least)
{
    double used[ENGINE_COUNT] = {0};
    int go_on = 1;
    for (int k = 0; go_on; k++) {
        go_on = 0;
        for (size_t e = 0; e < count; e++) {
            if (k < least || used[e] < seconds_each) {
                const double start = seconds();
                measure(&r[e]);
                used[e] += seconds() - start;
                go_on = 1;
            }
        }
    }
}

static double per_case(const runner *r)
{
    const bench_case *a = &r->p->shape;
    return a->is_stream ? r->best / (double)a->timesteps : r->best;
}

/* ---- tables -------------------------------------------------------------------------- */

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
        printf(" %12s", engines[e]->name);
    }
    printf("\n");
}

static double peak, load_1, load_2, load_3;

/* One line of times and one of the shares of the limits; returns the count of wrong outputs. */
static int print_case(const bench_case *a)
{
    problem *p = new_problem(a);
    runner r[ENGINE_COUNT];
    char text[64];
    int wrong = 0;
    compute_in_double(p);
    for (size_t e = 0; e < ENGINE_COUNT; e++) {
        if (!begin(&r[e], engines[e], p)) {
            fprintf(stderr, "%s: cannot run\n", engines[e]->name);
            exit(1);
        }
        wrong += !(r[e].error < 1e-5);
    }
    measure_all(r, ENGINE_COUNT, 0.15, 5);
    snprintf(text, sizeof text, "%-6s %lu x (%lu,%lu) LSTM(%lu)", a->name,
             (unsigned long)a->batch, (unsigned long)(a->is_stream ? 1 : a->timesteps),
             (unsigned long)a->input_dim, (unsigned long)a->units);
    if (a->dense_units != 0) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "+Dense(%lu)",
                 (unsigned long)a->dense_units);
    }
    printf("%-34s", text);
    for (size_t e = 0; e < ENGINE_COUNT; e++) {
        print_time(per_case(&r[e]));
    }
    printf("\n%-34s", "       GFLOP/s, % of the peak");
    for (size_t e = 0; e < ENGINE_COUNT; e++) {
        const double flops = 2e-9 * multiply_adds(a) / r[e].best;
        printf(" %7.1f %3.0f%%", flops, 100.0 * flops / peak);
    }
    printf("\n%-34s", "       weights GB/s, % of L1 loads");
    for (size_t e = 0; e < ENGINE_COUNT; e++) {
        const double rate = 4e-9 * multiply_adds(a) / (double)a->batch / r[e].best;
        printf(" %7.1f %3.0f%%", rate, 100.0 * rate / load_1);
        end(&r[e]);
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
    if (title != NULL) {
        print_head(title);
    }
    for (size_t k = 0; k < count; k++) {
        problem *p = new_problem(&cases[k]);
        runner r[ENGINE_COUNT];
        for (size_t e = 0; e < ENGINE_COUNT; e++) {
            begin(&r[e], engines[e], p);
        }
        measure_all(r, ENGINE_COUNT, 0.02, 5);
        printf("%-34s", cases[k].name);
        for (size_t e = 0; e < ENGINE_COUNT; e++) {
            print_time(r[e].best / of(&cases[k]));
            end(&r[e]);
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
    printf("\n");
    for (weights_off = 0; weights_off <= 8;
         weights_off = weights_off ? 2 * weights_off : 1) {
        char text[64];
        bench_case seed = bench_cases[0];
        snprintf(text, sizeof text, "weights off by %lu bytes",
                 4 * (unsigned long)weights_off);
        seed.name = text;
        print_growth(weights_off == 0 ? "of the case seed" : NULL, &seed, 1, batch_of);
    }
    weights_off = 0;
}

static int print_tables(void)
{
    int wrong = 0;
    peak = machine_peak();
    load_1 = machine_load(16u << 10);
    load_2 = machine_load(256u << 10);
    load_3 = machine_load(4u << 20);
    printf(
        "one core: %.0f GFLOP/s of fused multiply-adds, %.0f of products and sums apart; "
        "loads %.0f GB/s of 16 KiB, %.0f of 256 KiB, %.0f of 4 MiB\n\n",
        peak, machine_peak_apart(), load_1, load_2, load_3);
    print_head("case");
    for (size_t k = 0; k < BENCH_CASES; k++) {
        wrong += print_case(&bench_cases[k]);
    }
    printf("\n");
    print_growths();
    if (wrong != 0) {
        printf("FAILED: %d outputs are not what double precision gives\n", wrong);
    }
    return wrong != 0;
}

/* ---- worker -------------------------------------------------------------------------- */

static problem *problems[BENCH_CASES];
static runner runners[ENGINE_COUNT][BENCH_CASES];

static size_t find_case(const char *name)
{
    for (size_t k = 0; k < BENCH_CASES; k++) {
        if (strcmp(bench_cases[k].name, name) == 0) {
            if (problems[k] == NULL) {
                problems[k] = new_problem(&bench_cases[k]);
                compute_in_double(problems[k]);
            }
            return k;
        }
    }
    return BENCH_CASES;
}

/* Weights, Dense weights and x as floats, then the wanted output as doubles. */
static int dump(const problem *p, const char *path)
{
    FILE *file = fopen(path, "wb");
    size_t written = 0;
    if (file == NULL) {
        return 0;
    }
    written += fwrite(p->weights, sizeof(float), p->weight_count, file);
    written += fwrite(p->dense_weights, sizeof(float), p->dense_count, file);
    written += fwrite(p->x, sizeof(float), p->x_len, file);
    written += fwrite(p->want, sizeof(double), p->y_len, file);
    return fclose(file) == 0 &&
           written == p->weight_count + p->dense_count + p->x_len + p->y_len;
}

static void answer_time(const char *engine_name, size_t k, double milliseconds)
{
    for (size_t e = 0; e < ENGINE_COUNT; e++) {
        runner *r = &runners[e][k];
        if (strcmp(engines[e]->name, engine_name) != 0) {
            continue;
        }
        if (r->of == NULL && !begin(r, engines[e], problems[k])) {
            break;
        }
        r->best = 1e9;
        measure_all(r, 1, 1e-3 * milliseconds, 1);
        printf("%.9g 0 %.3g\n", per_case(r), r->error);
        return;
    }
    printf("cannot run\n");
}

static void answer(const char *line)
{
    char name[64], file[512];
    double milliseconds;
    if (strncmp(line, "cases", 5) == 0) {
        for (size_t k = 0; k < BENCH_CASES; k++) {
            const bench_case *a = &bench_cases[k];
            printf("%s %lu %lu %lu %lu %lu %d\n", a->name, (unsigned long)a->batch,
                   (unsigned long)a->timesteps, (unsigned long)a->input_dim,
                   (unsigned long)a->units, (unsigned long)a->dense_units, a->is_stream);
        }
        printf("end\n");
    } else if (strncmp(line, "engines", 7) == 0) {
        for (size_t e = 0; e < ENGINE_COUNT; e++) {
            printf("%s %s\n", engines[e]->name, engines[e]->version());
        }
        printf("end\n");
    } else if (strncmp(line, "machine", 7) == 0) {
        printf("%.0f GFLOP/s fused, %.0f apart, loads from L1 %.0f GB/s\n",
               machine_peak(), machine_peak_apart(), machine_load(16u << 10));
    } else if (sscanf(line, "dump %63s %511s", name, file) == 2 &&
               find_case(name) < BENCH_CASES) {
        printf("%s\n", dump(problems[find_case(name)], file) ? "done" : "cannot write");
    } else if (sscanf(line, "time %63s %511s %lf", name, file, &milliseconds) == 3 &&
               find_case(file) < BENCH_CASES) {
        answer_time(name, find_case(file), milliseconds);
    } else {
        printf("what?\n");
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char line[1024];
    if (argc < 2 || strcmp(argv[1], "--worker") != 0) {
        return print_tables();
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        answer(line);
    }
    return 0;
}
