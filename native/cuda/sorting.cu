// A radix sort from the lowest digit up. Each warp has a segment of the slots, whose number and
// size depend on n alone; as it puts slots behind each other in their order, the sort is stable.
#include <algorithm>
#include <utility>

#include "cuda/device.h"
#include "cuda/launch.h"
#include "cuda/sorting.h"
#include "runtime/scratch.h"

namespace gradus {

namespace {

constexpr int kBits = 8, kDigits = 1 << kBits, kDigitsPerLane = kDigits / kWarp;

struct Segments {
  explicit Segments(int64_t n) {
    constexpr int64_t kMost = 4096, kSlots = 512;
    size = std::max(kSlots, ceilDivide(ceilDivide(n, kMost), kWarp) * kWarp);
    count = ceilDivide(n, size);
  }
  int64_t size, count;
};

__device__ int digitOf(const Slot& slot, int shift) {
  return static_cast<int>(slot.row >> shift & (kDigits - 1));
}

/** The sum of x over this lane and those below it. */
__device__ int64_t sumUpTo(int64_t x, int lane) {
#pragma unroll
  for (int delta = 1; delta < kWarp; delta *= 2) {
    const int64_t other = __shfl_up_sync(~0u, x, delta);
    if (lane >= delta) x += other;
  }
  return x;
}

/** counts (digits, segments): how often a digit occurs in each segment. A block is one warp. */
__global__ void countDigits(const Slot* slots, int64_t n, int64_t size, int shift,
                            int64_t* counts) {
  __shared__ unsigned found[kDigits];
  const int lane = static_cast<int>(threadIdx.x);
  for (int digit = lane; digit < kDigits; digit += kWarp) found[digit] = 0;
  __syncwarp();
  const int64_t begin = blockIdx.x * size, end = begin + size < n ? begin + size : n;
  for (int64_t i = begin + lane; i < end; i += kWarp) {
    atomicAdd(&found[digitOf(slots[i], shift)], 1u);
  }
  __syncwarp();
  for (int digit = lane; digit < kDigits; digit += kWarp) {
    counts[static_cast<int64_t>(digit) * gridDim.x + blockIdx.x] = found[digit];
  }
}

/** Makes of each count what stands before it in its row, and in totals the row's sum. Each warp has
 * a digit. */
__global__ void sumDigits(int64_t* counts, int64_t segments, int64_t* totals) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t digit = threadIndex() / kWarp;
  int64_t before = 0;
  for (int64_t first = 0; first < segments; first += kWarp) {
    int64_t* count = counts + digit * segments + first + lane;
    const bool exists = first + lane < segments;
    const int64_t own = exists ? *count : 0, upTo = sumUpTo(own, lane);
    if (exists) *count = before + upTo - own;
    before += __shfl_sync(~0u, upTo, kWarp - 1);
  }
  if (lane == 0) totals[digit] = before;
}

/** Puts the slots of a segment where their digits belong. A block is one warp. */
__global__ void moveSlots(const Slot* slots, Slot* to, int64_t n, int64_t size, int shift,
                          const int64_t* counts, const int64_t* totals) {
  __shared__ int64_t next[kDigits];
  const int lane = static_cast<int>(threadIdx.x);
  int64_t own[kDigitsPerLane], sum = 0;
#pragma unroll
  for (int i = 0; i < kDigitsPerLane; ++i) {
    own[i] = totals[lane * kDigitsPerLane + i];
    sum += own[i];
  }
  int64_t before = sumUpTo(sum, lane) - sum;
#pragma unroll
  for (int i = 0; i < kDigitsPerLane; ++i) {
    const int digit = lane * kDigitsPerLane + i;
    next[digit] = before + counts[static_cast<int64_t>(digit) * gridDim.x + blockIdx.x];
    before += own[i];
  }
  __syncwarp();
  const int64_t begin = blockIdx.x * size, end = begin + size < n ? begin + size : n;
  for (int64_t first = begin; first < end; first += kWarp) {
    const bool exists = first + lane < end;
    const Slot slot = exists ? slots[first + lane] : Slot{};
    const int digit = exists ? digitOf(slot, shift) : kDigits;
    const unsigned same = __match_any_sync(~0u, digit);
    const int rank = __popc(same & ((1u << lane) - 1));
    if (exists) to[next[digit] + rank] = slot;
    __syncwarp();
    if (exists && rank == 0) next[digit] += __popc(same);
    __syncwarp();
  }
}

}  // namespace

Slot* sortByRow(Gpu& gpu, const char* name, Slot* slots, Slot* spare, int64_t n, int64_t largest) {
  const Segments segments(n);
  const Scratch<int64_t> counts(gpu.memory(), kDigits * segments.count);
  const Scratch<int64_t> totals(gpu.memory(), kDigits);
  const Grid warps = blocksFor(segments.count, kWarp);
  for (int shift = 0; shift < 63 && largest >> shift != 0; shift += kBits) {
    launch(gpu, name, warps, countDigits, slots, n, segments.size, shift, counts.data());
    launch(gpu, name, blocksFor(kDigits * kWarp / kThreads), sumDigits, counts.data(),
           segments.count, totals.data());
    launch(gpu, name, warps, moveSlots, slots, spare, n, segments.size, shift, counts.data(),
           totals.data());
    std::swap(slots, spare);
  }
  return slots;
}

}  // namespace gradus
