#!/bin/sh
# `make firmware`: the firmware of examples/firmware on a Cortex-M4F board in QEMU, and
# its Arduino sketch on an ATmega328P in simavr; both have to print what the same program
# prints on this PC, bit by bit, and to say what Keras says. Closes with "N passed, N
# failed".
#
# Debian packages: gcc-arm-none-eabi qemu-system-arm gcc-avr avr-libc libsimavr-dev
# libelf-dev. What is absent is skipped, which in CI (CI=true) is a failure.
set -u
cd "$(dirname "$0")/../.." || exit 1
here=tests/targets
example=examples/firmware
data=examples/speakers
out=build/firmware
header=$(cd "${LSTM_INCLUDE:-include}" && pwd) || exit 1
passed=0 failed=0
rm -rf $out
mkdir -p $out/broken
unset MAKEFLAGS MFLAGS

ok() { passed=$((passed + 1)); }
bad() {
    failed=$((failed + 1))
    echo "FAILED: $*"
}
skip() {
    echo "SKIPPED: $1 ($2 is not installed)"
    [ "${CI:-}" != true ] || bad "$1 was skipped, and this is CI"
}
have() { command -v "$1" >/dev/null 2>&1; }
# check WHAT COMMAND... - passes when the command does
check() {
    what=$1
    shift
    if "$@"; then ok; else bad "$what"; fi
}
in_example() { make -s -C $example LSTM="$header" "$@"; }

# --- on this PC -------------------------------------------------------------------------
broken=$PWD/$out/broken # the same, with weights that are not the model's
cp $data/vowels_test.txt $out/broken
sed 's/^    [-0-9.]*f,/    9.5f,/' $data/speaker_streaming.h \
    >$out/broken/speaker_streaming.h

in_example ../../$out/pc || exit 1
check "the firmware on the PC" sh -c "$out/pc >$out/pc.txt"
in_example ../../$out/broken/pc BUILD=../../$out/broken MODEL="$broken" || exit 1
if $out/broken/pc >$out/broken/pc.txt; then
    bad "self-test: wrong weights are not noticed"
else
    ok
fi
check "self-test: what it says of wrong weights" \
    grep -q 'self-test: FAILED' $out/broken/pc.txt

# As Keras: its answers are in keras_streaming.txt, who spoke is in vowels_test.txt.
answers() { # FILE
    awk '/^utterance/ { print $4 }' "$1"
}
keras() {
    awk '!/^#/ {
        best = 1
        for (k = 2; k <= NF; k++) {
            best = $k > $best ? k : best
        }
        print best
    }' $data/keras_streaming.txt
}
spoken() { awk '$1 == "utterance" { print $4 }' $data/vowels_test.txt; }
same_lines() { paste -d ' ' "$1" "$2" | awk '$1 == $2 { n++ } END { print n + 0 }'; }
answers $out/pc.txt >$out/answers.txt
keras >$out/keras.txt
spoken >$out/spoken.txt
as_keras=$(same_lines $out/answers.txt $out/keras.txt)
right=$(same_lines $out/answers.txt $out/spoken.txt)
utterances=$(wc -l <$out/answers.txt)
check "$utterances utterances, not 370" [ "$utterances" -eq 370 ]
check "$as_keras of 370 answers are Keras'" [ "$as_keras" -eq 370 ]

# The same firmware with 8-bit weights
small="RECOGNISER=recogniser_int8.c BUILD=../../$out/int8"
# shellcheck disable=SC2086
in_example ../../$out/int8/pc $small || exit 1
check "8-bit weights on the PC" sh -c "$out/int8/pc >$out/pc_int8.txt"
answers $out/pc_int8.txt >$out/answers_int8.txt
same_answers=$(same_lines $out/answers_int8.txt $out/answers.txt)
check "8-bit weights: $same_answers of 370 answers are those of floats" [ "$same_answers" -eq 370 ]
awk '/_weights\[/ { inside = 1 } inside && /^    [-0-9]/ { sub(/[-0-9]+,/, "99,"); inside = 0 } 1' \
    $data/speaker_streaming_int8.h >$out/broken/speaker_streaming_int8.h
in_example ../../$out/broken/int8/pc RECOGNISER=recogniser_int8.c BUILD=../../$out/broken/int8 \
    MODEL="$broken" || exit 1
if $out/broken/int8/pc >$out/broken/pc_int8.txt; then
    bad "8-bit weights: the self-test does not notice wrong weights"
else
    ok
fi

# --- on the board -----------------------------------------------------------------------
bits() { # FILE: of the self-test's error and of all probabilities
    sed -n 's/.*bits of the error //p; s/.* bits //p' "$1" | tr ' ' '\n'
}
# check_bits WHAT COUNT FILE FILE - whether both files have these many numbers, the same
check_bits() {
    bits "$3" >$out/bits_1.txt
    bits "$4" >$out/bits_2.txt
    numbers=$(wc -l <$out/bits_1.txt)
    same=$(same_lines $out/bits_1.txt $out/bits_2.txt)
    check "$1: $numbers numbers, not $2" [ "$numbers" -eq "$2" ]
    check "$1: the bits are not the PC's" cmp $out/bits_1.txt $out/bits_2.txt
}
only_what_is_called() { # ELF
    ! arm-none-eabi-nm "$1" | grep -E 'malloc|sbrk|printf|lstm_impl_all_' |
        grep -vE 'lstm_impl_all_(exponential|softmax)' # softmax calls exponential
}
run_board() { # OUTPUT VARIABLES...
    output=$1
    shift
    timeout 60 make -s -C $example LSTM="$header" "$@" run </dev/null >"$output"
}
if have arm-none-eabi-gcc && have qemu-system-arm; then
    in_example ../../$out/board.elf || exit 1
    check "the firmware on the board" run_board $out/board.txt
    check_bits "the board" 3331 $out/board.txt $out/pc.txt
    answers $out/board.txt >$out/board_answers.txt
    check "the board's answers" cmp $out/board_answers.txt $out/answers.txt
    check "linked though nobody calls it" only_what_is_called $out/board.elf
    echo "Cortex-M4F: $utterances utterances, $right right, $as_keras as Keras;" \
        "$same of $numbers numbers have the bits of the PC"
    tail -n 1 $out/board.txt
    in_example size
    # shellcheck disable=SC2086
    in_example ../../$out/int8/board.elf $small || exit 1
    # shellcheck disable=SC2086
    check "8-bit weights on the board" run_board $out/board_int8.txt $small
    check_bits "8-bit weights on the board" 3331 $out/board_int8.txt $out/pc_int8.txt
    check "8-bit weights: linked though nobody calls it" only_what_is_called $out/int8/board.elf
    echo "Cortex-M4F, 8-bit weights: $same_answers of $utterances answers are those of floats;" \
        "$same of $numbers numbers have the bits of the PC"
    tail -n 1 $out/board_int8.txt
    # shellcheck disable=SC2086
    in_example size $small
else
    skip "Cortex-M4F" "arm-none-eabi-gcc or qemu-system-arm"
fi

# --- the Arduino sketch -----------------------------------------------------------------
sketch=$example/arduino/speaker # or a broken one
# build_sketch COMPILER OPTIONS... - as C++11
build_sketch() {
    "$@" -std=c++11 -Wall -Wextra -Wpedantic -Werror -ffunction-sections -fdata-sections \
        -I"$header" -I$here -I$here/arduino -I"$sketch" -include Arduino.h \
        -x c++ "$sketch/speaker.ino" $here/arduino/main.cc -x none
}
on_uno="-mmcu=atmega328p -DF_CPU=16000000UL -Os"
build_for_uno() { # ELF
    # shellcheck disable=SC2086
    build_sketch avr-g++ $on_uno $out/port_avr.o -Wl,--gc-sections -o "$1"
}
run_uno() { # ELF OUTPUT; simavr says what it loads
    timeout 60 $out/avr_run atmega328p "$1" >"$2.log" 2>"$2.cycles"
    set -- $? "$2"
    sed '/^Loaded /d' "$2.log" >"$2"
    return "$1"
}
cc -std=c99 -I$here -c $here/port_hosted.c -o $out/port_hosted.o || exit 1
# The Uno has no fused multiply-adds, so its PC build goes without them.
build_sketch c++ -O2 -DLSTM_NO_FMA -I$here/arduino/pc $out/port_hosted.o -o $out/sketch_pc || exit 1
check "the sketch on the PC" sh -c "$out/sketch_pc >$out/sketch_pc.txt"
# build_int8 COMPILER OPTIONS... - the sketch with 8-bit weights
int8=$example/arduino/speaker_int8
build_int8() {
    "$@" -std=c++11 -Wall -Wextra -Wpedantic -Werror -ffunction-sections -fdata-sections \
        -I"$header" -I$here -I$here/arduino -I$int8 -I$example/arduino/speaker \
        -include Arduino.h -x c++ $int8/speaker_int8.ino $here/arduino/main.cc -x none
}
build_int8 c++ -O2 -I$here/arduino/pc $out/port_hosted.o -o $out/int8_pc || exit 1
check "the sketch with 8-bit weights on the PC" sh -c "$out/int8_pc >$out/int8_pc.txt"
if have avr-g++ && echo '#include <simavr/sim_avr.h>' | cc -E - >/dev/null 2>&1 &&
    cc -O1 $here/avr_run.c -lsimavr -lelf -o $out/avr_run; then
    # shellcheck disable=SC2086
    avr-gcc $on_uno -std=gnu99 -I$here -c $here/port_avr.c -o $out/port_avr.o || exit 1
    check "the sketch compiles" build_for_uno $out/sketch.elf
    check "the sketch on the Uno" run_uno $out/sketch.elf $out/sketch.txt
    check_bits "the Uno" 82 $out/sketch.txt $out/sketch_pc.txt
    check "the Uno prints what the PC prints" cmp $out/sketch.txt $out/sketch_pc.txt
    as_keras=$(awk '/^speaker/ && $2 == $5 { n++ } END { print n + 0 }' $out/sketch.txt)
    check "the Uno: $as_keras of 9 answers are Keras'" [ "$as_keras" -eq 9 ]
    echo "ATmega328P: 9 utterances; $same of $numbers numbers have the bits of the PC"
    avr-size $out/sketch.elf | awk 'NR == 2 {
        print "ATmega328P:", $1 + $2, "of 32768 bytes of flash,",
            $2 + $3, "of 2048 bytes of RAM, and the stack"
    }'
    frames=$((146 + 19)) # of the nine utterances, and the self-test's
    cycles=$(($(cat $out/sketch.txt.cycles) / frames))
    echo "ATmega328P: $cycles cycles a frame, $((cycles / 16)) us at 16 MHz"
    sketch=$out/broken
    cp $example/arduino/speaker/speaker.ino $example/arduino/speaker/utterances.h \
        $out/broken
    sed '/ speaker_lstm_weights\[/,/;/s/^    [-0-9.]*f,/    9.5f,/' \
        $example/arduino/speaker/speaker_model.h >$out/broken/speaker_model.h
    build_for_uno $out/broken/sketch.elf || exit 1
    if run_uno $out/broken/sketch.elf $out/broken/sketch.txt; then
        bad "the sketch's self-test: wrong weights are not noticed"
    else
        ok
    fi
    # the same model with 8-bit weights
    check "the sketch with 8-bit weights compiles" build_int8 avr-g++ \
        $on_uno $out/port_avr.o -Wl,--gc-sections -o $out/int8.elf
    check "the sketch with 8-bit weights on the Uno" run_uno $out/int8.elf $out/int8.txt
    check "8-bit weights: the Uno prints what the PC prints" cmp $out/int8.txt $out/int8_pc.txt
    as_keras=$(awk '/^speaker/ && $2 == $5 { n++ } END { print n + 0 }' $out/int8.txt)
    check "8-bit weights: $as_keras of 9 answers are Keras'" [ "$as_keras" -eq 9 ]
    avr-size $out/int8.elf | awk 'NR == 2 {
        print "ATmega328P, 8-bit weights:", $1 + $2, "of 32768 bytes of flash,",
            $2 + $3, "of 2048 bytes of RAM, and the stack"
    }'
    cycles=$(($(cat $out/int8.txt.cycles) / (146 + 10))) # the self-test has 10 frames
    echo "ATmega328P, 8-bit weights: $cycles cycles a frame, $((cycles / 16)) us at 16 MHz"
else
    skip "ATmega328P" "avr-g++ or libsimavr-dev"
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
