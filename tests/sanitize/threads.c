/* Threads that share one const layer, its weights and the input, each with its own state and
 * scratch: under ThreadSanitizer, and all must get the bits of one thread alone. */
#include <pthread.h>
#include "check.h"
#include "lstm.h"

enum { THREADS = 8, ROUNDS = 20, INPUT_DIM = 7, UNITS = 37, TIMESTEPS = 23, BATCH = 5 };

static const lstm_bidirectional *layer;
static const lstm_dense *dense;
static const float *x;
static const unsigned char *mask;

typedef struct result {
    float y[BATCH * TIMESTEPS * 2 * UNITS], h[2 * BATCH * UNITS], c[2 * BATCH * UNITS];
    float answers[BATCH * TIMESTEPS * 3];
    lstm_status status;
} result;

static void *work(void *p)
{
    result *r = (result *)p;
    float scratch[LSTM_BIDIRECTIONAL_SCRATCH_LEN(BATCH, UNITS, UNITS)];
    int round;
    for (round = 0; round < ROUNDS; round++) {
        memset(r, 0, sizeof *r);
        r->status = lstm_bidirectional_forward(layer, x, mask, BATCH, TIMESTEPS, r->h,
                                               r->c, r->y, scratch);
        if (r->status == LSTM_OK) {
            r->status = lstm_dense_forward(dense, r->y, BATCH * TIMESTEPS, r->answers);
        }
    }
    return NULL;
}

static void threads_that_share_a_layer_get_the_same_bits(void)
{
    const size_t count = LSTM_PARAM_COUNT(INPUT_DIM, UNITS);
    const size_t dense_count = LSTM_DENSE_PARAM_COUNT(2 * UNITS, 3);
    uint64_t seed = 8;
    float *weights = NEW_FLOATS(2 * count + dense_count);
    float *input = NEW_FLOATS(BATCH * TIMESTEPS * INPUT_DIM);
    unsigned char used[BATCH * TIMESTEPS];
    lstm_bidirectional both;
    lstm_dense answers;
    result *results = (result *)check_alloc(THREADS + 1, sizeof *results);
    pthread_t threads[THREADS];
    size_t k;
    check_random_fill(weights, 2 * count + dense_count, 0.5f, &seed);
    check_random_fill(input, BATCH * TIMESTEPS * INPUT_DIM, 1.0f, &seed);
    memset(&both, 0, sizeof both);
    CHECK(lstm_layer_init(&both.forward, INPUT_DIM, UNITS, weights, count) == LSTM_OK);
    CHECK(lstm_layer_init(&both.backward, INPUT_DIM, UNITS, weights + count, count) ==
          LSTM_OK);
    CHECK(lstm_dense_init(&answers, 2 * UNITS, 3, weights + 2 * count, dense_count) ==
          LSTM_OK);
    both.forward.return_sequences = both.backward.return_sequences = 1;
    answers.activation = LSTM_SOFTMAX;
    for (k = 0; k < sizeof used; k++) {
        used[k] = k % 7 != 3;
    }
    layer = &both;
    dense = &answers;
    x = input;
    mask = used;
    work(&results[THREADS]);
    for (k = 0; k < THREADS; k++) {
        CHECK(pthread_create(&threads[k], NULL, work, &results[k]) == 0);
    }
    for (k = 0; k < THREADS; k++) {
        CHECK(pthread_join(threads[k], NULL) == 0);
        CHECK(results[k].status == LSTM_OK);
        CHECK(memcmp(&results[k], &results[THREADS], sizeof *results) == 0);
    }
    free(results);
    free(weights);
    free(input);
}

int main(void)
{
    RUN(threads_that_share_a_layer_get_the_same_bits);
    return check_report();
}
