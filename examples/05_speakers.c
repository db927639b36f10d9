/* Who said that? Two models that Keras trained tell nine speakers apart by how they
 * pronounce two vowels (the Japanese Vowels set, see speakers/vowels_test.txt). Both
 * recognise the 370 test utterances here, and every answer is compared with Keras' own.
 *   streaming      takes a frame at a time, as frames come from a microphone
 *   bidirectional  needs the whole utterance, and reads it in both directions
 * Each runs twice: in floats, and with 8-bit weights (lstm_int8.h), which are rounded by
 * what 45 training utterances show (speakers/vowels_calibration.txt).
 *
 *     05_speakers [DIRECTORY]   where the data files are; default examples/speakers
 *
 * Exit status 1 if a file cannot be used, if an answer in floats is not Keras' own, or if
 * more than 2 answers with 8-bit weights are others.
 *
 * Prints:
 *   Model: "streaming"
 *   +---------------------------------+------------------------+---------------+
 *   | Layer (type)                    | Output Shape           |       Param # |
 *   +=================================+========================+===============+
 *   | lstm (LSTM)                     | (None, 48)             |        11,712 |
 *   +---------------------------------+------------------------+---------------+
 *   | dense (Dense)                   | (None, 9)              |           441 |
 *   +---------------------------------+------------------------+---------------+
 *    Total params: 12,153 (47.47 KB)
 *    Trainable params: 12,153 (47.47 KB)
 *    Non-trainable params: 0 (0.00 B)
 *   accuracy 98.9 %: 366 of 370 utterances
 *   as Keras: 370 of 370 answers, probabilities within 1e-06
 *   speaker   recognised as
 *               1   2   3   4   5   6   7   8   9
 *         1    31   .   .   .   .   .   .   .   .
 *         2     .  34   .   .   .   .   .   .   1
 *         3     .   .  87   .   .   .   .   1   .
 *         4     .   1   .  43   .   .   .   .   .
 *         5     .   .   .   .  29   .   .   .   .
 *         6     .   .   .   .   .  24   .   .   .
 *         7     .   .   .   .   .   .  40   .   .
 *         8     .   .   .   .   .   .   .  50   .
 *         9     1   .   .   .   .   .   .   .  28
 *   weights    right  changed  probabilities within     bytes
 *   float    366/370        -                     -    48,612
 *   int8     366/370        0                 0.010    14,046
 *
 *   Model: "bidirectional"
 *   +---------------------------------+------------------------+---------------+
 *   | Layer (type)                    | Output Shape           |       Param # |
 *   +=================================+========================+===============+
 *   | bidirectional (Bidirectional)   | (None, 64)             |        11,520 |
 *   +---------------------------------+------------------------+---------------+
 *   | dense (Dense)                   | (None, 9)              |           585 |
 *   +---------------------------------+------------------------+---------------+
 *    Total params: 12,105 (47.29 KB)
 *    Trainable params: 12,105 (47.29 KB)
 *    Non-trainable params: 0 (0.00 B)
 *   accuracy 99.2 %: 367 of 370 utterances
 *   as Keras: 370 of 370 answers, probabilities within 1e-06
 *   speaker   recognised as
 *               1   2   3   4   5   6   7   8   9
 *         1    31   .   .   .   .   .   .   .   .
 *         2     .  33   .   .   .   .   .   1   1
 *         3     .   .  88   .   .   .   .   .   .
 *         4     .   .   .  44   .   .   .   .   .
 *         5     .   .   .   .  29   .   .   .   .
 *         6     .   .   .   .   .  24   .   .   .
 *         7     .   .   .   .   .   .  40   .   .
 *         8     .   .   .   .   .   .   .  50   .
 *         9     1   .   .   .   .   .   .   .  28
 *   weights    right  changed  probabilities within     bytes
 *   float    367/370        -                     -    48,420
 *   int8     367/370        0                 0.015    14,630
 */
#include <stdio.h>
#include <stdlib.h>

#include "lstm.h"
#include "speakers/int8_model.h"
#include "speakers/speaker_bidirectional.h"
#include "speakers/speaker_streaming.h"
#include "speakers/summary.h"
#include "speakers/utterances.h"

enum { UTTERANCES = 370, CALIBRATION_UTTERANCES = 45, SPEAKERS = UTTERANCE_SPEAKERS };

#define TOLERANCE 1e-5f           /* how far a probability may be from Keras' */
#define SELF_TEST_TOLERANCE 2e-6f /* and an output from what the header expects */
#define INT8_TOLERANCE 0.025f /* how far a probability may be off with 8-bit weights */
#define INT8_CHANGED 2        /* and how many answers may change */

typedef void (*recogniser)(const utterance *u, float probabilities[SPEAKERS]);

typedef struct score {
    int confusion[SPEAKERS][SPEAKERS]; /* [who spoke][who was recognised] */
    int count, correct, as_keras;
    float difference; /* the largest between a probability here and Keras' */
} score;

static void check(lstm_status status, const char *call)
{
    if (status != LSTM_OK) {
        fprintf(stderr, "%s: %s\n", call, lstm_status_string(status));
        exit(EXIT_FAILURE);
    }
}

static void print_summary(const char *model, const char *layer, size_t parameters,
                          const lstm_dense *dense)
{
    char shapes[2][32];
    summary_row rows[2] = {{NULL, NULL, 0}, {"dense (Dense)", NULL, 0}};

    snprintf(shapes[0], sizeof shapes[0], "(None, %lu)", (unsigned long)dense->input_dim);
    snprintf(shapes[1], sizeof shapes[1], "(None, %lu)", (unsigned long)dense->units);
    rows[0].layer = layer;
    rows[0].shape = shapes[0];
    rows[0].parameters = parameters;
    rows[1].shape = shapes[1];
    rows[1].parameters = lstm_dense_param_count(dense);
    summary_print(model, rows, 2);
}

/* ---- The models: what examples/export made of their .keras files ---- */

/* A frame at a time; the answer is wanted after the last. */
static void streaming_recognise(const utterance *u, float probabilities[SPEAKERS])
{
    float state[SPEAKER_STREAMING_STATE_LEN] = {0};
    float scratch[SPEAKER_STREAMING_SCRATCH_LEN];

    for (size_t t = 0; t < u->frames; t++) {
        float *const answer = t + 1 == u->frames ? probabilities : NULL;
        check(speaker_streaming_step(u->x[t], state, answer, scratch),
              "speaker_streaming_step");
    }
}

/* The whole utterance, in both directions. */
static void bidirectional_recognise(const utterance *u, float probabilities[SPEAKERS])
{
    float work[SPEAKER_BIDIRECTIONAL_WORK_LEN(UTTERANCE_MAX_FRAMES)];

    check(speaker_bidirectional_predict(u->x[0], u->frames, probabilities, work),
          "speaker_bidirectional_predict");
}

/* The same with 8-bit weights. */
static int8_model streaming_int8, bidirectional_int8;

static void streaming_int8_recognise(const utterance *u, float probabilities[SPEAKERS])
{
    check(int8_model_recognise(&streaming_int8, u, probabilities), "streaming, int8");
}

static void bidirectional_int8_recognise(const utterance *u,
                                         float probabilities[SPEAKERS])
{
    check(int8_model_recognise(&bidirectional_int8, u, probabilities),
          "bidirectional, int8");
}

static void self_test(float error, const char *model)
{
    if (!(error <= SELF_TEST_TOLERANCE)) {
        fprintf(stderr, "%s: its self-test is off by %g\n", model, (double)error);
        exit(EXIT_FAILURE);
    }
}

/* ---- Scores ---- */

static int most_likely(const float probabilities[SPEAKERS])
{
    int best = 0;
    for (int s = 1; s < SPEAKERS; s++) {
        if (probabilities[s] > probabilities[best]) {
            best = s;
        }
    }
    return best;
}

/* NaN where one of the two is NaN */
static float larger(float a, float b)
{
    return a > b ? a : b >= a ? b : a + b;
}

static void score_add(score *sum, const utterance *u, const float ours[SPEAKERS],
                      const float keras[SPEAKERS])
{
    const int speaker = (int)u->speaker - 1, recognised = most_likely(ours);

    sum->count++;
    sum->confusion[speaker][recognised]++;
    sum->correct += recognised == speaker;
    sum->as_keras += recognised == most_likely(keras);
    for (int s = 0; s < SPEAKERS; s++) {
        sum->difference =
            larger(sum->difference, larger(ours[s] - keras[s], keras[s] - ours[s]));
    }
}

/* The error rounded up to a power of ten: its digits depend on whether the CPU has fused
 * multiply-adds. */
static double power_of_ten_above(double error)
{
    double power = 1e-9;
    while (power < error) {
        power *= 10.0;
    }
    return power;
}

static void score_print(const score *sum)
{
    printf("accuracy %.1f %%: %d of %d utterances\n",
           100.0 * (double)sum->correct / (double)sum->count, sum->correct, sum->count);
    printf("as Keras: %d of %d answers, probabilities within %.0e\n", sum->as_keras,
           sum->count, power_of_ten_above((double)sum->difference));
    printf("speaker   recognised as\n         ");
    for (int s = 0; s < SPEAKERS; s++) {
        printf("%4d", s + 1);
    }
    for (int speaker = 0; speaker < SPEAKERS; speaker++) {
        printf("\n%7d  ", speaker + 1);
        for (int s = 0; s < SPEAKERS; s++) {
            const int count = sum->confusion[speaker][s];
            if (count == 0) {
                printf("   .");
            } else {
                printf("%4d", count);
            }
        }
    }
    printf("\n");
}

static int score_is_as_keras(const score *sum)
{
    return sum->as_keras == sum->count && sum->difference <= TOLERANCE;
}

/* The error rounded up to a multiple of 0.005: its last digits depend on those of the
 * moments, in floats. */
static void int8_print(const score *floats, size_t float_bytes, const score *int8,
                       size_t int8_bytes)
{
    char text[32];
    const int steps = (int)(int8->difference * 200.0f) + 1;

    printf("weights    right  changed  probabilities within     bytes\n");
    printf("float    %3d/%d        -                     -  %8s\n", floats->correct,
           floats->count, summary_count(float_bytes, text));
    printf("int8     %3d/%d  %7d  %20.3f  %8s\n", int8->correct, int8->count,
           int8->count - int8->as_keras, steps / 200.0, summary_count(int8_bytes, text));
}

static int score_is_near_keras(const score *sum)
{
    return sum->count - sum->as_keras <= INT8_CHANGED &&
           sum->difference <= INT8_TOLERANCE;
}

/* ---- Files ---- */

typedef struct data_file {
    char path[512];
    utterance_reader reader;
} data_file;

static void open_file(data_file *data, const char *directory, const char *name)
{
    const int length = snprintf(data->path, sizeof data->path, "%s/%s", directory, name);
    FILE *file = NULL;

    if (length > 0 && (size_t)length < sizeof data->path) {
        file = fopen(data->path, "rb");
    }
    if (file == NULL) {
        fprintf(stderr, "%s: cannot be opened\n", data->path);
        exit(EXIT_FAILURE);
    }
    utterance_reader_init(&data->reader, file, data->path);
}

/* 1: another one was read; 0: the file is over, after neither too few nor too many. */
static int another(utterance_reader *reader, utterance_status status, int count,
                   int wanted)
{
    char reason[80];
    if (status == UTTERANCE_END && count != wanted) {
        snprintf(reason, sizeof reason, "the file ends before utterance %d", wanted);
        utterance_refuse(reader, reason);
    } else if (status == UTTERANCE_READ && count == wanted) {
        snprintf(reason, sizeof reason, "the file goes on after utterance %d", wanted);
        utterance_refuse(reader, reason);
    }
    if (reader->error[0] != '\0') {
        fprintf(stderr, "%s\n", reader->error);
        exit(EXIT_FAILURE);
    }
    return status == UTTERANCE_READ;
}

static void read_answer(utterance_reader *reader, float probabilities[SPEAKERS],
                        int count)
{
    another(reader, utterance_read_numbers(reader, probabilities, SPEAKERS), count,
            UTTERANCES);
}

/* Recognises every utterance. */
static score recognise_all(const char *directory, const char *keras_file,
                           recogniser recognise)
{
    static data_file spoken, keras;
    static utterance u;
    float ours[SPEAKERS], theirs[SPEAKERS];
    score sum = {{{0}}, 0, 0, 0, 0.0f};

    open_file(&spoken, directory, "vowels_test.txt");
    open_file(&keras, directory, keras_file);
    while (another(&spoken.reader, utterance_read(&spoken.reader, &u), sum.count,
                   UTTERANCES)) {
        read_answer(&keras.reader, theirs, sum.count);
        recognise(&u, ours);
        score_add(&sum, &u, ours, theirs);
    }
    read_answer(&keras.reader, theirs, sum.count);
    fclose(spoken.reader.file);
    fclose(keras.reader.file);
    return sum;
}

/* Gives a model that was begun its 8-bit weights. */
static void convert(const char *directory, int8_model *model)
{
    static data_file spoken;
    static utterance u;
    int count = 0;

    open_file(&spoken, directory, "vowels_calibration.txt");
    while (another(&spoken.reader, utterance_read(&spoken.reader, &u), count,
                   CALIBRATION_UTTERANCES)) {
        check(int8_model_observe(model, &u), "lstm_int8_observe");
        count++;
    }
    fclose(spoken.reader.file);
    check(int8_model_convert(model), "lstm_int8_quantize");
}

/* Both kinds of weights on all utterances; whether the answers are as good as promised. */
static int compare(const char *directory, const char *keras_file, size_t parameters,
                   recogniser in_floats, recogniser with_int8, int8_model *model)
{
    score floats, int8;

    floats = recognise_all(directory, keras_file, in_floats);
    score_print(&floats);
    convert(directory, model);
    int8 = recognise_all(directory, keras_file, with_int8);
    int8_print(&floats, 4 * parameters, &int8, int8_model_bytes(model));
    return score_is_as_keras(&floats) && score_is_near_keras(&int8);
}

int main(int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : "examples/speakers";
    const lstm_bidirectional *const both = &speaker_bidirectional_bidirectional_layer;
    int as_promised;

    self_test(speaker_streaming_selftest(), "streaming");
    self_test(speaker_bidirectional_selftest(), "bidirectional");

    print_summary("streaming", "lstm (LSTM)",
                  lstm_param_count(&speaker_streaming_lstm_layer),
                  &speaker_streaming_dense_layer);
    int8_model_begin(&streaming_int8, &speaker_streaming_lstm_layer, NULL,
                     &speaker_streaming_dense_layer);
    as_promised = compare(directory, "keras_streaming.txt", SPEAKER_STREAMING_PARAM_COUNT,
                          streaming_recognise, streaming_int8_recognise, &streaming_int8);
    printf("\n");
    print_summary("bidirectional", "bidirectional (Bidirectional)",
                  lstm_param_count(&both->forward) + lstm_param_count(&both->backward),
                  &speaker_bidirectional_dense_layer);
    int8_model_begin(&bidirectional_int8, &both->forward, &both->backward,
                     &speaker_bidirectional_dense_layer);
    as_promised &= compare(directory, "keras_bidirectional.txt",
                           SPEAKER_BIDIRECTIONAL_PARAM_COUNT, bidirectional_recognise,
                           bidirectional_int8_recognise, &bidirectional_int8);
    if (!as_promised) {
        fprintf(stderr, "the answers are not those of Keras\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
