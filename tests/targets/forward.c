/* forward.c - the program that runs on every target: one forward pass of the model, which
 * has to give Keras' numbers; what it took, and a digest of every bit it left behind.
 *
 * Prints one line: keras=ok|DIFFERS digest=<FNV-1a> ticks=<port_ticks> stack=<bytes>. */
#include <stdint.h>

#include "model.h"
#include "measure.h"

#include "expected.h"

/* FNV-1a over the bits of the floats, least significant byte first on every target. */
static uint32_t digest(uint32_t sum, const float *x, size_t count)
{
    size_t k;
    for (k = 0; k < count; k++) {
        union {
            float value;
            uint32_t bits;
        } word;
        word.value = x[k];
        sum = digest_word(sum, word.bits);
    }
    return sum;
}

/* Written so that a NaN is not near. */
static int is_near(const float *got, const float *want, size_t count)
{
    size_t k;
    int near = 1;
    for (k = 0; k < count; k++) {
        const float error = got[k] - MODEL_READ(want + k);
        near &= error < 2e-6f && error > -2e-6f;
    }
    return near;
}

int main(void)
{
    static float x[TIMESTEPS * INPUT_DIM];
    float y[OUTPUTS];
    unsigned long start, overhead, ticks;
    unsigned depth;
    int status, ok, k;
    uint32_t sum;
    port_init();
    for (k = 0; k < TIMESTEPS * INPUT_DIM; k++) {
        x[k] = MODEL_READ(model_input + k);
    }
    start = port_ticks();
    overhead = port_ticks() - start;
    paint_stack();
    start = port_ticks();
    status = model_forward(x, y);
    ticks = port_ticks() - start - overhead;
    depth = stack_depth();
    sum = digest(2166136261u, y, OUTPUTS);
    sum = digest(sum, model_h, UNITS);
    sum = digest(sum, model_c, UNITS);
    ok = status == 0 && depth < STACK_SEEN && is_near(y, expected, OUTPUTS) &&
         is_near(model_h, expected + OUTPUTS, UNITS) &&
         is_near(model_c, expected + OUTPUTS + UNITS, UNITS);
    port_puts(ok ? "keras=ok" : "keras=DIFFERS");
    print_number(" digest=", sum, 16);
    print_number(" ticks=", ticks, 10);
    print_number(" stack=", depth, 10);
    port_puts("\n");
    port_exit(!ok);
    return !ok;
}
