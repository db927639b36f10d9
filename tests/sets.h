/* sets.h - the instruction sets that this CPU can run, in two kinds, the portable one first: those
 * that round a product and its sum apart, and those that fuse them. Each kind has one set of bits.
 * Include it after lstm.h, with LSTM_TEST_SET defined. */
#ifndef SETS_H
#define SETS_H

typedef struct instruction_sets {
    int sets[8], count;
} instruction_sets;

static inline void add_set(instruction_sets *to, int set, int runs)
{
    if (runs) {
        to->sets[to->count++] = set;
    }
}

static inline void find_sets(instruction_sets *apart, instruction_sets *fused)
{
#if defined(LSTM_NO_SIMD) || !defined(__GNUC__)
    (void)fused;
    add_set(apart, LSTM_IMPL_PORTABLE, 1);
#elif defined(__x86_64__) && defined(LSTM_NO_DISPATCH) && !defined(__AVX2__) && \
    !defined(__FMA__)
    (void)fused;
    add_set(apart, LSTM_IMPL_PORTABLE, 1);
    add_set(apart, LSTM_IMPL_VECTOR4, 1);
#elif defined(__x86_64__)
#if defined(__FMA__) && !defined(LSTM_NO_FMA)
    instruction_sets *const by_flags = fused;
#else
    instruction_sets *const by_flags = apart;
#endif
    const int avx2 = __builtin_cpu_supports("avx2") != 0;
    const int avx512 = __builtin_cpu_supports("avx512f") != 0;
    add_set(by_flags, LSTM_IMPL_PORTABLE, 1);
    add_set(by_flags, LSTM_IMPL_VECTOR4, 1);
#if defined(LSTM_NO_FMA)
    add_set(apart, LSTM_IMPL_AVX2, avx2);
    add_set(apart, LSTM_IMPL_AVX512, avx512 && avx2);
#else
    {
        const int fma = __builtin_cpu_supports("fma") != 0;
        if (by_flags == apart) {
            add_set(fused, LSTM_IMPL_PORTABLE_FMA, fma);
        }
        add_set(fused, LSTM_IMPL_VECTOR4_FMA, fma);
        add_set(fused, LSTM_IMPL_AVX2, fma && avx2);
        add_set(fused, LSTM_IMPL_AVX512, fma && avx512 && avx2);
    }
#endif
#else
    (void)fused;
    add_set(apart, LSTM_IMPL_PORTABLE, 1);
    add_set(apart, LSTM_IMPL_VECTOR4, LSTM_SCRATCH_LEN(1) > 4);
#endif
}

#endif
