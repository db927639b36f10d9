#!/bin/sh
# `make sizes`: the arguments' checks with size_t of 16, 32 and 64 bits: tests/test_sizes.c on an
# AVR (simavr), an ARM (qemu), a 32-bit PC, and a 64-bit one by each way the header multiplies.
# LSTM_INCLUDE=directory takes another lstm.h. What is absent is skipped, and fails where CI=true.
# Debian packages: gcc-avr avr-libc libsimavr-dev libelf-dev gcc-arm-linux-gnueabihf
# libc6-dev-armhf-cross qemu-user gcc-i686-linux-gnu libc6-dev-i386-cross tcc.
# Closes with "N passed, N failed".
set -u
here=tests/sizes
targets=tests/targets
out=build/sizes
include="-I${LSTM_INCLUDE:-include} -Itests"
passed=0
failed=0
mkdir -p "$out"

have() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null 2>&1 && continue
        echo "SKIPPED: no $tool"
        [ "${CI:-}" != true ] || failed=$((failed + 1))
        return 1
    done
}

# built NAME COMMAND... - whether the command built something, else a failure
built() {
    name=$1
    shift
    "$@" >"$out/log" 2>&1 && return 0
    echo "FAILED: $name: $*"
    head -n 12 "$out/log"
    failed=$((failed + 1))
    return 1
}

# run NAME COMMAND... - adds what the test counted
run() {
    name=$1
    shift
    "$@" >"$out/log" 2>&1
    status=$?
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$out/log" | tail -n 1)
    p=${line%% passed*}
    f=${line##*, }
    f=${f%% failed*}
    if [ -z "$line" ] || { [ $status -ne 0 ] && [ "$f" = 0 ]; }; then
        p=0 f=1
    fi
    passed=$((passed + p))
    failed=$((failed + f))
    printf '%-36s %s passed, %s failed\n' "$name" "$p" "$f"
    [ "$f" = 0 ] || head -n 12 "$out/log"
}

# shellcheck disable=SC2086
{
    if have avr-gcc && built avr_run cc -O1 $targets/avr_run.c -o "$out/avr_run" -lsimavr -lelf &&
        built avr avr-gcc -mmcu=atmega2560 -std=gnu99 -Os $include -I$targets -Dmain=test_main \
            -c tests/test_sizes.c -o "$out/test_sizes.o" &&
        built avr avr-gcc -mmcu=atmega2560 -std=gnu99 -Os -I$targets "$out/test_sizes.o" \
            $here/main_avr.c $targets/port_avr.c -o "$out/avr.elf" -lm; then
        run "16 bits, AVR" "$out/avr_run" atmega2560 "$out/avr.elf"
    fi
    if have arm-linux-gnueabihf-gcc qemu-arm &&
        built arm arm-linux-gnueabihf-gcc -std=c99 -O1 -static $include tests/test_sizes.c \
            -o "$out/arm" -lm; then
        run "32 bits, ARM" qemu-arm "$out/arm"
    fi
    if have i686-linux-gnu-gcc &&
        built i686 i686-linux-gnu-gcc -std=c99 -O1 -static $include tests/test_sizes.c \
            -o "$out/i686" -lm; then
        run "32 bits, i686" "$out/i686"
    fi
    if built host cc -std=c99 -O1 $include tests/test_sizes.c -o "$out/host" -lm; then
        run "64 bits, __builtin_mul_overflow" "$out/host"
    fi
    if have tcc && built tcc tcc $include tests/test_sizes.c -o "$out/tcc" -lm; then
        run "64 bits, by division (tcc)" "$out/tcc"
    fi
}

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
