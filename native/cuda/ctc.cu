// Connectionist temporal classification (Graves et al. 2006): the probability of a sequence of
// labels over all ways to spread it over more steps, with repeats and blanks between.
//
// State 2i + 1 of a sequence is its label i, the states around it are blanks. Forward and backward
// variables are logarithms, each step's less a number of its own, so that floats near 0 hold them
// however long the input is. A block goes through the steps of a sequence, its threads through the
// states; the gradient then has a block for each step.
#include "cuda/backend.h"
#include "cuda/indices.h"
#include "cuda/softmax.h"

namespace gradus {

namespace {

constexpr int kMostThreads = 512;

/** The sizes, and targets that are in order: those outside were complained of. */
template <class E, class Index>
struct Problem {
  const E* logProbs;
  const Index *targets, *inputLengths, *targetLengths;
  int64_t time, batch, classes, targetTime, blank;

  __device__ int64_t width() const { return 2 * targetTime + 1; }
  __device__ int64_t steps(int64_t b) const {
    const int64_t n = inputLengths[b];
    return inside(n, time + 1) ? n : 0;
  }
  __device__ int64_t labels(int64_t b) const {
    const int64_t n = targetLengths[b];
    return inside(n, targetTime + 1) ? n : 0;
  }
  __device__ int64_t states(int64_t b) const { return 2 * labels(b) + 1; }
  __device__ int64_t target(int64_t b, int64_t i) const {
    const int64_t label = targets[b * targetTime + i];
    return inside(label, classes) ? label : blank;
  }
  __device__ int64_t label(int64_t b, int64_t state) const {
    return state % 2 == 0 ? blank : target(b, state / 2);
  }
  /** Whether the state may come right after that two before it. */
  __device__ bool skips(int64_t b, int64_t state) const {
    return state % 2 == 1 && state > 2 && target(b, state / 2) != target(b, state / 2 - 1);
  }
  __device__ float emission(int64_t b, int64_t step, int64_t state) const {
    return math::toFloat(logProbs[(step * batch + b) * classes + label(b, state)]);
  }
  /** Where the states of a step begin. */
  __device__ int64_t row(int64_t b, int64_t step) const { return (b * time + step) * width(); }
  /** The states that an input can end in: the last label and the blank behind it. */
  __device__ bool ends(int64_t b, int64_t state) const { return state >= states(b) - 2; }
};

/** The targets that count; 0 in the place of padding, which may be anything. */
template <class Index>
__global__ void withoutPadding(const Index* targets, const Index* lengths, Index* counted,
                               int64_t n, int64_t targetTime) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    counted[i] = i % targetTime < lengths[i / targetTime] ? targets[i] : Index{0};
  }
}

__device__ float logOfSum(float x, float y, float z) {
  const float shift = shiftOf(fmaxf(fmaxf(x, y), z));
  return shift + std::log(expOf(x - shift) + expOf(y - shift) + expOf(z - shift));
}

/** alpha of every step, and the loss. */
template <class E, class Index>
__global__ void __launch_bounds__(kMostThreads)
    forward(Problem<E, Index> p, float* alpha, float* loss, bool zeroInfinity) {
  const int64_t b = blockIndex();
  if (b >= p.batch) return;
  const int64_t states = p.states(b), steps = p.steps(b);
  double lost = 0;
  float shift = 0;
  const float* from = nullptr;
  for (int64_t step = 0; step < steps; ++step) {
    float* to = alpha + p.row(b, step);
    float largest = -INFINITY;
    for (int64_t s = threadIdx.x; s < states; s += blockDim.x) {
      float y = s < 2 ? 0.0f : -INFINITY;
      if (step > 0) {
        y = logOfSum(from[s], s > 0 ? from[s - 1] : -INFINITY,
                     p.skips(b, s) ? from[s - 2] : -INFINITY) -
            shift;
      }
      y += p.emission(b, step, s);
      to[s] = y;
      largest = fmaxf(largest, y);
    }
    shift = shiftOf(blockReduce(largest, -INFINITY, LargerNumber()));
    lost += shift;
    from = to;
  }
  double sum = 0;
  for (int64_t s = threadIdx.x; s < states; s += blockDim.x) {
    if (!p.ends(b, s)) continue;
    sum += steps > 0 ? std::exp(static_cast<double>(from[s]) - shift) : s == 0 && states == 1;
  }
  sum = blockReduce(sum, 0.0, Plus());
  if (threadIdx.x != 0) return;
  const double y = -(lost + std::log(sum));
  loss[b] = zeroInfinity && y == INFINITY ? 0.0f : static_cast<float>(y);
}

/** What alpha is, from the other end. */
template <class E, class Index>
__global__ void __launch_bounds__(kMostThreads) backward(Problem<E, Index> p, float* behind) {
  const int64_t b = blockIndex();
  if (b >= p.batch) return;
  const int64_t states = p.states(b), steps = p.steps(b);
  float shift = 0;
  const float* from = nullptr;
  for (int64_t step = steps - 1; step >= 0; --step) {
    float* to = behind + p.row(b, step);
    float largest = -INFINITY;
    for (int64_t s = threadIdx.x; s < states; s += blockDim.x) {
      float y = p.ends(b, s) ? 0.0f : -INFINITY;
      if (step < steps - 1) {
        y = logOfSum(from[s], s + 1 < states ? from[s + 1] : -INFINITY,
                     s + 2 < states && p.skips(b, s + 2) ? from[s + 2] : -INFINITY) -
            shift;
      }
      y += p.emission(b, step, s);
      to[s] = y;
      largest = fmaxf(largest, y);
    }
    shift = shiftOf(blockReduce(largest, -INFINITY, LargerNumber()));
    from = to;
  }
}

/** For each target the next place of the same label, or the length; its complement where the label
 * stands before as well. */
template <class E, class Index>
__global__ void linkRepeats(Problem<E, Index> p, int64_t* links) {
  const int64_t n = p.batch * p.targetTime;
  for (int64_t at = threadIndex(); at < n; at += threadCount()) {
    const int64_t b = at / p.targetTime, i = at % p.targetTime, count = p.labels(b);
    if (i >= count) continue;
    const int64_t label = p.target(b, i);
    int64_t next = i + 1, before = 0;
    while (next < count && p.target(b, next) != label) ++next;
    while (p.target(b, before) != label) ++before;
    links[at] = before < i ? ~next : next;
  }
}

/** The gradient of a step of a sequence. The thread of a label's first place adds up all of them,
 * so that sums have one order. */
template <class E, class Index>
__global__ void gradients(Problem<E, Index> p, const float* alpha, const float* behind,
                          const int64_t* links, const float* dloss, E* dx, bool zeroInfinity) {
  const int64_t index = blockIndex();
  if (index >= p.time * p.batch) return;
  const int64_t step = index / p.batch, b = index % p.batch;
  const int64_t states = p.states(b);
  const bool counts = step < p.steps(b);
  const int64_t row = p.row(b, step);
  auto both = [&](int64_t s) {
    // Before and behind both count the step itself. Where that is impossible, so is the state.
    const float a = alpha[row + s];
    return a == -INFINITY ? a : a + (behind[row + s] - p.emission(b, step, s));
  };
  float largest = -INFINITY;
  for (int64_t s = threadIdx.x; counts && s < states; s += blockDim.x) {
    largest = fmaxf(largest, both(s));
  }
  const float shift = shiftOf(blockReduce(largest, -INFINITY, LargerNumber()));
  double sum = 0, blanks = 0;
  for (int64_t s = threadIdx.x; counts && s < states; s += blockDim.x) {
    const double share = expOf(both(s) - shift);
    sum += share;
    if (s % 2 == 0) blanks += share;
  }
  sum = blockReduce(sum, 0.0, Plus());
  blanks = blockReduce(blanks, 0.0, Plus());
  E* to = dx + index * p.classes;
  const float other = counts && sum == 0 && !zeroInfinity ? NAN : 0.0f;
  for (int64_t i = threadIdx.x; i < p.classes; i += blockDim.x) math::store(other, to + i);
  if (!counts || sum == 0) return;
  __syncthreads();
  const double scale = -dloss[b] / sum;
  for (int64_t s = threadIdx.x; s < states; s += blockDim.x) {
    if (s == 0) {
      // A label may be the blank: then its shares join.
      for (int64_t i = 0; i < states / 2; ++i) {
        if (p.target(b, i) == p.blank) blanks += expOf(both(2 * i + 1) - shift);
      }
      math::store(static_cast<float>(blanks * scale), to + p.blank);
    } else if (s % 2 == 1 && p.target(b, s / 2) != p.blank) {
      const int64_t* link = links + b * p.targetTime;
      int64_t i = s / 2;
      if (link[i] < 0) continue;
      double share = 0;
      while (i < states / 2) {
        share += expOf(both(2 * i + 1) - shift);
        i = link[i] < 0 ? ~link[i] : link[i];
      }
      math::store(static_cast<float>(share * scale), to + p.target(b, s / 2));
    }
  }
}

}  // namespace

void CudaBackend::addCtc() {
  auto checkAll = [this](Type targetType, In targets, In inputLengths, In targetLengths,
                         int64_t time, int64_t batch, int64_t classes, int64_t targetTime) {
    checkIndices(gpu_, "ctc: input length", "position", targetType, inputLengths, batch, time + 1);
    checkIndices(gpu_, "ctc: target length", "position", targetType, targetLengths, batch,
                 targetTime + 1);
    withIndex(targetType, [&](auto index) {
      using Index = decltype(index);
      const int64_t n = batch * targetTime;
      const Scratch<Index> counted(gpu_.memory(), n);
      if (n == 0) return;
      launch(gpu_, "ctc", gridFor(gpu_, n), withoutPadding<Index>, targets.as<Index>(),
             targetLengths.as<Index>(), counted.data(), n, targetTime);
      checkIndices(gpu_, "ctc: target", "position", targetType, In(counted.data()), n, classes);
    });
  };

  ctc = [this, checkAll](Type t, In logProbs, Type targetType, In targets, In inputLengths,
                         In targetLengths, Out loss, Out alpha, int64_t time, int64_t batch,
                         int64_t classes, int64_t targetTime, int64_t blank, bool zeroInfinity) {
    checkAll(targetType, targets, inputLengths, targetLengths, time, batch, classes, targetTime);
    withFloating(t, [&](auto element) {
      withIndex(targetType, [&](auto index) {
        using E = decltype(element);
        using Index = decltype(index);
        const Problem<E, Index> p = {logProbs.as<E>(),
                                     targets.as<Index>(),
                                     inputLengths.as<Index>(),
                                     targetLengths.as<Index>(),
                                     time,
                                     batch,
                                     classes,
                                     targetTime,
                                     blank};
        launch(gpu_, "ctc", blocksFor(batch, threadsFor(2 * targetTime + 1, kMostThreads)),
               forward<E, Index>, p, alpha.as<float>(), loss.as<float>(), zeroInfinity);
      });
    });
  };

  ctcGrad = [this, checkAll](Type t, In logProbs, Type targetType, In targets, In inputLengths,
                             In targetLengths, In alpha, In dloss, Out dx, int64_t time,
                             int64_t batch, int64_t classes, int64_t targetTime, int64_t blank,
                             bool zeroInfinity) {
    checkAll(targetType, targets, inputLengths, targetLengths, time, batch, classes, targetTime);
    const int64_t width = 2 * targetTime + 1, n = batch * targetTime;
    const Scratch<float> behind(gpu_.memory(), batch * time * width);
    const Scratch<int64_t> links(gpu_.memory(), n);
    withFloating(t, [&](auto element) {
      withIndex(targetType, [&](auto index) {
        using E = decltype(element);
        using Index = decltype(index);
        const Problem<E, Index> p = {logProbs.as<E>(),
                                     targets.as<Index>(),
                                     inputLengths.as<Index>(),
                                     targetLengths.as<Index>(),
                                     time,
                                     batch,
                                     classes,
                                     targetTime,
                                     blank};
        launch(gpu_, "ctcGrad", blocksFor(batch, threadsFor(width, kMostThreads)),
               backward<E, Index>, p, behind.data());
        launch(gpu_, "ctcGrad", gridFor(gpu_, n), linkRepeats<E, Index>, p, links.data());
        launch(gpu_, "ctcGrad", blocksFor(time * batch, threadsFor(width, kThreads)),
               gradients<E, Index>, p, alpha.as<float>(), static_cast<const float*>(behind.data()),
               static_cast<const int64_t*>(links.data()), dloss.as<float>(), dx.as<E>(),
               zeroInfinity);
      });
    });
  };
}

}  // namespace gradus
