#!/bin/sh
# `make test-std`: the header in every language version, by every compiler, at every level of
# optimisation, with every option in both states, and what it leaves in an object file.
# Ends with "N passed, N failed".
set -u
here=tests/compile
out=build/compile
rm -rf "$out"
mkdir -p "$out"
passed=0
failed=0
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion
    -Wundef -Wcast-align -Werror"

ok() {
    passed=$((passed + 1))
}

bad() {
    failed=$((failed + 1))
    echo "FAILED: $*"
}

# check COMMAND... - passes when the command does
check() {
    if "$@" >"$out/log" 2>&1; then ok; else bad "$*"; head -n 20 "$out/log"; fi
}

# refuses COMMAND... - passes when the command fails
refuses() {
    if "$@" >"$out/log" 2>&1; then bad "accepted: $*"; else ok; fi
}

have() {
    command -v "$1" >/dev/null 2>&1 && return 0
    echo "SKIPPED: no $1"
    [ "${CI:-}" != true ] || bad "$1 is missing"
    return 1
}

# runs WANTED COMMAND... - builds $out/program by the command, runs it, wants its sum
runs() {
    wanted=$1
    shift
    if "$@" -o "$out/program" -lm >"$out/log" 2>&1 && sum=$("$out/program") &&
        { [ -z "$wanted" ] || [ "$sum" = "$wanted" ]; }; then ok; else
        bad "$* ($sum)"
        head -n 20 "$out/log"
    fi
}

# One build gives the sum that all the others must repeat.
cc -std=c99 -O1 -Iinclude $here/uses_all.c -o "$out/program" -lm && sum=$("$out/program") ||
    bad "the first build"
first=$sum
# And one without fused multiply-adds that of those that have none.
cc -std=c99 -O1 -DLSTM_NO_FMA -Iinclude $here/uses_all.c -o "$out/program" -lm &&
    sum=$("$out/program") || bad "the first build with LSTM_NO_FMA"
first_apart=$sum

# The header in language versions; $here/$2 is what is compiled. The first version at every level,
# the others at -O2.
versions() { # COMPILER SOURCE EXTRA VERSION...
    compiler=$1 source=$2 extra=$3
    shift 3
    have "$compiler" || return
    levels="-O0 -Os -O3 -O2"
    for version; do
        for level in $levels; do
            check "$compiler" -std="$version" $level $warnings $extra -Iinclude -c \
                "$here/only_includes.c" -o "$out/only.o"
            # shellcheck disable=SC2086
            runs "$first" "$compiler" -std="$version" $level $warnings $extra -Iinclude \
                "$here/$source"
        done
        levels=-O2
    done
}
versions gcc uses_all.c -Wstrict-prototypes c99 c11 c17 gnu99
versions clang uses_all.c -Wstrict-prototypes c99 c11 c17 gnu99
versions g++ uses_all.cc "-x c++" c++11 c++17 c++20 gnu++17
versions clang++ uses_all.cc "-x c++" c++11 c++17 c++20 gnu++17
echo "language versions: $passed passed, $failed failed so far"

# Arrays shorter than a vector.
for compiler in gcc g++; do
    have $compiler || continue
    case $compiler in g++) language="-x c++ -std=c++11" ;; *) language=-std=c99 ;; esac
    for units in 3 10; do
        for level in -Os -O2; do
            for calls in -DONLY_STEPS -DALL_CALLS; do
                # shellcheck disable=SC2086
                check $compiler $language $level $warnings $calls -DUNITS=$units -Iinclude -c \
                    $here/small_static.c -o "$out/small.o"
            done
        done
    done
done

# Two units in one program.
check gcc -std=c99 -O2 -Iinclude -DNO_MAIN -c $here/uses_all.c -o "$out/first.o"
check g++ -std=c++11 -O2 -Iinclude -c $here/second_unit.cc -o "$out/second.o"
check gcc $here/two_units.c "$out/first.o" "$out/second.o" -lm -o "$out/two_units"
check "$out/two_units"

# Two units of C++ that share one copy.
check g++ -std=c++11 -O2 -DLSTM_API=inline -Iinclude -c $here/second_unit.cc -o "$out/second.o"
check g++ -x c++ -std=c++11 -O2 $warnings -DLSTM_API=inline -DUNITS=3 -Iinclude \
    $here/small_static.c -x none "$out/second.o" -o "$out/shared"
check "$out/shared"

# A language version that it is not for
refuses gcc -std=c90 -Iinclude -c $here/only_includes.c -o "$out/f.o"
if grep -q 'needs C99 or C++11' "$out/log"; then ok; else bad "C90: not a word of C99"; fi

# Without a hosted library, and by a compiler that has no extensions.
check gcc -std=c99 -O2 -ffreestanding -nostdlib -Iinclude -c $here/only_includes.c -o "$out/f.o"
check clang -std=c99 -O2 -ffreestanding -nostdlib -Iinclude -c $here/only_includes.c -o "$out/f.o"
if have tcc; then # nothing is chosen at run time
    runs "$first_apart" tcc -Iinclude $here/uses_all.c
fi
if have clang; then # as a compiler for Windows takes it, without its headers
    check clang --target=x86_64-pc-windows-msvc -fms-compatibility -ffreestanding -std=c11 -O2 \
        -Iinclude -c $here/only_includes.c -o "$out/msvc.o"
fi

# Warnings that C++ users have on beside these.
for compiler in g++ clang++; do
    have $compiler || continue
    case $compiler in g++) useless=-Wuseless-cast ;; *) useless= ;; esac
    for std in c++11 c++17 c++20; do
        case $std in c++17) all="-DLSTM_NO_SIMD -DLSTM_NO_FMA -DLSTM_NO_DISPATCH -DLSTM_TEST_INTRINSICS" ;; *) all= ;; esac
        for options in -DPLAIN $all; do
            # GCC warns of its own _mm512_undefined_ps.
            case $compiler$options in g++*INTRINSICS) own="-Wno-uninitialized -Wno-maybe-uninitialized" ;; *) own= ;; esac
            # shellcheck disable=SC2086
            check $compiler -x c++ -std=$std -O1 $warnings -Wold-style-cast $useless \
                -Wzero-as-null-pointer-constant -Wextra-semi -Wcast-qual \
                -Wno-unknown-warning-option $own "$options" -Iinclude -c $here/symbols.c -o "$out/symbols.o"
        done
    done
done

. $here/placement.sh
echo "where the header lies: $passed passed, $failed failed so far"

# Options, in both states. Where nothing is chosen at run time, and the flags name no CPU, there are
# no fused multiply-adds. Options that change last bits only have to compile and run.
for compiler in gcc clang; do
    have $compiler || continue
    # shellcheck disable=SC2086
    base="$compiler -std=c99 -O2 $warnings -Wstrict-prototypes -Iinclude"
    runs "$first" $base -DLSTM_NO_SIMD $here/uses_all.c
    runs "$first_apart" $base -DLSTM_NO_DISPATCH $here/uses_all.c
    runs "$first_apart" $base -DLSTM_NO_FMA $here/uses_all.c
    runs "$first_apart" $base -DLSTM_NO_FMA -march=native $here/uses_all.c
    runs "$first_apart" $base -DLSTM_NO_FMA -DLSTM_NO_SIMD $here/uses_all.c
    runs "$first" $base -march=native $here/uses_all.c
    runs "$first" $base -march=native -DLSTM_NO_DISPATCH $here/uses_all.c
    runs "$first" $base -DLSTM_API=static -Wno-unused-function $here/uses_all.c
    runs "$first" $base "-DLSTM_LOAD(p)=(*(p))" $here/uses_all.c
    runs "" $base "-DLSTM_EXPF(x)=expf(x)" -include math.h $here/uses_all.c
    runs "" $base "-DLSTM_TANHF(x)=tanhf(x)" -include math.h $here/uses_all.c
done

# What is left in an object file: no data, no bss, nothing undefined but these.
symbols() { # NAME FLAGS... - compiles a unit that uses every function, looks at its symbols
    check "$@" -DNO_MAIN -Iinclude -c $here/symbols.c -o "$out/symbols.o"
    left=$(nm "$out/symbols.o" | awk '{ kind = $(NF - 1); name = $NF }
        kind ~ /^[dDbBcCsSgG]$/ { print kind, name }
        kind == "U" && name !~ /^(memcpy|memset|memmove|__cpu_model|_GLOBAL_OFFSET_TABLE_)$/ {
            print kind, name }')
    if [ -z "$left" ]; then ok; else bad "$* leaves: $left"; fi
}
for compiler in gcc clang; do
    have $compiler || continue
    for level in -O0 -O2 -Os; do
        case $level in -O2) pics="-fPIE -fPIC -fno-pie" ;; *) pics=-fPIE ;; esac
        for pic in $pics; do
            symbols $compiler -std=c99 $level $pic
            symbols $compiler -std=c99 $level $pic -DLSTM_NO_SIMD
        done
        check $compiler -std=c99 $level -Iinclude -c $here/only_includes.c -o "$out/only.o"
        if [ -z "$(nm "$out/only.o" 2>/dev/null)" ] &&
            [ "$(size "$out/only.o" | awk 'NR == 2 { print $1 + $2 + $3 }')" -eq 0 ]; then ok; else
            bad "$compiler $level: symbols or code from the header alone"
            nm "$out/only.o" | head -n 5
        fi
    done
done

# The text of the header.
names=$(cc -Iinclude -dM -E $here/only_includes.c | grep -iE "LSTM_(IMPL|K)_" | grep -cv "LSTM_IMPL_SIZE(")
if [ "$names" -eq 0 ]; then ok; else bad "$names private macros remain"; fi
wide=$(awk 'length > 90' include/lstm.h | wc -l)
if [ "$wide" -eq 0 ]; then ok; else bad "$wide lines of more than 90 columns"; fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
