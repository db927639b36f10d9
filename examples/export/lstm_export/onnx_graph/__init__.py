"""What an ONNX graph computes, as a chain of layers.

values.py  what is known of a tensor: its numbers, that it is zero, or the layers and
           axes it is the output of
lstm.py    an LSTM node
nodes.py   the other nodes
walk.py    a whole graph, with its subgraphs
"""
