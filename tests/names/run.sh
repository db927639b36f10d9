#!/bin/sh
# `make names`: lstm.h and lstm_int8.h behind macros of others. names.h has names that headers of others define, each
# as something harmful; then the real headers of Qt, curses, X11, POSIX, Arduino's AVR core and the
# Windows SDK (mingw-w64) stand before them; and no word of these headers is the name of a macro there.
# What is not there is skipped aloud, and fails where CI=true. Ends with "N passed, N failed".
set -u
here=tests/names
out=build/names
rm -rf "$out"
mkdir -p "$out"
passed=0
failed=0

verdict() { # STATUS NAME
    if [ "$1" -eq 0 ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED: $2"
        grep -E 'error|expansion' "$out/log" | head -n 12
    fi
}

have() {
    if command -v "$1" >/dev/null 2>&1; then return 0; fi
    echo "SKIPPED: no $1"
    [ "${CI:-}" != true ] || failed=$((failed + 1))
    return 1
}

# The words of the headers that are their own and not reserved, from its code in all branches of #if;
# and those with a parenthesis behind them, which a macro with arguments would take
for header in include/lstm.h include/lstm_int8.h; do
    gcc -fpreprocessed -dD -E -P $header 2>/dev/null
done | sed 's/"[^"]*"//g' >"$out/code"
own() { # words from stdin that are no keywords
    sort -u | grep -vE '^(lstm_|LSTM_)|^(auto|break|case|char|const|continue|default|define|defined|do|double|elif|else|endif|enum|error|extern|float|for|goto|if|ifdef|ifndef|include|inline|int|long|pragma|register|return|short|signed|sizeof|static|struct|switch|typedef|undef|union|unsigned|void|volatile|while|warning)$|^u?int(8|16|32|64)_t$|^(size_t|ptrdiff_t|uintptr_t|NULL|SIZE_MAX|nullptr|static_cast|reinterpret_cast|constexpr)$'
}
grep -oE '\b[A-Za-z][A-Za-z0-9_]*' "$out/code" | own >"$out/words"
grep -oE '\b[A-Za-z][A-Za-z0-9_]* *\(' "$out/code" | tr -d ' (' | own >"$out/called"
echo "the headers have $(wc -l <"$out/words") words of their own beside lstm_*"

# behind COMPILER... - names.h first
behind() {
    for header in names int8; do
        "$@" -Iinclude -c $here/behind_$header.c -o "$out/names.o" >"$out/log" 2>&1
        verdict $? "$*: behind_$header.c"
    done
}
# cross COMPILER... - the same for another CPU, with what its vectors' header includes before
cross() {
    have "$1" && behind "$@"
}
for compiler in gcc clang; do
    have $compiler || continue
    for std in c99 gnu99 gnu17; do
        behind $compiler -std=$std
    done
    behind $compiler -std=c99 -DLSTM_NO_SIMD
    behind $compiler -std=c99 -DLSTM_NO_FMA
    behind $compiler -std=c99 -O2 -march=haswell -DLSTM_NO_DISPATCH
    behind $compiler -std=c99 -O2 -march=skylake-avx512
    behind $compiler -std=c99 '-DLSTM_LOAD(p)=(*(p))'
    behind $compiler -std=c99 '-DLSTM_EXPF(x)=(x)' '-DLSTM_TANHF(x)=(x)'
done
for compiler in g++ clang++; do
    have $compiler || continue
    behind $compiler -x c++ -std=c++11
    behind $compiler -x c++ -std=gnu++20
done
cross aarch64-linux-gnu-gcc -std=c99 -O2
cross arm-linux-gnueabihf-gcc -std=c99 -O2
cross arm-linux-gnueabihf-gcc -std=c99 -O2 -mfpu=neon-vfpv4 -mcpu=cortex-a7
cross powerpc64-linux-gnu-gcc -std=c99 -O2 -mcpu=power8
cross s390x-linux-gnu-gcc -std=c99 -O2
cross riscv64-linux-gnu-gcc -std=c99 -O2
cross arm-none-eabi-gcc -std=c99 -O2 -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard
cross arm-none-eabi-gcc -std=c99 -O2 -mcpu=cortex-m55 -mfloat-abi=hard
cross arm-none-eabi-gcc -std=c99 -O2 -mcpu=cortex-m0 -mthumb
cross avr-gcc -std=c99 -Os -mmcu=atmega328p
cross xtensa-lx106-elf-gcc -std=c99 -O2 -ffreestanding
cross x86_64-w64-mingw32-gcc -std=c99 -O2
cross clang --target=wasm32 -msimd128 -ffreestanding -std=c99 -O2
cross clang --target=x86_64-pc-windows-msvc -fms-compatibility -ffreestanding -std=c11 -O2

# real NAME COMPILER... - behind the real headers, and none of their macros is a word of ours
real() {
    name=$1
    shift
    have "$1" || return
    if ! "$@" -DBEHIND_"$name" -Iinclude -E -dM $here/behind_headers.cc >"$out/macros" 2>"$out/log"; then
        if grep -qE 'No such file|file not found' "$out/log"; then
            echo "SKIPPED: no headers of $name"
            [ "${CI:-}" != true ] || failed=$((failed + 1))
        else
            verdict 1 "$name: $*"
        fi
        return
    fi
    "$@" -DBEHIND_"$name" -Iinclude -fsyntax-only $here/behind_headers.cc >"$out/log" 2>&1
    verdict $? "$name: $*"
    {
        sed -n 's/^#define \([A-Za-z][A-Za-z0-9_]*\)\( .*\)*$/\1/p' "$out/macros" | sort -u |
            comm -12 - "$out/words"
        sed -n 's/^#define \([A-Za-z][A-Za-z0-9_]*\)(.*/\1/p' "$out/macros" | sort -u |
            comm -12 - "$out/called"
    } | grep -vE "$plain" >"$out/log.words"
    if [ -s "$out/log.words" ]; then
        sed 's/^/error: a word of ours and a macro there: /' "$out/log.words" >"$out/log"
        verdict 1 "$name: $*"
    else
        verdict 0 ""
    fi
}
# macros that stand for what the headers mean by the word
plain='^(true|false|bool|inline|offsetof|PROGMEM|pgm_read_(byte|word|dword))$'

qt=$(pkg-config --cflags Qt5Core 2>/dev/null || echo -I/usr/include/qt5)
arduino=/usr/share/arduino/hardware/arduino/avr
# shellcheck disable=SC2086
real QT g++ -fPIC $qt
real CURSES gcc -x c
real CURSES g++
real X11 gcc -x c
real X11 g++
real POSIX gcc -x c -std=gnu99
real POSIX g++
real ARDUINO avr-g++ -std=gnu++11 -mmcu=atmega328p -DF_CPU=16000000L -DARDUINO=10819 \
    -I$arduino/cores/arduino -I$arduino/variants/standard
real WINDOWS x86_64-w64-mingw32-gcc -x c

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
