#include "runtime/graph_plan.h"

#include <algorithm>
#include <numeric>

namespace gradus {

namespace {

constexpr int64_t kAlignment = 64;

/** From the first call that uses a buffer to the last. */
struct Life {
  int first = -1, last = -1;
  bool used() const { return first >= 0; }
  bool meets(const Life& other) const { return first <= other.last && other.first <= last; }
};

std::vector<Life> lives(const Recording& recording) {
  std::vector<Life> lives(recording.buffers.size());
  for (int i = 0; i < static_cast<int>(recording.calls.size()); ++i) {
    for (const Place& place : recording.calls[i].places) {
      if (place.buffer < 0) continue;
      Life& life = lives[place.buffer];
      if (!life.used()) life.first = i;
      life.last = i;
    }
  }
  return lives;
}

int64_t roundUp(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/** The buffer whose place each one takes: itself, or an input that its call is the last to read. */
class Takeovers {
 public:
  explicit Takeovers(size_t count) : heir_(count) { std::iota(heir_.begin(), heir_.end(), 0); }

  int of(int buffer) const {
    while (heir_[buffer] != buffer) buffer = heir_[buffer];
    return buffer;
  }
  void take(int from, int to) { heir_[to] = from; }

 private:
  std::vector<int> heir_;
};

}  // namespace

Plan plan(const Recording& recording, const std::vector<bool>& excluded) {
  const auto& buffers = recording.buffers;
  std::vector<Life> life = lives(recording);
  auto planned = [&](int b) {
    return b >= 0 && buffers[b].released && life[b].used() && !excluded[b];
  };
  Takeovers takeovers(buffers.size());
  for (int i = 0; i < static_cast<int>(recording.calls.size()); ++i) {
    const Call& call = recording.calls[i];
    if (call.kernel == nullptr || call.kernel->access() != Access::Elementwise) continue;
    int output = -1;
    for (size_t j = 0; j < call.arguments.size(); ++j) {
      if (call.arguments[j].kind == Argument::Kind::Out && call.places[j].offset == 0) {
        output = call.places[j].buffer;
      }
      // A broadcast operand is read again after the output has been written over it.
      if (call.arguments[j].kind == Argument::Kind::Dims && call.arguments[j].count > 0)
        output = -1;
    }
    if (!planned(output) || life[output].first != i) continue;
    for (size_t j = 0; j < call.arguments.size(); ++j) {
      const int input = call.places[j].buffer;
      if (call.arguments[j].kind != Argument::Kind::In || !planned(input) || input == output ||
          call.places[j].offset != 0 || buffers[input].bytes != buffers[output].bytes) {
        continue;
      }
      const int place = takeovers.of(input);
      if (life[place].last != i) continue;
      takeovers.take(place, output);
      life[place].last = life[output].last;
      break;
    }
  }

  Plan plan{std::vector<int64_t>(buffers.size(), -1), 0, 0};
  std::vector<int> order;
  for (int b = 0; b < static_cast<int>(buffers.size()); ++b) {
    if (!planned(b)) continue;
    plan.unplanned += roundUp(buffers[b].bytes);
    if (takeovers.of(b) == b) order.push_back(b);
  }
  // The largest first, each into the tightest gap between those that live at the same time.
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<int> placed;  // by offset
  for (int b : order) {
    const int64_t bytes = roundUp(buffers[b].bytes);
    int64_t best = -1, bestGap = 0, end = 0;
    for (int other : placed) {
      if (!life[b].meets(life[other])) continue;
      const int64_t gap = plan.offsets[other] - end;
      if (gap >= bytes && (best < 0 || gap < bestGap)) {
        best = end;
        bestGap = gap;
      }
      end = std::max(end, plan.offsets[other] + roundUp(buffers[other].bytes));
    }
    plan.offsets[b] = best < 0 ? end : best;
    plan.bytes = std::max(plan.bytes, plan.offsets[b] + bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), b,
                                   [&](int a, int c) { return plan.offsets[a] < plan.offsets[c]; }),
                  b);
  }
  for (int b = 0; b < static_cast<int>(buffers.size()); ++b) {
    if (planned(b)) plan.offsets[b] = plan.offsets[takeovers.of(b)];
  }
  return plan;
}

}  // namespace gradus
