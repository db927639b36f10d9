/* pgmspace.h - AVR's PROGMEM on a PC, which has one memory. */
#ifndef PGMSPACE_H
#define PGMSPACE_H

#include <string.h>

#define PROGMEM
#define PSTR(text) (text)
#define pgm_read_byte(p) (*(const unsigned char *)(p))
#define pgm_read_float(p) (*(const float *)(p))
#define memcpy_P memcpy

#endif
