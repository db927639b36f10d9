#!/bin/sh
# Usage: PYTHON=python sh examples/export/headers.sh [--check]
# Makes the headers of the examples from their .keras files, or with --check compares the files
# there are with what is made now. PYTHON needs h5py and numpy.
cd "$(dirname "$0")" || exit 2
out=../../build/export
mkdir -p $out || exit 2
mode=$1 passed=0 failed=0

# header MODEL HEADER NAME - below examples/
header() {
    [ "$mode" = --check ] && target=$out/${2##*/} || target=../$2
    if "${PYTHON:-python3}" -B lstm_export.py "../$1" -o "$target" --name "$3" \
        --golden reference && cmp "$target" "../$2"; then
        passed=$((passed + 1))
    else
        echo "FAILED: examples/$2 is not what lstm_export.py makes of examples/$1"
        failed=$((failed + 1))
    fi
}

for name in speaker_streaming speaker_bidirectional; do
    header speakers/$name.keras speakers/$name.h $name
done
header amplifier/amplifier.keras amplifier/amplifier.h amplifier
header firmware/arduino/speaker.keras firmware/arduino/speaker/speaker_model.h speaker
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
