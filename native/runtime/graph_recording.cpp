#include "runtime/graph_recording.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace gradus {

void Recorder::call(const AnyKernel& kernel, const Argument* arguments, int count) {
  if (inside_) return kernel.run(arguments);
  Call call{&kernel, std::vector<Argument>(arguments, arguments + count),
            std::vector<Place>(static_cast<size_t>(count))};
  for (int i = 0; i < count; ++i) {
    Argument& argument = call.arguments[i];
    if (argument.isAddress() && argument.integer != 0) {
      call.places[i] = find(argument.integer);
      if (call.places[i].buffer < 0) ++outside_[argument.integer];
    } else if (argument.kind == Argument::Kind::Dims && argument.dims != nullptr) {
      recording_.dims.emplace_back(argument.dims, argument.dims + argument.count);
      argument.dims = recording_.dims.back().data();
    }
  }
  recording_.calls.push_back(std::move(call));
  inside_ = true;
  try {
    kernel.run(arguments);
  } catch (...) {
    inside_ = false;
    throw;
  }
  inside_ = false;
}

Place Recorder::find(int64_t address) const {
  auto after = live_.upper_bound(address);
  if (after == live_.begin()) return {};
  const auto& [start, buffer] = *--after;
  if (address >= start + recording_.buffers[buffer].bytes) return {};
  return {buffer, address - start};
}

void Recorder::allocated(int64_t address, int64_t bytes) {
  live_[address] = static_cast<int>(recording_.buffers.size());
  // An empty one has a byte: else its address would be taken for one from outside the step.
  recording_.buffers.push_back({std::max<int64_t>(bytes, 1), false});
}

void Recorder::released(int64_t address, int64_t bytes) {
  auto found = live_.find(address);
  if (found == live_.end()) {
    gone_.emplace_back(address, bytes);
  } else {
    recording_.buffers[found->second].released = true;
    live_.erase(found);
  }
}

Recording Recorder::finish() {
  for (const auto& [address, bytes] : gone_) {
    auto used = outside_.lower_bound(address);
    if (used != outside_.end() && used->first < address + bytes) {
      throw std::runtime_error(
          "capture: the step uses a tensor of " + std::to_string(bytes) +
          " bytes that was made before it and frees it: make it in the step, or hand it in");
    }
  }
  return std::move(recording_);
}

}  // namespace gradus
