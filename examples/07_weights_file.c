/* Weights from a binary file. Three lines of Python write it from a trained Keras model:
 *
 *     import numpy as np
 *     weights = np.concatenate([w.ravel() for w in model.get_weights()])
 *     weights.astype("<f4").tofile("07_weights_file.bin")
 *
 * The file has no header: it is the layers' get_weights() in a row. So the program has to
 * know the layers, here those of 06_stacked.c, and it checks that the file's length is theirs.
 * The floats are little-endian; this program reads them right on a big-endian CPU too.
 *
 *     07_weights_file [FILE]   default examples/07_weights_file.bin
 *
 * Prints:
 *   196 weights read
 *   a sine wave of 5.0 cycles in 100 samples: the model says 4.91
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lstm.h"

enum { TIMESTEPS = 24, INPUT_DIM = 1, FIRST_UNITS = 4, SECOND_UNITS = 3 };

#define FIRST_COUNT LSTM_PARAM_COUNT(INPUT_DIM, FIRST_UNITS)
#define SECOND_COUNT LSTM_PARAM_COUNT(FIRST_UNITS, SECOND_UNITS)
#define DENSE_COUNT LSTM_DENSE_PARAM_COUNT(SECOND_UNITS, 1)
#define ALL_COUNT (FIRST_COUNT + SECOND_COUNT + DENSE_COUNT)

static float weights[ALL_COUNT];

/* Reads exactly count floats. Returns NULL, or what is wrong with the file. */
static const char *read_floats(const char *path, float *numbers, size_t count)
{
    unsigned char bytes[4];
    const char *problem = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return "cannot be opened";
    }
    for (size_t k = 0; k < count && problem == NULL; k++) {
        if (fread(bytes, 1, 4, file) == 4) {
            const uint32_t bits = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
                                  (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
            memcpy(&numbers[k], &bits, 4);
        } else {
            problem = "is too short for this model";
        }
    }
    if (problem == NULL && fread(bytes, 1, 1, file) == 1) {
        problem = "is too long for this model";
    }
    fclose(file);
    return problem;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "examples/07_weights_file.bin";
    const char *problem = read_floats(path, weights, ALL_COUNT);
    float h1[FIRST_UNITS] = {0}, c1[FIRST_UNITS] = {0}, h2[SECOND_UNITS] = {0};
    float c2[SECOND_UNITS] = {0}, x[TIMESTEPS], between[TIMESTEPS][FIRST_UNITS], y;
    float scratch[LSTM_SCRATCH_LEN(FIRST_UNITS)];
    lstm_layer first, second;
    lstm_dense dense;

    if (problem != NULL) {
        fprintf(stderr, "%s %s\n", path, problem);
        return 1;
    }
    /* The layers use the weights where they are: nothing is copied. */
    if (lstm_layer_init(&first, INPUT_DIM, FIRST_UNITS, weights, FIRST_COUNT) !=
            LSTM_OK ||
        lstm_layer_init(&second, FIRST_UNITS, SECOND_UNITS, weights + FIRST_COUNT,
                        SECOND_COUNT) != LSTM_OK ||
        lstm_dense_init(&dense, SECOND_UNITS, 1, weights + FIRST_COUNT + SECOND_COUNT,
                        DENSE_COUNT) != LSTM_OK) {
        return 1;
    }
    printf("%lu weights read\n", (unsigned long)ALL_COUNT);

    first.return_sequences = 1;
    for (int t = 0; t < TIMESTEPS; t++) {
        x[t] = sinf(6.2831853f * 0.05f * (float)t);
    }
    if (lstm_forward(&first, x, TIMESTEPS, h1, c1, between[0], scratch) != LSTM_OK ||
        lstm_forward(&second, between[0], TIMESTEPS, h2, c2, NULL, scratch) != LSTM_OK ||
        lstm_dense_forward(&dense, h2, 1, &y) != LSTM_OK) {
        return 1;
    }
    printf("a sine wave of 5.0 cycles in 100 samples: the model says %.2f\n",
           10.0 * (double)y);
    return 0;
}
