// Each step is one pass over its buffers: memory is what it costs, arithmetic hides behind it.
#include "math/optimizers.h"

#include <cmath>
#include <limits>

#include "cpu/backend.h"
#include "cpu/gemm.h"
#include "cpu/loops.h"

namespace gradus {

namespace {

/** NaN where the factor says that nothing is to change. */
float scaleOf(double gradScale, In factor) {
  return static_cast<float>(gradScale) * (factor ? *factor.as<float>() : 1.0f);
}

}  // namespace

void CpuBackend::addOptimizers() {
  sgd = [](Out p, In g, Out velocity, int64_t n, double learningRate, double momentum,
           double dampening, double weightDecay, bool nesterov, bool firstStep, double gradScale,
           In factor) {
    const math::Sgd step{static_cast<float>(learningRate),
                         static_cast<float>(momentum),
                         static_cast<float>(1.0 - dampening),
                         static_cast<float>(weightDecay),
                         nesterov,
                         firstStep};
    const float scale = scaleOf(gradScale, factor);
    if (std::isnan(scale)) return;
    float* const ps = p.as<float>();
    const float* const gs = g.as<float>();
    float* const vs = velocity.as<float>();
    ranges(n, [=](int64_t begin, int64_t end) {
      if (momentum == 0) {
        GRADUS_INDEPENDENT
        for (int64_t i = begin; i < end; ++i) ps[i] = math::sgd(step, ps[i], gs[i] * scale);
      } else {
        GRADUS_INDEPENDENT
        for (int64_t i = begin; i < end; ++i) math::sgd(step, ps + i, gs[i] * scale, vs + i);
      }
    });
  };

  matmulSgd = [this](In a, In b, Out g, Out p, int64_t m, int64_t n, int64_t k, bool transposeA,
                     bool transposeB, double learningRate, double weightDecay, double gradScale) {
    const DType f32 = DType::F32;
    const Descent descent{static_cast<float>(learningRate), static_cast<float>(weightDecay),
                          static_cast<float>(gradScale)};
    Product product{m,
                    n,
                    k,
                    Matrix::of(f32, a, m, k, transposeA),
                    Matrix::of(f32, b, k, n, transposeB),
                    nullptr,
                    {f32, p, n},
                    false};
    if (canDescend(product)) {
      product.descent = &descent;
      return gemm(product);
    }
    product.y.data = g;
    gemm(product);
    sgd(p, In(g.address), int64_t{0}, m * n, learningRate, 0, 0, weightDecay, false, false,
        gradScale, int64_t{0});
  };

  adamw = [](Out p, In g, Out m, Out v, int64_t n, double learningRate, double beta1, double beta2,
             double epsilon, double weightDecay, int64_t step, double gradScale, In factor) {
    const math::AdamW moments(learningRate, beta1, beta2, epsilon, weightDecay,
                              static_cast<double>(step));
    const float scale = scaleOf(gradScale, factor);
    if (std::isnan(scale)) return;
    float* const ps = p.as<float>();
    const float* const gs = g.as<float>();
    float* const ms = m.as<float>();
    float* const vs = v.as<float>();
    ranges(n, [=](int64_t begin, int64_t end) {
      GRADUS_INDEPENDENT
      for (int64_t i = begin; i < end; ++i) {
        math::adamw(moments, ps + i, gs[i] * scale, ms + i, vs + i);
      }
    });
  };

  clipFactor = [](In squares, int64_t count, Out norm, Out factor, double scale, double max,
                  bool skip) {
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(squares.as<float>()[i]);
    const double length = std::abs(scale) * std::sqrt(sum), ratio = max / (length + 1e-6);
    *norm.as<float>() = static_cast<float>(length);
    *factor.as<float>() = skip && !std::isfinite(length) ? std::numeric_limits<float>::quiet_NaN()
                          : ratio < 1                    ? static_cast<float>(ratio)
                                                         : 1.0f;
  };
}

}  // namespace gradus
