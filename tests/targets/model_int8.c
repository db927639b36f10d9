/* model_int8.c - what a firmware links of lstm_int8.h: a layer in flash, static buffers,
 * two calls, no floats. STUB and SIZES_AT_RUN_TIME are as in model.c. */
#include "model_int8.h"
#include "lstm_int8.h"

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-variable" /* the STUB uses no array */
#endif
#include "model_arrays.h"

#if defined(SIZES_AT_RUN_TIME)
extern const char size_input_dim[], size_units[], size_timesteps[];
#define SIZE(name, value) ((size_t)size_##name)
#else
#define SIZE(name, value) (value)
#endif

int16_t model_state_h[UNITS];
int32_t model_state_c[UNITS];
#if !defined(STUB)
static int16_t model_scratch[LSTM_INT8_SCRATCH_LEN(INPUT_DIM, UNITS)];

static const lstm_int8_layer model_lstm = {SIZE(input_dim, INPUT_DIM),
                                           SIZE(units, UNITS),
                                           model_weights,
                                           model_row_scales,
                                           model_multipliers,
                                           model_biases,
                                           MODEL_SHIFT,
                                           14,
                                           0,
                                           0};
static const lstm_int8_dense model_dense = {SIZE(units, UNITS),
                                            OUTPUTS,
                                            model_dense_weights,
                                            model_dense_multipliers,
                                            model_dense_biases,
                                            MODEL_DENSE_SHIFT,
                                            15,
                                            LSTM_DEFAULT};
#endif

int model_run(const int16_t *x, int32_t *logits)
{
#if defined(STUB)
    logits[0] = x[0];
    return 0;
#else
    const lstm_status status =
        lstm_int8_forward(&model_lstm, x, SIZE(timesteps, TIMESTEPS), model_state_h,
                          model_state_c, NULL, model_scratch);
    return status != LSTM_OK
               ? status
               : lstm_int8_dense_logits(&model_dense, model_state_h, 1, logits);
#endif
}
