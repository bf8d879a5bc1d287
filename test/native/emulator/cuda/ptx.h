// native/cuda/ptx.h for the host, with the same maps of fragments. A copy's bytes arrive when its
// thread waits for them and not before, so that a kernel that forgets to wait is found out.
#pragma once

#include <cuda_runtime.h>

#include <cmath>
#include <deque>
#include <type_traits>
#include <vector>

#include "cuda/async_proxy.h"
#include "math/types.h"

namespace gradus::ptx {

namespace detail {

constexpr int kLanes = 32;

/** What the lanes of a warp show each other. */
struct Fragments {
  float a[8], b[4];
};
inline Fragments fragments[kMostThreads];
inline const void* addresses[kMostThreads];

struct Copy {
  void* to;
  const void* from;  // null: zeros
  size_t bytes;
};
using Copies = std::vector<Copy>;
struct Pending {
  Copies begun;
  std::deque<Copies> groups;
};
inline Pending pending[kMostThreads];

inline int thread() { return static_cast<int>(threadIdx.x); }
inline int firstOfWarp() { return thread() / kLanes * kLanes; }

template <class E>
void unpack(uint32_t bits, float* x) {
  x[0] = math::toFloat(E{static_cast<uint16_t>(bits)});
  x[1] = math::toFloat(E{static_cast<uint16_t>(bits >> 16)});
}

inline uint32_t element(const void* row, int column) {
  uint16_t bits;
  std::memcpy(&bits, static_cast<const char*>(row) + 2 * column, sizeof(bits));
  return bits;
}

}  // namespace detail

using Address = uintptr_t;
inline Address addressOf(const void* shared) { return reinterpret_cast<Address>(shared); }

template <class E>
void mma(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  const int first = detail::firstOfWarp(), lane = detail::thread() - first;
  detail::Fragments& mine = detail::fragments[detail::thread()];
  for (int i = 0; i < 4; ++i) detail::unpack<E>(a[i], mine.a + 2 * i);
  detail::unpack<E>(b0, mine.b);
  detail::unpack<E>(b1, mine.b + 2);
  __syncwarp();
  const int g = lane / 4, t = lane % 4;
  for (int i = 0; i < 4; ++i) {
    const int below = i / 2, column = 2 * t + i % 2;
    for (int k = 0; k < 16; ++k) {  // who holds (row, k) of a and (k, column) of b
      const int owner = k % 8 / 2, right = k / 8;
      const float left = detail::fragments[first + 4 * g + owner].a[4 * right + 2 * below + k % 2];
      c[i] += left * detail::fragments[first + 4 * column + owner].b[2 * right + k % 2];
    }
  }
  __syncwarp();
}

inline void ldmatrix(uint32_t (&x)[4], Address shared) {
  const int first = detail::firstOfWarp(), lane = detail::thread() - first;
  detail::addresses[detail::thread()] = reinterpret_cast<const void*>(shared);
  __syncwarp();
  for (int i = 0; i < 4; ++i) {
    const void* row = detail::addresses[first + 8 * i + lane / 4];
    const int column = lane % 4 * 2;
    x[i] = detail::element(row, column) | detail::element(row, column + 1) << 16;
  }
  __syncwarp();
}

inline void ldmatrixTrans(uint32_t (&x)[4], Address shared) {
  const int first = detail::firstOfWarp(), lane = detail::thread() - first;
  detail::addresses[detail::thread()] = reinterpret_cast<const void*>(shared);
  __syncwarp();
  for (int i = 0; i < 4; ++i) {
    const void* const* rows = detail::addresses + first + 8 * i + lane % 4 * 2;
    x[i] = detail::element(rows[0], lane / 4) | detail::element(rows[1], lane / 4) << 16;
  }
  __syncwarp();
}

template <int Bytes>
void cpAsync(Address shared, const void* global, bool there) {
  static_assert(Bytes == 8 || Bytes == 16, "8 or 16");
  detail::pending[detail::thread()].begun.push_back(
      {reinterpret_cast<void*>(shared), there ? global : nullptr, Bytes});
}

inline void cpAsyncCommit() {
  detail::Pending& mine = detail::pending[detail::thread()];
  mine.groups.push_back(std::move(mine.begun));
  mine.begun.clear();
}

template <int N>
void cpAsyncWait() {
  detail::Pending& mine = detail::pending[detail::thread()];
  for (; mine.groups.size() > N; mine.groups.pop_front()) {
    for (const detail::Copy& copy : mine.groups.front()) {
      if (copy.from == nullptr) {
        std::memset(copy.to, 0, copy.bytes);
      } else {
        std::memcpy(copy.to, copy.from, copy.bytes);
      }
      detail::asyncProxy.wrote(copy.to, copy.bytes, detail::thread());
    }
  }
}

inline float exp2(float x) {
  const float y = std::exp2(x);
  return y < 0x1p-126f ? 0.0f : y;
}

template <class E>
uint32_t pack(float first, float second) {
  E x[2];
  math::store(first, x);
  math::store(second, x + 1);
  return x[0].bits | static_cast<uint32_t>(x[1].bits) << 16;
}

}  // namespace gradus::ptx
