"""The functions of the header: run, predict, step and selftest."""

from __future__ import annotations

from collections.abc import Iterator

from lstm_export.c_layers import own_call, own_functions
from lstm_export.c_names import LAYER, START
from lstm_export.c_structs import layers
from lstm_export.c_text import comment, number, numbers, wrapped
from lstm_export.golden import Golden
from lstm_export.model import Activation, AddInput, Bidirectional, Dense, Lstm, Own, Row
from lstm_export.plan import BUFFERS, Op, Plan, dense_rows
from lstm_export.rows import Strided


def functions(plan: Plan, golden: Golden) -> Iterator[str]:
    if any(isinstance(op.layer, Lstm) and op.layer.rows_in_time_order for op in plan.ops):
        yield from _turn(plan)
    yield from own_functions(plan)
    yield from _reset(plan)
    if plan.can_stream:
        yield from _run(plan)
        yield from _block(plan)
        yield from _predict_by_block(plan)
        yield from _step(plan)
    else:
        yield from _predict_at_once(plan)
    yield from _selftest(plan, golden)


def _signature(plan: Plan, suffix: str, parameters: str) -> Iterator[str]:
    yield plan.macro("NODISCARD")
    parameters = plan.weights_parameter + parameters
    head = f"static inline lstm_status {plan.name}_{suffix}("
    line = head
    for word in parameters.split(", "):
        last = parameters.endswith(word)
        if len(line) + len(word) + 1 > 90:
            yield line.rstrip()
            line = " " * len(head)
        line += word + (")" if last else ", ")
    yield line


_CHECK = ["    if (status != LSTM_OK) {", "        return status;", "    }"]


def _call(call: str, indent: str = "    ") -> Iterator[str]:
    yield from wrapped(f"status = {call};", indent)
    yield from (indent[4:] + line for line in _CHECK)


def _loop(
    count: str, body: list[str], indent: str = "    ", variable: str = "k"
) -> list[str]:
    return [
        f"{indent}for (size_t {variable} = 0; {variable} < {count}; {variable}++) {{",
        *(f"{indent}    {line}" for line in body),
        f"{indent}}}",
    ]


def _plus(pointer: str, offset: int | str) -> str:
    return pointer if offset == 0 else f"{pointer} + {offset}"


def _item(pointer: str, index: str) -> str:
    """What is at an index after a pointer."""
    array, plus, offset = pointer.partition(" + ")
    return f"{array}[{offset} + {index}]" if plus else f"{array}[{index}]"


# ---- The layers of one pass ------------------------------------------------------------


def _ops(plan: Plan) -> Iterator[str]:
    """The calls of all layers. After the last state has changed, y is wanted or not."""
    last = plan.recurrent[-1] if plan.recurrent else None
    may_skip = plan.can_stream and plan.out_rows is not None
    for op in plan.ops:
        yield from _op(plan, op)
        if may_skip and op is last:
            yield "    if (y == NULL) {"
            yield "        return LSTM_OK;"
            yield "    }"
    if plan.output != "y":
        rows = plan.count(plan.out_rows)
        count = str(plan.out_dim) if rows == "1" else f"{rows} * {plan.out_dim}"
        yield from _loop(count, [f"y[k] = {_item(plan.output, 'k')};"])


def _returning(lines: list[str]) -> list[str]:
    """A function's last lines return its status."""
    if lines[-3:] == _CHECK:
        return [*lines[:-3], "    return status;"]
    return [*lines, "    return LSTM_OK;"]


def _op(plan: Plan, op: Op) -> Iterator[str]:
    if isinstance(op.layer, Lstm):
        one_step = plan.can_stream and plan.has_mask
        yield from _one_step(plan, op) if one_step else _lstm(plan, op)
    elif isinstance(op.layer, Bidirectional):
        mask = "mask" if op.layer.masked else "NULL"
        h, c = _state(op)
        rows = plan.count(op.rows)
        yield from _call(
            f"lstm_bidirectional_forward(&{plan.of(op, LAYER)}, {op.source}, {mask}, "
            f"1, {rows}, {h}, {c}, {op.target}, scratch)"
        )
    elif isinstance(op.layer, Dense | Activation):
        rows = dense_rows(op, plan.count(op.rows))
        layer = plan.of(op, LAYER)
        yield from _call(
            f"lstm_dense_forward(&{layer}, {op.source}, {rows}, {op.target})"
        )
    elif isinstance(op.layer, AddInput):
        yield from _add_input(plan, op, op.layer)
    elif isinstance(op.layer, Own):
        yield from own_call(plan, op)
    else:
        assert isinstance(op.layer, Row)


def _add_input(plan: Plan, op: Op, layer: AddInput) -> Iterator[str]:
    gain = "" if layer.gain == 1.0 else f"{number(layer.gain)} * "
    source, target = (_item(each, f"k * {op.dim} + j") for each in (op.source, op.target))
    inner = [f"{target} = {source} + {gain}x[k * {plan.model.input_dim} + j];"]
    body = _loop(str(layer.columns), inner, "", "j")
    yield from _loop(plan.count(op.rows), body)


def _state(op: Op) -> tuple[str, str]:
    layer = op.layer
    assert isinstance(layer, Lstm | Bidirectional)
    halves = [layer.cell] if isinstance(layer, Lstm) else [layer.forward, layer.backward]
    units = sum(cell.units for cell in halves)
    return _plus("state", op.state), _plus("state", op.state + units)


def _lstm(plan: Plan, op: Op) -> Iterator[str]:
    layer = op.layer
    assert isinstance(layer, Lstm)
    h, c = _state(op)
    rows, target = plan.count(op.rows), op.target or "NULL"
    name = plan.of(op, LAYER)
    if layer.masked:
        yield from _call(
            f"lstm_forward_batch(&{name}, {op.source}, mask, 1, {rows}, {h}, {c}, "
            f"{target}, scratch)"
        )
    else:
        yield from _call(
            f"lstm_forward(&{name}, {op.source}, {rows}, {h}, {c}, {target}, scratch)"
        )
    if layer.return_sequences and layer.rows_in_time_order:
        yield f"    {plan.name}_turn({op.target}, {rows}, {op.out_dim});"


def _one_step(plan: Plan, op: Op) -> Iterator[str]:
    """A masked timestep leaves the state as it is, and so repeats the output."""
    layer = op.layer
    assert isinstance(layer, Lstm)
    h, c = _state(op)
    call = f"lstm_step(&{plan.of(op, LAYER)}, {op.source}, {h}, {c}, scratch)"
    if not layer.masked:
        yield from _call(call)
        return
    yield "    if (is_used) {"
    yield from _call(call, "        ")
    yield "    }"
    if op.target:
        value = f"{op.target}[k] = is_used ? {_item(h, 'k')} : 0.0f;"
        yield from _loop(str(op.out_dim), [value])


def _buffers(plan: Plan, first: str, rows: str) -> Iterator[str]:
    """Where the buffers are, one after the other."""
    at = first
    for buffer in BUFFERS:
        if buffer in plan.buffers:
            yield from wrapped(f"float *const {buffer} = {at};", "    ")
            at = f"{buffer} + {plan.buffer_len(buffer, rows)}"
    if plan.has_mask and not plan.can_stream:
        yield f"    unsigned char *const mask = (unsigned char *)({at});"


def _turn(plan: Plan) -> Iterator[str]:
    yield "/* Turns the order of rows round. */"
    yield (f"static inline void {plan.name}_turn(float *y, size_t rows, size_t columns)")
    yield "{"
    yield "    for (size_t row = 0; row < rows / 2; row++) {"
    yield "        float *const first = y + row * columns;"
    yield "        float *const last = y + (rows - 1 - row) * columns;"
    yield "        for (size_t k = 0; k < columns; k++) {"
    yield "            const float other = last[k];"
    yield "            last[k] = first[k];"
    yield "            first[k] = other;"
    yield "        }"
    yield "    }"
    yield "}"
    yield ""


def _mask(plan: Plan, rows: str, mask: str) -> Iterator[str]:
    """What says which timesteps are used."""
    value = plan.model.mask_value
    if value is not None:
        dim = plan.model.input_dim
        yield f"    lstm_mask(x, {rows}, {dim}, {number(value)}, {mask});"
    elif rows == "1":
        yield "    is_used = x[0] != 0;"
    else:
        yield from _loop(rows, [f"{mask}[k] = x[k] != 0;"])


def _unknown(plan: Plan, rows: str) -> Iterator[str]:
    """Refuse numbers of no row of the table, before anything is written."""
    if plan.embedding is not None:
        known = f"{plan.name}_known(x, {rows}, {plan.model.vocabulary})"
        yield f"    if (!{known}) {{"
        yield "        return LSTM_ERR_SHAPE;"
        yield "    }"


def _reset(plan: Plan) -> Iterator[str]:
    """The state before the first timestep."""
    name = plan.name
    yield f"/* {name}_reset - the state before the first timestep of a sequence."
    yield f" *   state  {plan.macro('STATE_LEN')} floats, written */"
    yield f"static inline void {name}_reset(float *state)"
    yield "{"
    yield from _loop(plan.macro("STATE_LEN"), ["state[k] = 0.0f;"])
    for op in plan.recurrent:
        start = op.layer.start if isinstance(op.layer, Lstm) else None
        if start is not None:
            value = f"state[{op.state} + k] = {plan.of(op, START)}[k];"
            yield from _loop(str(start.h.size + start.c.size), [value])
    yield "}"
    yield ""


# ---- A model that can stream -----------------------------------------------------------


def _run(plan: Plan) -> Iterator[str]:
    name, chunk = plan.name, plan.macro("CHUNK")
    masked = plan.has_mask
    if masked:
        yield f"/* What {name}_step does. */"
    elif plan.in_chunks:
        yield f"/* Up to {chunk} timesteps; otherwise as {name}_step. */"
    else:
        yield f"/* Some timesteps; otherwise as {name}_step. */"
    rows = "" if masked else "size_t rows, "
    parameters = f"const {plan.x_type} *x, {rows}float *state, float *y, float *scratch"
    yield from _signature(plan, "run", parameters)
    yield "{"
    yield from _structs(plan)
    yield from _buffers(plan, f"scratch + {plan.scratch()}", chunk)
    yield "    lstm_status status;"
    if masked:
        yield "    unsigned char is_used = 1;"
        yield from _mask(plan, "1", "&is_used")
    yield from _returning(list(_ops(plan)))
    yield "}"
    yield ""


def _structs(plan: Plan) -> Iterator[str]:
    """The layers, where their weights are in memory that the caller has."""
    if plan.is_binary:
        yield from layers(plan)


def _no_weights(plan: Plan) -> str:
    return "weights == NULL || " if plan.is_binary else ""


def _weights_text(plan: Plan) -> str:
    return f"[{plan.macro('WEIGHTS_LEN')}], from {plan.name}_load_file or _load_bytes"


def _y_text(plan: Plan) -> str:
    if isinstance(plan.out_rows, Strided):
        rows = f"[{plan.out_rows.text('timesteps')}]"
    elif plan.out_rows is None:
        rows = "[timesteps]"
    else:
        rows = "" if plan.out_rows == 1 else f"[{plan.out_rows}]"
    return f"{rows}[{plan.out_dim}]"


def _x_text(plan: Plan) -> str:
    if plan.model.vocabulary is None:
        return f"[timesteps][{plan.model.input_dim}]"
    return f"[timesteps], numbers from 0 to {plan.model.vocabulary - 1}"


def _errors(plan: Plan) -> str:
    """What a call refuses besides NULL."""
    found = []
    if plan.model.has_fixed_timesteps:
        found.append(f"other timesteps than {plan.macro('TIMESTEPS')}")
    elif plan.model.least_timesteps > 1:
        found.append(f"fewer timesteps than {plan.model.least_timesteps}")
    if plan.embedding is not None:
        found.append("other numbers in x")
    return f" {' or '.join(found)}: LSTM_ERR_SHAPE;" if found else ""


def _predict_doc(plan: Plan) -> Iterator[str]:
    yield f"/* {plan.name}_predict - the model's output for one sequence."
    length = f"{plan.macro('WORK_LEN')}(timesteps)"
    texts = {
        "x": _x_text(plan),
        "y": f"{_y_text(plan)}, written",
        "work": f"{length} floats, never read before written",
    }
    if plan.is_binary:
        texts = {"weights": _weights_text(plan)} | texts
    room = max(map(len, texts)) + 2
    yield from (f" *   {name:<{room}}{text}" for name, text in texts.items())
    start = "All states begin at zero. "
    if any(isinstance(op.layer, Lstm) and op.layer.start for op in plan.recurrent):
        start = ""
    yield from comment(
        f"The arrays must not overlap. {start}0 timesteps: LSTM_OK, nothing is done. "
        f"NULL for an array: LSTM_ERR_NULL;{_errors(plan)} on an error y is not written."
    )
    yield " */"


def _predict_head(plan: Plan) -> Iterator[str]:
    yield from _predict_doc(plan)
    parameters = f"const {plan.x_type} *x, size_t timesteps, float *y, float *work"
    yield from _signature(plan, "predict", parameters)
    yield "{"
    yield "    if (timesteps == 0) {"
    yield "        return LSTM_OK;"
    yield "    }"
    yield f"    if ({_no_weights(plan)}x == NULL || y == NULL || work == NULL) {{"
    yield "        return LSTM_ERR_NULL;"
    yield "    }"
    least = plan.model.least_timesteps
    if plan.model.has_fixed_timesteps or least > 1:
        wrong = f"!= {plan.macro('TIMESTEPS')}"
        if not plan.model.has_fixed_timesteps:
            wrong = f"< {least}"
        yield f"    if (timesteps {wrong}) {{"
        yield "        return LSTM_ERR_SHAPE;"
        yield "    }"
    yield "    float *const state = work;"
    yield f"    float *const scratch = work + {plan.macro('STATE_LEN')};"


def _predict_by_block(plan: Plan) -> Iterator[str]:
    yield from _predict_head(plan)
    yield f"    {plan.name}_reset(state);"
    arguments = f"{plan.weights_argument}x, timesteps, state, y, scratch"
    yield f"    return {plan.name}_block({arguments});"
    yield "}"
    yield ""


def _stream_doc(plan: Plan, x: str, y: str) -> Iterator[str]:
    upper = plan.macro
    loaded = [("weights", _weights_text(plan))] if plan.is_binary else []
    for name, text in (
        *loaded,
        ("x", x),
        ("state", f"{upper('STATE_LEN')} floats, from {plan.name}_reset on"),
        ("y", y),
        ("scratch", f"{upper('SCRATCH_LEN')} floats, never read before written"),
    ):
        first, *more = comment(text, " *            ")
        yield first.replace(" *            ", f" *   {name:<9}", 1)
        yield from more


def _block(plan: Plan) -> Iterator[str]:
    """Timesteps of a stream, a chunk at a time."""
    name, dim = plan.name, plan.model.input_dim
    may_skip = plan.out_rows is not None
    wanted = ", the output after the last, or NULL" if may_skip else ", written"
    yield f"/* {name}_block - some timesteps of a stream, as many as there are."
    yield from _stream_doc(plan, _x_text(plan), f"{_y_text(plan)}{wanted}")
    wrong = " Other numbers in x: LSTM_ERR_SHAPE;" if plan.embedding is not None else ""
    yield from comment(
        f"However a sequence is cut into blocks, they give the bits of {name}_predict. "
        f"NULL for another array: LSTM_ERR_NULL;{wrong} on an error nothing is written."
    )
    yield " */"
    parameters = f"const {plan.x_type} *x, size_t timesteps, float *state, float *y, "
    yield from _signature(plan, "block", parameters + "float *scratch")
    yield "{"
    yield "    if (timesteps == 0) {"
    yield "        return LSTM_OK;"
    yield "    }"
    y = "" if may_skip else "y == NULL || "
    condition = f"{_no_weights(plan)}x == NULL || state == NULL || {y}scratch == NULL"
    yield from wrapped(f"if ({condition}) {{", "    ")
    yield "        return LSTM_ERR_NULL;"
    yield "    }"
    yield from _unknown(plan, "timesteps")
    if not plan.in_chunks:
        words = f"{plan.weights_argument}x, timesteps, state, y, scratch"
        yield f"    return {name}_run({words});"
        yield "}"
        yield ""
        return
    rows, body = "1", []
    if not plan.has_mask:
        rows, chunk = "rows", plan.macro("CHUNK")
        body += [
            "const size_t left = timesteps - done;",
            f"const size_t rows = left < {chunk} ? left : {chunk};",
        ]
    y = f"y + done * {plan.out_dim}"
    if plan.out_rows is not None:
        y = f"done + {rows} == timesteps ? y : NULL"
    arguments = [f"x + done * {dim}", rows, "state", y, "scratch"]
    if plan.has_mask:
        arguments.remove("1")
    words = plan.weights_argument + ", ".join(arguments)
    call = f"const lstm_status status = {name}_run({words});"
    body += [*wrapped(call), "if (status != LSTM_OK) {", "    return status;", "}"]
    if not plan.has_mask:
        body.append("done += rows;")
    count = "done++" if plan.has_mask else ""
    yield f"    for (size_t done = 0; done < timesteps; {count}".rstrip() + ") {"
    yield from (f"        {line}" for line in body)
    yield "    }"
    yield "    return LSTM_OK;"
    yield "}"
    yield ""


def _step(plan: Plan) -> Iterator[str]:
    name = plan.name
    may_skip = plan.out_rows is not None
    wanted = (
        "the output so far, or NULL where it is not wanted" if may_skip else "written"
    )
    x = f"[{plan.model.input_dim}]"
    if plan.model.vocabulary is not None:
        x = f"one number from 0 to {plan.model.vocabulary - 1}"
    yield f"/* {name}_step - one timestep of a stream."
    yield from _stream_doc(plan, x, f"[{plan.out_dim}], {wanted}")
    wrong = " Another number in x: LSTM_ERR_SHAPE;" if plan.embedding is not None else ""
    yield from comment(
        f"Called for each timestep in turn it gives the bits of {name}_predict. NULL for "
        f"another array: LSTM_ERR_NULL;{wrong} on an error nothing is written."
    )
    yield " */"
    parameters = f"const {plan.x_type} *x, float *state, float *y, float *scratch"
    yield from _signature(plan, "step", parameters)
    yield "{"
    yield f"    return {name}_block({plan.weights_argument}x, 1, state, y, scratch);"
    yield "}"
    yield ""


# ---- A model that needs the whole sequence ---------------------------------------------


def _predict_at_once(plan: Plan) -> Iterator[str]:
    yield from _predict_head(plan)
    yield from _unknown(plan, "timesteps")
    yield from _structs(plan)
    yield from _buffers(plan, f"scratch + {plan.macro('SCRATCH_LEN')}", "timesteps")
    yield "    lstm_status status;"
    if plan.has_mask:
        yield from _mask(plan, "timesteps", "mask")
    yield f"    {plan.name}_reset(state);"
    yield from _returning(list(_ops(plan)))
    yield "}"
    yield ""


# ---- The self-test ---------------------------------------------------------------------


def _constants(
    name: str, values: list[str], count: int, kind: str = "float"
) -> Iterator[str]:
    yield f"    static const {kind} {name}[{count}] = {{"
    yield from values
    yield "    };"


def _selftest(plan: Plan, golden: Golden) -> Iterator[str]:
    name, upper = plan.name, plan.macro
    timesteps = len(golden.x)
    count = int(golden.y.size)
    also = f", and again by {name}_step" if plan.can_stream else ""
    what = f"{name}_selftest - runs the model on a recorded sequence{also}."
    first, *rest = comment(what)
    yield "/*" + first[2:]
    yield from rest
    yield from comment(
        "Returns the largest |y - expected| / (1 + |expected|): about 1e-7, at most 2e-6 "
        "where all is well; 1e30 where it cannot run, and a NaN where a NaN came out. "
        "Write `if (!(error <= 2e-6f))` for what to do about it. Its arrays are on the "
        "stack."
    )
    yield " */"
    parameters = "const float *weights" if plan.is_binary else "void"
    yield f"static inline float {name}_selftest({parameters})"
    yield "{"
    values = list(numbers(golden.x, "        ", plan.model.vocabulary is not None))
    yield from _constants("x", values, golden.x.size, plan.x_type)
    yield from _constants("expected", list(numbers(golden.y, "        ")), count)
    yield f"    float work[{upper('WORK_LEN')}({timesteps})], y[{count}];"
    yield "    float worst = 0.0f;"
    weights = plan.weights_argument
    yield f"    if ({name}_predict({weights}x, {timesteps}, y, work) != LSTM_OK) {{"
    yield "        return 1e30f;"
    yield "    }"
    yield from _compare(count)
    if plan.can_stream:
        y = f"y + t * {plan.out_dim}" if plan.out_rows is None else "y"
        call = (
            f"if ({name}_step({weights}x + t * {plan.model.input_dim}, work, {y}, "
            f"work + {upper('STATE_LEN')}) != LSTM_OK) {{"
        )
        yield f"    {name}_reset(work);"
        body = [*wrapped(call), "    return 1e30f;", "}"]
        yield from _loop(str(timesteps), body, variable="t")
        yield from _compare(count)
    yield "    return worst;"
    yield "}"


def _compare(count: int) -> list[str]:
    # A NaN is not <= worst and so becomes it, and stays, as nothing is <= a NaN.
    return _loop(
        str(count),
        [
            "const float want = expected[k];",
            "const float gap = y[k] < want ? want - y[k] : y[k] - want;",
            "const float error = gap / (1.0f + (want < 0.0f ? -want : want));",
            "if (!(error <= worst)) {",
            "    worst = error;",
            "}",
        ],
    )
