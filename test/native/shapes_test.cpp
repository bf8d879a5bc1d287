// Copies, permutations, fills and casts, element by element.
#include <algorithm>

#include "check.h"
#include "tensors.h"

namespace {

void copiesOfBytes(Backend& backend) {
  for (int64_t n : {0, 1, 7, 8, 9, 4097, 300001, (17 << 20) + 5}) {
    Tensor x = Numbers(1).tensor(DType::U8, n, 0, 255), y(DType::U8, n);
    backend.copy(x, y, n);
    CHECK(x.sameBits(y), "%ld bytes", static_cast<long>(n));
  }
}

void rowsOfOtherStrides(Backend& backend) {
  struct Shape {
    int64_t rows, bytes, xStride, yStride;
  };
  for (const Shape& s : std::vector<Shape>{{0, 3, 5, 7},
                                           {5, 0, 5, 7},
                                           {1, 9, 9, 9},
                                           {7, 3, 5, 4},
                                           {6, 1, 1, 2},
                                           {5, 1, 3, 1},
                                           {3, 100000, 100001, 100003}}) {
    Tensor x = Numbers(2).tensor(DType::U8, std::max<int64_t>(s.rows * s.xStride, 1), 0, 255);
    Tensor y(DType::U8, std::max<int64_t>(s.rows * s.yStride, 1)), before = y;
    backend.copyRows(x, s.xStride, y, s.yStride, s.bytes, s.rows);
    int64_t wrong = 0;
    for (int64_t i = 0; i < y.size(); ++i) {
      const int64_t row = i / s.yStride, column = i % s.yStride;
      const bool copied = row < s.rows && column < s.bytes;
      wrong += y[i] != (copied ? x[row * s.xStride + column] : before[i]);
    }
    CHECK(wrong == 0 && y.guardIntact(), "%ld rows of %ld bytes: %ld are wrong",
          static_cast<long>(s.rows), static_cast<long>(s.bytes), static_cast<long>(wrong));
  }
}

struct View {
  std::vector<int64_t> sizes, strides;
};

const std::vector<View> kViews = {
    {{}, {}},
    {{5}, {1}},
    {{5}, {0}},
    {{100}, {3}},
    {{0, 3}, {3, 1}},
    {{7, 9}, {1, 7}},  // transposes
    {{100, 33}, {1, 100}},
    {{3, 40000}, {1, 3}},
    {{40000, 3}, {1, 40000}},
    {{515, 600}, {1, 515}},
    {{2100, 2053}, {1, 2100}},           // larger than 16 MiB, in four bytes
    {{2, 17, 3, 5}, {255, 5, 85, 1}},    // (0, 2, 1, 3)
    {{2, 17, 9, 5}, {765, 1, 17, 153}},  // (0, 3, 2, 1)
    {{3, 5, 7, 2}, {1, 6, 30, 3}},
    {{4, 1, 6}, {6, 0, 1}},
    {{4, 5, 6}, {6, 0, 1}},  // expansions
    {{4, 5, 6}, {1, 0, 0}},
    {{6, 5, 4}, {0, 4, 1}},
    {{70000, 2}, {1, 0}},
    {{9, 8, 7}, {200, 10, 2}},  // no axis is contiguous
    {{9, 8, 16}, {600, 64, 4}},
    {{5, 6, 32}, {480, 80, 1}},  // runs of whole vectors
    {{3, 70, 70}, {9800, 1, 140}},
    {{2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
     {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768}},
};

void viewsBecomeContiguous(Backend& backend) {
  for (const auto& view : kViews) {
    const size_t rank = view.sizes.size();
    int64_t n = 1, extent = 1;
    std::vector<long> dims = {static_cast<long>(rank)};
    dims.insert(dims.end(), view.sizes.begin(), view.sizes.end());
    dims.insert(dims.end(), view.strides.begin(), view.strides.end());
    for (size_t k = 0; k < rank; ++k) {
      n *= view.sizes[k];
      extent += std::max<int64_t>(view.sizes[k] - 1, 0) * view.strides[k];
    }
    for (DType type : kAll) {
      Tensor x = Numbers(3).tensor(type, extent, -100, 100), y(type, n);
      backend.stridedCopy(type, x, y, gradus::Dims(dims.data()));
      int64_t wrong = 0;
      for (int64_t i = 0; i < n; ++i) {
        int64_t rest = i, at = 0;
        for (size_t k = rank; k-- > 0; rest /= view.sizes[k]) {
          at += rest % view.sizes[k] * view.strides[k];
        }
        wrong += y[i] != x[at];
      }
      CHECK(wrong == 0 && y.guardIntact(), "%s, rank %zu, %ld elements: %ld are wrong",
            nameOf(type), rank, static_cast<long>(n), static_cast<long>(wrong));
    }
  }
}

void fillsOfEveryType(Backend& backend) {
  for (DType type : kAll) {
    for (int64_t n : {0, 1, 33, 50000, 4300001}) {
      Tensor y(type, n);
      backend.fill(type, y, 3, n);
      int64_t wrong = 0;
      for (int64_t i = 0; i < n; ++i) wrong += y[i] != 3;
      CHECK(wrong == 0 && y.guardIntact(), "%s, %ld elements", nameOf(type), static_cast<long>(n));
    }
  }
  Tensor x(DType::F32, 1), bytes(DType::U8, 1);
  backend.fill(DType::F32, x, kNaN, 1);
  CHECK(std::isnan(x[0]), "%g", x[0]);
  backend.fill(DType::U8, bytes, 300, 1);
  CHECK(bytes[0] == 255, "%g", bytes[0]);
}

void castsKeepWhatTheTargetCanHold(Backend& backend) {
  for (DType from : kAll) {
    for (DType to : kAll) {
      for (int64_t n : {0, 1, 33, 1025, 40000}) {
        // Whole numbers that every type holds.
        Tensor x = Numbers(4).tensor(from, n, 0, 100);
        for (int64_t i = 0; i < n; ++i) x.set(i, std::floor(x[i]));
        Tensor y(to, n);
        backend.cast(from, x, to, y, n);
        int64_t wrong = 0;
        for (int64_t i = 0; i < n; ++i) wrong += y[i] != x[i];
        CHECK(wrong == 0 && y.guardIntact(), "%s to %s, %ld elements: %ld are wrong", nameOf(from),
              nameOf(to), static_cast<long>(n), static_cast<long>(wrong));
      }
    }
  }
}

void viewsMayStartAnywhere(Backend& backend) {
  const int64_t n = 96;
  const long dims[] = {2, 3, 32, 32, 1};
  for (DType type : kAll) {
    const int64_t skipped = gradus::byteSize(type);
    Tensor x = Numbers(5).tensor(type, n + 1, 0, 100), y(type, n + 1), z(type, n + 1),
           same(type, n);
    const In view = In(x).address + skipped;
    backend.fill(type, y, 1, n + 1);
    backend.fill(type, Out(y).address + skipped, 7, n);
    backend.cast(type, view, type, Out(z).address + skipped, n);
    backend.stridedCopy(type, view, same, gradus::Dims(dims));
    CHECK(y[0] == 1, "%s: %g", nameOf(type), y[0]);
    int64_t wrong = 0;
    for (int64_t i = 0; i < n; ++i) {
      wrong += y[i + 1] != 7 || z[i + 1] != x[i + 1] || same[i] != x[i + 1];
    }
    CHECK(wrong == 0 && y.guardIntact() && z.guardIntact() && same.guardIntact(),
          "%s: %ld are wrong", nameOf(type), static_cast<long>(wrong));
  }
}

void castsAtTheEdges(Backend& backend) {
  struct Row {
    DType from, to;
    Doubles x, y;
  };
  const double end32 = 2147483648.0, end64 = 9223372036854775808.0;
  const std::vector<Row> rows = {
      {DType::F32,
       DType::I32,
       {2.9, -2.9, kNaN, kInfinity, -kInfinity, 3e9, -3e9, end32},
       {2, -2, 0, end32 - 1, -end32, end32 - 1, -end32, end32 - 1}},
      {DType::F32, DType::U8, {2.9, -2.9, kNaN, kInfinity, 255.9, 256}, {2, 0, 0, 255, 255, 255}},
      {DType::F32, DType::I64, {0x1p60, kNaN, -kInfinity, -1e30}, {0x1p60, 0, -end64, -end64}},
      {DType::BF16, DType::I32, {-7.5, kInfinity}, {-7, end32 - 1}},
      {DType::F16, DType::U8, {7.75, -kInfinity}, {7, 0}},
      {DType::I64, DType::I32, {-5, 4294967296.0 + 7}, {-5, 7}},
      {DType::I32, DType::U8, {-1, 257}, {255, 1}},
      {DType::I32, DType::F32, {16777217, -16777217, 16777219}, {16777216, -16777216, 16777220}},
      {DType::F32, DType::BF16, {1 + 0x1p-8, 1 + 0x3p-8, kNaN}, {1, 1 + 0x1p-6, kNaN}},
      {DType::F32,
       DType::F16,
       {65519, 65520, -65520, 0x1p-25, 0x1.8p-25, kNaN},
       {65504, kInfinity, -kInfinity, 0, 0x1p-24, kNaN}},
      {DType::F16, DType::BF16, {65504, -kInfinity, 0x1p-24}, {65536, -kInfinity, 0x1p-24}},
  };
  for (const auto& row : rows) {
    Tensor x(row.from, row.x), y(row.to, x.size());
    backend.cast(row.from, x, row.to, y, x.size());
    for (int64_t i = 0; i < x.size(); ++i) {
      const double want = row.y[static_cast<size_t>(i)];
      // I64 holds more than a double does: compared as the double nearest to it.
      CHECK(std::isnan(want) ? std::isnan(y[i]) : y[i] == want, "%s to %s: %.17g gives %.17g",
            nameOf(row.from), nameOf(row.to), x[i], y[i]);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  copiesOfBytes(backend);
  rowsOfOtherStrides(backend);
  viewsBecomeContiguous(backend);
  fillsOfEveryType(backend);
  castsKeepWhatTheTargetCanHold(backend);
  viewsMayStartAnywhere(backend);
  castsAtTheEdges(backend);
  return report("shapes_test");
}
