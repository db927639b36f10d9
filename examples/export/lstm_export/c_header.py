"""Writes a model as a C header: weights, sizes, layers, and the functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lstm_export import VERSION, c_binary
from lstm_export.c_functions import functions
from lstm_export.c_names import COUNT, UNIT_COUNT, WEIGHTS, identity
from lstm_export.c_structs import layers
from lstm_export.c_text import checks, comment, numbers, safe, wrapped
from lstm_export.c_weights import flat, start
from lstm_export.golden import Golden
from lstm_export.model import (
    Cell,
    Dense,
    Own,
    cells,
)
from lstm_export.plan import Plan, stored_size
from lstm_export.rows import Strided
from lstm_export.summary import summary_lines

BLOCK = 100_000  # weights between two progress reports

Progress = Callable[[int, int], None]


def header_lines(
    plan: Plan, golden: Golden, progress: Progress, source: str | None = None
) -> Iterator[str]:
    """The header; with the name of another file, its weights are in that: a source file,
    or what the plan says is no C."""
    sizes = list(_sizes(plan))
    structs = [] if plan.is_binary else [*layers(plan), ""]
    code = list(functions(plan, golden))
    number = identity([plan.name, plan.model.sha256(), *sizes, *structs, *code])
    yield from _top(plan, golden, source)
    yield from _guard(plan, number)
    yield from sizes
    yield "/* clang-format off */"
    yield ""
    if plan.is_binary:
        for op in plan.ops:
            yield from start(plan, op)
        yield from c_binary.loader(plan)
    elif source is None:
        yield from _weights(plan, progress)
    else:
        yield from _declared(plan)
    yield from _assertions(plan)
    yield from structs
    yield from code
    yield ""
    yield "/* clang-format on */"
    yield "#endif"


# ---- The first lines -------------------------------------------------------------------


def _top(plan: Plan, golden: Golden, source: str | None) -> Iterator[str]:
    model, upper = plan.model, plan.macro
    yield f"/* Made by lstm_export.py {VERSION} from {safe(model.source.file)}."
    yield f" * Saved by {safe(model.source.made_by)}."
    yield f" * SHA-256 of the weights: {model.sha256()}"
    yield from comment(f"Expected outputs of {plan.name}_selftest by {safe(golden.by)}.")
    yield " *"
    for line in summary_lines(model):
        yield f" *   {safe(line)}"
    yield " *"
    for note in model.notes:
        yield from comment(safe(note))
        yield " *"
    if plan.is_binary and source is not None:
        yield from c_binary.usage(plan, safe(source))
    yield from _usage(plan)
    if plan.is_binary:
        yield " */"
        return
    if source is not None:
        yield from comment(
            f"Compile {safe(source)} with the program: it has the weights."
        )
        yield " *"
    yield from comment(
        f"To say where the weights go, define {upper('WEIGHTS')} before including this, "
        'for example as __attribute__((section(".flash"))) or PROGMEM (on AVR, with '
        "LSTM_LOAD of lstm.h)."
    )
    yield " */"


def _guard(plan: Plan, number: int) -> Iterator[str]:
    """Against this header a second time, and against another model of its name."""
    upper = plan.macro
    value = f"0x{number:08x}"
    yield f"#if defined {upper('H')} && {upper('H')} + 0 != {value}"
    yield (
        f'#error "{upper("H")} is another header: export one of the models with another '
        '--name"'
    )
    yield "#endif"
    yield f"#ifndef {upper('H')}"
    yield f"#define {upper('H')} {value}"
    yield ""
    yield '#include "lstm.h"'
    if plan.is_binary:
        yield from c_binary.includes(plan)
    elif plan.model.vocabulary is not None:
        yield "#include <stdint.h>"
    yield ""
    yield from checks(plan.name.upper())
    yield ""
    if not plan.is_binary:
        yield f"#ifndef {upper('WEIGHTS')}"
        yield f"#define {upper('WEIGHTS')}"
        yield "#endif"
        yield ""


def _usage(plan: Plan) -> Iterator[str]:
    name, upper, weights = plan.name, plan.macro, plan.weights_argument
    timesteps = plan.model.timesteps if plan.model.has_fixed_timesteps else None
    t = str(timesteps) if timesteps else "timesteps"
    rows = t if plan.out_rows is None else str(plan.out_rows)
    if isinstance(plan.out_rows, Strided):
        rows = plan.out_rows.text(t)
    y = f"y[{plan.out_dim}]" if rows == "1" else f"y[{rows}][{plan.out_dim}]"
    x = f"x[{t}][{plan.model.input_dim}]"
    if plan.model.vocabulary is not None:
        x = f"int32_t x[{t}], numbers from 0 to {plan.model.vocabulary - 1},"
    yield f" * {x} becomes {y}:"
    yield f" *   float work[{upper('WORK_LEN')}({t})];"
    yield f" *   if ({name}_predict({weights}x, {t}, y, work) != LSTM_OK) {{ return 1; }}"
    if plan.can_stream:
        yield " * or timestep by timestep, or block by block, as x comes in:"
        yield (
            f" *   float state[{upper('STATE_LEN')}], scratch[{upper('SCRATCH_LEN')}];"
        )
        yield f" *   {name}_reset(state);"
        yield f" *   status = {name}_step({weights}x, state, y, scratch);"
        yield f" *   status = {name}_block({weights}x, timesteps, state, y, scratch);"
    else:
        why = safe(str(plan.model.why_whole))
        yield from comment(f"There is no {name}_step() for single timesteps: {why}.")
    yield " *"


# ---- Sizes -----------------------------------------------------------------------------


def _sizes(plan: Plan) -> Iterator[str]:
    model, upper = plan.model, plan.macro
    yield f"#define {upper('INPUT_DIM')} {model.input_dim}"
    yield f"#define {upper('OUTPUT_DIM')} {plan.out_dim}"
    if model.vocabulary is not None:
        yield f"#define {upper('VOCABULARY')} {model.vocabulary}"
    if model.timesteps is not None:
        yield f"#define {upper('TIMESTEPS')} {model.timesteps}"
    for op in plan.recurrent:
        units = cells(op.layer)[0].units
        name = "UNITS" if len(plan.recurrent) == 1 else f"{op.name.upper()}_{UNIT_COUNT}"
        yield f"#define {upper(name)} {units}"
    yield f"#define {upper('PARAM_COUNT')} ((size_t){model.parameters})"
    yield ""
    if plan.is_binary:
        yield from c_binary.sizes(plan)
    of_two = any(len(sizes) > 1 for sizes in plan.buffers.values())
    if of_two or upper("LARGER") in plan.scratch():
        yield f"#define {upper('LARGER')}(a, b) ((a) > (b) ? (a) : (b))"
    if plan.in_chunks and not plan.has_mask:
        yield from _chunk(plan)
    yield "/* Floats of h and c, of scratch, of predict's work and of its output. */"
    yield f"#define {upper('STATE_LEN')} ((size_t){plan.state_len})"
    scratch = [plan.scratch()]
    work = [upper("STATE_LEN"), upper("SCRATCH_LEN")]
    rows = upper("CHUNK") if plan.can_stream else "(timesteps)"
    buffers = [plan.buffer_len(buffer, rows) for buffer in sorted(plan.buffers)]
    if plan.can_stream:
        scratch += buffers
    else:
        work += buffers
        if plan.has_mask:
            work.append("((size_t)(timesteps) + 3) / 4")
    yield from _define(upper("SCRATCH_LEN"), " + ".join(scratch))
    yield from _define(f"{upper('WORK_LEN')}(timesteps)", " + ".join(work))
    length = f"(size_t)(timesteps) * {plan.out_dim}"
    if isinstance(plan.out_rows, Strided):
        length = f"{plan.out_rows.text('(size_t)(timesteps)')} * {plan.out_dim}"
    elif plan.out_rows is not None:
        length = f"(size_t){plan.out_rows * plan.out_dim}"
    yield from _define(f"{upper('OUTPUT_LEN')}(timesteps)", length)
    yield ""


def _define(name: str, value: str) -> Iterator[str]:
    lines = list(wrapped(f"#define {name} ({value})"))
    yield from (f"{line} \\" for line in lines[:-1])
    yield lines[-1]


def _chunk(plan: Plan) -> Iterator[str]:
    chunk = plan.macro("CHUNK")
    yield "/* Timesteps that go through the layers together: what lstm.h looks ahead. */"
    yield "/* Fewer, but one, need less scratch and give the same bits. */"
    yield f"#ifndef {chunk}"
    yield f"#define {chunk} (LSTM_SCRATCH_LEN(1) > 4 ? (size_t)8 : (size_t)1)"
    yield "#endif"


# ---- Weights and layers ----------------------------------------------------------------


def source_lines(plan: Plan, header: str, progress: Progress) -> Iterator[str]:
    """The file with the weights, beside a header that declares them."""
    yield f"/* Made by lstm_export.py {VERSION} from {safe(plan.model.source.file)}: the"
    yield f" * weights that {safe(header)} declares."
    yield " */"
    yield f'#include "{header}"'
    yield ""
    yield "/* clang-format off */"
    yield ""
    yield from _weights(plan, progress, "")
    yield "/* clang-format on */"


def _declared(plan: Plan) -> Iterator[str]:
    yield "#ifdef __cplusplus"
    yield 'extern "C" {'
    yield "#endif"
    for op in plan.ops:
        what, values = flat(op)
        if values is not None:
            yield f"/* {safe(op.layer.name)} ({safe(op.layer.kind)}): {what} */"
            yield f"extern const float {plan.of(op, WEIGHTS)}[{values.size}];"
    yield "#ifdef __cplusplus"
    yield "}"
    yield "#endif"
    yield ""
    for op in plan.ops:
        yield from start(plan, op)


def _weights(plan: Plan, progress: Progress, static: str = "static ") -> Iterator[str]:
    done, total = 0, plan.model.parameters
    for op in plan.ops:
        what, values = flat(op)
        if values is None:
            continue
        yield f"/* {safe(op.layer.name)} ({safe(op.layer.kind)}): {what} */"
        prefix = f"{plan.macro('WEIGHTS')} LSTM_ALIGNED {static}const float"
        yield f"{prefix} {plan.of(op, WEIGHTS)}[{values.size}] = {{"
        for first in range(0, values.size, BLOCK):
            part = values[first : first + BLOCK]
            block = "\n".join(numbers(part))
            yield block + ("," if first + BLOCK < values.size else "")
            done += part.size
            progress(min(done, total), total)
        yield "};"
        yield ""
        if static:
            yield from start(plan, op)


def _assertions(plan: Plan) -> Iterator[str]:
    """Typedefs of arrays that would have -1 elements where a count is wrong."""
    yield "/* These do not compile where a count is wrong. */"
    total: list[str] = []
    others = 0
    for op in plan.ops:
        layer = op.layer
        if isinstance(layer, Own):
            others += layer.parameters
            continue
        if isinstance(layer, Dense):
            terms = [_dense_count(layer)]
        else:
            terms = [_cell_count(cell) for cell in cells(layer)]
        if not terms:
            continue
        count = f"sizeof {plan.of(op, WEIGHTS)} / sizeof(float)"
        total.append(f"(size_t){stored_size(op)}" if plan.is_binary else count)
        condition = f"{total[-1]} == {' + '.join(terms)}"
        yield from wrapped(f"typedef char {plan.of(op, COUNT)}[{condition} ? 1 : -1];")
    if plan.in_chunks and not plan.has_mask:
        condition = f"{plan.macro('CHUNK')} >= 1"
        yield f"typedef char {plan.name}_chunk[{condition} ? 1 : -1];"
    total += [str(others)] if others else []
    condition = f"{' + '.join(total)} == {plan.macro('PARAM_COUNT')}"
    yield from wrapped(f"typedef char {plan.name}_check[{condition} ? 1 : -1];")
    yield ""


def _cell_count(cell: Cell) -> str:
    suffix = "" if cell.bias is not None else "_NO_BIAS"
    return f"LSTM_PARAM_COUNT{suffix}({cell.input_dim}, {cell.units})"


def _dense_count(layer: Dense) -> str:
    inputs, units = layer.kernel.shape
    if layer.bias is None:
        return f"(size_t){inputs} * {units}"
    return f"LSTM_DENSE_PARAM_COUNT({inputs}, {units})"
