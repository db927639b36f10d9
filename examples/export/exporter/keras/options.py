"""Which of Keras' layers and options there are, and which play no part."""

from __future__ import annotations

ALIASES = {"swish": "silu", "hard_swish": "hard_silu", "exp": "exponential"}
DROPPED = {
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "SpatialDropout1D",
}
# Options that play no part in inference.
TRAINING_OPTIONS = {
    "activity_regularizer",
    "bias_constraint",
    "bias_initializer",
    "bias_regularizer",
    "dropout",
    "dtype",
    "implementation",
    "kernel_constraint",
    "kernel_initializer",
    "kernel_regularizer",
    "name",
    "recurrent_constraint",
    "recurrent_dropout",
    "recurrent_initializer",
    "recurrent_regularizer",
    "seed",
    "trainable",
    "unit_forget_bias",
    "batch_input_shape",
    "input_dim",
    "input_length",
    "use_cudnn",
}
# Options whose value is read below.
READ_OPTIONS = {
    "LSTM": {
        "activation",
        "go_backwards",
        "recurrent_activation",
        "return_sequences",
        "return_state",
        "stateful",
        "units",
        "unroll",
        "use_bias",
        "zero_output_for_mask",
    },
    "Dense": {"activation", "units", "use_bias"},
    "Bidirectional": {"backward_layer", "layer", "merge_mode"},
    "TimeDistributed": {"layer"},
    "Activation": {"activation"},
    "Masking": {"mask_value"},
    "ReLU": {"max_value", "negative_slope", "threshold"},
    "LeakyReLU": {"alpha", "negative_slope"},
    "ELU": {"alpha"},
    "Softmax": {"axis"},
    "Flatten": {"data_format"},
    "Reshape": {"target_shape"},
}
