/* digest.c - one number over the bits of many outputs, for tests/digest/run.sh to compare between
 * compilers, flags, vector widths and CPUs.
 *
 * Weights and inputs come from integers and are exact in float; what is hashed (64-bit FNV-1a)
 * are the bits of every output as integers, so the order of bytes plays no part. No output may
 * be a NaN. With an argument, every case prints the digest up to it: compare the lists of two
 * builds to see where they part. */
#include "check.h"
#include "lstm.h"

static uint64_t digest = 0xCBF29CE484222325u;
static uint64_t seed = 1;
static int is_verbose, nan_count, error_count;

static void add_byte(uint32_t byte)
{
    digest = (digest ^ byte) * 0x100000001B3u;
}

static void add_floats(const float *x, size_t count)
{
    uint32_t bits;
    for (size_t k = 0; k < count; k++) {
        memcpy(&bits, x + k, sizeof bits);
        nan_count += (bits & 0x7FFFFFFFu) > 0x7F800000u;
        for (int shift = 0; shift < 32; shift += 8) {
            add_byte((bits >> shift) & 0xFFu);
        }
    }
}

static void done(lstm_status status, const char *name, size_t a, size_t b)
{
    error_count += status != LSTM_OK;
    if (is_verbose) {
        printf("%s %lu %lu: %08lx%08lx\n", name, (unsigned long)a, (unsigned long)b,
               (unsigned long)(digest >> 32), (unsigned long)(digest & 0xFFFFFFFFu));
    }
}

/* low..high */
static size_t pick(size_t low, size_t high)
{
    return low + (size_t)(check_random(&seed) % (high - low + 1));
}

static lstm_activation pick_activation(void)
{
    return pick(0, 2) != 0 ? LSTM_DEFAULT
                           : (lstm_activation)(int)pick(1, LSTM_LOG_SOFTMAX);
}

static float *new_random(size_t count, float scale)
{
    float *x = NEW_FLOATS(count);
    check_random_fill(x, count, scale, &seed);
    return x;
}

/* A power of two that keeps sums of `count` products near 1, so that unbounded activations stay
 * finite; large ones now and then, to saturate the gates of bounded ones. */
static float weight_scale(size_t count, int is_bounded)
{
    float scale = 1.0f;
    if (is_bounded && pick(0, 4) == 0) {
        return 4.0f;
    }
    while (count > 1) {
        scale *= 0.5f;
        count /= 4;
    }
    return is_bounded ? scale : 0.25f * scale;
}

static int is_bounded(lstm_activation activation)
{
    return activation == LSTM_DEFAULT || activation == LSTM_TANH ||
           activation == LSTM_SIGMOID || activation == LSTM_SOFTSIGN;
}

static void make_layer(lstm_layer *layer, size_t input_dim, size_t units,
                       lstm_activation activation, lstm_activation recurrent_activation)
{
    const int bounded = is_bounded(activation) && is_bounded(recurrent_activation);
    const int has_bias = pick(0, 5) != 0;
    const size_t count = has_bias ? LSTM_PARAM_COUNT(input_dim, units)
                                  : LSTM_PARAM_COUNT_NO_BIAS(input_dim, units);
    const float *weights = new_random(count, weight_scale(input_dim + units, bounded));
    error_count += (has_bias ? lstm_layer_init : lstm_layer_init_no_bias)(
                       layer, input_dim, units, weights, count) != LSTM_OK;
    layer->activation = activation;
    layer->recurrent_activation = recurrent_activation;
    layer->return_sequences = pick(0, 1) != 0;
    layer->go_backwards = pick(0, 2) == 0;
    layer->zero_output_for_mask = pick(0, 2) == 0;
}

static void free_layer(lstm_layer *layer)
{
    free((void *)(uintptr_t)layer->kernel);
}

static unsigned char *new_mask(size_t count)
{
    unsigned char *mask = (unsigned char *)check_alloc(count, 1);
    for (size_t k = 0; k < count; k++) {
        mask[k] = pick(0, 3) != 0;
    }
    return mask;
}

static void run_layer(const char *name, lstm_layer *layer, size_t batch, size_t timesteps)
{
    const size_t units = layer->units, state = batch * units;
    const size_t y_len = layer->return_sequences ? state * timesteps : state;
    float *x = new_random(batch * timesteps * layer->input_dim, 2.0f);
    float *h = new_random(state, 1.0f), *c = new_random(state, 1.0f);
    float *y = NEW_FLOATS(y_len),
          *scratch = NEW_FLOATS(LSTM_BATCH_SCRATCH_LEN(batch, units));
    unsigned char *mask = new_mask(batch * timesteps);
    const lstm_status status = lstm_forward_batch(layer, x, pick(0, 1) != 0 ? mask : NULL,
                                                  batch, timesteps, h, c, y, scratch);
    add_floats(h, state);
    add_floats(c, state);
    add_floats(y, y_len);
    done(status, name, layer->input_dim, units);
    free(x);
    free(h);
    free(c);
    free(y);
    free(scratch);
    free(mask);
}

static void layers(void)
{
    static const size_t large[] = {96, 127, 130, 200};
    for (size_t k = 0; k < 210 + sizeof large / sizeof *large; k++) {
        const size_t units = k < 210 ? 1 + k % 70 : large[k - 210];
        const lstm_activation activation = pick_activation();
        const lstm_activation recurrent_activation = pick_activation();
        const size_t input_dim = pick(1, 40), batch = pick(1, units <= 70 ? 9 : 3);
        const size_t timesteps = pick(1, units <= 24 ? 40 : 9);
        lstm_layer layer;
        make_layer(&layer, input_dim, units, activation, recurrent_activation);
        run_layer("layer", &layer, batch, timesteps);
        free_layer(&layer);
    }
}

/* Batches of many sequences, in groups that are full or not, and layers as wide as caches. */
static void large_batches(void)
{
    static const size_t batches[] = {7, 31, 33, 70};
    static const size_t units[] = {5, 16, 33, 64};
    lstm_layer layer;
    for (size_t k = 0; k < 16; k++) {
        make_layer(&layer, pick(1, 40), units[k % 4], LSTM_DEFAULT, LSTM_DEFAULT);
        run_layer("large batch", &layer, batches[k / 4], pick(1, 4));
        free_layer(&layer);
    }
    make_layer(&layer, 70, 320, LSTM_DEFAULT, LSTM_DEFAULT);
    run_layer("large layer", &layer, 9, 2);
    free_layer(&layer);
}

static void activations(void)
{
    for (int a = LSTM_DEFAULT; a <= LSTM_LOG_SOFTMAX; a++) {
        for (size_t k = 0; k < 4; k++) {
            const size_t input_dim = pick(1, 5), units = pick(1, 24);
            const size_t batch = pick(1, 3), timesteps = pick(1, 5);
            const lstm_activation one = (lstm_activation)a;
            lstm_layer layer;
            make_layer(&layer, input_dim, units, k % 2 ? one : LSTM_DEFAULT,
                       k % 2 ? LSTM_DEFAULT : one);
            run_layer("activation", &layer, batch, timesteps);
            free_layer(&layer);
        }
    }
}

/* A step at a time, and the same sequence in two calls of lstm_forward. */
static void streams(void)
{
    for (size_t units = 1; units <= 40; units += 3) {
        const size_t input_dim = pick(1, 3), steps = 12, split = pick(1, 11);
        float *x = new_random(steps * input_dim, 2.0f);
        float *h = NEW_FLOATS(units), *c = NEW_FLOATS(units),
              *y = NEW_FLOATS(steps * units);
        float *scratch = NEW_FLOATS(LSTM_SCRATCH_LEN(units));
        lstm_status status = LSTM_OK;
        lstm_layer layer;
        make_layer(&layer, input_dim, units, LSTM_DEFAULT, LSTM_DEFAULT);
        layer.go_backwards = 0;
        layer.return_sequences = 1;
        for (size_t step = 0; step < steps && status == LSTM_OK; step++) {
            status = lstm_step(&layer, x + step * input_dim, h, c, scratch);
            add_floats(h, units);
        }
        add_floats(c, units);
        done(status, "steps", input_dim, units);
        memset(h, 0, units * sizeof *h);
        memset(c, 0, units * sizeof *c);
        status = lstm_forward(&layer, x, split, h, c, y, scratch);
        if (status == LSTM_OK) {
            status = lstm_forward(&layer, x + split * input_dim, steps - split, h, c,
                                  y + split * units, scratch);
        }
        add_floats(y, steps * units);
        done(status, "split", input_dim, units);
        free_layer(&layer);
        free(x);
        free(h);
        free(c);
        free(y);
        free(scratch);
    }
}

static void run_bidirectional(size_t batch, size_t timesteps, lstm_merge merge)
{
    const size_t input_dim = pick(1, 9), forward = pick(1, 20);
    const size_t backward = merge == LSTM_MERGE_CONCAT ? pick(1, 20) : forward;
    const size_t state = batch * (forward + backward);
    const size_t row = merge == LSTM_MERGE_CONCAT ? forward + backward : forward;
    float *x = new_random(batch * timesteps * input_dim, 2.0f);
    float *h = new_random(state, 1.0f), *c = new_random(state, 1.0f);
    float *y = NEW_FLOATS(batch * timesteps * row);
    float *scratch = NEW_FLOATS(LSTM_BIDIRECTIONAL_SCRATCH_LEN(batch, forward, backward));
    unsigned char *mask = new_mask(batch * timesteps);
    lstm_bidirectional both;
    lstm_status status;
    make_layer(&both.forward, input_dim, forward, LSTM_DEFAULT, LSTM_DEFAULT);
    make_layer(&both.backward, input_dim, backward, LSTM_DEFAULT, LSTM_DEFAULT);
    both.backward.return_sequences = both.forward.return_sequences;
    both.merge = merge;
    status = lstm_bidirectional_forward(&both, x, pick(0, 1) != 0 ? mask : NULL, batch,
                                        timesteps, h, c, y, scratch);
    add_floats(h, state);
    add_floats(c, state);
    add_floats(y, both.forward.return_sequences ? batch * timesteps * row : batch * row);
    done(status, "bidirectional", forward, backward);
    free_layer(&both.forward);
    free_layer(&both.backward);
    free(x);
    free(h);
    free(c);
    free(y);
    free(scratch);
    free(mask);
}

static void run_dense(size_t input_dim, size_t units, size_t rows,
                      lstm_activation activation)
{
    const size_t count = LSTM_DENSE_PARAM_COUNT(input_dim, units);
    float *weights = new_random(count, 0.5f), *x = new_random(rows * input_dim, 2.0f);
    float *y = NEW_FLOATS(rows * units);
    lstm_dense dense;
    lstm_status status = lstm_dense_init(&dense, input_dim, units, weights, count);
    dense.activation = activation;
    if (pick(0, 3) == 0) {
        dense.bias = NULL;
    }
    if (status == LSTM_OK) {
        status = lstm_dense_forward(&dense, x, rows, y);
    }
    add_floats(y, rows * units);
    done(status, "dense", input_dim, units);
    free(weights);
    free(x);
    free(y);
}

static void dense_layers(void)
{
    for (size_t input_dim = 1; input_dim <= 40; input_dim++) {
        for (size_t units = 1; units <= 40; units++) {
            const lstm_activation activation = pick_activation();
            run_dense(input_dim, units, pick(1, 2), activation);
        }
    }
    run_dense(257, 1, 5, LSTM_SIGMOID);
    run_dense(3, 300, 2, LSTM_SOFTMAX);
    run_dense(64, 64, 40, LSTM_RELU);
    run_dense(17, 9, 33, LSTM_DEFAULT);
    run_dense(40, 3, 35, LSTM_TANH);
}

/* A float below 2^10 of any exponent and sign: denormals, zeros, saturated gates. */
static float any_float(void)
{
    const uint32_t bits = (uint32_t)check_random(&seed);
    const uint32_t magnitude = (bits & 0x7FFFFFFFu) % 0x44800000u;
    float x;
    const uint32_t word = magnitude | (bits & 0x80000000u);
    memcpy(&x, &word, sizeof x);
    return pick(0, 99) == 0 ? (word >> 31 ? -0.0f : 0.0f) : x;
}

/* Such floats through every activation of a Dense layer, and as the sums of a layer's gates. */
static void any_floats(void)
{
    static const float ones[LSTM_PARAM_COUNT_NO_BIAS(1, 37)] = {
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    enum { COUNT = 1000 };
    static float x[COUNT], y[COUNT], h[37], c[37], scratch[LSTM_SCRATCH_LEN(37)];
    const size_t widths[] = {1, 5, 37};
    for (int a = LSTM_DEFAULT; a <= LSTM_LOG_SOFTMAX; a++) {
        const lstm_dense dense = {1, 1, ones, NULL, (lstm_activation)a};
        for (size_t k = 0; k < COUNT; k++) {
            x[k] = any_float();
        }
        lstm_status status = lstm_dense_forward(&dense, x, COUNT, y);
        add_floats(y, COUNT);
        done(status, "any float, activation", (size_t)a, 1);
    }
    for (size_t w = 0; w < 3; w++) {
        lstm_layer layer;
        lstm_status status = lstm_layer_init_no_bias(
            &layer, 1, widths[w], ones, LSTM_PARAM_COUNT_NO_BIAS(1, widths[w]));
        for (size_t k = 0; k < COUNT && status == LSTM_OK; k++) {
            memset(h, 0, sizeof h);
            for (size_t u = 0; u < widths[w]; u++) {
                c[u] = any_float();
            }
            x[0] = any_float();
            status = lstm_step(&layer, x, h, c, scratch);
            add_floats(h, widths[w]);
            add_floats(c, widths[w]);
        }
        done(status, "any float, gates", 1, widths[w]);
    }
}

static void conversions(void)
{
    enum { IN = 3, UNITS = 5, COUNT = LSTM_PARAM_COUNT(3, 5) };
    float *w = new_random(4 * UNITS * IN, 1.0f), *r = new_random(4 * UNITS * UNITS, 1.0f);
    float *b = new_random(8 * UNITS, 1.0f), *weights = NEW_FLOATS(COUNT);
    unsigned char mask[4 * UNITS];
    done(lstm_weights_from_torch(IN, UNITS, w, r, b, b + 4 * UNITS, weights), "torch", IN,
         UNITS);
    add_floats(weights, COUNT);
    done(lstm_weights_from_onnx(IN, UNITS, w, r, b, weights), "onnx", IN, UNITS);
    add_floats(weights, COUNT);
    w[0] = w[1] = w[2] = -0.0f;
    lstm_mask(w, 4 * UNITS, IN, 0.0f, mask);
    for (size_t k = 0; k < 4 * UNITS; k++) {
        add_byte(mask[k]);
    }
    done(LSTM_OK, "mask", IN, UNITS);
    free(w);
    free(r);
    free(b);
    free(weights);
}

int main(int argc, char **argv)
{
    is_verbose = argc > 1 && argv[1][0] != '\0';
    layers();
    large_batches();
    activations();
    streams();
    for (int merge = LSTM_MERGE_CONCAT; merge <= LSTM_MERGE_AVE; merge++) {
        for (size_t k = 0; k < 4; k++) {
            const size_t batch = pick(1, 4);
            run_bidirectional(batch, pick(1, 7), (lstm_merge)merge);
        }
    }
    dense_layers();
    any_floats();
    conversions();
    if (nan_count != 0 || error_count != 0) {
        fprintf(stderr, "%d NaNs, %d errors\n", nan_count, error_count);
        return 1;
    }
    printf("%08lx%08lx\n", (unsigned long)(digest >> 32),
           (unsigned long)(digest & 0xFFFFFFFFu));
    return 0;
}
