// How the tests open the backend library that they are given.
#pragma once

#include <cstdlib>
#include <string>

#include "gradus/plugin.h"

/** A GPU's library, which has `_cuda` in its name, is opened to wait for each kernel, so that what
 * is wrong is thrown where it happens; threads and useBlas are for a CPU's. `second` is where
 * OpenBLAS lies, or where NVIDIA's libraries do. The environment's GRADUS_TEST_SETTING is another
 * line for a GPU. */
inline gradus::Backend* openBackend(const std::string& library, const char* second, int threads = 2,
                                    bool useBlas = false) {
  if (library.find("_cuda") != std::string::npos) {
    const char* setting = std::getenv("GRADUS_TEST_SETTING");
    return gradus::Backend::openCuda(library.c_str(), 0, 0,
                                     ("blocking=true\nlibraries=" + std::string(second) + "\n" +
                                      (setting == nullptr ? "" : setting))
                                         .c_str());
  }
  return gradus::Backend::open(library.c_str(), second, useBlas, threads, 0);
}
