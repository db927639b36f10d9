/* Two stacked LSTMs and a Dense layer by hand:
 *     Sequential([LSTM(4, return_sequences=True), LSTM(3), Dense(1)])
 * The model was trained with Keras to tell the frequency of a sine wave from 24 samples
 * (see small_models.py).
 *
 * The first LSTM needs return_sequences, because the second one reads an output for every
 * timestep. Without it only one row of `between` is written. That is a legal call and returns
 * LSTM_OK; the answer is wrong. The last column shows it.
 *
 * Prints:
 *   cycles in 100 samples    told    return_sequences forgotten
 *                     3.0    2.97                          9.04
 *                     5.0    4.91                          9.05
 *                     8.0    7.93                          9.04
 *                    11.0   10.86                          9.03
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lstm.h"

enum { TIMESTEPS = 24, INPUT_DIM = 1, FIRST_UNITS = 4, SECOND_UNITS = 3 };

/* Of a trained Keras model, each layer's get_weights() in a row. */
/* clang-format off */
static const float first_weights[LSTM_PARAM_COUNT(INPUT_DIM, FIRST_UNITS)] = {
    -0.7001f, -0.6984f, 0.2022f, 0.7436f, -0.4750f, -0.6932f, 0.0558f, 0.6468f,
    0.6679f, -0.9488f, 0.9306f, -0.1567f, -0.2804f, 1.0827f, -0.2992f, 1.2520f,
    0.5783f, -0.0394f, -0.2981f, -0.0979f, -0.1353f, 0.0118f, -0.3309f, 0.4506f,
    0.3923f, -0.6079f, -0.0611f, -0.5263f, 0.4702f, -0.1613f, -0.0438f, -0.2820f,
    0.2999f, -0.4604f, -1.1846f, -0.0238f, -0.2994f, -0.3195f, -0.0312f, -0.1644f,
    0.6078f, 0.9093f, 0.4140f, 0.3253f, -0.2936f, 0.0265f, 0.0713f, 0.4659f,
    0.5289f, 0.8359f, 0.2253f, 0.6545f, 0.2498f, 0.5129f, -0.4650f, 0.1698f,
    -0.4841f, -0.4496f, 0.5576f, -0.7483f, 0.0154f, 0.1896f, -0.1174f, -0.3504f,
    0.0160f, -0.5353f, -0.2098f, -0.4409f, 0.0663f, -0.5683f, 0.1457f, -0.6630f,
    0.6678f, 0.3070f, 0.5174f, -0.1642f, -0.3111f, 0.3649f, 0.3851f, 0.1181f,
    0.0822f, 0.6298f, 0.1306f, 0.2472f, 1.2537f, 1.1861f, 1.4371f, 0.8402f,
    -0.0824f, -0.0020f, -0.0287f, 0.0777f, 0.2469f, 0.2261f, 0.7432f, 0.0795f
};
static const float second_weights[LSTM_PARAM_COUNT(FIRST_UNITS, SECOND_UNITS)] = {
    -0.2545f, -0.3239f, 0.5907f, -0.4068f, 0.2436f, -0.0820f, 0.0232f, 0.3239f,
    -0.3449f, 0.2936f, -0.0126f, 0.6218f, 0.4366f, -0.0950f, 0.4578f, 0.0189f,
    0.1179f, -0.0724f, -0.5282f, -0.0660f, 0.6104f, -0.7215f, -0.0684f, 0.5046f,
    0.0197f, -0.3544f, 0.6481f, 0.5637f, 0.2944f, 0.5275f, -0.3619f, -0.5177f,
    0.0035f, 1.5340f, -0.0882f, -0.4527f, 0.5237f, -0.5267f, 0.7969f, 0.3978f,
    -1.0069f, 0.0188f, -0.5936f, -0.2301f, 0.3198f, -0.8573f, 0.1589f, -0.3452f,
    0.3909f, -0.1667f, 0.2448f, 0.5575f, -0.2604f, -0.1555f, 0.2776f, 0.4587f,
    -0.0447f, 0.1382f, -0.5938f, 0.3980f, -0.3402f, -0.5582f, -0.7094f, 0.6715f,
    -0.0034f, -0.3676f, -0.3886f, 0.4683f, -0.1043f, -0.4580f, -0.4698f, -0.3353f,
    0.4838f, -0.0695f, 0.5507f, 0.2728f, -0.3326f, -0.2142f, -0.1307f, 0.2338f,
    0.3069f, -0.2631f, 0.5673f, 0.2654f, 0.1476f, 0.0737f, -0.2086f, 0.9385f,
    1.2196f, 0.9808f, -0.1845f, -0.1239f, 0.0906f, -0.0495f, 0.2581f, 0.1452f
};
static const float dense_weights[LSTM_DENSE_PARAM_COUNT(SECOND_UNITS, 1)] = {
    -0.1220f, -1.2308f, 1.0387f, 0.1880f
};
/* clang-format on */

typedef struct model {
    lstm_layer first, second;
    lstm_dense dense;
} model;

static lstm_status model_init(model *m)
{
    lstm_status status = lstm_layer_init(&m->first, INPUT_DIM, FIRST_UNITS, first_weights,
                                         sizeof first_weights / sizeof(float));
    if (status == LSTM_OK) {
        status = lstm_layer_init(&m->second, FIRST_UNITS, SECOND_UNITS, second_weights,
                                 sizeof second_weights / sizeof(float));
    }
    if (status == LSTM_OK) {
        status = lstm_dense_init(&m->dense, SECOND_UNITS, 1, dense_weights,
                                 sizeof dense_weights / sizeof(float));
    }
    m->first.return_sequences = 1; /* every step's output goes to the second LSTM */
    return status;
}

/* x [TIMESTEPS][INPUT_DIM] -> y [1] */
static lstm_status model_predict(const model *m, const float *x, float *y)
{
    float h1[FIRST_UNITS] = {0}, c1[FIRST_UNITS] = {0};
    float h2[SECOND_UNITS] = {0}, c2[SECOND_UNITS] = {0};
    float between[TIMESTEPS][FIRST_UNITS] = {{0}};
    float scratch[LSTM_SCRATCH_LEN(FIRST_UNITS)]; /* of the larger layer: serves both */
    lstm_status status =
        lstm_forward(&m->first, x, TIMESTEPS, h1, c1, between[0], scratch);
    if (status == LSTM_OK) {
        status = lstm_forward(&m->second, between[0], TIMESTEPS, h2, c2, NULL, scratch);
    }
    return status == LSTM_OK ? lstm_dense_forward(&m->dense, h2, 1, y) : status;
}

int main(void)
{
    const float cycles[4] = {3.0f, 5.0f, 8.0f, 11.0f}; /* in 100 samples */
    model good, forgotten;

    if (model_init(&good) != LSTM_OK) {
        return 1;
    }
    forgotten = good;
    forgotten.first.return_sequences = 0;
    printf("cycles in 100 samples    told    return_sequences forgotten\n");
    for (int k = 0; k < 4; k++) {
        float x[TIMESTEPS], right, wrong;
        for (int t = 0; t < TIMESTEPS; t++) {
            x[t] = sinf(6.2831853f * cycles[k] / 100.0f * (float)t);
        }
        if (model_predict(&good, x, &right) != LSTM_OK ||
            model_predict(&forgotten, x, &wrong) != LSTM_OK) {
            return 1;
        }
        printf("%21.1f   %5.2f   %27.2f\n", (double)cycles[k], 10.0 * (double)right,
               10.0 * (double)wrong);
    }
    return 0;
}
