#!/bin/sh
# `make bench`: lstm.h alone, about two minutes. Every case by gcc and clang at plain -O2 for every vector width of this
# CPU, the share of the core's limits, the lines of lines.c, growth; code size and compile time.
# ONLY="cases weights exported activations lstm masks units step silence int8 flags growth size" and
# COMPILERS="gcc clang" choose among them.
# `make bench-peers` is peers.py.
# shellcheck disable=SC2086
set -u
here=tests/bench
out=build/bench
mkdir -p "$out"
engines=""
objects=""

die() {
    echo "$*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

can() {
    cc -march=native -dM -E -x c /dev/null 2>/dev/null | grep -q "__$1__"
}

# How sums are fused, and how they are not.
if grep -q LSTM_NO_FMA include/lstm.h; then
    fused="" apart=-DLSTM_NO_FMA
else
    fused=-DLSTM_USE_FMA=1 apart=""
fi

# What keeps a build to narrower vectors than the CPU's.
if grep -q LSTM_TEST_SET include/lstm.h; then
    sse2=-DLSTM_TEST_SET=LSTM_IMPL_VECTOR4 avx2=-DLSTM_TEST_SET=LSTM_IMPL_AVX2
else
    sse2=-DLSTM_TEST_LANES=4 avx2=-DLSTM_TEST_LANES=8
fi

# lstm COMPILER NAME FLAGS... - lstm.h as an engine of that name
lstm() {
    compiler=$1 name=$2
    shift 2
    "$compiler" -std=c99 -O2 "$@" -DENGINE="$name" -Iinclude -I$here -c $here/engine_lstm.c \
        -o "$out/$name.o" || die "cannot build $name"
}

# int8 COMPILER NAME - lstm_int8.h as an engine of that name
int8() {
    "$1" -std=c99 -O2 -DENGINE="$2" -Iinclude -I$here -c $here/engine_int8.c -o "$out/$2.o" ||
        die "cannot build $2"
}

# exported COMPILER NAME FLAGS... - a program built from an exported header
exported() {
    compiler=$1 name=$2
    shift 2
    "$compiler" -std=c99 -O2 $fused "$@" -DEXPORTED="$name" \
        -Iinclude -Iexamples -I$here -c $here/exported.c -o "$out/$name.o" ||
        die "cannot build $name"
}

engine() {
    engines="$engines X($1)"
    object "$1"
}

object() {
    objects="$objects $out/$1.o"
}

skip() {
    echo "SKIPPED: $*" >&2
}

# The tables that are wanted: all, or those in $ONLY.
wants() {
    [ -z "${ONLY:-}" ] && return 0
    for table in "$@"; do
        case " $ONLY " in *" $table "*) return 0 ;; esac
    done
    return 1
}

# all_builds COMPILER - in the background, one compiler beside the other
all_builds() {
    lstm $1 $1 $fused
    if wants cases; then
        lstm $1 $1_portable -DLSTM_NO_SIMD
        if can SSE2; then lstm $1 $1_sse2 $sse2; fi
        if can AVX512F; then lstm $1 $1_avx2 $fused $avx2; fi # else as the first
    fi
    if wants cases flags; then lstm $1 $1_no_fma $apart; fi
    if wants flags; then
        lstm $1 $1_native -O3 -march=native $fused
        lstm $1 $1_no_fma_native -O3 -march=native $apart
    fi
    if wants exported; then
        exported $1 $1_exported
        exported $1 $1_exported_aligned "-DSPEAKER_STREAMING_WEIGHTS=__attribute__((aligned(64)))"
    fi
    if wants int8; then int8 $1 $1_int8; fi
    touch "$out/$1.built"
}

builds=""
compilers=""
for compiler in ${COMPILERS:-gcc clang}; do
    if have $compiler; then compilers="$compilers $compiler"; else skip "no $compiler"; fi
done
for compiler in $compilers; do
    rm -f "$out/$compiler"*.o "$out/$compiler.built"
    all_builds $compiler &
done
wait
for compiler in $compilers; do
    [ -f "$out/$compiler.built" ] || die "cannot build"
    builds="$builds Y($compiler)"
    for build in portable sse2 avx2 "" no_fma; do
        name=$compiler${build:+_$build}
        if [ -f "$out/$name.o" ]; then engine $name; fi
    done
    for build in native no_fma_native exported exported_aligned int8; do
        if [ -f "$out/${compiler}_$build.o" ]; then object ${compiler}_$build; fi
    done
done
gcc -std=gnu99 -O2 -march=native -I$here -c $here/machine.c -o "$out/machine.o" || die machine.c
object machine
for file in problem timing lines tables; do
    gcc -std=gnu99 -O2 -DENGINES="$engines" -DBUILDS="$builds" -Iinclude -I$here \
        -c $here/$file.c -o "$out/$file.o" || die $file.c
    object $file
done
gcc $objects -lm -o "$out/bench" || die "cannot link"
sed -n 's/^model name[^:]*: /CPU: /p' /proc/cpuinfo 2>/dev/null | head -n 1
for compiler in $compilers; do
    "$compiler" --version | head -n 1
done
"$out/bench" ${ONLY:-} || exit 1

wants size || exit 0
# Code size of the seed model's program, and the time to compile it.
echo
echo "examples/03_model.c, LSTM(32)+Dense(2) on (10,64), as an object"
for compiler in $compilers; do
    for flags in -O2 -Os "-O2 -DLSTM_NO_SIMD"; do
        best=""
        for _ in 1 2 3; do
            start=$(date +%s%N)
            $compiler -std=c99 $flags -Iinclude -c examples/03_model.c -o "$out/seed.o" || die seed
            used=$((($(date +%s%N) - start) / 1000000))
            if [ -z "$best" ] || [ $used -lt $best ]; then best=$used; fi
        done
        size "$out/seed.o" | tail -n 1 | awk -v what="$compiler $flags" -v ms="$best" \
            '{printf "%-26s %6.1f KB of code and constants, compiled in %.2f s", what, $1 / 1000, ms / 1000}'
        if [ "$flags" = -O2 ]; then echo "   to reach: 45 KB, gcc 1 s"; else echo; fi
    done
done
