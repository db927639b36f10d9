/* The same as on Windows, where vectors of GCC have four floats and clang asks the CPU itself */
#define AS_ON_WINDOWS
#include "choice.h"
