/* board_pc.c - the same firmware as a program of a PC, to compare with. */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>

const char board_count_unit[] = "counts";

void board_init(void)
{
}

void board_print(const char *text)
{
    fputs(text, stdout);
}

void board_exit(int status)
{
    exit(status);
}

void board_start_count(void)
{
}

unsigned long board_count(void)
{
    return 0;
}

unsigned long board_stack_used(void)
{
    return 0;
}
