// What the backend is opened with, as lines `name=value`.
#pragma once

#include <string>
#include <vector>

namespace gradus {

struct Settings {
  /** Throws std::invalid_argument where a line is none of those below. */
  explicit Settings(const std::string& lines);

  // Folders that NVIDIA's libraries may lie in, in this order; an empty one stands for the places
  // where the system itself looks.
  std::vector<std::string> libraries;
  std::string cache;      // the folder that choices are kept in; empty: nowhere
  bool blocking = false;  // each kernel is waited for, so that the call at fault throws
  bool tf32 = false;      // products of F32 may round their operands to 10 bits after the point
  bool hopper = false;    // attention takes Hopper's own instructions where it has kernels of them
};

}  // namespace gradus
