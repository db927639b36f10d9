#!/bin/sh
# Usage: tests/cpus/boot.sh MODEL STATE PROGRAM - runs a static x86-64 Linux program on a CPU of
# Bochs' (MODEL: see bochs -help cpu), with the vector state of that mask in XCR0, and prints what
# it prints. The CPU starts in a ROM of 2 MB with the kernel, the program and, at its end, reset.S.
set -u
here=tests/cpus
work=$3.$1.$2
mkdir -p "$work"
gcc -c -DSTATE="$2" $here/reset.S -o "$work/reset.o" &&
    ld -Ttext=0xFFFFF000 -e first "$work/reset.o" -o "$work/reset.elf" &&
    objcopy -O binary -j .text "$work/reset.elf" "$work/reset.bin" &&
    gcc -std=gnu99 -O2 -Wall -Wextra -ffreestanding -fno-pic -fno-pie -mno-red-zone \
        -mgeneral-regs-only -fno-stack-protector -fcf-protection=none -c $here/kernel.c \
        -o "$work/kernel.o" &&
    gcc -c $here/entry.S -o "$work/entry.o" &&
    ld -static --no-warn-rwx-segments -T $here/kernel.ld -e first "$work/entry.o" \
        "$work/kernel.o" -o "$work/kernel.elf" &&
    objcopy -O binary --set-section-flags .all=alloc,load,contents,code "$work/kernel.elf" \
        "$work/kernel.bin" || exit 2
{
    cat "$work/kernel.bin"
    head -c $((65536 - $(wc -c <"$work/kernel.bin"))) /dev/zero
    cat "$3"
    head -c $((2097152 - 65536 - 4096 - $(wc -c <"$3"))) /dev/zero
    cat "$work/reset.bin"
} >"$work/rom.bin"
if [ "$(wc -c <"$work/rom.bin")" -ne 2097152 ]; then
    echo "$3 is too large for the ROM"
    exit 2
fi
cat >"$work/bochsrc" <<END
romimage: file=$work/rom.bin
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
megs: 256
cpu: model=$1, ips=100000000, reset_on_triple_fault=0
port_e9_hack: enabled=1
display_library: rfb, options="timeout=0"
log: $work/log
sound: driver=dummy
boot: floppy
panic: action=fatal
error: action=report
info: action=ignore
END
echo c >"$work/continue" # Debian's Bochs has its debugger built in
emulate() {
    timeout 300 bochs -q -f "$work/bochsrc" -rc "$work/continue" </dev/null 2>&1 |
        sed -n '/^Next at/,/^exit status/p' | sed 1,2d >"$work/output"
}
emulate
# Once in many runs Bochs itself crashes; kernel.c always prints how a program ended
grep -q '^exit status\|^fault' "$work/output" || emulate
grep -v '^exit status' "$work/output"
grep -q '^exit status 0*$' "$work/output"
