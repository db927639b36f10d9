"""Turns a trained model into one C header that runs it with lstm.h.

    python lstm_export.py speaker.keras -o speaker.h --name speaker

Reads Keras (.keras, .weights.h5 with --config, .h5), PyTorch (.pt and .safetensors with
the state_dict of nn.LSTM and nn.Linear), ONNX (.onnx) and guitar amplifiers' JSON
(.json). What cannot be exported exactly is refused: exit status 2 and one sentence.

Needs Python 3.10, h5py and numpy; onnx, safetensors or torch for files of that kind.
"""

import sys

if sys.version_info < (3, 10):  # noqa: UP036 - or an older one shows a traceback
    sys.stderr.write("lstm_export.py: needs Python 3.10 or newer; install that\n")
    sys.exit(2)
import os

# Python looks for modules beside this file first. A numpy.py that lies there, as models
# do, is not to be run: only the package `lstm_export` is looked for here.
HERE = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120 - without pathlib
ELSEWHERE = [place for place in sys.path if os.path.realpath(place) != HERE]
sys.path[:] = [HERE]
import lstm_export  # noqa: E402, F401

sys.path[:] = ELSEWHERE
try:
    from lstm_export.command import main
except ModuleNotFoundError as error:
    if error.name != "numpy":
        raise
    sys.stderr.write("lstm_export.py: numpy is needed: pip install numpy\n")
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main())
