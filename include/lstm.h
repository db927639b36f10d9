/* lstm.h - trained LSTM models in C: Keras' numbers, one header, no dependency, no heap.
 * Version 0.1.0
 * SPDX-License-Identifier: MIT
 *
 * ABOUT
 * The LSTM layer of Keras (a step, a sequence, a batch, masks, Bidirectional) and its
 * Dense layer, over plain float arrays. Weights are used in place, in the order that
 * get_weights() returns them, so a const array in flash is enough. What is not done as
 * Keras does it is refused with an error. Copy this file and include it; there is nothing
 * to build. What a user needs is under TYPES, SIZES and API.
 *
 * QUICK START
 *
 *   #include <stdio.h>
 *   #include "lstm.h"
 *   static const float weights[LSTM_PARAM_COUNT(1, 1)] = { // of a Keras LSTM(1)
 *       0.5f, -0.4f, 0.9f, 0.3f,  0.2f, 0.7f, -0.6f, 0.1f,  0.0f, 1.0f, 0.0f, 0.0f};
 *   int main(void)
 *   {
 *       const float x[3] = {1.0f, -2.0f, 0.5f};            // [timesteps][input_dim]
 *       float h[1] = {0}, c[1] = {0}, scratch[LSTM_SCRATCH_LEN(1)];
 *       lstm_layer lstm;
 *       if (lstm_layer_init(&lstm, 1, 1, weights, LSTM_PARAM_COUNT(1, 1)) != LSTM_OK ||
 *           lstm_forward(&lstm, x, 3, h, c, NULL, scratch) != LSTM_OK) { return 1; }
 *       printf("h = %.6f\n", (double)h[0]);
 *       return 0;
 *   }
 *
 * SHAPES AND LAYOUT (row-major: the last index runs fastest)
 *   x                 [batch][timesteps][input_dim]
 *   h, c              [batch][units]       the state, one pair per stream
 *   y                 [batch][timesteps][units] with return_sequences, else
 *                     [batch][units]
 *   kernel            [input_dim][4*units] gate blocks i, f, c, o
 *   recurrent_kernel  [units][4*units]
 *   bias              [4*units]
 *   One step: i, f, g, o are the four blocks of x*kernel + h*recurrent_kernel + bias;
 *   c' = sigmoid(f)*c + sigmoid(i)*tanh(g);  h' = sigmoid(o)*tanh(c').
 *
 * OPTIONS (define before including, the same in every file of a program)
 *   LSTM_API          how functions are declared: static inline (default), static (then
 *                     compilers name the unused ones), or in C++ only inline, for one
 *                     copy in a program of many files
 *   LSTM_NO_SIMD      portable C only
 *   LSTM_NO_DISPATCH  no choice of x86 kernels at run time: what the compiler's flags say
 *   LSTM_USE_FMA      1: fused multiply-adds where the CPU has them: faster, but other
 *                     last bits than without, see NUMERICS. On x86 give the compiler
 *                     -mfma too. Default 0
 *   LSTM_EXPF(x)      e^x from elsewhere, for example expf after #include <math.h>;
 *                     default built in
 *   LSTM_TANHF(x)     tanh x, likewise
 *   LSTM_LOAD(p)      how a layer's weight at p is read; default *(p). AVR:
 *                     pgm_read_float(p)
 *
 * ERRORS
 * Arguments are checked once, at entry, and on an error nothing at all is written:
 *   LSTM_ERR_NULL    a pointer is NULL where data is needed
 *   LSTM_ERR_SHAPE   input_dim or units is zero, sizes do not fit together, or an array
 *                    would have more bytes than size_t can hold
 *   LSTM_ERR_OPTION  an enum holds a value it does not have
 *   LSTM_ERR_WEIGHT_COUNT  weight_count is not that of a layer of these sizes
 * Where several apply, it is one of them. No timesteps, no batch or no rows are no error
 * if the layer is valid: LSTM_OK, no data is needed, and h, c and y stay as they are.
 *
 * NUMERICS
 * All is float32, with + - * / alone and each sum taken in one fixed order. So with IEEE
 * 754 arithmetic the same bits come out of every CPU and compiler, whatever the vector
 * width and the batch, and however a sequence is split into calls (but for the sign and
 * payload of a NaN, and the outputs of masked steps before the first used one of a call).
 *   Order     A gate starts at its bias, takes the products of x in order, then those
 *             of h with an even index; those of h with an odd index are summed apart and
 *             added last. A Dense output sums the products k, k+8, k+16, ... apart for k
 *             = 0..7, adds these eight sums in pairs (k with k+4, k+2, k+1), then the
 *             bias.
 *   Accuracy  tanh is within 2.5 ULP of the true value for every float, sigmoid within
 *             2.9.
 *   Flags     The last bits do change with -ffast-math and -Ofast (which honour no NaN
 *             either), with GCC's -fno-signed-zeros and clang's -ffp-contract=fast, where
 *             FLT_EVAL_METHOD is not 0 (x87; on s390x, GCC's ISO modes without
 *             -fexcess-precision=fast), and for denormals where clang vectorises for
 *             32-bit NEON, which has none.
 *   FMA       LSTM_USE_FMA rounds a product and its sum at once: other bits, but again
 *             the same ones wherever the compiler's target has fused multiply-adds. On
 *             x86 without -mfma only vectors of 8 and 16 fuse, if the CPU is found to
 *             have them, and portable C does not.
 *
 * MEMORY AND THREADS
 *   weights   const, shared by all streams and threads, may live in flash
 *   state     h and c, one pair per stream; zeros to begin with
 *   scratch   LSTM_SCRATCH_LEN floats, one per thread, never read before it is written
 * There are no static variables. x, masks and weights are only read; the arrays of a call
 * must not overlap. No pointer needs more alignment than a float's; weights at a multiple
 * of 64 bytes are read fastest.
 */
#ifndef LSTM_H
#define LSTM_H

#define LSTM_VERSION_MAJOR 0
#define LSTM_VERSION_MINOR 1
#define LSTM_VERSION_PATCH 0

#include <stddef.h>
#include <stdint.h>

/* ---- OPTIONS ----------------------------------------------------------------------- */

#ifndef LSTM_API
#define LSTM_API static inline
#define LSTM_IMPL_IN_CALLER 1
#else
#define LSTM_IMPL_IN_CALLER 0
#endif

#ifndef LSTM_USE_FMA
#define LSTM_USE_FMA 0
#endif
#if LSTM_USE_FMA != 0 && LSTM_USE_FMA != 1
#error "LSTM_USE_FMA must be 0 or 1"
#endif

#ifdef LSTM_LOAD
#define LSTM_IMPL_CUSTOM_LOAD 1
#else
#define LSTM_IMPL_CUSTOM_LOAD 0
#define LSTM_LOAD(p) (*(p))
#endif

/* In front of a weight array of the user's: the alignment that is read fastest. */
#if !defined(__GNUC__) || defined(__AVR__) || \
    (defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M')
#define LSTM_ALIGNED
#else
#define LSTM_ALIGNED __attribute__((__aligned__(64)))
#endif

/* ---- COMPILER ---------------------------------------------------------------------- */

/* Kernels stay out of line: GCC makes worse loops of run-time shapes once they are
 * inlined. Those stamped for a vector width are not copied for the arrays of one caller
 * either: where these are shorter than a vector, GCC would warn of a call that never
 * comes. What drives the kernels is inlined as the compiler sees fit: where the options
 * of a layer are constants, most of it folds away. LSTM_IMPL_AT_CALL is for the functions
 * of the API that look up activations: where a layer is constant, so is what is found,
 * and no other activation is linked. LSTM_IMPL_EACH is a loop to unroll.
 * LSTM_IMPL_EACH_PART is one to unroll unless code is to be short (LSTM_IMPL_SHORT) or
 * GCC has vectors, in which it would mix the parts up. */
#if defined(__GNUC__)
#define LSTM_IMPL_KERNEL static __attribute__((noinline, unused))
#define LSTM_IMPL_INLINE static inline __attribute__((always_inline))
#define LSTM_IMPL_RESTRICT __restrict__
#define LSTM_IMPL_ABS(x) __builtin_fabsf(x)
#else
#define LSTM_IMPL_KERNEL static
#define LSTM_IMPL_INLINE static inline
#define LSTM_IMPL_RESTRICT
#define LSTM_IMPL_ABS(x) ((x) < 0.0f ? -(x) : (x))
#endif
#if defined(__GNUC__) && !defined(__clang__)
#define LSTM_IMPL_STAMPED LSTM_IMPL_KERNEL __attribute__((noclone))
#else
#define LSTM_IMPL_STAMPED LSTM_IMPL_KERNEL
#endif
#define LSTM_IMPL_DRIVER static inline
#if defined(__GNUC__) && LSTM_IMPL_IN_CALLER
#define LSTM_IMPL_AT_CALL __attribute__((always_inline))
#else
#define LSTM_IMPL_AT_CALL
#endif
#if defined(__clang__)
#define LSTM_IMPL_EACH(v, n) _Pragma("clang loop unroll(full)") for (v = 0; v < (n); v++)
#elif defined(__GNUC__) && __GNUC__ >= 8
#define LSTM_IMPL_EACH(v, n) _Pragma("GCC unroll 8") for (v = 0; v < (n); v++)
#else
#define LSTM_IMPL_EACH(v, n) for (v = 0; v < (n); v++)
#endif
#if defined(__OPTIMIZE_SIZE__)
#define LSTM_IMPL_SHORT 1
#else
#define LSTM_IMPL_SHORT 0
#endif
#if LSTM_IMPL_SHORT || \
    (!defined(__clang__) && (defined(__SSE2__) || defined(__aarch64__)))
#define LSTM_IMPL_EACH_PART(part, n) for (part = 0; part < (n); part++)
#else
#define LSTM_IMPL_EACH_PART(part, n) LSTM_IMPL_EACH(part, n)
#endif

/* __builtin_mul_overflow: a division less per check, which matters without a divider */
#if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 5)
#define LSTM_IMPL_HAS_OVERFLOW 1
#else
#define LSTM_IMPL_HAS_OVERFLOW 0
#endif

/* Whether floats have registers, so that several sums at once are faster than one. */
#if defined(__AVR__) || defined(__SOFTFP__) || defined(__riscv_float_abi_soft)
#define LSTM_IMPL_HAS_FPU 0
#else
#define LSTM_IMPL_HAS_FPU 1
#endif

/* LSTM_IMPL_ROUND(x): x has the value of a float here, and what went into it stays apart
 * from what comes after. GCC's GNU modes fuse a product and a later sum into one fma
 * where the target has it and keep x87 values wider than float; an empty asm that may
 * change x prevents both. Clang fuses within one expression only, so a product of its own
 * statement is safe. */
#if defined(__SSE__) || defined(__x86_64__)
#define LSTM_IMPL_REGISTER "+v"
#elif defined(__aarch64__)
#define LSTM_IMPL_REGISTER "+w"
#elif defined(__arm__) && defined(__ARM_FP)
#define LSTM_IMPL_REGISTER "+t"
#elif defined(__powerpc__) || defined(__s390__) || defined(__riscv_flen)
#define LSTM_IMPL_REGISTER "+f"
#else
#define LSTM_IMPL_REGISTER "+m"
#endif
#if (defined(__GNUC__) && !defined(__clang__) && defined(__FP_FAST_FMAF)) || \
    (defined(__GNUC__) && defined(__FAST_MATH__)) ||                         \
    (defined(__GNUC__) && defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0)
#define LSTM_IMPL_ROUND(x) __asm__("" : LSTM_IMPL_REGISTER(x))
#else
#define LSTM_IMPL_ROUND(x) ((void)0)
#endif

/* Whether the products of sums are to be fused and the target is known to do so. */
#if LSTM_USE_FMA && defined(__GNUC__) &&                                        \
    (defined(__FP_FAST_FMAF) || defined(__FMA__) || defined(__aarch64__) ||     \
     defined(__ARM_FEATURE_FMA) || defined(__powerpc__) || defined(__s390__) || \
     defined(__riscv_flen))
#define LSTM_IMPL_FUSED 1
#else
#define LSTM_IMPL_FUSED 0
#endif

/* What the portable kernel takes eight columns in: floats, or with Helium, the vectors of
 * a Cortex-M55, two vectors. */
#if defined(__GNUC__) && defined(__ARM_FEATURE_MVE) && !LSTM_IMPL_CUSTOM_LOAD && \
    !defined(LSTM_NO_SIMD)
#define LSTM_IMPL_HELIUM (__ARM_FEATURE_MVE >= 2)
#else
#define LSTM_IMPL_HELIUM 0
#endif
#if LSTM_IMPL_HELIUM
typedef float lstm_impl_piece __attribute__((vector_size(16), aligned(4), may_alias));
#define LSTM_IMPL_PIECES 2
#define LSTM_IMPL_LOAD_PIECE(p, v) (((const lstm_impl_piece *)(p))[v])
#if LSTM_IMPL_FUSED
#define LSTM_IMPL_ADD_PRODUCT(sum, a, weights)                                    \
    do {                                                                          \
        const lstm_impl_piece zero_of_sum = {0};                                  \
        const lstm_impl_piece factor = (a)-zero_of_sum, of_sum = (weights);       \
        __asm__("vfma.f32 %q0, %q1, %q2" : "+w"(sum) : "w"(of_sum), "w"(factor)); \
    } while (0)
#else
#define LSTM_IMPL_ADD_PRODUCT(sum, a, weights)     \
    do {                                           \
        lstm_impl_piece product = (weights) * (a); \
        __asm__("" : "+w"(product));               \
        sum += product;                            \
    } while (0)
#endif
#else
typedef float lstm_impl_piece;
#define LSTM_IMPL_PIECES 8
#define LSTM_IMPL_LOAD_PIECE(p, v) LSTM_LOAD((p) + (v))
#define LSTM_IMPL_ADD_PRODUCT(sum, a, weight) sum = lstm_impl_multiply_add(sum, a, weight)
#endif
#define LSTM_IMPL_PIECE(p, v) (((lstm_impl_piece *)(p))[v])

/* SIMD by the compilers' vector types: LSTM_IMPL_LANES is the widest vector of floats
 * that the target is known to have, 0 for portable C. With a run-time choice (hosted x86)
 * that is the widest there is a kernel for. GCC makes scalar code of vectors wider than
 * the target's. */
#if defined(LSTM_NO_SIMD) || LSTM_IMPL_CUSTOM_LOAD || !defined(__GNUC__)
#define LSTM_IMPL_LANES 0
#define LSTM_IMPL_DISPATCH 0
#elif defined(__x86_64__) && !defined(LSTM_NO_DISPATCH) && __STDC_HOSTED__
#define LSTM_IMPL_LANES 16
#define LSTM_IMPL_DISPATCH 1
#else
#define LSTM_IMPL_DISPATCH 0
#if defined(__AVX512F__)
#define LSTM_IMPL_LANES 16
#elif defined(__AVX2__)
#define LSTM_IMPL_LANES 8
#elif defined(__SSE2__) || defined(__aarch64__) || defined(__wasm_simd128__) || \
    defined(__VSX__)
#define LSTM_IMPL_LANES 4
#else
#define LSTM_IMPL_LANES 0
#endif
#endif

#if LSTM_IMPL_LANES
/* What the kernels of one width need: three vector types, an unaligned one, how to round
 * a product (see LSTM_IMPL_ROUND), and a minimum and maximum which give b where b is a
 * NaN. */
#define LSTM_IMPL_VECTOR_TYPES(L)                                        \
    typedef float lstm_impl_v##L __attribute__((vector_size(4 * L)));    \
    typedef uint32_t lstm_impl_i##L __attribute__((vector_size(4 * L))); \
    typedef int32_t lstm_impl_n##L __attribute__((vector_size(4 * L)));  \
    typedef float lstm_impl_u##L                                         \
        __attribute__((vector_size(4 * L), aligned(4), may_alias));
LSTM_IMPL_VECTOR_TYPES(4)
LSTM_IMPL_VECTOR_TYPES(8)
LSTM_IMPL_VECTOR_TYPES(16)
#if defined(__clang__)
#define LSTM_IMPL_ROUND_4(x) ((void)0)
#define LSTM_IMPL_ROUND_8(x) ((void)0)
#define LSTM_IMPL_ROUND_16(x) ((void)0)
#else
#if defined(__VSX__)
#define LSTM_IMPL_ROUND_4(x) __asm__("" : "+wa"(x))
#else
#define LSTM_IMPL_ROUND_4(x) LSTM_IMPL_ROUND(x)
#endif
#define LSTM_IMPL_ROUND_8(x) __asm__("" : "+v"(x))
#define LSTM_IMPL_ROUND_16(x) __asm__("" : "+v"(x))
#endif
/* a - b for integers between 2^23 and 2^24. With clang's -ffast-math a sum from which one
 * of its parts is taken off would be gone, so there it is the difference of the bits. */
#if defined(__clang__) && defined(__FAST_MATH__)
#define LSTM_IMPL_LESS(L, a, b)                                           \
    __builtin_convertvector(                                              \
        (lstm_impl_n##L)((lstm_impl_i##L)(a)-lstm_impl_bits_of_float(b)), \
        lstm_impl_v##L)
#else
#define LSTM_IMPL_LESS(L, a, b) ((a) - (b))
#endif
#define LSTM_IMPL_GET(L, p) (*(const lstm_impl_u##L *)(p))
#define LSTM_IMPL_PUT(L, p, v) (*(lstm_impl_u##L *)(p) = (v))
#define LSTM_IMPL_MULTIPLY(L, product, a, b) \
    do {                                     \
        product = (a) * (b);                 \
        LSTM_IMPL_ROUND_##L(product);        \
    } while (0)
/* sum += weights*factor */
#define LSTM_IMPL_ADD_VECTORS(L, sum, weights, factor)          \
    do {                                                        \
        lstm_impl_v##L product_of_two;                          \
        LSTM_IMPL_MULTIPLY(L, product_of_two, weights, factor); \
        (sum) += product_of_two;                                \
    } while (0)
/* all lanes of 16, as a mask */
#if defined(__clang__)
#define LSTM_IMPL_ALL ((unsigned short)65535)
#else
#define LSTM_IMPL_ALL ((short)-1)
#endif
#if LSTM_USE_FMA && (defined(__x86_64__) || defined(__i386__))
#define LSTM_IMPL_ADD_PRODUCT_16(sum, weights, factor) \
    (sum) = __builtin_ia32_vfmaddps512_mask(weights, factor, sum, LSTM_IMPL_ALL, 4)
#define LSTM_IMPL_ADD_PRODUCT_8(sum, weights, factor) \
    (sum) = __builtin_ia32_vfmaddps256(weights, factor, sum)
#else
#define LSTM_IMPL_ADD_PRODUCT_16(sum, weights, factor) \
    LSTM_IMPL_ADD_VECTORS(16, sum, weights, factor)
#define LSTM_IMPL_ADD_PRODUCT_8(sum, weights, factor) \
    LSTM_IMPL_ADD_VECTORS(8, sum, weights, factor)
#endif
#if LSTM_IMPL_FUSED && defined(__FMA__)
#define LSTM_IMPL_ADD_PRODUCT_4(sum, weights, factor) \
    (sum) = __builtin_ia32_vfmaddps(weights, factor, sum)
#elif LSTM_IMPL_FUSED && defined(__aarch64__)
#define LSTM_IMPL_ADD_PRODUCT_4(sum, weights, factor) \
    __asm__("fmla %0.4s, %1.4s, %2.4s" : "+w"(sum) : "w"(weights), "w"(factor))
#elif LSTM_IMPL_FUSED && defined(__VSX__)
#define LSTM_IMPL_ADD_PRODUCT_4(sum, weights, factor) \
    __asm__("xvmaddasp %x0, %x1, %x2" : "+wa"(sum) : "wa"(weights), "wa"(factor))
#else
#define LSTM_IMPL_ADD_PRODUCT_4(sum, weights, factor) \
    LSTM_IMPL_ADD_VECTORS(4, sum, weights, factor)
#endif
/* sum += weights * *p. A multiplication of AVX-512 broadcasts *p at no cost, but to a *p
 * that is used more than once compilers give an instruction of its own. */
#define LSTM_IMPL_ADD_SCALED(L, sum, weights, p)                \
    do {                                                        \
        const lstm_impl_v##L zero_of_sum = {0};                 \
        const lstm_impl_v##L factor_of_sum = *(p)-zero_of_sum;  \
        LSTM_IMPL_ADD_PRODUCT_##L(sum, weights, factor_of_sum); \
    } while (0)
#define LSTM_IMPL_ADD_SCALED_4(sum, weights, p) LSTM_IMPL_ADD_SCALED(4, sum, weights, p)
#define LSTM_IMPL_ADD_SCALED_8(sum, weights, p) LSTM_IMPL_ADD_SCALED(8, sum, weights, p)
#if LSTM_USE_FMA
#define LSTM_IMPL_ADD_SCALED_16(sum, weights, p)                    \
    __asm__("vfmadd231ps {%2%{1to16%}, %1, %0|%0, %1, %2%{1to16%}}" \
            : "+v"(sum)                                             \
            : "v"(weights), "m"(*(p)))
#else
#define LSTM_IMPL_ADD_SCALED_16(sum, weights, p)                   \
    do {                                                           \
        lstm_impl_v16 product_of_two;                              \
        __asm__("vmulps {%2%{1to16%}, %1, %0|%0, %1, %2%{1to16%}}" \
                : "=v"(product_of_two)                             \
                : "v"(weights), "m"(*(p)));                        \
        (sum) += product_of_two;                                   \
    } while (0)
#endif
/* Keeps GCC from reading these weights anew for each of such products. */
#define LSTM_IMPL_READ_ONCE_4(weights) ((void)0)
#define LSTM_IMPL_READ_ONCE_8(weights) ((void)0)
#define LSTM_IMPL_READ_ONCE_16(weights) __asm__("" : "+v"(weights))
/* whether there are registers for wide tiles: 32 rather than 16 */
#define LSTM_IMPL_WIDE_16 1
#define LSTM_IMPL_WIDE_8 0
#if defined(__x86_64__) || defined(__i386__)
#define LSTM_IMPL_WIDE_4 0
#else
#define LSTM_IMPL_WIDE_4 1
#endif
#if defined(__x86_64__) || defined(__i386__)
#define LSTM_IMPL_TARGET_4
#if LSTM_USE_FMA
#define LSTM_IMPL_TARGET_8 __attribute__((target("avx2,fma")))
#else
#define LSTM_IMPL_TARGET_8 __attribute__((target("avx2")))
#endif
#define LSTM_IMPL_TARGET_16 __attribute__((target("avx512f")))
#define LSTM_IMPL_MIN_4(a, b) __builtin_ia32_minps(a, b)
#define LSTM_IMPL_MIN_8(a, b) __builtin_ia32_minps256(a, b)
#define LSTM_IMPL_MAX_4(a, b) __builtin_ia32_maxps(a, b)
#define LSTM_IMPL_MAX_8(a, b) __builtin_ia32_maxps256(a, b)
#if defined(__clang__)
#define LSTM_IMPL_MIN_16(a, b) __builtin_ia32_minps512(a, b, 4)
#define LSTM_IMPL_MAX_16(a, b) __builtin_ia32_maxps512(a, b, 4)
#else
#define LSTM_IMPL_MIN_16(a, b) __builtin_ia32_minps512_mask(a, b, a, LSTM_IMPL_ALL, 4)
#define LSTM_IMPL_MAX_16(a, b) __builtin_ia32_maxps512_mask(a, b, a, LSTM_IMPL_ALL, 4)
#endif
#else
#define LSTM_IMPL_TARGET_4
#define LSTM_IMPL_SELECT_4(m, a, b)                           \
    ((lstm_impl_v4)(((lstm_impl_i4)(m) & (lstm_impl_i4)(a)) | \
                    (~(lstm_impl_i4)(m) & (lstm_impl_i4)(b))))
#define LSTM_IMPL_MIN_4(a, b) LSTM_IMPL_SELECT_4((a) < (b), a, b)
#define LSTM_IMPL_MAX_4(a, b) LSTM_IMPL_SELECT_4((a) > (b), a, b)
#endif
#endif

/* Code for where there are kernels of a width. */
#if LSTM_IMPL_LANES >= 16
#define LSTM_IMPL_AT_16(code) code
#else
#define LSTM_IMPL_AT_16(code)
#endif
#if LSTM_IMPL_LANES >= 8
#define LSTM_IMPL_AT_8(code) code
#else
#define LSTM_IMPL_AT_8(code)
#endif
#if LSTM_IMPL_LANES >= 4
#define LSTM_IMPL_AT_4(code) code
#else
#define LSTM_IMPL_AT_4(code)
#endif
#define LSTM_IMPL_TRY(L, lanes, call)    \
    LSTM_IMPL_AT_##L(if ((lanes) >= L) { \
        call;                            \
        return;                          \
    })

#if defined(LSTM_EXPF) || defined(LSTM_TANHF)
#define LSTM_IMPL_OWN_MATH 0
#else
#define LSTM_IMPL_OWN_MATH 1
#endif

/* ---- TYPES ------------------------------------------------------------------------- */

typedef enum lstm_status {
    LSTM_OK = 0,
    LSTM_ERR_NULL = -1,
    LSTM_ERR_SHAPE = -2,
    LSTM_ERR_OPTION = -3,
    LSTM_ERR_WEIGHT_COUNT = -4
} lstm_status;

/* keras.activations; where Keras has a parameter, its default. */
typedef enum lstm_activation {
    LSTM_DEFAULT =
        0, /* Keras' default there: tanh, sigmoid (recurrent), linear (Dense) */
    LSTM_LINEAR,
    LSTM_TANH,
    LSTM_SIGMOID,
    LSTM_HARD_SIGMOID,        /* Keras 3: clip(x/6 + 1/2, 0, 1) */
    LSTM_HARD_SIGMOID_KERAS2, /* Keras 2: clip(0.2 x + 1/2, 0, 1) */
    LSTM_RELU,
    LSTM_RELU6,
    LSTM_LEAKY_RELU, /* slope 0.2 below 0 */
    LSTM_ELU,        /* alpha 1 */
    LSTM_SELU,
    LSTM_GELU, /* the exact one, with erf */
    LSTM_SILU,
    LSTM_HARD_SILU,
    LSTM_SOFTPLUS,
    LSTM_SOFTSIGN,
    LSTM_EXPONENTIAL,
    LSTM_MISH,
    LSTM_SOFTMAX, /* over the units */
    LSTM_LOG_SOFTMAX
} lstm_activation;

/* keras.layers.LSTM. Fields left zero are Keras' defaults. Flags are true when not 0. */
typedef struct lstm_layer {
    size_t input_dim, units;
    const float *kernel;           /* [input_dim][4*units], gate blocks i f c o */
    const float *recurrent_kernel; /* [units][4*units] */
    const float *bias;             /* [4*units], or NULL: use_bias=False */
    lstm_activation activation, recurrent_activation;
    int return_sequences, go_backwards, zero_output_for_mask;
} lstm_layer;

/* keras.layers.Dense */
typedef struct lstm_dense {
    size_t input_dim, units;
    const float *kernel; /* [input_dim][units] */
    const float *bias;   /* [units], or NULL: use_bias=False */
    lstm_activation activation;
} lstm_dense;

/* Bidirectional's merge_mode */
typedef enum lstm_merge {
    LSTM_MERGE_CONCAT = 0, /* [forward | backward] */
    LSTM_MERGE_SUM,
    LSTM_MERGE_MUL,
    LSTM_MERGE_AVE
} lstm_merge;

/* keras.layers.Bidirectional. The backward half runs against the direction of the forward
 * one, whatever its own go_backwards says, and as in Keras zero_output_for_mask of both
 * halves is return_sequences. */
typedef struct lstm_bidirectional {
    lstm_layer forward, backward;
    lstm_merge merge;
} lstm_bidirectional;

/* ---- SIZES ------------------------------------------------------------------------- */

/* Constant expressions of type size_t, for array bounds and static assertions. */

/* What model.summary() shows for the layer; the timesteps play no part. */
#define LSTM_PARAM_COUNT(input_dim, units) \
    (4 * (size_t)(units) * ((size_t)(input_dim) + (size_t)(units) + 1))
#define LSTM_PARAM_COUNT_NO_BIAS(input_dim, units) \
    (4 * (size_t)(units) * ((size_t)(input_dim) + (size_t)(units)))
#define LSTM_DENSE_PARAM_COUNT(input_dim, units) \
    ((size_t)(units) * ((size_t)(input_dim) + 1))

/* Floats of scratch for lstm_step and lstm_forward; for lstm_forward_batch; and for
 * lstm_bidirectional_forward. None grows with the timesteps or the batch: it is the gates
 * of one step, and on the CPUs of computers those of up to 8 steps or sequences ahead. */
#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64) || defined(_M_IX86) || \
    defined(__aarch64__) || defined(_M_ARM64) || defined(__powerpc64__) ||             \
    defined(__wasm__)
#define LSTM_IMPL_AHEAD 8
#define LSTM_SCRATCH_LEN(units) (36 * (size_t)(units))
#else
#define LSTM_IMPL_AHEAD 1
#define LSTM_SCRATCH_LEN(units) (4 * (size_t)(units))
#endif
#define LSTM_BATCH_SCRATCH_LEN(batch, units) \
    (0 * (size_t)(batch) + LSTM_SCRATCH_LEN(units))
#define LSTM_BIDIRECTIONAL_SCRATCH_LEN(batch, forward_units, backward_units) \
    ((size_t)(forward_units) > (size_t)(backward_units)                      \
         ? LSTM_BATCH_SCRATCH_LEN(batch, forward_units)                      \
         : LSTM_BATCH_SCRATCH_LEN(batch, backward_units))

/* ---- API --------------------------------------------------------------------------- */

/* lstm_status_string - what a status means, in English. Never NULL. */
LSTM_API const char *lstm_status_string(lstm_status status);

/* lstm_param_count, lstm_dense_param_count - the parameters of a layer, as
 * model.summary() counts them: without the bias where bias is NULL. 0 for a NULL layer
 * and where the count does not fit in size_t. */
LSTM_API size_t lstm_param_count(const lstm_layer *layer);
LSTM_API size_t lstm_dense_param_count(const lstm_dense *layer);

/* lstm_layer_init, lstm_layer_init_no_bias - bind a layer to the flat array that
 * get_weights() gives; the second for a layer with use_bias=False.
 *   layer         written: sizes and weight pointers; every option becomes Keras' default
 *   weights       kernel, recurrent_kernel, bias in a row; used in place, not copied
 *   weight_count  floats in weights: exactly LSTM_PARAM_COUNT(input_dim, units), or
 *                 without bias LSTM_PARAM_COUNT_NO_BIAS(input_dim, units)
 * Returns LSTM_OK, LSTM_ERR_NULL, LSTM_ERR_SHAPE (a size is 0 or too large), or
 * LSTM_ERR_WEIGHT_COUNT; on an error the layer is left untouched. */
LSTM_API lstm_status lstm_layer_init(lstm_layer *layer, size_t input_dim, size_t units,
                                     const float *weights, size_t weight_count);
LSTM_API lstm_status lstm_layer_init_no_bias(lstm_layer *layer, size_t input_dim,
                                             size_t units, const float *weights,
                                             size_t weight_count);

/* lstm_dense_init, lstm_dense_init_no_bias - the same for a Dense layer: kernel and bias
 * in a row, weight_count exactly LSTM_DENSE_PARAM_COUNT(input_dim, units), or without
 * bias input_dim*units. */
LSTM_API lstm_status lstm_dense_init(lstm_dense *layer, size_t input_dim, size_t units,
                                     const float *weights, size_t weight_count);
LSTM_API lstm_status lstm_dense_init_no_bias(lstm_dense *layer, size_t input_dim,
                                             size_t units, const float *weights,
                                             size_t weight_count);

/* lstm_step - one timestep, for streaming (keras.layers.LSTMCell).
 *   x        [input_dim]  input
 *   h, c     [units]      state, in and out
 *   scratch  LSTM_SCRATCH_LEN(units) floats
 * Returns LSTM_OK, LSTM_ERR_NULL, LSTM_ERR_SHAPE or LSTM_ERR_OPTION; on an error nothing
 * is written. The layer's three flags play no part. Called for each step in turn it gives
 * the bits of lstm_forward. Cost: 4*units*(input_dim+units) multiply-adds. */
LSTM_API lstm_status lstm_step(const lstm_layer *layer, const float *x, float *h,
                               float *c, float *scratch);

/* lstm_forward - one layer over one sequence (keras.layers.LSTM, batch 1).
 *   x        [timesteps][input_dim]  input
 *   h, c     [units]  initial state in, final state out; zeros for a stateless call
 *   y        with return_sequences [timesteps][units], rows in the order of computation
 *            (go_backwards: the last timestep's first; of a sequence that is split, the
 *            last part is then the first call); without it [units], the last output, and
 *            then NULL will do where h is all that is wanted
 *   scratch  LSTM_SCRATCH_LEN(units) floats
 * Returns as lstm_step. Cost: timesteps*4*units*(input_dim+units) multiply-adds. */
LSTM_API lstm_status lstm_forward(const lstm_layer *layer, const float *x,
                                  size_t timesteps, float *h, float *c, float *y,
                                  float *scratch);

/* lstm_forward_batch - one layer over a batch of sequences, with an optional mask.
 *   x        [batch][timesteps][input_dim]
 *   mask     [batch][timesteps], not 0: use the step; or NULL: use all. A masked step
 *            leaves h and c as they are, whatever its x; its output is the one before it
 *            in this call (zeros if there is none), or zeros with zero_output_for_mask
 *   h, c     [batch][units]  initial state in, final state out
 *   y        with return_sequences [batch][timesteps][units], else [batch][units] or
 *            NULL; as for lstm_forward
 *   scratch  LSTM_BATCH_SCRATCH_LEN(batch, units) floats
 * Returns as lstm_step. Same bits as `batch` calls of lstm_forward, and the same cost. */
LSTM_API lstm_status lstm_forward_batch(const lstm_layer *layer, const float *x,
                                        const unsigned char *mask, size_t batch,
                                        size_t timesteps, float *h, float *c, float *y,
                                        float *scratch);

/* lstm_bidirectional_forward - two layers in opposite directions
 * (keras.layers.Bidirectional).
 *   x, mask  as for lstm_forward_batch
 *   h, c     [batch][forward.units] followed by [batch][backward.units], in and out
 *   y        rows of forward.units + backward.units (LSTM_MERGE_CONCAT), else of units:
 *            [batch][timesteps][row] with return_sequences, both halves in the order of
 *            the forward one; else [batch][row], the last output of each direction, or
 *            NULL
 *   scratch  LSTM_BIDIRECTIONAL_SCRATCH_LEN(batch, forward.units, backward.units) floats
 * Returns as lstm_step; LSTM_ERR_SHAPE also when the input_dim of the halves differ, or
 * their units where merge is not LSTM_MERGE_CONCAT; LSTM_ERR_OPTION also when only one
 * half has return_sequences. Cost: that of both layers. */
LSTM_API lstm_status lstm_bidirectional_forward(const lstm_bidirectional *layer,
                                                const float *x, const unsigned char *mask,
                                                size_t batch, size_t timesteps, float *h,
                                                float *c, float *y, float *scratch);

/* lstm_dense_forward - a Dense layer on `rows` vectors (keras.layers.Dense, on any rank;
 * TimeDistributed(Dense): rows = batch*timesteps).
 *   x  [rows][input_dim]    y  [rows][units], may not overlap x
 * Returns as lstm_step. Cost: rows*input_dim*units multiply-adds. */
LSTM_API lstm_status lstm_dense_forward(const lstm_dense *layer, const float *x,
                                        size_t rows, float *y);

/* lstm_mask - which steps keras.layers.Masking leaves in.
 *   x     [rows][input_dim], rows = batch*timesteps
 *   mask  [rows], written: 0 where every feature equals mask_value, else 1 (-0 equals 0,
 *         a NaN equals nothing)
 * With NULL for x or mask, nothing is done; with an input_dim of 0 every step is 0. */
LSTM_API void lstm_mask(const float *x, size_t rows, size_t input_dim, float mask_value,
                        unsigned char *mask);

/* lstm_weights_from_torch - the parameters of a torch.nn.LSTM layer in Keras' layout.
 *   weight_ih  [4*units][input_dim]  weight_ih_l0: row blocks i f g o
 *   weight_hh  [4*units][units]      weight_hh_l0
 *   bias_ih, bias_hh  [4*units]      bias_ih_l0, bias_hh_l0, or both NULL (bias=False)
 *   weights    written: LSTM_PARAM_COUNT(input_dim, units) floats, for lstm_layer_init; a
 *              bias of zeros where there was none
 * All arrays are in memory; LSTM_LOAD is not used.
 * Returns LSTM_OK, LSTM_ERR_NULL or LSTM_ERR_SHAPE; on an error nothing is written. */
LSTM_API lstm_status lstm_weights_from_torch(size_t input_dim, size_t units,
                                             const float *weight_ih,
                                             const float *weight_hh, const float *bias_ih,
                                             const float *bias_hh, float *weights);

/* lstm_weights_from_onnx - one direction of an ONNX LSTM node in Keras' layout.
 *   W  [4*units][input_dim]  row blocks i o f c
 *   R  [4*units][units]
 *   B  [8*units]             Wb followed by Rb, or NULL
 * weights and return value as for lstm_weights_from_torch. */
LSTM_API lstm_status lstm_weights_from_onnx(size_t input_dim, size_t units,
                                            const float *W, const float *R,
                                            const float *B, float *weights);

/* ---- IMPLEMENTATION: math ---------------------------------------------------------- */

typedef union lstm_impl_word {
    float value;
    uint32_t bits;
} lstm_impl_word;

LSTM_IMPL_INLINE float lstm_impl_float_of_bits(uint32_t bits)
{
    lstm_impl_word word;
    word.bits = bits;
    return word.value;
}

LSTM_IMPL_INLINE uint32_t lstm_impl_bits_of_float(float value)
{
    lstm_impl_word word;
    word.value = value;
    return word.bits;
}

/* bits << 23 as a float: in two steps, since AVR shifts a long bit by bit */
LSTM_IMPL_INLINE float lstm_impl_power_of_bits(uint32_t bits)
{
    return lstm_impl_float_of_bits((uint32_t)(uint16_t)((uint16_t)bits << 7) << 16);
}

LSTM_IMPL_INLINE float lstm_impl_product(float a, float b)
{
    float product = a * b;
    LSTM_IMPL_ROUND(product);
    return product;
}

/* sum + a*b: the step every sum of products is made of */
LSTM_IMPL_INLINE float lstm_impl_multiply_add(float sum, float a, float b)
{
#if LSTM_IMPL_FUSED
    return __builtin_fmaf(a, b, sum);
#else
    return sum + lstm_impl_product(a, b);
#endif
}

/* A NaN compares false and so passes through. */
LSTM_IMPL_INLINE float lstm_impl_clip(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

/* Whether |x| > limit, or x is a NaN: one comparison, of integers without their sign. It
 * only saves the two of a clip, so short code for an FPU goes without it. */
LSTM_IMPL_INLINE int lstm_impl_may_be_beyond(float x, float limit)
{
    return (LSTM_IMPL_SHORT && LSTM_IMPL_HAS_FPU) ||
           (lstm_impl_bits_of_float(x) & 0x7fffffffu) << 1 >
               lstm_impl_bits_of_float(limit) << 1;
}

/* e^(s*x) = 2^n * (2/s + b)/(2/s + a), for s = 1 or 2. With n = s*x/ln 2 rounded and r =
 * x - n*ln(2)/s, so |r| <= ln(2)/(2s), this is b = g + r and a = g - r, where g =
 * r*coth(s*r/2) - 2/s = s*r^2/6 - s^3*r^4/360 + ...; its two coefficients here are the
 * minimax ones, 5.3e-10 off in e^(s*x). The form needs one division, which tanh and
 * sigmoid share with their own. Returns 2^(n + offset), read off the bits of a sum whose
 * last place is 1; it is for the caller to keep n + offset within -126..127. ln 2 is
 * taken in two parts where n may be large. */
LSTM_IMPL_INLINE float lstm_impl_exp_parts(float x, float s, int n_may_be_large,
                                           float offset, float *a, float *b)
{
    const float shift = 12583039.0f + offset; /* 1.5*2^23 + 127 + offset */
    float shifted = lstm_impl_multiply_add(shift, x, s * 1.44269504f);
    float n, r, r2, g;
    LSTM_IMPL_ROUND(shifted);
    n = shifted - shift;
    LSTM_IMPL_ROUND(n);
    if (n_may_be_large) {
        r = lstm_impl_multiply_add(x, n, -0.693145752f / s);
        r = lstm_impl_multiply_add(r, n, -1.42860682e-6f / s);
    } else {
        r = lstm_impl_multiply_add(x, n, -0.693147182f / s);
    }
    r2 = lstm_impl_product(r, r);
    g = lstm_impl_multiply_add(0.166666175f * s, r2, -0.0027659475f * s * s * s);
    g = lstm_impl_product(r2, g);
    *a = g - r;
    *b = g + r;
    return lstm_impl_power_of_bits(lstm_impl_bits_of_float(shifted));
}

/* e^x, also where it is denormal or overflows: 2^n is applied in two factors. */
LSTM_IMPL_INLINE float lstm_impl_exp(float x)
{
#ifdef LSTM_EXPF
    return LSTM_EXPF(x);
#else
    const int small = x < 0.0f;
    float a, b, over;
    x = lstm_impl_clip(x, -104.0f, 89.0f);
    over = lstm_impl_exp_parts(x, 1.0f, 1, small ? 64.0f : -64.0f, &a, &b) * (2.0f + b);
    return over / (2.0f + a) * (small ? 5.42101086e-20f : 18446744073709551616.0f);
#endif
}

/* e^x - 1, without the cancellation near 0; for x <= 0 */
LSTM_IMPL_INLINE float lstm_impl_expm1(float x)
{
    float a, b, power;
    power = lstm_impl_exp_parts(lstm_impl_clip(x, -30.0f, 0.0f), 1.0f, 1, 0.0f, &a, &b);
    return ((2.0f * power - 2.0f) + (lstm_impl_product(power, b) - a)) / (2.0f + a);
}

/* 1/(1 + e^-x) = e^x/(1 + e^x), both parts times 2^65 so that a denormal result comes out
 * of the division rounded once. Beyond the bounds of the clip the result is 0 or 1. (65
 * and not 64: an even sum in lstm_impl_exp_parts rounds ties as the vector code does.) */
LSTM_IMPL_INLINE float lstm_impl_sigmoid(float x)
{
#ifdef LSTM_EXPF
    return x < 0.0f ? LSTM_EXPF(x) / (1.0f + LSTM_EXPF(x))
                    : 1.0f / (1.0f + LSTM_EXPF(-x));
#else
    float a, b, over;
    if (lstm_impl_may_be_beyond(x, 18.0f)) {
        x = lstm_impl_clip(x, -104.0f, 18.0f);
    }
    over = lstm_impl_exp_parts(x, 1.0f, 1, 65.0f, &a, &b) * (float)(2.0f + b);
    return over / lstm_impl_multiply_add(over, 36893488147419103232.0f, 2.0f + a);
#endif
}

/* tanh|x| = (1 - e)/(1 + e) with e = e^(-2|x|), the terms in an order in which nothing
 * cancels: near 0 the power is 1 and -2r/(2 + 2g) is left. From 10 on the result is 1. */
LSTM_IMPL_INLINE float lstm_impl_tanh(float x)
{
#ifdef LSTM_TANHF
    return LSTM_TANHF(x);
#else
    const uint32_t sign = lstm_impl_bits_of_float(x) & 0x80000000u;
    float a, b, power, over;
    x = -LSTM_IMPL_ABS(x);
    if (lstm_impl_may_be_beyond(x, 10.0f)) {
        x = x < -10.0f ? -10.0f : x;
    }
    power = lstm_impl_exp_parts(x, 2.0f, 0, 0.0f, &a, &b);
    b = power * b;
    over = (float)((float)(1.0f - power) + (float)(a - b)) /
           (float)((float)(1.0f + power) + (float)(a + b));
    return lstm_impl_float_of_bits(lstm_impl_bits_of_float(over) | sign);
#endif
}

/* log((1 + z)/(1 - z)) for 0 <= z <= 1/3: 2z(1 + z^2/3 + z^4/5 + ...), minimax, 4.6e-9
 * off */
LSTM_IMPL_INLINE float lstm_impl_log_ratio(float z)
{
    const float z2 = lstm_impl_product(z, z);
    float p = lstm_impl_multiply_add(0.139995806f, z2, 0.140121858f);
    p = lstm_impl_multiply_add(0.200108488f, z2, p);
    p = lstm_impl_multiply_add(0.333332066f, z2, p);
    return 2.0f * lstm_impl_multiply_add(z, z, lstm_impl_product(z2, p));
}

/* log(x) for finite x >= 1, and NaN for NaN, which has no exponent to take out */
LSTM_IMPL_INLINE float lstm_impl_log(float x)
{
    const uint32_t bits = lstm_impl_bits_of_float(x);
    const float exponent = (float)(int)((bits >> 23) - 127u);
    const float m = lstm_impl_float_of_bits((bits & 0x007fffffu) | 0x3f800000u);
    const float log_of_m = lstm_impl_log_ratio((m - 1.0f) / (m + 1.0f));
    return x != x ? x : lstm_impl_multiply_add(log_of_m, exponent, 0.693147182f);
}

/* The normal distribution's P(X > a) for a >= 0: e^(-a^2/2)/2 times a polynomial in
 * 1/(1 + 0.4 a/sqrt 2), minimax for a <= 14 with 1.2e-7 relative error. */
LSTM_IMPL_INLINE float lstm_impl_normal_tail(float a)
{
    const float t = 1.0f / lstm_impl_multiply_add(1.0f, a, 0.282842712f);
    float p = lstm_impl_multiply_add(-0.380969703f, t, 0.0706680327f);
    p = lstm_impl_multiply_add(0.666125264f, t, p);
    p = lstm_impl_multiply_add(-0.366321315f, t, p);
    p = lstm_impl_multiply_add(0.414406681f, t, p);
    p = lstm_impl_multiply_add(0.131686834f, t, p);
    p = lstm_impl_multiply_add(0.240211033f, t, p);
    p = lstm_impl_multiply_add(0.224122195f, t, p);
    p = lstm_impl_multiply_add(7.08600006e-5f, t, p);
    return 0.5f * p * lstm_impl_exp(-0.5f * a * a);
}

LSTM_IMPL_INLINE float lstm_impl_hard_sigmoid(float x, float slope)
{
    return lstm_impl_clip(lstm_impl_multiply_add(0.5f, slope, x), 0.0f, 1.0f);
}

/* log(1 + e^x) */
LSTM_IMPL_INLINE float lstm_impl_softplus(float x)
{
    const float e = lstm_impl_exp(x < 0.0f ? x : -x);
    return (x > 0.0f ? x : 0.0f) + lstm_impl_log_ratio(e / (2.0f + e));
}

/* x*tanh(softplus(x)); the tanh is (e^2 + 2e)/(e^2 + 2e + 2), e = e^x, or for x > 0 the
 * same over e^2, as e then would overflow. */
LSTM_IMPL_INLINE float lstm_impl_mish(float x)
{
    const int small = x < 0.0f;
    const float e = lstm_impl_exp(small ? x : -x);
    const float over = small ? lstm_impl_product(e, e + 2.0f) : 1.0f + 2.0f * e;
    return x * (over / (over + (small ? 2.0f : lstm_impl_product(2.0f * e, e))));
}

/* x*P(X < x) */
LSTM_IMPL_INLINE float lstm_impl_gelu(float x)
{
    const float tail = lstm_impl_normal_tail(x < 0.0f ? -x : x);
    return x * (x < 0.0f ? tail : 1.0f - tail);
}

/* An activation works in place on a whole vector, as softmax needs all of it. Which ones
 * a layer uses is settled at entry: where the compiler knows its options, no other is
 * linked. */
typedef void (*lstm_impl_activation)(float *z, size_t n);

#define LSTM_IMPL_ELEMENTWISE(name, f_of_x)                    \
    LSTM_IMPL_KERNEL void lstm_impl_##name(float *z, size_t n) \
    {                                                          \
        size_t k;                                              \
        for (k = 0; k < n; k++) {                              \
            const float x = z[k];                              \
            z[k] = f_of_x;                                     \
        }                                                      \
    }

LSTM_IMPL_ELEMENTWISE(all_tanh, lstm_impl_tanh(x))
LSTM_IMPL_ELEMENTWISE(all_sigmoid, lstm_impl_sigmoid(x))
LSTM_IMPL_ELEMENTWISE(all_hard_sigmoid, lstm_impl_hard_sigmoid(x, 1.0f / 6.0f))
LSTM_IMPL_ELEMENTWISE(all_hard_sigmoid_keras2, lstm_impl_hard_sigmoid(x, 0.2f))
LSTM_IMPL_ELEMENTWISE(all_relu, (x < 0.0f ? 0.0f : x))
LSTM_IMPL_ELEMENTWISE(all_relu6, lstm_impl_clip(x, 0.0f, 6.0f))
LSTM_IMPL_ELEMENTWISE(all_leaky_relu, (x < 0.0f ? 0.2f * x : x))
LSTM_IMPL_ELEMENTWISE(all_elu, (x < 0.0f ? lstm_impl_expm1(x) : x))
LSTM_IMPL_ELEMENTWISE(all_selu,
                      (x < 0.0f ? 1.75809934f * lstm_impl_expm1(x) : 1.05070099f * x))
LSTM_IMPL_ELEMENTWISE(all_gelu, lstm_impl_gelu(x))
LSTM_IMPL_ELEMENTWISE(all_silu, lstm_impl_sigmoid(x) * x)
LSTM_IMPL_ELEMENTWISE(all_hard_silu, lstm_impl_hard_sigmoid(x, 1.0f / 6.0f) * x)
LSTM_IMPL_ELEMENTWISE(all_softplus, lstm_impl_softplus(x))
LSTM_IMPL_ELEMENTWISE(all_softsign, x / (1.0f + (x < 0.0f ? -x : x)))
LSTM_IMPL_ELEMENTWISE(all_exponential, lstm_impl_exp(x))
LSTM_IMPL_ELEMENTWISE(all_mish, lstm_impl_mish(x))

LSTM_IMPL_KERNEL void lstm_impl_all_linear(float *z, size_t n)
{
    (void)z;
    (void)n;
}

/* Takes the largest element off all of them and returns the sum of e^z of what is
 * left. */
LSTM_IMPL_KERNEL float lstm_impl_center(float *z, size_t n)
{
    float largest = z[0], sum = 0.0f;
    size_t k;
    for (k = 1; k < n; k++) {
        largest = z[k] > largest ? z[k] : largest;
    }
    for (k = 0; k < n; k++) {
        z[k] -= largest;
        sum += lstm_impl_exp(z[k]);
    }
    return sum;
}

LSTM_IMPL_KERNEL void lstm_impl_all_softmax(float *z, size_t n)
{
    const float sum = lstm_impl_center(z, n);
    size_t k;
    for (k = 0; k < n; k++) {
        z[k] = lstm_impl_exp(z[k]) / sum;
    }
}

LSTM_IMPL_KERNEL void lstm_impl_all_log_softmax(float *z, size_t n)
{
    const float log_sum = lstm_impl_log(lstm_impl_center(z, n));
    size_t k;
    for (k = 0; k < n; k++) {
        z[k] -= log_sum;
    }
}

/* The function of an activation, or NULL for a value the enum does not have. */
LSTM_IMPL_INLINE lstm_impl_activation lstm_impl_find(lstm_activation activation,
                                                     lstm_impl_activation default_one)
{
    switch (activation) {
    case LSTM_DEFAULT: return default_one;
    case LSTM_LINEAR: return lstm_impl_all_linear;
    case LSTM_TANH: return lstm_impl_all_tanh;
    case LSTM_SIGMOID: return lstm_impl_all_sigmoid;
    case LSTM_HARD_SIGMOID: return lstm_impl_all_hard_sigmoid;
    case LSTM_HARD_SIGMOID_KERAS2: return lstm_impl_all_hard_sigmoid_keras2;
    case LSTM_RELU: return lstm_impl_all_relu;
    case LSTM_RELU6: return lstm_impl_all_relu6;
    case LSTM_LEAKY_RELU: return lstm_impl_all_leaky_relu;
    case LSTM_ELU: return lstm_impl_all_elu;
    case LSTM_SELU: return lstm_impl_all_selu;
    case LSTM_GELU: return lstm_impl_all_gelu;
    case LSTM_SILU: return lstm_impl_all_silu;
    case LSTM_HARD_SILU: return lstm_impl_all_hard_silu;
    case LSTM_SOFTPLUS: return lstm_impl_all_softplus;
    case LSTM_SOFTSIGN: return lstm_impl_all_softsign;
    case LSTM_EXPONENTIAL: return lstm_impl_all_exponential;
    case LSTM_MISH: return lstm_impl_all_mish;
    case LSTM_SOFTMAX: return lstm_impl_all_softmax;
    case LSTM_LOG_SOFTMAX: return lstm_impl_all_log_softmax;
    }
    return NULL;
}

/* ---- IMPLEMENTATION: matrix times vector ------------------------------------------- */

/* A part of the sums of eight columns from column j on, each in a register. 0: z = bias +
 * x*kernel. 1: h[0], h[2], ... times their rows of recurrent_kernel are added to z. 2:
 * such products, but of h[1], h[3], ..., are summed apart and then added. */
LSTM_IMPL_INLINE void lstm_impl_add_part(const lstm_layer *layer, int part,
                                         const float *x, const float *h, size_t j,
                                         float *z)
{
    const size_t columns = 4 * layer->units, step = part == 0 ? 1 : 2;
    const float *start = part == 1 ? z + j : NULL;
    const float *row = (part == 0 ? layer->kernel : layer->recurrent_kernel) + j +
                       (part == 2 ? columns : 0);
    size_t count = part == 0 ? layer->input_dim : (layer->units + (part == 1)) / 2;
    const lstm_impl_piece zero = {0};
    const float *a = part == 0 ? x : h + (part - 1);
    lstm_impl_piece sum[LSTM_IMPL_PIECES];
    unsigned v;
    z += j;
    if (part == 0 && layer->bias != NULL) {
        start = layer->bias + j;
#if LSTM_IMPL_CUSTOM_LOAD
        for (v = 0; v < 8; v++) {
            z[v] = LSTM_LOAD(start + v);
        }
        start = z;
#endif
    }
    LSTM_IMPL_EACH(v, LSTM_IMPL_PIECES) {
        sum[v] = start != NULL ? ((const lstm_impl_piece *)start)[v] : zero;
    }
    for (; count > 0; count--, a += step, row += step * columns) {
        LSTM_IMPL_EACH(v, LSTM_IMPL_PIECES) {
            LSTM_IMPL_ADD_PRODUCT(sum[v], *a, LSTM_IMPL_LOAD_PIECE(row, v));
        }
    }
    if (part == 2) {
        LSTM_IMPL_EACH(v, LSTM_IMPL_PIECES) {
            sum[v] += LSTM_IMPL_PIECE(z, v);
        }
    }
    LSTM_IMPL_EACH(v, LSTM_IMPL_PIECES) {
        LSTM_IMPL_PIECE(z, v) = sum[v];
    }
}

LSTM_IMPL_KERNEL void lstm_impl_columns_8(const lstm_layer *layer, const float *x,
                                          const float *h, size_t j, float *z)
{
    int part;
    LSTM_IMPL_EACH_PART(part, 3)
    {
        lstm_impl_add_part(layer, part, x, h, j, z);
    }
}

/* The sum of one column; even and odd take turns. */
LSTM_IMPL_KERNEL float lstm_impl_column_1(const lstm_layer *layer, const float *x,
                                          const float *h, size_t j)
{
    const size_t columns = 4 * layer->units;
    const float *weight = layer->kernel + j;
    float even = layer->bias != NULL ? LSTM_LOAD(layer->bias + j) : 0.0f;
    float odd = 0.0f, sum;
    size_t k;
    for (k = 0; k < layer->input_dim; k++, weight += columns) {
        even = lstm_impl_multiply_add(even, x[k], LSTM_LOAD(weight));
    }
    weight = layer->recurrent_kernel + j;
    for (k = 0; k < layer->units; k++, weight += columns) {
        sum = lstm_impl_multiply_add(even, h[k], LSTM_LOAD(weight));
        even = odd;
        odd = sum;
    }
    return even + odd;
}

/* The sums of the gates, z[4*units] = bias + x*kernel + h*recurrent_kernel, in the order
 * NUMERICS states */
LSTM_IMPL_DRIVER void lstm_impl_sums_1(const lstm_layer *layer, const float *x,
                                       const float *h, float *z)
{
    const size_t columns = 4 * layer->units;
    size_t j = 0;
    while (j < columns) {
        if (LSTM_IMPL_HAS_FPU && columns - j >= 8) {
            lstm_impl_columns_8(layer, x, h, j, z);
            j += 8;
        } else {
            z[j] = lstm_impl_column_1(layer, x, h, j);
            j++;
        }
    }
}

/* The end of one output of a Dense layer, before its activation: the products with x from
 * k on, a multiple of 8, go to the eight sums in turn, and all is added up. */
LSTM_IMPL_INLINE float lstm_impl_dense_end(const lstm_dense *layer, const float *x,
                                           size_t j, size_t k, float *sum)
{
    const float *weight = layer->kernel + k * layer->units + j;
    unsigned p, n;
    for (; k < layer->input_dim; k++, weight += layer->units) {
        sum[k % 8] = lstm_impl_multiply_add(sum[k % 8], x[k], LSTM_LOAD(weight));
    }
    for (n = 4; n > 0; n /= 2) {
        for (p = 0; p < n; p++) {
            sum[p] += sum[p + n];
        }
    }
    return layer->bias != NULL ? sum[0] + LSTM_LOAD(layer->bias + j) : sum[0];
}

/* One output of a Dense layer: x*kernel + bias. Eight sums take turns, as one sum alone
 * would have each product wait for the one before. */
LSTM_IMPL_KERNEL float lstm_impl_dense_column_1(const lstm_dense *layer, const float *x,
                                                size_t j)
{
    float sum[8];
    size_t k = 0;
    sum[0] = sum[1] = sum[2] = sum[3] = sum[4] = sum[5] = sum[6] = sum[7] = 0.0f;
#if LSTM_IMPL_AHEAD > 1 /* on computers: unrolled, and so in registers */
    {
        const float *weight = layer->kernel + j;
        unsigned p;
        for (; k < (layer->input_dim & ~(size_t)7); k += 8) {
            LSTM_IMPL_EACH(p, 8) {
                sum[p] =
                    lstm_impl_multiply_add(sum[p], x[k + (size_t)p], LSTM_LOAD(weight));
                weight += layer->units;
            }
        }
    }
#endif
    return lstm_impl_dense_end(layer, x, j, k, sum);
}

LSTM_IMPL_INLINE void lstm_impl_dense_1(const lstm_dense *layer, const float *x, float *y)
{
    size_t j;
    for (j = 0; j < layer->units; j++) {
        y[j] = lstm_impl_dense_column_1(layer, x, j);
    }
}

/* ---- IMPLEMENTATION: vector kernels ------------------------------------------------ */

#if LSTM_IMPL_LANES

/* What the sums are made of: z[columns] = init + x*kernel + h*recurrent_kernel. The steps
 * are for the functions that take several rows at once. */
typedef struct lstm_impl_sums {
    size_t columns;
    const float *init; /* the bias, z where x*kernel is in it already, or NULL: zeros */
    size_t x_len;
    const float *x, *kernel;
    size_t h_len;
    const float *h, *recurrent_kernel;
    ptrdiff_t x_step; /* from the x of one row to that of the next */
    ptrdiff_t h_step;
    int last_panel_first;
} lstm_impl_sums;

/* The same sums and gates, L columns or units at a time; each kernel is stamped once
 * for every vector width L. Where a count is no multiple of L, the last vector
 * overlaps the one before and computes some values twice; a count below L is left to a
 * narrower width. */

/* A panel is n vectors of columns, from column j on; the last of them begins `tail`
 * columns behind j, the others one after the other. */
#define LSTM_IMPL_OFFSET(L, v, n, tail) ((v) + 1 < (n) ? (size_t)(v)*L : (tail))

/* The sums of one row. Of a wide row a panel takes as much as there are registers for, as
 * the caches like long stretches of a row better than jumps from row to row. If every
 * other step takes the wide panels from the last to the first, a matrix that is larger
 * than a cache begins with the part that is still in it. */
#define LSTM_IMPL_STAMP_SUMS(L)                                                          \
    LSTM_IMPL_INLINE LSTM_IMPL_TARGET_##L void lstm_impl_multiply_add_##L(               \
        lstm_impl_v##L *sum, const float *weights, float a)                              \
    {                                                                                    \
        const lstm_impl_v##L zero = {0};                                                 \
        const lstm_impl_v##L factor = a - zero;                                          \
        LSTM_IMPL_ADD_PRODUCT_##L(*sum, LSTM_IMPL_GET(L, weights), factor);              \
    }                                                                                    \
    LSTM_IMPL_INLINE LSTM_IMPL_TARGET_##L void lstm_impl_add_row_##L(                    \
        lstm_impl_v##L *sum, const unsigned n, const size_t tail, const float *row,      \
        float a)                                                                         \
    {                                                                                    \
        unsigned v;                                                                      \
        LSTM_IMPL_EACH(v, n) {                                                           \
            lstm_impl_multiply_add_##L(&sum[v], row + LSTM_IMPL_OFFSET(L, v, n, tail),   \
                                       a);                                               \
        }                                                                                \
    }                                                                                    \
    LSTM_IMPL_INLINE LSTM_IMPL_TARGET_##L void lstm_impl_panel_##L(                      \
        const lstm_impl_sums *s, const unsigned n, size_t j, const size_t tail,          \
        float *z)                                                                        \
    {                                                                                    \
        const lstm_impl_v##L zero = {0};                                                 \
        const size_t columns = s->columns;                                               \
        const float *row = s->kernel + j, *odd_row;                                      \
        lstm_impl_v##L even[8], odd[8];                                                  \
        size_t k;                                                                        \
        unsigned v;                                                                      \
        LSTM_IMPL_EACH(v, n) {                                                           \
            even[v] = odd[v] = zero;                                                     \
            if (s->init != NULL) {                                                       \
                even[v] =                                                                \
                    LSTM_IMPL_GET(L, s->init + j + LSTM_IMPL_OFFSET(L, v, n, tail));     \
            }                                                                            \
        }                                                                                \
        for (k = 0; k < s->x_len; k++, row += columns) {                                 \
            lstm_impl_add_row_##L(even, n, tail, row, s->x[k]);                          \
        }                                                                                \
        row = s->recurrent_kernel + j;                                                   \
        odd_row = row + columns;                                                         \
        for (k = 0; k + 1 < s->h_len; k += 2) {                                          \
            lstm_impl_add_row_##L(even, n, tail, row, s->h[k]);                          \
            lstm_impl_add_row_##L(odd, n, tail, odd_row, s->h[k + 1]);                   \
            row += 2 * columns;                                                          \
            odd_row += 2 * columns;                                                      \
        }                                                                                \
        if (k < s->h_len) {                                                              \
            lstm_impl_add_row_##L(even, n, tail, row, s->h[k]);                          \
        }                                                                                \
        LSTM_IMPL_EACH(v, n) {                                                           \
            LSTM_IMPL_PUT(L, z + j + LSTM_IMPL_OFFSET(L, v, n, tail), even[v] + odd[v]); \
        }                                                                                \
    }                                                                                    \
    LSTM_IMPL_STAMPED LSTM_IMPL_TARGET_##L void lstm_impl_sums_##L(                      \
        const lstm_impl_sums *s, float *z)                                               \
    {                                                                                    \
        const size_t wide = LSTM_IMPL_WIDE_##L ? s->columns / (8 * L) : 0;               \
        size_t j, panel, rest;                                                           \
        for (panel = 0; panel < wide; panel++) {                                         \
            j = 8 * L * (s->last_panel_first ? wide - 1 - panel : panel);                \
            lstm_impl_panel_##L(s, 8, j, 7 * L, z);                                      \
        }                                                                                \
        for (j = 8 * L * wide; s->columns - j >= 4 * L; j += 4 * L) {                    \
            lstm_impl_panel_##L(s, 4, j, 3 * L, z);                                      \
        }                                                                                \
        rest = s->columns - j;                                                           \
        if (rest > 3 * L) {                                                              \
            lstm_impl_panel_##L(s, 4, j, rest - L, z);                                   \
        } else if (rest > 2 * L) {                                                       \
            lstm_impl_panel_##L(s, 3, j, rest - L, z);                                   \
        } else if (rest > L) {                                                           \
            lstm_impl_panel_##L(s, 2, j, rest - L, z);                                   \
        } else if (rest > 0) {                                                           \
            lstm_impl_panel_##L(s, 1, s->columns - L, 0, z);                             \
        }                                                                                \
    }

/* The sums of several rows at once, so that a weight is read once for all. There are
 * registers for one sum of each only, and of eight rows for two vectors: the even sum
 * waits in z for the odd one. All of a row is then read before any of it is written, as
 * vectors may overlap. */
#define LSTM_IMPL_STAMP_TILES(L)                                                         \
    LSTM_IMPL_INLINE LSTM_IMPL_TARGET_##L void lstm_impl_add_products_##L(               \
        lstm_impl_v##L sum[8][4], const unsigned rows, const unsigned n,                 \
        const size_t tail, const float *a, ptrdiff_t row_step, size_t a_step,            \
        size_t count, const float *matrix, size_t matrix_step)                           \
    {                                                                                    \
        lstm_impl_v##L weights[4];                                                       \
        unsigned r, v;                                                                   \
        for (; count > 0; count--, a += a_step, matrix += matrix_step) {                 \
            LSTM_IMPL_EACH(v, n) {                                                       \
                weights[v] = LSTM_IMPL_GET(L, matrix + LSTM_IMPL_OFFSET(L, v, n, tail)); \
                LSTM_IMPL_READ_ONCE_##L(weights[v]);                                     \
            }                                                                            \
            LSTM_IMPL_EACH(r, rows) {                                                    \
                LSTM_IMPL_EACH(v, n) {                                                   \
                    LSTM_IMPL_ADD_SCALED_##L(sum[r][v], weights[v],                      \
                                             a + (ptrdiff_t)r * row_step);               \
                }                                                                        \
            }                                                                            \
        }                                                                                \
    }                                                                                    \
    LSTM_IMPL_INLINE LSTM_IMPL_TARGET_##L void lstm_impl_tile_##L(                       \
        const lstm_impl_sums *s, const unsigned rows, const unsigned n, size_t j,        \
        const size_t tail, float *z)                                                     \
    {                                                                                    \
        const lstm_impl_v##L zero = {0};                                                 \
        const size_t columns = s->columns;                                               \
        lstm_impl_v##L sum[8][4];                                                        \
        unsigned r, v;                                                                   \
        LSTM_IMPL_EACH(r, rows) {                                                        \
            LSTM_IMPL_EACH(v, n) {                                                       \
                sum[r][v] = zero;                                                        \
                if (s->init != NULL) {                                                   \
                    sum[r][v] =                                                          \
                        LSTM_IMPL_GET(L, s->init + j + LSTM_IMPL_OFFSET(L, v, n, tail)); \
                }                                                                        \
            }                                                                            \
        }                                                                                \
        lstm_impl_add_products_##L(sum, rows, n, tail, s->x, s->x_step, 1, s->x_len,     \
                                   s->kernel + j, columns);                              \
        lstm_impl_add_products_##L(sum, rows, n, tail, s->h, s->h_step, 2,               \
                                   (s->h_len + 1) / 2, s->recurrent_kernel + j,          \
                                   2 * columns);                                         \
        z += j;                                                                          \
        LSTM_IMPL_EACH(r, rows) {                                                        \
            LSTM_IMPL_EACH(v, n) {                                                       \
                LSTM_IMPL_PUT(L, z + r * columns + LSTM_IMPL_OFFSET(L, v, n, tail),      \
                              sum[r][v]);                                                \
                sum[r][v] = zero;                                                        \
            }                                                                            \
        }                                                                                \
        if (s->h_len == 0) {                                                             \
            return;                                                                      \
        }                                                                                \
        lstm_impl_add_products_##L(sum, rows, n, tail, s->h + 1, s->h_step, 2,           \
                                   s->h_len / 2, s->recurrent_kernel + columns + j,      \
                                   2 * columns);                                         \
        LSTM_IMPL_EACH(r, rows) {                                                        \
            LSTM_IMPL_EACH(v, n) {                                                       \
                sum[r][v] = LSTM_IMPL_GET(L, z + r * columns +                           \
                                                 LSTM_IMPL_OFFSET(L, v, n, tail)) +      \
                            sum[r][v];                                                   \
            }                                                                            \
            LSTM_IMPL_EACH(v, n) {                                                       \
                LSTM_IMPL_PUT(L, z + r * columns + LSTM_IMPL_OFFSET(L, v, n, tail),      \
                              sum[r][v]);                                                \
            }                                                                            \
        }                                                                                \
    }                                                                                    \
    LSTM_IMPL_INLINE LSTM_IMPL_TARGET_##L void lstm_impl_tiles_##L(                      \
        const lstm_impl_sums *s, const unsigned rows, float *z)                          \
    {                                                                                    \
        const size_t wide = LSTM_IMPL_WIDE_##L && rows <= 4 ? 4 * L : s->columns + 1;    \
        size_t j = 0, rest;                                                              \
        for (; s->columns - j >= wide; j += wide) {                                      \
            lstm_impl_tile_##L(s, rows, 4, j, 3 * L, z);                                 \
        }                                                                                \
        for (; s->columns - j >= 2 * L; j += 2 * L) {                                    \
            lstm_impl_tile_##L(s, rows, 2, j, L, z);                                     \
        }                                                                                \
        rest = s->columns - j;                                                           \
        if (rest > L) {                                                                  \
            lstm_impl_tile_##L(s, rows, 2, j, rest - L, z);                              \
        } else if (rest > 0) {                                                           \
            lstm_impl_tile_##L(s, rows, 1, s->columns - L, 0, z);                        \
        }                                                                                \
    }
#define LSTM_IMPL_STAMP_ROWS(L, rows)                                           \
    LSTM_IMPL_STAMPED LSTM_IMPL_TARGET_##L void lstm_impl_sums_of_##rows##_##L( \
        const lstm_impl_sums *s, float *z)                                      \
    {                                                                           \
        lstm_impl_tiles_##L(s, rows, z);                                        \
    }

/* From sums to state; the formulas are those of lstm_impl_exp_parts, lstm_impl_sigmoid
 * and lstm_impl_tanh. Where the last vector overlaps the one before, its c is read before
 * that is written, and written last. A sigmoid multiplies by 2^n by an addition to the
 * exponent; a NaN is kept by `sum`. */
#define LSTM_IMPL_STAMP_GATES(L)                                                        \
    LSTM_IMPL_INLINE LSTM_IMPL_TARGET_##L void lstm_impl_exp_parts_##L(                 \
        const lstm_impl_v##L *x, float s, int n_may_be_large, float offset,             \
        lstm_impl_i##L *power, lstm_impl_v##L *a, lstm_impl_v##L *b)                    \
    {                                                                                   \
        const lstm_impl_v##L zero = {0};                                                \
        const float shift = 12582912.0f + offset;                                       \
        const float ln_2 = n_may_be_large ? 0.693145752f : 0.693147182f;                \
        lstm_impl_v##L shifted = zero + shift, n, r = *x, r2, g;                        \
        LSTM_IMPL_ADD_PRODUCT_##L(shifted, *x, zero + s * 1.44269504f);                 \
        LSTM_IMPL_ROUND_##L(shifted);                                                   \
        n = LSTM_IMPL_LESS(L, shifted, shift);                                          \
        LSTM_IMPL_ADD_PRODUCT_##L(r, n, zero - ln_2 / s);                               \
        if (n_may_be_large) {                                                           \
            LSTM_IMPL_ADD_PRODUCT_##L(r, n, zero - 1.42860682e-6f / s);                 \
        }                                                                               \
        LSTM_IMPL_MULTIPLY(L, r2, r, r);                                                \
        g = zero + 0.166666175f * s;                                                    \
        LSTM_IMPL_ADD_PRODUCT_##L(g, r2, zero - 0.0027659475f * s * s * s);             \
        LSTM_IMPL_MULTIPLY(L, g, r2, g);                                                \
        *a = g - r;                                                                     \
        *b = g + r;                                                                     \
        *power = (lstm_impl_i##L)shifted << 23;                                         \
    }                                                                                   \
    LSTM_IMPL_INLINE LSTM_IMPL_TARGET_##L void lstm_impl_sigmoid_##L(lstm_impl_v##L *x) \
    {                                                                                   \
        const lstm_impl_v##L zero = {0};                                                \
        lstm_impl_v##L a, b, over, sum;                                                 \
        lstm_impl_i##L power;                                                           \
        *x = LSTM_IMPL_MIN_##L(zero + 18.0f, *x);                                       \
        *x = LSTM_IMPL_MAX_##L(zero + -104.0f, *x);                                     \
        lstm_impl_exp_parts_##L(x, 1.0f, 1, 64.0f, &power, &a, &b);                     \
        over = (lstm_impl_v##L)((lstm_impl_i##L)(2.0f + b) + power);                    \
        sum = over;                                                                     \
        LSTM_IMPL_ADD_PRODUCT_##L(sum, 2.0f + a, zero + 18446744073709551616.0f);       \
        *x = over / sum;                                                                \
    }                                                                                   \
    LSTM_IMPL_INLINE LSTM_IMPL_TARGET_##L void lstm_impl_tanh_##L(lstm_impl_v##L *x)    \
    {                                                                                   \
        const uint32_t sign = 0x80000000u;                                              \
        const lstm_impl_v##L zero = {0};                                                \
        lstm_impl_v##L minus_abs, a, b, over, under;                                    \
        lstm_impl_i##L power;                                                           \
        minus_abs = (lstm_impl_v##L)((lstm_impl_i##L) * x | sign);                      \
        minus_abs = LSTM_IMPL_MAX_##L(zero + -10.0f, minus_abs);                        \
        lstm_impl_exp_parts_##L(&minus_abs, 2.0f, 0, 127.0f, &power, &a, &b);           \
        LSTM_IMPL_MULTIPLY(L, b, b, (lstm_impl_v##L)power);                             \
        over = (1.0f - (lstm_impl_v##L)power) + (a - b);                                \
        under = (1.0f + (lstm_impl_v##L)power) + (a + b);                               \
        *x = (lstm_impl_v##L)((lstm_impl_i##L)(over / under) |                          \
                              ((lstm_impl_i##L) * x & sign));                           \
    }                                                                                   \
    LSTM_IMPL_INLINE LSTM_IMPL_TARGET_##L void lstm_impl_new_c_##L(                     \
        const float *z, size_t units, lstm_impl_v##L *c)                                \
    {                                                                                   \
        lstm_impl_v##L i = LSTM_IMPL_GET(L, z), f = LSTM_IMPL_GET(L, z + units);        \
        lstm_impl_v##L g = LSTM_IMPL_GET(L, z + 2 * units);                             \
        lstm_impl_sigmoid_##L(&f);                                                      \
        lstm_impl_sigmoid_##L(&i);                                                      \
        lstm_impl_tanh_##L(&g);                                                         \
        LSTM_IMPL_MULTIPLY(L, f, f, *c);                                                \
        LSTM_IMPL_MULTIPLY(L, i, i, g);                                                 \
        *c = f + i;                                                                     \
    }                                                                                   \
    LSTM_IMPL_INLINE LSTM_IMPL_TARGET_##L void lstm_impl_new_h_##L(                     \
        const float *z, size_t units, const lstm_impl_v##L *c, float *h)                \
    {                                                                                   \
        lstm_impl_v##L o = LSTM_IMPL_GET(L, z + 3 * units), y = *c;                     \
        lstm_impl_tanh_##L(&y);                                                         \
        lstm_impl_sigmoid_##L(&o);                                                      \
        LSTM_IMPL_PUT(L, h, o *y);                                                      \
    }                                                                                   \
    LSTM_IMPL_STAMPED LSTM_IMPL_TARGET_##L void lstm_impl_gates_##L(                    \
        const float *z, size_t units, float *h, float *c)                               \
    {                                                                                   \
        const size_t last = units - L;                                                  \
        lstm_impl_v##L last_c = LSTM_IMPL_GET(L, c + last), new_c;                      \
        size_t u;                                                                       \
        lstm_impl_new_c_##L(z + last, units, &last_c);                                  \
        for (u = 0; u < last; u += L) {                                                 \
            new_c = LSTM_IMPL_GET(L, c + u);                                            \
            lstm_impl_new_c_##L(z + u, units, &new_c);                                  \
            LSTM_IMPL_PUT(L, c + u, new_c);                                             \
        }                                                                               \
        lstm_impl_new_h_##L(z + last, units, &last_c, h + last);                        \
        for (u = 0; u < last; u += L) {                                                 \
            new_c = LSTM_IMPL_GET(L, c + u);                                            \
            lstm_impl_new_h_##L(z + u, units, &new_c, h + u);                           \
        }                                                                               \
        LSTM_IMPL_PUT(L, c + last, last_c);                                             \
    }

/* L outputs of a Dense layer at once, each with its eight sums */
#define LSTM_IMPL_STAMP_DENSE(L)                                                  \
    LSTM_IMPL_INLINE LSTM_IMPL_TARGET_##L void lstm_impl_dense_columns_##L(       \
        const lstm_dense *layer, const float *x, size_t at, float *y)             \
    {                                                                             \
        const lstm_impl_v##L zero = {0};                                          \
        const size_t units = layer->units;                                        \
        const float *row = layer->kernel + at;                                    \
        lstm_impl_v##L s[8];                                                      \
        size_t k;                                                                 \
        unsigned p;                                                               \
        LSTM_IMPL_EACH(p, 8) {                                                    \
            s[p] = zero;                                                          \
        }                                                                         \
        for (k = 0; k < layer->input_dim; k += 8, row += 8 * units) {             \
            LSTM_IMPL_EACH(p, 8) {                                                \
                if (k + (size_t)p < layer->input_dim) {                           \
                    lstm_impl_multiply_add_##L(&s[p], row + (size_t)p * units,    \
                                               x[k + (size_t)p]);                 \
                }                                                                 \
            }                                                                     \
        }                                                                         \
        s[0] = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])); \
        if (layer->bias != NULL) {                                                \
            s[0] += LSTM_IMPL_GET(L, layer->bias + at);                           \
        }                                                                         \
        LSTM_IMPL_PUT(L, y + at, s[0]);                                           \
    }                                                                             \
    LSTM_IMPL_STAMPED LSTM_IMPL_TARGET_##L void lstm_impl_dense_##L(              \
        const lstm_dense *layer, const float *x, float *y)                        \
    {                                                                             \
        size_t j;                                                                 \
        for (j = 0; j + L <= layer->units; j += L) {                              \
            lstm_impl_dense_columns_##L(layer, x, j, y);                          \
        }                                                                         \
        if (j < layer->units) {                                                   \
            lstm_impl_dense_columns_##L(layer, x, layer->units - L, y);           \
        }                                                                         \
    }

/* The output of a Dense layer of one unit, whose weights stand in a row: its eight sums
 * are two vectors. */
LSTM_IMPL_STAMPED float lstm_impl_dense_unit_4(const lstm_dense *layer, const float *x)
{
    lstm_impl_v4 low = {0}, high = {0};
    float sum[8];
    size_t k;
    for (k = 0; k < (layer->input_dim & ~(size_t)7); k += 8) {
        const float *weights = layer->kernel + k;
        LSTM_IMPL_ADD_PRODUCT_4(low, LSTM_IMPL_GET(4, x + k), LSTM_IMPL_GET(4, weights));
        LSTM_IMPL_ADD_PRODUCT_4(high, LSTM_IMPL_GET(4, x + k + 4),
                                LSTM_IMPL_GET(4, weights + 4));
    }
    LSTM_IMPL_PUT(4, sum, low);
    LSTM_IMPL_PUT(4, sum + 4, high);
    return lstm_impl_dense_end(layer, x, 0, k, sum);
}

#define LSTM_IMPL_STAMP(L)     \
    LSTM_IMPL_STAMP_SUMS(L)    \
    LSTM_IMPL_STAMP_TILES(L)   \
    LSTM_IMPL_STAMP_ROWS(L, 2) \
    LSTM_IMPL_STAMP_ROWS(L, 3) \
    LSTM_IMPL_STAMP_ROWS(L, 4) \
    LSTM_IMPL_STAMP_GATES(L)   \
    LSTM_IMPL_STAMP_DENSE(L)

LSTM_IMPL_STAMP(4)
#if LSTM_IMPL_LANES >= 8
LSTM_IMPL_STAMP(8)
#endif
#if LSTM_IMPL_LANES >= 16
LSTM_IMPL_STAMP(16)
LSTM_IMPL_STAMP_ROWS(16, 8)
#endif

#endif /* LSTM_IMPL_LANES */

/* ---- IMPLEMENTATION: choice of kernels --------------------------------------------- */

LSTM_IMPL_INLINE int lstm_impl_widest(void)
{
#ifdef LSTM_TEST_LANES
    return LSTM_TEST_LANES;
#elif LSTM_IMPL_DISPATCH
    if (__builtin_cpu_supports("avx512f")) {
        return 16;
    }
    return __builtin_cpu_supports("avx2") &&
                   (!LSTM_USE_FMA || __builtin_cpu_supports("fma"))
               ? 8
               : 4;
#else
    return LSTM_IMPL_LANES;
#endif
}

/* The lanes of the vectors for so many units, 0 for portable C. Vectors longer than the
 * units would be part empty, and each operation on them takes longer. */
LSTM_IMPL_INLINE int lstm_impl_lanes(size_t units)
{
    int lanes = lstm_impl_widest();
    (void)units;
    LSTM_IMPL_AT_8(while (lanes > 4 && units < (size_t)lanes) { lanes /= 2; })
    return lanes;
}

#if LSTM_IMPL_LANES
LSTM_IMPL_INLINE void lstm_impl_gate_sums(int lanes, const lstm_impl_sums *s, float *z)
{
    LSTM_IMPL_TRY(16, lanes, lstm_impl_sums_16(s, z))
    LSTM_IMPL_TRY(8, lanes, lstm_impl_sums_8(s, z))
    (void)lanes;
    lstm_impl_sums_4(s, z);
}

/* As many rows of up to `rows` as can be taken at once, z[rows][columns]; returns how
 * many. */
#define LSTM_IMPL_ROWS_AT(L, n)                     \
    LSTM_IMPL_AT_##L(if (lanes >= L && rows >= n) { \
        lstm_impl_sums_of_##n##_##L(s, z);          \
        return n;                                   \
    })
LSTM_IMPL_INLINE size_t lstm_impl_gate_sums_of_rows(int lanes, const lstm_impl_sums *s,
                                                    size_t rows, float *z)
{
    if (rows < 2) {
        lstm_impl_gate_sums(lanes, s, z);
        return 1;
    }
    LSTM_IMPL_ROWS_AT(16, 8)
    LSTM_IMPL_ROWS_AT(16, 4)
    LSTM_IMPL_ROWS_AT(16, 3)
    LSTM_IMPL_ROWS_AT(16, 2)
    LSTM_IMPL_ROWS_AT(8, 4)
    LSTM_IMPL_ROWS_AT(8, 3)
    LSTM_IMPL_ROWS_AT(8, 2)
    LSTM_IMPL_ROWS_AT(4, 4)
    LSTM_IMPL_ROWS_AT(4, 3)
    lstm_impl_sums_of_2_4(s, z);
    return 2;
}

LSTM_IMPL_INLINE void lstm_impl_vector_gates(int lanes, const float *z, size_t units,
                                             float *h, float *c)
{
    LSTM_IMPL_TRY(16, lanes, lstm_impl_gates_16(z, units, h, c))
    LSTM_IMPL_TRY(8, lanes, lstm_impl_gates_8(z, units, h, c))
    (void)lanes;
    lstm_impl_gates_4(z, units, h, c);
}
#endif

LSTM_IMPL_INLINE void lstm_impl_dense_sums(int lanes, const lstm_dense *layer,
                                           const float *x, float *y)
{
    LSTM_IMPL_TRY(16, lanes, lstm_impl_dense_16(layer, x, y))
    LSTM_IMPL_TRY(8, lanes, lstm_impl_dense_8(layer, x, y))
    LSTM_IMPL_AT_4(if (lanes != 0 && layer->units >= 4) {
        lstm_impl_dense_4(layer, x, y);
        return;
    })
    LSTM_IMPL_AT_4(if (lanes != 0 && layer->units == 1) {
        y[0] = lstm_impl_dense_unit_4(layer, x);
        return;
    })
    (void)lanes;
    lstm_impl_dense_1(layer, x, y);
}

/* ---- IMPLEMENTATION: the LSTM layer ------------------------------------------------ */

/* How an output gets into its row of y: stored, or merged with what the forward half left
 * there. h is NULL for an output of zeros. */
typedef void (*lstm_impl_emit)(float *y, const float *h, size_t units);

#define LSTM_IMPL_EMIT(name, f_of_y_and_x)                                         \
    LSTM_IMPL_KERNEL void lstm_impl_##name(float *y, const float *h, size_t units) \
    {                                                                              \
        size_t u;                                                                  \
        for (u = 0; u < units; u++) {                                              \
            const float x = h != NULL ? h[u] : 0.0f;                               \
            y[u] = f_of_y_and_x;                                                   \
        }                                                                          \
    }

LSTM_IMPL_EMIT(emit_store, x)
LSTM_IMPL_EMIT(emit_sum, y[u] + x)
LSTM_IMPL_EMIT(emit_mul, y[u] * x)
LSTM_IMPL_EMIT(emit_ave, 0.5f * (y[u] + x))

/* A layer made ready to run in one direction. */
typedef struct lstm_impl_run {
    const lstm_layer *layer;
    lstm_impl_activation activation, recurrent_activation;
    lstm_impl_emit emit;
    size_t row_len;             /* floats from one row of y to the next */
    int lanes;                  /* of the vectors to use, 0: portable C */
    unsigned char backwards;    /* takes the last timestep first */
    unsigned char rows_flipped; /* puts the first output into the last row */
    unsigned char zero_masked;
    unsigned char has_vector_gates; /* tanh and sigmoid, and 4 units at least */
} lstm_impl_run;

/* One sequence of a batch on its way: its arrays, and whether a step was used already. */
typedef struct lstm_impl_stream {
    const float *x;
    const unsigned char *mask;
    float *h, *c, *y;
    int has_output;
} lstm_impl_stream;

/* The gates' sums z become the new state; z is left undefined. */
LSTM_IMPL_DRIVER void lstm_impl_gates_1(const lstm_impl_run *run,
                                        float *LSTM_IMPL_RESTRICT z,
                                        float *LSTM_IMPL_RESTRICT h,
                                        float *LSTM_IMPL_RESTRICT c)
{
    const size_t units = run->layer->units;
    float *i = z, *f = i + units, *g = f + units, *o = g + units, *activated_c = z;
    size_t u;
    run->recurrent_activation(i, units);
    run->recurrent_activation(f, units);
    run->activation(g, units);
    run->recurrent_activation(o, units);
    for (u = 0; u < units; u++) {
        c[u] = lstm_impl_product(f[u], c[u]) + lstm_impl_product(i[u], g[u]);
        activated_c[u] = c[u];
    }
    run->activation(activated_c, units);
    for (u = 0; u < units; u++) {
        h[u] = o[u] * activated_c[u];
    }
}

LSTM_IMPL_INLINE void lstm_impl_gates(const lstm_impl_run *run, float *z, float *h,
                                      float *c)
{
    LSTM_IMPL_AT_4(if (run->has_vector_gates) {
        lstm_impl_vector_gates(run->lanes, z, run->layer->units, h, c);
        return;
    })
    lstm_impl_gates_1(run, z, h, c);
}

LSTM_IMPL_INLINE size_t lstm_impl_time(const lstm_impl_run *run, size_t step,
                                       size_t timesteps)
{
    return run->backwards ? timesteps - 1 - step : step;
}

#if LSTM_IMPL_LANES
/* The sums of one step of a sequence; the next rows are those of the next steps. */
LSTM_IMPL_INLINE void lstm_impl_begin_sums(lstm_impl_sums *sums, const lstm_impl_run *run,
                                           const lstm_impl_stream *s, size_t t)
{
    const lstm_layer *layer = run->layer;
    sums->columns = 4 * layer->units;
    sums->init = layer->bias;
    sums->x_len = layer->input_dim;
    sums->x = s->x + t * layer->input_dim;
    sums->kernel = layer->kernel;
    sums->h_len = layer->units;
    sums->h = s->h;
    sums->recurrent_kernel = layer->recurrent_kernel;
    sums->x_step =
        run->backwards ? -(ptrdiff_t)layer->input_dim : (ptrdiff_t)layer->input_dim;
    sums->h_step = 0;
    sums->last_panel_first = 0;
}
#endif

LSTM_IMPL_INLINE void lstm_impl_step_sums(const lstm_impl_run *run,
                                          const lstm_impl_stream *s, size_t t, float *z)
{
    LSTM_IMPL_AT_4(if (run->lanes != 0) {
        lstm_impl_sums sums;
        lstm_impl_begin_sums(&sums, run, s, t);
        lstm_impl_gate_sums(run->lanes, &sums, z);
        return;
    })
    lstm_impl_sums_1(run->layer, s->x + t * run->layer->input_dim, s->h, z);
}

/* From the sums of a step on: the new state, unless the step is masked, and the
 * output. */
LSTM_IMPL_INLINE void lstm_impl_finish_step(const lstm_impl_run *run, lstm_impl_stream *s,
                                            size_t step, size_t timesteps, float *z)
{
    const lstm_layer *layer = run->layer;
    const int used =
        s->mask == NULL || s->mask[lstm_impl_time(run, step, timesteps)] != 0;
    if (used) {
        lstm_impl_gates(run, z, s->h, s->c);
        s->has_output = 1;
    }
    if (s->y != NULL && (layer->return_sequences || step + 1 == timesteps)) {
        const size_t row = run->rows_flipped ? timesteps - 1 - step : step;
        const int zero = !s->has_output || (!used && run->zero_masked);
        run->emit(layer->return_sequences ? s->y + row * run->row_len : s->y,
                  zero ? NULL : s->h, layer->units);
    }
}

/* One sequence, a step after the other */
LSTM_IMPL_DRIVER void lstm_impl_sequence(const lstm_impl_run *run, lstm_impl_stream *s,
                                         size_t timesteps, float *z)
{
    size_t step;
    for (step = 0; step < timesteps; step++) {
        lstm_impl_step_sums(run, s, lstm_impl_time(run, step, timesteps), z);
        lstm_impl_finish_step(run, s, step, timesteps, z);
    }
}

#if LSTM_IMPL_LANES
/* Takes the products with x of the steps from `first` on, of n at most: several steps at
 * once, so that the kernel is read once for them. Returns how many steps it took. */
LSTM_IMPL_INLINE size_t lstm_impl_take_ahead(const lstm_impl_run *run,
                                             const lstm_impl_stream *s, size_t first,
                                             size_t n, size_t timesteps, float *ahead)
{
    lstm_impl_sums sums;
    size_t done = 0;
    while (n - done >= 2) {
        lstm_impl_begin_sums(&sums, run, s, lstm_impl_time(run, first + done, timesteps));
        sums.h_len = 0;
        done += lstm_impl_gate_sums_of_rows(run->lanes, &sums, n - done,
                                            ahead + done * sums.columns);
    }
    return done;
}

/* One sequence with vectors, a block of steps after the other, each with its products
 * with x taken ahead. Those of up to 16 features are left to their step: the CPU takes
 * them while the gates of the step before wait for each other. */
LSTM_IMPL_KERNEL void lstm_impl_sequence_ahead(const lstm_impl_run *run,
                                               lstm_impl_stream *s, size_t timesteps,
                                               float *scratch)
{
    float *z = scratch, *ahead = scratch + 4 * run->layer->units;
    lstm_impl_sums sums;
    size_t first, n, k, done;
    for (first = 0; first < timesteps; first += n) {
        n = timesteps - first < LSTM_IMPL_AHEAD ? timesteps - first : LSTM_IMPL_AHEAD;
        done = run->layer->input_dim > 16
                   ? lstm_impl_take_ahead(run, s, first, n, timesteps, ahead)
                   : 0;
        for (k = 0; k < n; k++) {
            lstm_impl_begin_sums(&sums, run, s,
                                 lstm_impl_time(run, first + k, timesteps));
            sums.last_panel_first = (int)(k % 2);
            if (k < done) {
                sums.init = ahead + k * sums.columns;
                sums.x_len = 0;
            }
            lstm_impl_gate_sums(run->lanes, &sums, z);
            lstm_impl_finish_step(run, s, first + k, timesteps, z);
        }
    }
}

/* Several sequences, step by step together: both matrices are read once for some of
 * them. */
LSTM_IMPL_KERNEL void lstm_impl_group(const lstm_impl_run *run, lstm_impl_stream *s,
                                      size_t count, size_t timesteps, float *z)
{
    const size_t columns = 4 * run->layer->units;
    lstm_impl_sums sums;
    size_t step, row;
    for (step = 0; step < timesteps; step++) {
        for (row = 0; row < count;) {
            lstm_impl_begin_sums(&sums, run, &s[row],
                                 lstm_impl_time(run, step, timesteps));
            sums.x_step = (ptrdiff_t)(timesteps * run->layer->input_dim);
            sums.h_step = (ptrdiff_t)run->layer->units;
            row += lstm_impl_gate_sums_of_rows(run->lanes, &sums, count - row,
                                               z + row * columns);
        }
        for (row = 0; row < count; row++) {
            lstm_impl_finish_step(run, &s[row], step, timesteps, z + row * columns);
        }
    }
}

LSTM_IMPL_INLINE void lstm_impl_vector_sequences(const lstm_impl_run *run,
                                                 lstm_impl_stream *s, size_t count,
                                                 size_t timesteps, float *scratch)
{
    if (count == 1) {
        lstm_impl_sequence_ahead(run, s, timesteps, scratch);
    } else {
        lstm_impl_group(run, s, count, timesteps, scratch);
    }
}
#endif

/* All sequences of a batch; with vectors several at once, as many as there is scratch
 * for. */
LSTM_IMPL_DRIVER void lstm_impl_batch(const lstm_impl_run *run, const float *x,
                                      const unsigned char *mask, size_t batch,
                                      size_t timesteps, float *h, float *c, float *y,
                                      float *scratch)
{
    const lstm_layer *layer = run->layer;
    const size_t y_len =
        layer->return_sequences ? timesteps * run->row_len : run->row_len;
    lstm_impl_stream streams[LSTM_IMPL_LANES ? LSTM_IMPL_AHEAD : 1];
    size_t first, count, b;
    for (first = 0; first < batch; first += count) {
        count = 1;
        LSTM_IMPL_AT_4(if (run->lanes != 0) {
            count = batch - first < LSTM_IMPL_AHEAD ? batch - first : LSTM_IMPL_AHEAD;
        })
        for (b = 0; b < count; b++) {
            lstm_impl_stream *s = &streams[b];
            s->x = x + (first + b) * timesteps * layer->input_dim;
            s->mask = mask != NULL ? mask + (first + b) * timesteps : NULL;
            s->h = h + (first + b) * layer->units;
            s->c = c + (first + b) * layer->units;
            s->y = y != NULL ? y + (first + b) * y_len : NULL;
            s->has_output = 0;
        }
        LSTM_IMPL_AT_4(if (run->lanes != 0) {
            lstm_impl_vector_sequences(run, streams, count, timesteps, scratch);
            continue;
        })
        lstm_impl_sequence(run, streams, timesteps, scratch);
    }
}

/* ---- IMPLEMENTATION: sizes and checks ---------------------------------------------- */

/* A product of sizes; 0, which is no valid size, where it does not fit */
LSTM_IMPL_INLINE size_t lstm_impl_multiply(size_t a, size_t b)
{
#if LSTM_IMPL_HAS_OVERFLOW
    size_t product;
    return __builtin_mul_overflow(a, b, &product) ? 0 : product;
#else
    const int fits = (a | b) >> (4 * sizeof a) == 0 || (b != 0 && a <= (size_t)-1 / b);
    return fits ? a * b : 0;
#endif
}

/* Whether an array of `count` floats can exist. */
LSTM_IMPL_INLINE int lstm_impl_is_array(size_t count)
{
    return count != 0 && count <= (size_t)-1 / sizeof(float);
}

/* How many weights layers of these sizes have; 0 where that does not fit or a size is
 * 0 */
LSTM_IMPL_INLINE size_t lstm_impl_dense_count(size_t input_dim, size_t units,
                                              int has_bias)
{
    const size_t bias_row = has_bias != 0;
    if (input_dim == 0 || input_dim > (size_t)-1 - bias_row) {
        return 0;
    }
    return lstm_impl_multiply(units, input_dim + bias_row);
}

LSTM_IMPL_INLINE size_t lstm_impl_layer_count(size_t input_dim, size_t units,
                                              int has_bias)
{
    const size_t bias_row = has_bias != 0;
    if (input_dim == 0 || units >= (size_t)-1 - input_dim) {
        return 0;
    }
    return lstm_impl_multiply(4, lstm_impl_multiply(units, input_dim + units + bias_row));
}

/* Checks what a layer is bound to: weight_count must be `count`, which is 0 where sizes
 * are not valid. */
LSTM_IMPL_INLINE lstm_status lstm_impl_check_init(const void *layer, const float *weights,
                                                  size_t weight_count, size_t count)
{
    if (layer == NULL || weights == NULL) {
        return LSTM_ERR_NULL;
    }
    if (!lstm_impl_is_array(count)) {
        return LSTM_ERR_SHAPE;
    }
    return weight_count == count ? LSTM_OK : LSTM_ERR_WEIGHT_COUNT;
}

/* Checks a layer and fills in how it runs by itself. */
LSTM_IMPL_INLINE lstm_status lstm_impl_prepare(lstm_impl_run *run,
                                               const lstm_layer *layer)
{
    if (layer == NULL || layer->kernel == NULL || layer->recurrent_kernel == NULL) {
        return LSTM_ERR_NULL;
    }
    if (!lstm_impl_is_array(lstm_param_count(layer))) {
        return LSTM_ERR_SHAPE;
    }
    run->layer = layer;
    run->activation = lstm_impl_find(layer->activation, lstm_impl_all_tanh);
    run->recurrent_activation =
        lstm_impl_find(layer->recurrent_activation, lstm_impl_all_sigmoid);
    run->emit = lstm_impl_emit_store;
    run->row_len = layer->units;
    run->backwards = layer->go_backwards != 0;
    run->rows_flipped = 0;
    run->zero_masked = layer->zero_output_for_mask != 0;
    run->lanes = lstm_impl_lanes(layer->units);
    LSTM_IMPL_AT_4(run->has_vector_gates =
                       LSTM_IMPL_OWN_MATH && run->lanes != 0 && layer->units >= 4 &&
                       run->activation == lstm_impl_all_tanh &&
                       run->recurrent_activation == lstm_impl_all_sigmoid;)
    return run->activation == NULL || run->recurrent_activation == NULL ? LSTM_ERR_OPTION
                                                                        : LSTM_OK;
}

/* Checks the arrays of one call, with `state_units` floats of h to a sequence. y may be
 * NULL where only the last output would be written; that is no larger than h. */
LSTM_IMPL_INLINE lstm_status lstm_impl_check_arrays(const lstm_impl_run *run,
                                                    size_t batch, size_t timesteps,
                                                    size_t state_units, const float *x,
                                                    const float *h, const float *c,
                                                    const float *y, const float *scratch)
{
    const size_t steps = lstm_impl_multiply(batch, timesteps);
    const int every_step = run->layer->return_sequences != 0;
    if (x == NULL || h == NULL || c == NULL || scratch == NULL ||
        (y == NULL && every_step)) {
        return LSTM_ERR_NULL;
    }
    if (!lstm_impl_is_array(lstm_impl_multiply(steps, run->layer->input_dim)) ||
        !lstm_impl_is_array(lstm_impl_multiply(batch, state_units)) ||
        (every_step && !lstm_impl_is_array(lstm_impl_multiply(steps, run->row_len)))) {
        return LSTM_ERR_SHAPE;
    }
    return LSTM_OK;
}

/* ---- IMPLEMENTATION: the API ------------------------------------------------------- */

LSTM_API const char *lstm_status_string(lstm_status status)
{
    switch (status) {
    case LSTM_OK: return "no error";
    case LSTM_ERR_NULL: return "a pointer is NULL where data is needed";
    case LSTM_ERR_SHAPE: return "a size is zero, too large, or does not fit the others";
    case LSTM_ERR_OPTION: return "an option has a value that does not exist";
    case LSTM_ERR_WEIGHT_COUNT:
        return "the number of weights is not that of a layer of these sizes";
    }
    return "not a status of lstm.h";
}

LSTM_API size_t lstm_param_count(const lstm_layer *layer)
{
    return layer == NULL ? 0
                         : lstm_impl_layer_count(layer->input_dim, layer->units,
                                                 layer->bias != NULL);
}

LSTM_API size_t lstm_dense_param_count(const lstm_dense *layer)
{
    return layer == NULL ? 0
                         : lstm_impl_dense_count(layer->input_dim, layer->units,
                                                 layer->bias != NULL);
}

LSTM_IMPL_INLINE lstm_status lstm_impl_bind_layer(lstm_layer *layer, size_t input_dim,
                                                  size_t units, const float *weights,
                                                  size_t weight_count, int has_bias)
{
    const lstm_status status = lstm_impl_check_init(
        layer, weights, weight_count, lstm_impl_layer_count(input_dim, units, has_bias));
    if (status != LSTM_OK) {
        return status;
    }
    layer->input_dim = input_dim;
    layer->units = units;
    layer->kernel = weights;
    layer->recurrent_kernel = weights + 4 * units * input_dim;
    layer->bias = has_bias ? layer->recurrent_kernel + 4 * units * units : NULL;
    layer->activation = layer->recurrent_activation = LSTM_DEFAULT;
    layer->return_sequences = layer->go_backwards = layer->zero_output_for_mask = 0;
    return LSTM_OK;
}

LSTM_API lstm_status lstm_layer_init(lstm_layer *layer, size_t input_dim, size_t units,
                                     const float *weights, size_t weight_count)
{
    return lstm_impl_bind_layer(layer, input_dim, units, weights, weight_count, 1);
}

LSTM_API lstm_status lstm_layer_init_no_bias(lstm_layer *layer, size_t input_dim,
                                             size_t units, const float *weights,
                                             size_t weight_count)
{
    return lstm_impl_bind_layer(layer, input_dim, units, weights, weight_count, 0);
}

LSTM_IMPL_INLINE lstm_status lstm_impl_bind_dense(lstm_dense *layer, size_t input_dim,
                                                  size_t units, const float *weights,
                                                  size_t weight_count, int has_bias)
{
    const lstm_status status = lstm_impl_check_init(
        layer, weights, weight_count, lstm_impl_dense_count(input_dim, units, has_bias));
    if (status != LSTM_OK) {
        return status;
    }
    layer->input_dim = input_dim;
    layer->units = units;
    layer->kernel = weights;
    layer->bias = has_bias ? weights + units * input_dim : NULL;
    layer->activation = LSTM_DEFAULT;
    return LSTM_OK;
}

LSTM_API lstm_status lstm_dense_init(lstm_dense *layer, size_t input_dim, size_t units,
                                     const float *weights, size_t weight_count)
{
    return lstm_impl_bind_dense(layer, input_dim, units, weights, weight_count, 1);
}

LSTM_API lstm_status lstm_dense_init_no_bias(lstm_dense *layer, size_t input_dim,
                                             size_t units, const float *weights,
                                             size_t weight_count)
{
    return lstm_impl_bind_dense(layer, input_dim, units, weights, weight_count, 0);
}

LSTM_API LSTM_IMPL_AT_CALL lstm_status lstm_step(const lstm_layer *layer, const float *x,
                                                 float *h, float *c, float *scratch)
{
    lstm_impl_run run;
    lstm_impl_stream stream;
    const lstm_status status = lstm_impl_prepare(&run, layer);
    if (status != LSTM_OK) {
        return status;
    }
    if (x == NULL || h == NULL || c == NULL || scratch == NULL) {
        return LSTM_ERR_NULL;
    }
    stream.x = x;
    stream.h = h;
    lstm_impl_step_sums(&run, &stream, 0, scratch);
    lstm_impl_gates(&run, scratch, h, c);
    return LSTM_OK;
}

LSTM_API LSTM_IMPL_AT_CALL lstm_status lstm_forward(const lstm_layer *layer,
                                                    const float *x, size_t timesteps,
                                                    float *h, float *c, float *y,
                                                    float *scratch)
{
    return lstm_forward_batch(layer, x, NULL, 1, timesteps, h, c, y, scratch);
}

LSTM_API LSTM_IMPL_AT_CALL lstm_status lstm_forward_batch(
    const lstm_layer *layer, const float *x, const unsigned char *mask, size_t batch,
    size_t timesteps, float *h, float *c, float *y, float *scratch)
{
    lstm_impl_run run;
    lstm_status status = lstm_impl_prepare(&run, layer);
    if (status != LSTM_OK || batch == 0 || timesteps == 0) {
        return status;
    }
    status =
        lstm_impl_check_arrays(&run, batch, timesteps, layer->units, x, h, c, y, scratch);
    if (status == LSTM_OK) {
        lstm_impl_batch(&run, x, mask, batch, timesteps, h, c, y, scratch);
    }
    return status;
}

/* Checks both halves and that they go together, and fills in how they share y. */
LSTM_IMPL_INLINE lstm_status lstm_impl_prepare_both(lstm_impl_run *forward,
                                                    lstm_impl_run *backward,
                                                    const lstm_bidirectional *layer)
{
    lstm_status status = lstm_impl_prepare(forward, &layer->forward);
    if (status == LSTM_OK) {
        status = lstm_impl_prepare(backward, &layer->backward);
    }
    if (status != LSTM_OK) {
        return status;
    }
    if (layer->forward.input_dim != layer->backward.input_dim ||
        (layer->merge != LSTM_MERGE_CONCAT &&
         layer->forward.units != layer->backward.units)) {
        return LSTM_ERR_SHAPE;
    }
    if (!layer->forward.return_sequences != !layer->backward.return_sequences) {
        return LSTM_ERR_OPTION;
    }
    switch (layer->merge) {
    case LSTM_MERGE_CONCAT:
        forward->row_len = layer->forward.units + layer->backward.units;
        backward->row_len = forward->row_len;
        break;
    case LSTM_MERGE_SUM: backward->emit = lstm_impl_emit_sum; break;
    case LSTM_MERGE_MUL: backward->emit = lstm_impl_emit_mul; break;
    case LSTM_MERGE_AVE: backward->emit = lstm_impl_emit_ave; break;
    default: return LSTM_ERR_OPTION;
    }
    backward->backwards = !forward->backwards;
    backward->rows_flipped = 1;
    forward->zero_masked = backward->zero_masked = layer->forward.return_sequences != 0;
    return LSTM_OK;
}

LSTM_API LSTM_IMPL_AT_CALL lstm_status lstm_bidirectional_forward(
    const lstm_bidirectional *layer, const float *x, const unsigned char *mask,
    size_t batch, size_t timesteps, float *h, float *c, float *y, float *scratch)
{
    lstm_impl_run forward, backward;
    lstm_status status;
    size_t state_len, y_offset;
    if (layer == NULL) {
        return LSTM_ERR_NULL;
    }
    status = lstm_impl_prepare_both(&forward, &backward, layer);
    if (status != LSTM_OK || batch == 0 || timesteps == 0) {
        return status;
    }
    status = lstm_impl_check_arrays(&forward, batch, timesteps,
                                    layer->forward.units + layer->backward.units, x, h, c,
                                    y, scratch);
    if (status == LSTM_OK) {
        state_len = batch * layer->forward.units;
        y_offset = layer->merge == LSTM_MERGE_CONCAT ? layer->forward.units : 0;
        lstm_impl_batch(&forward, x, mask, batch, timesteps, h, c, y, scratch);
        lstm_impl_batch(&backward, x, mask, batch, timesteps, h + state_len,
                        c + state_len, y != NULL ? y + y_offset : NULL, scratch);
    }
    return status;
}

LSTM_API LSTM_IMPL_AT_CALL lstm_status lstm_dense_forward(const lstm_dense *layer,
                                                          const float *x, size_t rows,
                                                          float *y)
{
    lstm_impl_activation activation;
    size_t row;
    int lanes;
    if (layer == NULL || layer->kernel == NULL) {
        return LSTM_ERR_NULL;
    }
    activation = lstm_impl_find(layer->activation, lstm_impl_all_linear);
    if (!lstm_impl_is_array(lstm_dense_param_count(layer))) {
        return LSTM_ERR_SHAPE;
    }
    if (activation == NULL || rows == 0) {
        return activation == NULL ? LSTM_ERR_OPTION : LSTM_OK;
    }
    if (x == NULL || y == NULL) {
        return LSTM_ERR_NULL;
    }
    if (rows > 1 && (!lstm_impl_is_array(lstm_impl_multiply(rows, layer->input_dim)) ||
                     !lstm_impl_is_array(lstm_impl_multiply(rows, layer->units)))) {
        return LSTM_ERR_SHAPE;
    }
    lanes = lstm_impl_lanes(layer->units);
    for (row = 0; row < rows; row++) {
        lstm_impl_dense_sums(lanes, layer, x + row * layer->input_dim,
                             y + row * layer->units);
        activation(y + row * layer->units, layer->units);
    }
    return LSTM_OK;
}

LSTM_API void lstm_mask(const float *x, size_t rows, size_t input_dim, float mask_value,
                        unsigned char *mask)
{
    size_t row, k;
    if (x == NULL || mask == NULL) {
        return;
    }
    for (row = 0; row < rows; row++, x += input_dim) {
        mask[row] = 0;
        for (k = 0; k < input_dim; k++) {
            if (!(x[k] == mask_value)) {
                mask[row] = 1;
            }
        }
    }
}

/* Gate blocks of rows [units][columns] become blocks of columns [columns][4*units]:
 * Keras' block number gate is the source's block order[gate]. */
LSTM_IMPL_KERNEL void lstm_impl_transpose(const float *source, size_t columns,
                                          size_t units, const unsigned char *order,
                                          float *weights)
{
    size_t gate, u, k;
    for (gate = 0; gate < 4; gate++) {
        for (u = 0; u < units; u++) {
            const float *row = source + (order[gate] * units + u) * columns;
            for (k = 0; k < columns; k++) {
                weights[k * 4 * units + gate * units + u] = row[k];
            }
        }
    }
}

/* Both matrices and the sum of both biases; no bias is a bias of zeros. */
LSTM_IMPL_KERNEL lstm_status
lstm_impl_convert(size_t input_dim, size_t units, const unsigned char *order,
                  const float *kernel, const float *recurrent_kernel, const float *bias,
                  const float *recurrent_bias, float *weights)
{
    float *bias_out;
    size_t gate, u;
    if (kernel == NULL || recurrent_kernel == NULL || weights == NULL ||
        (bias == NULL) != (recurrent_bias == NULL)) {
        return LSTM_ERR_NULL;
    }
    if (!lstm_impl_is_array(lstm_impl_layer_count(input_dim, units, 1))) {
        return LSTM_ERR_SHAPE;
    }
    bias_out = weights + 4 * units * (input_dim + units);
    lstm_impl_transpose(kernel, input_dim, units, order, weights);
    lstm_impl_transpose(recurrent_kernel, units, units, order,
                        weights + 4 * units * input_dim);
    for (gate = 0; gate < 4; gate++) {
        for (u = 0; u < units; u++) {
            const size_t from = order[gate] * units + u;
            bias_out[gate * units + u] =
                bias == NULL ? 0.0f : bias[from] + recurrent_bias[from];
        }
    }
    return LSTM_OK;
}

LSTM_API lstm_status lstm_weights_from_torch(size_t input_dim, size_t units,
                                             const float *weight_ih,
                                             const float *weight_hh, const float *bias_ih,
                                             const float *bias_hh, float *weights)
{
    const unsigned char i_f_g_o[4] = {0, 1, 2, 3};
    return lstm_impl_convert(input_dim, units, i_f_g_o, weight_ih, weight_hh, bias_ih,
                             bias_hh, weights);
}

LSTM_API lstm_status lstm_weights_from_onnx(size_t input_dim, size_t units,
                                            const float *W, const float *R,
                                            const float *B, float *weights)
{
    const unsigned char i_o_f_c[4] = {0, 2, 3, 1};
    const int has_size = lstm_impl_is_array(lstm_impl_layer_count(input_dim, units, 1));
    return lstm_impl_convert(input_dim, units, i_o_f_c, W, R, B,
                             B != NULL && has_size ? B + 4 * units : B, weights);
}

#undef LSTM_IMPL_CUSTOM_LOAD
#undef LSTM_IMPL_KERNEL
#undef LSTM_IMPL_INLINE
#undef LSTM_IMPL_RESTRICT
#undef LSTM_IMPL_ABS
#undef LSTM_IMPL_STAMPED
#undef LSTM_IMPL_DRIVER
#undef LSTM_IMPL_AT_CALL
#undef LSTM_IMPL_IN_CALLER
#undef LSTM_IMPL_SHORT
#undef LSTM_IMPL_EACH_PART
#undef LSTM_IMPL_HAS_FPU
#undef LSTM_IMPL_FUSED
#undef LSTM_IMPL_HELIUM
#undef LSTM_IMPL_PIECES
#undef LSTM_IMPL_PIECE
#undef LSTM_IMPL_LOAD_PIECE
#undef LSTM_IMPL_ADD_PRODUCT
#undef LSTM_IMPL_HAS_OVERFLOW
#undef LSTM_IMPL_REGISTER
#undef LSTM_IMPL_ROUND
#undef LSTM_IMPL_DISPATCH
#undef LSTM_IMPL_LANES
#undef LSTM_IMPL_VECTOR_TYPES
#undef LSTM_IMPL_ROUND_4
#undef LSTM_IMPL_ROUND_8
#undef LSTM_IMPL_ROUND_16
#undef LSTM_IMPL_LESS
#undef LSTM_IMPL_GET
#undef LSTM_IMPL_PUT
#undef LSTM_IMPL_MULTIPLY
#undef LSTM_IMPL_EACH
#undef LSTM_IMPL_ALL
#undef LSTM_IMPL_ADD_VECTORS
#undef LSTM_IMPL_ADD_SCALED
#undef LSTM_IMPL_ADD_SCALED_4
#undef LSTM_IMPL_ADD_SCALED_8
#undef LSTM_IMPL_ADD_SCALED_16
#undef LSTM_IMPL_READ_ONCE_4
#undef LSTM_IMPL_READ_ONCE_8
#undef LSTM_IMPL_READ_ONCE_16
#undef LSTM_IMPL_ADD_PRODUCT_16
#undef LSTM_IMPL_ADD_PRODUCT_8
#undef LSTM_IMPL_ADD_PRODUCT_4
#undef LSTM_IMPL_WIDE_16
#undef LSTM_IMPL_WIDE_8
#undef LSTM_IMPL_WIDE_4
#undef LSTM_IMPL_TARGET_4
#undef LSTM_IMPL_TARGET_8
#undef LSTM_IMPL_TARGET_16
#undef LSTM_IMPL_MIN_4
#undef LSTM_IMPL_MIN_8
#undef LSTM_IMPL_MAX_4
#undef LSTM_IMPL_MAX_8
#undef LSTM_IMPL_MIN_16
#undef LSTM_IMPL_MAX_16
#undef LSTM_IMPL_SELECT_4
#undef LSTM_IMPL_AT_16
#undef LSTM_IMPL_AT_8
#undef LSTM_IMPL_AT_4
#undef LSTM_IMPL_TRY
#undef LSTM_IMPL_OWN_MATH
#undef LSTM_IMPL_AHEAD
#undef LSTM_IMPL_ELEMENTWISE
#undef LSTM_IMPL_OFFSET
#undef LSTM_IMPL_STAMP_SUMS
#undef LSTM_IMPL_STAMP_TILES
#undef LSTM_IMPL_STAMP_ROWS
#undef LSTM_IMPL_ROWS_AT
#undef LSTM_IMPL_STAMP_GATES
#undef LSTM_IMPL_STAMP_DENSE
#undef LSTM_IMPL_STAMP
#undef LSTM_IMPL_EMIT

#endif /* LSTM_H */
