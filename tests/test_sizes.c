/* Every sum and product of sizes at the borders of size_t, whatever its width: what fits is
 * accepted, what does not is refused, and nothing is written. Arrays of such sizes do not exist,
 * so an accepted call ends where it would read its first weight. tests/sizes/run.sh runs this with
 * size_t of 16, 32 and 64 bits. */
#include <setjmp.h>

static jmp_buf first_weight;
static float ended(void)
{
    longjmp(first_weight, 1);
    return 0.0f;
}
#define LSTM_LOAD(p) ((void)(p), ended())
#include "check.h"
#include "lstm.h"

#define MOST ((size_t)-1)
#define MOST_FLOATS (MOST / sizeof(float))
enum { CALLS = sizeof(size_t) == 2 ? 2000 : 200000 };

/* ---- sizes that do not wrap ---- */

/* What is larger than any size_t. An odd number: a count of gates is even. */
static const uint64_t too_large = UINT64_MAX;

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > too_large - b ? too_large : a + b;
}

static uint64_t times(uint64_t a, uint64_t b)
{
    return a != 0 && b > too_large / a ? too_large : a * b;
}

static uint64_t weights_of(size_t input_dim, size_t units, int has_bias)
{
    return times(times(4, units), plus(plus(input_dim, units), has_bias ? 1 : 0));
}

static int exists(uint64_t floats)
{
    return floats != 0 && floats <= MOST_FLOATS;
}

/* ---- sizes to try ---- */

static uint64_t seed = 1;

static size_t below(size_t limit)
{
    return (size_t)(check_random(&seed) % limit);
}

/* Small numbers, and those a few away from where products with a small number stop to fit, into
 * size_t or into the bytes that size_t can count. */
static size_t a_size(void)
{
    const size_t root = (size_t)1 << (4 * sizeof(size_t));
    switch (below(6)) {
    case 0: return below(4);
    case 1: return 1 + below(40);
    case 2: return root / (1 + below(8)) + below(7) - 3;
    case 3: return MOST_FLOATS / (1 + below(40)) + below(5) - 2;
    case 4: return MOST - below(5);
    default: return MOST / (1 + below(40)) + below(5) - 2;
    }
}

/* ---- calls ---- */

/* All that a call could write, between guards */
typedef struct memory {
    float guard[4], h[4], c[4], y[4], scratch[4], weights[4], last_guard[4];
} memory;

static memory now, before;
static const float data[8] = {0.0f};

enum verdict { REFUSED, ACCEPTED, WRONG };

static enum verdict verdict_of(int was_read, lstm_status status)
{
    if (memcmp(&now, &before, sizeof now) != 0) {
        return WRONG;
    }
    if (was_read) {
        return ACCEPTED;
    }
    return status == LSTM_ERR_SHAPE ? REFUSED : WRONG;
}

/* An accepted call comes back by longjmp, so the status is no local variable. */
static lstm_status status_now;
#define VERDICT(verdict, call)                     \
    do {                                           \
        status_now = LSTM_OK;                      \
        if (setjmp(first_weight) == 0) {           \
            status_now = (call);                   \
            (verdict) = verdict_of(0, status_now); \
        } else {                                   \
            (verdict) = verdict_of(1, status_now); \
        }                                          \
    } while (0)

static enum verdict wanted(int is_possible)
{
    return is_possible ? ACCEPTED : REFUSED;
}

/* What a call is given: static, so that longjmp leaves it alone */
static lstm_layer layer;
static lstm_bidirectional both;
static lstm_dense dense;
static size_t batch, timesteps;
static float *y;
static enum verdict got;

static void any_layer(lstm_layer *any, size_t input_dim)
{
    memset(any, 0, sizeof *any);
    any->input_dim = input_dim;
    any->units = a_size();
    any->kernel = any->recurrent_kernel = data;
    any->bias = below(2) ? data : NULL;
}

static void any_call(void)
{
    any_layer(&layer, a_size());
    layer.return_sequences = (int)below(2);
    batch = a_size() | (size_t)(below(8) == 0); /* rarely 0, which does nothing */
    timesteps = a_size();
    batch += batch == 0;
    timesteps += timesteps == 0;
    y = layer.return_sequences || below(2) ? now.y : NULL;
}

static int layer_exists(const lstm_layer *any)
{
    return any->input_dim != 0 &&
           exists(weights_of(any->input_dim, any->units, any->bias != NULL));
}

/* x, h and y, where `row` is what a row of y has and `state` what h has for a sequence */
static int arrays_exist(uint64_t row, uint64_t state)
{
    const uint64_t steps = times(batch, timesteps);
    return exists(times(steps, layer.input_dim)) && exists(times(batch, state)) &&
           (!layer.return_sequences || exists(times(steps, row)));
}

static void what_fits_is_accepted_and_nothing_else(void)
{
    static size_t call, accepted;
    accepted = 0;
    for (call = 0; call < CALLS; call++) {
        any_call();
        VERDICT(got, lstm_forward_batch(&layer, data, NULL, batch, timesteps, now.h,
                                        now.c, y, now.scratch));
        CHECK(got ==
              wanted(layer_exists(&layer) && arrays_exist(layer.units, layer.units)));
        accepted += got == ACCEPTED;
        VERDICT(got, lstm_step(&layer, data, now.h, now.c, now.scratch));
        CHECK(got == wanted(layer_exists(&layer)));
    }
    CHECK(accepted > CALLS / 100 && accepted < CALLS / 2);
}

/* Each factor exists, their product does not, and what it wraps to does. */
static void steps_that_wrap_are_refused(void)
{
    static const size_t root = (size_t)1 << (4 * sizeof(size_t));
    static size_t more;
    static int sequences;
    for (more = 1; more < 4; more++) {
        for (sequences = 0; sequences < 2; sequences++) {
            any_layer(&layer, 1);
            layer.units = 1;
            layer.return_sequences = sequences;
            VERDICT(got, lstm_forward_batch(&layer, data, NULL, root / 8, 8 * root + more,
                                            now.h, now.c, now.y, now.scratch));
            CHECK(got == REFUSED);
            both.forward = both.backward = layer;
            both.merge = LSTM_MERGE_SUM;
            VERDICT(got, lstm_bidirectional_forward(&both, data, NULL, root / 8,
                                                    8 * root + more, now.h, now.c, now.y,
                                                    now.scratch));
            CHECK(got == REFUSED);
        }
    }
}

static void two_directions_that_fit_are_accepted_and_nothing_else(void)
{
    static size_t call, accepted;
    static int is_concat;
    accepted = 0;
    for (call = 0; call < CALLS; call++) {
        any_call();
        any_layer(&both.backward, layer.input_dim);
        both.backward.return_sequences = layer.return_sequences;
        both.forward = layer;
        both.merge = (lstm_merge)below(LSTM_MERGE_AVE + 1);
        is_concat = both.merge == LSTM_MERGE_CONCAT;
        if (!is_concat) {
            both.backward.units = layer.units;
        }
        VERDICT(got, lstm_bidirectional_forward(&both, data, NULL, batch, timesteps,
                                                now.h, now.c, y, now.scratch));
        CHECK(got ==
              wanted(layer_exists(&layer) && layer_exists(&both.backward) &&
                     arrays_exist(is_concat ? plus(layer.units, both.backward.units)
                                            : layer.units,
                                  plus(layer.units, both.backward.units))));
        accepted += got == ACCEPTED;
    }
    CHECK(accepted > CALLS / 100 && accepted < CALLS / 2);
}

static void a_dense_layer_that_fits_is_accepted_and_no_other(void)
{
    static size_t call, accepted, rows;
    static int is_possible;
    accepted = 0;
    for (call = 0; call < CALLS; call++) {
        memset(&dense, 0, sizeof dense);
        dense.input_dim = a_size();
        dense.units = a_size();
        dense.kernel = data;
        dense.bias = below(2) ? data : NULL;
        rows = 1 + below(2) * a_size();
        rows += rows == 0;
        is_possible =
            dense.input_dim != 0 &&
            exists(times(dense.units, plus(dense.input_dim, dense.bias != NULL))) &&
            exists(times(rows, dense.input_dim)) && exists(times(rows, dense.units));
        VERDICT(got, lstm_dense_forward(&dense, data, rows, now.y));
        CHECK(got == wanted(is_possible));
        accepted += got == ACCEPTED;
    }
    CHECK(accepted > CALLS / 100 && accepted < CALLS / 2);
}

/* The largest layers whose weights without bias still are an array: accepted without bias, refused
 * with one; a feature more is refused in any case. */
static void the_last_size_that_fits_without_bias_is_accepted(void)
{
    static size_t units;
    static int has_bias, more;
    for (units = 1; units <= 32; units++) {
        for (has_bias = 0; has_bias < 2; has_bias++) {
            for (more = 0; more < 2; more++) {
                memset(&layer, 0, sizeof layer);
                layer.units = units;
                layer.input_dim = MOST_FLOATS / (4 * units) - units + (size_t)more;
                layer.kernel = layer.recurrent_kernel = data;
                layer.bias = has_bias ? data : NULL;
                VERDICT(got, lstm_step(&layer, data, now.h, now.c, now.scratch));
                CHECK(got == wanted(!has_bias && !more));
                VERDICT(got,
                        lstm_forward(&layer, data, 1, now.h, now.c, now.y, now.scratch));
                CHECK(got == wanted(!has_bias && !more));
                memset(&dense, 0, sizeof dense);
                dense.units = units;
                dense.input_dim = MOST_FLOATS / units + (size_t)more;
                dense.kernel = data;
                dense.bias = has_bias ? data : NULL;
                VERDICT(got, lstm_dense_forward(&dense, data, 1, now.y));
                CHECK(got == wanted(!has_bias && !more));
            }
        }
    }
}

static void the_counts_are_exact_or_zero(void)
{
    for (size_t call = 0; call < CALLS; call++) {
        uint64_t count;
        any_layer(&layer, a_size());
        count = weights_of(layer.input_dim, layer.units, layer.bias != NULL);
        CHECK(lstm_param_count(&layer) ==
              (layer.input_dim != 0 && count <= MOST && count != too_large ? (size_t)count
                                                                           : 0));
    }
}

/* The right number of weights, one beside it, and what it is when it wraps */
static void a_layer_is_bound_to_the_weights_it_has_and_no_others(void)
{
    for (size_t call = 0; call < CALLS; call++) {
        const size_t input_dim = a_size(), units = a_size();
        const uint64_t with = weights_of(input_dim, units, 1),
                       without = weights_of(input_dim, units, 0);
        const size_t given =
            4 * units * (input_dim + units + below(2)) + (below(4) == 0 ? 1 : 0);
        const int has_bias = below(2) != 0;
        const uint64_t right = has_bias ? with : without;
        const int is_right = input_dim != 0 && exists(given) && given == right;
        const lstm_status refused =
            input_dim == 0 || !exists(right) ? LSTM_ERR_SHAPE : LSTM_ERR_WEIGHT_COUNT;
        lstm_layer untouched, bound;
        if (is_right && given * sizeof(float) > MOST / 2) {
            continue; /* more than a pointer may be moved by */
        }
        memset(&untouched, 0x33, sizeof untouched);
        bound = untouched;
        CHECK((has_bias ? lstm_layer_init : lstm_layer_init_no_bias)(
                  &bound, input_dim, units, data, given) ==
              (is_right ? LSTM_OK : refused));
        CHECK(is_right ? (bound.bias != NULL) == has_bias
                       : memcmp(&bound, &untouched, sizeof bound) == 0);
    }
}

static void weights_that_do_not_fit_are_not_converted(void)
{
    for (size_t call = 0; call < CALLS; call++) {
        const size_t input_dim = a_size(), units = a_size();
        if (input_dim == 0 || !exists(weights_of(input_dim, units, 1))) {
            CHECK(lstm_weights_from_torch(input_dim, units, data, data, data, data,
                                          now.weights) == LSTM_ERR_SHAPE);
            CHECK(lstm_weights_from_onnx(input_dim, units, data, data, data,
                                         now.weights) == LSTM_ERR_SHAPE);
        }
    }
    CHECK(memcmp(&now, &before, sizeof now) == 0);
}

int main(void)
{
    memset(&before, 0x5a, sizeof before);
    now = before;
    RUN(what_fits_is_accepted_and_nothing_else);
    RUN(steps_that_wrap_are_refused);
    RUN(two_directions_that_fit_are_accepted_and_nothing_else);
    RUN(a_dense_layer_that_fits_is_accepted_and_no_other);
    RUN(the_last_size_that_fits_without_bias_is_accepted);
    RUN(the_counts_are_exact_or_zero);
    RUN(a_layer_is_bound_to_the_weights_it_has_and_no_others);
    RUN(weights_that_do_not_fit_are_not_converted);
    return check_report();
}
