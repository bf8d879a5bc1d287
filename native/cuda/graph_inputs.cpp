#include "cuda/graph_inputs.h"

#include <algorithm>

namespace gradus {

namespace {

/** Copying more takes longer than another launch or two. */
constexpr int64_t kMost = int64_t{16} << 20;

struct Input {
  int64_t address, bytes;
  int buffer = -1;  // which holds the copy
  bool isRead = false;

  bool has(int64_t x) const { return x >= address && x < address + bytes; }
};

/** Calls f with each argument that lies in an input, its place, and that input: the first of those
 * that lie there, as Graph sees it. */
template <class F>
void eachUse(Recording& recording, std::vector<Input>& inputs, F f) {
  for (Call& call : recording.calls) {
    for (size_t j = 0; j < call.arguments.size(); ++j) {
      const Argument& argument = call.arguments[j];
      if (!argument.isAddress() || argument.integer == 0 || call.places[j].buffer >= 0) continue;
      const auto input = std::find_if(inputs.begin(), inputs.end(), [&](const Input& candidate) {
        return candidate.has(argument.integer);
      });
      if (input != inputs.end()) f(argument, call.places[j], *input);
    }
  }
}

}  // namespace

int copyInputs(Recording& recording, const Changing& changing, const AnyKernel& copy) {
  std::vector<Input> inputs;
  for (int64_t i = 0; i < changing.inputCount; ++i) {
    inputs.push_back({changing.inputs.row[2 * i], changing.inputs.row[2 * i + 1]});
  }
  bool written = false;
  eachUse(recording, inputs, [&](const Argument& argument, const Place&, Input& input) {
    input.isRead = true;
    written |= argument.kind == Argument::Kind::Out;
  });
  // In another replay the input that is written to may be another one as well.
  if (written) return 0;

  std::vector<Call> copies;
  for (Input& input : inputs) {
    if (!input.isRead || input.bytes > kMost) continue;
    input.buffer = static_cast<int>(recording.buffers.size());
    recording.buffers.push_back({input.bytes, true});
    copies.push_back({&copy,
                      {In(input.address), Out(int64_t{0}), input.bytes},
                      {Place(), Place{input.buffer, 0}, Place()}});
  }
  eachUse(recording, inputs, [&](const Argument& argument, Place& place, const Input& input) {
    if (input.buffer >= 0) place = {input.buffer, argument.integer - input.address};
  });
  recording.calls.insert(recording.calls.begin(), copies.begin(), copies.end());
  return static_cast<int>(copies.size());
}

}  // namespace gradus
