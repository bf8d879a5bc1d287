// Sums and maxima over any axes.
//
// Results depend on the sizes alone. A long reduction to few results is cut into chunks, whose
// totals are joined by a second kernel. A thread takes packs of consecutive elements, as many as 16
// bytes hold, and where they are not aligned it loads the same ones one by one.
#include <algorithm>

#include "cuda/backend.h"
#include "cuda/loops.h"
#include "cuda/reductions.h"
#include "cuda/teams.h"

namespace gradus {

namespace {

using Axes = detail::Strides<2>;  // of x and of y

/** How the n elements of each result are cut, so that there are about as many tasks as it takes to
 * fill a large device: by sizes alone, and not into chunks of less than `least`. */
struct Cut {
  Cut(int64_t n, int64_t least, int64_t tasks) {
    constexpr int64_t kTasks = 1024, kUnit = 16;  // whole packs of every type
    const int64_t wanted = std::min(ceilDivide(n, least), ceilDivide(kTasks, tasks));
    size = ceilDivide(ceilDivide(n, std::max<int64_t>(wanted, 1)), kUnit) * kUnit;
    count = n == 0 ? 1 : ceilDivide(n, size);
  }
  int64_t size, count;
};

constexpr int kAtOnce = 4;  // packs that a thread loads before it needs the first

/** One chunk of one result for each team, whose threads have packs side by side. */
template <class Team, class Op>
__global__ void reduceAlong(const typename Op::Element* x, typename Op::Result* y,
                            typename Op::Total* totals, Axes kept, Axes reduced, int64_t results,
                            int64_t n, Cut cut, bool aligned, Op op) {
  using E = typename Op::Element;
  using Value = typename Op::Value;
  using Total = typename Op::Total;
  constexpr int N = kPack<E>;
  const int64_t task = Team::index(), result = task % results, chunk = task / results;
  if (chunk >= cut.count) return;
  const int64_t begin = chunk * cut.size, end = begin + cut.size < n ? begin + cut.size : n;
  const int64_t step = N * Team::size();
  int64_t base[2];
  kept.offsets(result, base);

  Total total = Op::kNothing;
  for (int64_t first = begin + N * Team::thread(); first < end; first += kAtOnce * step) {
    Pack<E, N> packs[kAtOnce];
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) {
      const int64_t i = first + k * step;
      if (aligned && i + N <= end) packs[k] = *reinterpret_cast<const Pack<E, N>*>(x + base[0] + i);
    }
    Value value = Op::kNothing;
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) {
      const int64_t i = first + k * step;
      Value part = Op::kNothing;
      if (aligned && i + N <= end) {
#pragma unroll
        for (int j = 0; j < N; ++j) part = op(part, Op::of(packs[k].elements[j]));
      } else {
        for (int64_t j = i; j < i + N && j < end; ++j) {
          int64_t at[2];
          reduced.offsets(j, at);
          part = op(part, Op::of(x[base[0] + at[0]]));
        }
      }
      value = op(value, part);
    }
    total = op(total, static_cast<Total>(value));
  }
  total = Team::reduce(total, static_cast<Total>(Op::kNothing), op);
  if (Team::thread() != 0) return;
  if (totals != nullptr) {
    totals[task] = total;
  } else {
    op.store(total, y + base[1]);
  }
}

/** How a block's threads share the results that lie side by side along the innermost axis: `width`
 * of them have a pack of results each, and `lanes` take turns at the reduced elements. */
struct Sharing {
  Sharing(int64_t cols, int pack) : cols(cols), width(1) {
    const int64_t packs = ceilDivide(cols, pack);
    while (width < kWarp && width < packs) width *= 2;
    lanes = kThreads / width;
    pieces = ceilDivide(packs, width);
  }
  int64_t cols, pieces;
  int width, lanes;
};

template <class Op>
__global__ void reduceColumns(const typename Op::Element* x, typename Op::Result* y,
                              typename Op::Total* totals, Axes kept, Axes reduced, int64_t results,
                              int64_t n, Cut cut, Sharing sharing, bool aligned, Op op) {
  using E = typename Op::Element;
  using Value = typename Op::Value;
  using Total = typename Op::Total;
  constexpr int N = kPack<E>;
  const int64_t cols = sharing.cols, outers = results / cols;
  const int64_t piece = blockIndex() % sharing.pieces, rest = blockIndex() / sharing.pieces;
  const int64_t outer = rest % outers, chunk = rest / outers;
  if (chunk >= cut.count) return;
  const int64_t begin = chunk * cut.size, end = begin + cut.size < n ? begin + cut.size : n;
  const int lane = static_cast<int>(threadIdx.x) / sharing.width, lanes = sharing.lanes;
  const int64_t column = (piece * sharing.width + threadIdx.x % sharing.width) * N;
  const bool whole = aligned && column + N <= cols;
  const int64_t step = kept.strides[0][kept.rank - 1];
  int64_t base[2];
  kept.offsets(outer * cols, base);
  x += base[0] + column * step;

  Total sums[N];
#pragma unroll
  for (int j = 0; j < N; ++j) sums[j] = Op::kNothing;
  for (int64_t first = begin + lane; first < end; first += kAtOnce * lanes) {
    Pack<E, N> packs[kAtOnce];
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) {
      const int64_t i = first + k * lanes;
      if (i >= end) break;
      int64_t at[2];
      reduced.offsets(i, at);
      if (whole) {
        packs[k] = *reinterpret_cast<const Pack<E, N>*>(x + at[0]);
      } else {
#pragma unroll
        for (int j = 0; j < N; ++j) {
          if (column + j < cols) packs[k].elements[j] = x[at[0] + j * step];
        }
      }
    }
#pragma unroll
    for (int j = 0; j < N; ++j) {
      if (column + j >= cols) break;
      Value value = Op::kNothing;
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) {
        if (first + k * lanes < end) value = op(value, Op::of(packs[k].elements[j]));
      }
      sums[j] = op(sums[j], static_cast<Total>(value));
    }
  }

  __shared__ Total shared[kThreads * N];
  Total* const own = shared + threadIdx.x * N;
#pragma unroll
  for (int j = 0; j < N; ++j) own[j] = sums[j];
  for (int half = lanes / 2; half > 0; half /= 2) {
    __syncthreads();
    if (lane >= half) continue;
    for (int j = 0; j < N; ++j) own[j] = op(own[j], own[half * sharing.width * N + j]);
  }
  if (lane != 0) return;
  for (int j = 0; j < N && column + j < cols; ++j) {
    if (totals != nullptr) {
      totals[chunk * results + outer * cols + column + j] = own[j];
    } else {
      op.store(own[j], y + base[1] + (column + j) * kept.strides[1][kept.rank - 1]);
    }
  }
}

/** The chunks of each result, in an order that depends on their count alone. */
template <class Team, class Op>
__global__ void joinTotals(const typename Op::Total* totals, typename Op::Result* y, Axes kept,
                           int64_t results, int64_t count, Op op) {
  const int64_t result = Team::index();
  if (result >= results) return;
  typename Op::Total total = Op::kNothing;
  for (int64_t c = Team::thread(); c < count; c += Team::size()) {
    total = op(total, totals[c * results + result]);
  }
  total = Team::reduce(total, static_cast<typename Op::Total>(Op::kNothing), op);
  if (Team::thread() != 0) return;
  int64_t at[2];
  kept.offsets(result, at);
  op.store(total, y + at[1]);
}

/** Whether all axes but one of stride 1, the last of `inner`, keep x in steps of whole packs. */
bool keepsAligned(In x, int pack, const Space& outer, const Space& inner) {
  bool aligned = isAligned(x) && inner.innerStride(0) == 1;
  for (int axis = 0; axis < outer.rank; ++axis) aligned &= outer.strides[0][axis] % pack == 0;
  for (int axis = 0; axis < inner.rank - 1; ++axis) aligned &= inner.strides[0][axis] % pack == 0;
  return aligned;
}

/** Reduces x over the axes where y's stride is 0. */
template <class Op>
void reduce(Gpu& gpu, const char* name, In x, Out y, const Space& space, Op op) {
  using E = typename Op::Element;
  using R = typename Op::Result;
  using Total = typename Op::Total;
  constexpr int N = kPack<E>;
  constexpr int64_t kAlone = 32, kWarpElements = 2048;  // up to which one or 32 threads serve
  const Space kept = axesOf(space, true), reduced = axesOf(space, false);
  const int64_t results = sizeOf(kept), n = sizeOf(reduced);
  if (results == 0) return;
  const bool sideBySide = n > kAlone && space.innerStride(1) != 0;
  const Sharing sharing(kept.sizes[kept.rank - 1], N);
  const int64_t tasks = sideBySide ? results / sharing.cols * sharing.pieces : results;
  const Cut cut(n, sideBySide ? 16 * sharing.lanes : 64 * kThreads, tasks);
  const Scratch<Total> totals(gpu.memory(), cut.count == 1 ? 0 : cut.count * results);

  const E* from = x.as<E>();
  R* to = y.as<R>();
  auto along = [&](auto team) {
    const bool aligned = reduced.rank == 1 && keepsAligned(x, N, kept, reduced);
    launch(gpu, name, team.over(cut.count * results), reduceAlong<decltype(team), Op>, from, to,
           totals.data(), Axes(kept), Axes(reduced), results, n, cut, aligned, op);
  };
  if (sideBySide) {
    launch(gpu, name, blocksFor(cut.count * tasks), reduceColumns<Op>, from, to, totals.data(),
           Axes(kept), Axes(reduced), results, n, cut, sharing, keepsAligned(x, N, reduced, kept),
           op);
  } else {
    n <= kAlone ? along(Alone()) : n <= kWarpElements ? along(Warp()) : along(Block());
  }
  if (cut.count == 1) return;
  auto join = [&](auto team) {
    launch(gpu, name, team.over(results), joinTotals<decltype(team), Op>, totals.data(), to,
           Axes(kept), results, cut.count, op);
  };
  cut.count < kWarp ? join(Alone()) : join(Warp());
}

struct Smaller {
  __device__ int64_t operator()(int64_t a, int64_t b) const { return a < b ? a : b; }
};

/** The first of the largest of n elements `inner` apart, for each team. */
template <class Team, class E>
__global__ void argmaxOf(const E* x, int64_t* y, int64_t results, int64_t n, int64_t inner) {
  using Op = Max<E>;
  using Value = typename Op::Value;
  const int64_t result = Team::index();
  if (result >= results) return;
  const E* from = x + result / inner * n * inner + result % inner;
  Value best = Op::kNothing;
  int64_t index = n;
  for (int64_t i = Team::thread(); i < n; i += Team::size()) {
    const Value value = Op::of(from[i * inner]);
    if (value > best || (value != value && best == best) || index == n) {
      best = value;
      index = i;
    }
  }
  const Value largest = Team::reduce(best, Op::kNothing, Op());
  const bool wins = largest == best || (largest != largest && best != best);
  index = Team::reduce(wins ? index : n, n, Smaller());
  if (Team::thread() == 0) y[result] = index;
}

}  // namespace

void CudaBackend::addReductions() {
  sum = [this](Type t, In x, Out y, int64_t yn, double scale, Dims dims) {
    withFloating(t, [&](auto element) {
      reduce(gpu_, "sum", x, y, Space(dims, 2, yn), Sum<decltype(element)>{scale});
    });
  };

  max = [this](Type t, In x, Out y, int64_t yn, Dims dims) {
    withElement(t, [&](auto element) {
      reduce(gpu_, "max", x, y, Space(dims, 2, yn), Max<decltype(element)>());
    });
  };

  argmax = [this](Type t, In x, Out y, int64_t outer, int64_t n, int64_t inner) {
    const int64_t results = outer * inner;
    withElement(t, [&](auto element) {
      using E = decltype(element);
      auto with = [&](auto team) {
        launch(gpu_, "argmax", team.over(results), argmaxOf<decltype(team), E>, x.as<E>(),
               y.as<int64_t>(), results, n, inner);
      };
      inner > 1 ? with(Alone()) : n <= 1024 ? with(Warp()) : with(Block());
    });
  };

  sumSquares = [this](Type t, In x, Out y, int64_t n) {
    Space all(nullptr, 2, n);
    all.strides[1][0] = 0;
    withFloating(t, [&](auto element) {
      reduce(gpu_, "sumSquares", x, y, all, Squares<decltype(element)>());
    });
  };
}

}  // namespace gradus
