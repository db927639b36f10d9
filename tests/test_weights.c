/* Weights of PyTorch and ONNX in Keras' layout: each element has a value that says where it
 * stood, so the place it lands in is known. (Numbers against the frameworks: test_golden.) */
#include "check.h"
#include "lstm.h"

enum { D = 3, U = 2, COLUMNS = 4 * U };

static float kernel[COLUMNS * D], recurrent[COLUMNS * U], bias[2 * COLUMNS];
static float weights[LSTM_PARAM_COUNT(D, U) + 1];

static void set_up(void)
{
    for (int k = 0; k < COLUMNS * D; k++) {
        kernel[k] = (float)(1000 + k);
    }
    for (int k = 0; k < COLUMNS * U; k++) {
        recurrent[k] = (float)(2000 + k);
    }
    for (int k = 0; k < 2 * COLUMNS; k++) {
        bias[k] = (float)(1 << k);
    }
    for (size_t k = 0; k <= LSTM_PARAM_COUNT(D, U); k++) {
        weights[k] = -1.0f;
    }
}

/* order[gate]: which block of the source holds Keras' gate i, f, c, o */
static void check_layout(const int order[4], int has_bias)
{
    const float *recurrent_kernel = weights + D * COLUMNS;
    const float *summed = recurrent_kernel + U * COLUMNS;
    for (int gate = 0; gate < 4; gate++) {
        for (int u = 0; u < U; u++) {
            const int row = order[gate] * U + u, column = gate * U + u;
            const int both = (1 << row) + (1 << (COLUMNS + row));
            for (int k = 0; k < D; k++) {
                CHECK(weights[k * COLUMNS + column] == kernel[row * D + k]);
            }
            for (int k = 0; k < U; k++) {
                CHECK(recurrent_kernel[k * COLUMNS + column] == recurrent[row * U + k]);
            }
            CHECK(summed[column] == (has_bias ? (float)both : 0.0f));
        }
    }
    CHECK(weights[LSTM_PARAM_COUNT(D, U)] == -1.0f);
}

static void torch_rows_i_f_g_o_become_columns_i_f_c_o(void)
{
    const int order[4] = {0, 1, 2, 3};
    set_up();
    CHECK(lstm_weights_from_torch(D, U, kernel, recurrent, bias, bias + COLUMNS,
                                  weights) == LSTM_OK);
    check_layout(order, 1);
}

static void torch_without_bias_gives_a_bias_of_zeros(void)
{
    const int order[4] = {0, 1, 2, 3};
    set_up();
    CHECK(lstm_weights_from_torch(D, U, kernel, recurrent, NULL, NULL, weights) ==
          LSTM_OK);
    check_layout(order, 0);
}

static void onnx_rows_i_o_f_c_become_columns_i_f_c_o(void)
{
    const int order[4] = {0, 2, 3, 1};
    set_up();
    CHECK(lstm_weights_from_onnx(D, U, kernel, recurrent, bias, weights) == LSTM_OK);
    check_layout(order, 1);
    set_up();
    CHECK(lstm_weights_from_onnx(D, U, kernel, recurrent, NULL, weights) == LSTM_OK);
    check_layout(order, 0);
}

static void the_result_is_ready_for_layer_init(void)
{
    lstm_layer layer;
    set_up();
    CHECK(lstm_weights_from_torch(D, U, kernel, recurrent, bias, bias, weights) ==
          LSTM_OK);
    CHECK(lstm_layer_init(&layer, D, U, weights, LSTM_PARAM_COUNT(D, U)) == LSTM_OK);
    CHECK(layer.bias[0] == 2.0f * bias[0]);
}

/* Half a pair is an error, not a bias alone, wherever the other half would lie. */
static void one_torch_bias_alone_is_refused(void)
{
    float alone[COLUMNS] = {0.5f};
    set_up();
    CHECK(lstm_weights_from_torch(D, U, kernel, recurrent, alone, NULL, weights) ==
          LSTM_ERR_NULL);
    CHECK(lstm_weights_from_torch(D, U, kernel, recurrent, NULL, alone, weights) ==
          LSTM_ERR_NULL);
    for (size_t k = 0; k <= LSTM_PARAM_COUNT(D, U); k++) {
        CHECK(weights[k] == -1.0f);
    }
    CHECK(lstm_weights_from_torch(D, U, kernel, recurrent, alone, alone, weights) ==
          LSTM_OK);
    CHECK(weights[LSTM_PARAM_COUNT_NO_BIAS(D, U)] == 1.0f);
}

static void nothing_is_written_on_an_error(void)
{
    set_up();
    CHECK(lstm_weights_from_torch(D, U, NULL, recurrent, bias, bias, weights) ==
          LSTM_ERR_NULL);
    CHECK(lstm_weights_from_torch(D, U, kernel, NULL, bias, bias, weights) ==
          LSTM_ERR_NULL);
    CHECK(lstm_weights_from_torch(D, U, kernel, recurrent, NULL, bias, weights) ==
          LSTM_ERR_NULL);
    CHECK(lstm_weights_from_torch(D, U, kernel, recurrent, bias, NULL, weights) ==
          LSTM_ERR_NULL);
    CHECK(lstm_weights_from_torch(D, U, kernel, recurrent, bias, bias, NULL) ==
          LSTM_ERR_NULL);
    CHECK(lstm_weights_from_torch(0, U, kernel, recurrent, bias, bias, weights) ==
          LSTM_ERR_SHAPE);
    CHECK(lstm_weights_from_torch(D, 0, kernel, recurrent, bias, bias, weights) ==
          LSTM_ERR_SHAPE);
    CHECK(lstm_weights_from_torch((size_t)-1, U, kernel, recurrent, bias, bias,
                                  weights) == LSTM_ERR_SHAPE);
    CHECK(lstm_weights_from_onnx(D, U, NULL, recurrent, bias, weights) == LSTM_ERR_NULL);
    CHECK(lstm_weights_from_onnx(D, U, kernel, NULL, bias, weights) == LSTM_ERR_NULL);
    CHECK(lstm_weights_from_onnx(D, U, kernel, recurrent, bias, NULL) == LSTM_ERR_NULL);
    CHECK(lstm_weights_from_onnx(D, (size_t)-1 / 4, kernel, recurrent, bias, weights) ==
          LSTM_ERR_SHAPE);
    for (size_t k = 0; k <= LSTM_PARAM_COUNT(D, U); k++) {
        CHECK(weights[k] == -1.0f);
    }
}

int main(void)
{
    RUN(torch_rows_i_f_g_o_become_columns_i_f_c_o);
    RUN(torch_without_bias_gives_a_bias_of_zeros);
    RUN(onnx_rows_i_o_f_c_become_columns_i_f_c_o);
    RUN(the_result_is_ready_for_layer_init);
    RUN(one_torch_bias_alone_is_refused);
    RUN(nothing_is_written_on_an_error);
    return check_report();
}
