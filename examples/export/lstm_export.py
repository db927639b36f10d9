"""Turns a trained model into one C header that runs it with lstm.h.

    python lstm_export.py speaker.keras -o speaker.h --name speaker

Reads Keras (.keras, .weights.h5 with --config, .h5), PyTorch (.pt and .safetensors with
the state_dict of nn.LSTM and nn.Linear), ONNX (.onnx) and guitar amplifiers' JSON
(.json). What cannot be exported exactly is refused: exit status 2 and one sentence.

Needs h5py and numpy; onnx, safetensors or torch for files of that kind.
"""

from __future__ import annotations

import sys

from exporter.command import main

if __name__ == "__main__":
    sys.exit(main())
