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

/** What weight decay does: it joins the gradient or, decoupled, shrinks the parameter. */
struct Decay {
  Decay(double learningRate, double weightDecay, bool decoupled)
      : keep(decoupled ? static_cast<float>(1.0 - learningRate * weightDecay) : 1.0f),
        join(decoupled ? 0.0f : static_cast<float>(weightDecay)) {}

  float keep, join;
};

/** How much a moving average keeps and takes. */
struct Average {
  explicit Average(double beta)
      : keep(static_cast<float>(beta)), take(static_cast<float>(1.0 - beta)) {}

  float keep, take;
};

GRADUS_FN float average(const Average& a, float mean, float x) {
  return a.keep * mean + a.take * x;
}

/** The larger; NaN is the largest. */
GRADUS_FN float larger(float a, float b) { return (b > a) | (b != b) ? b : a; }

struct Adam {
  Adam(double learningRate, double beta1, double beta2, double epsilon, double weightDecay,
       bool decoupled, double step)
      : decay(learningRate, weightDecay, decoupled),
        first(beta1),
        second(beta2),
        rate(static_cast<float>(learningRate / (1.0 - std::pow(beta1, step)))),
        correction(static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(beta2, step)))),
        epsilon(static_cast<float>(epsilon)) {}

  Decay decay;
  Average first, second;
  float rate, correction, epsilon;
};

GRADUS_FN void adam(const Adam& a, float* p, float g, float* m, float* v) {
  g += a.decay.join * *p;
  *m = average(a.first, *m, g);
  *v = average(a.second, *v, g * g);
  *p = a.decay.keep * *p - a.rate * (*m / (std::sqrt(*v) * a.correction + a.epsilon));
}

/** AMSGrad: the square that divides never falls. */
GRADUS_FN void adam(const Adam& a, float* p, float g, float* m, float* v, float* vmax) {
  g += a.decay.join * *p;
  *m = average(a.first, *m, g);
  *v = average(a.second, *v, g * g);
  *vmax = larger(*vmax, *v);
  *p = a.decay.keep * *p - a.rate * (*m / (std::sqrt(*vmax) * a.correction + a.epsilon));
}

struct Adamax {
  Adamax(double learningRate, double beta1, double beta2, double epsilon, double weightDecay,
         double step)
      : first(beta1),
        rate(static_cast<float>(learningRate / (1.0 - std::pow(beta1, step)))),
        keep2(static_cast<float>(beta2)),
        epsilon(static_cast<float>(epsilon)),
        decay(static_cast<float>(weightDecay)) {}

  Average first;
  float rate, keep2, epsilon, decay;
};

GRADUS_FN void adamax(const Adamax& a, float* p, float g, float* m, float* u) {
  g += a.decay * *p;
  *m = average(a.first, *m, g);
  *u = larger(a.keep2 * *u, std::abs(g) + a.epsilon);
  *p -= a.rate * (*m / *u);
}

struct NAdam {
  NAdam(double learningRate, double beta1, double beta2, double epsilon, double weightDecay,
        bool decoupled, double mu, double muNext, double muProduct, double step)
      : decay(learningRate, weightDecay, decoupled),
        first(beta1),
        second(beta2),
        rateOfGradient(static_cast<float>(learningRate * (1.0 - mu) / (1.0 - muProduct))),
        rateOfMoment(static_cast<float>(learningRate * muNext / (1.0 - muProduct * muNext))),
        correction(static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(beta2, step)))),
        epsilon(static_cast<float>(epsilon)) {}

  Decay decay;
  Average first, second;
  float rateOfGradient, rateOfMoment, correction, epsilon;
};

GRADUS_FN void nadam(const NAdam& a, float* p, float g, float* m, float* v) {
  g += a.decay.join * *p;
  *m = average(a.first, *m, g);
  *v = average(a.second, *v, g * g);
  *p = a.decay.keep * *p -
       (a.rateOfGradient * g + a.rateOfMoment * *m) / (std::sqrt(*v) * a.correction + a.epsilon);
}

struct RAdam {
  RAdam(double learningRate, double beta1, double beta2, double epsilon, double weightDecay,
        bool decoupled, double step)
      : decay(learningRate, weightDecay, decoupled),
        first(beta1),
        second(beta2),
        rate(static_cast<float>(learningRate / (1.0 - std::pow(beta1, step)))),
        epsilon(static_cast<float>(epsilon)) {
    const double power = std::pow(beta2, step), most = 2.0 / (1.0 - beta2) - 1.0;
    const double length = most - 2.0 * step * power / (1.0 - power);
    // Too few squares were averaged to tell their variance: a step of momentum alone.
    rectified = length > 5.0;
    if (rectified) {
      rate =
          static_cast<float>(learningRate / (1.0 - std::pow(beta1, step)) * std::sqrt(1.0 - power) *
                             std::sqrt((length - 4.0) * (length - 2.0) * most /
                                       ((most - 4.0) * (most - 2.0) * length)));
    }
  }

  Decay decay;
  Average first, second;
  float rate, epsilon;
  bool rectified;
};

GRADUS_FN void radam(const RAdam& a, float* p, float g, float* m, float* v) {
  g += a.decay.join * *p;
  *m = average(a.first, *m, g);
  *v = average(a.second, *v, g * g);
  *p = a.decay.keep * *p - a.rate * *m / (a.rectified ? std::sqrt(*v) + a.epsilon : 1.0f);
}

struct Adagrad {
  Adagrad(double learningRate, double epsilon, double weightDecay)
      : rate(static_cast<float>(learningRate)),
        epsilon(static_cast<float>(epsilon)),
        decay(static_cast<float>(weightDecay)) {}

  float rate, epsilon, decay;
};

GRADUS_FN void adagrad(const Adagrad& a, float* p, float g, float* sum) {
  g += a.decay * *p;
  *sum += g * g;
  *p -= a.rate * (g / (std::sqrt(*sum) + a.epsilon));
}

struct Adadelta {
  Adadelta(double learningRate, double rho, double epsilon, double weightDecay)
      : mean(rho),
        rate(static_cast<float>(learningRate)),
        epsilon(static_cast<float>(epsilon)),
        decay(static_cast<float>(weightDecay)) {}

  Average mean;
  float rate, epsilon, decay;
};

GRADUS_FN void adadelta(const Adadelta& a, float* p, float g, float* square, float* delta) {
  g += a.decay * *p;
  *square = average(a.mean, *square, g * g);
  const float change = std::sqrt(*delta + a.epsilon) / std::sqrt(*square + a.epsilon) * g;
  *delta = average(a.mean, *delta, change * change);
  *p -= a.rate * change;
}

struct RmsProp {
  RmsProp(double learningRate, double alpha, double epsilon, double momentum, double weightDecay)
      : mean(alpha),
        rate(static_cast<float>(learningRate)),
        epsilon(static_cast<float>(epsilon)),
        momentum(static_cast<float>(momentum)),
        decay(static_cast<float>(weightDecay)) {}

  Average mean;
  float rate, epsilon, momentum, decay;
};

/** By how much p is to fall, before the rate. `center`: the mean of gradients; null for none. */
template <bool kCentered>
GRADUS_FN float rmsprop(const RmsProp& a, float p, float g, float* square, float* center) {
  g += a.decay * p;
  *square = average(a.mean, *square, g * g);
  float variance = *square;
  if (kCentered) {
    *center = average(a.mean, *center, g);
    variance -= *center * *center;
    // Where gradients hardly vary, rounding may put the square of their mean above that of their
    // squares.
    variance = variance < 0.0f ? 0.0f : variance;
  }
  return g / (std::sqrt(variance) + a.epsilon);
}

struct Lion {
  Lion(double learningRate, double beta1, double beta2, double weightDecay)
      : blend(beta1),
        mean(beta2),
        rate(static_cast<float>(learningRate)),
        keep(static_cast<float>(1.0 - learningRate * weightDecay)) {}

  Average blend, mean;
  float rate, keep;
};

GRADUS_FN void lion(const Lion& a, float* p, float g, float* m) {
  const float direction = average(a.blend, *m, g);
  const float zeroOrNaN = direction != direction ? direction : 0.0f;
  const float sign = direction > 0.0f ? 1.0f : direction < 0.0f ? -1.0f : zeroOrNaN;
  *p = a.keep * *p - a.rate * sign;
  *m = average(a.mean, *m, g);
}

/** What the elements of a matrix have in common in a step of Adafactor. */
struct Adafactor {
  Adafactor(double learningRate, double beta2Decay, double epsilon1, double epsilon2,
            double threshold, double weightDecay, double step)
      : take(static_cast<float>(std::pow(step, beta2Decay))),
        least(static_cast<float>(epsilon1 * epsilon1)),
        leastMean(static_cast<float>(epsilon1)),
        keep(static_cast<float>(1.0 - learningRate * weightDecay)),
        rate(learningRate < 1.0 / std::sqrt(step) ? learningRate : 1.0 / std::sqrt(step)),
        leastScale(epsilon2),
        threshold(threshold) {}

  float take, least, leastMean, keep;
  double rate, leastScale, threshold;
};

/** A moving average, which takes more in the first steps. */
GRADUS_FN float adafactorMean(const Adafactor& a, float mean, float x) {
  return mean + a.take * (x - mean);
}

/** By how much p is to fall, before the rate: `square` is what stands for that of g. */
GRADUS_FN float adafactorUpdate(const Adafactor& a, float g, float square) {
  return g / std::sqrt(square < a.least ? a.least : square);
}

/** The rate of a step over n elements, from the sums of the squares of p and of the updates. */
GRADUS_FN float adafactorRate(const Adafactor& a, double squares, double updates, double n) {
  const double scale = std::sqrt(squares / n), length = std::sqrt(updates / n) / a.threshold;
  const double relative = scale < a.leastScale ? a.leastScale : scale;
  return static_cast<float>(relative * a.rate / (length < 1.0 ? 1.0 : length));
}

}  // namespace gradus::math
