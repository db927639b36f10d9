/* problem.c - a case's data, and what the output should be, computed in double. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

static void *allocate(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    if (p == NULL) {
        exit(2);
    }
    return p;
}

float *new_floats(size_t count)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, (count + 1) * sizeof(float)) != 0) {
        exit(2);
    }
    return (float *)memset(p, 0, (count + 1) * sizeof(float));
}

float *new_random(size_t count, float scale, unsigned long long *state)
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

/* Features of the Dense layer. */
static size_t dense_inputs(const bench_case *a)
{
    return a->units != 0 ? a->units : a->input_dim;
}

/* h is the LSTM's, or x where there is none. */
static void output_in_double(const problem *p, const double *h, double *y)
{
    const size_t units = dense_inputs(&p->shape), outputs = p->shape.dense_units;
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

void compute_in_double(problem *p)
{
    const bench_case *a = &p->shape;
    const size_t y_step = a->dense_units ? a->dense_units : a->units;
    double *h = (double *)allocate(dense_inputs(a), sizeof *h),
           *c = (double *)allocate(a->units, sizeof *c);
    double *z = (double *)allocate(4 * a->units, sizeof *z);
    for (size_t b = 0; b < a->batch; b++) {
        memset(h, 0, a->units * sizeof *h);
        memset(c, 0, a->units * sizeof *c);
        for (size_t k = 0; a->units == 0 && k < a->input_dim; k++) {
            h[k] = (double)p->x[b * a->input_dim + k];
        }
        for (size_t t = 0; t < a->timesteps; t++) {
            if (a->units != 0) {
                step_in_double(p, p->x + (b * a->timesteps + t) * a->input_dim, h, c, z);
            }
            output_in_double(p, h, p->want + (a->is_stream ? t : b) * y_step);
        }
    }
    free(h);
    free(c);
    free(z);
}

problem *new_problem(const bench_case *a, size_t weights_off)
{
    problem *p = (problem *)allocate(1, sizeof *p);
    const float scale = 1.0f / sqrtf((float)(a->units + a->input_dim));
    unsigned long long seed = a->units;
    p->shape = *a;
    p->weights_off = weights_off;
    p->weight_count = 4 * a->units * (a->input_dim + a->units + 1);
    p->dense_count = a->dense_units * (dense_inputs(a) + 1);
    p->x_len = a->batch * a->timesteps * a->input_dim;
    p->y_len = a->is_stream ? a->timesteps * a->dense_units
                            : a->batch * (a->dense_units ? a->dense_units : a->units);
    p->weights = new_random(p->weight_count + weights_off, scale, &seed) + weights_off;
    p->dense_weights = new_random(p->dense_count, a->units ? 0.5f : scale, &seed);
    p->x = new_random(p->x_len, 1.0f, &seed);
    p->want = (double *)allocate(p->y_len, sizeof *p->want);
    return p;
}

void free_problem(problem *p)
{
    free(p->weights - p->weights_off);
    free(p->dense_weights);
    free(p->x);
    free(p->want);
    free(p);
}

double multiply_adds(const bench_case *a)
{
    const double lstm = (double)(4 * a->units * (a->input_dim + a->units));
    const double dense = (double)(dense_inputs(a) * a->dense_units);
    return (double)a->batch * (double)a->timesteps * lstm +
           (double)(a->is_stream ? a->timesteps : a->batch) * dense;
}

const bench_case *bench_case_of(const char *name)
{
    for (size_t k = 0; k < PEER_CASES; k++) {
        if (strcmp(bench_cases[k].name, name) == 0) {
            return &bench_cases[k];
        }
    }
    return NULL;
}

typedef size_t transfer(void *data, size_t size, size_t count, FILE *file);

static size_t write_out(void *data, size_t size, size_t count, FILE *file)
{
    return fwrite(data, size, count, file);
}

static int transfer_problem(const problem *p, const char *path, const char *mode,
                            transfer *with)
{
    FILE *file = fopen(path, mode);
    size_t count = 0;
    if (file == NULL) {
        return 0;
    }
    count += with(p->weights, sizeof(float), p->weight_count, file);
    count += with(p->dense_weights, sizeof(float), p->dense_count, file);
    count += with(p->x, sizeof(float), p->x_len, file);
    count += with(p->want, sizeof(double), p->y_len, file);
    return fclose(file) == 0 &&
           count == p->weight_count + p->dense_count + p->x_len + p->y_len;
}

int save_problem(const problem *p, const char *path)
{
    return transfer_problem(p, path, "wb", write_out);
}

problem *load_problem(const bench_case *a, const char *path)
{
    problem *p = new_problem(a, 0);
    if (!transfer_problem(p, path, "rb", fread)) {
        free_problem(p);
        return NULL;
    }
    return p;
}
