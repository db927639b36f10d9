/* measure.h - what the programs for the targets have in common: numbers in text, a digest
 * and the depth of the stack. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>

#include "port.h"

#if defined(__AVR__)
enum { STACK_SEEN = 400 };
#else
enum { STACK_SEEN = 3000 };
#endif
enum { UNTOUCHED = 0xA5 };

static void print_number(const char *name, unsigned long value, unsigned base)
{
    char text[24];
    int at = (int)sizeof text - 1;
    text[at] = '\0';
    do {
        text[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    port_puts(name);
    port_puts(text + at);
}

/* FNV-1a over 32 bits, least significant byte first on every target. */
static uint32_t digest_word(uint32_t sum, uint32_t word)
{
    int shift;
    for (shift = 0; shift < 32; shift += 8) {
        sum = (sum ^ (word >> shift & 255)) * 16777619u;
    }
    return sum;
}

/* How deep a call went: the stack below here is painted before it and looked at after, by
 * an address that the compiler does not connect with an object. */
static volatile uintptr_t stack_bottom;

static PORT_NOINLINE void paint_stack(void)
{
    volatile unsigned char below[STACK_SEEN];
    int k;
    for (k = 0; k < STACK_SEEN; k++) {
        below[k] = UNTOUCHED;
    }
    stack_bottom = (uintptr_t)&below[0];
}

static PORT_NOINLINE unsigned stack_depth(void)
{
    const volatile unsigned char *below = (const volatile unsigned char *)stack_bottom;
    unsigned k = 0;
    while (k < STACK_SEEN && below[k] == UNTOUCHED) {
        k++;
    }
    return STACK_SEEN - k;
}

#endif
