#!/bin/sh
# `make fuzz`: libFuzzer on each target for its share of FUZZ_SECONDS (60), from the corpus in
# tests/fuzz/corpus; then the corpus again, with all that was found, under gcc's sanitizers. What
# breaks a target is left in build/fuzz/TARGET-*: it belongs into the corpus, with a fix.
# Closes with "N passed, N failed".
set -u
here=tests/fuzz
out=build/fuzz
seconds=${FUZZ_SECONDS:-60}
passed=0
failed=0
mkdir -p "$out"
flags="-std=c99 -g -Wall -Wextra -Werror -Iinclude -Iexamples"

# fuzz TARGET SANITIZER LEVEL SECONDS
fuzz() {
    program=$out/$1-$2
    mkdir -p "$out/found-$1"
    # shellcheck disable=SC2086
    if clang $flags "$3" -fsanitize="fuzzer,$2" -fno-sanitize-recover=all "$here/fuzz_$1.c" \
        -o "$program" -lm &&
        "$program" -max_total_time="$4" -max_len=4096 -artifact_prefix="$out/$1-" \
            "$out/found-$1" "$here/corpus/$1" >"$program.log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        tail -n 40 "$program.log"
    fi
    printf '%-28s %s\n' "$1, $2" "$(grep '^Done' "$program.log")"
}

# replay TARGET - what the fuzzer found, by another compiler
replay() {
    # shellcheck disable=SC2086
    if gcc $flags -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
        "$here/fuzz_$1.c" $here/replay.c -o "$out/$1-replay" -lm &&
        find "$out/found-$1" "$here/corpus/$1" -type f -exec "$out/$1-replay" {} + \
            >"$out/$1-replay.log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        tail -n 20 "$out/$1-replay.log"
    fi
    printf '%-28s %s\n' "$1, replayed by gcc" "$(tail -n 1 "$out/$1-replay.log")"
}

if echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' >"$out/probe.c" &&
    clang -fsanitize=fuzzer "$out/probe.c" -o "$out/probe" 2>/dev/null; then
    # The checks of UBSan take clang minutes in optimised vector kernels.
    fuzz layers address -O1 $((seconds / 2))
    fuzz layers undefined -O0 $((seconds / 6))
    fuzz sizes address,undefined -O1 $((seconds / 6))
    fuzz int8 address,undefined -O1 $((seconds / 6))
    fuzz reader address,undefined -O1 $((seconds / 6))
    for target in layers sizes int8 reader; do
        replay $target
    done
else
    echo "SKIPPED: fuzz: clang has no libFuzzer (Debian: libclang-rt-14-dev)"
    [ "${CI:-}" != true ] || failed=1
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
