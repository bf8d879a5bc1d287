#include "cuda/settings.h"

#include <sstream>
#include <stdexcept>

namespace gradus {

Settings::Settings(const std::string& lines) {
  std::istringstream all(lines);
  for (std::string line; std::getline(all, line);) {
    const size_t equals = line.find('=');
    const std::string name = line.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : line.substr(equals + 1);
    if (name == "libraries") {
      libraries.push_back(value);
    } else if (name == "cache") {
      cache = value;
    } else if (name == "blocking") {
      blocking = value == "true";
    } else if (name == "tf32") {
      tf32 = value == "true";
    } else if (name == "attention" && (value == "auto" || value == "mma" || value == "hopper")) {
      // `auto` is `mma` until gpu-check has timed both (its table has a row for each): `hopper` is
      // checked by an emulator alone.
      hopper = value == "hopper";
    } else {
      throw std::invalid_argument("cuda: there is no setting " + line);
    }
  }
}

}  // namespace gradus
