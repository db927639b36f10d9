#!/bin/sh
# `make test-examples`: every numbered example by itself. Each is copied into an empty directory
# with lstm.h and the headers that it includes, compiled there with every warning by gcc and
# clang, and has to print what its comment says. Then what they do with files that are not as
# they should be. Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
out=build/examples
rm -rf $out
mkdir -p $out
passed=0
failed=0
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion
    -Wundef -Wcast-align -Werror"
# These two run a model that the exporter has turned into a header. All others need lstm.h alone.
with_headers="05_speakers 08_amplifier"

ok() { passed=$((passed + 1)); }
bad() {
    failed=$((failed + 1))
    echo "FAILED: $*"
}
have() {
    command -v "$1" >/dev/null 2>&1 && return 0
    echo "SKIPPED: no $1"
    [ "${CI:-}" != true ] || bad "$1 is missing"
    return 1
}

# alone SOURCE COMPILER OPTIONS... - builds $out/NAME.COMPILER/NAME and compares what it prints
alone() {
    source=$1
    name=$(basename "${source%.*}")
    at=$out/$name.$2
    shift
    mkdir -p "$at"
    cp "$source" include/lstm.h include/lstm_int8.h "$at"
    includes=$(sed -n 's/^#include "\(.*\)"$/\1/p' "$source" | grep -vx lstm.h)
    case " $with_headers " in
    *" $name "*) ;;
    *) [ -z "$includes" ] || bad "$source includes $includes" ;;
    esac
    for file in $includes; do
        mkdir -p "$at/$(dirname "$file")"
        cp "examples/$file" "$at/$file"
    done
    # shellcheck disable=SC2086
    if (cd "$at" && "$@" $warnings -O2 -I. "$(basename "$source")" -o "$name" -lm); then ok; else
        bad "$source does not compile by itself: $*"
        return
    fi
    awk '/\*\// { exit } on { sub(/^ \*(   )?/, ""); print } /^ \* Prints:$/ { on = 1 }' \
        "$source" >"$at/promised.txt"
    if [ -s "$at/promised.txt" ] && "$at/$name" >"$at/printed.txt" 2>"$at/errors.txt" &&
        diff "$at/promised.txt" "$at/printed.txt"; then ok; else
        cat "$at/errors.txt"
        bad "$source does not print what its comment says: $*"
    fi
}

for compiler in gcc clang; do
    have $compiler || continue
    for source in examples/[0-9]*.c; do
        alone "$source" $compiler -std=c99 -Wstrict-prototypes
    done
done
# A layer that is set in the program that runs it: no activation is linked that it does not have.
for compiler in gcc clang; do
    for name in 02_sequence 03_model 04_streaming 07_weights_file; do
        if nm $out/$name.$compiler/$name | grep lstm_impl_all_ | grep -v all_linear; then
            bad "$name, $compiler: linked, though no layer has it"
        else
            ok
        fi
    done
done
for compiler in g++ clang++; do
    have $compiler || continue
    for source in examples/[0-9]*.cc; do
        alone "$source" $compiler -std=c++17 -fno-exceptions -fno-rtti
    done
done

# refuses TEXT PROGRAM ARGUMENT... - exit status 1, and TEXT on stderr
refuses() {
    text=$1
    shift
    "$@" >$out/stdout.txt 2>$out/stderr.txt
    status=$?
    if [ $status -eq 1 ] && grep -q "$text" $out/stderr.txt && [ ! -s $out/stdout.txt ]; then
        ok
    else
        bad "$*: exit status $status, wanted 1 and \"$text\""
        cat $out/stderr.txt
    fi
}
weights=$out/07_weights_file.gcc/07_weights_file
amplifier=$out/08_amplifier.gcc/08_amplifier
riff=examples/amplifier/riff.wav
good=examples/07_weights_file.bin
head -c 783 $good >$out/short.bin
cat $good $good >$out/long.bin
refuses "is too short" $weights $out/short.bin
refuses "is too long" $weights $out/long.bin
refuses "cannot be opened" $weights $out/absent.bin

head -c 1001 $riff >$out/short.wav
head -c 40 $riff >$out/head.wav
printf 'RIFF\001\002' >$out/six.wav
{ head -c 34 $riff && printf '\030' && tail -c +36 $riff; } >$out/24_bit.wav
refuses "ends before its last sample" $amplifier $out/short.wav
refuses "has no samples" $amplifier $out/head.wav
refuses "is no WAV file" $amplifier $out/six.wav
refuses "is no WAV file" $amplifier $good
refuses "is not 16-bit PCM" $amplifier $out/24_bit.wav
refuses "cannot be opened" $amplifier $out/absent.wav

# Its reader of WAV files, with every memory access checked.
if cc -std=c99 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -Iexamples \
    tests/examples/wav_reader.c -o $out/wav_reader &&
    $out/wav_reader $out/changed.wav >$out/printed.txt 2>$out/errors.txt; then
    ok
    cat $out/printed.txt
else
    cat $out/printed.txt
    tail -n 20 $out/errors.txt
    bad "the reader of WAV files"
fi

# A big-endian CPU reads the same numbers from the files.
if have s390x-linux-gnu-gcc && have qemu-s390x; then
    for name in 07_weights_file 08_amplifier; do
        if s390x-linux-gnu-gcc -std=c99 -O2 -static -Iinclude examples/$name.c -o $out/$name.s390x -lm &&
            qemu-s390x $out/$name.s390x >$out/printed.txt 2>$out/errors.txt &&
            diff "$out/$name.gcc/promised.txt" $out/printed.txt; then ok; else
            bad "$name on s390x"
            cat $out/errors.txt
        fi
    done
fi

# The WAV that it writes is the circuit's: the same length, an error of .2 % of the energy at most.
if $amplifier $riff $out/loud.wav >/dev/null 2>&1 &&
    python3 tests/examples/same_sound.py $out/loud.wav examples/amplifier/riff_circuit.wav; then
    ok
else
    bad "the amplifier's WAV file is not the circuit's"
fi

# The firmware, copied as step 1 of its README says, builds there and is the one of the tree.
copy=$PWD/$out/my_firmware
grep '^ *cp .*my_firmware$' examples/firmware/README.md | sed "s|my_firmware$|$copy|" \
    >$out/copy.sh
unset MAKEFLAGS MFLAGS
if [ "$(wc -l <$out/copy.sh)" -eq 2 ] && sh $out/copy.sh &&
    make -s -C "$copy" build/pc && "$copy/build/pc" >$out/firmware.txt &&
    [ "$(grep -c '^utterance' $out/firmware.txt)" -eq 370 ]; then ok; else
    bad "a copy of the firmware"
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
