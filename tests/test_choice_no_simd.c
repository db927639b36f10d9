/* The same without vectors: scalar code with or without FMA */
#ifndef LSTM_NO_SIMD
#define LSTM_NO_SIMD
#endif
#include "choice.h"
