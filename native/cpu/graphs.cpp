#include "cpu/graphs.h"

#include <algorithm>
#include <stdexcept>

#include "cpu/backend.h"

namespace gradus {

void Graphs::startCapture() {
  if (thread_.load() != std::thread::id()) {
    throw std::runtime_error("capture: another capture or replay runs: they do not nest");
  }
  recorder_ = std::make_unique<Recorder>();
  thread_ = std::this_thread::get_id();
}

std::unique_ptr<Recorder> Graphs::endCapture() {
  thread_ = std::thread::id();
  return std::move(recorder_);
}

void Graphs::startAmend(int64_t graph, int64_t call) {
  amended_ = &at(graph);
  nextAmended_ = call;
  thread_ = std::this_thread::get_id();
}

void Graphs::endAmend() {
  thread_ = std::thread::id();
  amended_ = nullptr;
}

void Graphs::call(const AnyKernel& kernel, const Argument* arguments, int count) {
  if (!isMine()) {
    kernel.run(arguments);
  } else if (recorder_ != nullptr) {
    recorder_->call(kernel, arguments, count);
  } else {
    amended_->amend(nextAmended_++, kernel, arguments, count);
  }
}

int64_t Graphs::add(std::unique_ptr<Graph> graph) {
  std::lock_guard<std::mutex> lock(mutex_);
  graphs_.push_back(std::move(graph));
  ++count_;
  return Out(graphs_.back().get()).address;
}

void Graphs::remove(int64_t handle) {
  const Graph* graph = &at(handle);
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = std::find_if(graphs_.begin(), graphs_.end(),
                            [&](const auto& mine) { return mine.get() == graph; });
  if (found == graphs_.end()) return;
  graphs_.erase(found);
  --count_;
}

void Graphs::allocated(int64_t address, int64_t bytes) {
  if (isMine() && recorder_ != nullptr && address != 0) recorder_->allocated(address, bytes);
}

void Graphs::released(int64_t address, int64_t bytes) {
  if (isMine() && recorder_ != nullptr) recorder_->released(address, bytes);
  if (count_ == 0) return;
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& graph : graphs_) graph->released(address, bytes);
}

void Graphs::checkNotCaptured(const char* message) const {
  if (isMine() && recorder_ != nullptr) throw std::runtime_error(message);
}

void CpuBackend::startCapture() {
  graphs_.startCapture();
  watch(&graphs_);
}

void CpuBackend::abandonCapture() {
  watch(nullptr);
  graphs_.endCapture();
}

int64_t CpuBackend::capturedCalls() const { return graphs_.capturedCalls(); }

int64_t CpuBackend::finishCapture(Numbers inputs, int64_t inputCount, Numbers seeds,
                                  int64_t seedCount) {
  watch(nullptr);
  const std::unique_ptr<Recorder> recorder = graphs_.endCapture();
  return graphs_.add(std::make_unique<Graph>(recorder->finish(), *this, memory_, inputs, inputCount,
                                             seeds, seedCount));
}

void CpuBackend::replay(int64_t graph, Numbers inputs, Numbers seeds, Out times) {
  if (watcher() != nullptr) {
    throw std::runtime_error("replay: a graph cannot be replayed while another is captured");
  }
  Graphs::at(graph).replay(inputs, seeds, times);
}

void CpuBackend::startAmend(int64_t graph, int64_t call) {
  graphs_.startAmend(graph, call);
  watch(&graphs_);
}

void CpuBackend::endAmend() {
  watch(nullptr);
  graphs_.endAmend();
}

bool CpuBackend::isStale(int64_t graph) const { return Graphs::at(graph).isStale(); }

void CpuBackend::closeGraph(int64_t graph) { graphs_.remove(graph); }

int64_t CpuBackend::stepCount(int64_t graph) const {
  return static_cast<int64_t>(Graphs::at(graph).facts().size());
}

const char* CpuBackend::stepName(int64_t graph, int64_t step) const {
  return Graphs::at(graph).facts()[step].name.c_str();
}

const char* CpuBackend::stepShape(int64_t graph, int64_t step) const {
  return Graphs::at(graph).facts()[step].shape.c_str();
}

double CpuBackend::stepFlops(int64_t graph, int64_t step) const {
  return Graphs::at(graph).facts()[step].flops;
}

double CpuBackend::stepBytes(int64_t graph, int64_t step) const {
  return Graphs::at(graph).facts()[step].bytes;
}

int64_t CpuBackend::arenaBytes(int64_t graph) const { return Graphs::at(graph).arenaBytes(); }

int64_t CpuBackend::unplannedBytes(int64_t graph) const {
  return Graphs::at(graph).unplannedBytes();
}

}  // namespace gradus
