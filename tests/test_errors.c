/* Every argument check of the running functions: the status, and that nothing was written. */
#include "reference.h"

enum { D = 3, U = 4, T = 2, B = 2 };
#define MOST ((size_t)-1)

/* All that a call may write, and the same as it was before. */
typedef struct memory {
    float h[2 * B * U], c[2 * B * U], y[B * T * 2 * U], scratch[64];
} memory;

static memory now, before;
static float weights[LSTM_PARAM_COUNT(D, U)], x[B * T * D];
static lstm_layer layer;
static lstm_bidirectional both;
static lstm_dense dense;

static void set_up(void)
{
    uint64_t seed = 1;
    check_random_fill(weights, LSTM_PARAM_COUNT(D, U), 0.5f, &seed);
    check_random_fill(x, B * T * D, 1.0f, &seed);
    CHECK(lstm_layer_init(&layer, D, U, weights, LSTM_PARAM_COUNT(D, U)) == LSTM_OK);
    CHECK(lstm_dense_init(&dense, D, U, weights, LSTM_DENSE_PARAM_COUNT(D, U)) ==
          LSTM_OK);
    both.forward = both.backward = layer;
    both.merge = LSTM_MERGE_CONCAT;
    memset(&before, 0x5a, sizeof before);
    now = before;
}

/* The call gives this status and leaves every buffer as it was. */
#define REFUSED(status, call)                          \
    do {                                               \
        CHECK((call) == (status));                     \
        CHECK(memcmp(&now, &before, sizeof now) == 0); \
    } while (0)

/* A layer refused by all four functions that take one. */
static void layer_is_refused(lstm_status status)
{
    const lstm_bidirectional first = {layer, both.backward, LSTM_MERGE_CONCAT};
    const lstm_bidirectional second = {both.forward, layer, LSTM_MERGE_CONCAT};
    REFUSED(status, lstm_step(&layer, x, now.h, now.c, now.scratch));
    REFUSED(status, lstm_forward(&layer, x, T, now.h, now.c, now.y, now.scratch));
    REFUSED(status,
            lstm_forward_batch(&layer, x, NULL, B, T, now.h, now.c, now.y, now.scratch));
    REFUSED(status, lstm_bidirectional_forward(&first, x, NULL, B, T, now.h, now.c, now.y,
                                               now.scratch));
    REFUSED(status, lstm_bidirectional_forward(&second, x, NULL, B, T, now.h, now.c,
                                               now.y, now.scratch));
    /* an invalid layer is an error even where there is nothing to do */
    REFUSED(status, lstm_forward(&layer, NULL, 0, NULL, NULL, NULL, NULL));
    set_up();
}

static void a_layer_without_weights_is_refused(void)
{
    set_up();
    layer.kernel = NULL;
    layer_is_refused(LSTM_ERR_NULL);
    layer.recurrent_kernel = NULL;
    layer_is_refused(LSTM_ERR_NULL);
}

static void a_layer_of_no_size_is_refused(void)
{
    set_up();
    layer.units = 0;
    layer_is_refused(LSTM_ERR_SHAPE);
    layer.input_dim = 0;
    layer_is_refused(LSTM_ERR_SHAPE);
}

static void a_layer_too_large_to_exist_is_refused(void)
{
    const size_t sizes[] = {MOST, MOST - 1, MOST / 2, MOST / 4, MOST / 16, MOST / 64 + 1};
    set_up();
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        layer.units = sizes[k];
        layer_is_refused(LSTM_ERR_SHAPE);
        layer.input_dim = sizes[k];
        layer_is_refused(LSTM_ERR_SHAPE);
    }
}

static void an_unknown_activation_is_refused(void)
{
    const int unknown[] = {-1, LSTM_LOG_SOFTMAX + 1, 1000, -2147483647};
    set_up();
    for (size_t k = 0; k < sizeof unknown / sizeof *unknown; k++) {
        memcpy(&layer.activation, &unknown[k], sizeof layer.activation);
        layer_is_refused(LSTM_ERR_OPTION);
        memcpy(&layer.recurrent_activation, &unknown[k], sizeof layer.activation);
        layer_is_refused(LSTM_ERR_OPTION);
        memcpy(&dense.activation, &unknown[k], sizeof dense.activation);
        REFUSED(LSTM_ERR_OPTION, lstm_dense_forward(&dense, x, B, now.y));
        REFUSED(LSTM_ERR_OPTION, lstm_dense_forward(&dense, NULL, 0, NULL));
    }
}

static void a_missing_pointer_is_refused(void)
{
    memory *m = &now;
    set_up();
    REFUSED(LSTM_ERR_NULL, lstm_step(NULL, x, m->h, m->c, m->scratch));
    REFUSED(LSTM_ERR_NULL, lstm_step(&layer, NULL, m->h, m->c, m->scratch));
    REFUSED(LSTM_ERR_NULL, lstm_step(&layer, x, NULL, m->c, m->scratch));
    REFUSED(LSTM_ERR_NULL, lstm_step(&layer, x, m->h, NULL, m->scratch));
    REFUSED(LSTM_ERR_NULL, lstm_step(&layer, x, m->h, m->c, NULL));
    REFUSED(LSTM_ERR_NULL, lstm_forward(NULL, x, T, m->h, m->c, m->y, m->scratch));
    REFUSED(LSTM_ERR_NULL, lstm_forward(&layer, NULL, T, m->h, m->c, m->y, m->scratch));
    REFUSED(LSTM_ERR_NULL, lstm_forward(&layer, x, T, NULL, m->c, m->y, m->scratch));
    REFUSED(LSTM_ERR_NULL, lstm_forward(&layer, x, T, m->h, NULL, m->y, m->scratch));
    REFUSED(LSTM_ERR_NULL, lstm_forward(&layer, x, T, m->h, m->c, m->y, NULL));
    REFUSED(LSTM_ERR_NULL, lstm_bidirectional_forward(NULL, x, NULL, B, T, m->h, m->c,
                                                      m->y, m->scratch));
    REFUSED(LSTM_ERR_NULL, lstm_bidirectional_forward(&both, NULL, NULL, B, T, m->h, m->c,
                                                      m->y, m->scratch));
    REFUSED(LSTM_ERR_NULL, lstm_bidirectional_forward(&both, x, NULL, B, T, NULL, m->c,
                                                      m->y, m->scratch));
    REFUSED(LSTM_ERR_NULL, lstm_bidirectional_forward(&both, x, NULL, B, T, m->h, NULL,
                                                      m->y, m->scratch));
    REFUSED(LSTM_ERR_NULL,
            lstm_bidirectional_forward(&both, x, NULL, B, T, m->h, m->c, m->y, NULL));
    REFUSED(LSTM_ERR_NULL, lstm_dense_forward(NULL, x, B, m->y));
    REFUSED(LSTM_ERR_NULL, lstm_dense_forward(&dense, NULL, B, m->y));
    REFUSED(LSTM_ERR_NULL, lstm_dense_forward(&dense, x, B, NULL));
    dense.kernel = NULL;
    REFUSED(LSTM_ERR_NULL, lstm_dense_forward(&dense, x, B, m->y));
    REFUSED(LSTM_ERR_NULL, lstm_dense_forward(&dense, NULL, 0, NULL));
}

static void return_sequences_needs_y(void)
{
    set_up();
    layer.return_sequences = 1;
    REFUSED(LSTM_ERR_NULL, lstm_forward(&layer, x, T, now.h, now.c, NULL, now.scratch));
    both.forward = both.backward = layer;
    REFUSED(LSTM_ERR_NULL, lstm_bidirectional_forward(&both, x, NULL, B, T, now.h, now.c,
                                                      NULL, now.scratch));
}

static void arrays_too_large_to_exist_are_refused(void)
{
    memory *m = &now;
    /* products that wrap round to a small number must not pass */
    const size_t wraps = MOST / D + 2, wraps_to_bytes = MOST / (D * sizeof(float)) + 1;
    lstm_layer narrow;
    set_up();
    CHECK(lstm_layer_init(&narrow, U, 1, weights, LSTM_PARAM_COUNT(U, 1)) == LSTM_OK);
    REFUSED(LSTM_ERR_SHAPE, lstm_forward(&layer, x, wraps, m->h, m->c, NULL, m->scratch));
    REFUSED(LSTM_ERR_SHAPE,
            lstm_forward(&layer, x, wraps_to_bytes, m->h, m->c, NULL, m->scratch));
    REFUSED(LSTM_ERR_SHAPE, lstm_forward_batch(&layer, x, NULL, MOST / 2 + 1, 2, m->h,
                                               m->c, NULL, m->scratch));
    REFUSED(LSTM_ERR_SHAPE, lstm_forward_batch(&layer, x, NULL, MOST / 2 + 2, 2, m->h,
                                               m->c, NULL, m->scratch));
    /* the state would not fit, and there is no y to see it by */
    layer.input_dim = 1;
    layer.kernel = layer.recurrent_kernel = weights;
    REFUSED(LSTM_ERR_SHAPE, lstm_forward_batch(&layer, x, NULL, MOST / (U * 4) + 1, 1,
                                               m->h, m->c, NULL, m->scratch));
    set_up();
    both.merge = LSTM_MERGE_SUM; /* the state of one half would fit */
    REFUSED(LSTM_ERR_SHAPE,
            lstm_bidirectional_forward(&both, x, NULL, MOST / (2 * U * 4) + 1, 1, m->h,
                                       m->c, m->y, m->scratch));
    set_up();
    /* x would fit and y not */
    layer.return_sequences = both.forward.return_sequences = 1;
    both.backward.return_sequences = narrow.return_sequences = 1;
    REFUSED(LSTM_ERR_SHAPE, lstm_forward_batch(&layer, x, NULL, 1, MOST / (U * 4) + 1,
                                               m->h, m->c, m->y, m->scratch));
    /* y would fit and x not */
    REFUSED(LSTM_ERR_SHAPE,
            lstm_forward(&narrow, x, MOST / (U * 4) + 1, m->h, m->c, m->y, m->scratch));
    /* one half would fit and the row of both not */
    REFUSED(LSTM_ERR_SHAPE,
            lstm_bidirectional_forward(&both, x, NULL, 1, MOST / (2 * U * 4) + 1, m->h,
                                       m->c, m->y, m->scratch));
    REFUSED(LSTM_ERR_SHAPE, lstm_dense_forward(&dense, x, MOST, m->y));
    REFUSED(LSTM_ERR_SHAPE, lstm_dense_forward(&dense, x, wraps, m->y));
    REFUSED(LSTM_ERR_SHAPE, lstm_dense_forward(&dense, x, MOST / (U * 4) + 1, m->y));
    dense.input_dim = U;
    dense.units = D; /* now x is the larger of the two */
    REFUSED(LSTM_ERR_SHAPE, lstm_dense_forward(&dense, x, MOST / (U * 4) + 1, m->y));
}

static void a_dense_layer_of_no_or_impossible_size_is_refused(void)
{
    const size_t sizes[] = {0, MOST, MOST / 4, MOST / 8};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        set_up();
        dense.units = sizes[k];
        REFUSED(LSTM_ERR_SHAPE, lstm_dense_forward(&dense, x, B, now.y));
        set_up();
        dense.input_dim = sizes[k];
        REFUSED(LSTM_ERR_SHAPE, lstm_dense_forward(&dense, x, B, now.y));
    }
}

static void halves_that_do_not_fit_are_refused(void)
{
    memory *m = &now;
    static float wide[LSTM_PARAM_COUNT(D + 1, U + 1)];
    set_up();
    CHECK(lstm_layer_init(&both.backward, D + 1, U, wide, LSTM_PARAM_COUNT(D + 1, U)) ==
          LSTM_OK);
    REFUSED(LSTM_ERR_SHAPE, lstm_bidirectional_forward(&both, x, NULL, B, T, m->h, m->c,
                                                       m->y, m->scratch));
    CHECK(lstm_layer_init(&both.backward, D, U + 1, wide, LSTM_PARAM_COUNT(D, U + 1)) ==
          LSTM_OK);
    for (int merge = LSTM_MERGE_SUM; merge <= LSTM_MERGE_AVE; merge++) {
        both.merge = (lstm_merge)merge;
        REFUSED(LSTM_ERR_SHAPE, lstm_bidirectional_forward(&both, x, NULL, B, T, m->h,
                                                           m->c, m->y, m->scratch));
    }
}

static void halves_with_different_return_sequences_are_refused(void)
{
    memory *m = &now;
    set_up();
    both.forward.return_sequences = 1;
    REFUSED(LSTM_ERR_OPTION, lstm_bidirectional_forward(&both, x, NULL, B, T, m->h, m->c,
                                                        m->y, m->scratch));
    both.forward.return_sequences = 0;
    both.backward.return_sequences = 1;
    REFUSED(LSTM_ERR_OPTION, lstm_bidirectional_forward(&both, x, NULL, B, T, m->h, m->c,
                                                        m->y, m->scratch));
    both.forward.return_sequences = 2; /* any value but 0 is true */
    CHECK(lstm_bidirectional_forward(&both, x, NULL, B, T, m->h, m->c, m->y,
                                     m->scratch) == LSTM_OK);
}

static void an_unknown_merge_is_refused(void)
{
    const int unknown[] = {-1, LSTM_MERGE_AVE + 1, 77};
    set_up();
    for (size_t k = 0; k < 3; k++) {
        memcpy(&both.merge, &unknown[k], sizeof both.merge);
        REFUSED(LSTM_ERR_OPTION, lstm_bidirectional_forward(&both, x, NULL, B, T, now.h,
                                                            now.c, now.y, now.scratch));
    }
}

static void init_refuses_what_the_functions_would(void)
{
    lstm_layer untouched, target;
    lstm_dense dense_untouched, dense_target;
    set_up();
    memset(&untouched, 0x33, sizeof untouched);
    memset(&dense_untouched, 0x33, sizeof dense_untouched);
    target = untouched;
    dense_target = dense_untouched;
    CHECK(lstm_layer_init(NULL, D, U, weights, LSTM_PARAM_COUNT(D, U)) == LSTM_ERR_NULL);
    CHECK(lstm_layer_init(&target, D, U, NULL, LSTM_PARAM_COUNT(D, U)) == LSTM_ERR_NULL);
    CHECK(lstm_layer_init(&target, 0, U, weights, 4 * U * (U + 1)) == LSTM_ERR_SHAPE);
    CHECK(lstm_layer_init(&target, D, 0, weights, 0) == LSTM_ERR_SHAPE);
    CHECK(lstm_layer_init(&target, MOST, U, weights, 4 * U * U) == LSTM_ERR_SHAPE);
    CHECK(lstm_layer_init_no_bias(NULL, D, U, weights, LSTM_PARAM_COUNT_NO_BIAS(D, U)) ==
          LSTM_ERR_NULL);
    CHECK(lstm_layer_init_no_bias(&target, D, U, NULL, LSTM_PARAM_COUNT_NO_BIAS(D, U)) ==
          LSTM_ERR_NULL);
    CHECK(lstm_layer_init_no_bias(&target, 0, U, weights, 4 * U * U) == LSTM_ERR_SHAPE);
    CHECK(lstm_layer_init_no_bias(&target, D, 0, weights, 0) == LSTM_ERR_SHAPE);
    CHECK(lstm_layer_init_no_bias(&target, D + 1, U, weights, LSTM_PARAM_COUNT(D, U)) ==
          LSTM_OK);
    target = untouched;
    CHECK(lstm_layer_init(&target, D + 1, U, weights, LSTM_PARAM_COUNT(D, U)) ==
          LSTM_ERR_WEIGHT_COUNT);
    CHECK(lstm_layer_init(&target, MOST / 4 - 1, 1, weights, MOST / 4 * 4) ==
          LSTM_ERR_SHAPE);
    CHECK(lstm_dense_init(NULL, D, U, weights, LSTM_DENSE_PARAM_COUNT(D, U)) ==
          LSTM_ERR_NULL);
    CHECK(lstm_dense_init(&dense_target, D, U, NULL, LSTM_DENSE_PARAM_COUNT(D, U)) ==
          LSTM_ERR_NULL);
    CHECK(lstm_dense_init(&dense_target, 0, U, weights, U) == LSTM_ERR_SHAPE);
    CHECK(lstm_dense_init(&dense_target, D, 0, weights, 0) == LSTM_ERR_SHAPE);
    CHECK(lstm_dense_init(&dense_target, MOST, 1, weights, 0) == LSTM_ERR_SHAPE);
    CHECK(lstm_dense_init(&dense_target, MOST, 1, weights, MOST) == LSTM_ERR_SHAPE);
    CHECK(lstm_dense_init_no_bias(NULL, D, U, weights, D * U) == LSTM_ERR_NULL);
    CHECK(lstm_dense_init_no_bias(&dense_target, D, U, NULL, D * U) == LSTM_ERR_NULL);
    CHECK(lstm_dense_init_no_bias(&dense_target, 0, U, weights, 0) == LSTM_ERR_SHAPE);
    CHECK(lstm_dense_init(&dense_target, D + 1, U, weights,
                          LSTM_DENSE_PARAM_COUNT(D, U)) == LSTM_ERR_WEIGHT_COUNT);
    CHECK(memcmp(&target, &untouched, sizeof target) == 0);
    CHECK(memcmp(&dense_target, &dense_untouched, sizeof dense_target) == 0);
}

static void dense_with_no_rows_does_nothing(void)
{
    set_up();
    REFUSED(LSTM_OK, lstm_dense_forward(&dense, NULL, 0, NULL));
}

static void every_status_has_its_own_words(void)
{
    const lstm_status all[] = {LSTM_OK,         LSTM_ERR_NULL,   LSTM_ERR_SHAPE,
                               LSTM_ERR_OPTION, (lstm_status)-4, (lstm_status)1};
    for (size_t k = 0; k < 6; k++) {
        CHECK(lstm_status_string(all[k])[0] != '\0');
        for (size_t other = 0; other < k && other < 4; other++) {
            CHECK(strcmp(lstm_status_string(all[k]), lstm_status_string(all[other])) !=
                  0);
        }
    }
}

int main(void)
{
    RUN(a_layer_without_weights_is_refused);
    RUN(a_layer_of_no_size_is_refused);
    RUN(a_layer_too_large_to_exist_is_refused);
    RUN(an_unknown_activation_is_refused);
    RUN(a_missing_pointer_is_refused);
    RUN(return_sequences_needs_y);
    RUN(arrays_too_large_to_exist_are_refused);
    RUN(a_dense_layer_of_no_or_impossible_size_is_refused);
    RUN(halves_that_do_not_fit_are_refused);
    RUN(halves_with_different_return_sequences_are_refused);
    RUN(an_unknown_merge_is_refused);
    RUN(init_refuses_what_the_functions_would);
    RUN(dense_with_no_rows_does_nothing);
    RUN(every_status_has_its_own_words);
    return check_report();
}
