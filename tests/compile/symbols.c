/* Calls every function without any data of its own, for a look at what the header leaves. */
#include "lstm.h"

void calls_all(const float *in, float *out, lstm_layer *layer, lstm_bidirectional *both,
               lstm_dense *dense, unsigned char *mask, size_t n, const char **text);

void calls_all(const float *in, float *out, lstm_layer *layer, lstm_bidirectional *both,
               lstm_dense *dense, unsigned char *mask, size_t n, const char **text)
{
    lstm_status status = lstm_layer_init(layer, n, n, in, n);
    status = status ? status : lstm_dense_init(dense, n, n, in, n);
    status = status ? status : lstm_layer_init_no_bias(layer, n, n, in, n);
    status = status ? status : lstm_dense_init_no_bias(dense, n, n, in, n);
    status = status ? status : lstm_step(layer, in, out, out + n, out + 2 * n);
    status = status ? status : lstm_forward(layer, in, n, out, out + n, out, out + n);
    status = status
                 ? status
                 : lstm_forward_batch(layer, in, mask, n, n, out, out + n, out, out + n);
    status =
        status ? status
               : lstm_bidirectional_forward(both, in, mask, n, n, out, out + n, out, out);
    status = status ? status : lstm_dense_forward(dense, in, n, out);
    status = status ? status : lstm_weights_from_torch(n, n, in, in, in, in, out);
    status = status ? status : lstm_weights_from_onnx(n, n, in, in, in, out);
    lstm_mask(in, lstm_param_count(layer), lstm_dense_param_count(dense), 0.0f, mask);
    *text = lstm_status_string(status);
}
