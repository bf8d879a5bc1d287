#include "runtime/graphs.h"

#include <algorithm>
#include <stdexcept>

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

}  // namespace gradus
