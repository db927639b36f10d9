/* model_int8.h - the models of model.h with 8-bit weights. model_int8.c includes the arrays
 * that weights_int8.c prints, model_arrays.h, with the input and what Keras gives. */
#ifndef MODEL_INT8_H
#define MODEL_INT8_H

#include <stdint.h>

#include "model.h"

extern const int16_t model_inputs[];   /* [TIMESTEPS][INPUT_DIM] */
extern const int32_t model_expected[]; /* [OUTPUTS], Keras' outputs times 65536 */

extern int16_t model_state_h[UNITS];
extern int32_t model_state_c[UNITS];

/* Runs the whole model on x: logits[OUTPUTS]. Returns an lstm_status. */
int model_run(const int16_t *x, int32_t *logits);

#endif
