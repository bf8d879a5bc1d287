// The slots of one row are a run. Runs are summed by a group of lanes each, but a row may have one
// slot or all of them: a run that crosses two multiples of kPiece is split at each that it crosses,
// so that nobody sums more than twice that many slots, and its pieces are added up afterwards.
#include <algorithm>

#include "cuda/device.h"
#include "cuda/launch.h"
#include "cuda/row_sums.h"
#include "runtime/scratch.h"

namespace gradus {

namespace {

constexpr int64_t kPiece = 256;

/** Sorted slots and what they say of runs. */
struct Runs {
  const Slot* slots;
  int64_t n, rows;

  __device__ bool has(int64_t i, int64_t row) const {
    return i >= 0 && i < n && slots[i].row == row;
  }
};

/** Of each piece its sum: the one that begins at slot m * kPiece stands in row 2 m + 1 of partials,
 * and the start of a run, which begins in between, in the row before the next one's. */
template <int N, class E>
__global__ void addRuns(Runs runs, const E* dy, E* dx, float* partials, int64_t cols, int width,
                        int64_t groups) {
  // `width` lanes are a group, which has as many packs of columns.
  const int lane = static_cast<int>(threadIdx.x) % kWarp, member = lane % width;
  const unsigned mask = width == kWarp ? ~0u : ((1u << width) - 1) << (lane - member);
  const int64_t group = (blockIndex() * blockDim.x + threadIdx.x) / width;
  const int64_t begin = group / groups;
  if (begin >= runs.n) return;
  const int64_t row = runs.slots[begin].row;
  if (row >= runs.rows) return;
  const bool starts = !runs.has(begin - 1, row), atMultiple = begin % kPiece == 0;
  if (!starts && !atMultiple) return;
  const int64_t next = begin - begin % kPiece + kPiece, multiple = atMultiple ? begin : next;
  const bool split = runs.has(multiple, row) &&
                     (runs.has(multiple - kPiece, row) || runs.has(multiple + kPiece, row));
  if (!starts && !split) return;
  const int64_t end = split && next < runs.n ? next : runs.n;

  const int64_t column = (group % groups * width + member) * N;
  const bool exists = column < cols;
  E* to = dx + row * cols + column;
  float sums[N] = {};
  if (exists && !split) {
    const Pack<E, N> pack = *reinterpret_cast<const Pack<E, N>*>(to);
#pragma unroll
    for (int i = 0; i < N; ++i) sums[i] = math::toFloat(pack.elements[i]);
  }
  for (int64_t first = begin; first < end; first += width) {
    const int64_t i = first + member;
    const Slot slot = i < end ? runs.slots[i] : Slot{-1, 0};
    const int in = __popc(__ballot_sync(mask, slot.row == row));
#pragma unroll 4
    for (int k = 0; k < in; ++k) {
      const int64_t position = __shfl_sync(mask, slot.position, k, width);
      if (!exists) continue;
      const Pack<E, N> pack = *reinterpret_cast<const Pack<E, N>*>(dy + position * cols + column);
#pragma unroll
      for (int j = 0; j < N; ++j) sums[j] += math::toFloat(pack.elements[j]);
    }
    if (in < width) break;
  }
  if (!exists) return;
  if (split) {
    float* partial = partials + (multiple / kPiece * 2 + (atMultiple ? 1 : 0)) * cols + column;
#pragma unroll
    for (int i = 0; i < N; ++i) partial[i] = sums[i];
  } else {
    Pack<E, N> pack;
#pragma unroll
    for (int i = 0; i < N; ++i) math::store(sums[i], &pack.elements[i]);
    *reinterpret_cast<Pack<E, N>*>(to) = pack;
  }
}

/** Adds the pieces of each run that was split to its row: a thread for each multiple of kPiece and
 * column, of which the run's first works. */
template <class E>
__global__ void addPieces(Runs runs, E* dx, const float* partials, int64_t multiples,
                          int64_t cols) {
  for (int64_t i = threadIndex(); i < multiples * cols; i += threadCount()) {
    const int64_t multiple = i / cols, column = i % cols, at = multiple * kPiece;
    const int64_t row = runs.slots[at].row;
    if (row >= runs.rows || runs.has(at - kPiece, row) || !runs.has(at + kPiece, row)) continue;
    int64_t last = multiple, beyond = multiples;
    while (beyond - last > 1) {
      const int64_t middle = last + (beyond - last) / 2;
      (runs.has(middle * kPiece, row) ? last : beyond) = middle;
    }
    float sum = math::toFloat(dx[row * cols + column]);
    const float* partial = partials + multiple * 2 * cols + column;
    if (runs.has(at - 1, row)) sum += *partial;
#pragma unroll 8
    for (int64_t m = multiple; m <= last; ++m) sum += partial[((m - multiple) * 2 + 1) * cols];
    math::store(sum, dx + row * cols + column);
  }
}

}  // namespace

void addRows(Gpu& gpu, const char* name, const Slot* slots, int64_t n, DType t, In dy, Out dx,
             int64_t rows, int64_t cols) {
  const Runs runs = {slots, n, rows};
  const int64_t multiples = ceilDivide(n, kPiece);
  const bool mayBeSplit = multiples > 1;
  const Scratch<float> partials(gpu.memory(), mayBeSplit ? 2 * multiples * cols : 0);
  withFloating(t, [&](auto element) {
    using E = decltype(element);
    auto run = [&](auto* kernel, int64_t packs) {
      int width = 4;  // with fewer, slots would be read one after another
      while (width < packs && width < kWarp) width *= 2;
      const int64_t groups = ceilDivide(packs, width);
      launch(gpu, name, blocksFor(ceilDivide(n * groups * width, kThreads)), kernel, runs,
             dy.as<E>(), dx.as<E>(), partials.data(), cols, width, groups);
    };
    constexpr int N = kPack<E>;
    if (cols % N == 0 && isAligned(dy) && isAligned(dx)) {
      run(addRuns<N, E>, cols / N);
    } else {
      run(addRuns<1, E>, cols);
    }
    if (!mayBeSplit) return;
    launch(gpu, name, gridFor(gpu, multiples * cols), addPieces<E>, runs, dx.as<E>(),
           partials.data(), multiples, cols);
  });
}

}  // namespace gradus
