/* How many bytes the vectors of lstm_int8.h's sums have on this CPU, and the digest of
 * tests/digest/digest_int8.c */
#define main digest_main
#include "../digest/digest_int8.c"
#undef main

int main(int argc, char **argv)
{
    printf("%d ", lstm_int8_impl_width());
    return digest_main(argc, argv);
}
