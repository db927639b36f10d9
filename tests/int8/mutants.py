"""Break include/lstm_int8.h in each of these ways and see that tests/test_int8.c notices, or
tests/test_choice_int8.c where the choice of vectors is broken.

    python3 tests/int8/mutants.py [WORD]     only mutants with the word in their names

The replaced text has to stand in the header, and only once. Portable C, but for mutants of
the vector code. Prints what survives; ends with "N passed, N failed", passed means noticed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADER = (ROOT / "include/lstm_int8.h").read_text()
SECONDS = 60

# name, old text, new text; names that begin with "vectors" are built for AVX2, those with "VNNI"
# for AVX-512 VNNI, where this CPU has it, those with "no long" without products of 64 bits; "choice"
# is for tests/test_choice_int8.c.
# Left out, as nothing shows: what v holds after the last row, where the weights are 0; the limit
# of tanh within the last entries of the table, which are all 32768; a NaN that x86 converts to 0.
MUTANTS = [
    ("dense: any activation converted", "if ((input_fraction_bits & ~15) != 0 ||\n        LSTM_INT8_IMPL_TO(unsigned, from->activation) >=\n            LSTM_INT8_IMPL_TO(unsigned, LSTM_LOG_SOFTMAX)) {", "if ((input_fraction_bits & ~15) != 0) {"),
    ("rounding of inputs", "(int16_t, (values[k] * scale + 16384) >> 15)", "(int16_t, (values[k] * scale) >> 15)"),
    ("one row too many scaled by the first scale", "LSTM_INT8_LOAD_16(scales + first + k);", "LSTM_INT8_LOAD_16(scales + k);"),
    ("a weight skipped", "    sum += LSTM_INT8_IMPL_TO(int32_t, in3) * LSTM_INT8_LOAD_8(w + 3);\n", ""),
    ("gates f and g swapped", "*f = lstm_int8_impl_four(*f, w + 8, in0", "*f = lstm_int8_impl_four(*f, w + 16, in0"),
    ("second half of a block read as the first", "            v += 4;\n            w += 4;\n", "            v += 4;\n            w += 0;\n"),
    ("an entry of the table", " 24054,", " 24055,"),
    ("tanh: no limit", "    if (a > 49151) {\n        a = 49151;\n    }\n", ""),
    ("tanh: limit too early", "        a = 49151;", "        a = 32767;"),
    ("tanh: no interpolation", "a = low + (((high - low) * (a & 255)) >> 8);", "a = low;"),
    ("tanh: sign lost", "    return (a ^ sign) - sign;", "    return a;"),
    ("sigmoid: not halved", "return 16384 + (tanh_of_half >> 1);", "return 16384 + (tanh_of_half >> 2);"),
    ("scale: by 15", "(int32_t, product >> 16)", "(int32_t, product >> 15)"),
    ("forget: not rounded", "(int64_t, c) * f + 16384;", "(int64_t, c) * f;"),
    ("shift of the layer ignored", "                                          layer->shift);\n    }\n    next", "                                          7);\n    }\n    next"),
    ("bias ignored", "(scaled + LSTM_INT8_LOAD_32(bias + gate))", "(scaled)"),
    ("cell: no upper limit", "next = next > limit - 1 ? limit - 1 :", "next = next > 0x7F000000 ? limit - 1 :"),
    ("cell: no lower limit", "next < -limit ? -limit : next;", "next < -0x7F000000 ? -limit : next;"),
    ("cell: input not rounded", " * gates[2] + 8192) >> 14;", " * gates[2]) >> 14;"),
    ("cell: tanh of c before it is scaled", "lstm_int8_impl_tanh(next >> 3);", "lstm_int8_impl_tanh(next >> 2);"),
    ("output: not rounded", "    next = (next + 16384) >> 15;", "    next = next >> 15;"),
    ("output: not limited", "(int16_t, next > 32767 ? 32767 : next)", "(int16_t, (uint16_t)next)"),
    ("go_backwards ignored", "layer->go_backwards ? timesteps - 1 - t : t;", "t;"),
    ("outputs of all steps in one row", "        y += units;\n", ""),
    ("only the first output without return_sequences", "(!layer->return_sequences && t + 1 != timesteps)", "(!layer->return_sequences && t != 0)"),
    ("batch: h not moved on", "        h += rows * layer->units;\n", ""),
    ("batch: outputs not moved on", "y = y ? y + rows * outputs * layer->units : y;", ""),
    ("Dense: last input left out", "    for (k = 0; k < layer->input_dim; k++) {\n        sum +=", "    for (k = 0; k + 1 < layer->input_dim; k++) {\n        sum +="),
    ("Dense: rows read the first x", "    for (row = 0; row < rows; row++, x += layer->input_dim) {\n        for (u", "    for (row = 0; row < rows; row++) {\n        for (u"),
    ("check: multiplication wraps", "return __builtin_mul_overflow(a, b, &product) ? 0 : product;", "return product = a * b;"),
    ("check: no weights", "!layer->weights || !layer->row_scales", "!layer->row_scales"),
    ("check: no row scales", "!layer->row_scales || !layer->multipliers ||\n", "!layer->multipliers ||\n"),
    ("check: shift of 16", "    return (layer->shift & ~15) != 0 ? LSTM_ERR_OPTION : LSTM_OK;", "    return (layer->shift & ~31) != 0 ? LSTM_ERR_OPTION : LSTM_OK;"),
    ("check: y may be NULL with return_sequences", "!scratch || (!y && layer->return_sequences)) {", "!scratch) {"),
    ("check: input_dim of 0", "    return input_dim != 0 && input_dim <= most", "    return input_dim <= most"),
    ("check: size of x", "    if (!lstm_int8_impl_is_array(steps, layer->input_dim, 2) ||", "    if ("),
    ("check: size of the state", "        !lstm_int8_impl_is_array(batch, layer->units, 4) ||\n", ""),
    ("convert: any activation", "(from->activation != LSTM_DEFAULT && from->activation != LSTM_TANH) ||", "0 ||"),
    ("convert: a NaN weight", "        if (!(size <= 3.0e38f)) {", "        if (size > 3.0e38f) {"),
    ("convert: a NaN bias", "        if (!(size <= 65536.0f)) {", "        if (size > 65536.0f) {"),
    ("convert: weights up to 402", "<= 400.0f ? LSTM_OK", "<= 402.0f ? LSTM_OK"),
    ("convert: biases up to 65540", "if (!(size <= 65536.0f)) {", "if (!(size <= 65540.0f)) {"),
    ("convert: Dense: weights up to 63", "if (!(f < 0.99f) ||", "if (!(f < 0.995f) ||"),
    ("convert: Dense: biases up to 8200", "!(b <= 8192.0f)) {", "!(b <= 8200.0f)) {"),
    ("convert: row scales rounded down", "(uint16_t, whole + is_below)", "(uint16_t, whole + 0 * is_below)"),
    ("convert: sums may overflow", "    return sum <= limit;", "    return 1;"),
    ("convert: weights rounded down", "x < 0.0f ? 0.5f - x : x + 0.5f;", "x < 0.0f ? -x : x;"),
    ("convert: no half in the bias", "        *integer_bias += one << (shift - 1);\n", ""),
    ("convert: multipliers of g as those of the others", "return gate == 2 ? 8192.0f : 4096.0f;", "return 4096.0f;"),
    ("convert: no shift", "int shift = 15;", "int shift = 0;"),
    ("convert: multipliers of 65535", "< 65534.5f &&", "< 65535.0f &&"),
    ("convert: moments ignored", "        if (from->moments) {", "        if (0) {"),
    ("convert: refined the wrong way", "const int direction = slope > 0.0f ? -1 : 1;", "const int direction = slope > 0.0f ? 1 : -1;"),
    ("convert: flags not copied", "    to->go_backwards = from->go_backwards;\n", "    to->go_backwards = 0;\n"),
    ("observe: h of the step before left out", "const float left = a < input_dim ? x[a] : h[a - input_dim];", "const float left = a < input_dim ? x[a] : 0.0f;"),
    ("from_float: upper limit", "scaled >= 32767.0f    ? 32767", "scaled >= 40000.0f ? 32767"),
    ("softmax: not divided", "        y[k] /= sum;\n", ""),
    ("activation: second part left out", "k < n; k += part) {", "k < n; k += n) {"),
    ("argmax: the last of several", "logits[k] > logits[best] ? k : best", "logits[k] >= logits[best] ? k : best"),
    ("no long: lower half of a sum", "(int32_t, (low * multiplier) >> 16)", "(int32_t, (low * multiplier) >> 15)"),
    ("no long: upper half of c", "return (c >> 15) * f +", "return (c >> 16) * f +"),
    ("no long: c not rounded", "((low * f + 16384) >> 15)", "((low * f) >> 15)"),
    ("vectors: units swapped", "lstm_int8_impl_totals_32(i_f, g_o, i_f2, g_o2, sums, sums2);", "lstm_int8_impl_totals_32(i_f2, g_o2, i_f, g_o, sums, sums2);"),
    ("vectors: third sequence reads the second", "v + 2 * stride, i_f)", "v + stride, i_f)"),
    ("vectors: gates in another order", "_mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);\n    const __m256i pairs_a", "_mm256_setr_epi32(0, 1, 4, 5, 2, 6, 3, 7);\n    const __m256i pairs_a"),
    ("vectors: table limit", "_mm256_min_epi32(_mm256_abs_epi32(z), _mm256_set1_epi32(49151))", "_mm256_min_epi32(_mm256_abs_epi32(z), _mm256_set1_epi32(32767))"),
    ("vectors: low half of a product", "        16);\n    const __m256i z =", "        15);\n    const __m256i z ="),
    ("vectors: cells in another order", "_mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7)", "_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)"),
    ("vectors: lower limit of c", "_mm256_max_epi32(_mm256_min_epi32(next, most), least)", "_mm256_min_epi32(next, most)"),
    ("vectors: from_float of NaN", "_mm_and_ps(_mm_add_ps(limited, half), is_number)", "_mm_add_ps(limited, half)"),
    ("vectors: from_float not limited", "_mm_max_ps(_mm_min_ps(x, _mm_set1_ps(32767.0f)), _mm_set1_ps(-32768.0f));", "x;"),
    ("vectors: from_float rounds up", "_mm_or_ps(_mm_set1_ps(0.5f), sign);", "_mm_set1_ps(0.5f);"),
    ("vectors: inputs not rounded", "_mm_srli_epi16(_mm_add_epi16(low, _mm_set1_epi16(1)), 1)", "_mm_srli_epi16(low, 1)"),
    ("VNNI: bytes in another order", "_mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3,", "_mm_setr_epi8(0, 2, 4, 6, 8, 10, 14, 12, 1, 3,"),
    ("VNNI: high bytes without a sign", "weights = _mm512_xor_si512(weights, most);", "weights = _mm512_add_epi8(weights, _mm512_setzero_si512());"),
    ("VNNI: high bytes alone left in", "_mm512_maskz_slli_epi32(0xFFFF, s->high_alone, 7)", "_mm512_setzero_si512()"),
    ("VNNI: second block reads the first's low bytes", "_mm512_setr_epi64(0, 0, 0, 0, 2, 2, 2, 2)", "_mm512_setr_epi64(0, 0, 0, 0, 0, 0, 0, 0)"),
    ("VNNI: a single block left out", "    if (blocks != 0) {\n        lstm_int8_impl_add_blocks_64(", "    if (0) {\n        lstm_int8_impl_add_blocks_64("),
    ("VNNI: units in another order", "_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7)", "_mm512_setr_epi64(0, 2, 1, 3, 4, 6, 5, 7)"),
    ("VNNI: units from 4 on are the first", "lstm_int8_impl_four_totals_64(&s, 4, sums + 16);", "lstm_int8_impl_four_totals_64(&s, 0, sums + 16);"),
    ("VNNI: units from 8 on left out", "    for (k = 0; k < n; k += 8) {\n        lstm_int8_impl_eight_units_64(", "    for (k = 0; k < n; k += 16) {\n        lstm_int8_impl_eight_units_64("),
    ("VNNI: third sequence reads the second", "inputs = lstm_int8_impl_inputs_64(v + 2 * stride);", "inputs = lstm_int8_impl_inputs_64(v + stride);"),
    ("VNNI: sums of a sequence in another's place", "sums + 128, sums + 192);", "sums + 192, sums + 128);"),
    ("VNNI: second unit of two reads the first", "k + 1 < n ? w + unit : w, blocks,", "w, blocks,"),
    ("VNNI: entries from 64 on", "_mm512_set1_epi16(64));", "_mm512_set1_epi16(65));"),
    ("VNNI: entries from 128 on", "_mm512_set1_epi16(128));", "_mm512_set1_epi16(129));"),
    ("VNNI: no interpolation", "return _mm512_add_epi16(low, _mm512_mulhi_epu16(rise, part));", "(void)rise; (void)part; return low;"),
    ("VNNI: table limit", "_mm512_set1_epi32(49151));", "_mm512_set1_epi32(32767));"),
    ("VNNI: sigmoid of negative values rounded down", "_mm512_avg_epu16(tanh_of_half, _mm512_setzero_si512());", "_mm512_srli_epi16(tanh_of_half, 1);"),
    ("VNNI: low half of a product", "multipliers),\n        16);\n    const __m512i z =", "multipliers),\n        15);\n    const __m512i z ="),
    ("VNNI: sigmoid of g", "is_g, tanh_of_z);", "0, tanh_of_z);"),
    ("VNNI: g without a sign", "lstm_int8_impl_with_sign_64(lstm_int8_impl_lower_64(g_o), z));", "lstm_int8_impl_lower_64(g_o));"),
    ("VNNI: tanh of c without a sign", "lstm_int8_impl_with_sign_64(\n        lstm_int8_impl_tanh_64(lstm_int8_impl_limit_64(next)), next);", "lstm_int8_impl_tanh_64(lstm_int8_impl_limit_64(next));"),
    ("VNNI: gates of the units from 8 on left out", "    if (n > 8) {\n        gates_from_8 =", "    if (n > 16) {\n        gates_from_8 ="),
    ("VNNI: gates of unit 4 in the place of unit 1", "0x0018001000080000, 0x001C0014000C0004,", "0x0018001000040000, 0x001C0014000C0008,"),
    ("VNNI: products not rounded", "_mm512_set1_epi32(1 << (bits - 1));", "_mm512_setzero_si512();"),
    ("VNNI: no lower limit of c", "_mm512_set1_epi32(-(1 << 30)));", "_mm512_set1_epi32(-0x7FFFFFFF));"),
    ("VNNI: no upper limit of c", "_mm512_set1_epi32((1 << 30) - 1)),", "_mm512_set1_epi32(0x7FFFFFFF)),"),
    ("VNNI: cells written that are not there", "const __mmask16 some = LSTM_INT8_IMPL_TO(__mmask16, (1u << n) - 1);", "const __mmask16 some = 0xFFFF;"),
    ("VNNI: last bias not read", "const __mmask32 some = n < 8 ? (1u << 4 * n) - 1 :", "const __mmask32 some = n < 8 ? (1u << (4 * n - 1)) - 1 :"),
    ("choice: AVX2 without asking", '    is_wide = __builtin_cpu_supports("avx2") != 0;\n', ""),
    ("choice: VNNI without asking", "has_vnni = is_wide && __builtin_cpu_supports(\"avx512f\") &&\n               __builtin_cpu_supports(\"avx512bw\") && __builtin_cpu_supports(\"avx512vnni\");", "has_vnni = is_wide;"),
    ("choice: VNNI never", "return has_vnni ? 64 :", "return 0 ? 64 :"),
    ("choice: VNNI without AVX2", 'has_vnni = is_wide && __builtin_cpu_supports("avx512f") &&', 'has_vnni = __builtin_cpu_supports("avx512f") &&'),
    ("choice: VNNI without AVX-512F", 'is_wide && __builtin_cpu_supports("avx512f") &&', "is_wide &&"),
    ("choice: VNNI without AVX-512BW", '__builtin_cpu_supports("avx512bw") && ', ""),
    ("choice: AVX-512 without VNNI", '__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni")', '__builtin_cpu_supports("avx512bw")'),
    ("choice: AVX2 never", "64 : is_wide ? 32 : 16;", "64 : 16;"),
]

FLAGS = {
    "": ["-DLSTM_NO_SIMD"],
    "vectors": ["-mavx2", "-DLSTM_NO_DISPATCH"],
    "VNNI": ["-mavx2", "-mavx512f", "-mavx512bw", "-mavx512vnni", "-DLSTM_NO_DISPATCH"],
    "choice": [],
}
NEEDED = {"vectors": "avx2", "VNNI": "avx512_vnni"}  # of /proc/cpuinfo's names


def noticed(mutant: tuple[str, str, str]) -> str:
    """"" where the tests notice it, else why not."""
    name, old, new = mutant
    if HEADER.count(old) != 1:
        return f"its text stands in the header {HEADER.count(old)} times"
    kind = re.match("vectors|VNNI|choice|", name)[0]
    flags = ["-O0", *FLAGS[kind]]
    test = "choice_int8" if kind == "choice" else "int8"
    if name.startswith("no long"):
        flags.append("-DLSTM_INT8_NO_LONG")
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        (Path(folder) / "lstm_int8.h").write_text(HEADER.replace(old, new))
        program = f"{folder}/test"
        build = [os.environ.get("CC") or "cc", "-std=c99", "-w", *flags, f"-I{folder}",
                 f"-I{ROOT / 'include'}", f"-I{ROOT / 'tests'}", str(ROOT / f"tests/test_{test}.c"),
                 "-o", program, "-lm"]
        done = subprocess.run(build, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"does not compile: {done.stderr[:300]}"
        try:
            run = subprocess.run([program], cwd=ROOT, capture_output=True, check=False,
                                 timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return ""
        return "" if run.returncode != 0 else "survives"


def has(feature: str) -> bool:
    try:
        return f" {feature} " in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def main() -> int:
    (ROOT / "build").mkdir(exist_ok=True)
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [m for m in MUTANTS if word in m[0]]
    same = "#ifndef LSTM_INT8_H\n"
    unchanged = {"no change", "choice", *NEEDED}
    for kind, feature in NEEDED.items():
        if not has(feature):
            print(f"SKIPPED: the mutants of {kind}: this CPU has no {feature}")
            chosen = [m for m in chosen if not m[0].startswith(kind)]
            unchanged.remove(kind)
    if any(noticed((name, same, same)) != "survives" for name in unchanged):
        print("the tests fail without any mutant")
        return 1
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        results = list(pool.map(noticed, chosen))
    failed = 0
    for mutant, why in zip(chosen, results, strict=True):
        if why:
            failed += 1
            print(f"FAILED: {mutant[0]}: {why}")
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
