// The same backend library several times over, each with a pool of its own size.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tensors.h"

/** Backends of 1, 2 and 5 threads. Copies of the file: a library opened twice would be one. */
inline std::vector<Backend*> copiesOf(const char* library, const char* blas) {
  const auto folder = std::filesystem::temp_directory_path() /
                      ("gradus-copies-" + std::to_string(reinterpret_cast<uintptr_t>(&library)));
  std::filesystem::create_directories(folder);
  std::vector<Backend*> backends;
  for (int threads : {1, 2, 5}) {
    const auto copy = folder / (std::to_string(threads) + "_" +
                                std::filesystem::path(library).filename().string());
    std::filesystem::copy_file(library, copy, std::filesystem::copy_options::overwrite_existing);
    backends.push_back(openBackend(copy.string(), blas, threads));
  }
  std::filesystem::remove_all(folder);
  return backends;
}

/** The message of the std::out_of_range that call() throws; empty where it throws none. */
template <class Call>
std::string outOfRange(Call&& call) {
  try {
    call();
  } catch (const std::out_of_range& e) {
    return e.what();
  }
  return "";
}
