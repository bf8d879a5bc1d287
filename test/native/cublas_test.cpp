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

/** y = a b + bias + y, element for element in double. */
struct Problem {
  Problem(const Sizes& sizes, DType type, DType yType, uint64_t seed)
      : sizes(sizes),
        numbers(seed),
        a(numbers.tensor(type, sizes.m * sizes.k, -1, 1)),
        b(numbers.tensor(type, sizes.k * sizes.n, -1, 1)),
        bias(numbers.tensor(yType, sizes.n, -1, 1)),
        y(numbers.tensor(yType, sizes.m * sizes.n, -1, 1)) {}

  double sum(int64_t i, int64_t j) const {
    const auto& [m, n, k, transposeA, transposeB] = sizes;
    double sum = 0;
    for (int64_t l = 0; l < k; ++l) {
      sum += a[transposeA ? l * m + i : i * k + l] * b[transposeB ? j * k + l : l * n + j];
    }
    return sum;
  }

  /** What expected(i, j) says is what y has. */
  void compare(const Tensor& got, const std::function<double(int64_t, int64_t)>& expected,
               const char* what) const {
    for (int64_t i = 0; i < sizes.m; ++i) {
      for (int64_t j = 0; j < sizes.n; ++j) {
        const double want = expected(i, j), is = got[i * sizes.n + j];
        CHECK(close(got.type(), is, want, 8, 1e-6 * (1 + static_cast<double>(sizes.k))),
              "%s (%d, %d, %d) at %d, %d: %.9g, not %.9g", what, static_cast<int>(sizes.m),
              static_cast<int>(sizes.n), static_cast<int>(sizes.k), static_cast<int>(i),
              static_cast<int>(j), is, want);
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

void checkActivation(Backend& backend, const Sizes& sizes, int f, bool hasBias, bool hasBefore) {
  Problem p(sizes, DType::F32, DType::F32, 11);
  Tensor before(DType::F32, sizes.m * sizes.n);
  const In none = int64_t{0};
  backend.matmulActivation(p.a, p.b, hasBias ? In(p.bias) : none,
                           hasBefore ? Out(before) : Out(int64_t{0}), none, p.y, sizes.m, sizes.n,
                           sizes.k, f, sizes.transposeA, sizes.transposeB);
  auto argument = [&](int64_t i, int64_t j) { return p.sum(i, j) + (hasBias ? p.bias[j] : 0); };
  p.compare(
      p.y, [&](int64_t i, int64_t j) { return activated(f, argument(i, j)); }, "f(a b)");
  if (hasBefore) p.compare(before, argument, "before f");

  const Tensor slopeAt = p.numbers.tensor(DType::F32, sizes.m * sizes.n, -2, 2);
  backend.matmulActivation(p.a, p.b, none, Out(int64_t{0}), slopeAt, p.y, sizes.m, sizes.n, sizes.k,
                           f, sizes.transposeA, sizes.transposeB);
  p.compare(
      p.y, [&](int64_t i, int64_t j) { return sloped(f, slopeAt[i * sizes.n + j], p.sum(i, j)); },
      "a b f'(x)");
}

void checkEpilogues(Backend& backend) {
  for (const Sizes& sizes : kSizes) {
    for (int f = 1; f <= 4; ++f) {
      for (int flags = 0; flags < 4; ++flags) {
        checkActivation(backend, sizes, f, (flags & 1) != 0, (flags & 2) != 0);
      }
    }
    Problem p(sizes, DType::F32, DType::F32, 13);
    const Tensor residual = p.numbers.tensor(DType::F32, sizes.m * sizes.n, -1, 1);
    backend.matmulAdd(p.a, p.b, p.bias, residual, p.y, sizes.m, sizes.n, sizes.k, sizes.transposeA,
                      sizes.transposeB);
    p.compare(
        p.y,
        [&](int64_t i, int64_t j) { return p.sum(i, j) + p.bias[j] + residual[i * sizes.n + j]; },
        "matmulAdd");
    if (!sizes.transposeA || sizes.transposeB) continue;
    Tensor sums(DType::F32, sizes.m);
    backend.matmulSums(p.a, p.b, p.y, sums, sizes.m, sizes.n, sizes.k);
    p.compare(
        p.y, [&](int64_t i, int64_t j) { return p.sum(i, j); }, "matmulSums");
    for (int64_t i = 0; i < sizes.m; ++i) {
      double sum = 0;
      for (int64_t l = 0; l < sizes.k; ++l) sum += p.a[l * sizes.m + i];
      CHECK(close(DType::F32, sums[i], sum, 8, 1e-5), "sum %d: %g, not %g", static_cast<int>(i),
            sums[i], sum);
    }
  }
}

/** gelu is cuBLASLt's own only where its tanh may be the hardware's, and its rows are whole. */
void checkFusedGelu(Backend& full, Backend& tf32) {
  const int kGeluAuxBias = 164, kDGelu = 192, kBias = 4;
  checkActivation(tf32, {6, 16, 9}, 2, true, true);
  CHECK(fake().epilogue == kDGelu, "tf32: epilogue %d", fake().epilogue);
  Problem p({6, 16, 9}, DType::F32, DType::F32, 5);
  Tensor before(DType::F32, 96);
  auto run = [&](Backend& backend, int64_t n) {
    backend.matmulActivation(p.a, p.b, p.bias, before, int64_t{0}, p.y, 6, n, 9, 2, false, false);
    return fake().epilogue;
  };
  CHECK(run(tf32, 16) == kGeluAuxBias, "tf32: epilogue %d", fake().epilogue);
  CHECK(run(tf32, 15) == kBias, "15 columns: epilogue %d", fake().epilogue);
  CHECK(run(full, 16) == kBias, "full precision: epilogue %d", fake().epilogue);
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
  checkKeptAlgorithms();
  CHECK(fake().violations == 0, "cuBLASLt was given %s", fake().violation);
  return report("cublas_test");
}
