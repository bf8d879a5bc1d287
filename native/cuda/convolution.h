// A window over images as it travels with a launch, and how a kernel finds its way in it.
#pragma once

#include "cuda/device.h"
#include "gradus/types.h"

namespace gradus {

/** Element `tap` of the kernel along an axis lies, of place `at`, on element at * stride + tap *
 * dilation - padding. */
struct Slide {
  int64_t kernel, stride, padding, dilation;

  __device__ int64_t from(int64_t at, int64_t tap) const {
    return at * stride + tap * dilation - padding;
  }
  /** The place whose element `tap` lies on x, which must be below `places`; or -1. */
  __device__ int64_t placeOf(int64_t x, int64_t tap, int64_t places) const {
    const int64_t reach = x + padding - tap * dilation;
    if (reach < 0 || reach % stride != 0) return -1;
    const int64_t at = reach / stride;
    return at < places ? at : -1;
  }
};

struct Sliding {
  explicit Sliding(const Window& w)
      : channels(w.channels()),
        height(w.height()),
        width(w.width()),
        outChannels(w.outChannels()),
        outHeight(w.outHeight()),
        outWidth(w.outWidth()),
        groups(w.groups()),
        down{w.kernelHeight(), w.strideHeight(), w.paddingHeight(), w.dilationHeight()},
        across{w.kernelWidth(), w.strideWidth(), w.paddingWidth(), w.dilationWidth()} {}

  __host__ __device__ int64_t taps() const { return down.kernel * across.kernel; }
  __host__ __device__ int64_t plane() const { return height * width; }
  __host__ __device__ int64_t outPlane() const { return outHeight * outWidth; }
  __host__ __device__ int64_t ins() const { return channels / groups; }
  __host__ __device__ int64_t outs() const { return outChannels / groups; }

  int64_t channels, height, width, outChannels, outHeight, outWidth, groups;
  Slide down, across;
};

}  // namespace gradus
