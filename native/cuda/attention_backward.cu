#include "cuda/attention.h"
#include "cuda/backend.h"
#include "cuda/launch.h"

namespace gradus {

namespace attention {

namespace {

constexpr int kLanes = 8;  // that share a query: 128 bytes of its row at a time

/** N elements of a row at a time. */
template <int N, class E>
__global__ void findStatistics(Problem p, const E* y, const E* dy, const float* lse,
                               Statistic* statistics) {
  const int64_t row = threadIndex() / kLanes;
  const int64_t rows = static_cast<int64_t>(p.batch) * p.heads * p.tq;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  float sum = 0;
  if (row < rows) {
    const int64_t head = row / p.tq;
    const int64_t at = p.ys.at(head / p.heads, row % p.tq, head % p.heads);
    for (int e = lane * N; e < p.d; e += kLanes * N) {
      const auto a = *reinterpret_cast<const Pack<E, N>*>(y + at + e);
      const auto b = *reinterpret_cast<const Pack<E, N>*>(dy + at + e);
#pragma unroll
      for (int j = 0; j < N; ++j)
        sum += math::toFloat(a.elements[j]) * math::toFloat(b.elements[j]);
    }
  }
#pragma unroll
  for (int bits = kLanes / 2; bits > 0; bits /= 2) sum += __shfl_xor_sync(~0u, sum, bits);
  // Where a query sees no key, none has weight.
  if (row < rows && lane == 0) {
    statistics[row] = {lse[row] == kHidden ? -kHidden : lse[row], sum};
  }
}

void findStatistics(Gpu& gpu, const Problem& p, DType type, In y, In dy, In lse,
                    Statistic* statistics) {
  const int64_t threads = static_cast<int64_t>(p.batch) * p.heads * p.tq * kLanes;
  const Grid grid = {dim3(static_cast<unsigned>(ceilDivide(threads, kThreads)))};
  withFloating(type, [&](auto element) {
    using E = decltype(element);
    constexpr int N = kPack<E>;
    const bool packs = isAligned(y) && isAligned(dy) && p.d % N == 0 && p.ys.batch % N == 0 &&
                       p.ys.time % N == 0 && p.ys.head % N == 0;
    launch(gpu, "attentionGrad", grid, packs ? findStatistics<N, E> : findStatistics<1, E>, p,
           y.as<E>(), dy.as<E>(), lse.as<float>(), statistics);
  });
}

}  // namespace

}  // namespace attention

using namespace attention;

void CudaBackend::addAttentionBackward() {
  attentionGrad = [this](Type t, In q, In k, In v, In lengths, In documents, In mask, In slopes,
                         In y, In lse, In dy, Out dq, Out dk, Out dv, Dims dims, double scale,
                         double dropout, int64_t seed) {
    const attention::Call call(gpu_, "attentionGrad", lengths, documents, mask, slopes, dims, scale,
                               dropout, seed);
    const Problem& p = call.problem;
    const Scratch<Statistic> statistics(gpu_.memory(),
                                        static_cast<int64_t>(p.batch) * p.heads * p.tq);
    findStatistics(gpu_, p, t, y, dy, lse, statistics.data());
    const Backward operands = {q, k, v, dy, statistics.data(), dq, dk, dv};
    if (fits(gpu_, p, t, {q, k, v, dy, dq, dk, dv})) {
      const bool byHopper = hopper_ && hopper::fits(p);
      (byHopper ? hopper::keys : tensorKeys)(gpu_, p, t, operands);
      (byHopper ? hopper::queries : tensorQueries)(gpu_, p, t, operands);
    } else {
      plain(gpu_, p, t, operands);
    }
  };
}

}  // namespace gradus
