#!/bin/sh
# `make flags`: what users' flags and other compilers do to lstm.h.
#   same      the digest of tests/digest stays the one of digests.txt that a default build has here
#   apart     the same with LSTM_NO_FMA, or where the flags name no CPU with fused multiply-adds
#   numbers   the bits change, but all 740 answers of examples/05_speakers.c are Keras' own, with
#             probabilities within 1e-5
#   compiles  for a CPU that this one is not, or without warnings
# Closes with "N passed, N failed".
set -u
out=build/flags
strict="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wundef -Werror"
passed=0
failed=0
mkdir -p "$out"

have() {
    if command -v "$1" >/dev/null 2>&1; then return 0; fi
    echo "SKIPPED: no $1"
    [ "${CI:-}" != true ] || failed=$((failed + 1))
    return 1
}

verdict() { # STATUS KIND COMMAND...
    if [ "$1" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    [ "$1" -eq 0 ] && word=$2 || word=FAILED
    shift 2
    printf '%-9s %s\n' "$word" "$*"
    [ "$word" != FAILED ] || head -n 12 "$out/log"
}

digest_of() { # COMPILER FLAGS...
    "$@" -Iinclude -Itests tests/digest/digest.c -o "$out/digest" -lm >"$out/log" 2>&1 &&
        "$out/digest" | tail -n 1
}

same() {
    [ "$(digest_of "$@")" = "$here" ]
    verdict $? same "$*"
}

apart() {
    [ "$(digest_of "$@")" = "$apart" ]
    verdict $? apart "$*"
}

numbers() {
    "$@" -std=c99 -Iinclude -Iexamples examples/05_speakers.c -o "$out/speakers" -lm \
        >"$out/log" 2>&1 && "$out/speakers" >>"$out/log" 2>&1
    verdict $? numbers "$*"
}

compiles() {
    "$@" -Iinclude -Itests -c -o "$out/digest.o" >"$out/log" 2>&1
    verdict $? compiles "$*"
}

. tests/digest/wanted.sh
[ -n "$here" ] || exit 1
same cc -O2

for cc in gcc clang; do
    have $cc || continue
    for flag in -masm=intel -fno-strict-aliasing -fshort-enums -funsigned-char \
        -fsingle-precision-constant -flto -fno-builtin -fwrapv -ftrapv -fPIC \
        -frounding-math -fno-inline -fstack-protector-all -fno-math-errno -fno-trapping-math; do
        case "$cc $flag" in
        "clang -fsingle-precision-constant") flag=-cl-single-precision-constant ;;
        esac
        same $cc -O2 $flag
    done
    numbers $cc -O2 -fno-signed-zeros
    numbers $cc -O2 -ffast-math
    numbers $cc -Ofast -march=native
    numbers $cc -O2 -ffp-contract=fast -march=native
    apart $cc -O2 -DLSTM_NO_FMA -flto
    apart $cc -O2 -DLSTM_NO_FMA -march=native -fno-builtin
    numbers $cc -O2 -march=native -DLSTM_NO_FMA
    numbers $cc -O2 -DLSTM_EXPF=expf -DLSTM_TANHF=tanhf -include math.h
done
# To GCC this flag is AVX-512 without FMA, to clang with it.
if grep -q avx512f /proc/cpuinfo 2>/dev/null; then
    same gcc -O1 -mavx512f
    apart gcc -O1 -mavx512f -DLSTM_NO_DISPATCH
    apart gcc -O1 -mavx512f -DLSTM_NO_DISPATCH -DLSTM_NO_SIMD
    same clang -O1 -mavx512f -DLSTM_NO_DISPATCH
else
    compiles gcc -O1 -mavx512f tests/digest/digest.c
    compiles gcc -O1 -mavx512f -DLSTM_NO_DISPATCH tests/digest/digest.c
    compiles gcc -O1 -mavx512f -DLSTM_NO_DISPATCH -DLSTM_NO_SIMD tests/digest/digest.c
    compiles clang -O1 -mavx512f -DLSTM_NO_DISPATCH tests/digest/digest.c
fi
# Programs that look at the status late; GCC warns of variables without a value at some levels.
for cc in gcc gcc-11; do
    have $cc || continue
    for level in -O1 -O3 -Os; do
        # shellcheck disable=SC2086
        compiles $cc $level $strict tests/digest/digest.c
        # shellcheck disable=SC2086
        compiles $cc $level $strict tests/digest/digest_int8.c
    done
done
if have i686-linux-gnu-gcc; then
    numbers i686-linux-gnu-gcc -O2 -static
    numbers i686-linux-gnu-gcc -O2 -mfpmath=387 -static -DLSTM_NO_SIMD
fi

# The oldest and newest compilers that Debian 12 has; clang-22 where it is there.
for cc in gcc-11 clang-13 clang-19; do
    have $cc || continue
    # shellcheck disable=SC2086
    same $cc -std=c99 -O2 $strict
    same $cc -std=gnu99 -O3 -march=native
    same $cc -std=c99 -O2 -DLSTM_NO_SIMD
    apart $cc -std=c99 -O2 -DLSTM_NO_FMA
done
if command -v clang-22 >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    same clang-22 -std=c99 -O2 $strict
    same clang-22 -std=gnu99 -O3 -march=native
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
