// A step that was recorded, with its memory planned, to be made again at once.
#pragma once

#include <atomic>
#include <vector>

#include "gradus/backend.h"
#include "runtime/graph_facts.h"
#include "runtime/graph_recording.h"
#include "runtime/memory.h"

namespace gradus {

/** What is other in each replay: address and bytes of each input, numbers among the arguments. */
struct Changing {
  Numbers inputs;
  int64_t inputCount;
  Numbers seeds;
  int64_t seedCount;
};

/** What graphs of all backends share: where the step's tensors lie, and what changes. A backend's
 * own makes the calls. */
class Graph {
 public:
  virtual ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /** times: 0, or where the nanoseconds of each step's start and end go. */
  void replay(Numbers inputs, Numbers seeds, Out times);

  /** The numbers among the arguments take the place of those of a call. */
  void amend(int64_t call, const AnyKernel& kernel, const Argument* arguments, int count);

  /** Tells that memory was released. */
  void released(int64_t address, int64_t bytes);
  bool isStale() const { return stale_; }

  const std::vector<StepFacts>& facts() const { return facts_; }
  int64_t arenaBytes() const { return arenaBytes_; }
  int64_t unplannedBytes() const { return unplanned_; }

 protected:
  Graph(Recording recording, Memory& memory);

  /** Once the calls are what they will be: what was allocated in the step moves to one arena, but
   * for what `inner` says needs no place. */
  void place(const Changing& changing, const std::vector<bool>& inner);

  /** Where a call's argument stands that replay and amend change. */
  virtual Argument& argument(int call, int index) = 0;
  /** After some of a call's arguments were given other values: addresses, or else numbers. */
  virtual void changed(int call, bool addresses) = 0;
  virtual void run(Out times) = 0;

  Memory& memory_;
  Recording recording_;
  std::vector<StepFacts> facts_;  // of the steps, in order
  int64_t arena_ = 0, arenaBytes_ = 0;
  int added_ = 0;  // calls that stand before those that were recorded

 private:
  /** An argument that replays change, and to what: an input or seed. */
  struct Change {
    int call, argument;
    int64_t source, offset;
  };

  void findChanges(const Changing& changing);
  void relocate(const std::vector<int64_t>& offsets);
  void change(int call, int index, int64_t value);

  std::vector<Change> inputs_, seeds_;
  std::vector<int64_t> outside_;  // addresses in use that are not the graph's, ascending
  int64_t unplanned_ = 0;
  std::atomic<bool> stale_{false};
};

}  // namespace gradus
