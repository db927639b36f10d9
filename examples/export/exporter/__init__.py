"""Turns a trained model into a C header for lstm.h.

formats/        one file per format, each reads a file into a model.Model
keras/          what the formats of Keras have in common
model.py        the common description of a model: layers, weights, shapes
reference.py    what the model computes, in float64
golden.py       the input and expected output that the header's self-test uses
plan.py         where each layer of the C code reads and writes
c_names.py      the names in the C
c_header.py     writes the C: weights, sizes, layers
c_functions.py  writes the C: functions
files.py        what is read and written
command.py      the command line
"""

VERSION = "0.1.0"
