// Rows are independent, and each takes its passes while it lies in L1: a mean, then a variance
// around it, which loses nothing where the mean is large. Gradients of weight and bias come from
// the same sweep as those of the rows: a second one would read dy and x again, which is most of the
// cost.
#include <cmath>
#include <optional>

#include "cpu/backend.h"
#include "cpu/dropout.h"
#include "cpu/rows.h"

namespace gradus {

namespace {

struct Statistics {
  float mean, rstd;
};

/** LayerNorm's where the row is centred, RMSNorm's where it is not. */
template <bool kCentred>
Statistics statistics(const float* x, int64_t n, double eps) {
  double mean = 0;
  if (kCentred) {
    mean = rowTotal(n, [x](int64_t i, auto* v) { get(x + i, v); }) / static_cast<double>(n);
  }
  const auto centre = static_cast<float>(mean);
  const double squares = rowTotal(n, [x, centre](int64_t i, auto* v) {
    get(x + i, v);
    *v -= centre;
    *v *= *v;
  });
  const double variance = squares / static_cast<double>(n);
  return {centre, static_cast<float>(1.0 / std::sqrt(variance + eps))};
}

/** x as the type can hold it: what is normalized must be what the gradient will read. */
void roundTo(DType t, float* x, int64_t n) {
  if (t == DType::F32) return;
  uint16_t halves[kBlock];
  blocks(0, n, [&](int64_t at, int64_t m) {
    narrow(t, x + at, halves, 0, m);
    widen(t, halves, 0, 1, x + at, m);
  });
}

/** x, or where there is a residual: sum = residual + x, with dropout where x has it. */
struct Input {
  In x, residual;
  Out sum;
  const Dropout* dropout;
};

template <bool kCentred>
void normalize(Memory& memory, DType t, const Input& input, DType wt, In weight, In bias, Out y,
               Out mean, Out rstd, int64_t rows, int64_t cols, double eps) {
  const Parameter w(memory, wt, weight, cols, 1.0f), b(memory, wt, bias, cols, 0.0f);
  const float *ws = w, *bs = b;
  rowRanges(rows, cols, [&](int64_t begin, int64_t end) {
    const int64_t added = input.residual ? cols : 0;
    RowReader xs(t, input.x, cols), residuals(t, input.residual, added);
    RowWriter sums(t, input.sum, rows, added), ys(t, y, rows, cols);
    for (int64_t row = begin; row < end; ++row) {
      const float* x = xs[row];
      if (input.residual) {
        const float* residual = residuals[row];
        float* sum = sums.target(row);
        if (input.dropout != nullptr) {
          input.dropout->apply(x, sum, row * cols, cols);
          x = sum;
        }
        GRADUS_INDEPENDENT
        for (int64_t i = 0; i < cols; ++i) sum[i] = x[i] + residual[i];
        roundTo(t, sum, cols);
        x = sum;
      }
      const Statistics s = statistics<kCentred>(x, cols, eps);
      float* to = ys.target(row);
      GRADUS_INDEPENDENT
      for (int64_t i = 0; i < cols; ++i) to[i] = (x[i] - s.mean) * s.rstd * ws[i] + bs[i];
      ys.flush(row);
      if (input.residual) sums.flush(row);
      if (kCentred) mean.as<float>()[row] = s.mean;
      rstd.as<float>()[row] = s.rstd;
    }
  });
}

/** The means of g = dy * weight and of g * normalized x, by which the row's own mean and variance
 * change with it. dweight and dbias are added to where they are asked for. */
template <bool kCentred, bool kParameters>
void gradSums(const float* dy, const float* x, const float* w, Statistics s, float* dweight,
              float* dbias, int64_t n, double* meanG, double* meanGX) {
  double sumG = 0, sumGX = 0;
  blocks(0, n, [&](int64_t at, int64_t m) {
    LaneSum gs, gxs;
    lanewise(m, [&](int64_t j, auto* kind, int slot) {
      using V = std::remove_reference_t<decltype(*kind)>;
      const int64_t i = at + j;
      V d, normalized, g;
      get(dy + i, &d);
      get(x + i, &normalized);
      get(w + i, &g);
      normalized = (normalized - s.mean) * s.rstd;
      g *= d;
      if (kCentred) gs.add(g, slot);
      gxs.add(g * normalized, slot);
      if (kParameters) {
        V sum;
        get(dweight + i, &sum);
        sum += d * normalized;
        put(sum, dweight + i);
        if (kCentred) {
          get(dbias + i, &sum);
          sum += d;
          put(sum, dbias + i);
        }
      }
    });
    if (kCentred) sumG += gs.total();
    sumGX += gxs.total();
  });
  *meanG = sumG / static_cast<double>(n);
  *meanGX = sumGX / static_cast<double>(n);
}

/** dx = rstd (g - mean(g) - normalized x * mean(g * normalized x)), without mean(g) for RMSNorm. */
void gradRow(const float* dy, const float* x, const float* w, Statistics s, double meanG,
             double meanGX, float* dx, int64_t n, bool accumulate) {
  const auto slope = static_cast<float>(meanGX * s.rstd * s.rstd);
  const auto shift = static_cast<float>(meanG * s.rstd);
  if (accumulate) {
    GRADUS_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) {
      dx[i] += dy[i] * w[i] * s.rstd - (x[i] - s.mean) * slope - shift;
    }
  } else {
    GRADUS_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) {
      dx[i] = dy[i] * w[i] * s.rstd - (x[i] - s.mean) * slope - shift;
    }
  }
}

template <bool kCentred>
void normalizeGrad(Memory& memory, DType t, In dy, In x, DType wt, In weight, In mean, In rstd,
                   Out dx, bool accumulate, Out dweight, Out dbias, int64_t rows, int64_t cols) {
  const Parameter w(memory, wt, weight, cols, 1.0f);
  const float* ws = w;
  const Chunks chunks(rows, cols);
  const bool parameters = dweight || dbias;
  const int64_t stride = kCentred ? 2 * cols : cols;  // a chunk's dweight, then its dbias
  const Scratch<float> sums(memory, parameters ? chunks.count * stride : 0);
  chunks.run([&](int64_t c, int64_t begin, int64_t end) {
    RowReader dys(t, dy, cols), xs(t, x, cols);
    std::optional<RowWriter> dxs;
    if (dx) dxs.emplace(t, dx, rows, cols, accumulate);
    float* dws = parameters ? sums.data() + c * stride : nullptr;
    float* dbs = kCentred ? dws + cols : nullptr;
    if (parameters) std::fill(dws, dws + stride, 0.0f);
    for (int64_t row = begin; row < end; ++row) {
      const float *d = dys[row], *from = xs[row];
      const Statistics s{kCentred ? mean.as<float>()[row] : 0.0f, rstd.as<float>()[row]};
      double meanG, meanGX;
      if (parameters) {
        gradSums<kCentred, true>(d, from, ws, s, dws, dbs, cols, &meanG, &meanGX);
      } else {
        gradSums<kCentred, false>(d, from, ws, s, dws, dbs, cols, &meanG, &meanGX);
      }
      if (!dx) continue;
      gradRow(d, from, ws, s, meanG, meanGX, dxs->target(row), cols, accumulate);
      dxs->flush(row);
    }
  });
  if (dweight) sumChunks(sums.data(), chunks.count, stride, wt, dweight, cols);
  if (dbias) sumChunks(sums.data() + cols, chunks.count, stride, wt, dbias, cols);
}

}  // namespace

void CpuBackend::addNormalization() {
  layerNorm = [this](Type t, In x, Type wt, In weight, In bias, Out y, Out mean, Out rstd,
                     int64_t rows, int64_t cols, double eps) {
    normalize<true>(memory_, t, {x, nullptr, nullptr, nullptr}, wt, weight, bias, y, mean, rstd,
                    rows, cols, eps);
  };

  addLayerNorm = [this](Type t, In x, In residual, Type wt, In weight, In bias, Out sum, Out y,
                        Out mean, Out rstd, int64_t rows, int64_t cols, double eps, int64_t seed,
                        double p) {
    const Dropout dropout(seed, 0, p);
    normalize<true>(memory_, t, {x, residual, sum, p == 0 ? nullptr : &dropout}, wt, weight, bias,
                    y, mean, rstd, rows, cols, eps);
  };

  layerNormGrad = [this](Type t, In dy, In x, Type wt, In weight, In mean, In rstd, Out dx,
                         bool accumulate, Out dweight, Out dbias, int64_t rows, int64_t cols) {
    normalizeGrad<true>(memory_, t, dy, x, wt, weight, mean, rstd, dx, accumulate, dweight, dbias,
                        rows, cols);
  };

  rmsNorm = [this](Type t, In x, Type wt, In weight, Out y, Out rstd, int64_t rows, int64_t cols,
                   double eps) {
    normalize<false>(memory_, t, {x, nullptr, nullptr, nullptr}, wt, weight, nullptr, y, nullptr,
                     rstd, rows, cols, eps);
  };

  addRmsNorm = [this](Type t, In x, In residual, Type wt, In weight, Out sum, Out y, Out rstd,
                      int64_t rows, int64_t cols, double eps, int64_t seed, double p) {
    const Dropout dropout(seed, 0, p);
    normalize<false>(memory_, t, {x, residual, sum, p == 0 ? nullptr : &dropout}, wt, weight,
                     nullptr, y, nullptr, rstd, rows, cols, eps);
  };

  rmsNormGrad = [this](Type t, In dy, In x, Type wt, In weight, In rstd, Out dx, bool accumulate,
                       Out dweight, int64_t rows, int64_t cols) {
    normalizeGrad<false>(memory_, t, dy, x, wt, weight, nullptr, rstd, dx, accumulate, dweight,
                         nullptr, rows, cols);
  };
}

}  // namespace gradus
