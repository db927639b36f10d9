/* Any layer with any option over any numbers: every instruction set gives the bits of the portable
 * code, a batch those of its single sequences, a sequence those of its steps; and an error writes
 * nothing. Buffers are of exact size, so that AddressSanitizer sees the first float beyond.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/fuzz_layers.c -lm
 *   cc -Iinclude tests/fuzz/fuzz_layers.c tests/fuzz/replay.c -lm      to replay files */
static int set_to_use;
#define LSTM_TEST_SET set_to_use
#include "lstm.h"
#include "fuzz.h"
#include "../sets.h"

typedef struct problem {
    lstm_bidirectional both;
    lstm_dense dense;
    int is_bidirectional;
    size_t batch, timesteps, y_len, state_len, scratch_len;
    float *weights, *x, *h, *c;
    unsigned char *mask; /* or NULL */
    unsigned poison;
} problem;

typedef struct outputs {
    float *y, *h, *c, *dense;
    lstm_status status, dense_status;
} outputs;

/* An enum: mostly a value it has, now and then one it has not. */
static int option(fuzz_input *in, int count)
{
    const int value = (int)fuzz_byte(in);
    return value < 250 ? value % count : value * 1000003 - 128;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void read_options(fuzz_input *in, lstm_layer *layer)
{
    const unsigned flags = fuzz_byte(in);
    layer->activation = (lstm_activation)option(in, LSTM_LOG_SOFTMAX + 1);
    layer->recurrent_activation = (lstm_activation)option(in, LSTM_LOG_SOFTMAX + 1);
    if (flags & 1) {
        layer->activation = layer->recurrent_activation = LSTM_DEFAULT;
    }
    layer->return_sequences = (flags & 2) != 0;
    layer->go_backwards = (flags & 4) != 0;
    layer->zero_output_for_mask = (flags & 8) != 0;
    if (flags & 16) {
        layer->bias = NULL;
    }
}

static unsigned char *read_mask(fuzz_input *in, size_t count)
{
    unsigned char *mask = (unsigned char *)fuzz_alloc(count);
    const unsigned masked_of_16 = fuzz_byte(in) % 17;
    fuzz_words words = fuzz_words_of(in);
    size_t k;
    for (k = 0; k < count; k++) {
        mask[k] = fuzz_word(&words) % 16 >= masked_of_16;
    }
    return mask;
}

/* Sizes and options first, so that short inputs have them all; the numbers last. */
static void read_problem(fuzz_input *in, problem *p)
{
    const unsigned flags = fuzz_byte(in);
    const size_t units = 1 + fuzz_below(in, 40), input_dim = 1 + fuzz_below(in, 20);
    const size_t other_units = flags & 16 ? 1 + fuzz_below(in, 40) : units;
    const size_t dense_units = 1 + fuzz_below(in, 20);
    const size_t count = LSTM_PARAM_COUNT(input_dim, units);
    const size_t other_count = LSTM_PARAM_COUNT(input_dim, other_units);
    const size_t dense_count = LSTM_DENSE_PARAM_COUNT(units, dense_units);
    float *weights;
    memset(p, 0, sizeof *p);
    p->batch = fuzz_below(in, 10);
    p->timesteps = fuzz_below(in, 20);
    p->is_bidirectional = (flags & 1) != 0;
    p->poison = flags;
    p->weights = weights = (float *)fuzz_alloc((count + other_count + dense_count) * 4);
    FUZZ_ASSERT(lstm_layer_init(&p->both.forward, input_dim, units, weights, count) ==
                LSTM_OK);
    FUZZ_ASSERT(lstm_layer_init(&p->both.backward, input_dim, other_units,
                                weights + count, other_count) == LSTM_OK);
    FUZZ_ASSERT(lstm_dense_init(&p->dense, units, dense_units,
                                weights + count + other_count, dense_count) == LSTM_OK);
    read_options(in, &p->both.forward);
    read_options(in, &p->both.backward);
    if (flags & 2) {
        p->both.backward.return_sequences = p->both.forward.return_sequences;
    }
    p->both.merge = (lstm_merge)option(in, LSTM_MERGE_AVE + 1);
    p->dense.activation = (lstm_activation)option(in, LSTM_LOG_SOFTMAX + 1);
    p->dense.bias = flags & 32 ? NULL : p->dense.bias;
    p->state_len = p->batch * (units + (p->is_bidirectional ? other_units : 0));
    p->y_len =
        p->batch * (p->both.forward.return_sequences ? p->timesteps : 1) *
        (p->is_bidirectional && p->both.merge == LSTM_MERGE_CONCAT ? units + other_units
                                                                   : units);
    p->scratch_len = p->is_bidirectional
                         ? LSTM_BIDIRECTIONAL_SCRATCH_LEN(p->batch, units, other_units)
                         : LSTM_BATCH_SCRATCH_LEN(p->batch, units);
    fuzz_fill(in, weights, count + other_count + dense_count);
    p->x = fuzz_floats(in, p->batch * p->timesteps * input_dim);
    p->h = fuzz_floats(in, p->state_len);
    p->c = fuzz_floats(in, p->state_len);
    p->mask = flags & 4 ? read_mask(in, p->batch * p->timesteps) : NULL;
}

static void free_problem(problem *p)
{
    free(p->weights);
    free(p->x);
    free(p->h);
    free(p->c);
    free(p->mask);
}

static float *poisoned(const problem *p, size_t count)
{
    float *scratch = (float *)fuzz_alloc(count * sizeof *scratch);
    memset(scratch, p->poison & 8 ? 0xff : 0x7f, count * sizeof *scratch);
    return scratch;
}

static void run(const problem *p, int set, outputs *out)
{
    const size_t rows = smaller(p->batch, p->state_len);
    float *scratch = poisoned(p, p->scratch_len);
    set_to_use = set;
    out->h = (float *)fuzz_copy(p->h, p->state_len * sizeof *p->h);
    out->c = (float *)fuzz_copy(p->c, p->state_len * sizeof *p->c);
    out->y = (float *)fuzz_alloc(p->y_len * sizeof *out->y);
    out->dense = (float *)fuzz_alloc(rows * p->dense.units * sizeof *out->dense);
    memset(out->y, 0, p->y_len * sizeof *out->y);
    memset(out->dense, 0, rows * p->dense.units * sizeof *out->dense);
    out->status =
        p->is_bidirectional
            ? lstm_bidirectional_forward(&p->both, p->x, p->mask, p->batch, p->timesteps,
                                         out->h, out->c, out->y, scratch)
            : lstm_forward_batch(&p->both.forward, p->x, p->mask, p->batch, p->timesteps,
                                 out->h, out->c, out->y, scratch);
    out->dense_status = lstm_dense_forward(&p->dense, out->h, rows, out->dense);
    free(scratch);
}

static void free_outputs(outputs *out)
{
    free(out->y);
    free(out->h);
    free(out->c);
    free(out->dense);
}

static void an_error_writes_nothing(const problem *p, const outputs *out)
{
    size_t k;
    if (out->status != LSTM_OK) {
        FUZZ_ASSERT(fuzz_is_same(out->h, p->h, p->state_len));
        FUZZ_ASSERT(fuzz_is_same(out->c, p->c, p->state_len));
        for (k = 0; k < p->y_len; k++) {
            FUZZ_ASSERT(out->y[k] == 0.0f);
        }
    }
}

/* Each sequence by itself, and where nothing is masked or reversed, each step by itself. */
static void a_batch_is_its_steps(const problem *p, const outputs *whole)
{
    const lstm_layer *layer = &p->both.forward;
    const size_t row = p->timesteps * layer->input_dim;
    const size_t y_row = p->batch != 0 ? p->y_len / p->batch : 0;
    float *scratch = poisoned(p, LSTM_SCRATCH_LEN(layer->units));
    float *y = (float *)fuzz_alloc(y_row * sizeof *y);
    size_t b, t;
    for (b = 0; b < p->batch && p->timesteps != 0; b++) {
        float *h = (float *)fuzz_copy(p->h + b * layer->units, layer->units * sizeof *h);
        float *c = (float *)fuzz_copy(p->c + b * layer->units, layer->units * sizeof *c);
        FUZZ_ASSERT(
            lstm_forward_batch(layer, p->x + b * row,
                               p->mask != NULL ? p->mask + b * p->timesteps : NULL, 1,
                               p->timesteps, h, c, y, scratch) == LSTM_OK);
        FUZZ_ASSERT(fuzz_is_same(h, whole->h + b * layer->units, layer->units));
        FUZZ_ASSERT(fuzz_is_same(c, whole->c + b * layer->units, layer->units));
        FUZZ_ASSERT(fuzz_is_same(y, whole->y + b * y_row, y_row));
        if (p->mask == NULL && !layer->go_backwards) {
            memcpy(h, p->h + b * layer->units, layer->units * sizeof *h);
            memcpy(c, p->c + b * layer->units, layer->units * sizeof *c);
            for (t = 0; t < p->timesteps; t++) {
                FUZZ_ASSERT(lstm_step(layer, p->x + b * row + t * layer->input_dim, h, c,
                                      scratch) == LSTM_OK);
            }
            FUZZ_ASSERT(fuzz_is_same(h, whole->h + b * layer->units, layer->units));
            FUZZ_ASSERT(fuzz_is_same(c, whole->c + b * layer->units, layer->units));
        }
        free(h);
        free(c);
    }
    free(y);
    free(scratch);
}

static void compare_sets(const problem *p, const instruction_sets *of)
{
    outputs first, other;
    if (of->count == 0) {
        return;
    }
    run(p, of->sets[0], &first);
    an_error_writes_nothing(p, &first);
    for (int k = 1; k < of->count; k++) {
        run(p, of->sets[k], &other);
        FUZZ_ASSERT(other.status == first.status);
        FUZZ_ASSERT(other.dense_status == first.dense_status);
        FUZZ_ASSERT(fuzz_is_same(other.y, first.y, p->y_len));
        FUZZ_ASSERT(fuzz_is_same(other.h, first.h, p->state_len));
        FUZZ_ASSERT(fuzz_is_same(other.c, first.c, p->state_len));
        FUZZ_ASSERT(fuzz_is_same(other.dense, first.dense, p->batch * p->dense.units));
        if (!p->is_bidirectional && other.status == LSTM_OK) {
            a_batch_is_its_steps(p, &other);
        }
        free_outputs(&other);
    }
    free_outputs(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    instruction_sets apart = {{0}, 0}, fused = {{0}, 0};
    problem p;
    find_sets(&apart, &fused);
    read_problem(&in, &p);
    compare_sets(&p, &apart);
    compare_sets(&p, &fused);
    free_problem(&p);
    return 0;
}
