/* model.c - what a firmware links of lstm.h: a layer in flash, static buffers, two calls.
 *
 * STUB leaves the library out, which shows by difference how much code it is. With
 * SIZES_AT_RUN_TIME the compiler does not see the sizes: they are the addresses of
 * symbols that only the linker gets to know (--defsym). The options stay constants, as in
 * any program, so that no other activation is linked. */
#include "model.h"
#if defined(__AVR__)
#define LSTM_LOAD(p) MODEL_READ(p)
#endif
#include "lstm.h"

#if defined(SIZES_AT_RUN_TIME)
extern const char size_input_dim[], size_units[], size_timesteps[];
#define SIZE(name, value) ((size_t)size_##name)
#else
#define SIZE(name, value) (value)
#endif

float model_h[UNITS], model_c[UNITS];
#if !defined(STUB)
static float model_scratch[LSTM_SCRATCH_LEN(UNITS)];

static const lstm_layer model_lstm = {SIZE(input_dim, INPUT_DIM),
                                      SIZE(units, UNITS),
                                      model_kernel,
                                      model_recurrent_kernel,
                                      model_bias,
                                      LSTM_DEFAULT,
                                      LSTM_DEFAULT,
                                      0,
                                      0,
                                      0};
static const lstm_dense model_dense = {SIZE(units, UNITS), OUTPUTS, model_dense_kernel,
                                       model_dense_bias, LSTM_DEFAULT};
#endif

int model_forward(const float *x, float *y)
{
#if defined(STUB)
    y[0] = x[0];
    return 0;
#else
    const lstm_status status = lstm_forward(&model_lstm, x, SIZE(timesteps, TIMESTEPS),
                                            model_h, model_c, NULL, model_scratch);
    return status != LSTM_OK ? status : lstm_dense_forward(&model_dense, model_h, 1, y);
#endif
}
