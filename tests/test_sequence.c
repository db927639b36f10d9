/* Sequences: return_sequences, go_backwards, any split of the steps, and batches of them. */
#include "reference.h"

#define T 13
#define D 5
#define U 10
#define B 4

static lstm_layer layer;
static float x[B][T][D], h0[B][U], c0[B][U], scratch[LSTM_BATCH_SCRATCH_LEN(B, U)];

static void set_up(uint64_t seed)
{
    random_layer(&layer, D, U, &seed);
    check_random_fill(x[0][0], B * T * D, 1.0f, &seed);
    check_random_fill(h0[0], B * U, 1.0f, &seed);
    check_random_fill(c0[0], B * U, 1.0f, &seed);
}

/* The outputs of lstm_step, one step after the other, and the final state. */
static void run_steps(float y[T][U], float h[U], float c[U])
{
    memcpy(h, h0[0], sizeof h0[0]);
    memcpy(c, c0[0], sizeof c0[0]);
    for (size_t t = 0; t < T; t++) {
        CHECK(lstm_step(&layer, x[0][layer.go_backwards ? T - 1 - t : t], h, c,
                        scratch) == LSTM_OK);
        memcpy(y[t], h, sizeof y[t]);
    }
}

static void return_sequences_gives_every_step(void)
{
    float y[T][U], h[U], c[U], want[T][U], h_want[U], c_want[U];
    set_up(1);
    run_steps(want, h_want, c_want);
    layer.return_sequences = 1;
    memcpy(h, h0[0], sizeof h);
    memcpy(c, c0[0], sizeof c);
    CHECK(lstm_forward(&layer, x[0][0], T, h, c, y[0], scratch) == LSTM_OK);
    CHECK_BITS(y[0], want[0], T * U);
    CHECK_BITS(h, h_want, U);
    CHECK_BITS(c, c_want, U);
    free_layer(&layer);
}

static void without_return_sequences_y_is_the_last_step(void)
{
    float y[U + 1], h[U], c[U], want[T][U], h_want[U], c_want[U];
    set_up(2);
    run_steps(want, h_want, c_want);
    memcpy(h, h0[0], sizeof h);
    memcpy(c, c0[0], sizeof c);
    y[U] = 7.0f;
    CHECK(lstm_forward(&layer, x[0][0], T, h, c, y, scratch) == LSTM_OK);
    CHECK_BITS(y, want[T - 1], U);
    CHECK_BITS(c, c_want, U);
    CHECK(y[U] == 7.0f);
    free_layer(&layer);
}

static void y_may_be_null_where_only_the_state_is_wanted(void)
{
    float h[U], c[U], want[T][U], h_want[U], c_want[U];
    set_up(3);
    run_steps(want, h_want, c_want);
    memcpy(h, h0[0], sizeof h);
    memcpy(c, c0[0], sizeof c);
    CHECK(lstm_forward(&layer, x[0][0], T, h, c, NULL, scratch) == LSTM_OK);
    CHECK_BITS(h, h_want, U);
    CHECK_BITS(c, c_want, U);
    free_layer(&layer);
}

static void any_split_gives_the_same_bits(void)
{
    float want[T][U], h_want[U], c_want[U];
    set_up(4);
    run_steps(want, h_want, c_want);
    layer.return_sequences = 1;
    for (size_t first = 0; first <= T; first++) {
        for (size_t second = first; second <= T; second++) {
            float y[T][U], h[U], c[U];
            memcpy(h, h0[0], sizeof h);
            memcpy(c, c0[0], sizeof c);
            CHECK(lstm_forward(&layer, x[0][0], first, h, c, y[0], scratch) == LSTM_OK);
            CHECK(lstm_forward(&layer, first < T ? x[0][first] : NULL, second - first, h,
                               c, first < T ? y[first] : NULL, scratch) == LSTM_OK);
            CHECK(lstm_forward(&layer, second < T ? x[0][second] : NULL, T - second, h, c,
                               second < T ? y[second] : NULL, scratch) == LSTM_OK);
            CHECK_BITS(y[0], want[0], T * U);
            CHECK_BITS(h, h_want, U);
            CHECK_BITS(c, c_want, U);
        }
    }
    free_layer(&layer);
}

static void go_backwards_is_a_forward_run_on_reversed_x(void)
{
    float y[T][U], h[U], c[U], want[T][U], h_want[U], c_want[U];
    set_up(5);
    layer.go_backwards = 1;
    layer.return_sequences = 1;
    run_steps(want, h_want, c_want);
    memcpy(h, h0[0], sizeof h);
    memcpy(c, c0[0], sizeof c);
    CHECK(lstm_forward(&layer, x[0][0], T, h, c, y[0], scratch) == LSTM_OK);
    CHECK_BITS(y[0], want[0], T * U);
    CHECK_BITS(h, h_want, U);
    free_layer(&layer);
}

static void a_batch_is_so_many_single_calls(void)
{
    for (int options = 0; options < 4; options++) {
        static float y[B * T * U], want[B * T * U];
        float h[B][U], c[B][U], h_want[B][U], c_want[B][U];
        set_up(6);
        layer.return_sequences = options & 1;
        layer.go_backwards = options >> 1;
        const size_t y_len = layer.return_sequences ? T * U : U;
        memcpy(h, h0, sizeof h);
        memcpy(c, c0, sizeof c);
        memcpy(h_want, h0, sizeof h);
        memcpy(c_want, c0, sizeof c);
        CHECK(lstm_forward_batch(&layer, x[0][0], NULL, B, T, h[0], c[0], y, scratch) ==
              LSTM_OK);
        for (size_t b = 0; b < B; b++) {
            CHECK(lstm_forward(&layer, x[b][0], T, h_want[b], c_want[b], want + b * y_len,
                               scratch) == LSTM_OK);
        }
        CHECK_BITS(y, want, B * y_len);
        CHECK_BITS(h[0], h_want[0], B * U);
        CHECK_BITS(c[0], c_want[0], B * U);
        free_layer(&layer);
    }
}

static void a_nan_stays_in_its_own_row_of_the_batch(void)
{
    float h[B][U] = {{0}}, c[B][U] = {{0}};
    set_up(7);
    x[2][4][1] = NAN;
    CHECK(lstm_forward_batch(&layer, x[0][0], NULL, B, T, h[0], c[0], NULL, scratch) ==
          LSTM_OK);
    for (size_t b = 0; b < B; b++) {
        for (size_t u = 0; u < U; u++) {
            CHECK(isnan(h[b][u]) == (b == 2));
        }
    }
    free_layer(&layer);
}

static void no_steps_and_no_rows_do_nothing(void)
{
    set_up(8);
    CHECK(lstm_forward(&layer, NULL, 0, NULL, NULL, NULL, NULL) == LSTM_OK);
    CHECK(lstm_forward_batch(&layer, NULL, NULL, 0, 5, NULL, NULL, NULL, NULL) ==
          LSTM_OK);
    CHECK(lstm_forward_batch(&layer, NULL, NULL, 5, 0, NULL, NULL, NULL, NULL) ==
          LSTM_OK);
    free_layer(&layer);
}

/* Against the reference over the whole sequence, so that errors may add up. */
static void a_long_sequence_stays_near_the_reference(void)
{
    enum { STEPS = 400 };
    static float long_x[STEPS][D];
    uint64_t seed = 9;
    double h64[U] = {0}, c64[U] = {0};
    float h[U] = {0}, c[U] = {0}, want[U];
    set_up(9);
    check_random_fill(long_x[0], STEPS * D, 1.0f, &seed);
    CHECK(lstm_forward(&layer, long_x[0], STEPS, h, c, NULL, scratch) == LSTM_OK);
    for (size_t t = 0; t < STEPS; t++) {
        reference_step(&layer, long_x[t], h64, c64);
    }
    for (size_t u = 0; u < U; u++) {
        want[u] = (float)h64[u];
    }
    CHECK_NEAR(h, want, U, 2e-6, 0.0);
    free_layer(&layer);
}

int main(void)
{
    RUN(return_sequences_gives_every_step);
    RUN(without_return_sequences_y_is_the_last_step);
    RUN(y_may_be_null_where_only_the_state_is_wanted);
    RUN(any_split_gives_the_same_bits);
    RUN(go_backwards_is_a_forward_run_on_reversed_x);
    RUN(a_batch_is_so_many_single_calls);
    RUN(a_nan_stays_in_its_own_row_of_the_batch);
    RUN(no_steps_and_no_rows_do_nothing);
    RUN(a_long_sequence_stays_near_the_reference);
    return check_report();
}
