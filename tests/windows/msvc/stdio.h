/* Of the C library for Windows, what the digest needs: for clang --target=x86_64-pc-windows-msvc
 * where there are no headers of Microsoft's. Linked with msvcrt.dll. */
#ifndef MSVC_STDIO_H
#define MSVC_STDIO_H
#include <stddef.h>
typedef struct FILE FILE;
FILE *__cdecl __acrt_iob_func(unsigned which);
#define stderr __acrt_iob_func(2)
int __cdecl printf(const char *format, ...);
int __cdecl fprintf(FILE *file, const char *format, ...);
int __cdecl snprintf(char *text, size_t size, const char *format, ...);
#endif
