// What the CPU's graphs make one pass of, and that it has the same bits as one call after another.
#include <string>

#include "check.h"
#include "graphs.h"

namespace {

/** Elementwise calls that follow each other are one pass, and what lies between them takes no
 * memory. */
void chainsAreOnePass(Backend& backend, int64_t n) {
  const DType f32 = DType::F32;
  Numbers numbers(5);
  Tensor x = numbers.tensor(f32, n, -1, 1), y(f32, n), want(f32, n);
  auto step = [&](Out to) {
    Block e(backend, n), sum(backend, n), dropped(backend, n);
    backend.exp(f32, x, e, n);
    backend.add(f32, e, x, sum, n, nullptr);
    backend.dropout(f32, sum, dropped, n, 77, 0, 0.25);
    backend.affine(f32, dropped, to, n, 2, 1);
  };
  backend.startCapture();
  step(y);
  const int64_t graph = finish(backend, {}, Longs());
  step(want);
  for (int64_t i = 0; i < n; ++i) y.set(i, 0);
  backend.replay(graph, nullptr, nullptr, nullptr);
  CHECK(y.sameBits(want), "%ld elements", static_cast<long>(n));
  CHECK(backend.stepCount(graph) == 3, "%ld steps", static_cast<long>(backend.stepCount(graph)));
  CHECK(std::string(backend.stepName(graph, 0)) == "exp+add", "%s", backend.stepName(graph, 0));
  CHECK(backend.unplannedBytes(graph) == 2 * ((4 * n + 63) / 64 * 64), "%ld bytes",
        static_cast<long>(backend.unplannedBytes(graph)));
  backend.closeGraph(graph);
}

enum class Order { WeightReadFirst, WeightReadLast, FactorGiven, GradientReadLater };

/**
 * The backward half of a step: dh = dy w2, dw2 = dy' h, dw1 = dh' x, and AdamW over (w1, w2, bias),
 * of which w2 may be read after its gradient is there.
 */
void learn(Backend& backend, Order order, In x, In h, In dy, Out p, Out m, Out v, Out factor,
           double learningRate, int64_t rows, int64_t width) {
  const DType f32 = DType::F32;
  const int64_t square = width * width, n = 2 * square + width;
  Block g(backend, n), dh(backend, rows * width);
  const int64_t second = 4 * square, bias = 8 * square;
  auto product = [&](In a, In b, Out y, int64_t rowsOfY, int64_t k, bool transposed) {
    backend.matmul(f32, a, f32, b, f32, nullptr, f32, y, 1, rowsOfY, width, k, 0, 0, transposed,
                   false, false);
  };
  auto inner = [&] { product(dy, In(p.address + second), dh, rows, width, false); };
  if (order != Order::WeightReadLast) inner();
  product(dy, h, Out(Out(g).address + second), width, rows, true);
  if (order == Order::WeightReadLast) inner();
  backend.columnSums(f32, dy, f32, Out(Out(g).address + bias), rows, width, false);
  product(dh, x, g, width, rows, true);
  if (order == Order::GradientReadLater) backend.affine(f32, g, g, square, 0.5, 0);
  const In scale = order == Order::FactorGiven ? In(factor.address) : In(int64_t{0});
  backend.adamw(p, g, m, v, n, learningRate, 0.9, 0.999, 1e-8, 0.01, 1, 1.0, scale);
}

void optimizersStepWhereGradientsAreMade(Backend& backend, Order order, int pieces) {
  const int64_t rows = 37, width = 20, n = 2 * width * width + width;
  Numbers numbers(8);
  Tensor x = numbers.tensor(DType::F32, rows * width, -1, 1);
  Tensor h = numbers.tensor(DType::F32, rows * width, -1, 1);
  Tensor dy = numbers.tensor(DType::F32, rows * width, -1, 1), factor(DType::F32, Doubles{0.5});
  Tensor p = numbers.tensor(DType::F32, n, -1, 1), m(DType::F32, Doubles(n, 0.0)), v = m;
  Tensor wantP = p, wantM = m, wantV = v;
  backend.startCapture();
  learn(backend, order, x, h, dy, p, m, v, factor, 0.1, rows, width);
  const int64_t calls = backend.capturedCalls(), graph = finish(backend, {}, Longs());
  learn(backend, order, x, h, dy, wantP, wantM, wantV, factor, 0.1, rows, width);
  for (double learningRate : {0.1, 0.01, 0.3}) {
    backend.startAmend(graph, calls - 1);
    backend.adamw(p, nullptr, m, v, n, learningRate, 0.9, 0.999, 1e-8, 0.01, 1, 1.0, nullptr);
    backend.endAmend();
    backend.replay(graph, nullptr, nullptr, nullptr);
    learn(backend, order, x, h, dy, wantP, wantM, wantV, factor, learningRate, rows, width);
    CHECK(p.sameBits(wantP) && m.sameBits(wantM) && v.sameBits(wantV), "order %d: a step of %g",
          static_cast<int>(order), learningRate);
  }
  int updates = 0;
  for (int64_t i = 0; i < backend.stepCount(graph); ++i) {
    updates += std::string(backend.stepName(graph, i)) == "adamw";
  }
  CHECK(updates == pieces, "order %d: %d steps of the optimizer", static_cast<int>(order), updates);
  backend.closeGraph(graph);
}

/** SGD of a matrix whose gradient is a product: with sums that stay in registers, or through g. */
void plainSgdIsPartOfTheProduct(Backend& backend, int64_t rows, int64_t width, int64_t k,
                                double weightDecay) {
  const int64_t n = rows * width;
  Numbers numbers(9);
  Tensor x = numbers.tensor(DType::F32, k * width, -1, 1);
  Tensor dy = numbers.tensor(DType::F32, k * rows, -1, 1);
  Tensor p = numbers.tensor(DType::F32, n + 5, -1, 1), want = p;
  auto learn = [&](Out to, double learningRate) {
    const DType f32 = DType::F32;
    Block g(backend, n + 5);
    backend.matmul(f32, dy, f32, x, f32, nullptr, f32, g, 1, rows, width, k, 0, 0, true, false,
                   false);
    backend.fill(f32, Out(Out(g).address + 4 * n), 1, 5);
    backend.sgd(to, g, nullptr, n + 5, learningRate, 0, 0, weightDecay, false, false, 0.7, nullptr);
  };
  backend.startCapture();
  learn(p, 0.1);
  const int64_t graph = finish(backend, {}, Longs());
  learn(want, 0.1);
  for (double learningRate : {0.1, 0.02}) {
    backend.startAmend(graph, 2);
    backend.sgd(p, nullptr, nullptr, n + 5, learningRate, 0, 0, weightDecay, false, false, 0.7,
                nullptr);
    backend.endAmend();
    backend.replay(graph, nullptr, nullptr, nullptr);
    learn(want, learningRate);
    CHECK(p.sameBits(want), "(%ld, %ld, %ld): a step of %g", static_cast<long>(rows),
          static_cast<long>(width), static_cast<long>(k), learningRate);
  }
  CHECK(std::string(backend.stepName(graph, 0)) == "matmulSgd", "%s", backend.stepName(graph, 0));
  backend.closeGraph(graph);
}

/** The two gradients of a linear layer's parameters are one call. */
void sumsAreTakenWhileTheProductPacks(Backend& backend, int64_t rows, int64_t width, int64_t k) {
  const DType f32 = DType::F32;
  Numbers numbers(10);
  Tensor x = numbers.tensor(f32, k * width, -1, 1), dy = numbers.tensor(f32, k * rows, -1, 1);
  Tensor dw(f32, rows * width), db(f32, rows), wantW = dw, wantB = db;
  auto gradients = [&](Out w, Out b) {
    backend.matmul(f32, dy, f32, x, f32, nullptr, f32, w, 1, rows, width, k, 0, 0, true, false,
                   false);
    backend.columnSums(f32, dy, f32, b, k, rows, false);
  };
  backend.startCapture();
  gradients(dw, db);
  const int64_t graph = finish(backend, {}, Longs());
  for (int64_t i = 0; i < rows; ++i) db.set(i, 77);
  gradients(wantW, wantB);
  backend.replay(graph, nullptr, nullptr, nullptr);
  CHECK(dw.sameBits(wantW) && db.sameBits(wantB), "(%ld, %ld, %ld)", static_cast<long>(rows),
        static_cast<long>(width), static_cast<long>(k));
  CHECK(backend.stepCount(graph) == 1 && std::string(backend.stepName(graph, 0)) == "matmulSums",
        "%s", backend.stepName(graph, 0));
  backend.closeGraph(graph);
}

/** y = x w + bias + r, where r is outside, or made before, or after, or is y itself. */
void productsAreAddedAtOnce(Backend& backend, int64_t rows, int64_t width, int64_t k) {
  enum class Residual { Outside, MadeBefore, MadeAfter, Result };
  const DType f32 = DType::F32;
  const int64_t n = rows * width;
  Numbers numbers(11);
  Tensor x = numbers.tensor(f32, rows * k, -1, 1), w = numbers.tensor(f32, k * width, -1, 1);
  Tensor bias = numbers.tensor(f32, width, -1, 1), r = numbers.tensor(f32, n, -1, 1);
  for (Residual residual :
       {Residual::Outside, Residual::MadeBefore, Residual::MadeAfter, Residual::Result}) {
    Tensor y(f32, n), want(f32, n);
    auto step = [&](Out to) {
      Block product(backend, n), sum(backend, n), made(backend, n);
      if (residual == Residual::MadeBefore) backend.copy(r, made, 4 * n);
      backend.matmul(f32, x, f32, w, f32, bias, f32, product, 1, rows, width, k, 0, 0, false, false,
                     false);
      const bool after = residual == Residual::MadeAfter || residual == Residual::Result;
      if (after) backend.copy(r, made, 4 * n);
      const In other = residual == Residual::Outside ? In(r) : In(made);
      const Out result = residual == Residual::Result ? Out(made) : Out(sum);
      backend.add(f32, other, product, result, n, nullptr);
      backend.copy(In(result.address), to, 4 * n);
    };
    backend.startCapture();
    step(y);
    const int64_t graph = finish(backend, {}, Longs());
    step(want);
    for (int64_t i = 0; i < n; ++i) y.set(i, 0);
    backend.replay(graph, nullptr, nullptr, nullptr);
    const int which = static_cast<int>(residual);
    CHECK(y.sameBits(want), "residual %d: (%ld, %ld, %ld)", which, static_cast<long>(rows),
          static_cast<long>(width), static_cast<long>(k));
    bool fused = false;
    for (int64_t i = 0; i < backend.stepCount(graph); ++i) {
      fused |= std::string(backend.stepName(graph, i)) == "matmulAdd";
    }
    CHECK(fused == (residual == Residual::Outside || residual == Residual::MadeBefore),
          "residual %d: %s", which, fused ? "one call" : "two calls");
    backend.closeGraph(graph);
  }
}

/** y = gelu(x w + bias), whose product keeps its order of sums when the activation joins it. */
void activationsKeepTheBitsOfTheirProduct(Backend& backend, int64_t rows, int64_t width,
                                          int64_t k) {
  const DType f32 = DType::F32;
  const int64_t n = rows * width;
  Numbers numbers(12);
  Tensor x = numbers.tensor(f32, rows * k, -1, 1), w = numbers.tensor(f32, k * width, -1, 1);
  Tensor bias = numbers.tensor(f32, width, -1, 1), y(f32, n), want(f32, n);
  for (bool transposed : {false, true}) {
    auto step = [&](Out to) {
      Block product(backend, n), activated(backend, n);
      backend.matmul(f32, x, f32, w, f32, bias, f32, product, 1, rows, width, k, 0, 0, false,
                     transposed, false);
      backend.gelu(f32, product, activated, n);
      backend.copy(activated, to, 4 * n);
    };
    backend.startCapture();
    step(y);
    const int64_t graph = finish(backend, {}, Longs());
    step(want);
    for (int64_t i = 0; i < n; ++i) y.set(i, 0);
    backend.replay(graph, nullptr, nullptr, nullptr);
    CHECK(y.sameBits(want), "(%ld, %ld, %ld)%s", static_cast<long>(rows), static_cast<long>(width),
          static_cast<long>(k), transposed ? " transposed" : "");
    CHECK(backend.stepCount(graph) == 2, "%ld steps", static_cast<long>(backend.stepCount(graph)));
    backend.closeGraph(graph);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  for (int64_t n : {1, 645, 38700}) chainsAreOnePass(backend, n);
  optimizersStepWhereGradientsAreMade(backend, Order::WeightReadFirst, 3);
  optimizersStepWhereGradientsAreMade(backend, Order::WeightReadLast, 2);
  optimizersStepWhereGradientsAreMade(backend, Order::GradientReadLater, 2);
  optimizersStepWhereGradientsAreMade(backend, Order::FactorGiven, 1);
  for (double weightDecay : {0.0, 0.01}) {
    plainSgdIsPartOfTheProduct(backend, 7, 13, 5, weightDecay);
    plainSgdIsPartOfTheProduct(backend, 145, 160, 200, weightDecay);
    plainSgdIsPartOfTheProduct(backend, 800, 1040, 8, weightDecay);
    plainSgdIsPartOfTheProduct(backend, 145, 160, 300, weightDecay);
    plainSgdIsPartOfTheProduct(backend, 145, 163, 200, weightDecay);
  }
  sumsAreTakenWhileTheProductPacks(backend, 3, 5, 7);          // by a pass of their own
  sumsAreTakenWhileTheProductPacks(backend, 145, 160, 300);    // while all of dy is packed
  sumsAreTakenWhileTheProductPacks(backend, 1541, 390, 700);   // a few rows at a time
  sumsAreTakenWhileTheProductPacks(backend, 390, 1541, 1100);  // depth by depth
  const int64_t sizes[][3] = {{1, 130, 70},    {5, 70, 300},    {40, 64, 700},
                              {145, 163, 300}, {300, 390, 700}, {700, 300, 520}};
  for (auto& [rows, width, k] : sizes) {
    activationsKeepTheBitsOfTheirProduct(backend, rows, width, k);
  }
  productsAreAddedAtOnce(backend, 3, 5, 7);
  productsAreAddedAtOnce(backend, 145, 163, 300);
  return report("graph_fusion_test");
}
