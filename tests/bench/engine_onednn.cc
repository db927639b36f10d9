// oneDNN 3's LSTM primitive, inference, weights in the layout it asks for. A Dense layer behind it
// is a plain loop, which at this size costs less than a call of the library; one alone is its
// matmul. The library is the one in PyPI's paddlepaddle, the headers are onednn-devel's.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include "oneapi/dnnl/dnnl.hpp"
extern "C" {
#include "bench.h"
}

namespace
{
using dnnl::memory;
using tag = memory::format_tag;

struct free_floats {
    void operator()(float *p) const
    {
        std::free(p);
    }
};
using floats = std::unique_ptr<float, free_floats>;

struct lstm_state {
    const problem *p;
    dnnl::engine cpu{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{cpu};
    dnnl::primitive primitive;
    memory x, y, h[2], c[2];
    std::unordered_map<int, memory> arguments;
    floats x_data, y_data, state_data[4]; // h and c, each twice
};

memory::desc describe(const memory::dims &dims, tag layout)
{
    return memory::desc(dims, memory::data_type::f32, layout);
}

memory in_layout(lstm_state *s, const memory::desc &from, const float *data,
                 const memory::desc &to)
{
    memory source(from, s->cpu, const_cast<float *>(data)), target(to, s->cpu);
    dnnl::reorder(source, target).execute(s->stream, source, target);
    s->stream.wait();
    return target;
}

const char *version()
{
    static const std::string text = std::to_string(dnnl::version()->major) + "." +
                                    std::to_string(dnnl::version()->minor) + "." +
                                    std::to_string(dnnl::version()->patch);
    return text.c_str();
}

void *open_dense(const problem *p)
{
    const bench_case &a = p->shape;
    const memory::dim rows = memory::dim(a.batch), in = memory::dim(a.input_dim);
    const memory::dim out = memory::dim(a.dense_units);
    std::unique_ptr<lstm_state> s(new lstm_state);
    s->p = p;
    const auto x = describe({rows, in}, tag::ab), y = describe({rows, out}, tag::ab);
    const auto kernel = describe({in, out}, tag::ab), bias = describe({1, out}, tag::ab);
    const dnnl::matmul::primitive_desc chosen(s->cpu, x, describe({in, out}, tag::any),
                                              bias, y);
    s->primitive = dnnl::matmul(chosen);
    s->x = memory(x, s->cpu, p->x);
    s->y = memory(y, s->cpu, nullptr);
    s->arguments = {{DNNL_ARG_SRC, s->x},
                    {DNNL_ARG_DST, s->y},
                    {DNNL_ARG_WEIGHTS,
                     in_layout(s.get(), kernel, p->dense_weights, chosen.weights_desc())},
                    {DNNL_ARG_BIAS, memory(bias, s->cpu, p->dense_weights + in * out)}};
    return s.release();
}

void *open_state(const problem *p)
{
    const bench_case &a = p->shape;
    if (a.units == 0) {
        return open_dense(p);
    }
    const memory::dim in = memory::dim(a.input_dim), units = memory::dim(a.units);
    const memory::dim batch = memory::dim(a.batch);
    const memory::dim steps = a.is_stream ? 1 : memory::dim(a.timesteps);
    std::unique_ptr<lstm_state> s(new lstm_state);
    s->p = p;
    const auto x = describe({steps, batch, in}, tag::tnc);
    const auto y = describe({steps, batch, units}, tag::tnc);
    const auto state = describe({1, 1, batch, units}, tag::ldnc);
    const auto kernel = describe({1, 1, in, 4, units}, tag::ldigo);
    const auto recurrent = describe({1, 1, units, 4, units}, tag::ldigo);
    const auto bias = describe({1, 1, 4, units}, tag::ldgo);
    const dnnl::lstm_forward::primitive_desc chosen(
        s->cpu, dnnl::prop_kind::forward_inference,
        dnnl::rnn_direction::unidirectional_left2right, x, state, state,
        describe({1, 1, in, 4, units}, tag::any),
        describe({1, 1, units, 4, units}, tag::any), bias, y, state, state);
    s->primitive = dnnl::lstm_forward(chosen);
    s->x_data.reset(new_floats(p->x_len));
    for (size_t t = 0; t < a.timesteps; t++) { // [timesteps][batch][input_dim]
        for (size_t b = 0; b < a.batch; b++) {
            std::memcpy(s->x_data.get() + (t * a.batch + b) * a.input_dim,
                        p->x + (b * a.timesteps + t) * a.input_dim,
                        a.input_dim * sizeof(float));
        }
    }
    s->y_data.reset(new_floats(size_t(steps * batch * units)));
    s->x = memory(x, s->cpu, s->x_data.get());
    s->y = memory(y, s->cpu, s->y_data.get());
    for (int k = 0; k < 2; k++) {
        s->state_data[k].reset(new_floats(size_t(batch * units)));
        s->state_data[2 + k].reset(new_floats(size_t(batch * units)));
        s->h[k] = memory(state, s->cpu, s->state_data[k].get());
        s->c[k] = memory(state, s->cpu, s->state_data[2 + k].get());
    }
    const float *w = p->weights;
    s->arguments = {
        {DNNL_ARG_SRC_LAYER, s->x},
        {DNNL_ARG_DST_LAYER, s->y},
        {DNNL_ARG_WEIGHTS_LAYER,
         in_layout(s.get(), kernel, w, chosen.weights_layer_desc())},
        {DNNL_ARG_WEIGHTS_ITER,
         in_layout(s.get(), recurrent, w + 4 * in * units, chosen.weights_iter_desc())},
        {DNNL_ARG_BIAS,
         in_layout(s.get(), bias, w + 4 * units * (in + units), chosen.bias_desc())}};
    return s.release();
}

void dense(const problem *p, const float *h, float *y)
{
    const size_t units = p->shape.units, outputs = p->shape.dense_units;
    for (size_t o = 0; o < outputs; o++) {
        float sum = p->dense_weights[units * outputs + o];
        for (size_t u = 0; u < units; u++) {
            sum += h[u] * p->dense_weights[u * outputs + o];
        }
        y[o] = sum;
    }
}

// from state k to the other one
void execute(lstm_state *s, int k)
{
    s->arguments[DNNL_ARG_SRC_ITER] = s->h[k];
    s->arguments[DNNL_ARG_SRC_ITER_C] = s->c[k];
    s->arguments[DNNL_ARG_DST_ITER] = s->h[1 - k];
    s->arguments[DNNL_ARG_DST_ITER_C] = s->c[1 - k];
    s->primitive.execute(s->stream, s->arguments);
    s->stream.wait();
}

void run(void *state, float *y)
{
    lstm_state *s = static_cast<lstm_state *>(state);
    const bench_case &a = s->p->shape;
    if (a.units == 0) {
        s->y.set_data_handle(y);
        s->primitive.execute(s->stream, s->arguments);
        s->stream.wait();
        return;
    }
    for (int k = 0; k < 4; k += 2) {
        std::fill_n(s->state_data[k].get(), a.batch * a.units, 0.0f);
    }
    if (!a.is_stream) {
        execute(s, 0);
        const float *last = s->state_data[1].get();
        if (a.dense_units != 0) {
            dense(s->p, last, y);
        } else {
            std::memcpy(y, last, s->p->y_len * sizeof *y);
        }
        return;
    }
    for (size_t t = 0; t < a.timesteps; t++) {
        const int k = int(t % 2);
        s->x.set_data_handle(s->x_data.get() + t * a.input_dim);
        execute(s, k);
        dense(s->p, s->state_data[1 - k].get(), y + t * a.dense_units);
    }
}

void close_state(void *state)
{
    delete static_cast<lstm_state *>(state);
}
} // namespace

extern "C" {
extern const engine onednn;
const engine onednn = {"onednn", version, open_state, run, close_state};
}
