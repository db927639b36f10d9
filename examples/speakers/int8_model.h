/* int8_model.h - one of the speakers models with 8-bit weights, converted at start-up.
 *
 * int8_model_begin, then int8_model_observe for some utterances of the kind that are to be
 * recognised, then int8_model_convert; after that int8_model_recognise. A program for a
 * microcontroller has the converted arrays as constants instead. */
#ifndef INT8_MODEL_H
#define INT8_MODEL_H

#include <stddef.h>

#include "lstm_int8.h"
#include "utterances.h"

enum {
    INT8_UNITS = 48,        /* at most, of each direction */
    INT8_DENSE_INPUTS = 64, /* at most */
    INT8_FRACTION_BITS = 13 /* of x: all numbers of the data are within -4 to 4 */
};

/* The arrays of one direction. */
typedef struct int8_arrays {
    int8_t weights[LSTM_INT8_WEIGHT_LEN(UTTERANCE_FEATURES, INT8_UNITS)];
    uint16_t row_scales[LSTM_INT8_ROW_LEN(UTTERANCE_FEATURES, INT8_UNITS)];
    uint16_t multipliers[LSTM_INT8_COLUMN_LEN(INT8_UNITS)];
    int32_t bias[LSTM_INT8_COLUMN_LEN(INT8_UNITS)];
    float moments[LSTM_INT8_MOMENT_LEN(UTTERANCE_FEATURES, INT8_UNITS)];
} int8_arrays;

typedef struct int8_model {
    int directions; /* 1, or 2: forward and backward */
    lstm_layer from[2];
    lstm_dense from_dense;
    lstm_int8_layer layer[2];
    lstm_int8_dense dense;
    int8_arrays arrays[2];
    int8_t
        dense_weights[LSTM_INT8_DENSE_WEIGHT_LEN(INT8_DENSE_INPUTS, UTTERANCE_SPEAKERS)];
    uint16_t dense_multipliers[UTTERANCE_SPEAKERS];
    int32_t dense_bias[UTTERANCE_SPEAKERS];
} int8_model;

/* backward is NULL where there is one direction. */
static inline void int8_model_begin(int8_model *model, const lstm_layer *forward,
                                    const lstm_layer *backward, const lstm_dense *dense)
{
    const int8_model empty = {0};

    *model = empty;
    model->directions = backward != NULL ? 2 : 1;
    model->from[0] = *forward;
    if (backward != NULL) {
        model->from[1] = *backward;
        model->from[1].go_backwards = 1;
    }
    model->from_dense = *dense;
}

static inline lstm_status int8_model_observe(int8_model *model, const utterance *u)
{
    float scratch[LSTM_SCRATCH_LEN(INT8_UNITS)];
    lstm_status status = LSTM_OK;

    for (int k = 0; k < model->directions; k++) {
        const lstm_layer *const from = &model->from[k];
        float h[INT8_UNITS] = {0}, c[INT8_UNITS] = {0};
        for (size_t t = 0; t < u->frames && status == LSTM_OK; t++) {
            const size_t frame = from->go_backwards ? u->frames - 1 - t : t;
            status = lstm_int8_observe(from, u->x[frame], 1, h, c,
                                       model->arrays[k].moments, scratch);
        }
    }
    return status;
}

static inline lstm_status int8_model_convert(int8_model *model)
{
    float scratch[LSTM_INT8_QUANTIZE_LEN(UTTERANCE_FEATURES, INT8_UNITS)];
    lstm_status status = lstm_int8_quantize_dense(
        &model->from_dense, 15, model->dense_weights, model->dense_multipliers,
        model->dense_bias, &model->dense);

    for (int k = 0; k < model->directions && status == LSTM_OK; k++) {
        int8_arrays *const to = &model->arrays[k];
        status = lstm_int8_quantize(&model->from[k], INT8_FRACTION_BITS, to->moments,
                                    to->weights, to->row_scales, to->multipliers,
                                    to->bias, scratch, &model->layer[k]);
    }
    return status;
}

/* The Dense layer reads the last h of both directions in a row. */
static inline lstm_status int8_model_recognise(const int8_model *model,
                                               const utterance *u,
                                               float probabilities[UTTERANCE_SPEAKERS])
{
    int16_t x[UTTERANCE_MAX_FRAMES * UTTERANCE_FEATURES], h[2 * INT8_UNITS] = {0};
    int16_t scratch[LSTM_INT8_SCRATCH_LEN(UTTERANCE_FEATURES, INT8_UNITS)];
    lstm_status status = LSTM_OK;
    int16_t *next = h;

    lstm_int8_from_float(u->x[0], u->frames * UTTERANCE_FEATURES, INT8_FRACTION_BITS, x);
    for (int k = 0; k < model->directions && status == LSTM_OK; k++) {
        int32_t c[INT8_UNITS] = {0};
        status =
            lstm_int8_forward(&model->layer[k], x, u->frames, next, c, NULL, scratch);
        next += model->layer[k].units;
    }
    return status != LSTM_OK
               ? status
               : lstm_int8_dense_forward(&model->dense, h, 1, probabilities);
}

/* All constant arrays of the converted model. */
static inline size_t int8_model_bytes(const int8_model *model)
{
    const size_t inputs = model->dense.input_dim, outputs = model->dense.units;
    size_t bytes = LSTM_INT8_DENSE_WEIGHT_LEN(inputs, outputs) + (2 + 4) * outputs;

    for (int k = 0; k < model->directions; k++) {
        const size_t rows = model->layer[k].input_dim, units = model->layer[k].units;
        bytes += LSTM_INT8_WEIGHT_LEN(rows, units) + 2 * LSTM_INT8_ROW_LEN(rows, units) +
                 (2 + 4) * LSTM_INT8_COLUMN_LEN(units);
    }
    return bytes;
}

#endif
