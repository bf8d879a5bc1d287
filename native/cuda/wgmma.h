// Products of a warpgroup, as Hopper's tensor cores make them: right factors, and left ones too,
// come straight from shared memory, and threads go on while they are made. A warpgroup is four
// warps, the first of which is a multiple of four; all of its threads call each of these together.
//
// Of thread l of warp w with g = l / 4 and t = l % 4, as in ptx.h, 16 w rows further down:
//   a (64 x 16):  (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8), two neighbours in 32 bits
//   d (64 x 8 n): of columns 8 n on, (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)
//
// What lies in shared memory is given by a descriptor (see panels.h). Tensor cores read it by a way
// of their own: who wrote it calls fenceAsync, then all meet at a barrier. Registers that a product
// reads or writes are its own from wgmmaFence on, which all that was done to them comes before,
// until wgmmaWait. Tests compile emulator/cuda/wgmma.h in this one's place.
#pragma once

#include "cuda/ptx.h"

/** Whether these instructions exist where this is compiled for: they are sm_90a's alone. */
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define GRADUS_WGMMA 1
#endif

namespace gradus::ptx {

constexpr int kWarpgroup = 128;

/** What this thread has written to shared memory comes before what tensor cores read of it. */
__device__ inline void fenceAsync() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/** What this warpgroup has done to registers comes before the products that follow. */
__device__ inline void wgmmaFence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

/** Makes a group of the products that were begun since the last one. */
__device__ inline void wgmmaCommit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

/** Until at most the latest N groups are under way. `done` is what the others have made: nothing
 * moves it to before this. */
template <int N, int Columns>
__device__ inline void wgmmaWait(float (&done)[Columns][4]) {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
#pragma unroll
  for (int n = 0; n < Columns; ++n) {
#pragma unroll
    for (int i = 0; i < 4; ++i) asm volatile("" : "+f"(done[n][i])::"memory");
  }
}

#define GRADUS_LIST_32                                                               \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, " \
  "%18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define GRADUS_LIST_48 \
  GRADUS_LIST_32       \
  ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define GRADUS_LIST_64 \
  GRADUS_LIST_48       \
  ", %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define GRADUS_D(n) "+f"(d[n][0]), "+f"(d[n][1]), "+f"(d[n][2]), "+f"(d[n][3])
#define GRADUS_D_16(n) GRADUS_D(n), GRADUS_D(n + 1), GRADUS_D(n + 2), GRADUS_D(n + 3)
#define GRADUS_D_32 GRADUS_D_16(0), GRADUS_D_16(4)
#define GRADUS_D_48 GRADUS_D_32, GRADUS_D_16(8)
#define GRADUS_D_64 GRADUS_D_48, GRADUS_D_16(12)

// Both factors from shared memory; the operands after d are a, b, accumulate and what is
// transposed.
#define GRADUS_BOTH(shape, type, list, outputs, a_, b_, accumulate_, left_, right_)        \
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" accumulate_                            \
               ", 0;\nwgmma.mma_async.sync.aligned." shape ".f32." type "." type " {" list \
               "}, %" a_ ", %" b_ ", p, 1, 1, %" left_ ", %" right_ ";\n}\n"               \
               : outputs                                                                   \
               : "l"(a), "l"(b), "r"(accumulate), "n"(int{LeftTransposed}),                \
                 "n"(int{RightTransposed})                                                 \
               : "memory")
// The left one from registers.
#define GRADUS_RIGHT(shape, type, list, outputs, a0, a1, a2, a3, b_, accumulate_, right_)     \
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" accumulate_                               \
               ", 0;\nwgmma.mma_async.sync.aligned." shape ".f32." type "." type " {" list    \
               "}, {%" a0 ", %" a1 ", %" a2 ", %" a3 "}, %" b_ ", p, 1, 1, %" right_ ";\n}\n" \
               : outputs                                                                      \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(accumulate),         \
                 "n"(int{RightTransposed})                                                    \
               : "memory")

/** Begins d += a b, or d = a b unless it is to accumulate: 16 columns of a, rows of b. A factor is
 * transposed whose elements lie next to each other along its other side: rows of a, columns of b
 * otherwise have their 16 elements in one place. */
template <class E, bool LeftTransposed, bool RightTransposed, int N>
__device__ inline void wgmma(float (&d)[N][4], uint64_t a, uint64_t b, int accumulate) {
  static_assert(N == 8 || N == 12 || N == 16, "64, 96 or 128 columns");
  if constexpr (std::is_same_v<E, BF16>) {
    if constexpr (N == 8) {
      GRADUS_BOTH("m64n64k16", "bf16", GRADUS_LIST_32, GRADUS_D_32, "32", "33", "34", "35", "36");
    } else if constexpr (N == 12) {
      GRADUS_BOTH("m64n96k16", "bf16", GRADUS_LIST_48, GRADUS_D_48, "48", "49", "50", "51", "52");
    } else {
      GRADUS_BOTH("m64n128k16", "bf16", GRADUS_LIST_64, GRADUS_D_64, "64", "65", "66", "67", "68");
    }
  } else {
    if constexpr (N == 8) {
      GRADUS_BOTH("m64n64k16", "f16", GRADUS_LIST_32, GRADUS_D_32, "32", "33", "34", "35", "36");
    } else if constexpr (N == 12) {
      GRADUS_BOTH("m64n96k16", "f16", GRADUS_LIST_48, GRADUS_D_48, "48", "49", "50", "51", "52");
    } else {
      GRADUS_BOTH("m64n128k16", "f16", GRADUS_LIST_64, GRADUS_D_64, "64", "65", "66", "67", "68");
    }
  }
}

/** The same with a in registers. */
template <class E, bool RightTransposed, int N>
__device__ inline void wgmma(float (&d)[N][4], const uint32_t (&a)[4], uint64_t b, int accumulate) {
  static_assert(N == 8 || N == 12 || N == 16, "64, 96 or 128 columns");
  if constexpr (std::is_same_v<E, BF16>) {
    if constexpr (N == 8) {
      GRADUS_RIGHT("m64n64k16", "bf16", GRADUS_LIST_32, GRADUS_D_32, "32", "33", "34", "35", "36",
                   "37", "38");
    } else if constexpr (N == 12) {
      GRADUS_RIGHT("m64n96k16", "bf16", GRADUS_LIST_48, GRADUS_D_48, "48", "49", "50", "51", "52",
                   "53", "54");
    } else {
      GRADUS_RIGHT("m64n128k16", "bf16", GRADUS_LIST_64, GRADUS_D_64, "64", "65", "66", "67", "68",
                   "69", "70");
    }
  } else {
    if constexpr (N == 8) {
      GRADUS_RIGHT("m64n64k16", "f16", GRADUS_LIST_32, GRADUS_D_32, "32", "33", "34", "35", "36",
                   "37", "38");
    } else if constexpr (N == 12) {
      GRADUS_RIGHT("m64n96k16", "f16", GRADUS_LIST_48, GRADUS_D_48, "48", "49", "50", "51", "52",
                   "53", "54");
    } else {
      GRADUS_RIGHT("m64n128k16", "f16", GRADUS_LIST_64, GRADUS_D_64, "64", "65", "66", "67", "68",
                   "69", "70");
    }
  }
}

#undef GRADUS_RIGHT
#undef GRADUS_BOTH
#undef GRADUS_D_64
#undef GRADUS_D_48
#undef GRADUS_D_32
#undef GRADUS_D_16
#undef GRADUS_D
#undef GRADUS_LIST_64
#undef GRADUS_LIST_48
#undef GRADUS_LIST_32

}  // namespace gradus::ptx
