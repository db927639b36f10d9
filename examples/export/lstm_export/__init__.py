"""Turns a trained model into a C header for lstm.h.

formats/        one file per format, each reads a file into a model.Model
keras/          what the formats of Keras have in common
onnx_graph/     the nodes of an ONNX graph
torch_modules.py, torch_state.py    a state_dict of PyTorch, whatever file it is in
guitarml.py, rtneural.py            two kinds of JSON for guitar amplifiers
model.py        the common description of a model: layers, weights, shapes
own_layers.py   layers that lstm.h does not have
rows.py         how many rows a convolution or pooling gives
reference.py    what the model computes, in float64
golden.py       the input and expected output that the header's self-test uses
plan.py         where each layer of the C code reads and writes
c_names.py      the names in the C
c_header.py     writes the C: weights, sizes, layers
c_functions.py  writes the C: functions
c_layers.py     writes the C: functions for the layers that lstm.h does not have
c_structs.py    writes the C: layers
c_weights.py    the numbers of a layer
c_binary.py     the weights in a file of their own, and what reads them
int8.py, int8_header.py             the same with 8-bit weights, for lstm_int8.h
files.py        what is read and written
limits.py       how much a file may ask for
packages.py     packages that are needed for some files alone
command.py      the command line
"""

VERSION = "0.2.0"
