/* The header alone: nothing may come of it. */
#include "lstm.h"
typedef int a_file_is_not_empty;
