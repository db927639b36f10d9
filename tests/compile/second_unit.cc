/* A second user of the header in the same program, in the other language. */
#include "lstm.h"

extern "C" int second_unit(void);

extern "C" int second_unit(void)
{
    static const float weights[LSTM_PARAM_COUNT(1, 1)] = {0.5f};
    const float x = 1.0f;
    float h = 0.0f, c = 0.0f, scratch[LSTM_SCRATCH_LEN(1)];
    lstm_layer layer;
    return lstm_layer_init(&layer, 1, 1, weights, LSTM_PARAM_COUNT(1, 1)) != LSTM_OK ||
           lstm_step(&layer, &x, &h, &c, scratch) != LSTM_OK;
}
