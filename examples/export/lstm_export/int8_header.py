"""Writes a model with 8-bit weights as a C header for lstm_int8.h."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lstm_export import VERSION
from lstm_export.c_names import identity, layer_names
from lstm_export.c_text import WIDTH, checks, comment, safe, wrapped
from lstm_export.int8 import Half, Int8, Ints, run
from lstm_export.summary import summary_lines


class Names:
    """What the header calls things."""

    def __init__(self, name: str, int8: Int8) -> None:
        self.name = name
        self.upper = name.upper()
        kinds = [(layer, f"lstm{k}") for k, layer in enumerate(int8.names)]
        self.halves: list[tuple[str, Half]] = []
        for base, halves in zip(layer_names(kinds), int8.layers, strict=True):
            sides = ["forward", "backward"] if len(halves) == 2 else [""]
            for side, half in zip(sides, halves, strict=True):
                self.halves.append((f"{name}_{base}{side}", half))
        self.dense = f"{name}_output"


def header_lines(
    int8: Int8, name: str, x: Ints, errors: Sequence[tuple[str, float]]
) -> Iterator[str]:
    """errors: on what data, and the largest error of an output there."""
    names = Names(name, int8)
    body = [
        *_sizes(int8, names),
        "/* clang-format off */",
        "",
        *_arrays(int8, names),
        *_memory(int8, names),
        *_functions(int8, names),
        *_selftest(int8, names, x),
        "",
        "/* clang-format on */",
        "#endif",
    ]
    number = identity([name, int8.model.sha256(), *body])
    yield from _top(int8, names, errors)
    yield from _guard(names, number)
    yield from body


def _top(int8: Int8, names: Names, errors: Sequence[tuple[str, float]]) -> Iterator[str]:
    model, name, upper = int8.model, names.name, names.upper
    yield f"/* Made by lstm_export.py {VERSION} --int8 from {safe(model.source.file)}."
    yield f" * Saved by {safe(model.source.made_by)}."
    yield f" * SHA-256 of the float weights: {model.sha256()}"
    for data, error in errors:
        yield from comment(
            f"Largest error of an output against the float model: {error:.2g} on {data}."
        )
    yield from comment(
        f"Constants: {int8.bytes:,} bytes; in floats {4 * model.parameters:,}."
    )
    yield " *"
    for line in summary_lines(model):
        yield f" *   {safe(line)}"
    yield " *"
    yield from comment(
        f"Inputs are from {-(2 ** (15 - int8.bits))} to {2 ** (15 - int8.bits)}; what is "
        f"beyond becomes the nearest. As int16 they are times {2**int8.bits}."
    )
    rows = "[timesteps]" if int8.sequences else ""
    yield f" *   {name}_memory memory;"
    yield (
        f" *   {name}_predict(&memory, x, timesteps, y);   float "
        f"x[timesteps][{model.input_dim}], y{rows}[{_out_dim(int8)}]"
    )
    if _streams(int8):
        yield f" *   {name}_reset(&memory);"
        yield f" *   {name}_step(&memory, x, y);   for each timestep"
    yield from comment(
        f"{name}_predict_int16 and {name}_step_int16 take int16_t x. No float is used "
        f"where y is NULL"
        + (f" and {name}_logits gives the result." if int8.output else ".")
    )
    yield from comment(
        f"To say where the constants go, define {upper}_WEIGHTS before including this; "
        "on AVR it is PROGMEM."
    )
    yield " */"


def _guard(names: Names, number: int) -> Iterator[str]:
    upper, value = names.upper, f"0x{number:08x}"
    yield f"#if defined {upper}_H && {upper}_H + 0 != {value}"
    yield (
        f'#error "{upper}_H is another header: export one of the models with another '
        '--name"'
    )
    yield "#endif"
    yield f"#ifndef {upper}_H"
    yield f"#define {upper}_H {value}"
    yield ""
    yield '#include "lstm_int8.h"'
    yield ""
    yield from checks(upper)
    yield ""
    yield f"#ifndef {upper}_WEIGHTS"
    yield "#if defined(__AVR__)"
    yield f"#define {upper}_WEIGHTS PROGMEM"
    yield "#else"
    yield f"#define {upper}_WEIGHTS"
    yield "#endif"
    yield "#endif"
    yield ""


def _out_dim(int8: Int8) -> int:
    if int8.output is not None:
        return len(int8.output.bias)
    return sum(half.units for half in int8.layers[-1])


def _streams(int8: Int8) -> bool:
    return all(len(halves) == 1 for halves in int8.layers)


def _sizes(int8: Int8, names: Names) -> Iterator[str]:
    yield f"#define {names.upper}_INPUT_DIM {int8.model.input_dim}"
    yield f"#define {names.upper}_OUTPUT_DIM {_out_dim(int8)}"
    yield f"#define {names.upper}_INPUT_FRACTION_BITS {int8.bits}"
    yield ""


def _array(names: Names, kind: str, name: str, values: Ints) -> Iterator[str]:
    flat = values.ravel().tolist()
    yield f"static const {kind} {name}[{len(flat)}] {names.upper}_WEIGHTS = {{"
    line = "   "
    for position, value in enumerate(flat):
        word = f" {value}" + ("" if position == len(flat) - 1 else ",")
        if len(line) + len(word) > WIDTH:
            yield line
            line = "   "
        line += word
    yield line
    yield "};"


def packed(half: Half) -> Ints:
    """[units][blocks][4 gates][8 rows], rows after the last 0."""
    rows, units = len(half.weights), half.units
    blocks = (rows + 7) // 8
    wide = np.zeros((blocks * 8, 4 * units), np.int64)
    wide[:rows] = half.weights
    return wide.reshape(blocks, 8, 4, units).transpose(3, 0, 2, 1).copy()


def _by_unit(values: Ints) -> Ints:
    """[4 gates][units] as [units][4 gates]"""
    return values.reshape(4, -1).T.copy()


def _arrays(int8: Int8, names: Names) -> Iterator[str]:
    for name, half in names.halves:
        yield from _array(names, "int8_t", f"{name}_weights", packed(half))
        yield from _array(names, "uint16_t", f"{name}_scales", half.row_scales)
        multipliers = _by_unit(half.multipliers)
        yield from _array(names, "uint16_t", f"{name}_multipliers", multipliers)
        yield from _array(names, "int32_t", f"{name}_bias", _by_unit(half.bias))
        yield from wrapped(
            f"static const lstm_int8_layer {name}_layer = {{{half.input_dim}, "
            f"{half.units}, {name}_weights, {name}_scales, {name}_multipliers, "
            f"{name}_bias, {half.shift}, {half.bits}, 0, {int(half.backwards)}}};"
        )
        yield ""
    dense = int8.output
    if dense is not None:
        name = names.dense
        yield from _array(names, "int8_t", f"{name}_weights", dense.weights)
        yield from _array(names, "uint16_t", f"{name}_multipliers", dense.multipliers)
        yield from _array(names, "int32_t", f"{name}_bias", dense.bias)
        yield from wrapped(
            f"static const lstm_int8_dense {name}_layer = {{{dense.weights.shape[1]}, "
            f"{len(dense.bias)}, {name}_weights, {name}_multipliers, {name}_bias, "
            f"{dense.shift}, 15, LSTM_{dense.activation.upper()}}};"
        )
        yield ""


def _memory(int8: Int8, names: Names) -> Iterator[str]:
    units = sum(half.units for _, half in names.halves)
    rows = max((len(half.weights) + 7) // 8 * 8 for _, half in names.halves)
    name = names.name
    yield "/* All that the model writes: the state of one stream, and scratch. */"
    yield f"typedef struct {name}_memory {{"
    yield f"    int32_t c[{units}];"
    yield f"    int16_t h[{units}]; /* times 32768 */"
    yield f"    int16_t x[{int8.model.input_dim}];"
    yield f"    int16_t scratch[{rows}];"
    yield f"}} {name}_memory;"
    yield ""
    yield f"/* {name}_reset - the state of a new sequence. */"
    yield f"static inline void {name}_reset({name}_memory *memory)"
    yield "{"
    yield "    size_t k;"
    yield f"    for (k = 0; k < {units}; k++) {{"
    yield "        memory->h[k] = 0;"
    yield "        memory->c[k] = 0;"
    yield "    }"
    yield "}"
    yield ""


def _last(int8: Int8, names: Names) -> int:
    """Where the last layer's h begins."""
    units = [half.units for _, half in names.halves]
    return sum(units[: len(units) - len(int8.layers[-1])])


def _functions(int8: Int8, names: Names) -> Iterator[str]:
    yield from _result(int8, names)
    if _streams(int8):
        yield from _step(int8, names)
    yield from _predict(int8, names)


def _result(int8: Int8, names: Names) -> Iterator[str]:
    name, at = names.name, _last(int8, names)
    h = f"memory->h + {at}" if at else "memory->h"
    if int8.output is not None:
        yield f"/* {name}_logits - the Dense layer without its activation, times 65536,"
        yield " * of the state: after a step, or after a prediction. */"
        yield f"{names.upper}_NODISCARD"
        yield (
            f"static inline lstm_status {name}_logits(const {name}_memory *memory, "
            "int32_t *logits)"
        )
        yield "{"
        yield (
            f"    return memory == NULL ? LSTM_ERR_NULL : lstm_int8_dense_logits("
            f"&{names.dense}_layer,"
        )
        yield f"        {h}, 1, logits);"
        yield "}"
        yield ""
    yield f"{names.upper}_NODISCARD"
    yield f"static inline lstm_status {name}_result(const {name}_memory *memory,"
    yield "    float *y)"
    yield "{"
    yield "    if (y == NULL) {"
    yield "        return LSTM_OK;"
    yield "    }"
    if int8.output is not None:
        yield f"    return lstm_int8_dense_forward(&{names.dense}_layer, {h}, 1, y);"
    else:
        yield f"    lstm_int8_to_float({h}, {_out_dim(int8)}, 15, y);"
        yield "    return LSTM_OK;"
    yield "}"
    yield ""


def _step(int8: Int8, names: Names) -> Iterator[str]:
    name = names.name
    yield f"/* {name}_step - one timestep of a stream; {name}_step_int16 for x in int16."
    yield f" *   memory  after {name}_reset, one for each stream"
    yield f" *   x       [{int8.model.input_dim}]"
    yield f" *   y       [{_out_dim(int8)}], the output so far, or NULL: not wanted"
    yield " * Returns LSTM_OK, or LSTM_ERR_NULL; nothing is written then. */"
    yield f"{names.upper}_NODISCARD"
    yield f"static inline lstm_status {name}_step_int16({name}_memory *memory,"
    yield "    const int16_t *x, float *y)"
    yield "{"
    yield "    lstm_status status;"
    yield "    if (memory == NULL) {"
    yield "        return LSTM_ERR_NULL;"
    yield "    }"
    source, at = "x", 0
    for number, (layer, half) in enumerate(names.halves):
        place = f" + {at}" if at else ""
        if number:
            yield "    if (status != LSTM_OK) {"
            yield "        return status;"
            yield "    }"
        yield f"    status = lstm_int8_step(&{layer}_layer, {source},"
        yield f"        memory->h{place}, memory->c{place}, memory->scratch);"
        source = f"memory->h{place}"
        at += half.units
    yield f"    return status != LSTM_OK ? status : {name}_result(memory, y);"
    yield "}"
    yield ""
    yield f"{names.upper}_NODISCARD"
    yield f"static inline lstm_status {name}_step({name}_memory *memory, const float *x,"
    yield "    float *y)"
    yield "{"
    yield "    if (memory == NULL || x == NULL) {"
    yield "        return LSTM_ERR_NULL;"
    yield "    }"
    yield f"    lstm_int8_from_float(x, {int8.model.input_dim}, {int8.bits}, memory->x);"
    yield f"    return {name}_step_int16(memory, memory->x, y);"
    yield "}"
    yield ""


def _predict(int8: Int8, names: Names) -> Iterator[str]:
    """One function for both kinds of x; the other is NULL."""
    name, dim = names.name, int8.model.input_dim
    yield f"{names.upper}_NODISCARD"
    yield f"static inline lstm_status {name}_run({name}_memory *memory, const int16_t *x,"
    yield "    const float *floats, size_t timesteps, float *y)"
    yield "{"
    yield "    lstm_status status = LSTM_OK;"
    yield "    size_t t;"
    yield "    if (timesteps == 0) {"
    yield "        return LSTM_OK;"
    yield "    }"
    yield "    if (memory == NULL || (x == NULL && floats == NULL)) {"
    yield "        return LSTM_ERR_NULL;"
    yield "    }"
    yield f"    {name}_reset(memory);"
    if _streams(int8):
        yield "    for (t = 0; t < timesteps && status == LSTM_OK; t++) {"
        yield from _row("t", dim, int8.bits)
        if int8.sequences:
            y = f"y != NULL ? y + t * {_out_dim(int8)} : NULL"
        else:
            y = "t + 1 == timesteps ? y : NULL"
        yield f"        status = {name}_step_int16(memory, row, {y});"
        yield "    }"
        yield "    return status;"
    else:
        at = 0
        for layer, half in names.halves:
            t = "timesteps - 1 - t" if half.backwards else "t"
            place = f" + {at}" if at else ""
            yield "    for (t = 0; t < timesteps && status == LSTM_OK; t++) {"
            yield from _row(f"({t})", dim, int8.bits)
            yield f"        status = lstm_int8_step(&{layer}_layer, row,"
            yield f"            memory->h{place}, memory->c{place}, memory->scratch);"
            yield "    }"
            at += half.units
        yield f"    return status != LSTM_OK ? status : {name}_result(memory, y);"
    yield "}"
    yield ""
    rows = "[timesteps]" if int8.sequences else ""
    yield f"/* {name}_predict - the output for one sequence; {name}_predict_int16"
    yield f" * for x in int16: x [timesteps][{dim}], y {rows}[{_out_dim(int8)}] or NULL."
    yield " * Returns LSTM_OK, also for 0 timesteps, or LSTM_ERR_NULL. */"
    for suffix, kind, arguments in (
        ("_int16", "int16_t", "x, NULL"),
        ("", "float", "NULL, x"),
    ):
        yield f"{names.upper}_NODISCARD"
        yield (f"static inline lstm_status {name}_predict{suffix}({name}_memory *memory,")
        yield f"    const {kind} *x, size_t timesteps, float *y)"
        yield "{"
        yield f"    return {name}_run(memory, {arguments}, timesteps, y);"
        yield "}"
        yield ""


def _row(t: str, dim: int, bits: int) -> Iterator[str]:
    yield f"        const int16_t *const row = x != NULL ? x + {t} * {dim} : memory->x;"
    yield "        if (x == NULL) {"
    at = f"floats + {t} * {dim}"
    yield f"            lstm_int8_from_float({at}, {dim}, {bits}, memory->x);"
    yield "        }"


def _selftest(int8: Int8, names: Names, x: Ints) -> Iterator[str]:
    name, dim = names.name, int8.model.input_dim
    states, found = run(int8, x)
    yield f"/* {name}_selftest - runs a recorded sequence and returns how many of the"
    yield " * integers that it leaves behind are not the expected ones: 0 is well. */"
    yield f"static inline int {name}_selftest({name}_memory *memory)"
    yield "{"
    yield from ("    " + line for line in _array(names, "int16_t", "x", x))
    yield from ("    " + line for line in _array(names, "int16_t", "h", states))
    if int8.output is not None:
        yield from ("    " + line for line in _array(names, "int32_t", "want", found[-1]))
        yield f"    int32_t logits[{len(found[-1])}];"
    yield f"    int16_t row[{dim}];"
    yield "    int wrong = 0;"
    yield "    size_t t, k;"
    yield f"    {name}_reset(memory);"
    if _streams(int8):
        yield f"    for (t = 0; t < {len(x)}; t++) {{"
        yield f"        for (k = 0; k < {dim}; k++) {{"
        yield f"            row[k] = (int16_t)LSTM_INT8_LOAD_16(x + t * {dim} + k);"
        yield "        }"
        yield f"        wrong += {name}_step_int16(memory, row, NULL) != LSTM_OK;"
        yield "    }"
    else:
        at = 0
        for layer, half in names.halves:
            place = f" + {at}" if at else ""
            order = f"({len(x) - 1} - t)" if half.backwards else "t"
            yield f"    for (t = 0; t < {len(x)}; t++) {{"
            yield f"        for (k = 0; k < {dim}; k++) {{"
            source = f"x + {order} * {dim} + k"
            yield f"            row[k] = (int16_t)LSTM_INT8_LOAD_16({source});"
            yield "        }"
            yield f"        wrong += lstm_int8_step(&{layer}_layer, row,"
            yield f"            memory->h{place}, memory->c{place},"
            yield "            memory->scratch) != LSTM_OK;"
            yield "    }"
            at += half.units
    yield f"    for (k = 0; k < {len(states)}; k++) {{"
    yield "        wrong += memory->h[k] != (int16_t)LSTM_INT8_LOAD_16(h + k);"
    yield "    }"
    if int8.output is not None:
        yield f"    wrong += {name}_logits(memory, logits) != LSTM_OK;"
        yield f"    for (k = 0; k < {len(found[-1])}; k++) {{"
        yield "        wrong += logits[k] != LSTM_INT8_LOAD_32(want + k);"
        yield "    }"
    yield "    return wrong;"
    yield "}"
