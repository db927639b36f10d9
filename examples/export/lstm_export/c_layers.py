"""The functions of a header for the layers that lstm.h does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lstm_export.c_names import WEIGHTS
from lstm_export.c_text import number, wrapped
from lstm_export.model import Own
from lstm_export.own_layers import (
    Affine,
    Clip,
    Conv,
    Embedding,
    GlobalPool,
    LayerNorm,
    Pool,
    Ramp,
    Repeat,
    Window,
)
from lstm_export.plan import Op, Plan

# The functions that the layers need.
_AFFINE = """\
/* (x - mean) * scale + offset. The numbers of a column are at column * step. */
static inline void NAME_affine(const float *x, size_t rows, size_t columns,
                               const float *mean, const float *scale,
                               const float *offset, size_t step, float *y)
{
    for (size_t row = 0; row < rows; row++) {
        for (size_t k = 0; k < columns; k++) {
            const float centred = x[row * columns + k] - LSTM_LOAD(mean + k * step);
            const float scaled = centred * LSTM_LOAD(scale + k * step);
            y[row * columns + k] = scaled + LSTM_LOAD(offset + k * step);
        }
    }
}
"""

_LAYERNORM = """\
/* A square root, from above, where each step is nearer than the one before it. */
static inline float NAME_sqrt(float value)
{
    float root = value > 1.0f ? value : 1.0f;
    for (;;) {
        const float next = 0.5f * (root + value / root);
        if (!(next < root)) {
            return root;
        }
        root = next;
    }
}

/* Each row less its mean, by its standard deviation; times gamma, plus beta, if given. */
static inline void NAME_layernorm(const float *x, size_t rows, size_t columns,
                                  float epsilon, const float *gamma, const float *beta,
                                  float *y)
{
    for (size_t row = 0; row < rows; row++, x += columns, y += columns) {
        const float count = (float)columns;
        float mean = 0.0f, variance = 0.0f;
        for (size_t k = 0; k < columns; k++) {
            mean += x[k] / count;
        }
        for (size_t k = 0; k < columns; k++) {
            variance += (x[k] - mean) * (x[k] - mean) / count;
        }
        const float deviation = NAME_sqrt(variance + epsilon);
        for (size_t k = 0; k < columns; k++) {
            const float value = (x[k] - mean) / deviation;
            y[k] = gamma != NULL ? value * LSTM_LOAD(gamma + k) : value;
            if (beta != NULL) {
                y[k] += LSTM_LOAD(beta + k);
            }
        }
    }
}
"""

_RAMP = """\
/* x from the threshold on, at most top; below it slope * (x - threshold). The slope of a
 * column is slope[column * step]. */
static inline void NAME_ramp(const float *x, size_t rows, size_t columns, float threshold,
                             int has_top, float top, const float *slope, size_t step,
                             float *y)
{
    for (size_t row = 0; row < rows; row++) {
        for (size_t k = 0; k < columns; k++) {
            const float value = x[row * columns + k];
            const float high = has_top && value > top ? top : value;
            const float low = LSTM_LOAD(slope + k * step) * (value - threshold);
            y[row * columns + k] = value < threshold ? low : high;
        }
    }
}
"""

_CLIP = """\
/* x, but no less and no more than this. */
static inline void NAME_clip(const float *x, size_t count, float low, float high,
                             float *y)
{
    for (size_t k = 0; k < count; k++) {
        const float value = x[k] < low ? low : x[k];
        y[k] = value > high ? high : value;
    }
}
"""

_REPEAT = """\
/* A vector this many times. */
static inline void NAME_repeat(const float *x, size_t columns, size_t rows, float *y)
{
    for (size_t row = 0; row < rows; row++) {
        for (size_t k = 0; k < columns; k++) {
            y[row * columns + k] = x[k];
        }
    }
}
"""

_EMBEDDING = """\
/* Whether these are numbers of rows of the table. */
static inline int NAME_known(const int32_t *x, size_t count, int32_t vocabulary)
{
    for (size_t k = 0; k < count; k++) {
        if (x[k] < 0 || x[k] >= vocabulary) {
            return 0;
        }
    }
    return 1;
}

/* The rows of the table that have these numbers. */
static inline void NAME_embed(const int32_t *x, size_t rows, size_t columns,
                              const float *table, float *y)
{
    for (size_t row = 0; row < rows; row++) {
        for (size_t k = 0; k < columns; k++) {
            y[row * columns + k] = LSTM_LOAD(table + (size_t)x[row] * columns + k);
        }
    }
}
"""

_CONV = """\
/* A convolution over rows, `pad` of which before the first are zeros.
 * kernel [size][inputs][filters], bias [filters] or NULL */
static inline void NAME_conv(const float *x, size_t rows, size_t pad, size_t size,
                             size_t stride, size_t dilation, size_t inputs,
                             size_t filters, const float *kernel, const float *bias,
                             size_t out_rows, float *y)
{
    for (size_t out = 0; out < out_rows; out++, y += filters) {
        for (size_t k = 0; k < filters; k++) {
            y[k] = bias != NULL ? LSTM_LOAD(bias + k) : 0.0f;
        }
        for (size_t j = 0; j < size; j++) {
            const size_t at = out * stride + j * dilation;
            for (size_t i = 0; i < inputs && at >= pad && at - pad < rows; i++) {
                const float value = x[(at - pad) * inputs + i];
                const float *const part = kernel + (j * inputs + i) * filters;
                for (size_t k = 0; k < filters; k++) {
                    y[k] += value * LSTM_LOAD(part + k);
                }
            }
        }
    }
}
"""

_POOL = """\
/* The largest, or the mean, of each column in `size` rows, of those that there are. */
static inline void NAME_pool(const float *x, size_t rows, size_t pad, size_t size,
                             size_t stride, size_t columns, int takes_largest,
                             size_t out_rows, float *y)
{
    for (size_t out = 0; out < out_rows; out++) {
        const size_t begin = out * stride;
        const size_t first = begin > pad ? begin - pad : 0;
        const size_t end = begin + size - pad < rows ? begin + size - pad : rows;
        for (size_t k = 0; k < columns; k++) {
            float found = x[first * columns + k];
            for (size_t row = first + 1; row < end; row++) {
                const float value = x[row * columns + k];
                if (!takes_largest) {
                    found += value;
                } else if (!(value <= found)) {
                    found = value;
                }
            }
            y[out * columns + k] = takes_largest ? found : found / (float)(end - first);
        }
    }
}
"""

TEXTS: tuple[tuple[type[Own], str], ...] = (
    (Embedding, _EMBEDDING),
    (Affine, _AFFINE),
    (LayerNorm, _LAYERNORM),
    (Ramp, _RAMP),
    (Clip, _CLIP),
    (Repeat, _REPEAT),
    (Conv, _CONV),
    (Pool, _POOL),
    (GlobalPool, _POOL),
)


def own_functions(plan: Plan) -> Iterator[str]:
    """Those that the model needs."""
    written: set[str] = set()
    for kind, text in TEXTS:
        if text not in written and any(isinstance(op.layer, kind) for op in plan.ops):
            written.add(text)
            for line in text.splitlines():
                yield line.replace("NAME_", f"{plan.name}_")
            yield ""


def own_call(plan: Plan, op: Op) -> Iterator[str]:
    words = ARGUMENTS[type(op.layer)](plan, op)
    name, *arguments = words
    call = f"{plan.name}_{name}({', '.join([*arguments, op.target])});"
    yield from wrapped(call, "    ")


# ---- The arguments, without the last --------------------------------------------------


def _rows(plan: Plan, op: Op) -> tuple[str, str]:
    return op.source, plan.count(op.rows)


def _affine(plan: Plan, op: Op) -> list[str]:
    layer = op.layer
    assert isinstance(layer, Affine)
    array, size = plan.of(op, WEIGHTS), layer.scale.size
    parts = [array, f"{array} + {size}", f"{array} + {2 * size}"]
    step = "0" if size == 1 else "1"
    return ["affine", *_rows(plan, op), str(op.dim), *parts, step]


def _layernorm(plan: Plan, op: Op) -> list[str]:
    layer = op.layer
    assert isinstance(layer, LayerNorm)
    array = plan.of(op, WEIGHTS)
    gamma = array if layer.gamma is not None else "NULL"
    beta = f"{array} + {op.dim}" if layer.gamma is not None else array
    beta = beta if layer.beta is not None else "NULL"
    epsilon = number(layer.epsilon)
    return ["layernorm", *_rows(plan, op), str(op.dim), epsilon, gamma, beta]


def _ramp(plan: Plan, op: Op) -> list[str]:
    layer = op.layer
    assert isinstance(layer, Ramp)
    top = ["0", "0.0f"] if layer.top is None else ["1", number(layer.top)]
    step = "0" if layer.slope.size == 1 else "1"
    limits = [number(layer.threshold), *top, plan.of(op, WEIGHTS), step]
    return ["ramp", *_rows(plan, op), str(op.dim), *limits]


def _clip(plan: Plan, op: Op) -> list[str]:
    layer = op.layer
    assert isinstance(layer, Clip)
    source, rows = _rows(plan, op)
    count = str(op.dim) if rows == "1" else f"{rows} * {op.dim}"
    return ["clip", source, count, number(layer.low), number(layer.high)]


def _repeat(plan: Plan, op: Op) -> list[str]:
    return ["repeat", op.source, str(op.dim), plan.count(op.out_rows)]


def _embedding(plan: Plan, op: Op) -> list[str]:
    return ["embed", *_rows(plan, op), str(op.out_dim), plan.of(op, WEIGHTS)]


def _pad(plan: Plan, op: Op) -> str:
    """The rows before the first, in C."""
    layer = op.layer
    assert isinstance(layer, Window)
    if layer.padding == "valid":
        return "0"
    if layer.padding == "causal":
        return str(layer.reach - 1)
    if layer.stride == 1:
        return str((layer.reach - 1) // 2)
    rows, found = plan.count(op.rows), plan.count(op.out_rows)
    need = f"({found} - 1) * {layer.stride} + {layer.reach}"
    return f"({need} > {rows} ? ({need} - {rows}) / 2 : 0)"


def _conv(plan: Plan, op: Op) -> list[str]:
    layer = op.layer
    assert isinstance(layer, Conv)
    sizes = [layer.size, layer.stride, layer.dilation, op.dim, op.out_dim]
    array = plan.of(op, WEIGHTS)
    bias = "NULL" if layer.bias is None else f"{array} + {layer.kernel.size}"
    numbers = [_pad(plan, op), *map(str, sizes), array, bias, plan.count(op.out_rows)]
    return ["conv", *_rows(plan, op), *numbers]


def _pool(plan: Plan, op: Op) -> list[str]:
    layer = op.layer
    assert isinstance(layer, Pool)
    sizes = [layer.size, layer.stride, op.dim, int(layer.takes_largest)]
    numbers = [_pad(plan, op), *map(str, sizes), plan.count(op.out_rows)]
    return ["pool", *_rows(plan, op), *numbers]


def _global(plan: Plan, op: Op) -> list[str]:
    layer = op.layer
    assert isinstance(layer, GlobalPool)
    source, rows = _rows(plan, op)
    largest = str(int(layer.takes_largest))
    return ["pool", source, rows, "0", rows, "1", str(op.dim), largest, "1"]


ARGUMENTS: dict[type[object], Callable[[Plan, Op], list[str]]] = {
    Affine: _affine,
    LayerNorm: _layernorm,
    Ramp: _ramp,
    Clip: _clip,
    Repeat: _repeat,
    Embedding: _embedding,
    Conv: _conv,
    Pool: _pool,
    GlobalPool: _global,
}
