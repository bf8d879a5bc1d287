// What one thread called between the start and the end of a capture.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "gradus/kernel.h"

namespace gradus {

/** Where an address lies: in a buffer of the recording, or, with buffer -1, where it says. */
struct Place {
  int buffer = -1;
  int64_t offset = 0;
};

/** Elements [begin, end). */
struct Range {
  int64_t begin, end;
};

struct Call {
  const AnyKernel* kernel;  // null where another call does its work too
  std::vector<Argument> arguments;
  std::vector<Place> places;                 // of each argument
  std::optional<std::vector<Range>> left{};  // of an optimizer: what is not made earlier
};

/** Memory that was allocated while the recording ran. */
struct StepBuffer {
  int64_t bytes;
  bool released;  // meanwhile: so nobody outside the step sees it
};

struct Recording {
  std::vector<Call> calls;
  std::vector<StepBuffer> buffers;
  std::deque<std::vector<int64_t>> dims;  // what the arguments of the calls point to
};

/** Lets calls run, and keeps them. */
class Recorder {
 public:
  void call(const AnyKernel& kernel, const Argument* arguments, int count);
  void allocated(int64_t address, int64_t bytes);
  void released(int64_t address, int64_t bytes);

  int64_t calls() const { return static_cast<int64_t>(recording_.calls.size()); }

  /** Throws std::runtime_error where a call used memory that was not the step's and is gone. */
  Recording finish();

 private:
  Place find(int64_t address) const;

  bool inside_ = false;  // a kernel that calls another one
  Recording recording_;
  std::map<int64_t, int> live_;                    // address to buffer
  std::map<int64_t, int64_t> outside_;             // address to how many calls use it
  std::vector<std::pair<int64_t, int64_t>> gone_;  // address and bytes
};

}  // namespace gradus
