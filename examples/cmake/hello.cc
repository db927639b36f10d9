// LSTM(1) on three timesteps, in C++11.
#include <cstdio>

#include <lstm.h>

static const float weights[LSTM_PARAM_COUNT(1, 1)] = {
    0.5f, -0.4f, 0.9f, 0.3f, 0.2f, 0.7f, -0.6f, 0.1f, 0.0f, 1.0f, 0.0f, 0.0f};

int main()
{
    const float x[3] = {1.0f, -2.0f, 0.5f};
    float h[1] = {}, c[1] = {}, scratch[LSTM_SCRATCH_LEN(1)];
    lstm_layer lstm;
    if (lstm_layer_init(&lstm, 1, 1, weights, LSTM_PARAM_COUNT(1, 1)) != LSTM_OK ||
        lstm_forward(&lstm, x, 3, h, c, nullptr, scratch) != LSTM_OK) {
        return 1;
    }
    std::printf("lstm.h %d.%d.%d: h = %.6f\n", LSTM_VERSION_MAJOR, LSTM_VERSION_MINOR,
                LSTM_VERSION_PATCH, static_cast<double>(h[0]));
    return 0;
}
