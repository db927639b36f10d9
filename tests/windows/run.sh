#!/bin/sh
# `make windows`: lstm.h and lstm_int8.h by compilers for Windows.
#   mingw-w64  GCC does not align the stack for vectors of 32 and 64 bytes there (GCC bug 54412), so
#              its code must not put any on it; Debian's GCC is patched, so that is seen in the
#              assembly. The digest under Wine
#   zig        clang for x86_64-windows-gnu with a stock C library: the digest under Wine
#   msvc       clang for x86_64-pc-windows-msvc, which has no __GNUC__: warnings, the digest under
#              Wine, linked with msvcrt.dll by headers of our own (tests/windows/msvc)
#   intrinsics the operations of MSVC forced on gcc and clang here: the digest
# What is not there is skipped aloud, and fails where CI=true. Ends with "N passed, N failed".
# ZIG: the command of zig, default "python3 -m ziglang".
set -u
out=build/windows
rm -rf "$out"
mkdir -p "$out"
passed=0
failed=0
. tests/digest/wanted.sh
digest_source=tests/digest/digest.c
int8_source=tests/digest/digest_int8.c
strict="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion -Wundef
    -Wcast-align -Werror"
export WINEPREFIX="$PWD/$out/wine" WINEDEBUG=-all WINEDLLOVERRIDES=mscoree,mshtml=
trap 'rm -rf "$out/wine"' EXIT

have() {
    if command -v "$1" >/dev/null 2>&1; then return 0; fi
    echo "SKIPPED: no $1"
    [ "${CI:-}" != true ] || failed=$((failed + 1))
    return 1
}

ok() { # STATUS NAME
    if [ "$1" -eq 0 ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED: $2"
        head -n 12 "$out/log"
    fi
}

compiles() { # COMMAND...
    "$@" >"$out/log" 2>&1
    ok $? "$*"
}

is_digest() { # WANTED GOT NAME
    if [ "$2" = "$1" ]; then
        passed=$((passed + 1))
        printf '%-16s  %s\n' "$2" "$3"
    else
        failed=$((failed + 1))
        printf '%-16s  %s  FAILED: wanted %s\n' "$2" "$3" "$1"
        head -n 12 "$out/log"
    fi
}

wine=/usr/lib/wine/wine64
[ -x $wine ] || wine=wine64
# runs WANTED PROGRAM NAME
runs() {
    have $wine || return
    is_digest "$1" "$($wine "$2" 2>>"$out/log" | tr -d '\r' | tail -n 1)" "$3"
}

# builds WANTED COMPILER FLAGS... - a program for Windows that prints the digest
builds() {
    wanted=$1
    shift
    rm -f "$out/digest.exe"
    case $wanted in "$int8") source=$int8_source ;; *) source=$digest_source ;; esac
    # shellcheck disable=SC2086
    "$@" -Iinclude -Itests $source -o "$out/digest.exe" >"$out/log" 2>&1
    runs "$wanted" "$out/digest.exe" "$*"
}

gcc=x86_64-w64-mingw32-gcc
if have $gcc; then
    for level in -O0 -O1 -O2 -O3 -Os; do
        for source in $digest_source $int8_source tests/compile/uses_all.c; do
            $gcc -std=c99 $level -Iinclude -Itests -S $source -o "$out/code.s" >"$out/log" 2>&1 &&
                ! grep -E '[yz]mm[0-9]+' "$out/code.s" | grep -E '\(%r[sb]p' >"$out/log" &&
                ! grep -m 3 -E '%[yz]mm[0-9]+' "$out/code.s" >"$out/log"
            ok $? "$gcc $level $source: a vector wider than 16 bytes"
        done
    done
    for level in -O0 -O2 -O3; do
        builds "$here" $gcc -std=c99 $level -static
    done
    builds "$apart" $gcc -O2 -DLSTM_NO_FMA -static
    builds "$int8" $gcc -O0 -static
    builds "$int8" $gcc -O3 -static
    builds "$int8" $gcc -O2 -DLSTM_NO_SIMD -static
fi

zig=${ZIG:-python3 -m ziglang}
if $zig version >/dev/null 2>&1; then
    export ZIG_GLOBAL_CACHE_DIR="$PWD/$out/zig" ZIG_LOCAL_CACHE_DIR="$PWD/$out/zig"
    # shellcheck disable=SC2086
    builds "$here" $zig cc -target x86_64-windows-gnu -std=c99 -O2
    # shellcheck disable=SC2086
    builds "$apart" $zig cc -target x86_64-windows-gnu -std=c99 -O2 -DLSTM_NO_FMA
    # shellcheck disable=SC2086
    builds "$int8" $zig cc -target x86_64-windows-gnu -std=c99 -O2
    rm -rf "$out/zig"
else
    echo "SKIPPED: no zig"
    [ "${CI:-}" != true ] || failed=$((failed + 1))
fi

libs=/usr/x86_64-w64-mingw32/lib
msvc="clang --target=x86_64-pc-windows-msvc -fms-compatibility -Itests/windows/msvc"
if have clang; then
    for std in c99 c11 c17; do
        for level in -O0 -O2; do
            # shellcheck disable=SC2086
            compiles $msvc -std=$std $level $strict -Wstrict-prototypes -Iinclude -c \
                tests/compile/only_includes.c -o "$out/only.obj"
            # shellcheck disable=SC2086
            compiles $msvc -std=$std $level $strict -Wstrict-prototypes -DNO_MAIN -Iinclude -c \
                tests/compile/symbols.c -o "$out/symbols.obj"
        done
    done
    for std in c++14 c++20; do
        # shellcheck disable=SC2086
        compiles $msvc -x c++ -std=$std -O2 $strict -Iinclude -c tests/compile/symbols.c -o \
            "$out/symbols.obj"
    done
    for options in -DLSTM_NO_SIMD -DLSTM_NO_DISPATCH -DLSTM_NO_FMA "-DLSTM_NO_DISPATCH -mavx2 -mfma" \
        "-DLSTM_NO_DISPATCH -mavx512f"; do
        # shellcheck disable=SC2086
        compiles $msvc -std=c11 -O2 $strict $options -Iinclude -c tests/compile/symbols.c -o \
            "$out/symbols.obj"
    done
    for options in "" -DLSTM_NO_SIMD -mavx2; do
        # shellcheck disable=SC2086
        compiles $msvc -std=c11 -O2 $strict $options -Iinclude -Itests -c $int8_source -o \
            "$out/int8.obj"
    done
    for target in aarch64-pc-windows-msvc i686-pc-windows-msvc; do
        # shellcheck disable=SC2086
        compiles clang --target=$target -fms-compatibility -Itests/windows/msvc -std=c11 -O2 $strict \
            -Iinclude -Itests -c $int8_source -o "$out/int8.obj"
    done
    # The driver of Visual Studio's users
    compiles clang --driver-mode=cl --target=x86_64-pc-windows-msvc -Itests/windows/msvc -Iinclude \
        /W4 /WX /O2 /c tests/compile/symbols.c "/Fo$out/symbols.obj"
    for target in aarch64-pc-windows-msvc i686-pc-windows-msvc; do
        # shellcheck disable=SC2086
        compiles clang --target=$target -fms-compatibility -Itests/windows/msvc -std=c11 -O2 $strict \
            -Iinclude -c tests/compile/symbols.c -o "$out/symbols.obj"
    done
    if have lld-link && [ -e $libs/libmsvcrt.a ]; then
        linked() { # WANTED FLAGS...
            wanted=$1
            shift
            rm -f "$out/digest.exe"
            case $wanted in "$int8") source=$int8_source ;; *) source=$digest_source ;; esac
            # shellcheck disable=SC2086
            $msvc "$@" -Iinclude -Itests -c $source -o "$out/digest.obj" >"$out/log" 2>&1 &&
                $msvc -O2 -c tests/windows/msvc/start.c -o "$out/start.obj" >>"$out/log" 2>&1 &&
                lld-link /entry:start /subsystem:console "/out:$out/digest.exe" "$out/digest.obj" \
                    "$out/start.obj" $libs/libmsvcrt.a $libs/libkernel32.a >>"$out/log" 2>&1
            runs "$wanted" "$out/digest.exe" "clang for windows-msvc $*"
        }
        linked "$here" -O0
        linked "$here" -O2
        linked "$here" -O3 -std=c11
        linked "$apart" -O2 -DLSTM_NO_FMA
        linked "$here" -O2 -DLSTM_NO_SIMD
        linked "$int8" -O0
        linked "$int8" -O2
        linked "$int8" -O2 -DLSTM_NO_SIMD
    fi
fi

for compiler in gcc clang; do
    have $compiler || continue
    for options in "-O0" "-O2" "-O3 -march=native" "-O2 -DLSTM_NO_FMA"; do
        case $options in *NO_FMA) wanted=$apart ;; *) wanted=$here ;; esac
        # shellcheck disable=SC2086
        $compiler $options -DLSTM_TEST_INTRINSICS -Iinclude -Itests $digest_source -o "$out/digest" \
            -lm >"$out/log" 2>&1
        is_digest "$wanted" "$("$out/digest" 2>>"$out/log" | tail -n 1)" \
            "$compiler $options -DLSTM_TEST_INTRINSICS"
    done
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
