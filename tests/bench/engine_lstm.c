/* lstm.h as an engine: ENGINE is the name of the build, a C identifier. */
#include <stdlib.h>
#include <string.h>
#include "functions.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define JOIN_OF(a, b) a##b
#define JOIN(a, b) JOIN_OF(a, b)

typedef struct state {
    const problem *p;
    lstm_layer lstm;
    lstm_dense dense;
    float *h, *c, *scratch;
} state;

static const char *version(void)
{
    return TEXT(LSTM_VERSION_MAJOR) "." TEXT(LSTM_VERSION_MINOR) "." TEXT(
        LSTM_VERSION_PATCH);
}

static void close_state(void *p)
{
    state *s = (state *)p;
    free(s->h);
    free(s->c);
    free(s->scratch);
    free(s);
}

static void *open_state(const problem *p)
{
    const bench_case *a = &p->shape;
    state *s = (state *)calloc(1, sizeof *s);
    s->p = p;
    s->h = new_floats(a->batch * a->units);
    s->c = new_floats(a->batch * a->units);
    s->scratch = new_floats(LSTM_BATCH_SCRATCH_LEN(a->batch, a->units));
    if ((a->units != 0 && lstm_layer_init(&s->lstm, a->input_dim, a->units, p->weights,
                                          p->weight_count) != LSTM_OK) ||
        (a->dense_units != 0 &&
         lstm_dense_init(&s->dense, a->units ? a->units : a->input_dim, a->dense_units,
                         p->dense_weights, p->dense_count) != LSTM_OK)) {
        close_state(s);
        return NULL;
    }
    return s;
}

static void run(void *p, float *y)
{
    state *s = (state *)p;
    const bench_case *a = &s->p->shape;
    const size_t state_len = a->batch * a->units;
    memset(s->h, 0, state_len * sizeof *s->h);
    memset(s->c, 0, state_len * sizeof *s->c);
    if (a->units == 0) {
        lstm_dense_forward(&s->dense, s->p->x, a->batch, y);
    } else if (a->is_stream) {
        for (size_t t = 0; t < a->timesteps; t++) {
            lstm_step(&s->lstm, s->p->x + t * a->input_dim, s->h, s->c, s->scratch);
            lstm_dense_forward(&s->dense, s->h, 1, y + t * a->dense_units);
        }
    } else if (a->dense_units != 0) {
        lstm_forward_batch(&s->lstm, s->p->x, NULL, a->batch, a->timesteps, s->h, s->c,
                           NULL, s->scratch);
        lstm_dense_forward(&s->dense, s->h, a->batch, y);
    } else {
        lstm_forward_batch(&s->lstm, s->p->x, NULL, a->batch, a->timesteps, s->h, s->c, y,
                           s->scratch);
    }
}

extern const engine ENGINE;
const engine ENGINE = {TEXT(ENGINE), version, open_state, run, close_state};

#define FUNCTIONS JOIN(ENGINE, _functions)
extern const lstm_functions FUNCTIONS;
const lstm_functions FUNCTIONS = {&ENGINE, lstm_step, lstm_forward, lstm_forward_batch,
                                  lstm_dense_forward};
