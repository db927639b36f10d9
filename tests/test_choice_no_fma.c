/* The same where nothing is fused: AVX2 alone is enough */
#ifndef LSTM_NO_FMA
#define LSTM_NO_FMA
#endif
#include "choice.h"
