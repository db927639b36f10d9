/* port_wasm.c - WebAssembly without a C library; run.mjs supplies env.puts. */
#include "port.h"

__attribute__((import_module("env"), import_name("puts"))) void js_puts(const char *text);

int main(void);

void port_init(void)
{
}

void port_puts(const char *text)
{
    js_puts(text);
}

void port_exit(int status)
{
    (void)status;
}

unsigned long port_ticks(void)
{
    return 0;
}

__attribute__((export_name("run"))) int run(void)
{
    return main();
}
