// Rotary positions (Su et al. 2021), in the half-split layout of Hugging Face: element i of a head
// turns with element i + size / 2, by position * theta^(-2i / size).
//
// Bytes are all they should cost, so each cosine and sine is computed once for all heads of a row,
// and each power once for all rows of a block.
#include <algorithm>
#include <cmath>

#include "cuda/backend.h"
#include "cuda/device.h"
#include "cuda/launch.h"
#include "math/functions.h"

namespace gradus {

namespace {

/** Where each row stands. */
struct Positions {
  const int32_t* narrow;
  const int64_t* wide;
  int64_t first, time;  // where there is neither

  __device__ int64_t operator[](int64_t row) const {
    if (narrow != nullptr) return narrow[row];
    return wide != nullptr ? wide[row] : first + row % time;
  }
};

/** How a row is made up: heads whose halves turn, and what stays. */
struct Layout {
  int64_t rows, width;
  int heads, half, rest;  // of rest, what is to be copied
};

constexpr int kMostHalf = 512;  // elements of half a head that a block takes together
constexpr int kMostRows = 16;

template <int N, class E>
__global__ void rotateHeads(const E* x, E* y, Positions positions, Layout layout, int together,
                            double theta, double sign) {
  // Of the block's piece of half a head, the frequencies, then for each row the turns.
  GRADUS_SHARED(shared);
  const int from = static_cast<int>(blockIdx.y) * kMostHalf;
  const int piece = layout.half - from < kMostHalf ? layout.half - from : kMostHalf;
  auto* frequencies = reinterpret_cast<double*>(shared);
  auto* turns = reinterpret_cast<math::Turn*>(frequencies + piece);
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  for (int i = thread; i < piece; i += threads) {
    frequencies[i] = std::pow(theta, static_cast<double>(-(from + i)) / layout.half);
  }
  const int packs = piece / N, turning = layout.heads * packs;
  const int each = turning + (blockIdx.y == 0 ? layout.rest / N : 0);
  const int64_t step = int64_t{gridDim.x} * together;
  for (int64_t first = int64_t{blockIdx.x} * together; first < layout.rows; first += step) {
    const int rows =
        layout.rows - first < together ? static_cast<int>(layout.rows - first) : together;
    __syncthreads();
    for (int k = thread; k < rows * piece; k += threads) {
      const double position = static_cast<double>(positions[first + k / piece]);
      turns[k] = math::turn(sign * position * frequencies[k % piece]);
    }
    __syncthreads();
    for (int k = thread; k < rows * each; k += threads) {
      const int row = k / each, item = k - row * each;
      const int64_t start = (first + row) * layout.width;
      if (item >= turning) {
        const int64_t at = start + 2 * layout.heads * layout.half + (item - turning) * N;
        *reinterpret_cast<Pack<E, N>*>(y + at) = *reinterpret_cast<const Pack<E, N>*>(x + at);
        continue;
      }
      const int head = item / packs, i = (item - head * packs) * N;
      const int64_t at = start + 2 * head * layout.half + from + i;
      auto lower = *reinterpret_cast<const Pack<E, N>*>(x + at);
      auto upper = *reinterpret_cast<const Pack<E, N>*>(x + at + layout.half);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        const math::Turn t = turns[row * piece + i + j];
        const float a = math::toFloat(lower.elements[j]), b = math::toFloat(upper.elements[j]);
        math::store(a * t.cosine - b * t.sine, &lower.elements[j]);
        math::store(b * t.cosine + a * t.sine, &upper.elements[j]);
      }
      *reinterpret_cast<Pack<E, N>*>(y + at) = lower;
      *reinterpret_cast<Pack<E, N>*>(y + at + layout.half) = upper;
    }
  }
}

template <int N, class E>
void rotate(Gpu& gpu, const E* x, E* y, const Positions& positions, const Layout& layout,
            double theta, bool inverse) {
  // As many rows at once as give each thread a few packs.
  constexpr int64_t kPacks = 4 * kThreads;
  const int64_t packs = (layout.heads * layout.half + layout.rest) / N;
  const int64_t together = std::clamp<int64_t>(kPacks / std::max<int64_t>(packs, 1), 1, kMostRows);
  const int64_t piece = std::min(layout.half, kMostHalf);
  const int64_t shared = piece * 8 + together * piece * static_cast<int64_t>(sizeof(math::Turn));
  Grid grid = gridFor(gpu, ceilDivide(layout.rows, together) * kThreads);
  grid.blocks.y = static_cast<unsigned>(std::max<int64_t>(ceilDivide(layout.half, kMostHalf), 1));
  grid.shared = shared;
  launch(gpu, "rotary", grid, rotateHeads<N, E>, x, y, positions, layout, together, theta,
         inverse ? -1.0 : 1.0);
}

}  // namespace

void CudaBackend::addPositions() {
  rotary = [this](Type t, In x, Type positionType, In positions, int64_t first, Out y, int64_t rows,
                  int64_t time, int64_t width, int64_t heads, int64_t size, double theta,
                  bool inverse) {
    withFloating(t, [&](auto element) {
      using E = decltype(element);
      constexpr int N = kPack<E>;
      const bool narrow = positionType == DType::I32;
      const Positions places = {narrow ? positions.as<int32_t>() : nullptr,
                                narrow ? nullptr : positions.as<int64_t>(), first, time};
      const int64_t rest = x.address == y.address ? 0 : width - heads * size;
      const Layout layout = {rows, width, static_cast<int>(heads), static_cast<int>(size / 2),
                             static_cast<int>(rest)};
      if (isAligned(x) && isAligned(y) && width % N == 0 && size / 2 % N == 0) {
        rotate<N>(gpu_, x.as<E>(), y.as<E>(), places, layout, theta, inverse);
      } else {
        rotate<1>(gpu_, x.as<E>(), y.as<E>(), places, layout, theta, inverse);
      }
    });
  };
}

}  // namespace gradus
