// What the test programs here share: a failed check prints its place and values, and main
// returns 1.
#pragma once

#include <cstdio>

inline int checks = 0, failures = 0;

#define CHECK(condition, ...)                                     \
  do {                                                            \
    ++checks;                                                     \
    if (!(condition) && ++failures <= 20) {                       \
      std::printf("%s:%d: %s: ", __FILE__, __LINE__, #condition); \
      std::printf(__VA_ARGS__);                                   \
      std::printf("\n");                                          \
    }                                                             \
  } while (false)

/** The exit status: also 1 where nothing was checked. */
inline int report(const char* test) {
  std::printf("%s: %d checks, %d failures\n", test, checks, failures);
  return checks > 0 && failures == 0 ? 0 : 1;
}
