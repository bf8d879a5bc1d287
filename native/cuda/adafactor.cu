// Adafactor: one number for each row and each column of a matrix stand for the squares of all its
// elements. The size of all updates together decides on each of them, so a step goes over the
// gradients several times; what it needs in between stays on the device.
#include <cmath>

#include "cuda/backend.h"
#include "cuda/teams.h"
#include "math/optimizers.h"

namespace gradus {

namespace {

using math::Adafactor;

constexpr int64_t kPiece = 16 * kThreads;  // elements whose squares one block sums

/** Gradients, and what multiplies them: NaN where nothing is to change. */
struct Gradients {
  const float* at;
  Live<float> gradScale;
  const float* factor;

  __device__ float scale() const {
    return factor == nullptr ? gradScale.get() : gradScale.get() * *factor;
  }
};

/** `batch` matrices of rows and columns; without `column`, each element has a number in `row`. */
template <class I>
struct Matrices {
  float *p, *row, *column;
  const float* means;  // of each matrix's rows
  int64_t n;
  I rows, cols;

  /** What stands for the square of gradient i. */
  __device__ float square(int64_t i) const {
    if (column == nullptr) return row[i];
    const I r = static_cast<I>(i) / cols, c = static_cast<I>(i) - r * cols, b = r / rows;
    return row[r] / means[b] * column[static_cast<int64_t>(b) * cols + c];
  }
};

/** row (rows) moves towards the mean square of each row of g. */
template <class Team>
__global__ void averageRows(Live<Adafactor> live, Gradients g, float* row, int64_t rows,
                            int64_t cols) {
  const Adafactor a = live.get();
  const float scale = g.scale();
  const int64_t r = Team::index();
  double sum = 0;
  if (r < rows) {
    for (int64_t c = Team::thread(); c < cols; c += Team::size()) {
      const float x = g.at[r * cols + c] * scale;
      sum += static_cast<double>(x * x);
    }
  }
  sum = Team::reduce(sum, 0.0, Plus());
  if (r >= rows || Team::thread() != 0 || scale != scale) return;
  row[r] = math::adafactorMean(a, row[r], static_cast<float>(sum / static_cast<double>(cols)));
}

/** sums (batch, chunks, cols) = those of the squares of each chunk of a matrix's rows. */
template <class I>
__global__ void sumColumns(Gradients g, float* sums, int64_t n, I chunks, I size, I rows, I cols) {
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const I task = static_cast<I>(i) / cols, c = static_cast<I>(i) - task * cols;
    const I b = task / chunks, begin = (task - b * chunks) * size;
    const I end = rows - begin < size ? rows : begin + size;
    const float* from = g.at + (static_cast<int64_t>(b) * rows + begin) * cols + c;
    float sum = 0;
    for (I r = begin; r < end; ++r, from += cols) sum += *from * *from;
    sums[i] = sum;
  }
}

/** column (batch, cols) moves towards the mean squares of the columns of g. */
template <class I>
__global__ void averageColumns(Live<Adafactor> live, Gradients g, const float* sums, float* column,
                               int64_t n, I chunks, I rows, I cols) {
  const Adafactor a = live.get();
  const float scale = g.scale();
  if (scale != scale) return;
  for (int64_t i = threadIndex(); i < n; i += threadCount()) {
    const I b = static_cast<I>(i) / cols, c = static_cast<I>(i) - b * cols;
    const float* from = sums + static_cast<int64_t>(b) * chunks * cols + c;
    float sum = 0;
    for (I k = 0; k < chunks; ++k, from += cols) sum += *from;
    column[i] = math::adafactorMean(a, column[i], sum * (scale * scale / static_cast<float>(rows)));
  }
}

/** means (batch) = those of each matrix's rows. A block for each. */
__global__ void averageMeans(Live<Adafactor> live, const float* row, float* means, int64_t rows) {
  const Adafactor a = live.get();
  const int64_t b = blockIndex();
  double sum = 0;
  for (int64_t r = threadIdx.x; r < rows; r += blockDim.x) {
    sum += static_cast<double>(row[b * rows + r]);
  }
  sum = blockReduce(sum, 0.0, Plus());
  const auto mean = static_cast<float>(sum / static_cast<double>(rows));
  if (threadIdx.x == 0) means[b] = mean < a.leastMean ? a.leastMean : mean;
}

/** parts (pieces, 2) = the sums of the squares of parameters and of updates of each piece. */
template <class I>
__global__ void measure(Live<Adafactor> live, Gradients g, Matrices<I> m, double* parts) {
  const Adafactor a = live.get();
  const float scale = g.scale();
  const int64_t begin = blockIndex() * kPiece;
  const int64_t end = m.n - begin < kPiece ? m.n : begin + kPiece;
  double squares = 0, updates = 0;
  if (scale == scale) {
    for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) {
      const float d = g.at[i] * scale, p = m.p[i];
      if (m.column == nullptr) m.row[i] = math::adafactorMean(a, m.row[i], d * d);
      const float update = math::adafactorUpdate(a, d, m.square(i));
      squares += static_cast<double>(p * p);
      updates += static_cast<double>(update * update);
    }
  }
  squares = blockReduce(squares, 0.0, Plus());
  updates = blockReduce(updates, 0.0, Plus());
  if (threadIdx.x != 0) return;
  parts[2 * blockIndex()] = squares;
  parts[2 * blockIndex() + 1] = updates;
}

/** By one block. */
__global__ void decide(Live<Adafactor> live, const double* parts, int64_t count, double n,
                       float* rate) {
  const Adafactor a = live.get();
  double squares = 0, updates = 0;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) {
    squares += parts[2 * i];
    updates += parts[2 * i + 1];
  }
  squares = blockReduce(squares, 0.0, Plus());
  updates = blockReduce(updates, 0.0, Plus());
  if (threadIdx.x == 0) *rate = math::adafactorRate(a, squares, updates, n);
}

template <class I>
__global__ void apply(Live<Adafactor> live, Gradients g, Matrices<I> m, const float* rate) {
  const Adafactor a = live.get();
  const float scale = g.scale(), by = *rate;
  if (scale != scale) return;
  for (int64_t i = threadIndex(); i < m.n; i += threadCount()) {
    m.p[i] = a.keep * m.p[i] - by * math::adafactorUpdate(a, g.at[i] * scale, m.square(i));
  }
}

}  // namespace

void CudaBackend::addAdafactor() {
  adafactor = [this](Out p, In g, Out row, Out column, int64_t batch, int64_t rows, int64_t cols,
                     double learningRate, double beta2Decay, double epsilon1, double epsilon2,
                     double threshold, double weightDecay, int64_t step, double gradScale,
                     In factor) {
    const char* const name = "adafactor";
    const int64_t n = batch * rows * cols;
    if (n == 0) return;
    const Live<Adafactor> a =
        gpu_.live(Adafactor(learningRate, beta2Decay, epsilon1, epsilon2, threshold, weightDecay,
                            static_cast<double>(step)));
    const Gradients from{g.as<float>(), gpu_.live(static_cast<float>(gradScale)),
                         factor.as<float>()};
    const bool factored = column.address != 0;
    float* const averages = row.as<float>();
    const Chunks chunks(rows);
    const int64_t sumCount = factored ? batch * chunks.count * cols : 0;
    const Scratch<float> sums(gpu_.memory(), sumCount), means(gpu_.memory(), factored ? batch : 0);
    const Scratch<float> rate(gpu_.memory(), 1);
    const int64_t pieces = ceilDivide(n, kPiece);
    const Scratch<double> parts(gpu_.memory(), 2 * pieces);
    withCount(n, [&](auto count) {
      using I = decltype(count);
      const auto height = static_cast<I>(rows), width = static_cast<I>(cols);
      const auto chunkCount = static_cast<I>(chunks.count);
      if (factored) {
        const int64_t lines = batch * rows;
        constexpr int64_t kShort = 1024;
        launch(gpu_, name, cols <= kShort ? Warp::over(lines) : Block::over(lines),
               cols <= kShort ? averageRows<Warp> : averageRows<Block>, a, from, averages, lines,
               cols);
        launch(gpu_, name, gridFor(gpu_, sumCount), sumColumns<I>, from, sums.data(), sumCount,
               chunkCount, static_cast<I>(chunks.size), height, width);
        launch(gpu_, name, gridFor(gpu_, batch * cols), averageColumns<I>, a, from, sums.data(),
               column.as<float>(), batch * cols, chunkCount, height, width);
        launch(gpu_, name, blocksFor(batch), averageMeans, a, averages, means.data(), rows);
      }
      const Matrices<I> matrices{p.as<float>(), averages, column.as<float>(), means.data(), n,
                                 height,        width};
      launch(gpu_, name, blocksFor(pieces), measure<I>, a, from, matrices, parts.data());
      launch(gpu_, name, Grid{dim3(1)}, decide, a, parts.data(), pieces, static_cast<double>(n),
             rate.data());
      launch(gpu_, name, gridFor(gpu_, n), apply<I>, a, from, matrices, rate.data());
    });
  };
}

}  // namespace gradus
