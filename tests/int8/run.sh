#!/bin/sh
# `make int8`: tests/test_int8.c built in many ways. All of them have to give the integers of the
# reference in tests/golden/int8.txt: with vectors and without, on every processor, at every level
# of optimisation, under sanitizers. The header also compiles as C++, before and after lstm.h, and
# in two files of one program. Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
out=build/int8
rm -rf $out
mkdir -p $out
passed=0
failed=0
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion
    -Wundef -Wcast-align -Werror"

ok() { passed=$((passed + 1)); }
bad() {
    failed=$((failed + 1))
    echo "FAILED: $*"
    head -n 20 $out/log
}
have() {
    command -v "$1" >/dev/null 2>&1 && return 0
    echo "SKIPPED: no $1"
    [ "${CI:-}" != true ] || bad "$1 is missing"
    return 1
}

# runs RUNNER COMPILER... - builds the tests and runs them, all have to pass
runs() {
    runner=$1
    shift
    # shellcheck disable=SC2086
    if "$@" -Iinclude -Itests tests/test_int8.c -o $out/test -lm >$out/log 2>&1 &&
        $runner $out/test >$out/log 2>&1; then ok; else bad "$*"; fi
}
# compiles COMPILER...
compiles() {
    if "$@" -Iinclude >$out/log 2>&1; then ok; else bad "$*"; fi
}

# Every kind of arithmetic, every level and every language version once by each compiler, not each
# with each: most of the time of a build is that of the kernels of lstm.h, which is the reference.
sanitizers="-fsanitize=address,undefined -fno-sanitize-recover=all"
for compiler in gcc clang; do
    have $compiler || continue
    for options in "-std=c99 -O2" "-std=c11 -O0" "-std=c17 -O3 -DLSTM_NO_DISPATCH" \
        "-std=gnu99 -O1 -march=native" "-std=c99 -Os -DLSTM_NO_SIMD" \
        "-std=c99 -O1 -DLSTM_NO_SIMD -DLSTM_INT8_NO_LONG $sanitizers" \
        "-std=c99 -O0 $sanitizers"; do
        # shellcheck disable=SC2086
        runs '' $compiler $options $warnings -Wstrict-prototypes
    done
done

# --- other processors, little and big endian ------------------------------------------------
for pair in aarch64-linux-gnu:aarch64 arm-linux-gnueabihf:arm powerpc64-linux-gnu:ppc64 \
    riscv64-linux-gnu:riscv64 s390x-linux-gnu:s390x; do
    if have "${pair%:*}-gcc" && have "qemu-${pair#*:}"; then
        runs "qemu-${pair#*:}" "${pair%:*}-gcc" -std=c99 -O2 -static
    fi
done
if have i686-linux-gnu-gcc; then # floats of 80 bits, then of 32
    runs '' i686-linux-gnu-gcc -std=c99 -O2 -static
    runs '' i686-linux-gnu-gcc -std=c99 -O1 -msse2 -mfpmath=sse -static
fi

# --- calibration: the same weights, whether or not a compiler may fuse products with sums -------
# calibrated RUNNER COMPILER...
calibrated() {
    runner=$1
    shift
    if "$@" -DLSTM_NO_FMA -Iinclude tests/int8/calibrate.c -o $out/calibrate -lm >$out/log 2>&1 &&
        digest=$($runner $out/calibrate) && [ "$digest" = "${first:=$digest}" ]; then ok; else
        bad "$* ($digest, elsewhere $first)"
    fi
}
first=
for compiler in gcc clang; do
    have $compiler || continue
    for options in "-std=gnu99 -O2" "-std=gnu99 -O2 -march=native" "-std=gnu99 -O3 -march=native" \
        "-std=gnu99 -O0"; do
        # shellcheck disable=SC2086
        calibrated '' $compiler $options
    done
done
for pair in aarch64-linux-gnu:aarch64 powerpc64-linux-gnu:ppc64 s390x-linux-gnu:s390x; do
    if have "${pair%:*}-gcc" && have "qemu-${pair#*:}"; then
        calibrated "qemu-${pair#*:}" "${pair%:*}-gcc" -O2 -static
    fi
done

# --- languages, orders of inclusion, two files of a program -----------------------------------
cat >$out/quick.cc <<'EOF'
#include "lstm_int8.h"
#include "lstm.h"
lstm_status (*const functions[])(const lstm_int8_layer *, const int16_t *, int16_t *, int32_t *,
                                 int16_t *) = {lstm_int8_step};
static const size_t sizes[] = {LSTM_INT8_WEIGHT_LEN(5, 10u), LSTM_INT8_ROW_LEN(5, 10),
                               LSTM_INT8_COLUMN_LEN(10), LSTM_INT8_SCRATCH_LEN(5, 10),
                               LSTM_INT8_BATCH_SCRATCH_LEN(6, 5, 10), LSTM_INT8_MOMENT_LEN(5, 10),
                               LSTM_INT8_QUANTIZE_LEN(5, 10), LSTM_INT8_DENSE_WEIGHT_LEN(10, 2)};
static_assert(LSTM_INT8_WEIGHT_LEN(5, 10) == 640, "a constant expression");
int main()
{
    return functions[0](nullptr, nullptr, nullptr, nullptr, nullptr) != LSTM_ERR_NULL ||
           sizes[0] != LSTM_INT8_WEIGHT_LEN(5, 10);
}
EOF
cat >$out/second.c <<'EOF'
#include "lstm.h"
#include "lstm_int8.h"
#include "lstm_int8.h"
size_t second(void) { return LSTM_INT8_WEIGHT_LEN(5, 10) + sizeof(lstm_int8_dense); }
EOF
# The warnings that C++ users have on beside these
cxx="-Wold-style-cast -Wzero-as-null-pointer-constant -Wextra-semi -Wcast-qual"
for compiler in g++ clang++; do
    have $compiler || continue
    case $compiler in g++) useless=-Wuseless-cast ;; *) useless= ;; esac
    for options in "-std=c++11 -O2" "-std=c++14 -O0 -march=native" "-std=c++17 -O1 -DLSTM_NO_DISPATCH" \
        "-std=c++20 -O0 -DLSTM_NO_SIMD -DLSTM_INT8_NO_LONG"; do
        # shellcheck disable=SC2086
        compiles $compiler $options $warnings $cxx $useless -x c++ $out/quick.cc -o $out/quick
        if $out/quick; then ok; else bad "$compiler $options: runs"; fi
        # shellcheck disable=SC2086
        compiles $compiler $options $warnings $cxx $useless -c -x c++ $out/second.c -o $out/x.o
    done
done
for compiler in gcc clang tcc; do
    have $compiler || continue
    compiles $compiler -std=c99 -c $out/second.c -o $out/second.o
done
# LSTM_API as static names unused functions; the macros of the inside are gone afterwards
compiles gcc -std=c99 -DLSTM_API=static -c $out/second.c -o $out/x.o
if gcc -std=c99 -dM -E -Iinclude $out/second.c | grep -q 'define LSTM_INT8_IMPL_'; then
    bad "private macros are left over"
else
    ok
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
