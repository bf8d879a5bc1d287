#include "cpu/graph_updates.h"

#include <algorithm>
#include <limits>

#include "runtime/graph_calls.h"

namespace gradus {

using namespace calls;

namespace {

using Kind = Argument::Kind;

/** How the call of an optimizer begins: parameters, gradients, what else is as long as they are. */
enum Update { kParameters, kGradients };
constexpr int kMomentum = 5;  // of sgd

/** An optimizer, how many buffers it has, and where the factor of its gradients stands. */
struct Optimizer {
  const AnyKernel* kernel;
  int buffers, factor;
};

/** An argument of a kernel that is a matrix, and where its sizes stand; a vector has one size. */
struct Area {
  const char* kernel;
  int at, rows, columns;
};

constexpr int kVector = -1;
constexpr Area kAreas[] = {
    {"matmul", kA, kM, kK},
    {"matmul", kB, kK, kN},
    {"matmul", kBias, kN, kVector},
    {"matmul", kY, kM, kN},
    {"matmulActivation", kA, 10, 12},
    {"matmulActivation", kB, 12, 11},
    {"matmulActivation", kBias, 11, kVector},
    {"columnSums", 3, 5, kVector},
    {"layerNormGrad", 4, 12, kVector},
    {"layerNormGrad", 9, 12, kVector},
    {"layerNormGrad", 10, 12, kVector},
    {"rmsNormGrad", 4, 10, kVector},
    {"rmsNormGrad", 8, 10, kVector},
    {"takeRowsGrad", 4, 5, 6},
    {"matmulSgd", 0, 4, 6},
    {"matmulSgd", 1, 6, 5},
    {"matmulSgd", 2, 4, 5},
    {"matmulSgd", 3, 4, 5},
};

/** How many bytes from its address on argument j stands for; endless where nothing is known. */
int64_t extent(const Call& call, int j) {
  constexpr int64_t kEndless = std::numeric_limits<int64_t>::max() / 2;
  int64_t element = 4, first = -1;
  for (int at = 0; at < static_cast<int>(call.arguments.size()); ++at) {
    const Argument& a = call.arguments[at];
    if (a.kind == Kind::Type && at < j) element = byteSize(a.as<Type>());
    if (a.kind == Kind::Integer && first < 0) first = a.integer;
  }
  if (call.kernel->access() == Access::Elementwise) return first * element;
  if (is(call, "copy")) return first;
  if (is(call, "matmul") && call.arguments[kBatch].integer != 1) return kEndless;
  for (const Area& known : kAreas) {
    if (known.at != j || !is(call, known.kernel)) continue;
    const int64_t columns = known.columns == kVector ? 1 : call.arguments[known.columns].integer;
    return call.arguments[known.rows].integer * columns * element;
  }
  return kEndless;
}

class Updates {
 public:
  Updates(Recording& recording, const Backend& backend)
      : recording_(recording),
        calls_(recording.calls),
        matmulSgd_(backend.matmulSgd),
        optimizers_{{&backend.sgd, 3, 11}, {&backend.adamw, 4, 12}} {}

  std::vector<Piece> run() {
    for (int u = 0; u < count(); ++u) {
      for (const Optimizer& optimizer : optimizers_) {
        if (calls_[u].kernel == optimizer.kernel) cutUp(u, optimizer);
      }
    }
    return std::move(pieces_);
  }

 private:
  int count() const { return static_cast<int>(calls_.size()); }

  /** Finds the products after which parts of call u can be made. */
  void cutUp(int u, const Optimizer& optimizer) {
    const Place g = calls_[u].places[kGradients];
    if (calls_[u].arguments[optimizer.factor].integer != 0 || g.buffer < 0 ||
        !recording_.buffers[g.buffer].released) {
      return;
    }
    std::vector<Range> taken;
    for (int i = 0; i < u; ++i) {
      const Range range = gradient(i, u, optimizer);
      if (range.begin == range.end || !isFree(i, u, range)) continue;
      const bool fused = is(calls_[u], "sgd") && calls_[u].arguments[kMomentum].real == 0;
      if (fused) fuse(i, u, range);
      pieces_.push_back({u, i, range, fused});
      taken.push_back(range);
    }
    if (!taken.empty()) {
      calls_[u].left = rest(taken, calls_[u].arguments[optimizer.buffers].integer);
    }
  }

  /** The elements of call u whose gradient a plain product i is; none where it is not one. */
  Range gradient(int i, int u, const Optimizer& optimizer) const {
    const Call &product = calls_[i], &update = calls_[u];
    if (!isPlainProduct(product) || !isF32(product)) return {};
    const auto& a = product.arguments;
    const Place y = product.places[kY], g = update.places[kGradients];
    const int64_t n = update.arguments[optimizer.buffers].integer;
    if (a[kBias].integer != 0 || y.buffer != g.buffer) return {};
    const int64_t begin = (y.offset - g.offset) / 4;
    const int64_t end = begin + a[kM].integer * a[kN].integer;
    return begin >= 0 && end <= n ? Range{begin, end} : Range{};
  }

  /** Whether nobody but the two calls uses these gradients and parameters from call i on. */
  bool isFree(int i, int u, const Range& range) const {
    const Call& update = calls_[u];
    const Place g = update.places[kGradients];
    const int64_t p = update.arguments[kParameters].integer;
    for (int c = 0; c < count(); ++c) {
      const Call& call = calls_[c];
      if (call.kernel == nullptr || c == u) continue;
      for (int j = 0; j < static_cast<int>(call.arguments.size()); ++j) {
        if (!call.arguments[j].isAddress() || call.arguments[j].integer == 0) continue;
        const bool result = c == i && j == kY;
        if (call.places[j].buffer == g.buffer && !result) {
          if (meets(call, j, call.places[j].offset - g.offset, range)) return false;
        } else if (call.places[j].buffer < 0 && c >= i && c < u) {
          const int64_t offset = call.arguments[j].integer - p;
          // What begins before the parameters do is not theirs.
          if (offset >= 0 && meets(call, j, offset, range)) return false;
        }
      }
    }
    return true;
  }

  static bool meets(const Call& call, int j, int64_t offset, const Range& range) {
    return offset < range.end * 4 && offset + extent(call, j) > range.begin * 4;
  }

  /** Product i takes the step of its part of call u. */
  void fuse(int i, int u, const Range& range) {
    Call fused{&matmulSgd_, {}, {}};
    auto add = [&fused](const Call& call, int at) {
      fused.arguments.push_back(call.arguments[at]);
      fused.places.push_back(call.places[at]);
    };
    for (int at : {kA, kB, kY}) add(calls_[i], at);
    add(calls_[u], kParameters);
    fused.arguments.back().integer += range.begin * 4;
    for (int at : {kM, kN, kK, kTransposeA, kTransposeB}) add(calls_[i], at);
    for (const Moved& number : kDescent) add(calls_[u], number.from);
    calls_[i] = std::move(fused);
  }

  /** What of n elements the ranges leave. */
  static std::vector<Range> rest(std::vector<Range> taken, int64_t n) {
    std::sort(taken.begin(), taken.end(),
              [](const Range& a, const Range& b) { return a.begin < b.begin; });
    std::vector<Range> left;
    int64_t at = 0;
    for (const Range& range : taken) {
      if (at < range.begin) left.push_back({at, range.begin});
      at = range.end;
    }
    if (at < n) left.push_back({at, n});
    return left;
  }

  Recording& recording_;
  std::vector<Call>& calls_;
  const AnyKernel& matmulSgd_;
  std::vector<Optimizer> optimizers_;
  std::vector<Piece> pieces_;
};

}  // namespace

std::vector<Piece> cutUpdates(Recording& recording, const Backend& backend) {
  return Updates(recording, backend).run();
}

}  // namespace gradus
