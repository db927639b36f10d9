#!/bin/sh
# `make digest`: builds tests/digest/digest.c in many ways and wants one of the two digests of
# digests.txt from each: `fused` from all builds and CPUs that fuse products and sums, `apart` from
# all others and from all builds with LSTM_NO_FMA. tests/digest/digest_int8.c has one digest, `int8`,
# everywhere. Ends with "N passed, N failed".
#
# Two builds at a time. A difference is found with build/digest/N -v, N being the number in front
# of the line: it prints the digest after each case, so `diff` of two such lists shows the first
# case that differs. Where the numbers of the header are changed on purpose, digests.txt gets the
# two that all builds then agree on.
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
. tests/digest/wanted.sh
jobs=0
kind=fused # of what cross makes
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

# job KIND RUNNER NAME COMMAND... - KIND: fused, apart, int8 or any (is shown)
job() {
    jobs=$((jobs + 1))
    {
        printf "kind='%s'\nrunner='%s'\nname='%s'\n" "$1" "$2" "$3"
        shift 3
        printf "command='%s'\n" "$*"
    } >"$out/$jobs.job"
}

# KIND COMPILER FLAGS... - a build for this machine; here: as this CPU has it
fused() {
    job fused "" "$*" "$@" -Iinclude -Itests tests/digest/digest.c
}
apart() {
    job apart "" "$*" "$@" -Iinclude -Itests tests/digest/digest.c
}
here() {
    if [ "$here" = "$fused" ]; then fused "$@"; else apart "$@"; fi
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

# int8_of RUNNER COMPILER FLAGS... - a build of digest_int8.c, with a RUNNER for another CPU
int8_of() {
    runner=$1
    shift
    if [ -n "$runner" ] && ! have "$runner"; then
        skip "no $runner: $*"
    elif ! have "$1"; then
        skip "no $1: $*"
    else
        job int8 "$runner" "$* (int8)" "$@" ${runner:+-static} -Iinclude -Itests \
            tests/digest/digest_int8.c
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
    here $cc -std=c99 -O3 -march=native
    here $cc -std=gnu99 -O3 -march=native
    here $cc -std=gnu99 -O2 -DLSTM_NO_DISPATCH -march=native
    here $cc -std=c99 -O2 -ffp-contract=off -march=native
    apart $cc -std=gnu99 -O2 -DLSTM_NO_DISPATCH
    apart $cc -std=gnu99 -O2 -DLSTM_NO_DISPATCH -DLSTM_NO_SIMD
    apart $cc -std=gnu99 -O2 -DLSTM_NO_DISPATCH -DLSTM_NO_SIMD -D__SOFTFP__ # as without an FPU
    here $cc -std=gnu99 -O2 -DLSTM_NO_SIMD -D__SOFTFP__
    for level in -O0 -O2 "-O3 -march=native" "-O2 -DLSTM_NO_SIMD" \
        "-O3 -DLSTM_NO_SIMD -march=native" "-O2 -DLSTM_NO_DISPATCH -march=native"; do
        apart $cc -std=gnu99 $level -DLSTM_NO_FMA
    done
    # One instruction set alone: portable, the same with FMA, 4 floats, the same with FMA, AVX2,
    # AVX-512
    for level in -O0 -O2; do
        apart $cc -std=gnu99 $level -DLSTM_TEST_SET=0
        apart $cc -std=gnu99 $level -DLSTM_TEST_SET=2
        apart $cc -std=gnu99 $level -DLSTM_NO_FMA -DLSTM_TEST_SET=2
        if can AVX2 && can FMA; then
            fused $cc -std=gnu99 $level -DLSTM_TEST_SET=1
            fused $cc -std=gnu99 $level -DLSTM_TEST_SET=3
            fused $cc -std=gnu99 $level -DLSTM_TEST_SET=4
            apart $cc -std=gnu99 $level -DLSTM_NO_FMA -DLSTM_TEST_SET=4
        fi
        if can AVX512F; then
            fused $cc -std=gnu99 $level -DLSTM_TEST_SET=5
            apart $cc -std=gnu99 $level -DLSTM_NO_FMA -DLSTM_TEST_SET=5
        fi
    done
    if can AVX2 && can FMA; then
        fused $cc -std=gnu99 -O2 -DLSTM_NO_DISPATCH -mavx2 -mfma
        fused $cc -std=gnu99 -O2 -DLSTM_NO_DISPATCH -march=haswell
        fused $cc -std=gnu99 -O2 -march=haswell
        apart $cc -std=gnu99 -O2 -DLSTM_NO_DISPATCH -mavx2 -mno-fma
    else
        skip "this CPU has no AVX2 and FMA"
    fi
    if can AVX512F && can AVX512DQ && can AVX512BW && can AVX512VL; then
        fused $cc -std=gnu99 -O2 -DLSTM_NO_DISPATCH -march=skylake-avx512
        fused $cc -std=gnu99 -O2 -march=skylake-avx512
    else # not a failure: `make cpus` has a CPU with AVX-512
        skipped="$skipped
SKIPPED: this CPU has no AVX-512"
    fi
done
for cxx in g++ clang++; do
    if ! have $cxx; then
        skip "no $cxx"
        continue
    fi
    here $cxx -x c++ -std=c++11 -O2
    here $cxx -x c++ -std=gnu++17 -O2
    here $cxx -x c++ -std=gnu++17 -O3 -march=native
    apart $cxx -x c++ -std=c++11 -O2 -DLSTM_NO_FMA
done
if have tcc; then
    apart tcc
else
    skip "no tcc"
fi

# CPUs of which all have fused multiply-adds; s390x: where FLT_EVAL_METHOD is 0
for flags in "-O2 -std=gnu99" "-O2 -std=gnu99 -DLSTM_NO_FMA"; do
    case $flags in *NO_FMA) kind=apart ;; *) kind=fused ;; esac
    cross qemu-aarch64 aarch64-linux-gnu-gcc $flags
    cross qemu-s390x s390x-linux-gnu-gcc $flags
    cross qemu-ppc64 powerpc64-linux-gnu-gcc $flags
    cross qemu-riscv64 riscv64-linux-gnu-gcc $flags
    cross qemu-arm arm-linux-gnueabihf-gcc $flags -mfpu=neon-vfpv4 -mcpu=cortex-a7 -DLSTM_NO_SIMD
    cross qemu-ppc64 powerpc64-linux-gnu-gcc $flags -mcpu=power8
    cross qemu-s390x s390x-linux-gnu-gcc $flags -march=z14
    if have clang; then
        cross qemu-aarch64 clang --target=aarch64-linux-gnu $flags
    fi
done
kind=fused
cross qemu-aarch64 aarch64-linux-gnu-gcc -O0
cross qemu-aarch64 aarch64-linux-gnu-gcc -O2
cross qemu-aarch64 aarch64-linux-gnu-gcc -O3 -std=gnu99 -DLSTM_NO_SIMD
cross qemu-ppc64 powerpc64-linux-gnu-gcc -O2
cross qemu-riscv64 riscv64-linux-gnu-gcc -O2
cross qemu-s390x s390x-linux-gnu-gcc -O2 -std=c99 -fexcess-precision=fast
cross qemu-arm arm-linux-gnueabihf-gcc -O3 -std=gnu99 -mfpu=vfpv4 -mcpu=cortex-a7
# and CPUs that have none
kind=apart
cross qemu-arm arm-linux-gnueabihf-gcc -O2
if have clang; then
    cross qemu-arm clang --target=arm-linux-gnueabihf -O2 -std=gnu99
    kind=any # 32-bit NEON takes denormals for 0, in the header's vectors and in clang's.
    cross qemu-arm clang --target=arm-linux-gnueabihf -mcpu=cortex-a7 -O2
fi
kind=any
cross qemu-arm arm-linux-gnueabihf-gcc -O2 -std=gnu99 -mfpu=neon-vfpv4 -mcpu=cortex-a7
# 32-bit x86, run as it is where this machine is an x86 one
if have i686-linux-gnu-gcc && [ "$(uname -m)" = x86_64 ]; then
    kind=apart
    cross env i686-linux-gnu-gcc -O2 -std=gnu99 -msse2 -mfpmath=sse
    cross env i686-linux-gnu-gcc -O2 -std=gnu99 -march=haswell -mfpmath=sse -DLSTM_NO_FMA
    if can AVX2 && can FMA; then
        kind=fused
        cross env i686-linux-gnu-gcc -O2 -std=gnu99 -march=haswell -mfpmath=sse
    fi
    job any "" "i686-linux-gnu-gcc -O2 (x87)" i686-linux-gnu-gcc -O2 -static -Iinclude -Itests \
        tests/digest/digest.c
    job any "" "i686-linux-gnu-gcc -O2 -std=c99 (x87)" i686-linux-gnu-gcc -O2 -std=c99 -static \
        -Iinclude -Itests tests/digest/digest.c
else
    skip "no i686-linux-gnu-gcc"
fi

# 8-bit weights: portable code with and without products of 64 bits, vectors of 16 and of 32 bytes
for cc in gcc clang; do
    for options in -O0 -O2 "-O3 -march=native" "-O2 -DLSTM_NO_DISPATCH" "-Os -DLSTM_NO_SIMD" \
        "-O2 -DLSTM_NO_SIMD -DLSTM_INT8_NO_LONG"; do
        int8_of "" $cc $options
    done
done
for cxx in g++ clang++; do
    int8_of "" $cxx -x c++ -std=c++11 -O2
done
int8_of "" tcc
for options in -O0 -O3; do
    int8_of qemu-aarch64 aarch64-linux-gnu-gcc $options
    int8_of qemu-arm arm-linux-gnueabihf-gcc $options
    int8_of qemu-ppc64 powerpc64-linux-gnu-gcc $options
    int8_of qemu-riscv64 riscv64-linux-gnu-gcc $options
    int8_of qemu-s390x s390x-linux-gnu-gcc $options
done
# Floats of 80 bits: the conversion needs those of C99, which a variable makes 32 bits long again.
if [ "$(uname -m)" = x86_64 ]; then
    int8_of env i686-linux-gnu-gcc -std=c99 -O2
    int8_of env i686-linux-gnu-gcc -O2 -msse2 -mfpmath=sse
fi

# What may change the last bits: shown, not judged.
for cc in gcc clang; do
    have $cc || continue
    for flags in -ffp-contract=fast -ffast-math -Ofast; do
        shown $cc -O2 $flags
        shown $cc -O2 $flags -march=native
    done
done

seq "$jobs" | xargs -P "$(getconf _NPROCESSORS_ONLN)" -I N sh tests/digest/run.sh --job "$out/N"

for n in $(seq "$jobs"); do
    . "$out/$n.job"
    digest=$(tail -n 1 "$out/$n.digest")
    case $kind in fused) want=$fused ;; int8) want=$int8 ;; *) want=$apart ;; esac
    if [ "$kind" = any ]; then
        case $digest in
        "$fused") note="(the same: fused)" ;;
        "$apart") note="(the same: apart)" ;;
        *) note="(may differ)" ;;
        esac
    elif [ "$digest" = "$want" ]; then
        note=$kind
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
