#!/bin/sh
# `make cpus`: the run-time choice of kernels on x86-64 CPUs that this machine is not.
#   qemu   QEMU's user mode, with features of its CPU models masked out: the digest of
#          tests/digest, and tests of `make test`
#   bochs  Bochs, which has AVX-512 and its VNNI: the digest, on a bare CPU (boot.sh), also where
#          the operating system has not enabled the state of wide vectors
# Fused multiply-adds are used where the CPU has AVX2 and FMA and the system keeps their state: the
# first digest of tests/digest/digests.txt. Elsewhere, and with LSTM_NO_FMA, it is the second.
# That of 8-bit weights is the same everywhere; before it stands how many bytes the vectors of its
# sums have: 64 with AVX-512 VNNI, 32 with AVX2, else 16.
# A tool that is not there is skipped aloud, and fails where CI=true. Ends with "N passed, N failed".
set -u
out=build/cpus
rm -rf "$out"
mkdir -p "$out"
passed=0
failed=0
. tests/digest/wanted.sh

skip() {
    echo "SKIPPED: $*"
    [ "${CI:-}" != true ] || failed=$((failed + 1))
}

verdict() { # WANTED GOT NAME
    if [ "$2" = "$1" ]; then
        passed=$((passed + 1))
        printf '%-19s  %s\n' "$2" "$3"
    else
        failed=$((failed + 1))
        printf '%-19s  %s  FAILED: wanted %s\n' "$2" "$3" "$1"
    fi
}

build_by() { # COMPILER NAME SOURCE FLAGS...
    compiler=$1 name=$2 source=$3
    shift 3
    $compiler -std=c99 "$@" -static -no-pie -s -Iinclude -Itests "$source" -o "$out/$name" -lm ||
        failed=$((failed + 1))
}
build() { # NAME SOURCE FLAGS...
    build_by gcc "$@"
}

if [ "$(uname -m)" != x86_64 ]; then
    skip "this is no x86-64 machine"
    echo "$passed passed, $failed failed"
    exit "$failed"
fi
build digest tests/digest/digest.c -O2
build digest-no-fma tests/digest/digest.c -O2 -DLSTM_NO_FMA
build int8 tests/cpus/int8.c -O2

# qemu MODEL WANTED WIDTH - the digests, that of 8-bit weights with its width, and tests
qemu() {
    verdict "$2" "$(qemu-x86_64 -cpu "$1" "$out/digest" 2>/dev/null)" "qemu $1"
    verdict "$apart" "$(qemu-x86_64 -cpu "$1" "$out/digest-no-fma" 2>/dev/null)" \
        "qemu $1, LSTM_NO_FMA"
    verdict "$3 $int8" "$(qemu-x86_64 -cpu "$1" "$out/int8" 2>/dev/null)" \
        "qemu $1, 8-bit weights"
    for test in $tests; do
        line=$(qemu-x86_64 -cpu "$1" "$out/$test" 2>/dev/null | tail -n 1)
        case $line in
        "0 passed"* | "") line="no test" ;;
        *", 0 failed") line=passes ;;
        esac
        verdict passes "$line" "qemu $1, $test"
    done
}
if command -v qemu-x86_64 >/dev/null 2>&1; then
    tests="test_golden test_sequence test_bidirectional"
    for test in $tests; do
        build "$test" "tests/$test.c" -O1
    done
    qemu Nehalem "$apart" 16
    qemu SandyBridge "$apart" 16 # AVX without AVX2
    qemu Haswell "$fused" 32
    qemu Haswell,-fma "$apart" 32
    qemu Haswell,-avx2 "$apart" 16
    qemu Haswell,-avx "$apart" 16
    qemu Haswell,-xsave "$apart" 16 # no system that keeps the state of AVX
    qemu EPYC "$fused" 32
else
    skip "no qemu-x86_64"
fi

# on_bochs MODEL STATE WANTED PROGRAM NAME - in the background, two at a time
bochs_runs=0
on_bochs() {
    bochs_runs=$((bochs_runs + 1))
    printf "wanted='%s'\nname='%s'\n" "$3" "bochs $1, XCR0 $2$5" >"$out/bochs.$bochs_runs"
    cp "$out/$4" "$out/program.$bochs_runs"
    sh tests/cpus/boot.sh "$1" "$2" "$out/program.$bochs_runs" >"$out/output.$bochs_runs" 2>&1 &
    if [ $((bochs_runs % 2)) -eq 0 ]; then wait; fi
}
if command -v bochs >/dev/null 2>&1; then
    build int8-flags tests/cpus/int8.c -O2 -march=icelake-server
    build int8-unoptimised tests/cpus/int8.c -O0
    on_bochs corei7_skylake_x 0xE7 "$fused" digest ", AVX-512"
    on_bochs corei7_skylake_x 0xE7 "$apart" digest-no-fma ", AVX-512, LSTM_NO_FMA"
    on_bochs corei7_skylake_x 0x7 "$fused" digest ", AVX-512 without its state"
    on_bochs corei7_skylake_x 0x3 "$apart" digest ", no state of AVX"
    on_bochs corei7_icelake_u 0xE7 "64 $int8" int8 ", 8-bit weights, AVX-512 VNNI"
    on_bochs corei7_icelake_u 0xE7 "64 $int8" int8-flags ", 8-bit weights, VNNI by flags"
    on_bochs corei7_icelake_u 0xE7 "64 $int8" int8-unoptimised ", 8-bit weights, VNNI at -O0"
    if command -v clang >/dev/null 2>&1; then
        build_by clang int8-clang tests/cpus/int8.c -O2 -Wno-unused-command-line-argument
        on_bochs corei7_icelake_u 0xE7 "64 $int8" int8-clang ", 8-bit weights, VNNI by clang"
    else
        skip "no clang"
    fi
    on_bochs corei7_icelake_u 0x7 "32 $int8" int8 ", 8-bit weights, VNNI without its state"
    on_bochs corei7_skylake_x 0xE7 "32 $int8" int8 ", 8-bit weights, AVX-512 without VNNI"
    on_bochs corei7_icelake_u 0x3 "16 $int8" int8 ", 8-bit weights, no state of AVX"
    on_bochs trinity_apu 0x7 "$apart" digest ", FMA without AVX2"
    on_bochs core2_penryn_t9600 0x3 "$apart" digest ""
    wait
    n=0
    while [ $n -lt $bochs_runs ]; do
        n=$((n + 1))
        # shellcheck disable=SC1090,SC2154
        . "$out/bochs.$n"
        verdict "$wanted" "$(tail -n 1 "$out/output.$n")" "$name"
    done
else
    skip "no bochs"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
