#include <algorithm>

#include "cuda/indices.h"
#include "cuda/launch.h"
#include "cuda/rows.h"
#include "runtime/scratch.h"

namespace gradus {

namespace {

constexpr int64_t kMostBlocks = kThreads;  // one block goes through what they have found

struct Inside {
  int64_t bound;
  __device__ bool operator()(int64_t index) const { return inside(index, bound); }
};

struct InsideOr {
  int64_t bound, allowed;
  __device__ bool operator()(int64_t index) const {
    return inside(index, bound) || index == allowed;
  }
};

struct Smaller {
  __device__ int64_t operator()(int64_t a, int64_t b) const { return a < b ? a : b; }
};

/** What to write where. */
struct Report {
  Complaint* to;
  const char *what, *place;
  int64_t bound;

  /** For one thread. */
  __device__ void operator()(int64_t value, int64_t position) const {
    volatile Complaint* complaint = to;
    if (complaint->what != nullptr) return;
    complaint->place = place;
    complaint->value = value;
    complaint->position = position;
    complaint->bound = bound;
    __threadfence_system();  // who sees `what` sees the others
    complaint->what = what;
  }
};

/** Of n indices the first that is not good, or n: by a block of its own, or, where there are many
 * blocks, one for each in firsts. */
template <class Index, class Good>
__global__ void __launch_bounds__(kThreads)
    findFirst(const Index* index, int64_t n, Good good, int64_t* firsts, Report report) {
  int64_t first = n;
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    first = good(static_cast<int64_t>(index[i])) || i > first ? first : i;
  }
  if (__syncthreads_or(first < n)) first = blockReduce(first, n, Smaller());
  if (threadIdx.x != 0) return;
  if (gridDim.x > 1) {
    firsts[blockIdx.x] = first;
  } else if (first < n) {
    report(static_cast<int64_t>(index[first]), first);
  }
}

template <class Index>
__global__ void __launch_bounds__(kThreads)
    reportFirst(const Index* index, int64_t n, const int64_t* firsts, int count, Report report) {
  const int block = static_cast<int>(threadIdx.x);
  const int64_t first = blockReduce(block < count ? firsts[block] : n, n, Smaller());
  if (block == 0 && first < n) report(static_cast<int64_t>(index[first]), first);
}

template <class Good>
void check(Gpu& gpu, const char* what, const char* place, DType type, In index, int64_t n,
           int64_t bound, Good good) {
  constexpr int64_t kEach = 16 * kThreads;  // so few are read before a second launch is worth it
  const int64_t blocks = std::min(kMostBlocks, ceilDivide(n, kEach));
  const Scratch<int64_t> firsts(gpu.memory(), blocks > 1 ? blocks : 0);
  const Report report = {gpu.complaint(), what, place, bound};
  withIndex(type, [&](auto kind) {
    using Index = decltype(kind);
    launch(gpu, what, blocksFor(blocks), findFirst<Index, Good>, index.as<Index>(), n, good,
           firsts.data(), report);
    if (blocks <= 1) return;
    launch(gpu, what, blocksFor(1), reportFirst<Index>, index.as<Index>(), n, firsts.data(),
           static_cast<int>(blocks), report);
  });
}

}  // namespace

void checkIndices(Gpu& gpu, const char* what, const char* place, DType type, In index, int64_t n,
                  int64_t bound) {
  check(gpu, what, place, type, index, n, bound, Inside{bound});
}

void checkIndices(Gpu& gpu, const char* what, const char* place, DType type, In index, int64_t n,
                  int64_t bound, int64_t allowed) {
  check(gpu, what, place, type, index, n, bound, InsideOr{bound, allowed});
}

}  // namespace gradus
