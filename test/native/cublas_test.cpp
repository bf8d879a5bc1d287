// How products reach cuBLASLt: where it is looked for, which algorithm is kept, and what happens
// where it has none. Runs on the emulated GPU, whose cuBLASLt tells what it was asked.
//
//   cublas_test BACKEND LIBRARIES
#include <dlfcn.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "check.h"
#include "emulator/fake_cublas_lt.h"
#include "math/pointwise.h"
#include "tensors.h"

namespace {

namespace fs = std::filesystem;

const char* library;
const char* libraries;

/** A backend with these settings, lines `name=value`. */
Backend& open(const std::string& settings) {
  return *Backend::openCuda(library, 0, 0, ("blocking=true\n" + settings).c_str());
}

Backend& openFound(const std::string& settings = "") {
  return open("libraries=" + std::string(libraries) + "\n" + settings);
}

FakeCublasLt& fake() {
  static void* const opened =
      gradus::openLibrary((std::string(libraries) + "/libcublasLt.so.13").c_str());
  return *static_cast<FakeCublasLt*>(dlsym(opened, "fakeCublasLt"));
}

struct Sizes {
  int64_t m, n, k;
  bool transposeA = false, transposeB = false;
};

struct Types {
  DType a, b, bias, y;
};

constexpr Types kF32 = {DType::F32, DType::F32, DType::F32, DType::F32};
/** Activations beside a layer's parameters, in mixed precision or all of one type. */
constexpr Types kLayers[] = {kF32,
                             {DType::BF16, DType::F32, DType::F32, DType::BF16},
                             {DType::BF16, DType::BF16, DType::BF16, DType::BF16},
                             {DType::F16, DType::F32, DType::F16, DType::F16},
                             {DType::F16, DType::F16, DType::F32, DType::F16}};

/** y = a b + bias + y, element for element in double. */
struct Problem {
  Problem(const Sizes& sizes, const Types& types, uint64_t seed)
      : sizes(sizes),
        numbers(seed),
        a(numbers.tensor(types.a, sizes.m * sizes.k, -1, 1)),
        b(numbers.tensor(types.b, sizes.k * sizes.n, -1, 1)),
        bias(numbers.tensor(types.bias, sizes.n, -1, 1)),
        y(numbers.tensor(types.y, sizes.m * sizes.n, -1, 1)) {}
  Problem(const Sizes& sizes, DType type, DType yType, uint64_t seed)
      : Problem(sizes, Types{type, type, yType, yType}, seed) {}

  double sum(int64_t i, int64_t j) const {
    const auto& [m, n, k, transposeA, transposeB] = sizes;
    double sum = 0;
    for (int64_t l = 0; l < k; ++l) {
      sum += a[transposeA ? l * m + i : i * k + l] * met(b, transposeB ? j * k + l : l * n + j);
    }
    return sum;
  }
  double biased(int64_t i, int64_t j) const { return sum(i, j) + met(bias, j); }

  /** An element as the product meets it: beside 16 bits F32 is rounded to them. */
  double met(const Tensor& x, int64_t i) const {
    if (x.type() != DType::F32 || y.type() == DType::F32) return x[i];
    Tensor rounded(y.type(), 1);
    rounded.set(0, x[i]);
    return rounded[0];
  }

  /** What expected(i, j) says is what y has; slack is for what else was rounded on the way. */
  void compare(
      const Tensor& got, const std::function<double(int64_t, int64_t)>& expected, const char* what,
      const std::function<double(int64_t, int64_t)>& slack = [](int64_t, int64_t) {
        return 0.0;
      }) const {
    for (int64_t i = 0; i < sizes.m; ++i) {
      for (int64_t j = 0; j < sizes.n; ++j) {
        const double want = expected(i, j), is = got[i * sizes.n + j];
        CHECK(
            close(got.type(), is, want, 8, slack(i, j) + 1e-6 * (1 + static_cast<double>(sizes.k))),
            "%s %s (%d, %d, %d) at %d, %d: %.9g, not %.9g", nameOf(got.type()), what,
            static_cast<int>(sizes.m), static_cast<int>(sizes.n), static_cast<int>(sizes.k),
            static_cast<int>(i), static_cast<int>(j), is, want);
      }
    }
    CHECK(got.guardIntact(), "%s wrote past the end", what);
  }

  Sizes sizes;
  Numbers numbers;
  Tensor a, b, bias, y;
};

void multiply(Backend& backend, Problem& p, bool accumulate = false) {
  const auto& [m, n, k, transposeA, transposeB] = p.sizes;
  backend.matmul(p.a.type(), p.a, p.b.type(), p.b, p.bias.type(), p.bias, p.y.type(), p.y, 1, m, n,
                 k, 0, 0, transposeA, transposeB, accumulate);
}

void multiplyAndCompare(Backend& backend, const Sizes& sizes, DType type, DType yType,
                        bool accumulate, const char* what) {
  Problem p(sizes, type, yType, 7);
  const Tensor before = p.y;
  multiply(backend, p, accumulate);
  p.compare(
      p.y,
      [&](int64_t i, int64_t j) {
        return p.sum(i, j) + p.bias[j] + (accumulate ? before[i * sizes.n + j] : 0);
      },
      what);
}

/** Where a system has a cuBLASLt of its own, it would be found, and could not run here. */
bool isInstalled() {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator("/usr/local", failed)) {
    for (const char* name : {"lib64/libcublasLt.so.13", "lib64/libcublasLt.so.12"}) {
      if (fs::exists(entry.path() / name)) return true;
    }
  }
  return dlopen("libcublasLt.so.13", RTLD_NOW) != nullptr ||
         dlopen("libcublasLt.so.12", RTLD_NOW) != nullptr;
}

/** To be called before any backend has found one. */
void checkMissing() {
  if (isInstalled()) return;
  Backend& backend = open("libraries=/no/such/folder\nlibraries=/nor/this");
  std::string message;
  try {
    Problem p({2, 3, 4}, DType::F32, DType::F32, 1);
    multiply(backend, p);
  } catch (const std::runtime_error& e) {
    message = e.what();
  }
  for (const char* part : {"cuBLASLt is needed", "/no/such/folder, /nor/this", "this process",
                           "the linker's path", "/usr/local/cuda", "-Dgradus.cuda.path"}) {
    CHECK(message.find(part) != std::string::npos, "%s is not in: %s", part, message.c_str());
  }
}

const Sizes kSizes[] = {{1, 1, 1},          {1, 70, 33},
                        {70, 1, 33},        {3, 5, 0},
                        {64, 64, 16},       {65, 66, 17},
                        {5, 130, 40, true}, {33, 8, 100, false, true},
                        {67, 3, 1},         {16, 16, 65, true, true}};

/** The same products by cuBLASLt and, where it has none, by the kernel of our own. */
void checkShapes(Backend& backend) {
  for (bool offers : {true, false}) {
    // A shape that is known is not asked for again.
    Backend& asked = offers ? backend : openFound();
    fake().offers = offers;
    const int products = fake().products;
    for (const Sizes& sizes : kSizes) {
      for (bool accumulate : {false, true}) {
        const char* what = offers ? "cuBLASLt" : "plain";
        multiplyAndCompare(asked, sizes, DType::F32, DType::F32, accumulate, what);
        multiplyAndCompare(asked, sizes, DType::BF16, DType::BF16, accumulate, what);
        multiplyAndCompare(asked, sizes, DType::F16, DType::F32, accumulate, what);
      }
    }
    CHECK((fake().products > products) == offers, "offers: %d", offers);
    fake().offers = true;
  }
}

/** Operands at every offset: cuBLASLt is told how they are aligned. */
void checkAlignment(Backend& backend) {
  const int64_t m = 9, n = 12, k = 20;
  for (int64_t offset = 0; offset < 9; ++offset) {
    Problem p({m, n, k}, DType::BF16, DType::BF16, 3);
    Tensor a(DType::BF16, m * k + offset), y(DType::BF16, m * n + offset);
    for (int64_t i = 0; i < m * k; ++i) a.set(i + offset, p.a[i]);
    backend.matmul(a.type(), In(In(a).address + 2 * offset), p.b.type(), p.b, p.bias.type(),
                   In(int64_t{0}), y.type(), Out(Out(y).address + 2 * offset), 1, m, n, k, 0, 0,
                   false, false, false);
    for (int64_t i = 0; i < m * n; ++i) p.y.set(i, y[i + offset]);
    p.compare(
        p.y, [&](int64_t i, int64_t j) { return p.sum(i, j); }, "an offset");
  }
}

/** f is 1 relu, 2 gelu, 3 geluErf or 4 silu. */
double activated(int f, double x) {
  const auto v = static_cast<float>(x);
  return f == 1   ? gradus::math::relu(v)
         : f == 2 ? gradus::math::gelu(v)
         : f == 3 ? gradus::math::geluErf(v)
                  : gradus::math::silu(v);
}

double sloped(int f, double x, double dy) {
  const auto v = static_cast<float>(x), d = static_cast<float>(dy);
  return f == 1   ? gradus::math::reluGrad(v, d)
         : f == 2 ? gradus::math::geluGrad(v, d)
         : f == 3 ? gradus::math::geluErfGrad(v, d)
                  : gradus::math::siluGrad(v, d);
}

void checkActivation(Backend& backend, const Sizes& sizes, const Types& types, int f, bool hasBias,
                     bool hasBefore) {
  constexpr int kGelu = 32, kSlope = 192;
  Problem p(sizes, types, 11);
  Tensor before(types.y, sizes.m * sizes.n);
  const In none = int64_t{0};
  auto run = [&](In bias, Out beforeF, In slopeAt) {
    const auto& [m, n, k, transposeA, transposeB] = sizes;
    backend.matmulActivation(types.a, p.a, types.b, p.b, types.bias, bias, types.y, beforeF,
                             slopeAt, p.y, m, n, k, f, transposeA, transposeB);
  };
  fake().epilogue = 0;
  run(hasBias ? In(p.bias) : none, hasBefore ? Out(before) : Out(int64_t{0}), none);
  // A call of its own takes what the product has stored.
  bool rounds = types.y != DType::F32 && (fake().epilogue & kGelu) == 0;
  auto argument = [&](int64_t i, int64_t j) { return hasBias ? p.biased(i, j) : p.sum(i, j); };
  p.compare(
      p.y, [&](int64_t i, int64_t j) { return activated(f, argument(i, j)); }, "f(a b)",
      [&](int64_t i, int64_t j) {
        return rounds ? 1.2 * roundingOf(types.y) * std::fabs(argument(i, j)) : 0;
      });
  if (hasBefore) p.compare(before, argument, "before f");

  const Tensor slopeAt = p.numbers.tensor(types.y, sizes.m * sizes.n, -2, 2);
  fake().epilogue = 0;
  run(none, Out(int64_t{0}), slopeAt);
  rounds = types.y != DType::F32 && fake().epilogue != kSlope;
  auto slope = [&](int64_t i, int64_t j) {
    return sloped(f, slopeAt[i * sizes.n + j], p.sum(i, j));
  };
  p.compare(p.y, slope, "a b f'(x)", [&](int64_t i, int64_t j) {
    return rounds ? 1.1 * roundingOf(types.y) * std::fabs(slope(i, j)) : 0;
  });
}

void checkResidual(Backend& backend, const Sizes& sizes, const Types& types) {
  Problem p(sizes, types, 13);
  const Tensor residual = p.numbers.tensor(types.y, sizes.m * sizes.n, -1, 1);
  const auto& [m, n, k, transposeA, transposeB] = sizes;
  backend.matmulAdd(types.a, p.a, types.b, p.b, types.bias, p.bias, types.y, residual, p.y, m, n, k,
                    transposeA, transposeB);
  p.compare(
      p.y, [&](int64_t i, int64_t j) { return p.biased(i, j) + residual[i * sizes.n + j]; },
      "matmulAdd");
}

/** The gradients of a layer's weight and bias, where dy is a. */
void checkSums(Backend& backend, const Sizes& sizes, DType activations, DType gradients) {
  Problem p({sizes.m, sizes.n, sizes.k, true, false}, activations, gradients, 17);
  Tensor sums(gradients, sizes.m);
  backend.matmulSums(activations, p.a, activations, p.b, gradients, p.y, sums, sizes.m, sizes.n,
                     sizes.k);
  p.compare(
      p.y, [&](int64_t i, int64_t j) { return p.sum(i, j); }, "matmulSums");
  for (int64_t i = 0; i < sizes.m; ++i) {
    double sum = 0;
    for (int64_t l = 0; l < sizes.k; ++l) sum += p.a[l * sizes.m + i];
    CHECK(close(gradients, sums[i], sum, 8, 1e-5), "sum %d: %g, not %g", static_cast<int>(i),
          sums[i], sum);
  }
  CHECK(sums.guardIntact(), "the sums wrote past the end");
}

void checkEpilogues(Backend& backend) {
  for (const Sizes& sizes : kSizes) {
    for (const Types& types : kLayers) {
      for (int f = 1; f <= 4; ++f) {
        for (int flags = 0; flags < 4; ++flags) {
          checkActivation(backend, sizes, types, f, (flags & 1) != 0, (flags & 2) != 0);
        }
      }
      checkResidual(backend, sizes, types);
    }
    for (DType type : kFloating) {
      checkSums(backend, sizes, type, type);
      checkSums(backend, sizes, type, DType::F32);
    }
  }
}

// Of cuBLASLt.
constexpr int kPlain = 1, kBias = 4, kGeluBias = 36, kGeluAuxBias = 164, kDGelu = 192,
              kSumsOfB = 512;

/** The epilogue that gelu(a b + bias) of n columns, or a b at its slopes, comes to. */
int geluEpilogue(Backend& backend, const Types& types, int64_t n, bool hasBefore, bool slopes) {
  const In none = int64_t{0};
  Problem p({6, n, 9}, types, 5);
  Tensor before(types.y, 6 * n);
  backend.matmulActivation(types.a, p.a, types.b, p.b, types.bias, slopes ? none : In(p.bias),
                           types.y, hasBefore ? Out(before) : Out(int64_t{0}),
                           slopes ? In(before) : none, p.y, 6, n, 9, 2, false, false);
  return fake().epilogue;
}

/** gelu is cuBLASLt's own only where its tanh may be the hardware's, and what stands beside has
 * whole rows. */
void checkFusedGelu(Backend& full, Backend& tf32) {
  for (const Types& types : kLayers) {
    const bool exact = types.y == DType::F32;
    for (Backend* backend : {&full, &tf32}) {
      const bool fuses = !exact || backend == &tf32;
      auto check = [&](int64_t n, bool hasBefore, bool slopes, int fused, int apart) {
        const int got = geluEpilogue(*backend, types, n, hasBefore, slopes);
        const int want = fuses ? fused : apart;
        CHECK(got == want, "%s, %d columns%s%s%s: epilogue %d, not %d", nameOf(types.y),
              static_cast<int>(n), hasBefore ? ", before" : "", slopes ? ", slopes" : "",
              backend == &tf32 ? ", tf32" : "", got, want);
      };
      check(16, true, false, kGeluAuxBias, kBias);
      check(15, true, false, kBias, kBias);
      check(15, false, false, kGeluBias, kBias);
      check(16, false, true, kDGelu, kPlain);
      check(15, false, true, kPlain, kPlain);
    }
  }
}

/** The sums of a bias's gradient come with the product, but beside sums of full precision. */
void checkFusedSums(Backend& full, Backend& tf32) {
  for (DType type : kFloating) {
    for (DType gradients : {type, DType::F32}) {
      for (Backend* backend : {&full, &tf32}) {
        checkSums(*backend, {13, 24, 40}, type, gradients);
        const bool fuses = type != DType::F32 || backend == &tf32;
        CHECK(fake().epilogue == (fuses ? kSumsOfB : kPlain), "%s: epilogue %d", nameOf(type),
              fake().epilogue);
      }
    }
  }
}

std::string read(const fs::path& file) {
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

/** The algorithm of a product in a backend of its own, and whether it was asked for. */
struct Choice {
  int algorithm;
  bool asked;
};

Choice choose(const fs::path& folder, const Sizes& sizes) {
  const int before = fake().heuristics;
  multiplyAndCompare(openFound("cache=" + folder.string()), sizes, DType::F32, DType::F32, true,
                     "a choice");
  return {fake().algorithm, fake().heuristics > before};
}

void checkKeptAlgorithms() {
  const fs::path folder =
      fs::temp_directory_path() / ("gradus-cublas-test-" + std::to_string(getpid())) / "deep";
  const Sizes first = {20, 24, 28}, second = {21, 22, 23};
  fake().fast = 1;
  Choice choice = choose(folder, first);
  CHECK(choice.algorithm == 1 && choice.asked, "the fastest: %d", choice.algorithm);
  const fs::path file = folder / "emulator-cublasLt-130201.txt";
  const std::string text = read(file);
  CHECK(text.rfind("gradus: cuBLASLt 130201 on emulator\n", 0) == 0, "%s", text.c_str());
  CHECK(std::distance(fs::directory_iterator(folder), fs::directory_iterator()) == 1,
        "no other files stay");

  fake().fast = 2;  // what is kept is not timed again
  choice = choose(folder, first);
  CHECK(choice.algorithm == 1 && !choice.asked, "kept: %d", choice.algorithm);
  choice = choose(folder, second);
  CHECK(choice.algorithm == 2 && choice.asked, "another shape: %d", choice.algorithm);
  CHECK(!choose(folder, first).asked && !choose(folder, second).asked, "both are kept");

  auto change = [](std::string in, const std::string& part, const std::string& by) {
    return in.replace(in.find(part), part.size(), by);
  };
  const std::string spoilt[] = {"",
                                "no such file",
                                text.substr(0, text.size() / 2),
                                change(text, "20 24 28", "21 24 28"),
                                change(text, " on emulator", " on another"),
                                text + "more\n"};
  for (const std::string& bytes : spoilt) {
    std::ofstream(file) << bytes;
    choice = choose(folder, first);
    CHECK(choice.algorithm == 2 && choice.asked, "after: %s", bytes.c_str());
    CHECK(!choose(folder, first).asked, "kept again");
  }
  fs::remove_all(folder);
  std::ofstream(folder.string()) << "a file where the folder would be";
  CHECK(choose(folder, first).asked, "a folder that cannot be");
  fs::remove_all(folder.parent_path());
  fake().fast = 2;  // without a folder, the best guess
  CHECK(choose("", first).algorithm == 0, "a guess: %d", fake().algorithm);
  fake().fast = -1;
}

/** An epilogue that takes longer than a pass of its own is left, and the choice is kept. */
void checkSlowEpilogues() {
  const fs::path folder =
      fs::temp_directory_path() / ("gradus-cublas-epilogues-" + std::to_string(getpid()));
  const Types& mixed = kLayers[1];
  auto opened = [&]() -> Backend& { return openFound("cache=" + folder.string()); };
  auto check = [&](Backend& backend, bool fuses) {
    const int gelu = geluEpilogue(backend, mixed, fuses ? 24 : 16, true, false);
    CHECK(gelu == (fuses ? kGeluAuxBias : kBias), "gelu: epilogue %d", gelu);
    checkSums(backend, {fuses ? 12 : 11, 8, 30}, DType::BF16, DType::F32);
    CHECK(fake().epilogue == (fuses ? kSumsOfB : kPlain), "sums: epilogue %d", fake().epilogue);
    checkActivation(backend, {6, fuses ? 24 : 16, 9}, mixed, 2, true, true);
  };
  auto choose = [&](int slowGelu, int slowSums, bool fuses) {
    Backend& backend = opened();
    fake().slow = slowGelu;
    geluEpilogue(backend, mixed, fuses ? 24 : 16, true, false);
    fake().slow = slowSums;
    checkSums(backend, {fuses ? 12 : 11, 8, 30}, DType::BF16, DType::F32);
    fake().slow = -1;
    check(backend, fuses);
  };
  choose(kGeluAuxBias, kSumsOfB, false);
  choose(kBias, kPlain, true);
  Backend& later = opened();  // what is kept is not timed again
  fake().slow = kGeluAuxBias;
  check(later, true);
  fake().slow = kBias;
  check(later, false);
  fake().slow = -1;
  fs::remove_all(folder);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::printf("usage: cublas_test BACKEND LIBRARIES\n");
    return 2;
  }
  library = arguments[1];
  libraries = arguments[2];
  checkMissing();
  Backend& backend = openFound();
  checkShapes(backend);
  checkAlignment(backend);
  checkEpilogues(backend);
  Backend& tf32 = openFound("tf32=true");
  checkEpilogues(tf32);
  checkFusedGelu(backend, tf32);
  checkFusedSums(backend, tf32);
  Backend& without = openFound();
  fake().offers = false;
  checkEpilogues(without);
  fake().offers = true;
  checkKeptAlgorithms();
  checkSlowEpilogues();
  CHECK(fake().violations == 0, "cuBLASLt was given %s", fake().violation);
  return report("cublas_test");
}
