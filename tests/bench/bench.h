/* bench.h - the cases that are timed, what an engine is, and how time is taken. An engine is lstm.h
 * in one build, or one of its peers; each lives in a source file of its own and defines one
 * `engine`. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>

/* An LSTM, or an LSTM with a Dense layer behind it, or (units 0) a Dense layer alone. */
typedef struct bench_case {
    const char *name;
    size_t batch, timesteps, input_dim, units;
    size_t dense_units; /* of a Dense layer behind the LSTM; 0: none */
    int is_stream; /* one sample at a time, each with its output; the time is that of one */
    double reach; /* the part of the best peer's time that lstm.h is to take */
} bench_case;

/* The nine cases that every table begins with, then those that only peers are compared in. */
static const bench_case bench_cases[] = {
    {"seed", 1, 10, 64, 32, 2, 0, .80},
    {"small", 1, 13, 5, 10, 0, 0, .72},
    {"long", 1, 100, 5, 10, 0, 0, .72},
    {"amp16", 1, 64, 1, 16, 1, 1, .90},
    {"amp20", 1, 64, 1, 20, 1, 1, .78},
    {"amp40", 1, 64, 1, 40, 1, 1, .88},
    {"mid", 1, 100, 128, 128, 0, 0, .92},
    {"big", 1, 100, 256, 512, 0, 0, .95},
    {"batch", 32, 50, 64, 64, 0, 0, .90},
    {"one768", 1, 50, 256, 768, 0, 0, 1.05},
    {"one1024", 1, 50, 256, 1024, 0, 0, 1.05},
    {"batch8x512", 8, 50, 64, 512, 0, 0, 1.15},
    {"batch32x256", 32, 50, 64, 256, 0, 0, 1.15},
    {"batch32x384", 32, 50, 64, 384, 0, 0, 1.15},
    {"batch32x512", 32, 50, 64, 512, 0, 0, 1.15},
    {"batch128x512", 128, 50, 64, 512, 0, 0, 1.15},
    {"batch32x1024", 32, 50, 64, 1024, 0, 0, 1.15},
    {"batch2x64", 2, 50, 64, 64, 0, 0, 1.0},
    {"batch3x64", 3, 50, 64, 64, 0, 0, 1.0},
    {"batch5x64", 5, 50, 64, 64, 0, 0, 1.0},
    {"batch7x64", 7, 50, 64, 64, 0, 0, 1.0},
    {"batch2x128", 2, 50, 128, 128, 0, 0, 1.0},
    {"batch3x128", 3, 50, 128, 128, 0, 0, 1.0},
    {"batch5x128", 5, 50, 128, 128, 0, 0, 1.0},
    {"batch7x128", 7, 50, 128, 128, 0, 0, 1.0},
    {"dense512x512", 1000, 1, 512, 0, 512, 0, 1.2},
    {"dense256x256", 1000, 1, 256, 0, 256, 0, 1.2},
    {"dense64x64", 1000, 1, 64, 0, 64, 0, 1.2},
    {"dense128x10", 1000, 1, 128, 0, 10, 0, 1.2},
    {"dense64x2", 1000, 1, 64, 0, 2, 0, 1.3},
    {"dense64x3", 1000, 1, 64, 0, 3, 0, 1.3},
    {"dense64x5", 1000, 1, 64, 0, 5, 0, 1.3},
};
enum { BENCH_CASES = 9, PEER_CASES = sizeof bench_cases / sizeof *bench_cases };
const bench_case *bench_case_of(const char *name);

/* A case with its data, the weights as Keras has them. */
typedef struct problem {
    bench_case shape;
    float *weights,
        *dense_weights; /* kernel, recurrent kernel, bias; the same for Dense */
    float *x;           /* [batch][timesteps][input_dim] */
    double *want;       /* [y_len], computed in double */
    size_t weight_count, dense_count, x_len;
    size_t y_len; /* batch*(dense_units or units); for a stream timesteps*dense_units */
    size_t weights_off; /* floats that the weights begin past a multiple of 64 bytes */
} problem;

problem *new_problem(const bench_case *a, size_t weights_off);
void free_problem(problem *p);
void compute_in_double(problem *p); /* fills want */
/* To and from a file: weights, Dense weights and x as floats, then want. 0: it cannot be done. */
int save_problem(const problem *p, const char *path);
problem *load_problem(const bench_case *a, const char *path);
double multiply_adds(const bench_case *a);

/* A run starts from a state of zeros, every time. */
typedef struct engine {
    const char *name;
    const char *(*version)(void);
    void *(*open)(const problem *p);    /* NULL: cannot run this */
    void (*run)(void *state, float *y); /* y [y_len] */
    void (*close)(void *state);
} engine;

/* count zeros, aligned to 64 bytes, for free(); does not return without them. Where arrays begin
 * matters to vector loads, so all engines are given the same good case. */
float *new_floats(size_t count);
float *new_random(size_t count, float scale, unsigned long long *state);

/* Something that is timed: run(data), so often between two looks at the clock that it takes a tenth
 * of a millisecond. */
typedef struct timed {
    void (*run)(void *data);
    void *data;
    size_t runs;
    double best; /* seconds of a run, the least so far */
} timed;

double seconds(void);
void timed_begin(timed *t, void (*run)(void *data), void *data);
/* Times all in turn until each has had so many seconds, and at least so many turns. */
void timed_all(timed *t, size_t count, double seconds_each, int least_turns);

/* An engine at work on a problem. */
typedef struct runner {
    const engine *of;
    const problem *p;
    void *state;
    float *y;
    double error; /* the largest, next to the computation in double */
} runner;

int runner_begin(runner *r, const engine *of, const problem *p); /* 0: cannot run this */
void runner_end(runner *r);
void runner_run(void *r); /* for timed */

/* What the core can do, measured: GFLOP/s of fused multiply-adds and of products and sums apart,
 * GB/s of loads from a buffer of so many bytes. */
double machine_peak(void);
double machine_peak_apart(void);
double machine_load(size_t bytes);

#endif
