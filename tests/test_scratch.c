/* Scratch of exactly the stated length is enough for every shape: the floats before and behind it
 * keep their values, and what it holds before a call changes nothing. Arrays are of exact size on
 * the heap, so that `make sanitize` sees a read beyond them. */
#include "reference.h"

enum { GUARD = 64 };
static const uint32_t guard_bits =
    0x7FDEAD05u; /* a NaN: it would show in the outputs, too */

typedef struct shape {
    size_t input_dim, units, batch, timesteps;
} shape;

static float *guarded(size_t len)
{
    float *p = NEW_FLOATS(len + 2 * GUARD);
    for (size_t k = 0; k < len + 2 * GUARD; k++) {
        memcpy(p + k, &guard_bits, sizeof guard_bits);
    }
    return p + GUARD;
}

/* Whether what lies around is as it was; frees it */
static int is_intact(float *p, size_t len)
{
    int good = 1;
    p -= GUARD;
    for (size_t k = 0; k < GUARD; k++) {
        good &= memcmp(p + k, &guard_bits, sizeof guard_bits) == 0 &&
                memcmp(p + GUARD + len + k, &guard_bits, sizeof guard_bits) == 0;
    }
    free(p);
    return good;
}

static lstm_layer layer;
static lstm_bidirectional both;

static void step(const shape *s, const float *x, float *h, float *c, float *y,
                 float *scratch)
{
    (void)s;
    (void)y;
    CHECK(lstm_step(&layer, x, h, c, scratch) == LSTM_OK);
}

static void forward(const shape *s, const float *x, float *h, float *c, float *y,
                    float *scratch)
{
    CHECK(lstm_forward(&layer, x, s->timesteps, h, c, y, scratch) == LSTM_OK);
}

static void batch(const shape *s, const float *x, float *h, float *c, float *y,
                  float *scratch)
{
    CHECK(lstm_forward_batch(&layer, x, NULL, s->batch, s->timesteps, h, c, y, scratch) ==
          LSTM_OK);
}

static void bidirectional(const shape *s, const float *x, float *h, float *c, float *y,
                          float *scratch)
{
    CHECK(lstm_bidirectional_forward(&both, x, NULL, s->batch, s->timesteps, h, c, y,
                                     scratch) == LSTM_OK);
}

typedef void (*call)(const shape *s, const float *x, float *h, float *c, float *y,
                     float *scratch);

/* The call with scratch of this length, full of NaNs and between guards; and with zeros in scratch
 * of exact size; the same bits */
static void is_enough(call run, const shape *s, size_t y_len, size_t state, size_t len)
{
    const size_t x_len = s->batch * s->timesteps * s->input_dim;
    float *x = NEW_FLOATS(x_len), *h = NEW_FLOATS(state), *c = NEW_FLOATS(state);
    float *want_h = NEW_FLOATS(state), *want_c = NEW_FLOATS(state);
    float *want_y = NEW_FLOATS(y_len), *y = guarded(y_len);
    float *scratch = guarded(len), *exact = NEW_FLOATS(len);
    uint64_t seed = s->units;
    check_random_fill(x, x_len, 1.0f, &seed);
    run(s, x, want_h, want_c, want_y, exact);
    memset(y, 0, y_len * sizeof *y);
    run(s, x, h, c, y, scratch);
    CHECK_BITS(h, want_h, state);
    CHECK_BITS(c, want_c, state);
    CHECK_BITS(y, want_y, y_len);
    CHECK(is_intact(y, y_len));
    CHECK(is_intact(scratch, len));
    free(x);
    free(h);
    free(c);
    free(want_h);
    free(want_c);
    free(want_y);
    free(exact);
}

static void every_call_with(const shape *s)
{
    uint64_t seed = s->input_dim;
    const size_t state = s->units, row = s->timesteps * s->units;
    random_layer(&layer, s->input_dim, s->units, &seed);
    layer.return_sequences = 1;
    if (s->batch == 1) {
        is_enough(step, s, 1, state, LSTM_SCRATCH_LEN(s->units));
        is_enough(forward, s, row, state, LSTM_SCRATCH_LEN(s->units));
    }
    is_enough(batch, s, s->batch * row, s->batch * state,
              LSTM_BATCH_SCRATCH_LEN(s->batch, s->units));
    free_layer(&layer);
}

static void scratch_of_the_stated_length_is_enough_for_any_units(void)
{
    shape s;
    for (s.units = 1; s.units <= 70; s.units++) {
        s.input_dim = s.units % 3 == 0 ? 40 : s.units % 3 == 1 ? 17 : 3;
        s.batch = 1;
        s.timesteps = 33;
        every_call_with(&s);
        s.timesteps = 1 + s.units % 13;
        every_call_with(&s);
        s.batch = 1 + s.units % 11;
        every_call_with(&s);
    }
}

static void scratch_of_the_stated_length_is_enough_for_any_batch(void)
{
    static const size_t units[] = {1, 3, 4, 7, 16, 24, 33, 65};
    shape s;
    s.input_dim = 5;
    for (size_t k = 0; k < sizeof units / sizeof *units; k++) {
        for (s.batch = 1; s.batch <= 36; s.batch++) {
            s.units = units[k];
            s.timesteps = 2;
            every_call_with(&s);
        }
        for (s.batch = 40; s.batch <= 200; s.batch += 53) {
            every_call_with(&s);
        }
    }
}

/* So wide that the weights leave a core's caches: blocks are taken in another way there. */
static void scratch_of_the_stated_length_is_enough_for_wide_layers(void)
{
    static const size_t units[] = {128, 257, 320};
    shape s;
    s.timesteps = 3;
    for (size_t k = 0; k < sizeof units / sizeof *units; k++) {
        for (s.batch = 1; s.batch <= 33; s.batch += 16) {
            s.units = units[k];
            s.input_dim = k == 0 ? 200 : 33;
            every_call_with(&s);
        }
    }
}

static void two_directions(size_t input_dim, size_t forward_units, size_t backward_units,
                           size_t batch_size, size_t timesteps)
{
    const size_t units = forward_units + backward_units;
    shape s;
    uint64_t seed = units;
    s.input_dim = input_dim;
    s.units = units;
    s.batch = batch_size;
    s.timesteps = timesteps;
    random_layer(&both.forward, input_dim, forward_units, &seed);
    random_layer(&both.backward, input_dim, backward_units, &seed);
    both.forward.return_sequences = both.backward.return_sequences = 1;
    both.merge = LSTM_MERGE_CONCAT;
    is_enough(bidirectional, &s, batch_size * timesteps * units, batch_size * units,
              LSTM_BIDIRECTIONAL_SCRATCH_LEN(batch_size, forward_units, backward_units));
    free_layer(&both.forward);
    free_layer(&both.backward);
}

static void scratch_of_the_stated_length_is_enough_for_two_directions(void)
{
    for (size_t units = 1; units <= 40; units++) {
        two_directions(units % 2 ? 3 : 20, units, 1 + units * 7 % 40, 1, 19);
        two_directions(units % 2 ? 20 : 3, units, 1 + units * 7 % 40, 1 + units % 17, 3);
    }
}

int main(void)
{
    RUN(scratch_of_the_stated_length_is_enough_for_any_units);
    RUN(scratch_of_the_stated_length_is_enough_for_any_batch);
    RUN(scratch_of_the_stated_length_is_enough_for_wide_layers);
    RUN(scratch_of_the_stated_length_is_enough_for_two_directions);
    return check_report();
}
