// Rows are read once and stay in registers for their passes: a mean, then a variance around it,
// which loses nothing where the mean is large. Only rows of many thousands of columns are read
// again.
#include <algorithm>
#include <cmath>

#include "cuda/backend.h"
#include "cuda/dropout.h"
#include "cuda/normalization.h"

namespace gradus {

namespace {

constexpr int kMostThreads = 256;

/** Packs of N that a thread holds of its row. */
template <int N>
constexpr int kHeld = N > 1 ? 4 : 8;

/** x, or where there is a residual: sum = residual + x, with dropout where x has it. */
template <class E>
struct Input {
  const E *x, *residual;
  E* sum;
  bool drops;
  Dropout dropout;

  /** A pack of x, whose first element is `at`, becomes one of the sum as the type can hold it: what
   * is normalized must be what the gradient will read. */
  template <int N>
  __device__ void add(Pack<E, N>* x, const Pack<E, N>& other, int64_t at) const {
    float xs[N], others[N];
    widen(*x, xs);
    widen(other, others);
    if (drops) {
      if constexpr (N % 4 == 0) {
        dropout.template applyAll<N>(xs, at);
      } else {
#pragma unroll
        for (int j = 0; j < N; ++j) xs[j] = dropout.apply(xs[j], at + j);
      }
    }
#pragma unroll
    for (int j = 0; j < N; ++j) xs[j] += others[j];
    narrow(xs, x);
    storePack(*x, sum + at);
  }
};

/** What becomes of the rows; without a mean they are not centred, as RMSNorm has it. */
template <class E>
struct Output {
  Parameter weight, bias;
  E* y;
  float *mean, *rstd;
  float eps;

  __device__ float rstdOf(float squares, int cols) const {
    return 1.0f / std::sqrt(squares / static_cast<float>(cols) + eps);
  }

  __device__ void storeStatistics(int64_t row, float centre, float scale) const {
    if (mean != nullptr) mean[row] = centre;
    rstd[row] = scale;
  }

  /** The pack of y for that of x at `column` of its row, which begins at `first`. */
  template <int N>
  __device__ void store(Pack<E, N> x, float centre, float scale, int64_t first, int column) const {
    float w[N], b[N];
    weight.load<N>(column, w);
    bias.load<N>(column, b);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      E* element = &x.elements[j];
      math::store((math::toFloat(*element) - centre) * scale * w[j] + b[j], element);
    }
    storePack(x, y + first + column);
  }
};

template <class E, int N>
__device__ float total(const Pack<E, N>& x) {
  float sum = 0;
#pragma unroll
  for (int j = 0; j < N; ++j) sum += math::toFloat(x.elements[j]);
  return sum;
}

/** Of the squares around a mean. */
template <class E, int N>
__device__ float totalSquare(const Pack<E, N>& x, float mean) {
  float sum = 0;
#pragma unroll
  for (int j = 0; j < N; ++j) {
    const float d = math::toFloat(x.elements[j]) - mean;
    sum += d * d;
  }
  return sum;
}

/** A team for each row, which holds all of it. */
template <int N, class E>
__global__ void __launch_bounds__(kMostThreads, 3)
    normalizeRows(Input<E> in, Output<E> out, int64_t rows, int cols, int teamSize) {
  constexpr int P = kHeld<N>;
  const Team team(teamSize);
  const int64_t row = blockIndex() * team.count + team.index, first = row * cols;
  const int limit = row < rows ? cols : 0;
  // All loads are on their way before the first is waited for.
  Pack<E, N> xs[P];
  team.each<N, P>(limit, [&](int p, int column) { xs[p] = loadPack<N>(in.x + first + column); });
  if (in.residual != nullptr) {
    Pack<E, N> others[P];
    team.each<N, P>(
        limit, [&](int p, int column) { others[p] = loadPack<N>(in.residual + first + column); });
    team.each<N, P>(limit, [&](int p, int column) { in.add(&xs[p], others[p], first + column); });
  }
  float sum[1] = {}, squares[1] = {}, mean = 0;
  team.each<N, P>(limit, [&](int p, int) { sum[0] += total(xs[p]); });
  if (out.mean != nullptr) {
    team.sum(sum);
    mean = sum[0] / static_cast<float>(cols);
  }
  team.each<N, P>(limit, [&](int p, int) { squares[0] += totalSquare(xs[p], mean); });
  team.sum(squares);
  const float rstd = out.rstdOf(squares[0], cols);
  if (row < rows && team.rank == 0) out.storeStatistics(row, mean, rstd);
  team.each<N, P>(limit, [&](int p, int column) { out.store(xs[p], mean, rstd, first, column); });
}

/** A block for each row, which is read three times. */
template <int N, class E>
__global__ void __launch_bounds__(kMostThreads)
    normalizeLongRows(Input<E> in, Output<E> out, int cols) {
  const int64_t row = blockIndex(), first = row * cols;
  const E* from = in.residual != nullptr ? in.sum : in.x;
  const int begin = static_cast<int>(threadIdx.x) * N, step = static_cast<int>(blockDim.x) * N;
  float sum = 0, squares = 0, mean = 0;
  for (int column = begin; column < cols; column += step) {
    const int64_t at = first + column;
    Pack<E, N> pack = loadPack<N>(in.x + at);
    if (in.residual != nullptr) in.add(&pack, loadPack<N>(in.residual + at), at);
    sum += total(pack);
  }
  if (out.mean != nullptr) mean = blockReduce(sum, 0.0f, Plus()) / static_cast<float>(cols);
  // Each thread reads of the sums those that it wrote.
  for (int column = begin; column < cols; column += step) {
    squares += totalSquare(loadPack<N>(from + first + column), mean);
  }
  const float rstd = out.rstdOf(blockReduce(squares, 0.0f, Plus()), cols);
  if (threadIdx.x == 0) out.storeStatistics(row, mean, rstd);
  for (int column = begin; column < cols; column += step) {
    out.store(loadPack<N>(from + first + column), mean, rstd, first, column);
  }
}

template <int N, class E>
void normalize(Gpu& gpu, const char* name, const Input<E>& in, const Output<E>& out, int64_t rows,
               int64_t cols) {
  const int64_t packs = ceilDivide(cols, N);
  if (packs > kMostThreads * kHeld<N>) {
    launch(gpu, name, blocksFor(rows, kMostThreads), normalizeLongRows<N, E>, in, out, cols);
  } else {
    const int team = teamFor(packs, kHeld<N>, kMostThreads);
    const int threads = std::max(team, team > kWarp ? team : kThreads);
    launch(gpu, name, blocksFor(ceilDivide(rows, threads / team), threads), normalizeRows<N, E>, in,
           out, rows, cols, team);
  }
}

void normalize(Gpu& gpu, const char* name, DType t, In x, In residual, Out sum, DType wt, In weight,
               In bias, Out y, Out mean, Out rstd, int64_t rows, int64_t cols, double eps,
               int64_t seed = 0, double p = 0) {
  withFloating(t, [&](auto element) {
    using E = decltype(element);
    constexpr int N = kPack<E>;
    const Input<E> in = {x.as<E>(), residual.as<E>(), sum.as<E>(), p != 0,
                         Dropout(gpu, seed, 0, p)};
    const Output<E> out = {Parameter(wt, weight, 1.0f),
                           Parameter(wt, bias, 0.0f),
                           y.as<E>(),
                           mean.as<float>(),
                           rstd.as<float>(),
                           static_cast<float>(eps)};
    const bool aligned = cols % N == 0 && isAligned(x) && isAligned(residual) && isAligned(sum) &&
                         isAligned(weight) && isAligned(bias) && isAligned(y);
    if (aligned) {
      normalize<N>(gpu, name, in, out, rows, cols);
    } else {
      normalize<1>(gpu, name, in, out, rows, cols);
    }
  });
}

}  // namespace

void CudaBackend::addNormalization() {
  layerNorm = [this](Type t, In x, Type wt, In weight, In bias, Out y, Out mean, Out rstd,
                     int64_t rows, int64_t cols, double eps) {
    normalize(gpu_, "layerNorm", t, x, nullptr, nullptr, wt, weight, bias, y, mean, rstd, rows,
              cols, eps);
  };

  addLayerNorm = [this](Type t, In x, In residual, Type wt, In weight, In bias, Out sum, Out y,
                        Out mean, Out rstd, int64_t rows, int64_t cols, double eps, int64_t seed,
                        double p) {
    normalize(gpu_, "addLayerNorm", t, x, residual, sum, wt, weight, bias, y, mean, rstd, rows,
              cols, eps, seed, p);
  };

  layerNormGrad = [this](Type t, In dy, In x, Type wt, In weight, In mean, In rstd, Out dx,
                         bool accumulate, Out dweight, Out dbias, int64_t rows, int64_t cols) {
    normalizeGrad(gpu_, "layerNormGrad", t, dy, x, wt, weight, mean, rstd, dx, accumulate, dweight,
                  dbias, rows, cols);
  };

  rmsNorm = [this](Type t, In x, Type wt, In weight, Out y, Out rstd, int64_t rows, int64_t cols,
                   double eps) {
    normalize(gpu_, "rmsNorm", t, x, nullptr, nullptr, wt, weight, nullptr, y, nullptr, rstd, rows,
              cols, eps);
  };

  addRmsNorm = [this](Type t, In x, In residual, Type wt, In weight, Out sum, Out y, Out rstd,
                      int64_t rows, int64_t cols, double eps, int64_t seed, double p) {
    normalize(gpu_, "addRmsNorm", t, x, residual, sum, wt, weight, nullptr, y, nullptr, rstd, rows,
              cols, eps, seed, p);
  };

  rmsNormGrad = [this](Type t, In dy, In x, Type wt, In weight, In rstd, Out dx, bool accumulate,
                       Out dweight, int64_t rows, int64_t cols) {
    normalizeGrad(gpu_, "rmsNormGrad", t, dy, x, wt, weight, nullptr, rstd, dx, accumulate, dweight,
                  nullptr, rows, cols);
  };
}

}  // namespace gradus
