// Captures of kernel calls: what is replayed, where its memory lies, what is refused.
#include <cstring>
#include <string>
#include <thread>

#include "check.h"
#include "copies.h"

namespace {

using Longs = std::vector<long>;

/** Memory of the backend for the length of a step. */
class Block {
 public:
  Block(Backend& backend, int64_t n) : backend_(backend), n_(n), at_(backend.allocate(4 * n)) {}
  ~Block() { backend_.release(at_, 4 * n_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  operator Out() const { return Out(at_); }
  operator In() const { return In(at_); }

 private:
  Backend& backend_;
  int64_t n_, at_;
};

int64_t finish(Backend& backend, const Longs& inputs, const Longs& seeds = {0}) {
  return backend.finishCapture(inputs.data(), static_cast<int64_t>(inputs.size() / 2), seeds.data(),
                               static_cast<int64_t>(seeds.size()));
}

/** y = dropout(exp(x) + x) w, with x and y given: elementwise calls around a product. */
void step(Backend& backend, In x, In w, Out y, int64_t rows, int64_t k, int64_t seed) {
  const DType f32 = DType::F32;
  const int64_t n = rows * k;
  Block e(backend, n), sum(backend, n), dropped(backend, n);
  backend.exp(f32, x, e, n);
  backend.add(f32, e, x, sum, n, nullptr);
  backend.dropout(f32, sum, dropped, n, seed, 0, 0.25);
  backend.matmul(f32, dropped, f32, w, f32, nullptr, f32, y, 1, rows, k, k, 0, 0, false, false,
                 false);
  backend.affine(f32, y, y, n, 2, 1);
}

void aReplayDoesWhatTheStepDoes(Backend& backend, int64_t rows, int64_t k) {
  Numbers numbers(5);
  const int64_t n = rows * k;
  Tensor x = numbers.tensor(DType::F32, n, -1, 1), other = numbers.tensor(DType::F32, n, -1, 1);
  Tensor w = numbers.tensor(DType::F32, k * k, -1, 1), y(DType::F32, n), want(DType::F32, n);
  backend.startCapture();
  step(backend, x, w, y, rows, k, 1234567);
  CHECK(backend.capturedCalls() == 5, "%ld calls", static_cast<long>(backend.capturedCalls()));
  const long at = static_cast<long>(In(x).address);
  const int64_t graph = finish(backend, {at, static_cast<long>(4 * n)}, {1234567});
  step(backend, x, w, want, rows, k, 1234567);
  CHECK(y.sameBits(want), "the capture itself gives something else");
  // Another input, another seed.
  const Longs inputs = {static_cast<long>(In(other).address)}, seeds = {99};
  step(backend, other, w, want, rows, k, 99);
  backend.replay(graph, inputs.data(), seeds.data(), nullptr);
  CHECK(y.sameBits(want), "(%ld, %ld): the replay gives something else", static_cast<long>(rows),
        static_cast<long>(k));
  // exp and add are one pass, and what lies between them takes no memory.
  CHECK(backend.stepCount(graph) == 4, "%ld steps", static_cast<long>(backend.stepCount(graph)));
  CHECK(std::string(backend.stepName(graph, 0)) == "exp+add", "%s", backend.stepName(graph, 0));
  CHECK(backend.stepFlops(graph, 2) == 2.0 * static_cast<double>(rows * k * k), "%g",
        backend.stepFlops(graph, 2));
  CHECK(backend.unplannedBytes(graph) == 2 * ((4 * n + 63) / 64 * 64), "%ld bytes",
        static_cast<long>(backend.unplannedBytes(graph)));
  std::vector<long> times(8);
  backend.replay(graph, inputs.data(), seeds.data(), Out(times.data()));
  for (size_t i = 1; i < times.size(); ++i) CHECK(times[i] >= times[i - 1], "times fall");
  backend.closeGraph(graph);
}

void buffersThatMeetLieApart(Backend& backend) {
  // A ladder: each rung reads the two before it, so three live at a time.
  const int64_t n = 5000;
  const int rungs = 40;
  Numbers numbers(6);
  Tensor x = numbers.tensor(DType::F32, n, -1, 1), y(DType::F32, n), want(DType::F32, n);
  auto ladder = [&](Out to) {
    std::vector<std::unique_ptr<Block>> blocks;
    for (int i = 0; i < rungs; ++i) {
      blocks.push_back(std::make_unique<Block>(backend, n));
      const In a = i < 1 ? In(x) : In(*blocks[i - 1]), b = i < 2 ? In(x) : In(*blocks[i - 2]);
      const long space[] = {2, 1, n, 0, 1, 0, 1};  // given dims, calls are not made in one pass
      backend.add(DType::F32, a, b, *blocks[i], n, gradus::Dims(space));
      backend.affine(DType::F32, *blocks[i], *blocks[i], n, 0.5, 0.1);
    }
    backend.copy(*blocks.back(), to, 4 * n);
  };
  backend.startCapture();
  ladder(y);
  const int64_t graph = finish(backend, {});
  ladder(want);
  for (int64_t i = 0; i < n; ++i) y.set(i, 0);
  backend.replay(graph, nullptr, nullptr, nullptr);
  CHECK(y.sameBits(want), "what the ladder comes to");
  const int64_t each = (4 * n + 63) / 64 * 64;
  CHECK(backend.unplannedBytes(graph) == rungs * each, "%ld",
        static_cast<long>(backend.unplannedBytes(graph)));
  CHECK(backend.arenaBytes(graph) <= 4 * each, "%ld of %ld",
        static_cast<long>(backend.arenaBytes(graph)), static_cast<long>(each));
  backend.closeGraph(graph);
}

void numbersAreAmended(Backend& backend) {
  Tensor x(DType::F32, Doubles{1, 2, 3}), y(DType::F32, 3);
  backend.startCapture();
  backend.copy(x, y, 12);
  backend.affine(DType::F32, y, y, 3, 2, 0);
  const int64_t graph = finish(backend, {});
  backend.startAmend(graph, 1);
  backend.affine(DType::F32, nullptr, nullptr, 3, 10, 1);
  backend.endAmend();
  backend.replay(graph, nullptr, nullptr, nullptr);
  CHECK(y[2] == 31, "%g", y[2]);
  bool refused = false;
  backend.startAmend(graph, 0);
  try {
    backend.affine(DType::F32, x, y, 3, 10, 1);
  } catch (const std::exception&) {
    refused = true;
  }
  backend.endAmend();
  CHECK(refused, "another kernel was amended");
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

template <class Code>
bool throws(Code code) {
  try {
    code();
  } catch (const std::exception&) {
    return true;
  }
  return false;
}

void whatCannotBeCapturedIsRefused(Backend& backend) {
  Tensor x(DType::F32, Doubles{1, 2, 3}), y(DType::F32, 3);
  float values[3];
  backend.startCapture();
  CHECK(throws([&] { backend.download(values, x, 12); }), "a value was read");
  CHECK(throws([&] { backend.upload(y, values, 12); }), "a value entered");
  CHECK(throws([&] { backend.startCapture(); }), "captures nest");
  backend.abandonCapture();
  backend.download(values, x, 12);
  CHECK(values[2] == 3, "%g", static_cast<double>(values[2]));

  auto before = std::make_unique<Block>(backend, 1000);
  backend.fill(DType::F32, *before, 1, 1000);
  backend.startCapture();
  backend.affine(DType::F32, *before, *before, 1000, 2, 0);
  before.reset();
  CHECK(throws([&] { finish(backend, {}); }), "memory that is gone was captured");

  auto weight = std::make_unique<Block>(backend, 1000);
  backend.startCapture();
  backend.fill(DType::F32, *weight, 1, 1000);
  const int64_t graph = finish(backend, {});
  CHECK(!backend.isStale(graph), "stale");
  weight.reset();
  CHECK(backend.isStale(graph), "not stale");
  CHECK(throws([&] { backend.replay(graph, nullptr, nullptr, nullptr); }), "a stale graph ran");
  backend.closeGraph(graph);
}

void otherThreadsAreNotRecorded(Backend& backend) {
  Tensor x(DType::F32, Doubles(100, 1.5)), y(DType::F32, 100), z(DType::F32, 100);
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done) {
      Block own(backend, 100);
      backend.exp(DType::F32, x, own, 100);
      backend.copy(own, z, 400);
    }
  });
  for (int i = 0; i < 300; ++i) {
    backend.startCapture();
    backend.relu(DType::F32, x, y, 100);
    CHECK(backend.capturedCalls() == 1, "%ld calls", static_cast<long>(backend.capturedCalls()));
    const int64_t graph = finish(backend, {});
    backend.replay(graph, nullptr, nullptr, nullptr);
    backend.closeGraph(graph);
  }
  done = true;
  other.join();
  CHECK(y[99] == 1.5, "%g", y[99]);
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  for (int64_t rows : {1, 3, 300}) {
    for (int64_t k : {5, 129}) aReplayDoesWhatTheStepDoes(backend, rows, k);
  }
  buffersThatMeetLieApart(backend);
  numbersAreAmended(backend);
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
  whatCannotBeCapturedIsRefused(backend);
  otherThreadsAreNotRecorded(backend);
  return report("graph_test");
}
