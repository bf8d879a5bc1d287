// OpenBLAS, opened at run time from a path that Java gives, and held at one thread: its own workers
// spin for 110 ms after each call, and our pool shares the work out anyway.
#pragma once

#include <cstdint>
#include <string>

namespace gradus {

void openBlas(const char* path);

/** For example "OpenBLAS 0.3.31 SkylakeX". */
std::string blasDescription();

/**
 * y (m, n) = alpha * a (m, k) times b (k, n) + beta * y on the calling thread; a and b stored
 * transposed where a flag says so. The last argument of each matrix counts elements from row to
 * row.
 */
void sgemm(bool transposeA, bool transposeB, int64_t m, int64_t n, int64_t k, float alpha,
           const float* a, int64_t aRow, const float* b, int64_t bRow, float beta, float* y,
           int64_t yRow);

}  // namespace gradus
