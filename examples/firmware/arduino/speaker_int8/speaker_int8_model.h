/* Made by lstm_export.py 0.2.0 --int8 from speaker.keras.
 * Saved by keras 3.15.1.
 * SHA-256 of the float weights: 4e3d465ea3a9e6d2b797d2e9e42ffc998349177660b018d0dc134f2d27d17209
 * Largest error of an output against the float model: 0.0015 on the self-test's input.
 * Constants: 1,126 bytes; in floats 3,012.
 *
 *   Model: "streaming"
 *   +---------------------------------+------------------------+---------------+
 *   | Layer (type)                    | Output Shape           |       Param # |
 *   +=================================+========================+===============+
 *   | lstm (LSTM)                     | (None, 8)              |           672 |
 *   +---------------------------------+------------------------+---------------+
 *   | dense (Dense)                   | (None, 9)              |            81 |
 *   +---------------------------------+------------------------+---------------+
 *    Total params: 753 (2.94 KB)
 *    Trainable params: 753 (2.94 KB)
 *    Non-trainable params: 0 (0.00 B)
 *
 * Inputs are from -4 to 4; what is beyond becomes the nearest. As int16 they are times
 * 8192.
 *   speaker_int8_memory memory;
 *   speaker_int8_predict(&memory, x, timesteps, y);   float x[timesteps][12], y[9]
 *   speaker_int8_reset(&memory);
 *   speaker_int8_step(&memory, x, y);   for each timestep
 * speaker_int8_predict_int16 and speaker_int8_step_int16 take int16_t x. No float is used
 * where y is NULL and speaker_int8_logits gives the result.
 * To say where the constants go, define SPEAKER_INT8_WEIGHTS before including this; on
 * AVR it is PROGMEM.
 */
#if defined SPEAKER_INT8_H && SPEAKER_INT8_H + 0 != 0x3715ab6c
#error "SPEAKER_INT8_H is another header: export one of the models with another --name"
#endif
#ifndef SPEAKER_INT8_H
#define SPEAKER_INT8_H 0x3715ab6c

#include "lstm_int8.h"

#if !defined(LSTM_VERSION_MAJOR) || \
    (LSTM_VERSION_MAJOR == 0 && LSTM_VERSION_MINOR < 2)
#error "this header needs lstm.h 0.2 or newer: copy that one beside it"
#endif

/* A compiler that can warns where a status is not looked at. */
#if (defined(__cplusplus) && __cplusplus >= 201703L) || \
    (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L)
#define SPEAKER_INT8_NODISCARD [[nodiscard]]
#elif defined(__GNUC__)
#define SPEAKER_INT8_NODISCARD __attribute__((__warn_unused_result__))
#else
#define SPEAKER_INT8_NODISCARD
#endif

#ifndef SPEAKER_INT8_WEIGHTS
#if defined(__AVR__)
#define SPEAKER_INT8_WEIGHTS PROGMEM
#else
#define SPEAKER_INT8_WEIGHTS
#endif
#endif

#define SPEAKER_INT8_INPUT_DIM 12
#define SPEAKER_INT8_OUTPUT_DIM 9
#define SPEAKER_INT8_INPUT_FRACTION_BITS 13

/* clang-format off */

static const int8_t speaker_int8_lstm_weights[768] SPEAKER_INT8_WEIGHTS = {
    29, -127, 80, -61, 38, 29, -9, -16, -21, 34, -12, -20, 38, 3, 64, -27, -52, 61, 87,
    26, -36, 118, 21, -124, -52, -26, 122, 13, 122, -73, 72, -43, -45, 57, 46, 123, 51,
    -51, 62, -37, 3, 127, 21, -21, 19, -2, -41, -8, 58, -84, -27, 34, -34, -36, -116, -74,
    -115, 115, 42, 69, -17, 80, 78, 39, -9, 115, 35, 12, 0, 0, 0, 0, -34, 69, 55, -7, 0,
    0, 0, 0, -14, 127, -26, 17, 0, 0, 0, 0, -7, 77, 127, -99, 0, 0, 0, 0, -27, 127, 2,
    -91, -37, 73, 59, -75, -6, -1, 127, 18, -48, 17, 47, -20, 37, 70, -25, -22, 2, 93,
    -59, -6, 74, -40, -6, 35, 58, 48, -67, -23, -87, -63, -43, 18, 10, -72, 28, 31, -47,
    18, -1, -100, 10, 19, -127, -34, 99, -76, 1, 8, -41, 127, -41, -7, -92, 41, 89, -57,
    -127, 124, -62, -53, 52, -18, -85, 103, 0, 0, 0, 0, -5, -22, -13, -12, 0, 0, 0, 0,
    -26, 20, -21, 55, 0, 0, 0, 0, -65, -14, -11, -40, 0, 0, 0, 0, 23, -127, 47, 111, -28,
    15, -38, 69, -26, -25, 55, 20, 9, 127, 19, -45, -127, 51, -51, -117, 105, 109, 32, 31,
    -116, -127, -26, 25, 70, -12, -80, -43, 71, -56, -26, 4, 68, 120, 32, 29, 61, -40,
    -18, 73, 54, 14, -81, -37, 81, 2, -12, 100, 27, -97, 98, -42, 8, 47, -25, -54, -11,
    32, 90, 38, -56, -107, -27, -72, 0, 0, 0, 0, -66, -9, -21, -64, 0, 0, 0, 0, -28, 64,
    -12, -5, 0, 0, 0, 0, 39, -96, -106, -16, 0, 0, 0, 0, 127, -34, -46, -107, -48, -28,
    47, 8, -125, 127, 31, 122, 39, -12, 14, -37, -54, -32, 8, -44, -1, -59, 8, -25, 41,
    30, 16, 127, -14, -19, 68, -127, -84, -35, 23, 116, -31, -106, -83, -39, 34, -35, -29,
    -114, -101, 56, 91, -8, -49, -69, 26, 22, 30, 127, 65, 24, -14, -29, -3, -30, 42, 48,
    -11, -17, 22, 94, 33, 89, 0, 0, 0, 0, 51, 80, 32, -33, 0, 0, 0, 0, 58, 21, -10, 48, 0,
    0, 0, 0, -67, -42, 56, -61, 0, 0, 0, 0, 102, 18, -47, -25, 35, 46, -12, 64, -88, -25,
    -37, -28, 100, 97, -17, -55, -127, -16, -55, -77, -37, -26, -23, -46, 82, -77, 100,
    23, 50, 39, -127, 83, 30, -108, 11, 127, -10, -103, -4, -127, -127, -36, -25, 70, -76,
    -79, 92, 42, 20, -59, -5, 31, 27, 9, 66, 35, -35, 121, 55, -8, -37, 21, -64, -109,
    -31, 9, 16, 20, 0, 0, 0, 0, 25, 100, 79, 30, 0, 0, 0, 0, -35, 54, -45, 73, 0, 0, 0, 0,
    -76, 127, 127, -30, 0, 0, 0, 0, -71, 42, 3, -21, -32, -71, 111, -60, -4, -12, 33, 83,
    53, 10, -127, 31, 8, -77, 99, 2, 11, -13, -127, -16, -110, 0, -97, -2, 127, 90, -83,
    -87, -22, -127, -127, 80, 71, -127, 4, -45, 24, 8, 31, -59, -25, -17, -17, 22, -41,
    -64, 20, -12, 31, 12, 97, -24, -67, 71, 94, 36, -21, 6, 50, -58, 36, 42, -33, 25, 0,
    0, 0, 0, 30, 51, 34, -95, 0, 0, 0, 0, -46, 27, 31, -9, 0, 0, 0, 0, -65, -44, 31, -14,
    0, 0, 0, 0, -44, 2, 74, 45, -106, 41, 0, -12, 123, 29, -93, 16, 83, 15, -43, 47, 17,
    13, 43, 46, -17, -13, 49, 63, 43, -19, 86, 55, 26, 3, -28, -1, 34, 46, -26, -127, 68,
    27, -93, 99, 123, 58, -49, 50, 21, 127, 42, -86, -14, -54, -12, 19, -57, 127, -4, 21,
    11, 33, 3, -16, -30, 99, 15, -10, 113, -16, -22, 13, 0, 0, 0, 0, -76, -38, 12, 8, 0,
    0, 0, 0, 38, 75, 30, -25, 0, 0, 0, 0, -127, -106, 26, -122, 0, 0, 0, 0, 127, 73, -16,
    58, -42, 31, 37, 59, 26, -39, 48, 94, -39, 1, 64, -20, 115, -93, -91, -2, -11, -50,
    -127, 57, 108, -8, 78, 70, -50, 92, -124, 66, 29, -86, 47, 12, -80, 80, -35, -5, -12,
    18, 67, -93, -16, 38, -58, -14, 24, 101, -33, 71, 49, -24, -104, 22, 127, -83, -59,
    -85, -10, 117, -91, -40, -33, -80, -26, -89, 0, 0, 0, 0, -54, -85, -22, -127, 0, 0, 0,
    0, 53, -69, -78, 13, 0, 0, 0, 0, -76, -28, -23, -127, 0, 0, 0, 0
};
static const uint16_t speaker_int8_lstm_scales[20] SPEAKER_INT8_WEIGHTS = {
    6023, 7326, 8633, 10760, 12777, 14018, 12916, 16602, 17849, 20874, 32767, 25788, 1113,
    637, 716, 1284, 1096, 970, 1256, 1136
};
static const uint16_t speaker_int8_lstm_multipliers[32] SPEAKER_INT8_WEIGHTS = {
    19518, 14468, 22201, 16745, 15091, 19518, 24890, 19515, 13001, 19519, 17968, 15799,
    16407, 15693, 33903, 19519, 19519, 14297, 29701, 19518, 19520, 15694, 33990, 19519,
    12411, 13976, 35199, 19504, 19518, 16189, 19820, 19519
};
static const int32_t speaker_int8_lstm_bias[32] SPEAKER_INT8_WEIGHTS = {
    -84430, 74375, 45378, -4040, 20728, 61712, 58557, -16923, -9183, 53131, 59844, 28580,
    -87814, 132382, -81578, 30656, -79548, 6192, 21463, -46486, -21086, 52577, -162329,
    56180, 65388, 51062, -16297, 6128, 13848, 67802, -90615, 22742
};
static const lstm_int8_layer speaker_int8_lstm_layer = {12, 8, speaker_int8_lstm_weights,
    speaker_int8_lstm_scales, speaker_int8_lstm_multipliers, speaker_int8_lstm_bias, 3,
    13, 0, 0};

static const int8_t speaker_int8_output_weights[72] SPEAKER_INT8_WEIGHTS = {
    127, 98, 21, -78, -80, 100, 100, -24, -97, -71, -12, 29, 120, 127, 21, 50, -54, -90,
    0, 127, -47, -118, -71, 23, 127, 25, 108, 72, 64, 67, -9, 59, 23, 75, -53, -38, -24,
    -13, -47, 127, 98, -127, -67, -79, -37, 89, -119, -60, 31, 68, 127, -50, 37, -82, -86,
    -58, -44, 99, -97, 124, 67, -11, 115, -127, -127, 1, 58, -86, -126, -42, 62, -12
};
static const uint16_t speaker_int8_output_multipliers[9] SPEAKER_INT8_WEIGHTS = {
    40913, 44098, 47237, 52337, 54241, 35736, 48840, 34065, 47847
};
static const int32_t speaker_int8_output_bias[9] SPEAKER_INT8_WEIGHTS = {
    -1004964, 256990, 411719, 749195, 808117, -776653, -244020, -14385, 62625
};
static const lstm_int8_dense speaker_int8_output_layer = {8, 9,
    speaker_int8_output_weights, speaker_int8_output_multipliers,
    speaker_int8_output_bias, 5, 15, LSTM_SOFTMAX};

/* All that the model writes: the state of one stream, and scratch. */
typedef struct speaker_int8_memory {
    int32_t c[8];
    int16_t h[8]; /* times 32768 */
    int16_t x[12];
    int16_t scratch[24];
} speaker_int8_memory;

/* speaker_int8_reset - the state of a new sequence. */
static inline void speaker_int8_reset(speaker_int8_memory *memory)
{
    size_t k;
    for (k = 0; k < 8; k++) {
        memory->h[k] = 0;
        memory->c[k] = 0;
    }
}

/* speaker_int8_logits - the Dense layer without its activation, times 65536,
 * of the state: after a step, or after a prediction. */
SPEAKER_INT8_NODISCARD
static inline lstm_status speaker_int8_logits(const speaker_int8_memory *memory, int32_t *logits)
{
    return memory == NULL ? LSTM_ERR_NULL : lstm_int8_dense_logits(&speaker_int8_output_layer,
        memory->h, 1, logits);
}

SPEAKER_INT8_NODISCARD
static inline lstm_status speaker_int8_result(const speaker_int8_memory *memory,
    float *y)
{
    if (y == NULL) {
        return LSTM_OK;
    }
    return lstm_int8_dense_forward(&speaker_int8_output_layer, memory->h, 1, y);
}

/* speaker_int8_step - one timestep of a stream; speaker_int8_step_int16 for x in int16.
 *   memory  after speaker_int8_reset, one for each stream
 *   x       [12]
 *   y       [9], the output so far, or NULL: not wanted
 * Returns LSTM_OK, or LSTM_ERR_NULL; nothing is written then. */
SPEAKER_INT8_NODISCARD
static inline lstm_status speaker_int8_step_int16(speaker_int8_memory *memory,
    const int16_t *x, float *y)
{
    lstm_status status;
    if (memory == NULL) {
        return LSTM_ERR_NULL;
    }
    status = lstm_int8_step(&speaker_int8_lstm_layer, x,
        memory->h, memory->c, memory->scratch);
    return status != LSTM_OK ? status : speaker_int8_result(memory, y);
}

SPEAKER_INT8_NODISCARD
static inline lstm_status speaker_int8_step(speaker_int8_memory *memory, const float *x,
    float *y)
{
    if (memory == NULL || x == NULL) {
        return LSTM_ERR_NULL;
    }
    lstm_int8_from_float(x, 12, 13, memory->x);
    return speaker_int8_step_int16(memory, memory->x, y);
}

SPEAKER_INT8_NODISCARD
static inline lstm_status speaker_int8_run(speaker_int8_memory *memory, const int16_t *x,
    const float *floats, size_t timesteps, float *y)
{
    lstm_status status = LSTM_OK;
    size_t t;
    if (timesteps == 0) {
        return LSTM_OK;
    }
    if (memory == NULL || (x == NULL && floats == NULL)) {
        return LSTM_ERR_NULL;
    }
    speaker_int8_reset(memory);
    for (t = 0; t < timesteps && status == LSTM_OK; t++) {
        const int16_t *const row = x != NULL ? x + t * 12 : memory->x;
        if (x == NULL) {
            lstm_int8_from_float(floats + t * 12, 12, 13, memory->x);
        }
        status = speaker_int8_step_int16(memory, row, t + 1 == timesteps ? y : NULL);
    }
    return status;
}

/* speaker_int8_predict - the output for one sequence; speaker_int8_predict_int16
 * for x in int16: x [timesteps][12], y [9] or NULL.
 * Returns LSTM_OK, also for 0 timesteps, or LSTM_ERR_NULL. */
SPEAKER_INT8_NODISCARD
static inline lstm_status speaker_int8_predict_int16(speaker_int8_memory *memory,
    const int16_t *x, size_t timesteps, float *y)
{
    return speaker_int8_run(memory, x, NULL, timesteps, y);
}

SPEAKER_INT8_NODISCARD
static inline lstm_status speaker_int8_predict(speaker_int8_memory *memory,
    const float *x, size_t timesteps, float *y)
{
    return speaker_int8_run(memory, NULL, x, timesteps, y);
}

/* speaker_int8_selftest - runs a recorded sequence and returns how many of the
 * integers that it leaves behind are not the expected ones: 0 is well. */
static inline int speaker_int8_selftest(speaker_int8_memory *memory)
{
    static const int16_t x[120] SPEAKER_INT8_WEIGHTS = {
        -6942, 4586, -1009, 3661, 7831, 631, 18, -7012, -3794, -2, 2937, 4976, -1951, -7112,
        -3471, 6711, -4696, -784, 7065, -7784, 1647, 7375, -4419, 794, 6703, -6010, 384, 4103,
        2769, -528, -4836, -151, -2091, -370, -2197, 5536, 4402, -3048, 1190, -3669, -773,
        -2409, 2579, -2124, -670, 3593, -1426, 6659, -5235, 3950, -1272, -1205, 2202, 375,
        -1395, -8169, -6680, 3431, 399, 3214, 7462, 2997, -7322, -3132, 1517, -4340, 7618,
        7292, 5708, -453, 5595, -6044, -3134, -606, 3962, -232, -5949, -2563, -2877, -3270,
        -5480, -1394, -850, 4504, 4856, 367, -645, 4558, 6345, 2866, 4923, 7194, -7526, 6155,
        -3661, -397, 4862, 3559, -5781, 2601, -7057, -2342, 5125, -1184, 1636, 3738, 5263,
        4268, -8075, -1307, -604, -7283, 679, 1766, 5381, 7239, -6092, -4417, 2608, -6022
    };
    static const int16_t h[8] SPEAKER_INT8_WEIGHTS = {
        2850, -25452, 1799, -960, 123, -4396, 1447, -6165
    };
    static const int32_t want[9] SPEAKER_INT8_WEIGHTS = {
        -73866, 21905, 64295, 3133, -44554, 31432, -25506, -31844, 4976
    };
    int32_t logits[9];
    int16_t row[12];
    int wrong = 0;
    size_t t, k;
    speaker_int8_reset(memory);
    for (t = 0; t < 10; t++) {
        for (k = 0; k < 12; k++) {
            row[k] = (int16_t)LSTM_INT8_LOAD_16(x + t * 12 + k);
        }
        wrong += speaker_int8_step_int16(memory, row, NULL) != LSTM_OK;
    }
    for (k = 0; k < 8; k++) {
        wrong += memory->h[k] != (int16_t)LSTM_INT8_LOAD_16(h + k);
    }
    wrong += speaker_int8_logits(memory, logits) != LSTM_OK;
    for (k = 0; k < 9; k++) {
        wrong += logits[k] != LSTM_INT8_LOAD_32(want + k);
    }
    return wrong;
}

/* clang-format on */
#endif
