/* LSTM_EXPF takes the place of the built-in e^x, in portable code and where there are vectors. */
#define OWN_EXPF
#include "own_math.h"
