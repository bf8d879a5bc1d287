// cuBLASLt stores by columns: what is row-major here is the transpose there, so it is asked for
// y' = b' a', whose "a" is our b. (It has a row order as well, but not for bias epilogues.)
#include "cuda/gemm.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <stdexcept>

namespace gradus {

using namespace cublas;

namespace {

constexpr int64_t kWorkspace = int64_t{32} << 20;
constexpr int kCandidates = 16;
constexpr size_t kMostPlans = 4096;

template <class T>
using Owned = std::unique_ptr<T, int (*)(T*)>;

int typeOf(DType type) {
  if (type == DType::F32) return CUDA_R_32F;
  return type == DType::BF16 ? CUDA_R_16BF : CUDA_R_16F;
}

/** The largest power of two that divides an address, up to what the widest access needs: more would
 * only make more shapes of one. */
int64_t alignmentOf(In x) {
  constexpr int64_t kMost = 16;
  const int64_t lowest = x.address & -x.address;
  return lowest == 0 || lowest > kMost ? kMost : lowest;
}

int epilogueOf(const Product& p) {
  const bool bias = static_cast<bool>(p.bias);
  switch (p.epilogue) {
    case Epilogue::None:
      return bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
    case Epilogue::Gelu:
      if (p.beside) return bias ? CUBLASLT_EPILOGUE_GELU_AUX_BIAS : CUBLASLT_EPILOGUE_GELU_AUX;
      return bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
    case Epilogue::GeluGrad:
      return CUBLASLT_EPILOGUE_DGELU;
    case Epilogue::Sums:  // our a is the "b" of cuBLASLt
      return CUBLASLT_EPILOGUE_BGRADB;
  }
  return CUBLASLT_EPILOGUE_DEFAULT;
}

/** What cuBLASLt calls a bias: the one that is added, or the gradient of one. It has the result's
 * type, as no other is documented beside operands of these. */
In biasOf(const Product& p) { return p.sums ? In(p.sums) : p.bias; }

// Kept for an epilogue that is faster apart.
constexpr MatmulAlgo kNone = {};

bool isNone(const MatmulAlgo& algorithm) {
  return std::equal(std::begin(kNone.data), std::end(kNone.data), std::begin(algorithm.data));
}

// Where shapeOf puts the alignments that cuBLASLt is told.
constexpr size_t kAlignmentA = 12, kAlignmentB = 13, kAlignmentC = 14, kAlignmentY = 15;

}  // namespace

/** A shape's descriptors and algorithm. */
struct Gemm::Plan {
  Owned<MatmulDesc> matmul;
  Owned<MatrixLayout> a, b, y;
  std::vector<MatmulAlgo> algorithms{};  // the one that is used comes first; empty: there is none
  bool settled = false;
};

Gemm::Gemm(Gpu& gpu, const Settings& settings)
    : gpu_(gpu), folders_(settings.libraries), tf32_(settings.tf32), kept_(settings.cache) {}

Gemm::~Gemm() {
  plans_.clear();
  if (context_ != nullptr) cublasLt_.cublasLtDestroy(context_);
}

void Gemm::multiply(const char* op, const Product& product) {
  if (product.batch == 0 || product.m == 0 || product.n == 0) return;
  constexpr int64_t kMostProducts = std::numeric_limits<int32_t>::max();
  const bool offers = product.k > 0 && product.batch <= kMostProducts;
  if (!offers || !tryMultiply(op, product)) multiplyPlain(gpu_, op, product);
}

void Gemm::multiplyFused(const char* op, const Product& product,
                         const std::function<void()>& apart) {
  // cuBLASLt may take the hardware's tanh, of about 10 bits, and sums of operands as it has rounded
  // them: too few beside sums of full precision.
  const bool exact = product.operands == DType::F32 && !tf32_;
  constexpr int64_t kRow = 8;  // what rows of `beside` must be a multiple of
  const bool whole = !product.beside || product.n % kRow == 0;
  const bool any = product.m > 0 && product.n > 0 && product.k > 0;
  if (exact || !whole || !any || !tryMultiply(op, product, &apart)) apart();
}

bool Gemm::tryMultiply(const char* op, const Product& product, Apart* apart) {
  const std::lock_guard<std::recursive_mutex> lock(mutex_);
  gpu_.use();
  open();
  const GemmShape shape = shapeOf(product);
  const std::shared_ptr<Plan> plan = planOf(shape, product);
  setPointers(*plan, product);
  if (!plan->settled) settle(shape, *plan, product, apart);
  if (plan->algorithms.empty()) return false;
  check(run(*plan, plan->algorithms[0], product.c, product.y, product), op);
  gpu_.launched(op);
  return true;
}

void Gemm::open() {
  if (context_ != nullptr) return;
  cublasLt_ = openCublasLt(folders_);
  if (!workspace_) workspace_.emplace(gpu_.memory(), kWorkspace);
  kept_.read(gpu_.properties().name, cublasLt_.cublasLtGetVersion());
  check(cublasLt_.cublasLtCreate(&context_), "to open it");
}

GemmShape Gemm::shapeOf(const Product& p) const {
  return {p.batch,
          p.m,
          p.n,
          p.k,
          p.batch > 1 ? p.aStride : 0,
          p.batch > 1 ? p.bStride : 0,
          p.transposeA,
          p.transposeB,
          typeOf(p.operands),
          typeOf(p.result),
          tf32_ && p.operands == DType::F32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
          epilogueOf(p),
          alignmentOf(p.a),
          alignmentOf(p.b),
          alignmentOf(p.c ? p.c : In(p.y)),
          alignmentOf(p.y),
          alignmentOf(biasOf(p)),
          alignmentOf(p.beside)};
}

std::shared_ptr<Gemm::Plan> Gemm::planOf(const GemmShape& shape, const Product& p) {
  const auto known = plans_.find(shape);
  if (known != plans_.end()) return known->second;
  if (plans_.size() == kMostPlans) plans_.clear();

  auto layout = [&](DType type, int64_t rows, int64_t columns, int64_t stride) {
    MatrixLayout* made = nullptr;
    check(cublasLt_.cublasLtMatrixLayoutCreate(&made, typeOf(type), static_cast<uint64_t>(columns),
                                               static_cast<uint64_t>(rows), columns),
          "a layout");
    Owned<MatrixLayout> owned(made, cublasLt_.cublasLtMatrixLayoutDestroy);
    auto set = [&](int attribute, auto value) {
      check(cublasLt_.cublasLtMatrixLayoutSetAttribute(made, attribute, &value, sizeof(value)),
            "a layout");
    };
    if (p.batch > 1) {
      set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<int32_t>(p.batch));
      set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, stride);
    }
    return owned;
  };
  MatmulDesc* made = nullptr;
  check(cublasLt_.cublasLtMatmulDescCreate(&made, static_cast<int>(shape[10]), CUDA_R_32F),
        "a descriptor");
  auto plan = std::make_shared<Plan>(
      Plan{Owned<MatmulDesc>(made, cublasLt_.cublasLtMatmulDescDestroy),
           layout(p.operands, p.transposeB ? p.n : p.k, p.transposeB ? p.k : p.n, p.bStride),
           layout(p.operands, p.transposeA ? p.k : p.m, p.transposeA ? p.m : p.k, p.aStride),
           layout(p.result, p.m, p.n, p.m * p.n)});
  auto set = [&](int attribute, auto value) {
    check(cublasLt_.cublasLtMatmulDescSetAttribute(made, attribute, &value, sizeof(value)),
          "a descriptor");
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA, int32_t{p.transposeB ? CUBLAS_OP_T : CUBLAS_OP_N});
  set(CUBLASLT_MATMUL_DESC_TRANSB, int32_t{p.transposeA ? CUBLAS_OP_T : CUBLAS_OP_N});
  set(CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<uint32_t>(epilogueOf(p)));
  if (p.beside) set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, p.n);
  return plans_.emplace(shape, std::move(plan)).first->second;
}

/** Of the call at hand. The choice of an algorithm looks at their alignment as well. */
void Gemm::setPointers(const Plan& plan, const Product& p) {
  auto set = [&](int attribute, In pointer) {
    const void* value = pointer.as<void>();
    check(cublasLt_.cublasLtMatmulDescSetAttribute(plan.matmul.get(), attribute, &value,
                                                   sizeof(value)),
          "a pointer");
  };
  if (biasOf(p)) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, biasOf(p));
  if (p.beside) set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, p.beside);
}

/** What cuBLASLt has for this shape, the best guess first. */
std::vector<MatmulAlgo> Gemm::ask(const GemmShape& shape, const Plan& plan) {
  Preference* made = nullptr;
  check(cublasLt_.cublasLtMatmulPreferenceCreate(&made), "a preference");
  const Owned<Preference> preference(made, cublasLt_.cublasLtMatmulPreferenceDestroy);
  auto set = [&](int attribute, auto value) {
    check(cublasLt_.cublasLtMatmulPreferenceSetAttribute(made, attribute, &value, sizeof(value)),
          "a preference");
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<uint64_t>(kWorkspace));
  // Where k is split, its parts are joined as floats in the workspace, in a fixed order: not in y's
  // type, which would round each of them.
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, static_cast<uint32_t>(shape[kAlignmentB]));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<uint32_t>(shape[kAlignmentA]));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, static_cast<uint32_t>(shape[kAlignmentC]));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, static_cast<uint32_t>(shape[kAlignmentY]));
  HeuristicResult results[kCandidates];
  int found = 0;
  const int status = cublasLt_.cublasLtMatmulAlgoGetHeuristic(
      context_, plan.matmul.get(), plan.a.get(), plan.b.get(), plan.y.get(), plan.y.get(), made,
      kCandidates, results, &found);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE) return {};
  check(status, "to find an algorithm");
  std::vector<MatmulAlgo> algorithms;
  for (int i = 0; i < found; ++i) {
    if (results[i].state == CUBLAS_STATUS_SUCCESS) algorithms.push_back(results[i].algo);
  }
  return algorithms;
}

/** Whether an algorithm that was kept is one for this shape. */
bool Gemm::knows(const Plan& plan, const MatmulAlgo& algorithm) {
  HeuristicResult result = {};
  return cublasLt_.cublasLtMatmulAlgoCheck(context_, plan.matmul.get(), plan.a.get(), plan.b.get(),
                                           plan.y.get(), plan.y.get(), &algorithm,
                                           &result) == CUBLAS_STATUS_SUCCESS &&
         result.workspaceSize <= static_cast<size_t>(kWorkspace);
}

/**
 * Chooses the algorithm, or what makes the same apart: some of cuBLASLt's epilogues cost more than
 * a pass of their own (GELU of BF16 before Hopper, karpathy/llm.c#338). By time only where the
 * choice can be kept: it may be another in each process, and with it the bits of the sums. While
 * the stream is captured nothing can be timed, so the best guess serves until the shape comes by
 * again.
 */
void Gemm::settle(const GemmShape& shape, Plan& plan, const Product& p, Apart* apart) {
  const MatmulAlgo* kept = kept_.find(shape);
  if (kept != nullptr && apart != nullptr && isNone(*kept)) {
    plan.algorithms.clear();
    plan.settled = true;
    return;
  }
  if (kept != nullptr && knows(plan, *kept)) {
    plan.algorithms = {*kept};
    plan.settled = true;
    return;
  }
  if (plan.algorithms.empty()) plan.algorithms = ask(shape, plan);
  plan.settled = !kept_.enabled() || plan.algorithms.empty();
  if (plan.settled) return;
  cudaStreamCaptureStatus capture;
  gpu_.check(cudaStreamIsCapturing(gpu_.stream(), &capture), "to ask for a capture");
  if (capture != cudaStreamCaptureStatusNone) return;
  // What it adds to must be there afterwards.
  const bool adds = p.c.address == p.y.address;
  const Scratch<char> elsewhere(gpu_.memory(), adds ? p.batch * p.m * p.n * byteSize(p.result) : 0);
  const Out y = adds ? Out(elsewhere.data()) : p.y;
  const In c = adds ? In(elsewhere.data()) : p.c;
  const size_t count = plan.algorithms.size();
  const size_t best = fastest(gpu_, count + (apart != nullptr ? 1 : 0), [&](size_t i) {
    if (i < count) return run(plan, plan.algorithms[i], c, y, p) == CUBLAS_STATUS_SUCCESS;
    (*apart)();
    return true;
  });
  plan.settled = true;
  if (best < count) {
    plan.algorithms = {plan.algorithms[best]};
    kept_.keep(shape, plan.algorithms[0]);
  } else {
    plan.algorithms.clear();
    kept_.keep(shape, kNone);
  }
}

int Gemm::run(const Plan& plan, const MatmulAlgo& algorithm, In c, Out y, const Product& p) {
  const float one = 1, beta = c ? 1.0f : 0.0f;
  return cublasLt_.cublasLtMatmul(
      context_, plan.matmul.get(), &one, p.b.as<void>(), plan.a.get(), p.a.as<void>(), plan.b.get(),
      &beta, c ? c.as<void>() : y.as<void>(), plan.y.get(), y.as<void>(), plan.y.get(), &algorithm,
      workspace_->data(), static_cast<size_t>(kWorkspace), gpu_.stream());
}

void Gemm::check(int status, const char* what) const {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw std::runtime_error(std::string("matmul: ") + what + " failed in " + describe(cublasLt_) +
                           ": " + cublasLt_.cublasLtGetStatusName(status));
}

}  // namespace gradus
