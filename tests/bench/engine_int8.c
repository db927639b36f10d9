/* lstm_int8.h as an engine: ENGINE is the name of the build, a C identifier. Floats in, floats out:
 * the conversions of inputs and outputs are a part of its time, that of weights is not. */
#include <stdlib.h>
#include <string.h>
#include "bench.h"
#include "lstm_int8.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

enum { INPUT_BITS = 12, H_BITS = 15 };

typedef struct state {
    const problem *p;
    lstm_int8_layer lstm;
    lstm_int8_dense dense;
    int8_t *weights, *dense_weights;
    uint16_t *row_scales, *multipliers, *dense_multipliers;
    int32_t *bias, *dense_bias, *c;
    int16_t *x, *h, *scratch;
} state;

static const char *version(void)
{
    return TEXT(LSTM_VERSION_MAJOR) "." TEXT(LSTM_VERSION_MINOR) "." TEXT(
        LSTM_VERSION_PATCH) ", 8-bit weights";
}

static void close_state(void *p)
{
    state *s = (state *)p;
    free(s->weights);
    free(s->dense_weights);
    free(s->row_scales);
    free(s->multipliers);
    free(s->dense_multipliers);
    free(s->bias);
    free(s->dense_bias);
    free(s->c);
    free(s->x);
    free(s->h);
    free(s->scratch);
    free(s);
}

static void *zeros(size_t count, size_t size)
{
    void *p = calloc(count + 1, size);
    if (p == NULL) {
        exit(2);
    }
    return p;
}

static void allocate(state *s, const bench_case *a)
{
    const size_t input_dim = a->input_dim, units = a->units;
    s->weights = (int8_t *)zeros(LSTM_INT8_WEIGHT_LEN(input_dim, units), 1);
    s->row_scales = (uint16_t *)zeros(LSTM_INT8_ROW_LEN(input_dim, units), 2);
    s->multipliers = (uint16_t *)zeros(LSTM_INT8_COLUMN_LEN(units), 2);
    s->bias = (int32_t *)zeros(LSTM_INT8_COLUMN_LEN(units), 4);
    s->dense_weights =
        (int8_t *)zeros(LSTM_INT8_DENSE_WEIGHT_LEN(units, a->dense_units), 1);
    s->dense_multipliers = (uint16_t *)zeros(a->dense_units, 2);
    s->dense_bias = (int32_t *)zeros(a->dense_units, 4);
    s->x = (int16_t *)zeros(a->batch * a->timesteps * input_dim, 2);
    s->h = (int16_t *)zeros(a->batch * units, 2);
    s->c = (int32_t *)zeros(a->batch * units, 4);
    s->scratch =
        (int16_t *)zeros(LSTM_INT8_BATCH_SCRATCH_LEN(a->batch, input_dim, units), 2);
}

static lstm_status convert(state *s, const problem *p)
{
    const bench_case *a = &p->shape;
    float *space = new_floats(LSTM_INT8_QUANTIZE_LEN(a->input_dim, a->units));
    lstm_layer lstm;
    lstm_dense dense;
    lstm_status status =
        lstm_layer_init(&lstm, a->input_dim, a->units, p->weights, p->weight_count);
    if (status == LSTM_OK) {
        status = lstm_int8_quantize(&lstm, INPUT_BITS, NULL, s->weights, s->row_scales,
                                    s->multipliers, s->bias, space, &s->lstm);
    }
    if (status == LSTM_OK && a->dense_units != 0) {
        status = lstm_dense_init(&dense, a->units, a->dense_units, p->dense_weights,
                                 p->dense_count);
    }
    if (status == LSTM_OK && a->dense_units != 0) {
        status = lstm_int8_quantize_dense(&dense, H_BITS, s->dense_weights,
                                          s->dense_multipliers, s->dense_bias, &s->dense);
    }
    free(space);
    return status;
}

static void *open_state(const problem *p)
{
    state *s;
    if (p->shape.units == 0) {
        return NULL;
    }
    s = (state *)zeros(1, sizeof *s);
    s->p = p;
    allocate(s, &p->shape);
    if (convert(s, p) != LSTM_OK) {
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
    if (a->is_stream) {
        for (size_t t = 0; t < a->timesteps; t++) {
            lstm_int8_from_float(s->p->x + t * a->input_dim, a->input_dim, INPUT_BITS,
                                 s->x);
            lstm_int8_step(&s->lstm, s->x, s->h, s->c, s->scratch);
            lstm_int8_dense_forward(&s->dense, s->h, 1, y + t * a->dense_units);
        }
        return;
    }
    lstm_int8_from_float(s->p->x, a->batch * a->timesteps * a->input_dim, INPUT_BITS,
                         s->x);
    lstm_int8_forward_batch(&s->lstm, s->x, a->batch, a->timesteps, s->h, s->c, NULL,
                            s->scratch);
    if (a->dense_units != 0) {
        lstm_int8_dense_forward(&s->dense, s->h, a->batch, y);
    } else {
        lstm_int8_to_float(s->h, state_len, H_BITS, y);
    }
}

extern const engine ENGINE;
const engine ENGINE = {TEXT(ENGINE), version, open_state, run, close_state};
