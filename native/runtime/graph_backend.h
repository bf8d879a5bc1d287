// Graphs, for all backends alike: recording, replay, and what is known of them.
#pragma once

#include <memory>

#include "gradus/backend.h"
#include "runtime/graphs.h"

namespace gradus {

constexpr const char* kUploadInCapture =
    "upload: a value of Java's cannot enter a step that is captured: hand a tensor in as an input, "
    "or make it before";
constexpr const char* kDownloadInCapture =
    "download: a value cannot be read inside a step that is captured, which runs as a whole: "
    "return the tensor and read it afterwards";

class GraphBackend : public Backend {
 public:
  void startCapture() override;
  void abandonCapture() override;
  int64_t capturedCalls() const override;
  int64_t finishCapture(Numbers inputs, int64_t inputCount, Numbers seeds,
                        int64_t seedCount) override;
  void replay(int64_t graph, Numbers inputs, Numbers seeds, Out times) override;
  void startAmend(int64_t graph, int64_t call) override;
  void endAmend() override;
  bool isStale(int64_t graph) const override;
  void closeGraph(int64_t graph) override;
  int64_t stepCount(int64_t graph) const override;
  const char* stepName(int64_t graph, int64_t step) const override;
  const char* stepShape(int64_t graph, int64_t step) const override;
  double stepFlops(int64_t graph, int64_t step) const override;
  double stepBytes(int64_t graph, int64_t step) const override;
  int64_t arenaBytes(int64_t graph) const override;
  int64_t unplannedBytes(int64_t graph) const override;

 protected:
  /** The graph of a recording. */
  virtual std::unique_ptr<Graph> graphOf(Recording recording, const Changing& changing) = 0;

  Graphs graphs_;
};

}  // namespace gradus
