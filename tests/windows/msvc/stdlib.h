#ifndef MSVC_STDLIB_H
#define MSVC_STDLIB_H
#include <stddef.h>
void *__cdecl calloc(size_t count, size_t size);
void *__cdecl malloc(size_t size);
void __cdecl free(void *p);
void __cdecl exit(int status);
#endif
