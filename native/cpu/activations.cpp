// Nonlinearities and their gradients, alone and with what stands before them in a network.
#include <vector>

#include "cpu/backend.h"
#include "cpu/loops.h"
#include "cpu/rows.h"
#include "math/pointwise.h"

namespace gradus {

namespace {

/** y = f(x + bias). */
template <class F>
void biased(Memory& memory, DType t, In x, DType bt, In bias, Out y, int64_t rows, int64_t cols,
            F f) {
  const Parameter b(memory, bt, bias, cols, 0.0f);
  const float* bs = b;
  rowRanges(rows, cols, [&](int64_t begin, int64_t end) {
    RowReader xs(t, x, cols);
    RowWriter ys(t, y, rows, cols);
    for (int64_t row = begin; row < end; ++row) {
      const float* from = xs[row];
      float* to = ys.target(row);
      GRADUS_INDEPENDENT
      for (int64_t i = 0; i < cols; ++i) to[i] = f(from[i] + bs[i]);
      ys.flush(row);
    }
  });
}

/** dx = grad(x + bias, dy) and dbias, the sums of its columns, in one sweep. */
template <class F>
void biasedGrad(Memory& memory, DType t, In x, DType bt, In bias, In dy, Out dx, bool accumulate,
                Out dbias, int64_t rows, int64_t cols, F grad) {
  const Parameter b(memory, bt, bias, cols, 0.0f);
  const float* bs = b;
  const Chunks chunks(rows, cols);
  const Scratch<float> sums(memory, chunks.count * cols);
  chunks.run([&](int64_t c, int64_t begin, int64_t end) {
    RowReader xs(t, x, cols), dys(t, dy, cols);
    RowWriter dxs(t, dx, rows, dx ? cols : 0, accumulate);
    // Where dx is absent or added to, its rows stand here first.
    std::vector<float> own(static_cast<size_t>(!dx || accumulate ? cols : 0));
    float* sum = sums.data() + c * cols;
    std::fill(sum, sum + cols, 0.0f);
    for (int64_t row = begin; row < end; ++row) {
      const float *from = xs[row], *d = dys[row];
      float* to = dx ? dxs.target(row) : nullptr;
      float* fresh = own.empty() ? to : own.data();
      GRADUS_INDEPENDENT
      for (int64_t i = 0; i < cols; ++i) {
        const float slope = grad(from[i] + bs[i], d[i]);
        fresh[i] = slope;
        sum[i] += slope;
      }
      if (!dx) continue;
      if (accumulate) {
        for (int64_t i = 0; i < cols; ++i) to[i] += fresh[i];
      }
      dxs.flush(row);
    }
  });
  if (dbias) sumChunks(sums.data(), chunks.count, cols, bt, dbias, cols);
}

}  // namespace

void CpuBackend::addActivations() {
  relu = [](Type t, In x, Out y, int64_t n) {
    map(t, x, y, n, [](float v) { return math::relu(v); });
  };

  reluGrad = [](Type t, In y, In dy, Out dx, int64_t n) {
    map(t, y, dy, dx, n, [](float v, float d) { return math::reluGrad(v, d); });
  };

  sigmoid = [](Type t, In x, Out y, int64_t n) {
    map(t, x, y, n, [](float v) { return math::sigmoid(v); });
  };

  sigmoidGrad = [](Type t, In y, In dy, Out dx, int64_t n) {
    map(t, y, dy, dx, n, [](float v, float d) { return math::sigmoidGrad(v, d); });
  };

  tanh = [](Type t, In x, Out y, int64_t n) {
    map(t, x, y, n, [](float v) { return math::tanh(v); });
  };

  tanhGrad = [](Type t, In y, In dy, Out dx, int64_t n) {
    map(t, y, dy, dx, n, [](float v, float d) { return math::tanhGrad(v, d); });
  };

  gelu = [](Type t, In x, Out y, int64_t n) {
    map(t, x, y, n, [](float v) { return math::gelu(v); });
  };

  geluGrad = [](Type t, In x, In dy, Out dx, int64_t n) {
    map(t, x, dy, dx, n, [](float v, float d) { return math::geluGrad(v, d); });
  };

  geluErf = [](Type t, In x, Out y, int64_t n) {
    map(t, x, y, n, [](float v) { return math::geluErf(v); });
  };

  geluErfGrad = [](Type t, In x, In dy, Out dx, int64_t n) {
    map(t, x, dy, dx, n, [](float v, float d) { return math::geluErfGrad(v, d); });
  };

  silu = [](Type t, In x, Out y, int64_t n) {
    map(t, x, y, n, [](float v) { return math::silu(v); });
  };

  siluGrad = [](Type t, In x, In dy, Out dx, int64_t n) {
    map(t, x, dy, dx, n, [](float v, float d) { return math::siluGrad(v, d); });
  };

  softplus = [](Type t, In x, Out y, int64_t n) {
    map(t, x, y, n, [](float v) { return math::softplus(v); });
  };

  softplusGrad = [](Type t, In x, In dy, Out dx, int64_t n) {
    map(t, x, dy, dx, n, [](float v, float d) { return math::softplusGrad(v, d); });
  };

  leakyRelu = [](Type t, In x, Out y, int64_t n, double slope) {
    const auto s = static_cast<float>(slope);
    map(t, x, y, n, [s](float v) { return math::leakyRelu(v, s); });
  };

  leakyReluGrad = [](Type t, In x, In dy, Out dx, int64_t n, double slope) {
    const auto s = static_cast<float>(slope);
    map(t, x, dy, dx, n, [s](float v, float d) { return math::leakyReluGrad(v, d, s); });
  };

  elu = [](Type t, In x, Out y, int64_t n, double alpha) {
    const auto a = static_cast<float>(alpha);
    map(t, x, y, n, [a](float v) { return math::elu(v, a); });
  };

  eluGrad = [](Type t, In x, In dy, Out dx, int64_t n, double alpha) {
    const auto a = static_cast<float>(alpha);
    map(t, x, dy, dx, n, [a](float v, float d) { return math::eluGrad(v, d, a); });
  };

  biasGelu = [this](Type t, In x, Type bt, In bias, Out y, int64_t rows, int64_t cols) {
    biased(memory_, t, x, bt, bias, y, rows, cols, [](float v) { return math::gelu(v); });
  };

  biasGeluGrad = [this](Type t, In x, Type bt, In bias, In dy, Out dx, bool accumulate, Out dbias,
                        int64_t rows, int64_t cols) {
    biasedGrad(memory_, t, x, bt, bias, dy, dx, accumulate, dbias, rows, cols,
               [](float v, float d) { return math::geluGrad(v, d); });
  };

  biasGeluErf = [this](Type t, In x, Type bt, In bias, Out y, int64_t rows, int64_t cols) {
    biased(memory_, t, x, bt, bias, y, rows, cols, [](float v) { return math::geluErf(v); });
  };

  biasGeluErfGrad = [this](Type t, In x, Type bt, In bias, In dy, Out dx, bool accumulate,
                           Out dbias, int64_t rows, int64_t cols) {
    biasedGrad(memory_, t, x, bt, bias, dy, dx, accumulate, dbias, rows, cols,
               [](float v, float d) { return math::geluErfGrad(v, d); });
  };

  swiglu = [](Type t, In x, Out y, int64_t rows, int64_t cols) {
    rowRanges(rows, 2 * cols, [&](int64_t begin, int64_t end) {
      RowReader xs(t, x, 2 * cols);
      RowWriter ys(t, y, rows, cols);
      for (int64_t row = begin; row < end; ++row) {
        const float *gate = xs[row], *up = gate + cols;
        float* to = ys.target(row);
        GRADUS_INDEPENDENT
        for (int64_t i = 0; i < cols; ++i) to[i] = math::silu(gate[i]) * up[i];
        ys.flush(row);
      }
    });
  };

  swigluGrad = [](Type t, In x, In dy, Out dx, bool accumulate, int64_t rows, int64_t cols) {
    rowRanges(rows, 2 * cols, [&](int64_t begin, int64_t end) {
      RowReader xs(t, x, 2 * cols), dys(t, dy, cols);
      RowWriter dxs(t, dx, rows, 2 * cols, accumulate);
      for (int64_t row = begin; row < end; ++row) {
        const float *gate = xs[row], *up = gate + cols, *d = dys[row];
        float *dgate = dxs.target(row), *dup = dgate + cols;
        if (!accumulate) std::fill(dgate, dgate + 2 * cols, 0.0f);
        GRADUS_INDEPENDENT
        for (int64_t i = 0; i < cols; ++i) {
          const math::Slope s = math::siluSlope(gate[i]);
          dgate[i] += d[i] * up[i] * s.dy;
          dup[i] += d[i] * s.y;
        }
        dxs.flush(row);
      }
    });
  };
}

}  // namespace gradus
