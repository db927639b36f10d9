/* functions.h - one build of lstm.h as functions to call, for the lines of lines.c. */
#ifndef FUNCTIONS_H
#define FUNCTIONS_H

#include "bench.h"
#include "lstm.h"

typedef struct lstm_functions {
    const engine *as_engine;
    lstm_status (*step)(const lstm_layer *layer, const float *x, float *h, float *c,
                        float *scratch);
    lstm_status (*forward)(const lstm_layer *layer, const float *x, size_t timesteps,
                           float *h, float *c, float *y, float *scratch);
    lstm_status (*forward_batch)(const lstm_layer *layer, const float *x,
                                 const unsigned char *mask, size_t batch,
                                 size_t timesteps, float *h, float *c, float *y,
                                 float *scratch);
    lstm_status (*dense_forward)(const lstm_dense *layer, const float *x, size_t rows,
                                 float *y);
} lstm_functions;

/* A program built from an exported header (exported.c). */
typedef struct exported {
    void (*run)(void *unused);
    const float *weights;
} exported;

/* What lines.c compares: one compiler's builds. */
typedef struct lstm_build {
    const char *name;
    const lstm_functions *plain; /* -O2 */
    const engine *native;        /* -O3 -march=native */
    const engine *no_fma;        /* -O2 -DLSTM_NO_FMA */
    const engine *no_fma_native; /* both */
    const engine *int8;          /* lstm_int8.h, -O2 */
    const exported *exported;    /* as it comes */
    const exported *exported_aligned;
} lstm_build;

/* Prints the lines of the tables that are wanted; returns how many measurements had an output that
 * is not finite. */
int print_lines(const lstm_build *builds, size_t count, int argc, char **argv);
/* Whether a table is among the program's arguments; without arguments all are wanted. */
int wants(const char *table, int argc, char **argv);

#endif
