"""What the formats of Keras have in common.

options.py  which layers and options there are
h5_tree.py  an HDF5 file as dictionaries
weights.py  the arrays of a layer, in the two layouts of such files
chain.py    the layers of a configuration in the order in which they run
layers.py   one layer's configuration and arrays become a layer of model.py
masks.py    which layers a mask reaches
build.py    all of it: a model; and Keras' own output
"""
