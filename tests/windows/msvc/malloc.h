#ifndef MSVC_MALLOC_H
#define MSVC_MALLOC_H
#include <stddef.h>
void *__cdecl _aligned_malloc(size_t size, size_t alignment);
void __cdecl _aligned_free(void *p);
#endif
