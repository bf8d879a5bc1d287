// The instructions that C++ has no words for: products of tensor cores, the loads that feed them,
// copies that go on while a kernel computes. A warp calls each of the first three together.
//
// Of lane l with g = l / 4 and t = l % 4, two neighbouring elements in 32 bits:
//   a (16 x 16): (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8)
//   b (16 x 8):  (2t, g), (2t + 8, g), of which the neighbours are one below the other
//   c (16 x 8):  (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1), each a float
// Tests compile emulator/cuda/ptx.h in this one's place.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "math/types.h"

namespace gradus::ptx {

/** c += a b, for BF16 or F16. */
template <class E>
__device__ inline void mma(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if constexpr (std::is_same_v<E, BF16>) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  } else {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
}

/** Of shared memory, in bytes, as these instructions take it. */
using Address = uint32_t;
__device__ inline Address addressOf(const void* shared) {
  return static_cast<Address>(__cvta_generic_to_shared(shared));
}

/** Four 8 x 8 matrices: lane l gives the address of row l % 8 of matrix l / 8, 16 bytes, and gets
 * elements (g, 2t) and (g, 2t + 1) of each. */
__device__ inline void ldmatrix(uint32_t (&x)[4], Address shared) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
               : "r"(shared)
               : "memory");
}

/** The same with each matrix transposed: elements (2t, g) and (2t + 1, g). */
__device__ inline void ldmatrixTrans(uint32_t (&x)[4], Address shared) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
               : "r"(shared)
               : "memory");
}

/** Begins to copy 8 or 16 bytes; where they are not `there`, zeros. */
template <int Bytes>
__device__ inline void cpAsync(Address shared, const void* global, bool there) {
  const int read = there ? Bytes : 0;
  if constexpr (Bytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared), "l"(global),
                 "r"(read)
                 : "memory");
  } else {
    static_assert(Bytes == 8, "8 or 16");
    asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(shared), "l"(global),
                 "r"(read)
                 : "memory");
  }
}

/** Makes a group of the copies that this thread began since the last one. */
__device__ inline void cpAsyncCommit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/** Until at most the latest N groups of this thread are under way. */
template <int N>
__device__ inline void cpAsyncWait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

/** 2^x, to 2 units in the last place; below 2^-126 it is 0. */
__device__ inline float exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/** Two elements, the first in the lower half. */
template <class E>
__device__ inline uint32_t pack(float first, float second) {
  uint32_t bits;
  if constexpr (std::is_same_v<E, BF16>) {
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(second), "f"(first));
  } else {
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(second), "f"(first));
  }
  return bits;
}

}  // namespace gradus::ptx
