/* lstm.h behind names.h: compiles, as C and as C++. What lstm.h includes itself is included first,
 * as a program that has such macros does. */
#include <stddef.h>
#include <stdint.h>
#ifdef BEFORE
#include BEFORE
#endif
#include "names.h"
#include "lstm.h"

int behind_names(const lstm_layer *layer, const float *in, float *out);
int behind_names(const lstm_layer *layer, const float *in, float *out)
{
    return lstm_step(layer, in, out, out + 1, out + 2) != LSTM_OK;
}
