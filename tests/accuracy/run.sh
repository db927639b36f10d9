#!/bin/sh
# `make accuracy`: tanh, sigmoid and e^x of the header for all 2^32 floats, and c and h of a cell for
# random gates, in ULP against double; in builds by gcc and clang, with products and sums apart and
# fused; the portable code again with everything this CPU has left to the compiler.
# STEP=n in the environment takes every n-th float only. Ends with "N passed, N failed", one for
# each build.
set -u
out=build/accuracy
mkdir -p "$out"
passed=0
failed=0
step=${STEP:-1}

# build COMPILER STEP FLAGS...
build() {
    compiler=$1 each=$2
    shift 2
    if ! command -v "$compiler" >/dev/null 2>&1; then
        echo "SKIPPED: no $compiler"
        [ "${CI:-}" != true ] || failed=$((failed + 1))
    elif "$compiler" "$@" -Iinclude tests/accuracy/accuracy.c -o "$out/accuracy" -pthread -lm &&
        "$out/accuracy" "$compiler $*" "$each"; then
        passed=$((passed + 1))
    else
        echo "FAILED: $compiler $*"
        failed=$((failed + 1))
    fi
}

[ "$step" -eq 1 ] || echo "every $step-th float only"
echo "                                             worst error, ULP         worst absolute error" \
    "   steps wrong    bits that"
echo "build                              function        and where             and where       " \
    "    down specials differ"
build gcc "$step" -std=c99 -O2
build clang "$step" -std=c99 -O2
for compiler in gcc clang; do # the same source, so a sample
    build "$compiler" $((step * 61)) -O2 -DLSTM_NO_SIMD
    build "$compiler" $((step * 61)) -O3 -march=native
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
