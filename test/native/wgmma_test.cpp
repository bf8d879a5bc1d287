// The emulated products of a warpgroup against plain sums, with factors placed as the PTX manual's
// canonical layouts say it; that the emulator finds out who breaks wgmma's rules; and the panels in
// shared memory that native/cuda/panels.h feeds to wgmma.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <set>
#include <vector>

#include "check.h"
#include "cuda/panels.h"

namespace {

using gradus::BF16;
using gradus::F16;
namespace math = gradus::math;
namespace ptx = gradus::ptx;

constexpr int kRows = 64, kStep = 16;

/** Small whole numbers: every type holds them, and sums are exact in any order. */
double left(int i, int k) { return (7 * i + 3 * k) % 11 - 5; }
double right(int k, int j) { return (5 * k + 2 * j + k * j) % 13 - 6; }
double before(int i, int j) { return i - j; }

double product(int i, int j, int depth, bool accumulate) {
  double sum = accumulate ? before(i, j) : 0;
  for (int k = 0; k < depth; ++k) sum += left(i, k) * right(k, j);
  return sum;
}

void launch(std::function<void()> body, int threads, size_t shared) {
  static std::function<void()> run;
  run = std::move(body);
  cudaStream_t stream = nullptr;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  void (*kernel)() = [] { run(); };
  cudaLaunchKernel(kernel, 1, static_cast<unsigned>(threads), nullptr, shared, stream);
  cudaStreamDestroy(stream);
}

int me() { return static_cast<int>(threadIdx.x); }

// Canonical layouts

/** A coordinate cut into digits, the first one the lowest: how many there are of each, and how far
 * apart, in elements. */
struct Mode {
  int size, stride;
};
int offsetOf(int coordinate, const std::vector<Mode>& modes) {
  int offset = 0;
  for (const Mode& mode : modes) {
    offset += coordinate % mode.size * mode.stride;
    coordinate /= mode.size;
  }
  return offset;
}

constexpr int kT = 8, kMany = 1 << 20;

/** The manual's table "Canonical Layouts", in elements of 16 bits. `bits` are those that swizzle: 0
 * to 3 for none, 32, 64 and 128 bytes. */
struct Layout {
  int bits;
  bool transposed;  // "MN-major"
  int leading, stride;

  int width() const { return kT << bits; }  // of an atom: T, 2T, 4T, 8T
  std::vector<Mode> across() const {
    if (!transposed) return {{8, width()}, {kMany, stride}};
    if (bits == 0) return {{kT, 1}, {1, kT}, {kMany, stride}};
    return {{kT, 1}, {1 << bits, kT}, {kMany, leading}};
  }
  std::vector<Mode> along() const {
    if (transposed) return {{8, width()}, {kMany, bits == 0 ? leading : stride}};
    return {{kT, 1}, {kMany, bits == 0 ? leading : kT}};
  }
  /** Swizzle<bits, 4, 3> of an address. */
  uintptr_t place(uintptr_t start, int m, int k) const {
    const uintptr_t address =
        start + 2 * static_cast<uintptr_t>(offsetOf(m, across()) + offsetOf(k, along()));
    const uintptr_t mask = (uintptr_t{1} << bits) - 1;
    return address ^ (address & mask << 7) >> 3;
  }
  uint64_t descriptor(uintptr_t start) const {
    const uint64_t modes[] = {0, 3, 2, 1};
    return (start & 0x3ffff) >> 4 | static_cast<uint64_t>(2 * leading) >> 4 << 16 |
           static_cast<uint64_t>(2 * stride) >> 4 << 32 | modes[bits] << 62;
  }
};

template <class E>
void put(uintptr_t address, double x) {
  math::store(static_cast<float>(x), reinterpret_cast<E*>(address));
}

/** Counts which of a thread's results are not those of the product. */
template <int N>
int wrong(const float (&d)[N][4], int depth, bool accumulate) {
  const int row = me() % 128 / 32 * 16 + me() % 32 / 4, column = me() % 4 * 2;
  int count = 0;
  for (int n = 0; n < N; ++n) {
    for (int i = 0; i < 4; ++i) {
      count += d[n][i] != product(row + i / 2 * 8, 8 * n + column + i % 2, depth, accumulate);
    }
  }
  return count;
}

template <int N>
void begin(float (&d)[N][4]) {
  const int row = me() % 128 / 32 * 16 + me() % 32 / 4, column = me() % 4 * 2;
  for (int n = 0; n < N; ++n) {
    for (int i = 0; i < 4; ++i) {
      d[n][i] = static_cast<float>(before(row + i / 2 * 8, 8 * n + column + i % 2));
    }
  }
}

/** One step of 16 with both factors placed so, by two warpgroups. */
template <class E, bool LeftTransposed, bool RightTransposed, int N>
void canonical(const Layout& a, const Layout& b) {
  int count = 0;
  constexpr size_t kEach = 32768;
  launch(
      [&] {
        const auto start =
            reinterpret_cast<uintptr_t>(gradus::alignPanels(emulator::dynamicShared()));
        for (int i = me(); i < kRows * kStep; i += 256) {
          put<E>(a.place(start, i / kStep, i % kStep), left(i / kStep, i % kStep));
        }
        for (int j = me(); j < 8 * N * kStep; j += 256) {
          put<E>(b.place(start + kEach, j / kStep, j % kStep), right(j % kStep, j / kStep));
        }
        ptx::fenceAsync();
        __syncthreads();
        for (int accumulate = 0; accumulate < 2; ++accumulate) {
          float d[N][4];
          begin(d);
          ptx::wgmmaFence();
          ptx::wgmma<E, LeftTransposed, RightTransposed>(d, a.descriptor(start),
                                                         b.descriptor(start + kEach), accumulate);
          ptx::wgmmaCommit();
          ptx::wgmmaWait<0>(d);
          count += wrong(d, kStep, accumulate != 0);
        }
      },
      256, 2 * kEach + 1024);
  CHECK(count == 0, "swizzles %d %d, transposed %d %d, %d columns: %d results are wrong", a.bits,
        b.bits, LeftTransposed, RightTransposed, 8 * N, count);
}

/** An atom of 8 rows, or of 8 along where it is transposed, then others, some space apart. */
Layout layoutOf(int bits, bool transposed) {
  const int atom = 8 * kT << bits;  // elements
  if (bits > 0) return {bits, transposed, transposed ? 4 * atom : kT, transposed ? atom : 2 * atom};
  return {0, transposed, transposed ? 16 * atom : atom, transposed ? atom : 2 * atom};
}

template <class E, int N>
void everyLayout() {
  for (int a = 0; a < 4; ++a) {
    for (int b = 0; b < 4; ++b) {
      canonical<E, false, false, N>(layoutOf(a, false), layoutOf(b, false));
      canonical<E, false, true, N>(layoutOf(a, false), layoutOf(b, true));
      canonical<E, true, true, N>(layoutOf(a, true), layoutOf(b, true));
    }
  }
}

// Panels

/** Tiles of Deep columns that copyPanels brings; the left one also from registers. */
template <class E, int Deep, bool Transposed, int N>
void panels() {
  // The right one: rows of N * 8 for each of `Rows` along, or the other way round.
  constexpr int kDown = Transposed ? Deep : 8 * N, kAcross = Transposed ? 8 * N : Deep;
  std::vector<E> a(kRows * Deep), b(kDown * kAcross);
  for (int i = 0; i < kRows * Deep; ++i) {
    math::store(static_cast<float>(left(i / Deep, i % Deep)), &a[static_cast<size_t>(i)]);
  }
  for (int i = 0; i < kDown * kAcross; ++i) {
    const int r = i / kAcross, c = i % kAcross;
    math::store(static_cast<float>(Transposed ? right(r, c) : right(c, r)),
                &b[static_cast<size_t>(i)]);
  }
  int count = 0;
  launch(
      [&] {
        unsigned char* memory = gradus::alignPanels(emulator::dynamicShared());
        const ptx::Address ours = ptx::addressOf(memory);
        const ptx::Address others = ours + 2 * kRows * Deep;
        gradus::copyPanels<Deep, kRows, 128>(a.data(), Deep, kRows, ours);
        gradus::copyPanels<kAcross, kDown, 128>(b.data(), kAcross, kDown, others);
        ptx::cpAsyncCommit();
        ptx::cpAsyncWait<0>();
        ptx::fenceAsync();
        __syncthreads();
        auto factor = [&](int k) {
          return Transposed ? gradus::alongColumns<kDown>(others, k)
                            : gradus::alongRows<kDown>(others, k);
        };
        float d[N][4], e[N][4];
        begin(d);
        begin(e);
        uint32_t fragments[Deep / kStep][4];
        const int row = me() / 32 * 16 + me() % 32 / 4, column = me() % 4 * 2;
        for (int k = 0; k < Deep / kStep; ++k) {
          for (int i = 0; i < 4; ++i) {
            const int r = row + i % 2 * 8, c = kStep * k + column + i / 2 * 8;
            fragments[k][i] =
                ptx::pack<E>(static_cast<float>(left(r, c)), static_cast<float>(left(r, c + 1)));
          }
        }
        ptx::wgmmaFence();
        for (int k = 0; k < Deep / kStep; ++k) {
          ptx::wgmma<E, false, Transposed>(d, gradus::alongRows<kRows>(ours, k), factor(k), k > 0);
        }
        ptx::wgmmaCommit();
        for (int k = 0; k < Deep / kStep; ++k) {
          ptx::wgmma<E, Transposed>(e, fragments[k], factor(k), 1);
        }
        ptx::wgmmaCommit();
        ptx::wgmmaWait<1>(d);
        count += wrong(d, Deep, false);
        ptx::wgmmaWait<0>(e);
        count += wrong(e, Deep, true);
        // Results take their way through panels too.
        static std::vector<E> to;
        if (me() == 0) to.assign(kRows * 8 * N, E{});
        __syncthreads();
        const int strip = me() / 32 * 16;
        gradus::storeStrip<8 * N, gradus::inPanels<kRows>>(
            e, 1, 2, memory, strip, to.data() + strip * 8 * N, 8 * N, 16, 8 * N);
        __syncthreads();
        for (int i = me(); i < kRows * 8 * N; i += 128) {
          const int r = i / (8 * N);
          E want;
          math::store(
              static_cast<float>(product(r, i % (8 * N), Deep, true) * (r % 16 < 8 ? 1 : 2)),
              &want);
          count += to[static_cast<size_t>(i)].bits != want.bits;
        }
      },
      128, 2 * (kRows * Deep + kDown * kAcross) + 1024 + (kRows * 8 * N * 2));
  CHECK(count == 0, "panels of %d, transposed %d, %d columns: %d results are wrong", Deep,
        Transposed, 8 * N, count);
}

template <int D>
void panelsKeepBanksApart() {
  constexpr int kTall = 64;
  std::set<int> all;
  for (int row = 0; row < kTall; ++row) {
    for (int chunk = 0; chunk < D / 8; ++chunk) all.insert(gradus::inPanels<kTall>(row, chunk));
  }
  CHECK(all.size() == kTall * D / 8 && *all.begin() == 0 && *all.rbegin() == 2 * kTall * D - 16,
        "panels of %d: chunks collide", D);
  for (int first = 0; first < kTall; first += 8) {
    for (int chunk = 0; chunk < D / 8; ++chunk) {
      std::set<int> down, right;
      for (int i = 0; i < 8; ++i) {
        down.insert(gradus::inPanels<kTall>(first + i, chunk) % 128);
        right.insert(gradus::inPanels<kTall>(first, chunk / 8 * 8 + i) % 128);
      }
      CHECK(down.size() == 8 && right.size() == 8, "panels of %d: a bank is met twice", D);
    }
  }
}

// Rules

/** What a kernel with one product does wrong. */
enum class Slip {
  None,
  NoProxyFence,
  NoProxyFenceAfterCopy,
  NoFence,
  ResultsWritten,
  FactorWritten,
  SharedWritten,
  Unalike,
  Alone,
  NoWait
};

void slipping(Slip slip) {
  alignas(16) static BF16 zeros[64 * 64];
  auto body = [=] {
    unsigned char* memory = gradus::alignPanels(emulator::dynamicShared());
    const ptx::Address tile = ptx::addressOf(memory);
    if (slip == Slip::NoProxyFence) {
      for (int i = me(); i < 8192; i += 128) memory[i] = 0;
    } else {
      gradus::copyPanels<64, 64, 128>(static_cast<const BF16*>(zeros), 64, 64, tile);
      ptx::cpAsyncCommit();
      ptx::cpAsyncWait<0>();
      if (slip != Slip::NoProxyFenceAfterCopy || me() != 5) ptx::fenceAsync();
    }
    __syncthreads();
    float d[8][4] = {};
    uint32_t a[4] = {};
    if (slip != Slip::NoFence) ptx::wgmmaFence();
    if (slip == Slip::Alone && me() >= 32) return;
    const int step = slip == Slip::Unalike && me() >= 96;
    ptx::wgmma<BF16, true>(d, a, gradus::alongColumns<64>(tile, step), 1);
    ptx::wgmmaCommit();
    if (slip == Slip::ResultsWritten) d[3][1] = 1;
    if (slip == Slip::FactorWritten) a[2] = 1;
    if (slip == Slip::SharedWritten && me() == 77) memory[100] = 1;
    if (slip != Slip::NoWait) ptx::wgmmaWait<0>(d);
  };
  launch(body, 128, 16384);
  launch([] { ptx::wgmmaFence(); }, 128, 0);  // a block that comes after
}

bool ends(Slip slip) {
  const pid_t child = fork();
  if (child == 0) {
    if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(1);
    slipping(slip);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

void whoBreaksARuleIsFoundOut() {
  CHECK(!ends(Slip::None), "nothing was broken");
  for (Slip slip :
       {Slip::NoProxyFence, Slip::NoProxyFenceAfterCopy, Slip::NoFence, Slip::ResultsWritten,
        Slip::FactorWritten, Slip::SharedWritten, Slip::Unalike, Slip::Alone, Slip::NoWait}) {
    CHECK(ends(slip), "slip %d was not found out", static_cast<int>(slip));
  }
}

}  // namespace

int main() {
  everyLayout<BF16, 8>();
  everyLayout<BF16, 12>();
  everyLayout<F16, 16>();
  panels<BF16, 64, false, 16>();
  panels<F16, 128, false, 8>();
  panels<BF16, 128, true, 8>();
  panels<F16, 64, true, 16>();
  panelsKeepBanksApart<64>();
  panelsKeepBanksApart<128>();
  whoBreaksARuleIsFoundOut();
  return report("wgmma_test");
}
