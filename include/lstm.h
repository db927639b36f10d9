/* lstm.h - trained LSTM models in C: Keras' numbers, one header, no dependency, no heap.
 * Version 0.2.0
 * SPDX-License-Identifier: MIT (the text is at the end of this file)
 *
 * ABOUT
 * The LSTM layer of Keras (a step, a sequence, a batch, masks, Bidirectional) and its
 * Dense layer, over plain float arrays. Weights are used in place, in the order that
 * get_weights() returns them, so a const array in flash is enough. What cannot be done as
 * Keras does it is refused with an error. Copy this file and include it; there is nothing
 * to build. It needs C99 or C++11. Users find everything in the parts up to API.
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
 *   LSTM_API          how functions are declared: `static inline` (default), `static`
 *                     (then compilers name the unused ones), or, in C++ alone, `inline`,
 *                     for one copy in a program of many files
 *   LSTM_NO_FMA       round each product before it is added, see NUMERICS
 *   LSTM_NO_SIMD      portable C only
 *   LSTM_NO_DISPATCH  x86: no choice of vector width at run time; the compiler's flags
 *                     alone decide
 *   LSTM_EXPF(x)      e^x from elsewhere, for example expf after #include <math.h>;
 *                     default built in
 *   LSTM_TANHF(x)     tanh x, likewise
 *   LSTM_LOAD(p)      how a layer's weight at p is read; default *(p). AVR:
 *                     pgm_read_float(p)
 *
 * ERRORS
 * Arguments are checked once, at entry. On an error nothing is written.
 *   LSTM_ERR_NULL    a pointer is NULL where data is needed
 *   LSTM_ERR_SHAPE   input_dim or units is zero, sizes do not fit together, or an array
 *                    would have more bytes than size_t can hold
 *   LSTM_ERR_OPTION  an enum holds a value that it does not have
 *   LSTM_ERR_WEIGHT_COUNT  weight_count is not that of a layer of these sizes
 * If a call has several errors, it returns one of them. timesteps, batch or rows may be
 * 0. Then a call with a valid layer returns LSTM_OK and does nothing, and its arrays may
 * be NULL.
 *
 * NUMERICS
 * Everything is float32. Each sum is taken in one fixed order, and tanh, sigmoid and e^x
 * are built from + - * /, comparisons and operations on bits, without a library. So the
 * bits of a result do not depend on the compiler, the vector width, the batch, or how a
 * sequence is split into calls.
 *   FMA       Where the CPU has fused multiply-adds, a*b + c is rounded once. All CPUs
 *             that have them give the same bits, and all CPUs that do not have them give
 *             the same bits. With LSTM_NO_FMA, all CPUs give the bits of those without.
 *             On x86 they are found at run time, together with AVX2. GCC and clang with
 *             LSTM_NO_DISPATCH, for 32-bit x86 or with -ffreestanding have them if a flag
 *             says so (-mfma). MSVC does without them for 32-bit x86 and with
 *             LSTM_NO_DISPATCH, LSTM_NO_SIMD or LSTM_LOAD, and other compilers always.
 *   Order     A gate starts with its bias and adds the products of x in order. Then it
 *             adds those of the first half of h, which is the longer one if units is odd.
 *             Those of the second half have a sum of their own, which is added last. A
 *             Dense output of 8 units or more is summed like this, with its x in the
 *             place of h. With fewer units it has eight sums: input k is added to sum
 *             k % 8. Then sums 4 apart are added, then 2 apart, then 1, then the bias.
 *   Accuracy  tanh and sigmoid are within 3 ULP of the true value for every float. From
 *             given gate sums, c is within 7 ULP of the larger of its two terms, which
 *             may cancel, and h within 7 ULP of what that term would make of h. The
 *             rounding of sums of input_dim + units products comes on top.
 *   Denormals A new c or h smaller than 2^-100 becomes 0. Without this a state that
 *             decays would reach denormal floats, which take up to 80 times as long on
 *             many CPUs. Setting the CPU to flush denormals (FTZ and DAZ) changes no
 *             output by more than 1e-7.
 *   NaN       A NaN in an input reaches the outputs of its own sequence and nothing else.
 *             An infinity saturates gates, or becomes a NaN where Keras has one. The sign
 *             and payload of a NaN are not fixed.
 *   Not kept  These change the last bits: -ffast-math and -Ofast (with these, NaN is not
 *             kept either); GCC's -fno-signed-zeros; clang's -ffp-contract=fast; a
 *             rounding mode other than to nearest (results then differ by up to 1e-6);
 *             FLT_EVAL_METHOD other than 0 in GCC's GNU modes (x87). 32-bit ARM's NEON
 *             replaces denormals by 0.
 *
 * MEMORY AND THREADS
 *   weights   const, shared by all streams and threads, may be in flash
 *   state     h and c, one pair per stream; zeros to begin with
 *   scratch   see SIZES, one per thread; its contents do not matter before a call
 *   stack     up to 39 KB on computers (65 KB without optimisation); 400 bytes on
 *             microcontrollers, 120 with Keras' default activations
 * The layers of a model may share one scratch array, as large as the largest that one of
 * them needs. There are no static variables, no locks and no heap. x, masks and weights
 * are only read. The arrays of a call must not overlap. No pointer needs more alignment
 * than a float's. Weights declared with LSTM_ALIGNED are read fastest:
 *   static const LSTM_ALIGNED float weights[] = {...};
 */
#ifndef LSTM_IMPL_SET
#ifndef LSTM_H
#define LSTM_H

#define LSTM_VERSION_MAJOR 0
#define LSTM_VERSION_MINOR 2
#define LSTM_VERSION_PATCH 0

#if defined(__STRICT_ANSI__) && !defined(__cplusplus) && \
    (!defined(__STDC_VERSION__) || __STDC_VERSION__ < 199901L)
#error "lstm.h needs C99 or C++11: compile with -std=c99 or later"
#endif

#include <stddef.h>
#include <stdint.h>

#ifndef LSTM_API
#define LSTM_API static inline
#define LSTM_IMPL_IN_CALLER 1
#else
#define LSTM_IMPL_IN_CALLER 0
#endif

/* In front of a weight array: the alignment that is read fastest. Nothing on AVR and
 * Cortex-M. */
#if defined(__AVR__) || (defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M')
#define LSTM_ALIGNED
#elif defined(__GNUC__) || defined(__clang__)
#define LSTM_ALIGNED __attribute__((__aligned__(64)))
#elif defined(_MSC_VER)
#define LSTM_ALIGNED __declspec(align(64))
#else
#define LSTM_ALIGNED
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
    LSTM_DEFAULT = 0, /* Keras' default: tanh, sigmoid (recurrent), linear (Dense) */
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

/* keras.layers.LSTM. Fields left zero are Keras' defaults. A flag is true when it is not
 * 0. */
typedef struct lstm_layer {
    size_t input_dim, units;
    const float *kernel;           /* [input_dim][4*units], gate blocks i f c o */
    const float *recurrent_kernel; /* [units][4*units] */
    const float *bias;             /* [4*units], or NULL: use_bias=False */
    lstm_activation activation, recurrent_activation;
    int return_sequences, go_backwards, zero_output_for_mask;
} lstm_layer;

/* keras.layers.Dense. The weight of torch.nn.Linear is [units][input_dim]: transpose it.
 */
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
 * half; its own go_backwards is ignored. As in Keras, zero_output_for_mask of both halves
 * is return_sequences. Begin with `lstm_bidirectional b = {0};`, then call
 * lstm_layer_init for both halves. get_weights() has the forward half's weights, then the
 * backward half's. */
typedef struct lstm_bidirectional {
    lstm_layer forward, backward;
    lstm_merge merge;
} lstm_bidirectional;

/* ---- SIZES ------------------------------------------------------------------------- */

/* Constant expressions of type size_t, for array bounds and static assertions. */
#ifdef __cplusplus
static inline constexpr size_t lstm_impl_size(size_t n)
{
    return n;
}
#define LSTM_IMPL_SIZE(n) lstm_impl_size(n)
#else
#define LSTM_IMPL_SIZE(n) ((size_t)(n))
#endif

/* What model.summary() shows for the layer. The number of timesteps does not matter. */
#define LSTM_PARAM_COUNT(input_dim, units) \
    (4 * LSTM_IMPL_SIZE(units) * (LSTM_IMPL_SIZE(input_dim) + LSTM_IMPL_SIZE(units) + 1))
#define LSTM_PARAM_COUNT_NO_BIAS(input_dim, units) \
    (4 * LSTM_IMPL_SIZE(units) * (LSTM_IMPL_SIZE(input_dim) + LSTM_IMPL_SIZE(units)))
#define LSTM_DENSE_PARAM_COUNT(input_dim, units) \
    (LSTM_IMPL_SIZE(units) * (LSTM_IMPL_SIZE(input_dim) + 1))

/* How many floats of scratch a call needs, whatever the number of timesteps:
 *   LSTM_SCRATCH_LEN                 lstm_step, lstm_forward
 *   LSTM_BATCH_SCRATCH_LEN           lstm_forward_batch
 *   LSTM_BIDIRECTIONAL_SCRATCH_LEN   lstm_bidirectional_forward
 * On the CPUs listed here that is the gates of 14 steps, for a batch those of 14 to 32
 * sequences; on all others, such as microcontrollers, those of one step. */
#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64) || defined(_M_IX86) || \
    defined(__aarch64__) || defined(_M_ARM64) || defined(__powerpc64__) ||             \
    defined(__wasm__) || (defined(__ARM_ARCH) && __ARM_ARCH_PROFILE == 'A')
#define LSTM_IMPL_AHEAD 12
#define LSTM_IMPL_GROUP 32
#define LSTM_SCRATCH_LEN(units) (14 * (4 * LSTM_IMPL_SIZE(units) + 16))
#define LSTM_BATCH_SCRATCH_LEN(batch, units)                                             \
    ((4 * LSTM_IMPL_SIZE(units) + 16) * (LSTM_IMPL_SIZE(batch) < 14 ? LSTM_IMPL_SIZE(14) \
                                         : LSTM_IMPL_SIZE(batch) < 32                    \
                                             ? LSTM_IMPL_SIZE(batch)                     \
                                             : LSTM_IMPL_SIZE(32)))
#else
#define LSTM_IMPL_AHEAD 1
#define LSTM_IMPL_GROUP 1
#define LSTM_SCRATCH_LEN(units) (4 * LSTM_IMPL_SIZE(units))
#define LSTM_BATCH_SCRATCH_LEN(batch, units) \
    (0 * LSTM_IMPL_SIZE(batch) + LSTM_SCRATCH_LEN(units))
#endif
#define LSTM_BIDIRECTIONAL_SCRATCH_LEN(batch, forward_units, backward_units) \
    (LSTM_IMPL_SIZE(forward_units) > LSTM_IMPL_SIZE(backward_units)          \
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
 * is written. The layer's three flags are ignored. Calling it for each step of a sequence
 * gives the bits of lstm_forward. Cost: 4*units*(input_dim+units) multiply-adds. */
LSTM_API lstm_status lstm_step(const lstm_layer *layer, const float *x, float *h,
                               float *c, float *scratch);

/* lstm_forward - one layer over one sequence (keras.layers.LSTM, batch 1).
 *   x        [timesteps][input_dim]  input
 *   h, c     [units]  initial state in, final state out; zeros for a stateless call
 *   y        with return_sequences [timesteps][units], rows in the order of computation;
 *            without it [units], the last output, or NULL: h holds the same values
 *   scratch  LSTM_SCRATCH_LEN(units) floats
 * With go_backwards the last timestep is computed first, and its row is y's first row. If
 * you split such a sequence into several calls, start with its last part.
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
 *   y        with return_sequences [batch][timesteps][units], rows as for lstm_forward;
 *            else [batch][units], or NULL. Without a mask h holds the same values as that
 *            last output. With one it may differ: an output can be zeros, h is kept
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
 * If x or mask is NULL, nothing is done. If input_dim is 0, every step is 0. */
LSTM_API void lstm_mask(const float *x, size_t rows, size_t input_dim, float mask_value,
                        unsigned char *mask);

/* lstm_weights_from_torch - the parameters of a torch.nn.LSTM layer in Keras' layout.
 *   weight_ih  [4*units][input_dim]  weight_ih_l0: row blocks i f g o
 *   weight_hh  [4*units][units]      weight_hh_l0
 *   bias_ih, bias_hh  [4*units]      bias_ih_l0, bias_hh_l0, or both NULL (bias=False)
 *   weights    written: LSTM_PARAM_COUNT(input_dim, units) floats, for lstm_layer_init.
 *              Without biases, the bias written is zeros
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

/* From here on it is how the functions work; who only uses them can stop reading. */

/* ---- OPTIONS AND COMPILER: the one place for what differs between them ------------- */

/* A user's LSTM_LOAD reads one float, for example by an instruction that only reads
 * flash. So a build with it has no vectors. A user's e^x or tanh takes the place of the
 * whole function: then the cells that share a division between two of them are not used,
 * see set_cells. */
#ifdef LSTM_LOAD
#define LSTM_IMPL_CUSTOM_LOAD 1
#else
#define LSTM_IMPL_CUSTOM_LOAD 0
#define LSTM_LOAD(p) (*(p))
#endif
#if defined(LSTM_EXPF) || defined(LSTM_TANHF)
#define LSTM_IMPL_OWN_MATH 0
#else
#define LSTM_IMPL_OWN_MATH 1
#endif
#ifdef LSTM_USE_FMA
#error "LSTM_USE_FMA is now the default; define LSTM_NO_FMA to go without"
#endif

/* GCC and clang: attributes, vector types, built-in functions. clang for Windows' MSVC
 * has them too, but does not define __GNUC__. LSTM_IMPL_X86_64 is the only target with a
 * choice at run time. */
#if defined(__GNUC__) || defined(__clang__)
#define LSTM_IMPL_GNU 1
#else
#define LSTM_IMPL_GNU 0
#endif
#if defined(__x86_64__) || defined(_M_X64)
#define LSTM_IMPL_X86_64 1
#else
#define LSTM_IMPL_X86_64 0
#endif

/* A conversion to a type, and one that keeps the bits, of a pointer or a vector: C++
 * users may have -Wold-style-cast on. There are two, as C++ has no cast that does both:
 * static_cast converts a value, reinterpret_cast keeps its bits. */
#ifdef __cplusplus
#define LSTM_IMPL_TO(type, x) static_cast<type>(x)
#define LSTM_IMPL_AS(type, p) reinterpret_cast<type>(p)
#define LSTM_IMPL_NULL nullptr
#else
#define LSTM_IMPL_TO(type, x) ((type)(x))
#define LSTM_IMPL_AS(type, p) ((type)(p))
#define LSTM_IMPL_NULL NULL
#endif

#define LSTM_IMPL_MOST (~LSTM_IMPL_TO(size_t, 0)) /* the largest size */

/* How functions are declared:
 *   LSTM_IMPL_KERNEL   stays out of line: GCC makes worse loops of run-time sizes once
 *                      they are inlined. Without optimisation it is a plain inline
 *                      function, as GCC would write out any other even if nobody calls it
 *   LSTM_IMPL_INLINE   is always inlined. Some of these have sizes of loops to unroll, or
 *                      functions, as arguments, and are fast only if these are constants
 *   LSTM_IMPL_AT_CALL  for the functions of the API that take a layer. If a layer is
 *                      constant, or is set by the function that runs it, its activations
 *                      are constant too, and no others are linked. Where the user sets
 *                      LSTM_API, one copy may serve many calls, so there it does nothing
 * noclone: GCC would otherwise copy a function for the constant arguments of one caller.
 * Clang does not know the attribute. unused: a build need not call all of them, and
 * compilers would warn. */
#if LSTM_IMPL_GNU
#if !defined(__OPTIMIZE__)
#define LSTM_IMPL_KERNEL static inline
#elif defined(__clang__)
#define LSTM_IMPL_KERNEL static __attribute__((__noinline__, __unused__))
#else
#define LSTM_IMPL_KERNEL static __attribute__((__noinline__, __noclone__, __unused__))
#endif
#define LSTM_IMPL_INLINE static inline __attribute__((__always_inline__))
#if LSTM_IMPL_IN_CALLER
#define LSTM_IMPL_AT_CALL __attribute__((__always_inline__))
#else
#define LSTM_IMPL_AT_CALL
#endif
#elif defined(_MSC_VER)
#define LSTM_IMPL_KERNEL static __declspec(noinline)
#define LSTM_IMPL_INLINE static __forceinline
#define LSTM_IMPL_AT_CALL
#else
#define LSTM_IMPL_KERNEL static
#define LSTM_IMPL_INLINE static inline
#define LSTM_IMPL_AT_CALL
#endif

/* LSTM_IMPL_MAY_BE_SET(layer, sizes) is no code. GCC warns that a layer has no value
 * after an error, also in programs that look at the status, as it does not follow it far.
 * With this it has to assume that the layer has one. Of constant sizes GCC knows the
 * status by itself. */
#if LSTM_IMPL_IN_CALLER && defined(__GNUC__) && !defined(__clang__)
#define LSTM_IMPL_MAY_BE_SET(layer, sizes)                         \
    if (!__builtin_constant_p(sizes) && layer != LSTM_IMPL_NULL) { \
        __asm__("" : "+m"(*layer));                                \
    }
#else
#define LSTM_IMPL_MAY_BE_SET(layer, sizes)
#endif

/* LSTM_IMPL_EACH is a loop to unroll. Its v is an index of an array of sums, and an array
 * is in registers only if each index is a constant. Without the pragma the results are
 * the same, but sums may go through memory. No loop has more than 8 rounds.
 * LSTM_IMPL_EACH_PART is a loop that is unrolled too, but not in code that has to be
 * short (-Os, -Oz). LSTM_IMPL_PRAGMA makes a pragma of macros' values, which #pragma
 * cannot. */
#define LSTM_IMPL_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define LSTM_IMPL_EACH(v, n) _Pragma("clang loop unroll(full)") for (v = 0; v < (n); v++)
#elif defined(__GNUC__) && __GNUC__ >= 8
#define LSTM_IMPL_EACH(v, n) _Pragma("GCC unroll 8") for (v = 0; v < (n); v++)
#else
#define LSTM_IMPL_EACH(v, n) for (v = 0; v < (n); v++)
#endif
#if defined(__OPTIMIZE_SIZE__)
#define LSTM_IMPL_SHORT 1
#define LSTM_IMPL_EACH_PART(part, n) for (part = 0; part < (n); part++)
#else
#define LSTM_IMPL_SHORT 0
#define LSTM_IMPL_EACH_PART(part, n) LSTM_IMPL_EACH(part, n)
#endif

/* Whether floats have registers, so that several sums at once are faster than one. AVR,
 * and ARM and RISC-V with soft floats, call a function for each operation. */
#if defined(__AVR__) || defined(__SOFTFP__) || defined(__riscv_float_abi_soft)
#define LSTM_IMPL_HAS_FPU 0
#else
#define LSTM_IMPL_HAS_FPU 1
#endif

/* An empty asm in which x, a float or a vector, is in and out: the compiler must have the
 * value of x there, rounded to float, and cannot combine what went into it with what
 * comes after. Its one operand names a kind of register, so that it costs no instruction:
 *   +v    x86: an SSE register           +t    32-bit ARM: one float
 *   +wa   POWER with VSX                 +f    other CPUs with an FPU
 *   +w    AArch64; vectors of ARM        +m    memory: right everywhere, but slow
 *
 *   LSTM_IMPL_HAS_APART  a product and a later sum must not become one fused
 *                        multiply-add. GCC's GNU modes do that on their own, across
 *                        statements. Clang does it within one expression only, so a
 *                        product of its own statement is safe. On x86-64 GCC needs it
 *                        without -mfma too, for the functions stamped with that target
 *   LSTM_IMPL_HAS_ROUND  -ffast-math must not cancel (x + shift) - shift, and x87 must
 *                        not keep a value wider than a float */
#if defined(__SSE__) || defined(__x86_64__)
#define LSTM_IMPL_REGISTER "+v"
#elif defined(__VSX__)
#define LSTM_IMPL_REGISTER "+wa"
#elif defined(__aarch64__)
#define LSTM_IMPL_REGISTER "+w"
#elif defined(__arm__) && defined(__ARM_FP)
#define LSTM_IMPL_REGISTER "+t"
#elif defined(__powerpc__) || defined(__s390__) || defined(__riscv_flen) || \
    (defined(__XTENSA__) && !defined(__XTENSA_SOFT_FLOAT__))
#define LSTM_IMPL_REGISTER "+f"
#else
#define LSTM_IMPL_REGISTER "+m"
#endif
/* "+t" of 32-bit ARM has room for one float only. */
#if defined(__ARM_FEATURE_MVE) || defined(__ARM_NEON)
#define LSTM_IMPL_VECTOR_REGISTER "+w"
#else
#define LSTM_IMPL_VECTOR_REGISTER LSTM_IMPL_REGISTER
#endif
#if LSTM_IMPL_GNU && !defined(__clang__) && \
    (defined(__FP_FAST_FMAF) || defined(__FMA__) || LSTM_IMPL_X86_64)
#define LSTM_IMPL_HAS_APART 1
#else
#define LSTM_IMPL_HAS_APART 0
#endif
#if LSTM_IMPL_GNU && (defined(__FAST_MATH__) || \
                      (defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0))
#define LSTM_IMPL_HAS_ROUND 1
#else
#define LSTM_IMPL_HAS_ROUND 0
#endif

/* Whether the compiler's flags alone give fused multiply-adds. Not all compilers that
 * have them define __FP_FAST_FMAF, and GCC does for AVX-512F without FMA, which has them
 * for its own vectors only. Elsewhere fmaf would be a slow function of the C library. */
#if !defined(LSTM_NO_FMA) && LSTM_IMPL_GNU &&                                     \
    ((defined(__FP_FAST_FMAF) && !(defined(__AVX512F__) && !defined(__FMA__))) || \
     defined(__FMA__) || defined(__aarch64__) || defined(__ARM_FEATURE_FMA) ||    \
     defined(__powerpc__) || defined(__s390__) || defined(__riscv_flen))
#define LSTM_IMPL_FUSED 1
#elif !defined(LSTM_NO_FMA) && defined(_M_ARM64) && !defined(LSTM_NO_SIMD) && \
    !LSTM_IMPL_CUSTOM_LOAD /* MSVC has them as operations of NEON only */
#define LSTM_IMPL_FUSED 1
#else
#define LSTM_IMPL_FUSED 0
#endif

/* clang 18 and newer have one function for fused multiply-adds of all vectors, and the
 * newest no longer have one for each. The older ones are spelt differently by GCC and
 * clang, and have a name for each length, see multiply_add. */
#if defined(__clang__) && defined(__has_builtin)
#if __has_builtin(__builtin_elementwise_fma)
#define LSTM_IMPL_HAS_VECTOR_FMA 1
#endif
#endif
#ifndef LSTM_IMPL_HAS_VECTOR_FMA
#define LSTM_IMPL_HAS_VECTOR_FMA 0
#endif

/* __builtin_mul_overflow: a division less per check, which matters without a divider */
#if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 5)
#define LSTM_IMPL_HAS_OVERFLOW 1
#else
#define LSTM_IMPL_HAS_OVERFLOW 0
#endif

/* Brings what is at p into the L2 cache */
#if LSTM_IMPL_GNU
#define LSTM_IMPL_PREFETCH(p) __builtin_prefetch(p, 0, 2)
#else
#define LSTM_IMPL_PREFETCH(p) ((void)0)
#endif

/* ---- INSTRUCTION SETS: the kernels, included once for each ------------------------- */

/* The products of `count` floats at a with as many rows of a matrix
 *
 *       a[0]          *  row 0
 *     + a[1]          *  row 1              matrix is the first of these rows
 *     + ...
 *     + a[count - 1]  *  row count - 1 */
typedef struct lstm_impl_part {
    size_t count;
    const float *a, *matrix;
} lstm_impl_part;

/* The gates' sums of one step, z = init + x*kernel + h*recurrent_kernel, in three parts:
 * x, then the first half of h, then its second half. For 2 features and 3 units:
 *
 *                          columns: 4 gates of 3 units
 *                          i i i f f f g g g o o o
 *   init                   . . . . . . . . . . . .   the bias
 *   parts[0]     x[0]  *   . . . . . . . . . . . .   kernel: a row for a feature
 *                x[1]  *   . . . . . . . . . . . .
 *   parts[1]     h[0]  *   . . . . . . . . . . . .   recurrent_kernel: a row for a unit
 *                h[1]  *   . . . . . . . . . . . .
 *   parts[2]     h[2]  *   . . . . . . . . . . . .   its rows from (units + 1)/2 on
 *
 *   z[j] = (init[j] + x[0]*... + x[1]*... + h[0]*... + h[1]*...) + (0 + h[2]*...)
 *
 * Each pair of brackets is a sum of its own, taken from left to right: a multiply-add
 * waits for the one before it in its own sum, but not for the other sum. A panel takes
 * both sums at the same time, the other kernels take one after the other. All keep to
 * this order, so all give the same bits. A Dense layer of 8 units or more has its input
 * in the place of h, and no x. */
typedef struct lstm_impl_sums {
    size_t column_count; /* 4*units, or those of a Dense layer */
    const float *init;   /* the bias, or sums that were taken before, or NULL: zeros */
    lstm_impl_part parts[3];
} lstm_impl_sums;

/* The same for several rows, each with an x and an h of its own. Row m of z begins at z +
 * m*z_step. x[m] and h[m] take the place of a in parts 0 and 1 of row m. The matrices and
 * counts are the same for all rows. */
typedef struct lstm_impl_rows {
    lstm_impl_sums sums;
    const float *const *x, *const *h;
    size_t z_step;
} lstm_impl_rows;

/* An activation works in place on a whole array, as softmax needs all of it. The four
 * gates are four such arrays. */
typedef void (*lstm_impl_activation)(float *z, size_t n);

/* The functions of one layer: `activation` is for g and for the new c, the other for i,
 * f, o. */
typedef struct lstm_impl_activations {
    lstm_impl_activation activation, recurrent_activation;
} lstm_impl_activations;

/* Makes the new state of one step from the gates' sums z, which are left undefined.
 * activations are those of the layer, or NULL for tanh and sigmoid. */
typedef void (*lstm_impl_cells)(const lstm_impl_activations *activations, size_t units,
                                float *z, float *h, float *c);

/* How an output gets into its row of y: stored, or merged with what the forward half left
 * there. h is NULL for an output of zeros. */
typedef void (*lstm_impl_emit)(float *y, const float *h, size_t units);

/* A layer made ready to run in one direction. lstm_impl_prepare fills in what can be
 * checked; cells, activations and put are functions of the chosen instruction set, which
 * fills them in later. For a layer alone row_len is units, for a half of a Bidirectional
 * that concatenates it is the units of both. */
typedef struct lstm_impl_run {
    const lstm_layer *layer;
    lstm_impl_cells cells;
    const lstm_impl_activations *activations; /* NULL: tanh and sigmoid */
    lstm_impl_emit put;
    size_t row_len;             /* floats from one row of y to the next */
    unsigned char backwards;    /* takes the last timestep first */
    unsigned char rows_flipped; /* puts the first output into the last row */
    unsigned char zero_masked;
#if LSTM_IMPL_GROUP > 1 /* computers */
    lstm_layer copy;    /* what `layer` points to */
#endif
} lstm_impl_run;

/* One sequence of a batch: its arrays, and whether a step was used already. As in Keras
 * with TensorFlow, the outputs before the first used step are zeros, even if the initial
 * h is not. */
typedef struct lstm_impl_stream {
    const float *x;
    const unsigned char *mask;
    float *h, *c, *y;
    int has_output;
} lstm_impl_stream;

/* The two parts of h; the first is the longer one if count is odd. The address of the
 * second part is left out, see lstm_impl_find_second. Of 5 floats they have 3 and 2, of a
 * single one 1 and 0. */
LSTM_IMPL_INLINE void lstm_impl_set_halves(lstm_impl_sums *sums, const float *h,
                                           size_t count, const float *matrix)
{
    lstm_impl_part *first = &sums->parts[1], *second = &sums->parts[2];
    second->count = count / 2;
    first->count = count - second->count;
    first->a = h;
    first->matrix = matrix;
}

/* Where the second half is. The portable kernel gets there by itself, at the end of the
 * first half, which saves a microcontroller these products. */
LSTM_IMPL_INLINE void lstm_impl_find_second(lstm_impl_sums *sums)
{
    const lstm_impl_part *first = &sums->parts[1];
    sums->parts[2].a = first->a + first->count;
    sums->parts[2].matrix = first->matrix + first->count * sums->column_count;
}

/* The sums of one step of a layer. h is read before the cells write the new one: all sums
 * of a step are complete by then. */
LSTM_IMPL_INLINE void lstm_impl_set_sums(lstm_impl_sums *sums, const lstm_layer *layer,
                                         const float *x, const float *h)
{
    sums->column_count = 4 * layer->units;
    sums->init = layer->bias;
    sums->parts[0].count = layer->input_dim;
    sums->parts[0].a = x;
    sums->parts[0].matrix = layer->kernel;
    lstm_impl_set_halves(sums, h, layer->units, layer->recurrent_kernel);
}

/* The sums of a Dense layer: its input stands where h stands in an LSTM. parts[0] is
 * empty, but has valid pointers, as the kernels form addresses from them. */
LSTM_IMPL_INLINE void lstm_impl_set_dense_sums(lstm_impl_sums *sums,
                                               const lstm_dense *layer, const float *x)
{
    sums->column_count = layer->units;
    sums->init = layer->bias;
    sums->parts[0].count = 0;
    sums->parts[0].a = x;
    sums->parts[0].matrix = layer->kernel;
    lstm_impl_set_halves(sums, x, layer->input_dim, layer->kernel);
}

/* The timestep that is computed as number `step`, of T timesteps. The row of y that its
 * output goes to is found in `output`. In a row of Bidirectional both halves have the
 * same timestep:
 *
 *                                        timestep          row of y
 *   a layer alone, or forward half       step              step
 *   the same, with go_backwards          T - 1 - step      step
 *   backward half                        T - 1 - step      T - 1 - step
 *   the same, forward.go_backwards       step              T - 1 - step */
LSTM_IMPL_INLINE size_t lstm_impl_time(const lstm_impl_run *run, size_t step,
                                       size_t timesteps)
{
    return run->backwards ? timesteps - 1 - step : step;
}

/* The mask of one sequence of a batch; NULL if there is none */
LSTM_IMPL_INLINE const unsigned char *lstm_impl_mask_of(const unsigned char *mask,
                                                        size_t sequence, size_t timesteps)
{
    return mask != LSTM_IMPL_NULL ? mask + sequence * timesteps : LSTM_IMPL_NULL;
}

/* Copies n floats: the last ones of an array, which do not fill a vector. Out of line, as
 * there are many such places. It has no vector as an argument: clang 19 passes those of
 * functions with another target through memory, and reads them as if they were aligned.
 */
LSTM_IMPL_KERNEL void lstm_impl_copy(float *to, const float *from, size_t n)
{
    size_t k;
    for (k = 0; k < n; k++) {
        to[k] = from[k];
    }
}

/* The bits of a float as an integer, and back. C allows this through a union. So do GCC,
 * clang and MSVC in C++. A cast of the pointer is not allowed, and memcpy would need one
 * more header. */
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

/* The instruction sets. Which of them a program has depends on its target; more than one
 * only on 64-bit x86, where the API chooses at run time. */
typedef enum lstm_impl_set {
    LSTM_IMPL_PORTABLE,     /* a vector is one float */
    LSTM_IMPL_PORTABLE_FMA, /* the same, with x86's fused multiply-adds */
    LSTM_IMPL_VECTOR4,      /* SSE2, NEON, VSX, wasm SIMD, Helium */
    LSTM_IMPL_VECTOR4_FMA,  /* x86: 4 floats, with fused multiply-adds */
    LSTM_IMPL_AVX2,
    LSTM_IMPL_AVX512
} lstm_impl_set;

/* Which of them this build has:
 *   LSTM_IMPL_SIMD      vectors, by the compiler's flags; on x86-64 always, since each
 *                       has SSE2. None with LSTM_LOAD, which reads one weight, and none
 *                       with compilers without vector types or intrinsics. Helium counts
 *                       only with floats (MVE is 3, not 1), 32-bit ARM's NEON only in
 *                       application processors
 *   LSTM_IMPL_DISPATCH  a choice at run time; not in freestanding builds of GCC and
 *                       clang. Without vectors the choice is whether to fuse, and MSVC
 *                       has no set that does
 *   LSTM_IMPL_MAY_FUSE  the user does not forbid fused multiply-adds
 *   LSTM_IMPL_WIDEST    floats in the longest vector of the build. GCC for Windows does
 *                       not align the stack for vectors of 32 and 64 bytes (GCC bug
 *                       54412), so there vectors have 16
 *   LSTM_IMPL_ALL_SETS  for the tests: also sets that a program never chooses */
#if defined(LSTM_NO_SIMD) || LSTM_IMPL_CUSTOM_LOAD
#define LSTM_IMPL_SIMD 0
#elif LSTM_IMPL_X86_64 && (LSTM_IMPL_GNU || defined(_MSC_VER))
#define LSTM_IMPL_SIMD 1
#elif LSTM_IMPL_GNU && (defined(__SSE2__) || defined(__aarch64__) || \
                        defined(__wasm_simd128__) || defined(__VSX__))
#define LSTM_IMPL_SIMD 1
#elif LSTM_IMPL_GNU && defined(__ARM_FEATURE_MVE)
#define LSTM_IMPL_SIMD (__ARM_FEATURE_MVE >= 2)
#elif (defined(__ARM_NEON) && LSTM_IMPL_AHEAD > 1) || defined(_M_ARM64)
#define LSTM_IMPL_SIMD 1
#else
#define LSTM_IMPL_SIMD 0
#endif
#if LSTM_IMPL_X86_64 && !defined(LSTM_NO_DISPATCH) &&            \
    ((LSTM_IMPL_GNU && __STDC_HOSTED__) || defined(_MSC_VER)) && \
    (LSTM_IMPL_SIMD || (LSTM_IMPL_GNU && !defined(LSTM_NO_FMA)))
#define LSTM_IMPL_DISPATCH 1
#else
#define LSTM_IMPL_DISPATCH 0
#endif
#ifdef LSTM_NO_FMA
#define LSTM_IMPL_MAY_FUSE 0
#else
#define LSTM_IMPL_MAY_FUSE 1
#endif
#if defined(_WIN32) && defined(__GNUC__) && !defined(__clang__)
#define LSTM_IMPL_WIDEST 4
#elif LSTM_IMPL_DISPATCH || (defined(__AVX512F__) && defined(__FMA__))
#define LSTM_IMPL_WIDEST 16
#elif defined(__AVX2__)
#define LSTM_IMPL_WIDEST 8
#else
#define LSTM_IMPL_WIDEST 4
#endif
#ifdef LSTM_TEST_SET
#define LSTM_IMPL_ALL_SETS 1
#else
#define LSTM_IMPL_ALL_SETS 0
#endif

/* The operations of the vector sets are those of GCC's and clang's vector types, or
 * intrinsics: for MSVC, for ARMv7's NEON, and with LSTM_TEST_INTRINSICS for the tests.
 * GCC makes scalar code of vector types for ARMv7, as its NEON replaces denormals by 0.
 */
#if LSTM_IMPL_SIMD && (!LSTM_IMPL_GNU || defined(LSTM_TEST_INTRINSICS) || \
                       (defined(__ARM_NEON) && !defined(__aarch64__)))
#define LSTM_IMPL_INTRINSICS 1
#else
#define LSTM_IMPL_INTRINSICS 0
#endif
#if LSTM_IMPL_X86_64 && LSTM_IMPL_INTRINSICS
#include <immintrin.h>
#elif LSTM_IMPL_INTRINSICS
#include <arm_neon.h>
#endif
/* For __cpuidex and _xgetbv */
#if LSTM_IMPL_DISPATCH && defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

/* A header that includes itself: the part behind KERNELS, once for each set. So kernels
 * are plain C, not macros: one text, which debuggers and compilers see line by line.
 * __FILE_NAME__ is the name without its folder, so a renamed file works too. A #pragma
 * once or a pasted copy would make the inner inclusions empty or impossible: the #errors
 * find both. */
#if defined(__FILE_NAME__)
#define LSTM_IMPL_FILE __FILE_NAME__
#else
#define LSTM_IMPL_FILE "lstm.h"
#endif
#if defined(__INCLUDE_LEVEL__)
#if __INCLUDE_LEVEL__ == 0
#error "lstm.h includes itself: keep it as a file and #include it, do not paste it"
#endif
#endif

/* What is included, and what a program then chooses from (see lstm_impl_choose). All sets
 * that fuse give the same bits, and so do all that do not.
 *
 *   build                         CPU                   set            fused
 *   x86-64, nothing defined       AVX-512F, AVX2, FMA   avx512         yes
 *                                 AVX2, FMA             avx2           yes
 *                                 older                 vector4        no
 *   the same, LSTM_NO_FMA         AVX-512F, AVX2        avx512         no
 *                                 AVX2                  avx2           no
 *                                 older                 vector4        no
 *   the same, GCC for Windows     AVX2, FMA             vector4_fma    yes
 *                                 older                 vector4        no
 *   LSTM_NO_SIMD or LSTM_LOAD     AVX2, FMA             portable_fma   yes
 *     (GCC, clang)                older                 portable       no
 *   LSTM_NO_DISPATCH, 32-bit x86  any                   by the compiler's flags
 *   AArch64, POWER with VSX       any                   vector4        yes
 *   wasm with SIMD                any                   vector4        no
 *   Helium, 32-bit NEON           any                   vector4        by the flags
 *   others                        any                   portable       by the flags */
#if !LSTM_IMPL_SIMD || LSTM_IMPL_ALL_SETS
#define LSTM_IMPL_HAS_PORTABLE 1
#define LSTM_IMPL_SET portable
#define LSTM_K_LANES 1
#define LSTM_K_FUSED LSTM_IMPL_FUSED
#include LSTM_IMPL_FILE
#endif

/* Portable C for CPUs with FMA: its bits must be those that the vector sets give there.
 */
#if LSTM_IMPL_DISPATCH && LSTM_IMPL_GNU && LSTM_IMPL_MAY_FUSE && \
    (!LSTM_IMPL_SIMD || LSTM_IMPL_ALL_SETS)
#define LSTM_IMPL_HAS_PORTABLE_FMA 1
#define LSTM_IMPL_SET portable_fma
#define LSTM_K_LANES 1
#define LSTM_K_FUSED 1
#define LSTM_K_TARGET "fma"
#include LSTM_IMPL_FILE
#endif

#if LSTM_IMPL_SIMD && (LSTM_IMPL_DISPATCH || LSTM_IMPL_WIDEST == 4)
#define LSTM_IMPL_HAS_VECTOR4 1
#define LSTM_IMPL_SET vector4
#define LSTM_K_LANES 4
#define LSTM_K_FUSED LSTM_IMPL_FUSED
#include LSTM_IMPL_FILE
#endif

/* GCC for Windows: FMA without vectors of 32 bytes, whose stack slots it does not align.
 * "fma" allows them, so prefer-vector-width keeps GCC's own vectorizer from them; GCC
 * before version 8 and clang do not know the option. */
#if LSTM_IMPL_SIMD && LSTM_IMPL_DISPATCH && LSTM_IMPL_MAY_FUSE && \
    (LSTM_IMPL_WIDEST == 4 || LSTM_IMPL_ALL_SETS)
#define LSTM_IMPL_HAS_VECTOR4_FMA 1
#define LSTM_IMPL_SET vector4_fma
#define LSTM_K_LANES 4
#define LSTM_K_FUSED 1
#if defined(__clang__) || __GNUC__ < 8
#define LSTM_K_TARGET "fma"
#else
#define LSTM_K_TARGET "fma,prefer-vector-width=128"
#endif
#include LSTM_IMPL_FILE
#endif

/* Functions are stamped with a target only if the choice is made at run time. Else the
 * compiler's flags have the instructions already, and say whether to fuse. */
#if LSTM_IMPL_SIMD && LSTM_IMPL_WIDEST >= 8
#define LSTM_IMPL_HAS_AVX2 1
#define LSTM_IMPL_SET avx2
#define LSTM_K_LANES 8
#if LSTM_IMPL_DISPATCH && LSTM_IMPL_MAY_FUSE
#define LSTM_K_FUSED 1
#define LSTM_K_TARGET "avx2,fma"
#elif LSTM_IMPL_DISPATCH
#define LSTM_K_FUSED 0
#define LSTM_K_TARGET "avx2"
#else
#define LSTM_K_FUSED LSTM_IMPL_FUSED
#endif
#include LSTM_IMPL_FILE
#endif

/* All CPUs with AVX-512F have FMA for these vectors. The choice asks for all three of the
 * target. */
#if LSTM_IMPL_SIMD && LSTM_IMPL_WIDEST >= 16
#define LSTM_IMPL_HAS_AVX512 1
#define LSTM_IMPL_SET avx512
#define LSTM_K_LANES 16
#define LSTM_K_FUSED LSTM_IMPL_MAY_FUSE
#if LSTM_IMPL_DISPATCH
#define LSTM_K_TARGET "avx512f,avx2,fma"
#endif
#include LSTM_IMPL_FILE
#endif

#ifndef LSTM_IMPL_INCLUDED
#error "lstm.h includes itself: keep its name, and put no #pragma once or guard around it"
#endif

/* ---- CHOICE: one set for each call of the API -------------------------------------- */

#define LSTM_IMPL_CPU_FMA 1u
#define LSTM_IMPL_CPU_AVX2 2u
#define LSTM_IMPL_CPU_AVX512 4u

/* What the CPU and the operating system have. GCC and clang look it up once per program.
 * MSVC, and clang for Windows, which has no library for it, ask the CPU at every call. In
 * CPUs of virtual machines any of the three may be missing, so none is taken to follow
 * from another. */
#if LSTM_IMPL_DISPATCH && LSTM_IMPL_GNU && !(defined(_WIN32) && defined(__clang__))
LSTM_IMPL_INLINE unsigned lstm_impl_cpu(void)
{
    return (__builtin_cpu_supports("fma") ? LSTM_IMPL_CPU_FMA : 0u) |
           (__builtin_cpu_supports("avx2") ? LSTM_IMPL_CPU_AVX2 : 0u) |
           (__builtin_cpu_supports("avx512f") ? LSTM_IMPL_CPU_AVX512 : 0u);
}
#elif LSTM_IMPL_DISPATCH
/* words become eax, ebx, ecx, edx. ecx is 0 at entry: leaf 7 has several parts, of which
 * that is the first. */
LSTM_IMPL_INLINE void lstm_impl_cpuid(int leaf, int *words)
{
#if LSTM_IMPL_GNU
    __asm__("cpuid"
            : "=a"(words[0]), "=b"(words[1]), "=c"(words[2]), "=d"(words[3])
            : "0"(leaf), "2"(0));
#else
    __cpuidex(words, leaf, 0);
#endif
}

/* The registers that the operating system saves: bits 1, 2: of 16 and 32 bytes; 5 to 7:
 * of 64 */
LSTM_IMPL_INLINE unsigned lstm_impl_saved_registers(void)
{
#if LSTM_IMPL_GNU
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
#else
    return LSTM_IMPL_TO(unsigned, _xgetbv(0));
#endif
}

/* Bits of cpuid: leaf 1, ecx: 12 FMA, 27 OSXSAVE, 28 AVX; leaf 7, ebx: 5 AVX2, 16
 * AVX-512F. A set may be used where both the CPU and the operating system have it.
 *
 * If the operating system does not save a register, its value is lost when another thread
 * runs. OSXSAVE says that xgetbv may be used. Leaf 0 gives the last leaf there is. */
static inline unsigned lstm_impl_cpu(void)
{
    int words[4];
    unsigned saved, first, seventh = 0;
    lstm_impl_cpuid(1, words);
    first = LSTM_IMPL_TO(unsigned, words[2]);
    if ((first >> 27 & 1) == 0) { /* OSXSAVE */
        return 0;
    }
    saved = lstm_impl_saved_registers();
    lstm_impl_cpuid(0, words);
    if (words[0] >= 7) {
        lstm_impl_cpuid(7, words);
        seventh = LSTM_IMPL_TO(unsigned, words[1]);
    }
    if ((saved & 6u) != 6u || (first >> 28 & 1) == 0) { /* AVX */
        return 0;
    }
    return (first >> 12 & 1 ? LSTM_IMPL_CPU_FMA : 0u) |
           (seventh >> 5 & 1 ? LSTM_IMPL_CPU_AVX2 : 0u) |
           (seventh >> 16 & 1 && (saved & 0xe0u) == 0xe0u ? LSTM_IMPL_CPU_AVX512 : 0u);
}
#endif

/* The widest set of this build that the CPU runs. Sets that fuse need AVX2 and FMA
 * together, so that a CPU gives the same bits with vectors and without. Without a choice
 * at run time this is a constant, and compilers drop what the build has besides. */
LSTM_IMPL_INLINE lstm_impl_set lstm_impl_choose(void)
{
/* A test runs one set after the other: LSTM_TEST_SET is a variable of its. */
#ifdef LSTM_TEST_SET
    return LSTM_IMPL_TO(lstm_impl_set, LSTM_TEST_SET);
#else
#if LSTM_IMPL_DISPATCH
    const unsigned cpu = lstm_impl_cpu();
    const int runs_avx2 = (cpu & LSTM_IMPL_CPU_AVX2) != 0 &&
                          (!LSTM_IMPL_MAY_FUSE || (cpu & LSTM_IMPL_CPU_FMA) != 0);
    const int runs_avx512 = runs_avx2 && (cpu & LSTM_IMPL_CPU_AVX512) != 0;
#else
    /* Without a choice, what was compiled is what may be used. */
    const int runs_avx2 = 1, runs_avx512 = 1;
#endif
    /* Which of the two are read depends on the sets of the build. */
    (void)runs_avx2;
    (void)runs_avx512;
#ifdef LSTM_IMPL_HAS_AVX512
    if (runs_avx512) {
        return LSTM_IMPL_AVX512;
    }
#endif
#ifdef LSTM_IMPL_HAS_AVX2
    if (runs_avx2) {
        return LSTM_IMPL_AVX2;
    }
#endif
#ifdef LSTM_IMPL_HAS_VECTOR4_FMA
    if (runs_avx2) {
        return LSTM_IMPL_VECTOR4_FMA;
    }
#endif
#ifdef LSTM_IMPL_HAS_PORTABLE_FMA
    if (runs_avx2) {
        return LSTM_IMPL_PORTABLE_FMA;
    }
#endif
    return LSTM_IMPL_SIMD ? LSTM_IMPL_VECTOR4 : LSTM_IMPL_PORTABLE;
#endif
}

/* LSTM_IMPL_CALL(function, (arguments)) calls the chosen set's function. A set that the
 * build does not have has no case. The functions are inlined, so that a constant
 * layer stays constant in them. CASE_n is for set number n of lstm_impl_set. */
#define LSTM_IMPL_CASE(set, call) \
    case set:                     \
        call;                     \
        break;
#ifdef LSTM_IMPL_HAS_PORTABLE
#define LSTM_IMPL_CASE_0(call) LSTM_IMPL_CASE(LSTM_IMPL_PORTABLE, call)
#else
#define LSTM_IMPL_CASE_0(call)
#endif
#ifdef LSTM_IMPL_HAS_PORTABLE_FMA
#define LSTM_IMPL_CASE_1(call) LSTM_IMPL_CASE(LSTM_IMPL_PORTABLE_FMA, call)
#else
#define LSTM_IMPL_CASE_1(call)
#endif
#ifdef LSTM_IMPL_HAS_VECTOR4
#define LSTM_IMPL_CASE_2(call) LSTM_IMPL_CASE(LSTM_IMPL_VECTOR4, call)
#else
#define LSTM_IMPL_CASE_2(call)
#endif
#ifdef LSTM_IMPL_HAS_VECTOR4_FMA
#define LSTM_IMPL_CASE_3(call) LSTM_IMPL_CASE(LSTM_IMPL_VECTOR4_FMA, call)
#else
#define LSTM_IMPL_CASE_3(call)
#endif
#ifdef LSTM_IMPL_HAS_AVX2
#define LSTM_IMPL_CASE_4(call) LSTM_IMPL_CASE(LSTM_IMPL_AVX2, call)
#else
#define LSTM_IMPL_CASE_4(call)
#endif
#ifdef LSTM_IMPL_HAS_AVX512
#define LSTM_IMPL_CASE_5(call) LSTM_IMPL_CASE(LSTM_IMPL_AVX512, call)
#else
#define LSTM_IMPL_CASE_5(call)
#endif
#define LSTM_IMPL_CALL(function, arguments)                             \
    switch (lstm_impl_choose()) {                                       \
        LSTM_IMPL_CASE_0(lstm_impl_##function##_portable arguments)     \
        LSTM_IMPL_CASE_1(lstm_impl_##function##_portable_fma arguments) \
        LSTM_IMPL_CASE_2(lstm_impl_##function##_vector4 arguments)      \
        LSTM_IMPL_CASE_3(lstm_impl_##function##_vector4_fma arguments)  \
        LSTM_IMPL_CASE_4(lstm_impl_##function##_avx2 arguments)         \
        LSTM_IMPL_CASE_5(lstm_impl_##function##_avx512 arguments)       \
    default: break;                                                     \
    }

/* ---- CHECKS ------------------------------------------------------------------------ */

/* A product of sizes; 0, which is no valid size, where it does not fit. 0 stays 0 in
 * further products, so one check at the end is enough. Where the upper halves of both
 * factors' bits are 0, it fits, which needs no division. */
LSTM_IMPL_INLINE size_t lstm_impl_multiply(size_t a, size_t b)
{
#if LSTM_IMPL_HAS_OVERFLOW
    size_t product;
    return __builtin_mul_overflow(a, b, &product) ? 0 : product;
#else
    const int fits =
        (a | b) >> (4 * sizeof a) == 0 || (b != 0 && a <= LSTM_IMPL_MOST / b);
    return fits ? a * b : 0;
#endif
}

/* Whether an array of `count` floats can exist. 0 is what lstm_impl_multiply gives for
 * sizes that do not fit. */
LSTM_IMPL_INLINE int lstm_impl_is_array(size_t count)
{
    return count != 0 && count <= LSTM_IMPL_MOST / sizeof(float);
}

/* How many weights layers of these sizes have; 0 where that does not fit or a size is
 * 0 */
LSTM_IMPL_INLINE size_t lstm_impl_dense_count(size_t input_dim, size_t units,
                                              int has_bias)
{
    const size_t bias_row = has_bias != 0;
    if (input_dim == 0 || input_dim > LSTM_IMPL_MOST - bias_row) {
        return 0;
    }
    return lstm_impl_multiply(units, input_dim + bias_row);
}

/* 4*units columns of input_dim + units rows, and of one row more for the bias. The first
 * check keeps the sum of these three from wrapping around. */
LSTM_IMPL_INLINE size_t lstm_impl_layer_count(size_t input_dim, size_t units,
                                              int has_bias)
{
    const size_t bias_row = has_bias != 0;
    if (input_dim == 0 || units >= LSTM_IMPL_MOST - input_dim) {
        return 0;
    }
    return lstm_impl_multiply(4, lstm_impl_multiply(units, input_dim + units + bias_row));
}

/* Checks what a layer is bound to: weight_count must be `count`, which is 0 where sizes
 * are not valid. */
LSTM_IMPL_INLINE lstm_status lstm_impl_check_init(const void *layer, const float *weights,
                                                  size_t weight_count, size_t count)
{
    if (layer == LSTM_IMPL_NULL || weights == LSTM_IMPL_NULL) {
        return LSTM_ERR_NULL;
    }
    if (!lstm_impl_is_array(count)) {
        return LSTM_ERR_SHAPE;
    }
    return weight_count == count ? LSTM_OK : LSTM_ERR_WEIGHT_COUNT;
}

/* Users may have cast any number to the enum. A negative one is a large unsigned one. */
LSTM_IMPL_INLINE int lstm_impl_is_activation(lstm_activation activation)
{
    return LSTM_IMPL_TO(unsigned, activation) <= LSTM_IMPL_TO(unsigned, LSTM_LOG_SOFTMAX);
}

#if LSTM_IMPL_GROUP > 1
/* Field by field: so GCC knows the values in a constant layer. In a whole copy it does
 * not. */
LSTM_IMPL_INLINE void lstm_impl_copy_layer(lstm_layer *copy, const lstm_layer *layer)
{
    copy->input_dim = layer->input_dim;
    copy->units = layer->units;
    copy->kernel = layer->kernel;
    copy->recurrent_kernel = layer->recurrent_kernel;
    copy->bias = layer->bias;
    copy->activation = layer->activation;
    copy->recurrent_activation = layer->recurrent_activation;
    copy->return_sequences = layer->return_sequences;
    copy->go_backwards = layer->go_backwards;
    copy->zero_output_for_mask = layer->zero_output_for_mask;
}

LSTM_IMPL_INLINE void lstm_impl_copy_dense(lstm_dense *copy, const lstm_dense *layer)
{
    copy->input_dim = layer->input_dim;
    copy->units = layer->units;
    copy->kernel = layer->kernel;
    copy->bias = layer->bias;
    copy->activation = layer->activation;
}
#endif

/* Checks a layer and fills in how it runs by itself. A layer that is not bound by
 * lstm_layer_init is valid too, so all is checked here again. Bidirectional changes the
 * four fields that are set last.
 *
 * On computers the kernels get a copy of the layer. So a compiler knows that no other
 * function changes the caller's, and a layer that was set before other calls is constant
 * to it. */
LSTM_IMPL_INLINE lstm_status lstm_impl_prepare(lstm_impl_run *run,
                                               const lstm_layer *layer)
{
    if (layer == LSTM_IMPL_NULL || layer->kernel == LSTM_IMPL_NULL ||
        layer->recurrent_kernel == LSTM_IMPL_NULL) {
        return LSTM_ERR_NULL;
    }
    if (!lstm_impl_is_array(lstm_param_count(layer))) {
        return LSTM_ERR_SHAPE;
    }
    if (!lstm_impl_is_activation(layer->activation) ||
        !lstm_impl_is_activation(layer->recurrent_activation)) {
        return LSTM_ERR_OPTION;
    }
#if LSTM_IMPL_GROUP > 1
    lstm_impl_copy_layer(&run->copy, layer);
    run->layer = &run->copy;
#else
    run->layer = layer;
#endif
    run->row_len = layer->units;
    run->backwards = layer->go_backwards != 0;
    run->rows_flipped = 0;
    run->zero_masked = layer->zero_output_for_mask != 0;
    return LSTM_OK;
}

/* Checks the arrays of one call, with `state_units` floats of h to a sequence. y may be
 * NULL where only the last output would be written; that is no larger than h. y has
 * timesteps times as many floats otherwise. The mask has one byte for each step, fewer
 * bytes than x. */
LSTM_IMPL_INLINE lstm_status lstm_impl_check_arrays(const lstm_impl_run *run,
                                                    size_t batch, size_t timesteps,
                                                    size_t state_units, const float *x,
                                                    const float *h, const float *c,
                                                    const float *y, const float *scratch)
{
    const size_t steps = lstm_impl_multiply(batch, timesteps);
    const int every_step = run->layer->return_sequences != 0;
    if (x == LSTM_IMPL_NULL || h == LSTM_IMPL_NULL || c == LSTM_IMPL_NULL ||
        scratch == LSTM_IMPL_NULL || (y == LSTM_IMPL_NULL && every_step)) {
        return LSTM_ERR_NULL;
    }
    if (!lstm_impl_is_array(lstm_impl_multiply(steps, run->layer->input_dim)) ||
        !lstm_impl_is_array(lstm_impl_multiply(batch, state_units)) ||
        (every_step && !lstm_impl_is_array(lstm_impl_multiply(steps, run->row_len)))) {
        return LSTM_ERR_SHAPE;
    }
    return LSTM_OK;
}

/* Checks all of a Dense layer but its arrays x and y. */
LSTM_IMPL_INLINE lstm_status lstm_impl_check_dense(const lstm_dense *layer)
{
    if (layer == LSTM_IMPL_NULL || layer->kernel == LSTM_IMPL_NULL) {
        return LSTM_ERR_NULL;
    }
    if (!lstm_impl_is_array(lstm_dense_param_count(layer))) {
        return LSTM_ERR_SHAPE;
    }
    return lstm_impl_is_activation(layer->activation) ? LSTM_OK : LSTM_ERR_OPTION;
}

/* ---- THE API'S FUNCTIONS ----------------------------------------------------------- */

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

LSTM_API LSTM_IMPL_AT_CALL size_t lstm_param_count(const lstm_layer *layer)
{
    return layer == LSTM_IMPL_NULL ? 0
                                   : lstm_impl_layer_count(layer->input_dim, layer->units,
                                                           layer->bias != LSTM_IMPL_NULL);
}

LSTM_API LSTM_IMPL_AT_CALL size_t lstm_dense_param_count(const lstm_dense *layer)
{
    return layer == LSTM_IMPL_NULL ? 0
                                   : lstm_impl_dense_count(layer->input_dim, layer->units,
                                                           layer->bias != LSTM_IMPL_NULL);
}

/* Both init functions of a layer: kernel, recurrent_kernel, bias lie in a row.
 *
 *   weights                       4*units floats in each row
 *   | kernel: input_dim rows | recurrent_kernel: units rows | bias: 1 row |
 *
 * No address is formed before the sizes are known to fit. */
LSTM_IMPL_INLINE lstm_status lstm_impl_bind_layer(lstm_layer *layer, size_t input_dim,
                                                  size_t units, const float *weights,
                                                  size_t weight_count, int has_bias)
{
    const lstm_status status = lstm_impl_check_init(
        layer, weights, weight_count, lstm_impl_layer_count(input_dim, units, has_bias));
    if (status != LSTM_OK) {
        LSTM_IMPL_MAY_BE_SET(layer, input_dim + units + weight_count)
        return status;
    }
    layer->input_dim = input_dim;
    layer->units = units;
    layer->kernel = weights;
    layer->recurrent_kernel = weights + 4 * units * input_dim;
    layer->bias = has_bias ? layer->recurrent_kernel + 4 * units * units : LSTM_IMPL_NULL;
    layer->activation = layer->recurrent_activation = LSTM_DEFAULT;
    layer->return_sequences = layer->go_backwards = layer->zero_output_for_mask = 0;
    return LSTM_OK;
}

LSTM_API LSTM_IMPL_AT_CALL lstm_status lstm_layer_init(lstm_layer *layer,
                                                       size_t input_dim, size_t units,
                                                       const float *weights,
                                                       size_t weight_count)
{
    return lstm_impl_bind_layer(layer, input_dim, units, weights, weight_count, 1);
}

LSTM_API LSTM_IMPL_AT_CALL lstm_status lstm_layer_init_no_bias(lstm_layer *layer,
                                                               size_t input_dim,
                                                               size_t units,
                                                               const float *weights,
                                                               size_t weight_count)
{
    return lstm_impl_bind_layer(layer, input_dim, units, weights, weight_count, 0);
}

/* Both init functions of a Dense layer: kernel, bias */
LSTM_IMPL_INLINE lstm_status lstm_impl_bind_dense(lstm_dense *layer, size_t input_dim,
                                                  size_t units, const float *weights,
                                                  size_t weight_count, int has_bias)
{
    const lstm_status status = lstm_impl_check_init(
        layer, weights, weight_count, lstm_impl_dense_count(input_dim, units, has_bias));
    if (status != LSTM_OK) {
        LSTM_IMPL_MAY_BE_SET(layer, input_dim + units + weight_count)
        return status;
    }
    layer->input_dim = input_dim;
    layer->units = units;
    layer->kernel = weights;
    layer->bias = has_bias ? weights + units * input_dim : LSTM_IMPL_NULL;
    layer->activation = LSTM_DEFAULT;
    return LSTM_OK;
}

LSTM_API LSTM_IMPL_AT_CALL lstm_status lstm_dense_init(lstm_dense *layer,
                                                       size_t input_dim, size_t units,
                                                       const float *weights,
                                                       size_t weight_count)
{
    return lstm_impl_bind_dense(layer, input_dim, units, weights, weight_count, 1);
}

LSTM_API LSTM_IMPL_AT_CALL lstm_status lstm_dense_init_no_bias(lstm_dense *layer,
                                                               size_t input_dim,
                                                               size_t units,
                                                               const float *weights,
                                                               size_t weight_count)
{
    return lstm_impl_bind_dense(layer, input_dim, units, weights, weight_count, 0);
}

LSTM_API LSTM_IMPL_AT_CALL lstm_status lstm_step(const lstm_layer *layer, const float *x,
                                                 float *h, float *c, float *scratch)
{
    lstm_impl_run run;
    const lstm_status status = lstm_impl_prepare(&run, layer);
    if (status != LSTM_OK) {
        return status;
    }
    if (x == LSTM_IMPL_NULL || h == LSTM_IMPL_NULL || c == LSTM_IMPL_NULL ||
        scratch == LSTM_IMPL_NULL) {
        return LSTM_ERR_NULL;
    }
    /* x, h and c are smaller than the weights, whose bytes were checked. */
    LSTM_IMPL_CALL(streaming_step, (&run, x, h, c, scratch))
    return LSTM_OK;
}

LSTM_API LSTM_IMPL_AT_CALL lstm_status lstm_forward(const lstm_layer *layer,
                                                    const float *x, size_t timesteps,
                                                    float *h, float *c, float *y,
                                                    float *scratch)
{
    /* A batch of one; its scratch is that of LSTM_SCRATCH_LEN, as there is no group. */
    return lstm_forward_batch(layer, x, LSTM_IMPL_NULL, 1, timesteps, h, c, y, scratch);
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
        LSTM_IMPL_CALL(
            layer, (&run, LSTM_MERGE_CONCAT, x, mask, batch, timesteps, h, c, y, scratch))
    }
    return status;
}

/* Checks both halves and that they go together, and fills in how they share y. The two
 * halves write into the same rows of y, the forward one first:
 *
 *   LSTM_MERGE_CONCAT    | forward.units | backward.units |      row_len: both
 *   others               | units |  the forward half stores, the backward one merges
 * As in Keras, masked rows are zeros with return_sequences, and each direction's last
 * used h without it. */
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
    if (!layer->forward.return_sequences != !layer->backward.return_sequences ||
        LSTM_IMPL_TO(unsigned, layer->merge) > LSTM_IMPL_TO(unsigned, LSTM_MERGE_AVE)) {
        return LSTM_ERR_OPTION;
    }
    if (layer->merge == LSTM_MERGE_CONCAT) {
        forward->row_len = layer->forward.units + layer->backward.units;
        backward->row_len = forward->row_len;
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
    if (layer == LSTM_IMPL_NULL) {
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
        /* The forward half always stores its outputs; how the two merge is up to the
         * backward half. */
        state_len = batch * layer->forward.units;
        y_offset = layer->merge == LSTM_MERGE_CONCAT ? layer->forward.units : 0;
        LSTM_IMPL_CALL(layer, (&forward, LSTM_MERGE_CONCAT, x, mask, batch, timesteps, h,
                               c, y, scratch))
        h += state_len;
        c += state_len;
        y = y != LSTM_IMPL_NULL ? y + y_offset : LSTM_IMPL_NULL;
        LSTM_IMPL_CALL(
            layer, (&backward, layer->merge, x, mask, batch, timesteps, h, c, y, scratch))
    }
    return status;
}

LSTM_API LSTM_IMPL_AT_CALL lstm_status lstm_dense_forward(const lstm_dense *layer,
                                                          const float *x, size_t rows,
                                                          float *y)
{
    const lstm_status status = lstm_impl_check_dense(layer);
    if (status != LSTM_OK || rows == 0) {
        return status;
    }
    if (x == LSTM_IMPL_NULL || y == LSTM_IMPL_NULL) {
        return LSTM_ERR_NULL;
    }
    /* One row of x or y is smaller than the weights, whose bytes were checked. */
    if (rows > 1 && (!lstm_impl_is_array(lstm_impl_multiply(rows, layer->input_dim)) ||
                     !lstm_impl_is_array(lstm_impl_multiply(rows, layer->units)))) {
        return LSTM_ERR_SHAPE;
    }
    {
#if LSTM_IMPL_GROUP > 1
        lstm_dense copy;
        lstm_impl_copy_dense(&copy, layer); /* as in lstm_impl_prepare */
        LSTM_IMPL_CALL(dense_layer, (&copy, x, rows, y))
#else
        LSTM_IMPL_CALL(dense_layer, (layer, x, rows, y))
#endif
    }
    return LSTM_OK;
}

LSTM_API void lstm_mask(const float *x, size_t rows, size_t input_dim, float mask_value,
                        unsigned char *mask)
{
    size_t row, k;
    if (x == LSTM_IMPL_NULL || mask == LSTM_IMPL_NULL) {
        return;
    }
    for (row = 0; row < rows; row++, x += input_dim) {
        mask[row] = 0;
        for (k = 0; k < input_dim; k++) {
            /* A NaN equals nothing, so its step is used. */
            if (!(x[k] == mask_value)) {
                mask[row] = 1;
            }
        }
    }
}

/* Transposes each gate's block: source is 4 blocks of [units][columns], weights is
 * [columns][4*units]. order[gate] says which block of the source is Keras' number `gate`.
 *
 *   source (torch, one gate after the other)    weights (Keras)
 *     i  unit 0   w w w  <- column_count                i i f f g g o o
 *        unit 1   w w w                         row 0   w w w w w w w w
 *     f  unit 0   w w w                         row 1   w w w w w w w w
 *        ...                                    row 2   w w w w w w w w */
LSTM_IMPL_KERNEL void lstm_impl_transpose(const float *source, size_t column_count,
                                          size_t units, const unsigned char *order,
                                          float *weights)
{
    size_t gate, u, k;
    for (gate = 0; gate < 4; gate++) {
        for (u = 0; u < units; u++) {
            const float *row = source + (order[gate] * units + u) * column_count;
            for (k = 0; k < column_count; k++) {
                weights[k * 4 * units + gate * units + u] = row[k];
            }
        }
    }
}

/* Both matrices and the sum of both biases; no bias is a bias of zeros. Keras has one
 * bias, as only the sum of the two matters. All is checked before anything is written. */
LSTM_IMPL_KERNEL lstm_status
lstm_impl_convert(size_t input_dim, size_t units, const unsigned char *order,
                  const float *kernel, const float *recurrent_kernel, const float *bias,
                  const float *recurrent_bias, float *weights)
{
    float *bias_out;
    size_t gate, u;
    if (kernel == LSTM_IMPL_NULL || recurrent_kernel == LSTM_IMPL_NULL ||
        weights == LSTM_IMPL_NULL ||
        (bias == LSTM_IMPL_NULL) != (recurrent_bias == LSTM_IMPL_NULL)) {
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
                bias == LSTM_IMPL_NULL ? 0.0f : bias[from] + recurrent_bias[from];
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
    /* ONNX has i o f c, so Keras' i f c o are its blocks 0, 2, 3, 1. */
    const unsigned char i_o_f_c[4] = {0, 2, 3, 1};
    /* Of sizes that convert will refuse, no address may be computed. */
    const int has_size = lstm_impl_is_array(lstm_impl_layer_count(input_dim, units, 1));
    return lstm_impl_convert(input_dim, units, i_o_f_c, W, R, B,
                             B != LSTM_IMPL_NULL && has_size ? B + 4 * units : B,
                             weights);
}

/* Includers are left with the API and its sizes. LSTM_IMPL_SIZE stays, as those use it.
 */
#undef LSTM_IMPL_IN_CALLER
#undef LSTM_IMPL_AHEAD
#undef LSTM_IMPL_GROUP
#undef LSTM_IMPL_CUSTOM_LOAD
#undef LSTM_IMPL_OWN_MATH
#undef LSTM_IMPL_GNU
#undef LSTM_IMPL_X86_64
#undef LSTM_IMPL_TO
#undef LSTM_IMPL_AS
#undef LSTM_IMPL_NULL
#undef LSTM_IMPL_MOST
#undef LSTM_IMPL_KERNEL
#undef LSTM_IMPL_INLINE
#undef LSTM_IMPL_AT_CALL
#undef LSTM_IMPL_MAY_BE_SET
#undef LSTM_IMPL_PRAGMA
#undef LSTM_IMPL_EACH
#undef LSTM_IMPL_SHORT
#undef LSTM_IMPL_HAS_FPU
#undef LSTM_IMPL_REGISTER
#undef LSTM_IMPL_VECTOR_REGISTER
#undef LSTM_IMPL_HAS_APART
#undef LSTM_IMPL_HAS_ROUND
#undef LSTM_IMPL_FUSED
#undef LSTM_IMPL_HAS_OVERFLOW
#undef LSTM_IMPL_HAS_VECTOR_FMA
#undef LSTM_IMPL_EACH_PART
#undef LSTM_IMPL_PREFETCH
#undef LSTM_IMPL_SIMD
#undef LSTM_IMPL_DISPATCH
#undef LSTM_IMPL_MAY_FUSE
#undef LSTM_IMPL_WIDEST
#undef LSTM_IMPL_ALL_SETS
#undef LSTM_IMPL_INTRINSICS
#undef LSTM_IMPL_FILE
#undef LSTM_IMPL_HAS_PORTABLE
#undef LSTM_IMPL_HAS_PORTABLE_FMA
#undef LSTM_IMPL_HAS_VECTOR4
#undef LSTM_IMPL_HAS_VECTOR4_FMA
#undef LSTM_IMPL_HAS_AVX2
#undef LSTM_IMPL_HAS_AVX512
#undef LSTM_IMPL_CPU_FMA
#undef LSTM_IMPL_CPU_AVX2
#undef LSTM_IMPL_CPU_AVX512
#undef LSTM_IMPL_CASE
#undef LSTM_IMPL_CASE_0
#undef LSTM_IMPL_CASE_1
#undef LSTM_IMPL_CASE_2
#undef LSTM_IMPL_CASE_3
#undef LSTM_IMPL_CASE_4
#undef LSTM_IMPL_CASE_5
#undef LSTM_IMPL_CALL
#undef LSTM_IMPL_INCLUDED
#endif /* LSTM_H */

#else /* LSTM_IMPL_SET */
/* ---- KERNELS: everything below is included once for each instruction set -----------
 *
 * The includer sets
 *   LSTM_IMPL_SET  the set's name, which all names defined here end in
 *   LSTM_K_LANES   floats in a vector: 1, 4, 8 or 16
 *   LSTM_K_FUSED   1: lstm_k_madd rounds once
 *   LSTM_K_TARGET  x86 instructions that functions may use beyond the compiler's flags
 * and all four are undefined at the end. With one float in a vector this is portable C.
 *
 * From here to the end of the file:
 *   operations    a vector's load, store, + - * / and so on, for each kind of CPU
 *   formulas      e^x, sigmoid, tanh, log
 *   activations   on one vector, and on arrays
 *   cells         from the gates' sums to the new c and h
 *   sums          x*kernel + h*recurrent_kernel + bias: by panels of columns, by whole
 *                 rows, or by tiles; see the table below
 *   LSTM layer    a step, a sequence, a group of sequences, a batch
 *   Dense layer   8 units or more use the sums of gates; fewer units have their own
 *   entry points  find what a layer needs, and run it
 *
 * How a call gets there:
 *   lstm_step                    streaming_step, one_step: layer_sums, then cells
 *   lstm_forward, _batch, and    layer, batch. One sequence goes to `sequence`, up to 32
 *   each half of Bidirectional   at once to `group`. For each step: sums, cells, output
 *   lstm_dense_forward           dense_layer, dense: sums, then the activation
 *
 * Who takes the sums x*kernel + h*recurrent_kernel + bias:
 *   lanes   columns             one row         several rows (sums_of_rows)
 *   1       any                 some_columns    row after row
 *   4..16   less than 48*lanes  row_in_panels   blocks of tiles
 *   4..16   48*lanes or more    row_in_rows     blocks of tiles
 *   4       any, Helium         row_in_panels   row after row
 * On microcontrollers LSTM_IMPL_GROUP and LSTM_IMPL_AHEAD are 1: no group, nothing ahead.
 * Several rows are the steps of one sequence, for x alone (take_ahead), the sequences of
 * a batch (group), or the rows of a Dense layer. If there is only one of these, or if it
 * has too few columns for a tile, it goes through row_in_panels (row_by_row), however
 * many columns it has. Rows that have too few columns for a tile of AVX-512 are left to
 * AVX2, whose tiles have fewer columns.
 */
/* LSTM_K(name) is lstm_impl_name_set. The outer text looks for LSTM_IMPL_INCLUDED. */
#define LSTM_IMPL_INCLUDED 1
#define LSTM_K_JOIN_(name, set) lstm_impl_##name##_##set
#define LSTM_K_JOIN(name, set) LSTM_K_JOIN_(name, set)
#define LSTM_K(name) LSTM_K_JOIN(name, LSTM_IMPL_SET)
/* Where AVX-512 gains little, its functions are those of AVX2: the bits are the same, and
 * the code is shorter. These are activations and cells on whole arrays, outputs, Dense
 * layers of fewer than 8 units, cells of fewer than 16 units, and rows of few columns. */
#if LSTM_K_LANES == 16
#define LSTM_K_8(name) LSTM_K_JOIN(name, avx2)
#else
#define LSTM_K_8(name) LSTM_K(name)
#endif
/* All functions up to the matching "pop" may use the set's instructions. GCC and clang
 * spell that differently. MSVC needs nothing: its intrinsics work in any function. */
#if defined(LSTM_K_TARGET) && defined(__clang__)
#define LSTM_K_PUSH(instructions)                                                    \
    LSTM_IMPL_PRAGMA(clang attribute push(__attribute__((__target__(instructions))), \
                                          apply_to = function))
LSTM_K_PUSH(LSTM_K_TARGET)
#elif defined(LSTM_K_TARGET) && LSTM_IMPL_GNU
#define LSTM_K_PUSH(instructions) LSTM_IMPL_PRAGMA(GCC target(instructions))
#pragma GCC push_options
LSTM_K_PUSH(LSTM_K_TARGET)
#endif

/* ---- operations ---- */

/* A new instruction set defines these and has all kernels:
 *   types     lstm_k_v a vector of floats; lstm_k_w the same bits as uint32_t;
 *             lstm_k_m what a comparison gives
 *   memory    load, store; load_some(p, n): the first n floats, n < LSTM_K_LANES, and 0
 *             in the other lanes; store_some(p, a, n): writes the first n lanes alone
 *   floats    all (one float in every lane), add, sub, div; mul, never fused with a sum;
 *             madd(a, b, c) = a*b + c
 *   choice    less(a, b); select(m, a, b) = m ? a : b; clip(low, high, x), for low <=
 *             -high, which keeps a NaN
 *   bits      bits, of_bits, all_bits, and, or, plus (integers), up23 (a shift)
 */
/* The registers of a CPU decide how many vectors a panel has: two sums for each vector,
 * and one factor.
 *                             panel   in registers
 *   AVX-512, AArch64, VSX     8       17 of 32 or 64
 *   AVX2, SSE2, ARMv7, wasm   4       9 of 16 (32-bit x86 has only 8)
 *   Helium                    2       5 of 8 */
#if LSTM_K_LANES == 16 || defined(__aarch64__) || defined(__VSX__) || defined(_M_ARM64)
#define LSTM_K_PANEL 8
#elif defined(__ARM_FEATURE_MVE)
#define LSTM_K_PANEL 2
#else
#define LSTM_K_PANEL 4
#endif
/* From so many columns on whole rows are better than panels: from 48 units on with
 * vectors of 4, 96 with 8, 192 with 16. */
#define LSTM_K_MANY_COLUMNS (48 * LSTM_K_LANES)
#define lstm_k_v LSTM_K(v)
#define lstm_k_w LSTM_K(words)
#define lstm_k_m LSTM_K(compared)

#if LSTM_K_LANES == 1 /* portable C */

/* A vector is one float, so none is ever filled in part: load_some and store_some are
 * only there for the compiler. */
typedef float lstm_k_v;
typedef uint32_t lstm_k_w;
typedef int lstm_k_m;
#define lstm_k_load(p) (*(p))
#define lstm_k_store(p, a) (*(p) = (a))
#define lstm_k_load_some(p, n) ((void)(n), *(p))
#define lstm_k_store_some(p, a, n) ((void)(n), *(p) = (a))
#define lstm_k_all(a) (a)
#define lstm_k_all_bits(w) (w)
#define lstm_k_add(a, b) LSTM_K(rounded)((a) + (b))
#define lstm_k_sub(a, b) LSTM_K(rounded)((a) - (b))
#define lstm_k_div(a, b) LSTM_K(rounded)((a) / (b))
#define lstm_k_mul(a, b) LSTM_K(multiply_1)(a, b)
#define lstm_k_madd(a, b, c) LSTM_K(multiply_add_1)(a, b, c)
#define lstm_k_less(a, b) ((a) < (b))
#define lstm_k_select(m, a, b) ((m) ? (a) : (b))
#define lstm_k_bits(a) lstm_impl_bits_of_float(a)
#define lstm_k_of_bits(w) lstm_impl_float_of_bits(w)
#define lstm_k_and(a, b) ((a) & (b))
#define lstm_k_or(a, b) ((a) | (b))
#define lstm_k_plus(a, b) /* wraps around: adds to an exponent, or takes from it */ \
    LSTM_IMPL_TO(uint32_t, LSTM_IMPL_TO(uint64_t, a) + LSTM_IMPL_TO(uint64_t, b))
/* in two steps, since AVR shifts a long bit by bit */
#define lstm_k_up23(w) \
    (LSTM_IMPL_TO(uint32_t, LSTM_IMPL_TO(uint16_t, LSTM_IMPL_TO(uint16_t, w) << 7)) << 16)
#define lstm_k_clip(low, high, x) LSTM_K(clip)(low, high, x)

#elif !LSTM_IMPL_INTRINSICS /* the vector types of GCC and clang */

/* in_memory is a vector at any float's address: a plain vector would have to be aligned,
 * and may not alias an array of floats. A comparison gives all bits of a lane set, or
 * none. */
typedef float lstm_k_v __attribute__((__vector_size__(4 * LSTM_K_LANES)));
typedef uint32_t lstm_k_w __attribute__((__vector_size__(4 * LSTM_K_LANES)));
typedef int32_t lstm_k_m __attribute__((__vector_size__(4 * LSTM_K_LANES)));
typedef float LSTM_K(in_memory)
    __attribute__((__vector_size__(4 * LSTM_K_LANES), __aligned__(4), __may_alias__));
#define lstm_k_load(p) LSTM_K(load)(p)
#define lstm_k_store(p, a) (*LSTM_IMPL_AS(LSTM_K(in_memory) *, p) = (a))
#define lstm_k_all(a) LSTM_K(all)(a)
#define lstm_k_all_bits(w) LSTM_K(all_bits)(w)
#define lstm_k_add(a, b) ((a) + (b))
#define lstm_k_sub(a, b) ((a) - (b))
#define lstm_k_div(a, b) ((a) / (b))
#define lstm_k_mul(a, b) LSTM_K(multiply)(a, b)
#define lstm_k_madd(a, b, c) LSTM_K(multiply_add)(a, b, c)
#define lstm_k_less(a, b) ((a) < (b))
#define lstm_k_bits(a) LSTM_IMPL_AS(lstm_k_w, a)
#define lstm_k_of_bits(w) LSTM_IMPL_AS(lstm_k_v, w)
#define lstm_k_and(a, b) ((a) & (b))
#define lstm_k_or(a, b) ((a) | (b))
#define lstm_k_plus(a, b) ((a) + (b))
#define lstm_k_up23(w) ((w) << 23)
#define lstm_k_select(m, a, b) LSTM_K(select)(m, a, b)
#define lstm_k_clip(low, high, x) LSTM_K(clip)(low, high, x)

LSTM_IMPL_INLINE lstm_k_v LSTM_K(load)(const float *p)
{
    return *LSTM_IMPL_AS(const LSTM_K(in_memory) *, p);
}

/* A scalar beside a vector becomes a vector. a - 0 is a for every float; a + 0 would make
 * 0 of -0. Compilers turn it into one copy to all lanes. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(all)(float a)
{
    const lstm_k_v zeros = {0};
    return a - zeros;
}

LSTM_IMPL_INLINE lstm_k_w LSTM_K(all_bits)(uint32_t bits)
{
    const lstm_k_w zeros = {0};
    return bits + zeros;
}

/* A product that is rounded before it goes into a sum */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(multiply)(lstm_k_v a, lstm_k_v b)
{
    lstm_k_v product = a * b;
#if LSTM_IMPL_HAS_APART
    __asm__("" : LSTM_IMPL_VECTOR_REGISTER(product));
#endif
    return product;
}

/* a*b + c, by the instruction itself: whether compilers fuse an expression a*b + c
 * depends on their flags. Of the 512-bit builtin, the fourth argument is a mask of all
 * lanes, the fifth the usual rounding. The asm forms add to c in place. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(multiply_add)(lstm_k_v a, lstm_k_v b, lstm_k_v c)
{
#if !LSTM_K_FUSED
    return LSTM_K(multiply)(a, b) + c;
#elif LSTM_IMPL_HAS_VECTOR_FMA
    return __builtin_elementwise_fma(a, b, c);
#elif LSTM_K_LANES == 16 && defined(__clang__)
    return __builtin_ia32_vfmaddps512_mask(a, b, c, LSTM_IMPL_TO(unsigned short, 65535),
                                           4);
#elif LSTM_K_LANES == 16
    return __builtin_ia32_vfmaddps512_mask(a, b, c, -1, 4);
#elif LSTM_K_LANES == 8
    return __builtin_ia32_vfmaddps256(a, b, c);
#elif LSTM_IMPL_X86_64 || defined(__i386__)
    return __builtin_ia32_vfmaddps(a, b, c);
#elif defined(__aarch64__)
    __asm__("fmla %0.4s, %1.4s, %2.4s" : "+w"(c) : "w"(a), "w"(b));
    return c;
#elif defined(__VSX__)
    __asm__("xvmaddasp %x0, %x1, %x2" : "+wa"(c) : "wa"(a), "wa"(b));
    return c;
#else
    __asm__("vfma.f32 %q0, %q1, %q2" : "+w"(c) : "w"(a), "w"(b));
    return c;
#endif
}

/* Bit by bit, as GCC has ?: of vectors only in C++ */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(select)(lstm_k_m m, lstm_k_v a, lstm_k_v b)
{
    return LSTM_IMPL_AS(lstm_k_v, (m & LSTM_IMPL_AS(lstm_k_m, a)) |
                                      (~m & LSTM_IMPL_AS(lstm_k_m, b)));
}

/* The minimum and maximum of x86 give their second operand if one of the two is a NaN. So
 * x stands second in both, and a NaN passes. On other CPUs comparisons, which are false
 * for a NaN, keep it. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(clip)(lstm_k_v low, lstm_k_v high, lstm_k_v x)
{
#if LSTM_K_LANES == 16 && defined(__clang__)
    return __builtin_ia32_maxps512(low, __builtin_ia32_minps512(high, x, 4), 4);
#elif LSTM_K_LANES == 16
    x = __builtin_ia32_minps512_mask(high, x, x, -1, 4);
    return __builtin_ia32_maxps512_mask(low, x, x, -1, 4);
#elif LSTM_K_LANES == 8
    return __builtin_ia32_maxps256(low, __builtin_ia32_minps256(high, x));
#elif LSTM_IMPL_X86_64 || defined(__i386__)
    return __builtin_ia32_maxps(low, __builtin_ia32_minps(high, x));
#else
    x = LSTM_K(select)(x > high, high, x);
    return LSTM_K(select)(x < low, low, x);
#endif
}

#elif LSTM_IMPL_X86_64 /* x86 by intrinsics */

/* For MSVC, which has no vector types. AVX-512 compares into a mask of 16 bits; narrower
 * sets into a vector. _CMP_LT_OQ is <, which is false for a NaN. SSE2 has no blend. Of
 * min and max the second operand is the result if one is a NaN. */
#if LSTM_K_LANES == 16
#define LSTM_K_MM(operation) _mm512_##operation
typedef __m512 lstm_k_v;
typedef __m512i lstm_k_w;
typedef __mmask16 lstm_k_m;
#define lstm_k_less(a, b) _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ)
#define lstm_k_select(m, a, b) _mm512_mask_blend_ps(m, b, a)
#define lstm_k_and(a, b) _mm512_and_si512(a, b)
#define lstm_k_or(a, b) _mm512_or_si512(a, b)
#define lstm_k_bits(a) _mm512_castps_si512(a)
#define lstm_k_of_bits(w) _mm512_castsi512_ps(w)
#elif LSTM_K_LANES == 8
#define LSTM_K_MM(operation) _mm256_##operation
typedef __m256 lstm_k_v;
typedef __m256i lstm_k_w;
typedef __m256 lstm_k_m;
#define lstm_k_less(a, b) _mm256_cmp_ps(a, b, _CMP_LT_OQ)
#define lstm_k_select(m, a, b) _mm256_blendv_ps(b, a, m)
#define lstm_k_and(a, b) _mm256_and_si256(a, b)
#define lstm_k_or(a, b) _mm256_or_si256(a, b)
#define lstm_k_bits(a) _mm256_castps_si256(a)
#define lstm_k_of_bits(w) _mm256_castsi256_ps(w)
#else
#define LSTM_K_MM(operation) _mm_##operation
typedef __m128 lstm_k_v;
typedef __m128i lstm_k_w;
typedef __m128 lstm_k_m;
#define lstm_k_less(a, b) _mm_cmplt_ps(a, b)
#define lstm_k_select(m, a, b) _mm_or_ps(_mm_and_ps(m, a), _mm_andnot_ps(m, b))
#define lstm_k_and(a, b) _mm_and_si128(a, b)
#define lstm_k_or(a, b) _mm_or_si128(a, b)
#define lstm_k_bits(a) _mm_castps_si128(a)
#define lstm_k_of_bits(w) _mm_castsi128_ps(w)
#endif
#define lstm_k_load(p) LSTM_K_MM(loadu_ps)(p)
#define lstm_k_store(p, a) LSTM_K_MM(storeu_ps)(p, a)
#define lstm_k_all(a) LSTM_K_MM(set1_ps)(a)
#define lstm_k_all_bits(w) LSTM_K_MM(set1_epi32)(LSTM_IMPL_TO(int, w))
#define lstm_k_add(a, b) LSTM_K_MM(add_ps)(a, b)
#define lstm_k_sub(a, b) LSTM_K_MM(sub_ps)(a, b)
#define lstm_k_div(a, b) LSTM_K_MM(div_ps)(a, b)
#define lstm_k_mul(a, b) LSTM_K(multiply)(a, b)
#if LSTM_K_FUSED
#define lstm_k_madd(a, b, c) LSTM_K_MM(fmadd_ps)(a, b, c)
#else
#define lstm_k_madd(a, b, c) LSTM_K_MM(add_ps)(LSTM_K(multiply)(a, b), c)
#endif
#define lstm_k_clip(low, high, x) LSTM_K_MM(max_ps)(low, LSTM_K_MM(min_ps)(high, x))
#define lstm_k_plus(a, b) LSTM_K_MM(add_epi32)(a, b)
#define lstm_k_up23(w) LSTM_K_MM(slli_epi32)(w, 23)

LSTM_IMPL_INLINE lstm_k_v LSTM_K(multiply)(lstm_k_v a, lstm_k_v b)
{
    lstm_k_v product = LSTM_K_MM(mul_ps)(a, b);
#if LSTM_IMPL_HAS_APART
    __asm__("" : "+v"(product));
#endif
    return product;
}

#else /* NEON by intrinsics. ARMv7's has no division: the four lanes take turns. */

/* NEON's min and max give a NaN if either operand is one, so clip keeps it here too. */
typedef float32x4_t lstm_k_v;
typedef uint32x4_t lstm_k_w;
typedef uint32x4_t lstm_k_m;
#define lstm_k_load(p) vld1q_f32(p)
#define lstm_k_store(p, a) vst1q_f32(p, a)
#define lstm_k_all(a) vdupq_n_f32(a)
#define lstm_k_all_bits(w) vdupq_n_u32(w)
#define lstm_k_add(a, b) vaddq_f32(a, b)
#define lstm_k_sub(a, b) vsubq_f32(a, b)
#define lstm_k_div(a, b) LSTM_K(divide)(a, b)
#define lstm_k_mul(a, b) LSTM_K(multiply)(a, b)
#if LSTM_K_FUSED
#define lstm_k_madd(a, b, c) vfmaq_f32(c, a, b)
#else
#define lstm_k_madd(a, b, c) vaddq_f32(LSTM_K(multiply)(a, b), c)
#endif
#define lstm_k_less(a, b) vcltq_f32(a, b)
#define lstm_k_select(m, a, b) vbslq_f32(m, a, b)
#define lstm_k_clip(low, high, x) vmaxq_f32(low, vminq_f32(high, x))
#define lstm_k_bits(a) vreinterpretq_u32_f32(a)
#define lstm_k_of_bits(w) vreinterpretq_f32_u32(w)
#define lstm_k_and(a, b) vandq_u32(a, b)
#define lstm_k_or(a, b) vorrq_u32(a, b)
#define lstm_k_plus(a, b) vaddq_u32(a, b)
#define lstm_k_up23(w) vshlq_n_u32(w, 23)

LSTM_IMPL_INLINE lstm_k_v LSTM_K(multiply)(lstm_k_v a, lstm_k_v b)
{
    lstm_k_v product = vmulq_f32(a, b);
#if LSTM_IMPL_HAS_APART
    __asm__("" : "+w"(product));
#endif
    return product;
}

LSTM_IMPL_INLINE lstm_k_v LSTM_K(divide)(lstm_k_v a, lstm_k_v b)
{
#if defined(__aarch64__) || defined(_M_ARM64)
    return vdivq_f32(a, b);
#else
    float over[4], under[4];
    vst1q_f32(over, a);
    vst1q_f32(under, b);
    over[0] /= under[0];
    over[1] /= under[1];
    over[2] /= under[2];
    over[3] /= under[3];
    return vld1q_f32(over);
#endif
}

#endif

#if LSTM_K_LANES == 1
/* An assignment rounds to float, where the CPU computes in more than that. That is so in
 * standard C; GCC's GNU modes keep x87's bits here. */
LSTM_IMPL_INLINE float LSTM_K(rounded)(float x)
{
    const float rounded = x;
    return rounded;
}
#endif

/* One product, and one product added to a sum: mul and madd of one float, which scalar
 * code of the vector sets needs too, for example where a Dense layer has few units. */
LSTM_IMPL_INLINE float LSTM_K(multiply_1)(float a, float b)
{
    float product = a * b;
#if LSTM_IMPL_HAS_APART || LSTM_IMPL_HAS_ROUND
    __asm__("" : LSTM_IMPL_REGISTER(product));
#endif
    return product;
}

/* By the compiler and LSTM_K_FUSED, one of four. MSVC's intrinsics take vectors, of which
 * one float is used. */
LSTM_IMPL_INLINE float LSTM_K(multiply_add_1)(float a, float b, float c)
{
#if LSTM_K_FUSED && LSTM_IMPL_GNU
    return __builtin_fmaf(a, b, c);
#elif LSTM_K_FUSED && LSTM_IMPL_X86_64
    return _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c)));
#elif LSTM_K_FUSED
    return vget_lane_f32(vfma_f32(vdup_n_f32(c), vdup_n_f32(a), vdup_n_f32(b)), 0);
#else
    return LSTM_K(multiply_1)(a, b) + c;
#endif
}

#if LSTM_K_LANES > 1

/* The first n floats of a vector, by way of memory. No instruction that reads a whole
 * vector is used: the floats behind the array may be on a page that is not there. */
#define lstm_k_load_some(p, n) LSTM_K(load_some)(p, n)
#define lstm_k_store_some(p, a, n) LSTM_K(store_some)(p, a, n)
LSTM_IMPL_INLINE lstm_k_v LSTM_K(load_some)(const float *p, size_t n)
{
    float lanes[LSTM_K_LANES] = {0};
    lstm_impl_copy(lanes, p, n);
    return lstm_k_load(lanes);
}

LSTM_IMPL_INLINE void LSTM_K(store_some)(float *p, lstm_k_v a, size_t n)
{
    float lanes[LSTM_K_LANES];
    lstm_k_store(lanes, a);
    lstm_impl_copy(p, lanes, n);
}

#else

/* x within low..high. Floats of one sign are in the order of their bits, so whether |x|
 * is larger than high is one comparison of integers; a NaN is larger too. As low <=
 * -high, no smaller x is below low. That saves the two comparisons of floats, which are
 * calls without an FPU. Short code for an FPU makes only those two; a NaN passes them. */
LSTM_IMPL_INLINE float LSTM_K(clip)(float low, float high, float x)
{
    if ((LSTM_IMPL_SHORT && LSTM_IMPL_HAS_FPU) ||
        (lstm_impl_bits_of_float(x) & 0x7fffffffu) > lstm_impl_bits_of_float(high)) {
        x = x < low ? low : x > high ? high : x;
    }
    return x;
}

#endif

/* ---- formulas: e^x, sigmoid, tanh, log ---- */

/* r^2 + 2^-124: never a denormal, in which FPUs are slow. From 2^-99 on this is r^2, and
 * without an FPU a comparison is faster than a sum. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(square)(lstm_k_v r)
{
#if LSTM_K_LANES == 1 && !LSTM_IMPL_HAS_FPU && !LSTM_K_FUSED
    const float r2 = lstm_k_mul(r, r);
    return lstm_k_bits(r2) < 0x0e000000u ? lstm_k_add(r2, 4.70197740e-38f) : r2;
#else
    return lstm_k_madd(r, r, lstm_k_all(4.70197740e-38f));
#endif
}

/* 2^64*a + b, for 0 < a < 4. Without an FPU the product is an addition to the exponent. A
 * NaN is kept. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(add_2_64_times)(lstm_k_v a, lstm_k_v b)
{
#if LSTM_K_LANES == 1 && !LSTM_IMPL_HAS_FPU && !LSTM_K_FUSED
    const uint32_t bits = lstm_k_bits(a);
    return lstm_k_add(bits < 0x40800000u ? lstm_k_of_bits(bits + 0x20000000u) : a, b);
#else
    return lstm_k_madd(a, lstm_k_all(18446744073709551616.0f), b);
#endif
}

/* e^(s*x) = 2^n * (2/s + b)/(2/s + a), for s = 1 or 2, in steps:
 *
 *   n = s*x/ln 2, rounded to an integer
 *   r = x - n*ln(2)/s             so s*x = n*ln 2 + s*r, and |r| <= ln(2)/(2s)
 *   e^(s*x) = 2^n * e^(s*r)
 *   e^t = (coth(t/2) + 1)/(coth(t/2) - 1)       for t != 0; here t = s*r
 *       = (r*coth(s*r/2) + r)/(r*coth(s*r/2) - r)
 *   r*coth(s*r/2) = 2/s + q,      q = s*r^2/6 - s^3*r^4/360 + ...
 *   b = q + r,  a = q - r         both small, so they keep bits that 2/s + b would lose
 *
 * For x = 1, s = 1: n = 1, r = 0.3068528, q = 0.0156685, b = 0.3225214, a = -0.2911843,
 * and 2*2.3225214/1.7088157 = 2.718282.
 *
 * g is q/r^2. Its two coefficients are the minimax ones, 5.5e-10 off in e^(s*x). The form
 * needs one division, which tanh and sigmoid share with their own.
 *
 * shift is 1.5*2^23 + offset. Floats from 2^23 to 2^24 are the integers, so adding shift
 * rounds to one, and n + offset stands in the last bits of the float. 1.5 leaves room for
 * a negative n. up23 moves these bits to the place of the exponent; those above fall out:
 *   n = 1, offset 127      12583040.0f is 0x4b400080, which becomes 0x40000000, or 2.0f
 *   n = -3, offset 64      12582973.0f is 0x4b40003d, which becomes 61 in the exponent
 * With offset 127 this is the float 2^n; with another offset it is added to an exponent.
 *
 * ln 2 has two parts where n may be large: the first has 15 bits, so its product with n
 * is exact. Without the second part the error of r grows with n. That does not matter if
 * 2^n, n < 0, is added to 1 afterwards, as tanh does.
 *
 * -0.0 - r is -r also for r = 0, so compilers may change the sign bit instead. For a NaN,
 * a and b are NaN, and the returned bits are arbitrary.
 *
 * What the functions below give at the edges:
 *   x         NaN   Inf   -Inf   0     -0    1e-40   -1e-40
 *   exp       NaN   Inf   0      1     1     1       1
 *   expm1                 -1                         -1e-40
 *   sigmoid   NaN   1     0      0.5   0.5   0.5     0.5
 *   tanh      NaN   1     -1     0     -0    1e-40   -1e-40 */
LSTM_IMPL_INLINE lstm_k_w LSTM_K(exp_parts)(lstm_k_v x, float s, int n_may_be_large,
                                            lstm_k_v shift, lstm_k_v *a, lstm_k_v *b)
{
    lstm_k_v shifted = lstm_k_madd(x, lstm_k_all(s * 1.44269504f), shift), n, r, r2, g;
#if LSTM_IMPL_HAS_ROUND
    __asm__("" : LSTM_IMPL_VECTOR_REGISTER(shifted));
#endif
    n = lstm_k_sub(shifted, shift);
    if (n_may_be_large) {
        r = lstm_k_madd(n, lstm_k_all(-0.693145752f / s), x);
        r = lstm_k_madd(n, lstm_k_all(-1.42860682e-6f / s), r);
    } else {
        r = lstm_k_madd(n, lstm_k_all(-0.693147182f / s), x);
    }
    r2 = LSTM_K(square)(r);
    g = lstm_k_madd(r2, lstm_k_all(-0.0027659475f * s * s * s),
                    lstm_k_all(0.166666175f * s));
    *a = lstm_k_madd(r2, g, lstm_k_sub(lstm_k_all(-0.0f), r));
    *b = lstm_k_madd(r2, g, r);
    return lstm_k_bits(shifted);
}

/* |x|, also of a NaN: without the sign bit */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(abs)(lstm_k_v x)
{
    return lstm_k_of_bits(lstm_k_and(lstm_k_bits(x), lstm_k_all_bits(0x7fffffffu)));
}

/* x < 0 ? a : b, in each lane. Both are computed, as vectors have no branches. For a NaN
 * and for -0 it is b, which therefore has to keep a NaN. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(below_0)(lstm_k_v x, lstm_k_v a, lstm_k_v b)
{
    return lstm_k_select(lstm_k_less(x, lstm_k_all(0.0f)), a, b);
}

/* A user's function of one float, for each float of a vector. users_exp and users_tanh
 * are functions because LSTM_EXPF and LSTM_TANHF may be macros, which have no address. */
#if !LSTM_IMPL_OWN_MATH
LSTM_IMPL_INLINE lstm_k_v LSTM_K(call)(float (*f)(float), lstm_k_v x)
{
    float lanes[LSTM_K_LANES];
    unsigned k;
    lstm_k_store(lanes, x);
    for (k = 0; k < LSTM_K_LANES; k++) {
        lanes[k] = f(lanes[k]);
    }
    return lstm_k_load(lanes);
}
#endif
#ifdef LSTM_EXPF
static inline float LSTM_K(users_exp)(float x)
{
    return LSTM_EXPF(x);
}
#endif
#ifdef LSTM_TANHF
static inline float LSTM_K(users_tanh)(float x)
{
    return LSTM_TANHF(x);
}
#endif

/* e^x, also where it is denormal or overflows. 2^n is applied in two factors, 2^(n + 64)
 * and 2^-64 for x < 0, 2^(n - 64) and 2^64 else. The first is added to the exponent of 2
 * + b, which is a normal float from 1.6 to 2.4 and stays one. The second is a product, so
 * it rounds a denormal and overflows to infinity by itself. At the limits: e^-104 is less
 * than half the smallest denormal and so becomes 0, and e^89 is larger than the largest
 * float. A NaN is lost in the exponent but kept by a. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(exp)(lstm_k_v x)
{
#ifdef LSTM_EXPF
    return LSTM_K(call)(LSTM_K(users_exp), x);
#else
    const lstm_k_v shift = LSTM_K(below_0)(x, lstm_k_all(12582912.0f + 64.0f),
                                           lstm_k_all(12582912.0f - 64.0f));
    const lstm_k_v factor = LSTM_K(below_0)(x, lstm_k_all(5.42101086e-20f),
                                            lstm_k_all(18446744073709551616.0f));
    lstm_k_v a, b, over;
    lstm_k_w n;
    x = lstm_k_clip(lstm_k_all(-104.0f), lstm_k_all(89.0f), x);
    n = LSTM_K(exp_parts)(x, 1.0f, 1, shift, &a, &b);
    over = lstm_k_of_bits(
        lstm_k_plus(lstm_k_bits(lstm_k_add(lstm_k_all(2.0f), b)), lstm_k_up23(n)));
    return lstm_k_mul(lstm_k_div(over, lstm_k_add(lstm_k_all(2.0f), a)), factor);
#endif
}

/* e^-|x|, which cannot overflow */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(exp_minus_abs)(lstm_k_v x)
{
    return LSTM_K(exp)(
        lstm_k_of_bits(lstm_k_or(lstm_k_bits(x), lstm_k_all_bits(0x80000000u))));
}

/* e^x - 1, without the cancellation near 0; for x < 0. With P = 2^n:
 *   P*(2 + b)/(2 + a) - 1 = ((2*P - 2) + (P*b - a))/(2 + a)
 * Near 0, P is 1, so the first bracket is 0 and the second is b - a = 2r. Below -30 the
 * result is -1. Any other x, whose result elu and selu do not use, is taken as -1: for 0,
 * b would be denormal, and its product with P takes some CPUs three times as long. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(expm1)(lstm_k_v x)
{
    const lstm_k_v two = lstm_k_all(2.0f);
    lstm_k_v a, b, power;
    x = LSTM_K(below_0)(x, x, lstm_k_all(-1.0f));
    x = lstm_k_clip(lstm_k_all(-30.0f), lstm_k_all(30.0f), x);
    power = lstm_k_of_bits(lstm_k_up23(
        LSTM_K(exp_parts)(x, 1.0f, 1, lstm_k_all(12582912.0f + 127.0f), &a, &b)));
    return lstm_k_div(lstm_k_add(lstm_k_sub(lstm_k_mul(two, power), two),
                                 lstm_k_sub(lstm_k_mul(power, b), a)),
                      lstm_k_add(two, a));
}

/* sigmoid(x) = 1/(1 + e^-x) = e^x/(1 + e^x) as a fraction, both parts times 2^64 so that
 * a denormal result comes out of the division rounded once. Beyond the bounds of the clip
 * the result is 0 or 1. 2^n is multiplied by an addition to the exponent, which would
 * lose a NaN, but `under` keeps it.
 *
 *   over  = (2 + b)*2^(n + 64)
 *   under = (2 + a)*2^64 + over
 *
 * The bounds: e^-104 is less than half the smallest denormal; 1 - 1/(1 + e^18) is nearer
 * to 1 than to the float below it. over stays above 2^-86, so it is normal, and under
 * below 2^92, so it may be multiplied by that of tanh. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(sigmoid_parts)(lstm_k_v x, lstm_k_v *under)
{
    const lstm_k_v two = lstm_k_all(2.0f);
    lstm_k_v a, b, over;
    lstm_k_w n;
    x = lstm_k_clip(lstm_k_all(-104.0f), lstm_k_all(18.0f), x);
    n = LSTM_K(exp_parts)(x, 1.0f, 1, lstm_k_all(12582912.0f + 64.0f), &a, &b);
    over = lstm_k_of_bits(lstm_k_plus(lstm_k_bits(lstm_k_add(two, b)), lstm_k_up23(n)));
    *under = LSTM_K(add_2_64_times)(lstm_k_add(two, a), over);
    return over;
}

/* tanh(x) as a fraction: tanh|x| = (1 - e)/(1 + e) with e = e^(-2|x|) = P*(1 + b)/(1 + a)
 * and P = 2^n, so
 *
 *   over  = (1 - P) + (a - P*b)
 *   under = (1 + P) + (a + P*b)
 *
 * In this order nothing cancels: near 0, P is 1, and -2r/(2 + 2q) is left, with -r = |x|.
 * From 10 on the result is 1: 1 - tanh(10) is 4e-9, less than half of the last bit. The
 * sign of x is put in at the end, so tanh(-x) is -tanh(x), bit by bit, also for 0.
 *
 * For x = 1: n = -3, P = 1/8, r = 0.0397208, a = -0.0391949, b = 0.0402466, and
 * over/under is 0.8307743/1.0908359 = 0.761594. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(tanh_parts)(lstm_k_v x, lstm_k_v *under)
{
    const lstm_k_v one = lstm_k_all(1.0f);
    const lstm_k_w sign = lstm_k_all_bits(0x80000000u);
    lstm_k_v minus_abs, a, b, power, over;
    minus_abs = lstm_k_of_bits(lstm_k_or(lstm_k_bits(x), sign));
    minus_abs = lstm_k_clip(lstm_k_all(-10.0f), lstm_k_all(10.0f), minus_abs);
    power = lstm_k_of_bits(lstm_k_up23(
        LSTM_K(exp_parts)(minus_abs, 2.0f, 0, lstm_k_all(12582912.0f + 127.0f), &a, &b)));
    b = lstm_k_mul(power, b);
    over = lstm_k_add(lstm_k_sub(one, power), lstm_k_sub(a, b));
    *under = lstm_k_add(lstm_k_add(one, power), lstm_k_add(a, b));
    return lstm_k_of_bits(lstm_k_or(lstm_k_bits(over), lstm_k_and(lstm_k_bits(x), sign)));
}

/* 1/(1 + e^-x). With a user's e^x it is called for -|x| alone, so that it cannot
 * overflow. For x < 0 it is e^x/(1 + e^x), which has the same denominator. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(sigmoid)(lstm_k_v x)
{
#ifdef LSTM_EXPF
    const lstm_k_v one = lstm_k_all(1.0f), e = LSTM_K(exp_minus_abs)(x);
    return lstm_k_div(LSTM_K(below_0)(x, e, one), lstm_k_add(one, e));
#else
    lstm_k_v under;
    const lstm_k_v over = LSTM_K(sigmoid_parts)(x, &under);
    return lstm_k_div(over, under);
#endif
}

/* tanh(x), or the user's */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(tanh)(lstm_k_v x)
{
#ifdef LSTM_TANHF
    return LSTM_K(call)(LSTM_K(users_tanh), x);
#else
    lstm_k_v under;
    const lstm_k_v over = LSTM_K(tanh_parts)(x, &under);
    return lstm_k_div(over, under);
#endif
}

/* How many of the floats that are left the next vector has */
LSTM_IMPL_INLINE size_t LSTM_K(next_of)(size_t left)
{
    return left < LSTM_K_LANES ? left : LSTM_K_LANES;
}

/* The first n floats of a vector, n <= LSTM_K_LANES, from and to memory. Where n is a
 * constant the comparison costs nothing. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(get)(const float *p, size_t n)
{
    return n == LSTM_K_LANES ? lstm_k_load(p) : lstm_k_load_some(p, n);
}

LSTM_IMPL_INLINE void LSTM_K(put)(float *p, lstm_k_v x, size_t n)
{
    if (LSTM_K_LANES == 1 || n == LSTM_K_LANES) {
        lstm_k_store(p, x);
    } else {
        lstm_k_store_some(p, x, n);
    }
}

#if LSTM_K_LANES < 16 /* AVX-512 has those of AVX2, see LSTM_K_8 */
/* log((1 + z)/(1 - z)) for 0 <= z <= 1/3: 2z(1 + z^2/3 + z^4/5 + ...), minimax, 4.6e-9
 * off, relative to the result. All terms are positive, so nothing cancels. z itself is
 * added last, since the rest is small beside it. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(log_ratio)(lstm_k_v z)
{
    const lstm_k_v z2 = lstm_k_mul(z, z);
    lstm_k_v p = lstm_k_madd(z2, lstm_k_all(0.140121858f), lstm_k_all(0.139995806f));
    p = lstm_k_madd(z2, p, lstm_k_all(0.200108488f));
    p = lstm_k_madd(z2, p, lstm_k_all(0.333332066f));
    p = lstm_k_madd(z, lstm_k_mul(z2, p), z);
    return lstm_k_add(p, p);
}

/* log(x) for finite x >= 1, and NaN for NaN. x = m*2^exponent with 1 <= m < 2, and m = (1
 * + z)/(1 - z) with z = (m - 1)/(m + 1), which is at most 1/3. It is called once for an
 * array, so it is no vector function: all lanes of log_ratio hold the same. */
LSTM_IMPL_INLINE float LSTM_K(log)(float x)
{
    const uint32_t bits = lstm_impl_bits_of_float(x);
    const float exponent = LSTM_IMPL_TO(float, LSTM_IMPL_TO(int, (bits >> 23) - 127u));
    const float m = lstm_impl_float_of_bits((bits & 0x007fffffu) | 0x3f800000u);
    float lanes[LSTM_K_LANES];
    lstm_k_store(lanes, LSTM_K(log_ratio)(lstm_k_all((m - 1.0f) / (m + 1.0f))));
    return x != x ? x : LSTM_K(multiply_add_1)(exponent, 0.693147182f, lanes[0]);
}

/* The normal distribution's P(X > a) for a >= 0: e^(-a^2/2)/2 times a polynomial in 1/(1
 * + 0.4 a/sqrt 2), minimax for a <= 14 with 1.2e-7 relative error. For larger a
 * e^(-a^2/2) is denormal or 0. It is not computed as 1 - P(X < a), which would cancel. t,
 * the polynomial's variable, goes from 1 at a = 0 to 0.2 at a = 14. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(normal_tail)(lstm_k_v a)
{
    const lstm_k_v one = lstm_k_all(1.0f), half = lstm_k_all(0.5f);
    const lstm_k_v t = lstm_k_div(one, lstm_k_madd(a, lstm_k_all(0.282842712f), one));
    lstm_k_v p = lstm_k_madd(t, lstm_k_all(0.0706680327f), lstm_k_all(-0.380969703f));
    p = lstm_k_madd(t, p, lstm_k_all(0.666125264f));
    p = lstm_k_madd(t, p, lstm_k_all(-0.366321315f));
    p = lstm_k_madd(t, p, lstm_k_all(0.414406681f));
    p = lstm_k_madd(t, p, lstm_k_all(0.131686834f));
    p = lstm_k_madd(t, p, lstm_k_all(0.240211033f));
    p = lstm_k_madd(t, p, lstm_k_all(0.224122195f));
    p = lstm_k_madd(t, p, lstm_k_all(7.08600006e-5f));
    a = LSTM_K(exp)(lstm_k_mul(lstm_k_mul(lstm_k_all(-0.5f), a), a));
    return lstm_k_mul(lstm_k_mul(half, p), a);
}

/* ---- activations: those of keras.activations, in the order of lstm_activation ---- */

/* As vectors have no branches, both sides of a condition are computed, and each lane
 * takes its own. A comparison with a NaN is false; each is written so that a NaN is then
 * kept. At the edges:
 *
 *                                 NaN   Inf   -Inf
 *   relu, softplus                NaN   Inf   0
 *   elu                           NaN   Inf   -1
 *   gelu, silu, hard_silu, mish   NaN   Inf   NaN, which is -Inf*0
 *   softsign                      NaN   NaN   NaN, which is Inf/Inf */

/* x within low..high, which need not be symmetric as for clip */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(limit)(lstm_k_v x, float low, float high)
{
    x = lstm_k_select(lstm_k_less(x, lstm_k_all(low)), lstm_k_all(low), x);
    return lstm_k_select(lstm_k_less(lstm_k_all(high), x), lstm_k_all(high), x);
}

/* clip(x/6 + 1/2, 0, 1) */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(hard_sigmoid)(lstm_k_v x)
{
    x = lstm_k_madd(x, lstm_k_all(1.0f / 6.0f), lstm_k_all(0.5f));
    return LSTM_K(limit)(x, 0.0f, 1.0f);
}

/* clip(0.2 x + 1/2, 0, 1) */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(hard_sigmoid_keras2)(lstm_k_v x)
{
    x = lstm_k_madd(x, lstm_k_all(0.2f), lstm_k_all(0.5f));
    return LSTM_K(limit)(x, 0.0f, 1.0f);
}

/* max(x, 0); a NaN is kept, as it is not below 0 */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(relu)(lstm_k_v x)
{
    return LSTM_K(below_0)(x, lstm_k_all(0.0f), x);
}

/* clip(x, 0, 6) */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(relu6)(lstm_k_v x)
{
    return LSTM_K(limit)(x, 0.0f, 6.0f);
}

/* x < 0 ? 0.2 x : x */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(leaky_relu)(lstm_k_v x)
{
    return LSTM_K(below_0)(x, lstm_k_mul(lstm_k_all(0.2f), x), x);
}

/* x < 0 ? e^x - 1 : x */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(elu)(lstm_k_v x)
{
    return LSTM_K(below_0)(x, LSTM_K(expm1)(x), x);
}

/* scale*(x < 0 ? alpha*(e^x - 1) : x), scale 1.05070099, scale*alpha 1.75809934 */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(selu)(lstm_k_v x)
{
    return LSTM_K(below_0)(x, lstm_k_mul(lstm_k_all(1.75809934f), LSTM_K(expm1)(x)),
                           lstm_k_mul(lstm_k_all(1.05070099f), x));
}

/* x*P(X < x), which is x*P(X > |x|) for x < 0, and x*(1 - P(X > x)) else */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(gelu)(lstm_k_v x)
{
    const lstm_k_v tail = LSTM_K(normal_tail)(LSTM_K(abs)(x));
    return lstm_k_mul(x, LSTM_K(below_0)(x, tail, lstm_k_sub(lstm_k_all(1.0f), tail)));
}

/* x*sigmoid(x), which Keras also calls swish */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(silu)(lstm_k_v x)
{
    return lstm_k_mul(LSTM_K(sigmoid)(x), x);
}

/* x*hard_sigmoid(x) */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(hard_silu)(lstm_k_v x)
{
    return lstm_k_mul(LSTM_K(hard_sigmoid)(x), x);
}

/* log(1 + e^x) = max(x, 0) + log(1 + e), e = e^-|x| <= 1, so no e^x overflows. 1 + e = (1
 * + z)/(1 - z) with z = e/(2 + e) <= 1/3, so a small e is not lost in the sum 1 + e. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(softplus)(lstm_k_v x)
{
    const lstm_k_v e = LSTM_K(exp_minus_abs)(x);
    return lstm_k_add(LSTM_K(relu)(x),
                      LSTM_K(log_ratio)(lstm_k_div(e, lstm_k_add(lstm_k_all(2.0f), e))));
}

/* x/(1 + |x|) */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(softsign)(lstm_k_v x)
{
    return lstm_k_div(x, lstm_k_add(lstm_k_all(1.0f), LSTM_K(abs)(x)));
}

/* x*tanh(softplus(x)); the tanh is (e^2 + 2e)/(e^2 + 2e + 2), e = e^x, or for x > 0 the
 * same over e^2, as e then would overflow. From tanh(log(u)) = (u^2 - 1)/(u^2 + 1) with u
 * = 1 + e. `rest` is what the denominator has more than `over`; no term is negative. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(mish)(lstm_k_v x)
{
    const lstm_k_v one = lstm_k_all(1.0f), two = lstm_k_all(2.0f);
    const lstm_k_v e = LSTM_K(exp_minus_abs)(x);
    const lstm_k_v twice = lstm_k_add(e, e);
    const lstm_k_v over =
        LSTM_K(below_0)(x, lstm_k_mul(e, lstm_k_add(e, two)), lstm_k_add(one, twice));
    const lstm_k_v rest = LSTM_K(below_0)(x, two, lstm_k_mul(twice, e));
    return lstm_k_mul(x, lstm_k_div(over, lstm_k_add(over, rest)));
}

/* f of every float, vector by vector. f is written into the code only once. */
LSTM_IMPL_INLINE void LSTM_K(each)(lstm_k_v (*f)(lstm_k_v), float *z, size_t count)
{
    size_t k, n;
    for (k = 0; k < count; k += n) {
        n = LSTM_K(next_of)(count - k);
        LSTM_K(put)(z + k, f(LSTM_K(get)(z + k, n)), n);
    }
}

/* Each activation on an array. These are what pointers point to, so one function serves
 * all layers of a program. The names are those of find, below. */
LSTM_IMPL_KERNEL void LSTM_K(all_linear)(float *z, size_t n)
{
    (void)z;
    (void)n;
}

LSTM_IMPL_KERNEL void LSTM_K(all_tanh)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(tanh), z, n);
}

LSTM_IMPL_KERNEL void LSTM_K(all_sigmoid)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(sigmoid), z, n);
}

LSTM_IMPL_KERNEL void LSTM_K(all_hard_sigmoid)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(hard_sigmoid), z, n);
}

LSTM_IMPL_KERNEL void LSTM_K(all_hard_sigmoid_keras2)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(hard_sigmoid_keras2), z, n);
}

LSTM_IMPL_KERNEL void LSTM_K(all_relu)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(relu), z, n);
}

LSTM_IMPL_KERNEL void LSTM_K(all_relu6)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(relu6), z, n);
}

LSTM_IMPL_KERNEL void LSTM_K(all_leaky_relu)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(leaky_relu), z, n);
}

LSTM_IMPL_KERNEL void LSTM_K(all_elu)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(elu), z, n);
}

LSTM_IMPL_KERNEL void LSTM_K(all_selu)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(selu), z, n);
}

LSTM_IMPL_KERNEL void LSTM_K(all_gelu)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(gelu), z, n);
}

LSTM_IMPL_KERNEL void LSTM_K(all_silu)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(silu), z, n);
}

LSTM_IMPL_KERNEL void LSTM_K(all_hard_silu)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(hard_silu), z, n);
}

LSTM_IMPL_KERNEL void LSTM_K(all_softplus)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(softplus), z, n);
}

LSTM_IMPL_KERNEL void LSTM_K(all_softsign)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(softsign), z, n);
}

LSTM_IMPL_KERNEL void LSTM_K(all_exponential)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(exp), z, n);
}

LSTM_IMPL_KERNEL void LSTM_K(all_mish)(float *z, size_t n)
{
    LSTM_K(each)(LSTM_K(mish), z, n);
}

/* z - a and z/a, as functions for each_with */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(minus)(lstm_k_v a, lstm_k_v b)
{
    return lstm_k_sub(a, b);
}

LSTM_IMPL_INLINE lstm_k_v LSTM_K(over)(lstm_k_v a, lstm_k_v b)
{
    return lstm_k_div(a, b);
}

/* f(float, a) of every float of z */
LSTM_IMPL_INLINE void LSTM_K(each_with)(lstm_k_v (*f)(lstm_k_v, lstm_k_v), float *z,
                                        size_t count, float a)
{
    const lstm_k_v every_a = lstm_k_all(a);
    size_t k, n;
    for (k = 0; k < count; k += n) {
        n = LSTM_K(next_of)(count - k);
        LSTM_K(put)(z + k, f(LSTM_K(get)(z + k, n), every_a), n);
    }
}

/* Takes the largest element off all of them. A NaN is never larger, so it does not become
 * the largest, except as z[0], and then all become NaN. Each lane finds the largest of
 * its own elements, then the lanes are compared. At entry n >= 1. */
LSTM_IMPL_KERNEL void LSTM_K(take_largest_off)(float *z, size_t n)
{
    float largest = z[0];
    size_t k = 0;
#if LSTM_K_LANES > 1
    lstm_k_v most = lstm_k_all(largest);
    float lanes[LSTM_K_LANES];
    size_t p;
    for (; n - k >= LSTM_K_LANES; k += LSTM_K_LANES) {
        most = lstm_k_select(lstm_k_less(most, lstm_k_load(z + k)), lstm_k_load(z + k),
                             most);
    }
    lstm_k_store(lanes, most);
    for (p = 0; p < LSTM_K_LANES; p++) {
        largest = lanes[p] > largest ? lanes[p] : largest;
    }
#endif
    for (; k < n; k++) {
        largest = z[k] > largest ? z[k] : largest;
    }
    LSTM_K(each_with)(LSTM_K(minus), z, n, largest);
}

/* Adds n floats to 16 sums, which take turns. Element k goes to sum k % 16 in every set:
 * the order of the sums does not depend on the length of vectors. n is a multiple of 16,
 * or this is the last call. */
LSTM_IMPL_KERNEL void LSTM_K(add_in_turn)(float *sums, const float *z, size_t n)
{
    size_t k = 0, v;
#if LSTM_K_LANES > 1
    for (; n - k >= 16; k += 16) {
        LSTM_IMPL_EACH(v, 16 / LSTM_K_LANES) {
            float *sum = sums + v * LSTM_K_LANES;
            lstm_k_store(
                sum, lstm_k_add(lstm_k_load(sum), lstm_k_load(z + k + v * LSTM_K_LANES)));
        }
    }
#endif
    for (v = 0; k < n; k++, v++) {
        sums[v % 16] += z[k];
    }
}

/* The sum of 16 sums: that of k and k+8, then k+4, k+2, k+1. The order has to be the same
 * in every set, so this is scalar code. */
LSTM_IMPL_KERNEL float LSTM_K(add_up)(float *sums)
{
    unsigned k;
    LSTM_IMPL_EACH(k, 8) {
        sums[k] += sums[k + 8];
    }
    LSTM_IMPL_EACH(k, 4) {
        sums[k] += sums[k + 4];
    }
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

/* e^(z - m)/sum(e^(z - m)) with m, the largest z. The factor e^-m is in both parts of the
 * fraction, and keeps e^z from overflowing. The sum is at least 1, as e^0 is in it. A NaN
 * reaches the sum, and so every output. In place: z holds the differences, then the
 * exponentials, then the quotients. */
LSTM_IMPL_KERNEL void LSTM_K(all_softmax)(float *z, size_t n)
{
    float sums[16] = {0};
    LSTM_K(take_largest_off)(z, n);
    LSTM_K(all_exponential)(z, n);
    LSTM_K(add_in_turn)(sums, z, n);
    LSTM_K(each_with)(LSTM_K(over), z, n, LSTM_K(add_up)(sums));
}

/* z - log(sum(e^z)). The result needs z itself, so the exponentials have no place to
 * stay. They are computed some at a time, a multiple of 16 so that the sums take the same
 * turns. */
LSTM_IMPL_KERNEL void LSTM_K(all_log_softmax)(float *z, size_t n)
{
    float sums[16] = {0}, some[LSTM_K_LANES > 1 ? 64 : 16];
    const size_t most = sizeof some / sizeof *some;
    size_t k, count, p;
    LSTM_K(take_largest_off)(z, n);
    for (k = 0; k < n; k += count) {
        count = n - k < most ? n - k : most;
        for (p = 0; p < count; p++) {
            some[p] = z[k + p];
        }
        LSTM_K(all_exponential)(some, count);
        LSTM_K(add_in_turn)(sums, some, count);
    }
    LSTM_K(each_with)(LSTM_K(minus), z, n, LSTM_K(log)(LSTM_K(add_up)(sums)));
}

#endif /* LSTM_K_LANES < 16 */

/* ---- cells: from the gates' sums to the new state ---- */

/* A value so small that it stands for a state that has decayed becomes 0, so that no
 * arithmetic on denormals follows. The bound is 2^-100, so that products with weights
 * above 2^-26 are normal floats too. A -tiny becomes +0. A NaN is kept: as bits it is
 * larger than the bound, and as a float it is not less. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(without_tiny)(lstm_k_v x)
{
#if LSTM_K_LANES == 1
    return (lstm_impl_bits_of_float(x) & 0x7fffffffu) < 0x0d800000u ? 0.0f : x;
#else
    const lstm_k_v tiny = lstm_k_all(7.88860905e-31f); /* 2^-100 */
    return lstm_k_select(lstm_k_less(LSTM_K(abs)(x), tiny), lstm_k_all(0.0f), x);
#endif
}

/* sigmoid(x)*tanh(y), with one division for both: a cell has three divisions in place of
 * five. With two in all, the worst error would be about twice as large. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(sigmoid_times_tanh)(lstm_k_v x, lstm_k_v y)
{
    lstm_k_v under, tanh_under, over = LSTM_K(sigmoid_parts)(x, &under);
    over = lstm_k_mul(over, LSTM_K(tanh_parts)(y, &tanh_under));
    return lstm_k_div(over, lstm_k_mul(under, tanh_under));
}

/* Keras' default cell: c' = sigmoid(f)*c + sigmoid(i)*tanh(g), from the gates' sums. Two
 * divisions here: one for sigmoid(f), one for the product on the right. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(new_c)(lstm_k_v i, lstm_k_v f, lstm_k_v g, lstm_k_v c)
{
    const lstm_k_v new_part = LSTM_K(sigmoid_times_tanh)(i, g);
    return LSTM_K(without_tiny)(lstm_k_madd(LSTM_K(sigmoid)(f), c, new_part));
}

/* h' = sigmoid(o)*tanh(c'), with the third division */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(new_h)(lstm_k_v o, lstm_k_v c)
{
    return LSTM_K(without_tiny)(LSTM_K(sigmoid_times_tanh)(o, c));
}

#if LSTM_K_LANES > 1
/* The cells of all units: first every c, then every h, as within one unit each operation
 * waits for the one before. The last vector may overlap the one before, so the loop
 * begins with it: its c is read before that is written, and stored last. Repeating the
 * overlapped units gives the same numbers. The c of a single vector stays in a register:
 * h need not wait for it in memory. At entry units >= LSTM_K_LANES.
 *
 *   4 lanes, 10 units:   [ 0 1 2 3 ][ 4 5 6 7 ]
 *                                       [ 6 7 8 9 ]    last = 6 */
LSTM_IMPL_KERNEL void LSTM_K(whole_cells)(const float *z, size_t units, float *h,
                                          float *c)
{
    const size_t last = units - LSTM_K_LANES;
    const float *f = z + units, *g = f + units, *o = g + units;
    lstm_k_v new_c, last_c = lstm_k_all(0.0f);
    size_t u = last;
    do {
        new_c = LSTM_K(new_c)(lstm_k_load(z + u), lstm_k_load(f + u), lstm_k_load(g + u),
                              lstm_k_load(c + u));
        if (u == last) {
            last_c = new_c;
            u = 0;
        } else {
            lstm_k_store(c + u, new_c);
            u += LSTM_K_LANES;
        }
    } while (u < last);
    lstm_k_store(c + last, last_c);
    if (last > 0) {
        last_c = lstm_k_load(c);
    }
    for (u = 0;; last_c = lstm_k_load(c + u)) { /* from here on the c of vector u */
        lstm_k_store(h + u, LSTM_K(new_h)(lstm_k_load(o + u), last_c));
        if (u == last) {
            break;
        }
        u = u + LSTM_K_LANES < last ? u + LSTM_K_LANES : last;
    }
}

/* Keras' default cells; fewer units than a vector has floats become those of a vector, of
 * 8 at most. The lanes that are left over are 0 and stay finite. `activations` is there
 * as any_cells has it. */
LSTM_IMPL_KERNEL void LSTM_K(cells)(const lstm_impl_activations *activations,
                                    size_t units, float *z, float *h, float *c)
{
#if LSTM_K_LANES == 16
    if (units < LSTM_K_LANES) {
        LSTM_K_8(cells)(activations, units, z, h, c);
    } else {
        LSTM_K(whole_cells)(z, units, h, c);
    }
#else
    float gates[4 * LSTM_K_LANES], new_h[LSTM_K_LANES], new_c[LSTM_K_LANES];
    unsigned gate;
    (void)activations;
    if (units >= LSTM_K_LANES) {
        LSTM_K(whole_cells)(z, units, h, c);
        return;
    }
    for (gate = 0; gate < 4; gate++) {
        lstm_k_store(gates + gate * LSTM_K_LANES,
                     lstm_k_load_some(z + gate * units, units));
    }
    lstm_k_store(new_c, lstm_k_load_some(c, units));
    LSTM_K(whole_cells)(gates, LSTM_K_LANES, new_h, new_c);
    lstm_k_store_some(c, lstm_k_load(new_c), units);
    lstm_k_store_some(h, lstm_k_load(new_h), units);
#endif
}
#else
/* Keras' default cells. c and h both need a product sigmoid*tanh: the round with is_h = 0
 * makes c from it, the other h. Code that has to be short keeps the loop, so it has the
 * formula only once. z moves on with u: z[0] is i of this unit, z[units] its f. */
LSTM_IMPL_KERNEL void LSTM_K(cells)(const lstm_impl_activations *activations,
                                    size_t units, float *z, float *h, float *c)
{
    float product = 0.0f;
    size_t u;
    int is_h;
    (void)activations;
    for (u = 0; u < units; u++, z++) {
        LSTM_IMPL_EACH_PART(is_h, 2) {
            product = LSTM_K(sigmoid_times_tanh)(is_h ? z[3 * units] : z[0],
                                                 is_h ? c[u] : z[2 * units]);
            if (!is_h) {
                product = lstm_k_madd(LSTM_K(sigmoid)(z[units]), c[u], product);
                c[u] = LSTM_K(without_tiny)(product);
            }
        }
        h[u] = LSTM_K(without_tiny)(product);
    }
}
#endif

#if LSTM_K_LANES < 16 /* AVX-512 has those of AVX2, see LSTM_K_8 */
/* Any other activations, on whole arrays. A copy of the new c takes
 * the place of i and is activated there; c itself has to stay as it is.
 *
 *   z        | i           | f        | g           | o          |
 *   then     | rec(i)      | rec(f)   | act(g)      | rec(o)     |
 *   then     | c           |          |             |            |   c = rec(f)*c + ...
 *   then     | act(c)      |          |             | rec(o)     |   h = rec(o)*act(c)
 */
LSTM_IMPL_KERNEL void LSTM_K(any_cells)(const lstm_impl_activations *activations,
                                        size_t units, float *z, float *h, float *c)
{
    float *i = z, *f = i + units, *g = f + units, *o = g + units, *activated_c = z;
    lstm_k_v value;
    size_t u, n;
    activations->recurrent_activation(i, units);
    activations->recurrent_activation(f, units);
    activations->activation(g, units);
    activations->recurrent_activation(o, units);
    for (u = 0; u < units; u += n) {
        n = LSTM_K(next_of)(units - u);
        value = lstm_k_mul(LSTM_K(get)(i + u, n), LSTM_K(get)(g + u, n));
        value = lstm_k_madd(LSTM_K(get)(f + u, n), LSTM_K(get)(c + u, n), value);
        value = LSTM_K(without_tiny)(value);
        LSTM_K(put)(c + u, value, n);
        LSTM_K(put)(activated_c + u, value, n);
    }
    activations->activation(activated_c, units);
    for (u = 0; u < units; u += n) {
        n = LSTM_K(next_of)(units - u);
        value = lstm_k_mul(LSTM_K(get)(o + u, n), LSTM_K(get)(activated_c + u, n));
        LSTM_K(put)(h + u, LSTM_K(without_tiny)(value), n);
    }
}

#endif /* LSTM_K_LANES < 16 */

/* ---- sums: x*kernel + h*recurrent_kernel + bias ---- */

#if LSTM_K_LANES > 1

/* Where vector v of a panel of n is. The last one is at `tail`, as it may overlap the one
 * before. Columns in both are computed twice and stored twice, with the same value. That
 * is faster than a vector that is filled in part. With 4 lanes, 10 columns and n = 3,
 * tail is 6:
 *
 *   column   0  1  2  3  4  5  6  7  8  9
 *   v = 0    x  x  x  x
 *   v = 1                x  x  x  x
 *   v = 2                      x  x  x  x */
#define LSTM_K_OFFSET(v, n, tail) ((v) + 1 < (n) ? (v)*LSTM_K_LANES : (tail))

/* sum[v] += a * vector v of a row, for the n vectors of a panel. n is a constant of the
 * caller. */
LSTM_IMPL_INLINE void LSTM_K(add_row)(lstm_k_v *sum, const unsigned n, const size_t tail,
                                      const size_t lanes, const float *row, float a)
{
    const lstm_k_v factor = lstm_k_all(a);
    unsigned v;
    LSTM_IMPL_EACH(v, n) {
        sum[v] = lstm_k_madd(LSTM_K(get)(row + LSTM_K_OFFSET(v, n, tail), lanes), factor,
                             sum[v]);
    }
}

/* A panel: the sums of n vectors of columns from column j on, for one row of x and h, all
 * in registers. The two halves of h go side by side, as each product waits for the one
 * before in its own sum.
 *
 *         j            j + n*lanes
 *   - - - +------------+ - - -    for each row of the matrix: one float of x or h in all
 *         |  row k     |          lanes, n vectors of weights, n multiply-adds
 *         |  row k + 1 |
 *         |  ...       |          first: init, x, and the first half of h
 *         +------------+          second: the second half
 *
 * Weights are read once and are not needed again, so they are not kept. If units is odd,
 * the first half has one row more. `lanes` is less than LSTM_K_LANES for n = 1 only. */
LSTM_IMPL_INLINE void LSTM_K(panel)(const lstm_impl_sums *s, const unsigned n,
                                    const size_t tail, const size_t lanes, size_t j,
                                    float *z)
{
    const size_t column_count = s->column_count;
    const lstm_impl_part *x = &s->parts[0], *h = &s->parts[1], *half = &s->parts[2];
    const float *row = x->matrix + j, *second_row = half->matrix + j;
    lstm_k_v first[LSTM_K_PANEL], second[LSTM_K_PANEL];
    size_t k;
    unsigned v;
    LSTM_IMPL_EACH(v, n) {
        first[v] = second[v] = lstm_k_all(0.0f);
        if (s->init != LSTM_IMPL_NULL) {
            first[v] = LSTM_K(get)(s->init + j + LSTM_K_OFFSET(v, n, tail), lanes);
        }
    }
    for (k = 0; k < x->count; k++, row += column_count) {
        LSTM_K(add_row)(first, n, tail, lanes, row, x->a[k]);
    }
    row = h->matrix + j;
    for (k = 0; k < half->count; k++, row += column_count, second_row += column_count) {
        LSTM_K(add_row)(first, n, tail, lanes, row, h->a[k]);
        LSTM_K(add_row)(second, n, tail, lanes, second_row, half->a[k]);
    }
    if (k < h->count) {
        LSTM_K(add_row)(first, n, tail, lanes, row, h->a[k]);
    }
    LSTM_IMPL_EACH(v, n) {
        first[v] = lstm_k_add(first[v], second[v]);
        LSTM_K(put)(z + j + LSTM_K_OFFSET(v, n, tail), first[v], lanes);
    }
}

/* A panel of `width` columns from j on, at most four vectors. Less than a vector is taken
 * with columns of the panel before, so at entry j + width >= lanes. */
LSTM_IMPL_INLINE void LSTM_K(some_panel)(const lstm_impl_sums *s, size_t width, size_t j,
                                         float *z)
{
    const size_t lanes = LSTM_K_LANES;
    if (width <= lanes) {
        LSTM_K(panel)(s, 1, 0, lanes, j + width - lanes, z);
    } else if (width <= 2 * lanes) {
        LSTM_K(panel)(s, 2, width - lanes, lanes, j, z);
#if LSTM_K_PANEL >= 4
    } else if (width <= 3 * lanes) {
        LSTM_K(panel)(s, 3, width - lanes, lanes, j, z);
    } else {
        LSTM_K(panel)(s, 4, width - lanes, lanes, j, z);
#endif
    }
}

/* How many columns of a row of weights come first, so that all panels after them begin at
 * a cache line: 17 to 31, two vectors of AVX-512 or three or four of AVX2. A line is 64
 * bytes or 16 floats. A vector across two lines takes as long as two: weights 4 bytes
 * past a line would cost up to a third of the time. 0 if that gains nothing: weights at a
 * line already, rows that are no whole lines and so begin anywhere, fewer than eight
 * vectors, or vectors of four, which are seldom across. */
LSTM_IMPL_INLINE size_t LSTM_K(columns_to_line)(const lstm_impl_sums *s)
{
    const size_t past = LSTM_IMPL_AS(size_t, s->parts[0].matrix) / sizeof(float) % 16;
    const int helps =
        past > 0 && s->column_count % 16 == 0 && s->column_count >= 8 * LSTM_K_LANES;
    return helps && LSTM_K_LANES > 4 ? 32 - past : 0;
}

/* One row, panel by panel. With vectors of 4, 20 columns are a panel of
 * four vectors and one of a single vector. A Dense layer of 18 units has its second panel
 * at 14. */
LSTM_IMPL_KERNEL void LSTM_K(row_in_panels)(const lstm_impl_sums *s, float *z)
{
    const size_t column_count = s->column_count, lanes = LSTM_K_LANES;
    const size_t most = (LSTM_K_PANEL == 2 ? 2 : 4) * lanes;
    const size_t head = LSTM_K(columns_to_line)(s);
    size_t j = 0, width;
    if (column_count < lanes) { /* not with vectors of four: a unit has four columns */
#if LSTM_K_LANES == 16
        LSTM_K_8(row_in_panels)(s, z);
#elif LSTM_K_LANES > 4
        LSTM_K(panel)(s, 1, 0, column_count, 0, z);
#endif
        return;
    }
    for (; j < column_count; j += width) {
        width = j < head ? head : column_count - j;
#if LSTM_K_PANEL == 8
        if (width >= 8 * lanes) {
            width = 8 * lanes;
            LSTM_K(panel)(s, 8, 7 * lanes, lanes, j, z);
            continue;
        }
#endif
        width = width < most ? width : most;
        LSTM_K(some_panel)(s, width, j, z);
    }
}

/* Whether the sums begin 1 to 255 bytes behind the weights, counted modulo 1 KB. A load
 * may overtake a store, but x86 CPUs compare only the low 12 bits of the addresses, 4 KB.
 * So the weights of a vector may wait for the sums of the vector before, if columns are
 * taken from first to last. Vectors of 64 bytes with rows of 4 KB then take up to 1.7
 * times as long. From the last column to the first they do not wait, but that direction
 * is up to 3 % slower in other places. Rows that are not a multiple of 4 KB begin at
 * several places of 4 KB, 1 KB apart if units are a multiple of 64: so it is modulo 1 KB.
 * Shorter vectors gain nothing. */
LSTM_IMPL_INLINE int LSTM_K(is_just_behind)(const float *z, const float *weights)
{
    const size_t behind = LSTM_IMPL_AS(size_t, z) % 1024 + 1024;
    const size_t past = (behind - LSTM_IMPL_AS(size_t, weights) % 1024) % 1024;
    return past > 0 && past < 256 && LSTM_K_LANES == 16;
}

/* Eight, two or one rows of a matrix, times as many floats at a, added to the sums z
 *
 *       z    [ v v v ... v ]     a vector of z is loaded once for eight rows, and
 *     + a[0] * row 0             stored once: that is the cost of sums in memory
 *     + ...
 *     + a[7] * row 7
 *
 * The last vector may overlap the one before, so it is taken first and stored last. The
 * others go up from column 0, or down to it: the sums are the same.
 * At entry column_count > LSTM_K_LANES. `rows` is a constant of the caller. */
LSTM_IMPL_INLINE void LSTM_K(add_some_rows)(float *z, size_t column_count, const float *a,
                                            const unsigned rows, const float *row)
{
    const size_t lanes = LSTM_K_LANES, last = column_count - lanes;
    const size_t last_but_one = (last - 1) / lanes * lanes;
    const int goes_down = LSTM_K(is_just_behind)(z, row);
    lstm_k_v factors[8], sum, last_sum = lstm_k_all(0.0f);
    size_t j = last;
    unsigned r;
    LSTM_IMPL_EACH(r, rows) {
        factors[r] = lstm_k_all(a[r]);
    }
    do {
        sum = lstm_k_load(z + j);
        LSTM_IMPL_EACH(r, rows) {
            sum = lstm_k_madd(lstm_k_load(row + r * column_count + j), factors[r], sum);
        }
        if (j == last) {
            last_sum = sum;
            j = goes_down ? last_but_one : 0;
        } else {
            lstm_k_store(z + j, sum);
            if (goes_down && j == 0) {
                break;
            }
            j = goes_down ? j - lanes : j + lanes;
        }
    } while (j < last);
    lstm_k_store(z + last, last_sum);
}

/* z += a*matrix for one row of many columns, with the sums in memory. Eight rows of the
 * matrix are read at the same time, and share one load and one store of a sum. What is
 * left goes in pairs, and a last row alone. Caches like whole rows better than jumps from
 * row to row, and it does not matter how the weights are aligned. */
LSTM_IMPL_KERNEL void LSTM_K(add_rows)(float *z, size_t column_count,
                                       const lstm_impl_part *part)
{
    size_t count = part->count;
    const float *a = part->a, *matrix = part->matrix;
    for (; count >= 8; count -= 8, a += 8, matrix += 8 * column_count) {
        LSTM_K(add_some_rows)(z, column_count, a, 8, matrix);
    }
    for (; count >= 2; count -= 2, a += 2, matrix += 2 * column_count) {
        LSTM_K(add_some_rows)(z, column_count, a, 2, matrix);
    }
    if (count > 0) {
        LSTM_K(add_some_rows)(z, column_count, a, 1, matrix);
    }
}

/* n sums begin with init, or with zeros. A bias is read like other floats here: builds
 * with vectors have no LSTM_LOAD of the user's. */
LSTM_IMPL_KERNEL void LSTM_K(fill)(float *z, const float *init, size_t n)
{
    const lstm_k_v zeros = lstm_k_all(0.0f);
    size_t j;
    for (j = 0; j < n; j += LSTM_K_LANES) {
        const size_t place = j < n - LSTM_K_LANES ? j : n - LSTM_K_LANES;
        lstm_k_store(z + place,
                     init != LSTM_IMPL_NULL ? lstm_k_load(init + place) : zeros);
    }
}

/* One row of many columns; `second` has room for as many sums as z. The order of the sums
 * is that of a panel: init, x, first half of h, and the second half by itself. */
LSTM_IMPL_KERNEL void LSTM_K(row_in_rows)(const lstm_impl_sums *s, float *z,
                                          float *second)
{
    const size_t column_count = s->column_count;
    size_t j;
    LSTM_K(fill)(z, s->init, column_count);
    LSTM_K(add_rows)(z, column_count, &s->parts[0]);
    LSTM_K(add_rows)(z, column_count, &s->parts[1]);
    LSTM_K(fill)(second, LSTM_IMPL_NULL, column_count);
    LSTM_K(add_rows)(second, column_count, &s->parts[2]);
    for (j = 0; column_count - j >= LSTM_K_LANES; j += LSTM_K_LANES) {
        lstm_k_store(z + j, lstm_k_add(lstm_k_load(z + j), lstm_k_load(second + j)));
    }
    for (; j < column_count; j++) {
        z[j] += second[j];
    }
}

/* z = init + x*kernel + h*recurrent_kernel for one row. `second` is scratch for
 * row_in_rows, for which builds without groups have no room. */
LSTM_IMPL_INLINE void LSTM_K(row_sums)(const lstm_impl_sums *s, float *z, float *second)
{
    if (LSTM_IMPL_GROUP == 1 || s->column_count < LSTM_K_MANY_COLUMNS) {
        LSTM_K(row_in_panels)(s, z);
    } else {
        LSTM_K(row_in_rows)(s, z, second);
    }
}
#endif

#if LSTM_K_LANES > 1 && LSTM_IMPL_GROUP > 1

/* Several rows of sums. A tile is some rows by some vectors of columns, whose sums stay
 * in registers while rows of the matrix go by. A block is all rows by up to LSTM_K_BLOCK
 * columns. Before many tiles read the same weights, LSTM_K_DEPTH rows of them at a time
 * are copied: side by side they stay in the cache. Rows at a distance of a power of two
 * push each other out of it.
 *
 *                    weights: row k of the matrix, a block of 64 columns
 *                    +-----------+-----------+-----------+-- ...
 *                    | 2 vectors | 2 vectors |           |
 *                    +-----------+-----------+-----------+-- ...
 *   a: x or h of     sums
 *   row 0  a[0][k]   |           |           |
 *   ...              |  tile     |  tile     |             all tiles of the same columns,
 *   row 5  a[5][k]   |           |           |             then the next columns
 *   row 6  a[6][k]   +-----------+-----------+
 *   ...              |  tile     |  tile     |
 *   row 11           +-----------+-----------+
 *
 * A tile reads a vector of weights once for six rows: a panel would read it six times.
 * For large layers the speed is that of the memory which weights come from, so this
 * counts. */
#define LSTM_K_BLOCK 64
#define LSTM_K_DEPTH 64
#define LSTM_K_TILE_ROWS 6
/* GCC would read weights again for each row of a tile of AVX-512. */
#if LSTM_K_LANES == 16 && defined(__GNUC__) && !defined(__clang__)
#define lstm_k_keep(vector) __asm__("" : "+v"(vector))
#else
#define lstm_k_keep(vector) ((void)0)
#endif

/* A part's products with rows k.. of the matrix, `depth` of them, for one tile. a has the
 * factors of each row; `tail` is where the last of n vectors is. The x and h of rows are
 * anywhere, so there is a pointer for each. */
typedef struct LSTM_K(tile) {
    float *sums;
    size_t stride; /* floats from one row of sums to the next */
    const float *const *a;
    size_t k, depth;
    const float *weights;
    size_t step; /* floats from one row of weights to the next */
    size_t tail;
} LSTM_K(tile);

/* For each row of weights: n vectors of it are loaded once, and each is multiplied by the
 * factor of every row of sums. Six rows of two vectors are 12 sums, 2 weights and 1
 * factor: 15 of the 16 registers that SSE2 and AVX2 have. Six rows of four are 29 of the
 * 32 of AVX-512 and AArch64. The sums are loaded at the start and stored at the end: a
 * tile is called for each `depth` rows. */
LSTM_IMPL_INLINE void LSTM_K(add_tile)(const LSTM_K(tile) * t, const unsigned rows,
                                       const unsigned n)
{
    lstm_k_v sum[LSTM_K_TILE_ROWS][4], weights[4], factor;
    const float *a[LSTM_K_TILE_ROWS], *row = t->weights;
    const size_t depth = t->depth, tail = t->tail, step = t->step, stride = t->stride;
    unsigned r, v;
    size_t k;
    LSTM_IMPL_EACH(r, rows) {
        a[r] = t->a[r] + t->k;
        LSTM_IMPL_EACH(v, n) {
            sum[r][v] = lstm_k_load(t->sums + r * stride + LSTM_K_OFFSET(v, n, tail));
        }
    }
    for (k = 0; k < depth; k++, row += step) {
        LSTM_IMPL_EACH(v, n) {
            weights[v] = lstm_k_load(row + LSTM_K_OFFSET(v, n, tail));
            lstm_k_keep(weights[v]);
        }
        LSTM_IMPL_EACH(r, rows) {
            factor = lstm_k_all(a[r][k]);
            LSTM_IMPL_EACH(v, n) {
                sum[r][v] = lstm_k_madd(weights[v], factor, sum[r][v]);
            }
        }
    }
    LSTM_IMPL_EACH(r, rows) {
        LSTM_IMPL_EACH(v, n) {
            lstm_k_store(t->sums + r * stride + LSTM_K_OFFSET(v, n, tail), sum[r][v]);
        }
    }
}

/* How many vectors a tile has. Two or three rows have four, as each product waits for the
 * one before in its sum: eight sums or more keep the CPU busy. More rows have four where
 * there are 32 registers and the block's width fits: a factor then serves four products.
 * In each case the sizes are constants, so that the sums are in registers.
 *
 *   rows of a tile                    2    3    3    4    5    6
 *   vectors, 16 registers             4    4    2    2    2    2
 *   sums                              8    12   6    8    10   12
 *   vectors, 32 registers             4    4    4    4    4    4
 *   sums                              8    12   12   16   20   24
 *
 * Three by two is the second tile of seven rows. */
LSTM_IMPL_INLINE unsigned LSTM_K(tile_vectors)(size_t count, size_t width)
{
    const int is_wide = LSTM_K_PANEL == 8 && width % (4 * LSTM_K_LANES) == 0;
    return count <= 3 || is_wide ? 4 : 2;
}

LSTM_IMPL_KERNEL void LSTM_K(add_any_tile)(const LSTM_K(tile) * t, size_t rows,
                                           unsigned n)
{
    if (n == 2) {
        switch (rows) {
        case 3: LSTM_K(add_tile)(t, 3, 2); break;
        case 4: LSTM_K(add_tile)(t, 4, 2); break;
        case 5: LSTM_K(add_tile)(t, 5, 2); break;
        default: LSTM_K(add_tile)(t, 6, 2); break;
        }
        return;
    }
    switch (rows) {
    case 2: LSTM_K(add_tile)(t, 2, 4); break;
#if LSTM_K_PANEL == 8
    case 4: LSTM_K(add_tile)(t, 4, 4); break;
    case 5: LSTM_K(add_tile)(t, 5, 4); break;
    case 6: LSTM_K(add_tile)(t, 6, 4); break;
#endif
    default: LSTM_K(add_tile)(t, 3, 4); break;
    }
}

/* Copies the first `width` columns of up to LSTM_K_DEPTH rows. The last vector may
 * overlap the one before. At entry width >= LSTM_K_LANES. The CPU is told of what comes
 * next time: it does not foresee rows that are a page or more apart. 16 floats are a
 * cache line. */
LSTM_IMPL_INLINE void LSTM_K(copy_columns)(float *copy, size_t width, const float *matrix,
                                           size_t column_count, size_t rows_left)
{
    const size_t rows = rows_left < LSTM_K_DEPTH ? rows_left : LSTM_K_DEPTH;
    size_t k, j;
    for (k = 0; k < rows; k++, matrix += column_count) {
        for (j = 0; j < width; j += LSTM_K_LANES) {
            const size_t place = j < width - LSTM_K_LANES ? j : width - LSTM_K_LANES;
            lstm_k_store(copy + k * width + place, lstm_k_load(matrix + place));
            if (j % 16 == 0 && k + LSTM_K_DEPTH < rows_left) {
                LSTM_IMPL_PREFETCH(matrix + LSTM_K_DEPTH * column_count + j);
            }
        }
    }
}

/* A part's products for a block: sums += a*matrix. t.weights is at the block's first
 * column. `count` rows are split evenly into groups of up to six: eight are 4 and 4, not
 * 6 and 2. Weights are copied if more than two groups read them, unless the block has all
 * columns, as these rows are side by side already.
 *
 *   for each 64 rows of the matrix             copied: 16 KB, half of most L1 caches
 *     for each 2 (or 4) vectors of columns     the weights of a tile: 2 to 16 KB
 *       for each group of up to 6 rows         one tile
 *
 * So a tile's weights stay in the L1 cache for all groups. */
LSTM_IMPL_KERNEL void LSTM_K(add_block)(LSTM_K(tile) t, size_t count, size_t width,
                                        size_t rows_left)
{
    LSTM_ALIGNED float copy[LSTM_K_DEPTH * LSTM_K_BLOCK];
    const size_t groups = (count + LSTM_K_TILE_ROWS - 1) / LSTM_K_TILE_ROWS;
    const unsigned n = LSTM_K(tile_vectors)(count, width);
    const int copied = groups > 2 && width < t.step;
    const float *matrix = t.weights, *const *a = t.a;
    float *sums = t.sums;
    const size_t column_count = t.step;
    size_t g, j, m, rows;
    for (; rows_left > 0; rows_left -= t.depth) {
        t.depth = rows_left < LSTM_K_DEPTH ? rows_left : LSTM_K_DEPTH;
        if (copied) {
            t.step = width;
            LSTM_K(copy_columns)(copy, width, matrix, column_count, rows_left);
        }
        for (j = 0; j < width; j += n * LSTM_K_LANES) {
            t.weights = (copied ? copy : matrix) + j;
            for (g = groups, m = 0; g > 0; g--, m += rows) {
                rows = (count - m + g - 1) / g;
                t.a = a + m;
                t.sums = sums + m * t.stride + j;
                LSTM_K(add_any_tile)(&t, rows, n);
            }
        }
        t.k += t.depth;
        matrix += t.depth * column_count;
    }
}

/* z = first + second for n sums, n >= LSTM_K_LANES, or first alone. The last vector may
 * overlap the one before. */
LSTM_IMPL_INLINE void LSTM_K(add_halves)(float *z, const float *first,
                                         const float *second, size_t n)
{
    size_t j;
    for (j = 0; j < n; j += LSTM_K_LANES) {
        const size_t place = j < n - LSTM_K_LANES ? j : n - LSTM_K_LANES;
        lstm_k_v sum = lstm_k_load(first + place);
        if (second != LSTM_IMPL_NULL) {
            sum = lstm_k_add(sum, lstm_k_load(second + place));
        }
        lstm_k_store(z + place, sum);
    }
}

/* The sums of a block of columns from j on, init, x and both halves of h. A tile has no
 * registers for two sums of each column, so each half has an array. Rows of these follow
 * each other without gaps, and so stay in the L1 cache; rows of z may be a power of two
 * apart. Two times 8 KB and the 16 of add_block's copy are most of a call's stack. */
LSTM_IMPL_KERNEL void LSTM_K(block_sums)(const lstm_impl_rows *q, size_t count, size_t j,
                                         size_t width, float *z)
{
    LSTM_ALIGNED float first[LSTM_IMPL_GROUP * LSTM_K_BLOCK];
    LSTM_ALIGNED float second[LSTM_IMPL_GROUP * LSTM_K_BLOCK];
    const lstm_impl_part *parts = q->sums.parts;
    const float *init = q->sums.init, *added = LSTM_IMPL_NULL;
    LSTM_K(tile) t;
    size_t m;
    for (m = 0; m < count; m++) {
        LSTM_K(fill)(first + m * width, init != LSTM_IMPL_NULL ? init + j : init, width);
    }
    t.step = q->sums.column_count;
    t.tail = LSTM_K(tile_vectors)(count, width) == 4 ? 3 * LSTM_K_LANES
             : width < 2 * LSTM_K_LANES              ? width - LSTM_K_LANES
                                                     : LSTM_K_LANES;
    t.sums = first;
    t.stride = width;
    t.a = q->x;
    t.k = 0;
    t.weights = parts[0].matrix + j;
    LSTM_K(add_block)(t, count, width, parts[0].count);
    t.a = q->h;
    t.weights = parts[1].matrix + j;
    LSTM_K(add_block)(t, count, width, parts[1].count);
    if (parts[1].count > 0) { /* if h has one float, its second sum is 0, and is added */
        added = second;
        LSTM_K(fill)(second, LSTM_IMPL_NULL, count * width);
        t.k = parts[1].count;
        t.sums = second;
        t.weights = parts[2].matrix + j;
        LSTM_K(add_block)(t, count, width, parts[2].count);
    }
    for (m = 0; m < count; m++) {
        LSTM_K(add_halves)
        (z + m * q->z_step + j, first + m * width,
         added != LSTM_IMPL_NULL ? added + m * width : added, width);
    }
}

/* The sums of rows of very few columns, or of a single row. Only the addresses of x and h
 * differ between rows. */
LSTM_IMPL_INLINE void LSTM_K(row_by_row)(const lstm_impl_rows *q, size_t count, float *z)
{
    lstm_impl_sums one = q->sums;
    size_t m;
    for (m = 0; m < count; m++) {
        one.parts[0].a = q->x[m];
        one.parts[1].a = q->h[m];
        one.parts[2].a = q->h[m] + one.parts[1].count;
        LSTM_K(row_in_panels)(&one, z + m * q->z_step);
    }
}

/* How many of the columns that are left a block has: whole panels. Fewer columns than a
 * panel stay as they are. */
LSTM_IMPL_INLINE size_t LSTM_K(block_width)(size_t left, size_t panel)
{
    const size_t width = left < LSTM_K_BLOCK ? left : LSTM_K_BLOCK;
    return width < panel ? width : width - width % panel;
}

/* The sums of several rows. Where the columns are no multiple of a panel, a last block
 * overlaps the one before: some columns are computed twice. That does no harm, as a block
 * begins with init, not with what z holds. At least the columns of one tile are needed;
 * from four rows on the second of its two vectors may overlap the first. Fewer columns
 * than AVX-512 needs may be enough for AVX2.
 *
 * With vectors of 8, six rows of 200 columns have blocks at 0, 64, 128 of 64 columns
 * each, and one of 16 at 184: 8 columns are left, less than two vectors, and 8 are
 * computed again. */
LSTM_IMPL_KERNEL void LSTM_K(sums_of_rows)(const lstm_impl_rows *q, size_t count,
                                           float *z)
{
    const size_t column_count = q->sums.column_count;
    const size_t panel = (count <= 3 ? 4 : 2) * LSTM_K_LANES;
    const size_t least = count <= 3 ? panel : LSTM_K_LANES;
    size_t j, width;
#if LSTM_K_LANES == 16
    if (column_count < least) {
        LSTM_K_8(sums_of_rows)(q, count, z);
        return;
    }
#endif
    if (count == 1 || column_count < least) {
        LSTM_K(row_by_row)(q, count, z);
        return;
    }
    for (j = 0; j < column_count; j += width) {
        width = LSTM_K(block_width)(column_count - j, panel);
        if (width < panel && column_count >= panel) {
            width = panel;
            j = column_count - width;
        }
        LSTM_K(block_sums)(q, count, j, width, z);
    }
}
#endif

#if LSTM_K_LANES == 1
/* The sums of n columns from column j on, each in a register. The halves of h go one
 * after the other: side by side they would need 16 registers for 8 columns. z keeps the
 * first sums meanwhile. With n = 8 a float of x or h is loaded once for eight products.
 */
LSTM_IMPL_INLINE void LSTM_K(some_columns)(const lstm_impl_sums *s, const unsigned n,
                                           size_t j, float *z)
{
    const lstm_impl_part *x = &s->parts[0], *h = &s->parts[1], *half = &s->parts[2];
    const float *a = x->a, *end = a + x->count, *row = x->matrix + j;
    float sum[8];
    unsigned v;
    int p;
    z += j;
    LSTM_IMPL_EACH(v, n) {
        sum[v] = s->init != LSTM_IMPL_NULL ? LSTM_LOAD(s->init + j + v) : 0.0f;
    }
    LSTM_IMPL_EACH_PART(p, 3) {
        if (p == 1) {
            a = h->a;
            end = a + h->count;
            row = h->matrix + j;
        }
        if (p == 2) { /* a and row are there already */
            end += half->count;
            LSTM_IMPL_EACH(v, n) {
                z[v] = sum[v];
                sum[v] = 0.0f;
            }
        }
        for (; a != end; a++, row += s->column_count) {
            LSTM_IMPL_EACH(v, n) {
                sum[v] = lstm_k_madd(*a, LSTM_LOAD(row + v), sum[v]);
            }
        }
    }
    LSTM_IMPL_EACH(v, n) {
        z[v] += sum[v];
    }
}

/* Columns of a layer's gates. The sums are described inside the function, not by its
 * caller: on microcontrollers that takes less of the stack. n is a constant in each of
 * the two functions that follow. */
LSTM_IMPL_INLINE void LSTM_K(layer_columns)(const lstm_layer *layer, const float *x,
                                            const float *h, const unsigned n, size_t j,
                                            float *z)
{
    lstm_impl_sums sums;
    lstm_impl_set_sums(&sums, layer, x, h);
    LSTM_K(some_columns)(&sums, n, j, z);
}

/* Out of line, so that microcontrollers have one copy of each loop. */
LSTM_IMPL_KERNEL void LSTM_K(layer_8_columns)(const lstm_layer *layer, const float *x,
                                              const float *h, size_t j, float *z)
{
    LSTM_K(layer_columns)(layer, x, h, 8, j, z);
}

LSTM_IMPL_KERNEL void LSTM_K(layer_column)(const lstm_layer *layer, const float *x,
                                           const float *h, size_t j, float *z)
{
    LSTM_K(layer_columns)(layer, x, h, 1, j, z);
}

/* All gates of a layer for one step: eight columns at a time where floats have
 * registers */
LSTM_IMPL_INLINE void LSTM_K(layer_sums)(const lstm_layer *layer, const float *x,
                                         const float *h, float *z)
{
    const size_t count = 4 * layer->units;
    size_t j;
    for (j = 0; LSTM_IMPL_HAS_FPU && count - j >= 8; j += 8) {
        LSTM_K(layer_8_columns)(layer, x, h, j, z);
    }
    for (; j < count; j++) {
        LSTM_K(layer_column)(layer, x, h, j, z);
    }
}

/* The same for a row of a Dense layer */
LSTM_IMPL_KERNEL void LSTM_K(dense_sums)(const lstm_dense *layer, const float *x,
                                         float *y)
{
    lstm_impl_sums sums;
    size_t j;
    lstm_impl_set_dense_sums(&sums, layer, x);
    for (j = 0; LSTM_IMPL_HAS_FPU && layer->units - j >= 8; j += 8) {
        LSTM_K(some_columns)(&sums, 8, j, y);
    }
    for (; j < layer->units; j++) {
        LSTM_K(some_columns)(&sums, 1, j, y);
    }
}
#else
/* All gates of a layer for one step. z has 8*units floats where whole rows are taken. */
LSTM_IMPL_INLINE void LSTM_K(layer_sums)(const lstm_layer *layer, const float *x,
                                         const float *h, float *z)
{
    lstm_impl_sums sums;
    lstm_impl_set_sums(&sums, layer, x, h);
    lstm_impl_find_second(&sums);
    LSTM_K(row_sums)(&sums, z, z + sums.column_count);
}
#endif

/* ---- LSTM layer ---- */

#if LSTM_K_LANES < 16 /* AVX-512 has those of AVX2, see LSTM_K_8 */
/* Bidirectional's merge modes: y has the forward half's output, h is the backward one.
 * Concat is none of these: its y is behind the forward half's place in the row, and h is
 * stored. */
LSTM_IMPL_INLINE lstm_k_v LSTM_K(merge_sum)(lstm_k_v y, lstm_k_v h)
{
    return lstm_k_add(y, h);
}

LSTM_IMPL_INLINE lstm_k_v LSTM_K(merge_mul)(lstm_k_v y, lstm_k_v h)
{
    return lstm_k_mul(y, h);
}

LSTM_IMPL_INLINE lstm_k_v LSTM_K(merge_ave)(lstm_k_v y, lstm_k_v h)
{
    return lstm_k_mul(lstm_k_all(0.5f), lstm_k_add(y, h));
}

/* y = merge(y, h) for a row; zeros in place of h if it is NULL */
LSTM_IMPL_INLINE void LSTM_K(emit_by)(lstm_k_v (*merge)(lstm_k_v, lstm_k_v), float *y,
                                      const float *h, size_t units)
{
    lstm_k_v new_h = lstm_k_all(0.0f);
    size_t u, n;
    for (u = 0; u < units; u += n) {
        n = LSTM_K(next_of)(units - u);
        if (h != LSTM_IMPL_NULL) {
            new_h = LSTM_K(get)(h + u, n);
        }
        LSTM_K(put)(y + u, merge(LSTM_K(get)(y + u, n), new_h), n);
    }
}

/* The four functions for lstm_impl_run.put: find_emit chooses by the merge mode.
 * emit_store does not read y, which may hold anything before the call. */
LSTM_IMPL_KERNEL void LSTM_K(emit_store)(float *y, const float *h, size_t units)
{
    const lstm_k_v zeros = lstm_k_all(0.0f);
    size_t u, n;
    for (u = 0; u < units; u += n) {
        n = LSTM_K(next_of)(units - u);
        LSTM_K(put)(y + u, h != LSTM_IMPL_NULL ? LSTM_K(get)(h + u, n) : zeros, n);
    }
}

LSTM_IMPL_KERNEL void LSTM_K(emit_sum)(float *y, const float *h, size_t units)
{
    LSTM_K(emit_by)(LSTM_K(merge_sum), y, h, units);
}

LSTM_IMPL_KERNEL void LSTM_K(emit_mul)(float *y, const float *h, size_t units)
{
    LSTM_K(emit_by)(LSTM_K(merge_mul), y, h, units);
}

LSTM_IMPL_KERNEL void LSTM_K(emit_ave)(float *y, const float *h, size_t units)
{
    LSTM_K(emit_by)(LSTM_K(merge_ave), y, h, units);
}

#endif /* LSTM_K_LANES < 16 */

/* One timestep: z is scratch, h and c become new. It is a plain function, see "entry
 * points". */
static inline void LSTM_K(one_step)(const lstm_impl_run *run, const float *x, float *h,
                                    float *c, float *z)
{
    LSTM_K(layer_sums)(run->layer, x, h, z);
    run->cells(run->activations, run->layer->units, z, h, c);
}

/* The output of a step, after its new state. A masked step (not `used`) repeats the
 * output before it, which h still holds. It is zeros if there is none, or with
 * zero_output_for_mask. Without return_sequences only the last step has an output, masked
 * or not. For a sequence of four steps with return_sequences:
 *
 *   mask                     0     1     0     1
 *   state h after the step   h0    h1    h1    h3      h0 is the initial state
 *   row of y                 0     h1    h1    h3
 *   zero_output_for_mask     0     h1    0     h3 */
LSTM_IMPL_INLINE void LSTM_K(output)(const lstm_impl_run *run, lstm_impl_stream *s,
                                     size_t step, size_t timesteps, int used)
{
    const lstm_layer *layer = run->layer;
    if (used) {
        s->has_output = 1;
    }
    if (s->y != LSTM_IMPL_NULL && (layer->return_sequences || step + 1 == timesteps)) {
        const size_t row = run->rows_flipped ? timesteps - 1 - step : step;
        const int zeros = !s->has_output || (!used && run->zero_masked);
        run->put(layer->return_sequences ? s->y + row * run->row_len : s->y,
                 zeros ? LSTM_IMPL_NULL : s->h, layer->units);
    }
}

#if LSTM_K_LANES > 1 && LSTM_IMPL_GROUP > 1
/* The products with x of the steps from `first` on, of up to LSTM_IMPL_AHEAD: several
 * steps at once, so that the kernel is read once for them. Returns how many.
 *
 * Scratch of one sequence, in floats:
 *   | z: 4*units | second: 4*units | ahead: 12 rows of 4*units + 16 |
 * Scratch of a group:
 *   | z of the first used sequence: 4*units | 16 free | z of the next | ... up to 32 rows
 * The 16 floats, a cache line, keep rows from being a power of two apart. `ahead` has the
 * bias in it, so it is `init` for the sums with h. Both parts of h are empty in the
 * meantime. */
LSTM_IMPL_KERNEL size_t LSTM_K(take_ahead)(const lstm_impl_run *run,
                                           const lstm_impl_stream *s, size_t first,
                                           size_t timesteps, float *ahead)
{
    const float *x[LSTM_IMPL_AHEAD];
    lstm_impl_rows q;
    size_t n = timesteps - first, k;
    n = n < LSTM_IMPL_AHEAD ? n : LSTM_IMPL_AHEAD;
    for (k = 0; k < n; k++) {
        x[k] = s->x + lstm_impl_time(run, first + k, timesteps) * run->layer->input_dim;
    }
    /* There is no h: x stands in its place, with a count of 0, and is not read. */
    lstm_impl_set_sums(&q.sums, run->layer, x[0], x[0]);
    lstm_impl_find_second(&q.sums);
    q.sums.parts[1].count = q.sums.parts[2].count = 0;
    q.x = q.h = x;
    q.z_step = q.sums.column_count + 16;
    LSTM_K(sums_of_rows)(&q, n, ahead);
    return n;
}

/* One sequence, a step after the other, each with its products with x taken ahead. Those
 * of up to 16 features are left to their step: the CPU takes them while the gates of the
 * step before wait for each other.
 *
 *   step           0 .. 11                          12 .. 23
 *   take_ahead     x*kernel + bias, 12 rows         12 more rows
 *   row_sums         + h*recurrent_kernel, row by row: each h needs the step before
 *
 * A masked step has products with x too, which are not used. */
LSTM_IMPL_KERNEL void LSTM_K(sequence)(const lstm_impl_run *run, lstm_impl_stream *s,
                                       size_t timesteps, float *scratch)
{
    const size_t input_dim = run->layer->input_dim, column_count = 4 * run->layer->units;
    const int is_wide = input_dim > 16 && timesteps > 1;
    float *z = scratch, *ahead = scratch + 2 * column_count;
    size_t step, t, begin = 0, end = 0;
    for (step = 0; step < timesteps; step++) {
        lstm_impl_sums sums;
        int used;
        if (is_wide && step == end) {
            begin = end;
            end += LSTM_K(take_ahead)(run, s, begin, timesteps, ahead);
        }
        t = lstm_impl_time(run, step, timesteps);
        used = s->mask == LSTM_IMPL_NULL || s->mask[t] != 0;
        if (used) {
            lstm_impl_set_sums(&sums, run->layer, s->x + t * input_dim, s->h);
            lstm_impl_find_second(&sums);
            if (is_wide) {
                sums.init = ahead + (step - begin) * (column_count + 16);
                sums.parts[0].count = 0;
            }
            LSTM_K(row_sums)(&sums, z, z + column_count);
            run->cells(run->activations, run->layer->units, z, s->h, s->c);
        }
        LSTM_K(output)(run, s, step, timesteps, used);
    }
}

/* Several sequences, step by step together, so that both matrices are read once for some
 * of them. Sequences whose step is masked are left out, and have no row of z: row n
 * belongs to the n-th used sequence.
 *
 *   stream        0    1    2    3         x[n], h[n]: those of the n-th used one
 *   mask          1    0    1    1
 *   row of z      0         1    2 */
LSTM_IMPL_KERNEL void LSTM_K(group)(const lstm_impl_run *run, lstm_impl_stream *streams,
                                    size_t count, size_t timesteps, float *z)
{
    const size_t z_step = 4 * run->layer->units + 16;
    const float *x[LSTM_IMPL_GROUP], *h[LSTM_IMPL_GROUP];
    unsigned char used[LSTM_IMPL_GROUP];
    lstm_impl_rows q;
    size_t step, r, n;
    lstm_impl_set_sums(&q.sums, run->layer, streams->x, streams->h);
    lstm_impl_find_second(&q.sums);
    q.x = x;
    q.h = h;
    q.z_step = z_step;
    for (step = 0; step < timesteps; step++) {
        const size_t t = lstm_impl_time(run, step, timesteps);
        for (r = 0, n = 0; r < count; r++) {
            const lstm_impl_stream *s = &streams[r];
            used[r] = s->mask == LSTM_IMPL_NULL || s->mask[t] != 0;
            if (used[r]) {
                x[n] = s->x + t * run->layer->input_dim;
                h[n] = s->h;
                n++;
            }
        }
        if (n > 0) {
            LSTM_K(sums_of_rows)(&q, n, z);
        }
        for (r = 0, n = 0; r < count; r++) {
            lstm_impl_stream *s = &streams[r];
            if (used[r]) {
                run->cells(run->activations, run->layer->units, z + n * z_step, s->h,
                           s->c);
                n++;
            }
            LSTM_K(output)(run, s, step, timesteps, used[r]);
        }
    }
}
#else
/* One sequence, a step after the other */
LSTM_IMPL_INLINE void LSTM_K(sequence)(const lstm_impl_run *run, lstm_impl_stream *s,
                                       size_t timesteps, float *z)
{
    size_t step;
    for (step = 0; step < timesteps; step++) {
        const size_t t = lstm_impl_time(run, step, timesteps);
        const int used = s->mask == LSTM_IMPL_NULL || s->mask[t] != 0;
        if (used) {
            LSTM_K(one_step)(run, s->x + t * run->layer->input_dim, s->h, s->c, z);
        }
        LSTM_K(output)(run, s, step, timesteps, used);
    }
}
#endif

/* All sequences of a batch, up to LSTM_IMPL_GROUP of them at once if there are vectors.
 * Larger batches need no more scratch or stack than 32 sequences. row_len are the floats
 * from one step's y to the next: more than units where Bidirectional concatenates. A
 * batch of 65 is run as 32, 32 and 1: the last is a sequence by itself. */
static inline void LSTM_K(batch)(const lstm_impl_run *run, const float *x,
                                 const unsigned char *mask, size_t batch,
                                 size_t timesteps, float *h, float *c, float *y,
                                 float *scratch)
{
    const size_t most = LSTM_K_LANES > 1 ? LSTM_IMPL_GROUP : 1;
    const lstm_layer *layer = run->layer;
    const size_t y_len =
        layer->return_sequences ? timesteps * run->row_len : run->row_len;
    lstm_impl_stream streams[LSTM_K_LANES > 1 ? LSTM_IMPL_GROUP : 1];
    size_t first, count, b;
    for (first = 0; first < batch; first += count) {
        count = batch - first < most ? batch - first : most;
        for (b = 0; b < count; b++) {
            lstm_impl_stream *s = &streams[b];
            s->x = x + (first + b) * timesteps * layer->input_dim;
            s->mask = lstm_impl_mask_of(mask, first + b, timesteps);
            s->h = h + (first + b) * layer->units;
            s->c = c + (first + b) * layer->units;
            s->y = y != LSTM_IMPL_NULL ? y + (first + b) * y_len : LSTM_IMPL_NULL;
            s->has_output = 0;
        }
#if LSTM_K_LANES > 1 && LSTM_IMPL_GROUP > 1
        if (count > 1) {
            LSTM_K(group)(run, streams, count, timesteps, scratch);
            continue;
        }
#endif
        LSTM_K(sequence)(run, streams, timesteps, scratch);
    }
}

/* ---- Dense layer ---- */

#if LSTM_K_LANES < 16
/* The end of one output of a layer of few units, before its activation: the products with
 * x from k on, a multiple of 8, go to the eight sums in turn, and all is added up.
 *   ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)), then + bias */
LSTM_IMPL_INLINE float LSTM_K(dense_end)(const lstm_dense *layer, const float *x,
                                         size_t j, size_t k, float *sum)
{
    const float *weight = layer->kernel + k * layer->units + j;
    unsigned p, n;
    for (; k < layer->input_dim; k++, weight += layer->units) {
        sum[k % 8] = LSTM_K(multiply_add_1)(x[k], LSTM_LOAD(weight), sum[k % 8]);
    }
    LSTM_IMPL_EACH_PART(n, 3) {
        for (p = 0; p < 4u >> n; p++) {
            sum[p] += sum[p + (4u >> n)];
        }
    }
    return layer->bias != LSTM_IMPL_NULL ? sum[0] + LSTM_LOAD(layer->bias + j) : sum[0];
}

/* One output of a layer of few units: x*kernel + bias. Eight sums take turns, as one sum
 * alone would have each product wait for the one before. A weight's neighbour in memory
 * belongs to the next unit, so vectors along the inputs do not help here.
 *
 *   sum[0]   x[0]*w[0] + x[8]*w[8]  + ...         w[k] is kernel[k*units + j]
 *   sum[1]   x[1]*w[1] + x[9]*w[9]  + ...
 *   ...
 *   sum[7]   x[7]*w[7] + x[15]*w[15] + ... */
LSTM_IMPL_KERNEL float LSTM_K(dense_column)(const lstm_dense *layer, const float *x,
                                            size_t j)
{
    float sum[8];
    size_t k = 0;
    sum[0] = sum[1] = sum[2] = sum[3] = sum[4] = sum[5] = sum[6] = sum[7] = 0.0f;
#if LSTM_IMPL_GROUP > 1 /* on computers: unrolled, and so in registers */
    {
        const float *weight = layer->kernel + j;
        unsigned p;
        for (; k < (layer->input_dim & ~LSTM_IMPL_TO(size_t, 7)); k += 8) {
            LSTM_IMPL_EACH(p, 8) {
                sum[p] = LSTM_K(multiply_add_1)(x[k + p], LSTM_LOAD(weight), sum[p]);
                weight += layer->units;
            }
        }
    }
#endif
    return LSTM_K(dense_end)(layer, x, j, k, sum);
}

#if LSTM_K_LANES > 1
/* One output of a layer of few units whose weights stand in a row: its eight sums are one
 * or two vectors. Sum p is lane p, so the order is that of dense_column. Sixteen lanes
 * are too many for eight sums. */
LSTM_IMPL_INLINE float LSTM_K(dense_output)(const lstm_dense *layer, const float *x,
                                            const float *weights, size_t j)
{
    const size_t eights = layer->input_dim & ~LSTM_IMPL_TO(size_t, 7);
    float sum[8];
    size_t k;
#if LSTM_K_LANES == 4
    lstm_k_v low = lstm_k_all(0.0f), high = low;
    for (k = 0; k < eights; k += 8) {
        low = lstm_k_madd(lstm_k_load(x + k), lstm_k_load(weights + k), low);
        high = lstm_k_madd(lstm_k_load(x + k + 4), lstm_k_load(weights + k + 4), high);
    }
    lstm_k_store(sum, low);
    lstm_k_store(sum + 4, high);
#else
    lstm_k_v sums = lstm_k_all(0.0f);
    for (k = 0; k < eights; k += 8) {
        sums = lstm_k_madd(lstm_k_load(x + k), lstm_k_load(weights + k), sums);
    }
    lstm_k_store(sum, sums);
#endif
    return LSTM_K(dense_end)(layer, x, j, eights, sum);
}

/* Rows of a layer of few units. Its columns are first copied into rows, if there is room
 * for them and more than one row to use them. The copy is 4 KB on the stack.
 *
 *   units 1                          dense_output: the kernel is a row as it is
 *   2 to 7, copied                   dense_output: vectors along the inputs
 *   2 to 7, one row, or no room      dense_column */
LSTM_IMPL_KERNEL void LSTM_K(dense_rows_of_few)(const lstm_dense *layer, const float *x,
                                                size_t rows, float *y)
{
    const size_t units = layer->units, input_dim = layer->input_dim;
    float copy[1024];
    const size_t room = sizeof copy / sizeof *copy;
    const int copied = units > 1 && rows > 1 && input_dim <= room / units;
    const float *transposed = units == 1 ? layer->kernel : LSTM_IMPL_NULL;
    size_t r, j, k;
    if (copied) {
        for (j = 0; j < units; j++) {
            for (k = 0; k < input_dim; k++) {
                copy[j * input_dim + k] = layer->kernel[k * units + j];
            }
        }
        transposed = copy;
    }
    for (r = 0; r < rows; r++, x += input_dim, y += units) {
        for (j = 0; j < units; j++) {
            y[j] = transposed != LSTM_IMPL_NULL
                       ? LSTM_K(dense_output)(layer, x, transposed + j * input_dim, j)
                       : LSTM_K(dense_column)(layer, x, j);
        }
    }
}
#else
LSTM_IMPL_INLINE void LSTM_K(dense_rows_of_few)(const lstm_dense *layer, const float *x,
                                                size_t rows, float *y)
{
    size_t r, j;
    for (r = 0; r < rows; r++, x += layer->input_dim, y += layer->units) {
        for (j = 0; j < layer->units; j++) {
            y[j] = LSTM_K(dense_column)(layer, x, j);
        }
    }
}
#endif

#endif /* LSTM_K_LANES < 16 */

/* Rows of a layer of 8 units or more, whose sums are taken like those of gates: x is in
 * the place of h, y in the place of z. Without vectors, and in builds without groups,
 * count is 1. */
LSTM_IMPL_INLINE void LSTM_K(dense_rows)(const lstm_dense *layer, const float *x,
                                         size_t count, float *y)
{
#if LSTM_K_LANES > 1 && LSTM_IMPL_GROUP > 1
    const float *rows[LSTM_IMPL_GROUP];
    lstm_impl_rows q;
    size_t r;
    for (r = 0; r < count; r++) {
        rows[r] = x + r * layer->input_dim;
    }
    lstm_impl_set_dense_sums(&q.sums, layer, x);
    lstm_impl_find_second(&q.sums);
    q.x = q.h = rows;
    q.z_step = layer->units;
    LSTM_K(sums_of_rows)(&q, count, y);
#elif LSTM_K_LANES > 1
    lstm_impl_sums sums;
    (void)count;
    lstm_impl_set_dense_sums(&sums, layer, x);
    lstm_impl_find_second(&sums);
    LSTM_K(row_in_panels)(&sums, y);
#else
    (void)count;
    LSTM_K(dense_sums)(layer, x, y);
#endif
}

/* A Dense layer on all rows, some of them at a time; then its activation, row by row, as
 * softmax needs a whole row. Some at a time, so that the activation finds them in the
 * cache. Few units have all their rows taken first, as their weights are copied once for
 * all rows. */
static inline void LSTM_K(dense)(const lstm_dense *layer, lstm_impl_activation activation,
                                 const float *x, size_t rows, float *y)
{
    const size_t units = layer->units, most = LSTM_K_LANES > 1 ? LSTM_IMPL_GROUP : 1;
    size_t row, count, r;
    if (units < 8) {
        LSTM_K_8(dense_rows_of_few)(layer, x, rows, y);
    }
    for (row = 0; row < rows; row += count) {
        float *y_row = y + row * units;
        count = rows - row < most ? rows - row : most;
        if (units >= 8) {
            LSTM_K(dense_rows)(layer, x + row * layer->input_dim, count, y_row);
        }
        for (r = 0; r < count; r++, y_row += units) {
            activation(y_row, units);
        }
    }
}

/* What follows is inlined into the API's functions, which are compiled for the compiler's
 * flags. GCC does not inline a function whose target has instructions that its caller's
 * has not. So batch, one_step and dense, which are called from here, are plain functions.
 */
#if defined(LSTM_K_TARGET) && defined(__clang__)
#pragma clang attribute pop
#elif defined(LSTM_K_TARGET) && LSTM_IMPL_GNU
#pragma GCC pop_options
#endif

/* ---- entry points: what the API calls; the target is the compiler's flags again ---- */

/* The function of an activation. For a constant layer this is a constant, and the others
 * are not linked. LSTM_DEFAULT is tanh, sigmoid or linear, by the place it stands in. */
LSTM_IMPL_INLINE lstm_impl_activation LSTM_K(find)(lstm_activation activation,
                                                   lstm_impl_activation default_one)
{
    switch (activation) {
    case LSTM_LINEAR: return LSTM_K_8(all_linear);
    case LSTM_TANH: return LSTM_K_8(all_tanh);
    case LSTM_SIGMOID: return LSTM_K_8(all_sigmoid);
    case LSTM_HARD_SIGMOID: return LSTM_K_8(all_hard_sigmoid);
    case LSTM_HARD_SIGMOID_KERAS2: return LSTM_K_8(all_hard_sigmoid_keras2);
    case LSTM_RELU: return LSTM_K_8(all_relu);
    case LSTM_RELU6: return LSTM_K_8(all_relu6);
    case LSTM_LEAKY_RELU: return LSTM_K_8(all_leaky_relu);
    case LSTM_ELU: return LSTM_K_8(all_elu);
    case LSTM_SELU: return LSTM_K_8(all_selu);
    case LSTM_GELU: return LSTM_K_8(all_gelu);
    case LSTM_SILU: return LSTM_K_8(all_silu);
    case LSTM_HARD_SILU: return LSTM_K_8(all_hard_silu);
    case LSTM_SOFTPLUS: return LSTM_K_8(all_softplus);
    case LSTM_SOFTSIGN: return LSTM_K_8(all_softsign);
    case LSTM_EXPONENTIAL: return LSTM_K_8(all_exponential);
    case LSTM_MISH: return LSTM_K_8(all_mish);
    case LSTM_SOFTMAX: return LSTM_K_8(all_softmax);
    case LSTM_LOG_SOFTMAX: return LSTM_K_8(all_log_softmax);
    case LSTM_DEFAULT:
    default: break;
    }
    return default_one;
}

/* The function that puts outputs into y. For a layer alone, merge is LSTM_MERGE_CONCAT.
 */
LSTM_IMPL_INLINE lstm_impl_emit LSTM_K(find_emit)(lstm_merge merge)
{
    return merge == LSTM_MERGE_SUM   ? LSTM_K_8(emit_sum)
           : merge == LSTM_MERGE_MUL ? LSTM_K_8(emit_mul)
           : merge == LSTM_MERGE_AVE ? LSTM_K_8(emit_ave)
                                     : LSTM_K_8(emit_store);
}

/* Keras' default cells look up no activation, so that none is linked for them. They do
 * not call a user's tanh or e^x, so with one of these any_cells is taken, whose
 * activations do. run->activations may point to `found`, which is the caller's. */
LSTM_IMPL_INLINE void LSTM_K(set_cells)(lstm_impl_run *run, lstm_impl_activations *found)
{
    const lstm_activation activation = run->layer->activation;
    const lstm_activation recurrent = run->layer->recurrent_activation;
    run->cells = LSTM_K(cells);
    run->activations = LSTM_IMPL_NULL;
    if (!LSTM_IMPL_OWN_MATH || (activation != LSTM_DEFAULT && activation != LSTM_TANH) ||
        (recurrent != LSTM_DEFAULT && recurrent != LSTM_SIGMOID)) {
        found->activation = LSTM_K(find)(activation, LSTM_K_8(all_tanh));
        found->recurrent_activation = LSTM_K(find)(recurrent, LSTM_K_8(all_sigmoid));
        run->cells = LSTM_K_8(any_cells);
        run->activations = found;
    }
}

/* lstm_forward, lstm_forward_batch, and each half of lstm_bidirectional_forward */
LSTM_IMPL_INLINE void LSTM_K(layer)(lstm_impl_run *run, lstm_merge merge, const float *x,
                                    const unsigned char *mask, size_t batch,
                                    size_t timesteps, float *h, float *c, float *y,
                                    float *scratch)
{
    lstm_impl_activations found;
    LSTM_K(set_cells)(run, &found);
    run->put = LSTM_K(find_emit)(merge);
    LSTM_K(batch)(run, x, mask, batch, timesteps, h, c, y, scratch);
}

/* lstm_step */
LSTM_IMPL_INLINE void LSTM_K(streaming_step)(lstm_impl_run *run, const float *x, float *h,
                                             float *c, float *z)
{
    lstm_impl_activations found;
    LSTM_K(set_cells)(run, &found);
    LSTM_K(one_step)(run, x, h, c, z);
}

/* lstm_dense_forward */
LSTM_IMPL_INLINE void LSTM_K(dense_layer)(const lstm_dense *layer, const float *x,
                                          size_t rows, float *y)
{
    LSTM_K(dense)
    (layer, LSTM_K(find)(layer->activation, LSTM_K_8(all_linear)), x, rows, y);
}

/* The next set defines all of these anew. */
#undef LSTM_K_JOIN_
#undef LSTM_K_JOIN
#undef LSTM_K
#undef LSTM_K_8
#undef LSTM_K_PUSH
#undef LSTM_K_PANEL
#undef LSTM_K_MANY_COLUMNS
#undef lstm_k_v
#undef lstm_k_w
#undef lstm_k_m
#undef lstm_k_load
#undef lstm_k_store
#undef lstm_k_load_some
#undef lstm_k_store_some
#undef lstm_k_all
#undef lstm_k_all_bits
#undef lstm_k_add
#undef lstm_k_sub
#undef lstm_k_div
#undef lstm_k_mul
#undef lstm_k_madd
#undef lstm_k_less
#undef lstm_k_select
#undef lstm_k_bits
#undef lstm_k_of_bits
#undef lstm_k_and
#undef lstm_k_or
#undef lstm_k_plus
#undef lstm_k_up23
#undef lstm_k_clip
#undef LSTM_K_MM
#undef LSTM_K_OFFSET
#undef LSTM_K_BLOCK
#undef LSTM_K_DEPTH
#undef LSTM_K_TILE_ROWS
#undef lstm_k_keep
#undef LSTM_K_LANES
#undef LSTM_K_FUSED
#undef LSTM_K_TARGET
#undef LSTM_IMPL_SET
#endif /* LSTM_IMPL_SET */

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
