/* include/lstm_int8.h: golden vectors of the integer reference, splits, steps and batches,
 * extreme inputs, conversion, every argument check. */
#include "check.h"
#include "lstm_int8.h"

enum { MOST_TEXT = 200000 };

/* ---- Layers with their arrays ---- */

/* The largest size, which the compiler is not to see: it would warn of loops that never run. */
static volatile size_t largest_size = (size_t)-1;

typedef struct whole_layer {
    lstm_int8_layer layer;
    int8_t *weights;
    uint16_t *row_scales, *multipliers;
    int32_t *bias;
    int16_t *scratch; /* of a batch of 6 */
} whole_layer;

static whole_layer new_layer(size_t input_dim, size_t units)
{
    whole_layer all;
    memset(&all, 0, sizeof all);
    all.weights = (int8_t *)check_alloc(LSTM_INT8_WEIGHT_LEN(input_dim, units), 1);
    all.row_scales = (uint16_t *)check_alloc(LSTM_INT8_ROW_LEN(input_dim, units), 2);
    all.multipliers = (uint16_t *)check_alloc(LSTM_INT8_COLUMN_LEN(units), 2);
    all.bias = (int32_t *)check_alloc(LSTM_INT8_COLUMN_LEN(units), 4);
    all.scratch =
        (int16_t *)check_alloc(LSTM_INT8_BATCH_SCRATCH_LEN(6, input_dim, units), 2);
    all.layer.input_dim = input_dim;
    all.layer.units = units;
    all.layer.weights = all.weights;
    all.layer.row_scales = all.row_scales;
    all.layer.multipliers = all.multipliers;
    all.layer.bias = all.bias;
    return all;
}

static void free_layer(whole_layer *all)
{
    free(all->weights);
    free(all->row_scales);
    free(all->multipliers);
    free(all->bias);
    free(all->scratch);
}

static lstm_status convert(const lstm_layer *from, int bits, const float *moments,
                           whole_layer *all)
{
    float *const space = NEW_FLOATS(LSTM_INT8_QUANTIZE_LEN(from->input_dim, from->units));
    const lstm_status status =
        lstm_int8_quantize(from, bits, moments, all->weights, all->row_scales,
                           all->multipliers, all->bias, space, &all->layer);
    free(space);
    return status;
}

static int8_t weight_at(const whole_layer *all, size_t row, size_t column)
{
    const size_t units = all->layer.units, unit = column % units, gate = column / units;
    const size_t blocks = LSTM_INT8_BLOCKS(all->layer.input_dim, units);
    return all->weights[((unit * blocks + row / 8) * 4 + gate) * 8 + row % 8];
}

/* A float layer with weights in [-scale, scale). */
static float *new_float_layer(lstm_layer *layer, size_t input_dim, size_t units,
                              float scale, uint64_t seed)
{
    const size_t count = LSTM_PARAM_COUNT(input_dim, units);
    float *const weights = NEW_FLOATS(count);
    check_random_fill(weights, count, scale, &seed);
    CHECK(lstm_layer_init(layer, input_dim, units, weights, count) == LSTM_OK);
    return weights;
}

static int16_t random_int16(uint64_t *state)
{
    return (int16_t)(int32_t)((check_random(state) >> 48) - 32768u);
}

/* ---- Golden vectors ---- */

typedef struct golden {
    unsigned long seed, input_dim, units, timesteps, crc, y;
    int bits, use_bias, sequences, backwards, shift;
    double scale, x_scale;
    char kind[8];
    const char *h, *c, *logits; /* decimal numbers */
} golden;

static uint32_t crc_bytes(uint32_t crc, uint32_t value, int bytes)
{
    crc = ~crc;
    for (int k = 0; k < 8 * bytes; k++) {
        crc = crc >> 1 ^ ((crc ^ value >> k) & 1u ? 0xEDB88320u : 0u);
    }
    return ~crc;
}

static uint32_t crc_of_layer(const whole_layer *all)
{
    const size_t input_dim = all->layer.input_dim, units = all->layer.units;
    uint32_t crc = 0;
    for (size_t k = 0; k < LSTM_INT8_WEIGHT_LEN(input_dim, units); k++) {
        crc = crc_bytes(crc, (uint8_t)all->weights[k], 1);
    }
    for (size_t k = 0; k < input_dim + units; k++) {
        crc = crc_bytes(crc, all->row_scales[k], 2);
    }
    for (size_t k = 0; k < 4 * units; k++) {
        crc = crc_bytes(crc, all->multipliers[k], 2);
    }
    for (size_t k = 0; k < 4 * units; k++) {
        crc = crc_bytes(crc, (uint32_t)all->bias[k], 4);
    }
    return crc;
}

static unsigned long below(uint64_t *state, unsigned long limit)
{
    return (unsigned long)((check_random(state) >> 32) % limit);
}

static long pick(uint64_t *state, int edge, long low, unsigned long span)
{
    if (edge) {
        return below(state, 2) ? low + (long)span : low;
    }
    return low + (long)below(state, span + 1);
}

/* The arrays and x of a case of kind raw or edge, as generate_int8.py draws them. */
static void draw_raw(const golden *g, uint64_t *state, whole_layer *all, int16_t *x)
{
    const int edge = strcmp(g->kind, "edge") == 0;
    const size_t units = g->units, rows = g->input_dim + units;
    const size_t blocks = LSTM_INT8_BLOCKS(g->input_dim, units);
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < 4 * units; column++) {
            const size_t unit = column % units, gate = column / units;
            all->weights[((unit * blocks + row / 8) * 4 + gate) * 8 + row % 8] =
                (int8_t)pick(state, edge, -127, 254);
        }
    }
    for (size_t row = 0; row < rows; row++) {
        all->row_scales[row] = (uint16_t)pick(state, edge, 0, 32767);
    }
    for (size_t column = 0; column < 4 * units; column++) {
        all->multipliers[column % units * 4 + column / units] =
            (uint16_t)pick(state, edge, 0, 65535);
    }
    for (size_t column = 0; column < 4 * units; column++) {
        all->bias[column % units * 4 + column / units] =
            (int32_t)pick(state, edge, -8388608, 16777216);
    }
    all->layer.shift = g->shift;
    for (size_t k = 0; k < g->timesteps * g->input_dim; k++) {
        x[k] = (int16_t)pick(state, edge, -32768, 65535);
    }
}

static void draw_float(const golden *g, uint64_t *state, whole_layer *all, int16_t *x)
{
    const size_t with = LSTM_PARAM_COUNT(g->input_dim, g->units);
    const size_t count =
        g->use_bias ? with : LSTM_PARAM_COUNT_NO_BIAS(g->input_dim, g->units);
    const size_t x_len = g->timesteps * g->input_dim;
    float *const weights = NEW_FLOATS(count), *const wide = NEW_FLOATS(x_len);
    lstm_layer from;
    check_random_fill(weights, count, (float)g->scale, state);
    check_random_fill(wide, x_len, (float)g->x_scale, state);
    CHECK((g->use_bias ? lstm_layer_init : lstm_layer_init_no_bias)(
              &from, g->input_dim, g->units, weights, count) == LSTM_OK);
    CHECK(convert(&from, g->bits, NULL, all) == LSTM_OK);
    lstm_int8_from_float(wide, x_len, g->bits, x);
    free(weights);
    free(wide);
}

static void draw_state(const golden *g, uint64_t *state, int16_t *h, int32_t *c)
{
    const int edge = strcmp(g->kind, "edge") == 0, is_float = g->kind[0] == 'f';
    for (size_t u = 0; u < g->units; u++) {
        h[u] = (int16_t)pick(state, edge, -32768, 65535);
    }
    for (size_t u = 0; u < g->units; u++) {
        const int64_t range = (int64_t)1 << 32;
        int64_t value = (int64_t)(check_random(state) >> 32);
        value = (edge ? (value % 2 ? range - 1 : 0) : value % range) - range / 2;
        c[u] = (int32_t)(is_float ? value >> 14 : value);
    }
}

/* Whether `values` are the numbers in the text. */
static int are_numbers(const char *text, const int16_t *narrow, const int32_t *wide,
                       size_t count)
{
    char *end = NULL;
    for (size_t k = 0; k < count; k++) {
        const long want = strtol(text, &end, 10);
        if (end == text || want != (narrow != NULL ? narrow[k] : wide[k])) {
            return 0;
        }
        text = end;
    }
    return *text == '\n';
}

static uint32_t crc_of(const int16_t *values, size_t count)
{
    uint32_t crc = 0;
    for (size_t k = 0; k < count; k++) {
        crc = crc_bytes(crc, (uint16_t)values[k], 2);
    }
    return crc;
}

typedef struct run {
    int16_t *x, *h, *y, *start_h;
    int32_t *c, *start_c;
    size_t units, outputs;
} run;

static run new_run(const golden *g)
{
    run r;
    r.units = g->units;
    r.outputs = (g->sequences ? g->timesteps : 1) * g->units;
    r.x = (int16_t *)check_alloc(g->timesteps * g->input_dim, 2);
    r.h = (int16_t *)check_alloc(g->units, 2);
    r.start_h = (int16_t *)check_alloc(g->units, 2);
    r.y = (int16_t *)check_alloc(r.outputs, 2);
    r.c = (int32_t *)check_alloc(g->units, 4);
    r.start_c = (int32_t *)check_alloc(g->units, 4);
    return r;
}

static void restart(run *r)
{
    memcpy(r->h, r->start_h, 2 * r->units);
    memcpy(r->c, r->start_c, 4 * r->units);
    memset(r->y, 0x55, 2 * r->outputs);
}

static void free_run(run *r)
{
    free(r->x);
    free(r->h);
    free(r->start_h);
    free(r->y);
    free(r->c);
    free(r->start_c);
}

static int is_result(const golden *g, const run *r)
{
    return are_numbers(g->h, r->h, NULL, r->units) &&
           are_numbers(g->c, NULL, r->c, r->units) && crc_of(r->y, r->outputs) == g->y;
}

/* The case in one call, in two of every split, and step by step. */
static void check_splits(const golden *g, const whole_layer *all, run *r)
{
    const size_t T = g->timesteps, D = g->input_dim;
    for (size_t first = 0; first <= T; first++) {
        /* of a layer with go_backwards the last part comes first */
        const size_t skip = g->backwards ? T - first : 0;
        const size_t rest = g->backwards ? 0 : first;
        restart(r);
        CHECK(lstm_int8_forward(&all->layer, r->x + skip * D, first, r->h, r->c, r->y,
                                all->scratch) == LSTM_OK);
        CHECK(lstm_int8_forward(&all->layer, r->x + rest * D, T - first, r->h, r->c,
                                r->y + (g->sequences ? first * r->units : 0),
                                all->scratch) == LSTM_OK);
        CHECK(is_result(g, r));
    }
    restart(r);
    for (size_t t = 0; t < T; t++) {
        const int16_t *const x = r->x + (g->backwards ? T - 1 - t : t) * D;
        CHECK(lstm_int8_step(&all->layer, x, r->h, r->c, all->scratch) == LSTM_OK);
        memcpy(r->y + (g->sequences ? t * r->units : 0), r->h, 2 * r->units);
    }
    CHECK(is_result(g, r));
}

static void check_dense_case(const golden *g)
{
    const size_t weights_len = g->input_dim * g->units;
    const size_t x_len = g->timesteps * g->input_dim, y_len = g->timesteps * g->units;
    const size_t count = weights_len + (g->use_bias ? g->units : 0);
    float *const weights = NEW_FLOATS(count);
    int8_t *const packed = (int8_t *)check_alloc(weights_len, 1);
    uint16_t *const multipliers = (uint16_t *)check_alloc(g->units, 2);
    int32_t *const bias = (int32_t *)check_alloc(g->units, 4);
    int16_t *const x = (int16_t *)check_alloc(x_len, 2);
    int32_t *const logits = (int32_t *)check_alloc(y_len, 4);
    uint64_t state = g->seed;
    uint32_t crc = 0;
    lstm_dense from;
    lstm_int8_dense dense;
    check_random_fill(weights, count, (float)g->scale, &state);
    for (size_t k = 0; k < x_len; k++) {
        x[k] = (int16_t)pick(&state, 0, -32768, 65535);
    }
    CHECK((g->use_bias ? lstm_dense_init : lstm_dense_init_no_bias)(
              &from, g->input_dim, g->units, weights, count) == LSTM_OK);
    CHECK(lstm_int8_quantize_dense(&from, g->bits, packed, multipliers, bias, &dense) ==
          LSTM_OK);
    for (size_t k = 0; k < weights_len; k++) {
        crc = crc_bytes(crc, (uint8_t)packed[k], 1);
    }
    for (size_t k = 0; k < g->units; k++) {
        crc = crc_bytes(crc, multipliers[k], 2);
    }
    for (size_t k = 0; k < g->units; k++) {
        crc = crc_bytes(crc, (uint32_t)bias[k], 4);
    }
    CHECK(crc == g->crc);
    CHECK(lstm_int8_dense_logits(&dense, x, g->timesteps, logits) == LSTM_OK);
    CHECK(are_numbers(g->logits, NULL, logits, y_len));
    free(weights);
    free(packed);
    free(multipliers);
    free(bias);
    free(x);
    free(logits);
}

static void check_case(const golden *g)
{
    uint64_t state = g->seed;
    whole_layer all;
    run r;
    if (strcmp(g->kind, "dense") == 0) {
        check_dense_case(g);
        return;
    }
    all = new_layer(g->input_dim, g->units);
    r = new_run(g);
    (g->kind[0] == 'f' ? draw_float : draw_raw)(g, &state, &all, r.x);
    CHECK(crc_of_layer(&all) == g->crc);
    draw_state(g, &state, r.start_h, r.start_c);
    all.layer.return_sequences = g->sequences;
    all.layer.go_backwards = g->backwards;
    check_splits(g, &all, &r);
    free_layer(&all);
    free_run(&r);
}

static char text[MOST_TEXT];

/* Reads a line `case key=value ...` and the lines after it. */
static int read_case(const char *line, golden *g)
{
    memset(g, 0, sizeof *g);
    if (sscanf(line,
               "case seed=%lu kind=%7s input_dim=%lu units=%lu timesteps=%lu bits=%d "
               "use_bias=%d sequences=%d backwards=%d shift=%d scale=%lf x_scale=%lf "
               "crc=%lx",
               &g->seed, g->kind, &g->input_dim, &g->units, &g->timesteps, &g->bits,
               &g->use_bias, &g->sequences, &g->backwards, &g->shift, &g->scale,
               &g->x_scale, &g->crc) != 13) {
        return 0;
    }
    if (strcmp(g->kind, "dense") == 0) {
        g->logits = strstr(line, "\nlogits ");
        g->logits = g->logits != NULL ? g->logits + 8 : NULL;
        return g->logits != NULL;
    }
    g->h = strstr(line, "\nh ");
    g->c = g->h != NULL ? strstr(g->h, "\nc ") : NULL;
    line = g->c != NULL ? strstr(g->c, "\ny ") : NULL;
    if (line == NULL) {
        return 0;
    }
    g->h += 3;
    g->c += 3;
    g->y = strtoul(line + 3, NULL, 16);
    return 1;
}

static void every_case_has_the_integers_of_the_reference(void)
{
    FILE *const file = fopen("tests/golden/int8.txt", "rb");
    int cases = 0, promised = -1;
    const char *line;
    CHECK(file != NULL);
    if (file == NULL) {
        return;
    }
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    line = strstr(text, "seed 2031; ");
    CHECK(line != NULL && sscanf(line, "seed 2031; %d cases", &promised) == 1);
    for (line = strstr(text, "\ncase "); line != NULL; line = strstr(line, "\ncase ")) {
        golden g;
        line++;
        CHECK(read_case(line, &g));
        check_case(&g);
        cases++;
    }
    CHECK(cases == promised && cases > 100);
}

/* ---- The same bits ---- */

/* Batches of 1 to 6 against single calls, for shapes around the widths of vectors. */
static void check_batch(size_t input_dim, size_t units, int sequences, int backwards)
{
    enum { B = 6, T = 5 };
    uint64_t state = input_dim * 100 + units;
    const size_t x_len = T * input_dim, y_len = (sequences ? T : 1) * units;
    whole_layer all = new_layer(input_dim, units);
    int16_t *const x = (int16_t *)check_alloc(B * x_len, 2);
    int16_t *const h = (int16_t *)check_alloc(4 * B * units, 2), *const h1 =
                                                                     h + B * units;
    int16_t *const start_h = h1 + B * units;
    int32_t *const c = (int32_t *)check_alloc(3 * B * units, 4), *const c1 =
                                                                     c + B * units;
    int32_t *const start_c = c1 + B * units;
    int16_t *const y = (int16_t *)check_alloc(2 * B * y_len, 2), *const y1 =
                                                                     y + B * y_len;
    lstm_layer from;
    float *const weights = new_float_layer(&from, input_dim, units, 1.0f, state);
    CHECK(convert(&from, 12, NULL, &all) == LSTM_OK);
    all.layer.return_sequences = sequences;
    all.layer.go_backwards = backwards;
    for (size_t k = 0; k < B * x_len; k++) {
        x[k] = random_int16(&state);
    }
    for (size_t k = 0; k < B * units; k++) {
        start_h[k] = random_int16(&state);
        start_c[k] = (int32_t)(uint32_t)check_random(&state);
    }
    memcpy(h1, start_h, 2 * B * units);
    memcpy(c1, start_c, 4 * B * units);
    for (size_t b = 0; b < B; b++) {
        CHECK(lstm_int8_forward(&all.layer, x + b * x_len, T, h1 + b * units,
                                c1 + b * units, y1 + b * y_len, all.scratch) == LSTM_OK);
    }
    for (size_t batch = 1; batch <= B; batch++) {
        memcpy(h, start_h, 2 * B * units);
        memcpy(c, start_c, 4 * B * units);
        CHECK(lstm_int8_forward_batch(&all.layer, x, batch, T, h, c, y, all.scratch) ==
              LSTM_OK);
        CHECK(memcmp(h, h1, 2 * batch * units) == 0);
        CHECK(memcmp(c, c1, 4 * batch * units) == 0);
        CHECK(memcmp(y, y1, 2 * batch * y_len) == 0);
    }
    free(weights);
    free(x);
    free(h);
    free(c);
    free(y);
    free_layer(&all);
}

static void a_batch_has_the_bits_of_single_calls(void)
{
    const size_t sizes[][2] = {{1, 1}, {3, 4},  {5, 10}, {7, 9},  {8, 8},
                               {1, 7}, {12, 3}, {64, 8}, {3, 17}, {33, 16}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        for (int flags = 0; flags < 4; flags++) {
            check_batch(sizes[k][0], sizes[k][1], flags & 1, flags >> 1);
        }
    }
}

static void y_may_be_null_without_return_sequences(void)
{
    const int16_t x[6] = {100, -2000, 30000, 4000, -32768, 7};
    int16_t h[2][4] = {{0}}, y[4];
    int32_t c[2][4] = {{0}};
    lstm_layer from;
    float *const weights = new_float_layer(&from, 3, 4, 1.0f, 5);
    whole_layer all = new_layer(3, 4);
    CHECK(convert(&from, 12, NULL, &all) == LSTM_OK);
    CHECK(lstm_int8_forward(&all.layer, x, 2, h[0], c[0], NULL, all.scratch) == LSTM_OK);
    CHECK(lstm_int8_forward(&all.layer, x, 2, h[1], c[1], y, all.scratch) == LSTM_OK);
    CHECK(memcmp(h[0], h[1], sizeof h[0]) == 0 && memcmp(c[0], c[1], sizeof c[0]) == 0);
    CHECK(memcmp(h[0], y, sizeof y) == 0);
    free_layer(&all);
    free(weights);
}

/* ---- Accuracy ---- */

static void tanh_is_within_2e_4_of_the_true_one(void)
{
    double worst = 0.0;
    for (int32_t z = -70000; z <= 70000; z++) {
        const double error = lstm_int8_impl_tanh(z) / 32768.0 - tanh(z / 8192.0);
        worst = fmax(worst, fabs(error));
    }
    CHECK(worst <= 2e-4);
    CHECK(lstm_int8_impl_tanh(0) == 0);
    CHECK(lstm_int8_impl_tanh(INT32_MAX) == 32768);
    CHECK(lstm_int8_impl_tanh(-INT32_MAX) == -32768);
}

/* The largest difference of h between float and int8 on random sequences; with `observed`
 * the moments are those of other sequences of the kind. */
static double difference(size_t input_dim, size_t units, int observed)
{
    enum { T = 40 };
    uint64_t state = 77 + units;
    lstm_layer from;
    float *const weights = new_float_layer(
        &from, input_dim, units, 1.5f / sqrtf((float)(input_dim + units)), state);
    float *const moments = NEW_FLOATS(LSTM_INT8_MOMENT_LEN(input_dim, units));
    float *const x = NEW_FLOATS(T * input_dim), *const h = NEW_FLOATS(units);
    float *const c = NEW_FLOATS(units), *const space =
                                            NEW_FLOATS(LSTM_SCRATCH_LEN(units));
    int16_t *const q = (int16_t *)check_alloc(T * input_dim, 2);
    int16_t *const qh = (int16_t *)check_alloc(units, 2);
    int32_t *const qc = (int32_t *)check_alloc(units, 4);
    whole_layer all = new_layer(input_dim, units);
    double worst = 0.0;
    for (int n = 0; n < 4; n++) {
        check_random_fill(x, T * input_dim, 2.0f, &state);
        memset(h, 0, units * sizeof *h);
        memset(c, 0, units * sizeof *c);
        CHECK(lstm_int8_observe(&from, x, T, h, c, moments, space) == LSTM_OK);
    }
    CHECK(convert(&from, 13, observed ? moments : NULL, &all) == LSTM_OK);
    memset(h, 0, units * sizeof *h);
    memset(c, 0, units * sizeof *c);
    check_random_fill(x, T * input_dim, 2.0f, &state);
    lstm_int8_from_float(x, T * input_dim, 13, q);
    for (size_t t = 0; t < T; t++) {
        CHECK(lstm_step(&from, x + t * input_dim, h, c, space) == LSTM_OK);
        CHECK(lstm_int8_step(&all.layer, q + t * input_dim, qh, qc, all.scratch) ==
              LSTM_OK);
        for (size_t u = 0; u < units; u++) {
            const double error = qh[u] / 32768.0 - (double)h[u];
            worst = error == error ? fmax(worst, fabs(error)) : 1e9;
        }
    }
    free(weights);
    free(moments);
    free(x);
    free(h);
    free(c);
    free(space);
    free(q);
    free(qh);
    free(qc);
    free_layer(&all);
    return worst;
}

static void outputs_are_near_those_of_the_float_layer(void)
{
    CHECK(difference(1, 1, 0) <= 0.02);
    CHECK(difference(5, 10, 0) <= 0.02);
    CHECK(difference(12, 48, 0) <= 0.02);
    CHECK(difference(64, 32, 0) <= 0.02);
    CHECK(difference(1, 1, 1) <= 0.02);
    CHECK(difference(5, 10, 1) <= 0.02);
    CHECK(difference(12, 48, 1) <= 0.02);
}

/* The expected square of the error of one gate's sum, by the moments. */
static double expected_error(const lstm_layer *from, const whole_layer *all,
                             const float *moments, size_t column)
{
    const size_t D = from->input_dim, U = from->units, rows = D + U;
    const double gate = column / U == 2 ? 8192.0 : 4096.0;
    const double power = ldexp(1.0, 16 + all->layer.shift) * gate;
    double error[64], sum = 0.0;
    for (size_t k = 0; k < rows; k++) {
        const float w = k < D ? from->kernel[k * 4 * U + column]
                              : from->recurrent_kernel[(k - D) * 4 * U + column];
        const double unit = k < D ? ldexp(1.0, all->layer.input_fraction_bits) : 32768.0;
        error[k] = weight_at(all, k, column) *
                       (double)all->multipliers[column % U * 4 + column / U] / power *
                       (all->row_scales[k] / 32768.0) * unit -
                   (double)w;
    }
    for (size_t k = 0; k < rows; k++) {
        for (size_t n = 0; n < rows; n++) {
            sum += error[k] * (double)moments[k * rows + n] * error[n];
        }
    }
    return sum;
}

/* Inputs that rise and fall together: rounding can make use of it. */
static void moments_make_the_expected_error_less_than_half(void)
{
    enum { D = 12, U = 16, T = 200 };
    uint64_t state = 9;
    static float moments[LSTM_INT8_MOMENT_LEN(D, U)], x[T * D];
    float h[U] = {0}, c[U] = {0}, scratch[LSTM_SCRATCH_LEN(U)];
    double nearest = 0.0, refined = 0.0;
    lstm_layer from;
    float *const weights = new_float_layer(&from, D, U, 0.7f, 3);
    whole_layer all[2] = {new_layer(D, U), new_layer(D, U)};
    for (size_t t = 0; t < T; t++) {
        const float common = check_random_float(&state, 1.0f);
        for (size_t k = 0; k < D; k++) {
            x[t * D + k] = common + check_random_float(&state, 0.1f);
        }
    }
    CHECK(lstm_int8_observe(&from, x, T, h, c, moments, scratch) == LSTM_OK);
    CHECK(convert(&from, 13, NULL, &all[0]) == LSTM_OK);
    CHECK(convert(&from, 13, moments, &all[1]) == LSTM_OK);
    for (size_t column = 0; column < 4 * U; column++) {
        nearest += expected_error(&from, &all[0], moments, column);
        refined += expected_error(&from, &all[1], moments, column);
    }
    CHECK(refined > 0.0 && refined < 0.5 * nearest);
    free_layer(&all[0]);
    free_layer(&all[1]);
    free(weights);
}

static void moments_are_the_sums_of_products_of_x_and_h(void)
{
    enum { D = 2, U = 3, T = 4, K = D + U };
    const float x[T * D] = {0.5f, -1.0f, 2.0f, 0.25f, -0.75f, 1.5f, 0.0f, 1.0f};
    float h[2][U] = {{0}}, c[2][U] = {{0}}, scratch[LSTM_SCRATCH_LEN(U)];
    float moments[K * K], want[K * K];
    lstm_layer from;
    float *const weights = new_float_layer(&from, D, U, 0.7f, 4);
    for (size_t k = 0; k < K * K; k++) {
        moments[k] = want[k] = (float)k;
    }
    for (size_t t = 0; t < T; t++) {
        for (size_t a = 0; a < K; a++) {
            for (size_t b = 0; b < K; b++) {
                want[a * K + b] += (a < D ? x[t * D + a] : h[0][a - D]) *
                                   (b < D ? x[t * D + b] : h[0][b - D]);
            }
        }
        CHECK(lstm_step(&from, x + t * D, h[0], c[0], scratch) == LSTM_OK);
    }
    CHECK(lstm_int8_observe(&from, x, T, h[1], c[1], moments, scratch) == LSTM_OK);
    CHECK_NEAR(moments, want, K * K, 1e-5, 1e-6);
    CHECK_BITS(h[1], h[0], U);
    CHECK_BITS(c[1], c[0], U);
    free(weights);
}

/* ---- Extremes ---- */

/* The inputs that make the sum of a column as large as it can be, in 64 bits. */
static void check_worst_sums(const whole_layer *all)
{
    const size_t rows = all->layer.input_dim + all->layer.units;
    for (size_t column = 0; column < 4 * all->layer.units; column++) {
        int64_t most = 0, least = 0, scaled;
        const size_t at = column % all->layer.units * 4 + column / all->layer.units;
        for (size_t k = 0; k < rows; k++) {
            const int64_t w = weight_at(all, k, column), s = all->row_scales[k];
            const int64_t high = ((int64_t)32767 * s + 16384) >> 15, low = -s;
            most += w > 0 ? w * high : w * low;
            least += w > 0 ? w * low : w * high;
            CHECK(w >= -127 && s <= 32767);
        }
        CHECK(most <= 1 << 30 && least >= -(1 << 30));
        scaled = ((most * all->multipliers[at]) >> 16) + all->bias[at];
        CHECK(scaled <= INT32_MAX);
        scaled = ((least * all->multipliers[at]) >> 16) + all->bias[at];
        CHECK(scaled > INT32_MIN);
    }
}

/* Runs steps in which x and h are those that make a column's sum largest. */
static void run_worst(const whole_layer *all, size_t column, int sign)
{
    const size_t D = all->layer.input_dim, U = all->layer.units;
    int16_t *const x = (int16_t *)check_alloc(D, 2);
    int16_t *const h = (int16_t *)check_alloc(U, 2);
    int32_t *const c = (int32_t *)check_alloc(U, 4);
    for (size_t k = 0; k < D + U; k++) {
        const int up = (weight_at(all, k, column) > 0) == (sign > 0);
        *(k < D ? x + k : h + (k - D)) = (int16_t)(up ? 32767 : -32768);
    }
    for (size_t u = 0; u < U; u++) {
        c[u] = u % 2 ? INT32_MAX : INT32_MIN;
    }
    for (int t = 0; t < 3; t++) {
        CHECK(lstm_int8_step(&all->layer, x, h, c, all->scratch) == LSTM_OK);
        for (size_t u = 0; u < U; u++) {
            CHECK(c[u] <= 0x40000000 + 65535 && c[u] >= -0x40000000 - 65536);
        }
    }
    free(x);
    free(h);
    free(c);
}

static void check_extremes(size_t input_dim, size_t units, float scale, float bias,
                           int bits)
{
    lstm_layer from;
    float *const weights = new_float_layer(&from, input_dim, units, scale, units);
    whole_layer all = new_layer(input_dim, units);
    for (size_t k = 0; k < 4 * units; k++) {
        weights[4 * units * (input_dim + units) + k] = k % 2 ? bias : -bias;
    }
    CHECK(convert(&from, bits, NULL, &all) == LSTM_OK);
    check_worst_sums(&all);
    run_worst(&all, 0, 1);
    run_worst(&all, units, -1);
    run_worst(&all, 3 * units, 1);
    free(weights);
    free_layer(&all);
}

static void no_input_overflows_a_converted_layer(void)
{
    check_extremes(1, 1, 1.0f, 1.0f, 12);
    check_extremes(3, 2, 50.0f, 65536.0f, 12);
    check_extremes(13, 11, 0.001f, 65536.0f, 15);
    check_extremes(13, 11, 1e-30f, 0.0f, 0);
    check_extremes(2000, 3, 2.0f, 30.0f, 15);
    check_extremes(400, 300, 1.0f, 1.0f, 12);
    check_extremes(9000, 1, 1.0f, 1.0f, 15);
}

/* All rows of one size: the sum of the weights' sizes is what it can be at most. */
static void many_equal_weights_do_not_overflow(void)
{
    enum { D = 3000, U = 1 };
    const size_t count = LSTM_PARAM_COUNT(D, U);
    float *const weights = NEW_FLOATS(count);
    whole_layer all = new_layer(D, U);
    lstm_layer from;
    for (size_t k = 0; k < count; k++) {
        weights[k] = k % 3 ? 0.9f : -0.9f;
    }
    CHECK(lstm_layer_init(&from, D, U, weights, count) == LSTM_OK);
    CHECK(convert(&from, 15, NULL, &all) == LSTM_OK);
    check_worst_sums(&all);
    run_worst(&all, 0, 1);
    free_layer(&all);
    free(weights);
}

/* i = f = o = 1 and g = +-1, from large biases: c counts the steps exactly. */
static void open_gates_count_and_saturate(void)
{
    static const float plus[12] = {0, 0, 0, 0, 0, 0, 0, 0, 30, 30, 30, 30};
    static const float minus[12] = {0, 0, 0, 0, 0, 0, 0, 0, 30, 30, -30, 30};
    const float *const weights[2] = {plus, minus};
    for (int sign = 0; sign < 2; sign++) {
        const int32_t one = sign ? -65536 : 65536;
        const int16_t x = 123;
        int16_t h = 0;
        int32_t c = 0;
        whole_layer all = new_layer(1, 1);
        lstm_layer from;
        CHECK(lstm_layer_init(&from, 1, 1, weights[sign], 12) == LSTM_OK);
        CHECK(convert(&from, 12, NULL, &all) == LSTM_OK);
        for (int t = 1; t <= 1000; t++) {
            CHECK(lstm_int8_step(&all.layer, &x, &h, &c, all.scratch) == LSTM_OK);
            CHECK(c == t * one);
        }
        CHECK(h == (sign ? -32768 : 32767));
        c = sign ? INT32_MIN : INT32_MAX;
        CHECK(lstm_int8_step(&all.layer, &x, &h, &c, all.scratch) == LSTM_OK);
        CHECK(c == (sign ? -0x40000000 - 65536 : 0x40000000 + 65535));
        free_layer(&all);
    }
}

/* i = 0, f = 1: what is in the cell stays, for any number of steps. */
static void a_closed_cell_keeps_its_value(void)
{
    static const float weights[12] = {0, 0, 0, 0, 0, 0, 0, 0, -30, 30, 1, 1};
    const int32_t values[] = {0, 1, -1, 65536, -123456, 1073741823, -1073741824};
    whole_layer all = new_layer(1, 1);
    lstm_layer from;
    CHECK(lstm_layer_init(&from, 1, 1, weights, 12) == LSTM_OK);
    CHECK(convert(&from, 12, NULL, &all) == LSTM_OK);
    for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
        int32_t c = values[k];
        int16_t h = 0, x = -32768;
        for (int t = 0; t < 100; t++) {
            CHECK(lstm_int8_step(&all.layer, &x, &h, &c, all.scratch) == LSTM_OK);
        }
        CHECK(c == values[k]);
    }
    free_layer(&all);
}

static void a_layer_of_zeros_gives_half_open_gates(void)
{
    static const float weights[LSTM_PARAM_COUNT(2, 3)];
    const int16_t x[2] = {32767, -32768};
    int16_t h[3] = {5, -5, 32767};
    int32_t c[3] = {65536, -65536, 0};
    whole_layer all = new_layer(2, 3);
    lstm_layer from;
    CHECK(lstm_layer_init(&from, 2, 3, weights, LSTM_PARAM_COUNT(2, 3)) == LSTM_OK);
    CHECK(convert(&from, 12, NULL, &all) == LSTM_OK);
    CHECK(lstm_int8_step(&all.layer, x, h, c, all.scratch) == LSTM_OK);
    CHECK(c[0] == 32768 && c[1] == -32768 && c[2] == 0 && h[2] == 0);
    CHECK(abs(h[0] - 7571) <= 4 && abs(h[1] + 7571) <= 4); /* tanh(.5) / 2 */
    free_layer(&all);
}

/* ---- Conversion ---- */

static void every_weight_is_within_half_a_step(void)
{
    enum { D = 9, U = 7 };
    lstm_layer from;
    float *const weights = new_float_layer(&from, D, U, 1.0f, 21);
    whole_layer all = new_layer(D, U);
    CHECK(convert(&from, 14, NULL, &all) == LSTM_OK);
    CHECK(all.layer.input_fraction_bits == 14);
    for (size_t column = 0; column < 4 * U; column++) {
        const double gate = column / U == 2 ? 8192.0 : 4096.0;
        const double scale = all.multipliers[column % U * 4 + column / U] /
                             ldexp(gate, 16 + all.layer.shift);
        int largest = 0;
        for (size_t k = 0; k < D + U; k++) {
            const float w = k < D ? from.kernel[k * 4 * U + column]
                                  : from.recurrent_kernel[(k - D) * 4 * U + column];
            const double unit = k < D ? 16384.0 : 32768.0;
            const double step = scale * unit * all.row_scales[k] / 32768.0;
            CHECK(check_is_near(weight_at(&all, k, column) * step, (double)w,
                                0.505 * step, 1e-4));
            largest = abs(weight_at(&all, k, column)) > largest
                          ? abs(weight_at(&all, k, column))
                          : largest;
        }
        CHECK(largest == 127);
    }
    free_layer(&all);
    free(weights);
}

/* A column scale of denormals has few digits: a 127th of the largest weight, rounded, may be
 * so small that the weights would be more than 127 of it. */
static void denormal_weights_stay_within_127(void)
{
    lstm_layer from;
    float *const weights = new_float_layer(&from, 2, 3, 1.0f, 5);
    whole_layer all = new_layer(2, 3);
    for (size_t k = 0; k < LSTM_PARAM_COUNT(2, 3); k++) {
        weights[k] = k % 2 ? 8.7e-39f : -8.7e-39f;
    }
    CHECK(convert(&from, 15, NULL, &all) == LSTM_OK);
    for (size_t row = 0; row < 5; row++) {
        for (size_t column = 0; column < 12; column++) {
            CHECK(abs(weight_at(&all, row, column)) <= 127);
        }
    }
    check_worst_sums(&all);
    free_layer(&all);
    free(weights);
}

static void flags_and_sizes_are_those_of_the_float_layer(void)
{
    lstm_layer from;
    float *const weights = new_float_layer(&from, 3, 4, 1.0f, 2);
    whole_layer all = new_layer(3, 4);
    from.return_sequences = 5;
    from.go_backwards = 6;
    from.activation = LSTM_TANH;
    from.recurrent_activation = LSTM_SIGMOID;
    all.layer.units = all.layer.input_dim = 0;
    CHECK(convert(&from, 0, NULL, &all) == LSTM_ERR_OPTION); /* weights too large for 0 */
    CHECK(all.layer.units == 0);
    CHECK(convert(&from, 12, NULL, &all) == LSTM_OK);
    CHECK(all.layer.input_dim == 3 && all.layer.units == 4);
    CHECK(all.layer.return_sequences == 5 && all.layer.go_backwards == 6);
    free_layer(&all);
    free(weights);
}

static void from_float_rounds_and_saturates(void)
{
    const float zero = 0.0f;
    const float x[] = {0.0f,  1.0f,  -1.0f,   7.9999f,     -8.0f,        9.0f,
                       -9.0f, 1e30f, -1e30f,  1.0f / zero, -1.0f / zero, zero / zero,
                       0.5f,  -0.5f, 0.4999f, 1.5f,        -1.5f};
    const int16_t with_12[] = {0,      4096,  -4096,  32767, -32768, 32767,
                               -32768, 32767, -32768, 32767, -32768, 0,
                               2048,   -2048, 2048,   6144,  -6144};
    const int16_t with_0[] = {0,     1,      -1, 8, -8, 9, -9, 32767, -32768,
                              32767, -32768, 0,  1, -1, 0, 2,  -2};
    enum { N = sizeof x / sizeof *x };
    int16_t q[N], kept[1] = {77};
    float back[N];
    lstm_int8_from_float(x, N, 12, q);
    CHECK(memcmp(q, with_12, sizeof q) == 0);
    lstm_int8_from_float(x, N, 0, q);
    CHECK(memcmp(q, with_0, sizeof q) == 0);
    lstm_int8_from_float(x, N, 12, q);
    lstm_int8_to_float(q, N, 12, back);
    CHECK(back[1] == 1.0f && back[4] == -8.0f && back[13] == -0.5f);
    lstm_int8_from_float(NULL, 1, 12, kept);
    lstm_int8_from_float(x, 1, 16, kept);
    lstm_int8_from_float(x, 1, -1, kept);
    lstm_int8_from_float(x, 1, 12, NULL);
    lstm_int8_to_float(NULL, 1, 12, back);
    lstm_int8_to_float(q, 1, 16, back);
    lstm_int8_to_float(q, 1, 12, NULL);
    CHECK(kept[0] == 77 && back[0] == 0.0f);
}

/* Floats of any bits, and floats near the halves, where rounding turns. */
static void from_float_of_many_is_that_of_each(void)
{
    enum { N = 37 };
    uint64_t state = 5;
    float x[N];
    int16_t all[N], one;
    size_t wrong = 0;
    for (int round = 0; round < 3000; round++) {
        const int bits = (int)(check_random(&state) >> 60);
        for (size_t k = 0; k < N; k++) {
            const uint64_t random = check_random(&state);
            const uint32_t word = (uint32_t)(random >> 32);
            if (round % 3 == 0) {
                memcpy(x + k, &word, sizeof word);
            } else {
                const int32_t halves = (int32_t)(word % 140000u) - 70000;
                x[k] = 0.5f * (float)halves / (float)(1u << bits);
                x[k] += round % 3 == 1 ? 0.0f : x[k] * 1e-7f;
            }
        }
        lstm_int8_from_float(x, N, bits, all);
        for (size_t k = 0; k < N; k++) {
            lstm_int8_from_float(x + k, 1, bits, &one);
            wrong += one != all[k];
        }
    }
    CHECK(wrong == 0);
}

/* ---- Dense ---- */

typedef struct whole_dense {
    lstm_dense from;
    lstm_int8_dense dense;
    float weights[LSTM_DENSE_PARAM_COUNT(20, 11)];
    int8_t packed[LSTM_INT8_DENSE_WEIGHT_LEN(20, 11)];
    uint16_t multipliers[11];
    int32_t bias[11];
    int16_t x[2 * 20];
    float wide[2 * 20];
} whole_dense;

static whole_dense d;

static void set_up_dense(lstm_activation activation)
{
    uint64_t state = 3;
    memset(&d, 0, sizeof d);
    check_random_fill(d.weights, LSTM_DENSE_PARAM_COUNT(20, 11), 0.4f, &state);
    CHECK(lstm_dense_init(&d.from, 20, 11, d.weights, LSTM_DENSE_PARAM_COUNT(20, 11)) ==
          LSTM_OK);
    d.from.activation = activation;
    for (size_t k = 0; k < 40; k++) {
        d.x[k] = random_int16(&state);
    }
    lstm_int8_to_float(d.x, 40, 15, d.wide);
    CHECK(lstm_int8_quantize_dense(&d.from, 15, d.packed, d.multipliers, d.bias,
                                   &d.dense) == LSTM_OK);
}

static void every_activation_of_dense_is_near_that_of_floats(void)
{
    for (int activation = LSTM_DEFAULT; activation < LSTM_LOG_SOFTMAX; activation++) {
        float y[22], want[22];
        set_up_dense((lstm_activation)activation);
        CHECK(lstm_int8_dense_forward(&d.dense, d.x, 2, y) == LSTM_OK);
        CHECK(lstm_dense_forward(&d.from, d.wide, 2, want) == LSTM_OK);
        CHECK_NEAR(y, want, 22, 0.01, 0.01);
    }
}

static void linear_dense_outputs_are_the_logits(void)
{
    int32_t logits[22];
    float y[22];
    set_up_dense(LSTM_DEFAULT);
    CHECK(lstm_int8_dense_logits(&d.dense, d.x, 2, logits) == LSTM_OK);
    CHECK(lstm_int8_dense_forward(&d.dense, d.x, 2, y) == LSTM_OK);
    for (int k = 0; k < 22; k++) {
        CHECK(y[k] == (float)logits[k] / 65536.0f);
    }
    CHECK(lstm_int8_dense_forward(&d.dense, NULL, 0, NULL) == LSTM_OK);
}

static void a_dense_unit_of_zeros_gives_its_bias(void)
{
    int32_t logits[22];
    set_up_dense(LSTM_DEFAULT);
    for (size_t k = 0; k < 20; k++) {
        d.weights[k * 11 + 4] = 0.0f;
    }
    CHECK(lstm_int8_quantize_dense(&d.from, 15, d.packed, d.multipliers, d.bias,
                                   &d.dense) == LSTM_OK);
    CHECK(lstm_int8_dense_logits(&d.dense, d.x, 2, logits) == LSTM_OK);
    CHECK(check_is_near(logits[4] / 65536.0, (double)d.from.bias[4], 1e-4, 0.0));
    CHECK(logits[15] == logits[4]);
}

static void argmax_is_the_first_of_the_largest(void)
{
    const int32_t logits[] = {-5, INT32_MIN, 7, 3, 7, INT32_MAX};
    CHECK(lstm_int8_argmax(logits, 5) == 2);
    CHECK(lstm_int8_argmax(logits, 6) == 5);
    CHECK(lstm_int8_argmax(logits, 2) == 0);
    CHECK(lstm_int8_argmax(logits, 0) == 0 && lstm_int8_argmax(NULL, 3) == 0);
}

static void dense_refuses_what_it_cannot_do(void)
{
    float y[22], same[22];
    lstm_int8_dense kept, bad;
    set_up_dense(LSTM_DEFAULT);
    memset(y, 0x5a, sizeof y);
    memcpy(same, y, sizeof y);
    kept = d.dense;
#define REFUSED_DENSE(status, change)                                \
    do {                                                             \
        bad = d.dense;                                               \
        change;                                                      \
        CHECK(lstm_int8_dense_forward(&bad, d.x, 2, y) == (status)); \
        CHECK(memcmp(y, same, sizeof y) == 0);                       \
    } while (0)
    REFUSED_DENSE(LSTM_ERR_NULL, bad.weights = NULL);
    REFUSED_DENSE(LSTM_ERR_NULL, bad.multipliers = NULL);
    REFUSED_DENSE(LSTM_ERR_NULL, bad.bias = NULL);
    REFUSED_DENSE(LSTM_ERR_SHAPE, bad.units = 0);
    REFUSED_DENSE(LSTM_ERR_SHAPE, bad.input_dim = 0);
    REFUSED_DENSE(LSTM_ERR_SHAPE, bad.units = largest_size / 2);
    REFUSED_DENSE(LSTM_ERR_OPTION, bad.shift = 16);
    REFUSED_DENSE(LSTM_ERR_OPTION, bad.shift = -1);
    REFUSED_DENSE(LSTM_ERR_OPTION, bad.activation = LSTM_LOG_SOFTMAX);
    REFUSED_DENSE(LSTM_ERR_OPTION, bad.activation = (lstm_activation)99);
    CHECK(lstm_int8_dense_forward(NULL, d.x, 1, y) == LSTM_ERR_NULL);
    CHECK(lstm_int8_dense_forward(&d.dense, NULL, 1, y) == LSTM_ERR_NULL);
    CHECK(lstm_int8_dense_forward(&d.dense, d.x, 1, NULL) == LSTM_ERR_NULL);
    CHECK(lstm_int8_dense_logits(&d.dense, d.x, 1, NULL) == LSTM_ERR_NULL);
    CHECK(lstm_int8_dense_logits(NULL, d.x, 1, (int32_t *)y) == LSTM_ERR_NULL);
    CHECK(lstm_int8_dense_forward(&d.dense, d.x, largest_size / 8, y) == LSTM_ERR_SHAPE);
    CHECK(lstm_int8_dense_forward(&d.dense, d.x, largest_size / 40, y) == LSTM_ERR_SHAPE);
    CHECK(memcmp(y, same, sizeof y) == 0 && memcmp(&kept, &d.dense, sizeof kept) == 0);
}

static void dense_conversion_refuses_what_it_cannot_do(void)
{
    whole_dense before;
    lstm_dense from;
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f};
    set_up_dense(LSTM_RELU);
    before = d;
#define REFUSED_CONVERSION(status, bits)                                             \
    do {                                                                             \
        CHECK(lstm_int8_quantize_dense(&from, bits, d.packed, d.multipliers, d.bias, \
                                       &d.dense) == (status));                       \
        CHECK(memcmp(d.packed, before.packed, sizeof d.packed) == 0);                \
        CHECK(memcmp(d.bias, before.bias, sizeof d.bias) == 0);                      \
        CHECK(memcmp(&d.dense, &before.dense, sizeof d.dense) == 0);                 \
        from = d.from;                                                               \
    } while (0)
    from = d.from;
    from.kernel = NULL;
    REFUSED_CONVERSION(LSTM_ERR_NULL, 15);
    from.units = 0;
    REFUSED_CONVERSION(LSTM_ERR_SHAPE, 15);
    from.input_dim = 0;
    REFUSED_CONVERSION(LSTM_ERR_SHAPE, 15);
    from.input_dim = 32769;
    REFUSED_CONVERSION(LSTM_ERR_SHAPE, 15);
    REFUSED_CONVERSION(LSTM_ERR_OPTION, -1);
    REFUSED_CONVERSION(LSTM_ERR_OPTION, 16);
    from.activation = LSTM_LOG_SOFTMAX;
    REFUSED_CONVERSION(LSTM_ERR_OPTION, 15);
    from.activation = (lstm_activation)99;
    REFUSED_CONVERSION(LSTM_ERR_OPTION, 15);
    for (size_t k = 0; k < 4; k++) {
        d.weights[13] = bad[k];
        REFUSED_CONVERSION(LSTM_ERR_OPTION, 15);
        d.weights[13] = before.weights[13];
        d.weights[20 * 11 + 4] = bad[k];
        REFUSED_CONVERSION(LSTM_ERR_OPTION, 15);
        d.weights[20 * 11 + 4] = before.weights[20 * 11 + 4];
    }
    CHECK(lstm_int8_quantize_dense(NULL, 15, d.packed, d.multipliers, d.bias, &d.dense) ==
          LSTM_ERR_NULL);
    CHECK(lstm_int8_quantize_dense(&from, 15, NULL, d.multipliers, d.bias, &d.dense) ==
          LSTM_ERR_NULL);
    CHECK(lstm_int8_quantize_dense(&from, 15, d.packed, NULL, d.bias, &d.dense) ==
          LSTM_ERR_NULL);
    CHECK(lstm_int8_quantize_dense(&from, 15, d.packed, d.multipliers, NULL, &d.dense) ==
          LSTM_ERR_NULL);
    CHECK(lstm_int8_quantize_dense(&from, 15, d.packed, d.multipliers, d.bias, NULL) ==
          LSTM_ERR_NULL);
}

/* The largest sums of a Dense layer of many equal weights fit. */
static void dense_sums_do_not_overflow(void)
{
    enum { D = 3000 };
    static float weights[D];
    static int8_t packed[D];
    static int16_t x[D];
    uint16_t multiplier;
    int32_t bias, logit;
    int64_t sum = 0;
    lstm_dense from;
    lstm_int8_dense dense;
    for (size_t k = 0; k < D; k++) {
        weights[k] = k % 2 ? 0.2f : -0.2f;
        x[k] = k % 2 ? 32767 : -32768;
    }
    CHECK(lstm_dense_init_no_bias(&from, D, 1, weights, D) == LSTM_OK);
    CHECK(lstm_int8_quantize_dense(&from, 15, packed, &multiplier, &bias, &dense) ==
          LSTM_OK);
    for (size_t k = 0; k < D; k++) {
        sum += (int64_t)packed[k] * x[k];
    }
    CHECK(sum > 0 && sum <= 1 << 30);
    CHECK(lstm_int8_dense_logits(&dense, x, 1, &logit) == LSTM_OK);
    CHECK(check_is_near(logit / 65536.0, 600.0, 0.0, 0.05)); /* weights are +-10 or so */
}

/* A sum of 2^30 times a multiplier of 65534, and the largest bias with its half for rounding, are
 * below 2^31; with 65535 they would be 2^31. */
static void the_largest_sum_multiplier_and_bias_fit_together(void)
{
    size_t largest = 0, wrong = 0;
    for (int n = -200; n <= 200; n++) {
        float weights[2];
        int8_t packed[1];
        uint16_t multiplier = 0;
        int32_t bias = 0;
        lstm_dense from;
        lstm_int8_dense to;
        weights[0] = 127.0f * (65534.0f + (float)n / 100.0f) / 4294967296.0f;
        weights[1] = 0.5f;
        CHECK(lstm_dense_init(&from, 1, 1, weights, 2) == LSTM_OK);
        CHECK(lstm_int8_quantize_dense(&from, 15, packed, &multiplier, &bias, &to) ==
              LSTM_OK);
        largest += multiplier == 65534;
        wrong += (((int64_t)1 << 30) * multiplier >> 16) + bias > INT32_MAX;
    }
    CHECK(largest > 0 && wrong == 0);
}

/* ---- Argument checks of layers ---- */

typedef struct memory {
    int16_t h[8], y[2 * 2 * 4], scratch[64];
    int32_t c[8];
} memory;

static memory now, before;
static const int16_t some_x[2 * 2 * 3] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

#define REFUSED(status, call)                          \
    do {                                               \
        CHECK((call) == (status));                     \
        CHECK(memcmp(&now, &before, sizeof now) == 0); \
    } while (0)

static void refused_by_all(lstm_status status, lstm_int8_layer layer)
{
    REFUSED(status, lstm_int8_step(&layer, some_x, now.h, now.c, now.scratch));
    REFUSED(status,
            lstm_int8_forward(&layer, some_x, 2, now.h, now.c, now.y, now.scratch));
    REFUSED(status, lstm_int8_forward_batch(&layer, some_x, 2, 2, now.h, now.c, now.y,
                                            now.scratch));
    REFUSED(status, lstm_int8_forward(&layer, NULL, 0, NULL, NULL, NULL, NULL));
}

static void broken_layers_are_refused(void)
{
    const size_t most = largest_size;
    const size_t sizes[] = {0, most, most / 2, most / 8, most / 8 + 1, most / 32};
    lstm_layer from;
    float *const weights = new_float_layer(&from, 3, 4, 1.0f, 8);
    whole_layer all = new_layer(3, 4);
    lstm_int8_layer bad;
    CHECK(convert(&from, 12, NULL, &all) == LSTM_OK);
    memset(&before, 0x5a, sizeof before);
    now = before;
    bad = all.layer, bad.weights = NULL;
    refused_by_all(LSTM_ERR_NULL, bad);
    bad = all.layer, bad.row_scales = NULL;
    refused_by_all(LSTM_ERR_NULL, bad);
    bad = all.layer, bad.multipliers = NULL;
    refused_by_all(LSTM_ERR_NULL, bad);
    bad = all.layer, bad.bias = NULL;
    refused_by_all(LSTM_ERR_NULL, bad);
    bad = all.layer, bad.shift = 16;
    refused_by_all(LSTM_ERR_OPTION, bad);
    bad = all.layer, bad.shift = -1;
    refused_by_all(LSTM_ERR_OPTION, bad);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        bad = all.layer, bad.units = sizes[k];
        refused_by_all(LSTM_ERR_SHAPE, bad);
        /* with these 4 units so many rows could exist */
        if (sizes[k] != most / 32) {
            bad = all.layer, bad.input_dim = sizes[k];
            refused_by_all(LSTM_ERR_SHAPE, bad);
        }
    }
    free_layer(&all);
    free(weights);
}

static void absent_arrays_are_refused(void)
{
    const size_t most = largest_size;
    lstm_layer from;
    float *const weights = new_float_layer(&from, 3, 4, 1.0f, 8);
    whole_layer all = new_layer(3, 4);
    const lstm_int8_layer *const l = &all.layer;
    CHECK(convert(&from, 12, NULL, &all) == LSTM_OK);
    memset(&before, 0x5a, sizeof before);
    now = before;
    REFUSED(LSTM_ERR_NULL, lstm_int8_step(NULL, some_x, now.h, now.c, now.scratch));
    REFUSED(LSTM_ERR_NULL, lstm_int8_step(l, NULL, now.h, now.c, now.scratch));
    REFUSED(LSTM_ERR_NULL, lstm_int8_step(l, some_x, NULL, now.c, now.scratch));
    REFUSED(LSTM_ERR_NULL, lstm_int8_step(l, some_x, now.h, NULL, now.scratch));
    REFUSED(LSTM_ERR_NULL, lstm_int8_step(l, some_x, now.h, now.c, NULL));
    REFUSED(LSTM_ERR_NULL,
            lstm_int8_forward(NULL, some_x, 1, now.h, now.c, now.y, now.scratch));
    REFUSED(LSTM_ERR_NULL,
            lstm_int8_forward(l, NULL, 1, now.h, now.c, now.y, now.scratch));
    REFUSED(LSTM_ERR_NULL,
            lstm_int8_forward(l, some_x, 1, NULL, now.c, now.y, now.scratch));
    REFUSED(LSTM_ERR_NULL,
            lstm_int8_forward(l, some_x, 1, now.h, NULL, now.y, now.scratch));
    REFUSED(LSTM_ERR_NULL, lstm_int8_forward(l, some_x, 1, now.h, now.c, now.y, NULL));
    REFUSED(LSTM_ERR_SHAPE,
            lstm_int8_forward(l, some_x, most, now.h, now.c, now.y, now.scratch));
    REFUSED(LSTM_ERR_SHAPE,
            lstm_int8_forward(l, some_x, most / 5, now.h, now.c, now.y, now.scratch));
    REFUSED(LSTM_ERR_SHAPE, lstm_int8_forward_batch(l, some_x, most / 2, 3, now.h, now.c,
                                                    now.y, now.scratch));
    REFUSED(LSTM_ERR_SHAPE, lstm_int8_forward_batch(l, some_x, most / 9, 1, now.h, now.c,
                                                    now.y, now.scratch));
    all.layer.return_sequences = 1;
    REFUSED(LSTM_ERR_NULL,
            lstm_int8_forward(l, some_x, 1, now.h, now.c, NULL, now.scratch));
    REFUSED(LSTM_ERR_SHAPE,
            lstm_int8_forward(l, some_x, most / 7, now.h, now.c, now.y, now.scratch));
    REFUSED(LSTM_OK, lstm_int8_forward(l, NULL, 0, NULL, NULL, NULL, NULL));
    REFUSED(LSTM_OK, lstm_int8_forward_batch(l, NULL, 0, 5, NULL, NULL, NULL, NULL));
    free_layer(&all);
    free(weights);
}

/* What convert() would write is as before. */
static void refused_conversion(lstm_status status, const lstm_layer *from, int bits,
                               whole_layer *all)
{
    const whole_layer kept = *all;
    const uint32_t crc = crc_of_layer(all);
    float space[LSTM_INT8_QUANTIZE_LEN(3, 4)];
    CHECK(lstm_int8_quantize(from, bits, NULL, all->weights, all->row_scales,
                             all->multipliers, all->bias, space, &all->layer) == status);
    CHECK(crc_of_layer(all) == crc && memcmp(&kept, all, sizeof kept) == 0);
}

static void what_cannot_be_converted_is_refused(void)
{
    const size_t most = largest_size, sizes[] = {0, most, most / 4, most / 64};
    const float bad[] = {NAN, INFINITY, -INFINITY, 3e38f};
    lstm_layer from, changed;
    float *const weights = new_float_layer(&from, 3, 4, 1.0f, 8);
    whole_layer all = new_layer(3, 4);
    CHECK(convert(&from, 12, NULL, &all) == LSTM_OK);
    refused_conversion(LSTM_ERR_NULL, NULL, 12, &all);
    changed = from, changed.kernel = NULL;
    refused_conversion(LSTM_ERR_NULL, &changed, 12, &all);
    changed = from, changed.recurrent_kernel = NULL;
    refused_conversion(LSTM_ERR_NULL, &changed, 12, &all);
    changed = from, changed.activation = LSTM_RELU;
    refused_conversion(LSTM_ERR_OPTION, &changed, 12, &all);
    changed = from, changed.recurrent_activation = LSTM_HARD_SIGMOID;
    refused_conversion(LSTM_ERR_OPTION, &changed, 12, &all);
    refused_conversion(LSTM_ERR_OPTION, &from, -1, &all);
    refused_conversion(LSTM_ERR_OPTION, &from, 16, &all);
    for (size_t k = 0; k < 4; k++) {
        changed = from, changed.units = sizes[k];
        refused_conversion(LSTM_ERR_SHAPE, &changed, 12, &all);
        changed = from, changed.input_dim = sizes[k];
        refused_conversion(LSTM_ERR_SHAPE, &changed, 12, &all);
        for (size_t at = 0; at < LSTM_PARAM_COUNT(3, 4); at++) {
            const float good = weights[at];
            weights[at] = bad[k];
            refused_conversion(LSTM_ERR_OPTION, &from, 12, &all);
            weights[at] = good;
        }
    }
    free_layer(&all);
    free(weights);
}

/* What lstm_int8_quantize returns if one number of a layer of zeros is `value` */
static lstm_status with_one(size_t at, float value, int bits)
{
    whole_layer all = new_layer(3, 4);
    lstm_layer from;
    float *const weights = new_float_layer(&from, 3, 4, 0.0f, 1);
    lstm_status status;
    weights[at] = value;
    status = convert(&from, bits, NULL, &all);
    free_layer(&all);
    free(weights);
    return status;
}

/* What lstm_int8_quantize_dense returns for one unit whose weights are all `weight` */
static lstm_status dense_with(size_t input_dim, float weight, float bias, int bits)
{
    float *const kernel = NEW_FLOATS(input_dim);
    int8_t *const packed = (int8_t *)check_alloc(input_dim, 1);
    uint16_t multipliers[1];
    int32_t integer_bias[1];
    lstm_dense from = {input_dim, 1, kernel, &bias, LSTM_LINEAR};
    lstm_int8_dense to;
    lstm_status status;
    for (size_t k = 0; k < input_dim; k++) {
        kernel[k] = weight;
    }
    status =
        lstm_int8_quantize_dense(&from, bits, packed, multipliers, integer_bias, &to);
    free(packed);
    free(kernel);
    return status;
}

/* The limits that the documentation of the two converters states */
static void the_limits_of_a_conversion_are_those_documented(void)
{
    const size_t recurrent = 3 * 16, bias = recurrent + 4 * 16;
    CHECK(with_one(0, 50.0f, 12) == LSTM_OK);
    CHECK(with_one(0, 50.1f, 12) == LSTM_ERR_OPTION);
    CHECK(with_one(0, 400.0f, 15) == LSTM_OK);
    CHECK(with_one(0, -400.1f, 15) == LSTM_ERR_OPTION);
    CHECK(with_one(recurrent, 400.0f, 12) == LSTM_OK);
    CHECK(with_one(recurrent, -400.1f, 12) == LSTM_ERR_OPTION);
    CHECK(with_one(bias, -65536.0f, 12) == LSTM_OK);
    CHECK(with_one(bias, 65537.0f, 12) == LSTM_ERR_OPTION);
    CHECK(dense_with(1, 62.8f, 0.0f, 15) == LSTM_OK);
    CHECK(dense_with(1, -62.9f, 0.0f, 15) == LSTM_ERR_OPTION);
    CHECK(dense_with(1, 31.4f, 0.0f, 14) == LSTM_OK);
    CHECK(dense_with(1, 31.5f, 0.0f, 14) == LSTM_ERR_OPTION);
    CHECK(dense_with(32768, 8100.0f / 32768.0f, 0.0f, 15) == LSTM_OK);
    CHECK(dense_with(32768, 8200.0f / 32768.0f, 0.0f, 15) == LSTM_ERR_OPTION);
    CHECK(dense_with(1000, 8.1f, 0.0f, 15) == LSTM_OK);
    CHECK(dense_with(4, 1.0f, -8192.0f, 15) == LSTM_OK);
    CHECK(dense_with(4, 1.0f, 8193.0f, 15) == LSTM_ERR_OPTION);
}

static void conversion_needs_every_array(void)
{
    lstm_layer from;
    float *const weights = new_float_layer(&from, 3, 4, 1.0f, 8);
    whole_layer a = new_layer(3, 4);
    lstm_int8_layer *const to = &a.layer;
    float s[LSTM_INT8_QUANTIZE_LEN(3, 4)];
#define NEEDS(w, r, m, b, space, layer) \
    CHECK(lstm_int8_quantize(&from, 12, NULL, w, r, m, b, space, layer) == LSTM_ERR_NULL)
    NEEDS(NULL, a.row_scales, a.multipliers, a.bias, s, to);
    NEEDS(a.weights, NULL, a.multipliers, a.bias, s, to);
    NEEDS(a.weights, a.row_scales, NULL, a.bias, s, to);
    NEEDS(a.weights, a.row_scales, a.multipliers, NULL, s, to);
    NEEDS(a.weights, a.row_scales, a.multipliers, a.bias, NULL, to);
    NEEDS(a.weights, a.row_scales, a.multipliers, a.bias, s, NULL);
    free_layer(&a);
    free(weights);
}

static void observing_needs_every_array(void)
{
    lstm_layer from, bad;
    float *const weights = new_float_layer(&from, 3, 4, 1.0f, 8);
    float x[3] = {0}, h[4] = {0}, c[4] = {0}, m[LSTM_INT8_MOMENT_LEN(3, 4)] = {0};
    float s[LSTM_SCRATCH_LEN(4)];
    CHECK(lstm_int8_observe(NULL, x, 1, h, c, m, s) == LSTM_ERR_NULL);
    CHECK(lstm_int8_observe(&from, NULL, 1, h, c, m, s) == LSTM_ERR_NULL);
    CHECK(lstm_int8_observe(&from, x, 1, NULL, c, m, s) == LSTM_ERR_NULL);
    CHECK(lstm_int8_observe(&from, x, 1, h, NULL, m, s) == LSTM_ERR_NULL);
    CHECK(lstm_int8_observe(&from, x, 1, h, c, NULL, s) == LSTM_ERR_NULL);
    CHECK(lstm_int8_observe(&from, x, 1, h, c, m, NULL) == LSTM_ERR_NULL);
    CHECK(lstm_int8_observe(&from, x, largest_size / 5, h, c, m, s) == LSTM_ERR_SHAPE);
    CHECK(lstm_int8_observe(&from, NULL, 0, NULL, NULL, NULL, NULL) == LSTM_OK);
    bad = from, bad.activation = LSTM_RELU;
    CHECK(lstm_int8_observe(&bad, x, 1, h, c, m, s) == LSTM_ERR_OPTION);
    for (size_t k = 0; k < LSTM_INT8_MOMENT_LEN(3, 4); k++) {
        CHECK(m[k] == 0.0f);
    }
    free(weights);
}

int main(void)
{
    RUN(every_case_has_the_integers_of_the_reference);
    RUN(a_batch_has_the_bits_of_single_calls);
    RUN(y_may_be_null_without_return_sequences);
    RUN(tanh_is_within_2e_4_of_the_true_one);
    RUN(outputs_are_near_those_of_the_float_layer);
    RUN(moments_make_the_expected_error_less_than_half);
    RUN(moments_are_the_sums_of_products_of_x_and_h);
    RUN(no_input_overflows_a_converted_layer);
    RUN(many_equal_weights_do_not_overflow);
    RUN(open_gates_count_and_saturate);
    RUN(a_closed_cell_keeps_its_value);
    RUN(a_layer_of_zeros_gives_half_open_gates);
    RUN(every_weight_is_within_half_a_step);
    RUN(denormal_weights_stay_within_127);
    RUN(flags_and_sizes_are_those_of_the_float_layer);
    RUN(from_float_rounds_and_saturates);
    RUN(from_float_of_many_is_that_of_each);
    RUN(every_activation_of_dense_is_near_that_of_floats);
    RUN(linear_dense_outputs_are_the_logits);
    RUN(a_dense_unit_of_zeros_gives_its_bias);
    RUN(argmax_is_the_first_of_the_largest);
    RUN(dense_refuses_what_it_cannot_do);
    RUN(dense_conversion_refuses_what_it_cannot_do);
    RUN(dense_sums_do_not_overflow);
    RUN(the_largest_sum_multiplier_and_bias_fit_together);
    RUN(broken_layers_are_refused);
    RUN(absent_arrays_are_refused);
    RUN(what_cannot_be_converted_is_refused);
    RUN(the_limits_of_a_conversion_are_those_documented);
    RUN(conversion_needs_every_array);
    RUN(observing_needs_every_array);
    return check_report();
}
