/* Masks: which steps count, what a masked step's output is, and lstm_mask itself. */
#include "reference.h"

#define B 6
#define T 7
#define D 3
#define U 5

static lstm_layer layer;
static float x[B][T][D], h0[B][U], c0[B][U], scratch[LSTM_BATCH_SCRATCH_LEN(B, U)];
static const unsigned char mask[B][T] = {{1, 1, 1, 1, 1, 1, 1}, {1, 0, 1, 0, 0, 1, 1},
                                         {0, 0, 1, 1, 0, 1, 0}, {0, 0, 0, 0, 0, 0, 0},
                                         {1, 1, 1, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 255}};

static void set_up(uint64_t seed)
{
    random_layer(&layer, D, U, &seed);
    check_random_fill(x[0][0], B * T * D, 1.0f, &seed);
    check_random_fill(h0[0], B * U, 1.0f, &seed);
    check_random_fill(c0[0], B * U, 1.0f, &seed);
}

/* What keras.layers.LSTM does with a mask (TensorFlow backend), out of single steps. */
static void expect(size_t b, float y[T][U], float last[U], float h[U], float c[U])
{
    float previous[U] = {0};
    memcpy(h, h0[b], sizeof h0[b]);
    memcpy(c, c0[b], sizeof c0[b]);
    for (size_t step = 0; step < T; step++) {
        const size_t t = layer.go_backwards ? T - 1 - step : step;
        if (mask[b][t]) {
            CHECK(lstm_step(&layer, x[b][t], h, c, scratch) == LSTM_OK);
            memcpy(previous, h, sizeof previous);
        }
        memcpy(y[step], previous, sizeof previous);
        if (!mask[b][t] && layer.zero_output_for_mask) {
            memset(y[step], 0, sizeof previous);
        }
    }
    memcpy(last, y[T - 1], sizeof previous);
}

static void compare_with_expected(int return_sequences, int go_backwards, int zero_output)
{
    static float y[B][T][U], y_want[B][T][U];
    float last_want[B][U], h[B][U], c[B][U], h_want[B][U], c_want[B][U];
    layer.return_sequences = return_sequences;
    layer.go_backwards = go_backwards;
    layer.zero_output_for_mask = zero_output;
    memcpy(h, h0, sizeof h);
    memcpy(c, c0, sizeof c);
    for (size_t b = 0; b < B; b++) {
        expect(b, y_want[b], last_want[b], h_want[b], c_want[b]);
    }
    CHECK(lstm_forward_batch(&layer, x[0][0], mask[0], B, T, h[0], c[0], y[0][0],
                             scratch) == LSTM_OK);
    CHECK_BITS(y[0][0], return_sequences ? y_want[0][0] : last_want[0],
               return_sequences ? B * T * U : B * U);
    CHECK_BITS(h[0], h_want[0], B * U);
    CHECK_BITS(c[0], c_want[0], B * U);
}

static void masked_steps_repeat_the_output_and_keep_the_state(void)
{
    set_up(1);
    compare_with_expected(1, 0, 0);
    compare_with_expected(0, 0, 0);
    free_layer(&layer);
}

static void the_mask_goes_backwards_with_x(void)
{
    set_up(2);
    compare_with_expected(1, 1, 0);
    compare_with_expected(0, 1, 0);
    compare_with_expected(1, 1, 1);
    free_layer(&layer);
}

static void zero_output_for_mask_gives_zeros(void)
{
    set_up(3);
    compare_with_expected(1, 0, 1);
    compare_with_expected(0, 0, 1);
    free_layer(&layer);
}

static void a_nan_at_a_masked_step_is_not_seen(void)
{
    set_up(4);
    for (size_t b = 0; b < B; b++) {
        for (size_t t = 0; t < T; t++) {
            if (!mask[b][t]) {
                x[b][t][0] = NAN;
            }
        }
    }
    compare_with_expected(1, 0, 0);
    free_layer(&layer);
}

static void a_row_masked_throughout_gives_zeros_and_keeps_its_state(void)
{
    const unsigned char none[T] = {0};
    float h[U], c[U], y[U];
    const float zeros[U] = {0};
    set_up(5);
    memcpy(h, h0[0], sizeof h);
    memcpy(c, c0[0], sizeof c);
    CHECK(lstm_forward_batch(&layer, x[0][0], none, 1, T, h, c, y, scratch) == LSTM_OK);
    CHECK_BITS(y, zeros, U);
    CHECK_BITS(h, h0[0], U);
    CHECK_BITS(c, c0[0], U);
    free_layer(&layer);
}

static void a_mask_of_ones_is_no_mask(void)
{
    unsigned char ones[T];
    float y[2][T][U], h[2][U] = {{0}}, c[2][U] = {{0}};
    set_up(6);
    memset(ones, 1, sizeof ones);
    layer.return_sequences = 1;
    CHECK(lstm_forward_batch(&layer, x[0][0], ones, 1, T, h[0], c[0], y[0][0], scratch) ==
          LSTM_OK);
    CHECK(lstm_forward_batch(&layer, x[0][0], NULL, 1, T, h[1], c[1], y[1][0], scratch) ==
          LSTM_OK);
    CHECK_BITS(y[0][0], y[1][0], T * U);
    CHECK_BITS(c[0], c[1], U);
    free_layer(&layer);
}

static void lstm_mask_hides_only_steps_whose_features_all_equal_the_value(void)
{
    const float rows[7][2] = {{0.0f, 0.0f}, {0.0f, 1.0f}, {-0.0f, 0.0f}, {1.0f, 0.0f},
                              {NAN, 0.0f},  {NAN, NAN},   {0.0f, 1e-45f}};
    const unsigned char want[7] = {0, 1, 0, 1, 1, 1, 1};
    unsigned char got[8] = {9, 9, 9, 9, 9, 9, 9, 9};
    lstm_mask(rows[0], 7, 2, 0.0f, got);
    CHECK(memcmp(got, want, 7) == 0);
    CHECK(got[7] == 9);
}

static void lstm_mask_takes_any_value_and_nan_matches_nothing(void)
{
    const float rows[3][1] = {{-10.0f}, {0.0f}, {NAN}};
    unsigned char got[3];
    lstm_mask(rows[0], 3, 1, -10.0f, got);
    CHECK(got[0] == 0 && got[1] == 1 && got[2] == 1);
    lstm_mask(rows[0], 3, 1, NAN, got);
    CHECK(got[0] == 1 && got[1] == 1 && got[2] == 1);
}

static void lstm_mask_without_data_does_nothing(void)
{
    const float row = 0.0f;
    unsigned char got = 5;
    lstm_mask(NULL, 1, 1, 0.0f, &got);
    lstm_mask(&row, 0, 1, 0.0f, &got);
    CHECK(got == 5);
    lstm_mask(&row, 1, 1, 0.0f, NULL);
}

int main(void)
{
    RUN(masked_steps_repeat_the_output_and_keep_the_state);
    RUN(the_mask_goes_backwards_with_x);
    RUN(zero_output_for_mask_gives_zeros);
    RUN(a_nan_at_a_masked_step_is_not_seen);
    RUN(a_row_masked_throughout_gives_zeros_and_keeps_its_state);
    RUN(a_mask_of_ones_is_no_mask);
    RUN(lstm_mask_hides_only_steps_whose_features_all_equal_the_value);
    RUN(lstm_mask_takes_any_value_and_nan_matches_nothing);
    RUN(lstm_mask_without_data_does_nothing);
    return check_report();
}
