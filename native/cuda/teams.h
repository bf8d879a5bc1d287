// Threads that work on one row, or on one result, together: one alone, a warp or a block.
//
// All of a team's threads run through the same code and ask for reductions together. A launch is
// given by over(); the row of a thread's team, index(), may lie past the last one.
#pragma once

#include "cuda/rows.h"

namespace gradus {

struct Alone {
  static Grid over(int64_t rows) { return blocksFor(ceilDivide(rows, kThreads)); }
  __device__ static int64_t index() { return blockIndex() * blockDim.x + threadIdx.x; }
  __device__ static int thread() { return 0; }
  __device__ static int size() { return 1; }
  template <class T, class Op>
  __device__ static T reduce(T x, T, Op) {
    return x;
  }
};

struct Warp {
  static Grid over(int64_t rows) { return blocksFor(ceilDivide(rows, kThreads / kWarp)); }
  __device__ static int64_t index() {
    return blockIndex() * (blockDim.x / kWarp) + threadIdx.x / kWarp;
  }
  __device__ static int thread() { return static_cast<int>(threadIdx.x) % kWarp; }
  __device__ static int size() { return kWarp; }
  template <class T, class Op>
  __device__ static T reduce(T x, T, Op op) {
    return warpReduce(x, op);
  }
};

struct Block {
  static Grid over(int64_t rows, int threads = kThreads) { return blocksFor(rows, threads); }
  __device__ static int64_t index() { return blockIndex(); }
  __device__ static int thread() { return static_cast<int>(threadIdx.x); }
  __device__ static int size() { return static_cast<int>(blockDim.x); }
  template <class T, class Op>
  __device__ static T reduce(T x, T neutral, Op op) {
    return blockReduce(x, neutral, op);
  }
};

}  // namespace gradus
