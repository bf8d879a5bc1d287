// The descriptors of the cuBLASLt that fake_cublas_lt.cpp stands in for, and its products.
#pragma once

#include "cuda/cublas_lt.h"

namespace gradus::cublas {
struct Context {};
struct MatmulDesc {
  int compute, scale;
  int32_t transposeA = CUBLAS_OP_N, transposeB = CUBLAS_OP_N;
  uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  void* bias = nullptr;  // written by the epilogues of gradients
  void* aux = nullptr;
  int64_t auxRow = 0;
};
struct MatrixLayout {
  int type;
  uint64_t rows, columns;
  int64_t row;  // the leading dimension
  int32_t batch = 1;
  int64_t stride = 0;
};
struct Preference {
  uint64_t workspace = 0;
  uint32_t reductions = 7;
  uint32_t alignments[4] = {256, 256, 256, 256};  // of a, b, c and d
};
}  // namespace gradus::cublas

/** What a call was given, as it is needed when it runs. */
struct FakeProduct {
  gradus::cublas::MatmulDesc m;
  gradus::cublas::MatrixLayout a, b, c, d;
  float alpha, beta;
  const void *left, *right, *before;
  void* to;

  /** By plain loops, in double. */
  void run() const;

 private:
  void finish(double sum, int64_t p, int64_t i, int64_t j) const;
};

inline bool hasBias(uint32_t epilogue) {
  return (epilogue & gradus::cublas::CUBLASLT_EPILOGUE_BIAS) != 0;
}
inline bool hasAux(uint32_t epilogue) { return (epilogue & 128) != 0; }
