/* port_avr.c - AVR under simavr: UART 0 prints, timer 1 counts cycles, GPIOR0 holds the
 * exit status for avr_run.c when the CPU goes to sleep for good. */
#include "port.h"

#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

/* of timer 1: the upper half of the cycle count */
static volatile unsigned int overflows;

ISR(TIMER1_OVF_vect)
{
    overflows++;
}

void port_init(void)
{
    UCSR0B = 1 << TXEN0;
    TCCR1A = 0;
    TCCR1B = 1;
    TIMSK1 = 1;
    sei();
}

void port_puts(const char *text)
{
    for (; *text != '\0'; text++) {
        while (!(UCSR0A & (1 << UDRE0))) {
        }
        UDR0 = (unsigned char)*text;
    }
}

unsigned long port_ticks(void)
{
    unsigned int low, high;
    cli();
    low = TCNT1;
    high = overflows;
    if ((TIFR1 & 1) && low < 0x8000u) { /* overflowed just now, not counted yet */
        high++;
    }
    sei();
    return ((unsigned long)high << 16) | low;
}

void port_exit(int status)
{
    GPIOR0 = (unsigned char)status;
    cli();
    sleep_enable();
    for (;;) {
        sleep_cpu();
    }
}
