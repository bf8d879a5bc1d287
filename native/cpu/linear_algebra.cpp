#include <algorithm>

#include "cpu/backend.h"
#include "cpu/blas.h"
#include "cpu/gemm.h"
#include "cpu/gemm_epilogue.h"
#include "cpu/loops.h"

namespace gradus {

namespace {

// Products up to this size (about 20 microseconds) are shared out whole, larger ones are cut up.
constexpr int64_t kWholeProduct = int64_t{1} << 20;

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

void convert(DType from, In x, DType to, Out y, int64_t n) {
  ranges(n, [&](int64_t begin, int64_t end) {
    alignas(64) float buffer[kBlock];
    blocks(begin, end, [&](int64_t at, int64_t size) {
      narrow(to, load(from, x, at, buffer, size), y, at, size);
    });
  });
}

/** `batch` products of one shape whose operands lie aStride, bStride and m * n apart. */
void multiply(const Product& first, int64_t batch, int64_t aStride, int64_t bStride) {
  auto one = [&](int64_t i) {
    Product p = first;
    p.a.data.address += i * aStride * byteSize(p.a.type);
    p.b.data.address += i * bStride * byteSize(p.b.type);
    p.y = p.y.at(i * p.m, 0);
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

void checkType(Type t) {
  if (isFloating(t)) return;
  throw std::invalid_argument(std::string("matmul: type ") + nameOf(t) +
                              " is not supported: supported are f32, bf16 and f16");
}

}  // namespace

void CpuBackend::addLinearAlgebra() {
  matmul = [this](Type aType, In a, Type bType, In b, Type biasType, In bias, Type yType, Out y,
                  int64_t batch, int64_t m, int64_t n, int64_t k, int64_t aStride, int64_t bStride,
                  bool transposeA, bool transposeB, bool accumulate) {
    for (Type t : {aType, bType, biasType, yType}) checkType(t);
    if (batch == 0) return;
    // Rows that all meet the same b are rows of one larger product.
    if (bStride == 0 && aStride == m * k && !transposeA) {
      m *= batch;
      batch = 1;
    }
    const bool widenBias = bias && biasType != DType::F32;
    Scratch biasFloats(memory_, widenBias ? n : 0);
    if (widenBias) convert(biasType, bias, DType::F32, biasFloats.data(), n);
    const float* add = widenBias ? biasFloats.data() : bias.as<float>();
    auto run = [&](Type aType, In a, Type bType, In b, Type yType, Out y) {
      multiply({m,
                n,
                k,
                Matrix::of(aType, a, m, k, transposeA),
                Matrix::of(bType, b, k, n, transposeB),
                add,
                {yType, y, n},
                accumulate},
               batch, aStride, bStride);
    };
    if (!usesBlas() || (aType == DType::F32 && bType == DType::F32 && yType == DType::F32)) {
      return run(aType, a, bType, b, yType, y);
    }
    // OpenBLAS multiplies floats only.
    const Type f32 = DType::F32;
    int64_t aSize = (batch - 1) * aStride + m * k, bSize = (batch - 1) * bStride + k * n;
    int64_t ySize = batch * m * n;
    Scratch af(memory_, aSize), bf(memory_, bSize), yf(memory_, ySize);
    convert(aType, a, f32, af.data(), aSize);
    convert(bType, b, f32, bf.data(), bSize);
    if (accumulate) convert(yType, y, f32, yf.data(), ySize);
    run(f32, af.data(), f32, bf.data(), f32, yf.data());
    convert(f32, yf.data(), yType, y, ySize);
  };

  // These have F32 alone: CpuGraph makes no others.
  matmulActivation = [](Type, In a, Type, In b, Type, In bias, Type, Out before, In slopeAt, Out y,
                        int64_t m, int64_t n, int64_t k, int64_t f, bool transposeA,
                        bool transposeB) {
    const DType f32 = DType::F32;
    auto beside = [&](int64_t address) { return Result{f32, address, n}; };
    const Epilogue epilogue{static_cast<Activation>(f), Result::none(), beside(before.address),
                            beside(slopeAt.address)};
    gemm({m, n, k, Matrix::of(f32, a, m, k, transposeA), Matrix::of(f32, b, k, n, transposeB),
          bias.as<float>(), beside(y.address), false, epilogue});
  };

  matmulAdd = [](Type, In a, Type, In b, Type, In bias, Type, In residual, Out y, int64_t m,
                 int64_t n, int64_t k, bool transposeA, bool transposeB) {
    const DType f32 = DType::F32;
    Epilogue epilogue;
    epilogue.residual = {f32, residual.address, n};
    gemm({m,
          n,
          k,
          Matrix::of(f32, a, m, k, transposeA),
          Matrix::of(f32, b, k, n, transposeB),
          bias.as<float>(),
          {f32, y, n},
          false,
          epilogue});
  };

  columnSums = [](Type t, In x, Type yType, Out y, int64_t rows, int64_t cols, bool accumulate) {
    sumColumns(t, x, cols, rows, cols, yType, y, accumulate);
  };

  matmulSums = [](Type, In a, Type, In b, Type, Out y, Out sums, int64_t m, int64_t n, int64_t k) {
    const DType f32 = DType::F32;
    Product product{
        m,       n,           k,    Matrix::of(f32, a, m, k, true), Matrix::of(f32, b, k, n, false),
        nullptr, {f32, y, n}, false};
    product.rowSums = sums.as<float>();
    gemm(product);
  };
}

}  // namespace gradus
