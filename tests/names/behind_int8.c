/* lstm_int8.h behind names.h: compiles, as C and as C++. What it includes itself, lstm.h and the
 * compiler's vectors, is included first, as a program that has such macros does. */
#include "lstm.h"
#if defined(__SSE2__) && !defined(_MSC_VER)
#include <immintrin.h>
#elif defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#elif defined(__AVR__)
#include <avr/pgmspace.h>
#endif
#include "names.h"
#include "lstm_int8.h"

int behind_names(const lstm_int8_layer *layer, const int16_t *in, int16_t *out,
                 int32_t *c);
int behind_names(const lstm_int8_layer *layer, const int16_t *in, int16_t *out,
                 int32_t *c)
{
    return lstm_int8_step(layer, in, out, c, out + 1) != LSTM_OK;
}
