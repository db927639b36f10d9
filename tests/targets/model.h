/* model.h - the two models of the targets: an LSTM and a Dense layer, case A or B. The
 * arrays are printed by weights.c, the outputs that Keras gives are in expected.h. */
#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>

#if defined(__AVR__)
#include <avr/pgmspace.h>
#define MODEL_ROM PROGMEM
#define MODEL_READ(p) pgm_read_float(p)
#else
#define MODEL_ROM
#define MODEL_READ(p) (*(p))
#endif

#if defined(CASE_A)
enum { INPUT_DIM = 5, UNITS = 10, TIMESTEPS = 13, OUTPUTS = 2 };
#elif defined(CASE_B)
enum { INPUT_DIM = 64, UNITS = 32, TIMESTEPS = 10, OUTPUTS = 2 };
#else
#error "define CASE_A or CASE_B"
#endif

extern const float model_kernel[], model_recurrent_kernel[], model_bias[];
extern const float model_dense_kernel[], model_dense_bias[], model_input[];

extern float model_h[UNITS], model_c[UNITS];

/* Runs the whole model on x[TIMESTEPS][INPUT_DIM]: y[OUTPUTS]. Returns an lstm_status. */
int model_forward(const float *x, float *y);

#endif
