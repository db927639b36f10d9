/* board_qemu.c - a Cortex-M4F board (ARM's MPS2 with AN386) as QEMU has it: start-up,
 * printing by semihosting, SysTick as a stopwatch.
 *
 * QEMU is to run with -icount shift=6: then an instruction takes 64 ns of the board's
 * time, a SysTick of its 25 MHz clock 40 ns, and the count is exact. */
#include "board.h"

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYSTICK_CONTROL REGISTER(0xE000E010)
#define SYSTICK_RELOAD REGISTER(0xE000E014)
#define SYSTICK_VALUE REGISTER(0xE000E018)
#define COPROCESSOR_ACCESS REGISTER(0xE000ED88)

#define UNUSED_STACK 0xDEADBEEFu

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20 };
enum { TICK_NS = 40, INSTRUCTION_NS = 64, LAST_TICK = 0xFFFFFF };

extern uint32_t link_data[], link_data_end[], link_data_load[]; /* board_qemu.ld */
extern uint32_t link_bss[], link_bss_end[], link_stack[], link_stack_end[];

int main(void);
void Reset_Handler(void);
void Fault_Handler(void);

const char board_count_unit[] = "instructions";

static void semihost(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void board_init(void)
{
    SYSTICK_RELOAD = LAST_TICK;
    SYSTICK_CONTROL = 5; /* on, at the clock of the processor, without interrupts */
}

void board_print(const char *text)
{
    semihost(SYS_WRITE0, text);
}

void board_exit(int status)
{
    const uint32_t arguments[2] = {0x20026, (uint32_t)status}; /* "application exit" */
    semihost(SYS_EXIT_EXTENDED, arguments);
    for (;;) {
    }
}

void board_start_count(void)
{
    SYSTICK_VALUE = 0; /* and the next tick makes it LAST_TICK */
}

unsigned long board_count(void)
{
    const uint32_t ticks = LAST_TICK - SYSTICK_VALUE;
    return (unsigned long)((uint64_t)ticks * TICK_NS / INSTRUCTION_NS);
}

unsigned long board_stack_used(void)
{
    const uint32_t *word = link_stack;
    while (word < link_stack_end && *word == UNUSED_STACK) {
        word++;
    }
    return (unsigned long)((uintptr_t)link_stack_end - (uintptr_t)word);
}

/* What no handler expects: a real board would rather reset. */
void Fault_Handler(void)
{
    board_print("fault\n");
    board_exit(99);
}

static void fill(uint32_t *to, const uint32_t *end, uint32_t value)
{
    while (to < end) {
        *to++ = value;
    }
}

void Reset_Handler(void)
{
    uint32_t *to, *from = link_data_load;
    for (to = link_data; to < link_data_end;) {
        *to++ = *from++;
    }
    fill(link_bss, link_bss_end, 0);
    fill(link_stack, (uint32_t *)__builtin_frame_address(0) - 16, UNUSED_STACK);
    COPROCESSOR_ACCESS |= 0xFu << 20; /* the FPU, before any float is touched */
    __asm__ volatile("dsb\n isb");
    board_exit(main());
}

static const struct {
    uint32_t *stack;
    void (*handlers[15])(void);
} vectors __attribute__((section(".vectors"), used)) = {link_stack_end,
                                                        {Reset_Handler, Fault_Handler,
                                                         Fault_Handler, Fault_Handler,
                                                         Fault_Handler, Fault_Handler}};
