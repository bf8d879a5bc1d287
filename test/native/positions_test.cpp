// Rotary positions against sines and cosines in double, also far out, and turned back again.
#include "check.h"
#include "copies.h"

namespace {

struct Case {
  int64_t batch, time, heads, size, rest;  // rest: columns after the heads, which stay
};
const std::vector<Case> kCases = {{1, 1, 1, 2, 0},   {2, 3, 3, 10, 7},    {0, 3, 1, 4, 0},
                                  {2, 0, 1, 4, 1},   {1, 5, 0, 4, 9},     {3, 33, 5, 34, 1},
                                  {1, 2, 1, 256, 0}, {2, 65, 12, 64, 192}};

void rowsTurnByTheirPositions(Backend& backend, DType type, const Case& c, int64_t far) {
  const double theta = 10000;
  const int64_t width = c.heads * c.size + c.rest, rows = c.batch * c.time, n = rows * width;
  Numbers numbers(static_cast<uint64_t>(n));
  Tensor x = numbers.tensor(type, n, -2, 2), counted(type, n), named(type, n), inPlace = x;
  Tensor positions(DType::I64, rows);
  for (int64_t row = 0; row < rows; ++row) {
    positions.set(row, static_cast<double>(far + numbers.below(far + 9)));
  }
  auto call = [&](In from, In place, Out to, bool inverse) {
    backend.rotary(type, from, DType::I64, place, far, to, rows, c.time, width, c.heads, c.size,
                   theta, inverse);
  };
  call(x, nullptr, counted, false);
  call(x, positions, named, false);
  call(inPlace, positions, inPlace, false);
  int64_t wrong = 0;
  for (int64_t at = 0; at < n; ++at) {
    const int64_t row = at / width, column = at % width, i = column % c.size, half = c.size / 2;
    if (column >= c.heads * c.size) {
      wrong += counted[at] != x[at] || named[at] != x[at];
      continue;
    }
    const int64_t pair = i < half ? at + half : at - half;
    const double f =
        std::pow(theta, -2.0 * static_cast<double>(i % half) / static_cast<double>(c.size));
    auto turned = [&](double position) {
      const double sign = i < half ? -1 : 1;
      return x[at] * std::cos(position * f) + sign * x[pair] * std::sin(position * f);
    };
    wrong += !close(type, counted[at], turned(static_cast<double>(far + row % c.time)), 2, 5e-7);
    wrong += !close(type, named[at], turned(positions[row]), 2, 5e-7);
  }
  CHECK(wrong == 0 && counted.guardIntact() && named.guardIntact(),
        "%s, (%ld, %ld, %ld) from %ld: %ld are wrong", nameOf(type), static_cast<long>(c.batch),
        static_cast<long>(c.time), static_cast<long>(width), static_cast<long>(far),
        static_cast<long>(wrong));
  CHECK(inPlace.sameBits(named), "in place");
  call(inPlace, positions, inPlace, true);
  wrong = 0;
  for (int64_t at = 0; at < n; ++at) {
    wrong += !close(type, inPlace[at], x[at], 4, 1e-6 + 6 * roundingOf(type));
  }
  CHECK(wrong == 0, "turned back, %s: %ld are wrong", nameOf(type), static_cast<long>(wrong));
}

void threadsChangeNothing(const std::vector<Backend*>& backends) {
  const int64_t rows = 700, width = 192;
  Tensor x = Numbers(1).tensor(DType::F32, rows * width, -1, 1);
  std::vector<Tensor> results;
  for (Backend* backend : backends) {
    Tensor y = x;
    backend->rotary(DType::F32, x, DType::I32, nullptr, 0, y, rows, 350, width, 2, 64, 1e4, false);
    results.push_back(y);
  }
  for (const Tensor& y : results) CHECK(y.sameBits(results[0]), "backends differ");
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  for (const Case& c : kCases) {
    for (DType type : kFloating) {
      for (int64_t far : {0, 4090, 131071}) rowsTurnByTheirPositions(backend, type, c, far);
    }
  }
  threadsChangeNothing(copiesOf(argv[1], argv[2]));
  return report("positions_test");
}
