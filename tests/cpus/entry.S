/* The kernel's first instruction, its system calls and its interrupts. The program runs in ring 0
 * and may keep values below its stack pointer, so a call goes over to a stack of the kernel's. */
    .section .text.first, "ax"
    .globl first
first:
    jmp kernel

    .text
    .globl system_call
system_call:
    movq %rsp, saved_stack(%rip)
    movl $0x90000, %esp
    pushq %rcx /* where to go on */
    pushq %r11 /* flags */
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %r8
    pushq %r9
    pushq %r10
    movq %rax, %rcx
    call linux_call
    popq %r10
    popq %r9
    popq %r8
    popq %rdx
    popq %rsi
    popq %rdi
    popfq
    popq %rcx
    movq saved_stack(%rip), %rsp
    jmp *%rcx

    .globl start
start:
    movq %rsi, %rsp
    xorl %edx, %edx
    xorl %ebp, %ebp
    jmp *%rdi

    .globl vectors
vectors:
    .set vector, 0
    .rept 32
    .balign 16
    movl $vector, %edi
    movq %rsp, %rsi
    jmp to_fault
    .set vector, vector + 1
    .endr
to_fault:
    movl $0x98000, %esp
    call fault

    .bss
    .balign 8
saved_stack:
    .quad 0

    .section .note.GNU-stack, "", @progbits
