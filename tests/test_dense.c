/* Dense on one row and on many, against the float64 reference. */
#include "reference.h"

#define MAX_IN 40
#define MAX_UNITS 40
#define ROWS 5

static float weights[LSTM_DENSE_PARAM_COUNT(MAX_IN, MAX_UNITS)];
static float x[ROWS * MAX_IN], y[ROWS * MAX_UNITS + 1], want[ROWS * MAX_UNITS];

static void compare(const lstm_dense *dense, size_t rows)
{
    y[rows * dense->units] = 7.0f;
    for (size_t row = 0; row < rows; row++) {
        reference_dense(dense, x + row * dense->input_dim, want + row * dense->units);
    }
    CHECK(lstm_dense_forward(dense, x, rows, y) == LSTM_OK);
    CHECK_NEAR(y, want, rows * dense->units, 1e-6, 1e-6);
    CHECK(y[rows * dense->units] == 7.0f);
}

static void every_size_matches_the_reference(void)
{
    uint64_t seed = 1;
    for (size_t input_dim = 1; input_dim <= MAX_IN; input_dim++) {
        for (size_t units = 1; units <= MAX_UNITS; units++) {
            lstm_dense dense;
            const size_t count = LSTM_DENSE_PARAM_COUNT(input_dim, units);
            check_random_fill(weights, count, 0.5f, &seed);
            check_random_fill(x, 2 * input_dim, 1.0f, &seed);
            CHECK(lstm_dense_init(&dense, input_dim, units, weights, count) == LSTM_OK);
            compare(&dense, 2);
            dense.bias = NULL;
            compare(&dense, 1);
        }
    }
}

static void rows_are_independent(void)
{
    uint64_t seed = 2;
    float each[ROWS][9];
    lstm_dense dense;
    check_random_fill(weights, LSTM_DENSE_PARAM_COUNT(7, 9), 0.5f, &seed);
    check_random_fill(x, ROWS * 7, 1.0f, &seed);
    x[3 * 7 + 2] = NAN;
    CHECK(lstm_dense_init(&dense, 7, 9, weights, LSTM_DENSE_PARAM_COUNT(7, 9)) ==
          LSTM_OK);
    CHECK(lstm_dense_forward(&dense, x, ROWS, y) == LSTM_OK);
    for (size_t row = 0; row < ROWS; row++) {
        CHECK(lstm_dense_forward(&dense, x + row * 7, 1, each[row]) == LSTM_OK);
        for (size_t u = 0; u < 9; u++) {
            CHECK(isnan(y[row * 9 + u]) == (row == 3));
        }
    }
    CHECK_BITS(y, each[0], 3 * 9);
    CHECK_BITS(y + 4 * 9, each[4], 9);
}

static void every_activation_is_applied_to_each_row(void)
{
    uint64_t seed = 3;
    lstm_dense dense;
    check_random_fill(weights, LSTM_DENSE_PARAM_COUNT(12, 9), 1.0f, &seed);
    check_random_fill(x, ROWS * 12, 1.0f, &seed);
    CHECK(lstm_dense_init(&dense, 12, 9, weights, LSTM_DENSE_PARAM_COUNT(12, 9)) ==
          LSTM_OK);
    for (int a = LSTM_DEFAULT; a <= LSTM_LOG_SOFTMAX; a++) {
        dense.activation = (lstm_activation)a;
        compare(&dense, ROWS);
    }
}

static void softmax_is_over_the_units_of_one_row(void)
{
    const float logits[2][3] = {{1.0f, 2.0f, 3.0f}, {30.0f, 10.0f, 20.0f}};
    const float identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    lstm_dense dense;
    CHECK(lstm_dense_init_no_bias(&dense, 3, 3, identity, 9) == LSTM_OK);
    dense.activation = LSTM_SOFTMAX;
    CHECK(lstm_dense_forward(&dense, logits[0], 2, y) == LSTM_OK);
    for (size_t row = 0; row < 2; row++) {
        const float sum = y[3 * row] + y[3 * row + 1] + y[3 * row + 2];
        CHECK(check_is_near((double)sum, 1.0, 2e-7, 0.0));
    }
}

/* sum + a*b, rounded once or twice */
static float add_product(float sum, float a, float b, int is_fused)
{
    volatile float product = a * b, rounded = sum + product;
    return is_fused ? fmaf(a, b, sum) : rounded;
}

/* The order of summation is part of what the header promises: eight sums take turns, two have a
 * half each. */
static float sum_of_parts(const float *kernel, size_t count, size_t units, size_t parts,
                          float bias, int is_fused)
{
    float s[8] = {0};
    s[0] = parts == 2 ? bias : 0.0f;
    for (size_t k = 0; k < count; k++) {
        const size_t part = parts == 8 ? k % 8 : k >= (count + 1) / 2;
        s[part] = add_product(s[part], x[k], kernel[k * units], is_fused);
    }
    for (size_t half = parts / 2; half > 0; half /= 2) {
        for (size_t k = 0; k < half; k++) {
            s[k] += s[k + half];
        }
    }
    return parts == 2 ? s[0] : s[0] + bias;
}

/* All products are fused, or none is. */
static void check_order(size_t units, size_t parts)
{
    static float kernel[MAX_IN * 9], bias[9];
    uint64_t seed = 4;
    int apart = 1, fused = 1;
    for (size_t count = 1; count <= MAX_IN; count++) {
        lstm_dense dense = {0};
        check_random_fill(kernel, count * units, 1.0f, &seed);
        check_random_fill(bias, units, 1.0f, &seed);
        check_random_fill(x, count, 1.0f, &seed);
        dense.input_dim = count;
        dense.units = units;
        dense.kernel = kernel;
        dense.bias = bias;
        CHECK(lstm_dense_forward(&dense, x, 1, y) == LSTM_OK);
        for (size_t j = 0; j < units; j++) {
            apart &= y[j] == sum_of_parts(kernel + j, count, units, parts, bias[j], 0);
            fused &= y[j] == sum_of_parts(kernel + j, count, units, parts, bias[j], 1);
        }
    }
#ifdef LSTM_NO_FMA
    CHECK(apart);
#else
    CHECK(apart || fused);
#endif
}

static void few_units_are_summed_in_eight_parts(void)
{
    for (size_t units = 1; units < 8; units++) {
        check_order(units, 8);
    }
}

static void eight_units_are_summed_in_two_parts(void)
{
    check_order(8, 2);
    check_order(9, 2);
}

/* Rows of few units and of any number of inputs: together the bits of each alone */
static void rows_of_few_units_have_room(void)
{
    enum { MOST = 2048 };
    static float kernel[MOST * 7], many[2 * MOST];
    uint64_t seed = 8;
    check_random_fill(kernel, MOST * 7, 1.0f, &seed);
    check_random_fill(many, 2 * MOST, 1.0f, &seed);
    for (size_t units = 1; units < 8; units++) {
        const size_t lengths[] = {1024 / units - 1, 1024 / units, 1024 / units + 1, MOST};
        for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++) {
            float together[2 * 7], alone[2 * 7];
            lstm_dense dense = {0};
            dense.input_dim = lengths[n];
            dense.units = units;
            dense.kernel = kernel;
            CHECK(lstm_dense_forward(&dense, many, 2, together) == LSTM_OK);
            CHECK(lstm_dense_forward(&dense, many, 1, alone) == LSTM_OK);
            CHECK(lstm_dense_forward(&dense, many + lengths[n], 1, alone + units) ==
                  LSTM_OK);
            CHECK_BITS(together, alone, 2 * units);
        }
    }
}

int main(void)
{
    RUN(every_size_matches_the_reference);
    RUN(rows_are_independent);
    RUN(every_activation_is_applied_to_each_row);
    RUN(softmax_is_over_the_units_of_one_row);
    RUN(few_units_are_summed_in_eight_parts);
    RUN(eight_units_are_summed_in_two_parts);
    RUN(rows_of_few_units_have_room);
    return check_report();
}
