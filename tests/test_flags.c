/* Flags are true when they are not 0: negative ones, even ones and those whose low byte or low
 * half is 0 give the bits of 1, in every function that looks at them. So do the bytes of a mask. */
#include <limits.h>
#include "reference.h"

enum { B = 3, T = 6, D = 3, U = 5 };

static const int truths[] = {
    -1,  2,    -2,   3,     4,     -4,    16,      128,     -128,        255,
    256, -256, 4096, -4096, 32767, 16384, INT_MAX, INT_MIN, INT_MAX - 1, INT_MIN + 1};
enum { TRUTHS = sizeof truths / sizeof *truths };

static lstm_layer layer, other;
static float x[B * T * D], h0[2 * B * U], c0[2 * B * U];
static float scratch[LSTM_BIDIRECTIONAL_SCRATCH_LEN(B, U, U)];
static unsigned char mask[B * T];

typedef struct outputs {
    float y[B * T * 2 * U], h[2 * B * U], c[2 * B * U];
} outputs;

static void set_up(uint64_t seed)
{
    random_layer(&layer, D, U, &seed);
    random_layer(&other, D, U, &seed);
    check_random_fill(x, B * T * D, 1.0f, &seed);
    check_random_fill(h0, 2 * B * U, 1.0f, &seed);
    check_random_fill(c0, 2 * B * U, 1.0f, &seed);
    for (size_t k = 0; k < B * T; k++) {
        mask[k] = k % 3 != 0;
    }
}

static void tear_down(void)
{
    free_layer(&layer);
    free_layer(&other);
}

static void begin(outputs *o)
{
    memset(o, 0, sizeof *o);
    memcpy(o->h, h0, sizeof h0);
    memcpy(o->c, c0, sizeof c0);
}

static void run_forward(outputs *o)
{
    begin(o);
    CHECK(lstm_forward(&layer, x, T, o->h, o->c, o->y, scratch) == LSTM_OK);
}

static void run_batch(outputs *o)
{
    begin(o);
    CHECK(lstm_forward_batch(&layer, x, mask, B, T, o->h, o->c, o->y, scratch) ==
          LSTM_OK);
}

/* The halves have flags that are true in different ways: forward's, and those of `other`. */
static void run_both(outputs *o)
{
    lstm_bidirectional both;
    both.forward = layer;
    both.backward = other;
    both.merge = LSTM_MERGE_CONCAT;
    begin(o);
    CHECK(lstm_bidirectional_forward(&both, x, mask, B, T, o->h, o->c, o->y, scratch) ==
          LSTM_OK);
}

static void same_outputs(const outputs *got, const outputs *want)
{
    CHECK_BITS(got->y, want->y, B * T * 2 * U);
    CHECK_BITS(got->h, want->h, 2 * B * U);
    CHECK_BITS(got->c, want->c, 2 * B * U);
}

/* Every truth in *flag; has_effect: whether the flag changes these outputs at all */
static void every_truth_is_one(int *flag, void (*run)(outputs *), int has_effect)
{
    outputs without, want, got;
    *flag = 0;
    run(&without);
    *flag = 1;
    run(&want);
    CHECK((memcmp(&want, &without, sizeof want) != 0) == has_effect);
    for (size_t k = 0; k < TRUTHS; k++) {
        *flag = truths[k];
        run(&got);
        same_outputs(&got, &want);
    }
    *flag = 0;
}

static void return_sequences_is_true_when_not_0(void)
{
    set_up(1);
    every_truth_is_one(&layer.return_sequences, run_forward, 1);
    every_truth_is_one(&layer.return_sequences, run_batch, 1);
    for (size_t k = 0; k < TRUTHS; k++) { /* so y must be there */
        outputs o;
        begin(&o);
        layer.return_sequences = truths[k];
        CHECK(lstm_forward(&layer, x, T, o.h, o.c, NULL, scratch) == LSTM_ERR_NULL);
    }
    tear_down();
}

static void go_backwards_is_true_when_not_0(void)
{
    set_up(2);
    layer.return_sequences = 1;
    every_truth_is_one(&layer.go_backwards, run_forward, 1);
    every_truth_is_one(&layer.go_backwards, run_batch, 1);
    layer.return_sequences = 0;
    every_truth_is_one(&layer.go_backwards, run_forward, 1);
    tear_down();
}

static void zero_output_for_mask_is_true_when_not_0(void)
{
    set_up(3);
    layer.return_sequences = 1;
    every_truth_is_one(&layer.zero_output_for_mask, run_batch, 1);
    mask[T - 1] = mask[2 * T - 1] = 0;
    layer.return_sequences = 0;
    every_truth_is_one(&layer.zero_output_for_mask, run_batch, 1);
    tear_down();
}

/* Both halves return sequences, each with a truth of its own: no error, and the bits of 1. */
static void return_sequences_of_two_halves_may_be_true_in_two_ways(void)
{
    outputs want, got;
    set_up(4);
    layer.return_sequences = other.return_sequences = 1;
    run_both(&want);
    for (size_t k = 0; k < TRUTHS; k++) {
        layer.return_sequences = truths[k];
        other.return_sequences = truths[(k * 7 + 3) % TRUTHS];
        run_both(&got);
        same_outputs(&got, &want);
    }
    tear_down();
}

static void flags_of_the_halves_are_true_when_not_0(void)
{
    set_up(5);
    for (int sequences = 0; sequences < 2; sequences++) {
        layer.return_sequences = other.return_sequences = -2 * sequences;
        every_truth_is_one(&layer.go_backwards, run_both, 1);
        every_truth_is_one(&other.go_backwards, run_both, 0);
        every_truth_is_one(&layer.zero_output_for_mask, run_both, 0);
        every_truth_is_one(&other.zero_output_for_mask, run_both, 0);
    }
    tear_down();
}

/* A flag that is true does not add up with, or wipe out, another one. */
static void flags_that_are_true_in_other_ways_go_together(void)
{
    outputs want, got;
    set_up(6);
    for (int which = 0; which < 8; which++) {
        layer.return_sequences = which & 1;
        layer.go_backwards = which >> 1 & 1;
        layer.zero_output_for_mask = which >> 2 & 1;
        run_batch(&want);
        for (size_t k = 0; k < TRUTHS; k++) {
            layer.return_sequences = which & 1 ? truths[k] : 0;
            layer.go_backwards = which & 2 ? truths[(k * 3 + 1) % TRUTHS] : 0;
            layer.zero_output_for_mask = which & 4 ? truths[(k * 11 + 5) % TRUTHS] : 0;
            run_batch(&got);
            same_outputs(&got, &want);
        }
    }
    tear_down();
}

/* lstm_step looks at none of them. */
static void a_step_has_no_flags(void)
{
    float h[U], c[U], want_h[U], want_c[U];
    set_up(7);
    memcpy(want_h, h0, sizeof want_h);
    memcpy(want_c, c0, sizeof want_c);
    CHECK(lstm_step(&layer, x, want_h, want_c, scratch) == LSTM_OK);
    for (size_t k = 0; k < TRUTHS; k++) {
        memcpy(h, h0, sizeof h);
        memcpy(c, c0, sizeof c);
        layer.return_sequences = layer.go_backwards = layer.zero_output_for_mask =
            truths[k];
        CHECK(lstm_step(&layer, x, h, c, scratch) == LSTM_OK);
        CHECK_BITS(h, want_h, U);
        CHECK_BITS(c, want_c, U);
    }
    tear_down();
}

static void a_step_is_used_where_its_mask_is_not_0(void)
{
    unsigned char ones[B * T];
    outputs want, got;
    set_up(8);
    layer.return_sequences = 1;
    memcpy(ones, mask, sizeof ones);
    run_batch(&want);
    for (int truth = 2; truth < 256; truth++) {
        for (size_t k = 0; k < B * T; k++) {
            mask[k] = (unsigned char)(ones[k] ? truth : 0);
        }
        run_batch(&got);
        same_outputs(&got, &want);
    }
    tear_down();
}

int main(void)
{
    RUN(return_sequences_is_true_when_not_0);
    RUN(go_backwards_is_true_when_not_0);
    RUN(zero_output_for_mask_is_true_when_not_0);
    RUN(return_sequences_of_two_halves_may_be_true_in_two_ways);
    RUN(flags_of_the_halves_are_true_when_not_0);
    RUN(flags_that_are_true_in_other_ways_go_together);
    RUN(a_step_has_no_flags);
    RUN(a_step_is_used_where_its_mask_is_not_0);
    return check_report();
}
