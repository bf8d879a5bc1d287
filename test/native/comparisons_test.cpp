// Comparisons and where, with broadcasting, for every type.
#include <functional>
#include <string>

#include "check.h"
#include "tensors.h"

namespace {

using Kernel = std::function<void(Backend&, Type, In, In, Out, int64_t, gradus::Dims)>;

#define COMPARISON(name)                                                    \
  [](Backend& b, Type t, In x, In z, Out y, int64_t n, gradus::Dims dims) { \
    b.name(t, x, z, y, n, dims);                                            \
  }

struct Row {
  const char* name;
  Kernel kernel;
  std::function<bool(double, double)> reference;
};

const std::vector<Row> kRows = {
    {"equal", COMPARISON(equal), [](double a, double b) { return a == b; }},
    {"notEqual", COMPARISON(notEqual), [](double a, double b) { return a != b; }},
    {"less", COMPARISON(less), [](double a, double b) { return a < b; }},
    {"lessEqual", COMPARISON(lessEqual), [](double a, double b) { return a <= b; }},
};

/** Numbers with many ties. */
Tensor someOf(DType type, int64_t n, uint64_t seed) {
  Tensor x = Numbers(seed).tensor(type, n, -4, 4);
  for (int64_t i = 0; i < n; ++i) x.set(i, std::floor(x[i]));
  return x;
}

void comparisonsOfOneShape(Backend& backend) {
  for (const auto& row : kRows) {
    for (DType type : kAll) {
      for (int64_t n : {0, 1, 33, 1025, 40000}) {
        Tensor a = someOf(type, n, 1), b = someOf(type, n, 2), y(DType::U8, n);
        row.kernel(backend, type, a, b, y, n, nullptr);
        int64_t wrong = 0;
        for (int64_t i = 0; i < n; ++i) wrong += y[i] != (row.reference(a[i], b[i]) ? 1 : 0);
        CHECK(wrong == 0 && y.guardIntact(), "%s %s, %ld elements: %ld are wrong", row.name,
              nameOf(type), static_cast<long>(n), static_cast<long>(wrong));
      }
    }
  }
}

/** Rows of whole vectors, or not. */
void comparisonsBroadcast(Backend& backend, int64_t cols) {
  const int64_t rows = 70, n = rows * cols;
  const long column[] = {2, rows, cols, cols, 1, 1, 0};  // a (rows, cols), b (rows, 1)
  const long row[] = {2, rows, cols, 0, 1, cols, 1};     // a (1, cols), b (rows, cols)
  for (const auto& kind : kRows) {
    for (DType type : kAll) {
      Tensor full = someOf(type, n, 3), narrow = someOf(type, rows, 4), low = someOf(type, cols, 5);
      Tensor y(DType::U8, n), z(DType::U8, n);
      kind.kernel(backend, type, full, narrow, y, n, gradus::Dims(column));
      kind.kernel(backend, type, low, full, z, n, gradus::Dims(row));
      int64_t wrong = 0;
      for (int64_t i = 0; i < n; ++i) {
        wrong += y[i] != (kind.reference(full[i], narrow[i / cols]) ? 1 : 0);
        wrong += z[i] != (kind.reference(low[i % cols], full[i]) ? 1 : 0);
      }
      CHECK(wrong == 0 && y.guardIntact() && z.guardIntact(), "%s %s: %ld are wrong", kind.name,
            nameOf(type), static_cast<long>(wrong));
    }
  }
}

void viewsMayStartAnywhere(Backend& backend) {
  const int64_t n = 1040;
  for (DType type : kAll) {
    Tensor a = someOf(type, n + 1, 9), b = someOf(type, n, 10), y(DType::U8, n + 1), z(type, n);
    const In view = In(a).address + gradus::byteSize(type);
    backend.less(type, view, b, Out(y).address + 1, n, nullptr);
    backend.where(type, In(y).address + 1, view, b, z, n, nullptr);
    int64_t wrong = 0;
    for (int64_t i = 0; i < n; ++i) {
      wrong += y[i + 1] != (a[i + 1] < b[i] ? 1 : 0);
      wrong += z[i] != std::fmin(a[i + 1], b[i]);
    }
    CHECK(wrong == 0 && y.guardIntact() && z.guardIntact(), "%s: %ld are wrong", nameOf(type),
          static_cast<long>(wrong));
  }
}

void nanEqualsNothing(Backend& backend) {
  for (DType type : kFloating) {
    Tensor a(type, {kNaN, kNaN, 1.0}), b(type, {kNaN, 1.0, kNaN}), y(DType::U8, 3);
    for (const auto& row : kRows) {
      row.kernel(backend, type, a, b, y, 3, nullptr);
      const double want = std::string(row.name) == "notEqual" ? 1 : 0;
      for (int64_t i = 0; i < 3; ++i) CHECK(y[i] == want, "%s %s", row.name, nameOf(type));
    }
  }
}

void largeIntegersKeepTheirLastBit(Backend& backend) {
  Tensor a(DType::I64, Doubles{9007199254740992.0}), b = a, y(DType::U8, 1);
  auto* last = Out(b).as<int64_t>();
  ++*last;  // 2^53 + 1, which is no double
  backend.equal(DType::I64, a, b, y, 1, nullptr);
  CHECK(y[0] == 0, "%g", y[0]);
  backend.less(DType::I64, a, b, y, 1, nullptr);
  CHECK(y[0] == 1, "%g", y[0]);
}

void whereChooses(Backend& backend, int64_t cols) {
  const int64_t rows = 70, n = rows * cols;
  // mask (rows, cols), a (rows, 1), b (cols)
  const long dims[] = {2, rows, cols, cols, 1, 1, 0, 0, 1};
  for (DType type : kAll) {
    Tensor mask = Numbers(6).tensor(DType::U8, n, 0, 2);
    Tensor a = someOf(type, n, 7), b = someOf(type, n, 8), y(type, n), z(type, n);
    backend.where(type, mask, a, b, y, n, nullptr);
    backend.where(type, mask, a, b, z, n, gradus::Dims(dims));
    int64_t wrong = 0;
    for (int64_t i = 0; i < n; ++i) {
      wrong += y[i] != (mask[i] != 0 ? a[i] : b[i]);
      wrong += z[i] != (mask[i] != 0 ? a[i / cols] : b[i % cols]);
    }
    CHECK(wrong == 0 && y.guardIntact() && z.guardIntact(), "%s: %ld are wrong", nameOf(type),
          static_cast<long>(wrong));
    backend.where(type, mask, a, b, a, n, nullptr);
    CHECK(a.sameBits(y), "%s in place", nameOf(type));
  }
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  comparisonsOfOneShape(backend);
  for (int64_t cols : {1030, 1040}) comparisonsBroadcast(backend, cols);
  viewsMayStartAnywhere(backend);
  nanEqualsNothing(backend);
  largeIntegersKeepTheirLastBit(backend);
  for (int64_t cols : {1030, 1040}) whereChooses(backend, cols);
  return report("comparisons_test");
}
