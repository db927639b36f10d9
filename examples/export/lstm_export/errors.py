"""The one exception that a user is meant to see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Refusal(Exception):  # noqa: N818 - nothing went wrong in the tool
    """The model is not exported; the text is one sentence on why and what to do."""


class NotRun(Exception):  # noqa: N818 - the header is exported all the same
    """The framework does not run the model here; the text says why, after its name."""


# What Python says of values of other types than are expected.
MISFITS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@contextmanager
def as_written_by(framework: str, what: str) -> Iterator[None]:
    """Refuse a part of a file that has other values than the framework writes."""
    try:
        yield
    except MISFITS as error:
        raise Refusal(
            f"{what} is not as {framework} writes it ({error}); save the model again"
        ) from error
