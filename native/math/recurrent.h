// One step of a recurrent cell for one of its units, and the slopes of that step, for CPU and GPU.
//
// Gradients take what the forward step left behind: the gates after their sigmoid or tanh.
#pragma once

#include "math/pointwise.h"

namespace gradus::math {

GRADUS_FN float rnnCell(float gate, bool relu) { return relu ? math::relu(gate) : tanh(gate); }

GRADUS_FN float rnnCellGrad(float h, float dh, bool relu) {
  return relu ? reluGrad(h, dh) : tanhGrad(h, dh);
}

/** The gates of a unit of an LSTM (Hochreiter and Schmidhuber 1997; Gers et al. 2000). */
struct LstmGates {
  float input, forget, cell, output;
};

GRADUS_FN LstmGates lstmGates(LstmGates before) {
  return {sigmoid(before.input), sigmoid(before.forget), tanh(before.cell), sigmoid(before.output)};
}

GRADUS_FN float lstmState(LstmGates g, float c0) { return g.forget * c0 + g.input * g.cell; }

GRADUS_FN float lstmOutput(LstmGates g, float c) { return g.output * tanh(c); }

struct LstmSlopes {
  LstmGates gates;
  float c0;
};

GRADUS_FN LstmSlopes lstmSlopes(LstmGates g, float c0, float c, float dh, float dc) {
  const float t = tanh(c);
  const float d = dc + tanhGrad(t, dh * g.output);
  return {{sigmoidGrad(g.input, d * g.cell), sigmoidGrad(g.forget, d * c0),
           tanhGrad(g.cell, d * g.input), sigmoidGrad(g.output, dh * t)},
          d * g.forget};
}

/** The gates of a unit of a GRU (Cho et al. 2014). */
struct GruGates {
  float reset, update, fresh;
};

/** Of what the input and the state give to each. */
GRADUS_FN GruGates gruGates(GruGates x, GruGates hidden) {
  const float reset = sigmoid(x.reset + hidden.reset);
  return {reset, sigmoid(x.update + hidden.update), tanh(x.fresh + reset * hidden.fresh)};
}

GRADUS_FN float gruState(GruGates g, float h0) { return g.fresh + g.update * (h0 - g.fresh); }

/** fresh: to the input's part of that gate; times `reset` it is that of the state's. */
struct GruSlopes {
  GruGates x;
  float hidden, h0;
};

GRADUS_FN GruSlopes gruSlopes(GruGates g, float hidden, float h0, float dh) {
  const float fresh = tanhGrad(g.fresh, dh * (1.0f - g.update));
  return {{sigmoidGrad(g.reset, fresh * hidden), sigmoidGrad(g.update, dh * (h0 - g.fresh)), fresh},
          fresh * g.reset,
          dh * g.update};
}

}  // namespace gradus::math
