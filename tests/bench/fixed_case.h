/* One case as plain loops with its sizes fixed at compile time: RUN_CASE is the function's name,
 * STEPS FEATURES UNITS OUTPUTS its sizes, IS_STREAM as in bench.h. Batches have one sequence. */
static void RUN_CASE(const problem *p, float *restrict y)
{
    enum { COLUMNS = 4 * UNITS };
    const float *restrict kernel = p->weights;
    const float *restrict recurrent = kernel + FEATURES * COLUMNS;
    const float *restrict bias = recurrent + UNITS * COLUMNS;
    const float *restrict x = p->x, *restrict dense_kernel = p->dense_weights;
    float h[UNITS] = {0}, c[UNITS] = {0};
    for (int t = 0; t < STEPS; t++) {
        float z[COLUMNS];
        for (int j = 0; j < COLUMNS; j++) {
            z[j] = bias[j];
        }
        for (int k = 0; k < FEATURES; k++) {
            for (int j = 0; j < COLUMNS; j++) {
                z[j] += x[t * FEATURES + k] * kernel[k * COLUMNS + j];
            }
        }
        for (int k = 0; k < UNITS; k++) {
            for (int j = 0; j < COLUMNS; j++) {
                z[j] += h[k] * recurrent[k * COLUMNS + j];
            }
        }
        for (int u = 0; u < UNITS; u++) {
            const float i = sigmoid(z[u]), f = sigmoid(z[UNITS + u]);
            const float g = tanh_of(z[2 * UNITS + u]), o = sigmoid(z[3 * UNITS + u]);
            c[u] = f * c[u] + i * g;
            h[u] = o * tanh_of(c[u]);
        }
        for (int o = 0; (IS_STREAM || t == STEPS - 1) && o < OUTPUTS; o++) {
            float sum = dense_kernel[UNITS * OUTPUTS + o];
            for (int u = 0; u < UNITS; u++) {
                sum += h[u] * dense_kernel[u * OUTPUTS + o];
            }
            y[(IS_STREAM ? t * OUTPUTS : 0) + o] = sum;
        }
    }
    for (int u = 0; OUTPUTS == 0 && u < UNITS; u++) {
        y[u] = h[u];
    }
}
#undef RUN_CASE
#undef STEPS
#undef FEATURES
#undef UNITS
#undef OUTPUTS
#undef IS_STREAM
