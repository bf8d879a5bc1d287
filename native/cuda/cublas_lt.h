// The part of NVIDIA's cublasLt.h that products use, so that neither its header nor its library is
// needed to build. The names are NVIDIA's; abi_check.cpp compares the numbers with the header where
// there is one, and CublasConstantsTest with those that bytedeco has read from it.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace gradus::cublas {

// Types of elements, cudaDataType_t
constexpr int CUDA_R_32F = 0;
constexpr int CUDA_R_16F = 2;
constexpr int CUDA_R_16BF = 14;

// cublasStatus_t
constexpr int CUBLAS_STATUS_SUCCESS = 0;
constexpr int CUBLAS_STATUS_INVALID_VALUE = 7;
constexpr int CUBLAS_STATUS_NOT_SUPPORTED = 15;

// cublasOperation_t
constexpr int CUBLAS_OP_N = 0;
constexpr int CUBLAS_OP_T = 1;

// cublasComputeType_t
constexpr int CUBLAS_COMPUTE_32F = 68;
constexpr int CUBLAS_COMPUTE_32F_FAST_TF32 = 77;

// cublasLtMatmulDescAttributes_t
constexpr int CUBLASLT_MATMUL_DESC_TRANSA = 3;                 // int32_t
constexpr int CUBLASLT_MATMUL_DESC_TRANSB = 4;                 // int32_t
constexpr int CUBLASLT_MATMUL_DESC_EPILOGUE = 7;               // uint32_t
constexpr int CUBLASLT_MATMUL_DESC_BIAS_POINTER = 8;           // void*
constexpr int CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER = 11;  // void*
constexpr int CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD = 12;       // int64_t

// cublasLtEpilogue_t. GELU is the tanh form; AUX takes its argument, or gives DGELU's.
constexpr int CUBLASLT_EPILOGUE_DEFAULT = 1;
constexpr int CUBLASLT_EPILOGUE_BIAS = 4;
constexpr int CUBLASLT_EPILOGUE_GELU = 32;
constexpr int CUBLASLT_EPILOGUE_GELU_BIAS = 36;
constexpr int CUBLASLT_EPILOGUE_GELU_AUX = 160;
constexpr int CUBLASLT_EPILOGUE_GELU_AUX_BIAS = 164;
constexpr int CUBLASLT_EPILOGUE_DGELU = 192;
constexpr int CUBLASLT_EPILOGUE_BGRADB = 512;  // the bias takes the sums over k of b

// cublasLtMatrixLayoutAttribute_t
constexpr int CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT = 5;           // int32_t
constexpr int CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET = 6;  // int64_t, in elements

// cublasLtMatmulPreferenceAttributes_t
constexpr int CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1;    // uint64_t
constexpr int CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK = 3;  // uint32_t
constexpr int CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5;  // uint32_t
constexpr int CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 6;  // uint32_t
constexpr int CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES = 7;  // uint32_t
constexpr int CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 8;  // uint32_t

// cublasLtReductionScheme_t, how the parts of a long k are joined
constexpr int CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE = 2;

struct Context;
struct MatmulDesc;
struct MatrixLayout;
struct Preference;

/** cublasLtMatmulAlgo_t: plain bytes, which the same version of the library understands later. */
struct MatmulAlgo {
  uint64_t data[8];
};

/** cublasLtMatmulHeuristicResult_t. */
struct HeuristicResult {
  MatmulAlgo algo;
  size_t workspaceSize;
  int state;  // a cublasStatus_t
  float wavesCount;
  int reserved[4];
};
static_assert(sizeof(HeuristicResult) == 96, "as cublasLt.h has it");

/** The functions, each under the name by which the library exports it. */
struct Functions {
  size_t (*cublasLtGetVersion)();
  const char* (*cublasLtGetStatusName)(int status);
  int (*cublasLtCreate)(Context** context);
  int (*cublasLtDestroy)(Context* context);
  int (*cublasLtMatmulDescCreate)(MatmulDesc** matmul, int computeType, int scaleType);
  int (*cublasLtMatmulDescSetAttribute)(MatmulDesc* matmul, int attribute, const void* value,
                                        size_t bytes);
  int (*cublasLtMatmulDescDestroy)(MatmulDesc* matmul);
  int (*cublasLtMatrixLayoutCreate)(MatrixLayout** layout, int type, uint64_t rows, uint64_t cols,
                                    int64_t leadingDimension);
  int (*cublasLtMatrixLayoutSetAttribute)(MatrixLayout* layout, int attribute, const void* value,
                                          size_t bytes);
  int (*cublasLtMatrixLayoutDestroy)(MatrixLayout* layout);
  int (*cublasLtMatmulPreferenceCreate)(Preference** preference);
  int (*cublasLtMatmulPreferenceSetAttribute)(Preference* preference, int attribute,
                                              const void* value, size_t bytes);
  int (*cublasLtMatmulPreferenceDestroy)(Preference* preference);
  int (*cublasLtMatmulAlgoGetHeuristic)(Context* context, MatmulDesc* matmul, MatrixLayout* a,
                                        MatrixLayout* b, MatrixLayout* c, MatrixLayout* d,
                                        Preference* preference, int wanted,
                                        HeuristicResult* results, int* found);
  int (*cublasLtMatmulAlgoCheck)(Context* context, MatmulDesc* matmul, MatrixLayout* a,
                                 MatrixLayout* b, MatrixLayout* c, MatrixLayout* d,
                                 const MatmulAlgo* algo, HeuristicResult* result);
  int (*cublasLtMatmul)(Context* context, MatmulDesc* matmul, const void* alpha, const void* a,
                        MatrixLayout* aLayout, const void* b, MatrixLayout* bLayout,
                        const void* beta, const void* c, MatrixLayout* cLayout, void* d,
                        MatrixLayout* dLayout, const MatmulAlgo* algo, void* workspace,
                        size_t workspaceBytes, cudaStream_t stream);
};

}  // namespace gradus::cublas
