// Matrix products by cuBLASLt, and by a kernel of our own where it has no algorithm.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "cuda/cublas_library.h"
#include "cuda/gemm_algorithms.h"
#include "cuda/gpu.h"
#include "cuda/settings.h"
#include "gradus/types.h"
#include "runtime/scratch.h"

namespace gradus {

/** What becomes of a sum s, bias included: gelu(s), or s times gelu's slope elsewhere; or what is
 * made beside it, the sums over k of a, which is transposed. */
enum class Epilogue { None, Gelu, GeluGrad, Sums };

/**
 * y (m, n) = a (m, k) times b (k, n) + bias (n) + c (m, n), row-major, for each of `batch`, whose
 * operands lie aStride and bStride elements apart and whose c and y follow each other. bias and c
 * may be 0; c may be y.
 */
struct Product {
  int64_t batch, m, n, k, aStride, bStride;
  bool transposeA, transposeB;
  DType operands;  // the type of a and b
  DType result;    // that of bias, c and y: F32, or what a and b are
  In a, b, bias, c;
  Out y;
  Epilogue epilogue = Epilogue::None;
  Out beside =
      int64_t{0};         // laid out as y is: takes s of a Gelu or is 0, or gives where a slope is
  Out sums = int64_t{0};  // m of them, of the result's type
};

class Gemm {
 public:
  Gemm(Gpu& gpu, const Settings& settings);
  ~Gemm();
  Gemm(const Gemm&) = delete;
  Gemm& operator=(const Gemm&) = delete;

  /** A product without an epilogue. */
  void multiply(const char* op, const Product& product);

  /** A product with its epilogue. Where cuBLASLt does not have both in one, or takes longer for it,
   * `apart` is called, which does the same by a product without one. */
  void multiplyFused(const char* op, const Product& product, const std::function<void()>& apart);

 private:
  struct Plan;

  using Apart = const std::function<void()>;

  bool tryMultiply(const char* op, const Product& product, Apart* apart = nullptr);
  void open();
  std::shared_ptr<Plan> planOf(const GemmShape& shape, const Product& product);
  void setPointers(const Plan& plan, const Product& product);
  std::vector<cublas::MatmulAlgo> ask(const GemmShape& shape, const Plan& plan);
  bool knows(const Plan& plan, const cublas::MatmulAlgo& algorithm);
  void settle(const GemmShape& shape, Plan& plan, const Product& product, Apart* apart);
  int run(const Plan& plan, const cublas::MatmulAlgo& algorithm, In c, Out y,
          const Product& product);
  GemmShape shapeOf(const Product& product) const;
  void check(int status, const char* what) const;

  Gpu& gpu_;
  const std::vector<std::string> folders_;
  const bool tf32_;
  // Over all below: descriptors hold the pointers of the call at hand. What is timed beside a fused
  // product multiplies as well.
  std::recursive_mutex mutex_;
  cublas::Functions cublasLt_ = {};
  cublas::Context* context_ = nullptr;
  std::optional<Scratch<char>> workspace_;
  KeptAlgorithms kept_;
  std::unordered_map<GemmShape, std::shared_ptr<Plan>, GemmShapeHash> plans_;
};

/** A product without an epilogue, of any shape; plain tiles, and far from cuBLASLt's speed. */
void multiplyPlain(Gpu& gpu, const char* op, const Product& product);

}  // namespace gradus
