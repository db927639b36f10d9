/* example_weights.h - stand-in weights for examples that are about shapes, not about a model:
 * a fixed sequence of numbers in [-scale, scale). A trained model comes as a const array. */
#ifndef EXAMPLE_WEIGHTS_H
#define EXAMPLE_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

static inline void example_fill(float *numbers, size_t count, float scale, uint32_t seed)
{
    for (size_t k = 0; k < count; k++) {
        seed = seed * 1664525u + 1013904223u;
        numbers[k] = scale * ((float)(seed >> 8) / 8388608.0f - 1.0f);
    }
}

#endif
