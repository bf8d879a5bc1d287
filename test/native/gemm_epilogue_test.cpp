// Epilogues of matrix products against a plain product and separate passes over it, by each engine.
//
//   gemm_epilogue_test OPENBLAS
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <vector>

#include "cpu/blas.h"
#include "cpu/gemm.h"
#include "cpu/pool.h"
#include "math/pointwise.h"
#include "math/types.h"

namespace {

#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif

using namespace gradus;

/** Elements of any floating type. */
class Values {
 public:
  Values(DType type, int64_t n) : type_(type), bytes_(static_cast<size_t>(n * byteSize(type))) {}

  static Values random(DType type, int64_t n) {
    static uint64_t state = 1;
    Values values(type, n);
    for (int64_t i = 0; i < n; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      values.set(i, static_cast<float>(static_cast<int32_t>(state >> 32)) * 0x1p-31f);
    }
    return values;
  }

  float at(int64_t i) const {
    if (type_ == DType::F32) return as<float>()[i];
    return type_ == DType::BF16 ? math::toFloat(as<BF16>()[i]) : math::toFloat(as<F16>()[i]);
  }
  void set(int64_t i, float x) {
    if (type_ == DType::F32) math::store(x, const_cast<float*>(as<float>()) + i);
    if (type_ == DType::BF16) math::store(x, const_cast<BF16*>(as<BF16>()) + i);
    if (type_ == DType::F16) math::store(x, const_cast<F16*>(as<F16>()) + i);
  }
  Matrix matrix(int64_t rows, int64_t columns, bool transposed) const {
    return Matrix::of(type_, bytes_.data(), rows, columns, transposed);
  }
  Result result(int64_t row) { return {type_, bytes_.data(), row}; }

 private:
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(bytes_.data());
  }

  DType type_;
  std::vector<unsigned char> bytes_;
};

float activated(Activation activation, float x) {
  switch (activation) {
    case Activation::Relu:
      return math::relu(x);
    case Activation::Gelu:
      return math::gelu(x);
    case Activation::GeluErf:
      return math::geluErf(x);
    case Activation::Silu:
      return math::silu(x);
    default:
      return x;
  }
}

float sloped(Activation activation, float x, float dy) {
  switch (activation) {
    case Activation::Relu:
      return math::reluGrad(x, dy);
    case Activation::Gelu:
      return math::geluGrad(x, dy);
    case Activation::GeluErf:
      return math::geluErfGrad(x, dy);
    case Activation::Silu:
      return math::siluGrad(x, dy);
    default:
      return dy;
  }
}

float rounding(DType type) {
  if (type == DType::F32) return 2e-6f;
  return type == DType::BF16 ? 0x1p-8f : 0x1p-10f;
}

int failures = 0;

struct Case {
  int64_t m, n, k;
  bool transposeA, transposeB;
  DType type;
};

void compare(const Case& c, const char* what, int flags, DType type, int64_t i, float got,
             float expected) {
  float bound =
      1e-5f * std::sqrt(static_cast<float>(c.k) + 1) + rounding(type) * (1 + std::fabs(expected));
  if (std::fabs(got - expected) <= bound) return;
  if (++failures > 20) return;
  std::printf("gemm %s, (%lld, %lld, %lld)%s%s %s, case %d: element %lld is %.9g, not %.9g\n", what,
              static_cast<long long>(c.m), static_cast<long long>(c.n), static_cast<long long>(c.k),
              c.transposeA ? " transposeA" : "", c.transposeB ? " transposeB" : "", nameOf(c.type),
              flags, static_cast<long long>(i), got, expected);
}

// Which parts of an epilogue a case has.
constexpr int kBias = 1, kResidual = 2, kBefore = 4, kSlope = 8, kAccumulate = 16, kAll = 32;

void check(const Case& c, Activation activation, int flags) {
  const int64_t size = c.m * c.n;
  Values a = Values::random(c.type, c.m * c.k), b = Values::random(c.type, c.k * c.n);
  Values bias = Values::random(DType::F32, c.n), residual = Values::random(c.type, size);
  Values slopeAt = Values::random(DType::F32, size), before(c.type, size);
  Values y = Values::random(c.type, size), old = y, sums(DType::F32, size);
  Values rowSums = Values::random(DType::F32, c.m), oldSums = rowSums;
  const bool accumulate = (flags & kAccumulate) != 0;

  Product p{c.m,
            c.n,
            c.k,
            a.matrix(c.m, c.k, c.transposeA),
            b.matrix(c.k, c.n, c.transposeB),
            nullptr,
            sums.result(c.n),
            false};
  gemm(p);
  p.y = y.result(c.n);
  p.accumulate = accumulate;
  if (flags & kBias) p.bias = bias.result(c.n).floats();
  p.epilogue.activation = activation;
  if (flags & kResidual) p.epilogue.residual = residual.result(c.n);
  if (flags & kBefore) p.epilogue.before = before.result(c.n);
  if (flags & kSlope) p.epilogue.slopeAt = slopeAt.result(c.n);
  p.rowSums = rowSums.result(1).floats();
  gemm(p);

  for (int64_t i = 0; i < size; ++i) {
    float x = sums.at(i);
    if (flags & kBias) x += bias.at(i % c.n);
    if (flags & kResidual) x += residual.at(i);
    if (flags & kBefore) compare(c, "before", flags, c.type, i, before.at(i), x);
    float expected =
        flags & kSlope ? sloped(activation, slopeAt.at(i), x) : activated(activation, x);
    if (accumulate) expected += old.at(i);
    compare(c, "y", flags, c.type, i, y.at(i), expected);
  }
  for (int64_t i = 0; i < c.m; ++i) {
    double sum = accumulate ? oldSums.at(i) : 0;
    for (int64_t l = 0; l < c.k; ++l) sum += a.at(c.transposeA ? l * c.m + i : i * c.k + l);
    compare(c, "row sums", flags, DType::F32, i, rowSums.at(i), static_cast<float>(sum));
  }
}

/** In turn: products of few rows, of tiles, of tiles transposed, of blocks by strips and by rows;
 * one element past their vectors, panels and depths. */
void checkAll(DType type) {
  const int64_t sizes[][3] = {{1, 1, 0},       {3, 70, 0},      {5, 129, 77},    {7, 65, 16},
                              {33, 47, 19},    {67, 5, 130},    {17, 300, 40},   {130, 390, 770},
                              {390, 130, 770}, {301, 257, 521}, {257, 1100, 129}};
  const Activation activations[] = {Activation::None, Activation::Relu, Activation::Gelu,
                                    Activation::GeluErf, Activation::Silu};
  int turn = 0;
  for (auto& [m, n, k] : sizes) {
    for (int transposes = 0; transposes < 4; ++transposes) {
      Case c{m, n, k, (transposes & 1) != 0, (transposes & 2) != 0, type};
      // Small products meet every case, large ones each a few of them.
      const bool small = m * n * k < 100000;
      for (int flags = small ? 0 : turn % 5; flags < kAll; flags += small ? 1 : 5) {
        for (int at = 0; at < (small ? 5 : 1); ++at) {
          check(c, activations[(turn + at) % 5], flags);
        }
        ++turn;
      }
    }
  }
}

/** The bits of one engine or the other, and of the same one every time. */
void checkAuto() {
  const int64_t m = 150, n = 170, k = 190;
  Values a = Values::random(DType::F32, m * k), b = Values::random(DType::F32, k * n);
  auto multiply = [&](Engine engine) {
    setEngine(engine);
    std::vector<float> y(static_cast<size_t>(m * n));
    gemm({m,
          n,
          k,
          a.matrix(m, k, false),
          b.matrix(k, n, true),
          nullptr,
          {DType::F32, y.data(), n},
          false});
    return y;
  };
  const auto own = multiply(Engine::Own), blas = multiply(Engine::OpenBlas);
  const auto first = multiply(Engine::Auto);
  if (first != own && first != blas) {
    std::printf("gemm auto: bits of neither engine\n");
    ++failures;
  }
  for (int again = 0; again < 5; ++again) {
    if (multiply(Engine::Auto) == first) continue;
    std::printf("gemm auto: other bits at the next product of the shape\n");
    ++failures;
  }
}

void checkNoBlas() {
  try {
    setEngine(Engine::Auto);
    std::printf("gemm: an engine without its library was accepted\n");
    ++failures;
  } catch (const std::runtime_error&) {
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::printf("usage: gemm_epilogue_test OPENBLAS\n");
    return 2;
  }
  startPool(2);
  for (DType type : {DType::F32, DType::BF16, DType::F16}) checkAll(type);
  checkNoBlas();
  if (!kThreadSanitizer) {  // it cannot look into OpenBLAS
    openBlas(arguments[1]);
    setEngine(Engine::OpenBlas);
    checkAll(DType::F32);
    checkAuto();
  }
  std::printf("gemm_epilogue_test: %d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
