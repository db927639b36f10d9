"""Writes the layers as C structs of lstm.h."""

from __future__ import annotations

from collections.abc import Iterator

from lstm_export.c_names import LAYER, WEIGHTS
from lstm_export.c_text import ones, wrapped
from lstm_export.model import Activation, Array, Bidirectional, Cell, Dense, Lstm
from lstm_export.plan import Op, Plan, activation_size


def layers(plan: Plan) -> Iterator[str]:
    """Constants of the header; where the weights are in memory, of a function."""
    prefix, indent = ("const", "    ") if plan.is_binary else ("static const", "")
    for op in plan.ops:
        found = _layer(plan, op)
        if found is not None:
            kind, fields = found
            definition = f"{prefix} {kind} {plan.of(op, LAYER)} = {fields};"
            yield from wrapped(definition, indent)


def _layer(plan: Plan, op: Op) -> tuple[str, str] | None:
    layer = op.layer
    array = plan.of(op, WEIGHTS)
    if isinstance(layer, Lstm):
        flags = [
            layer.return_sequences,
            layer.go_backwards,
            layer.zero_output_for_mask,
        ]
        return "lstm_layer", _cell_fields(array, layer.cell, 0, flags)
    if isinstance(layer, Bidirectional):
        # lstm.h sets zero_output_for_mask and the backward direction itself, as Keras.
        flags = [layer.return_sequences, layer.go_backwards, False]
        start = sum(int(part.size) for _, part in layer.forward.named())
        forward = _cell_fields(array, layer.forward, 0, flags)
        backward = _cell_fields(array, layer.backward, start, flags)
        merge = f"LSTM_MERGE_{layer.merge.upper()}"
        return "lstm_bidirectional", f"{{{forward}, {backward}, {merge}}}"
    if isinstance(layer, Dense):
        fields = _dense_fields(array, layer.kernel, layer.bias, layer.activation)
        return "lstm_dense", fields
    if isinstance(layer, Activation):
        one = ones(activation_size(op))
        return "lstm_dense", _dense_fields(array, one, None, layer.activation)
    return None


def _cell_fields(array: str, cell: Cell, start: int, flags: list[bool]) -> str:
    recurrent = start + int(cell.kernel.size)
    bias = recurrent + int(cell.recurrent_kernel.size)
    fields = [
        str(cell.input_dim),
        str(cell.units),
        f"{array} + {start}" if start else array,
        f"{array} + {recurrent}",
        f"{array} + {bias}" if cell.bias is not None else "NULL",
        f"LSTM_{cell.activation.upper()}",
        f"LSTM_{cell.recurrent_activation.upper()}",
        *(str(int(flag)) for flag in flags),
    ]
    return "{" + ", ".join(fields) + "}"


def _dense_fields(array: str, kernel: Array, bias: Array | None, activation: str) -> str:
    inputs, units = kernel.shape
    bias_at = f"{array} + {kernel.size}" if bias is not None else "NULL"
    return f"{{{inputs}, {units}, {array}, {bias_at}, LSTM_{activation.upper()}}}"
