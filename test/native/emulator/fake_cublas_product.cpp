#include "fake_cublas_product.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "math/types.h"

using namespace gradus::cublas;
using gradus::BF16;
using gradus::F16;

namespace {

double read(int type, const void* x, int64_t i) {
  if (type == CUDA_R_32F) return static_cast<const float*>(x)[i];
  if (type == CUDA_R_16BF) return gradus::math::toFloat(static_cast<const BF16*>(x)[i]);
  return gradus::math::toFloat(static_cast<const F16*>(x)[i]);
}

void write(int type, double value, void* x, int64_t i) {
  const auto f = static_cast<float>(value);
  if (type == CUDA_R_32F) return gradus::math::store(f, static_cast<float*>(x) + i);
  if (type == CUDA_R_16BF) return gradus::math::store(f, static_cast<BF16*>(x) + i);
  gradus::math::store(f, static_cast<F16*>(x) + i);
}

constexpr double kRoot = 0.79788456080286536;  // sqrt(2 / pi)

double gelu(double x) { return x / 2 * (1 + std::tanh(kRoot * (x + 0.044715 * x * x * x))); }

double geluSlope(double x) {
  const double t = std::tanh(kRoot * (x + 0.044715 * x * x * x));
  return (1 + t) / 2 + x / 2 * (1 - t * t) * kRoot * (1 + 3 * 0.044715 * x * x);
}

/** Of op(x), of batch p, column by column. */
std::vector<double> elements(const MatrixLayout& x, bool transposed, const void* data, int64_t p) {
  const auto rows = static_cast<int64_t>(x.rows), columns = static_cast<int64_t>(x.columns);
  std::vector<double> all(static_cast<size_t>(rows * columns));
  for (int64_t j = 0; j < columns; ++j) {
    for (int64_t i = 0; i < rows; ++i) {
      all[static_cast<size_t>(transposed ? i * columns + j : j * rows + i)] =
          read(x.type, data, p * x.stride + j * x.row + i);
    }
  }
  return all;
}

}  // namespace

void FakeProduct::run() const {
  const bool ta = m.transposeA == CUBLAS_OP_T, tb = m.transposeB == CUBLAS_OP_T;
  const size_t rows = d.rows, columns = d.columns, depth = ta ? a.rows : a.columns;
  std::vector<double> x, y, sums(rows);
  for (int64_t p = 0; p < d.batch; ++p) {
    if (p == 0 || a.stride != 0) x = elements(a, ta, left, p);
    if (p == 0 || b.stride != 0) y = elements(b, tb, right, p);
    if (m.epilogue == CUBLASLT_EPILOGUE_BGRADB) {
      for (size_t j = 0; j < columns; ++j) {
        const double sum =
            std::accumulate(y.begin() + static_cast<std::ptrdiff_t>(j * depth),
                            y.begin() + static_cast<std::ptrdiff_t>((j + 1) * depth), 0.0);
        write(d.type, sum, m.bias, static_cast<int64_t>(j));
      }
    }
    for (size_t j = 0; j < columns; ++j) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (size_t l = 0; l < depth; ++l) {
        const double factor = y[j * depth + l];
        const double* column = x.data() + l * rows;
        for (size_t i = 0; i < rows; ++i) sums[i] += column[i] * factor;
      }
      for (size_t i = 0; i < rows; ++i) {
        finish(sums[i], p, static_cast<int64_t>(i), static_cast<int64_t>(j));
      }
    }
  }
}

void FakeProduct::finish(double sum, int64_t p, int64_t i, int64_t j) const {
  sum *= alpha;
  if (beta != 0) sum += beta * read(c.type, before, p * c.stride + j * c.row + i);
  if (hasBias(m.epilogue)) sum += read(d.type, m.bias, i);
  const int64_t beside = j * m.auxRow + i;
  if (m.epilogue == CUBLASLT_EPILOGUE_DGELU) {
    sum *= geluSlope(read(d.type, m.aux, beside));
  } else if ((m.epilogue & CUBLASLT_EPILOGUE_GELU) != 0) {
    if (hasAux(m.epilogue)) write(d.type, sum, m.aux, beside);
    sum = gelu(sum);
  }
  write(d.type, sum, to, p * d.stride + j * d.row + i);
}
