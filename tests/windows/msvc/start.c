/* The entry of a program for Windows without Microsoft's start files: what the linker wants of a
 * C library, and a call of main. */
#include <stddef.h>
#include <stdlib.h>

typedef struct FILE FILE;
FILE *__cdecl __iob_func(void);
FILE *__cdecl __acrt_iob_func(unsigned which);
int main(int argc, char **argv);
void start(void);

int _fltused; /* says that floats are in use */

/* FILE is 48 bytes long in msvcrt.dll. */
FILE *__cdecl __acrt_iob_func(unsigned which)
{
    return (FILE *)((char *)__iob_func() + 48 * which);
}

void start(void)
{
    char name[] = "digest";
    char *argv[2];
    argv[0] = name;
    argv[1] = NULL;
    exit(main(1, argv));
}

/* What Microsoft's library has for functions of more than a page of stack: touches every page of the
 * rax bytes below, and changes no register. */
__asm__(".globl __chkstk\n"
        "__chkstk:\n"
        "    push %rcx\n"
        "    push %rax\n"
        "    lea 24(%rsp), %rcx\n"
        "1:  sub $4096, %rcx\n"
        "    sub $4096, %rax\n"
        "    jbe 2f\n"
        "    orb $0, (%rcx)\n"
        "    jmp 1b\n"
        "2:  pop %rax\n"
        "    pop %rcx\n"
        "    ret\n");
