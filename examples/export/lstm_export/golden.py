"""The sequence in the header's self-test and what should come out for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lstm_export import reference
from lstm_export.errors import NotRun, Refusal
from lstm_export.model import Array, Model

TIMESTEPS = 10  # more than the rows of one chunk, for a model of any length
MOST_NUMBERS = 4096  # of a sequence whose length is chosen here
MOST_STORED = 1 << 17  # of one whose length is the model's
TOLERANCE = 2e-6  # what a framework's float32 may be off float64
SUSPICIOUS = 1e-3  # more than this and the two compute different things


@dataclass(frozen=True)
class Golden:
    x: Array  # [timesteps][input_dim]
    y: Array  # [rows][output_dim]
    by: str


def inputs(model: Model) -> Array:
    """Random numbers that are the same for ever: as many timesteps as the model was built
    for, where it was for a number of them."""
    timesteps = min(TIMESTEPS, max(2, MOST_NUMBERS // model.input_dim))
    if model.timesteps is not None and (
        model.has_fixed_timesteps or model.timesteps * model.input_dim <= MOST_STORED
    ):
        timesteps = model.timesteps
    random = np.random.RandomState(7)
    if model.vocabulary is not None:
        whole = random.randint(0, model.vocabulary, (timesteps, 1))
        if timesteps > 2:
            whole[1] = whole[-2] = 0  # which a mask may be about
        return whole.astype(np.float32)
    x = random.uniform(-1.0, 1.0, (timesteps, model.input_dim)).astype(np.float32)
    if model.mask_value is not None and timesteps > 2:
        x[1] = x[-2] = np.float32(model.mask_value)
    return x


def check_length(model: Model, x: Array) -> None:
    """A framework runs a model for the length that it was built for alone."""
    if model.timesteps not in (None, len(x)):
        raise NotRun(
            f"runs it for {model.timesteps:,} timesteps, too many numbers for a self-test"
        )


def error(y: Array, wanted: Array) -> float:
    """The largest |y - wanted| / (1 + |wanted|); infinite if there is a NaN."""
    if y.shape != wanted.shape:
        return float("inf")
    worst = np.max(np.abs(y - wanted) / (1.0 + np.abs(wanted)), initial=0.0)
    return float(worst) if np.isfinite(worst) else float("inf")


def from_reference(model: Model) -> Golden:
    x = inputs(model)
    with np.errstate(over="ignore", invalid="ignore"):
        y = reference.run(model, x)
        is_finite = np.all(np.isfinite(y.astype(np.float32)))
    if not is_finite:
        raise Refusal(
            "the model's output for numbers between -1 and 1 is not finite; scale its "
            "weights down or choose a bounded activation"
        )
    by = "the float64 reference of lstm_export.py"
    return Golden(x, y.astype(np.float32), by)


def checked(golden: Golden, framework: tuple[Array, str]) -> Golden:
    """The framework's outputs in place of the reference's, if they agree."""
    y, by = framework
    difference = error(y, golden.y)
    if difference > SUSPICIOUS:
        raise Refusal(
            f"{by} gives another output than this tool expects (they differ by "
            f"{difference:.1e}); this is an error in lstm_export.py, please report it "
            "with the model"
        )
    if difference > TOLERANCE:
        return replace(
            golden, by=f"{golden.by}; {by} differs from it by {difference:.1e}"
        )
    return Golden(golden.x, y, by)
