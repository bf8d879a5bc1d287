#include <cstring>

#include "cpu/backend.h"
#include "cpu/gemm.h"
#include "cpu/pool.h"
#include "math/types.h"

namespace gradus {

namespace {

// Products up to this size (about 20 microseconds) are shared out whole, larger ones are cut up.
constexpr int64_t kWholeProduct = int64_t{1} << 20;
constexpr int64_t kGrain = int64_t{1} << 15;

/** Floats for the length of one call, from the backend's memory. */
class Scratch {
 public:
  Scratch(Memory& memory, int64_t n) : memory_(memory), bytes_(n * 4) {
    data_ = static_cast<float*>(memory.allocate(bytes_));
    if (data_ == nullptr) {
      throw std::runtime_error("matmul: out of memory: no " + std::to_string(bytes_) +
                               " bytes for operands as f32; raise the limit or close tensors");
    }
  }
  ~Scratch() { memory_.release(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  float* data() const { return data_; }

 private:
  Memory& memory_;
  int64_t bytes_;
  float* data_;
};

template <class From, class To>
void convert(const From* x, To* y, int64_t n) {
  pool().split(n, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) math::store(math::toFloat(x[i]), y + i);
  });
}

/** `batch` products of one shape whose operands lie aStride, bStride and m * n apart. */
void multiply(const Product& first, int64_t batch, int64_t aStride, int64_t bStride) {
  auto one = [&](int64_t i) {
    Product p = first;
    p.a.data += i * aStride;
    p.b.data += i * bStride;
    p.y += i * p.m * p.n;
    gemm(p);
  };
  int64_t work = first.m * first.n * first.k;
  if (work <= kWholeProduct) {
    pool().split(batch, kWholeProduct / (work + 1) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) one(i);
    });
  } else {
    for (int64_t i = 0; i < batch; ++i) one(i);
  }
}

}  // namespace

void CpuBackend::matmul(Type t, In a, In b, In bias, Out y, int64_t batch, int64_t m, int64_t n,
                        int64_t k, int64_t aStride, int64_t bStride, bool transposeA,
                        bool transposeB, bool accumulate) {
  if (batch == 0) return;
  // Rows that all meet the same b are rows of one larger product.
  if (bStride == 0 && aStride == m * k && !transposeA) {
    m *= batch;
    batch = 1;
  }
  auto run = [&](const float* a, const float* b, const float* bias, float* y) {
    multiply({m, n, k, Matrix::of(a, m, k, transposeA), Matrix::of(b, k, n, transposeB), bias, y, n,
              accumulate},
             batch, aStride, bStride);
  };
  auto runAsFloat = [&](auto element) {
    using E = decltype(element);
    int64_t aSize = (batch - 1) * aStride + m * k, bSize = (batch - 1) * bStride + k * n;
    int64_t ySize = batch * m * n;
    Scratch af(memory_, aSize), bf(memory_, bSize), biasf(memory_, n), yf(memory_, ySize);
    convert(a.as<E>(), af.data(), aSize);
    convert(b.as<E>(), bf.data(), bSize);
    if (bias) convert(bias.as<E>(), biasf.data(), n);
    if (accumulate) convert(y.as<E>(), yf.data(), ySize);
    run(af.data(), bf.data(), bias ? biasf.data() : nullptr, yf.data());
    convert(yf.data(), y.as<E>(), ySize);
  };
  switch (DType(t)) {
    case DType::F32:
      return run(a.as<float>(), b.as<float>(), bias.as<float>(), y.as<float>());
    case DType::BF16:
      return runAsFloat(BF16());
    case DType::F16:
      return runAsFloat(F16());
    default:
      throw std::invalid_argument(std::string("matmul: type ") + nameOf(t) +
                                  " is not supported: supported are f32, bf16 and f16");
  }
}

}  // namespace gradus
