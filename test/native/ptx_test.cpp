// What tensor cores multiply, as the PTX manual maps fragments to lanes, and the tiles in shared
// memory that feed them; the products of a warpgroup stand in wgmma_test.cpp.
#include <cmath>
#include <set>

#include "check.h"
#include "cuda/tiles.h"

namespace {

using gradus::BF16;
using gradus::F16;
using gradus::kWarp;
namespace math = gradus::math;
namespace ptx = gradus::ptx;

constexpr int kRows = 16, kDepth = 16, kColumns = 8;

struct Product {
  float a[kRows][kDepth], b[kDepth][kColumns], c[kRows][kColumns];

  /** Small whole numbers: every type holds them, and sums are exact in any order. */
  Product() {
    for (int i = 0; i < kRows; ++i) {
      for (int k = 0; k < kDepth; ++k) a[i][k] = static_cast<float>((7 * i + 3 * k) % 11 - 5);
      for (int j = 0; j < kColumns; ++j) c[i][j] = static_cast<float>(i - j);
    }
    for (int k = 0; k < kDepth; ++k) {
      for (int j = 0; j < kColumns; ++j) b[k][j] = static_cast<float>((5 * k + 2 * j) % 13 - 6);
    }
  }

  float at(int i, int j) const {
    float sum = c[i][j];
    for (int k = 0; k < kDepth; ++k) sum += a[i][k] * b[k][j];
    return sum;
  }
};

void launchWarp(void (*kernel)(const Product*, float*), const Product* product, float* y,
                size_t shared) {
  cudaStream_t stream = nullptr;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  void* arguments[] = {&product, &y};
  cudaLaunchKernel(kernel, 1, kWarp, arguments, shared, stream);
  cudaStreamDestroy(stream);
}

/** The fragments put together element by element. */
template <class E>
__global__ void multiplyByHand(const Product* p, float* y) {
  const int g = gradus::laneIndex() / 4, t = gradus::laneIndex() % 4;
  auto pair = [](float first, float second) { return ptx::pack<E>(first, second); };
  const uint32_t a[4] = {pair(p->a[g][2 * t], p->a[g][2 * t + 1]),
                         pair(p->a[g + 8][2 * t], p->a[g + 8][2 * t + 1]),
                         pair(p->a[g][2 * t + 8], p->a[g][2 * t + 9]),
                         pair(p->a[g + 8][2 * t + 8], p->a[g + 8][2 * t + 9])};
  float c[4] = {p->c[g][2 * t], p->c[g][2 * t + 1], p->c[g + 8][2 * t], p->c[g + 8][2 * t + 1]};
  ptx::mma<E>(c, a, pair(p->b[2 * t][g], p->b[2 * t + 1][g]),
              pair(p->b[2 * t + 8][g], p->b[2 * t + 9][g]));
  for (int i = 0; i < 4; ++i) y[(g + i / 2 * 8) * kColumns + 2 * t + i % 2] = c[i];
}

/** The same from tiles: a as it lies, b as rows of a tile, and, transposed, as its columns. Each
 * stands twice, side by side, as right factors are loaded. */
template <int D, bool Transposed, class E>
__global__ void multiplyTiles(const Product* p, float* y) {
  GRADUS_SHARED(memory);
  unsigned char *left = memory, *right = memory + 2 * kRows * D;
  constexpr int kPart = D / 16 - 1;  // the last 16 elements of rows
  auto put = [](unsigned char* tile, int row, int column, float x) {
    E* chunk = reinterpret_cast<E*>(tile + gradus::swizzled<D>(row, column / 8));
    math::store(x, chunk + column % 8);
  };
  for (int i = gradus::laneIndex(); i < 256; i += kWarp) {
    const int row = i / 16, column = i % 16, at = 16 * kPart + column;
    put(left, row, at, p->a[row][column]);
    put(right, row, at, Transposed ? p->b[column][row % 8] : p->b[row][column % 8]);
  }
  __syncwarp();
  uint32_t a[4], b[4];
  gradus::loadLeft<D>(a, ptx::addressOf(left), 0, kPart);
  if (Transposed) {
    gradus::loadColumns<D>(b, ptx::addressOf(right), 0, kPart);
  } else {
    gradus::loadRows<D>(b, ptx::addressOf(right), 0, kPart);
  }
  const int g = gradus::laneIndex() / 4, t = gradus::laneIndex() % 4;
  for (int copy = 0; copy < 2; ++copy) {
    float c[4];
    for (int i = 0; i < 4; ++i) c[i] = p->c[g + i / 2 * 8][2 * t + i % 2];
    ptx::mma<E>(c, a, b[2 * copy], b[2 * copy + 1]);
    for (int i = 0; i < 4; ++i) {
      y[(copy * kRows + g + i / 2 * 8) * kColumns + 2 * t + i % 2] = c[i];
    }
  }
}

void compare(const char* what, const Product& product, const float* y) {
  int wrong = 0;
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) wrong += y[i * kColumns + j] != product.at(i, j);
  }
  CHECK(wrong == 0, "%s: %d elements of a product are wrong", what, wrong);
}

template <class E>
void fragmentsAreTheManuals() {
  const Product product;
  float y[kRows * kColumns];
  launchWarp(multiplyByHand<E>, &product, y, 0);
  compare("by hand", product, y);
}

template <int D, bool Transposed, class E>
void tilesGiveFragments() {
  const Product product;
  float y[2 * kRows * kColumns];
  launchWarp(multiplyTiles<D, Transposed, E>, &product, y, 4 * kRows * D);
  compare("first of two", product, y);
  compare("second of two", product, y + kRows * kColumns);
}

template <int D>
void swizzleKeepsBanksApart() {
  constexpr int kTileRows = 64, kPhase = 8, kBanks = 128;  // bytes of all banks
  std::set<int> all;
  for (int row = 0; row < kTileRows; ++row) {
    for (int chunk = 0; chunk < D / 8; ++chunk) all.insert(gradus::swizzled<D>(row, chunk));
  }
  CHECK(all.size() == kTileRows * D / 8 && *all.begin() == 0 &&
            *all.rbegin() == 2 * kTileRows * D - 16,
        "rows of %d: chunks collide", D);
  for (int first = 0; first < kTileRows; first += kPhase) {
    for (int chunk = 0; chunk < D / 8; ++chunk) {
      std::set<int> banks;
      for (int row = first; row < first + kPhase; ++row) {
        banks.insert(gradus::swizzled<D>(row, chunk) % kBanks);
      }
      CHECK(banks.size() == kPhase, "rows of %d: a phase of ldmatrix meets a bank twice", D);
    }
  }
  // Copies: 8 lanes write neighbouring chunks of one row, or of two where rows are not whole.
  constexpr int kAcross = D % 64 == 0 ? 8 : 4;
  for (int first = 0; first < kTileRows; first += kPhase / kAcross) {
    for (int chunk = 0; chunk < D / 8; chunk += kAcross) {
      std::set<int> banks;
      for (int lane = 0; lane < kPhase; ++lane) {
        const int row = first + lane / kAcross;
        banks.insert(gradus::swizzled<D>(row, chunk + lane % kAcross) % kBanks);
      }
      CHECK(banks.size() == kPhase, "rows of %d: a phase of copies meets a bank twice", D);
    }
  }
}

template <int D>
void tiles() {
  swizzleKeepsBanksApart<D>();
  tilesGiveFragments<D, false, BF16>();
  tilesGiveFragments<D, true, F16>();
}

}  // namespace

int main() {
  fragmentsAreTheManuals<BF16>();
  fragmentsAreTheManuals<F16>();
  tiles<32>();
  tiles<64>();
  tiles<96>();
  tiles<128>();
  return report("ptx_test");
}
