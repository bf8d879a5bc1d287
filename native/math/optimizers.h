// What a step does to one parameter. Rates and corrections are worked out once for all of them.
#pragma once

#include <cmath>

#include "math/fn.h"

namespace gradus::math {

struct Sgd {
  float rate, momentum, fresh, decay;  // fresh = 1 - dampening
  bool nesterov, firstStep;
};

/** Where there is no momentum. */
GRADUS_FN float sgd(const Sgd& s, float p, float g) { return p - s.rate * (g + s.decay * p); }

GRADUS_FN void sgd(const Sgd& s, float* p, float g, float* velocity) {
  const float gradient = g + s.decay * *p;
  // The first velocity is the gradient itself, undampened; the buffer may hold anything.
  const float v = s.firstStep ? gradient : s.momentum * *velocity + s.fresh * gradient;
  *velocity = v;
  *p -= s.rate * (s.nesterov ? gradient + s.momentum * v : v);
}

struct AdamW {
  AdamW(double learningRate, double beta1, double beta2, double epsilon, double weightDecay,
        double step)
      : rate(static_cast<float>(learningRate / (1.0 - std::pow(beta1, step)))),
        correction(static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(beta2, step)))),
        keep(static_cast<float>(1.0 - learningRate * weightDecay)),
        keep1(static_cast<float>(beta1)),
        take1(static_cast<float>(1.0 - beta1)),
        keep2(static_cast<float>(beta2)),
        take2(static_cast<float>(1.0 - beta2)),
        epsilon(static_cast<float>(epsilon)) {}

  float rate, correction, keep, keep1, take1, keep2, take2, epsilon;
};

GRADUS_FN void adamw(const AdamW& a, float* p, float g, float* m, float* v) {
  const float first = a.keep1 * *m + a.take1 * g;
  const float second = a.keep2 * *v + a.take2 * (g * g);
  *m = first;
  *v = second;
  *p = a.keep * *p - a.rate * (first / (std::sqrt(second) * a.correction + a.epsilon));
}

}  // namespace gradus::math
