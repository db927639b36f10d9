"""Golden vectors from PyTorch: torch.nn.LSTM, its weights as state_dict() holds them.

    /usr/bin/python3 tests/golden/generate_torch.py --write tests/golden/torch.txt
    /usr/bin/python3 tests/golden/generate_torch.py --check tests/golden/torch.txt
    /usr/bin/python3 tests/golden/generate_torch.py --reference

Debian's python3-torch is enough. One nn.LSTM makes every case, with num_layers and
bidirectional as the lines of the case say.
"""

from __future__ import annotations

import random
import sys

import golden
import numpy as np
import reference
import torch
from golden import Array, Case, Inputs, Layer, Outputs, fan_scale

SEED = 2027


def is_bidirectional(case: Case) -> bool:
    return case.layers[0].kind == "forward"


def state_dict(case: Case, inputs: Inputs) -> dict[str, torch.Tensor]:
    named: dict[str, torch.Tensor] = {}
    directions = 2 if is_bidirectional(case) else 1
    for position, weights in enumerate(inputs.weights):
        suffix = "_reverse" if position % directions else ""
        for name, values in zip(
            ("weight_ih", "weight_hh", "bias_ih", "bias_hh"), weights
        ):
            named[f"{name}_l{position // directions}{suffix}"] = torch.from_numpy(
                values
            )
    return named


def stacked(arrays: list[Array]) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays))


def run(case: Case, inputs: Inputs) -> Outputs:
    directions = 2 if is_bidirectional(case) else 1
    model = torch.nn.LSTM(
        case.input_dim,
        case.layers[0].units,
        num_layers=len(case.layers) // directions,
        bias=case.layers[0].use_bias,
        batch_first=True,
        bidirectional=is_bidirectional(case),
    )
    model.load_state_dict(state_dict(case, inputs))
    start = (
        stacked([h for h, _ in inputs.states]),
        stacked([c for _, c in inputs.states]),
    )
    with torch.no_grad():
        y, (h, c) = model(torch.from_numpy(inputs.x), start if case.state else None)
    return Outputs(y.numpy(), list(h.numpy()), list(c.numpy()))


def lines(
    units: int, input_dim: int, count: int, both: bool, use_bias: bool
) -> tuple[Layer, ...]:
    made: list[Layer] = []
    width = input_dim
    for _ in range(count):
        for kind in ("forward", "backward") if both else ("lstm",):
            made.append(
                Layer(
                    kind,
                    units,
                    layout="torch",
                    use_bias=use_bias,
                    sequences=True,
                    backwards=kind == "backward",
                    kernel_scale=fan_scale(width),
                    recurrent_scale=fan_scale(units),
                )
            )
        width = units * (2 if both else 1)
    return tuple(made)


def build_cases() -> list[Case]:
    chosen = random.Random(SEED)
    cases = []
    sizes = ((3, 5), (8, 4), (12, 7), (17, 10), (1, 3), (6, 1), (32, 13))
    for both in (False, True):
        for count in (1, 2):
            for use_bias in (True, False):
                for units, input_dim in sizes if count == 1 else sizes[:4]:
                    case = Case(
                        f"{'bidirectional' if both else 'lstm'}_{count}",
                        batch=chosen.randint(1, 4),
                        timesteps=chosen.randint(3, 9),
                        input_dim=input_dim,
                        layers=lines(units, input_dim, count, both, use_bias),
                        state=chosen.random() < 0.8,
                    )
                    cases.append(case)
    return golden.numbered(cases, SEED)


def main() -> int:
    torch.set_num_threads(1)
    tools = f"torch {torch.__version__} (on a CPU, numpy {np.__version__}), seed {SEED}"
    what = "Golden vectors from PyTorch."
    return golden.main(what, tools, build_cases(), run, reference.run)


if __name__ == "__main__":
    sys.exit(main())
