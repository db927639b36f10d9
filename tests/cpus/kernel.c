/* kernel.c - runs one static Linux program on a bare x86-64 CPU, for tests/avx512/run.sh.
 *
 * The program lies in the ROM, behind this kernel. It is loaded to where its headers say and
 * started with an empty environment, in ring 0. Of Linux there are the few system calls that a
 * C library starts, allocates, prints and ends with; all others say ENOSYS. What is printed goes
 * to port 0xE9. */
#include <stddef.h>
#include <stdint.h>

#define ROM_PROGRAM 0xFFE10000u
#define STACK_TOP 0x0F000000u
#define HEAP_END 0x0E000000u

typedef struct elf_header {
    unsigned char ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_headers, section_headers;
    uint32_t flags;
    uint16_t size, program_header_size, program_header_count;
} elf_header;

typedef struct program_header {
    uint32_t type, flags;
    uint64_t offset, address, physical, file_size, memory_size, alignment;
} program_header;

typedef struct output_piece {
    const char *text;
    uint64_t size;
} output_piece;

enum {
    SYS_WRITE = 1,
    SYS_MPROTECT = 10,
    SYS_BRK = 12,
    SYS_WRITEV = 20,
    SYS_EXIT = 60,
    SYS_ARCH_PRCTL = 158,
    SYS_SET_TID_ADDRESS = 218,
    SYS_EXIT_GROUP = 231
};
#define ENOSYS 38
#define EINVAL 22

static uint64_t heap_end;

static void out(uint16_t port, char byte)
{
    __asm__ volatile("outb %0, %1" : : "a"(byte), "d"(port));
}

static void set_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static void print(const char *text)
{
    while (*text != '\0') {
        out(0xE9, *text++);
    }
}

static void print_hex(uint64_t value)
{
    int shift;
    for (shift = 60; shift >= 0; shift -= 4) {
        out(0xE9, "0123456789abcdef"[value >> shift & 15]);
    }
}

/* Bochs ends when "Shutdown" is written to this port. */
__attribute__((noreturn)) static void power_off(void)
{
    const char *word = "Shutdown";
    while (*word != '\0') {
        out(0x8900, *word++);
    }
    for (;;) {
        __asm__ volatile("hlt");
    }
}

static void copy(void *to, const void *from, uint64_t size)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

static void clear(void *p, uint64_t size)
{
    __asm__ volatile("rep stosb" : "+D"(p), "+c"(size) : "a"(0) : "memory");
}

/* Called by system_call of entry.S with the arguments of the program's call */
int64_t linux_call(uint64_t a, uint64_t b, uint64_t c, uint64_t number);
int64_t linux_call(uint64_t a, uint64_t b, uint64_t c, uint64_t number)
{
    const char *text = (const char *)b;
    const output_piece *piece = (const output_piece *)b;
    uint64_t k, sum = 0;
    switch (number) {
    case SYS_WRITE:
        for (k = 0; k < c; k++) {
            out(0xE9, text[k]);
        }
        return (int64_t)c;
    case SYS_WRITEV:
        for (; c > 0; c--, piece++) {
            for (k = 0; k < piece->size; k++) {
                out(0xE9, piece->text[k]);
            }
            sum += piece->size;
        }
        return (int64_t)sum;
    case SYS_BRK:
        if (a > heap_end && a < HEAP_END) {
            clear((void *)heap_end, a - heap_end);
            heap_end = a;
        }
        return (int64_t)heap_end;
    case SYS_ARCH_PRCTL:
        if (a != 0x1002) {
            return -EINVAL;
        }
        set_msr(0xC0000100, b);
        return 0;
    case SYS_MPROTECT: return 0;
    case SYS_SET_TID_ADDRESS: return 1;
    case SYS_EXIT:
    case SYS_EXIT_GROUP:
        print("exit status ");
        print_hex(a & 255);
        print("\n");
        power_off();
    default: return -ENOSYS;
    }
}

/* Called by the interrupts of entry.S */
void fault(uint64_t vector, const uint64_t *stack);
void fault(uint64_t vector, const uint64_t *stack)
{
    int k;
    print("fault ");
    print_hex(vector);
    for (k = 0; k < 4; k++) {
        print(" ");
        print_hex(stack[k]);
    }
    print("\n");
    power_off();
}

extern char vectors[], system_call[];
void start(uint64_t entry, uint64_t stack);

static void set_up_faults(void)
{
    static uint64_t table[64];
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer;
    int k;
    for (k = 0; k < 32; k++) {
        const uint64_t address = (uint64_t)vectors + 16 * (uint64_t)k;
        table[2 * k] = (address & 0xFFFF) | 24u << 16 | (uint64_t)0x8E00 << 32 |
                       (address >> 16 & 0xFFFF) << 48;
        table[2 * k + 1] = address >> 32;
    }
    pointer.limit = sizeof table - 1;
    pointer.base = (uint64_t)table;
    __asm__ volatile("lidt %0" : : "m"(pointer));
    set_msr(0xC0000081, (uint64_t)24 << 32); /* STAR, LSTAR, FMASK */
    set_msr(0xC0000082, (uint64_t)system_call);
    set_msr(0xC0000084, 0);
}

void kernel(void);
void kernel(void)
{
    static const char name[] = "test";
    static const unsigned char random[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const char *image = (const char *)(uint64_t)ROM_PROGRAM;
    const elf_header *elf = (const elf_header *)image;
    const program_header *part = (const program_header *)(image + elf->program_headers);
    uint64_t *stack = (uint64_t *)(uint64_t)STACK_TOP, headers = 0;
    int k;
    set_up_faults();
    for (k = 0; k < elf->program_header_count; k++, part++) {
        if (part->type != 1) {
            continue;
        }
        copy((void *)part->address, image + part->offset, part->file_size);
        clear((void *)(part->address + part->file_size),
              part->memory_size - part->file_size);
        if (part->offset == 0) {
            headers = part->address + elf->program_headers;
        }
        if (part->address + part->memory_size > heap_end) {
            heap_end = (part->address + part->memory_size + 4095) / 4096 * 4096;
        }
    }
    {
        /* argc, argv, environment, and the vector of AT_PHDR, PHENT, PHNUM, PAGESZ, RANDOM */
        const uint64_t words[] = {1,  (uint64_t)name,
                                  0,  0,
                                  3,  headers,
                                  4,  elf->program_header_size,
                                  5,  elf->program_header_count,
                                  6,  4096,
                                  25, (uint64_t)random,
                                  23, 0,
                                  0,  0};
        stack -= 32;
        copy(stack, words, sizeof words);
    }
    start(elf->entry, (uint64_t)stack);
}
