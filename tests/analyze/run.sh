#!/bin/sh
# `make analyze`: gcc -fanalyzer, clang --analyze, clang-tidy and cppcheck with its MISRA addon on
# the header; the stack of every function, the worst chain of calls, and that there is neither
# recursion nor a variable-length array. Closes with "N passed, N failed".
set -u
here=tests/analyze
out=build/analyze
source=tests/compile/uses_all.c
# Bytes of stack of one function, x86-64 at -O2: of portable code, and with vectors, where a batch
# keeps the sums of a block in 16,384
most_stack=1600
most_stack_of_vectors=17000
passed=0
failed=0
mkdir -p "$out"

have() {
    if command -v "$1" >/dev/null 2>&1; then return 0; fi
    echo "SKIPPED: no $1"
    [ "${CI:-}" != true ] || failed=$((failed + 1))
    return 1
}

# silent NAME COMMAND... - succeeds and says nothing
silent() {
    name=$1
    shift
    if "$@" >"$out/log" 2>&1 && [ ! -s "$out/log" ]; then
        passed=$((passed + 1))
        echo "no finding: $name"
    else
        failed=$((failed + 1))
        echo "FAILED: $name"
        head -n 20 "$out/log"
    fi
}

# argued TOOL FILE - the checks in FILE, one a line, are those that argued.txt has for the tool
argued() {
    sort -u "$2" >"$out/found"
    sed -n "s/^$1 \([^ ]*\) .*/\1/p" $here/argued.txt | sort >"$out/listed"
    for check in $(comm -23 "$out/found" "$out/listed"); do
        failed=$((failed + 1))
        echo "FAILED: $1 finds $check"
    done
    for check in $(comm -13 "$out/found" "$out/listed"); do
        failed=$((failed + 1))
        echo "FAILED: $here/argued.txt has $1 $check, which finds nothing"
    done
    passed=$((passed + $(comm -12 "$out/found" "$out/listed" | wc -l)))
    echo "$1: $(wc -l <"$2") findings of $(wc -l <"$out/found") checks, argued in argued.txt"
}

# GCC's analyser needs many minutes for the unrolled vector kernels, so it has the portable build.
if have gcc; then
    silent "gcc -fanalyzer" gcc -std=c99 -O2 -DLSTM_NO_SIMD -fanalyzer -Iinclude -c $source \
        -o "$out/analyzed.o"
    silent "gcc -Wvla -Wstack-usage=$most_stack" gcc -std=c99 -O2 -DLSTM_NO_SIMD -Wvla \
        -Wstack-usage=$most_stack -Iinclude -c $source -o "$out/analyzed.o"
    silent "gcc -Wvla -Wstack-usage=$most_stack_of_vectors" gcc -std=c99 -O2 -Wvla \
        -Wstack-usage=$most_stack_of_vectors -Iinclude -c $source -o "$out/analyzed.o"
fi
for options in "" -DLSTM_NO_SIMD -DLSTM_NO_FMA; do
    # shellcheck disable=SC2086
    if have clang; then
        silent "clang --analyze $options" clang --analyze -Xclang -analyzer-output=text -std=c99 \
            $options -Iinclude $source -o "$out/analyzed"
    fi
done

if have clang-tidy; then
    clang-tidy --quiet --header-filter='.*lstm\.h' --checks='-*,bugprone-*,clang-analyzer-*,misc-*,performance-*,portability-*,cert-*,-bugprone-easily-swappable-parameters' \
        $source -- -std=c99 -Iinclude 2>"$out/tidy.err" >"$out/tidy.log"
    grep 'include/lstm\.h:.*warning:' "$out/tidy.log" | sed 's/.*\[\([^]]*\)\]$/\1/' >"$out/tidy"
    argued tidy "$out/tidy"
fi
if have cppcheck; then
    cppcheck --quiet --std=c99 --enable=all --addon=misra --suppress=missingIncludeSystem \
        -DLSTM_NO_SIMD -D__GNUC__=12 -Iinclude $source >"$out/cppcheck.log" 2>&1
    grep '^include/lstm\.h:[0-9:]* [a-z]*: .*\]$' "$out/cppcheck.log" | grep -v ': note: ' | sed 's/.*\[\([^]]*\)\]$/\1/' >"$out/all"
    sed -n 's/^misra-c2012-//p' "$out/all" >"$out/misra"
    grep -v '^misra' "$out/all" >"$out/cppcheck"
    argued cppcheck "$out/cppcheck"
    argued misra "$out/misra"
fi

# Stack and calls of the portable build, where nothing is chosen at run time.
if have gcc && have python3; then
    gcc -std=c99 -O2 -DLSTM_NO_SIMD -DLSTM_NO_DISPATCH -DLSTM_API='static __attribute__((noinline))' -fstack-usage \
        -fcallgraph-info=su -Iinclude -c $source -o "$out/portable.o" &&
        python3 $here/stack.py "$out/portable.ci"
    status=$?
    if [ $status -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
fi

# How long and how complex the functions of both headers are
for header in include/lstm.h include/lstm_int8.h; do
    grep -v '^shape' $here/argued.txt >"$out/argued"
    case $header in *int8*) own=lstm_int8 ;; *) own='lstm_impl\|LSTM_K' ;; esac
    grep "^shape \($own\)" $here/argued.txt >>"$out/argued"
    "${PYTHON:-python3}" $here/shape.py $header "$out/argued"
    status=$?
    if [ $status -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
