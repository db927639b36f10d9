#!/bin/sh
# size.sh PROGRAM.elf - what the parts of the firmware take, in bytes, by its symbols.
${NM:-arm-none-eabi-nm} -S "$1" | awk '
function value(hex, k, n) {
    for (k = 1; k <= length(hex); k++) {
        n = n * 16 + index("0123456789abcdef", substr(hex, k, 1)) - 1
    }
    return n
}
NF == 4 {
    size = value($2)
    if ($3 ~ /[bBdD]/) {
        part = "RAM, all static data"
        if ($4 ~ /^(state|scratch|memory|answer)$/) {
            part = "RAM, state, scratch, answer"
        }
    } else if ($4 ~ /^recorded_/) {
        part = "flash, recordings"
    } else if ($4 ~ /^[a-z]+\.[0-9]+$/) {
        part = "flash, self-test"
    } else if ($4 ~ /^speaker_.*_(weights|scales|multipliers|bias|layer)$/) {
        part = "flash, weights"
    } else {
        part = "flash, code"
    }
    sum[part] += size
}
END {
    sum["RAM, all static data"] += sum["RAM, state, scratch, answer"]
    for (part in sum) {
        printf "%-28s %7d\n", part, sum[part]
    }
}' | sort
