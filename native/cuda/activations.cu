// Nonlinearities and their gradients, alone and with what stands before them in a network.
#include "cuda/backend.h"
#include "cuda/loops.h"
#include "cuda/rows.h"
#include "math/pointwise.h"

namespace gradus {

namespace {

/** An activation with a number of its own. */
template <float (*F)(float, float)>
struct With {
  float number;
  __device__ float operator()(float x) const { return F(x, number); }
};

template <float (*F)(float, float, float)>
struct GradWith {
  float number;
  __device__ float operator()(float x, float dy) const { return F(x, dy, number); }
};

/** What to add to column i: nothing where there is no bias. */
template <class B>
__device__ float at(const B* bias, int64_t i) {
  return bias == nullptr ? 0.0f : math::toFloat(bias[i]);
}

template <class E, class B, class F>
__global__ void biased(const E* x, const B* bias, E* y, int64_t n, int64_t cols, F f) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    math::store(f(math::toFloat(x[i]) + at(bias, i % cols)), y + i);
  }
}

/** dx = grad(x + bias, dy) of a chunk of rows, and the sums of its columns in partials. Each thread
 * has a column. */
template <class E, class B, class F>
__global__ void biasedGrad(const E* x, const B* bias, const E* dy, E* dx, bool accumulate,
                           float* partials, int64_t rows, int64_t cols, int64_t chunk, F grad) {
  const int64_t column = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (column >= cols) return;
  const float b = at(bias, column);
  const int64_t begin = blockIdx.y * chunk, end = begin + chunk < rows ? begin + chunk : rows;
  float sum = 0;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t i = row * cols + column;
    const float d = grad(math::toFloat(x[i]) + b, math::toFloat(dy[i]));
    sum += d;
    if (dx != nullptr) math::store(accumulate ? math::toFloat(dx[i]) + d : d, dx + i);
  }
  if (partials != nullptr) partials[blockIdx.y * cols + column] = sum;
}

/** y = f(x + bias). */
template <class F>
void biased(Gpu& gpu, const char* name, DType t, In x, DType bt, In bias, Out y, int64_t rows,
            int64_t cols, F f) {
  withFloating(t, [&](auto element) {
    withFloating(bt, [&](auto parameter) {
      using E = decltype(element);
      using B = decltype(parameter);
      launch(gpu, name, gridFor(gpu, rows * cols), biased<E, B, F>, x.as<E>(), bias.as<B>(),
             y.as<E>(), rows * cols, cols, f);
    });
  });
}

/** dx = grad(x + bias, dy) and dbias, the sums of its columns, in one sweep. */
template <class F>
void biasedGrad(Gpu& gpu, const char* name, DType t, In x, DType bt, In bias, In dy, Out dx,
                bool accumulate, Out dbias, int64_t rows, int64_t cols, F grad) {
  const Chunks chunks(rows);
  const Scratch<float> partials(gpu.memory(), dbias ? chunks.count * cols : 0);
  withFloating(t, [&](auto element) {
    withFloating(bt, [&](auto parameter) {
      using E = decltype(element);
      using B = decltype(parameter);
      Grid grid = {dim3(static_cast<unsigned>(ceilDivide(cols, kThreads)),
                        static_cast<unsigned>(chunks.count))};
      launch(gpu, name, grid, biasedGrad<E, B, F>, x.as<E>(), bias.as<B>(), dy.as<E>(), dx.as<E>(),
             accumulate, partials.data(), rows, cols, chunks.size, grad);
    });
  });
  if (dbias) sumPartials(gpu, name, partials.data(), chunks.count, cols, bt, dbias, cols);
}

template <class E>
__global__ void multiplyGated(const E* x, E* y, int64_t n, int64_t cols) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const E* gate = x + i / cols * 2 * cols + i % cols;
    math::store(math::silu(math::toFloat(gate[0])) * math::toFloat(gate[cols]), y + i);
  }
}

template <class E>
__global__ void multiplyGatedGrad(const E* x, const E* dy, E* dx, bool accumulate, int64_t n,
                                  int64_t cols) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const int64_t gate = i / cols * 2 * cols + i % cols, up = gate + cols;
    const math::Slope s = math::siluSlope(math::toFloat(x[gate]));
    const float d = math::toFloat(dy[i]);
    const float dgate = d * math::toFloat(x[up]) * s.dy, dup = d * s.y;
    math::store(accumulate ? math::toFloat(dx[gate]) + dgate : dgate, dx + gate);
    math::store(accumulate ? math::toFloat(dx[up]) + dup : dup, dx + up);
  }
}

}  // namespace

void CudaBackend::addActivations() {
  relu = [this](Type t, In x, Out y, int64_t n) {
    map(gpu_, "relu", t, x, y, n, Function<math::relu>());
  };

  reluGrad = [this](Type t, In y, In dy, Out dx, int64_t n) {
    map(gpu_, "reluGrad", t, y, dy, dx, n, Function2<math::reluGrad>());
  };

  sigmoid = [this](Type t, In x, Out y, int64_t n) {
    map(gpu_, "sigmoid", t, x, y, n, Function<math::sigmoid>());
  };

  sigmoidGrad = [this](Type t, In y, In dy, Out dx, int64_t n) {
    map(gpu_, "sigmoidGrad", t, y, dy, dx, n, Function2<math::sigmoidGrad>());
  };

  tanh = [this](Type t, In x, Out y, int64_t n) {
    map(gpu_, "tanh", t, x, y, n, Function<math::tanh>());
  };

  tanhGrad = [this](Type t, In y, In dy, Out dx, int64_t n) {
    map(gpu_, "tanhGrad", t, y, dy, dx, n, Function2<math::tanhGrad>());
  };

  gelu = [this](Type t, In x, Out y, int64_t n) {
    map(gpu_, "gelu", t, x, y, n, Function<math::gelu>());
  };

  geluGrad = [this](Type t, In x, In dy, Out dx, int64_t n) {
    map(gpu_, "geluGrad", t, x, dy, dx, n, Function2<math::geluGrad>());
  };

  geluErf = [this](Type t, In x, Out y, int64_t n) {
    map(gpu_, "geluErf", t, x, y, n, Function<math::geluErf>());
  };

  geluErfGrad = [this](Type t, In x, In dy, Out dx, int64_t n) {
    map(gpu_, "geluErfGrad", t, x, dy, dx, n, Function2<math::geluErfGrad>());
  };

  silu = [this](Type t, In x, Out y, int64_t n) {
    map(gpu_, "silu", t, x, y, n, Function<math::silu>());
  };

  siluGrad = [this](Type t, In x, In dy, Out dx, int64_t n) {
    map(gpu_, "siluGrad", t, x, dy, dx, n, Function2<math::siluGrad>());
  };

  softplus = [this](Type t, In x, Out y, int64_t n) {
    map(gpu_, "softplus", t, x, y, n, Function<math::softplus>());
  };

  softplusGrad = [this](Type t, In x, In dy, Out dx, int64_t n) {
    map(gpu_, "softplusGrad", t, x, dy, dx, n, Function2<math::softplusGrad>());
  };

  leakyRelu = [this](Type t, In x, Out y, int64_t n, double slope) {
    map(gpu_, "leakyRelu", t, x, y, n, With<math::leakyRelu>{static_cast<float>(slope)});
  };

  leakyReluGrad = [this](Type t, In x, In dy, Out dx, int64_t n, double slope) {
    map(gpu_, "leakyReluGrad", t, x, dy, dx, n,
        GradWith<math::leakyReluGrad>{static_cast<float>(slope)});
  };

  elu = [this](Type t, In x, Out y, int64_t n, double alpha) {
    map(gpu_, "elu", t, x, y, n, With<math::elu>{static_cast<float>(alpha)});
  };

  eluGrad = [this](Type t, In x, In dy, Out dx, int64_t n, double alpha) {
    map(gpu_, "eluGrad", t, x, dy, dx, n, GradWith<math::eluGrad>{static_cast<float>(alpha)});
  };

  biasGelu = [this](Type t, In x, Type bt, In bias, Out y, int64_t rows, int64_t cols) {
    biased(gpu_, "biasGelu", t, x, bt, bias, y, rows, cols, Function<math::gelu>());
  };

  biasGeluGrad = [this](Type t, In x, Type bt, In bias, In dy, Out dx, bool accumulate, Out dbias,
                        int64_t rows, int64_t cols) {
    biasedGrad(gpu_, "biasGeluGrad", t, x, bt, bias, dy, dx, accumulate, dbias, rows, cols,
               Function2<math::geluGrad>());
  };

  biasGeluErf = [this](Type t, In x, Type bt, In bias, Out y, int64_t rows, int64_t cols) {
    biased(gpu_, "biasGeluErf", t, x, bt, bias, y, rows, cols, Function<math::geluErf>());
  };

  biasGeluErfGrad = [this](Type t, In x, Type bt, In bias, In dy, Out dx, bool accumulate,
                           Out dbias, int64_t rows, int64_t cols) {
    biasedGrad(gpu_, "biasGeluErfGrad", t, x, bt, bias, dy, dx, accumulate, dbias, rows, cols,
               Function2<math::geluErfGrad>());
  };

  swiglu = [this](Type t, In x, Out y, int64_t rows, int64_t cols) {
    withFloating(t, [&](auto element) {
      using E = decltype(element);
      launch(gpu_, "swiglu", gridFor(gpu_, rows * cols), multiplyGated<E>, x.as<E>(), y.as<E>(),
             rows * cols, cols);
    });
  };

  swigluGrad = [this](Type t, In x, In dy, Out dx, bool accumulate, int64_t rows, int64_t cols) {
    withFloating(t, [&](auto element) {
      using E = decltype(element);
      launch(gpu_, "swigluGrad", gridFor(gpu_, rows * cols), multiplyGatedGrad<E>, x.as<E>(),
             dy.as<E>(), dx.as<E>(), accumulate, rows * cols, cols);
    });
  };
}

}  // namespace gradus
