/* The kernels of every instruction set give the bits of the portable code, on every path: any
 * number of units (a vector more or less full), any number of steps and rows taken at once. Sets
 * that fuse are compared with each other, and so are those that do not. Buffers are of exact size
 * and begin one float off any alignment that malloc gives. */
static int set_to_use;
#define LSTM_TEST_SET set_to_use
#include "check.h"
#include "lstm.h"
#include "sets.h"

static instruction_sets apart, fused;

typedef struct problem {
    lstm_layer layer;
    lstm_dense dense;
    size_t batch, timesteps;
    float *weights, *x, *h0, *c0;
    unsigned char *mask;
} problem;

/* Everything a run writes: y, h, c, and a Dense layer's output from h. */
typedef struct outputs {
    size_t y_len, state_len;
    float *y, *h, *c, *dense;
} outputs;

/* count floats that begin one float into their allocation and end with it */
static float *off_alignment(size_t count)
{
    return NEW_FLOATS(count + 1) + 1;
}

static void release(float *p)
{
    free(p - 1);
}

static void make_problem(problem *p, size_t input_dim, size_t units, size_t timesteps,
                         size_t batch, uint64_t *seed)
{
    const size_t count = LSTM_PARAM_COUNT(input_dim, units);
    const size_t steps = batch * timesteps;
    memset(p, 0, sizeof *p);
    p->batch = batch;
    p->timesteps = timesteps;
    p->weights = off_alignment(count);
    p->x = off_alignment(steps * input_dim);
    p->h0 = off_alignment(batch * units);
    p->c0 = off_alignment(batch * units);
    p->mask = (unsigned char *)check_alloc(steps, 1);
    check_random_fill(p->weights, count, 0.5f, seed);
    check_random_fill(p->x, steps * input_dim, 2.0f, seed);
    check_random_fill(p->h0, batch * units, 1.0f, seed);
    check_random_fill(p->c0, batch * units, 2.0f, seed);
    for (size_t k = 0; k < steps; k++) {
        p->mask[k] = check_random(seed) % 4 != 0;
    }
    CHECK(lstm_layer_init(&p->layer, input_dim, units, p->weights, count) == LSTM_OK);
    p->layer.return_sequences = 1;
    p->dense.input_dim = units; /* the weights, as if they were those of a Dense layer */
    p->dense.units = input_dim;
    p->dense.kernel = p->weights;
}

static void free_problem(problem *p)
{
    release(p->weights);
    release(p->x);
    release(p->h0);
    release(p->c0);
    free(p->mask);
}

static void run(const problem *p, int set, const unsigned char *mask, outputs *o)
{
    const size_t units = p->layer.units;
    float *scratch = off_alignment(LSTM_BATCH_SCRATCH_LEN(p->batch, units));
    o->state_len = p->batch * units;
    o->y_len = o->state_len * p->timesteps;
    o->y = off_alignment(o->y_len);
    o->h = off_alignment(o->state_len);
    o->c = off_alignment(o->state_len);
    o->dense = off_alignment(p->batch * p->dense.units);
    memcpy(o->h, p->h0, o->state_len * sizeof(float));
    memcpy(o->c, p->c0, o->state_len * sizeof(float));
    for (size_t k = 0; k < LSTM_BATCH_SCRATCH_LEN(p->batch, units); k++) {
        scratch[k] = NAN;
    }
    set_to_use = set;
    CHECK(lstm_forward_batch(&p->layer, p->x, mask, p->batch, p->timesteps, o->h, o->c,
                             o->y, scratch) == LSTM_OK);
    CHECK(lstm_dense_forward(&p->dense, o->h, p->batch, o->dense) == LSTM_OK);
    release(scratch);
}

static void free_outputs(outputs *o)
{
    release(o->y);
    release(o->h);
    release(o->c);
    release(o->dense);
}

static void compare_sets(const problem *p, const unsigned char *mask,
                         const instruction_sets *of)
{
    outputs want, got;
    if (of->count == 0) {
        return;
    }
    run(p, of->sets[0], mask, &want);
    for (int k = 1; k < of->count; k++) {
        run(p, of->sets[k], mask, &got);
        CHECK_BITS(got.y, want.y, want.y_len);
        CHECK_BITS(got.h, want.h, want.state_len);
        CHECK_BITS(got.c, want.c, want.state_len);
        CHECK_BITS(got.dense, want.dense, p->batch * p->dense.units);
        free_outputs(&got);
    }
    free_outputs(&want);
}

static void compare(const problem *p, const unsigned char *mask)
{
    compare_sets(p, mask, &apart);
    compare_sets(p, mask, &fused);
}

static void any_number_of_units_gives_the_same_bits(void)
{
    uint64_t seed = 1;
    for (size_t units = 1; units <= 130; units++) {
        problem p;
        make_problem(&p, 1 + units * 5 % 7, units, 3, 1, &seed);
        compare(&p, NULL);
        p.layer.bias = NULL;
        compare(&p, NULL);
        free_problem(&p);
    }
}

static void any_number_of_features_gives_the_same_bits(void)
{
    uint64_t seed = 2;
    for (size_t input_dim = 1; input_dim <= 70; input_dim++) {
        problem p;
        make_problem(&p, input_dim, 1 + input_dim % 19, 5, 1, &seed);
        compare(&p, NULL);
        free_problem(&p);
    }
}

static void any_number_of_steps_and_rows_gives_the_same_bits(void)
{
    static const size_t steps[] = {1,  2,  3, 12,
                                   13, 19, 25}; /* x is taken ahead for 12 of them */
    uint64_t seed = 3;
    for (size_t t = 0; t < sizeof steps / sizeof *steps; t++) {
        const size_t timesteps = steps[t];
        for (size_t batch = 1; batch <= 11; batch++) {
            for (size_t units = 9 + batch; units < 70; units += 24) {
                problem p;
                make_problem(&p, units % 2 ? 3 : 19, units, timesteps, batch, &seed);
                compare(&p, NULL);
                compare(&p, p.mask);
                p.layer.go_backwards = 1;
                compare(&p, p.mask);
                free_problem(&p);
            }
        }
    }
}

/* More rows than are taken at once, by layers of more columns than a block */
static void large_batches_give_the_same_bits(void)
{
    static const size_t batches[] = {13, 17, 32, 33, 40};
    uint64_t seed = 8;
    for (size_t k = 0; k < sizeof batches / sizeof *batches; k++) {
        for (size_t units = 5; units < 80; units += 15) {
            problem p;
            make_problem(&p, 40 - units / 2 % 3, units, 2, batches[k], &seed);
            compare(&p, NULL);
            compare(&p, p.mask);
            p.layer.bias = NULL;
            compare(&p, NULL);
            free_problem(&p);
        }
    }
}

/* One step with scratch that begins `offset` floats into an array */
static void step_at(const problem *p, int set, float *scratch, size_t offset, float *h,
                    float *c)
{
    memcpy(h, p->h0, p->layer.units * sizeof(float));
    memcpy(c, p->c0, p->layer.units * sizeof(float));
    set_to_use = set;
    CHECK(lstm_step(&p->layer, p->x, h, c, scratch + offset) == LSTM_OK);
}

/* Large layers take columns up or down, as sums and weights lie in memory. Rows of the
 * matrix of 3,136 bytes, whose last vector is full or overlaps the one before, and of 4 KB */
static void scratch_anywhere_gives_the_same_bits(void)
{
    static const size_t sizes[] = {195, 196, 256};
    const instruction_sets *of = fused.count > 0 ? &fused : &apart;
    uint64_t seed = 9;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const size_t units = sizes[k], page = 1024;
        float *scratch = NEW_FLOATS(LSTM_SCRATCH_LEN(units) + page);
        float *h[2] = {NEW_FLOATS(units), NEW_FLOATS(units)};
        float *c[2] = {NEW_FLOATS(units), NEW_FLOATS(units)};
        problem p;
        make_problem(&p, 11, units, 1, 1, &seed);
        step_at(&p, of->sets[0], scratch, 0, h[0], c[0]);
        for (size_t offset = 0; offset < page; offset += offset % 16 == 0 ? 1 : 15) {
            step_at(&p, of->sets[of->count - 1], scratch, offset, h[1], c[1]);
            CHECK_BITS(h[1], h[0], units);
            CHECK_BITS(c[1], c[0], units);
        }
        free_problem(&p);
        free(scratch);
        free(h[0]);
        free(h[1]);
        free(c[0]);
        free(c[1]);
    }
}

/* Weights at every place of a cache line, for an LSTM and for a Dense layer of one row */
static void weights_anywhere_give_the_same_bits(void)
{
    static const size_t sizes[] = {4, 16, 20, 24, 32, 36, 40, 45, 64, 92, 128};
    const instruction_sets *of = fused.count > 0 ? &fused : &apart;
    uint64_t seed = 10;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const size_t units = sizes[k], count = LSTM_PARAM_COUNT(7, units);
        float *memory = NEW_FLOATS(count + 32),
              *scratch = NEW_FLOATS(LSTM_SCRATCH_LEN(units));
        float *line = memory + 16 - (uintptr_t)memory / sizeof(float) % 16;
        float *h[2] = {NEW_FLOATS(units), NEW_FLOATS(units)};
        float *c[2] = {NEW_FLOATS(units), NEW_FLOATS(units)};
        float *y[2] = {NEW_FLOATS(4 * units), NEW_FLOATS(4 * units)};
        problem p;
        make_problem(&p, 7, units, 1, 1, &seed);
        p.dense.input_dim = 7;
        p.dense.units = 4 * units;
        step_at(&p, of->sets[0], scratch, 0, h[0], c[0]);
        CHECK(lstm_dense_forward(&p.dense, p.x, 1, y[0]) == LSTM_OK);
        for (size_t past = 0; past < 16; past++) {
            memcpy(line + past, p.weights, count * sizeof(float));
            p.dense.kernel = line + past;
            CHECK(lstm_layer_init(&p.layer, 7, units, line + past, count) == LSTM_OK);
            for (int s = 1; s < of->count; s++) {
                step_at(&p, of->sets[s], scratch, 0, h[1], c[1]);
                CHECK(lstm_dense_forward(&p.dense, p.x, 1, y[1]) == LSTM_OK);
                CHECK_BITS(h[1], h[0], units);
                CHECK_BITS(c[1], c[0], units);
                CHECK_BITS(y[1], y[0], 4 * units);
            }
        }
        free_problem(&p);
        free(memory);
        free(scratch);
        for (int i = 0; i < 2; i++) {
            free(h[i]);
            free(c[i]);
            free(y[i]);
        }
    }
}

static void other_activations_give_the_same_bits(void)
{
    uint64_t seed = 4;
    for (int a = LSTM_DEFAULT; a <= LSTM_LOG_SOFTMAX; a++) {
        problem p;
        make_problem(&p, 5, 21, 4, 3, &seed);
        p.layer.recurrent_activation = (lstm_activation)a;
        compare(&p, NULL);
        p.layer.recurrent_activation = LSTM_DEFAULT;
        p.layer.activation = p.dense.activation = (lstm_activation)a;
        compare(&p, NULL);
        free_problem(&p);
    }
}

/* Gates far out in both tails, zeros of both signs, denormals and infinities. */
static void extreme_values_give_the_same_bits(void)
{
    static const float extremes[] = {0.0f,   -0.0f, 1e-45f, -1e-40f, 1e-38f,  5.0f,
                                     -9.1f,  18.5f, -88.0f, 104.5f,  -103.9f, 1e10f,
                                     -3e38f, 3e38f, 100.0f, -100.0f};
    const size_t count = sizeof extremes / sizeof *extremes;
    uint64_t seed = 5;
    for (size_t units = 1; units <= 40; units++) {
        problem p;
        make_problem(&p, 2, units, 6, 2, &seed);
        for (size_t k = 0; k < 2 * 6 * 2; k++) {
            p.x[k] = extremes[check_random(&seed) % count];
        }
        for (size_t k = 0; k < 2 * units; k++) {
            p.c0[k] = extremes[check_random(&seed) % count];
        }
        compare(&p, NULL);
        free_problem(&p);
    }
}

/* Sums that are zero have the same sign: with few inputs, all of them may be -0. */
static void zeros_of_both_signs_give_the_same_bits(void)
{
    static const float zeros[] = {0.0f, -0.0f, -0.0f, 1.0f};
    uint64_t seed = 6;
    for (size_t n = 0; n < 24 * 8 * 3; n++) {
        const size_t steps = n / 24 / 8, batch = 1 + n / 24 % 8, input_dim = 1 + n % 24;
        const size_t units = 1 + n % 2;
        problem p;
        make_problem(&p, input_dim, units, steps, batch, &seed);
        for (size_t k = 0; k < LSTM_PARAM_COUNT(input_dim, units); k++) {
            p.weights[k] = zeros[check_random(&seed) % 4];
        }
        for (size_t k = 0; k < batch * steps * input_dim; k++) {
            p.x[k] = zeros[check_random(&seed) % 3];
        }
        for (size_t k = 0; k < batch * units; k++) {
            p.h0[k] = zeros[check_random(&seed) % 3];
            p.c0[k] = zeros[check_random(&seed) % 3];
        }
        p.layer.bias = n % 3 == 0 ? NULL : p.layer.bias;
        p.dense.bias = n % 3 == 0 ? NULL : p.weights + units * input_dim;
        compare(&p, NULL);
        free_problem(&p);
    }
}

/* The floats next to x whose product with 1.44269504 lies exactly between two integers, where the
 * exponent of e^x may be either; returns how many of the 16 nearest are. */
static size_t find_ties(float x, float *ties)
{
    size_t count = 0;
    for (int k = 0; k < 8; k++) {
        x = nextafterf(x, 0.0f);
    }
    for (int k = 0; k < 16; k++, x = nextafterf(x, 2.0f * x)) {
        const volatile float product = x * 1.44269504f;
        if (fabsf(product - floorf(product)) == 0.5f) {
            ties[count++] = x;
        }
    }
    return count;
}

static void ties_of_the_exponent_give_the_same_bits(void)
{
    size_t found = 0;
    uint64_t seed = 6;
    for (int n = -40; n < 20; n++) {
        float ties[16];
        const size_t count = find_ties(((float)n + 0.5f) / 1.44269504f, ties);
        for (size_t k = 0; k < count; k++) {
            problem p;
            make_problem(&p, 1, 16, 1, 1, &seed);
            for (size_t j = 0; j < LSTM_PARAM_COUNT(1, 16); j++) {
                p.weights[j] = j < 64; /* so that each gate's sum is x */
            }
            p.x[0] = ties[k];
            compare(&p, NULL);
            free_problem(&p);
        }
        found += count;
    }
    CHECK(found > 30);
}

static void compare_nans(const problem *p, const instruction_sets *of)
{
    const size_t units = p->layer.units;
    outputs want, got;
    if (of->count == 0) {
        return;
    }
    run(p, of->sets[0], NULL, &want);
    for (int k = 1; k < of->count; k++) {
        run(p, of->sets[k], NULL, &got);
        for (size_t i = 0; i < want.y_len; i++) {
            CHECK(isnan(want.y[i]) == isnan(got.y[i]));
        }
        CHECK(isnan(got.y[2 * 3 * units + units / 2]) && !isnan(got.y[0]));
        free_outputs(&got);
    }
    free_outputs(&want);
}

static void a_nan_reaches_the_same_elements(void)
{
    for (size_t units = 1; units <= 40; units++) {
        uint64_t seed = units;
        problem p;
        make_problem(&p, 2, units, 3, 5, &seed);
        p.c0[2 * units + units / 2] = NAN;
        p.x[4 * 3 * 2 + 3] = NAN;
        compare_nans(&p, &apart);
        compare_nans(&p, &fused);
        free_problem(&p);
    }
}

int main(void)
{
    find_sets(&apart, &fused);
    RUN(any_number_of_units_gives_the_same_bits);
    RUN(any_number_of_features_gives_the_same_bits);
    RUN(any_number_of_steps_and_rows_gives_the_same_bits);
    RUN(large_batches_give_the_same_bits);
    RUN(scratch_anywhere_gives_the_same_bits);
    RUN(weights_anywhere_give_the_same_bits);
    RUN(other_activations_give_the_same_bits);
    RUN(extreme_values_give_the_same_bits);
    RUN(zeros_of_both_signs_give_the_same_bits);
    RUN(ties_of_the_exponent_give_the_same_bits);
    RUN(a_nan_reaches_the_same_elements);
    return check_report();
}
