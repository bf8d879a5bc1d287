// Gradients of weight and bias come from the same sweep as those of the rows: a second one would
// read dy and x again, which is most of the cost.
#include <algorithm>

#include "cuda/normalization.h"

namespace gradus {

namespace {

constexpr int kMostThreads = 512;

/** Packs of N that a thread holds, of dy and x each, beside weight and two sums. */
template <int N>
constexpr int kHeld = N > 1 ? 8 / N : 4;

/** What a gradient reads, and where it goes; without a mean, that of RMSNorm. */
template <class E>
struct Grad {
  const E *dy, *x;
  Parameter weight;
  const float *mean, *rstd;
  E* dx;
  bool accumulate;
  float* partials;  // for each chunk of rows, the sums of dweight, then those of dbias
};

/**
 * dx = rstd (g - mean(g) - normalized x * mean(g * normalized x)) with g = dy * weight, without
 * mean(g) for RMSNorm, of a chunk of rows, and its sums of dweight and dbias. A thread has the same
 * columns in all rows of its team. Where rows are longer than a team can hold, each block has a
 * piece of them, and `sums` the sums of g and of g * normalized x that it cannot see.
 */
template <int N, class E>
__global__ void __launch_bounds__(kMostThreads, 2)
    gradOfRows(Grad<E> grad, const float* sums, int64_t rows, int cols, int64_t chunk,
               int teamSize) {
  constexpr int P = kHeld<N>;
  const Team team(teamSize);
  const int from = static_cast<int>(blockIdx.y) * teamSize * P * N;
  const int width = cols - from < teamSize * P * N ? cols - from : teamSize * P * N;
  const bool centred = grad.mean != nullptr;
  float w[P][N], dweight[P][N] = {}, dbias[P][N] = {};
  team.each<N, P>(width,
                  [&](int p, int column) { grad.weight.template load<N>(from + column, w[p]); });
  const int64_t begin = blockIdx.x * chunk, end = begin + chunk < rows ? begin + chunk : rows;
  for (int64_t next = begin; next < end; next += team.count) {
    const int64_t row = next + team.index, first = row * cols + from;
    const int limit = row < end ? width : 0;
    Pack<E, N> dys[P], xs[P];
    team.each<N, P>(limit, [&](int p, int column) {
      dys[p] = loadPack<N>(grad.dy + first + column);
      xs[p] = loadPack<N>(grad.x + first + column);
    });
    const float mean = centred && limit > 0 ? grad.mean[row] : 0.0f;
    const float rstd = limit > 0 ? grad.rstd[row] : 0.0f;
    float total[2] = {};
    team.each<N, P>(limit, [&](int p, int) {
#pragma unroll
      for (int j = 0; j < N; ++j) {
        const float dy = math::toFloat(dys[p].elements[j]), g = dy * w[p][j];
        const float normalized = (math::toFloat(xs[p].elements[j]) - mean) * rstd;
        total[0] += g;
        total[1] += g * normalized;
        dweight[p][j] += dy * normalized;
        dbias[p][j] += dy;
      }
    });
    if (grad.dx == nullptr) continue;
    if (sums == nullptr) {
      team.sum(total);
    } else if (limit > 0) {
      total[0] = sums[2 * row];
      total[1] = sums[2 * row + 1];
    }
    const float shift = centred ? total[0] / static_cast<float>(cols) * rstd : 0.0f;
    const float slope = total[1] / static_cast<float>(cols) * rstd * rstd;
    team.each<N, P>(limit, [&](int p, int column) {
      Pack<E, N> dx = {};
      if (grad.accumulate) dx = loadPack<N>(grad.dx + first + column);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        E* element = &dx.elements[j];
        const float d = math::toFloat(dys[p].elements[j]) * w[p][j] * rstd -
                        (math::toFloat(xs[p].elements[j]) - mean) * slope - shift;
        math::store(grad.accumulate ? math::toFloat(*element) + d : d, element);
      }
      storePack(dx, grad.dx + first + column);
    });
  }
  if (grad.partials == nullptr) return;
  // The teams' sums, one team after the other.
  GRADUS_SHARED(shared);
  auto* teams = reinterpret_cast<float*>(shared);
  float* to = grad.partials + int64_t{blockIdx.x} * cols * (centred ? 2 : 1) + from;
  for (int kind = 0; kind < (centred ? 2 : 1); ++kind) {
    __syncthreads();
    team.each<N, P>(width, [&](int p, int column) {
#pragma unroll
      for (int j = 0; j < N; ++j) {
        teams[team.index * width + column + j] = kind == 0 ? dweight[p][j] : dbias[p][j];
      }
    });
    __syncthreads();
    for (int column = static_cast<int>(threadIdx.x); column < width;
         column += static_cast<int>(blockDim.x)) {
      float sum = 0;
      for (int t = 0; t < team.count; ++t) sum += teams[t * width + column];
      to[kind * cols + column] = sum;
    }
  }
}

/** sums (rows, 2) = those of g and of g * normalized x. A block for each row. */
template <int N, class E>
__global__ void sumsOfRows(Grad<E> grad, float* sums, int cols) {
  const int64_t row = blockIndex(), first = row * cols;
  const float mean = grad.mean != nullptr ? grad.mean[row] : 0.0f, rstd = grad.rstd[row];
  float sumG = 0, sumGX = 0;
  const int step = static_cast<int>(blockDim.x) * N;
  for (int column = static_cast<int>(threadIdx.x) * N; column < cols; column += step) {
    float dys[N], xs[N], w[N];
    widen(loadPack<N>(grad.dy + first + column), dys);
    widen(loadPack<N>(grad.x + first + column), xs);
    grad.weight.template load<N>(column, w);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      sumG += dys[j] * w[j];
      sumGX += dys[j] * w[j] * ((xs[j] - mean) * rstd);
    }
  }
  sumG = blockReduce(sumG, 0.0f, Plus());
  sumGX = blockReduce(sumGX, 0.0f, Plus());
  if (threadIdx.x > 0) return;
  sums[2 * row] = sumG;
  sums[2 * row + 1] = sumGX;
}

template <int N, class E>
void normalizeGrad(Gpu& gpu, const char* name, const Grad<E>& grad, const Chunks& chunks,
                   int64_t rows, int64_t cols) {
  const int team = teamFor(ceilDivide(cols, N), kHeld<N>, kMostThreads);
  const int64_t held = int64_t{team} * kHeld<N> * N, pieces = ceilDivide(cols, held);
  const Scratch<float> sums(gpu.memory(), pieces > 1 ? 2 * rows : 0);
  if (pieces > 1 && grad.dx != nullptr) {
    launch(gpu, name, blocksFor(rows, kMostThreads), sumsOfRows<N, E>, grad, sums.data(), cols);
  }
  // As many teams as fill a block, but none without rows.
  const int64_t teams = std::min<int64_t>(kMostThreads / team, chunks.size);
  const auto threads = static_cast<unsigned>(ceilDivide(teams * team, kWarp) * kWarp);
  const Grid grid = {dim3(static_cast<unsigned>(chunks.count), static_cast<unsigned>(pieces)),
                     dim3(threads), threads / team * std::min(held, cols) * 4};
  launch(gpu, name, grid, gradOfRows<N, E>, grad, sums.data(), rows, cols, chunks.size, team);
}

}  // namespace

void normalizeGrad(Gpu& gpu, const char* name, DType t, In dy, In x, DType wt, In weight, In mean,
                   In rstd, Out dx, bool accumulate, Out dweight, Out dbias, int64_t rows,
                   int64_t cols) {
  constexpr int64_t kMostChunks = 256, kLeastRows = 16;
  const Chunks chunks(rows, kMostChunks, kLeastRows);
  const int64_t stride = mean ? 2 * cols : cols;
  const Scratch<float> partials(gpu.memory(), dweight || dbias ? chunks.count * stride : 0);
  withFloating(t, [&](auto element) {
    using E = decltype(element);
    constexpr int N = kPack<E>;
    const Grad<E> grad = {dy.as<E>(),       x.as<E>(),        Parameter(wt, weight, 1.0f),
                          mean.as<float>(), rstd.as<float>(), dx.as<E>(),
                          accumulate && dx, partials.data()};
    const bool aligned =
        cols % N == 0 && isAligned(dy) && isAligned(x) && isAligned(weight) && isAligned(dx);
    if (aligned) {
      normalizeGrad<N>(gpu, name, grad, chunks, rows, cols);
    } else {
      normalizeGrad<1>(gpu, name, grad, chunks, rows, cols);
    }
  });
  if (dweight) sumPartials(gpu, name, partials.data(), chunks.count, stride, wt, dweight, cols);
  if (dbias) sumPartials(gpu, name, partials.data() + cols, chunks.count, stride, wt, dbias, cols);
}

}  // namespace gradus
