# Sourced by run.sh: a header that includes itself works wherever it lies and whatever it is called,
# and says what to do where it cannot.

place=$out/place
mkdir -p "$place/other dir" "$place/deep/er" "$place/renamed" "$place/once" "$place/pasted"
cp include/lstm.h "$place/other dir/lstm.h"
cp include/lstm.h "$place/deep/er/lstm.h"
cp include/lstm.h "$place/renamed/recurrent-net.hpp"
ln -sf er/lstm.h "$place/deep/linked.h"
echo '#include "er/lstm.h"' >"$place/deep/wrapper.h"

# unit HEADER - uses_all.c and second_unit.cc with another line for the header, in $place
unit() {
    sed "s|#include \"lstm.h\".*|#include \"$1\"|" $here/uses_all.c >"$place/first.c"
    sed "s|#include \"lstm.h\".*|#include \"$1\"|" $here/second_unit.cc >"$place/second.cc"
}

# A C and a C++ unit of one program, both with the header of that line
program() { # LINE FLAGS...
    unit "$1"
    shift
    check "${CC_HERE:-gcc}" -std=c99 -O1 "$@" -DNO_MAIN -c "$place/first.c" -o "$place/first.o"
    check "${CXX_HERE:-g++}" -std=c++11 -O1 "$@" -c "$place/second.cc" -o "$place/second.o"
    check gcc $here/two_units.c "$place/first.o" "$place/second.o" -lm -o "$place/two_units"
    check "$place/two_units"
    runs "$first" "${CC_HERE:-gcc}" -std=c99 -O1 "$@" "$place/first.c"
}
for pair in "gcc g++" "clang clang++"; do
    CC_HERE=${pair% *} CXX_HERE=${pair#* }
    have "$CC_HERE" && have "$CXX_HERE" || continue
    program "other dir/lstm.h"
    program "deep/wrapper.h"
    program "deep/linked.h"
    program "renamed/recurrent-net.hpp"
    program "renamed/recurrent-net.hpp" "-ffile-prefix-map=$PWD=/usr/src"
    program "recurrent-net.hpp" "-I$place/renamed" "-ffile-prefix-map=$place=."
    program "lstm.h" -isystem "$place/deep/er"
    program "$PWD/$place/renamed/recurrent-net.hpp" "-fmacro-prefix-map=$PWD/="
    program "lstm.h" "-I$place/other dir" -include "$place/other dir/lstm.h"
    program "lstm.h" -Iinclude -save-temps=obj
done
CC_HERE='' CXX_HERE=''

# The C unit has one copy, the C++ unit another.
unit "other dir/lstm.h"
check gcc -std=c99 -O1 -DNO_MAIN -c "$place/first.c" -o "$place/first.o"
unit "renamed/recurrent-net.hpp"
check g++ -std=c++11 -O1 -c "$place/second.cc" -o "$place/second.o"
check gcc $here/two_units.c "$place/first.o" "$place/second.o" -lm -o "$place/two_units"
check "$place/two_units"

# An older GCC has no __FILE_NAME__: there the name has to stay.
if have gcc-11; then
    unit "deep/wrapper.h"
    runs "$first" gcc-11 -std=c99 -O1 "$place/first.c"
fi

# says WORDS COMMAND... - the command fails with an error that has these words
says() {
    words=$1
    shift
    if "$@" >"$out/log" 2>&1; then
        bad "accepted: $*"
    elif grep 'error' "$out/log" | grep -q -- "$words"; then
        ok
    else
        bad "no word of '$words' in the errors of $*"
        grep -m 3 'error' "$out/log"
    fi
}
for compiler in gcc clang; do
    have $compiler || continue
    { cat include/lstm.h; echo 'int main(void) { return 0; }'; } >"$place/pasted/pasted.c"
    says 'include' $compiler -std=c99 -c "$place/pasted/pasted.c" -o "$out/only.o"
    { echo '#pragma once'; cat include/lstm.h; } >"$place/once/lstm.h"
    says 'pragma once' $compiler -std=c99 "-I$place/once" -c $here/only_includes.c -o "$out/only.o"
    says 'LSTM_NO_FMA' $compiler -std=c99 -DLSTM_USE_FMA=1 -Iinclude -c $here/only_includes.c \
        -o "$out/only.o"
done
