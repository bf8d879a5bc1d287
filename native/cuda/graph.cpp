#include "cuda/graph.h"

#include <cmath>

#include "cuda/graph_inputs.h"
#include "runtime/graph_fusion.h"

namespace gradus {

namespace {

/** A call that changed so often will change again. */
constexpr int kOften = 2;

/** Moments on the device, one more than there are calls to time. */
class Moments {
 public:
  Moments(Gpu& gpu, size_t count) : gpu_(gpu), events_(count, nullptr) {
    for (cudaEvent_t& event : events_) {
      gpu.check(cudaEventCreateWithFlags(&event, cudaEventDefault), "an event");
    }
  }
  ~Moments() {
    for (cudaEvent_t event : events_) {
      if (event != nullptr) cudaEventDestroy(event);
    }
  }
  Moments(const Moments&) = delete;
  Moments& operator=(const Moments&) = delete;

  void note() { gpu_.check(cudaEventRecord(events_[next_++], gpu_.stream()), "an event"); }

  /** Nanoseconds from the first moment to another; after a wait. */
  int64_t at(size_t moment) const {
    float milliseconds = 0;
    gpu_.check(cudaEventElapsedTime(&milliseconds, events_[0], events_[moment]), "an event");
    return std::llround(static_cast<double>(milliseconds) * 1e6);
  }

 private:
  Gpu& gpu_;
  std::vector<cudaEvent_t> events_;
  size_t next_ = 0;
};

/** cuBLASLt stores y itself: operands of one type give F32, and 16 bits come of what is, or is
 * rounded to, y's type. */
bool storesDirectly(const ProductTypes& types) {
  const auto& [a, b, bias, y] = types;
  if (y == DType::F32) return a == b;
  return (a == y && (b == y || b == DType::F32)) || (a == DType::F32 && b == y);
}

}  // namespace

CudaGraph::CudaGraph(Recording recording, const Backend& backend, Gpu& gpu,
                     const Changing& changing)
    : Graph(std::move(recording), gpu.tensors()),
      gpu_(gpu),
      scratch_(gpu.pages(), gpu.tensors().limit()),
      numbers_(scratch_) {
  fuseProducts(recording_, backend, storesDirectly);
  added_ = copyInputs(recording_, changing, backend.copy);
  place(changing, std::vector<bool>(recording_.buffers.size()));
  states_.resize(recording_.calls.size());
  for (const Call& call : recording_.calls) {
    if (call.kernel != nullptr) facts_.push_back(factsOf(recording_, call));
  }
}

CudaGraph::~CudaGraph() { clearSegments(); }

Argument& CudaGraph::argument(int call, int index) {
  return recording_.calls[call].arguments[index];
}

void CudaGraph::changed(int call, bool addresses) {
  State& state = states_[call];
  if (!addresses && state.isLive()) {
    state.renumbered = true;
  } else if (++state.changes <= kOften) {
    stands_ = false;  // one that stands by itself may change as it likes
  }
}

void CudaGraph::runCalls(int begin, int end) const {
  for (int c = begin; c < end; ++c) {
    const Call& call = recording_.calls[c];
    if (call.kernel != nullptr) call.kernel->run(call.arguments.data());
  }
}

void CudaGraph::run(Out times) {
  const int count = static_cast<int>(recording_.calls.size());
  if (times) return runTimed(times.as<int64_t>());
  if (replays_++ == 0) {
    runCalls(0, count);
    for (State& state : states_) state.changes = 0;  // the capture's inputs need not come again
    stands_ = false;
    return;
  }
  if (stands_) takeNumbers();
  if (!stands_) makeSegments();
  gpu_.use();
  numbers_.write(gpu_);
  for (const Segment& segment : segments_) {
    if (segment.graph == nullptr) {
      runCalls(segment.begin, segment.end);
    } else {
      gpu_.check(cudaGraphLaunch(segment.graph, gpu_.stream()), "replay");
      gpu_.launched("replay");
    }
  }
}

void CudaGraph::runTimed(int64_t* times) const {
  Moments moments(gpu_, facts_.size() + 1);
  moments.note();
  for (int c = 0; c < static_cast<int>(recording_.calls.size()); ++c) {
    if (recording_.calls[c].kernel == nullptr) continue;
    runCalls(c, c + 1);
    moments.note();
  }
  gpu_.wait("replay");
  for (size_t step = 0; step < facts_.size(); ++step) {
    *times++ = moments.at(step);
    *times++ = moments.at(step + 1);
  }
}

/** Of the calls whose numbers are others now. A call that would launch other kernels with them
 * cannot stay in the graph. */
void CudaGraph::takeNumbers() {
  for (int c = 0; c < static_cast<int>(states_.size()); ++c) {
    State& state = states_[c];
    if (!state.renumbered) continue;
    Gpu::Rehearsal rehearsal(gpu_, scratch_, numbers_);
    numbers_.seek(state.begin);
    runCalls(c, c + 1);
    state.renumbered = false;
    if (numbers_.next() == state.end && rehearsal.launches() == state.launches) continue;
    state.changes = kOften;
    stands_ = false;
  }
}

void CudaGraph::makeSegments() {
  clearSegments();
  numbers_.clear();
  const int count = static_cast<int>(recording_.calls.size());
  for (int begin = 0; begin < count;) {
    const bool changes = states_[begin].changes >= kOften;
    int end = begin + 1;
    while (end < count && (states_[end].changes >= kOften) == changes) ++end;
    segments_.push_back({begin, end, nullptr});
    if (!changes) capture(segments_.back());
    begin = end;
  }
  stands_ = true;
}

void CudaGraph::capture(Segment& segment) {
  Gpu::Capture capture(gpu_, scratch_, numbers_);
  for (int c = segment.begin; c < segment.end; ++c) {
    State& state = states_[c];
    state = {state.changes, numbers_.next(), 0, 0, false};
    runCalls(c, c + 1);
    state.launches = capture.launches();
    // Numbers that found no place stay what they are, so the call is not live.
    state.end = numbers_.isFull() ? state.begin : numbers_.next();
  }
  segment.graph = capture.finish();
}

void CudaGraph::clearSegments() {
  for (const Segment& segment : segments_) {
    if (segment.graph != nullptr) cudaGraphExecDestroy(segment.graph);
  }
  segments_.clear();
}

}  // namespace gradus
