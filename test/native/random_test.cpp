// Philox against its published vectors, and the distributions against its words.
#include "check.h"
#include "copies.h"
#include "math/philox.h"

namespace {

// None, part of a Philox block, one more than a vector, than a block, several tasks.
const std::vector<int64_t> kSizes = {0, 1, 3, 17, 1027, 100003};
const int64_t kSeed = -81985529216486896, kStream = 0x123456789;

void philoxGivesThePublishedWords() {
  // tests/kat_vectors of Random123 1.14, "philox4x32 10": counter, key, result.
  const uint32_t vectors[3][10] = {
      {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
      {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
       0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
       0x94fdcceb, 0x5001e420, 0x24126ea1}};
  auto wide = [](uint32_t low, uint32_t high) { return static_cast<uint64_t>(high) << 32 | low; };
  for (const auto& v : vectors) {
    const auto got = gradus::math::philox(wide(v[4], v[5]), wide(v[2], v[3]), wide(v[0], v[1]));
    CHECK(got.a == v[6] && got.b == v[7] && got.c == v[8] && got.d == v[9], "got %x %x %x %x",
          got.a, got.b, got.c, got.d);
  }
}

uint32_t word(int64_t i) {
  const auto block =
      gradus::math::philox(static_cast<uint64_t>(kSeed), kStream, static_cast<uint64_t>(i / 4));
  const uint32_t words[] = {block.a, block.b, block.c, block.d};
  return words[i % 4];
}

void uniformTakesTheTop24BitsOfItsWord(Backend& backend) {
  for (DType type : kFloating) {
    for (int64_t n : kSizes) {
      Tensor y(type, n);
      backend.uniform(type, y, n, kSeed, kStream, -0.75, 1.5);
      int64_t wrong = 0;
      for (int64_t i = 0; i < n; ++i) {
        const double want = -0.75 + 2.25 * (word(i) >> 8) * 0x1p-24;
        Tensor rounded(type, Doubles{static_cast<double>(static_cast<float>(want))});
        wrong += y[i] != rounded[0] && !(rounded[0] == 1.5 && y[i] < 1.5);
      }
      CHECK(wrong == 0 && y.guardIntact(), "%s, %ld elements: %ld are wrong", nameOf(type),
            static_cast<long>(n), static_cast<long>(wrong));
    }
  }
}

void uniformNeverGivesItsUpperBound(Backend& backend) {
  const double bounds[][2] = {{0, 1}, {-1, 0}, {-1, -0.5}, {1, 1.0078125}, {1000, 1000.5}};
  const int64_t n = 1 << 20;
  for (DType type : kFloating) {
    for (const auto& b : bounds) {
      Tensor y(type, n);
      backend.uniform(type, y, n, kSeed, kStream, b[0], b[1]);
      double least = kInfinity, largest = -kInfinity;
      for (int64_t i = 0; i < n; ++i) {
        least = std::fmin(least, y[i]);
        largest = std::fmax(largest, y[i]);
      }
      CHECK(least >= b[0] && largest < b[1], "%s: [%g, %g] in [%g, %g)", nameOf(type), least,
            largest, b[0], b[1]);
    }
    Tensor y(type, 5);
    backend.uniform(type, y, 5, kSeed, kStream, 3, 3);
    for (int64_t i = 0; i < 5; ++i) CHECK(y[i] == 3, "an empty interval: %g", y[i]);
  }
}

void normalIsBoxMullerOfPairsOfWords(Backend& backend) {
  for (DType type : kFloating) {
    for (int64_t n : kSizes) {
      Tensor y(type, n);
      backend.normal(type, y, n, kSeed, kStream, 2, 0.5);
      int64_t wrong = 0;
      for (int64_t i = 0; i < n; ++i) {
        const int64_t first = i / 2 * 2;
        const double u = (word(first) >> 1) * 0x1p-31 + 0x1p-32;
        const double radius = std::sqrt(-2 * std::log(u));
        const double angle = 2 * M_PI * word(first + 1) * 0x1p-32;
        const double z = radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
        // Near u = 1 the radius is sqrt(-2 log(u)) of a u rounded to float: 2.5e-4 at worst.
        wrong += !close(type, y[i], 2 + 0.5 * z, 2, 0.5 * (u > 0.99 ? 3e-4 : 1e-5));
      }
      CHECK(wrong == 0 && y.guardIntact(), "%s, %ld elements: %ld are wrong", nameOf(type),
            static_cast<long>(n), static_cast<long>(wrong));
    }
  }
}

void momentsAreThoseOfTheDistributions(Backend& backend) {
  const int64_t n = 1 << 20;
  Tensor u(DType::F32, n), z(DType::F32, n);
  backend.uniform(DType::F32, u, n, 1, 2, 0, 1);
  backend.normal(DType::F32, z, n, 1, 2, 0, 1);
  double mean[2] = {0, 0}, square[2] = {0, 0}, fourth = 0, pairs = 0;
  for (int64_t i = 0; i < n; ++i) {
    mean[0] += u[i] / n;
    mean[1] += z[i] / n;
    square[0] += u[i] * u[i] / n;
    square[1] += z[i] * z[i] / n;
    fourth += z[i] * z[i] * z[i] * z[i] / n;
    if (i % 2 == 0) pairs += z[i] * z[i + 1] / (n / 2);
  }
  // Five standard errors of each over 2^20 numbers.
  CHECK(std::fabs(mean[0] - 0.5) < 1.5e-3, "mean %g", mean[0]);
  CHECK(std::fabs(square[0] - 1.0 / 3) < 1.5e-3, "square %g", square[0]);
  CHECK(std::fabs(mean[1]) < 5e-3, "mean %g", mean[1]);
  CHECK(std::fabs(square[1] - 1) < 7e-3, "square %g", square[1]);
  CHECK(std::fabs(fourth - 3) < 5e-2, "fourth moment %g", fourth);
  CHECK(std::fabs(pairs) < 7e-3, "correlation of a pair %g", pairs);
}

void dropoutKeepsWhereTheWordReachesP(Backend& backend) {
  for (DType type : kFloating) {
    for (double p : {0.0, 0.1, 0.5, 0.99, 1.0}) {
      for (int64_t n : kSizes) {
        Tensor x = Numbers(3).tensor(type, n, 1, 2), y(type, n);
        if (n > 3) x.set(3, kNaN);
        backend.dropout(type, x, y, n, kSeed, kStream, p);
        int64_t wrong = 0;
        for (int64_t i = 0; i < n; ++i) {
          const bool kept = word(i) >= p * 0x1p32;
          wrong += kept ? !close(type, y[i], x[i] / (1 - p), 1) : y[i] != 0;
        }
        CHECK(wrong == 0 && y.guardIntact(), "%s, p %g, %ld elements: %ld are wrong", nameOf(type),
              p, static_cast<long>(n), static_cast<long>(wrong));
        backend.dropout(type, x, x, n, kSeed, kStream, p);
        CHECK(x.sameBits(y), "in place, %s, p %g", nameOf(type), p);
      }
    }
  }
}

void viewsMayStartAnywhere(Backend& backend) {
  const int64_t n = 1026;
  for (DType type : kFloating) {
    Tensor x = Numbers(4).tensor(type, n + 1, 1, 2), u(type, n), y(type, n), shifted(type, n + 1);
    const In view = In(x).address + gradus::byteSize(type);
    const Out target = Out(shifted).address + gradus::byteSize(type);
    auto check = [&](const char* name, const Tensor& want) {
      int64_t wrong = 0;
      for (int64_t i = 0; i < n; ++i) wrong += shifted[i + 1] != want[i];
      CHECK(wrong == 0 && shifted.guardIntact(), "%s, %s: %ld are wrong", name, nameOf(type),
            static_cast<long>(wrong));
    };
    backend.uniform(type, u, n, kSeed, kStream, 0, 1);
    backend.uniform(type, target, n, kSeed, kStream, 0, 1);
    check("uniform", u);
    backend.dropout(type, view, y, n, kSeed, kStream, 0.5);
    backend.dropout(type, view, target, n, kSeed, kStream, 0.5);
    check("dropout", y);
  }
}

void seedsAndStreamsDiffer(Backend& backend) {
  const int64_t n = 64;
  Tensor a(DType::F32, n), b(DType::F32, n), c(DType::F32, n);
  backend.uniform(DType::F32, a, n, 1, 2, 0, 1);
  backend.uniform(DType::F32, b, n, 2, 2, 0, 1);
  backend.uniform(DType::F32, c, n, 1, 3, 0, 1);
  int64_t same = 0;
  for (int64_t i = 0; i < n; ++i) same += a[i] == b[i] || a[i] == c[i] || b[i] == c[i];
  CHECK(same <= 1, "%ld numbers of %ld agree", static_cast<long>(same), static_cast<long>(n));
}

void threadsChangeNothing(const std::vector<Backend*>& backends) {
  const int64_t n = 200003;
  std::vector<Tensor> results;
  for (Backend* backend : backends) {
    Tensor u(DType::F32, n), z(DType::F32, n), y(DType::F32, n);
    backend->uniform(DType::F32, u, n, 5, 6, 0, 1);
    backend->normal(DType::F32, z, n, 5, 6, 0, 1);
    backend->dropout(DType::F32, z, y, n, 5, 6, 0.3);
    results.insert(results.end(), {u, z, y});
  }
  for (size_t i = 3; i < results.size(); ++i) {
    CHECK(results[i].sameBits(results[i % 3]), "backend %zu differs", i / 3);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  philoxGivesThePublishedWords();
  uniformTakesTheTop24BitsOfItsWord(backend);
  uniformNeverGivesItsUpperBound(backend);
  normalIsBoxMullerOfPairsOfWords(backend);
  momentsAreThoseOfTheDistributions(backend);
  dropoutKeepsWhereTheWordReachesP(backend);
  viewsMayStartAnywhere(backend);
  seedsAndStreamsDiffer(backend);
  threadsChangeNothing(copiesOf(argv[1], argv[2]));
  return report("random_test");
}
