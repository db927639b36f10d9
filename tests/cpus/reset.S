/* The last 4 KB below 4 GB: what an x86 CPU runs first. From real mode to 64-bit mode with all
 * vector state that the CPU has, then kernel.c, copied from the start of the ROM to 1 MB. */
#ifndef STATE
#define STATE 0xE7 /* of XCR0: x87, SSE, AVX and the three of AVX-512 */
#endif
#define PAGES 0x1000 /* PML4, its one table, and four of 2 MB pages */
#define KERNEL 0x100000
#define KERNEL_LEN 0x10000
#define ROM 0xFFE00000 /* 2 MB */
#define HERE(label) (0xFFFFF000 + label - first)

    .section .text
    .globl first
first:
    .code16
real_mode:
    cli
    lgdtl %cs:0xF000 + gdt_pointer - first
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $8, $HERE(protected_mode)

    .code32
protected_mode:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $PAGES, %edi
    xorl %eax, %eax
    movl $6144, %ecx
    cld
    rep stosl
    movl $PAGES + 0x1003, PAGES
    movl $PAGES + 0x2003, PAGES + 0x1000
    movl $PAGES + 0x3003, PAGES + 0x1008
    movl $PAGES + 0x4003, PAGES + 0x1010
    movl $PAGES + 0x5003, PAGES + 0x1018
    movl $PAGES + 0x2000, %edi
    movl $0x83, %eax
fill:
    movl %eax, (%edi)
    addl $8, %edi
    addl $0x200000, %eax
    jnc fill
    movl $PAGES, %eax
    movl %eax, %cr3
    movl $0x620, %eax /* OSXMMEXCPT, OSFXSR, PAE */
    movl %eax, %cr4
    movl $0xC0000080, %ecx
    rdmsr
    orl $0x101, %eax /* long mode, SYSCALL */
    wrmsr
    movl $0x80000033, %eax /* paging, errors of floats, protected mode; no emulation */
    movl %eax, %cr0
    ljmpl $24, $HERE(long_mode)

    .code64
long_mode:
    movl $1, %eax
    cpuid
    btl $26, %ecx /* XSAVE */
    jnc no_state
    movq %cr4, %rax
    orl $0x40000, %eax /* OSXSAVE */
    movq %rax, %cr4
    movl $0xD, %eax /* what state there can be */
    xorl %ecx, %ecx
    cpuid
    andl $STATE, %eax
    xorl %edx, %edx
    xorl %ecx, %ecx
    xsetbv
no_state:
    movl $ROM, %esi
    movl $KERNEL, %edi
    movl $KERNEL_LEN / 8, %ecx
    rep movsq
    movl $0x80000, %esp
    movl $KERNEL, %eax
    jmp *%rax

    .balign 8
gdt:
    .quad 0
    .quad 0x00CF9B000000FFFF /* 8: 32-bit code */
    .quad 0x00CF93000000FFFF /* 16: data */
    .quad 0x00AF9B000000FFFF /* 24: 64-bit code */
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long HERE(gdt)

    .org 0xFF0
    .code16
reset:
    .byte 0xE9 /* near jump to real_mode: the address wraps within 64 KB */
    .word real_mode - (reset + 3)
    .org 0x1000

    .section .note.GNU-stack, "", @progbits
