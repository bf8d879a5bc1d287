// Rows are independent. What fits stays in registers between a row's reduction and its result; the
// rest of a longer row is read again.
#include "cuda/backend.h"
#include "cuda/softmax.h"

namespace gradus {

namespace {

constexpr int kHeld = 32;  // elements of a row in the registers of a thread

struct Softmax {
  /** Of x less the row's maximum: what is kept, and what the sum takes of it. */
  __device__ static float keep(float x) { return expOf(x); }
  __device__ static float term(float kept) { return kept; }
  /** What the row's sum is needed for; a fully masked row gives 0. */
  __device__ static float whole(double sum) {
    const auto total = static_cast<float>(sum);
    return total == 0.0f ? 0.0f : 1.0f / total;
  }
  __device__ static float finish(float kept, float whole) { return kept * whole; }
};

struct LogSoftmax {
  __device__ static float keep(float x) { return x; }
  __device__ static float term(float kept) { return expOf(kept); }
  /** A fully masked row stays -infinity. */
  __device__ static float whole(double sum) {
    return sum == 0.0 ? 0.0f : static_cast<float>(std::log(sum));
  }
  __device__ static float finish(float kept, float whole) { return kept - whole; }
};

/** y = f(x), row by row; y may be x. */
template <class Team, int N, class E, class F>
__global__ void __launch_bounds__(kRowThreads, kRowBlocks)
    softmaxRows(const E* x, E* y, int64_t rows, int64_t cols, F f) {
  const int64_t index = Team::index();
  if (index >= rows) return;
  x += index * cols;
  y += index * cols;
  const Row<Team, N, E> row(x, cols);
  const auto* from = reinterpret_cast<const Pack<E, N>*>(x + row.middle);
  auto* to = reinterpret_cast<Pack<E, N>*>(y + row.middle);
  constexpr int kPacks = kHeld / N;
  constexpr bool kFits = std::is_same<Team, Warp>::value && kWarpCols <= kHeld * kWarp;
  const int64_t rest = Team::thread() + kPacks * Team::size();

  float held[kPacks][N];
  float edge = row.hasEdge ? math::toFloat(x[row.edge]) : -INFINITY, largest = edge;
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    const int64_t i = Team::thread() + k * Team::size();
    if (i >= row.packs) break;
    const Pack<E, N> pack = from[i];
#pragma unroll
    for (int j = 0; j < N; ++j) {
      held[k][j] = math::toFloat(pack.elements[j]);
      largest = fmaxf(largest, held[k][j]);
    }
  }
  SumExp others;
  for (int64_t i = rest; !kFits && i < row.packs; i += Team::size()) others.add(from[i]);

  others.raise(Team::reduce(fmaxf(largest, others.largest), -INFINITY, LargerNumber()));
  const float shift = shiftOf(others.largest);
  edge = f.keep(edge - shift);
  float sum = others.sum + (row.hasEdge ? f.term(edge) : 0.0f);
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    if (Team::thread() + k * Team::size() >= row.packs) break;
#pragma unroll
    for (int j = 0; j < N; ++j) {
      held[k][j] = f.keep(held[k][j] - shift);
      sum += f.term(held[k][j]);
    }
  }
  const float whole = f.whole(Team::reduce(static_cast<double>(sum), 0.0, Plus()));

  if (row.hasEdge) math::store(f.finish(edge, whole), y + row.edge);
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    const int64_t i = Team::thread() + k * Team::size();
    if (i >= row.packs) break;
    Pack<E, N> pack;
#pragma unroll
    for (int j = 0; j < N; ++j) math::store(f.finish(held[k][j], whole), &pack.elements[j]);
    to[i] = pack;
  }
  for (int64_t i = rest; !kFits && i < row.packs; i += Team::size()) {
    Pack<E, N> pack = from[i];
#pragma unroll
    for (int j = 0; j < N; ++j) {
      const float kept = f.keep(math::toFloat(pack.elements[j]) - shift);
      math::store(f.finish(kept, whole), &pack.elements[j]);
    }
    to[i] = pack;
  }
}

struct SoftmaxGrad {
  /** What the sum over a row takes of it. */
  __device__ static float term(float y, float dy) { return y * dy; }
  __device__ static float finish(float y, float dy, float sum) { return y * (dy - sum); }
};

struct LogSoftmaxGrad {
  __device__ static float term(float, float dy) { return dy; }
  __device__ static float finish(float y, float dy, float sum) { return dy - expOf(y) * sum; }
};

/** dx = f(y, dy), row by row; dx may be y or dy. */
template <class Team, int N, class E, class F>
__global__ void __launch_bounds__(kRowThreads, kRowBlocks)
    softmaxGradRows(const E* y, const E* dy, E* dx, int64_t rows, int64_t cols, F f) {
  const int64_t index = Team::index();
  if (index >= rows) return;
  y += index * cols;
  dy += index * cols;
  dx += index * cols;
  const Row<Team, N, E> row(y, cols);
  using P = Pack<E, N>;
  const auto* ys = reinterpret_cast<const P*>(y + row.middle);
  const auto* dys = reinterpret_cast<const P*>(dy + row.middle);
  auto* to = reinterpret_cast<P*>(dx + row.middle);
  constexpr int kPacks = kHeld / 2 / N;
  const int64_t rest = Team::thread() + kPacks * Team::size();

  P heldY[kPacks], heldDy[kPacks];
  float edgeY = 0, edgeDy = 0, sum = 0;
  auto add = [&](const P& a, const P& b) {
#pragma unroll
    for (int j = 0; j < N; ++j) {
      sum += f.term(math::toFloat(a.elements[j]), math::toFloat(b.elements[j]));
    }
  };
  if (row.hasEdge) {
    edgeY = math::toFloat(y[row.edge]);
    edgeDy = math::toFloat(dy[row.edge]);
    sum = f.term(edgeY, edgeDy);
  }
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    const int64_t i = Team::thread() + k * Team::size();
    if (i >= row.packs) break;
    heldY[k] = ys[i];
    heldDy[k] = dys[i];
  }
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    if (Team::thread() + k * Team::size() >= row.packs) break;
    add(heldY[k], heldDy[k]);
  }
  for (int64_t i = rest; i < row.packs; i += Team::size()) add(ys[i], dys[i]);
  const auto total = static_cast<float>(Team::reduce(static_cast<double>(sum), 0.0, Plus()));

  auto finish = [&](const P& a, const P& b) {
    P result;
#pragma unroll
    for (int j = 0; j < N; ++j) {
      math::store(f.finish(math::toFloat(a.elements[j]), math::toFloat(b.elements[j]), total),
                  &result.elements[j]);
    }
    return result;
  };
  if (row.hasEdge) math::store(f.finish(edgeY, edgeDy, total), dx + row.edge);
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    const int64_t i = Team::thread() + k * Team::size();
    if (i >= row.packs) break;
    to[i] = finish(heldY[k], heldDy[k]);
  }
  for (int64_t i = rest; i < row.packs; i += Team::size()) to[i] = finish(ys[i], dys[i]);
}

template <class F>
void softmaxOf(Gpu& gpu, const char* name, DType t, In x, Out y, int64_t rows, int64_t cols, F f) {
  withFloating(t, [&](auto element) {
    using E = decltype(element);
    withRows<E>(rows, cols, kHeld / 2, isAlignedAs(x, y), [&](auto team, const Grid& grid, auto n) {
      launch(gpu, name, grid, softmaxRows<decltype(team), decltype(n)::value, E, F>, x.as<E>(),
             y.as<E>(), rows, cols, f);
    });
  });
}

template <class F>
void softmaxGradOf(Gpu& gpu, const char* name, DType t, In y, In dy, Out dx, int64_t rows,
                   int64_t cols, F f) {
  withFloating(t, [&](auto element) {
    using E = decltype(element);
    withRows<E>(rows, cols, kHeld / 2, isAlignedAs(y, dy) && isAlignedAs(y, dx),
                [&](auto team, const Grid& grid, auto n) {
                  launch(gpu, name, grid, softmaxGradRows<decltype(team), decltype(n)::value, E, F>,
                         y.as<E>(), dy.as<E>(), dx.as<E>(), rows, cols, f);
                });
  });
}

}  // namespace

void CudaBackend::addSoftmax() {
  softmax = [this](Type t, In x, Out y, int64_t rows, int64_t cols) {
    softmaxOf(gpu_, "softmax", t, x, y, rows, cols, Softmax());
  };

  softmaxGrad = [this](Type t, In y, In dy, Out dx, int64_t rows, int64_t cols) {
    softmaxGradOf(gpu_, "softmaxGrad", t, y, dy, dx, rows, cols, SoftmaxGrad());
  };

  logSoftmax = [this](Type t, In x, Out y, int64_t rows, int64_t cols) {
    softmaxOf(gpu_, "logSoftmax", t, x, y, rows, cols, LogSoftmax());
  };

  logSoftmaxGrad = [this](Type t, In y, In dy, Out dx, int64_t rows, int64_t cols) {
    softmaxGradOf(gpu_, "logSoftmaxGrad", t, y, dy, dx, rows, cols, LogSoftmaxGrad());
  };
}

}  // namespace gradus
