// Each step is one pass over its buffers: memory is what it costs, arithmetic hides behind it.
#include "math/optimizers.h"

#include <cmath>
#include <limits>

#include "cpu/backend.h"
#include "cpu/gemm.h"
#include "cpu/optimizers.h"

namespace gradus {

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
    float* const ps = p.as<float>();
    float* const vs = velocity.as<float>();
    if (momentum == 0) {
      update(g, n, gradScale, factor,
             [=](int64_t i, float d) { ps[i] = math::sgd(step, ps[i], d); });
    } else {
      update(g, n, gradScale, factor,
             [=](int64_t i, float d) { math::sgd(step, ps + i, d, vs + i); });
    }
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
    float* const ps = p.as<float>();
    float* const ms = m.as<float>();
    float* const vs = v.as<float>();
    update(g, n, gradScale, factor,
           [=](int64_t i, float d) { math::adamw(moments, ps + i, d, ms + i, vs + i); });
  };

  adam = [](Out p, In g, Out m, Out v, Out vmax, int64_t n, double learningRate, double beta1,
            double beta2, double epsilon, double weightDecay, bool decoupled, int64_t step,
            double gradScale, In factor) {
    const math::Adam a(learningRate, beta1, beta2, epsilon, weightDecay, decoupled,
                       static_cast<double>(step));
    float* const ps = p.as<float>();
    float* const ms = m.as<float>();
    float* const vs = v.as<float>();
    float* const most = vmax.as<float>();
    if (most == nullptr) {
      update(g, n, gradScale, factor,
             [=](int64_t i, float d) { math::adam(a, ps + i, d, ms + i, vs + i); });
    } else {
      update(g, n, gradScale, factor,
             [=](int64_t i, float d) { math::adam(a, ps + i, d, ms + i, vs + i, most + i); });
    }
  };

  adamax = [](Out p, In g, Out m, Out u, int64_t n, double learningRate, double beta1, double beta2,
              double epsilon, double weightDecay, int64_t step, double gradScale, In factor) {
    const math::Adamax a(learningRate, beta1, beta2, epsilon, weightDecay,
                         static_cast<double>(step));
    float* const ps = p.as<float>();
    float* const ms = m.as<float>();
    float* const us = u.as<float>();
    update(g, n, gradScale, factor,
           [=](int64_t i, float d) { math::adamax(a, ps + i, d, ms + i, us + i); });
  };

  nadam = [](Out p, In g, Out m, Out v, int64_t n, double learningRate, double beta1, double beta2,
             double epsilon, double weightDecay, bool decoupled, double mu, double muNext,
             double muProduct, int64_t step, double gradScale, In factor) {
    const math::NAdam a(learningRate, beta1, beta2, epsilon, weightDecay, decoupled, mu, muNext,
                        muProduct, static_cast<double>(step));
    float* const ps = p.as<float>();
    float* const ms = m.as<float>();
    float* const vs = v.as<float>();
    update(g, n, gradScale, factor,
           [=](int64_t i, float d) { math::nadam(a, ps + i, d, ms + i, vs + i); });
  };

  radam = [](Out p, In g, Out m, Out v, int64_t n, double learningRate, double beta1, double beta2,
             double epsilon, double weightDecay, bool decoupled, int64_t step, double gradScale,
             In factor) {
    const math::RAdam a(learningRate, beta1, beta2, epsilon, weightDecay, decoupled,
                        static_cast<double>(step));
    float* const ps = p.as<float>();
    float* const ms = m.as<float>();
    float* const vs = v.as<float>();
    update(g, n, gradScale, factor,
           [=](int64_t i, float d) { math::radam(a, ps + i, d, ms + i, vs + i); });
  };

  adagrad = [](Out p, In g, Out sum, int64_t n, double learningRate, double epsilon,
               double weightDecay, double gradScale, In factor) {
    const math::Adagrad a(learningRate, epsilon, weightDecay);
    float* const ps = p.as<float>();
    float* const sums = sum.as<float>();
    update(g, n, gradScale, factor,
           [=](int64_t i, float d) { math::adagrad(a, ps + i, d, sums + i); });
  };

  adadelta = [](Out p, In g, Out square, Out delta, int64_t n, double learningRate, double rho,
                double epsilon, double weightDecay, double gradScale, In factor) {
    const math::Adadelta a(learningRate, rho, epsilon, weightDecay);
    float* const ps = p.as<float>();
    float* const squares = square.as<float>();
    float* const deltas = delta.as<float>();
    update(g, n, gradScale, factor,
           [=](int64_t i, float d) { math::adadelta(a, ps + i, d, squares + i, deltas + i); });
  };

  rmsprop = [](Out p, In g, Out square, Out average, Out velocity, int64_t n, double learningRate,
               double alpha, double epsilon, double momentum, double weightDecay, double gradScale,
               In factor) {
    const math::RmsProp a(learningRate, alpha, epsilon, momentum, weightDecay);
    float* const ps = p.as<float>();
    float* const squares = square.as<float>();
    float* const centers = average.as<float>();
    float* const vs = velocity.as<float>();
    auto run = [&](auto change) {
      if (momentum == 0) {
        update(g, n, gradScale, factor,
               [=](int64_t i, float d) { ps[i] -= a.rate * change(i, d); });
      } else {
        update(g, n, gradScale, factor, [=](int64_t i, float d) {
          vs[i] = a.momentum * vs[i] + change(i, d);
          ps[i] -= a.rate * vs[i];
        });
      }
    };
    if (centers == nullptr) {
      run([=](int64_t i, float d) {
        return math::rmsprop<false>(a, ps[i], d, squares + i, nullptr);
      });
    } else {
      run([=](int64_t i, float d) {
        return math::rmsprop<true>(a, ps[i], d, squares + i, centers + i);
      });
    }
  };

  lion = [](Out p, In g, Out m, int64_t n, double learningRate, double beta1, double beta2,
            double weightDecay, double gradScale, In factor) {
    const math::Lion a(learningRate, beta1, beta2, weightDecay);
    float* const ps = p.as<float>();
    float* const ms = m.as<float>();
    update(g, n, gradScale, factor, [=](int64_t i, float d) { math::lion(a, ps + i, d, ms + i); });
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
