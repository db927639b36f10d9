/* avr_run MCU FILE.elf - runs an AVR program under libsimavr until it sleeps with
 * interrupts off; passes its UART on, and exits with its GPIOR0 (simavr exits with 0).
 * Prints to stderr how many cycles it took. */
#include <stdio.h>
#include <string.h>

#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>
#include <simavr/sim_irq.h>

enum { GPIOR0 = 0x3e };

static void print_byte(struct avr_irq_t *irq, uint32_t value, void *unused)
{
    (void)irq;
    (void)unused;
    putchar((int)value);
}

int main(int argc, char **argv)
{
    elf_firmware_t firmware;
    avr_t *avr;
    uint32_t flags = 0;
    int state;
    memset(&firmware, 0, sizeof firmware);
    if (argc != 3 || elf_read_firmware(argv[2], &firmware) != 0 ||
        (avr = avr_make_mcu_by_name(argv[1])) == NULL) {
        fprintf(stderr, "usage: avr_run MCU FILE.elf\n");
        return 2;
    }
    avr_init(avr);
    avr->log = LOG_ERROR;
    firmware.frequency = 16000000;
    avr_load_firmware(avr, &firmware);
    avr_ioctl(avr, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
    flags &= ~(uint32_t)AVR_UART_FLAG_STDIO;
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    avr_irq_register_notify(
        avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), print_byte,
        NULL);
    do {
        state = avr_run(avr);
    } while (state != cpu_Done && state != cpu_Crashed && avr->cycle < 2000000000u);
    fprintf(stderr, "%llu\n", (unsigned long long)avr->cycle);
    return state == cpu_Done ? avr->data[GPIOR0] : 3;
}
