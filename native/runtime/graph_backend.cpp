#include "runtime/graph_backend.h"

#include <stdexcept>

namespace gradus {

void GraphBackend::startCapture() {
  graphs_.startCapture();
  watch(&graphs_);
}

void GraphBackend::abandonCapture() {
  watch(nullptr);
  graphs_.endCapture();
}

int64_t GraphBackend::capturedCalls() const { return graphs_.capturedCalls(); }

int64_t GraphBackend::finishCapture(Numbers inputs, int64_t inputCount, Numbers seeds,
                                    int64_t seedCount) {
  watch(nullptr);
  const std::unique_ptr<Recorder> recorder = graphs_.endCapture();
  return graphs_.add(graphOf(recorder->finish(), {inputs, inputCount, seeds, seedCount}));
}

void GraphBackend::replay(int64_t graph, Numbers inputs, Numbers seeds, Out times) {
  if (watcher() != nullptr) {
    throw std::runtime_error("replay: a graph cannot be replayed while another is captured");
  }
  Graphs::at(graph).replay(inputs, seeds, times);
}

void GraphBackend::startAmend(int64_t graph, int64_t call) {
  graphs_.startAmend(graph, call);
  watch(&graphs_);
}

void GraphBackend::endAmend() {
  watch(nullptr);
  graphs_.endAmend();
}

bool GraphBackend::isStale(int64_t graph) const { return Graphs::at(graph).isStale(); }

void GraphBackend::closeGraph(int64_t graph) { graphs_.remove(graph); }

int64_t GraphBackend::stepCount(int64_t graph) const {
  return static_cast<int64_t>(Graphs::at(graph).facts().size());
}

const char* GraphBackend::stepName(int64_t graph, int64_t step) const {
  return Graphs::at(graph).facts()[step].name.c_str();
}

const char* GraphBackend::stepShape(int64_t graph, int64_t step) const {
  return Graphs::at(graph).facts()[step].shape.c_str();
}

double GraphBackend::stepFlops(int64_t graph, int64_t step) const {
  return Graphs::at(graph).facts()[step].flops;
}

double GraphBackend::stepBytes(int64_t graph, int64_t step) const {
  return Graphs::at(graph).facts()[step].bytes;
}

int64_t GraphBackend::arenaBytes(int64_t graph) const { return Graphs::at(graph).arenaBytes(); }

int64_t GraphBackend::unplannedBytes(int64_t graph) const {
  return Graphs::at(graph).unplannedBytes();
}

}  // namespace gradus
