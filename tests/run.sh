#!/bin/sh
# Usage: tests/run.sh TEST... - runs $BUILD/TEST for each, then the examples and the header's
# QUICK START against the output their comments promise. A fuzz target replays its corpus. Ends
# with "N passed, N failed".
build=${BUILD:-build}
passed=0
failed=0

count() { # "N passed, N failed" of one program
    passed=$((passed + $1))
    failed=$((failed + $2))
}

for test in "$@"; do
    case $test in
    fuzz_*) set -- tests/fuzz/corpus/"${test#fuzz_}"/* ;; # replayed
    *) set -- ;;
    esac
    report=$("$build/$test" "$@")
    status=$?
    line=$(printf '%s\n' "$report" | tail -n 1)
    printf '%-28s %s\n' "$test" "$line"
    case $line in
    *" passed, "*" failed")
        n=${line%% passed*}
        f=${line##*, }
        count "$n" "${f%% failed}"
        ;;
    *) count 0 1 ;;
    esac
    if [ "$status" -ne 0 ] && [ "${line##*, }" = "0 failed" ]; then
        echo "$test: exit status $status"
        count 0 1
    fi
done

# same NAME PROMISED PROGRAM - the program's output must be what was promised, to the letter.
# What goes to stderr (a time, for example) is shown where it fails.
same() {
    if "$3" >$build/output.txt 2>$build/errors.txt && diff "$2" $build/output.txt; then
        count 1 0
    else
        cat $build/errors.txt
        echo "FAILED: $1 does not print what its comment says"
        count 0 1
    fi
}

for source in examples/[0-9]*.c; do
    name=$(basename "$source" .c)
    awk '/\*\// { exit } on { sub(/^ \*(   )?/, ""); print } /^ \* Prints:$/ { on = 1 }' \
        "$source" >$build/promised.txt
    if [ -s $build/promised.txt ]; then
        same "$source" $build/promised.txt "$build/tested_$name"
    else
        echo "FAILED: $source promises no output"
        count 0 1
    fi
done

awk '/SHAPES AND LAYOUT/ { exit } on { sub(/^ \*(   )?/, ""); print } /QUICK START/ { on = 1 }' \
    include/lstm.h >$build/quick_start.c
echo "h = 0.162735" >$build/promised.txt
if ${CC:-cc} -std=c99 -Wall -Wextra -Werror -Iinclude $build/quick_start.c -o $build/quick_start; then
    same "QUICK START" $build/promised.txt $build/quick_start
else
    count 0 1
fi

awk '/SHAPES AND FORMATS/ { exit } on { sub(/^ \*(   )?/, ""); print } /QUICK START/ { on = 1 }' \
    include/lstm_int8.h >$build/quick_start_int8.c
echo "h = 0.1626" >$build/promised.txt
if ${CC:-cc} -std=c99 -Wall -Wextra -Werror -Iinclude $build/quick_start_int8.c \
    -o $build/quick_start_int8; then
    same "QUICK START of lstm_int8.h" $build/promised.txt $build/quick_start_int8
else
    count 0 1
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
