#!/bin/sh
# Usage: PYTHON=python tests/golden/check.sh - makes all golden vectors again and compares them
# with the files. PYTHON needs the packages of tests/requirements.txt; TORCH_PYTHON (default
# /usr/bin/python3, with Debian's python3-torch) needs numpy and torch.
cd "$(dirname "$0")" || exit 2
status=0
check() { # check INTERPRETER TOOL
    "$1" -B "generate_$2.py" --check "$2.txt" 2>../../build/golden.log && return
    grep -v Warning ../../build/golden.log | tail -n 3
    echo "FAILED: $2.txt is not what generate_$2.py makes with $1"
    status=1
}
mkdir -p ../../build
check "${PYTHON:-python3}" keras
check "${PYTHON:-python3}" onnx
check "${TORCH_PYTHON:-/usr/bin/python3}" torch
exit $status
