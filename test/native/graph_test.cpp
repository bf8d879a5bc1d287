// Captures of kernel calls: what is replayed, where its memory lies, what is refused.
#include <atomic>
#include <iterator>
#include <memory>
#include <thread>

#include "check.h"
#include "graphs.h"

namespace {

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
  std::vector<long> times(static_cast<size_t>(2 * backend.stepCount(graph)));
  backend.replay(graph, inputs.data(), seeds.data(), Out(times.data()));
  CHECK(y.sameBits(want), "(%ld, %ld): timed, the replay gives something else",
        static_cast<long>(rows), static_cast<long>(k));
  for (size_t i = 1; i < times.size(); ++i) CHECK(times[i] >= times[i - 1], "times fall");
  backend.closeGraph(graph);
}

/** Whatever a backend keeps from one replay to the next: other inputs and seeds have their effect,
 * whether they stay for some replays or change with each. */
void replaysFollowWhatChanges(Backend& backend) {
  Numbers numbers(7);
  const int64_t rows = 5, k = 67, n = rows * k;
  const DType f32 = DType::F32;
  const std::vector<Tensor> given = {numbers.tensor(f32, n, -1, 1), numbers.tensor(f32, n, -1, 1),
                                     numbers.tensor(f32, n, -1, 1)};
  Tensor w = numbers.tensor(f32, k * k, -1, 1), y(f32, n), want(f32, n);
  backend.startCapture();
  step(backend, given[0], w, y, rows, k, 1234567);
  const long at = static_cast<long>(In(given[0]).address);
  const int64_t graph = finish(backend, {at, static_cast<long>(4 * n)}, {1234567});
  const size_t inputOf[] = {0, 0, 0, 1, 1, 2, 0, 1, 2, 2, 2, 2};
  const long seedOf[] = {5, 5, 5, 5, 6, 6, 7, 8, 9, 9, 9, 10};
  for (size_t i = 0; i < std::size(inputOf); ++i) {
    const Tensor& x = given[inputOf[i]];
    const Longs inputs = {static_cast<long>(In(x).address)}, seeds = {seedOf[i]};
    step(backend, x, w, want, rows, k, seedOf[i]);
    backend.replay(graph, inputs.data(), seeds.data(), nullptr);
    CHECK(y.sameBits(want), "replay %d", static_cast<int>(i));
  }
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

/** What optimizers change: buffers of theirs, from the same start. */
struct Trained {
  explicit Trained(int64_t n) : n(n) {
    Numbers numbers(9);
    for (int i = 0; i < 8; ++i) buffers.push_back(numbers.tensor(DType::F32, n, 0.1, 1));
  }

  int64_t n;
  std::vector<Tensor> buffers;
};

/** Clips a gradient and makes a step of each; all numbers depend on `time`. */
void optimize(Backend& backend, Trained& trained, In gradient, In squares, Out clipped, int time) {
  auto& b = trained.buffers;
  const double rate = 0.1 / time, momentum = time < 6 ? 0 : 0.9;  // which is another kernel
  const Out factor(clipped.address + 4);
  backend.clipFactor(squares, 1, clipped, factor, 1.0 / time, 0.5, false);
  backend.adamw(b[0], gradient, b[1], b[2], trained.n, rate, 0.9, 0.99, 1e-8, 0.1, time, 1.0 / time,
                factor);
  backend.sgd(b[3], gradient, b[4], trained.n, rate, momentum, 0, 0.01, false, time == 6, 1,
              factor);
  backend.adafactor(b[5], gradient, b[6], b[7], 1, 17, 59, rate, -0.8, 1e-10, 1e-3, 1, 0, time, 1,
                    factor);
}

void optimizersFollowWhatIsAmended(Backend& backend) {
  const int64_t n = 17 * 59;  // a matrix to one of them
  Numbers numbers(8);
  const std::vector<Tensor> gradients = {numbers.tensor(DType::F32, n, -1, 1),
                                         numbers.tensor(DType::F32, n, -1, 1)};
  Trained got(n), want(n);
  Tensor gotNorm(DType::F32, Doubles(2)), wantNorm(DType::F32, Doubles(2));
  Tensor squares(DType::F32, 1);
  auto step = [&](Trained& trained, Out norm, int time) {
    const Tensor& gradient = gradients[static_cast<size_t>(time / 2 % 2)];
    backend.sumSquares(DType::F32, gradient, squares, n);
    optimize(backend, trained, gradient, squares, norm, time);
    return static_cast<long>(In(gradient).address);
  };
  backend.startCapture();
  const long at = step(got, gotNorm, 1);
  const int64_t graph = finish(backend, {at, static_cast<long>(4 * n)});
  step(want, wantNorm, 1);
  for (int time = 2; time < 12; ++time) {
    backend.startAmend(graph, 1);
    optimize(backend, got, nullptr, nullptr, gotNorm, time);
    backend.endAmend();
    const Longs inputs = {step(want, wantNorm, time)};
    backend.replay(graph, inputs.data(), nullptr, nullptr);
    CHECK(gotNorm.sameBits(wantNorm), "step %d: the norm", time);
    for (size_t i = 0; i < got.buffers.size(); ++i) {
      CHECK(got.buffers[i].sameBits(want.buffers[i]), "step %d: buffer %d", time,
            static_cast<int>(i));
    }
  }
  backend.closeGraph(graph);
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
  replaysFollowWhatChanges(backend);
  buffersThatMeetLieApart(backend);
  numbersAreAmended(backend);
  optimizersFollowWhatIsAmended(backend);
  whatCannotBeCapturedIsRefused(backend);
  otherThreadsAreNotRecorded(backend);
  return report("graph_test");
}
