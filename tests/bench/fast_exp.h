/* e^x for peers that are loops: 2^n times a polynomial, which compilers turn into vectors. Faster
 * here than the vector expf of libm. */
#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float fast_exp(float x)
{
    const float clipped = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    const float n = rintf(clipped * 1.44269504f), r = clipped - n * 0.693147181f;
    const float p =
        1.0f +
        r * (1.0f + r * (0.5f + r * (0.166666667f +
                                     r * (0.0416666667f +
                                          r * (0.00833333333f + r * 0.00138888889f)))));
    const int32_t bits = ((int32_t)n + 127) * (1 << 23);
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}
