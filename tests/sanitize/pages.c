/* Layer, weights, input and mask lie in pages that cannot be written; every array ends where a
 * page begins that cannot be touched at all; and the results are the bits of the same call on
 * ordinary memory. POSIX, so not part of `make test`. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>
#include "check.h"
#include "lstm.h"

enum { MAX_PAGES = 16 };

typedef struct pages {
    char *start;
    size_t size;
} pages;

static pages mapped[MAX_PAGES];
static size_t mapped_count;

/* size bytes that end at the last byte of their page; the page behind them is closed */
static void *at_end_of_page(const void *content, size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE),
                 room = (size + page - 1) / page * page;
    pages *p = &mapped[mapped_count++];
    char *end;
    p->size = room + page;
    p->start = (char *)mmap(NULL, p->size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p->start == MAP_FAILED || mprotect(p->start + room, page, PROT_NONE) != 0) {
        exit(2);
    }
    end = p->start + room;
    return memcpy(end - size, content, size);
}

static void *read_only(const void *content, size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *p = at_end_of_page(content, size);
    const pages *last = &mapped[mapped_count - 1];
    if (mprotect(last->start, last->size - page, PROT_READ) != 0) {
        exit(2);
    }
    return p;
}

static void unmap_all(void)
{
    while (mapped_count != 0) {
        mapped_count--;
        munmap(mapped[mapped_count].start, mapped[mapped_count].size);
    }
}

static void arrays_are_kept_to_and_inputs_only_read(void)
{
    enum { BATCH = 5, TIMESTEPS = 9, INPUT_DIM = 3, OUTPUTS = 5 };
    uint64_t seed = 3;
    size_t units;
    for (units = 1; units <= 40; units++) {
        const size_t count = LSTM_PARAM_COUNT(INPUT_DIM, units),
                     y_len = BATCH * TIMESTEPS * units;
        const size_t dense_count = LSTM_DENSE_PARAM_COUNT(units, OUTPUTS);
        const size_t scratch_len = LSTM_BATCH_SCRATCH_LEN(BATCH, units);
        float *random = NEW_FLOATS(count + dense_count),
              *zeros = NEW_FLOATS(y_len + scratch_len);
        float *want = NEW_FLOATS(y_len), *h = NEW_FLOATS(BATCH * units),
              *c = NEW_FLOATS(BATCH * units);
        float x[BATCH * TIMESTEPS * INPUT_DIM], answers[BATCH * OUTPUTS];
        unsigned char mask[BATCH * TIMESTEPS];
        lstm_layer layer;
        lstm_dense dense;
        float *kept_y, *kept_h, *kept_c, *kept_answers;
        const float *kept_x, *weights;
        check_random_fill(random, count + dense_count, 0.5f, &seed);
        check_random_fill(x, sizeof x / sizeof *x, 1.0f, &seed);
        memset(mask, 1, sizeof mask);
        mask[4] = mask[11] = 0;
        weights =
            (const float *)read_only(random, (count + dense_count) * sizeof *random);
        kept_x = (const float *)read_only(x, sizeof x);
        kept_y = (float *)at_end_of_page(zeros, y_len * sizeof *zeros);
        kept_h = (float *)at_end_of_page(zeros, BATCH * units * sizeof *zeros);
        kept_c = (float *)at_end_of_page(zeros, BATCH * units * sizeof *zeros);
        kept_answers = (float *)at_end_of_page(answers, sizeof answers);
        CHECK(lstm_layer_init(&layer, INPUT_DIM, units, weights, count) == LSTM_OK);
        CHECK(lstm_dense_init(&dense, units, OUTPUTS, weights + count, dense_count) ==
              LSTM_OK);
        layer.return_sequences = 1;
        CHECK(lstm_forward_batch(&layer, x, mask, BATCH, TIMESTEPS, h, c, want,
                                 zeros + y_len) == LSTM_OK);
        CHECK(lstm_dense_forward(&dense, h, BATCH, answers) == LSTM_OK);
        CHECK(lstm_forward_batch(
                  (const lstm_layer *)read_only(&layer, sizeof layer), kept_x,
                  (const unsigned char *)read_only(mask, sizeof mask), BATCH, TIMESTEPS,
                  kept_h, kept_c, kept_y,
                  (float *)at_end_of_page(zeros, scratch_len * sizeof *zeros)) ==
              LSTM_OK);
        CHECK(lstm_dense_forward((const lstm_dense *)read_only(&dense, sizeof dense),
                                 kept_h, BATCH, kept_answers) == LSTM_OK);
        CHECK_BITS(kept_y, want, y_len);
        CHECK_BITS(kept_h, h, BATCH * units);
        CHECK_BITS(kept_c, c, BATCH * units);
        CHECK_BITS(kept_answers, answers, BATCH * OUTPUTS);
        unmap_all();
        free(random);
        free(zeros);
        free(want);
        free(h);
        free(c);
    }
}

int main(void)
{
    RUN(arrays_are_kept_to_and_inputs_only_read);
    return check_report();
}
