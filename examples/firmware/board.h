/* board.h - all that the firmware asks of a board. board_qemu.c is a Cortex-M4F in QEMU,
 * board_pc.c a PC; for your board write a third one. */
#ifndef BOARD_H
#define BOARD_H

void board_init(void);
void board_print(const char *text);

/* Ends the program, where there is something to go back to. */
void board_exit(int status);

/* A stopwatch: how many of board_count_unit since board_start_count, 10 million at most;
 * 0 where there is none. */
void board_start_count(void);
unsigned long board_count(void);
extern const char board_count_unit[];

/* Bytes of the stack that were ever used; 0 where nobody looks. */
unsigned long board_stack_used(void);

#endif
