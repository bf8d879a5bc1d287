// Tiles of 16-bit elements as wgmma reads them from shared memory.
//
// A tile is rows of D elements, cut into panels of 64 columns: a panel has its rows below each
// other, each 128 bytes, whose 16-byte chunks are swizzled by the row. That is the manual's
// "128-byte swizzle" (PTX ISA, "Matrix Descriptor Format" and "Canonical Layouts"): in what lies at
// one address, bits 4 to 6 are xor'ed with bits 7 to 9, so a tile begins at a multiple of 1024
// bytes.
//
// One tile serves in two ways: multiplied along its rows ("K-major"), or along its columns
// ("MN-major", transposed).
#pragma once

#include "cuda/device.h"
#include "cuda/launch.h"
#include "cuda/tiles.h"
#include "cuda/wgmma.h"

namespace gradus {

constexpr int kPanelColumns = 64, kPanelRow = 128, kPanelAlign = 1024;  // the last two in bytes
constexpr int kSlice = 16;                                              // of one wgmma

/** The first byte of dynamic shared memory that a tile can begin at: the launch asks for
 * kPanelAlign bytes more. */
__device__ inline unsigned char* alignPanels(unsigned char* memory) {
  return memory + (0 - ptx::addressOf(memory)) % kPanelAlign;
}

/** Where a chunk of a row lies in a tile of so many rows, in bytes. */
template <int Rows>
__host__ __device__ constexpr int inPanels(int row, int chunk) {
  return (chunk / 8 * Rows + row) * kPanelRow + (chunk ^ row) % 8 * kChunkBytes;
}

/** Begins to copy Rows rows of D elements, `step` apart, by a block of Threads; `count` of them are
 * there, the others are zeros. */
template <int D, int Rows, int Threads, class E>
__device__ void copyPanels(const E* from, int64_t step, int count, ptx::Address tile) {
  constexpr int kAcross = D / kChunkElements, kDown = Threads / kAcross;
  static_assert(Threads % kAcross == 0 && kDown % 8 == 0, "a thread's chunks are swizzled alike");
  const int row = static_cast<int>(threadIdx.x) / kAcross;
  const int chunk = static_cast<int>(threadIdx.x) % kAcross;
  from += row * step + chunk * kChunkElements;
  tile += inPanels<Rows>(row, chunk);
#pragma unroll
  for (int r = 0; r < Rows; r += kDown) {
    if (Rows % kDown == 0 || r + row < Rows) {
      ptx::cpAsync<16>(tile + r * kPanelRow, from, r + row < count);
    }
    from += kDown * step;
  }
}

/** Of a matrix in panels. `leading` is how far its panels are apart, in bytes, where it is
 * multiplied along its columns; along its rows nothing asks for it. */
__device__ inline uint64_t describe(ptx::Address start, int leading) {
  constexpr uint64_t kSwizzle128 = 1;
  constexpr int kEightRows = 8 * kPanelRow;
  auto encode = [](uint64_t bytes) { return (bytes & 0x3ffff) >> 4; };
  return encode(start) | encode(static_cast<uint64_t>(leading)) << 16 | encode(kEightRows) << 32 |
         kSwizzle128 << 62;
}

/** Rows of a tile, from `tile` on, as a factor along them: elements 16 k to 16 k + 15. */
template <int Rows>
__device__ uint64_t alongRows(ptx::Address tile, int k) {
  constexpr int kEach = kPanelColumns / kSlice;
  const int place = k / kEach * Rows * kPanelRow + k % kEach * kSlice * 2;
  return describe(tile + place, kChunkBytes);
}

/** A tile as a factor along its columns: rows 16 k to 16 k + 15. */
template <int Rows>
__device__ uint64_t alongColumns(ptx::Address tile, int k) {
  return describe(tile + k * kSlice * kPanelRow, Rows * kPanelRow);
}

}  // namespace gradus
