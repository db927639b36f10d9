/* weights.c - prints a model and its input as C arrays; runs on the PC.
 *     weights INPUT_DIM UNITS TIMESTEPS > model_a.c
 * The numbers come from one seed, are exact in float, and generate.py makes the same ones
 * for Keras. The arrays are those of get_weights(): they stay apart, and are const. */
#include "../check.h"

enum { OUTPUTS = 2 };

static void print_array(const char *name, size_t count, float scale, uint64_t *state)
{
    printf("const float model_%s[%lu] MODEL_ROM = {", name, (unsigned long)count);
    for (size_t k = 0; k < count; k++) {
        printf("%s%.9ef,", k % 6 == 0 ? "\n    " : " ",
               (double)check_random_float(state, scale));
    }
    printf("\n};\n");
}

int main(int argc, char **argv)
{
    uint64_t state = 2026;
    if (argc != 4) {
        fprintf(stderr, "usage: weights INPUT_DIM UNITS TIMESTEPS\n");
        return 2;
    }
    printf("#include \"model.h\"\n");
    const size_t input_dim = strtoul(argv[1], NULL, 10);
    const size_t units = strtoul(argv[2], NULL, 10);
    const size_t timesteps = strtoul(argv[3], NULL, 10);
    print_array("kernel", input_dim * 4 * units, 0.3f, &state);
    print_array("recurrent_kernel", units * 4 * units, 0.3f, &state);
    print_array("bias", 4 * units, 0.3f, &state);
    print_array("dense_kernel", units * OUTPUTS, 0.5f, &state);
    print_array("dense_bias", OUTPUTS, 0.5f, &state);
    print_array("input", timesteps * input_dim, 1.0f, &state);
    return 0;
}
