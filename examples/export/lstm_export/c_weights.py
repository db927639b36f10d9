"""The numbers that a header or a file beside it holds for each layer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lstm_export.c_names import START
from lstm_export.c_text import numbers, ones, safe
from lstm_export.model import Activation, Array, Lstm
from lstm_export.plan import Op, Plan, activation_size


def flat(op: Op) -> tuple[str, Array | None]:
    """What the numbers of a layer are, and they one after the other."""
    arrays = list(op.layer.stored())
    if isinstance(op.layer, Activation):
        return "times 1, for the activation", ones(activation_size(op)).ravel()
    what = ", ".join(name for name, _ in arrays)
    return what, np.concatenate([a.ravel() for _, a in arrays]) if arrays else None


def start(plan: Plan, op: Op) -> Iterator[str]:
    """The state that an LSTM begins with."""
    state = op.layer.start if isinstance(op.layer, Lstm) else None
    if state is None:
        return
    values = np.concatenate([state.h.ravel(), state.c.ravel()])
    yield f"/* {safe(op.layer.name)}: h and c before the first timestep */"
    yield f"static const float {plan.of(op, START)}[{values.size}] = {{"
    yield from numbers(values)
    yield "};"
    yield ""
