#!/bin/sh
# `make web`: build/web/index.html and build/web/web.wasm. Needs clang and lld, no Emscripten.
# Look at it with `python3 -m http.server -d build/web`: browsers load no .wasm from a file.
set -eu
cd "$(dirname "$0")/../.."
out=build/web
mkdir -p $out $out-data
sh examples/web/data.sh examples/speakers/vowels_test.txt examples/amplifier/riff.wav \
    >$out-data/data.h
${WASM_CC:-clang} --target=wasm32 -std=c99 -O2 -msimd128 -mbulk-memory -ffreestanding -nostdlib \
    -Wall -Wextra -Wpedantic -Werror -Iinclude -Iexamples -I$out-data -Wl,--no-entry \
    examples/web/web.c -o $out/web.wasm
cp examples/web/index.html $out
echo "$out: index.html $(wc -c <$out/index.html) bytes, web.wasm $(wc -c <$out/web.wasm) bytes"
