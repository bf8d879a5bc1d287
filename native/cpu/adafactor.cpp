// Adafactor: one number for each row and each column of a matrix stand for the squares of all its
// elements. Memory is what a step costs; it goes over the gradients three times, as the size of all
// updates together decides on each of them.
#include <algorithm>
#include <cmath>

#include "cpu/backend.h"
#include "cpu/optimizers.h"
#include "cpu/rows.h"
#include "math/optimizers.h"
#include "runtime/scratch.h"

namespace gradus {

namespace {

using math::Adafactor;

double squaresOf(const float* x, int64_t n) {
  return rowTotal(n, [x](int64_t i, auto* value) {
    get(x + i, value);
    *value *= *value;
  });
}

double sumOf(const Scratch<double>& parts, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += parts.data()[i];
  return sum;
}

/** Parameters of one tensor, and what their step needs. */
struct Tensors {
  float* p;
  const float* g;
  float scale;
};

/** A step of `batch` matrices. Tasks are chunks of rows, whose sums are joined in their order. */
class Factored {
 public:
  Factored(Memory& memory, const Adafactor& a, const Tensors& x, float* row, float* column,
           int64_t batch, int64_t rows, int64_t cols)
      : a_(a),
        x_(x),
        row_(row),
        column_(column),
        batch_(batch),
        rows_(rows),
        cols_(cols),
        chunks_(rows, cols),
        columns_(memory, batch * chunks_.count * cols),
        squares_(memory, batch * chunks_.count),
        updates_(memory, batch * chunks_.count),
        means_(memory, batch) {}

  void run() {
    eachChunk([this](int64_t task, int64_t first, int64_t count) { measure(task, first, count); });
    joinColumns();
    joinRows();
    eachChunk([this](int64_t task, int64_t first, int64_t count) {
      double sum = 0;
      for (int64_t r = first; r < first + count; ++r) sum += updatesOf(r);
      updates_.data()[task] = sum;
    });
    const int64_t tasks = batch_ * chunks_.count;
    const float rate =
        math::adafactorRate(a_, sumOf(squares_, tasks), sumOf(updates_, tasks),
                            static_cast<double>(batch_) * static_cast<double>(rows_ * cols_));
    rowRanges(batch_ * rows_, cols_, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) apply(r, rate);
    });
  }

 private:
  /** Calls chunk(task, first, count) for each chunk of rows, which count through all matrices. */
  template <class Chunk>
  void eachChunk(Chunk&& chunk) {
    rowRanges(batch_ * chunks_.count, chunks_.size * cols_, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t b = task / chunks_.count, from = task % chunks_.count * chunks_.size;
        chunk(task, b * rows_ + from, std::min(chunks_.size, rows_ - from));
      }
    });
  }

  /** The averages of rows, and what columns and parameters add up to. */
  void measure(int64_t task, int64_t first, int64_t count) {
    const float scale2 = x_.scale * x_.scale;
    float* const columns = columns_.data() + task * cols_;
    std::fill(columns, columns + cols_, 0.0f);
    for (int64_t r = first; r < first + count; ++r) {
      const float* const g = x_.g + r * cols_;
      const auto mean =
          static_cast<float>(squaresOf(g, cols_) * scale2 / static_cast<double>(cols_));
      row_[r] = math::adafactorMean(a_, row_[r], mean);
      GRADUS_INDEPENDENT
      for (int64_t c = 0; c < cols_; ++c) columns[c] += g[c] * g[c];
    }
    squares_.data()[task] = squaresOf(x_.p + first * cols_, count * cols_);
  }

  void joinColumns() {
    const float scale2 = x_.scale * x_.scale / static_cast<float>(rows_);
    const int64_t pieces = (cols_ + kBlock - 1) / kBlock;
    rowRanges(batch_ * pieces, chunks_.count * std::min(cols_, kBlock),
              [&](int64_t begin, int64_t end) {
                alignas(64) float sums[kBlock];
                for (int64_t task = begin; task < end; ++task) {
                  const int64_t b = task / pieces, at = task % pieces * kBlock;
                  const int64_t m = std::min(kBlock, cols_ - at);
                  const float* from = columns_.data() + b * chunks_.count * cols_ + at;
                  std::fill(sums, sums + m, 0.0f);
                  for (int64_t k = 0; k < chunks_.count; ++k, from += cols_) {
                    for (int64_t c = 0; c < m; ++c) sums[c] += from[c];
                  }
                  float* const column = column_ + b * cols_ + at;
                  for (int64_t c = 0; c < m; ++c) {
                    column[c] = math::adafactorMean(a_, column[c], sums[c] * scale2);
                  }
                }
              });
  }

  void joinRows() {
    rowRanges(batch_, rows_, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        double sum = 0;
        for (int64_t r = 0; r < rows_; ++r) sum += static_cast<double>(row_[b * rows_ + r]);
        const auto mean = static_cast<float>(sum / static_cast<double>(rows_));
        means_.data()[b] = mean < a_.leastMean ? a_.leastMean : mean;
      }
    });
  }

  /** Times a column's average it stands for the squares of row r. */
  float factorOf(int64_t r) const { return row_[r] / means_.data()[r / rows_]; }

  double updatesOf(int64_t r) const {
    const float* const g = x_.g + r * cols_;
    const float* const column = column_ + r / rows_ * cols_;
    const float factor = factorOf(r), least = a_.least, scale = x_.scale;
    return rowTotal(cols_, [=](int64_t i, auto* value) {
      std::remove_reference_t<decltype(*value)> square, lowest = {};
      lowest += least;
      get(g + i, value);
      get(column + i, &square);
      *value *= scale;
      square *= factor;
      *value *= *value;
      *value /= square < lowest ? lowest : square;
    });
  }

  void apply(int64_t r, float rate) const {
    const Adafactor a = a_;
    float* const p = x_.p + r * cols_;
    const float* const g = x_.g + r * cols_;
    const float* const column = column_ + r / rows_ * cols_;
    const float factor = factorOf(r), scale = x_.scale;
    GRADUS_INDEPENDENT
    for (int64_t c = 0; c < cols_; ++c) {
      p[c] = a.keep * p[c] - rate * math::adafactorUpdate(a, g[c] * scale, column[c] * factor);
    }
  }

  const Adafactor& a_;
  const Tensors x_;
  float *row_, *column_;
  int64_t batch_, rows_, cols_;
  Chunks chunks_;
  Scratch<float> columns_;  // sums of squares, for each chunk
  Scratch<double> squares_, updates_;
  Scratch<float> means_;  // of each matrix's rows
};

/** A step of n elements each of which has its average. */
void unfactored(Memory& memory, const Adafactor& a, const Tensors& x, float* mean, int64_t n) {
  const int64_t count = (n + kGrain - 1) / kGrain;
  const Scratch<double> squares(memory, count), updates(memory, count);
  rowRanges(count, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t first = task * kGrain, m = std::min(kGrain, n - first);
      const float* const g = x.g + first;
      float* const means = mean + first;
      squares.data()[task] = squaresOf(x.p + first, m);
      updates.data()[task] = rowTotal(m, [&](int64_t i, auto* value) {
        std::remove_reference_t<decltype(*value)> square, lowest = {};
        lowest += a.least;
        get(g + i, value);
        get(means + i, &square);
        *value *= x.scale;
        *value *= *value;
        square += a.take * (*value - square);
        put(square, means + i);
        *value /= square < lowest ? lowest : square;
      });
    }
  });
  const float rate =
      math::adafactorRate(a, sumOf(squares, count), sumOf(updates, count), static_cast<double>(n));
  ranges(n, [&](int64_t begin, int64_t end) {
    GRADUS_INDEPENDENT
    for (int64_t i = begin; i < end; ++i) {
      x.p[i] = a.keep * x.p[i] - rate * math::adafactorUpdate(a, x.g[i] * x.scale, mean[i]);
    }
  });
}

}  // namespace

void CpuBackend::addAdafactor() {
  adafactor = [this](Out p, In g, Out row, Out column, int64_t batch, int64_t rows, int64_t cols,
                     double learningRate, double beta2Decay, double epsilon1, double epsilon2,
                     double threshold, double weightDecay, int64_t step, double gradScale,
                     In factor) {
    const Adafactor a(learningRate, beta2Decay, epsilon1, epsilon2, threshold, weightDecay,
                      static_cast<double>(step));
    const Tensors x{p.as<float>(), g.as<float>(), scaleOf(gradScale, factor)};
    const int64_t n = batch * rows * cols;
    if (std::isnan(x.scale) || n == 0) return;
    if (column) {
      Factored(memory_, a, x, row.as<float>(), column.as<float>(), batch, rows, cols).run();
    } else {
      unfactored(memory_, a, x, row.as<float>(), n);
    }
  };
}

}  // namespace gradus
