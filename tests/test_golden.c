/* test_golden.c - replays the cases that Keras, PyTorch and ONNX Runtime computed.
 *
 *     test_golden [--table] [directory]       the default directory is tests/golden
 *
 * What a file holds is told in tests/golden/golden.py. Inputs and weights are drawn again here,
 * and a checksum says that they are the same to the letter. Each case goes through every way
 * the API has to compute it; these agree bit for bit, and with the tool within TOLERANCE. */
#include <lstm.h>

#include "check.h"

/* Twice over: |got - want| <= TOLERANCE + TOLERANCE*|want|. The tools themselves are within
 * 6e-7 of float64 arithmetic by this measure; the generators' --reference tells. */
#define TOLERANCE 2e-6

enum { MAX_LAYERS = 8, MAX_PIECES = 256, MAX_FEATURES = 64 };

typedef enum kind { LSTM, FORWARD, BACKWARD, DENSE, MASKING } kind;

typedef struct part { /* one line of a case: a set of weights and its options */
    kind kind;
    int is_masked;
    size_t state; /* where its h and c begin in those of the case */
    float mask_value;
    lstm_merge merge;
    lstm_layer lstm;
    lstm_dense dense;
} part;

typedef struct golden_case {
    const char *options, *layers[MAX_LAYERS], *crc, *y, *h, *c, *found_mask;
    size_t layer_count, batch, timesteps, input_dim, state_len;
    part parts[MAX_LAYERS];
    float *x, *h0, *c0;
    unsigned char *mask;
} golden_case;

/* What goes into a layer and comes out of it: [batch][steps][width], one step for rank 2. */
typedef struct tensor {
    float *values;
    size_t batch, steps, width;
    const unsigned char *mask; /* [batch][timesteps] or NULL */
} tensor;

typedef struct feature {
    char name[32];
    int cases, failed;
    double worst;
} feature;

static golden_case current;
static feature features[MAX_FEATURES];
static double worst_of_case;

/* ---- Memory that lives as long as a case ------------------------------------------------ */

static void *pieces[MAX_PIECES];
static size_t piece_count;

static void *new_piece(size_t count, size_t size)
{
    if (piece_count == MAX_PIECES) {
        fprintf(stderr, "too many arrays in a case\n");
        exit(2);
    }
    return pieces[piece_count++] = check_alloc(count, size);
}

/* All NaN, so that a value which is never written cannot pass. */
static float *new_floats(size_t count)
{
    const uint32_t nan_bits = 0x7FC00000u;
    float *piece = (float *)new_piece(count, sizeof *piece);
    for (size_t i = 0; i < count; i++) {
        memcpy(piece + i, &nan_bits, sizeof nan_bits);
    }
    return piece;
}

static float *copy_of(const float *values, size_t count)
{
    float *copy = new_floats(count);
    memcpy(copy, values, count * sizeof *copy);
    return copy;
}

static void free_pieces_after(size_t kept)
{
    while (piece_count > kept) {
        free(pieces[--piece_count]);
    }
}

/* ---- Reading ---------------------------------------------------------------------------- */

/* The text after " key=" of a line, or NULL where the option has its default value. */
static const char *option(const char *line, const char *key)
{
    const size_t length = strlen(key);
    for (const char *at = strchr(line, ' '); at != NULL; at = strchr(at + 1, ' ')) {
        if (strncmp(at + 1, key, length) == 0 && at[1 + length] == '=') {
            return at + length + 2;
        }
    }
    return NULL;
}

static int option_is(const char *line, const char *key, const char *value)
{
    const char *text = option(line, key);
    const size_t length = strlen(value);
    return text != NULL && strncmp(text, value, length) == 0 &&
           (text[length] == ' ' || text[length] == '\0');
}

static int integer(const char *line, const char *key, int otherwise)
{
    const char *text = option(line, key);
    return text != NULL ? atoi(text) : otherwise;
}

static size_t size_of(const char *line, const char *key)
{
    return (size_t)integer(line, key, 0);
}

static float scale(const char *line, const char *key, int otherwise)
{
    const int power = integer(line, key, otherwise);
    return power >= 0 ? (float)(1 << power) : 1.0f / (float)(1 << -power);
}

static lstm_activation activation(const char *line, const char *key)
{
    static const struct {
        const char *name;
        lstm_activation value;
    } known[] = {
        {"default", LSTM_DEFAULT},
        {"linear", LSTM_LINEAR},
        {"tanh", LSTM_TANH},
        {"sigmoid", LSTM_SIGMOID},
        {"hard_sigmoid", LSTM_HARD_SIGMOID},
        {"hard_sigmoid_keras2", LSTM_HARD_SIGMOID_KERAS2},
        {"relu", LSTM_RELU},
        {"relu6", LSTM_RELU6},
        {"leaky_relu", LSTM_LEAKY_RELU},
        {"elu", LSTM_ELU},
        {"selu", LSTM_SELU},
        {"gelu", LSTM_GELU},
        {"silu", LSTM_SILU},
        {"hard_silu", LSTM_HARD_SILU},
        {"softplus", LSTM_SOFTPLUS},
        {"softsign", LSTM_SOFTSIGN},
        {"exponential", LSTM_EXPONENTIAL},
        {"mish", LSTM_MISH},
        {"softmax", LSTM_SOFTMAX},
        {"log_softmax", LSTM_LOG_SOFTMAX},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (option_is(line, key, known[i].name)) {
            return known[i].value;
        }
    }
    CHECK(option(line, key) == NULL); /* else a name that is not in the list */
    return LSTM_DEFAULT;
}

static lstm_merge merge_mode(const char *line)
{
    if (option_is(line, "merge", "sum")) {
        return LSTM_MERGE_SUM;
    }
    if (option_is(line, "merge", "mul")) {
        return LSTM_MERGE_MUL;
    }
    if (option_is(line, "merge", "ave")) {
        return LSTM_MERGE_AVE;
    }
    CHECK(option(line, "merge") == NULL);
    return LSTM_MERGE_CONCAT;
}

static unsigned base64_digit(char letter)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = letter != '\0' ? strchr(digits, letter) : NULL;
    return found != NULL ? (unsigned)(found - digits) : 0;
}

static unsigned base64_byte(const char *text, size_t index)
{
    const char *group = text + index / 3 * 4;
    const size_t k = index % 3;
    const unsigned high = base64_digit(group[k]), low = base64_digit(group[k + 1]);
    return (high << (2 * k + 2) | low >> (4 - 2 * k)) & 255u;
}

/* `count` floats from base64 of little-endian bytes, on a machine of any byte order. */
static float *decode(const char *text, size_t count)
{
    float *values = new_floats(count);
    const int is_whole = strlen(text) == (4 * count + 2) / 3 * 4;
    CHECK(is_whole);
    for (size_t i = 0; i < count && is_whole; i++) {
        uint32_t bits = 0;
        for (size_t byte = 4; byte-- > 0;) {
            bits = bits << 8 | base64_byte(text, 4 * i + byte);
        }
        memcpy(values + i, &bits, sizeof bits);
    }
    return values;
}

static unsigned char *decode_mask(const char *text, size_t count)
{
    unsigned char *mask = (unsigned char *)new_piece(count, 1);
    for (size_t i = 0; i < count && (text[i] == '0' || text[i] == '1'); i++) {
        mask[i] = (unsigned char)(text[i] - '0');
    }
    CHECK(strspn(text, "01") == count);
    return mask;
}

/* ---- Drawing inputs and weights --------------------------------------------------------- */

static uint32_t crc_table[256];

static void make_crc_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1u ? 0xEDB88320u : 0u);
        }
        crc_table[byte] = crc;
    }
}

static uint32_t crc_of(const float *values, size_t count, uint32_t crc)
{
    crc = ~crc;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        for (int shift = 0; shift < 32; shift += 8) {
            crc = crc >> 8 ^ crc_table[(crc ^ bits >> shift) & 255u];
        }
    }
    return ~crc;
}

typedef struct stream {
    uint64_t random;
    uint32_t crc;
} stream;

static void draw_into(float *values, size_t count, float range, stream *from)
{
    check_random_fill(values, count, range, &from->random);
    from->crc = crc_of(values, count, from->crc);
}

/* The weights of an LSTM in the layout of `line`, then in Keras'. */
static void draw_lstm(lstm_layer *layer, const char *line, size_t input_dim, stream *from)
{
    const size_t units = size_of(line, "units"), rows = 4 * units;
    const size_t kernel_len = rows * input_dim, recurrent_len = rows * units;
    const int is_onnx = option_is(line, "layout", "onnx");
    const int is_keras = option(line, "layout") == NULL;
    const size_t bias_len =
        integer(line, "use_bias", 1) ? (is_keras ? rows : 2 * rows) : 0;
    float *raw = new_floats(kernel_len + recurrent_len + bias_len), *weights = raw;
    const float *recurrent = raw + kernel_len, *bias = recurrent + recurrent_len;
    size_t count = kernel_len + recurrent_len + bias_len;
    draw_into(raw, kernel_len, scale(line, "kernel_scale", 0), from);
    draw_into(raw + kernel_len, recurrent_len, scale(line, "recurrent_scale", 0), from);
    draw_into(raw + kernel_len + recurrent_len, bias_len, scale(line, "bias_scale", -1),
              from);
    if (!is_keras) {
        const float *second = bias_len ? bias + rows : NULL;
        bias = bias_len ? bias : NULL;
        count = LSTM_PARAM_COUNT(input_dim, units);
        weights = new_floats(count);
        CHECK((is_onnx ? lstm_weights_from_onnx(input_dim, units, raw, recurrent, bias,
                                                weights)
                       : lstm_weights_from_torch(input_dim, units, raw, recurrent, bias,
                                                 second, weights)) == LSTM_OK);
    }
    CHECK((is_keras && !integer(line, "use_bias", 1)
               ? lstm_layer_init_no_bias
               : lstm_layer_init)(layer, input_dim, units, weights, count) == LSTM_OK);
    CHECK(lstm_param_count(layer) == count);
    layer->activation = activation(line, "activation");
    layer->recurrent_activation = activation(line, "recurrent");
    layer->return_sequences = integer(line, "sequences", 0);
    layer->go_backwards = integer(line, "backwards", 0);
    layer->zero_output_for_mask = integer(line, "zero_output", 0);
}

static void draw_dense(lstm_dense *layer, const char *line, size_t input_dim,
                       stream *from)
{
    const size_t units = size_of(line, "units"), kernel_len = input_dim * units;
    const size_t bias_len = integer(line, "use_bias", 1) ? units : 0;
    float *weights = new_floats(kernel_len + bias_len);
    draw_into(weights, kernel_len, scale(line, "kernel_scale", 0), from);
    draw_into(weights + kernel_len, bias_len, scale(line, "bias_scale", -1), from);
    CHECK((bias_len ? lstm_dense_init : lstm_dense_init_no_bias)(
              layer, input_dim, units, weights, kernel_len + bias_len) == LSTM_OK);
    CHECK(lstm_dense_param_count(layer) == kernel_len + bias_len);
    layer->activation = activation(line, "activation");
}

static kind kind_of(const char *line)
{
    static const char *const names[] = {"lstm ", "forward ", "backward ", "dense ",
                                        "masking"};
    for (int i = 0; i < 5; i++) {
        if (strncmp(line, names[i], strlen(names[i])) == 0) {
            return (kind)i;
        }
    }
    CHECK(strcmp(line, "a line whose first word is known") == 0);
    return MASKING;
}

/* Reads one line and draws its weights; what comes out of the layer is `*width` wide. */
static void make_part(golden_case *g, size_t index, size_t *width, stream *from)
{
    const char *line = g->layers[index];
    const char *value = option(line, "value");
    part *p = &g->parts[index];
    memset(p, 0, sizeof *p);
    p->kind = kind_of(line);
    p->is_masked = integer(line, "masked", 0);
    p->mask_value = value != NULL ? (float)strtod(value, NULL) : 0.0f;
    p->merge = merge_mode(line);
    p->state = g->state_len;
    if (p->kind == DENSE) {
        draw_dense(&p->dense, line, *width, from);
        *width = p->dense.units;
    } else if (p->kind != MASKING) {
        draw_lstm(&p->lstm, line, *width, from);
        g->state_len += g->batch * p->lstm.units;
    }
    if (p->kind == LSTM) {
        *width = p->lstm.units;
    } else if (p->kind == BACKWARD) {
        const size_t first = index > 0 ? g->parts[index - 1].lstm.units : 0;
        *width = p->lstm.units + (p->merge == LSTM_MERGE_CONCAT ? first : 0);
    }
}

/* The letters are those of patch_rows() in golden.py. */
static void patch_rows(golden_case *g, const char *letters)
{
    const size_t width = g->input_dim;
    const float *nan = new_floats(1);
    float value = 0.0f;
    for (size_t i = 0; i < g->layer_count; i++) {
        value = g->parts[i].kind == MASKING ? g->parts[i].mask_value : value;
    }
    for (size_t step = 0; step < g->batch * g->timesteps; step++) {
        float *row = g->x + step * width;
        const size_t odd_one = step % width;
        const float kept = row[odd_one];
        const char letter = letters[step];
        for (size_t i = 0; i < width && letter != '.'; i++) {
            row[i] = letter == 'z' ? -value : letter == 'n' ? *nan : value;
        }
        if (letter == 'p' || letter == 'q') {
            row[odd_one] = letter == 'p' ? kept : *nan;
        }
    }
}

static void draw_states(golden_case *g, stream *from)
{
    const int is_given = integer(g->options, "state", 0);
    const float h_range = scale(g->options, "h_scale", 0);
    const float c_range = scale(g->options, "c_scale", 0);
    g->h0 = (float *)new_piece(g->state_len, sizeof(float));
    g->c0 = (float *)new_piece(g->state_len, sizeof(float));
    for (size_t i = 0; i < g->layer_count && is_given; i++) {
        const part *p = &g->parts[i];
        draw_into(g->h0 + p->state, g->batch * p->lstm.units, h_range, from);
        draw_into(g->c0 + p->state, g->batch * p->lstm.units, c_range, from);
    }
}

static void draw_case(golden_case *g)
{
    const char *rows = option(g->options, "rows");
    const char *mask = option(g->options, "mask");
    const char *seed = option(g->options, "seed");
    stream from = {0, 0};
    size_t width, x_len;
    g->batch = size_of(g->options, "batch");
    g->timesteps = size_of(g->options, "timesteps");
    g->input_dim = width = size_of(g->options, "input_dim");
    g->state_len = 0;
    from.random = seed != NULL ? strtoull(seed, NULL, 10) : 0;
    for (size_t i = 0; i < g->layer_count; i++) {
        make_part(g, i, &width, &from);
    }
    x_len = g->batch * g->timesteps * g->input_dim;
    g->x = new_floats(x_len);
    check_random_fill(g->x, x_len, scale(g->options, "x_scale", 0), &from.random);
    if (rows != NULL) {
        patch_rows(g, rows);
    }
    from.crc = crc_of(g->x, x_len, from.crc);
    draw_states(g, &from);
    g->mask = mask != NULL ? decode_mask(mask, g->batch * g->timesteps) : NULL;
    CHECK(g->crc != NULL && strtoul(g->crc, NULL, 16) == from.crc);
}

/* ---- Every way to compute a layer; all agree bit for bit --------------------------------- */

static size_t output_steps(const lstm_layer *layer, const tensor *x)
{
    return layer->return_sequences ? x->steps : 1;
}

static const unsigned char *mask_row(const tensor *x, size_t row)
{
    return x->mask != NULL ? x->mask + row * x->steps : NULL;
}

/* One sequence by lstm_step alone; a masked step is left out. */
static void by_steps(const lstm_layer *layer, const tensor *x, size_t row, float *h,
                     float *c, float *y)
{
    const size_t units = layer->units;
    const unsigned char *mask = mask_row(x, row);
    float *scratch = new_floats(LSTM_SCRATCH_LEN(units));
    float *output = (float *)new_piece(units, sizeof *output);
    for (size_t i = 0; i < x->steps; i++) {
        const size_t t = layer->go_backwards ? x->steps - 1 - i : i;
        const float *input = x->values + (row * x->steps + t) * x->width;
        const int is_used = mask == NULL || mask[t] != 0;
        if (is_used) {
            CHECK(lstm_step(layer, input, h, c, scratch) == LSTM_OK);
            memcpy(output, h, units * sizeof *h);
        } else if (layer->zero_output_for_mask) {
            memset(output, 0, units * sizeof *output);
        }
        memcpy(y + (layer->return_sequences ? i * units : 0), output, units * sizeof *y);
    }
}

static void by_sequence(const lstm_layer *layer, const tensor *x, size_t row, float *h,
                        float *c, float *y)
{
    const float *input = x->values + row * x->steps * x->width;
    const unsigned char *mask = mask_row(x, row);
    float *scratch = new_floats(LSTM_SCRATCH_LEN(layer->units));
    CHECK((mask == NULL ? lstm_forward(layer, input, x->steps, h, c, y, scratch)
                        : lstm_forward_batch(layer, input, mask, 1, x->steps, h, c, y,
                                             scratch)) == LSTM_OK);
}

typedef void way(const lstm_layer *, const tensor *, size_t, float *, float *, float *);

/* What the batch gave for each of its sequences is what `compute` gives for it alone. */
static void check_way(way *compute, const lstm_layer *layer, const tensor *x,
                      const float *const start[2], const float *const end[2],
                      const float *y)
{
    const size_t units = layer->units, y_len = output_steps(layer, x) * units;
    for (size_t row = 0; row < x->batch; row++) {
        const size_t kept = piece_count;
        float *h = copy_of(start[0] + row * units, units);
        float *c = copy_of(start[1] + row * units, units);
        float *alone = new_floats(y_len);
        compute(layer, x, row, h, c, alone);
        CHECK_BITS(h, end[0] + row * units, units);
        CHECK_BITS(c, end[1] + row * units, units);
        CHECK_BITS(alone, y + row * y_len, y_len);
        free_pieces_after(kept);
    }
}

static void check_without_y(const lstm_layer *layer, const tensor *x,
                            const float *const start[2], const float *const end[2])
{
    const size_t count = x->batch * layer->units;
    float *h = copy_of(start[0], count), *c = copy_of(start[1], count);
    float *scratch = new_floats(LSTM_BATCH_SCRATCH_LEN(x->batch, layer->units));
    CHECK(lstm_forward_batch(layer, x->values, x->mask, x->batch, x->steps, h, c, NULL,
                             scratch) == LSTM_OK);
    CHECK_BITS(h, end[0], count);
    CHECK_BITS(c, end[1], count);
}

static tensor run_lstm(const lstm_layer *layer, const tensor *x, float *h, float *c)
{
    const size_t units = layer->units, count = x->batch * units;
    const size_t steps = output_steps(layer, x);
    const float *const start[2] = {copy_of(h, count), copy_of(c, count)};
    const float *const end[2] = {h, c};
    tensor y = {NULL, x->batch, steps, units, x->mask};
    float *scratch = new_floats(LSTM_BATCH_SCRATCH_LEN(x->batch, units));
    y.values = new_floats(count * steps);
    CHECK(lstm_forward_batch(layer, x->values, x->mask, x->batch, x->steps, h, c,
                             y.values, scratch) == LSTM_OK);
    check_way(by_sequence, layer, x, start, end, y.values);
    check_way(by_steps, layer, x, start, end, y.values);
    if (!layer->return_sequences) {
        check_without_y(layer, x, start, end);
    }
    return y;
}

/* h and c of one sequence of a batch, whose layout is [batch][forward][batch][backward]. */
static float *state_row(const lstm_bidirectional *layer, const float *state, size_t batch,
                        size_t row)
{
    const size_t one = layer->forward.units, two = layer->backward.units;
    float *both = new_floats(one + two);
    memcpy(both, state + row * one, one * sizeof *both);
    memcpy(both + one, state + batch * one + row * two, two * sizeof *both);
    return both;
}

static void check_both_row(const lstm_bidirectional *layer, const tensor *x, size_t row,
                           const float *const start[2], const float *const end[2],
                           const tensor *y)
{
    const size_t one = layer->forward.units, two = layer->backward.units;
    const size_t y_len = y->steps * y->width;
    float *h = state_row(layer, start[0], x->batch, row);
    float *c = state_row(layer, start[1], x->batch, row);
    float *alone = new_floats(y_len);
    float *scratch = new_floats(LSTM_BIDIRECTIONAL_SCRATCH_LEN(1, one, two));
    CHECK(lstm_bidirectional_forward(layer, x->values + row * x->steps * x->width,
                                     mask_row(x, row), 1, x->steps, h, c, alone,
                                     scratch) == LSTM_OK);
    CHECK_BITS(h, state_row(layer, end[0], x->batch, row), one + two);
    CHECK_BITS(c, state_row(layer, end[1], x->batch, row), one + two);
    CHECK_BITS(alone, y->values + row * y_len, y_len);
}

static tensor run_both(const part *forward, const part *backward, const tensor *x,
                       float *h, float *c)
{
    const lstm_bidirectional layer = {forward->lstm, backward->lstm, backward->merge};
    const size_t one = layer.forward.units, two = layer.backward.units;
    const size_t count = x->batch * (one + two);
    const float *const start[2] = {copy_of(h, count), copy_of(c, count)};
    const float *const end[2] = {h, c};
    float *scratch = new_floats(LSTM_BIDIRECTIONAL_SCRATCH_LEN(x->batch, one, two));
    tensor y = {NULL, x->batch, output_steps(&layer.forward, x), one, x->mask};
    y.width += layer.merge == LSTM_MERGE_CONCAT ? two : 0;
    y.values = new_floats(y.batch * y.steps * y.width);
    CHECK(lstm_bidirectional_forward(&layer, x->values, x->mask, x->batch, x->steps, h, c,
                                     y.values, scratch) == LSTM_OK);
    for (size_t row = 0; row < x->batch; row++) {
        const size_t kept = piece_count;
        check_both_row(&layer, x, row, start, end, &y);
        free_pieces_after(kept);
    }
    return y;
}

static tensor run_dense(const lstm_dense *layer, const tensor *x)
{
    const size_t rows = x->batch * x->steps;
    tensor y = {NULL, x->batch, x->steps, layer->units, x->mask};
    float *alone = new_floats(layer->units);
    y.values = new_floats(rows * layer->units);
    CHECK(lstm_dense_forward(layer, x->values, rows, y.values) == LSTM_OK);
    for (size_t row = 0; row < rows; row++) {
        CHECK(lstm_dense_forward(layer, x->values + row * x->width, 1, alone) == LSTM_OK);
        CHECK_BITS(alone, y.values + row * layer->units, layer->units);
    }
    return y;
}

/* ---- A case ------------------------------------------------------------------------------ */

static unsigned char *run_masking(const golden_case *g, const part *p, const tensor *x)
{
    const size_t rows = x->batch * x->steps;
    unsigned char *mask = (unsigned char *)new_piece(rows, 1);
    lstm_mask(x->values, rows, x->width, p->mask_value, mask);
    CHECK(g->found_mask != NULL);
    if (g->found_mask != NULL) {
        CHECK(memcmp(mask, decode_mask(g->found_mask, rows), rows) == 0);
    }
    return mask;
}

/* All layers in turn, from x and the states to the output and the new states. */
static tensor run_layers(const golden_case *g, tensor x, float *h, float *c)
{
    const unsigned char *mask = x.mask;
    for (size_t i = 0; i < g->layer_count; i++) {
        const part *p = &g->parts[i];
        x.mask = p->is_masked ? mask : NULL;
        if (p->kind == MASKING) {
            mask = run_masking(g, p, &x);
        } else if (p->kind == DENSE) {
            x = run_dense(&p->dense, &x);
        } else if (p->kind == LSTM) {
            x = run_lstm(&p->lstm, &x, h + p->state, c + p->state);
        } else if (p->kind == BACKWARD && i > 0) {
            const part *first = &g->parts[i - 1];
            x = run_both(first, p, &x, h + first->state, c + first->state);
        }
    }
    return x;
}

/* Steps first .. first+steps-1 of every sequence of x, and their mask. */
static tensor cut(const tensor *x, size_t first, size_t steps)
{
    tensor piece = {NULL, x->batch, steps, x->width, NULL};
    unsigned char *mask = (unsigned char *)new_piece(x->batch * steps, 1);
    piece.values = new_floats(x->batch * steps * x->width);
    for (size_t row = 0; row < x->batch; row++) {
        const size_t from = row * x->steps + first, to = row * steps;
        memcpy(piece.values + to * x->width, x->values + from * x->width,
               steps * x->width * sizeof(float));
        if (x->mask != NULL) {
            memcpy(mask + to, x->mask + from, steps);
        }
    }
    piece.mask = x->mask != NULL ? mask : NULL;
    return piece;
}

static tensor join(const tensor *one, const tensor *two)
{
    tensor both = {NULL, one->batch, one->steps + two->steps, one->width, NULL};
    const size_t first = one->steps * one->width, second = two->steps * two->width;
    both.values = new_floats(one->batch * (first + second));
    for (size_t row = 0; row < one->batch; row++) {
        float *to = both.values + row * (first + second);
        memcpy(to, one->values + row * first, first * sizeof *to);
        memcpy(to + first, two->values + row * second, second * sizeof *to);
    }
    return both;
}

/* What a stateful layer does: the states of the first call go into the second. */
static tensor run_split(const golden_case *g, const tensor *x, size_t split, float *h,
                        float *c)
{
    const lstm_layer *layer = &g->parts[0].lstm;
    const tensor head = cut(x, 0, split), tail = cut(x, split, x->steps - split);
    const tensor first = run_layers(g, head, h, c), second = run_layers(g, tail, h, c);
    return layer->return_sequences ? join(&first, &second) : second;
}

/* In one direction and without a mask, two calls give the bits of one. */
static void check_split_against_whole(const golden_case *g, const tensor *x,
                                      const float *h, const float *c, const tensor *y)
{
    float *whole_h = copy_of(g->h0, g->state_len);
    float *whole_c = copy_of(g->c0, g->state_len);
    tensor whole;
    if (g->parts[0].kind != LSTM || g->parts[0].lstm.go_backwards || x->mask != NULL) {
        return;
    }
    whole = run_layers(g, *x, whole_h, whole_c);
    CHECK_BITS(whole_h, h, g->state_len);
    CHECK_BITS(whole_c, c, g->state_len);
    CHECK_BITS(whole.values, y->values, y->batch * y->steps * y->width);
}

static void compare(const float *got, const char *text, size_t count)
{
    const float *want = decode(text, count);
    for (size_t i = 0; i < count; i++) {
        const double error = fabs((double)got[i] - (double)want[i]);
        const double measure = error / (1 + fabs((double)want[i]));
        if (!(measure <= worst_of_case)) {
            worst_of_case = measure;
        }
    }
    CHECK_NEAR(got, want, count, TOLERANCE, TOLERANCE);
}

static void replay(void)
{
    golden_case *g = &current;
    const size_t split = size_of(g->options, "split");
    tensor x, y;
    float *h, *c;
    draw_case(g);
    h = copy_of(g->h0, g->state_len);
    c = copy_of(g->c0, g->state_len);
    x.values = g->x;
    x.batch = g->batch;
    x.steps = g->timesteps;
    x.width = g->input_dim;
    x.mask = g->mask;
    if (split == 0) {
        y = run_layers(g, x, h, c);
    } else {
        y = run_split(g, &x, split, h, c);
        check_split_against_whole(g, &x, h, c, &y);
    }
    CHECK(g->y != NULL || g->found_mask != NULL);
    CHECK((g->h != NULL) == (g->c != NULL));
    if (g->y != NULL) {
        compare(y.values, g->y, y.batch * y.steps * y.width);
    }
    if (g->h != NULL && g->c != NULL) {
        compare(h, g->h, g->state_len);
        compare(c, g->c, g->state_len);
    }
}

/* ---- Files ------------------------------------------------------------------------------- */

static void count_in_feature(const char *file, int is_failed)
{
    const char *name = option(current.options, "feature");
    const int length = name != NULL ? (int)strcspn(name, " ") : 0;
    char text[sizeof features[0].name];
    snprintf(text, sizeof text, "%.*s %.*s", (int)strcspn(file, "."), file, length, name);
    for (size_t i = 0; i < MAX_FEATURES; i++) {
        feature *f = &features[i];
        if (f->cases == 0) {
            memcpy(f->name, text, sizeof text);
        }
        if (strcmp(f->name, text) == 0) {
            f->cases++;
            f->failed += is_failed;
            f->worst = worst_of_case <= f->worst ? f->worst : worst_of_case;
            return;
        }
    }
}

static void run_case(const char *file)
{
    const int failed_before = check_failed;
    char name[64];
    snprintf(name, sizeof name, "%s case %d", file,
             integer(current.options, "number", 0));
    worst_of_case = 0;
    check_run(name, replay);
    free_pieces_after(0);
    count_in_feature(file, check_failed - failed_before);
}

static void take_line(const char *line)
{
    golden_case *g = &current;
    if (strncmp(line, "crc ", 4) == 0) {
        g->crc = line + 4;
    } else if (strncmp(line, "y ", 2) == 0) {
        g->y = line + 2;
    } else if (strncmp(line, "h ", 2) == 0) {
        g->h = line + 2;
    } else if (strncmp(line, "c ", 2) == 0) {
        g->c = line + 2;
    } else if (strncmp(line, "mask ", 5) == 0) {
        g->found_mask = line + 5;
    } else if (g->layer_count < MAX_LAYERS) {
        g->layers[g->layer_count++] = line;
    }
}

/* Cuts the text of a file into lines, in place, and runs case after case. Returns how many. */
static int run_text(const char *file, char *text)
{
    char *line = text;
    int count = 0;
    memset(&current, 0, sizeof current);
    while (*line != '\0') {
        char *end = line + strcspn(line, "\r\n");
        char *next = end + strspn(end, "\r\n");
        *end = '\0';
        if (strncmp(line, "case ", 5) == 0) {
            if (count++ > 0) {
                run_case(file);
            }
            memset(&current, 0, sizeof current);
            current.options = line;
        } else if (line[0] != '#') {
            take_line(line);
        }
        line = next;
    }
    if (count > 0) {
        run_case(file);
    }
    return count;
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t length = 0, room = 1 << 16, got;
    char *text = (char *)malloc(room);
    if (file == NULL || text == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    while ((got = fread(text + length, 1, room - length - 1, file)) > 0) {
        length += got;
        if (room - length < 2) {
            room *= 2;
            text = (char *)realloc(text, room);
            if (text == NULL) {
                fprintf(stderr, "out of memory\n");
                exit(2);
            }
        }
    }
    fclose(file);
    text[length] = '\0';
    return text;
}

static void run_file(const char *directory, const char *file)
{
    char path[512];
    char *text;
    int promised;
    snprintf(path, sizeof path, "%s/%s", directory, file);
    text = read_text(path);
    promised =
        strncmp(text, "# ", 2) == 0 ? atoi(text + 2) : 0; /* "# 626 cases from ..." */
    if (run_text(file, text) != promised || promised == 0) {
        fprintf(stderr, "FAILED: %s does not hold the cases its first line promises\n",
                path);
        check_failed++;
    }
    free(text);
}

static void print_table(void)
{
    printf("%-32s %5s %6s  %s\n", "feature", "cases", "failed",
           "worst |error|/(1+|want|)");
    for (size_t i = 0; i < MAX_FEATURES && features[i].cases > 0; i++) {
        printf("%-32s %5d %6d  %.2e\n", features[i].name, features[i].cases,
               features[i].failed, features[i].worst);
    }
}

int main(int argc, char **argv)
{
    const char *directory = "tests/golden";
    int wants_table = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--table") == 0) {
            wants_table = 1;
        } else {
            directory = argv[i];
        }
    }
    make_crc_table();
    run_file(directory, "keras.txt");
    run_file(directory, "torch.txt");
    run_file(directory, "onnx.txt");
    if (wants_table) {
        print_table();
    }
    return check_report();
}
