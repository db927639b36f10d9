/* Bidirectional, put together from single layers as keras.layers.Bidirectional does it. */
#include "reference.h"

#define B 3
#define T 6
#define D 4
#define FU 5
#define MAX_BU 7

static lstm_bidirectional both;
static float x[B][T][D], h0[B * (FU + MAX_BU)], c0[B * (FU + MAX_BU)];
static float scratch[LSTM_BIDIRECTIONAL_SCRATCH_LEN(B, FU, MAX_BU)];
static const unsigned char mask[B][T] = {
    {1, 1, 0, 1, 1, 0}, {0, 1, 1, 1, 0, 1}, {0, 0, 0, 0, 0, 0}};

static void set_up(uint64_t seed, size_t backward_units, lstm_merge merge)
{
    random_layer(&both.forward, D, FU, &seed);
    random_layer(&both.backward, D, backward_units, &seed);
    both.merge = merge;
    check_random_fill(x[0][0], B * T * D, 1.0f, &seed);
    check_random_fill(h0, B * (FU + MAX_BU), 1.0f, &seed);
    check_random_fill(c0, B * (FU + MAX_BU), 1.0f, &seed);
}

static void tear_down(void)
{
    free_layer(&both.forward);
    free_layer(&both.backward);
}

static float merged(float forward, float backward)
{
    switch (both.merge) {
    case LSTM_MERGE_SUM: return forward + backward;
    case LSTM_MERGE_MUL: return forward * backward;
    case LSTM_MERGE_AVE: return (forward + backward) / 2.0f;
    default: return NAN;
    }
}

/* Keras: two calls, the backward rows flipped to the order of the forward ones, a merge. */
static void compare_with_two_layers(const unsigned char *m, int return_sequences,
                                    int go_backwards)
{
    const size_t bu = both.backward.units, rows = return_sequences ? T : 1;
    const size_t row_len = both.merge == LSTM_MERGE_CONCAT ? FU + bu : FU;
    static float yf[B * T * FU], yb[B * T * MAX_BU], y[B * T * (FU + MAX_BU)],
        want[sizeof y / 4];
    float h[B * (FU + MAX_BU)], c[B * (FU + MAX_BU)], h_want[sizeof h / 4],
        c_want[sizeof h / 4];
    lstm_layer forward = both.forward, backward = both.backward;
    both.forward.return_sequences = both.backward.return_sequences = return_sequences;
    both.forward.go_backwards = go_backwards;
    forward.return_sequences = backward.return_sequences = return_sequences;
    forward.go_backwards = go_backwards;
    backward.go_backwards = !go_backwards;
    forward.zero_output_for_mask = backward.zero_output_for_mask = return_sequences;
    memcpy(h, h0, sizeof h);
    memcpy(c, c0, sizeof c);
    memcpy(h_want, h0, sizeof h);
    memcpy(c_want, c0, sizeof c);
    CHECK(lstm_forward_batch(&forward, x[0][0], m, B, T, h_want, c_want, yf, scratch) ==
          LSTM_OK);
    CHECK(lstm_forward_batch(&backward, x[0][0], m, B, T, h_want + B * FU,
                             c_want + B * FU, yb, scratch) == LSTM_OK);
    for (size_t b = 0; b < B; b++) {
        for (size_t t = 0; t < rows; t++) {
            const float *f = yf + (b * rows + t) * FU;
            const float *k = yb + (b * rows + rows - 1 - t) * bu;
            float *row = want + (b * rows + t) * row_len;
            for (size_t u = 0; u < row_len; u++) {
                row[u] = both.merge != LSTM_MERGE_CONCAT ? merged(f[u], k[u])
                         : u < FU                        ? f[u]
                                                         : k[u - FU];
            }
        }
    }
    CHECK(lstm_bidirectional_forward(&both, x[0][0], m, B, T, h, c, y, scratch) ==
          LSTM_OK);
    CHECK_BITS(y, want, B * rows * row_len);
    CHECK_BITS(h, h_want, B * (FU + bu));
    CHECK_BITS(c, c_want, B * (FU + bu));
}

static void compare_all(size_t backward_units, lstm_merge merge)
{
    for (int options = 0; options < 8; options++) {
        set_up(10 + (uint64_t)options, backward_units, merge);
        compare_with_two_layers(options & 1 ? mask[0] : NULL, options >> 1 & 1,
                                options >> 2);
        tear_down();
    }
}

static void concat_puts_the_forward_half_first(void)
{
    compare_all(FU, LSTM_MERGE_CONCAT);
}

static void halves_may_have_different_units(void)
{
    compare_all(MAX_BU, LSTM_MERGE_CONCAT);
    compare_all(2, LSTM_MERGE_CONCAT);
}

static void sum_adds_the_halves(void)
{
    compare_all(FU, LSTM_MERGE_SUM);
}

static void mul_multiplies_the_halves(void)
{
    compare_all(FU, LSTM_MERGE_MUL);
}

static void ave_takes_the_mean_of_the_halves(void)
{
    compare_all(FU, LSTM_MERGE_AVE);
}

static void halves_may_have_different_activations(void)
{
    set_up(3, FU, LSTM_MERGE_CONCAT);
    both.backward.activation = LSTM_RELU;
    both.backward.recurrent_activation = LSTM_HARD_SIGMOID;
    compare_with_two_layers(NULL, 1, 0);
    tear_down();
}

static void go_backwards_of_the_backward_half_is_not_read(void)
{
    float y[2][B][FU + MAX_BU], h[2][B * (FU + MAX_BU)] = {{0}},
                                               c[2][B * (FU + MAX_BU)] = {{0}};
    set_up(4, MAX_BU, LSTM_MERGE_CONCAT);
    for (int k = 0; k < 2; k++) {
        both.forward.go_backwards = 0;
        both.forward.return_sequences = both.backward.return_sequences = 0;
        both.backward.go_backwards = k;
        both.backward.zero_output_for_mask = k;
        CHECK(lstm_bidirectional_forward(&both, x[0][0], mask[0], B, T, h[k], c[k],
                                         y[k][0], scratch) == LSTM_OK);
    }
    CHECK_BITS(y[0][0], y[1][0], B * (FU + MAX_BU));
    tear_down();
}

static void y_may_be_null_where_only_the_states_are_wanted(void)
{
    float y[B][2 * FU], h[2][2 * B * FU] = {{0}}, c[2][2 * B * FU] = {{0}};
    set_up(5, FU, LSTM_MERGE_CONCAT);
    both.forward.return_sequences = both.backward.return_sequences = 0;
    both.forward.go_backwards = 0;
    CHECK(lstm_bidirectional_forward(&both, x[0][0], NULL, B, T, h[0], c[0], y[0],
                                     scratch) == LSTM_OK);
    CHECK(lstm_bidirectional_forward(&both, x[0][0], NULL, B, T, h[1], c[1], NULL,
                                     scratch) == LSTM_OK);
    CHECK_BITS(h[0], h[1], 2 * B * FU);
    CHECK_BITS(c[0], c[1], 2 * B * FU);
    CHECK_BITS(y[0], h[0], FU);
    tear_down();
}

static void no_steps_and_no_rows_do_nothing(void)
{
    set_up(6, FU, LSTM_MERGE_SUM);
    CHECK(lstm_bidirectional_forward(&both, NULL, NULL, 0, T, NULL, NULL, NULL, NULL) ==
          LSTM_OK);
    CHECK(lstm_bidirectional_forward(&both, NULL, NULL, B, 0, NULL, NULL, NULL, NULL) ==
          LSTM_OK);
    tear_down();
}

int main(void)
{
    RUN(concat_puts_the_forward_half_first);
    RUN(halves_may_have_different_units);
    RUN(sum_adds_the_halves);
    RUN(mul_multiplies_the_halves);
    RUN(ave_takes_the_mean_of_the_halves);
    RUN(halves_may_have_different_activations);
    RUN(go_backwards_of_the_backward_half_is_not_read);
    RUN(y_may_be_null_where_only_the_states_are_wanted);
    RUN(no_steps_and_no_rows_do_nothing);
    return check_report();
}
