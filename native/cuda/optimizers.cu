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

/** The numbers of a step: its own, and what multiplies the gradients. */
template <class Step>
struct StepNumbers {
  Step step;
  float gradScale;
};

/** Calls F on the step, a gradient and values, where values[k] is of buffer k. Each thread has N
 * elements. */
template <int N, int K, class F, class Step>
__global__ void update(const float* g, Buffers<K> buffers, int64_t n, const float* factor,
                       Live<StepNumbers<Step>> live) {
  const StepNumbers<Step> numbers = live.get();
  const float scale = factor == nullptr ? numbers.gradScale : numbers.gradScale * *factor;
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
      F()(numbers.step, gs.elements[j] * scale, values);
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
    F()(numbers.step, g[i] * scale, values);
#pragma unroll
    for (int k = 0; k < K; ++k) buffers.at[k][i] = values[k];
  }
}

template <class F, int K, class Step>
void update(Gpu& gpu, const char* name, In g, Buffers<K> buffers, int64_t n, double gradScale,
            In factor, const Step& step) {
  constexpr int N = kPack<float>;
  bool aligned = isAligned(g);
  for (const float* buffer : buffers.at) aligned &= isAligned(buffer);
  const int64_t each = aligned ? N : 1;
  launch(gpu, name, blocksFor(ceilDivide(n, each * kThreads)),
         aligned ? update<N, K, F, Step> : update<1, K, F, Step>, g.as<float>(), buffers, n,
         factor.as<float>(), gpu.live(StepNumbers<Step>{step, static_cast<float>(gradScale)}));
}

struct Descent {
  __device__ void operator()(const math::Sgd& step, float g, float* values) const {
    values[0] = math::sgd(step, values[0], g);
  }
};

struct Momentum {
  __device__ void operator()(const math::Sgd& step, float g, float* values) const {
    math::sgd(step, values, g, values + 1);
  }
};

/** A step that remembers one number of each parameter. */
template <class Step, void (*F)(const Step&, float*, float, float*)>
struct Remember1 {
  __device__ void operator()(const Step& step, float g, float* values) const {
    F(step, values, g, values + 1);
  }
};

template <class Step, void (*F)(const Step&, float*, float, float*, float*)>
struct Remember2 {
  __device__ void operator()(const Step& step, float g, float* values) const {
    F(step, values, g, values + 1, values + 2);
  }
};

struct AmsGrad {
  __device__ void operator()(const math::Adam& step, float g, float* values) const {
    math::adam(step, values, g, values + 1, values + 2, values + 3);
  }
};

template <bool kCentered, bool kMomentum>
struct RmsProp {
  __device__ void operator()(const math::RmsProp& step, float g, float* values) const {
    const float change = math::rmsprop<kCentered>(step, values[0], g, values + 1, values + 2);
    float& velocity = values[kCentered ? 3 : 2];
    if (kMomentum) velocity = step.momentum * velocity + change;
    values[0] -= step.rate * (kMomentum ? velocity : change);
  }
};

/** What clipping knows of the gradients: they are `scale` times too large, and what is `skip`ped.
 */
struct Clip {
  double scale, max;
  bool skip;
};

/** By one block. */
__global__ void clip(const float* squares, int64_t count, float* norm, float* factor,
                     Live<Clip> live) {
  const Clip c = live.get();
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) sum += static_cast<double>(squares[i]);
  sum = blockReduce(sum, 0.0, Plus());
  if (threadIdx.x != 0) return;
  const double length = std::abs(c.scale) * std::sqrt(sum), ratio = c.max / (length + 1e-6);
  *norm = static_cast<float>(length);
  const bool finite = length - length == 0;
  *factor = c.skip && !finite ? NAN : ratio < 1 ? static_cast<float>(ratio) : 1.0f;
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
      update<Descent>(gpu_, "sgd", g, Buffers<1>{{ps}}, n, gradScale, factor, step);
    } else {
      update<Momentum>(gpu_, "sgd", g, Buffers<2>{{ps, velocity.as<float>()}}, n, gradScale, factor,
                       step);
    }
  };

  adamw = [this](Out p, In g, Out m, Out v, int64_t n, double learningRate, double beta1,
                 double beta2, double epsilon, double weightDecay, int64_t step, double gradScale,
                 In factor) {
    const math::AdamW moments(learningRate, beta1, beta2, epsilon, weightDecay,
                              static_cast<double>(step));
    update<Remember2<math::AdamW, math::adamw>>(
        gpu_, "adamw", g, Buffers<3>{{p.as<float>(), m.as<float>(), v.as<float>()}}, n, gradScale,
        factor, moments);
  };

  adam = [this](Out p, In g, Out m, Out v, Out vmax, int64_t n, double learningRate, double beta1,
                double beta2, double epsilon, double weightDecay, bool decoupled, int64_t step,
                double gradScale, In factor) {
    const math::Adam a(learningRate, beta1, beta2, epsilon, weightDecay, decoupled,
                       static_cast<double>(step));
    float *const ps = p.as<float>(), *const ms = m.as<float>(), *const vs = v.as<float>();
    if (vmax.address == 0) {
      update<Remember2<math::Adam, math::adam>>(gpu_, "adam", g, Buffers<3>{{ps, ms, vs}}, n,
                                                gradScale, factor, a);
    } else {
      update<AmsGrad>(gpu_, "adam", g, Buffers<4>{{ps, ms, vs, vmax.as<float>()}}, n, gradScale,
                      factor, a);
    }
  };

  adamax = [this](Out p, In g, Out m, Out u, int64_t n, double learningRate, double beta1,
                  double beta2, double epsilon, double weightDecay, int64_t step, double gradScale,
                  In factor) {
    const math::Adamax a(learningRate, beta1, beta2, epsilon, weightDecay,
                         static_cast<double>(step));
    update<Remember2<math::Adamax, math::adamax>>(
        gpu_, "adamax", g, Buffers<3>{{p.as<float>(), m.as<float>(), u.as<float>()}}, n, gradScale,
        factor, a);
  };

  nadam = [this](Out p, In g, Out m, Out v, int64_t n, double learningRate, double beta1,
                 double beta2, double epsilon, double weightDecay, bool decoupled, double mu,
                 double muNext, double muProduct, int64_t step, double gradScale, In factor) {
    const math::NAdam a(learningRate, beta1, beta2, epsilon, weightDecay, decoupled, mu, muNext,
                        muProduct, static_cast<double>(step));
    update<Remember2<math::NAdam, math::nadam>>(
        gpu_, "nadam", g, Buffers<3>{{p.as<float>(), m.as<float>(), v.as<float>()}}, n, gradScale,
        factor, a);
  };

  radam = [this](Out p, In g, Out m, Out v, int64_t n, double learningRate, double beta1,
                 double beta2, double epsilon, double weightDecay, bool decoupled, int64_t step,
                 double gradScale, In factor) {
    const math::RAdam a(learningRate, beta1, beta2, epsilon, weightDecay, decoupled,
                        static_cast<double>(step));
    update<Remember2<math::RAdam, math::radam>>(
        gpu_, "radam", g, Buffers<3>{{p.as<float>(), m.as<float>(), v.as<float>()}}, n, gradScale,
        factor, a);
  };

  adagrad = [this](Out p, In g, Out sum, int64_t n, double learningRate, double epsilon,
                   double weightDecay, double gradScale, In factor) {
    const math::Adagrad a(learningRate, epsilon, weightDecay);
    update<Remember1<math::Adagrad, math::adagrad>>(
        gpu_, "adagrad", g, Buffers<2>{{p.as<float>(), sum.as<float>()}}, n, gradScale, factor, a);
  };

  adadelta = [this](Out p, In g, Out square, Out delta, int64_t n, double learningRate, double rho,
                    double epsilon, double weightDecay, double gradScale, In factor) {
    const math::Adadelta a(learningRate, rho, epsilon, weightDecay);
    update<Remember2<math::Adadelta, math::adadelta>>(
        gpu_, "adadelta", g, Buffers<3>{{p.as<float>(), square.as<float>(), delta.as<float>()}}, n,
        gradScale, factor, a);
  };

  rmsprop = [this](Out p, In g, Out square, Out average, Out velocity, int64_t n,
                   double learningRate, double alpha, double epsilon, double momentum,
                   double weightDecay, double gradScale, In factor) {
    const math::RmsProp a(learningRate, alpha, epsilon, momentum, weightDecay);
    float *const ps = p.as<float>(), *const squares = square.as<float>();
    float *const centers = average.as<float>(), *const vs = velocity.as<float>();
    auto run = [&](auto buffers, auto step) {
      update<decltype(step)>(gpu_, "rmsprop", g, buffers, n, gradScale, factor, a);
    };
    if (centers == nullptr && momentum == 0) {
      run(Buffers<2>{{ps, squares}}, RmsProp<false, false>());
    } else if (centers == nullptr) {
      run(Buffers<3>{{ps, squares, vs}}, RmsProp<false, true>());
    } else if (momentum == 0) {
      run(Buffers<3>{{ps, squares, centers}}, RmsProp<true, false>());
    } else {
      run(Buffers<4>{{ps, squares, centers, vs}}, RmsProp<true, true>());
    }
  };

  lion = [this](Out p, In g, Out m, int64_t n, double learningRate, double beta1, double beta2,
                double weightDecay, double gradScale, In factor) {
    const math::Lion a(learningRate, beta1, beta2, weightDecay);
    update<Remember1<math::Lion, math::lion>>(
        gpu_, "lion", g, Buffers<2>{{p.as<float>(), m.as<float>()}}, n, gradScale, factor, a);
  };

  clipFactor = [this](In squares, int64_t count, Out norm, Out factor, double scale, double max,
                      bool skip) {
    launch(gpu_, "clipFactor", Grid{dim3(1)}, clip, squares.as<float>(), count, norm.as<float>(),
           factor.as<float>(), gpu_.live(Clip{scale, max, skip}));
  };
}

}  // namespace gradus
