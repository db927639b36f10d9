/* Plain C loops with all sizes fixed at compile time, by the best flags: what one would write for one
 * model. ENGINE is the name, FLAGS the compiler and its flags, as a text. */
#include <stdlib.h>
#include <string.h>
#include "bench.h"
#include "fast_exp.h"

static inline float sigmoid(float x)
{
    return 1.0f / (1.0f + fast_exp(-x));
}

static inline float tanh_of(float x)
{
    return 2.0f / (1.0f + fast_exp(-2.0f * x)) - 1.0f;
}

#define RUN_CASE run_seed
#define STEPS 10
#define FEATURES 64
#define UNITS 32
#define OUTPUTS 2
#define IS_STREAM 0
#include "fixed_case.h"

#define RUN_CASE run_small
#define STEPS 13
#define FEATURES 5
#define UNITS 10
#define OUTPUTS 0
#define IS_STREAM 0
#include "fixed_case.h"

#define RUN_CASE run_long
#define STEPS 100
#define FEATURES 5
#define UNITS 10
#define OUTPUTS 0
#define IS_STREAM 0
#include "fixed_case.h"

#define RUN_CASE run_amp16
#define STEPS 64
#define FEATURES 1
#define UNITS 16
#define OUTPUTS 1
#define IS_STREAM 1
#include "fixed_case.h"

#define RUN_CASE run_amp20
#define STEPS 64
#define FEATURES 1
#define UNITS 20
#define OUTPUTS 1
#define IS_STREAM 1
#include "fixed_case.h"

#define RUN_CASE run_amp40
#define STEPS 64
#define FEATURES 1
#define UNITS 40
#define OUTPUTS 1
#define IS_STREAM 1
#include "fixed_case.h"

#define DENSE(outputs)                                                   \
    static void run_dense_##outputs(const problem *p, float *restrict y) \
    {                                                                    \
        const float *restrict w = p->dense_weights, *restrict x = p->x;  \
        for (size_t row = 0; row < p->shape.batch; row++) {              \
            for (int o = 0; o < outputs; o++) {                          \
                float sum = w[64 * outputs + o];                         \
                for (int k = 0; k < 64; k++) {                           \
                    sum += x[row * 64 + (size_t)k] * w[k * outputs + o]; \
                }                                                        \
                y[row * outputs + (size_t)o] = sum;                      \
            }                                                            \
        }                                                                \
    }
DENSE(2)
DENSE(3)
DENSE(5)

static const struct {
    const char *name;
    void (*run)(const problem *p, float *y);
} fixed[] = {
    {"seed", run_seed},         {"small", run_small},       {"long", run_long},
    {"amp16", run_amp16},       {"amp20", run_amp20},       {"amp40", run_amp40},
    {"dense64x2", run_dense_2}, {"dense64x3", run_dense_3}, {"dense64x5", run_dense_5}};

typedef struct state {
    const problem *p;
    void (*run)(const problem *p, float *y);
} state;

static void *open_state(const problem *p)
{
    for (size_t k = 0; k < sizeof fixed / sizeof *fixed; k++) {
        if (strcmp(p->shape.name, fixed[k].name) == 0) {
            state *s = (state *)calloc(1, sizeof *s);
            s->p = p;
            s->run = fixed[k].run;
            return s;
        }
    }
    return NULL;
}

static void run(void *data, float *y)
{
    const state *s = (const state *)data;
    s->run(s->p, y);
}

static const char *version(void)
{
    return FLAGS;
}

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
extern const engine ENGINE;
const engine ENGINE = {TEXT(ENGINE), version, open_state, run, free};
