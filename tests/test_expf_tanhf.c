/* LSTM_EXPF and LSTM_TANHF together. */
#define OWN_EXPF
#define OWN_TANHF
#include "own_math.h"
