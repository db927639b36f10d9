"""The weights in a file of their own, and the functions of a header that read it.

The file has the numbers of each layer in turn, as little-endian float32. Those of a layer
begin at a multiple of plan.ROOM numbers, with zeros before them. There is nothing else in
it: the header has its size and its CRC-32.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from lstm_export.c_text import comment
from lstm_export.c_weights import flat
from lstm_export.plan import ROOM, Plan


def contents(plan: Plan) -> Iterator[bytes]:
    """What is in the file, a layer at a time."""
    for op in plan.ops:
        _, values = flat(op)
        if values is not None:
            yield values.astype("<f4").tobytes()
            yield bytes(4 * (-values.size % ROOM))


def sizes(plan: Plan) -> Iterator[str]:
    crc = 0
    for part in contents(plan):
        crc = zlib.crc32(part, crc)
    yield "/* Floats of the weights, and the CRC-32 of their file. */"
    yield f"#define {plan.macro('WEIGHTS_LEN')} ((size_t){plan.weights_len})"
    yield f"#define {plan.macro('WEIGHTS_CRC')} UINT32_C(0x{crc:08x})"
    yield ""


_LOADER = """\
/* What NAME_load_file and NAME_load_bytes return. */
typedef enum NAME_load_status {
    UPPER_LOAD_OK = 0,
    UPPER_LOAD_NULL = 1, /* a pointer is NULL */
    UPPER_LOAD_FILE = 2, /* the file cannot be opened or read */
    UPPER_LOAD_SIZE = 3, /* there are fewer or more bytes than UPPER_WEIGHTS_LEN * 4 */
    UPPER_LOAD_CRC = 4   /* the CRC-32 is another: damaged, or of another model */
} NAME_load_status;

/* The CRC-32 of bytes after some that have this one. */
static inline uint32_t NAME_crc(uint32_t crc, const unsigned char *bytes, size_t size)
{
    crc = ~crc & UINT32_C(0xffffffff);
    for (size_t k = 0; k < size; k++) {
        crc ^= bytes[k];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? (crc >> 1) ^ UINT32_C(0xedb88320) : crc >> 1;
        }
    }
    return ~crc & UINT32_C(0xffffffff);
}

/* Little-endian floats in the order of this machine. */
static inline void NAME_floats(const unsigned char *bytes, size_t count, float *weights)
{
    const uint32_t one = 1;
    const size_t turned = *(const unsigned char *)&one == 1 ? 0 : 3;
    unsigned char *const target = (unsigned char *)weights;
    for (size_t k = 0; k < 4 * count; k++) {
        target[k ^ turned] = bytes[k];
    }
}

/* NAME_load_bytes - the weights from what is in the file of weights.
 *   bytes    [size]
 *   weights  [UPPER_WEIGHTS_LEN], written; not written where the status is not
 *            UPPER_LOAD_OK */
UPPER_NODISCARD
static inline NAME_load_status NAME_load_bytes(const void *bytes, size_t size,
                                               float *weights)
{
    const unsigned char *const all = (const unsigned char *)bytes;
    if (bytes == NULL || weights == NULL) {
        return UPPER_LOAD_NULL;
    }
    if (size != UPPER_WEIGHTS_LEN * 4) {
        return UPPER_LOAD_SIZE;
    }
    if (NAME_crc(0, all, size) != UPPER_WEIGHTS_CRC) {
        return UPPER_LOAD_CRC;
    }
    NAME_floats(all, UPPER_WEIGHTS_LEN, weights);
    return UPPER_LOAD_OK;
}

#ifndef UPPER_NO_STDIO
/* Checks what is in the file, and writes the weights where they are not NULL. */
UPPER_NODISCARD
static inline NAME_load_status NAME_load_pass(FILE *file, float *weights)
{
    unsigned char bytes[256];
    uint32_t crc = 0;
    size_t done = 0, size;
    while ((size = fread(bytes, 1, sizeof bytes, file)) > 0) {
        if (size > UPPER_WEIGHTS_LEN * 4 - done) {
            return UPPER_LOAD_SIZE;
        }
        crc = NAME_crc(crc, bytes, size);
        if (weights != NULL) {
            NAME_floats(bytes, size / 4, weights + done / 4);
        }
        done += size;
    }
    if (ferror(file)) {
        return UPPER_LOAD_FILE;
    }
    if (done != UPPER_WEIGHTS_LEN * 4) {
        return UPPER_LOAD_SIZE;
    }
    return crc == UPPER_WEIGHTS_CRC ? UPPER_LOAD_OK : UPPER_LOAD_CRC;
}

/* NAME_load_file - the weights from the file of weights, which is read twice: first to
 * see that it is right.
 *   path     its name, as for fopen
 *   weights  [UPPER_WEIGHTS_LEN], written; not written where the first reading finds that
 *            the status is not UPPER_LOAD_OK */
UPPER_NODISCARD
static inline NAME_load_status NAME_load_file(const char *path, float *weights)
{
    if (path == NULL || weights == NULL) {
        return UPPER_LOAD_NULL;
    }
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        return UPPER_LOAD_FILE;
    }
    NAME_load_status status = NAME_load_pass(file, NULL);
    if (status == UPPER_LOAD_OK) {
        status = fseek(file, 0, SEEK_SET) != 0 ? UPPER_LOAD_FILE
                                               : NAME_load_pass(file, weights);
    }
    fclose(file);
    return status;
}
#endif
"""


def includes(plan: Plan) -> Iterator[str]:
    yield "#include <stdint.h>"
    yield f"#ifndef {plan.macro('NO_STDIO')}"
    yield "#include <stdio.h>"
    yield "#endif"


def loader(plan: Plan) -> Iterator[str]:
    for line in _LOADER.splitlines():
        yield line.replace("NAME", plan.name).replace("UPPER", plan.name.upper())
    yield ""


def usage(plan: Plan, file: str) -> Iterator[str]:
    """How the weights are read, for the first lines of the header."""
    upper = plan.macro
    yield from comment(f"The weights are in {file}, {4 * plan.weights_len:,} bytes:")
    yield f" *   static LSTM_ALIGNED float weights[{upper('WEIGHTS_LEN')}];"
    call = f'{plan.name}_load_file("{file}", weights)'
    yield f" *   if ({call} != {upper('LOAD_OK')}) {{ return 1; }}"
    yield from comment(
        f"From memory {plan.name}_load_bytes(bytes, size, weights) reads them. Define "
        f"{upper('NO_STDIO')} before including this where there is no stdio.h."
    )
    yield " *"
