// native/cuda/wgmma.h for the host, by the manual's rules. A product's operands are read when it is
// begun, and must be the same still when it is waited for; until then its results are NaN, so that
// a kernel that does not wait is found out. Ends the program where a rule is broken.
#pragma once

#include <array>
#include <map>
#include <memory>

#include "cuda/async_proxy.h"
#include "cuda/ptx.h"

#define GRADUS_WGMMA 1

namespace gradus::ptx {

constexpr int kWarpgroup = 128;

namespace detail {

constexpr int kProductRows = 64, kProductDepth = 16, kMostColumns = 256;

/** What a descriptor says of a matrix in shared memory. */
class Matrix {
 public:
  explicit Matrix(uint64_t bits)
      : start_((bits & 0x3fff) << 4),
        leading_((bits >> 16 & 0x3fff) << 4),
        stride_((bits >> 32 & 0x3fff) << 4),
        swizzle_(static_cast<int>(bits >> 62)) {
    if ((bits >> 49 & 7) != 0) emulator::fail("wgmma: matrices with a base offset");
    // Addresses have 18 bits; so much memory has each of them once.
    const auto base = reinterpret_cast<uintptr_t>(emulator::dynamicShared());
    start_ = base + ((start_ - base) & 0x3ffff);
  }

  /** Where element `along` of the 16 that are multiplied lies in row or column `across`. In the
   * manual's words: transposed matrices are MN-major, others K-major. T = 8 elements. */
  const unsigned char* at(bool transposed, int across, int along) const {
    const auto m = static_cast<uintptr_t>(across), k = static_cast<uintptr_t>(along);
    uintptr_t offset;
    if (swizzle_ == 0) {
      offset = transposed ? m % 8 * 2 + m / 8 * stride_ + k % 8 * 16 + k / 8 * leading_
                          : m % 8 * 16 + m / 8 * stride_ + k % 8 * 2 + k / 8 * leading_;
    } else {
      const uintptr_t width = uintptr_t{256} >> swizzle_;  // bytes: 128, 64, 32
      offset = transposed
                   ? m * 2 % width + m * 2 / width * leading_ + k % 8 * width + k / 8 * stride_
                   : m % 8 * width + m / 8 * stride_ + k * 2;
    }
    uintptr_t address = start_ + offset;
    // Swizzle<B, 4, 3>: of the address, the B bits from 7 on change the B bits from 4 on.
    if (swizzle_ != 0) address ^= (address >> 7 & ((uintptr_t{8} >> (swizzle_ - 1)) - 1)) << 4;
    return reinterpret_cast<const unsigned char*>(address);
  }

 private:
  uintptr_t start_, leading_, stride_;
  int swizzle_;
};

/** A factor as it is read from shared memory. */
class Read {
 public:
  template <class E>
  void take(uint64_t descriptor, bool transposed, int size, float (*to)[kProductDepth]) {
    const Matrix matrix(descriptor);
    for (int i = 0; i < size; ++i) {
      for (int k = 0; k < kProductDepth; ++k) {
        const unsigned char* from = matrix.at(transposed, i, k);
        const unsigned char* chunk = from - reinterpret_cast<uintptr_t>(from) % AsyncProxy::kChunk;
        if ((transposed ? i : k) % 8 == 0) {
          asyncProxy.check(chunk);
          std::array<unsigned char, AsyncProxy::kChunk> bytes;
          std::memcpy(bytes.data(), chunk, bytes.size());
          chunks_.push_back({chunk, bytes});
        }
        E x;
        std::memcpy(&x, from, sizeof(x));
        to[i][k] = math::toFloat(x);
      }
    }
  }

  void check() const {
    for (const auto& [from, bytes] : chunks_) {
      if (std::memcmp(from, bytes.data(), bytes.size()) != 0) {
        emulator::fail("shared memory was written while wgmma reads it");
      }
    }
  }

 private:
  std::vector<std::pair<const unsigned char*, std::array<unsigned char, AsyncProxy::kChunk>>>
      chunks_;
};

/** What the threads of a warpgroup must agree on. */
struct Wanted {
  bool operator==(const Wanted& x) const {
    return a == x.a && b == x.b && columns == x.columns && accumulate == x.accumulate &&
           kind == x.kind;
  }
  uint64_t a, b;
  int columns, accumulate, kind;
};
struct Call {
  Wanted wanted;
  uint32_t a[4];
};
inline Call calls[kMostThreads];

struct Product {
  bool accumulate;
  float a[kProductRows][kProductDepth], b[kMostColumns][kProductDepth];  // b by columns
  Read left, right;
};
inline std::shared_ptr<Product> products[kMostThreads / kWarpgroup];

/** The registers that products under way write. */
struct Accumulator {
  int underWay = 0;
  std::vector<float> values;
};
struct Begun {
  std::shared_ptr<Product> product;
  float* d;
  const uint32_t* a;  // null: it is in shared memory
  uint32_t fragment[4];
};

/** A thread's products. */
class Products {
 public:
  void fence() {
    begin();
    fenced_ = true;
  }
  void commit() {
    begin();
    groups_.push_back(std::move(begun_));
    begun_.clear();
  }

  void add(std::shared_ptr<Product> product, float* d, int size, const uint32_t* a) {
    begin();
    Accumulator& accumulator = accumulators_[d];
    if (!fenced_ && (accumulator.underWay == 0 || a != nullptr)) {
      emulator::fail("registers are given to wgmma and no wgmma.fence came after the last wait");
    }
    if (accumulator.underWay++ == 0) {
      accumulator.values.assign(d, d + size);
      for (int i = 0; i < size; ++i) d[i] = __uint_as_float(kPoison);
    } else if (accumulator.values.size() != static_cast<size_t>(size)) {
      emulator::fail("wgmma of another shape goes on with the registers of one under way");
    }
    Begun begun = {std::move(product), d, a, {}};
    if (a != nullptr) std::memcpy(begun.fragment, a, sizeof(begun.fragment));
    begun_.push_back(std::move(begun));
  }

  void wait(size_t left) {
    begin();
    for (; groups_.size() > left; groups_.pop_front()) {
      for (const Begun& begun : groups_.front()) finish(begun);
    }
    fenced_ = false;
  }

 private:
  static constexpr unsigned kPoison = 0x7fc0dead;

  void begin() {
    if (block_ == emulator::blockNumber()) return;
    if (!begun_.empty() || !groups_.empty()) emulator::fail("a block before this one did not wait");
    block_ = emulator::blockNumber();
    fenced_ = false;
  }

  void finish(const Begun& begun) {
    const int thread = static_cast<int>(threadIdx.x) % kWarpgroup, lane = thread % kLanes;
    if (lane == 0) {
      begun.product->left.check();
      begun.product->right.check();
    }
    if (begun.a != nullptr && std::memcmp(begun.a, begun.fragment, sizeof(begun.fragment)) != 0) {
      emulator::fail("registers were written while wgmma reads them");
    }
    Accumulator& accumulator = accumulators_.at(begun.d);
    for (size_t i = 0; i < accumulator.values.size(); ++i) {
      const size_t row =
          static_cast<size_t>(thread) / kLanes * 16 + static_cast<size_t>(lane) / 4 + i / 2 % 2 * 8;
      const size_t column = i / 4 * 8 + static_cast<size_t>(lane) % 4 * 2 + i % 2;
      const float *a = begun.product->a[row], *b = begun.product->b[column];
      float sum = begun.product->accumulate ? accumulator.values[i] : 0.0f;
      for (int k = 0; k < kProductDepth; ++k) sum += a[k] * b[k];
      accumulator.values[i] = sum;
    }
    if (--accumulator.underWay > 0) return;
    for (size_t i = 0; i < accumulator.values.size(); ++i) {
      if (__float_as_uint(begun.d[i]) != kPoison) {
        emulator::fail("registers were written while wgmma writes them");
      }
      begun.d[i] = accumulator.values[i];
    }
    accumulators_.erase(begun.d);
  }

  uint64_t block_ = 0;
  bool fenced_ = false;
  std::map<float*, Accumulator> accumulators_;
  std::vector<Begun> begun_;
  std::deque<std::vector<Begun>> groups_;
};
inline Products productsOf[kMostThreads];

/** What the warpgroup of this thread begins. */
template <class E, bool LeftTransposed, bool RightTransposed>
std::shared_ptr<Product> beginProduct(const Wanted& wanted, const uint32_t* a) {
  const int me = thread(), first = me / kWarpgroup * kWarpgroup;
  calls[me].wanted = wanted;
  if (a != nullptr) std::memcpy(calls[me].a, a, sizeof(calls[me].a));
  emulator::meetWarpgroup();
  if (!(calls[first].wanted == wanted)) emulator::fail("a warpgroup's threads call wgmma unalike");
  std::shared_ptr<Product>& shared = products[first / kWarpgroup];
  if (me == first) {
    shared = std::make_shared<Product>();
    shared->accumulate = wanted.accumulate != 0;
    shared->right.take<E>(wanted.b, RightTransposed, wanted.columns, shared->b);
    if (a == nullptr) shared->left.take<E>(wanted.a, LeftTransposed, kProductRows, shared->a);
    for (int t = 0; a != nullptr && t < kWarpgroup; ++t) {
      for (int i = 0; i < 4; ++i) {
        const int row = t / kLanes * 16 + t % kLanes / 4 + i % 2 * 8;
        unpack<E>(calls[first + t].a[i], &shared->a[row][t % 4 * 2 + i / 2 * 8]);
      }
    }
  }
  emulator::meetWarpgroup();
  return shared;
}

}  // namespace detail

inline void fenceAsync() { detail::asyncProxy.fence(detail::thread()); }

inline void wgmmaFence() {
  __syncwarp();
  detail::productsOf[detail::thread()].fence();
}

inline void wgmmaCommit() {
  __syncwarp();
  detail::productsOf[detail::thread()].commit();
}

template <int N, int Columns>
void wgmmaWait(float (&)[Columns][4]) {
  __syncwarp();
  detail::productsOf[detail::thread()].wait(N);
}

template <class E, bool LeftTransposed, bool RightTransposed, int N>
void wgmma(float (&d)[N][4], uint64_t a, uint64_t b, int accumulate) {
  const detail::Wanted wanted = {a, b, 8 * N, accumulate, LeftTransposed + 2 * RightTransposed};
  detail::productsOf[detail::thread()].add(
      detail::beginProduct<E, LeftTransposed, RightTransposed>(wanted, nullptr), &d[0][0], 4 * N,
      nullptr);
}

template <class E, bool RightTransposed, int N>
void wgmma(float (&d)[N][4], const uint32_t (&a)[4], uint64_t b, int accumulate) {
  const detail::Wanted wanted = {0, b, 8 * N, accumulate, 4 + 2 * RightTransposed};
  detail::productsOf[detail::thread()].add(
      detail::beginProduct<E, false, RightTransposed>(wanted, a), &d[0][0], 4 * N, a);
}

}  // namespace gradus::ptx
