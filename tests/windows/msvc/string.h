#ifndef MSVC_STRING_H
#define MSVC_STRING_H
#include <stddef.h>
void *__cdecl memcpy(void *to, const void *from, size_t size);
void *__cdecl memmove(void *to, const void *from, size_t size);
void *__cdecl memset(void *p, int byte, size_t size);
int __cdecl memcmp(const void *a, const void *b, size_t size);
#endif
