// The softmax that goes along with the products, of scores in the fragments of tensor cores.
#pragma once

#include "cuda/attention.h"
#include "cuda/ptx.h"
#include "cuda/rows.h"

namespace gradus::attention {

/** Over the four threads that have parts of one row. */
template <class Op>
__device__ float quadReduce(float x, Op op) {
  x = op(x, __shfl_xor_sync(~0u, x, 1));
  return op(x, __shfl_xor_sync(~0u, x, 2));
}

/** A softmax that goes along: largest and sum of a row so far. */
struct Softmax {
  float largest = kHidden, sum = 0;  // the sum is of this thread's columns

  /** x becomes 2^(factor * (x - largest)), where factor > 0. Returns what earlier results are to be
   * multiplied by. */
  template <int N>
  __device__ float add(float factor, int half, float (&x)[N][4]) {
    float most = largest;
#pragma unroll
    for (int n = 0; n < N; ++n) {
      most = Larger()(x[n][2 * half], most);
      most = Larger()(x[n][2 * half + 1], most);
    }
    const float before = largest;
    largest = quadReduce(most, Larger());
    const float shift = largest == kHidden ? 0.0f : largest * factor;
    const float rescale = ptx::exp2(before * factor - shift);
    sum *= rescale;
#pragma unroll
    for (int n = 0; n < N; ++n) {
#pragma unroll
      for (int c = 2 * half; c < 2 * half + 2; ++c) {
        x[n][c] = ptx::exp2(x[n][c] * factor - shift);
        sum += x[n][c];
      }
    }
    return rescale;
  }
};

}  // namespace gradus::attention
