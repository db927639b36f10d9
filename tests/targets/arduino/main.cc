/* main.cc - runs a sketch: setup(), then loop() nine times, then port_exit(0). It prints
 * through the port of the target. */
#include "Arduino.h"

extern "C" {
#include "port.h"
}

SerialPort Serial;

static void print_letter(char letter)
{
    const char text[2] = {letter, '\0'};
    port_puts(text);
}

void SerialPort::begin(unsigned long)
{
}

void SerialPort::print(const __FlashStringHelper *text)
{
    const char *at = reinterpret_cast<const char *>(text);
    for (char letter; (letter = static_cast<char>(pgm_read_byte(at))) != '\0'; at++) {
        print_letter(letter);
    }
}

void SerialPort::print(char letter)
{
    print_letter(letter);
}

void SerialPort::print(unsigned long value, int base)
{
    char digits[24];
    int count = 0;
    do {
        digits[count++] = "0123456789ABCDEF"[value % static_cast<unsigned>(base)];
        value /= static_cast<unsigned>(base);
    } while (value != 0);
    while (count > 0) {
        print_letter(digits[--count]);
    }
}

void SerialPort::print(int value)
{
    print(static_cast<unsigned long>(value), 10);
}

void SerialPort::println()
{
    print_letter('\n');
}

void pinMode(int, int)
{
}

void digitalWrite(int, int)
{
    port_exit(1);
}

int main()
{
    port_init();
    setup();
    for (int k = 0; k < 9; k++) {
        loop();
    }
    port_exit(0);
    return 0;
}
