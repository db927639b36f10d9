#!/bin/sh
# `make digest`: builds tests/digest/digest.c in many ways and wants the same digest from all of
# them; and one other digest from all builds with LSTM_USE_FMA for CPUs that have it. Ends with
# "N passed, N failed".
#
# Two builds at a time. A difference is found with build/digest/N -v, N being the number in front
# of the line: it prints the digest after each case, so `diff` of two such lists shows the first
# case that differs.
# shellcheck disable=SC1090,SC2086,SC2154
set -u
out=build/digest

if [ "${1:-}" = --job ]; then # one build: its command and runner are in the files $2.*
    . "$2.job"
    if $command -o "$2" -lm >"$2.log" 2>&1; then
        $runner "$2" >"$2.digest" 2>>"$2.log" || echo "(does not run)" >"$2.digest"
    else
        echo "(does not compile)" >"$2.digest"
    fi
    exit 0
fi

rm -rf "$out"
mkdir -p "$out"
jobs=0
kind=same # of what cross makes
passed=0
failed=0
skipped=""

have() {
    command -v "$1" >/dev/null 2>&1
}

skip() {
    skipped="$skipped
SKIPPED: $*"
    [ "${CI:-}" != true ] || failed=$((failed + 1))
}

# job KIND RUNNER NAME COMMAND... - KIND: same (must have the first digest), fused (must have the
# first digest of this kind) or any (is shown)
job() {
    jobs=$((jobs + 1))
    {
        printf "kind='%s'\nrunner='%s'\nname='%s'\n" "$1" "$2" "$3"
        shift 3
        printf "command='%s'\n" "$*"
    } >"$out/$jobs.job"
}

# here COMPILER FLAGS... - a build for this machine
here() {
    job same "" "$*" "$@" -Iinclude -Itests tests/digest/digest.c
}
fused() {
    job fused "" "$* -DLSTM_USE_FMA=1" "$@" -DLSTM_USE_FMA=1 -Iinclude -Itests tests/digest/digest.c
}
shown() {
    job any "" "$*" "$@" -Iinclude -Itests tests/digest/digest.c
}

# cross RUNNER COMPILER FLAGS... - a build for another CPU, run by qemu; $kind as for job
cross() {
    if ! have "$1"; then
        skip "no $1: $*"
    elif ! have "$2"; then
        skip "no $2: $*"
    else
        runner=$1
        shift
        job "$kind" "$runner" "$*" "$@" -static -Iinclude -Itests tests/digest/digest.c
    fi
}

# can FEATURE - whether this CPU has it, by the macro that -march=native sets
can() {
    cc -march=native -dM -E -x c /dev/null 2>/dev/null | grep -q "__$1__"
}

for cc in gcc clang; do
    if ! have $cc; then
        skip "no $cc"
        continue
    fi
    for level in -O0 -O1 -O2 -O3 -Os; do
        here $cc -std=c99 $level
        here $cc -std=gnu99 $level
    done
    here $cc -std=gnu99 -O2 -DLSTM_NO_SIMD
    here $cc -std=gnu99 -O2 -DLSTM_NO_SIMD -march=native
    here $cc -std=gnu99 -O3 -DLSTM_NO_SIMD -march=native
    here $cc -std=gnu99 -O2 -DLSTM_NO_DISPATCH
    for level in -O0 -O2; do
        here $cc -std=gnu99 $level -DLSTM_TEST_LANES=4
        if can AVX2; then here $cc -std=gnu99 $level -DLSTM_TEST_LANES=8; fi
        if can AVX512F; then here $cc -std=gnu99 $level -DLSTM_TEST_LANES=16; fi
    done
    if can AVX2 && can FMA; then
        here $cc -std=gnu99 -O2 -DLSTM_NO_DISPATCH -mavx2 -mfma
        here $cc -std=gnu99 -O2 -DLSTM_NO_DISPATCH -march=haswell
        here $cc -std=gnu99 -O2 -march=haswell
    else
        skip "this CPU has no AVX2 and FMA"
    fi
    if can AVX512F && can AVX512DQ && can AVX512BW && can AVX512VL; then
        here $cc -std=gnu99 -O2 -DLSTM_NO_DISPATCH -march=skylake-avx512
        here $cc -std=gnu99 -O2 -march=skylake-avx512
    else # not a failure: the machines of a CI have it or not
        skipped="$skipped
SKIPPED: this CPU has no AVX-512"
    fi
    here $cc -std=c99 -O3 -march=native
    here $cc -std=gnu99 -O3 -march=native
    here $cc -std=gnu99 -O2 -DLSTM_NO_DISPATCH -march=native
done
for cxx in g++ clang++; do
    if ! have $cxx; then
        skip "no $cxx"
        continue
    fi
    here $cxx -x c++ -std=c++11 -O2
    here $cxx -x c++ -std=gnu++17 -O2
    here $cxx -x c++ -std=gnu++17 -O3 -march=native
done

for flags in -O2 "-O2 -std=gnu99"; do
    cross qemu-aarch64 aarch64-linux-gnu-gcc $flags
    cross qemu-arm arm-linux-gnueabihf-gcc $flags
    cross qemu-s390x s390x-linux-gnu-gcc $flags
    cross qemu-ppc64 powerpc64-linux-gnu-gcc $flags
    cross qemu-riscv64 riscv64-linux-gnu-gcc $flags
done
cross qemu-aarch64 aarch64-linux-gnu-gcc -O0
cross qemu-aarch64 aarch64-linux-gnu-gcc -O3 -std=gnu99 -DLSTM_NO_SIMD
cross qemu-arm arm-linux-gnueabihf-gcc -O3 -std=gnu99 -mfpu=neon-vfpv4 -mcpu=cortex-a7
cross qemu-ppc64 powerpc64-linux-gnu-gcc -O2 -std=gnu99 -mcpu=power8
cross qemu-s390x s390x-linux-gnu-gcc -O2 -std=gnu99 -march=z14
cross qemu-s390x s390x-linux-gnu-gcc -O2 -std=c99 -fexcess-precision=fast
if have clang; then
    cross qemu-aarch64 clang --target=aarch64-linux-gnu -O2 -std=gnu99
    cross qemu-arm clang --target=arm-linux-gnueabihf -O2 -std=gnu99
    # At -O2 clang makes NEON code of adjacent sums, and 32-bit NEON takes denormals for 0.
    cross qemu-arm clang --target=arm-linux-gnueabihf -mcpu=cortex-a7 -O2 -fno-slp-vectorize
    kind=any
    cross qemu-arm clang --target=arm-linux-gnueabihf -mcpu=cortex-a7 -O2
    kind=same
fi
# 32-bit x86, run as it is where this machine is an x86 one
if have i686-linux-gnu-gcc && [ "$(uname -m)" = x86_64 ]; then
    cross env i686-linux-gnu-gcc -O2 -std=gnu99 -msse2 -mfpmath=sse
    cross env i686-linux-gnu-gcc -O2 -std=gnu99 -march=haswell -mfpmath=sse
    job any "" "i686-linux-gnu-gcc -O2 (x87)" i686-linux-gnu-gcc -O2 -static -Iinclude -Itests \
        tests/digest/digest.c
    job any "" "i686-linux-gnu-gcc -O2 -std=c99 (x87)" i686-linux-gnu-gcc -O2 -std=c99 -static \
        -Iinclude -Itests tests/digest/digest.c
else
    skip "no i686-linux-gnu-gcc"
fi

# Sums of fused products: the same bits wherever the compiler's target has them, in vectors or not.
for cc in gcc clang; do
    if ! have $cc || ! can FMA; then
        skip "$cc -march=native -DLSTM_USE_FMA=1: no compiler, or a CPU without FMA"
        continue
    fi
    for flags in -O0 -O2 "-O2 -std=c99" "-O3 -DLSTM_NO_SIMD" "-O2 -DLSTM_TEST_LANES=4"; do
        fused $cc -march=native $flags
    done
    fused $cc -O2 -march=haswell
    fused $cc -O2 -march=haswell -DLSTM_NO_DISPATCH
done
kind=fused
for flags in -O2 "-O2 -std=c99"; do
    cross qemu-aarch64 aarch64-linux-gnu-gcc $flags -DLSTM_USE_FMA=1
    cross qemu-ppc64 powerpc64-linux-gnu-gcc $flags -DLSTM_USE_FMA=1
    cross qemu-riscv64 riscv64-linux-gnu-gcc $flags -DLSTM_USE_FMA=1
    cross qemu-s390x s390x-linux-gnu-gcc $flags -march=z14 -fexcess-precision=fast -DLSTM_USE_FMA=1
done
cross qemu-aarch64 clang --target=aarch64-linux-gnu -O2 -DLSTM_USE_FMA=1
cross qemu-ppc64 powerpc64-linux-gnu-gcc -O2 -mcpu=power8 -DLSTM_USE_FMA=1
cross qemu-arm arm-linux-gnueabihf-gcc -O2 -mfpu=neon-vfpv4 -mcpu=cortex-a7 -DLSTM_USE_FMA=1
kind=same

# What may change the last bits: shown, not judged.
for cc in gcc clang; do
    have $cc || continue
    shown $cc -O2 -DLSTM_USE_FMA=1
    for flags in -ffp-contract=fast -ffast-math -Ofast; do
        shown $cc -O2 $flags
        shown $cc -O2 $flags -march=native
    done
done

seq "$jobs" | xargs -P "$(getconf _NPROCESSORS_ONLN)" -I N sh tests/digest/run.sh --job "$out/N"

first=$(cat "$out/1.digest")
first_fused=""
for n in $(seq "$jobs"); do
    . "$out/$n.job"
    digest=$(tail -n 1 "$out/$n.digest")
    note= want=$first
    if [ "$kind" = fused ]; then
        [ -n "$first_fused" ] || first_fused=$digest
        note="(fused)" want=$first_fused
    fi
    if [ "$kind" = any ]; then
        [ "$digest" = "$first" ] && note="(the same)" || note="(may differ)"
    elif [ "$digest" = "$want" ]; then
        passed=$((passed + 1))
    else
        note=FAILED
        failed=$((failed + 1))
    fi
    printf '%3d  %-16s  %s  %s\n' "$n" "$digest" "$name" "$note"
    [ "$note" != FAILED ] || head -n 5 "$out/$n.log"
done
[ -z "$skipped" ] || echo "$skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 1 ]
