// What softmax and cross-entropy ask of one row.
//
// A team of threads moves 16 bytes at a time in the middle of a row, where they are aligned. The
// few elements before and after it have a thread each.
#pragma once

#include <cmath>
#include <type_traits>

#include "cuda/teams.h"

namespace gradus {

/** Up to here a warp goes over a row, beyond it a block. */
constexpr int64_t kWarpCols = 1024;

/** e^x as the device has it. math::exp, made for vectors of a CPU, takes twice the steps, and with
 * elements of two bytes it is the steps that a row takes its time for. */
__device__ inline float expOf(float x) { return std::exp(x); }

/** The larger number: NaN loses. */
struct LargerNumber {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

/** What to subtract from a row before exp: its maximum, or 0 where all of it is -infinity. */
__device__ inline float shiftOf(float largest) { return largest == -INFINITY ? 0.0f : largest; }

/** How a row divides into packs of N elements, from `middle` on, and what lies around them. With
 * packs of one all of it is middle. */
template <class Team, int N, class E>
struct Row {
  __device__ Row(const E* row, int64_t cols) {
    const auto place = static_cast<int64_t>(reinterpret_cast<uintptr_t>(row) / sizeof(E));
    const int64_t before = (N - place % N) % N;
    middle = before < cols ? before : cols;
    packs = (cols - middle) / N;
    const int64_t thread = Team::thread();
    edge = thread < middle ? thread : packs * N + thread;
    hasEdge = edge < cols;
  }

  int64_t middle, packs;
  int64_t edge;  // this thread's element outside the middle
  bool hasEdge;
};

/** Calls f(i, pack) for the thread's packs of a row, where i is the pack's first element. Several
 * are loaded before the first call, which may write over its own. */
template <class Team, int N, class E, class F>
__device__ void eachPack(const E* x, const Row<Team, N, E>& row, F f) {
  constexpr int kAtOnce = N > 4 ? 2 : 4;  // what registers there are
  const auto* packs = reinterpret_cast<const Pack<E, N>*>(x + row.middle);
  for (int64_t first = Team::thread(); first < row.packs; first += kAtOnce * Team::size()) {
    Pack<E, N> loaded[kAtOnce];
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) {
      const int64_t i = first + k * Team::size();
      if (i < row.packs) loaded[k] = packs[i];
    }
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) {
      const int64_t i = first + k * Team::size();
      if (i < row.packs) f(row.middle + i * N, loaded[k]);
    }
  }
}

/** The sum of exp(x - shiftOf(largest)) over what it has seen, in one read. */
struct SumExp {
  float largest = -INFINITY, sum = 0;

  template <class E, int N>
  __device__ void add(const Pack<E, N>& pack) {
    float x[N], most = largest;
#pragma unroll
    for (int j = 0; j < N; ++j) most = fmaxf(most, x[j] = math::toFloat(pack.elements[j]));
    raise(most);
    const float shift = shiftOf(most);
#pragma unroll
    for (int j = 0; j < N; ++j) sum += expOf(x[j] - shift);
  }

  /** For a maximum that is as large or larger. */
  __device__ void raise(float most) {
    if (most > largest) sum *= expOf(largest - most);
    largest = most;
  }

  /** Of all threads, in each of them. */
  template <class Team>
  __device__ double total() {
    raise(Team::reduce(largest, -INFINITY, LargerNumber()));
    return Team::reduce(static_cast<double>(sum), 0.0, Plus());
  }
};

/** Threads of a block at most, and how many such blocks a multiprocessor shall have registers for:
 * one waits for its row's reduction while another reads. */
constexpr int kRowThreads = 512, kRowBlocks = 2;

/** Calls f with the team that goes over a row, in a block each thread over `each` elements or more,
 * with the grid of such teams, and with how many elements to move at once: those in 16 bytes, where
 * the operands' rows are aligned alike. */
template <class E, class F>
void withRows(int64_t rows, int64_t cols, int64_t each, bool aligned, F&& f) {
  using One = std::integral_constant<int, 1>;
  using Many = std::integral_constant<int, kPack<E>>;
  auto with = [&](auto team, const Grid& grid) {
    aligned ? f(team, grid, Many()) : f(team, grid, One());
  };
  const int threads = threadsFor(ceilDivide(cols, each), kRowThreads);
  cols <= kWarpCols ? with(Warp(), Warp::over(rows)) : with(Block(), Block::over(rows, threads));
}

/** Whether 16 bytes begin at the same elements of both. */
inline bool isAlignedAs(In x, In y) { return (x.address - y.address) % 16 == 0; }

}  // namespace gradus
