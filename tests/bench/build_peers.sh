#!/bin/sh
# Builds for peers.py a program for each engine that can be had: build/bench/peer_NAME.
#   build_peers.sh PREFIX     where Python's packages were installed (sys.prefix)
# shellcheck disable=SC2086
set -u
here=tests/bench
out=build/bench
prefix=$1
packages=$(echo "$prefix"/lib/python3*/site-packages)
fast="-O3 -march=native -ffast-math"
mkdir -p "$out"
rm -f "$out"/peer_*

die() {
    echo "$*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

if grep -q LSTM_NO_FMA include/lstm.h; then fused=""; else fused=-DLSTM_USE_FMA=1; fi
if grep -q LSTM_TEST_SET include/lstm.h; then
    avx2=-DLSTM_TEST_SET=LSTM_IMPL_AVX2
else
    avx2=-DLSTM_TEST_LANES=8
fi
gcc -std=gnu99 -O2 -march=native -I$here -c $here/machine.c -o "$out/machine.o" || die machine.c
gcc -std=gnu99 $fast -I$here -c $here/problem.c -o "$out/problem.o" || die problem.c
gcc -std=gnu99 -O2 -I$here -c $here/timing.c -o "$out/timing.o" || die timing.c

# peer NAME LIBRARIES... - links the engine's object; "-" stands for its name in C
peer() {
    name=$1
    shift
    gcc -std=gnu99 -O2 -DENGINE="$name" -I$here -c $here/worker.c -o "$out/worker_$name.o" &&
        g++ "$out/worker_$name.o" "$out/engine_$name.o" "$out/machine.o" "$out/problem.o" \
            "$out/timing.o" "$@" -lm -o "$out/peer_$name" || die "cannot link $name"
}

# skipped NAME PACKAGE
skipped() {
    echo "SKIPPED: $1 ($2)" >&2
}

# lstm COMPILER NAME FLAGS...
lstm() {
    compiler=$1 name=$2
    shift 2
    "$compiler" -std=c99 -O2 $fused "$@" -DENGINE="$name" -Iinclude -I$here \
        -c $here/engine_lstm.c -o "$out/engine_$name.o" || die "cannot build $name"
    peer "$name"
}

# library LIBRARY NAME OBJECT_COMMAND... - an engine over a library that pip installed
library() {
    path=$1 name=$2
    shift 2
    if [ ! -f "$path" ]; then
        skipped "$name" "pip: $(basename "$path")"
    elif "$@" -I$here -o "$out/engine_$name.o" 2>"$out/log"; then
        peer "$name" "$path" -Wl,-rpath,"$(dirname "$path")" -lmvec
    else
        skipped "$name" "does not compile, see $out/log"
    fi
}

for compiler in gcc clang; do
    if ! have $compiler; then
        skipped lstm_$compiler "Debian: $compiler"
        continue
    fi
    lstm $compiler lstm_$compiler
    lstm $compiler lstm_${compiler}_avx2 $avx2
    $compiler -std=c99 -O2 -DENGINE=lstm_int8_$compiler -Iinclude -I$here -c $here/engine_int8.c \
        -o "$out/engine_lstm_int8_$compiler.o" || die "cannot build lstm_int8_$compiler"
    peer lstm_int8_$compiler
    for more in "" -funroll-loops -mprefer-vector-width=512; do
        name=fixed_$compiler$(echo "$more" | tr -dc 'a-z0-9' | cut -c 1-7)
        if $compiler -std=gnu99 $fast $more -DENGINE="$name" -DFLAGS="\"$compiler $fast $more\"" \
            -I$here -c $here/engine_fixed.c -o "$out/engine_$name.o" 2>"$out/log"; then
            peer "$name" -lmvec
        fi
    done
done
gcc -std=gnu99 -O2 -I$here -c $here/engine_naive.c -o "$out/engine_naive.o" && peer naive
library "$packages/scipy_openblas32/lib/libscipy_openblas.so" openblas \
    gcc -std=gnu99 $fast -c $here/engine_openblas.c
mkl=$(echo "$prefix"/lib/libmkl_rt.so.*)
library "$mkl" mkl gcc -std=gnu99 $fast -c $here/engine_mkl.c
library "$mkl" mkl_jit gcc -std=gnu99 $fast -DJIT -c $here/engine_mkl.c
library "$packages/paddle/libs/libdnnl.so.3" onednn \
    g++ -std=c++14 $fast -I"$prefix/include" -c $here/engine_onednn.cc
