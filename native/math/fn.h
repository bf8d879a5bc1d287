// GRADUS_FN: how a function that CPU and GPU share is declared.
#pragma once

#if defined(__CUDACC__)
#define GRADUS_FN __host__ __device__ static inline
#elif defined(_MSC_VER)
#define GRADUS_FN static __forceinline
#else
// Always inlined: a loop over a function that is called does not vectorize, and a copy that was
// compiled for AVX-512 must not serve a library of a lower level.
#define GRADUS_FN static inline __attribute__((always_inline))
#endif
