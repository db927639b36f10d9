/* LSTM_TANHF takes the place of the built-in tanh, in portable code and where there are vectors. */
#define OWN_TANHF
#include "own_math.h"
