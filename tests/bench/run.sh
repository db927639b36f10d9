#!/bin/sh
# `make bench`: lstm.h alone, by gcc and clang at plain -O2, for every vector width of this CPU.
# `make bench-peers` is peers.py, which has this script build its program: run.sh --peers.
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

# lstm COMPILER NAME FLAGS... - lstm.h as an engine of that name
lstm() {
    compiler=$1 name=$2
    shift 2
    "$compiler" -std=c99 -O2 "$@" -DENGINE="$name" -Iinclude -I$here -c $here/engine_lstm.c \
        -o "$out/$name.o" || die "cannot build $name"
    add "$name"
}

add() {
    engines="$engines X($1)"
    objects="$objects $out/$1.o"
}

skip() {
    echo "SKIPPED: $*" >&2
}

# link PROGRAM FLAGS...
link() {
    program=$1
    shift
    gcc -std=gnu99 -O2 -march=native -I$here -c $here/machine.c -o "$out/machine.o" || die machine.c
    gcc -std=gnu99 -O2 -DENGINES="$engines" -I$here -c $here/main.c -o "$out/main.o" || die main.c
    g++ "$out/main.o" "$out/machine.o" $objects "$@" -lm -o "$program" || die "cannot link"
}

if [ "${1:-}" = --peers ]; then
    for compiler in gcc clang; do
        if have $compiler; then lstm $compiler lstm_$compiler; else skip "no $compiler"; fi
    done
    if have gcc && can FMA; then lstm gcc lstm_fma -DLSTM_USE_FMA=1; fi
    gcc -std=gnu99 -O2 -I$here -c $here/engine_naive.c -o "$out/naive.o" && add naive
    libraries=""
    if gcc -std=gnu99 -O3 -march=native -ffast-math -I$here -c $here/engine_openblas.c \
        -o "$out/openblas.o" 2>"$out/log"; then
        add openblas
        libraries="$libraries -lopenblas -lmvec"
    else
        skip "openblas (Debian: libopenblas-dev)"
    fi
    if g++ -std=c++14 -O3 -march=native -ffast-math -I$here -c $here/engine_onednn.cc \
        -o "$out/onednn.o" 2>"$out/log"; then
        add onednn
        libraries="$libraries -ldnnl"
    else
        skip "onednn 2.x (Debian: libdnnl-dev)"
    fi
    link "$out/peers" $libraries
    exit 0
fi

for compiler in gcc clang; do
    if ! have $compiler; then
        skip "no $compiler"
        continue
    fi
    lstm $compiler ${compiler}_portable -DLSTM_NO_SIMD
    if can SSE2; then lstm $compiler ${compiler}_sse2 -DLSTM_TEST_LANES=4; fi
    if can AVX2; then lstm $compiler ${compiler}_avx2 -DLSTM_TEST_LANES=8; fi
    if can AVX512F; then lstm $compiler ${compiler}_avx512 -DLSTM_TEST_LANES=16; fi
    if ! can SSE2; then lstm $compiler ${compiler}_simd; fi
    if can FMA; then lstm $compiler ${compiler}_fma -DLSTM_USE_FMA=1; fi # as wide as can be
done
link "$out/bench"
sed -n 's/^model name[^:]*: /CPU: /p' /proc/cpuinfo 2>/dev/null | head -n 1
for compiler in gcc clang; do
    ! have $compiler || "$compiler" --version | head -n 1
done
"$out/bench"
