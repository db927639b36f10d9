/* main.c - a firmware that says who is speaking. Frames come one at a time, and each goes
 * through the LSTM as it comes; after a pause it prints who it was, and the bits of each
 * speaker's probability:
 *
 *   self-test: ok, bits of the error 34000000
 *   utterance 1: speaker 1 bits 3f6f23ca 3c10d9e0 ...
 *
 * README.md says how to run it, and how to move it to a board. */
#include <stdint.h>

#include "board.h"
#include "microphone.h"
#include "recogniser.h"

/* The largest error of the self-test if all is well. */
#define TOLERANCE 2e-6f

static void print_number(unsigned long value, unsigned base, int digits)
{
    char text[24];
    int at = (int)sizeof text - 1;
    text[at] = '\0';
    do {
        text[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0 || digits > (int)sizeof text - 1 - at);
    board_print(text + at);
}

static void print_bits(float value)
{
    union {
        float value;
        uint32_t bits;
    } word;
    word.value = value;
    board_print(" ");
    print_number(word.bits, 16, 8);
}

static int most_likely(const float *probabilities)
{
    int best = 0, s;
    for (s = 1; s < RECOGNISER_SPEAKERS; s++) {
        if (probabilities[s] > probabilities[best]) {
            best = s;
        }
    }
    return best;
}

static void print_answer(unsigned utterance, const float *probabilities)
{
    int s;
    board_print("utterance ");
    print_number(utterance, 10, 1);
    board_print(": speaker ");
    print_number((unsigned long)most_likely(probabilities) + 1, 10, 1);
    board_print(" bits");
    for (s = 0; s < RECOGNISER_SPEAKERS; s++) {
        print_bits(probabilities[s]);
    }
    board_print("\n");
}

static int self_test(void)
{
    const float error = recogniser_self_test();
    const int good = error <= TOLERANCE; /* not of a NaN */
    board_print(good ? "self-test: ok, bits of the error"
                     : "self-test: FAILED, bits of the error");
    print_bits(error);
    board_print("\n");
    return good;
}

static void print_costs(unsigned long slowest)
{
    board_print("slowest frame: ");
    print_number(slowest, 10, 1);
    board_print(" ");
    board_print(board_count_unit);
    board_print(", stack: ");
    print_number(board_stack_used(), 10, 1);
    board_print(" bytes\n");
}

/* Listens until the microphone is off. Returns 0, or an error of lstm.h. */
static int listen(void)
{
    float x[MICROPHONE_FEATURES];
    unsigned long slowest = 0, count;
    unsigned utterance = 0;
    int status = 0;
    microphone_event event;
    recogniser_start();
    while ((event = microphone_next(x)) != MICROPHONE_OFF && status == 0) {
        if (event == MICROPHONE_FRAME) {
            board_start_count();
            status = recogniser_hear(x);
            count = board_count();
            slowest = count > slowest ? count : slowest;
        } else {
            print_answer(++utterance, recogniser_answer());
            recogniser_start();
        }
    }
    print_costs(slowest);
    return status;
}

int main(void)
{
    int status;
    board_init();
    status = self_test() ? listen() : 1;
    board_exit(status != 0);
    return status != 0;
}
