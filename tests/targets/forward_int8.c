/* forward_int8.c - as forward.c, with 8-bit weights: outputs near Keras', a digest of every
 * integer left behind. On no target does it use a float.
 *
 * Prints one line: keras=ok|DIFFERS digest=<FNV-1a> ticks=<port_ticks> stack=<bytes>. */
#include "measure.h"
#include "model_int8.h"

#if defined(__AVR__)
#define READ_16(p) ((int16_t)pgm_read_word(p))
#define READ_32(p) ((int32_t)pgm_read_dword(p))
#else
#define READ_16(p) (*(p))
#define READ_32(p) (*(p))
#endif

enum { NEAR = 1311 }; /* 0.02 * 65536 */

/* Keras' outputs are near these logits. */
static int is_near(const int32_t *logits)
{
    int k, near = 1;
    for (k = 0; k < OUTPUTS; k++) {
        const int32_t error = logits[k] - READ_32(model_expected + k);
        near &= error < NEAR && error > -NEAR;
    }
    return near;
}

static uint32_t digest(const int32_t *logits)
{
    uint32_t sum = 2166136261u;
    int k;
    for (k = 0; k < OUTPUTS; k++) {
        sum = digest_word(sum, (uint32_t)logits[k]);
    }
    for (k = 0; k < UNITS; k++) {
        sum = digest_word(sum, (uint32_t)model_state_h[k]);
        sum = digest_word(sum, (uint32_t)model_state_c[k]);
    }
    return sum;
}

int main(void)
{
    static int16_t x[TIMESTEPS * INPUT_DIM];
    int32_t logits[OUTPUTS];
    unsigned long start, overhead, ticks;
    unsigned depth;
    int status, ok, k;
    port_init();
    for (k = 0; k < TIMESTEPS * INPUT_DIM; k++) {
        x[k] = READ_16(model_inputs + k);
    }
    start = port_ticks();
    overhead = port_ticks() - start;
    paint_stack();
    start = port_ticks();
    status = model_run(x, logits);
    ticks = port_ticks() - start - overhead;
    depth = stack_depth();
    ok = status == 0 && depth < STACK_SEEN && is_near(logits);
    port_puts(ok ? "keras=ok" : "keras=DIFFERS");
    print_number(" digest=", digest(logits), 16);
    print_number(" ticks=", ticks, 10);
    print_number(" stack=", depth, 10);
    port_puts("\n");
    port_exit(!ok);
    return !ok;
}
