/* C++17: a class that owns the state and the scratch memory of one stream. Copy the class.
 * Sizes are template arguments, so nothing is allocated; nothing is thrown: every call
 * returns lstm.h's status, and [[nodiscard]] makes the compiler remind you of it.
 *
 * Prints:
 *   h = 0.162735
 *   the same after reset(): h = 0.162735
 *   3 samples do not fit an LSTM of 2 features: LSTM_ERR_SHAPE
 */
#include <array>
#include <cstddef>
#include <cstdio>

#include "lstm.h"

template <std::size_t InputDim, std::size_t Units> class LstmStream
{
  public:
    /* weights: get_weights() in a row. They are used in place and must outlive this. */
    [[nodiscard]] lstm_status bind(const float *weights, std::size_t count)
    {
        return lstm_layer_init(&layer_, InputDim, Units, weights, count);
    }
    /* Any container of floats with data() and size(): one or more timesteps. */
    template <class Floats> [[nodiscard]] lstm_status feed(const Floats &x)
    {
        return x.size() % InputDim != 0
                   ? LSTM_ERR_SHAPE
                   : lstm_forward(&layer_, x.data(), x.size() / InputDim, h_.data(),
                                  c_.data(), nullptr, scratch_.data());
    }
    void reset()
    {
        h_.fill(0.0f);
        c_.fill(0.0f);
    }
    /* The LSTM's output after the last timestep. */
    [[nodiscard]] const std::array<float, Units> &output() const
    {
        return h_;
    }

  private:
    lstm_layer layer_{};
    std::array<float, Units> h_{}, c_{};
    std::array<float, LSTM_SCRATCH_LEN(Units)> scratch_{};
};

int main()
{
    static constexpr std::array<float, LSTM_PARAM_COUNT(1, 1)> weights = {
        0.5f, -0.4f, 0.9f, 0.3f, 0.2f, 0.7f, -0.6f, 0.1f, 0.0f, 1.0f, 0.0f, 0.0f};
    static constexpr std::array<float, LSTM_PARAM_COUNT(2, 1)> wider = {0.5f};
    constexpr std::array<float, 3> x = {1.0f, -2.0f, 0.5f};
    LstmStream<1, 1> stream;
    LstmStream<2, 1> two_features;

    if (stream.bind(weights.data(), weights.size()) != LSTM_OK ||
        stream.feed(x) != LSTM_OK) {
        return 1;
    }
    std::printf("h = %.6f\n", static_cast<double>(stream.output()[0]));
    stream.reset();
    for (const float sample : x) { /* one at a time: the same */
        if (stream.feed(std::array<float, 1>{sample}) != LSTM_OK) {
            return 1;
        }
    }
    std::printf("the same after reset(): h = %.6f\n",
                static_cast<double>(stream.output()[0]));
    if (two_features.bind(wider.data(), wider.size()) != LSTM_OK) {
        return 1;
    }
    if (two_features.feed(x) == LSTM_ERR_SHAPE) {
        std::printf("3 samples do not fit an LSTM of 2 features: LSTM_ERR_SHAPE\n");
    }
    return 0;
}
