// Each step is one pass over its buffers, 16 bytes at a time; nothing of it waits for the host.
#include <cmath>

#include "cuda/backend.h"
#include "cuda/rows.h"
#include "math/optimizers.h"

namespace gradus {

namespace {

/** What a step changes: parameters, then what it remembers of each. */
template <int K>
struct Buffers {
  float* at[K];
};

/** Calls f(gradient, values), where values[k] is of buffer k. Each thread has N elements. */
template <int N, int K, class F>
__global__ void update(const float* g, Buffers<K> buffers, int64_t n, float gradScale,
                       const float* factor, F f) {
  const float scale = factor == nullptr ? gradScale : gradScale * *factor;
  if (scale != scale) return;  // that is how the factor says that nothing is to change
  const int64_t begin = (blockIndex() * blockDim.x + threadIdx.x) * N;
  if (begin + N <= n) {
    using P = Pack<float, N>;
    const P gs = *reinterpret_cast<const P*>(g + begin);
    P packs[K];
#pragma unroll
    for (int k = 0; k < K; ++k) packs[k] = *reinterpret_cast<const P*>(buffers.at[k] + begin);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      float values[K];
#pragma unroll
      for (int k = 0; k < K; ++k) values[k] = packs[k].elements[j];
      f(gs.elements[j] * scale, values);
#pragma unroll
      for (int k = 0; k < K; ++k) packs[k].elements[j] = values[k];
    }
#pragma unroll
    for (int k = 0; k < K; ++k) *reinterpret_cast<P*>(buffers.at[k] + begin) = packs[k];
    return;
  }
  for (int64_t i = begin; i < n; ++i) {
    float values[K];
#pragma unroll
    for (int k = 0; k < K; ++k) values[k] = buffers.at[k][i];
    f(g[i] * scale, values);
#pragma unroll
    for (int k = 0; k < K; ++k) buffers.at[k][i] = values[k];
  }
}

template <int K, class F>
void update(Gpu& gpu, const char* name, In g, Buffers<K> buffers, int64_t n, double gradScale,
            In factor, F f) {
  constexpr int N = kPack<float>;
  bool aligned = isAligned(g);
  for (const float* buffer : buffers.at) aligned &= isAligned(buffer);
  const int64_t each = aligned ? N : 1;
  launch(gpu, name, blocksFor(ceilDivide(n, each * kThreads)),
         aligned ? update<N, K, F> : update<1, K, F>, g.as<float>(), buffers, n, gradScale,
         factor.as<float>(), f);
}

struct Descent {
  math::Sgd step;
  __device__ void operator()(float g, float* values) const {
    values[0] = math::sgd(step, values[0], g);
  }
};

struct Momentum {
  math::Sgd step;
  __device__ void operator()(float g, float* values) const {
    math::sgd(step, values, g, values + 1);
  }
};

struct Moments {
  math::AdamW step;
  __device__ void operator()(float g, float* values) const {
    math::adamw(step, values, g, values + 1, values + 2);
  }
};

/** By one block. */
__global__ void clip(const float* squares, int64_t count, float* norm, float* factor, double scale,
                     double max, bool skip) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) sum += static_cast<double>(squares[i]);
  sum = blockReduce(sum, 0.0, Plus());
  if (threadIdx.x != 0) return;
  const double length = std::abs(scale) * std::sqrt(sum), ratio = max / (length + 1e-6);
  *norm = static_cast<float>(length);
  const bool finite = length - length == 0;
  *factor = skip && !finite ? NAN : ratio < 1 ? static_cast<float>(ratio) : 1.0f;
}

}  // namespace

void CudaBackend::addOptimizers() {
  sgd = [this](Out p, In g, Out velocity, int64_t n, double learningRate, double momentum,
               double dampening, double weightDecay, bool nesterov, bool firstStep,
               double gradScale, In factor) {
    const math::Sgd step{static_cast<float>(learningRate),
                         static_cast<float>(momentum),
                         static_cast<float>(1.0 - dampening),
                         static_cast<float>(weightDecay),
                         nesterov,
                         firstStep};
    float* const ps = p.as<float>();
    if (momentum == 0) {
      update(gpu_, "sgd", g, Buffers<1>{{ps}}, n, gradScale, factor, Descent{step});
    } else {
      update(gpu_, "sgd", g, Buffers<2>{{ps, velocity.as<float>()}}, n, gradScale, factor,
             Momentum{step});
    }
  };

  adamw = [this](Out p, In g, Out m, Out v, int64_t n, double learningRate, double beta1,
                 double beta2, double epsilon, double weightDecay, int64_t step, double gradScale,
                 In factor) {
    const math::AdamW moments(learningRate, beta1, beta2, epsilon, weightDecay,
                              static_cast<double>(step));
    update(gpu_, "adamw", g, Buffers<3>{{p.as<float>(), m.as<float>(), v.as<float>()}}, n,
           gradScale, factor, Moments{moments});
  };

  clipFactor = [this](In squares, int64_t count, Out norm, Out factor, double scale, double max,
                      bool skip) {
    launch(gpu_, "clipFactor", Grid{dim3(1)}, clip, squares.as<float>(), count, norm.as<float>(),
           factor.as<float>(), scale, max, skip);
  };
}

}  // namespace gradus
