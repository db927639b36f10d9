/* port_cortexm.c - start-up of a Cortex-M0 to M55 under QEMU: semihosting prints and
 * exits, SysTick counts. With -icount shift=6 an instruction takes 2^6 ns of the board's
 * time, so the count is the same in every run, and exact to a tick. On a real board the
 * vector table, the copying of .data and the FPU's switch stay; the semihosting goes. */
#include "port.h"

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYSTICK_CONTROL REGISTER(0xE000E010)
#define SYSTICK_RELOAD REGISTER(0xE000E014)
#define SYSTICK_VALUE REGISTER(0xE000E018)
#define COPROCESSOR_ACCESS REGISTER(0xE000ED88)

#ifndef ICOUNT_SHIFT
#define ICOUNT_SHIFT 6
#endif
#ifndef TICK_NS_100
#define TICK_NS_100 4000 /* hundredths of a nanosecond per SysTick: the board's clock */
#endif

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, SYSTICK_LAST = 0xFFFFFF };

extern uint32_t link_data[], link_data_end[], link_data_load[], link_bss[],
    link_bss_end[];
extern uint32_t link_stack[];
int main(void);
void Reset_Handler(void);
void Fault_Handler(void);

static void semihost(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void port_init(void)
{
    SYSTICK_RELOAD = SYSTICK_LAST;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = 5;
    while (SYSTICK_VALUE == 0) {
    }
}

void port_puts(const char *text)
{
    semihost(SYS_WRITE0, text);
}

void port_exit(int status)
{
    const uint32_t arguments[2] = {0x20026, (uint32_t)status}; /* "application exit" */
    semihost(SYS_EXIT_EXTENDED, arguments);
    for (;;) {
    }
}

unsigned long port_ticks(void)
{
    return (unsigned long)((uint64_t)(SYSTICK_LAST - SYSTICK_VALUE) * TICK_NS_100 / 100 >>
                           ICOUNT_SHIFT);
}

void Fault_Handler(void)
{
    port_puts("fault\n");
    port_exit(99);
}

void Reset_Handler(void)
{
    uint32_t *to, *from = link_data_load;
    for (to = link_data; to < link_data_end; to++) {
        *to = *from++;
    }
    for (to = link_bss; to < link_bss_end; to++) {
        *to = 0;
    }
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    COPROCESSOR_ACCESS |= 0xFu << 20;
    __asm__ volatile("dsb\n isb");
#endif
    port_exit(main());
}

static const struct {
    uint32_t *stack;
    void (*handlers[15])(void);
} vectors __attribute__((section(".vectors"), used)) = {link_stack,
                                                        {Reset_Handler, Fault_Handler,
                                                         Fault_Handler, Fault_Handler,
                                                         Fault_Handler, Fault_Handler}};
