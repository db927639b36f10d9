/* A test on an AVR: stdout and stderr are UART 0, and the exit status is main's.
 * Built together with -Dmain=test_main of the test. */
#include <stdio.h>

#include "port.h"

int test_main(void);

static int put_to_port(char c, FILE *stream)
{
    const char text[2] = {c, '\0'};
    (void)stream;
    port_puts(text);
    return 0;
}

int main(void)
{
    port_init();
    stdout = stderr = fdevopen(put_to_port, NULL);
    port_exit(test_main());
    return 0;
}
