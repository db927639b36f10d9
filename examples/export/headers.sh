#!/bin/sh
# Usage: PYTHON=python sh examples/export/headers.sh [--check]
# Makes the headers of the examples from their .keras files, or with --check compares the files
# there are with what is made now. PYTHON needs h5py and numpy.
cd "$(dirname "$0")" || exit 2
out=../../build/export
mkdir -p $out || exit 2
mode=$1 passed=0 failed=0

# header MODEL HEADER NAME [OPTION...] - below examples/
header() {
    model=$1 made=$2 name=$3
    shift 3
    [ $# -gt 0 ] || set -- --golden reference
    [ "$mode" = --check ] && target=$out/${made##*/} || target=../$made
    if "${PYTHON:-python3}" -B lstm_export.py "../$model" -o "$target" --name "$name" \
        "$@" && cmp "$target" "../$made"; then
        passed=$((passed + 1))
    else
        echo "FAILED: examples/$made is not what lstm_export.py makes of examples/$model"
        failed=$((failed + 1))
    fi
}

for name in speaker_streaming speaker_bidirectional; do
    header speakers/$name.keras speakers/$name.h $name
done
header speakers/speaker_streaming.keras speakers/speaker_streaming_int8.h speaker_streaming_int8 \
    --int8 --input-range 4
header amplifier/amplifier.keras amplifier/amplifier.h amplifier
header firmware/arduino/speaker.keras firmware/arduino/speaker/speaker_model.h speaker
header firmware/arduino/speaker.keras firmware/arduino/speaker_int8/speaker_int8_model.h \
    speaker_int8 --int8 --input-range 4
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
