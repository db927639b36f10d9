/* choice.h - which instruction set the API chooses on every kind of CPU: the compiler's question,
 * what the CPU has, is answered by the test. Include it with the options to test defined; with
 * AS_ON_WINDOWS the choice is that of Windows: GCC has no wide vectors there, and clang asks the
 * CPU itself, so that its answers must be the compiler's. */
#include "check.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(LSTM_NO_DISPATCH) && \
    (!defined(LSTM_NO_SIMD) || !defined(LSTM_NO_FMA))
#define HAS_CHOICE 1
#else
#define HAS_CHOICE 0
#endif
#if defined(AS_ON_WINDOWS) && !defined(_WIN32)
#define _WIN32
#endif
#if defined(_WIN32) && defined(__clang__)
#define ASKS_ITSELF 1
#else
#define ASKS_ITSELF 0
#endif

#if HAS_CHOICE && !ASKS_ITSELF
static int has_fma, has_avx2, has_avx512;

static int supports(const char *name)
{
    return strcmp(name, "fma") == 0       ? has_fma
           : strcmp(name, "avx2") == 0    ? has_avx2
           : strcmp(name, "avx512f") == 0 ? has_avx512
                                          : 0;
}
#define __builtin_cpu_supports(name) supports(name)
#endif

#include "lstm.h"

#if HAS_CHOICE && !ASKS_ITSELF

/* The sets of this build: the widest vectors, those for AVX2, and for all other CPUs */
#if defined(LSTM_NO_SIMD)
static const int wide[3] = {LSTM_IMPL_PORTABLE_FMA, LSTM_IMPL_PORTABLE_FMA,
                            LSTM_IMPL_PORTABLE};
#elif defined(_WIN32) && defined(LSTM_NO_FMA)
static const int wide[3] = {LSTM_IMPL_VECTOR4, LSTM_IMPL_VECTOR4, LSTM_IMPL_VECTOR4};
#elif defined(_WIN32)
static const int wide[3] = {LSTM_IMPL_VECTOR4_FMA, LSTM_IMPL_VECTOR4_FMA,
                            LSTM_IMPL_VECTOR4};
#else
static const int wide[3] = {LSTM_IMPL_AVX512, LSTM_IMPL_AVX2, LSTM_IMPL_VECTOR4};
#endif
#ifdef LSTM_NO_FMA
static const int needs_fma = 0;
#else
static const int needs_fma = 1;
#endif

static void a_cpu(int fma, int avx2, int avx512, int want)
{
    has_fma = fma;
    has_avx2 = avx2;
    has_avx512 = avx512;
    CHECK((int)lstm_impl_choose() == want);
}

static void a_cpu_without_avx2_has_the_narrowest_set(void)
{
    a_cpu(0, 0, 0, wide[2]);
    a_cpu(0, 0, 1, wide[2]);
    a_cpu(1, 0, 0, wide[2]);
    a_cpu(1, 0, 1, wide[2]);
}

static void avx2_is_used_with_fma_or_where_nothing_is_fused(void)
{
    a_cpu(0, 1, 0, needs_fma ? wide[2] : wide[1]);
    a_cpu(1, 1, 0, wide[1]);
}

static void avx512_is_used_together_with_avx2(void)
{
    a_cpu(0, 1, 1, needs_fma ? wide[2] : wide[0]);
    a_cpu(1, 1, 1, wide[0]);
}

int main(void)
{
    RUN(a_cpu_without_avx2_has_the_narrowest_set);
    RUN(avx2_is_used_with_fma_or_where_nothing_is_fused);
    RUN(avx512_is_used_together_with_avx2);
    return check_report();
}

#elif HAS_CHOICE

static void what_the_cpu_says_is_what_the_compiler_says(void)
{
    const unsigned cpu = lstm_impl_cpu();
    CHECK((cpu & 1u) == (__builtin_cpu_supports("fma") ? 1u : 0u));
    CHECK((cpu & 2u) == (__builtin_cpu_supports("avx2") ? 2u : 0u));
    CHECK((cpu & 4u) == (__builtin_cpu_supports("avx512f") ? 4u : 0u));
    CHECK(cpu < 8u);
}

int main(void)
{
    RUN(what_the_cpu_says_is_what_the_compiler_says);
    return check_report();
}

#else

static void without_a_choice_there_is_one_set(void)
{
    const int set = (int)lstm_impl_choose();
    CHECK(set >= LSTM_IMPL_PORTABLE && set <= LSTM_IMPL_AVX512);
    CHECK(set != LSTM_IMPL_PORTABLE_FMA && set != LSTM_IMPL_VECTOR4_FMA);
#if defined(LSTM_NO_SIMD)
    CHECK(set == LSTM_IMPL_PORTABLE);
#endif
}

int main(void)
{
    RUN(without_a_choice_there_is_one_set);
    return check_report();
}

#endif
