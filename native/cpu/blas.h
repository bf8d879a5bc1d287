// OpenBLAS, opened at run time from a path that Java gives, and held at one thread: its own workers
// spin for 110 ms after each call, and our pool shares the work out anyway.
#pragma once

#include <string>

#include "cpu/gemm.h"

namespace gradus {

/** `use` says whether products go through it; else it only stands by. */
void openBlas(const char* path, bool use);

bool usesBlas();

/** For example "OpenBLAS 0.3.31 SkylakeX". */
std::string blasDescription();

/** gemm() of floats by OpenBLAS, block by block. */
void blasGemm(const Product& product);

}  // namespace gradus
