// A cuBLASLt for the emulated GPU: takes what the real one takes and refuses what it refuses. It is
// built as libcublasLt.so.13 and found like the real one.
#include "fake_cublas_lt.h"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

#include "fake_cublas_product.h"

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))

using namespace gradus::cublas;

FAKE_EXPORT FakeCublasLt fakeCublasLt;
FakeCublasLt fakeCublasLt;

namespace {

constexpr uint64_t kMagic = 0x6661'6b65'6c74;
constexpr size_t kWorkspaces[] = {0, size_t{1} << 20, size_t{32} << 20};

int refuse(int status, const char* why) {
  ++fakeCublasLt.violations;
  std::snprintf(fakeCublasLt.violation, sizeof(fakeCublasLt.violation), "%s", why);
  return status;
}

int invalid(const char* why) { return refuse(CUBLAS_STATUS_INVALID_VALUE, why); }
int unsupported(const char* why) { return refuse(CUBLAS_STATUS_NOT_SUPPORTED, why); }

template <class T>
int take(T& attribute, const void* value, size_t bytes) {
  if (value == nullptr || bytes != sizeof(T)) return invalid("an attribute of another size");
  std::memcpy(&attribute, value, sizeof(T));
  return CUBLAS_STATUS_SUCCESS;
}

int64_t sizeOf(int type) { return type == CUDA_R_32F ? 4 : 2; }

bool isAligned(const void* x, uint64_t bytes) {
  return reinterpret_cast<uintptr_t>(x) % bytes == 0;
}

int checkLayout(const MatrixLayout& x) {
  if (x.rows == 0 || x.columns == 0) return invalid("a matrix without elements");
  if (x.row < static_cast<int64_t>(x.rows)) return invalid("a leading dimension below the rows");
  if (x.batch < 1) return invalid("a batch of none");
  return CUBLAS_STATUS_SUCCESS;
}

/** Whether the real library would take this product. */
int checkProduct(const MatmulDesc& m, const MatrixLayout& a, const MatrixLayout& b,
                 const MatrixLayout& c, const MatrixLayout& d) {
  for (const MatrixLayout* x : {&a, &b, &c, &d}) {
    if (const int status = checkLayout(*x)) return status;
    if (x->batch != d.batch) return invalid("batches differ");
  }
  const bool ta = m.transposeA == CUBLAS_OP_T, tb = m.transposeB == CUBLAS_OP_T;
  if ((ta ? a.columns : a.rows) != d.rows || (tb ? b.rows : b.columns) != d.columns ||
      (ta ? a.rows : a.columns) != (tb ? b.columns : b.rows)) {
    return invalid("sizes that do not fit");
  }
  if (c.rows != d.rows || c.columns != d.columns) return invalid("c is not as d");
  if (d.batch > 1 && d.stride < static_cast<int64_t>(d.columns) * d.row) {
    return invalid("results that overlap");
  }
  if (m.scale != CUDA_R_32F) return unsupported("a scale that is not F32");
  if (m.compute != CUBLAS_COMPUTE_32F && m.compute != CUBLAS_COMPUTE_32F_FAST_TF32) {
    return unsupported("a compute type");
  }
  if (a.type != b.type || c.type != d.type || (d.type != a.type && d.type != CUDA_R_32F)) {
    return unsupported("a combination of types");
  }
  if (m.compute == CUBLAS_COMPUTE_32F_FAST_TF32 && a.type != CUDA_R_32F) {
    return unsupported("TF32 of other types");
  }
  switch (m.epilogue) {
    case CUBLASLT_EPILOGUE_DEFAULT:
    case CUBLASLT_EPILOGUE_BIAS:
    case CUBLASLT_EPILOGUE_GELU:
    case CUBLASLT_EPILOGUE_GELU_BIAS:
    case CUBLASLT_EPILOGUE_GELU_AUX:
    case CUBLASLT_EPILOGUE_GELU_AUX_BIAS:
    case CUBLASLT_EPILOGUE_DGELU:
    case CUBLASLT_EPILOGUE_BGRADB:
      break;
    default:
      return unsupported("an epilogue");
  }
  // A bias, or the gradient of one, has d's type.
  const bool bias = hasBias(m.epilogue) || m.epilogue == CUBLASLT_EPILOGUE_BGRADB;
  if (bias && (m.bias == nullptr || !isAligned(m.bias, sizeOf(d.type)))) {
    return invalid("an epilogue without its bias");
  }
  if (m.epilogue != CUBLASLT_EPILOGUE_DEFAULT && d.batch > 1 && !hasBias(m.epilogue)) {
    return invalid("an epilogue of a batch without its strides");
  }
  if (hasAux(m.epilogue)) {
    if (m.aux == nullptr || m.auxRow < static_cast<int64_t>(d.rows)) {
      return invalid("an epilogue without what stands beside");
    }
    if (m.auxRow % 8 != 0) return unsupported("rows beside that are no multiple of 8");
    if (!isAligned(m.aux, sizeOf(d.type))) return invalid("what stands beside is not aligned");
  }
  return CUBLAS_STATUS_SUCCESS;
}

/** Other for products that another algorithm would be for. */
uint64_t digest(const MatmulDesc& m, const MatrixLayout& a, const MatrixLayout& b,
                const MatrixLayout& d) {
  uint64_t hash = 14695981039346656037u;
  auto mix = [&](auto x) { hash = (hash ^ static_cast<uint64_t>(x)) * 1099511628211u; };
  for (int x : {m.compute, m.transposeA, m.transposeB, static_cast<int>(m.epilogue)}) mix(x);
  for (const MatrixLayout* x : {&a, &b, &d}) {
    mix(x->type);
    mix(x->rows);
    mix(x->columns);
    mix(x->batch);
  }
  return hash;
}

int checkAlgorithm(const MatmulAlgo& algo, const MatmulDesc& m, const MatrixLayout& a,
                   const MatrixLayout& b, const MatrixLayout& d) {
  if (algo.data[0] != kMagic || algo.data[1] > 2) return invalid("an algorithm that is none");
  if (algo.data[3] != digest(m, a, b, d)) return invalid("an algorithm of another product");
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

FAKE_EXPORT size_t cublasLtGetVersion() { return 130201; }

FAKE_EXPORT const char* cublasLtGetStatusName(int status) {
  if (status == CUBLAS_STATUS_INVALID_VALUE) return "CUBLAS_STATUS_INVALID_VALUE";
  return status == CUBLAS_STATUS_SUCCESS ? "CUBLAS_STATUS_SUCCESS" : "CUBLAS_STATUS_NOT_SUPPORTED";
}

FAKE_EXPORT int cublasLtCreate(Context** context) {
  *context = new Context;
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_EXPORT int cublasLtDestroy(Context* context) {
  delete context;
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_EXPORT int cublasLtMatmulDescCreate(MatmulDesc** matmul, int computeType, int scaleType) {
  *matmul = new MatmulDesc{computeType, scaleType};
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_EXPORT int cublasLtMatmulDescSetAttribute(MatmulDesc* matmul, int attribute, const void* value,
                                               size_t bytes) {
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return take(matmul->transposeA, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return take(matmul->transposeB, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return take(matmul->epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return take(matmul->bias, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER:
      return take(matmul->aux, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD:
      return take(matmul->auxRow, value, bytes);
    default:
      return invalid("an attribute of a product");
  }
}

FAKE_EXPORT int cublasLtMatmulDescDestroy(MatmulDesc* matmul) {
  delete matmul;
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_EXPORT int cublasLtMatrixLayoutCreate(MatrixLayout** layout, int type, uint64_t rows,
                                           uint64_t columns, int64_t leadingDimension) {
  *layout = new MatrixLayout{type, rows, columns, leadingDimension};
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_EXPORT int cublasLtMatrixLayoutSetAttribute(MatrixLayout* layout, int attribute,
                                                 const void* value, size_t bytes) {
  if (attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT) return take(layout->batch, value, bytes);
  if (attribute == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET) {
    return take(layout->stride, value, bytes);
  }
  return invalid("an attribute of a layout");
}

FAKE_EXPORT int cublasLtMatrixLayoutDestroy(MatrixLayout* layout) {
  delete layout;
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_EXPORT int cublasLtMatmulPreferenceCreate(Preference** preference) {
  *preference = new Preference;
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_EXPORT int cublasLtMatmulPreferenceSetAttribute(Preference* preference, int attribute,
                                                     const void* value, size_t bytes) {
  constexpr int kFirst = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
  if (attribute >= kFirst && attribute < kFirst + 4) {
    return take(preference->alignments[attribute - kFirst], value, bytes);
  }
  if (attribute == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK) {
    return take(preference->reductions, value, bytes);
  }
  if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) {
    return take(preference->workspace, value, bytes);
  }
  return invalid("an attribute of a preference");
}

FAKE_EXPORT int cublasLtMatmulPreferenceDestroy(Preference* preference) {
  delete preference;
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_EXPORT int cublasLtMatmulAlgoGetHeuristic(Context*, MatmulDesc* matmul, MatrixLayout* a,
                                               MatrixLayout* b, MatrixLayout* c, MatrixLayout* d,
                                               Preference* preference, int wanted,
                                               HeuristicResult* results, int* found) {
  ++fakeCublasLt.heuristics;
  *found = 0;
  if (const int status = checkProduct(*matmul, *a, *b, *c, *d)) return status;
  if (!fakeCublasLt.offers) return CUBLAS_STATUS_NOT_SUPPORTED;
  uint64_t alignments = 0;
  for (const uint32_t alignment : preference->alignments) alignments = alignments << 16 | alignment;
  for (uint64_t i = 0; i < 3 && *found < wanted; ++i) {
    if (kWorkspaces[i] > preference->workspace) break;
    const MatmulAlgo algo{{kMagic, i, alignments, digest(*matmul, *a, *b, *d)}};
    results[(*found)++] = {algo, kWorkspaces[i], CUBLAS_STATUS_SUCCESS, 1.0f, {}};
  }
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_EXPORT int cublasLtMatmulAlgoCheck(Context*, MatmulDesc* matmul, MatrixLayout* a,
                                        MatrixLayout* b, MatrixLayout* c, MatrixLayout* d,
                                        const MatmulAlgo* algo, HeuristicResult* result) {
  if (const int status = checkProduct(*matmul, *a, *b, *c, *d)) return status;
  if (const int status = checkAlgorithm(*algo, *matmul, *a, *b, *d)) return status;
  *result = {*algo, kWorkspaces[algo->data[1]], CUBLAS_STATUS_SUCCESS, 1.0f, {}};
  return CUBLAS_STATUS_SUCCESS;
}

FAKE_EXPORT int cublasLtMatmul(Context*, MatmulDesc* matmul, const void* alpha, const void* a,
                               MatrixLayout* aLayout, const void* b, MatrixLayout* bLayout,
                               const void* beta, const void* c, MatrixLayout* cLayout, void* d,
                               MatrixLayout* dLayout, const MatmulAlgo* algo, void* workspace,
                               size_t workspaceBytes, cudaStream_t stream) {
  if (const int status = checkProduct(*matmul, *aLayout, *bLayout, *cLayout, *dLayout)) {
    return status;
  }
  if (const int status = checkAlgorithm(*algo, *matmul, *aLayout, *bLayout, *dLayout)) {
    return status;
  }
  const uint64_t alignments = algo->data[2];
  if (!isAligned(a, alignments >> 48 & 0xffff) || !isAligned(b, alignments >> 32 & 0xffff) ||
      !isAligned(c, alignments >> 16 & 0xffff) || !isAligned(d, alignments & 0xffff)) {
    return invalid("an operand that is less aligned than was said");
  }
  if (workspaceBytes < kWorkspaces[algo->data[1]] || !isAligned(workspace, 16)) {
    return invalid("a workspace that is too small");
  }
  FakeProduct product{*matmul, *aLayout, *bLayout, *cLayout, *dLayout, 0, 0, a, b, c, d};
  std::memcpy(&product.alpha, alpha, sizeof(float));
  std::memcpy(&product.beta, beta, sizeof(float));
  ++fakeCublasLt.products;
  fakeCublasLt.epilogue = static_cast<int>(matmul->epilogue);
  fakeCublasLt.algorithm = static_cast<int>(algo->data[1]);
  const bool slow = fakeCublasLt.fast >= 0 && fakeCublasLt.fast != fakeCublasLt.algorithm;
  const bool slowEpilogue = fakeCublasLt.slow == fakeCublasLt.epilogue;
  stream->submit(stream, [=] {
    std::this_thread::sleep_for(std::chrono::milliseconds((slow ? 1 : 0) + (slowEpilogue ? 5 : 0)));
    product.run();
  });
  return CUBLAS_STATUS_SUCCESS;
}
