#!/bin/sh
# Usage: PYTHON=python sh examples/export/headers.sh [--check]
# Makes the headers of the examples from their .keras files, or with --check compares the files
# there are with what is made now. PYTHON needs h5py and numpy.
cd "$(dirname "$0")" || exit 2
out=../../build/export
mkdir -p $out || exit 2
passed=0 failed=0
for name in speaker_streaming speaker_bidirectional; do
    header=../speakers/$name.h
    [ "$1" = --check ] && target=$out/$name.h || target=$header
    if "${PYTHON:-python3}" -B lstm_export.py ../speakers/$name.keras -o $target --name $name \
        --golden reference && cmp $target $header; then
        passed=$((passed + 1))
    else
        echo "FAILED: examples/speakers/$name.h is not what lstm_export.py makes of $name.keras"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
