// Matrix products, and sums of columns. cuBLASLt multiplies operands of one type and stores that
// type or F32; here stands what leads to such a product and what follows it.
#include "cuda/backend.h"
#include "cuda/loops.h"
#include "cuda/rows.h"
#include "math/pointwise.h"

namespace gradus {

namespace {

template <int N, class E, class Y>
__global__ void convert(const E* x, Y* y, int64_t n) {
  const int64_t packs = n / N;
  for (int64_t i = threadIndex(); i < packs; i += threadCount()) {
    const Pack<E, N> p = reinterpret_cast<const Pack<E, N>*>(x)[i];
    Pack<Y, N> q;
#pragma unroll
    for (int j = 0; j < N; ++j) math::store(math::toFloat(p.elements[j]), &q.elements[j]);
    reinterpret_cast<Pack<Y, N>*>(y)[i] = q;
  }
  for (int64_t i = packs * N + threadIndex(); i < n; i += threadCount()) {
    math::store(math::toFloat(x[i]), y + i);
  }
}

/** An operand as a type that it may have already. */
class Converted {
 public:
  Converted(Gpu& gpu, DType from, In x, DType wanted, int64_t n)
      : scratch_(gpu.memory(), x && from != wanted ? n * byteSize(wanted) : 0),
        address_(x && from != wanted ? In(scratch_.data()) : x) {
    if (!x || from == wanted) return;
    withFloating(from, [&](auto element) {
      withFloating(wanted, [&](auto result) {
        using E = decltype(element);
        using Y = decltype(result);
        constexpr int N = 4;  // floats in 16 bytes
        Y* to = reinterpret_cast<Y*>(scratch_.data());
        if (isAligned(x)) {
          launch(gpu, "matmul", gridFor(gpu, ceilDivide(n, N)), convert<N, E, Y>, x.as<E>(), to, n);
        } else {
          launch(gpu, "matmul", gridFor(gpu, n), convert<1, E, Y>, x.as<E>(), to, n);
        }
      });
    });
  }

  operator In() const { return address_; }

 private:
  const Scratch<char> scratch_;
  const In address_;
};

/** y = sums + bias, + y where it accumulates; n columns. */
template <class B, class Y>
__global__ void finish(const float* sums, const B* bias, bool accumulate, Y* y, int64_t size,
                       int64_t n) {
  for (int64_t i = threadIndex(); i < size; i += threadCount()) {
    float sum = sums[i];
    if (bias != nullptr) sum += math::toFloat(bias[i % n]);
    if (accumulate) sum += math::toFloat(y[i]);
    math::store(sum, y + i);
  }
}

void finish(Gpu& gpu, const float* sums, DType bt, In bias, bool accumulate, DType yt, Out y,
            int64_t size, int64_t n) {
  withFloating(bt, [&](auto parameter) {
    withFloating(yt, [&](auto element) {
      using B = decltype(parameter);
      using Y = decltype(element);
      launch(gpu, "matmul", gridFor(gpu, size), finish<B, Y>, sums, bias.as<B>(), accumulate,
             y.as<Y>(), size, n);
    });
  });
}

/**
 * The type in which a and b meet. Beside a 16-bit operand and a result of its type, F32 holds
 * master weights, which are rounded as PyTorch's autocast does it: else tensor cores would stand
 * idle. Other pairs are widened.
 */
DType commonType(DType a, DType b, DType y) {
  if (a == b) return a;
  const bool narrows =
      y != DType::F32 && (a == y || b == y) && (a == DType::F32 || b == DType::F32);
  return narrows ? y : DType::F32;
}

constexpr int kLanes = 32;                   // that lie along a row
constexpr int kSummers = kThreads / kLanes;  // rows that a block reads at once

/** The sums of the columns of a chunk of rows; each thread has N columns of every kSummers-th row.
 */
template <int N, class E>
__global__ void sumChunk(const E* x, float* partials, int64_t rows, int64_t cols, int64_t chunk) {
  __shared__ float sums[kSummers][kLanes * N];
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int summer = static_cast<int>(threadIdx.x) / kLanes;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kLanes * N;
  const int64_t column = first + lane * N;
  const int64_t begin = blockIdx.y * chunk, end = begin + chunk < rows ? begin + chunk : rows;
  float own[N] = {};
  if (column < cols) {
#pragma unroll 4
    for (int64_t row = begin + summer; row < end; row += kSummers) {
      const auto p = *reinterpret_cast<const Pack<E, N>*>(x + row * cols + column);
#pragma unroll
      for (int j = 0; j < N; ++j) own[j] += math::toFloat(p.elements[j]);
    }
  }
#pragma unroll
  for (int j = 0; j < N; ++j) sums[summer][lane * N + j] = own[j];
  __syncthreads();
  for (int at = static_cast<int>(threadIdx.x); at < kLanes * N; at += kThreads) {
    if (first + at >= cols) continue;
    float sum = 0;
    for (int s = 0; s < kSummers; ++s) sum += sums[s][at];
    partials[blockIdx.y * cols + first + at] = sum;
  }
}

void sumColumns(Gpu& gpu, const char* op, DType t, In x, DType yType, Out y, int64_t rows,
                int64_t cols, bool accumulate) {
  const Chunks chunks(rows);
  const Scratch<float> partials(gpu.memory(), chunks.count * cols);
  withFloating(t, [&](auto element) {
    using E = decltype(element);
    auto start = [&](auto kernel, int64_t width) {
      const Grid grid = {dim3(static_cast<unsigned>(ceilDivide(cols, kLanes * width)),
                              static_cast<unsigned>(chunks.count))};
      launch(gpu, op, grid, kernel, x.as<E>(), partials.data(), rows, cols, chunks.size);
    };
    if (isAligned(x) && cols % kPack<E> == 0) {
      start(sumChunk<kPack<E>, E>, kPack<E>);
    } else {
      start(sumChunk<1, E>, 1);
    }
  });
  sumPartials(gpu, op, partials.data(), chunks.count, cols, yType, y, cols, accumulate);
}

/** One product that graphs make one call of with something else: cuBLASLt can store its y. */
class Single {
 public:
  Single(Gpu& gpu, DType aType, In a, DType bType, In b, DType biasType, In bias, DType yType,
         Out y, int64_t m, int64_t n, int64_t k, bool transposeA, bool transposeB)
      : operands_(commonType(aType, bType, yType)),
        left_(gpu, aType, a, operands_, m * k),
        right_(gpu, bType, b, operands_, k * n),
        bias_(gpu, biasType, bias, yType, n),
        product{1,         m,     n,     k,      0,     0,          transposeA, transposeB,
                operands_, yType, left_, right_, bias_, int64_t{0}, y} {}

 private:
  const DType operands_;
  const Converted left_, right_, bias_;

 public:
  Product product;
};

void activate(Gpu& gpu, const char* op, int64_t f, DType t, In x, Out y, int64_t n) {
  if (f == 1) return map(gpu, op, t, x, y, n, Function<math::relu>());
  if (f == 2) return map(gpu, op, t, x, y, n, Function<math::gelu>());
  if (f == 3) return map(gpu, op, t, x, y, n, Function<math::geluErf>());
  map(gpu, op, t, x, y, n, Function<math::silu>());
}

/** dy = dy * f'(x). */
void multiplyBySlope(Gpu& gpu, const char* op, int64_t f, DType t, In x, Out dy, int64_t n) {
  if (f == 1) {  // relu's y is above 0 where x is
    return map(gpu, op, t, x, dy, dy, n, Function2<math::reluGrad>());
  }
  if (f == 2) return map(gpu, op, t, x, dy, dy, n, Function2<math::geluGrad>());
  if (f == 3) return map(gpu, op, t, x, dy, dy, n, Function2<math::geluErfGrad>());
  map(gpu, op, t, x, dy, dy, n, Function2<math::siluGrad>());
}

}  // namespace

void CudaBackend::addLinearAlgebra() {
  matmul = [this](Type aType, In a, Type bType, In b, Type biasType, In bias, Type yType, Out y,
                  int64_t batch, int64_t m, int64_t n, int64_t k, int64_t aStride, int64_t bStride,
                  bool transposeA, bool transposeB, bool accumulate) {
    if (batch == 0 || m == 0 || n == 0) return;
    // Rows that all meet the same b are rows of one larger product.
    if (bStride == 0 && aStride == m * k && !transposeA) {
      m *= batch;
      batch = 1;
    }
    const DType f32 = DType::F32, operands = commonType(aType, bType, yType);
    const Converted left(gpu_, aType, a, operands, (batch - 1) * aStride + m * k);
    const Converted right(gpu_, bType, b, operands, (batch - 1) * bStride + k * n);
    const DType type = yType;
    const bool direct = type == f32 || type == operands;
    const Converted add(gpu_, biasType, bias, direct ? type : DType(biasType), n);
    const int64_t size = batch * m * n;
    const Scratch<float> sums(gpu_.memory(), direct ? 0 : size);
    const In none = int64_t{0};
    gemm_.multiply("matmul", {batch, m, n, k, aStride, bStride, transposeA, transposeB, operands,
                              direct ? type : f32, left, right, direct ? In(add) : none,
                              direct && accumulate ? In(y) : none, direct ? y : Out(sums.data())});
    if (!direct) finish(gpu_, sums.data(), biasType, add, accumulate, yType, y, size, n);
  };

  matmulActivation = [this](Type aType, In a, Type bType, In b, Type biasType, In bias, Type yType,
                            Out before, In slopeAt, Out y, int64_t m, int64_t n, int64_t k,
                            int64_t f, bool transposeA, bool transposeB) {
    constexpr int64_t kGelu = 2;
    const Single single(gpu_, aType, a, bType, b, biasType, bias, yType, before ? before : y, m, n,
                        k, transposeA, transposeB);
    auto apart = [&] {
      gemm_.multiply("matmulActivation", single.product);
      if (slopeAt) return multiplyBySlope(gpu_, "matmulActivation", f, yType, slopeAt, y, m * n);
      activate(gpu_, "matmulActivation", f, yType, single.product.y, y, m * n);
    };
    if (f != kGelu) return apart();
    Product fused = single.product;
    fused.y = y;
    fused.epilogue = slopeAt ? Epilogue::GeluGrad : Epilogue::Gelu;
    fused.beside = slopeAt ? Out(slopeAt.address) : before;
    gemm_.multiplyFused("matmulActivation", fused, apart);
  };

  matmulAdd = [this](Type aType, In a, Type bType, In b, Type biasType, In bias, Type yType,
                     In residual, Out y, int64_t m, int64_t n, int64_t k, bool transposeA,
                     bool transposeB) {
    Single single(gpu_, aType, a, bType, b, biasType, bias, yType, y, m, n, k, transposeA,
                  transposeB);
    single.product.c = residual;
    gemm_.multiply("matmulAdd", single.product);
  };

  matmulSums = [this](Type aType, In a, Type bType, In b, Type yType, Out y, Out sums, int64_t m,
                      int64_t n, int64_t k) {
    const Single single(gpu_, aType, a, bType, b, yType, int64_t{0}, yType, y, m, n, k, true,
                        false);
    Product fused = single.product;
    fused.epilogue = Epilogue::Sums;
    fused.sums = sums;
    gemm_.multiplyFused("matmulSums", fused, [&] {
      gemm_.multiply("matmulSums", single.product);
      sumColumns(gpu_, "matmulSums", aType, a, yType, sums, k, m, false);
    });
  };

  matmulSgd = [this](In a, In b, Out g, Out p, int64_t m, int64_t n, int64_t k, bool transposeA,
                     bool transposeB, double learningRate, double weightDecay, double gradScale) {
    const DType f32 = DType::F32;
    const Single single(gpu_, f32, a, f32, b, f32, int64_t{0}, f32, g, m, n, k, transposeA,
                        transposeB);
    gemm_.multiply("matmulSgd", single.product);
    sgd(p, In(g.address), int64_t{0}, m * n, learningRate, 0, 0, weightDecay, false, false,
        gradScale, int64_t{0});
  };

  columnSums = [this](Type t, In x, Type yType, Out y, int64_t rows, int64_t cols,
                      bool accumulate) {
    sumColumns(gpu_, "columnSums", t, x, yType, y, rows, cols, accumulate);
  };
}

}  // namespace gradus
