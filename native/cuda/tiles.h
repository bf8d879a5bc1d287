// Tiles of 16-bit elements in shared memory, and the fragments of them that tensor cores multiply.
//
// A tile is rows of D elements. Its 16-byte chunks are swizzled, so that the 8 rows which a phase
// of ldmatrix reads at one column lie in all 32 banks, as do the chunks of a row that is written.
#pragma once

#include "cuda/device.h"
#include "cuda/launch.h"
#include "cuda/ptx.h"

namespace gradus {

constexpr int kChunkBytes = 16, kChunkElements = 8;

/** Where a chunk of a row lies in its tile, in bytes. */
template <int D>
__host__ __device__ constexpr int swizzled(int row, int chunk) {
  static_assert(D % 32 == 0, "rows are 64 bytes and multiples of them");
  // Rows of whole 128 bytes begin in one bank; others begin in two by turns.
  return 2 * row * D + (chunk ^ (D % 64 == 0 ? row % 8 : row / 2 % 4)) * kChunkBytes;
}

/** Begins to copy Rows rows of d elements, `step` apart, by a block of Threads; `count` of them are
 * there, the others are zeros, and so are elements from d on. */
template <int D, int Rows, int Threads, class E>
__device__ void copyTile(const E* from, int64_t step, int count, int d, ptx::Address tile) {
  constexpr int kAcross = D % 64 == 0 ? 8 : 4, kDown = Threads / kAcross;  // one bank each
  const int row = static_cast<int>(threadIdx.x) / kAcross;
  const int chunk = static_cast<int>(threadIdx.x) % kAcross;
  from += row * step + chunk * kChunkElements;
#pragma unroll
  for (int r = 0; r < Rows; r += kDown) {
    static_assert(Rows % kDown == 0 && kDown % 8 == 0, "each thread copies as much");
#pragma unroll
    for (int c = 0; c < D / kChunkElements; c += kAcross) {
      const bool there = r + row < count && (c + chunk) * kChunkElements < d;
      ptx::cpAsync<16>(tile + swizzled<D>(r + row, c + chunk), from + c * kChunkElements, there);
    }
    from += kDown * step;
  }
}

__device__ inline int laneIndex() { return static_cast<int>(threadIdx.x) % kWarp; }

/** Left factor: 16 rows from `row` on, elements 16k to 16k + 15. */
template <int D>
__device__ void loadLeft(uint32_t (&a)[4], ptx::Address tile, int row, int k) {
  ptx::ldmatrix(a, tile + swizzled<D>(row + laneIndex() % 16, 2 * k + laneIndex() / 16));
}

/** Two right factors side by side, whose columns are the 16 rows from `row` on, of elements 16k to
 * 16k + 15. */
template <int D>
__device__ void loadColumns(uint32_t (&b)[4], ptx::Address tile, int row, int k) {
  const int lane = laneIndex();
  ptx::ldmatrix(b, tile + swizzled<D>(row + lane % 8 + lane / 16 * 8, 2 * k + lane / 8 % 2));
}

/** Two right factors side by side: 16 rows from `row` on, elements 16n to 16n + 15. */
template <int D>
__device__ void loadRows(uint32_t (&b)[4], ptx::Address tile, int row, int n) {
  ptx::ldmatrixTrans(b, tile + swizzled<D>(row + laneIndex() % 16, 2 * n + laneIndex() / 16));
}

/** Strips of 16 rows as left factors: kept in registers, or loaded for each product. */
template <int Strips, int D, bool Kept, class E>
class Left {
 public:
  __device__ Left(ptx::Address tile, int row) : tile_(tile), row_(row) {
    if constexpr (Kept) {
#pragma unroll
      for (int s = 0; s < Strips; ++s) {
#pragma unroll
        for (int k = 0; k < D / 16; ++k) loadLeft<D>(kept_[s][k], tile, row + 16 * s, k);
      }
    }
  }

  /** y += the strips times the transpose of 8 N rows of a tile. */
  template <int N>
  __device__ void multiply(ptx::Address tile, float (&y)[Strips][N][4]) const {
    // Of what is loaded here, little: loads far ahead would take registers.
#pragma unroll(Kept ? D / 16 : 2)
    for (int k = 0; k < D / 16; ++k) {
      uint32_t a[Strips][4];
#pragma unroll
      for (int s = 0; s < Strips; ++s) get(s, k, a[s]);
#pragma unroll
      for (int n = 0; n < N / 2; ++n) {
        uint32_t b[4];
        loadColumns<D>(b, tile, 16 * n, k);
#pragma unroll
        for (int s = 0; s < Strips; ++s) {
          ptx::mma<E>(y[s][2 * n], a[s], b[0], b[1]);
          ptx::mma<E>(y[s][2 * n + 1], a[s], b[2], b[3]);
        }
      }
    }
  }

 private:
  __device__ void get(int s, int k, uint32_t (&a)[4]) const {
    if constexpr (Kept) {
#pragma unroll
      for (int i = 0; i < 4; ++i) a[i] = kept_[s][k][i];
    } else {
      loadLeft<D>(a, tile_, row_ + 16 * s, k);
    }
  }

  ptx::Address tile_;
  int row_;
  uint32_t kept_[Strips][Kept ? D / 16 : 1][4];
};

/** y (strips of 16, D) += x (strips of 16, 8 N), rounded to E, times as many rows of a tile. */
template <int D, class E, int Strips, int N>
__device__ void multiplyRows(const float (&x)[Strips][N][4], ptx::Address tile,
                             float (&y)[Strips][D / 8][4]) {
#pragma unroll
  for (int k = 0; k < N / 2; ++k) {
    uint32_t a[Strips][4];
#pragma unroll
    for (int s = 0; s < Strips; ++s) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float* pair = &x[s][2 * k + i / 2][i % 2 * 2];
        a[s][i] = ptx::pack<E>(pair[0], pair[1]);
      }
    }
#pragma unroll
    for (int n = 0; n < D / 16; ++n) {
      uint32_t b[4];
      loadRows<D>(b, tile, 16 * k, n);
#pragma unroll
      for (int s = 0; s < Strips; ++s) {
        ptx::mma<E>(y[s][2 * n], a[s], b[0], b[1]);
        ptx::mma<E>(y[s][2 * n + 1], a[s], b[2], b[3]);
      }
    }
  }
}

/** to = 16 rows of a product, times `upper` the first 8 and `lower` the others: `count` rows of d
 * elements, `step` apart. They take their way through rows of a tile that are the warp's own, whose
 * chunks lie where Place says. */
template <int D, int (*Place)(int row, int chunk) = swizzled<D>, class E>
__device__ void storeStrip(const float (&y)[D / 8][4], float upper, float lower,
                           unsigned char* tile, int row, E* to, int64_t step, int count, int d) {
  constexpr int kAcross = D / kChunkElements;
  const int lane = laneIndex(), g = lane / 4, t = lane % 4;
  __syncwarp();
#pragma unroll
  for (int n = 0; n < kAcross; ++n) {
    *reinterpret_cast<uint32_t*>(tile + Place(row + g, n) + 4 * t) =
        ptx::pack<E>(y[n][0] * upper, y[n][1] * upper);
    *reinterpret_cast<uint32_t*>(tile + Place(row + g + 8, n) + 4 * t) =
        ptx::pack<E>(y[n][2] * lower, y[n][3] * lower);
  }
  __syncwarp();
#pragma unroll
  for (int i = lane; i < 16 * kAcross; i += kWarp) {
    const int r = i / kAcross, chunk = i % kAcross;
    if (r >= count || chunk * kChunkElements >= d) continue;
    *reinterpret_cast<uint4*>(to + r * step + chunk * kChunkElements) =
        *reinterpret_cast<const uint4*>(tile + Place(row + r, chunk));
  }
}

}  // namespace gradus
