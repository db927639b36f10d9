"""The table that Keras' model.summary() prints."""

from __future__ import annotations

from lstm_export.model import Model, shape_text


def summary_lines(model: Model) -> list[str]:
    """The table that Keras' model.summary() prints, in ASCII."""
    rows = [("Layer (type)", "Output Shape", "Param #")]
    rows += [
        (
            f"{stage.layer.name} ({stage.layer.kind})",
            shape_text(stage.out_shape),
            f"{stage.layer.parameters:,}",
        )
        for stage in model.stages()
    ]
    least = (31, 22, 13)
    widths = [
        max(least[column], *(len(row[column]) for row in rows)) for column in range(3)
    ]
    lines = [f'Model: "{model.name}"']
    for number, (name, shape, params) in enumerate(rows):
        rule = "-=-"[number] if number < 2 else "-"
        lines.append(_rule(widths, rule))
        lines.append(
            f"| {name:<{widths[0]}} | {shape:<{widths[1]}} | {params:>{widths[2]}} |"
        )
    lines.append(_rule(widths, "-"))
    trainable = sum(layer.parameters for layer in model.layers if layer.trainable)
    for title, count in (
        ("Total", model.parameters),
        ("Trainable", trainable),
        ("Non-trainable", model.parameters - trainable),
    ):
        lines.append(f" {title} params: {count:,} ({_bytes_text(4 * count)})")
    return lines


def _rule(widths: list[int], line: str) -> str:
    return "+" + "+".join(line * (width + 2) for width in widths) + "+"


def _bytes_text(count: int) -> str:
    amount, unit = float(count), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.2f} {unit}"
