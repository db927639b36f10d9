/* port.h - the four things that differ from target to target. */
#ifndef PORT_H
#define PORT_H

#if defined(__GNUC__)
#define PORT_NOINLINE __attribute__((noinline))
#else
#define PORT_NOINLINE
#endif

void port_init(void);
void port_puts(const char *text);
void port_exit(int status);

/* instructions or cycles, or 0 where nobody counts them */
unsigned long port_ticks(void);

#endif
