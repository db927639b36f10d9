/* An LSTM over two products that the including file gives, for peers that are loops or a BLAS:
 *   gemm(m, n, k, a, b, c)  c[m][n] += a[m][k] * b[k][n]
 * The input of all timesteps is projected at once, as libraries do it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

typedef struct state {
    const problem *p;
    float *z, *h, *c; /* z [batch][timesteps][4*units], h and c [batch][units] */
    float *step;      /* [batch][4*units] */
} state;

static void close_state(void *p)
{
    state *s = (state *)p;
    free(s->z);
    free(s->h);
    free(s->c);
    free(s->step);
    free(s);
}

static void *open_state(const problem *p)
{
    const bench_case *a = &p->shape;
    state *s = (state *)calloc(1, sizeof *s);
    s->p = p;
    s->z = new_floats(a->batch * a->timesteps * 4 * a->units);
    s->h = new_floats(a->batch * a->units);
    s->c = new_floats(a->batch * a->units);
    s->step = new_floats(a->batch * 4 * a->units);
    return s;
}

#ifndef EXP
#define EXP expf
#endif

static inline float sigmoid(float x)
{
    return 1.0f / (1.0f + EXP(-x));
}

static inline float tanh_of(float x)
{
    return 2.0f / (1.0f + EXP(-2.0f * x)) - 1.0f;
}

/* z [4*units] of one sequence becomes its new h and c. */
static void gates(const float *restrict z, size_t units, float *restrict h,
                  float *restrict c)
{
    for (size_t u = 0; u < units; u++) {
        const float i = sigmoid(z[u]), f = sigmoid(z[units + u]);
        const float g = tanh_of(z[2 * units + u]), o = sigmoid(z[3 * units + u]);
        c[u] = f * c[u] + i * g;
        h[u] = o * tanh_of(c[u]);
    }
}

static void set_rows(float *z, size_t rows, const float *bias, size_t columns)
{
    for (size_t row = 0; row < rows; row++) {
        memcpy(z + row * columns, bias, columns * sizeof *z);
    }
}

static void dense(const state *s, float *restrict y)
{
    const size_t units = s->p->shape.units, outputs = s->p->shape.dense_units;
    const float *restrict w = s->p->dense_weights, *restrict h = s->h;
    for (size_t o = 0; o < outputs; o++) {
        float sum = w[units * outputs + o];
        for (size_t u = 0; u < units; u++) {
            sum += h[u] * w[u * outputs + o];
        }
        y[o] = sum;
    }
}

static void run(void *p, float *y)
{
    state *s = (state *)p;
    const bench_case *a = &s->p->shape;
    const size_t units = a->units, columns = 4 * units,
                 rows = a->is_stream ? 1 : a->timesteps;
    const float *kernel = s->p->weights, *recurrent = kernel + a->input_dim * columns;
    const float *bias = recurrent + units * columns;
    if (units == 0) {
        set_rows(y, a->batch, s->p->dense_weights + a->input_dim * a->dense_units,
                 a->dense_units);
        gemm(a->batch, a->dense_units, a->input_dim, s->p->x, s->p->dense_weights, y);
        return;
    }
    memset(s->h, 0, a->batch * units * sizeof *s->h);
    memset(s->c, 0, a->batch * units * sizeof *s->c);
    if (!a->is_stream) {
        set_rows(s->z, a->batch * rows, bias, columns);
        gemm(a->batch * rows, columns, a->input_dim, s->p->x, kernel, s->z);
    }
    for (size_t t = 0; t < a->timesteps; t++) {
        float *z = s->z + (a->is_stream ? 0 : t) * columns;
        if (a->is_stream) {
            set_rows(z, 1, bias, columns);
            gemm(1, columns, a->input_dim, s->p->x + t * a->input_dim, kernel, z);
        }
        if (a->batch > 1) { /* the batch's rows of this step are not adjacent */
            for (size_t b = 0; b < a->batch; b++) {
                memcpy(s->step + b * columns, z + b * rows * columns,
                       columns * sizeof *z);
            }
            z = s->step;
        }
        gemm(a->batch, columns, units, s->h, recurrent, z);
        for (size_t b = 0; b < a->batch; b++) {
            gates(z + b * columns, units, s->h + b * units, s->c + b * units);
        }
        if (a->is_stream) {
            dense(s, y + t * a->dense_units);
        }
    }
    if (!a->is_stream && a->dense_units != 0) {
        dense(s, y);
    } else if (!a->is_stream) {
        memcpy(y, s->h, a->batch * units * sizeof *y);
    }
}
