#!/bin/sh
# `make flags`: what users' flags and other compilers do to lstm.h.
#   same      the digest of tests/digest stays that of plain -O2
#   numbers   the bits change, but all 740 answers of examples/05_speakers.c are Keras' own, with
#             probabilities within 1e-5
#   compiles  no more than that can be tried here
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
    [ "$(digest_of "$@")" = "$wanted" ]
    verdict $? same "$*"
}

numbers() {
    "$@" -std=c99 -Iinclude -Iexamples examples/05_speakers.c -o "$out/speakers" -lm \
        >"$out/log" 2>&1 && "$out/speakers" >>"$out/log" 2>&1
    verdict $? numbers "$*"
}

compiles() {
    "$@" tests/compile/only_includes.c >"$out/log" 2>&1
    verdict $? compiles "$*"
}

wanted=$(digest_of cc -O2)
[ -n "$wanted" ] || exit 1

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
    numbers $cc -O2 -march=native -DLSTM_USE_FMA=1
    numbers $cc -O2 -DLSTM_EXPF=expf -DLSTM_TANHF=tanhf -include math.h
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
done
if command -v clang-22 >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    same clang-22 -std=c99 -O2 $strict
    same clang-22 -std=gnu99 -O3 -march=native
fi

# The portable path as MSVC would read it, as far as clang can act it.
if have clang; then
    for std in c99 c11 c17; do
        compiles clang --target=x86_64-pc-windows-msvc -fms-compatibility -ffreestanding \
            -std=$std -Wall -Wextra -Werror -fsyntax-only -Iinclude
    done
    compiles clang --target=x86_64-pc-windows-msvc -fms-compatibility -ffreestanding -x c++ \
        -std=c++14 -Wall -Wextra -Werror -fsyntax-only -Iinclude
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
