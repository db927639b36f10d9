#!/bin/sh
# `make sanitize`: `make test` under the sanitizers of gcc and clang, some of it under valgrind,
# and threads that share a layer. A tool that is not there is skipped aloud, and fails where
# CI=true. Closes with "N passed, N failed", the sum of what the tests counted.
set -u
here=tests/sanitize
out=build/sanitize
passed=0
failed=0
mkdir -p "$out"

# GCC 12 does not align to 64 bytes what it keeps for use after return (its bug 110027), so
# programs with AVX-512 crash with that; clang's suites look for it.
export ASAN_OPTIONS=detect_leaks=1
export TSAN_OPTIONS=halt_on_error=1

# can NAME COMPILER... - whether there is such a compiler with its run-time libraries
can() {
    name=$1
    shift
    echo 'int main(void) { return 0; }' >"$out/probe.c"
    if "$@" "$out/probe.c" -o "$out/probe" >/dev/null 2>&1 && "$out/probe"; then
        return 0
    fi
    echo "SKIPPED: $name: cannot build with $*"
    [ "${CI:-}" != true ] || failed=$((failed + 1))
    return 1
}

# count NAME LOG STATUS - what a log says in its last line
count() {
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$2" | tail -n 1)
    p=${line%% passed*}
    f=${line##*, }
    f=${f%% failed*}
    if [ -z "$line" ] || { [ "$3" -ne 0 ] && [ "$f" = 0 ]; }; then
        p=0 f=1
    fi
    passed=$((passed + p))
    failed=$((failed + f))
    printf '%-44s %5s passed, %s failed\n' "$1" "$p" "$f"
    [ "$f" = 0 ] || grep -vE ' 0 failed$' "$2" | tail -n 40
}

# suite NAME COMPILER... - all of `make test`, built by that compiler. -O0, as clang needs minutes
# for the checks in optimised vector kernels.
suite() {
    name=$1
    shift
    can "$name" "$@" || return
    MAKEFLAGS='' make -s test BUILD="$out/$name" CC="$*" CFLAGS=-g TEST_CFLAGS=-O0 >"$out/$name.log" 2>&1
    count "$name: make test" "$out/$name.log" $?
}

# threads NAME COMPILER... - the threads that share a layer
threads() {
    name=$1
    shift
    can "$name" "$@" || return
    "$@" -std=gnu99 -g -O1 -Iinclude -Itests $here/threads.c -o "$out/$name" -lm -pthread &&
        "$out/$name" >"$out/$name.log" 2>&1
    count "$name: threads" "$out/$name.log" $?
}

address="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
# shellcheck disable=SC2086
{
    suite gcc-address gcc $address
    ASAN_OPTIONS=$ASAN_OPTIONS:detect_stack_use_after_return=1
    suite clang-address clang $address
    suite clang-address-portable clang $address -DLSTM_NO_SIMD
    suite clang-memory clang -fsanitize=memory -fno-sanitize-recover=all
    suite clang-integer clang -fsanitize=integer,implicit-conversion,float-divide-by-zero \
        -fno-sanitize-recover=all -fsanitize-ignorelist=$here/integer.ignore
}
pages() { # NAME FLAGS... - weights, input and mask in pages that cannot be written
    name=$1
    shift
    cc -std=gnu99 -O1 "$@" -Iinclude -Itests $here/pages.c -o "$out/$name" -lm &&
        "$out/$name" >"$out/$name.log" 2>&1
    count "$name: read-only pages" "$out/$name.log" $?
}
pages pages
pages pages-portable -DLSTM_NO_SIMD
threads gcc-thread gcc -fsanitize=thread
threads clang-thread clang -fsanitize=thread

# valgrind knows no AVX-512, and says so to the header's run-time choice: this is AVX2.
if command -v valgrind >/dev/null 2>&1; then
    for test in cell sequence mask dense bidirectional errors weights; do
        cc -std=c99 -g -O1 -Iinclude -Itests tests/test_$test.c -o "$out/valgrind-$test" -lm &&
            valgrind -q --error-exitcode=9 --leak-check=full "$out/valgrind-$test" \
                >"$out/valgrind-$test.log" 2>&1
        count "valgrind: test_$test" "$out/valgrind-$test.log" $?
    done
else
    echo "SKIPPED: valgrind"
    [ "${CI:-}" != true ] || failed=$((failed + 1))
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
