// What goes up and comes down while kernels run: each value where and when it belongs, whichever
// stream the device happens to be quick with; and what a device's memory gives and takes back.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "graphs.h"

namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

/** As programs open it: nothing is waited for that need not be. */
Backend& open(const char* library, const char* second, int64_t limit) {
  if (std::string(library).find("_cuda") == std::string::npos) {
    return *Backend::open(library, second, false, 2, limit);
  }
  return *Backend::openCuda(library, 0, limit, ("libraries=" + std::string(second)).c_str());
}

std::vector<float> numbers(int64_t n, int seed) {
  std::vector<float> x(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>((i * 2654435761u + static_cast<size_t>(seed) * 40503u) % 65521);
  }
  return x;
}

int64_t bytesOf(const std::vector<float>& x) { return static_cast<int64_t>(x.size()) * 4; }

/** Behind some bytes that must stay what they are, and before others. */
void bytesArriveAsTheyWere(Backend& backend) {
  // About a small block, about a piece, and more than all pieces on their way at once.
  const int64_t piece = 2 * kMiB, small = 64 << 10;
  for (int64_t bytes : {int64_t{0}, int64_t{1}, int64_t{1000}, small - 1, small, small + 1,
                        piece - 3, piece, piece + 1, 3 * piece + 5, 40 * kMiB + 7}) {
    const auto n = static_cast<size_t>(bytes);
    std::vector<unsigned char> from(n + 2), to(n + 2, 0);
    for (size_t i = 0; i < from.size(); ++i) {
      from[i] = static_cast<unsigned char>((i + 1) * 2654435761u >> 13);
    }
    const std::vector<unsigned char> want = from;
    const int64_t block = backend.allocate(bytes + 2);
    backend.upload(Out(block), from.data(), bytes + 2);
    backend.upload(Out(block + 1), from.data() + 1, bytes);
    std::fill(from.begin(), from.end(), 0);  // the caller's again
    backend.download(to.data(), In(block), bytes + 2);
    CHECK(to == want, "%ld bytes", static_cast<long>(bytes));
    std::fill(to.begin(), to.end(), 9);
    backend.download(to.data() + 1, In(block + 1), bytes);
    CHECK(
        to[0] == 9 && to[n + 1] == 9 && std::equal(to.begin() + 1, to.end() - 1, want.begin() + 1),
        "%ld bytes within others", static_cast<long>(bytes));
    backend.release(block, bytes + 2);
  }
}

/** A place is written after its last readers and before its next ones, though nobody waits. */
void aBatchComesBetweenTheStepsAroundIt(Backend& backend) {
  const int steps = 9;
  for (int64_t n : {int64_t{100}, int64_t{20000}, 5 * kMiB / 4 + 3}) {
    Block x(backend, n);
    std::vector<std::unique_ptr<Block>> results;
    std::vector<float> batch;
    for (int step = 0; step < steps; ++step) {
      batch = numbers(n, step);
      backend.upload(x, batch.data(), bytesOf(batch));
      results.push_back(std::make_unique<Block>(backend, n));
      backend.copy(x, *results.back(), bytesOf(batch));
    }
    for (int step = 0; step < steps; ++step) {
      std::vector<float> got(static_cast<size_t>(n));
      backend.download(got.data(), *results[static_cast<size_t>(step)], bytesOf(got));
      CHECK(got == numbers(n, step), "step %d of %ld", step, static_cast<long>(n));
    }
  }
}

void threadsSendAtOnce(Backend& backend) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&backend, &wrong, thread] {
      for (int round = 0; round < 12; ++round) {
        const int64_t n = round % 3 == 0 ? 1000 : 600000 * (1 + round % 2);
        const std::vector<float> batch = numbers(n, 100 * thread + round);
        Block x(backend, n), y(backend, n);
        backend.upload(x, batch.data(), bytesOf(batch));
        backend.copy(x, y, bytesOf(batch));
        std::vector<float> got(batch.size());
        backend.download(got.data(), y, bytesOf(got));
        wrong += got != batch;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0, "%d batches", wrong.load());
}

/** What kernels still read goes to the next user, another thread, or the system: behind them. */
void releasedMemoryLastsUntilItsLastUser(Backend& backend) {
  for (int64_t n : {int64_t{1000}, kMiB}) {
    for (bool trims : {false, true}) {
      const std::vector<float> batch = numbers(n, 7), other = numbers(n, 8);
      Block y(backend, n), z(backend, n);
      {
        Block x(backend, n);
        backend.upload(x, batch.data(), bytesOf(batch));
        backend.copy(x, y, bytesOf(batch));
      }
      if (trims) backend.trim();
      std::thread([&] {
        Block x(backend, n);
        backend.upload(x, other.data(), bytesOf(other));
        backend.copy(x, z, bytesOf(other));
      }).join();
      std::vector<float> got(batch.size());
      backend.download(got.data(), y, bytesOf(got));
      CHECK(got == batch, "%ld, trimmed: %d", static_cast<long>(n), trims);
      backend.download(got.data(), z, bytesOf(got));
      CHECK(got == other, "the next user's %ld, trimmed: %d", static_cast<long>(n), trims);
    }
  }
}

void memoryIsRefusedAndGivenBack(Backend& backend, int64_t limit) {
  CHECK(backend.limitBytes() == limit, "limit %ld", static_cast<long>(backend.limitBytes()));
  backend.trim();
  const int64_t held = backend.heldBytes(), free = backend.freeBytes();
  CHECK(free > 0 && free <= limit - held, "%ld free", static_cast<long>(free));
  const int64_t half = limit / 2 + kMiB;
  const int64_t a = backend.allocate(half);
  CHECK(a != 0 && backend.freeBytes() <= free - half, "%ld free",
        static_cast<long>(backend.freeBytes()));
  CHECK(backend.allocate(half) == 0, "more than there is");
  backend.release(a, half);
  // It is cached, of another size, and gives way.
  const int64_t b = backend.allocate(half + 8 * kMiB);
  CHECK(b != 0, "the cache did not give way");
  backend.release(b, half + 8 * kMiB);
  CHECK(backend.heldBytes() > held, "nothing is cached");
  CHECK(backend.allocate(2 * limit) == 0, "more than there is");
  CHECK(backend.heldBytes() == held && backend.freeBytes() == free,
        "refused, it holds %ld and says %ld free", static_cast<long>(backend.heldBytes()),
        static_cast<long>(backend.freeBytes()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return report("transfers_test");
  Backend& backend = open(argv[1], argv[2], 0);
  bytesArriveAsTheyWere(backend);
  aBatchComesBetweenTheStepsAroundIt(backend);
  threadsSendAtOnce(backend);
  releasedMemoryLastsUntilItsLastUser(backend);
  // Too small for blocks that only help transfers.
  const int64_t limit = 128 * kMiB;
  Backend& limited = open(argv[1], argv[2], limit);
  bytesArriveAsTheyWere(limited);
  memoryIsRefusedAndGivenBack(limited, limit);
  return report("transfers_test");
}
