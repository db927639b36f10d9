/* port_hosted.c - a PC, and Linux programs under qemu-user, where count.c counts between
 * two calls of port_ticks: it wants the address of the label. On bare RISC-V, picolibc's
 * semihosting prints and exits, and minstret counts instructions. */
#include "port.h"

#include <stdio.h>
#include <stdlib.h>

void port_init(void)
{
}

void port_puts(const char *text)
{
    fputs(text, stdout);
}

void port_exit(int status)
{
    exit(status);
}

unsigned long port_ticks(void)
{
    unsigned long ticks = 0;
#if defined(__riscv)
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrr %0, minstret\n.option pop"
                     : "=r"(ticks));
#elif defined(PORT_LABEL)
    __asm__ volatile(".globl port_label\nport_label: nop");
#endif
    return ticks;
}
