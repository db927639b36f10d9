/* lines.c - what users' programs do that the nine cases do not: weights at any place, every
 * activation, masks, odd sizes, silence. Each line is a case with its time as a ratio to the case
 * beside it, and the ratio to reach; those with a time an element have that to reach. Lines that
 * need another library are peers.py's. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "functions.h"

/* ---- one timed call ------------------------------------------------------------------ */

typedef struct job {
    const lstm_functions *by;
    lstm_layer lstm;
    lstm_dense dense;
    const float *x;
    const unsigned char *mask;
    size_t batch, timesteps; /* Dense: batch rows */
    float first_c;
    float *h, *c, *y, *scratch;
} job;

static void *owned[4096]; /* freed after each line */
static size_t owned_count;

static void *own(void *p)
{
    if (owned_count == sizeof owned / sizeof *owned) {
        exit(2);
    }
    return owned[owned_count++] = p;
}

static void free_owned(void)
{
    while (owned_count > 0) {
        free(owned[--owned_count]);
    }
}

static float *floats(size_t count)
{
    return (float *)own(new_floats(count));
}

static float *random_floats(size_t count, float scale)
{
    unsigned long long seed = count;
    return (float *)own(new_random(count, scale, &seed));
}

static job lstm_job(const lstm_functions *by, size_t batch, size_t timesteps,
                    size_t input_dim, size_t units)
{
    job j;
    const size_t count = LSTM_PARAM_COUNT(input_dim, units);
    const float scale = 1.0f / sqrtf((float)(units + input_dim));
    memset(&j, 0, sizeof j);
    j.by = by;
    j.batch = batch;
    j.timesteps = timesteps;
    if (lstm_layer_init(&j.lstm, input_dim, units, random_floats(count, scale), count) !=
        LSTM_OK) {
        exit(2);
    }
    j.x = random_floats(batch * timesteps * input_dim, 1.0f);
    j.h = floats(batch * units);
    j.c = floats(batch * units);
    j.y = floats(batch * units);
    j.scratch = floats(LSTM_BATCH_SCRATCH_LEN(batch, units));
    return j;
}

static void start(job *j)
{
    const size_t count = j->batch * j->lstm.units;
    for (size_t k = 0; k < count; k++) {
        j->h[k] = 0.0f;
        j->c[k] = j->first_c;
    }
}

static void run_forward(void *data)
{
    job *j = (job *)data;
    start(j);
    j->by->forward_batch(&j->lstm, j->x, j->mask, j->batch, j->timesteps, j->h, j->c,
                         j->y, j->scratch);
}

static void run_steps(void *data)
{
    job *j = (job *)data;
    start(j);
    for (size_t t = 0; t < j->timesteps; t++) {
        j->by->step(&j->lstm, j->x + t * j->lstm.input_dim, j->h, j->c, j->scratch);
    }
}

static void run_dense(void *data)
{
    job *j = (job *)data;
    j->by->dense_forward(&j->dense, j->x, j->batch, j->y);
}

/* ---- printing ------------------------------------------------------------------------ */

static const lstm_build *builds;
static size_t build_count;
static int not_finite;

static void check(const float *y, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        if (!(y[k] - y[k] == 0.0f)) {
            not_finite++;
            printf("FAILED: an output that is not finite, in the next line\n");
            return;
        }
    }
}

static void print_time(double t)
{
    if (t < 1e-6) {
        printf(" %8.2f ns", t * 1e9);
    } else if (t < 1e-3) {
        printf(" %8.2f us", t * 1e6);
    } else {
        printf(" %8.3f ms", t * 1e3);
    }
}

static void print_title(const char *title, const char *beside)
{
    printf("\n%-42s", title);
    for (size_t k = 0; k < build_count; k++) {
        printf(" %11s %6s ", builds[k].name, "ratio");
    }
    printf("  reach  ratio to: %s\n", beside);
}

enum { MOST_BUILDS = 2 };
/* times and ratios by build; without `beside` what is to reach is a time */
static void print_line(const char *name, const double *time, const double *ratio,
                       double reach)
{
    printf("%-42s", name);
    for (size_t k = 0; k < build_count; k++) {
        print_time(time[k]);
        printf(" %6.2f%c", ratio[k], ratio[k] <= reach ? ' ' : '!');
    }
    printf("  %5.2f\n", reach);
    fflush(stdout);
}

/* A line from jobs: for each build the case and the one beside it, in `pairs`. */
static void measure_pairs(const char *name, void (*run)(void *), job (*pairs)[2],
                          void (*run_beside)(void *), double per, double reach)
{
    timed t[2 * MOST_BUILDS];
    double time[MOST_BUILDS], ratio[MOST_BUILDS];
    for (size_t k = 0; k < build_count; k++) {
        timed_begin(&t[2 * k], run, &pairs[k][0]);
        timed_begin(&t[2 * k + 1], run_beside, &pairs[k][1]);
    }
    timed_all(t, 2 * build_count, 0.06, 8);
    for (size_t k = 0; k < build_count; k++) {
        check(pairs[k][0].y, pairs[k][0].batch);
        time[k] = t[2 * k].best / per;
        ratio[k] = t[2 * k].best / t[2 * k + 1].best;
    }
    print_line(name, time, ratio, reach);
    free_owned();
}

/* ---- the lines ----------------------------------------------------------------------- */

static void weights_at(const char *name, double reach)
{
    enum { PLACES = 4 }; /* 0, 4, 16 and 32 bytes past a multiple of 64 */
    static const size_t places[PLACES] = {0, 1, 4, 8};
    const bench_case *a = bench_case_of(name);
    problem *p[PLACES];
    runner r[PLACES * MOST_BUILDS];
    timed t[PLACES * MOST_BUILDS];
    for (size_t place = 0; place < PLACES; place++) {
        p[place] = new_problem(a, places[place]);
        for (size_t k = 0; k < build_count; k++) {
            const size_t at = place * build_count + k;
            if (!runner_begin(&r[at], builds[k].plain->as_engine, p[place])) {
                exit(2);
            }
            timed_begin(&t[at], runner_run, &r[at]);
        }
    }
    timed_all(t, PLACES * build_count, 0.06, 8);
    for (size_t place = 1; place < PLACES; place++) {
        double time[MOST_BUILDS], ratio[MOST_BUILDS];
        char text[64];
        for (size_t k = 0; k < build_count; k++) {
            time[k] = t[place * build_count + k].best;
            time[k] /= a->is_stream ? (double)a->timesteps : 1.0;
            ratio[k] = t[place * build_count + k].best / t[k].best;
        }
        snprintf(text, sizeof text, "%s, weights %lu bytes past 64", name,
                 4 * (unsigned long)places[place]);
        print_line(text, time, ratio, reach);
    }
    for (size_t at = 0; at < PLACES * build_count; at++) {
        runner_end(&r[at]);
    }
    for (size_t place = 0; place < PLACES; place++) {
        free_problem(p[place]);
    }
}

static void places(void)
{
    print_title("weights anywhere", "the same at a multiple of 64 bytes");
    weights_at("mid", 1.12);
    weights_at("big", 1.12);
    weights_at("batch", 1.12);
    weights_at("seed", 1.25);
    weights_at("amp40", 1.25);
}

static void exported_headers(void)
{
    timed t[2 * MOST_BUILDS];
    double time[MOST_BUILDS], ratio[MOST_BUILDS];
    char text[64];
    size_t used = (size_t)snprintf(text, sizeof text, "LSTM(48), arrays at 64n +");
    print_title("a program from an exported header", "the same with arrays at 64n");
    for (size_t k = 0; k < build_count; k++) {
        timed_begin(&t[2 * k], builds[k].exported->run, NULL);
        timed_begin(&t[2 * k + 1], builds[k].exported_aligned->run, NULL);
    }
    timed_all(t, 2 * build_count, 0.1, 8);
    for (size_t k = 0; k < build_count; k++) {
        time[k] = t[2 * k].best;
        ratio[k] = t[2 * k].best / t[2 * k + 1].best;
        used += (size_t)snprintf(
            text + used, sizeof text - used, "%s %lu", k ? "," : "",
            (unsigned long)((uintptr_t)builds[k].exported->weights % 64));
    }
    print_line(text, time, ratio, 1.05);
}

/* Dense on one feature: next to nothing but the activation. */
static void activation(const char *name, lstm_activation which, size_t units,
                       double reach)
{
    enum { ROWS = 64 };
    timed t[MOST_BUILDS];
    job j[MOST_BUILDS];
    double time[MOST_BUILDS], figure[MOST_BUILDS];
    for (size_t k = 0; k < build_count; k++) {
        memset(&j[k], 0, sizeof j[k]);
        j[k].by = builds[k].plain;
        j[k].batch = ROWS;
        if (lstm_dense_init(&j[k].dense, 1, units,
                            random_floats(LSTM_DENSE_PARAM_COUNT(1, units), 2.0f),
                            LSTM_DENSE_PARAM_COUNT(1, units)) != LSTM_OK) {
            exit(2);
        }
        j[k].dense.activation = which;
        j[k].x = random_floats(ROWS, 2.0f);
        j[k].y = floats(ROWS * units);
        timed_begin(&t[k], run_dense, &j[k]);
    }
    timed_all(t, build_count, 0.03, 20);
    for (size_t k = 0; k < build_count; k++) {
        check(j[k].y, ROWS * units);
        time[k] = t[k].best / (double)(ROWS * units);
        figure[k] = time[k] * 1e9;
    }
    print_line(name, time, figure, reach);
    free_owned();
}

static void activations(void)
{
    print_title("activations: Dense(64) on 1 feature", "ns an element");
    activation("relu", LSTM_RELU, 64, 0.15);
    activation("relu6", LSTM_RELU6, 64, 1.2);
    activation("leaky_relu", LSTM_LEAKY_RELU, 64, 1.2);
    activation("hard_sigmoid", LSTM_HARD_SIGMOID, 64, 1.2);
    activation("hard_sigmoid of Keras 2", LSTM_HARD_SIGMOID_KERAS2, 64, 1.2);
    activation("hard_silu", LSTM_HARD_SILU, 64, 1.2);
    activation("linear", LSTM_LINEAR, 64, 1.2);
    activation("elu", LSTM_ELU, 64, 1.2);
    activation("selu", LSTM_SELU, 64, 1.2);
    activation("gelu", LSTM_GELU, 64, 1.2);
    activation("silu", LSTM_SILU, 64, 1.2);
    activation("softplus", LSTM_SOFTPLUS, 64, 1.2);
    activation("softsign", LSTM_SOFTSIGN, 64, 1.2);
    activation("mish", LSTM_MISH, 64, 1.2);
    activation("exponential", LSTM_EXPONENTIAL, 64, 1.2);
    activation("tanh", LSTM_TANH, 64, 1.2);
    activation("sigmoid", LSTM_SIGMOID, 64, 1.2);
    activation("softmax of 64", LSTM_SOFTMAX, 64, 1.2);
    activation("log_softmax of 64", LSTM_LOG_SOFTMAX, 64, 1.2);
}

static void lstm_activation_line(const char *name, size_t timesteps, size_t input_dim,
                                 size_t units, lstm_activation cell,
                                 lstm_activation recurrent)
{
    job pairs[MOST_BUILDS][2];
    for (size_t k = 0; k < build_count; k++) {
        for (int beside = 0; beside < 2; beside++) {
            pairs[k][beside] = lstm_job(builds[k].plain, 1, timesteps, input_dim, units);
        }
        pairs[k][0].lstm.activation = cell;
        pairs[k][0].lstm.recurrent_activation = recurrent;
    }
    measure_pairs(name, run_forward, pairs, run_forward, 1.0, 1.0);
}

static void lstm_activations(void)
{
    print_title("an LSTM's activations", "tanh and sigmoid");
    lstm_activation_line("(50,64) LSTM(64), relu", 50, 64, 64, LSTM_RELU, LSTM_SIGMOID);
    lstm_activation_line("(50,64) LSTM(64), hard_sigmoid", 50, 64, 64, LSTM_TANH,
                         LSTM_HARD_SIGMOID);
    lstm_activation_line("(64,1) LSTM(16), Keras 2's hard_sigmoid", 64, 1, 16, LSTM_TANH,
                         LSTM_HARD_SIGMOID_KERAS2);
}

/* Half of the steps of 32 sequences masked: at random, or all from a step on. */
static void masked(const char *name, int is_ragged)
{
    enum { BATCH = 32, STEPS = 50 };
    job pairs[MOST_BUILDS][2];
    unsigned char *mask = (unsigned char *)own(calloc(BATCH * STEPS, 1));
    const float *random = random_floats(BATCH * STEPS, 1.0f);
    for (int b = 0; b < BATCH; b++) {
        /* lengths from 1 to 49, on the average 25, in no order */
        const int length = 1 + (b * 13 % BATCH) * (STEPS - 2) / (BATCH - 1);
        for (int t = 0; t < STEPS; t++) {
            mask[b * STEPS + t] = is_ragged ? t < length : random[b * STEPS + t] < 0.0f;
        }
    }
    for (size_t k = 0; k < build_count; k++) {
        for (int beside = 0; beside < 2; beside++) {
            pairs[k][beside] = lstm_job(builds[k].plain, BATCH, STEPS, 64, 64);
        }
        pairs[k][0].mask = mask;
    }
    measure_pairs(name, run_forward, pairs, run_forward, 1.0, 0.65);
}

static void masks(void)
{
    print_title("32 x (50,64) LSTM(64), half masked", "no mask");
    masked("masked at random", 0);
    masked("ragged: sequences of 1 to 49 steps", 1);
}

static void neighbours(size_t units)
{
    job pairs[MOST_BUILDS][2];
    char text[64];
    for (size_t k = 0; k < build_count; k++) {
        pairs[k][0] = lstm_job(builds[k].plain, 1, 20, units - 1, units);
        pairs[k][1] = lstm_job(builds[k].plain, 1, 20, units - 1, units - 1);
    }
    snprintf(text, sizeof text, "(20,%lu) LSTM(%lu)", (unsigned long)(units - 1),
             (unsigned long)units);
    measure_pairs(text, run_forward, pairs, run_forward, 1.0, 1.15);
}

static void odd_units(void)
{
    print_title("units that fill no vector", "a unit less");
    neighbours(129);
    neighbours(257);
    neighbours(33);
}

static void wide_step(void)
{
    job pairs[MOST_BUILDS][2];
    print_title("a step at a time", "lstm_forward");
    for (size_t k = 0; k < build_count; k++) {
        for (int beside = 0; beside < 2; beside++) {
            pairs[k][beside] = lstm_job(builds[k].plain, 1, 50, 256, 128);
        }
    }
    measure_pairs("lstm_step, 256 features, LSTM(128)", run_steps, pairs, run_forward,
                  50.0, 1.35);
}

/* ---- silence ------------------------------------------------------------------------- */

enum { BLOCK = 400, BLOCKS = 20 };

/* Forget gates near 1, so that a state decays slowly; the output of silence is silence. */
static void decaying(job *j, float forget_bias)
{
    const size_t units = j->lstm.units;
    float *weights = random_floats(LSTM_PARAM_COUNT(1, units), 0.03f);
    float *bias = weights + 4 * units * (1 + units);
    for (size_t u = 0; u < 4 * units; u++) {
        bias[u] = u / units == 1 ? forget_bias : 0.0f;
    }
    if (lstm_layer_init(&j->lstm, 1, units, weights, LSTM_PARAM_COUNT(1, units)) !=
        LSTM_OK) {
        exit(2);
    }
}

/* The least time of each block of steps, the worst of them next to the first, which is loud. */
static void silence(void)
{
    double time[MOST_BUILDS], ratio[MOST_BUILDS];
    for (size_t k = 0; k < build_count; k++) {
        double best[BLOCKS], worst = 0.0;
        job j = lstm_job(builds[k].plain, 1, BLOCK, 1, 40);
        const float *loud = j.x, *quiet = floats(BLOCK);
        decaying(&j, 2.5f);
        for (int round = 0; round < 12; round++) {
            start(&j);
            for (int block = 0; block < BLOCKS; block++) {
                const float *x = block == 0 ? loud : quiet;
                const double begin = seconds();
                double used;
                for (size_t t = 0; t < BLOCK; t++) {
                    j.by->step(&j.lstm, x + t, j.h, j.c, j.scratch);
                }
                used = seconds() - begin;
                best[block] = round == 0 || used < best[block] ? used : best[block];
            }
        }
        for (int block = 0; block < BLOCKS; block++) {
            worst = best[block] > worst ? best[block] : worst;
        }
        time[k] = worst / BLOCK;
        ratio[k] = worst / best[0];
        check(j.h, 40);
        free_owned();
    }
    print_line("after silence, worst 400 steps", time, ratio, 1.1);
}

static void denormals(void)
{
    job pairs[MOST_BUILDS][2];
    print_title("LSTM(40) a sample at a time, no FTZ", "a step with sound");
    silence();
    for (size_t k = 0; k < build_count; k++) {
        for (int beside = 0; beside < 2; beside++) {
            pairs[k][beside] = lstm_job(builds[k].plain, 1, 64, 1, 40);
            decaying(&pairs[k][beside], 10.0f);
            pairs[k][beside].x = floats(64);
            pairs[k][beside].first_c = beside ? 0.25f : 1.4e-45f;
        }
    }
    measure_pairs("c held at the smallest denormal", run_steps, pairs, run_steps, 64.0,
                  1.1);
}

/* ---- compilers' flags ------------------------------------------------------------------ */

static void flags_line(const char *name, const engine *plain, const engine *other)
{
    double worst = 0.0;
    char worst_name[16] = "";
    if (plain == NULL || other == NULL) {
        return;
    }
    for (size_t n = 0; n < BENCH_CASES; n++) {
        problem *p = new_problem(&bench_cases[n], 0);
        runner r[2];
        timed t[2];
        for (int k = 0; k < 2; k++) {
            if (!runner_begin(&r[k], k == 0 ? plain : other, p)) {
                exit(2);
            }
            timed_begin(&t[k], runner_run, &r[k]);
        }
        timed_all(t, 2, 0.06, 8);
        if (t[1].best / t[0].best > worst) {
            worst = t[1].best / t[0].best;
            snprintf(worst_name, sizeof worst_name, "%s", bench_cases[n].name);
        }
        runner_end(&r[0]);
        runner_end(&r[1]);
        free_problem(p);
    }
    printf("%-42s %6.2f%c in case %-8s reach 1.05\n", name, worst,
           worst <= 1.05 ? ' ' : '!', worst_name);
    fflush(stdout);
}

static void compiler_flags(void)
{
    printf("\n-O3 -march=native, ratio to -O2, the worst of the nine cases\n");
    for (size_t k = 0; k < build_count; k++) {
        char text[64];
        snprintf(text, sizeof text, "%s", builds[k].name);
        flags_line(text, builds[k].plain->as_engine, builds[k].native);
        snprintf(text, sizeof text, "%s, LSTM_NO_FMA", builds[k].name);
        flags_line(text, builds[k].no_fma, builds[k].no_fma_native);
    }
}

/* ---- 8-bit weights --------------------------------------------------------------------- */

static void int8_line(const char *name, double reach, double most_error)
{
    const bench_case *a = bench_case_of(name);
    problem *p = new_problem(a, 0);
    runner r[2 * MOST_BUILDS];
    timed t[2 * MOST_BUILDS];
    double time[MOST_BUILDS], ratio[MOST_BUILDS], error = 0.0;
    char text[64];
    compute_in_double(p);
    for (size_t k = 0; k < build_count; k++) {
        if (!runner_begin(&r[2 * k], builds[k].int8, p) ||
            !runner_begin(&r[2 * k + 1], builds[k].plain->as_engine, p)) {
            exit(2);
        }
        timed_begin(&t[2 * k], runner_run, &r[2 * k]);
        timed_begin(&t[2 * k + 1], runner_run, &r[2 * k + 1]);
        error = r[2 * k].error <= error ? error : r[2 * k].error; /* a NaN stays */
    }
    timed_all(t, 2 * build_count, 0.15, 12);
    for (size_t k = 0; k < build_count; k++) {
        time[k] = t[2 * k].best / (a->is_stream ? (double)a->timesteps : 1.0);
        ratio[k] = t[2 * k].best / t[2 * k + 1].best;
        runner_end(&r[2 * k]);
        runner_end(&r[2 * k + 1]);
    }
    if (!(error <= most_error)) {
        not_finite++;
        printf("FAILED: the error of the next line is more than %g\n", most_error);
    }
    snprintf(text, sizeof text, "%s: %lu x (%lu,%lu) LSTM(%lu), error %.4f", name,
             (unsigned long)a->batch, (unsigned long)(a->is_stream ? 1 : a->timesteps),
             (unsigned long)a->input_dim, (unsigned long)a->units, error);
    print_line(text, time, ratio, reach);
    free_problem(p);
}

static void int8_weights(void)
{
    print_title("8-bit weights, floats in and out", "the same model in floats");
    int8_line("seed", 1.0, 0.02);
    int8_line("mid", 0.6, 0.02);
    int8_line("big", 0.2, 0.02);
    int8_line("batch", 0.7, 0.02);
    int8_line("amp40", 1.0, 0.02);
}

int wants(const char *table, int argc, char **argv)
{
    for (int k = 1; k < argc; k++) {
        if (strcmp(argv[k], table) == 0) {
            return 1;
        }
    }
    return argc < 2;
}

int print_lines(const lstm_build *of, size_t count, int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } tables[] = {{"weights", places},
                  {"exported", exported_headers},
                  {"activations", activations},
                  {"lstm", lstm_activations},
                  {"masks", masks},
                  {"units", odd_units},
                  {"step", wide_step},
                  {"silence", denormals},
                  {"int8", int8_weights},
                  {"flags", compiler_flags}};
    builds = of;
    build_count = count;
    printf("\nBelow, ! stands where the figure to reach is not reached.\n");
    for (size_t k = 0; k < sizeof tables / sizeof *tables; k++) {
        if (wants(tables[k].name, argc, argv)) {
            tables[k].print();
        }
    }
    return not_finite;
}
