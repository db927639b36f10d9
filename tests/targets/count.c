/* count.c - a plugin for QEMU (plugin API version 1) that counts instructions: prints
 * to stderr how many were executed between the last two times that the address at=0x...
 * was. Debian has no header for plugins, so what is used of it is declared here.
 *     cc -shared -fPIC count.c -o count.so
 *     qemu-aarch64 -plugin ./count.so,at=0x400880 ./x */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint64_t plugin_id;
typedef void (*translated)(plugin_id id, struct qemu_plugin_tb *block);
typedef void (*executed)(unsigned cpu, void *data);
typedef void (*at_exit)(plugin_id id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, translated callback);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            executed callback, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
                                                int operation, void *to, uint64_t value);
void qemu_plugin_register_atexit_cb(plugin_id id, at_exit callback, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block,
                                                 size_t k);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

enum { NO_REGISTERS = 0, ADD = 0 };

int qemu_plugin_version = 1;
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

static uint64_t count, start, between, address;

static void on_address(unsigned cpu, void *data)
{
    (void)cpu;
    (void)data;
    between = count - start;
    start = count;
}

static void on_block(plugin_id id, struct qemu_plugin_tb *block)
{
    const size_t n = qemu_plugin_tb_n_insns(block);
    (void)id;
    for (size_t k = 0; k < n; k++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, k);
        if (qemu_plugin_insn_vaddr(insn) == address) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_address, NO_REGISTERS, NULL);
        }
        qemu_plugin_register_vcpu_insn_exec_inline(insn, ADD, &count, 1);
    }
}

static void on_exit_of_program(plugin_id id, void *data)
{
    (void)id;
    (void)data;
    fprintf(stderr, "%llu\n", (unsigned long long)between);
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int k = 0; k < argc; k++) {
        if (strncmp(argv[k], "at=", 3) == 0) {
            address = strtoull(argv[k] + 3, NULL, 16);
        }
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
    qemu_plugin_register_atexit_cb(id, on_exit_of_program, NULL);
    return 0;
}
