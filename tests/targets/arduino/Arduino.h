/* Arduino.h - as much of Arduino as the sketch in examples/firmware wants, to compile it
 * without Arduino: for AVR under simavr, and for a PC. */
#ifndef ARDUINO_H
#define ARDUINO_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <avr/pgmspace.h>

enum { LED_BUILTIN = 13, OUTPUT = 1, HIGH = 1, HEX = 16 };

struct __FlashStringHelper;
#define F(text) (reinterpret_cast<const __FlashStringHelper *>(PSTR(text)))

struct SerialPort {
    void begin(unsigned long baud);
    void print(const __FlashStringHelper *text);
    void print(char letter);
    void print(int value);
    void print(unsigned long value, int base);
    void println();
};
extern SerialPort Serial;

void pinMode(int pin, int mode);
void digitalWrite(int pin, int value); /* ends the program: the sketch's alarm */
void setup();
void loop();

#endif
