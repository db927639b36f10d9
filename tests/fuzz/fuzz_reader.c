/* Any bytes as the data file of the speakers example: it is read to its end or refused with a
 * message, and what was read keeps to the bounds that the reader promises.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -Iexamples tests/fuzz/fuzz_reader.c -lm */
#define _GNU_SOURCE /* fmemopen */
#include "speakers/utterances.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *file = size != 0 ? fmemopen((void *)(uintptr_t)data, size, "r") : tmpfile();
    utterance_reader reader;
    utterance_status status;
    utterance u;
    size_t read = 0;
    if (file == NULL) {
        return 0;
    }
    utterance_reader_init(&reader, file, "file.txt");
    while ((status = utterance_read(&reader, &u)) == UTTERANCE_READ) {
        read++;
        FUZZ_ASSERT(u.number == read);
        FUZZ_ASSERT(u.speaker >= 1 && u.speaker <= UTTERANCE_SPEAKERS);
        FUZZ_ASSERT(u.frames >= 1 && u.frames <= UTTERANCE_MAX_FRAMES);
        for (size_t k = 0; k < UTTERANCE_FEATURES; k++) {
            const float last = u.x[u.frames - 1][k];
            FUZZ_ASSERT(last - last == 0.0f); /* neither infinite nor a NaN */
        }
    }
    FUZZ_ASSERT((status == UTTERANCE_REFUSED) == (reader.error[0] != '\0'));
    FUZZ_ASSERT(memchr(reader.error, '\0', sizeof reader.error) != NULL);
    fclose(file);
    return 0;
}
