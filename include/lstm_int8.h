/* lstm_int8.h - trained LSTM models with 8-bit weights and integer arithmetic.
 * Version 0.2.0, the version of lstm.h
 * SPDX-License-Identifier: MIT
 *
 * ABOUT
 * The LSTM and Dense layers of Keras with int8 weights and int16 inputs and outputs. It is
 * for processors without an FPU (Cortex-M0, Cortex-M3, AVR, RISC-V without F), for small
 * flash, and for weights that are larger than the caches. The weights take a quarter of
 * the memory of float weights. The results are approximate: rounding the weights to 8 bits
 * changes the outputs a little. lstm.h gives Keras' own numbers. Masks and Bidirectional
 * are only in lstm.h.
 * Copy this file and lstm.h, include this one; there is nothing to build. A float layer
 * of lstm.h is converted with lstm_int8_quantize, on a PC or at start-up. The exporter
 * (lstm_export.py --int8) writes the converted arrays as const arrays for flash.
 *
 * QUICK START
 *
 *   #include <stdio.h>
 *   #include "lstm_int8.h"
 *   static const float weights[LSTM_PARAM_COUNT(1, 1)] = { // of a Keras LSTM(1)
 *       0.5f, -0.4f, 0.9f, 0.3f,  0.2f, 0.7f, -0.6f, 0.1f,  0.0f, 1.0f, 0.0f, 0.0f};
 *   int main(void)
 *   {
 *       const float x[3] = {1.0f, -2.0f, 0.5f};            // [timesteps][input_dim]
 *       int8_t packed[LSTM_INT8_WEIGHT_LEN(1, 1)];
 *       uint16_t row_scales[LSTM_INT8_ROW_LEN(1, 1)];
 *       uint16_t multipliers[LSTM_INT8_COLUMN_LEN(1)];
 *       int32_t bias[LSTM_INT8_COLUMN_LEN(1)], c[1] = {0};
 *       float space[LSTM_INT8_QUANTIZE_LEN(1, 1)];
 *       int16_t q[3], h[1] = {0}, scratch[LSTM_INT8_SCRATCH_LEN(1, 1)];
 *       lstm_layer lstm;
 *       lstm_int8_layer small;
 *       if (lstm_layer_init(&lstm, 1, 1, weights, LSTM_PARAM_COUNT(1, 1)) != LSTM_OK ||
 *           lstm_int8_quantize(&lstm, 12, NULL, packed, row_scales, multipliers, bias,
 *                              space, &small) != LSTM_OK) { return 1; }
 *       lstm_int8_from_float(x, 3, 12, q);
 *       if (lstm_int8_forward(&small, q, 3, h, c, NULL, scratch) != LSTM_OK) { return 1; }
 *       printf("h = %.4f\n", h[0] / 32768.0);
 *       return 0;
 *   }
 *
 * SHAPES AND FORMATS (row-major: the last index runs fastest)
 *   x   int16  [batch][timesteps][input_dim]  real value times 2^input_fraction_bits: with
 *              12, a value of 1.0 is 4096, and the range is -8 to 8
 *   h   int16  [batch][units]  real value times 32768
 *   c   int32  [batch][units]  real value times 65536
 *   y   int16  [batch][timesteps][units] with return_sequences, else [batch][units]; real
 *              value times 32768. For a layer or a Dense layer that reads it,
 *              input_fraction_bits is 15
 *
 * OPTIONS (define before including, the same in every file of a program)
 *   LSTM_API, LSTM_NO_SIMD, LSTM_NO_DISPATCH, LSTM_LOAD  as in lstm.h. LSTM_LOAD reads the
 *                     weights of a float layer that is converted
 *   LSTM_INT8_LOAD_8(p), LSTM_INT8_LOAD_16(p), LSTM_INT8_LOAD_32(p)
 *                     how int8_t, uint16_t and int32_t constants of an int8 layer are
 *                     read. Define all three or none: with them no vectors are used.
 *                     Default *(p), on AVR pgm_read_byte, _word and _dword: there the
 *                     arrays of a layer are in flash (PROGMEM)
 *   LSTM_INT8_TABLE   attribute of this header's own table (386 bytes), which is read
 *                     with LSTM_INT8_LOAD_16. Default nothing; on AVR PROGMEM, unless
 *                     LSTM_INT8_LOAD_8 is defined
 *   LSTM_INT8_ONE     attribute of a float constant that lstm_int8_dense_forward reads
 *                     with LSTM_LOAD. Default nothing; PROGMEM where LSTM_LOAD is
 *                     pgm_read_float
 *   LSTM_INT8_NO_LONG no products of 64 bits. The default on AVR, ARMv6-M and ARMv8-M
 *                     Baseline, which have no instruction for them. The results are the
 *                     same
 *
 * ERRORS
 * Every function checks its arguments once, at entry. On an error it writes nothing.
 *   LSTM_ERR_NULL    a pointer is NULL where data is needed
 *   LSTM_ERR_SHAPE   input_dim or units is 0, or an array would have more bytes than
 *                    size_t can hold
 *   LSTM_ERR_OPTION  input_fraction_bits or shift not from 0 to 15, an activation that
 *                    the function does not have, a weight or bias that is NaN, infinite
 *                    or too large to convert
 * With 0 timesteps, 0 sequences or 0 rows a valid layer gives LSTM_OK, and nothing is
 * written.
 *
 * NUMERICS
 * All arithmetic of a layer is on integers. The same bits come out of every CPU, compiler
 * and vector width, for every batch, and for every split of a sequence into calls.
 * Below, a >> n is the integer part of a / 2^n, rounded down (arithmetic shift), and
 * round(a, n) is (a + 2^(n-1)) >> n. In these formulas only the three products marked
 * with (*) need more than 32 bits, at most 48. All other values fit in an int32.
 *
 *   Input     v[k] = round(in[k] * row_scales[k], 15), where in is x followed by h
 *   Sum       S[j] = the sum over k of v[k] * weight[k][j]
 *   Gate      z[j] = (((S[j] * multipliers[j]) >> 16 (*)) + bias[j]) >> shift
 *             z is the gate's input times 8192 for g, and times 4096 for i, f, o. The
 *             bias includes 2^(shift-1), so this rounds to nearest
 *   tanh      a = min(|z|, 49151), n = a >> 8, r = a & 255;
 *             tanh(z) = sign(z) * (T[n] + (((T[n+1] - T[n]) * r) >> 8))
 *             T[n] is tanh(n / 32) * 32768, rounded to nearest, for n from 0 to 192
 *   sigmoid   i, f, o = 16384 + (tanh(z) >> 1), since sigmoid(z) = (1 + tanh(z/2)) / 2
 *   Cell      c' = clamp(round(c * f, 15) (*), -2^30, 2^30 - 1) + round(i * g, 14)
 *   Output    h' = min(round(o * tanh(c' >> 3), 15), 32767)
 *   Dense     has no row scales: S[j] = the sum over k of x[k] * weight[k][j];
 *             logit[j] = (((S[j] * multipliers[j]) >> 16 (*)) + bias[j]) >> shift, times
 *             65536. As a float it is logit * 2^-16. Then comes the activation of lstm.h;
 *             softmax adds its e^y in order, so its last bits may differ from lstm.h's
 *
 * Only the conversion from a float layer and the activation of lstm_int8_dense_forward
 * use floats. The bits of a conversion do not depend on the CPU (CONVERSION names the
 * exceptions). Those of an activation and of lstm_int8_observe are as in lstm.h: the same
 * on all CPUs that have fused multiply-adds, and on all that have not.
 *
 * tanh and sigmoid are within 2e-4 of the true value. A gate can be exactly 0 and exactly
 * 1, so a cell can keep its value for any number of steps.
 *   Weights   weight[k][j] is int8, from -127 to 127. The real weight is weight[k][j] *
 *             row_scales[k] * column scale j: one scale for each row (an input) and for
 *             each column (a gate of a unit). Row scales balance inputs of different size,
 *             and x against h. The column scale is a part of multipliers[j]
 *   Overflow  lstm_int8_quantize chooses the column scale so that the sum of row_scales[k]
 *             * |weight[k][j]| is at most 2^30. Then no input can overflow S, whatever its
 *             values are
 *
 * MEMORY AND THREADS
 *   arrays of a layer  const after lstm_int8_quantize, shared by all streams and threads
 *   state              h and c, one pair for each stream; zeros to begin with
 *   scratch            LSTM_INT8_SCRATCH_LEN or LSTM_INT8_BATCH_SCRATCH_LEN int16s, one
 *                      for each thread; its contents are undefined before and after a call
 *   stack              on computers up to 8 KB, 95 KB without optimisation
 * There are no static variables and no heap. x and the layer are only read. The arrays of
 * a call must not overlap. No pointer needs more alignment than its type.
 */
#ifndef LSTM_INT8_H
#define LSTM_INT8_H

#include <stddef.h>
#include <stdint.h>

#include "lstm.h"

/* ---- TYPES ------------------------------------------------------------------------- */

/* An LSTM layer with 8-bit weights. lstm_int8_quantize fills it in. */
typedef struct lstm_int8_layer {
    size_t input_dim, units;
    const int8_t *weights;       /* [units][blocks][4 gates i f g o][8]: a block is 8 rows
                                    of the kernel followed by the recurrent kernel; rows
                                    after the last are 0 */
    const uint16_t *row_scales;  /* [input_dim + units], times 32768; at most 32767 */
    const uint16_t *multipliers; /* [units][4] */
    const int32_t *bias;         /* [units][4] */
    int shift;                   /* 0 to 15 */
    int input_fraction_bits;     /* of x: 0 to 15 */
    int return_sequences, go_backwards;
} lstm_int8_layer;

/* A Dense layer with 8-bit weights. lstm_int8_quantize_dense fills it in. */
typedef struct lstm_int8_dense {
    size_t input_dim, units;
    const int8_t *weights;       /* [units][input_dim] */
    const uint16_t *multipliers; /* [units] */
    const int32_t *bias;         /* [units] */
    int shift;                   /* 0 to 15 */
    int input_fraction_bits;     /* of x: 15 for the h or y of a layer */
    lstm_activation activation;  /* of lstm_int8_dense_forward */
} lstm_int8_dense;

/* ---- SIZES ------------------------------------------------------------------------- */

/* Constant expressions of type size_t, for array bounds and static assertions. */

/* n as a size_t; C++ users may have warnings of casts on */
#ifdef __cplusplus
static inline constexpr size_t lstm_int8_impl_size(size_t n)
{
    return n;
}
#define LSTM_INT8_SIZE(n) lstm_int8_impl_size(n)
#else
#define LSTM_INT8_SIZE(n) ((size_t)(n))
#endif

/* The blocks of 8 rows that hold the kernel and the recurrent kernel. */
#define LSTM_INT8_BLOCKS(input_dim, units) \
    ((LSTM_INT8_SIZE(input_dim) + LSTM_INT8_SIZE(units) + 7) / 8)
/* WEIGHT: int8_t in weights. ROW: uint16_t in row_scales. COLUMN: uint16_t in
 * multipliers, and int32_t in bias. DENSE_WEIGHT: int8_t in weights of a Dense layer. */
#define LSTM_INT8_WEIGHT_LEN(input_dim, units) \
    (32 * LSTM_INT8_SIZE(units) * LSTM_INT8_BLOCKS(input_dim, units))
#define LSTM_INT8_ROW_LEN(input_dim, units) \
    (LSTM_INT8_SIZE(input_dim) + LSTM_INT8_SIZE(units))
#define LSTM_INT8_COLUMN_LEN(units) (4 * LSTM_INT8_SIZE(units))
#define LSTM_INT8_DENSE_WEIGHT_LEN(input_dim, units) \
    (LSTM_INT8_SIZE(input_dim) * LSTM_INT8_SIZE(units))

/* int16_t of scratch: SCRATCH for lstm_int8_step and lstm_int8_forward, BATCH_SCRATCH for
 * lstm_int8_forward_batch, which runs at most 4 sequences at a time. */
#define LSTM_INT8_SCRATCH_LEN(input_dim, units) (8 * LSTM_INT8_BLOCKS(input_dim, units))
#define LSTM_INT8_BATCH_SCRATCH_LEN(batch, input_dim, units) \
    (LSTM_INT8_SIZE((batch) < 4 ? (batch) : 4) * LSTM_INT8_SCRATCH_LEN(input_dim, units))

/* floats of scratch for lstm_int8_quantize, and floats in moments */
#define LSTM_INT8_QUANTIZE_LEN(input_dim, units) \
    (4 * LSTM_INT8_SIZE(units) + 3 * LSTM_INT8_ROW_LEN(input_dim, units))
#define LSTM_INT8_MOMENT_LEN(input_dim, units) \
    (LSTM_INT8_ROW_LEN(input_dim, units) * LSTM_INT8_ROW_LEN(input_dim, units))

/* ---- API --------------------------------------------------------------------------- */

/* lstm_int8_quantize - convert a float layer to 8-bit weights.
 *   from                 the float layer: tanh and sigmoid, with or without bias
 *   input_fraction_bits  of x, 0 to 15: the largest with which every x stays below
 *                        2^(15 - input_fraction_bits). 12 gives a range of -8 to 8
 *   moments              [input_dim + units][input_dim + units] from lstm_int8_observe.
 *                        Weights are then rounded up or down so that the gates of typical
 *                        inputs change least: 2 to 3 times more accurate, if inputs
 *                        are correlated, as real ones are. NULL: each weight is
 *                        rounded to nearest
 *   weights              LSTM_INT8_WEIGHT_LEN(input_dim, units), written
 *   row_scales           LSTM_INT8_ROW_LEN(input_dim, units), written
 *   multipliers, bias    LSTM_INT8_COLUMN_LEN(units), written
 *   scratch              LSTM_INT8_QUANTIZE_LEN(input_dim, units) floats
 *   to                   written: sizes, flags and pointers to the four arrays
 * Returns LSTM_OK, LSTM_ERR_NULL, LSTM_ERR_SHAPE, or LSTM_ERR_OPTION for an activation
 * other than tanh and sigmoid, for input_fraction_bits out of range, for a NaN or an
 * infinity, for a bias beyond 65536, for weights of the recurrent kernel beyond 400 and of
 * the kernel beyond 400 / 2^(15 - input_fraction_bits): 50 with 12. With more than 258
 * rows the limits of weights are divided by rows / 258, from 8193 rows on by rows / 129;
 * rows is input_dim + units.
 * Cost: 8*units*rows divisions. With moments also from 1 to 5 times 4*units*rows^2
 * multiply-adds. A column whose sum could overflow is converted more than once. */
LSTM_API lstm_status lstm_int8_quantize(const lstm_layer *from, int input_fraction_bits,
                                        const float *moments, int8_t *weights,
                                        uint16_t *row_scales, uint16_t *multipliers,
                                        int32_t *bias, float *scratch,
                                        lstm_int8_layer *to);

/* lstm_int8_observe - run the float layer over one sequence and collect how its inputs
 * vary together, for lstm_int8_quantize. A few sequences of real data are enough.
 *   from     the float layer
 *   x        [timesteps][input_dim]  as it will be in use, in floats. In the order of
 *            computation: for a layer with go_backwards, last timestep first
 *   h, c     [units]  state, in and out; zeros for a new sequence
 *   moments  [input_dim + units][input_dim + units]  in and out: the products of x and h
 *            are added. Zeros before the first call
 *   scratch  LSTM_SCRATCH_LEN(units) floats
 * Returns as lstm_step, and LSTM_ERR_OPTION for an activation other than tanh and
 * sigmoid. Cost: timesteps*(input_dim+units)^2 multiply-adds, and those of the
 * layer. */
LSTM_API lstm_status lstm_int8_observe(const lstm_layer *from, const float *x,
                                       size_t timesteps, float *h, float *c,
                                       float *moments, float *scratch);

/* lstm_int8_quantize_dense - convert a Dense layer to 8-bit weights.
 *   from                 the float layer, with any activation of lstm.h except
 *                        LSTM_LOG_SOFTMAX
 *   input_fraction_bits  of x: 15 for the h or y of an int8 layer
 *   weights              LSTM_INT8_DENSE_WEIGHT_LEN(input_dim, units), written
 *   multipliers, bias    [units], written
 *   to                   written
 * Returns as lstm_int8_quantize, with other limits. LSTM_ERR_OPTION is for a bias beyond
 * 8192, for a weight beyond 62.8 / 2^(15 - input_fraction_bits), and for a unit whose
 * weights are too large together: a sum of |weights| up to 8100 / 2^(15 -
 * input_fraction_bits) always fits. LSTM_ERR_SHAPE is also for an input_dim of more than
 * 32768. */
LSTM_API lstm_status lstm_int8_quantize_dense(const lstm_dense *from,
                                              int input_fraction_bits, int8_t *weights,
                                              uint16_t *multipliers, int32_t *bias,
                                              lstm_int8_dense *to);

/* lstm_int8_from_float, lstm_int8_to_float - between floats and 16 bits.
 *   x  [n]   q  [n]   fraction_bits  0 to 15; q is x * 2^fraction_bits
 * From float it rounds to nearest, values out of range become the nearest in range, and
 * NaN becomes 0. NULL or other fraction_bits: nothing is done. */
LSTM_API void lstm_int8_from_float(const float *x, size_t n, int fraction_bits,
                                   int16_t *q);
LSTM_API void lstm_int8_to_float(const int16_t *q, size_t n, int fraction_bits, float *x);

/* lstm_int8_step - one timestep, for streaming (keras.layers.LSTMCell).
 *   x        [input_dim]  input
 *   h, c     [units]      state, in and out
 *   scratch  LSTM_INT8_SCRATCH_LEN(input_dim, units)
 * Returns LSTM_OK, LSTM_ERR_NULL, LSTM_ERR_SHAPE, or LSTM_ERR_OPTION for a shift out of
 * range. Called for each step it gives the bits of lstm_int8_forward.
 * Cost: 4*units*(input_dim+units) integer multiply-adds. */
LSTM_API lstm_status lstm_int8_step(const lstm_int8_layer *layer, const int16_t *x,
                                    int16_t *h, int32_t *c, int16_t *scratch);

/* lstm_int8_forward - one layer over one sequence (keras.layers.LSTM, batch 1).
 *   x        [timesteps][input_dim]  input
 *   h, c     [units]  initial state in, final state out; zeros for a stateless call
 *   y        with return_sequences [timesteps][units], rows in the order of computation
 *            (go_backwards: the output of the last timestep first); without it [units],
 *            the last output, or NULL where h is all that is wanted
 *   scratch  LSTM_INT8_SCRATCH_LEN(input_dim, units)
 * Returns as lstm_int8_step. Cost: timesteps times that of a step. */
LSTM_API lstm_status lstm_int8_forward(const lstm_int8_layer *layer, const int16_t *x,
                                       size_t timesteps, int16_t *h, int32_t *c,
                                       int16_t *y, int16_t *scratch);

/* lstm_int8_forward_batch - one layer over a batch of sequences of one length.
 *   x        [batch][timesteps][input_dim]
 *   h, c     [batch][units]  initial state in, final state out
 *   y        [batch][timesteps][units], or [batch][units] or NULL, as above
 *   scratch  LSTM_INT8_BATCH_SCRATCH_LEN(batch, input_dim, units)
 * Returns as lstm_int8_step. The same bits as `batch` calls of lstm_int8_forward. With
 * AVX2 or AVX-512 VNNI it is faster than these. */
LSTM_API lstm_status lstm_int8_forward_batch(const lstm_int8_layer *layer,
                                             const int16_t *x, size_t batch,
                                             size_t timesteps, int16_t *h, int32_t *c,
                                             int16_t *y, int16_t *scratch);

/* lstm_int8_dense_logits - a Dense layer without its activation, integers only.
 *   x       [rows][input_dim]
 *   logits  [rows][units], written: real value times 65536
 * Returns as lstm_int8_step. Cost: rows*input_dim*units multiply-adds. */
LSTM_API lstm_status lstm_int8_dense_logits(const lstm_int8_dense *layer,
                                            const int16_t *x, size_t rows,
                                            int32_t *logits);

/* lstm_int8_dense_forward - a Dense layer with its activation, result in floats.
 *   x  [rows][input_dim]    y  [rows][units]
 * Returns as lstm_int8_step, or LSTM_ERR_OPTION for an unknown activation or
 * LSTM_LOG_SOFTMAX. The cost of lstm_int8_dense_logits and of the activation. */
LSTM_API lstm_status lstm_int8_dense_forward(const lstm_int8_dense *layer,
                                             const int16_t *x, size_t rows, float *y);

/* lstm_int8_argmax - the index of the largest of n logits, the first of several; 0 for
 * NULL. With softmax or sigmoid this is the most likely class. */
LSTM_API size_t lstm_int8_argmax(const int32_t *logits, size_t n);

/* Who only uses the header need not read on. */

/* ---- COMPILER ---------------------------------------------------------------------- */

/* AVR reads flash by instructions of its own. VECTORS is whether weights may be read
 * without LSTM_INT8_LOAD_8: by vectors, by SMLAD or by assembly of Cortex-M0. */
#if defined(__AVR__) && !defined(LSTM_INT8_LOAD_8)
#include <avr/pgmspace.h>
#define LSTM_INT8_LOAD_8(p) ((int8_t)pgm_read_byte(p))
#define LSTM_INT8_LOAD_16(p) ((uint16_t)pgm_read_word(p))
#define LSTM_INT8_LOAD_32(p) ((int32_t)pgm_read_dword(p))
#ifndef LSTM_INT8_TABLE
#define LSTM_INT8_TABLE PROGMEM
#endif
#endif
#ifdef LSTM_INT8_LOAD_8
#define LSTM_INT8_IMPL_VECTORS 0 /* vectors would read past LSTM_INT8_LOAD_8 */
#elif defined(LSTM_NO_SIMD) || !(defined(__GNUC__) || defined(_M_X64))
#define LSTM_INT8_IMPL_VECTORS 0
#else
#define LSTM_INT8_IMPL_VECTORS 1
#endif
#ifndef LSTM_INT8_LOAD_8
#define LSTM_INT8_LOAD_8(p) (*(p))
#endif
#ifndef LSTM_INT8_LOAD_16
#define LSTM_INT8_LOAD_16(p) (*(p))
#endif
#ifndef LSTM_INT8_LOAD_32
#define LSTM_INT8_LOAD_32(p) (*(p))
#endif
#ifndef LSTM_INT8_TABLE
#define LSTM_INT8_TABLE
#endif

/* Whether a product of 32 bits by 32 bits has 64 bits at little cost. ARMv6-M and ARMv8-M
 * Baseline (Cortex-M0, M23) and AVR would call a function for it. */
#if defined(LSTM_INT8_NO_LONG) || defined(__AVR__) || \
    (defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__))
#define LSTM_INT8_IMPL_LONG 0
#else
#define LSTM_INT8_IMPL_LONG 1
#endif

/* A conversion to a type: C++ users may have -Wold-style-cast on. */
#ifdef __cplusplus
#define LSTM_INT8_IMPL_TO(type, x) static_cast<type>(x)
#else
#define LSTM_INT8_IMPL_TO(type, x) ((type)(x))
#endif

/* Which instructions sum the products: SUMS has a table of these names. */
#if LSTM_INT8_IMPL_VECTORS && defined(__ARM_FEATURE_MVE)
#define LSTM_INT8_IMPL_HELIUM 1
#include <arm_mve.h>
#else
#define LSTM_INT8_IMPL_HELIUM 0
#endif
#if LSTM_INT8_IMPL_VECTORS && !LSTM_INT8_IMPL_HELIUM && defined(__ARM_FEATURE_DSP) && \
    defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define LSTM_INT8_IMPL_PAIRS 1
#else
#define LSTM_INT8_IMPL_PAIRS 0
#endif

/* THUMB1: GCC's own loop is a third slower. */
#if LSTM_INT8_IMPL_VECTORS && defined(__ARM_ARCH_6M__) && defined(__OPTIMIZE__)
#define LSTM_INT8_IMPL_THUMB1 1
#else
#define LSTM_INT8_IMPL_THUMB1 0
#endif

/* X86: SSE2, also by MSVC. */
#if LSTM_INT8_IMPL_VECTORS && (defined(__SSE2__) || defined(_M_X64))
#define LSTM_INT8_IMPL_X86 1
#define LSTM_INT8_IMPL_ROWS 4   /* sequences of a batch that are run together */
#define LSTM_INT8_IMPL_SUMS 256 /* of 16 units of these */
#include <immintrin.h>
#else
#define LSTM_INT8_IMPL_X86 0
#endif
#if LSTM_INT8_IMPL_VECTORS && defined(__aarch64__) && !defined(__ARM_BIG_ENDIAN)
#define LSTM_INT8_IMPL_NEON 1
#include <arm_neon.h>
#else
#define LSTM_INT8_IMPL_NEON 0
#endif
#if LSTM_INT8_IMPL_VECTORS && defined(__wasm_simd128__)
#define LSTM_INT8_IMPL_WASM 1
#include <wasm_simd128.h>
#else
#define LSTM_INT8_IMPL_WASM 0
#endif
#ifndef LSTM_INT8_IMPL_ROWS
#define LSTM_INT8_IMPL_ROWS 1
#define LSTM_INT8_IMPL_SUMS 4
#endif

/* WIDE: vectors of 32 bytes, AVX2. VNNI: sums in vectors of 64 bytes by AVX-512 VNNI, on
 * 64-bit x86, where there are registers enough. Each where the compiler's flags have it
 * or, with CHOICE, where the CPU is found to have it. Neither by GCC for Windows, which
 * does not align the stack for them (GCC bug 54412). No choice on Windows: not every clang
 * there can ask the CPU. The choice of VNNI needs GCC 8 or clang 11: Apple's clang knows
 * it from 11 on, and its version numbers are not those of others. */
#if LSTM_INT8_IMPL_X86 && !(defined(_WIN32) && defined(__GNUC__) && !defined(__clang__))
#define LSTM_INT8_IMPL_ALIGNED 1
#else
#define LSTM_INT8_IMPL_ALIGNED 0
#endif
#if LSTM_INT8_IMPL_ALIGNED && defined(__x86_64__) && !defined(_WIN32) && \
    !defined(LSTM_NO_DISPATCH) && __STDC_HOSTED__
#define LSTM_INT8_IMPL_CHOICE 1
#else
#define LSTM_INT8_IMPL_CHOICE 0
#endif
#if LSTM_INT8_IMPL_ALIGNED && defined(__AVX2__)
#define LSTM_INT8_IMPL_WIDE 1
#define LSTM_INT8_IMPL_AVX2
#elif LSTM_INT8_IMPL_CHOICE
#define LSTM_INT8_IMPL_WIDE 1
#define LSTM_INT8_IMPL_AVX2 __attribute__((__target__("avx2")))
#define LSTM_INT8_IMPL_ASK_AVX2 1
#else
#define LSTM_INT8_IMPL_WIDE 0
#endif
#if LSTM_INT8_IMPL_ALIGNED && defined(__x86_64__) && defined(__AVX512VNNI__) && \
    defined(__AVX512BW__)
#define LSTM_INT8_IMPL_VNNI 1
#define LSTM_INT8_IMPL_AVX512
#elif LSTM_INT8_IMPL_CHOICE && \
    (defined(__clang__) ? __clang_major__ >= 11 : __GNUC__ >= 8)
#define LSTM_INT8_IMPL_VNNI 1
#define LSTM_INT8_IMPL_AVX512 \
    __attribute__((__target__("avx2,avx512f,avx512bw,avx512vnni")))
#define LSTM_INT8_IMPL_ASK_VNNI 1
#else
#define LSTM_INT8_IMPL_VNNI 0
#endif

/* How functions are compiled by GCC and clang. SHORT: a call on AVR and Cortex-M and with
 * -Os, where code is to be short; else the compiler may inline it. KERNEL: never inlined.
 * INLINE: always inlined. */
#if defined(__GNUC__) &&                                                             \
    (defined(__AVR__) || defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M' || \
     defined(__OPTIMIZE_SIZE__))
#define LSTM_INT8_IMPL_SHORT static __attribute__((__noinline__))
#else
#define LSTM_INT8_IMPL_SHORT static inline
#endif
#if defined(__GNUC__)
#define LSTM_INT8_IMPL_KERNEL static __attribute__((__noinline__, __unused__))
#define LSTM_INT8_IMPL_INLINE static inline __attribute__((__always_inline__))
#else
#define LSTM_INT8_IMPL_KERNEL static
#define LSTM_INT8_IMPL_INLINE static inline
#endif

/* After this GCC does not know what a pointer points to. Without it GCC keeps weights
 * that it has read for the next round of a loop, and has too few registers to do so. */
#if defined(__GNUC__)
#define LSTM_INT8_IMPL_FORGET(pointer) __asm__("" : "+r"(pointer))
#else
#define LSTM_INT8_IMPL_FORGET(pointer) ((void)0)
#endif

/* Keeps a vector in the register it is in, at no cost: with AVX-512 any of 32. Clang has
 * no need of it. */
#if defined(__GNUC__) && !defined(__clang__)
#define LSTM_INT8_IMPL_KEEP(vector) __asm__("" : "+v"(vector))
#else
#define LSTM_INT8_IMPL_KEEP(vector) ((void)0)
#endif

/* A loop of eight to unroll: k is an index of arrays of sums, and these are in registers
 * only if each index is a constant. */
#if defined(__clang__)
#define LSTM_INT8_IMPL_EIGHT(k) \
    _Pragma("clang loop unroll(full)") for ((k) = 0; (k) < 8; (k)++)
#elif defined(__GNUC__) && __GNUC__ >= 8
#define LSTM_INT8_IMPL_EIGHT(k) _Pragma("GCC unroll 8") for ((k) = 0; (k) < 8; (k)++)
#else
#define LSTM_INT8_IMPL_EIGHT(k) for ((k) = 0; (k) < 8; (k)++)
#endif

/* Before a loop of two: unroll it, unless code is to be short. */
#if defined(__GNUC__) && __GNUC__ >= 8 && !defined(__OPTIMIZE_SIZE__) && !defined(__AVR__)
#define LSTM_INT8_IMPL_TWICE _Pragma("GCC unroll 2")
#else
#define LSTM_INT8_IMPL_TWICE
#endif

/* ---- SUMS: the products of inputs and weights -------------------------------------- */

/* A unit needs four sums, those of its gates i, f, g, o. Its weights are stored in blocks
 * of 8 rows:
 *
 *   i: rows 0..7 | f: rows 0..7 | g: rows 0..7 | o: rows 0..7 | i: rows 8..15 | ...
 *
 * So one pointer runs through the weights of a unit, every input is loaded once for four
 * gates, and 8 weights of a gate fill a vector of 8 int16. The layout is the same on
 * every processor, so that one exported header fits all of them.
 *
 * lstm_int8_impl_unit, in vectors of 16 bytes lstm_int8_impl_unit_16, sums one unit:
 *   v       [8*blocks]   the scaled inputs of the step: x, h, and zeros up to a whole block
 *   stride  unused here: the distance of v of the next sequence in a batch
 *   w       [32*blocks]  the unit's weights
 *   sums    [4]          written
 * There is one for each kind of processor; WIDE and VNNI sum several units at once. All
 * give the same sums: the quantiser has made sure that v * weight can be added in any
 * order without an overflow.
 *
 * For input_dim 2 and units 3, blocks is 1:
 *   row        0     1     2     3     4     5  6  7
 *   v          x[0]  x[1]  h[0]  h[1]  h[2]  0  0  0      each times its row scale
 *   weights    kernel      recurrent_kernel  0  0  0
 * The weight of row k, gate g, unit u is weights[32*blocks*u + (k / 8 * 4 + g) * 8 + k %
 * 8].
 *
 *   instructions     products at once      processors
 *   HELIUM           8, VMLADAVA           Cortex-M55, M85
 *   PAIRS            2, SMLAD              Cortex-M4, M7, M33
 *   THUMB1           1, MULS               Cortex-M0
 *   AVR              1, MULSU and MULS     with a multiplier
 *   X86, NEON, WASM  8                     SSE2, AArch64, WebAssembly SIMD
 *   WIDE             16                    AVX2
 *   VNNI             64, VPDPBUSD          AVX-512 VNNI; 32, VPDPWSSD in a batch
 *   none of these    1, plain C            Cortex-M3, RISC-V, POWER and others */

/* For SMLAD, swaps the inner two of each four inputs: it multiplies the bytes that SXTB16
 * finds, 0 and 2, or 1 and 3. */
static inline void lstm_int8_impl_pair(int16_t *v, size_t blocks)
{
#if LSTM_INT8_IMPL_PAIRS
    int16_t *const end = v + 8 * blocks;
    for (; v != end; v += 4) {
        const int16_t in1 = v[1];
        v[1] = v[2];
        v[2] = in1;
    }
#else
    (void)v;
    (void)blocks;
#endif
}

#if LSTM_INT8_IMPL_HELIUM

/* The next 8 weights: one instruction reads them, widens them to int16 and moves on. Left
 * to itself, GCC computes an address of its own for each gate. */
static inline int16x8_t lstm_int8_impl_next_weights(const int8_t **w)
{
    int16x8_t weights;
    __asm__("vldrb.s16 %q0, [%1], #8" : "=w"(weights), "+r"(*w) : : "memory");
    return weights;
}

/* VMLADAVA multiplies 8 inputs by 8 weights and adds all products to a register. So the
 * four sums need no vector registers, and no adding up at the end. */
static inline void lstm_int8_impl_unit(const int16_t *v, size_t stride, const int8_t *w,
                                       size_t blocks, int32_t *sums)
{
    int32_t i = 0, f = 0, g = 0, o = 0;
    size_t block;
    (void)stride;
    for (block = blocks; block > 0; block--, v += 8) {
        const int16x8_t inputs = vld1q_s16(v);
        i = vmladavaq_s16(i, inputs, lstm_int8_impl_next_weights(&w));
        f = vmladavaq_s16(f, inputs, lstm_int8_impl_next_weights(&w));
        g = vmladavaq_s16(g, inputs, lstm_int8_impl_next_weights(&w));
        o = vmladavaq_s16(o, inputs, lstm_int8_impl_next_weights(&w));
    }
    sums[0] = i, sums[1] = f, sums[2] = g, sums[3] = o;
}

#elif LSTM_INT8_IMPL_PAIRS

typedef uint32_t lstm_int8_impl_word
    __attribute__((__aligned__(1), __may_alias__)); /* these cores read it in one go */

/* sum + the products of four signed bytes and the inputs in v02 and v13. The load is
 * inside, since GCC would put all loads first and run out of registers.
 *
 *   word of weights    w3 w2 w1 w0            bytes, the first weight lowest
 *   SXTB16             w2 | w0                each widened to 16 bits: w02
 *   SXTB16, ROR #8     w3 | w1                w13
 *   SMLAD              sum + v2*w2 + v0*w0, then sum + v3*w3 + v1*w1 */
static inline int32_t lstm_int8_impl_four(int32_t sum, const lstm_int8_impl_word *weights,
                                          uint32_t v02, uint32_t v13)
{
    uint32_t w02, w13;
    __asm__("ldr %1, %5\n\tsxtb16 %2, %1\n\tsxtb16 %1, %1, ror #8\n\t"
            "smlad %0, %3, %2, %0\n\tsmlad %0, %4, %1, %0"
            : "+r"(sum), "=&r"(w13), "=&r"(w02)
            : "r"(v02), "r"(v13), "m"(*weights));
    return sum;
}

/* v02 has the inputs of rows 0 and 2, v13 those of rows 1 and 3: lstm_int8_impl_pair has
 * laid them out so. They serve four gates, whose weights are 8 bytes, two words, apart.
 */
LSTM_INT8_IMPL_SHORT void lstm_int8_impl_unit(const int16_t *v, size_t stride,
                                              const int8_t *w, size_t blocks,
                                              int32_t *sums)
{
    const void *const first_input = v, *const first_weight = w;
    const lstm_int8_impl_word *inputs =
        LSTM_INT8_IMPL_TO(const lstm_int8_impl_word *, first_input);
    const lstm_int8_impl_word *weights =
        LSTM_INT8_IMPL_TO(const lstm_int8_impl_word *, first_weight);
    const lstm_int8_impl_word *const end = inputs + 4 * blocks;
    int32_t i = 0, f = 0, g = 0, o = 0;
    (void)stride;
    do {
        uint32_t v02 = inputs[0], v13 = inputs[1];
        i = lstm_int8_impl_four(i, weights, v02, v13);
        f = lstm_int8_impl_four(f, weights + 2, v02, v13);
        g = lstm_int8_impl_four(g, weights + 4, v02, v13);
        o = lstm_int8_impl_four(o, weights + 6, v02, v13);
        v02 = inputs[2], v13 = inputs[3];
        i = lstm_int8_impl_four(i, weights + 1, v02, v13);
        f = lstm_int8_impl_four(f, weights + 3, v02, v13);
        g = lstm_int8_impl_four(g, weights + 5, v02, v13);
        o = lstm_int8_impl_four(o, weights + 7, v02, v13);
        inputs += 4;
        weights += 8;
    } while (inputs != end);
    sums[0] = i, sums[1] = f, sums[2] = g, sums[3] = o;
}

#elif LSTM_INT8_IMPL_THUMB1

/* clang-format off */
/* sum += v * the weight at w + offset */
#define LSTM_INT8_IMPL_ADD(sum, offset, v) \
    "movs %[t], #" offset "\n\t" "ldrsb %[t], [%[w], %[t]]\n\t" \
    "muls %[t], %[" v "], %[t]\n\t" "add " sum ", %[t]\n\t"
#define LSTM_INT8_IMPL_ADD_FOUR(sum, a, b, c, d) \
    LSTM_INT8_IMPL_ADD(sum, a, "in0") LSTM_INT8_IMPL_ADD(sum, b, "in1") \
    LSTM_INT8_IMPL_ADD(sum, c, "in2") LSTM_INT8_IMPL_ADD(sum, d, "in3")
#define LSTM_INT8_IMPL_LOAD(v, offset) \
    "movs %[t], #" offset "\n\t" "ldrsh %[" v "], [%[v], %[t]]\n\t"
#define LSTM_INT8_IMPL_SWAP(sum, offset) \
    "mov %[t], " sum "\n\t" "ldr %[in0], [%[in1], #" offset "]\n\t" \
    "mov " sum ", %[in0]\n\t" "str %[t], [%[in1], #" offset "]\n\t"

/* A Cortex-M0 multiplies in registers 0 to 7 only, so the sums are in registers 8 to 11.
 * What these held is in sums[] meanwhile: at -Os GCC leaves them alone, and would not
 * save them. SWAP exchanges a register with a place in sums[]: the second time it puts
 * the result there and the old value back. The halves of a block have the offsets 0..3
 * and 4..7 of each gate. */
LSTM_INT8_IMPL_KERNEL void lstm_int8_impl_unit(const int16_t *v, size_t stride,
                                               const int8_t *w, size_t blocks,
                                               int32_t *sums)
{
    /* to begin with in0 is the end of v, and in1 is sums: there are only 7 registers, as
     * one may be the frame pointer */
    const void *in0 = v + 8 * blocks, *in1 = sums;
    uint32_t t, in2, in3;
    (void)stride;
    sums[0] = sums[1] = sums[2] = sums[3] = 0;
    __asm__ volatile(".syntax unified\n\t"
        "mov lr, %[in0]\n\t" "mov r12, %[in1]\n\t"
        LSTM_INT8_IMPL_SWAP("r8", "0") LSTM_INT8_IMPL_SWAP("r9", "4")
        LSTM_INT8_IMPL_SWAP("r10", "8") LSTM_INT8_IMPL_SWAP("r11", "12")
        "1:\n\t"
        LSTM_INT8_IMPL_LOAD("in0", "0") LSTM_INT8_IMPL_LOAD("in1", "2")
        LSTM_INT8_IMPL_LOAD("in2", "4") LSTM_INT8_IMPL_LOAD("in3", "6")
        LSTM_INT8_IMPL_ADD_FOUR("r8", "0", "1", "2", "3")
        LSTM_INT8_IMPL_ADD_FOUR("r9", "8", "9", "10", "11")
        LSTM_INT8_IMPL_ADD_FOUR("r10", "16", "17", "18", "19")
        LSTM_INT8_IMPL_ADD_FOUR("r11", "24", "25", "26", "27")
        LSTM_INT8_IMPL_LOAD("in0", "8") LSTM_INT8_IMPL_LOAD("in1", "10")
        LSTM_INT8_IMPL_LOAD("in2", "12") LSTM_INT8_IMPL_LOAD("in3", "14")
        LSTM_INT8_IMPL_ADD_FOUR("r8", "4", "5", "6", "7")
        LSTM_INT8_IMPL_ADD_FOUR("r9", "12", "13", "14", "15")
        LSTM_INT8_IMPL_ADD_FOUR("r10", "20", "21", "22", "23")
        LSTM_INT8_IMPL_ADD_FOUR("r11", "28", "29", "30", "31")
        "adds %[v], #16\n\t" "adds %[w], #32\n\t" "cmp %[v], lr\n\t"
        "beq 2f\n\t" "b 1b\n" /* too far for a conditional branch */
        "2:\n\t" "mov %[in1], r12\n\t"
        LSTM_INT8_IMPL_SWAP("r8", "0") LSTM_INT8_IMPL_SWAP("r9", "4")
        LSTM_INT8_IMPL_SWAP("r10", "8") LSTM_INT8_IMPL_SWAP("r11", "12")
        : [v] "+l"(v), [w] "+l"(w), [t] "=&l"(t), [in0] "+l"(in0), [in1] "+l"(in1),
          [in2] "=&l"(in2), [in3] "=&l"(in3)
        :
        : "r12", "lr", "cc", "memory");
}
/* clang-format on */

#elif !LSTM_INT8_IMPL_X86 && !LSTM_INT8_IMPL_NEON && !LSTM_INT8_IMPL_WASM

#if defined(__AVR_HAVE_MUL__)

/* sum + v * w in 14 cycles; GCC would call __mulhisi3. The product has 24 bits: the lower
 * byte of v is unsigned, so it is MULSU with the weight, and its sign goes to the bytes
 * above; the upper byte of v is signed, MULS, and counts 256 times. r1 is 0 again
 * afterwards, as GCC expects. */
static inline int32_t lstm_int8_impl_add(int32_t sum, int16_t v, int8_t w)
{
    uint8_t sign;
    __asm__("mulsu %[w], %A[v]\n\tsbc %[sign], %[sign]\n\tadd %A[sum], r0\n\t"
            "adc %B[sum], r1\n\tadc %C[sum], %[sign]\n\tadc %D[sum], %[sign]\n\t"
            "muls %B[v], %[w]\n\tsbc %[sign], %[sign]\n\tadd %B[sum], r0\n\t"
            "adc %C[sum], r1\n\tadc %D[sum], %[sign]\n\tclr r1"
            : [sum] "+r"(sum), [sign] "=&r"(sign)
            : [v] "a"(v), [w] "a"(w));
    return sum;
}

/* Adds the products of four rows: half of the 8 weights of each gate. The count is a
 * byte, which takes one register of an AVR and one instruction to count down. */
static inline void lstm_int8_impl_half(const int16_t *v, const int8_t *w, int32_t *i,
                                       int32_t *f, int32_t *g, int32_t *o)
{
    uint8_t k;
    for (k = 4; k > 0; k--, v++, w++) {
        *i = lstm_int8_impl_add(*i, *v, LSTM_INT8_LOAD_8(w));
        *f = lstm_int8_impl_add(*f, *v, LSTM_INT8_LOAD_8(w + 8));
        *g = lstm_int8_impl_add(*g, *v, LSTM_INT8_LOAD_8(w + 16));
        *o = lstm_int8_impl_add(*o, *v, LSTM_INT8_LOAD_8(w + 24));
    }
}

#else

/* sum + the products of four inputs and four weights. The quantiser has limited the sums
 * of a column (NUMERICS, Overflow), so none leaves the range of int32. */
static inline int32_t lstm_int8_impl_four(int32_t sum, const int8_t *w, int16_t in0,
                                          int16_t in1, int16_t in2, int16_t in3)
{
    sum += LSTM_INT8_IMPL_TO(int32_t, in0) * LSTM_INT8_LOAD_8(w);
    sum += LSTM_INT8_IMPL_TO(int32_t, in1) * LSTM_INT8_LOAD_8(w + 1);
    sum += LSTM_INT8_IMPL_TO(int32_t, in2) * LSTM_INT8_LOAD_8(w + 2);
    sum += LSTM_INT8_IMPL_TO(int32_t, in3) * LSTM_INT8_LOAD_8(w + 3);
    return sum;
}

/* Adds the products of four rows: half of the 8 weights of each gate. */
static inline void lstm_int8_impl_half(const int16_t *v, const int8_t *w, int32_t *i,
                                       int32_t *f, int32_t *g, int32_t *o)
{
    const int16_t in0 = v[0], in1 = v[1], in2 = v[2], in3 = v[3];
    *i = lstm_int8_impl_four(*i, w, in0, in1, in2, in3);
    *f = lstm_int8_impl_four(*f, w + 8, in0, in1, in2, in3);
    *g = lstm_int8_impl_four(*g, w + 16, in0, in1, in2, in3);
    *o = lstm_int8_impl_four(*o, w + 24, in0, in1, in2, in3);
}

#endif

/* The sums i, f, g, o of one unit, half a block at a time. A whole block has 8 inputs:
 * with the 4 sums they would not fit in the 13 registers of a Cortex-M3. */
LSTM_INT8_IMPL_SHORT void lstm_int8_impl_unit(const int16_t *v, size_t stride,
                                              const int8_t *w, size_t blocks,
                                              int32_t *sums)
{
    const int16_t *const end = v + 8 * blocks;
    int32_t i = 0, f = 0, g = 0, o = 0;
    (void)stride;
    do {
        int half;
        LSTM_INT8_IMPL_TWICE
        for (half = 0; half < 2; half++) {
            lstm_int8_impl_half(v, w, &i, &f, &g, &o);
            v += 4;
            w += 4;
        }
        LSTM_INT8_IMPL_FORGET(w);
        w += 24;
    } while (v != end);
    sums[0] = i, sums[1] = f, sums[2] = g, sums[3] = o;
}

#endif

/* ---- SUMS IN VECTORS --------------------------------------------------------------- */

#if LSTM_INT8_IMPL_X86 || LSTM_INT8_IMPL_NEON || LSTM_INT8_IMPL_WASM

/* Vectors of 16 bytes. Each instruction set has these lstm_int8_impl_ functions:
 *   inputs_at(p)     8 int16
 *   weights_at(p)    8 int8 as 8 int16
 *   add(sum, a, b)   4 int32, to which the 8 products of a and b are added
 *   total(sum)       the sum of the 4
 *   scaled(a, b)     (a * b + 16384) >> 15, where b is not negative
 *   store(p, a)      8 int16 */
#if LSTM_INT8_IMPL_X86
typedef __m128i lstm_int8_impl_eight;
typedef __m128i lstm_int8_impl_sum;
LSTM_INT8_IMPL_INLINE __m128i lstm_int8_impl_load_16(const void *p)
{
    return _mm_loadu_si128(LSTM_INT8_IMPL_TO(const __m128i *, p));
}
LSTM_INT8_IMPL_INLINE void lstm_int8_impl_store_16(void *p, __m128i a)
{
    _mm_storeu_si128(LSTM_INT8_IMPL_TO(__m128i *, p), a);
}
LSTM_INT8_IMPL_INLINE __m128i lstm_int8_impl_inputs_at(const int16_t *p)
{
    return lstm_int8_impl_load_16(p);
}
/* SSE2 cannot widen with a sign: each byte goes into both halves of an int16, and the
 * shift drops the lower one. */
LSTM_INT8_IMPL_INLINE __m128i lstm_int8_impl_weights_at(const int8_t *p)
{
    const void *const address = p;
    const __m128i bytes = _mm_loadl_epi64(LSTM_INT8_IMPL_TO(const __m128i *, address));
    return _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
}
/* PMADDWD adds products in pairs; two of at most 127 * 32768 are far below 2^31. */
LSTM_INT8_IMPL_INLINE __m128i lstm_int8_impl_add(__m128i sum, __m128i a, __m128i b)
{
    return _mm_add_epi32(sum, _mm_madd_epi16(a, b));
}
/* Adds the other half, then the other of each two. */
LSTM_INT8_IMPL_INLINE int32_t lstm_int8_impl_total(__m128i sum)
{
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1));
    return _mm_cvtsi128_si32(sum);
}
/* The product is high * 2^16 + low, so >> 15 is 2 * high and the top bit of low; the bit
 * below it rounds. With b of at most 32767 this stays within int16.
 *
 *   low >> 14      two bits: the top bit of low and the one that rounds
 *   (.. + 1) >> 1  the top bit, rounded: 0, 1 or 2 */
LSTM_INT8_IMPL_INLINE __m128i lstm_int8_impl_scaled(__m128i a, __m128i b)
{
    const __m128i high = _mm_mulhi_epi16(a, b);
    const __m128i low = _mm_srli_epi16(_mm_mullo_epi16(a, b), 14);
    const __m128i rounded = _mm_srli_epi16(_mm_add_epi16(low, _mm_set1_epi16(1)), 1);
    return _mm_add_epi16(_mm_add_epi16(high, high), rounded);
}
LSTM_INT8_IMPL_INLINE void lstm_int8_impl_store(int16_t *p, __m128i a)
{
    lstm_int8_impl_store_16(p, a);
}
#define LSTM_INT8_IMPL_ZERO _mm_setzero_si128()
#elif LSTM_INT8_IMPL_NEON
typedef int16x8_t lstm_int8_impl_eight;
typedef int32x4_t lstm_int8_impl_sum;
LSTM_INT8_IMPL_INLINE int16x8_t lstm_int8_impl_inputs_at(const int16_t *p)
{
    return vld1q_s16(p);
}
LSTM_INT8_IMPL_INLINE int16x8_t lstm_int8_impl_weights_at(const int8_t *p)
{
    return vmovl_s8(vld1_s8(p));
}
LSTM_INT8_IMPL_INLINE int32x4_t lstm_int8_impl_add(int32x4_t sum, int16x8_t a,
                                                   int16x8_t b)
{
    return vmlal_high_s16(vmlal_s16(sum, vget_low_s16(a), vget_low_s16(b)), a, b);
}
LSTM_INT8_IMPL_INLINE int32_t lstm_int8_impl_total(int32x4_t sum)
{
    return vaddvq_s32(sum);
}
/* SQRDMULH: (2 * a * b + 2^15) >> 16. It would saturate for -32768 * -32768, and b is not
 * negative. */
LSTM_INT8_IMPL_INLINE int16x8_t lstm_int8_impl_scaled(int16x8_t a, int16x8_t b)
{
    return vqrdmulhq_s16(a, b);
}
LSTM_INT8_IMPL_INLINE void lstm_int8_impl_store(int16_t *p, int16x8_t a)
{
    vst1q_s16(p, a);
}
#define LSTM_INT8_IMPL_ZERO vdupq_n_s32(0)
#else
typedef v128_t lstm_int8_impl_eight;
typedef v128_t lstm_int8_impl_sum;
LSTM_INT8_IMPL_INLINE v128_t lstm_int8_impl_inputs_at(const int16_t *p)
{
    return wasm_v128_load(p);
}
LSTM_INT8_IMPL_INLINE v128_t lstm_int8_impl_weights_at(const int8_t *p)
{
    return wasm_i16x8_load8x8(p);
}
LSTM_INT8_IMPL_INLINE v128_t lstm_int8_impl_add(v128_t sum, v128_t a, v128_t b)
{
    return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(a, b));
}
LSTM_INT8_IMPL_INLINE int32_t lstm_int8_impl_total(v128_t sum)
{
    return wasm_i32x4_extract_lane(sum, 0) + wasm_i32x4_extract_lane(sum, 1) +
           wasm_i32x4_extract_lane(sum, 2) + wasm_i32x4_extract_lane(sum, 3);
}
LSTM_INT8_IMPL_INLINE v128_t lstm_int8_impl_scaled(v128_t a, v128_t b)
{
    return wasm_i16x8_q15mulr_sat(a, b);
}
LSTM_INT8_IMPL_INLINE void lstm_int8_impl_store(int16_t *p, v128_t a)
{
    wasm_v128_store(p, a);
}
#define LSTM_INT8_IMPL_ZERO wasm_i32x4_splat(0)
#endif

/* The sums of one unit for one sequence: four sums of four parts each, which are added up
 * after the last block. */
LSTM_INT8_IMPL_INLINE void lstm_int8_impl_unit_16(const int16_t *v, size_t stride,
                                                  const int8_t *w, size_t blocks,
                                                  int32_t *sums)
{
    lstm_int8_impl_sum i = LSTM_INT8_IMPL_ZERO, f = i, g = i, o = i;
    size_t block;
    (void)stride;
    for (block = 0; block < blocks; block++, v += 8, w += 32) {
        const lstm_int8_impl_eight inputs = lstm_int8_impl_inputs_at(v);
        i = lstm_int8_impl_add(i, inputs, lstm_int8_impl_weights_at(w));
        f = lstm_int8_impl_add(f, inputs, lstm_int8_impl_weights_at(w + 8));
        g = lstm_int8_impl_add(g, inputs, lstm_int8_impl_weights_at(w + 16));
        o = lstm_int8_impl_add(o, inputs, lstm_int8_impl_weights_at(w + 24));
    }
    sums[0] = lstm_int8_impl_total(i);
    sums[1] = lstm_int8_impl_total(f);
    sums[2] = lstm_int8_impl_total(g);
    sums[3] = lstm_int8_impl_total(o);
}

#endif

#if LSTM_INT8_IMPL_WIDE

/* Vectors of 32 bytes. One has the products of two gates: i and f, or g and o. The inputs
 * are the same in both halves of a vector.
 *
 *   weights   i: 8 of int16 | f: 8 of int16        and next: g | o
 *   inputs    8 of int16    | the same 8
 *   sum       4 parts of i  | 4 parts of f         of int32: PMADDWD adds two products */

LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE __m256i lstm_int8_impl_load_32(const void *p)
{
    return _mm256_loadu_si256(LSTM_INT8_IMPL_TO(const __m256i *, p));
}
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE void lstm_int8_impl_store_32(void *p, __m256i a)
{
    _mm256_storeu_si256(LSTM_INT8_IMPL_TO(__m256i *, p), a);
}

/* 16 weights, those of two gates, as int16 */
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE __m256i
lstm_int8_impl_weights_32(const int8_t *p)
{
    return _mm256_cvtepi8_epi16(lstm_int8_impl_load_16(p));
}

/* sum + the products of 8 inputs and the weights of two gates, a gate in each half. GCC
 * would copy the sums at the end of a loop; the empty assembly keeps each in its
 * register. */
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE __m256i
lstm_int8_impl_add_32(__m256i sum, const int16_t *inputs, __m256i weights)
{
    const __m256i twice = _mm256_broadcastsi128_si256(lstm_int8_impl_load_16(inputs));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(twice, weights));
    LSTM_INT8_IMPL_KEEP(sum);
    return sum;
}

/* The totals of the four gates of a and of b, from sums of i and f and of g and o.
 * Horizontal additions stay within halves of a vector, so the order at the end is a
 * permutation. */
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE void
lstm_int8_impl_totals_32(__m256i a_if, __m256i a_go, __m256i b_if, __m256i b_go,
                         int32_t *a, int32_t *b)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i pairs_a = _mm256_hadd_epi32(a_if, a_go); /* i i g g | f f o o */
    const __m256i pairs_b = _mm256_hadd_epi32(b_if, b_go);
    const __m256i totals = _mm256_permutevar8x32_epi32(
        _mm256_hadd_epi32(pairs_a, pairs_b), order); /* i g i g | f o f o before */
    lstm_int8_impl_store_16(a, _mm256_castsi256_si128(totals));
    lstm_int8_impl_store_16(b, _mm256_extracti128_si256(totals, 1));
}

/* The sums of two units: they share the inputs. One unit has only two sums to add to, and
 * an addition would wait for the one before. */
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE void
lstm_int8_impl_two_units_32(const int16_t *v, const int8_t *w, const int8_t *w2,
                            size_t blocks, int32_t *sums, int32_t *sums2)
{
    const __m256i none = _mm256_setzero_si256();
    __m256i i_f = none, g_o = none, i_f2 = none, g_o2 = none;
    do {
        i_f = lstm_int8_impl_add_32(i_f, v, lstm_int8_impl_weights_32(w));
        g_o = lstm_int8_impl_add_32(g_o, v, lstm_int8_impl_weights_32(w + 16));
        i_f2 = lstm_int8_impl_add_32(i_f2, v, lstm_int8_impl_weights_32(w2));
        g_o2 = lstm_int8_impl_add_32(g_o2, v, lstm_int8_impl_weights_32(w2 + 16));
        v += 8;
        w += 32;
        w2 += 32;
    } while (--blocks != 0);
    lstm_int8_impl_totals_32(i_f, g_o, i_f2, g_o2, sums, sums2);
}

/* The sums of n units for one sequence, two at a time; the last of an odd number is
 * computed twice, once for nothing. */
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE void
lstm_int8_impl_sums_32(const int16_t *v, size_t stride, const int8_t *w, size_t blocks,
                       size_t n, int32_t *sums)
{
    const size_t unit = 32 * blocks;
    int32_t spare[4];
    size_t k;
    (void)stride;
    for (k = 0; k + 2 <= n; k += 2, w += 2 * unit) {
        lstm_int8_impl_two_units_32(v, w, w + unit, blocks, sums + 4 * k,
                                    sums + 4 * k + 4);
    }
    if (k < n) {
        lstm_int8_impl_two_units_32(v, w, w, blocks, sums + 4 * k, spare);
    }
}

/* The sums of one unit for four sequences: v[4][stride], sums[4][8 units][4]. Weights are
 * widened once for all four; 8 sums, 2 vectors of weights and the products fit in the 16
 * registers. A sequence's sums are 32 further on than those of the one before: 8 units of
 * four gates. */
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE void
lstm_int8_impl_unit_32_rows(const int16_t *v, size_t stride, const int8_t *w,
                            size_t blocks, int32_t *sums)
{
    const __m256i none = _mm256_setzero_si256();
    __m256i a = none, b = none, c = none, d = none; /* i and f of each sequence */
    __m256i p = none, q = none, r = none, s = none; /* g and o */
    do {
        const __m256i i_f = lstm_int8_impl_weights_32(w);
        const __m256i g_o = lstm_int8_impl_weights_32(w + 16);
        a = lstm_int8_impl_add_32(a, v, i_f);
        p = lstm_int8_impl_add_32(p, v, g_o);
        b = lstm_int8_impl_add_32(b, v + stride, i_f);
        q = lstm_int8_impl_add_32(q, v + stride, g_o);
        c = lstm_int8_impl_add_32(c, v + 2 * stride, i_f);
        r = lstm_int8_impl_add_32(r, v + 2 * stride, g_o);
        d = lstm_int8_impl_add_32(d, v + 3 * stride, i_f);
        s = lstm_int8_impl_add_32(s, v + 3 * stride, g_o);
        v += 8;
        w += 32;
    } while (--blocks != 0);
    lstm_int8_impl_totals_32(a, p, b, q, sums, sums + 32);
    lstm_int8_impl_totals_32(c, r, d, s, sums + 64, sums + 96);
}

/* The sums of n units for four sequences. */
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE void
lstm_int8_impl_sums_32_rows(const int16_t *v, size_t stride, const int8_t *w,
                            size_t blocks, size_t n, int32_t *sums)
{
    size_t k;
    for (k = 0; k < n; k++) {
        lstm_int8_impl_unit_32_rows(v, stride, w + 32 * blocks * k, blocks, sums + 4 * k);
    }
}

#endif

#if LSTM_INT8_IMPL_VNNI

/* Vectors of 64 bytes. Some operations stand in the form with a mask, of all lanes: for
 * the others GCC warns of variables in its own header that have no value. The
 * instructions are the same.
 *
 * For one sequence the weights stay bytes: VPDPBUSD multiplies 64 at once, and one factor
 * of each product has no sign. So an input is taken apart into 256*high + low, where high
 * has the sign:
 *
 *   input*weight = 256*(high*(weight + 128) - 128*high) + low*weight
 *
 * A sum of high by itself is needed once for all units. Sums may overflow on the way, but
 * not their total. */

/* The bytes of each block's inputs: 8 low ones, then 8 high ones. */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE void lstm_int8_impl_split(int16_t *v,
                                                                      size_t blocks)
{
    const __m128i order =
        _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
    for (; blocks > 0; blocks--, v += 8) {
        lstm_int8_impl_store_16(v, _mm_shuffle_epi8(lstm_int8_impl_load_16(v), order));
    }
}

/* sum + the products, added in fours; GCC is kept from copying the sums */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i
lstm_int8_impl_add_bytes_64(__m512i sum, __m512i no_sign, __m512i sign)
{
    sum = _mm512_dpbusd_epi32(sum, no_sign, sign);
    LSTM_INT8_IMPL_KEEP(sum);
    return sum;
}

/* The sums of 8 units, apart by bytes, and that of the high bytes times 1. A vector has
 * two blocks of weights, so the lanes of a sum are i i f f g g o o i i f f g g o o. */
typedef struct {
    __m512i low[8], high[8], high_alone;
} lstm_int8_impl_eight_sums;

/* Adds the products of two blocks, whose inputs are the first 32 bytes of `split`; of
 * unit k the weights are at w + to[k]. With `some` = 0x0F it is one block, and 16 bytes.
 */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE void
lstm_int8_impl_add_blocks_64(lstm_int8_impl_eight_sums *s, __m512i split, const int8_t *w,
                             const size_t *to, __mmask8 some)
{
    const __m512i low = _mm512_maskz_permutexvar_epi64(
        some, _mm512_setr_epi64(0, 0, 0, 0, 2, 2, 2, 2), split);
    const __m512i high = _mm512_maskz_permutexvar_epi64(
        some, _mm512_setr_epi64(1, 1, 1, 1, 3, 3, 3, 3), split);
    const __m512i most = _mm512_set1_epi8(-128);
    unsigned k;
    s->high_alone = lstm_int8_impl_add_bytes_64(s->high_alone, _mm512_set1_epi8(1), high);
    LSTM_INT8_IMPL_EIGHT(k)
    {
        __m512i weights = _mm512_maskz_loadu_epi64(some, w + to[k]);
        LSTM_INT8_IMPL_KEEP(weights); /* or GCC reads them twice */
        s->low[k] = lstm_int8_impl_add_bytes_64(s->low[k], low, weights);
        weights = _mm512_xor_si512(weights, most); /* + 128 */
        s->high[k] = lstm_int8_impl_add_bytes_64(s->high[k], weights, high);
    }
}

/* The sum of a unit: its lanes still have to be added */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i
lstm_int8_impl_join_64(const lstm_int8_impl_eight_sums *s, unsigned k)
{
    const __m512i high =
        _mm512_sub_epi32(s->high[k], _mm512_maskz_slli_epi32(0xFFFF, s->high_alone, 7));
    return _mm512_add_epi32(s->low[k], _mm512_maskz_slli_epi32(0xFFFF, high, 8));
}

/* [4][4 gates i f g o]: the totals of units k to k + 3. Of units a, b, c, d, first the
 * halves of a vector are added, with two units in one; then lanes beside each other, with
 * all four in one: a.if c.if  a.go c.go  b.if d.if  b.go d.go. */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE void
lstm_int8_impl_four_totals_64(const lstm_int8_impl_eight_sums *s, unsigned k,
                              int32_t *sums)
{
    const __mmask8 parts = 0xFF;
    const __mmask16 lanes = 0xFFFF;
    const __m512i a = lstm_int8_impl_join_64(s, k), b = lstm_int8_impl_join_64(s, k + 1);
    const __m512i c = lstm_int8_impl_join_64(s, k + 2);
    const __m512i d = lstm_int8_impl_join_64(s, k + 3);
    const __m512 a_b = _mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_maskz_shuffle_i64x2(parts, a, b, 0x44),
                         _mm512_maskz_shuffle_i64x2(parts, a, b, 0xEE)));
    const __m512 c_d = _mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_maskz_shuffle_i64x2(parts, c, d, 0x44),
                         _mm512_maskz_shuffle_i64x2(parts, c, d, 0xEE)));
    const __m512i totals = _mm512_add_epi32(
        _mm512_castps_si512(_mm512_maskz_shuffle_ps(lanes, a_b, c_d, 0x88)),
        _mm512_castps_si512(_mm512_maskz_shuffle_ps(lanes, a_b, c_d, 0xDD)));
    _mm512_storeu_si512(sums,
                        _mm512_maskz_permutexvar_epi64(
                            parts, _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), totals));
}

/* The sums of n units for one sequence, n at most 8. Where there are fewer, the last one
 * is computed again for each that is missing: sums has room for 8. */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE void
lstm_int8_impl_eight_units_64(const int16_t *v, const int8_t *w, size_t blocks, size_t n,
                              int32_t *sums)
{
    lstm_int8_impl_eight_sums s;
    size_t to[8];
    unsigned k;
    s.high_alone = _mm512_setzero_si512();
    LSTM_INT8_IMPL_EIGHT(k)
    {
        s.low[k] = s.high[k] = s.high_alone;
        to[k] = (k < n ? k : n - 1) * 32 * blocks;
    }
    for (; blocks >= 2; blocks -= 2, v += 16, w += 64) {
        lstm_int8_impl_add_blocks_64(
            &s, _mm512_castsi256_si512(lstm_int8_impl_load_32(v)), w, to, 0xFF);
    }
    if (blocks != 0) {
        lstm_int8_impl_add_blocks_64(
            &s, _mm512_castsi128_si512(lstm_int8_impl_load_16(v)), w, to, 0x0F);
    }
    lstm_int8_impl_four_totals_64(&s, 0, sums);
    lstm_int8_impl_four_totals_64(&s, 4, sums + 16);
}

/* The sums of n units for one sequence, whose inputs are split. */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE void
lstm_int8_impl_sums_64(const int16_t *v, size_t stride, const int8_t *w, size_t blocks,
                       size_t n, int32_t *sums)
{
    size_t k;
    (void)stride;
    for (k = 0; k < n; k += 8) {
        lstm_int8_impl_eight_units_64(v, w + 32 * blocks * k, blocks,
                                      n - k < 8 ? n - k : 8, sums + 4 * k);
    }
}

/* For four sequences a vector has one block of weights as int16, and its four parts are
 * the four gates. The inputs are the same in each part. The multiplications and additions
 * of a block are one instruction, VPDPWSSD. A sum has to wait 5 cycles for the block
 * before, so there are 8 sums. */

/* The 32 weights of a block as int16 */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i
lstm_int8_impl_weights_64(const int8_t *p)
{
    return _mm512_cvtepi8_epi16(lstm_int8_impl_load_32(p));
}

/* The 8 inputs of a block, four times */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i
lstm_int8_impl_inputs_64(const int16_t *p)
{
    return _mm512_maskz_broadcast_i32x4(0xFFFF, lstm_int8_impl_load_16(p));
}

/* sum + the products, added in pairs; GCC is kept from copying the sums */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i lstm_int8_impl_add_64(__m512i sum,
                                                                          __m512i inputs,
                                                                          __m512i weights)
{
    sum = _mm512_dpwssd_epi32(sum, inputs, weights);
    LSTM_INT8_IMPL_KEEP(sum);
    return sum;
}

/* [4][4 gates i f g o]: the totals of four sums, which have four terms for each gate.
 * Unpacking brings terms of two sums together, then of four; the gates stay in their
 * parts until the permutation. */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i lstm_int8_impl_totals_64(__m512i a,
                                                                             __m512i b,
                                                                             __m512i c,
                                                                             __m512i d)
{
    const __mmask16 all = 0xFFFF;
    const __mmask8 pairs = 0xFF;
    const __m512i order =
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i a_b = /* a0 + a2, b0 + b2, a1 + a3, b1 + b3 */
        _mm512_add_epi32(_mm512_maskz_unpacklo_epi32(all, a, b),
                         _mm512_maskz_unpackhi_epi32(all, a, b));
    const __m512i c_d = _mm512_add_epi32(_mm512_maskz_unpacklo_epi32(all, c, d),
                                         _mm512_maskz_unpackhi_epi32(all, c, d));
    const __m512i totals = _mm512_add_epi32(_mm512_maskz_unpacklo_epi64(pairs, a_b, c_d),
                                            _mm512_maskz_unpackhi_epi64(pairs, a_b, c_d));
    return _mm512_maskz_permutexvar_epi32(all, order, totals);
}

/* The sums of two units for two sequences: those of a sequence are beside each other. */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE void
lstm_int8_impl_store_totals_64(__m512i a, __m512i b, __m512i c, __m512i d, int32_t *sums,
                               int32_t *sums2)
{
    const __m512i totals = lstm_int8_impl_totals_64(a, b, c, d);
    lstm_int8_impl_store_32(sums, _mm512_maskz_extracti64x4_epi64(0xFF, totals, 0));
    lstm_int8_impl_store_32(sums2, _mm512_maskz_extracti64x4_epi64(0xFF, totals, 1));
}

/* The sums of two units for four sequences: v[4][stride], sums[4][16 units][4]. Weights
 * are widened once for all four. */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE void
lstm_int8_impl_two_units_64_rows(const int16_t *v, size_t stride, const int8_t *w,
                                 const int8_t *w2, size_t blocks, int32_t *sums)
{
    const __m512i none = _mm512_setzero_si512();
    __m512i a = none, b = none, c = none, d = none; /* the first unit of each sequence */
    __m512i p = none, q = none, r = none, s = none; /* the second */
    do {
        const __m512i weights = lstm_int8_impl_weights_64(w);
        const __m512i weights2 = lstm_int8_impl_weights_64(w2);
        __m512i inputs = lstm_int8_impl_inputs_64(v);
        a = lstm_int8_impl_add_64(a, inputs, weights);
        p = lstm_int8_impl_add_64(p, inputs, weights2);
        inputs = lstm_int8_impl_inputs_64(v + stride);
        b = lstm_int8_impl_add_64(b, inputs, weights);
        q = lstm_int8_impl_add_64(q, inputs, weights2);
        inputs = lstm_int8_impl_inputs_64(v + 2 * stride);
        c = lstm_int8_impl_add_64(c, inputs, weights);
        r = lstm_int8_impl_add_64(r, inputs, weights2);
        inputs = lstm_int8_impl_inputs_64(v + 3 * stride);
        d = lstm_int8_impl_add_64(d, inputs, weights);
        s = lstm_int8_impl_add_64(s, inputs, weights2);
        v += 8;
        w += 32;
        w2 += 32;
    } while (--blocks != 0);
    lstm_int8_impl_store_totals_64(a, p, b, q, sums, sums + 64);
    lstm_int8_impl_store_totals_64(c, r, d, s, sums + 128, sums + 192);
}

/* The sums of n units for four sequences, two units at a time; the last of an odd number
 * is computed twice. */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE void
lstm_int8_impl_sums_64_rows(const int16_t *v, size_t stride, const int8_t *w,
                            size_t blocks, size_t n, int32_t *sums)
{
    const size_t unit = 32 * blocks;
    size_t k;
    for (k = 0; k < n; k += 2, w += 2 * unit) {
        lstm_int8_impl_two_units_64_rows(v, stride, w, k + 1 < n ? w + unit : w, blocks,
                                         sums + 4 * k);
    }
}

#endif

/* ---- CELL -------------------------------------------------------------------------- */

/* What happens to the four sums of a unit. All of it is on int32, with two products of
 * more bits: of a sum with its multiplier, and of c with the forget gate. Where the
 * processor has no long multiplication, each is made of two products of 32 bits: the
 * upper and the lower half of the first factor times the second, which has 16 bits. That
 * is exact, as the lower half is not negative and its product is rounded last. */

/* tanh(n / 32) * 32768, rounded to nearest, for n from 0 to 192. From 5.9 on it is 32768,
 * so the table ends at 6.
 *
 * Between two entries it is a straight line. That is off by at most 9.4e-5, since the
 * second derivative of tanh is at most 0.77 and the entries are 1/32 apart: 0.77/8/32^2.
 * The rest of the error of 2e-4 is rounding. */
static const uint16_t lstm_int8_impl_table[193] LSTM_INT8_TABLE = {
    0,     1024,  2045,  3063,  4075,  5079,  6073,  7056,  8025,  8980,  9919,  10840,
    11743, 12625, 13486, 14326, 15143, 15936, 16706, 17452, 18173, 18870, 19542, 20189,
    20813, 21411, 21986, 22538, 23066, 23571, 24054, 24516, 24956, 25376, 25776, 26157,
    26519, 26864, 27191, 27502, 27797, 28076, 28341, 28592, 28830, 29055, 29268, 29470,
    29660, 29840, 30010, 30170, 30322, 30465, 30600, 30727, 30847, 30960, 31067, 31167,
    31262, 31351, 31435, 31515, 31589, 31659, 31726, 31788, 31846, 31901, 31953, 32002,
    32048, 32091, 32132, 32170, 32206, 32240, 32271, 32301, 32329, 32356, 32381, 32404,
    32426, 32447, 32466, 32484, 32501, 32517, 32532, 32547, 32560, 32573, 32584, 32596,
    32606, 32616, 32625, 32634, 32642, 32649, 32657, 32663, 32670, 32676, 32681, 32686,
    32691, 32696, 32700, 32704, 32708, 32712, 32715, 32718, 32721, 32724, 32727, 32729,
    32732, 32734, 32736, 32738, 32740, 32741, 32743, 32745, 32746, 32747, 32749, 32750,
    32751, 32752, 32753, 32754, 32755, 32755, 32756, 32757, 32758, 32758, 32759, 32759,
    32760, 32760, 32761, 32761, 32762, 32762, 32762, 32763, 32763, 32763, 32764, 32764,
    32764, 32764, 32765, 32765, 32765, 32765, 32765, 32766, 32766, 32766, 32766, 32766,
    32766, 32766, 32766, 32767, 32767, 32767, 32767, 32767, 32767, 32767, 32767, 32767,
    32767, 32767, 32767, 32767, 32767, 32767, 32767, 32767, 32767, 32768, 32768, 32768,
    32768,
};

/* The weight of a Dense layer of lstm.h that does nothing but an activation. It is read
 * with LSTM_LOAD, so on AVR it has to be where the weights of float layers are. */
#ifdef LSTM_INT8_ONE
static const float lstm_int8_impl_one[1] LSTM_INT8_ONE = {1.0f};
#else
static const float lstm_int8_impl_one[1] = {1.0f};
#endif

/* z is times 8192, the result times 32768. An entry of the table is 1/32, 256 steps of z;
 * the lower 8 bits of z are the way to the next entry. Entries rise by at most 1024, so
 * the product has 18 bits. The sign is taken off first and put on last: (a ^ -1) + 1 is
 * -a. The limit keeps entry + 1 inside the table. z = -2^31, whose negative is no int32,
 * does not come: see lstm_int8_impl_shift. */
static inline int32_t lstm_int8_impl_tanh(int32_t z)
{
    const int32_t sign = z >> 31; /* 0 or -1 */
    int32_t a = (z ^ sign) - sign;
    const uint16_t *entry;
    int32_t low, high;
    if (a > 49151) {
        a = 49151;
    }
    entry = lstm_int8_impl_table + (a >> 8);
    low = LSTM_INT8_LOAD_16(entry);
    high = LSTM_INT8_LOAD_16(entry + 1);
    a = low + (((high - low) * (a & 255)) >> 8);
    return (a ^ sign) - sign;
}

/* (value * multiplier) >> 16, rounded down; multiplier < 65536. |value| is at most 2^30
 * (NUMERICS, Overflow), so the result is too.
 *
 * Without long products, value = high*2^16 + low, so the result is high*multiplier + (low
 * * multiplier >> 16): high*multiplier is an integer already. */
static inline int32_t lstm_int8_impl_scale(int32_t value, uint32_t multiplier)
{
#if LSTM_INT8_IMPL_LONG
    const int32_t factor = LSTM_INT8_IMPL_TO(int32_t, multiplier);
    const int64_t product = LSTM_INT8_IMPL_TO(int64_t, value) * factor;
    return LSTM_INT8_IMPL_TO(int32_t, product >> 16);
#else
    const uint32_t low = LSTM_INT8_IMPL_TO(uint32_t, value) & 0xFFFFu;
    return (value >> 16) * LSTM_INT8_IMPL_TO(int32_t, multiplier) +
           LSTM_INT8_IMPL_TO(int32_t, (low * multiplier) >> 16);
#endif
}

/* round(c * f, 15); f from 0 to 32768, which is 1.0 exactly: then c comes back unchanged.
 * Without long products, c = high*2^15 + low, and high*f needs no rounding. For every c
 * the result stays within int32, as f is at most 1. */
static inline int32_t lstm_int8_impl_forget(int32_t c, int32_t f)
{
#if LSTM_INT8_IMPL_LONG
    const int64_t product = LSTM_INT8_IMPL_TO(int64_t, c) * f + 16384;
    return LSTM_INT8_IMPL_TO(int32_t, product >> 15);
#else
    const int32_t low = c & 0x7FFF; /* times f and the half: at most 2^30 + 2^14 */
    return (c >> 15) * f + ((low * f + 16384) >> 15);
#endif
}

/* sigmoid from the tanh of the half, both times 32768: from 0 to 32768 */
static inline int32_t lstm_int8_impl_sigmoid(int32_t tanh_of_half)
{
    return 16384 + (tanh_of_half >> 1);
}

/* The unit's new c and h from its four sums. gates[] holds the sums, then their tanh. For
 * i, f and o this is the tanh of the half; lstm_int8_impl_sigmoid makes the gate of it.
 *   c    times 65536; before the input is added it is limited to 2^30, so the sum, with an
 *        input of at most 65536, stays below 2^31
 *   i*g  times 2^30; >> 14 makes it times 65536
 *   c>>3 is times 8192, as tanh wants it
 *   o*tanh(c)  times 2^30; >> 15 makes it times 32768, and 1.0 becomes 32767
 *
 *            S           z                        gate        c         h
 *   real     scale*S     z/8192; i f o: z/4096    gate/32768  c/65536   h/32768
 *   range    2^30        int32                    -1 to 1     16385     -1 to 1
 *
 * `scale` is the column's. It is not stored: multipliers[j] is scale * 8192 (or 4096) *
 * 65536 * 2^shift. */
static inline void lstm_int8_impl_cell(const lstm_int8_layer *layer, size_t unit,
                                       int32_t *gates, int32_t *c, int16_t *h)
{
    const uint16_t *const multipliers = layer->multipliers + 4 * unit;
    const int32_t *const bias = layer->bias + 4 * unit;
    const int32_t limit = 0x40000000;
    int32_t next;
    int gate;
    for (gate = 0; gate < 4; gate++) {
        const uint32_t multiplier = LSTM_INT8_LOAD_16(multipliers + gate);
        const int32_t scaled = lstm_int8_impl_scale(gates[gate], multiplier);
        gates[gate] = lstm_int8_impl_tanh((scaled + LSTM_INT8_LOAD_32(bias + gate)) >>
                                          layer->shift);
    }
    next = lstm_int8_impl_forget(*c, lstm_int8_impl_sigmoid(gates[1]));
    /* one instruction on ARM */
    next = next > limit - 1 ? limit - 1 : next < -limit ? -limit : next;
    next += (lstm_int8_impl_sigmoid(gates[0]) * gates[2] + 8192) >> 14;
    *c = next;
    next = lstm_int8_impl_sigmoid(gates[3]) * lstm_int8_impl_tanh(next >> 3);
    next = (next + 16384) >> 15;
    *h = LSTM_INT8_IMPL_TO(int16_t, next > 32767 ? 32767 : next);
}

/* v from n values and their row scales, written from v[first] on. A scale is at most
 * 32767, so |v| is not larger than |value|, and the rounding cannot leave int16. An input
 * of a row with small weights is made smaller, and its weights larger, so that they use
 * all 8 bits. */
LSTM_INT8_IMPL_SHORT void lstm_int8_impl_inputs(const int16_t *values,
                                                const uint16_t *scales, size_t first,
                                                size_t n, int16_t *v)
{
    size_t k = 0;
#if LSTM_INT8_IMPL_X86 || LSTM_INT8_IMPL_NEON || LSTM_INT8_IMPL_WASM
    for (; k < n - n % 8; k += 8) {
        const void *const address = scales + first + k; /* at most 32767: also int16 */
        const lstm_int8_impl_eight scale =
            lstm_int8_impl_inputs_at(LSTM_INT8_IMPL_TO(const int16_t *, address));
        lstm_int8_impl_store(
            v + first + k,
            lstm_int8_impl_scaled(lstm_int8_impl_inputs_at(values + k), scale));
    }
#endif
    for (; k < n; k++) {
        const int32_t scale = LSTM_INT8_LOAD_16(scales + first + k);
        v[first + k] = LSTM_INT8_IMPL_TO(int16_t, (values[k] * scale + 16384) >> 15);
    }
}

/* ---- LAYERS ------------------------------------------------------------------------ */

/* A step first scales x and h into v, in scratch memory: h is then free to be written,
 * unit by unit. Then come the sums and the cells. With AVX2 these go in groups of 8
 * units, for whose cells a vector has 8 lanes, with AVX-512 VNNI in groups of 16; and for
 * four sequences of a batch at a time, so that each weight is loaded once for four. On
 * other processors it is unit by unit, sequence by sequence. A
 * function that is passed as an argument is a constant at each call, so that compilers
 * inline it.
 *
 *   x, h -> inputs -> v -> unit's weights -> 4 sums -> cell -> c, h of the unit
 *                          (for each unit: v is read again, weights only once) */

/* v of a step, from x and h, with zeros up to whole blocks: the weights there are 0 too,
 * but what scratch memory holds is undefined, and is not to be read. */
static inline void lstm_int8_impl_rows(const lstm_int8_layer *layer, const int16_t *x,
                                       const int16_t *h, int16_t *v)
{
    const size_t rows = layer->input_dim + layer->units;
    size_t k;
    lstm_int8_impl_inputs(x, layer->row_scales, 0, layer->input_dim, v);
    lstm_int8_impl_inputs(h, layer->row_scales, layer->input_dim, layer->units, v);
    for (k = rows; k % 8 != 0; k++) {
        v[k] = 0;
    }
}

/* Puts v in the order that the sums need. */
typedef void lstm_int8_impl_order_function(int16_t *v, size_t blocks);

/* Sums the products of n units. w is the weights of the first one; blocks is not 0. For
 * one sequence sums is [n][4]. For several it is [sequence][most][4], with `most` as in
 * lstm_int8_impl_step_of, and the v of each sequence is `stride` after the one before. */
typedef void lstm_int8_impl_sums_function(const int16_t *v, size_t stride,
                                          const int8_t *w, size_t blocks, size_t n,
                                          int32_t *sums);

/* n cells, from that of `unit` on: the new c and h from sums[n][4]. */
typedef void lstm_int8_impl_cells_function(const lstm_int8_layer *layer, size_t unit,
                                           size_t n, int32_t *sums, int32_t *c,
                                           int16_t *h);

/* n cells one by one */
static inline void lstm_int8_impl_cells(const lstm_int8_layer *layer, size_t unit,
                                        size_t n, int32_t *sums, int32_t *c, int16_t *h)
{
    size_t k;
    for (k = 0; k < n; k++) {
        lstm_int8_impl_cell(layer, unit + k, sums + 4 * k, c + k, h + k);
    }
}

/* n units one by one, by the sums of this kind of processor */
#if LSTM_INT8_IMPL_X86 || LSTM_INT8_IMPL_NEON || LSTM_INT8_IMPL_WASM
#define LSTM_INT8_IMPL_UNIT lstm_int8_impl_unit_16
#else
#define LSTM_INT8_IMPL_UNIT lstm_int8_impl_unit
#endif
LSTM_INT8_IMPL_INLINE void lstm_int8_impl_sums(const int16_t *v, size_t stride,
                                               const int8_t *w, size_t blocks, size_t n,
                                               int32_t *sums)
{
    size_t k;
    for (k = 0; k < n; k++) {
        LSTM_INT8_IMPL_UNIT(v, stride, w + 32 * blocks * k, blocks, sums + 4 * k);
    }
}

/* One step of `rows` sequences: x, h and c of sequence r are at x + r*x_stride, h +
 * r*units, c + r*units. Weights are read once for all rows. Cells are computed when the
 * sums of `most` units are there: as many as a vector has lanes, else 1, which keeps the
 * array of sums short. c and h of a unit are written while v still holds the old h. */
LSTM_INT8_IMPL_INLINE void lstm_int8_impl_step_of(const lstm_int8_layer *layer,
                                                  const int16_t *x, size_t x_stride,
                                                  int16_t *h, int32_t *c, int16_t *v,
                                                  size_t rows, size_t most,
                                                  lstm_int8_impl_order_function *order,
                                                  lstm_int8_impl_sums_function *sum,
                                                  lstm_int8_impl_cells_function *cells)
{
    const size_t blocks = LSTM_INT8_BLOCKS(layer->input_dim, layer->units);
    const size_t units = layer->units;
    const int8_t *weights = layer->weights;
    size_t unit, row, n;
    for (row = 0; row < rows; row++) {
        lstm_int8_impl_rows(layer, x + row * x_stride, h + row * units,
                            v + row * 8 * blocks);
        order(v + row * 8 * blocks, blocks);
    }
    for (unit = 0; unit < units; unit += n) {
        int32_t sums[LSTM_INT8_IMPL_SUMS];
        n = units - unit < most ? units - unit : most;
        sum(v, 8 * blocks, weights, blocks, n, sums);
        weights += 32 * blocks * n;
        for (row = 0; row < rows; row++) {
            cells(layer, unit, n, sums + 4 * most * row, c + row * units + unit,
                  h + row * units + unit);
        }
    }
}

#if LSTM_INT8_IMPL_WIDE

/* The cells of 8 units at a time, step by step as lstm_int8_impl_cell does it. */

/* lstm_int8_impl_tanh of 8 values. A gather of 4 bytes reads an entry of 2 bytes and the
 * next; the first is the lower half, as x86 is little-endian. The last entry that is read
 * is number 192, since a is at most 49151. MADD multiplies rise by part: both fit in 16
 * bits, and the upper halves are 0. */
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE __m256i lstm_int8_impl_tanh_32(__m256i z)
{
    const __m256i a = _mm256_min_epi32(_mm256_abs_epi32(z), _mm256_set1_epi32(49151));
    const void *const table = lstm_int8_impl_table;
    const __m256i entries =
        _mm256_i32gather_epi32(LSTM_INT8_IMPL_TO(const int *, table),
                               _mm256_srli_epi32(a, 8), sizeof *lstm_int8_impl_table);
    const __m256i low = _mm256_and_si256(entries, _mm256_set1_epi32(0xFFFF));
    const __m256i rise = _mm256_sub_epi32(_mm256_srli_epi32(entries, 16), low);
    const __m256i part = _mm256_and_si256(a, _mm256_set1_epi32(255));
    const __m256i more = _mm256_srli_epi32(_mm256_madd_epi16(rise, part), 8);
    return _mm256_sign_epi32(_mm256_add_epi32(low, more), z);
}

/* The gates of two units: 8 columns. Products of 48 bits are taken in two parts, as by
 * lstm_int8_impl_scale without long products: the upper half of the sum keeps its sign,
 * the lower one has none, and its product of 32 bits is shifted as unsigned. */
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE __m256i
lstm_int8_impl_gates_32(const lstm_int8_layer *layer, size_t column, const int32_t *sums)
{
    const __m256i sum = lstm_int8_impl_load_32(sums);
    const __m256i multipliers =
        _mm256_cvtepu16_epi32(lstm_int8_impl_load_16(layer->multipliers + column));
    const __m256i bias = lstm_int8_impl_load_32(layer->bias + column);
    const __m256i high = _mm256_mullo_epi32(_mm256_srai_epi32(sum, 16), multipliers);
    const __m256i low = _mm256_srli_epi32(
        _mm256_mullo_epi32(_mm256_and_si256(sum, _mm256_set1_epi32(0xFFFF)), multipliers),
        16);
    const __m256i z = _mm256_add_epi32(_mm256_add_epi32(high, low), bias);
    return lstm_int8_impl_tanh_32(_mm256_sra_epi32(z, _mm_cvtsi32_si128(layer->shift)));
}

/* 8 sigmoids from the tanh of the halves: lstm_int8_impl_sigmoid */
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE __m256i
lstm_int8_impl_sigmoid_32(__m256i tanh_of_half)
{
    return _mm256_add_epi32(_mm256_set1_epi32(16384), _mm256_srai_epi32(tanh_of_half, 1));
}

/* round(a, bits) of 8 values */
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE __m256i lstm_int8_impl_round_32(__m256i a,
                                                                          int bits)
{
    const __m256i half = _mm256_set1_epi32(1 << (bits - 1));
    return _mm256_srai_epi32(_mm256_add_epi32(a, half), bits);
}

/* round(c * f, 15) of 8 values, in two parts: low * f is at most 32767 * 32768 */
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE __m256i lstm_int8_impl_forget_32(__m256i c,
                                                                           __m256i f)
{
    const __m256i low = _mm256_and_si256(c, _mm256_set1_epi32(0x7FFF));
    return _mm256_add_epi32(_mm256_mullo_epi32(_mm256_srai_epi32(c, 15), f),
                            lstm_int8_impl_round_32(_mm256_mullo_epi32(low, f), 15));
}

/* lstm_int8_impl_cell for 8 cells, from their gates: c is updated, h stored. */
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE void
lstm_int8_impl_eight_cells(__m256i i, __m256i f, __m256i g, __m256i o, int32_t *c,
                           int16_t *h)
{
    /* the gates are those of units 0 2 4 6 1 3 5 7 */
    const __m256i split = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
    const __m256i join = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i old = _mm256_permutevar8x32_epi32(lstm_int8_impl_load_32(c), split);
    const __m256i limit = _mm256_set1_epi32(1 << 30);
    const __m256i most = _mm256_sub_epi32(limit, _mm256_set1_epi32(1));
    const __m256i least = _mm256_sub_epi32(_mm256_setzero_si256(), limit);
    __m256i next = lstm_int8_impl_forget_32(old, lstm_int8_impl_sigmoid_32(f));
    next = _mm256_max_epi32(_mm256_min_epi32(next, most), least);
    next = _mm256_add_epi32(
        next,
        lstm_int8_impl_round_32(_mm256_mullo_epi32(lstm_int8_impl_sigmoid_32(i), g), 14));
    lstm_int8_impl_store_32(c, _mm256_permutevar8x32_epi32(next, join));
    next = lstm_int8_impl_tanh_32(_mm256_srai_epi32(next, 3));
    next = lstm_int8_impl_round_32(_mm256_mullo_epi32(lstm_int8_impl_sigmoid_32(o), next),
                                   15);
    next = _mm256_permutevar8x32_epi32(next, join);
    next = _mm256_packs_epi32(next, next); /* saturates */
    lstm_int8_impl_store_16(h,
                            _mm256_castsi256_si128(_mm256_permute4x64_epi64(next, 0x08)));
}

/* 8 cells, or fewer at the end of a layer, which are computed one by one. The gates of
 * two units are in a vector, i f g o i f g o; unpacking twice brings 8 of a kind
 * together.
 *
 *   a    i0 f0 g0 o0 | i1 f1 g1 o1         unpacklo, unpackhi of a and b by 32 bits:
 *   b    i2 f2 g2 o2 | i3 f3 g3 o3         i0 i2 f0 f2 | i1 i3 f1 f3, and g and o
 *   d    i4 f4 g4 o4 | i5 f5 g5 o5         then by 64 bits:
 *   e    i6 f6 g6 o6 | i7 f7 g7 o7         i0 i2 i4 i6 | i1 i3 i5 i7, f, g, o */
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_INLINE void
lstm_int8_impl_cells_32(const lstm_int8_layer *layer, size_t unit, size_t n,
                        int32_t *sums, int32_t *c, int16_t *h)
{
    const size_t column = 4 * unit;
    __m256i a, b, d, e, low_a, low_b, high_a, high_b;
    if (n < 8) {
        lstm_int8_impl_cells(layer, unit, n, sums, c, h);
        return;
    }
    a = lstm_int8_impl_gates_32(layer, column, sums);
    b = lstm_int8_impl_gates_32(layer, column + 8, sums + 8);
    d = lstm_int8_impl_gates_32(layer, column + 16, sums + 16);
    e = lstm_int8_impl_gates_32(layer, column + 24, sums + 24);
    low_a = _mm256_unpacklo_epi32(a, b); /* i0 i2 f0 f2 | i1 i3 f1 f3 */
    low_b = _mm256_unpacklo_epi32(d, e);
    high_a = _mm256_unpackhi_epi32(a, b); /* g0 g2 o0 o2 | ... */
    high_b = _mm256_unpackhi_epi32(d, e);
    lstm_int8_impl_eight_cells(_mm256_unpacklo_epi64(low_a, low_b),
                               _mm256_unpackhi_epi64(low_a, low_b),
                               _mm256_unpacklo_epi64(high_a, high_b),
                               _mm256_unpackhi_epi64(high_a, high_b), c, h);
}

#endif

#if LSTM_INT8_IMPL_VNNI

/* The cells of up to 16 units at a time, step by step as lstm_int8_impl_cell does it.
 * Where there are fewer, masks keep the other lanes from being read and written. */

/* table[index] of 32 indexes up to 191. A permutation reads one of 64 entries, by the
 * lower 6 bits of an index, so there are three of them. */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i
lstm_int8_impl_entries_64(const uint16_t *table, __m512i index)
{
    const __mmask32 from_64 = _mm512_cmpge_epu16_mask(index, _mm512_set1_epi16(64));
    const __mmask32 from_128 = _mm512_cmpge_epu16_mask(index, _mm512_set1_epi16(128));
    const __m512i first = _mm512_permutex2var_epi16(_mm512_loadu_si512(table), index,
                                                    _mm512_loadu_si512(table + 32));
    const __m512i second = _mm512_permutex2var_epi16(
        _mm512_loadu_si512(table + 64), index, _mm512_loadu_si512(table + 96));
    const __m512i third = _mm512_permutex2var_epi16(
        _mm512_loadu_si512(table + 128), index, _mm512_loadu_si512(table + 160));
    return _mm512_mask_mov_epi16(_mm512_mask_mov_epi16(first, from_64, second), from_128,
                                 third);
}

/* |tanh| of 32 values, at most 32768; a is at most 49151. The product of rise and part,
 * shifted down by 8, is the upper half of rise times 256 * part. */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i lstm_int8_impl_tanh_64(__m512i a)
{
    const __m512i index = _mm512_srli_epi16(a, 8), part = _mm512_slli_epi16(a, 8);
    const __m512i low = lstm_int8_impl_entries_64(lstm_int8_impl_table, index);
    const __m512i high = lstm_int8_impl_entries_64(lstm_int8_impl_table + 1, index);
    const __m512i rise = _mm512_sub_epi16(high, low);
    return _mm512_add_epi16(low, _mm512_mulhi_epu16(rise, part));
}

/* 32 sigmoids from |tanh| of the halves: lstm_int8_impl_sigmoid. -t >> 1 is
 * -((t + 1) >> 1), and AVG adds the 1. */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i
lstm_int8_impl_sigmoid_64(__m512i tanh_of_half, __mmask32 is_negative)
{
    const __m512i half = _mm512_set1_epi16(16384);
    const __m512i above = _mm512_add_epi16(half, _mm512_srli_epi16(tanh_of_half, 1));
    const __m512i down = _mm512_avg_epu16(tanh_of_half, _mm512_setzero_si512());
    return _mm512_mask_sub_epi16(above, is_negative, half, down);
}

/* A value of 32 bits that has the sign of z */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i lstm_int8_impl_with_sign_64(__m512i a,
                                                                                __m512i z)
{
    const __m512i none = _mm512_setzero_si512();
    return _mm512_mask_sub_epi32(a, _mm512_cmplt_epi32_mask(z, none), none, a);
}

/* The smaller of |z| and 49151, where the table ends */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i lstm_int8_impl_limit_64(__m512i z)
{
    return _mm512_maskz_min_epu32(0xFFFF, _mm512_maskz_abs_epi32(0xFFFF, z),
                                  _mm512_set1_epi32(49151));
}

/* z of 4 units: 16 columns. Products as in lstm_int8_impl_gates_32 */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i
lstm_int8_impl_z_64(__m512i sum, __m256i multipliers_16, __m512i bias, int shift)
{
    const __m512i multipliers = _mm512_maskz_cvtepu16_epi32(0xFFFF, multipliers_16);
    const __m512i high =
        _mm512_mullo_epi32(_mm512_maskz_srai_epi32(0xFFFF, sum, 16), multipliers);
    const __m512i low = _mm512_maskz_srli_epi32(
        0xFFFF,
        _mm512_mullo_epi32(_mm512_and_si512(sum, _mm512_set1_epi32(0xFFFF)), multipliers),
        16);
    const __m512i z = _mm512_add_epi32(_mm512_add_epi32(high, low), bias);
    return _mm512_maskz_sra_epi32(0xFFFF, z, _mm_cvtsi32_si128(shift));
}

/* The gates of 8 units: the sigmoids of i, f and o, |tanh| of g, and in *z their signs.
 * Packing takes four lanes of a and of b in turn, so the order of units is 0 4 1 5 2 6 3
 * 7. */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i
lstm_int8_impl_gates_64(const lstm_int8_layer *layer, size_t column, size_t n,
                        const int32_t *sums, __m512i *z)
{
    const __mmask32 some = n < 8 ? (1u << 4 * n) - 1 : 0xFFFFFFFFu;
    const __mmask32 is_g = 0x44444444u;
    const __mmask16 some_a = LSTM_INT8_IMPL_TO(__mmask16, some & 0xFFFF);
    const __mmask16 some_b = LSTM_INT8_IMPL_TO(__mmask16, some >> 16);
    const __m512i multipliers =
        _mm512_maskz_loadu_epi16(some, layer->multipliers + column);
    const __m512i a = lstm_int8_impl_z_64(
        _mm512_maskz_loadu_epi32(some_a, sums),
        _mm512_maskz_extracti64x4_epi64(0xFF, multipliers, 0),
        _mm512_maskz_loadu_epi32(some_a, layer->bias + column), layer->shift);
    const __m512i b = lstm_int8_impl_z_64(
        _mm512_maskz_loadu_epi32(some_b, sums + 16),
        _mm512_maskz_extracti64x4_epi64(0xFF, multipliers, 1),
        _mm512_maskz_loadu_epi32(some_b, layer->bias + column + 16), layer->shift);
    const __m512i tanh_of_z = lstm_int8_impl_tanh_64(
        _mm512_packus_epi32(lstm_int8_impl_limit_64(a), lstm_int8_impl_limit_64(b)));
    *z = _mm512_packs_epi32(a, b);
    return _mm512_mask_mov_epi16(
        lstm_int8_impl_sigmoid_64(tanh_of_z,
                                  _mm512_cmplt_epi16_mask(*z, _mm512_setzero_si512())),
        is_g, tanh_of_z);
}

/* round(a * b, bits) of 16 lanes */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i lstm_int8_impl_product_64(__m512i a,
                                                                              __m512i b,
                                                                              int bits)
{
    const __m512i half = _mm512_set1_epi32(1 << (bits - 1));
    return _mm512_maskz_sra_epi32(0xFFFF,
                                  _mm512_add_epi32(_mm512_mullo_epi32(a, b), half),
                                  _mm_cvtsi32_si128(bits));
}

/* The next c of 16 units: f*c, limited, + i*g */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i lstm_int8_impl_next_64(__m512i c,
                                                                           __m512i i,
                                                                           __m512i f,
                                                                           __m512i g)
{
    const __m512i low = _mm512_and_si512(c, _mm512_set1_epi32(0x7FFF));
    const __m512i kept =
        _mm512_add_epi32(_mm512_mullo_epi32(_mm512_maskz_srai_epi32(0xFFFF, c, 15), f),
                         lstm_int8_impl_product_64(low, f, 15));
    const __m512i limited = _mm512_maskz_max_epi32(
        0xFFFF, _mm512_maskz_min_epi32(0xFFFF, kept, _mm512_set1_epi32((1 << 30) - 1)),
        _mm512_set1_epi32(-(1 << 30)));
    return _mm512_add_epi32(limited, lstm_int8_impl_product_64(i, g, 14));
}

/* The lower or upper 16 of 32 values without a sign, with 32 bits */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i lstm_int8_impl_lower_64(__m512i a)
{
    return _mm512_maskz_cvtepu16_epi32(0xFFFF,
                                       _mm512_maskz_extracti64x4_epi64(0xFF, a, 0));
}

LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE __m512i lstm_int8_impl_upper_64(__m512i a)
{
    return _mm512_maskz_cvtepu16_epi32(0xFFFF,
                                       _mm512_maskz_extracti64x4_epi64(0xFF, a, 1));
}

/* n cells, n at most 16. The gates are brought together by kind: i and f of all units in
 * one vector, g and o in another. Lane 8*k of `gates` has i of unit k, lane 8*k + 4 that
 * of unit k + 4; indexes from 32 on are those of the units from 8 on. */
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_INLINE void
lstm_int8_impl_cells_64(const lstm_int8_layer *layer, size_t unit, size_t n,
                        int32_t *sums, int32_t *c, int16_t *h)
{
    const __mmask16 some = LSTM_INT8_IMPL_TO(__mmask16, (1u << n) - 1);
    const __m512i i_f_lanes = _mm512_setr_epi64(
        0x0018001000080000, 0x001C0014000C0004, 0x0038003000280020, 0x003C0034002C0024,
        0x0019001100090001, 0x001D0015000D0005, 0x0039003100290021, 0x003D0035002D0025);
    const __m512i g_o_lanes = _mm512_add_epi16(i_f_lanes, _mm512_set1_epi16(2));
    __m512i gates, gates_from_8, z, z_from_8, i_f, g_o, next, tanh_of_c;
    gates = gates_from_8 = lstm_int8_impl_gates_64(layer, 4 * unit, n, sums, &z);
    z_from_8 = z;
    if (n > 8) {
        gates_from_8 =
            lstm_int8_impl_gates_64(layer, 4 * unit + 32, n - 8, sums + 32, &z_from_8);
    }
    i_f = _mm512_permutex2var_epi16(gates, i_f_lanes, gates_from_8);
    g_o = _mm512_permutex2var_epi16(gates, g_o_lanes, gates_from_8);
    z = lstm_int8_impl_lower_64(_mm512_permutex2var_epi16(z, g_o_lanes, z_from_8));
    z = _mm512_maskz_slli_epi32(0xFFFF, z, 16); /* the sign is the highest bit */
    next = lstm_int8_impl_next_64(
        _mm512_maskz_loadu_epi32(some, c), lstm_int8_impl_lower_64(i_f),
        lstm_int8_impl_upper_64(i_f),
        lstm_int8_impl_with_sign_64(lstm_int8_impl_lower_64(g_o), z));
    _mm512_mask_storeu_epi32(c, some, next);
    next = _mm512_maskz_srai_epi32(0xFFFF, next, 3);
    tanh_of_c = lstm_int8_impl_with_sign_64(
        lstm_int8_impl_tanh_64(lstm_int8_impl_limit_64(next)), next);
    next = lstm_int8_impl_product_64(lstm_int8_impl_upper_64(g_o), tanh_of_c, 15);
    _mm512_mask_cvtsepi32_storeu_epi16(h, some, next); /* saturates */
}

#endif

/* A step of one sequence, or of four where there are vectors of 32 bytes. Not inlined:
 * where the CPU is asked, they are compiled for AVX2, and their caller is not. */
#if LSTM_INT8_IMPL_WIDE
LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_KERNEL void
lstm_int8_impl_step_32(const lstm_int8_layer *layer, const int16_t *x, int16_t *h,
                       int32_t *c, int16_t *v)
{
    lstm_int8_impl_step_of(layer, x, 0, h, c, v, 1, 8, lstm_int8_impl_pair,
                           lstm_int8_impl_sums_32, lstm_int8_impl_cells_32);
}

LSTM_INT8_IMPL_AVX2 LSTM_INT8_IMPL_KERNEL void
lstm_int8_impl_step_32_rows(const lstm_int8_layer *layer, const int16_t *x,
                            size_t x_stride, int16_t *h, int32_t *c, int16_t *v)
{
    lstm_int8_impl_step_of(layer, x, x_stride, h, c, v, 4, 8, lstm_int8_impl_pair,
                           lstm_int8_impl_sums_32_rows, lstm_int8_impl_cells_32);
}
#endif
#if LSTM_INT8_IMPL_VNNI
LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_KERNEL void
lstm_int8_impl_step_64(const lstm_int8_layer *layer, const int16_t *x, int16_t *h,
                       int32_t *c, int16_t *v)
{
    lstm_int8_impl_step_of(layer, x, 0, h, c, v, 1, 16, lstm_int8_impl_split,
                           lstm_int8_impl_sums_64, lstm_int8_impl_cells_64);
}

LSTM_INT8_IMPL_AVX512 LSTM_INT8_IMPL_KERNEL void
lstm_int8_impl_step_64_rows(const lstm_int8_layer *layer, const int16_t *x,
                            size_t x_stride, int16_t *h, int32_t *c, int16_t *v)
{
    lstm_int8_impl_step_of(layer, x, x_stride, h, c, v, 4, 16, lstm_int8_impl_pair,
                           lstm_int8_impl_sums_64_rows, lstm_int8_impl_cells_64);
}
#endif

LSTM_INT8_IMPL_KERNEL void lstm_int8_impl_step_16(const lstm_int8_layer *layer,
                                                  const int16_t *x, int16_t *h,
                                                  int32_t *c, int16_t *v)
{
    lstm_int8_impl_step_of(layer, x, 0, h, c, v, 1, 1, lstm_int8_impl_pair,
                           lstm_int8_impl_sums, lstm_int8_impl_cells);
}

/* How many bytes the vectors of sums are to have: 64, 32 or 16. */
static inline int lstm_int8_impl_width(void)
{
    int is_wide = LSTM_INT8_IMPL_WIDE, has_vnni = LSTM_INT8_IMPL_VNNI;
#ifdef LSTM_INT8_IMPL_ASK_AVX2
    is_wide = __builtin_cpu_supports("avx2") != 0;
#endif
#ifdef LSTM_INT8_IMPL_ASK_VNNI
    has_vnni = is_wide && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni");
#endif
    return has_vnni ? 64 : is_wide ? 32 : 16;
}

/* A step of one sequence */
static inline void lstm_int8_impl_step_row(const lstm_int8_layer *layer, const int16_t *x,
                                           int16_t *h, int32_t *c, int16_t *v)
{
#if LSTM_INT8_IMPL_VNNI
    if (lstm_int8_impl_width() == 64) {
        lstm_int8_impl_step_64(layer, x, h, c, v);
        return;
    }
#endif
#if LSTM_INT8_IMPL_WIDE
    if (lstm_int8_impl_width() == 32) {
        lstm_int8_impl_step_32(layer, x, h, c, v);
        return;
    }
#endif
    lstm_int8_impl_step_16(layer, x, h, c, v);
}

/* A step of `rows` sequences, x_stride apart. With AVX2 or VNNI four have a kernel of
 * their own. Else they are run one after the other. */
static inline void lstm_int8_impl_step(const lstm_int8_layer *layer, const int16_t *x,
                                       size_t x_stride, size_t rows, int16_t *h,
                                       int32_t *c, int16_t *v)
{
    size_t row;
#if LSTM_INT8_IMPL_VNNI
    if (rows == LSTM_INT8_IMPL_ROWS && lstm_int8_impl_width() == 64) {
        lstm_int8_impl_step_64_rows(layer, x, x_stride, h, c, v);
        return;
    }
#endif
#if LSTM_INT8_IMPL_WIDE
    if (rows == LSTM_INT8_IMPL_ROWS && lstm_int8_impl_width() == 32) {
        lstm_int8_impl_step_32_rows(layer, x, x_stride, h, c, v);
        return;
    }
#endif
    for (row = 0; row < rows; row++) {
        lstm_int8_impl_step_row(layer, x + row * x_stride, h + row * layer->units,
                                c + row * layer->units, v);
    }
}

/* `timesteps` steps of `rows` sequences, which follow one another in x, h, c and y. y
 * moves on by a row at each output; y[row * outputs * units] is the same output of
 * another sequence. With go_backwards the first row of y is the output of the last
 * timestep, as in Keras. */
static inline void lstm_int8_impl_sequences(const lstm_int8_layer *layer,
                                            const int16_t *x, size_t rows,
                                            size_t timesteps, int16_t *h, int32_t *c,
                                            int16_t *y, int16_t *scratch)
{
    const size_t units = layer->units, outputs = layer->return_sequences ? timesteps : 1;
    size_t t, row, u;
    for (t = 0; t < timesteps; t++) {
        const size_t from = layer->go_backwards ? timesteps - 1 - t : t;
        lstm_int8_impl_step(layer, x + from * layer->input_dim,
                            timesteps * layer->input_dim, rows, h, c, scratch);
        if (!y || (!layer->return_sequences && t + 1 != timesteps)) {
            continue;
        }
        for (row = 0; row < rows; row++) {
            for (u = 0; u < units; u++) {
                y[row * outputs * units + u] = h[row * units + u];
            }
        }
        y += units;
    }
}

/* A batch: on x86 four sequences at a time, and what is left one at a time; on other
 * processors all one at a time. */
static inline void lstm_int8_impl_batch(const lstm_int8_layer *layer, const int16_t *x,
                                        size_t batch, size_t timesteps, int16_t *h,
                                        int32_t *c, int16_t *y, int16_t *scratch)
{
    const size_t outputs = layer->return_sequences ? timesteps : 1;
    while (batch > 0) {
        const size_t rows = batch < LSTM_INT8_IMPL_ROWS ? 1 : LSTM_INT8_IMPL_ROWS;
        lstm_int8_impl_sequences(layer, x, rows, timesteps, h, c, y, scratch);
        x += rows * timesteps * layer->input_dim;
        h += rows * layer->units;
        c += rows * layer->units;
        y = y ? y + rows * outputs * layer->units : y;
        batch -= rows;
    }
}

/* One output of a Dense layer times 65536. A sum is at most 2^30
 * (lstm_int8_impl_dense_scale), so it cannot overflow, and bias and shift are as in a
 * cell. */
LSTM_INT8_IMPL_SHORT int32_t lstm_int8_impl_logit(const lstm_int8_dense *layer,
                                                  const int16_t *x, size_t unit)
{
    const int8_t *weights = layer->weights + unit * layer->input_dim;
    const uint32_t multiplier = LSTM_INT8_LOAD_16(layer->multipliers + unit);
    const int32_t bias = LSTM_INT8_LOAD_32(layer->bias + unit);
    int32_t sum = 0;
    size_t k;
    for (k = 0; k < layer->input_dim; k++) {
        sum += LSTM_INT8_IMPL_TO(int32_t, x[k]) * LSTM_INT8_LOAD_8(weights + k);
    }
    return (lstm_int8_impl_scale(sum, multiplier) + bias) >> layer->shift;
}

/* ---- CHECKS ------------------------------------------------------------------------ */

/* The functions that run a layer call these once, at entry. They find what a caller can
 * get wrong: pointers, sizes, a shift that C does not define. Whether the numbers in a
 * layer's arrays are those of a quantiser cannot be checked at a reasonable cost. */

/* a * b, or 0 where that is more than size_t holds. 0 is refused by all callers, so it
 * can stand for "too large". Without the builtin a division is left out where both
 * factors have half of the bits: it would be the only one, and a call on small
 * processors. */
static inline size_t lstm_int8_impl_multiply(size_t a, size_t b)
{
#if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 5)
    size_t product;
    return __builtin_mul_overflow(a, b, &product) ? 0 : product;
#else
    const int fits = (a | b) >> (4 * sizeof a) == 0 ||
                     (b != 0 && a <= LSTM_INT8_IMPL_TO(size_t, -1) / b);
    return fits ? a * b : 0;
#endif
}

/* Whether an array of a*b elements of `size` bytes (a power of 2) can exist and has any.
 */
static inline int lstm_int8_impl_is_array(size_t a, size_t b, size_t size)
{
    const size_t count = lstm_int8_impl_multiply(a, b);
    return count != 0 && count <= LSTM_INT8_IMPL_TO(size_t, -1) / size;
}

/* Whether the weights of such a layer, which are its largest array, can exist. The first
 * comparison keeps input_dim + units + 7 from overflowing. */
static inline int lstm_int8_impl_is_shape(size_t input_dim, size_t units)
{
    const size_t most = LSTM_INT8_IMPL_TO(size_t, -1) / 8;
    return input_dim != 0 && input_dim <= most && units <= most &&
           lstm_int8_impl_is_array(units, LSTM_INT8_BLOCKS(input_dim, units), 32);
}

/* shift & ~15 is not 0 for what is negative, and for 16 and more. */
static inline lstm_status lstm_int8_impl_check(const lstm_int8_layer *layer)
{
    if (!layer || !layer->weights || !layer->row_scales || !layer->multipliers ||
        !layer->bias) {
        return LSTM_ERR_NULL;
    }
    if (!lstm_int8_impl_is_shape(layer->input_dim, layer->units)) {
        return LSTM_ERR_SHAPE;
    }
    return (layer->shift & ~15) != 0 ? LSTM_ERR_OPTION : LSTM_OK;
}

/* The same for a Dense layer and its arrays: y has floats or int32, 4 bytes each. */
static inline lstm_status lstm_int8_impl_check_dense(const lstm_int8_dense *layer,
                                                     const int16_t *x, size_t rows,
                                                     const void *y)
{
    if (!layer || !layer->weights || !layer->multipliers || !layer->bias) {
        return LSTM_ERR_NULL;
    }
    if (!lstm_int8_impl_is_array(layer->input_dim, layer->units, 4)) {
        return LSTM_ERR_SHAPE;
    }
    if ((layer->shift & ~15) != 0) {
        return LSTM_ERR_OPTION;
    }
    if (rows != 0 && (!x || !y)) {
        return LSTM_ERR_NULL;
    }
    if (rows > 1 && (!lstm_int8_impl_is_array(rows, layer->input_dim, 2) ||
                     !lstm_int8_impl_is_array(rows, layer->units, 4))) {
        return LSTM_ERR_SHAPE;
    }
    return LSTM_OK;
}

/* ---- CONVERSION -------------------------------------------------------------------- */

/* lstm_int8_quantize in steps:
 *   1. lstm_int8_impl_measure looks at all weights and refuses what does not fit. After it
 *      nothing can fail, so nothing has to be undone.
 *   2. A row scale for each row: its largest weight, as a part of the largest of all. A row
 *      of x counts 2^(15 - input_fraction_bits) times, as its integers are so much smaller
 *      than those of h for the same value.
 *   3. Column by column: the weights divided by their row scales, a column scale that makes
 *      the largest of them 127, and the rounded quotients. With moments single weights are
 *      then rounded the other way where that helps. If the sum could overflow, the column
 *      scale is made larger and the column is rounded again.
 *   4. One shift for the layer, as large as the largest multiplier and bias allow, and the
 *      multipliers and biases that go with it.
 * All is done in float, and no rounded product goes straight into a sum
 * (lstm_int8_impl_apart). So Python's float32 and every C compiler that rounds each
 * operation to float find the same integers. With -ffast-math, or on the x87, which has
 * more bits, single weights may come out 1 higher or lower.
 *
 * What the numbers mean, for one column. A row's input is the integer in[k], of which the
 * real value is in[k]*unit/32768: unit is 1 for h, and 2^(15 - input_fraction_bits) for
 * x.
 *   v[k]     = in[k] * row_scales[k] / 32768
 *   value[k] = weight[k] * unit / row_scales[k]      so real product = v[k] * value[k]
 *   q[k]     = value[k] / scale, rounded             the int8
 *   gate     = the sum of v[k] * value[k], about scale * S */

/* x rounded to nearest, halves away from 0; |x| < 2^31. Where the compiler computes in
 * more bits than float has, a variable takes them off: here, and in what calls this. */
static inline int32_t lstm_int8_impl_nearest(float x)
{
    const float size = x < 0.0f ? 0.5f - x : x + 0.5f;
    const int32_t whole = LSTM_INT8_IMPL_TO(int32_t, size);
    return x < 0.0f ? -whole : whole;
}

static inline float lstm_int8_impl_power(int exponent) /* 2^exponent, 0 to 31 */
{
    return LSTM_INT8_IMPL_TO(float, LSTM_INT8_IMPL_TO(uint32_t, 1) << exponent);
}

/* Without math.h, which a small system may not have; a NaN stays one. */
static inline float lstm_int8_impl_absolute(float x)
{
    return x < 0.0f ? -x : x;
}

/* A float layer that is being converted. Rows are those of the kernel, then those of the
 * recurrent kernel; columns are in Keras' order. */
typedef struct lstm_int8_impl_source {
    const lstm_layer *layer;
    const float *moments; /* or NULL */
    size_t rows, width;   /* width: how many columns */
    float x_unit;         /* 2^(15 - input_fraction_bits): what x counts for beside h */
    float largest;        /* of all |weight| * unit */
    float bias;           /* the largest |bias| */
} lstm_int8_impl_source;

/* The weight in [kernel; recurrent kernel], which are two arrays */
static inline float lstm_int8_impl_weight(const lstm_int8_impl_source *from, size_t row,
                                          size_t column)
{
    const lstm_layer *const layer = from->layer;
    return row < layer->input_dim
               ? LSTM_LOAD(layer->kernel + row * from->width + column)
               : LSTM_LOAD(layer->recurrent_kernel +
                           (row - layer->input_dim) * from->width + column);
}

/* How many times more an input of this row counts than the same integer in h */
static inline float lstm_int8_impl_row_unit(const lstm_int8_impl_source *from, size_t row)
{
    return row < from->layer->input_dim ? from->x_unit : 1.0f;
}

/* The largest |weight| * unit of a row; a NaN among them is kept. */
static inline float lstm_int8_impl_row_size(const lstm_int8_impl_source *from, size_t row)
{
    const float unit = lstm_int8_impl_row_unit(from, row);
    float largest = 0.0f;
    size_t column;
    for (column = 0; column < from->width; column++) {
        const float size =
            lstm_int8_impl_absolute(lstm_int8_impl_weight(from, row, column)) * unit;
        if (!(size <= largest)) {
            largest = size;
        }
        if (size != size) {
            return size;
        }
    }
    return largest;
}

/* Finds the largest weight and bias, and refuses what cannot be converted. The scale of
 * the largest weight is largest / 127 / 32768; times 8192 a scale has to be below 1,
 * which is largest < 508. 258 weights of 127 at row scales of 32767 sum to almost 2^30;
 * of more such rows the sum may need a scale that is larger by rows/258. 65536 * 8192 is
 * a bias of 2^29 with a shift of 0. */
static inline lstm_status lstm_int8_impl_measure(lstm_int8_impl_source *from)
{
    const lstm_layer *const layer = from->layer;
    /* how many times larger a scale may have to be so that the sum fits; with very many
     * rows twice as much, since rounding up can double small weights */
    const float crowd =
        LSTM_INT8_IMPL_TO(float, from->rows) / (from->rows > 8192 ? 129.0f : 258.0f);
    size_t k;
    from->largest = from->bias = 0.0f;
    for (k = 0; k < from->rows; k++) {
        const float size = lstm_int8_impl_row_size(from, k);
        if (!(size <= 3.0e38f)) {
            return LSTM_ERR_OPTION;
        }
        from->largest = size > from->largest ? size : from->largest;
    }
    for (k = 0; layer->bias && k < from->width; k++) {
        const float size = lstm_int8_impl_absolute(LSTM_LOAD(layer->bias + k));
        if (!(size <= 65536.0f)) {
            return LSTM_ERR_OPTION;
        }
        from->bias = size > from->bias ? size : from->bias;
    }
    return from->largest * (crowd > 1.0f ? crowd : 1.0f) <= 400.0f ? LSTM_OK
                                                                   : LSTM_ERR_OPTION;
}

/* The row scale, times 32768. It is rounded up, so that no weight that is divided by it
 * is larger than the largest weight of all. It is at most 32767, so that vectors can take
 * it as int16. A row of zeros has 0. */
static inline uint16_t lstm_int8_impl_row_scale(const lstm_int8_impl_source *from,
                                                size_t row)
{
    const float size = lstm_int8_impl_row_size(from, row);
    const float share = size > 0.0f ? size / from->largest : 0.0f;
    const float scale = share * 32767.0f;
    const uint16_t whole = LSTM_INT8_IMPL_TO(uint16_t, scale);
    const int is_below = LSTM_INT8_IMPL_TO(float, whole) < scale;
    return LSTM_INT8_IMPL_TO(uint16_t, whole + is_below);
}

/* Where the weight of a row is among those of its unit: block, gate, row in the block.
 * gate from 0 to 3. */
static inline size_t lstm_int8_impl_packed(size_t row, size_t gate)
{
    return (row / 8 * 4 + gate) * 8 + row % 8;
}

/* Rounds the weights of a column to nearest. values: what each counts for per unit of v.
 */
static inline void lstm_int8_impl_round(const float *values, size_t rows, float scale,
                                        size_t gate, int8_t *weights)
{
    size_t k;
    for (k = 0; k < rows; k++) {
        const float quotient = scale > 0.0f ? values[k] / scale : 0.0f;
        const int32_t q = lstm_int8_impl_nearest(quotient);
        const int32_t limited = q > 127 ? 127 : q < -127 ? -127 : q;
        weights[lstm_int8_impl_packed(k, gate)] = LSTM_INT8_IMPL_TO(int8_t, limited);
    }
}

/* A product, kept from being fused with the sum that follows: some compilers do that on
 * some CPUs, and the weights had other bits there. */
static inline float lstm_int8_impl_apart(float product)
{
#if defined(__GNUC__) && defined(__SSE__)
    __asm__("" : "+x"(product));
#elif defined(__GNUC__) && defined(__aarch64__)
    __asm__("" : "+w"(product));
#elif defined(__GNUC__)
    __asm__("" : "+m"(product));
#endif
    return product;
}

/* Rounds single weights the other way where that makes the expected square of the gate's
 * error smaller. Returns whether a weight has changed.
 *
 * With e the errors of the weights and M the moments, the expected square is e*M*e.
 * errors[k] is e[k], slopes[k] is (M*e)[k]. A change of e[k] by d changes the square by
 * 2*d*(M*e)[k] + d^2*M[k][k]: `gain`, good if negative. Only the direction that the slope
 * asks for can make it negative. `damping`, a hundredth of the mean of all M[k][k], is
 * added to each M[k][k], since real inputs are not only those observed. */
static inline int lstm_int8_impl_refine_once(const lstm_int8_impl_source *from,
                                             const uint16_t *row_scales, float scale,
                                             float damping, size_t gate, float *errors,
                                             float *slopes, int8_t *weights)
{
    const size_t rows = from->rows;
    int changed = 0;
    size_t k, n;
    for (k = 0; k < rows; k++) {
        int8_t *const weight = weights + lstm_int8_impl_packed(k, gate);
        const float unit = lstm_int8_impl_row_unit(from, k);
        const float step = scale * LSTM_INT8_IMPL_TO(float, row_scales[k]) / unit;
        const float slope = slopes[k] + lstm_int8_impl_apart(damping * errors[k]);
        const int direction = slope > 0.0f ? -1 : 1;
        const float by = LSTM_INT8_IMPL_TO(float, direction) * step;
        const float *const moments = from->moments + k * rows;
        const float gain = lstm_int8_impl_apart(2.0f * by * slope) +
                           lstm_int8_impl_apart(by * by * (moments[k] + damping));
        if (gain < 0.0f && *weight + direction <= 127 && *weight + direction >= -127) {
            *weight = LSTM_INT8_IMPL_TO(int8_t, *weight + direction);
            errors[k] += by;
            for (n = 0; n < rows; n++) {
                slopes[n] += lstm_int8_impl_apart(by * moments[n]);
            }
            changed = 1;
        }
    }
    return changed;
}

/* Four times over the column, or until nothing changes. slopes[k] is half of the
 * derivative of the expected square by weight k; it is kept up to date as weights change,
 * so that trying a weight costs no sum over all rows. */
static inline void lstm_int8_impl_refine(const lstm_int8_impl_source *from,
                                         const uint16_t *row_scales, size_t column,
                                         float scale, float *errors, float *slopes,
                                         int8_t *weights)
{
    const size_t rows = from->rows, gate = column / from->layer->units;
    float damping = 0.0f;
    size_t k, n;
    int pass;
    for (k = 0; k < rows; k++) {
        const float q = weights[lstm_int8_impl_packed(k, gate)];
        const float unit = lstm_int8_impl_row_unit(from, k);
        errors[k] = q * scale * LSTM_INT8_IMPL_TO(float, row_scales[k]) / unit -
                    lstm_int8_impl_weight(from, k, column);
        damping += from->moments[k * rows + k];
    }
    damping = lstm_int8_impl_apart(damping * (0.01f / LSTM_INT8_IMPL_TO(float, rows)));
    for (k = 0; k < rows; k++) {
        slopes[k] = 0.0f;
        for (n = 0; n < rows; n++) {
            slopes[k] += lstm_int8_impl_apart(from->moments[k * rows + n] * errors[n]);
        }
    }
    for (pass = 0; pass < 4; pass++) {
        if (!lstm_int8_impl_refine_once(from, row_scales, scale, damping, gate, errors,
                                        slopes, weights)) {
            return;
        }
    }
}

/* The largest sum that the weights of a column can give is at most 2^30: |v[k]| is at
 * most row_scales[k], for any input. The loop ends before its own sum, which grows by
 * less than 2^22 each time, can pass 2^32. */
static inline int lstm_int8_impl_is_safe(const uint16_t *row_scales, size_t rows,
                                         size_t gate, const int8_t *weights)
{
    const uint32_t limit = 0x40000000;
    uint32_t sum = 0;
    size_t k;
    for (k = 0; k < rows && sum <= limit; k++) {
        const int32_t q = weights[lstm_int8_impl_packed(k, gate)];
        sum += LSTM_INT8_IMPL_TO(uint32_t, q < 0 ? -q : q) * row_scales[k];
    }
    return sum <= limit;
}

/* Converts one column; returns its scale: what one unit of the sum counts for. space
 * [3*rows] floats. The loop ends, since each round makes the weights smaller. */
static inline float lstm_int8_impl_column(const lstm_int8_impl_source *from,
                                          const uint16_t *row_scales, size_t column,
                                          float *space, int8_t *weights)
{
    const size_t rows = from->rows, gate = column / from->layer->units;
    float scale = 0.0f;
    size_t k;
    for (k = 0; k < rows; k++) {
        const float unit = lstm_int8_impl_row_unit(from, k);
        space[k] = row_scales[k] != 0 ? lstm_int8_impl_weight(from, k, column) * unit /
                                            LSTM_INT8_IMPL_TO(float, row_scales[k])
                                      : 0.0f;
        if (lstm_int8_impl_absolute(space[k]) > scale) {
            scale = lstm_int8_impl_absolute(space[k]);
        }
    }
    scale /= 127.0f;
    for (;;) {
        lstm_int8_impl_round(space, rows, scale, gate, weights);
        if (from->moments) {
            lstm_int8_impl_refine(from, row_scales, column, scale, space + rows,
                                  space + 2 * rows, weights);
        }
        if (lstm_int8_impl_is_safe(row_scales, rows, gate, weights)) {
            return scale;
        }
        scale *= 1.0625f;
    }
}

/* The largest shift with which all multipliers fit in 16 bits and all biases in 2^30: the
 * larger it is, the finer are both. A multiplier is at most 65534: with 65535 the largest
 * sum, the largest bias and the half for rounding would be 2^31 together. factor: the
 * largest of what one unit of a sum is of z; bias: the largest |bias| in z. */
static inline int lstm_int8_impl_shift(float factor, float bias)
{
    int shift = 15;
    while (shift > 0 && !(factor * 65536.0f * lstm_int8_impl_power(shift) < 65534.5f &&
                          bias * lstm_int8_impl_power(shift) <= 1073741824.0f)) {
        shift--;
    }
    return shift;
}

/* The multiplier of a factor, and the bias with the half that makes >> round to nearest.
 */
static inline void lstm_int8_impl_finish(float factor, float bias, int shift,
                                         uint16_t *multiplier, int32_t *integer_bias)
{
    const float multiplied = factor * 65536.0f * lstm_int8_impl_power(shift);
    *multiplier = LSTM_INT8_IMPL_TO(uint16_t, lstm_int8_impl_nearest(multiplied));
    *integer_bias = lstm_int8_impl_nearest(bias * lstm_int8_impl_power(shift));
    if (shift > 0) {
        const int32_t one = 1;
        *integer_bias += one << (shift - 1);
    }
}

/* z is the input of a gate times this. g is tanh(z), with 8192. The other gates need the
 * tanh of half of their input (NUMERICS, sigmoid), so they have half of 8192. */
static inline float lstm_int8_impl_gate_unit(size_t gate)
{
    return gate == 2 ? 8192.0f : 4096.0f;
}

/* Converts the measured layer; factors [columns] and space [3*rows] are scratch. */
static inline void lstm_int8_impl_convert(const lstm_int8_impl_source *from,
                                          int8_t *weights, uint16_t *row_scales,
                                          uint16_t *multipliers, int32_t *bias,
                                          float *factors, float *space,
                                          lstm_int8_layer *to)
{
    const size_t units = to->units, blocks = LSTM_INT8_BLOCKS(to->input_dim, units);
    float largest = 0.0f;
    size_t k, column;
    for (k = 0; k < from->rows; k++) {
        row_scales[k] = lstm_int8_impl_row_scale(from, k);
    }
    for (k = 0; k < LSTM_INT8_WEIGHT_LEN(to->input_dim, units); k++) {
        weights[k] = 0;
    }
    for (column = 0; column < from->width; column++) {
        const size_t gate = column / units, unit = column % units;
        factors[column] = lstm_int8_impl_gate_unit(gate) *
                          lstm_int8_impl_column(from, row_scales, column, space,
                                                weights + 32 * blocks * unit);
        largest = factors[column] > largest ? factors[column] : largest;
    }
    to->shift = lstm_int8_impl_shift(largest, from->bias * 8192.0f);
    for (column = 0; column < from->width; column++) {
        const size_t gate = column / units, unit = column % units;
        const float b = from->layer->bias ? LSTM_LOAD(from->layer->bias + column) : 0.0f;
        lstm_int8_impl_finish(factors[column], b * lstm_int8_impl_gate_unit(gate),
                              to->shift, multipliers + 4 * unit + gate,
                              bias + 4 * unit + gate);
    }
}

/* The float layer: pointers, sizes of its arrays and of those it is converted to,
 * options. */
static inline lstm_status lstm_int8_impl_check_source(const lstm_layer *from,
                                                      int fraction_bits)
{
    if (!from || !from->kernel || !from->recurrent_kernel) {
        return LSTM_ERR_NULL;
    }
    if (!lstm_int8_impl_is_shape(from->input_dim, from->units) ||
        !lstm_int8_impl_is_array(LSTM_INT8_ROW_LEN(from->input_dim, from->units),
                                 from->units, 16)) {
        return LSTM_ERR_SHAPE;
    }
    if ((from->activation != LSTM_DEFAULT && from->activation != LSTM_TANH) ||
        (from->recurrent_activation != LSTM_DEFAULT &&
         from->recurrent_activation != LSTM_SIGMOID) ||
        (fraction_bits & ~15) != 0) {
        return LSTM_ERR_OPTION;
    }
    return LSTM_OK;
}

LSTM_API lstm_status lstm_int8_quantize(const lstm_layer *from, int input_fraction_bits,
                                        const float *moments, int8_t *weights,
                                        uint16_t *row_scales, uint16_t *multipliers,
                                        int32_t *bias, float *scratch,
                                        lstm_int8_layer *to)
{
    lstm_int8_impl_source source;
    lstm_status status = lstm_int8_impl_check_source(from, input_fraction_bits);
    if (status != LSTM_OK) {
        return status;
    }
    if (!weights || !row_scales || !multipliers || !bias || !scratch || !to) {
        return LSTM_ERR_NULL;
    }
    source.layer = from;
    source.moments = moments;
    source.rows = LSTM_INT8_ROW_LEN(from->input_dim, from->units);
    source.width = LSTM_INT8_COLUMN_LEN(from->units);
    source.x_unit = lstm_int8_impl_power(15 - input_fraction_bits);
    status = lstm_int8_impl_measure(&source);
    if (status != LSTM_OK) {
        return status;
    }
    to->input_dim = from->input_dim;
    to->units = from->units;
    to->weights = weights;
    to->row_scales = row_scales;
    to->multipliers = multipliers;
    to->bias = bias;
    to->input_fraction_bits = input_fraction_bits;
    to->return_sequences = from->return_sequences;
    to->go_backwards = from->go_backwards;
    lstm_int8_impl_convert(&source, weights, row_scales, multipliers, bias, scratch,
                           scratch + source.width, to);
    return LSTM_OK;
}

/* moments[a][b] += v[a] * v[b] for v = [x h] */
static inline void lstm_int8_impl_add_moments(const float *x, size_t input_dim,
                                              const float *h, size_t units,
                                              float *moments)
{
    const size_t rows = input_dim + units;
    size_t a, b;
    for (a = 0; a < rows; a++) {
        const float left = a < input_dim ? x[a] : h[a - input_dim];
        for (b = 0; b < rows; b++) {
            const float right = b < input_dim ? x[b] : h[b - input_dim];
            *moments++ += lstm_int8_impl_apart(left * right);
        }
    }
}

LSTM_API lstm_status lstm_int8_observe(const lstm_layer *from, const float *x,
                                       size_t timesteps, float *h, float *c,
                                       float *moments, float *scratch)
{
    lstm_status status = lstm_int8_impl_check_source(from, 0);
    size_t t;
    if (status != LSTM_OK || timesteps == 0) {
        return status;
    }
    if (!x || !h || !c || !moments || !scratch) {
        return LSTM_ERR_NULL;
    }
    if (!lstm_int8_impl_is_array(timesteps, from->input_dim, 4)) {
        return LSTM_ERR_SHAPE;
    }
    for (t = 0; t < timesteps; t++, x += from->input_dim) {
        lstm_int8_impl_add_moments(x, from->input_dim, h, from->units, moments);
        status = lstm_step(from, x, h, c, scratch);
    }
    return status;
}

/* The largest |weight| of a Dense unit; a NaN is kept, and refused by who looks at it. */
static inline float lstm_int8_impl_dense_size(const lstm_dense *from, size_t unit)
{
    float largest = 0.0f;
    size_t k;
    for (k = 0; k < from->input_dim; k++) {
        const float size =
            lstm_int8_impl_absolute(LSTM_LOAD(from->kernel + k * from->units + unit));
        if (!(size <= largest)) {
            largest = size;
        }
        if (size != size) {
            return size;
        }
    }
    return largest;
}

/* The scale of a Dense unit: that of its largest weight, or more where the sum of the
 * weights times 32768 could be more than 2^30. Rounded weights have a sum of at most
 * sum/scale + input_dim/2. That is to be at most 32768, as 32768 * 32768 is 2^30; solved
 * for the scale. input_dim is at most 32768, so the divisor is positive. */
static inline float lstm_int8_impl_dense_scale(const lstm_dense *from, size_t unit)
{
    float sum = 0.0f, scale = lstm_int8_impl_dense_size(from, unit) / 127.0f;
    size_t k;
    for (k = 0; k < from->input_dim; k++) {
        sum += lstm_int8_impl_absolute(LSTM_LOAD(from->kernel + k * from->units + unit));
    }
    /* rounding may add a half to each weight */
    sum /= 32768.0f - 0.5f * LSTM_INT8_IMPL_TO(float, from->input_dim);
    return sum > scale ? sum : scale;
}

/* Refuses what cannot be converted; *factor and *bias become the largest in a logit. */
static inline lstm_status lstm_int8_impl_measure_dense(const lstm_dense *from, float unit,
                                                       float *factor, float *bias)
{
    size_t u;
    *factor = *bias = 0.0f;
    for (u = 0; u < from->units; u++) {
        const float f = lstm_int8_impl_dense_scale(from, u) * unit;
        const float b =
            from->bias ? lstm_int8_impl_absolute(LSTM_LOAD(from->bias + u)) : 0.0f;
        if (!(f < 0.99f) || !(b <= 8192.0f)) {
            return LSTM_ERR_OPTION;
        }
        *factor = f > *factor ? f : *factor;
        *bias = b > *bias ? b : *bias;
    }
    return LSTM_OK;
}

LSTM_API lstm_status lstm_int8_quantize_dense(const lstm_dense *from,
                                              int input_fraction_bits, int8_t *weights,
                                              uint16_t *multipliers, int32_t *bias,
                                              lstm_int8_dense *to)
{
    float unit, factor, largest_bias;
    size_t u, k;
    if (!from || !from->kernel || !weights || !multipliers || !bias || !to) {
        return LSTM_ERR_NULL;
    }
    if (!lstm_int8_impl_is_array(from->input_dim, from->units, 4) ||
        from->input_dim > 32768u) {
        return LSTM_ERR_SHAPE;
    }
    if ((input_fraction_bits & ~15) != 0 ||
        LSTM_INT8_IMPL_TO(unsigned, from->activation) >=
            LSTM_INT8_IMPL_TO(unsigned, LSTM_LOG_SOFTMAX)) {
        return LSTM_ERR_OPTION;
    }
    unit = 2.0f * lstm_int8_impl_power(15 - input_fraction_bits);
    if (lstm_int8_impl_measure_dense(from, unit, &factor, &largest_bias) != LSTM_OK) {
        return LSTM_ERR_OPTION;
    }
    to->input_dim = from->input_dim;
    to->units = from->units;
    to->weights = weights;
    to->multipliers = multipliers;
    to->bias = bias;
    to->shift = lstm_int8_impl_shift(factor, largest_bias * 65536.0f);
    to->input_fraction_bits = input_fraction_bits;
    to->activation = from->activation;
    for (u = 0; u < from->units; u++) {
        const float scale = lstm_int8_impl_dense_scale(from, u);
        const float b = from->bias ? LSTM_LOAD(from->bias + u) : 0.0f;
        for (k = 0; k < from->input_dim; k++) {
            const float weight = LSTM_LOAD(from->kernel + k * from->units + u);
            const float quotient = scale > 0.0f ? weight / scale : 0.0f;
            *weights++ = LSTM_INT8_IMPL_TO(int8_t, lstm_int8_impl_nearest(quotient));
        }
        lstm_int8_impl_finish(scale * unit, b * 65536.0f, to->shift, multipliers + u,
                              bias + u);
    }
    return LSTM_OK;
}

#if LSTM_INT8_IMPL_X86
/* 4 scaled floats, limited and rounded as lstm_int8_from_float does, as int32. The half
 * has the sign of x, and the conversion cuts off. A NaN is masked at the end, and so
 * becomes 0. */
LSTM_INT8_IMPL_INLINE __m128i lstm_int8_impl_rounded_16(__m128 x)
{
    const __m128 sign = _mm_and_ps(x, _mm_set1_ps(-0.0f));
    const __m128 limited =
        _mm_max_ps(_mm_min_ps(x, _mm_set1_ps(32767.0f)), _mm_set1_ps(-32768.0f));
    const __m128 half = _mm_or_ps(_mm_set1_ps(0.5f), sign);
    const __m128 is_number = _mm_cmpord_ps(x, x);
    return _mm_cvttps_epi32(_mm_and_ps(_mm_add_ps(limited, half), is_number));
}
#endif

LSTM_API void lstm_int8_from_float(const float *x, size_t n, int fraction_bits,
                                   int16_t *q)
{
    size_t k = 0;
    if (!x || !q || (fraction_bits & ~15) != 0) {
        return;
    }
#if LSTM_INT8_IMPL_X86
    for (; k < n - n % 8; k += 8) {
        const __m128 scale = _mm_set1_ps(lstm_int8_impl_power(fraction_bits));
        const __m128 low = _mm_mul_ps(_mm_loadu_ps(x + k), scale);
        const __m128 high = _mm_mul_ps(_mm_loadu_ps(x + k + 4), scale);
        lstm_int8_impl_store(q + k, _mm_packs_epi32(lstm_int8_impl_rounded_16(low),
                                                    lstm_int8_impl_rounded_16(high)));
    }
#endif
    for (; k < n; k++) {
        const float scaled = x[k] * lstm_int8_impl_power(fraction_bits);
        const int32_t whole = scaled >= 32767.0f    ? 32767
                              : scaled <= -32768.0f ? -32768
                              : scaled == scaled    ? lstm_int8_impl_nearest(scaled)
                                                    : 0; /* NaN */
        q[k] = LSTM_INT8_IMPL_TO(int16_t, whole);
    }
}

LSTM_API void lstm_int8_to_float(const int16_t *q, size_t n, int fraction_bits, float *x)
{
    size_t k;
    if (!x || !q || (fraction_bits & ~15) != 0) {
        return;
    }
    for (k = 0; k < n; k++) {
        x[k] = LSTM_INT8_IMPL_TO(float, q[k]) / lstm_int8_impl_power(fraction_bits);
    }
}

/* ---- RUNNING ----------------------------------------------------------------------- */

LSTM_API lstm_status lstm_int8_step(const lstm_int8_layer *layer, const int16_t *x,
                                    int16_t *h, int32_t *c, int16_t *scratch)
{
    const lstm_status status = lstm_int8_impl_check(layer);
    if (status != LSTM_OK) {
        return status;
    }
    if (!x || !h || !c || !scratch) {
        return LSTM_ERR_NULL;
    }
    lstm_int8_impl_step(layer, x, 0, 1, h, c, scratch);
    return LSTM_OK;
}

LSTM_API lstm_status lstm_int8_forward(const lstm_int8_layer *layer, const int16_t *x,
                                       size_t timesteps, int16_t *h, int32_t *c,
                                       int16_t *y, int16_t *scratch)
{
    return lstm_int8_forward_batch(layer, x, 1, timesteps, h, c, y, scratch);
}

/* The arrays of a batch: present, and none larger than memory. */
static inline lstm_status lstm_int8_impl_check_arrays(const lstm_int8_layer *layer,
                                                      size_t batch, size_t timesteps,
                                                      const int16_t *x, const int16_t *h,
                                                      const int32_t *c, const int16_t *y,
                                                      const int16_t *scratch)
{
    const size_t steps = lstm_int8_impl_multiply(batch, timesteps);
    if (!x || !h || !c || !scratch || (!y && layer->return_sequences)) {
        return LSTM_ERR_NULL;
    }
    if (!lstm_int8_impl_is_array(steps, layer->input_dim, 2) ||
        !lstm_int8_impl_is_array(batch, layer->units, 4) ||
        (layer->return_sequences && !lstm_int8_impl_is_array(steps, layer->units, 2))) {
        return LSTM_ERR_SHAPE;
    }
    return LSTM_OK;
}

LSTM_API lstm_status lstm_int8_forward_batch(const lstm_int8_layer *layer,
                                             const int16_t *x, size_t batch,
                                             size_t timesteps, int16_t *h, int32_t *c,
                                             int16_t *y, int16_t *scratch)
{
    lstm_status status = lstm_int8_impl_check(layer);
    if (status != LSTM_OK || batch == 0 || timesteps == 0) {
        return status;
    }
    status = lstm_int8_impl_check_arrays(layer, batch, timesteps, x, h, c, y, scratch);
    if (status == LSTM_OK) {
        lstm_int8_impl_batch(layer, x, batch, timesteps, h, c, y, scratch);
    }
    return status;
}

LSTM_API lstm_status lstm_int8_dense_logits(const lstm_int8_dense *layer,
                                            const int16_t *x, size_t rows,
                                            int32_t *logits)
{
    const lstm_status status = lstm_int8_impl_check_dense(layer, x, rows, logits);
    size_t row, u;
    if (status != LSTM_OK) {
        return status;
    }
    for (row = 0; row < rows; row++, x += layer->input_dim) {
        for (u = 0; u < layer->units; u++) {
            *logits++ = lstm_int8_impl_logit(layer, x, u);
        }
    }
    return LSTM_OK;
}

/* y = activation(y), element by element, by a Dense layer of lstm.h with the weight 1.
 * That gives the bits of lstm.h without names of its inner functions. Eight at a time, as
 * x and y may not overlap. */
static inline void lstm_int8_impl_activate(lstm_activation activation, float *y, size_t n)
{
    lstm_dense one;
    size_t k, part;
    (void)lstm_dense_init_no_bias(&one, 1, 1, lstm_int8_impl_one, 1); /* cannot fail */
    one.activation = activation;
    for (k = 0; k < n; k += part) {
        float x[8];
        for (part = 0; part < 8 && k + part < n; part++) {
            x[part] = y[k + part];
        }
        (void)lstm_dense_forward(&one, x, part, y + k); /* nor this */
    }
}

/* y = softmax(y): e^(y - largest), divided by their sum. So no e^y overflows, and the sum
 * is at least 1. Only e^y is from lstm.h: its layer here has one unit, softmax needs all.
 */
static inline void lstm_int8_impl_softmax(float *y, size_t n)
{
    float largest = y[0], sum = 0.0f;
    size_t k;
    for (k = 1; k < n; k++) {
        largest = y[k] > largest ? y[k] : largest;
    }
    for (k = 0; k < n; k++) {
        y[k] -= largest;
    }
    lstm_int8_impl_activate(LSTM_EXPONENTIAL, y, n);
    for (k = 0; k < n; k++) {
        sum += y[k];
    }
    for (k = 0; k < n; k++) {
        y[k] /= sum;
    }
}

LSTM_API lstm_status lstm_int8_dense_forward(const lstm_int8_dense *layer,
                                             const int16_t *x, size_t rows, float *y)
{
    const lstm_status status = lstm_int8_impl_check_dense(layer, x, rows, y);
    size_t row, u;
    if (status != LSTM_OK) {
        return status;
    }
    if (LSTM_INT8_IMPL_TO(unsigned, layer->activation) >=
        LSTM_INT8_IMPL_TO(unsigned, LSTM_LOG_SOFTMAX)) {
        return LSTM_ERR_OPTION;
    }
    for (row = 0; row < rows; row++, x += layer->input_dim, y += layer->units) {
        for (u = 0; u < layer->units; u++) {
            y[u] = LSTM_INT8_IMPL_TO(float, lstm_int8_impl_logit(layer, x, u)) / 65536.0f;
        }
        if (layer->activation == LSTM_SOFTMAX) {
            lstm_int8_impl_softmax(y, layer->units);
        } else if (layer->activation != LSTM_DEFAULT &&
                   layer->activation != LSTM_LINEAR) {
            lstm_int8_impl_activate(layer->activation, y, layer->units);
        }
    }
    return LSTM_OK;
}

LSTM_API size_t lstm_int8_argmax(const int32_t *logits, size_t n)
{
    size_t best = 0, k;
    for (k = 1; logits && k < n; k++) {
        best = logits[k] > logits[best] ? k : best;
    }
    return best;
}

#undef LSTM_INT8_IMPL_TO
#undef LSTM_INT8_IMPL_VECTORS
#undef LSTM_INT8_IMPL_LONG
#undef LSTM_INT8_IMPL_HELIUM
#undef LSTM_INT8_IMPL_PAIRS
#undef LSTM_INT8_IMPL_THUMB1
#undef LSTM_INT8_IMPL_ADD
#undef LSTM_INT8_IMPL_ADD_FOUR
#undef LSTM_INT8_IMPL_LOAD
#undef LSTM_INT8_IMPL_SWAP
#undef LSTM_INT8_IMPL_SHORT
#undef LSTM_INT8_IMPL_FORGET
#undef LSTM_INT8_IMPL_EIGHT
#undef LSTM_INT8_IMPL_KEEP
#undef LSTM_INT8_IMPL_TWICE
#undef LSTM_INT8_IMPL_KERNEL
#undef LSTM_INT8_IMPL_INLINE
#undef LSTM_INT8_IMPL_ROWS
#undef LSTM_INT8_IMPL_SUMS
#undef LSTM_INT8_IMPL_X86
#undef LSTM_INT8_IMPL_NEON
#undef LSTM_INT8_IMPL_WASM
#undef LSTM_INT8_IMPL_WIDE
#undef LSTM_INT8_IMPL_VNNI
#undef LSTM_INT8_IMPL_ALIGNED
#undef LSTM_INT8_IMPL_CHOICE
#undef LSTM_INT8_IMPL_ASK_AVX2
#undef LSTM_INT8_IMPL_ASK_VNNI
#undef LSTM_INT8_IMPL_AVX2
#undef LSTM_INT8_IMPL_AVX512
#undef LSTM_INT8_IMPL_ZERO
#undef LSTM_INT8_IMPL_UNIT

#endif /* LSTM_INT8_H */

/*
 * MIT License
 *
 * Copyright (c) 2026 The lstm.h authors
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy
 * of this software and associated documentation files (the "Software"), to deal
 * in the Software without restriction, including without limitation the rights
 * to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
 * copies of the Software, and to permit persons to whom the Software is
 * furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all
 * copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
 * SOFTWARE.
 */
