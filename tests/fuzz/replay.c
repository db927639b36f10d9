/* A plain main for a fuzz target: replays the files it is given. */
#include "fuzz.h"

static int replay(const char *name)
{
    FILE *file = fopen(name, "rb");
    uint8_t *data = (uint8_t *)fuzz_alloc(1u << 20);
    size_t size;
    if (file == NULL) {
        fprintf(stderr, "cannot open %s\n", name);
        free(data);
        return 1;
    }
    size = fread(data, 1, 1u << 20, file);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    int k, failed = 0;
    for (k = 1; k < argc; k++) {
        failed += replay(argv[k]);
    }
    printf("%d passed, %d failed\n", argc - 1 - failed, failed);
    return failed != 0;
}
