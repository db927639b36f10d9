"""same_sound.py A.wav B.wav - fails if .2 % of B's energy or more is difference to A."""

import array
import sys
import wave


def samples(path: str) -> array.array:
    with wave.open(path, "rb") as file:
        words = array.array("h", file.readframes(file.getnframes()))
        if file.getparams()[:3] != (1, 2, 48000):
            sys.exit(f"{path}: {file.getparams()}")
    if sys.byteorder == "big":
        words.byteswap()
    return words


a, b = samples(sys.argv[1]), samples(sys.argv[2])
energy = sum(v * v for v in b)
error = sum((v - w) ** 2 for v, w in zip(a, b, strict=True)) / energy
print(f"{sys.argv[1]}: {100 * error:.3f} % of the energy is error")
sys.exit(not error < 0.002)
