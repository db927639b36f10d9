/* The set that the API chooses on CPUs with and without AVX2, FMA and AVX-512 */
#include "choice.h"
