// 10,000 steps of a small network, some made call by call and most replayed, with new batches and
// readings of the loss: what they hold of memory, on the device and beside it, is the same after
// 200 steps and after all of them.
#include <dlfcn.h>
#include <malloc.h>

#include <cstdint>
#include <vector>

#include "check.h"
#include "emulator/live.h"
#include "graphs.h"

namespace {

constexpr int64_t kRows = 8, kIn = 6, kHidden = 8, kClasses = 3;
constexpr int kWarm = 200, kSteps = 10000;
constexpr DType kF32 = DType::F32;

/** What a library's emulated GPU has in use; nothing where it has none. */
emulator::Live live(const char* library) {
  emulator::Live live = {};
  void* opened = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
  using Ask = void (*)(emulator::Live*);
  const auto ask = reinterpret_cast<Ask>(dlsym(opened, "gradus_emulator_live"));
  if (ask != nullptr) ask(&live);
  if (opened != nullptr) dlclose(opened);
  return live;
}

struct Usage {
  int64_t used, held, free;
  emulator::Live live;
  int64_t host;  // what malloc has given out
};

Usage usage(Backend& backend, const char* library) {
  float waited;
  const Block one(backend, 1);
  backend.download(&waited, one, 4);
  const auto host = static_cast<int64_t>(mallinfo2().uordblks);
  return {backend.usedBytes(), backend.heldBytes(), backend.freeBytes(), live(library), host};
}

/** Weights and biases of two layers in one buffer, as optimizers have them. */
struct Network {
  static constexpr int64_t kW1 = 0, kB1 = kW1 + kIn * kHidden, kW2 = kB1 + kHidden,
                           kB2 = kW2 + kHidden * kClasses, kSize = kB2 + kClasses;

  explicit Network(Backend& backend)
      : backend(backend),
        p(backend, kSize),
        g(backend, kSize),
        m(backend, kSize),
        v(backend, kSize),
        loss(backend, 1),
        ones(backend, kRows) {
    Numbers numbers(3);
    std::vector<float> weights(kSize);
    for (float& w : weights) w = static_cast<float>(numbers.next(-0.3, 0.3));
    backend.upload(p, weights.data(), 4 * kSize);
    backend.fill(kF32, ones, 1, kRows);
    backend.fill(kF32, m, 0, kSize);
    backend.fill(kF32, v, 0, kSize);
  }

  static int64_t at(Out block, int64_t element) { return block.address + 4 * element; }
  In weight(int64_t element) { return In(at(p, element)); }
  Out gradient(int64_t element) { return Out(at(g, element)); }

  void product(In a, In b, In bias, Out y, int64_t rows, int64_t cols, int64_t k, bool ta,
               bool tb) {
    backend.matmul(kF32, a, kF32, b, kF32, bias, kF32, y, 1, rows, cols, k, 0, 0, ta, tb, false);
  }

  void update(int64_t step) {
    backend.adamw(p, g, m, v, kSize, 0.01, 0.9, 0.999, 1e-8, 0.01, step, 1, nullptr);
  }

  void learn(In x, In targets, int64_t step) {
    Block h(backend, kRows * kHidden), dh(backend, kRows * kHidden);
    Block y(backend, kRows * kClasses), dy(backend, kRows * kClasses);
    product(x, weight(kW1), weight(kB1), h, kRows, kHidden, kIn, false, false);
    backend.relu(kF32, h, h, kRows * kHidden);
    product(h, weight(kW2), weight(kB2), y, kRows, kClasses, kHidden, false, false);
    // Half the squared error, whose products the emulator makes quickly.
    backend.sub(kF32, y, targets, dy, kRows * kClasses, nullptr);
    product(dy, dy, nullptr, loss, 1, 1, kRows * kClasses, false, false);
    backend.affine(kF32, dy, dy, kRows * kClasses, 1.0 / kRows, 0);
    product(h, dy, nullptr, gradient(kW2), kHidden, kClasses, kRows, true, false);
    product(ones, dy, nullptr, gradient(kB2), 1, kClasses, kRows, false, false);
    product(dy, weight(kW2), nullptr, dh, kRows, kHidden, kClasses, false, true);
    backend.reluGrad(kF32, h, dh, dh, kRows * kHidden);
    product(x, dh, nullptr, gradient(kW1), kIn, kHidden, kRows, true, false);
    product(ones, dh, nullptr, gradient(kB1), 1, kHidden, kRows, false, false);
    update(step);
  }

  Backend& backend;
  Block p, g, m, v, loss, ones;
};

/** Rows whose first inputs say of what class they are. */
class Data {
 public:
  void next() {
    for (int64_t row = 0; row < kRows; ++row) {
      const int64_t label = numbers_.below(kClasses);
      for (int64_t i = 0; i < kClasses; ++i) {
        targets[static_cast<size_t>(row * kClasses + i)] = i == label ? 1.0f : 0.0f;
      }
      for (int64_t i = 0; i < kIn; ++i) {
        x[static_cast<size_t>(row * kIn + i)] =
            static_cast<float>(numbers_.next(-0.5, 0.5) + (i == label ? 2 : 0));
      }
    }
  }

  std::vector<float> x = std::vector<float>(kRows * kIn);
  std::vector<float> targets = std::vector<float>(kRows * kClasses);

 private:
  Numbers numbers_{9};
};

class Training {
 public:
  Training(Backend& backend, const char* library)
      : backend_(backend), library_(library), network_(backend) {}

  void run() {
    while (step_ < kSteps) {
      const bool warm = step_ >= kWarm;
      for (int i = warm ? 80 : 20; i > 0; --i) step(0);
      const int64_t graph = capture();
      for (int i = warm ? 899 : 79; i > 0; --i) step(graph);
      // Inputs and the step's number are others each time, and still it is one.
      const int64_t graphs = live(library_).graphs;
      CHECK(graphs == (isEmulated() ? 1 : 0), "%ld graphs", static_cast<long>(graphs));
      backend_.closeGraph(graph);
      if (step_ == kWarm) warm_ = usage(backend_, library_);
    }
    check();
  }

 private:
  bool isEmulated() const { return std::string(library_).find("emulated") != std::string::npos; }

  int64_t capture() {
    int64_t graph = 0;
    withBatch([&](In x, In targets) {
      backend_.startCapture();
      network_.learn(x, targets, step_);
      optimizer_ = backend_.capturedCalls() - 1;
      graph = finish(backend_, {static_cast<long>(x.address), 4 * kRows * kIn,
                                static_cast<long>(targets.address), 4 * kRows * kClasses});
    });
    return graph;
  }

  void step(int64_t graph) {
    withBatch([&](In x, In targets) {
      if (graph == 0) return network_.learn(x, targets, step_);
      backend_.startAmend(graph, optimizer_);
      network_.update(step_);
      backend_.endAmend();
      const Longs inputs = {static_cast<long>(x.address), static_cast<long>(targets.address)},
                  seeds = {0};
      backend_.replay(graph, inputs.data(), seeds.data(), nullptr);
    });
  }

  /** Each step has its batch, somewhere else now and then, and some a large block besides. */
  template <class Step>
  void withBatch(Step step) {
    data_.next();
    ++step_;
    Block x(backend_, step_ % 7 < 4 ? kRows * kIn : 4 * kRows * kIn),
        targets(backend_, kRows * kClasses);
    backend_.upload(x, data_.x.data(), 4 * kRows * kIn);
    backend_.upload(targets, data_.targets.data(), 4 * kRows * kClasses);
    if (step_ % 50 == 0) sendLarge();
    step(x, targets);
    if (step_ % 10 != 0) return;
    float loss = 0;
    backend_.download(&loss, network_.loss, 4);
    (step_ <= 10 ? first_ : last_) = loss;
  }

  void sendLarge() {
    large_.assign(large_.size(), static_cast<float>(step_));
    Block block(backend_, kLarge);
    backend_.upload(block, large_.data(), 4 * kLarge);
    backend_.download(large_.data(), block, 4 * kLarge);
    CHECK(large_.back() == static_cast<float>(step_), "step %d", step_);
  }

  void check() {
    const Usage now = usage(backend_, library_);
    CHECK(last_ < 0.5 * first_, "nothing is learned: %g, then %g", static_cast<double>(first_),
          static_cast<double>(last_));
    CHECK(now.used == warm_.used, "used %ld, then %ld", static_cast<long>(warm_.used),
          static_cast<long>(now.used));
    CHECK(now.held == warm_.held, "held %ld, then %ld", static_cast<long>(warm_.held),
          static_cast<long>(now.held));
    // Of a real device, others may take some.
    CHECK(!isEmulated() || now.free == warm_.free, "free %ld, then %ld",
          static_cast<long>(warm_.free), static_cast<long>(now.free));
    const emulator::Live &was = warm_.live, &is = now.live;
    CHECK(
        is == was,
        "%ld blocks of %ld bytes, %ld pinned, %ld streams, %ld events, %ld graphs, %ld spare; then "
        "%ld, %ld, %ld, %ld, %ld, %ld, %ld",
        static_cast<long>(was.blocks), static_cast<long>(was.bytes),
        static_cast<long>(was.pinnedBytes), static_cast<long>(was.streams),
        static_cast<long>(was.events), static_cast<long>(was.graphs),
        static_cast<long>(was.reserved), static_cast<long>(is.blocks), static_cast<long>(is.bytes),
        static_cast<long>(is.pinnedBytes), static_cast<long>(is.streams),
        static_cast<long>(is.events), static_cast<long>(is.graphs), static_cast<long>(is.reserved));
    // A list may have become longer than it was by then; 9,800 of anything would be more.
    constexpr int64_t kLists = 64 << 10;
    CHECK(now.host <= warm_.host + kLists, "malloc gave %ld bytes, then %ld",
          static_cast<long>(warm_.host), static_cast<long>(now.host));
  }

  static constexpr int64_t kLarge = 700000;

  Backend& backend_;
  const char* library_;
  Network network_;
  Data data_;
  std::vector<float> large_ = std::vector<float>(kLarge);
  Usage warm_ = {};
  int64_t optimizer_ = 0;
  int step_ = 0;
  float first_ = 0, last_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  Training(backend, argv[1]).run();
  return report("steady_training_test");
}
