#!/bin/sh
# `make coverage`: every line and every branch of include/lstm.h and lstm_int8.h, in the portable build, is taken
# by the tests, but for the choice of a set, which `make cpus` and tests/test_choice*.c see to. Needs gcc, gcov and gcovr. Nothing is inlined, so that a branch is counted once. Ends with "N passed, N failed".
set -u
out=build/coverage
rm -rf "$out"
mkdir -p "$out"
for source in tests/test_*.c; do
    name=$(basename "$source" .c)
    gcc -std=c99 -O0 --coverage -D__always_inline__=__unused__ -DLSTM_NO_SIMD -Iinclude -Itests -Iexamples "$source" \
        -o "$out/$name" -lm || exit 1
    "$out/$name" >"$out/$name.log" || { echo "$name fails"; exit 1; }
done
if gcovr --root . --filter 'include/lstm(_int8)?\.h' --object-directory "$out" --branches \
    --exclude-branches-by-pattern '.*(LSTM_IMPL_CALL|has_vnni [?]).*' --fail-under-branch 100 --txt "$out/branches.txt" "$out" &&
    gcovr --root . --filter 'include/lstm(_int8)?\.h' --fail-under-line 100 "$out" >"$out/lines.txt"; then
    status=0
else
    status=1
fi
grep '^include' "$out/lines.txt" "$out/branches.txt" | sed 's/.*txt://'
[ "$status" -eq 0 ] && echo "1 passed, 0 failed" || echo "0 passed, 1 failed"
exit "$status"
