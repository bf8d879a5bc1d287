// The graphs of a backend and the capture that makes the next one.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/graph.h"

namespace gradus {

class Graphs final : public Watcher {
 public:
  /** The calling thread is captured from here on. */
  void startCapture();
  /** The recording; the capture is over. */
  std::unique_ptr<Recorder> endCapture();
  int64_t capturedCalls() const { return recorder_->calls(); }

  /** The numbers of what the calling thread calls are taken over by a graph, from a call on. */
  void startAmend(int64_t graph, int64_t call);
  void endAmend();

  int64_t add(std::unique_ptr<Graph> graph);
  void remove(int64_t graph);
  /** Of a backend that ends: before its memory does. */
  void clear() { graphs_.clear(); }
  static Graph& at(int64_t handle) { return *Out(handle).as<Graph>(); }

  // What a capture and the graphs must hear of
  void call(const AnyKernel& kernel, const Argument* arguments, int count) override;
  void allocated(int64_t address, int64_t bytes);
  void released(int64_t address, int64_t bytes);
  /** Throws with this message where the calling thread is captured. */
  void checkNotCaptured(const char* message) const;

 private:
  bool isMine() const { return thread_.load() == std::this_thread::get_id(); }

  // The thread that is captured or amends; it alone touches the three below.
  std::atomic<std::thread::id> thread_{std::thread::id()};
  std::unique_ptr<Recorder> recorder_;
  Graph* amended_ = nullptr;
  int64_t nextAmended_ = 0;

  std::atomic<int> count_{0};
  std::mutex mutex_;  // memory is released on any thread
  std::vector<std::unique_ptr<Graph>> graphs_;
};

}  // namespace gradus
