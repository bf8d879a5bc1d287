// Channels of (batch, channels, inner): a plane, the elements of a channel in an example, lies in
// one piece. Teams of threads take planes, or the groups of them, to moments or sums; a second
// kernel joins those of a channel in the order of the examples; a third goes over the elements.
// Moments are taken around the mean of each plane, so that a large mean costs no digits.
#include <algorithm>
#include <cmath>

#include "cuda/backend.h"
#include "cuda/normalization.h"

namespace gradus {

namespace {

constexpr int kMostThreads = 256;

/** Packs of N that a thread holds of its plane. */
template <int N>
constexpr int kHeld = N > 1 ? 4 : 8;

/** Whose mean and rstd belong to an element of (batch, channels, inner). */
struct Layout {
  int64_t channels, inner;
  int64_t together;  // planes side by side that share them; 0 where those of a channel do

  /** An Index of 32 bits divides faster. */
  template <class Index>
  __device__ Index channel(Index plane) const {
    return plane % static_cast<Index>(channels);
  }
  template <class Index>
  __device__ Index statistic(Index plane) const {
    return together > 0 ? plane / static_cast<Index>(together) : channel(plane);
  }
};

template <class E, int N>
__device__ float sumOf(const Pack<E, N>& x) {
  float sum = 0;
#pragma unroll
  for (int j = 0; j < N; ++j) sum += math::toFloat(x.elements[j]);
  return sum;
}

template <class E, int N>
__device__ float squaresOf(const Pack<E, N>& x, float mean) {
  float sum = 0;
#pragma unroll
  for (int j = 0; j < N; ++j) {
    const float d = math::toFloat(x.elements[j]) - mean;
    sum += d * d;
  }
  return sum;
}

/** means and squares around them, of each plane: a team for each, which holds all of it. */
template <int N, class E>
__global__ void __launch_bounds__(kMostThreads)
    momentsOfPlanes(const E* x, float* means, float* squares, int64_t planes, int size,
                    int teamSize) {
  constexpr int P = kHeld<N>;
  const Team team(teamSize);
  const int64_t plane = blockIndex() * team.count + team.index, first = plane * size;
  const int limit = plane < planes ? size : 0;
  Pack<E, N> xs[P];
  team.each<N, P>(limit, [&](int p, int column) { xs[p] = loadPack<N>(x + first + column); });
  float sum[1] = {}, square[1] = {};
  team.each<N, P>(limit, [&](int p, int) { sum[0] += sumOf(xs[p]); });
  team.sum(sum);
  const float mean = sum[0] / static_cast<float>(size);
  team.each<N, P>(limit, [&](int p, int) { square[0] += squaresOf(xs[p], mean); });
  team.sum(square);
  if (plane >= planes || team.rank > 0) return;
  means[plane] = mean;
  squares[plane] = square[0];
}

/** The same of longer planes: a block for each, which is read twice. */
template <int N, class E>
__global__ void __launch_bounds__(kMostThreads)
    momentsOfLongPlanes(const E* x, float* means, float* squares, int64_t size) {
  const int64_t plane = blockIndex();
  const int64_t begin = int64_t{threadIdx.x} * N, step = int64_t{blockDim.x} * N;
  x += plane * size;
  float sum = 0, square = 0;
  for (int64_t i = begin; i < size; i += step) sum += sumOf(loadPack<N>(x + i));
  const float mean = blockReduce(sum, 0.0f, Plus()) / static_cast<float>(size);
  for (int64_t i = begin; i < size; i += step) square += squaresOf(loadPack<N>(x + i), mean);
  square = blockReduce(square, 0.0f, Plus());
  if (threadIdx.x > 0) return;
  means[plane] = mean;
  squares[plane] = square;
}

template <class E>
bool isPacked(int64_t size, In a, In b = nullptr, In c = nullptr) {
  return size % kPack<E> == 0 && isAligned(a) && isAligned(b) && isAligned(c);
}

void moments(Gpu& gpu, const char* name, DType t, In x, float* means, float* squares,
             int64_t planes, int64_t size) {
  withFloating(t, [&](auto element) {
    using E = decltype(element);
    auto with = [&](auto width) {
      constexpr int N = decltype(width)::value;
      const int64_t packs = ceilDivide(size, N);
      if (packs > kMostThreads * kHeld<N>) {
        launch(gpu, name, blocksFor(planes, kMostThreads), momentsOfLongPlanes<N, E>, x.as<E>(),
               means, squares, size);
      } else {
        const int team = teamFor(packs, kHeld<N>, kMostThreads);
        const int threads = team > kWarp ? team : kThreads;
        launch(gpu, name, blocksFor(ceilDivide(planes, threads / team), threads),
               momentsOfPlanes<N, E>, x.as<E>(), means, squares, planes, size, team);
      }
    };
    if (isPacked<E>(size, x)) {
      with(std::integral_constant<int, kPack<E>>());
    } else {
      with(std::integral_constant<int, 1>());
    }
  });
}

/** The sums of the columns that the lanes of a block's warps have, over its warps, in the first of
 * them; all threads must call it. */
__device__ inline double sumOfWarps(double x) {
  __shared__ double parts[kWarp][kWarp];
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  __syncthreads();  // nobody reads what the last call left
  parts[warp][lane] = x;
  __syncthreads();
  x = 0;
  for (int w = 0; w < warps; ++w) x += parts[w][lane];
  return x;
}

/** The statistics that one batch leaves, and those of all. */
struct Statistics {
  float *mean, *rstd, *runningMean, *runningVariance;
  const int64_t* batches;
  double momentum, eps;

  /** How far running statistics move, after this batch was counted. */
  __device__ double share() const {
    return momentum < 0 ? 1.0 / static_cast<double>(*batches) : momentum;
  }

  __device__ static void move(float* running, int64_t c, double share, double value) {
    if (running != nullptr) {
      running[c] = static_cast<float>(running[c] + share * (value - running[c]));
    }
  }
};

__global__ void countBatch(int64_t* batches) { ++*batches; }

/** From the moments of planes (batch, channels) to those of channels. Each block has the channels
 * of a warp's lanes, and its warps share out the examples. */
__global__ void joinMoments(const float* means, const float* squares, Statistics to, int64_t batch,
                            int64_t channels, int64_t inner) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  const int64_t c = blockIndex() * kWarp + lane;
  double sum = 0, around = 0;
  if (c < channels) {
#pragma unroll 4
    for (int64_t b = warp; b < batch; b += warps) sum += means[b * channels + c];
  }
  const double mean = sumOfWarps(sum) / static_cast<double>(batch);
  if (c < channels) {
#pragma unroll 4
    for (int64_t b = warp; b < batch; b += warps) {
      const double d = means[b * channels + c] - mean;
      around += squares[b * channels + c] + d * d * static_cast<double>(inner);
    }
  }
  around = sumOfWarps(around);
  if (warp > 0 || c >= channels) return;
  const double n = static_cast<double>(batch) * static_cast<double>(inner);
  to.mean[c] = static_cast<float>(mean);
  to.rstd[c] = static_cast<float>(1.0 / std::sqrt(around / n + to.eps));
  const double share = to.share();
  Statistics::move(to.runningMean, c, share, mean);
  Statistics::move(to.runningVariance, c, share, around / (n > 1 ? n - 1 : 1.0));
}

/** squares become rstd, of groups. */
__global__ void rstdOfSquares(const float* squares, float* rstd, int64_t count, double size,
                              double eps) {
  const int64_t i = threadIndex();
  if (i < count) rstd[i] = static_cast<float>(1.0 / std::sqrt(squares[i] / size + eps));
}

/** What is normalized element by element. */
template <class E>
struct Elements {
  const E* x;
  Parameter weight, bias;
  const float *mean, *scale;  // rstd where eps is negative, else the variance
  E* y;
  float eps;
};

template <class Index, int N, class E>
__global__ void normalizeElements(Elements<E> io, Layout layout, int64_t n) {
  const auto inner = static_cast<Index>(layout.inner);
  for (int64_t at = threadIndex() * N; at < n; at += threadCount() * N) {
    const Index plane = static_cast<Index>(at) / inner, s = layout.statistic(plane);
    Pack<E, N> pack = loadPack<N>(io.x + at);
    float w, b;
    io.weight.template load<1>(layout.channel(plane), &w);
    io.bias.template load<1>(layout.channel(plane), &b);
    const float mean = io.mean[s];
    const float rstd = io.eps < 0 ? io.scale[s] : 1.0f / std::sqrt(io.scale[s] + io.eps);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      E* element = &pack.elements[j];
      math::store((math::toFloat(*element) - mean) * rstd * w + b, element);
    }
    storePack(pack, io.y + at);
  }
}

/** eps is negative where `scale` holds rstd. */
void normalize(Gpu& gpu, const char* name, DType t, In x, DType wt, In weight, In bias,
               const float* mean, const float* scale, double eps, Out y, int64_t batch,
               const Layout& layout) {
  const int64_t n = batch * layout.channels * layout.inner;
  withFloating(t, [&](auto element) {
    using E = decltype(element);
    constexpr int N = kPack<E>;
    const Elements<E> io = {
        x.as<E>(), Parameter(wt, weight, 1.0f), Parameter(wt, bias, 0.0f), mean, scale,
        y.as<E>(), static_cast<float>(eps)};
    withCount(n, [&](auto index) {
      using Index = decltype(index);
      if (isPacked<E>(layout.inner, x, y)) {
        launch(gpu, name, gridFor(gpu, n / N), normalizeElements<Index, N, E>, io, layout, n);
      } else {
        launch(gpu, name, gridFor(gpu, n), normalizeElements<Index, 1, E>, io, layout, n);
      }
    });
  });
}

// Gradients

/** The sums over planes of dy * normalized x, and of dy. */
struct Sums {
  float *gx, *g;
};

template <class E>
struct GradInputs {
  const E *dy, *x;
  const float *mean, *rstd;
};

/** A thread's part of the sums of a pack. */
template <int N, class E>
__device__ void addPack(const Pack<E, N>& dys, const Pack<E, N>& xs, float mean, float rstd,
                        float (&sums)[2]) {
#pragma unroll
  for (int j = 0; j < N; ++j) {
    const float dy = math::toFloat(dys.elements[j]);
    sums[0] += dy * ((math::toFloat(xs.elements[j]) - mean) * rstd);
    sums[1] += dy;
  }
}

/** A team for each plane. */
template <int N, class E>
__global__ void __launch_bounds__(kMostThreads)
    sumsOfPlanes(GradInputs<E> in, Sums out, Layout layout, int64_t planes, int teamSize) {
  const Team team(teamSize);
  const int64_t plane = blockIndex() * team.count + team.index, first = plane * layout.inner;
  const int64_t end = plane < planes ? layout.inner : 0;
  const int64_t s = end > 0 ? layout.statistic(plane) : 0;
  const float mean = end > 0 ? in.mean[s] : 0.0f, rstd = end > 0 ? in.rstd[s] : 0.0f;
  float sums[2] = {};
#pragma unroll 4
  for (int64_t i = int64_t{team.rank} * N; i < end; i += int64_t{team.size} * N) {
    addPack<N>(loadPack<N>(in.dy + first + i), loadPack<N>(in.x + first + i), mean, rstd, sums);
  }
  team.sum(sums);
  if (plane >= planes || team.rank > 0) return;
  out.gx[plane] = sums[0];
  out.g[plane] = sums[1];
}

template <class E>
void sumPlanes(Gpu& gpu, const char* name, const GradInputs<E>& in, const Sums& sums,
               const Layout& layout, int64_t planes) {
  auto with = [&](auto width) {
    constexpr int N = decltype(width)::value;
    const int team = teamFor(ceilDivide(layout.inner, N), 4, kMostThreads);
    const int threads = team > kWarp ? team : kThreads;
    launch(gpu, name, blocksFor(ceilDivide(planes, threads / team), threads), sumsOfPlanes<N, E>,
           in, sums, layout, planes, team);
  };
  if (isPacked<E>(layout.inner, In(in.dy), In(in.x))) {
    with(std::integral_constant<int, kPack<E>>());
  } else {
    with(std::integral_constant<int, 1>());
  }
}

/** From the sums of planes (batch, channels) to those of channels: what dx takes of them, which is
 * the weight times their mean, and the gradients of weight and bias. */
template <class W>
__global__ void joinSums(Sums planes, Parameter weight, Sums means, W* dweight, W* dbias,
                         int64_t batch, int64_t channels, double each) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  const int64_t c = blockIndex() * kWarp + lane;
  double gx = 0, g = 0;
  if (c < channels) {
#pragma unroll 4
    for (int64_t b = warp; b < batch; b += warps) {
      gx += planes.gx[b * channels + c];
      g += planes.g[b * channels + c];
    }
  }
  gx = sumOfWarps(gx);
  g = sumOfWarps(g);
  if (warp > 0 || c >= channels) return;
  float w;
  weight.load<1>(c, &w);
  means.gx[c] = static_cast<float>(gx * w / each);
  means.g[c] = static_cast<float>(g * w / each);
  if (dweight != nullptr) math::store(static_cast<float>(gx), dweight + c);
  if (dbias != nullptr) math::store(static_cast<float>(g), dbias + c);
}

/** From the sums of planes to the weighted means of groups, a warp for each. */
__global__ void joinGroups(Sums planes, Parameter weight, Sums means, int64_t groups,
                           int64_t channels, int64_t each, double size) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t group = blockIndex() * (blockDim.x / kWarp) + threadIdx.x / kWarp;
  double gx = 0, g = 0;
  if (group < groups) {
    for (int64_t k = lane; k < each; k += kWarp) {
      float w;
      weight.load<1>((group * each + k) % channels, &w);
      gx += planes.gx[group * each + k] * w;
      g += planes.g[group * each + k] * w;
    }
  }
  gx = warpReduce(gx, Plus());
  g = warpReduce(g, Plus());
  if (group >= groups || lane > 0) return;
  means.gx[group] = static_cast<float>(gx / size);
  means.g[group] = static_cast<float>(g / size);
}

/** dx = (weight dy - mean(g) - normalized x * mean(g * normalized x)) rstd. */
template <class Index, int N, class E>
__global__ void gradOfElements(GradInputs<E> in, Parameter weight, Sums means, E* dx,
                               bool accumulate, Layout layout, int64_t n) {
  const auto inner = static_cast<Index>(layout.inner);
  for (int64_t at = threadIndex() * N; at < n; at += threadCount() * N) {
    const Index plane = static_cast<Index>(at) / inner, s = layout.statistic(plane);
    const Pack<E, N> dys = loadPack<N>(in.dy + at), xs = loadPack<N>(in.x + at);
    Pack<E, N> to = {};
    if (accumulate) to = loadPack<N>(dx + at);
    float w;
    weight.load<1>(layout.channel(plane), &w);
    const float mean = in.mean[s], rstd = in.rstd[s];
    const float shift = means.g[s], slope = means.gx[s] * rstd;
#pragma unroll
    for (int j = 0; j < N; ++j) {
      E* element = &to.elements[j];
      const float centred = math::toFloat(xs.elements[j]) - mean;
      const float d = (math::toFloat(dys.elements[j]) * w - shift - centred * slope) * rstd;
      math::store(accumulate ? math::toFloat(*element) + d : d, element);
    }
    storePack(to, dx + at);
  }
}

template <class E>
void gradElements(Gpu& gpu, const char* name, const GradInputs<E>& in, const Parameter& weight,
                  const Sums& means, Out dx, bool accumulate, int64_t batch, const Layout& layout) {
  const int64_t n = batch * layout.channels * layout.inner;
  withCount(n, [&](auto index) {
    using Index = decltype(index);
    constexpr int N = kPack<E>;
    if (isPacked<E>(layout.inner, In(in.dy), In(in.x), dx)) {
      launch(gpu, name, gridFor(gpu, n / N), gradOfElements<Index, N, E>, in, weight, means,
             dx.as<E>(), accumulate, layout, n);
    } else {
      launch(gpu, name, gridFor(gpu, n), gradOfElements<Index, 1, E>, in, weight, means, dx.as<E>(),
             accumulate, layout, n);
    }
  });
}

/** Blocks that each have 32 channels, and warps for the examples. */
Grid gridOfChannels(int64_t batch, int64_t channels) {
  constexpr int kMost = 512;
  return blocksFor(ceilDivide(channels, kWarp), threadsFor(batch * kWarp, kMost));
}

}  // namespace

void CudaBackend::addChannelNormalization() {
  batchNorm = [this](Type t, In x, Type wt, In weight, In bias, Out y, Out mean, Out rstd,
                     Out runningMean, Out runningVariance, Out batches, int64_t batch,
                     int64_t channels, int64_t inner, double momentum, double eps) {
    constexpr const char* kName = "batchNorm";
    const int64_t planes = batch * channels;
    if (planes * inner == 0) return;
    const Scratch<float> each(gpu_.memory(), 2 * planes);
    const Statistics statistics = {mean.as<float>(),
                                   rstd.as<float>(),
                                   runningMean.as<float>(),
                                   runningVariance.as<float>(),
                                   batches.as<int64_t>(),
                                   momentum,
                                   eps};
    moments(gpu_, kName, t, x, each.data(), each.data() + planes, planes, inner);
    if (batches) launch(gpu_, kName, Grid{dim3(1), dim3(1)}, countBatch, batches.as<int64_t>());
    launch(gpu_, kName, gridOfChannels(batch, channels), joinMoments, each.data(),
           each.data() + planes, statistics, batch, channels, inner);
    normalize(gpu_, kName, t, x, wt, weight, bias, mean.as<float>(), rstd.as<float>(), -1, y, batch,
              {channels, inner, 0});
  };

  batchNormApply = [this](Type t, In x, Type wt, In weight, In bias, In mean, In variance, Out y,
                          int64_t batch, int64_t channels, int64_t inner, double eps) {
    normalize(gpu_, "batchNormApply", t, x, wt, weight, bias, mean.as<float>(),
              variance.as<float>(), eps, y, batch, {channels, inner, 0});
  };

  batchNormGrad = [this](Type t, In dy, In x, Type wt, In weight, In mean, In rstd, Out dx,
                         bool accumulate, Out dweight, Out dbias, int64_t batch, int64_t channels,
                         int64_t inner) {
    constexpr const char* kName = "batchNormGrad";
    const int64_t planes = batch * channels;
    const Layout layout = {channels, inner, 0};
    const Scratch<float> floats(gpu_.memory(), 2 * (planes + channels));
    const Sums sums = {floats.data(), floats.data() + planes};
    const Sums means = {floats.data() + 2 * planes, floats.data() + 2 * planes + channels};
    const Parameter w(wt, weight, 1.0f);
    withFloating(t, [&](auto element) {
      using E = decltype(element);
      const GradInputs<E> in = {dy.as<E>(), x.as<E>(), mean.as<float>(), rstd.as<float>()};
      sumPlanes(gpu_, kName, in, sums, layout, planes);
      withFloating(wt, [&](auto parameter) {
        using W = decltype(parameter);
        launch(gpu_, kName, gridOfChannels(batch, channels), joinSums<W>, sums, w, means,
               dweight.as<W>(), dbias.as<W>(), batch, channels, static_cast<double>(batch * inner));
      });
      if (dx) gradElements(gpu_, kName, in, w, means, dx, accumulate, batch, layout);
    });
  };

  groupNorm = [this](Type t, In x, Type wt, In weight, In bias, Out y, Out mean, Out rstd,
                     int64_t batch, int64_t channels, int64_t groups, int64_t inner, double eps) {
    constexpr const char* kName = "groupNorm";
    const int64_t each = channels / groups, count = batch * groups, size = each * inner;
    if (count * size == 0) return;
    const Scratch<float> squares(gpu_.memory(), count);
    moments(gpu_, kName, t, x, mean.as<float>(), squares.data(), count, size);
    launch(gpu_, kName, Grid{dim3(static_cast<unsigned>(ceilDivide(count, kThreads)))},
           rstdOfSquares, squares.data(), rstd.as<float>(), count, static_cast<double>(size), eps);
    normalize(gpu_, kName, t, x, wt, weight, bias, mean.as<float>(), rstd.as<float>(), -1, y, batch,
              {channels, inner, each});
  };

  groupNormGrad = [this](Type t, In dy, In x, Type wt, In weight, In mean, In rstd, Out dx,
                         bool accumulate, Out dweight, Out dbias, int64_t batch, int64_t channels,
                         int64_t groups, int64_t inner) {
    constexpr const char* kName = "groupNormGrad";
    const int64_t planes = batch * channels, each = channels / groups, count = batch * groups;
    const Layout layout = {channels, inner, each};
    const Scratch<float> floats(gpu_.memory(), 2 * (planes + count));
    const Sums sums = {floats.data(), floats.data() + planes};
    const Sums means = {floats.data() + 2 * planes, floats.data() + 2 * planes + count};
    const Parameter w(wt, weight, 1.0f);
    withFloating(t, [&](auto element) {
      using E = decltype(element);
      const GradInputs<E> in = {dy.as<E>(), x.as<E>(), mean.as<float>(), rstd.as<float>()};
      sumPlanes(gpu_, kName, in, sums, layout, planes);
      if (dx) {
        launch(gpu_, kName, blocksFor(ceilDivide(count, kThreads / kWarp)), joinGroups, sums, w,
               means, count, channels, each, static_cast<double>(each * inner));
        gradElements(gpu_, kName, in, w, means, dx, accumulate, batch, layout);
      }
    });
    if (dweight) sumPartials(gpu_, kName, sums.gx, batch, channels, wt, dweight, channels);
    if (dbias) sumPartials(gpu_, kName, sums.g, batch, channels, wt, dbias, channels);
  };
}

}  // namespace gradus
