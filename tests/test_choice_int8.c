/* Which vectors lstm_int8.h chooses on every kind of CPU: the compiler's question, what the CPU
 * has, is answered by the test. */
#include "check.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(_WIN32) && \
    !defined(LSTM_NO_DISPATCH) && !defined(LSTM_NO_SIMD)
#define HAS_CHOICE 1
#else
#define HAS_CHOICE 0
#endif

#if HAS_CHOICE
static int has_avx2, has_avx512f, has_avx512bw, has_avx512vnni;

static int supports(const char *name)
{
    return strcmp(name, "avx2") == 0         ? has_avx2
           : strcmp(name, "avx512f") == 0    ? has_avx512f
           : strcmp(name, "avx512bw") == 0   ? has_avx512bw
           : strcmp(name, "avx512vnni") == 0 ? has_avx512vnni
                                             : 0;
}
#define __builtin_cpu_supports(name) supports(name)
#endif

#include "lstm_int8.h"

#if HAS_CHOICE

/* The bytes of a vector: by the compiler's flags alone, and the most that it can write */
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
static const int by_flags = 64;
#elif defined(__AVX2__)
static const int by_flags = 32;
#else
static const int by_flags = 16;
#endif
#if defined(__clang__) ? __clang_major__ < 11 : __GNUC__ < 8
static const int most = 32;
#else
static const int most = 64;
#endif

static void a_cpu(int avx2, int avx512f, int avx512bw, int vnni, int want)
{
    has_avx2 = avx2;
    has_avx512f = avx512f;
    has_avx512bw = avx512bw;
    has_avx512vnni = vnni;
    want = want > most ? most : want;
    CHECK(lstm_int8_impl_width() == (want < by_flags ? by_flags : want));
}

static void a_cpu_without_avx2_has_vectors_of_16_bytes(void)
{
    a_cpu(0, 0, 0, 0, 16);
    if (by_flags == 16) {
        a_cpu(0, 1, 1, 1, 16);
    }
}

static void avx2_is_used_without_avx512(void)
{
    a_cpu(1, 0, 0, 0, 32);
}

static void vnni_needs_all_three_parts_of_avx512(void)
{
    a_cpu(1, 1, 1, 1, 64);
    a_cpu(1, 0, 1, 1, 32);
    a_cpu(1, 1, 0, 1, 32);
    a_cpu(1, 1, 1, 0, 32); /* Skylake-X */
    a_cpu(1, 1, 0, 0, 32);
}

int main(void)
{
    RUN(a_cpu_without_avx2_has_vectors_of_16_bytes);
    RUN(avx2_is_used_without_avx512);
    RUN(vnni_needs_all_three_parts_of_avx512);
    return check_report();
}

#else

static void without_a_choice_the_flags_decide(void)
{
    const int width = lstm_int8_impl_width();
    CHECK(width == 16 || width == 32 || width == 64);
#if defined(LSTM_NO_SIMD) || !defined(__AVX2__)
    CHECK(width == 16);
#endif
}

int main(void)
{
    RUN(without_a_choice_the_flags_decide);
    return check_report();
}

#endif
