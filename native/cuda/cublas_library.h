// NVIDIA's cuBLASLt, found when the first product needs it.
#pragma once

#include <string>
#include <vector>

#include "cuda/cublas_lt.h"

namespace gradus {

/** Opened for the life of the process, from where it is loaded already, the folders, the linker's
 * path or CUDA's own folders, in this order. Throws std::runtime_error with all of these where
 * there is none. */
cublas::Functions openCublasLt(const std::vector<std::string>& folders);

/** For example "cuBLASLt 13.2.1 (/usr/local/cuda-13.1/lib64/libcublasLt.so.13)". */
std::string describe(const cublas::Functions& cublasLt);

}  // namespace gradus
