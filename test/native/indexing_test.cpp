// Moving by index against plain loops, and indices that point outside.
#include <algorithm>

#include "check.h"
#include "copies.h"

namespace {

const std::vector<DType> kIndices = {DType::I32, DType::I64};

struct GatherCase {
  int64_t outer, n, k, inner;
};
const std::vector<GatherCase> kGather = {{1, 1, 1, 1},     {0, 3, 2, 4},    {3, 5, 0, 7},
                                         {2, 5, 3, 0},     {64, 10, 1, 1},  {3, 7, 5, 67},
                                         {1, 50257, 9, 3}, {513, 17, 33, 1}};

/** Whole numbers that every type holds exactly. */
Tensor whole(DType type, int64_t n) {
  Tensor x(type, n);
  for (int64_t i = 0; i < n; ++i) x.set(i, static_cast<double>(i * 7 % 127));
  return x;
}

Tensor indicesOf(DType type, int64_t n, int64_t bound, uint64_t seed) {
  Numbers numbers(seed);
  Tensor index(type, n);
  for (int64_t i = 0; i < n; ++i) index.set(i, static_cast<double>(numbers.below(bound)));
  return index;
}

void gatherReadsWhereTheIndexPoints(Backend& backend) {
  for (DType type : kAll) {
    for (DType indexType : kIndices) {
      for (const auto& c : kGather) {
        Tensor x = whole(type, c.outer * c.n * c.inner), y(type, c.outer * c.k * c.inner);
        Tensor index = indicesOf(indexType, y.size(), c.n, 1);
        backend.gather(type, x, indexType, index, y, c.outer, c.n, c.k, c.inner);
        int64_t wrong = 0;
        for (int64_t at = 0; at < y.size(); ++at) {
          const int64_t o = at / (c.k * c.inner), i = at % c.inner;
          const auto row = static_cast<int64_t>(index[at]);
          wrong += y[at] != x[(o * c.n + row) * c.inner + i];
        }
        CHECK(wrong == 0 && y.guardIntact(), "%s, (%ld, %ld, %ld): %ld are wrong", nameOf(type),
              static_cast<long>(c.outer), static_cast<long>(c.k), static_cast<long>(c.inner),
              static_cast<long>(wrong));
      }
    }
  }
}

void gatherGradAddsWhereGatherRead(Backend& backend) {
  for (DType type : kFloating) {
    for (const auto& c : kGather) {
      Tensor dx = whole(type, c.outer * c.n * c.inner);
      Tensor dy = Numbers(2).tensor(type, c.outer * c.k * c.inner, -1, 1);
      Tensor index = indicesOf(DType::I64, dy.size(), c.n, 3);
      Doubles want;
      for (int64_t i = 0; i < dx.size(); ++i) want.push_back(dx[i]);
      for (int64_t at = 0; at < dy.size(); ++at) {
        const int64_t o = at / (c.k * c.inner), i = at % c.inner;
        const auto row = static_cast<int64_t>(index[at]);
        want[static_cast<size_t>((o * c.n + row) * c.inner + i)] += dy[at];
      }
      backend.gatherGrad(type, dy, DType::I64, index, dx, c.outer, c.n, c.k, c.inner);
      int64_t wrong = 0;
      for (int64_t i = 0; i < dx.size(); ++i) {
        wrong += !close(type, dx[i], want[static_cast<size_t>(i)], 4, 1e-5);
      }
      CHECK(wrong == 0 && dx.guardIntact(), "%s, (%ld, %ld, %ld): %ld are wrong", nameOf(type),
            static_cast<long>(c.outer), static_cast<long>(c.k), static_cast<long>(c.inner),
            static_cast<long>(wrong));
    }
  }
}

struct TakeCase {
  int64_t rows, cols, k;
};
const std::vector<TakeCase> kTake = {{1, 1, 1},    {5, 0, 3},     {5, 3, 0},      {7, 17, 40},
                                     {3, 257, 90}, {5003, 5, 12}, {2, 1025, 300}, {9, 48, 50}};

void takeRowsCopiesRows(Backend& backend) {
  for (DType type : kAll) {
    for (DType indexType : kIndices) {
      for (const auto& c : kTake) {
        Tensor x = whole(type, c.rows * c.cols), y(type, c.k * c.cols);
        Tensor index = indicesOf(indexType, c.k, c.rows, 5);
        backend.takeRows(type, x, indexType, index, y, c.rows, c.cols, c.k);
        int64_t wrong = 0;
        for (int64_t at = 0; at < y.size(); ++at) {
          const auto row = static_cast<int64_t>(index[at / c.cols]);
          wrong += y[at] != x[row * c.cols + at % c.cols];
        }
        CHECK(wrong == 0 && y.guardIntact(), "%s, (%ld, %ld), %ld rows: %ld are wrong",
              nameOf(type), static_cast<long>(c.rows), static_cast<long>(c.cols),
              static_cast<long>(c.k), static_cast<long>(wrong));
      }
    }
  }
}

/** The sums in float and in the order of j, as the contract has them: equal to the last bit. */
void takeRowsGradAddsInOrder(const std::vector<Backend*>& backends) {
  for (DType type : kFloating) {
    for (const auto& c : kTake) {
      Tensor start = Numbers(7).tensor(type, c.rows * c.cols, -1, 1);
      Tensor dy = Numbers(8).tensor(type, c.k * c.cols, -1, 1);
      Tensor index = indicesOf(DType::I32, c.k, c.rows, 9);
      std::vector<float> sums;
      for (int64_t i = 0; i < start.size(); ++i) sums.push_back(static_cast<float>(start[i]));
      for (int64_t at = 0; at < dy.size(); ++at) {
        const auto row = static_cast<int64_t>(index[at / c.cols]);
        sums[static_cast<size_t>(row * c.cols + at % c.cols)] += static_cast<float>(dy[at]);
      }
      const Tensor want(type, Doubles(sums.begin(), sums.end()));
      for (Backend* backend : backends) {
        Tensor dx = start;
        backend->takeRowsGrad(type, dy, DType::I32, index, dx, c.rows, c.cols, c.k);
        CHECK(dx.sameBits(want), "%s, (%ld, %ld), %ld rows, %d threads", nameOf(type),
              static_cast<long>(c.rows), static_cast<long>(c.cols), static_cast<long>(c.k),
              backend->threads());
      }
    }
  }
}

/** Thousands of positions name one row and few the others. */
void takeRowsGradAddsLongRuns(Backend& backend) {
  const int64_t rows = 70, k = 3000;
  for (DType type : kFloating) {
    for (int64_t cols : {1, 16}) {
      Tensor dy = Numbers(14).tensor(type, k * cols, -1, 1), index(DType::I64, k);
      Tensor dx = Numbers(15).tensor(type, rows * cols, -1, 1);
      Doubles want;
      for (int64_t i = 0; i < dx.size(); ++i) want.push_back(dx[i]);
      for (int64_t j = 0; j < k; ++j) {
        const int64_t row = j % 7 == 0 ? j % rows : j % 2 * 5;
        index.set(j, static_cast<double>(row));
        for (int64_t i = 0; i < cols; ++i) {
          want[static_cast<size_t>(row * cols + i)] += dy[j * cols + i];
        }
      }
      Tensor again = dx;
      backend.takeRowsGrad(type, dy, DType::I64, index, dx, rows, cols, k);
      backend.takeRowsGrad(type, dy, DType::I64, index, again, rows, cols, k);
      int64_t wrong = 0;
      for (int64_t i = 0; i < dx.size(); ++i) {
        wrong += !close(type, dx[i], want[static_cast<size_t>(i)], 4, 1e-4);
      }
      CHECK(wrong == 0 && dx.guardIntact(), "%s, %ld columns: %ld are wrong", nameOf(type),
            static_cast<long>(cols), static_cast<long>(wrong));
      CHECK(dx.sameBits(again), "%s, %ld columns: another time, another sum", nameOf(type),
            static_cast<long>(cols));
    }
  }
}

void viewsMayStartAnywhere(Backend& backend) {
  const int64_t rows = 9, cols = 48, k = 50;
  for (DType type : kFloating) {
    Tensor x = whole(type, rows * cols + 1), y(type, k * cols), z(type, k * cols);
    Tensor index = indicesOf(DType::I32, k, rows, 5), dx(type, Doubles(rows * cols + 1, 0));
    const int64_t skipped = gradus::byteSize(type);
    const In view = In(x).address + skipped;
    backend.takeRows(type, view, DType::I32, index, y, rows, cols, k);
    backend.embedding(type, DType::I32, index, view, DType::I32, index, view, z, rows, rows, cols,
                      k, 1);
    backend.takeRowsGrad(type, y, DType::I32, index, Out(dx).address + skipped, rows, cols, k);
    Doubles counts(rows, 0);
    int64_t wrong = 0;
    for (int64_t at = 0; at < y.size(); ++at) {
      const auto row = static_cast<int64_t>(index[at / cols]);
      const double want = x[row * cols + at % cols + 1];
      wrong += y[at] != want || !close(type, z[at], 2 * want, 1);
      if (at % cols == 0) ++counts[static_cast<size_t>(row)];
    }
    for (int64_t at = 0; at < rows * cols; ++at) {
      wrong += !close(type, dx[at + 1], x[at + 1] * counts[static_cast<size_t>(at / cols)], 1);
    }
    CHECK(wrong == 0 && y.guardIntact() && z.guardIntact() && dx.guardIntact() && dx[0] == 0,
          "%s: %ld are wrong", nameOf(type), static_cast<long>(wrong));
  }
}

void embeddingAddsItsTables(Backend& backend) {
  for (DType type : kFloating) {
    for (DType indexType : kIndices) {
      for (const auto& c : kTake) {
        const int64_t places = 31, time = 30;  // of every k that is not 0, a divisor or less
        Tensor table = whole(type, c.rows * c.cols);
        Tensor placeTable = Numbers(6).tensor(type, places * c.cols, -1, 1);
        Tensor token = indicesOf(indexType, c.k, c.rows, 5);
        Tensor position = indicesOf(DType::I32, c.k, places, 6);
        Tensor plain(type, c.k * c.cols), both = plain, counted = plain;
        auto call = [&](In positions, In positionTable, Out y) {
          backend.embedding(type, indexType, token, table, DType::I32, positions, positionTable, y,
                            c.rows, places, c.cols, c.k, time);
        };
        call(nullptr, nullptr, plain);
        call(position, placeTable, both);
        call(nullptr, placeTable, counted);
        int64_t wrong = 0;
        for (int64_t at = 0; at < plain.size(); ++at) {
          const int64_t j = at / c.cols, i = at % c.cols;
          const double word = table[static_cast<int64_t>(token[j]) * c.cols + i];
          const double place = placeTable[static_cast<int64_t>(position[j]) * c.cols + i];
          wrong += plain[at] != word;
          wrong += !close(type, both[at], word + place, 1);
          wrong += !close(type, counted[at], word + placeTable[j % time * c.cols + i], 1);
        }
        CHECK(wrong == 0 && plain.guardIntact() && both.guardIntact() && counted.guardIntact(),
              "%s, (%ld, %ld), %ld tokens: %ld are wrong", nameOf(type), static_cast<long>(c.rows),
              static_cast<long>(c.cols), static_cast<long>(c.k), static_cast<long>(wrong));
      }
    }
  }
}

void oneHotSetsOneColumn(Backend& backend) {
  for (DType type : kAll) {
    for (DType indexType : kIndices) {
      for (int64_t n : {0, 1, 7, 5003}) {
        const int64_t classes = 10;
        Tensor y(type, n * classes), index = indicesOf(indexType, n, classes, 11);
        backend.oneHot(indexType, index, type, y, n, classes);
        int64_t wrong = 0;
        for (int64_t at = 0; at < y.size(); ++at) {
          wrong += y[at] != (static_cast<double>(at % classes) == index[at / classes] ? 1 : 0);
        }
        CHECK(wrong == 0 && y.guardIntact(), "%s, %ld rows: %ld are wrong", nameOf(type),
              static_cast<long>(n), static_cast<long>(wrong));
      }
    }
  }
}

void indicesOutsideAreRefusedBeforeAnythingIsWritten(Backend& backend) {
  const int64_t k = 200000, bound = 5;  // several tasks
  for (DType type : kIndices) {
    const Doubles hostile = {7, 5, -1, type == DType::I32 ? -2147483648.0 : -0x1p63};
    for (double bad : hostile) {
      for (int64_t position : {int64_t{0}, int64_t{3}, k - 1}) {
        Tensor index(type, Doubles(static_cast<size_t>(k), 2));
        index.set(position, bad);
        index.set(k - 1, bad);  // the first is the one that is named
        Tensor x(DType::F32, Doubles(static_cast<size_t>(bound), 3)), y(DType::F32, k * bound);
        const Tensor before = y;
        auto check = [&](const char* op, auto&& call) {
          const std::string want = std::string(op) + ": index " +
                                   std::to_string(static_cast<int64_t>(bad)) + " at position " +
                                   std::to_string(position) + " is outside [0, 5)";
          const std::string got = outOfRange(call);
          CHECK(got == want, "got '%s', want '%s'", got.c_str(), want.c_str());
          CHECK(y.sameBits(before), "%s wrote all the same", op);
        };
        check("gather", [&] { backend.gather(DType::F32, x, type, index, y, 1, bound, k, 1); });
        check("gatherGrad",
              [&] { backend.gatherGrad(DType::F32, x, type, index, y, 1, bound, k, 1); });
        check("takeRows", [&] { backend.takeRows(DType::F32, x, type, index, y, bound, 1, k); });
        check("takeRowsGrad",
              [&] { backend.takeRowsGrad(DType::F32, x, type, index, y, bound, 1, k); });
        check("oneHot", [&] { backend.oneHot(type, index, DType::F32, y, k, bound); });
      }
    }
  }
}

void threadsChangeNothing(const std::vector<Backend*>& backends) {
  const GatherCase c{2, 11, 300, 333};
  Tensor dy = Numbers(12).tensor(DType::F32, c.outer * c.k * c.inner, -1, 1);
  Tensor index = indicesOf(DType::I64, dy.size(), c.n, 13);
  std::vector<Tensor> results;
  for (Backend* backend : backends) {
    Tensor dx(DType::F32, Doubles(static_cast<size_t>(c.outer * c.n * c.inner), 0));
    backend->gatherGrad(DType::F32, dy, DType::I64, index, dx, c.outer, c.n, c.k, c.inner);
    results.push_back(dx);
  }
  for (const Tensor& dx : results) CHECK(dx.sameBits(results[0]), "backends differ");
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  const std::vector<Backend*> backends = copiesOf(argv[1], argv[2]);
  gatherReadsWhereTheIndexPoints(backend);
  gatherGradAddsWhereGatherRead(backend);
  takeRowsCopiesRows(backend);
  takeRowsGradAddsInOrder(backends);
  takeRowsGradAddsLongRuns(backend);
  viewsMayStartAnywhere(backend);
  embeddingAddsItsTables(backend);
  oneHotSetsOneColumn(backend);
  indicesOutsideAreRefusedBeforeAnythingIsWritten(backend);
  threadsChangeNothing(backends);
  return report("indexing_test");
}
