#include "runtime/graph_fusion.h"

#include <array>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "runtime/graph_calls.h"

namespace gradus {

using namespace calls;

namespace {

using Kind = Argument::Kind;

// Where the arguments of other kernels stand.
enum Forward { kX = 1, kActivated, kForwardSize };
enum Add { kLeft = 1, kRight, kSum, kAddSize, kAddDims };
enum Backward { kSlopeAt = 1, kDy, kDx, kBackwardSize };

constexpr std::array<const char*, 5> kForward = {"", "relu", "gelu", "geluErf", "silu"};
constexpr std::array<const char*, 5> kBackward = {"", "reluGrad", "geluGrad", "geluErfGrad",
                                                  "siluGrad"};

/** The activation's number, or 0. */
int find(const std::array<const char*, 5>& names, const Call& call) {
  for (int i = 1; call.kernel != nullptr && i < static_cast<int>(names.size()); ++i) {
    if (std::strcmp(names[i], call.kernel->name()) == 0) return i;
  }
  return 0;
}

bool same(const Place& a, const Place& b) { return a.buffer == b.buffer && a.offset == b.offset; }

/** The type that argument `at` of a call gives. */
DType typeAt(const Call& call, int at) { return call.arguments[at].as<Type>(); }

/** A product that the backend makes one call of with something else. */
bool isJoined(const Call& call, Joins joins) {
  return isPlainProduct(call) && joins({typeAt(call, kAType), typeAt(call, kBType),
                                        typeAt(call, kBiasType), typeAt(call, kYType)});
}

/** A call that is made of others' arguments. */
class Made {
 public:
  explicit Made(const AnyKernel& kernel) : call_{&kernel, {}, {}} {}

  /** The arguments of `from` at these places. */
  Made& take(const Call& from, std::initializer_list<int> places) {
    for (int at : places) {
      call_.arguments.push_back(from.arguments[at]);
      call_.places.push_back(from.places[at]);
    }
    return *this;
  }
  /** The address at a place of `from`, or 0 where there is no such call. */
  Made& takeAddress(const Call* from, int at, Kind kind) {
    Argument argument;
    argument.kind = kind;
    argument.integer = from == nullptr ? 0 : from->arguments[at].integer;
    call_.arguments.push_back(argument);
    call_.places.push_back(from == nullptr ? Place{} : from->places[at]);
    return *this;
  }
  Made& number(int64_t value) {
    call_.arguments.emplace_back(value);
    call_.places.emplace_back();
    return *this;
  }

  operator Call() { return std::move(call_); }

 private:
  Call call_;
};

class Fusion {
 public:
  Fusion(Recording& recording, const AnyKernel& activation, const AnyKernel& sum, Joins joins)
      : calls_(recording.calls), activation_(activation), sum_(sum), joins_(joins) {
    released_.reserve(recording.buffers.size());
    for (const StepBuffer& buffer : recording.buffers) released_.push_back(buffer.released);
  }

  void run() {
    for (int i = 0; i < static_cast<int>(calls_.size()); ++i) {
      if (!isJoined(calls_[i], joins_) || !isOwn(calls_[i].places[kY])) continue;
      const int next = nextUse(i, calls_[i].places[kY].buffer);
      if (next > 0 && isAll(calls_[next], typeAt(calls_[i], kYType))) {
        if (const int f = find(kForward, calls_[next])) fuseForward(i, next, f);
        if (const int f = find(kBackward, calls_[next])) fuseBackward(i, next, f);
        if (isSum(calls_[next])) fuseSum(i, next);
      }
    }
  }

 private:
  bool isOwn(const Place& place) const { return place.buffer >= 0 && released_[place.buffer]; }

  /** The next call that uses a buffer; -1 for none. */
  int nextUse(int after, int buffer) const {
    for (int i = after + 1; i < static_cast<int>(calls_.size()); ++i) {
      for (const Place& place : calls_[i].places) {
        if (place.buffer == buffer) return i;
      }
    }
    return -1;
  }

  /** Whether one of the calls [begin, end) writes a buffer. */
  bool isWritten(int begin, int end, int buffer) const {
    for (int i = begin; i < end; ++i) {
      for (size_t j = 0; j < calls_[i].places.size(); ++j) {
        if (calls_[i].places[j].buffer == buffer && calls_[i].arguments[j].kind == Kind::Out) {
          return true;
        }
      }
    }
    return false;
  }

  /** Whether what a call writes, in memory of the step, could as well be written by call i. */
  bool canMoveUp(int i, int call, int output) const {
    const Place& place = calls_[call].places[output];
    if (!isOwn(place)) return false;
    const int use = nextUse(i, place.buffer);
    return use == call;
  }

  /** Whether a call has no other type than this. */
  static bool isAll(const Call& call, DType type) {
    for (const Argument& a : call.arguments) {
      if (a.kind == Kind::Type && a.as<Type>() != type) return false;
    }
    return true;
  }

  bool isWhole(int product, const Argument& size) const {
    const auto& p = calls_[product].arguments;
    return size.integer == p[kM].integer * p[kN].integer;
  }

  void fuseForward(int i, int next, int f) {
    const Call &p = calls_[i], &a = calls_[next];
    if (!same(a.places[kX], p.places[kY]) || same(a.places[kActivated], p.places[kY]) ||
        !isWhole(i, a.arguments[kForwardSize]) || !canMoveUp(i, next, kActivated)) {
      return;
    }
    const bool kept = nextUse(next, p.places[kY].buffer) > 0;
    replace(i, next, f, kept ? &p : nullptr, kY, nullptr, 0, kActivated);
  }

  void fuseBackward(int i, int next, int f) {
    const Call &p = calls_[i], &a = calls_[next];
    if (!same(a.places[kDy], p.places[kY]) || !isWhole(i, a.arguments[kBackwardSize]) ||
        p.arguments[kBias].integer != 0 || nextUse(next, p.places[kY].buffer) > 0) {
      return;
    }
    // What the slope is taken at must be there already, and still.
    if (same(a.places[kDx], a.places[kSlopeAt]) || !isOwn(a.places[kSlopeAt]) ||
        isWritten(i + 1, next, a.places[kSlopeAt].buffer)) {
      return;
    }
    const bool inPlace = same(a.places[kDx], p.places[kY]);
    if (!inPlace && !canMoveUp(i, next, kDx)) return;
    replace(i, next, f, nullptr, 0, &a, kSlopeAt, kDx);
  }

  /** Of two operands of one shape. */
  static bool isSum(const Call& call) {
    return is(call, "add") && call.arguments[kAddDims].count == 0;
  }

  /** The product's result is one operand and nobody else's; the other is there before. */
  void fuseSum(int i, int next) {
    const Call &p = calls_[i], &sum = calls_[next];
    const bool left = same(sum.places[kLeft], p.places[kY]);
    const int other = left ? kRight : kLeft;
    const Place residual = sum.places[other], y = sum.places[kSum];
    if (!same(sum.places[left ? kLeft : kRight], p.places[kY]) ||
        residual.buffer == p.places[kY].buffer || same(y, residual) ||
        !isWhole(i, sum.arguments[kAddSize]) || nextUse(next, p.places[kY].buffer) > 0 ||
        isWritten(i + 1, next, residual.buffer)) {
      return;
    }
    if (!same(y, p.places[kY]) && !canMoveUp(i, next, kSum)) return;
    calls_[i] = Made(sum_)
                    .take(p, {kAType, kA, kBType, kB, kBiasType, kBias, kYType})
                    .take(sum, {other, kSum})
                    .take(p, {kM, kN, kK, kTransposeA, kTransposeB});
    calls_[next] = Call{nullptr, {}, {}};
  }

  /** Call i becomes the fused one; the output is that of call `next`, which ends. */
  void replace(int i, int next, int f, const Call* before, int beforeAt, const Call* slope,
               int slopeAt, int output) {
    const Call& p = calls_[i];
    calls_[i] = Made(activation_)
                    .take(p, {kAType, kA, kBType, kB, kBiasType, kBias, kYType})
                    .takeAddress(before, beforeAt, Kind::Out)
                    .takeAddress(slope, slopeAt, Kind::In)
                    .take(calls_[next], {output})
                    .take(p, {kM, kN, kK})
                    .number(f)
                    .take(p, {kTransposeA, kTransposeB});
    calls_[next] = Call{nullptr, {}, {}};
  }

  std::vector<Call>& calls_;
  const AnyKernel &activation_, &sum_;
  const Joins joins_;
  std::vector<bool> released_;
};

// Where the arguments of columnSums stand.
enum Sums { kSummedType, kSummed, kSumsType, kSumsOf, kRows, kColumns, kSumsAccumulate };

/** Whether a call sums up what a plain product dy' x has as dy, in that product's type. */
bool sumsOperand(const Call& product, const Call& sums) {
  return is(sums, "columnSums") && sums.arguments[kSumsAccumulate].integer == 0 &&
         typeAt(sums, kSummedType) == typeAt(product, kAType) &&
         typeAt(sums, kSumsType) == typeAt(product, kYType) &&
         sums.arguments[kSummed].integer == product.arguments[kA].integer &&
         sums.arguments[kRows].integer == product.arguments[kK].integer &&
         sums.arguments[kColumns].integer == product.arguments[kM].integer;
}

void fuseSums(Recording& recording, const AnyKernel& matmulSums, Joins joins) {
  Call* product = nullptr;  // the call before, where it is such a product
  for (Call& call : recording.calls) {
    if (call.kernel == nullptr) continue;
    if (product != nullptr && sumsOperand(*product, call)) {
      *product = Made(matmulSums)
                     .take(*product, {kAType, kA, kBType, kB, kYType, kY})
                     .take(call, {kSumsOf})
                     .take(*product, {kM, kN, kK});
      call = Call{nullptr, {}, {}};
      product = nullptr;
      continue;
    }
    const bool candidate = isJoined(call, joins) && call.arguments[kBias].integer == 0 &&
                           call.arguments[kTransposeA].integer != 0 &&
                           call.arguments[kTransposeB].integer == 0;
    product = candidate ? &call : nullptr;
  }
}

}  // namespace

void fuseProducts(Recording& recording, const Backend& backend, Joins joins) {
  Fusion(recording, backend.matmulActivation, backend.matmulAdd, joins).run();
  fuseSums(recording, backend.matmulSums, joins);
}

}  // namespace gradus
