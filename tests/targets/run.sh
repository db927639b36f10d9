#!/bin/sh
# `make targets`: the same program on every target: one digest, Keras' numbers, and what
# it costs. Closes with "N passed, N failed".
#
# Builds forward.c, model.c and a port for each target, runs them in emulators and prints
# a table; then the budgets.
#   case   A: LSTM(10), input (13, 5), Dense(2);  B: LSTM(32), input (10, 64), Dense(2)
#          A8, B8: the same with 8-bit weights, lstm_int8.h
#   flash  what the model's function adds to a program in which it is empty: code and
#          constants, with what they pull in from libgcc; no weights, no layer structs
#   RAM    all static data of the model: h, c, scratch
#   stack  the deepest below main
#   count  instructions of one forward pass (cycles on AVR), both layers and all checks
# Case B is not for AVR: its kernel has 32 KB, more than an object there can have.
#
# LSTM_INCLUDE=directory takes another lstm.h. What is absent is skipped, which in CI
# (CI=true) is a failure. Debian packages: gcc-arm-none-eabi libnewlib-arm-none-eabi
# qemu-system-arm gcc-avr avr-libc libsimavr-dev libelf-dev
# gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc qemu-user clang
# lld nodejs gcc-xtensa-lx106; gcc-* and libc6-dev-*-cross of aarch64, arm, s390x, ppc64.
set -u
cd "$(dirname "$0")/../.." || exit 1
here=tests/targets
out=build/targets
header=${LSTM_INCLUDE:-include}
rm -rf $out
mkdir -p $out
passed=0 failed=0 skipped=0

ok() { passed=$((passed + 1)); }
bad() {
    failed=$((failed + 1))
    echo "FAILED: $*"
}
skip() {
    skipped=$((skipped + 1))
    echo "SKIPPED: $1 ($2 is not installed)"
    [ "${CI:-}" != true ] || bad "$1 was skipped, and this is CI"
}
have() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null 2>&1 || return 1
    done
}

warnings="-Wall -Wextra -Wpedantic -Werror"
common="-I$header -I$here $warnings -ffunction-sections -fdata-sections"

# --- the models -------------------------------------------------------------------------
cc -O1 -std=c99 $here/weights.c -o $out/weights -lm || exit 1
$out/weights 5 10 13 >$out/model_a.c
$out/weights 64 32 10 >$out/model_b.c
for case in A B; do
    mkdir -p $out/int8_$case
    cc -O1 -std=c99 -I"$header" -DCASE_$case $here/weights_int8.c -o $out/weights_int8 -lm &&
        $out/weights_int8 >$out/int8_$case/model_arrays.h || exit 1
done
cases="A B A8 B8"
sources() { # CASE: the files every target compiles
    case $1 in
    ?8)
        echo "$here/forward_int8.c $here/model_int8.c -DCASE_${1%8} -I$out/int8_${1%8}"
        return
        ;;
    esac
    echo "$here/forward.c $here/model.c $out/model_$(echo "$1" | tr AB ab).c -DCASE_$1"
}
weight_bytes() { # CASE
    case $1 in
    A) echo $((4 * (640 + 22))) ;;
    B) echo $((4 * (12416 + 66))) ;;
    A8) echo $((640 + 2 * 15 + 6 * 40 + 20 + 6 * 2)) ;;
    B8) echo $((12288 + 2 * 96 + 6 * 128 + 64 + 6 * 2)) ;;
    esac
}

# --- the table --------------------------------------------------------------------------
heading() {
    printf '%-22s %-4s %-5s %-9s %-8s %6s %5s %6s %9s\n' target case flags digest keras \
        flash RAM stack count
}
field() { # NAME LINE
    echo "$2" | tr ' ' '\n' | sed -n "s/^$1=//p"
}

# row NAME CASE FLAGS LINE STATUS FLASH RAM - one line of the table, and its checks. All
# digests are to be that of the first row with the case and these bits; 8-bit weights have
# only one.
bits=fused # or apart: a CPU without fused multiply-adds, or LSTM_NO_FMA
row() {
    digest=$(field digest "$4") stack=$(field stack "$4") count=$(field ticks "$4")
    keras=$(field keras "$4")
    [ "${count:-0}" != 0 ] || count=-
    printf '%-22s %-4s %-5s %-9s %-8s %6s %5s %6s %9s\n' "$1" "$2" "$3" "$digest" \
        "$keras" "$6" "$7" "$stack" "$count"
    echo "$1|$2|$3|$6|$7|$stack|$count" >>$out/results
    of=$out/digest_$2_$bits
    case $2 in ?8) of=$out/digest_$2 ;; esac
    [ -f "$of" ] || echo "$digest" >"$of"
    want=$(cat "$of")
    if [ "$5" -eq 0 ] && [ "$keras" = ok ]; then ok; else
        bad "$1 $2 $3: exit status $5: $4"
    fi
    if [ -n "$digest" ] && [ "$digest" = "$want" ]; then ok; else
        bad "$1 $2 $3: digest $digest, elsewhere $want"
    fi
}

text_size() { # TOOLS FILE: bytes of code and constants
    "$1size" "$2" | awk 'NR == 2 { print $1 + $2 }'
}
model_size() { # KINDS TOOLS FILE: bytes of the model's symbols of these kinds of nm
    "$2nm" -S --defined-only "$3" | {
        sum=0
        while read -r _ size kind name; do
            case $kind$name in
            *model_forward | *model_input | *model_run | *model_inputs | *model_expected) ;;
            [$1]model_*) sum=$((sum + 0x$size)) ;;
            esac
        done
        echo $sum
    }
}
# Only what is called may be linked: no other activation, no merge, and no heap, which a
# Linux program has by itself.
check_symbols() { # NAME TOOLS FILE
    case $2 in *linux*) heap=no_heap ;; *) heap='malloc|_*sbrk' ;; esac
    if "$2nm" "$3" | grep -E " [tT] (lstm_impl_all_|lstm_impl_emit_|$heap)" |
        grep -vE 'lstm_impl_(all_(tanh|sigmoid|linear)|emit_store)'; then
        bad "$1: linked, though nothing calls it"
    else
        ok
    fi
    # 8-bit weights: no float of libgcc, no function of lstm.h
    case $1 in
    *" A8 "* | *" B8 "*)
        case $2 in *linux*) floats=lstm_impl_ ;; *) floats='__aeabi_[fd]|__(add|sub|mul|div|fix|float)[a-z]*[sd]f|lstm_impl_' ;; esac
        if "$2nm" "$3" | grep -E " [tT] ($floats)"; then
            bad "$1: floats are linked"
        else
            ok
        fi
        ;;
    esac
}

# target NAME CASE FLAGS TOOLS COMPILER... - compile, link, run by run_it, and a row.
# TOOLS is the prefix of nm and size.
target() {
    name=$1 case=$2 flags=$3 tools=$4
    shift 4
    # shellcheck disable=SC2046
    if ! "$@" $(sources "$case") -o $out/x.elf ||
        ! "$@" $(sources "$case") -DSTUB -o $out/stub.elf; then
        bad "$name $case $flags does not compile"
        return
    fi
    line=$(run_it $out/x.elf)
    status=$?
    flash=- ram=-
    if [ "$tools" = wasm ]; then
        flash=$(($(wc -c <$out/x.elf) - $(wc -c <$out/stub.elf)))
        flash=$((flash - $(weight_bytes "$case")))
    elif [ -n "$tools" ]; then
        flash=$(($(text_size "$tools" $out/x.elf) - $(text_size "$tools" $out/stub.elf)))
        flash=$((flash - $(model_size rRtT "$tools" $out/x.elf)))
        ram=$(model_size bBdD "$tools" $out/x.elf)
        check_symbols "$name $case $flags" "$tools" $out/x.elf
    fi
    row "$name" "$case" "$flags" "$line" $status "$flash" "$ram"
}

heading

# --- this PC: its digests are those all others have to have -----------------------------
run_it() { "$1"; }
on_pc=apart # what a default build gives here
case $(uname -m) in
x86_64) grep -qw fma /proc/cpuinfo && grep -qw avx2 /proc/cpuinfo && on_pc=fused ;;
*) on_pc=fused ;;
esac
for compiler in cc gcc clang; do
    have $compiler || continue
    for simd in '' -DLSTM_NO_SIMD; do
        for case in $cases; do
            bits=$on_pc
            # shellcheck disable=SC2086
            target "PC, $compiler${simd:+ portable}" $case -O2 '' $compiler -std=c99 -O2 \
                $common $simd $here/port_hosted.c
        done
    done
    for case in A B; do
        bits=apart
        # shellcheck disable=SC2086
        target "PC, $compiler, no FMA" $case -O2 '' $compiler -std=c99 -O2 $common \
            -DLSTM_NO_FMA $here/port_hosted.c
    done
done

# --- Cortex-M ---------------------------------------------------------------------------
run_cortexm() { # ELF
    timeout 60 qemu-system-arm -M "$board" -display none -monitor none -serial none \
        -chardev stdio,id=s -semihosting-config enable=on,target=native,chardev=s \
        -icount shift="$shift",sleep=off -kernel "$1"
}
# cortexm NAME BOARD TICK CASE FLAGS OPTIONS... - TICK: nanoseconds of a SysTick, times
# 100. SysTick has 24 bits: where floats are in software, an instruction takes 16 ns, not
# 64.
cortexm() {
    name=$1 board=$2 tick=$3 case=$4 flags=$5
    shift 5
    case $name in *M0 | *M3) shift=4 ;; *) shift=6 ;; esac
    case $name in *M0 | *M3 | *"no FMA") bits=apart ;; *) bits=fused ;; esac
    run_it() { run_cortexm "$1"; }
    # shellcheck disable=SC2086
    target "$name" "$case" "$flags" arm-none-eabi- arm-none-eabi-gcc -mthumb -std=c99 \
        $flags -ffreestanding $common -DTICK_NS_100="$tick" -DICOUNT_SHIFT=$shift \
        $here/port_cortexm.c -nostartfiles --specs=nosys.specs -T $here/cortexm.ld \
        -Wl,--gc-sections "$@"
}
m4f="-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16"
m55="-mcpu=cortex-m55 -mfloat-abi=hard"
cortexm_cores() { # CASE LEVEL
    cortexm Cortex-M0 microbit 6250 "$1" "$2" -mcpu=cortex-m0
    cortexm Cortex-M3 mps2-an385 4000 "$1" "$2" -mcpu=cortex-m3
    # shellcheck disable=SC2086
    cortexm Cortex-M4F mps2-an386 4000 "$1" "$2" $m4f
    cortexm Cortex-M7 mps2-an500 4000 "$1" "$2" -mcpu=cortex-m7 -mfloat-abi=hard \
        -mfpu=fpv5-d16
    cortexm Cortex-M33 mps2-an505 5000 "$1" "$2" -mcpu=cortex-m33 -mfloat-abi=hard \
        -mfpu=fpv5-sp-d16 -Wl,--defsym=ROM0=0x10000000 -Wl,--defsym=RAM0=0x30000000
    # shellcheck disable=SC2086
    cortexm Cortex-M55 mps3-an547 3125 "$1" "$2" $m55
}
has_cortexm=no
if have arm-none-eabi-gcc qemu-system-arm; then
    has_cortexm=yes
    for case in $cases; do
        for level in -Os -O2; do
            cortexm_cores "$case" "$level"
        done
    done
else
    skip Cortex-M "arm-none-eabi-gcc or qemu-system-arm"
fi

# --- AVR --------------------------------------------------------------------------------
has_avr=no
if have avr-gcc && echo '#include <simavr/sim_avr.h>' | cc -E - >/dev/null 2>&1 &&
    cc -O1 $here/avr_run.c -lsimavr -lelf -o $out/avr_run; then
    has_avr=yes
    bits=apart
    for mcu in atmega2560 atmega328p; do
        run_it() { timeout 60 $out/avr_run "$mcu" "$1" 2>$out/cycles; }
        for level in -Os -O2; do
            for case in A A8; do
                # shellcheck disable=SC2086
                target $mcu $case $level avr- avr-gcc -mmcu=$mcu -DF_CPU=16000000UL \
                    -std=gnu99 $level $common $here/port_avr.c -Wl,--gc-sections -lm
            done
        done
    done
else
    skip AVR "avr-gcc or libsimavr-dev"
fi

# --- RISC-V -----------------------------------------------------------------------------
if have riscv64-unknown-elf-gcc qemu-system-riscv32; then
    run_it() {
        timeout 60 qemu-system-riscv32 -M virt -bios none -display none -monitor none \
            -serial none -chardev stdio,id=s \
            -semihosting-config enable=on,target=native,chardev=s \
            -icount shift=0 -kernel "$1"
    }
    for isa in rv32imafc:ilp32f rv32imac:ilp32; do
        case $isa in *f) bits=fused ;; *) bits=apart ;; esac
        for case in $cases; do
            # shellcheck disable=SC2086
            target ${isa%:*} $case -O2 riscv64-unknown-elf- riscv64-unknown-elf-gcc \
                -march=${isa%:*} -mabi=${isa#*:} -std=gnu99 -O2 $common \
                $here/port_hosted.c --specs=picolibc.specs --oslib=semihost \
                --crt0=hosted -Wl,--gc-sections -Wl,--defsym=__flash=0x80000000 \
                -Wl,--defsym=__flash_size=0x80000 -Wl,--defsym=__ram=0x80080000 \
                -Wl,--defsym=__ram_size=0x20000 -Wl,--defsym=__stack_size=0x2000
        done
    done
else
    skip RISC-V "riscv64-unknown-elf-gcc or qemu-system-riscv32"
fi

# --- Linux, little and big endian; gnu99 is where GCC would fuse by itself --------------
plugin=$out/count.so
cc -std=c99 -O2 -shared -fPIC $here/count.c -o $plugin || plugin=
run_linux() { # ELF
    label=$("$triple-nm" "$1" | sed -n 's/ . port_label$//p')
    line=$(timeout 60 "$emulator" ${plugin:+-plugin "$PWD/$plugin,at=0x$label"} "$1" \
        2>$out/counted)
    status=$?
    echo "$line" | sed "s/ticks=0/ticks=$(grep '^[0-9]*$' $out/counted)/"
    return $status
}
linux="aarch64-linux-gnu arm-linux-gnueabihf s390x-linux-gnu powerpc64-linux-gnu"
for triple in $linux; do
    cpu=${triple%%-*}
    emulator=qemu-$(echo "$cpu" | sed 's/powerpc64/ppc64/')
    if have "$triple-gcc" "$emulator"; then
        case $cpu in arm) bits=apart ;; *) bits=fused ;; esac # Debian's ARMv7 has no FMA
        run_it() { run_linux "$1"; }
        for case in $cases; do
            for language in c99 gnu99; do
                # shellcheck disable=SC2086
                target "$cpu $language" $case -O2 $triple- $triple-gcc -std=$language \
                    -O2 $common -DPORT_LABEL -static -Wl,--gc-sections $here/port_hosted.c
            done
        done
    else
        skip "$triple" "$triple-gcc or $emulator"
    fi
done

# --- WebAssembly ------------------------------------------------------------------------
if have clang wasm-ld node; then
    run_it() { timeout 60 node $here/run.mjs "$1"; }
    bits=apart
    for simd in '' -msimd128; do
        for case in $cases; do
            # shellcheck disable=SC2086
            target "wasm32${simd:+ SIMD}" $case -O2 wasm clang --target=wasm32 $simd -O2 \
                $common -nostdlib -ffreestanding -Wl,--no-entry -Wl,--strip-all \
                $here/port_wasm.c
        done
    done
else
    skip wasm32 "clang, lld or node"
fi

# --- Xtensa: compiles, there is no emulator for it --------------------------------------
compile_xtensa() { # CASE STUB FILE
    # shellcheck disable=SC2086
    xtensa-lx106-elf-gcc -std=c99 -Os -ffreestanding $common -DCASE_"$1" $2 \
        -c $here/model.c -o "$3"
}
if have xtensa-lx106-elf-gcc; then
    for case in A B; do
        if compile_xtensa $case '' $out/x.o &&
            compile_xtensa $case -DSTUB $out/stub.o; then
            ok
            flash=$(text_size xtensa-lx106-elf- $out/x.o)
            flash=$((flash - $(text_size xtensa-lx106-elf- $out/stub.o)))
            printf '%-22s %-4s %-5s %-18s %6s\n' "Xtensa lx106" $case -Os \
                "compiles, no libgcc" $flash
        else
            bad "Xtensa lx106 does not compile"
        fi
    done
else
    skip Xtensa xtensa-lx106-elf-gcc
fi

# --- sizes the compiler knows and does not know, and LSTM_NO_FMA -------------------------
hidden() { # CASE: options with which the compiler does not know the sizes
    case $1 in A*) set -- 5 10 13 ;; *) set -- 64 32 10 ;; esac
    echo "-DSIZES_AT_RUN_TIME -Wl,--defsym=size_input_dim=$1 -Wl,--defsym=size_units=$2" \
        "-Wl,--defsym=size_timesteps=$3"
}
variants() { # CASE LEVEL
    # shellcheck disable=SC2046,SC2086
    {
        cortexm "M4F, run-time sizes" mps2-an386 4000 "$1" "$2" $m4f $(hidden "$1")
        cortexm "M55, run-time sizes" mps3-an547 3125 "$1" "$2" $m55 $(hidden "$1")
        cortexm "M4F, run-time, no FMA" mps2-an386 4000 "$1" "$2" $m4f $(hidden "$1") \
            -DLSTM_NO_FMA
        cortexm "M4F, constant, no FMA" mps2-an386 4000 "$1" "$2" $m4f -DLSTM_NO_FMA
        cortexm "M55, constant, no FMA" mps3-an547 3125 "$1" "$2" $m55 -DLSTM_NO_FMA
    }
}
if [ $has_cortexm = yes ]; then
    echo
    echo "Sizes that the compiler does not see, or constants as above; LSTM_NO_FMA"
    heading
    for case in A B; do
        for level in -Os -O2; do
            variants "$case" "$level"
        done
    done
    for case in A8 B8; do
        # shellcheck disable=SC2046,SC2086
        cortexm "M4F, run-time sizes" mps2-an386 4000 $case -O2 $m4f $(hidden $case)
    done
fi

# --- budgets ----------------------------------------------------------------------------
# within NAME CASE FLAGS COLUMN LIMIT [AIM] - a row of the tables above keeps to a limit; an AIM
# below the limit is one that is not reached
within() {
    case $4 in flash) column=4 ;; RAM) column=5 ;; stack) column=6 ;; *) column=7 ;; esac
    measured=$(grep "^$1|$2|$3|" $out/results | tail -n 1 | cut -d '|' -f "$column")
    case $measured in
    '' | *[!0-9]*) bad "budget: $1 $2 $3 $4: nothing was measured" ;;
    *)
        if [ "$measured" -le "$5" ]; then
            ok
            echo "within budget: $1 $2 $3 $4: $measured <= $5${6:+, THE AIM OF $6 IS MISSED}"
        else
            bad "budget: $1 $2 $3 $4: $measured, at most $5 allowed"
        fi
        ;;
    esac
}
echo
if [ $has_cortexm = yes ]; then
    for case in A B; do
        within "Cortex-M4F" $case -Os flash 1500
        within "Cortex-M4F" $case -Os flash 1412
        within "M4F, run-time sizes" $case -Os flash 1680 1412
        within "M4F, run-time sizes" $case -Os stack 128
        within "M4F, run-time sizes" $case -O2 stack 128
    done
    within "M4F, run-time sizes" A -Os RAM 240
    within "M4F, run-time sizes" B -Os RAM 768
    within "M4F, run-time sizes" A -O2 count 50400
    within "M4F, run-time sizes" B -O2 count 384000
    within "M4F, run-time sizes" A -Os count 58400
    within "M4F, run-time sizes" B -Os count 440000
    within "Cortex-M55" B -O2 count 260000
    within "M55, run-time sizes" B -O2 count 260000
fi
if [ $has_cortexm = yes ]; then
    for case in A8 B8; do
        within "Cortex-M0" $case -Os flash 2048
        within "Cortex-M4F" $case -O2 flash 1228
    done
    within "Cortex-M0" A8 -Os count 85000
    within "Cortex-M0" B8 -Os count 800000
    within "Cortex-M3" A8 -O2 count 47000
    within "Cortex-M3" B8 -O2 count 375000
    within "Cortex-M4F" A8 -O2 count 40000
    within "Cortex-M4F" B8 -O2 count 250000
    within "M4F, run-time sizes" A8 -O2 count 40000
    within "M4F, run-time sizes" B8 -O2 count 250000
    within "Cortex-M55" A8 -O2 count 35000
    within "Cortex-M55" B8 -O2 count 120000
fi
if [ $has_avr = yes ]; then
    within atmega2560 A8 -Os count 1000000
    within atmega2560 A8 -Os RAM 150
    within atmega2560 A -Os count 4500000 4200000
fi
[ $skipped -eq 0 ] || echo "$skipped kinds of target were skipped"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
