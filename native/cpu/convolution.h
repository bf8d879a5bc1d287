// Convolutions as products: weights times what the pixels of a grid see of the images.
#pragma once

#include <cstdint>
#include <vector>

#include "gradus/types.h"
#include "runtime/memory.h"

namespace gradus {

/** Where a pixel reads: so many rows and columns from its own place in the input. */
struct Tap {
  int64_t row, column;
  int64_t element;  // of the kernel
};

/** What the pixels of a grid (rows, columns) see of images. A pixel's own place in the input is
 * its row and column times the strides; outside the images there are zeros. */
struct Sight {
  DType type;
  In x;  // (batch, channels, height, width)
  int64_t batch, channels, height, width;
  int64_t rows, columns;
  int64_t strideHeight, strideWidth;
  std::vector<Tap> taps;

  int64_t pixels() const { return batch * rows * columns; }
};

/** Weights of each group: those of output channel o and input channel i lie at o * outStride + i *
 * inStride, one for each element of the kernel. */
struct Weights {
  const float* data;
  int64_t groupStride, outStride, inStride;
};

/** Images (batch, channels, height, width), and which of their pixels a grid is. */
struct Grid {
  DType type;
  Out y;
  int64_t channels, height, width;
  int64_t firstRow, firstColumn, rowStep, columnStep;
};

/** y = bias + what the pixels see times the weights, + y where it accumulates. */
struct Correlation {
  Sight sight;
  int64_t groups;
  Weights weights;
  const float* bias;  // for each channel of y, or null
  Grid grid;
  bool accumulate;

  int64_t ins() const { return sight.channels / groups; }
  int64_t outs() const { return grid.channels / groups; }
};

/** dweight (outs, ins / groups, elements of the kernel), + what it was where it accumulates: what
 * the pixels see times dy (batch, outs, rows, columns). */
struct WeightGradient {
  Sight sight;
  int64_t groups;
  In dy;  // of the sight's type
  int64_t outChannels;
  DType weightType;
  Out dweight;
  bool accumulate;

  int64_t ins() const { return sight.channels / groups; }
  int64_t outs() const { return outChannels / groups; }
};

/** Pixel by pixel, for groups of a channel or two. */
void correlateDirectly(const Correlation& correlation);
void gradWeightDirectly(const WeightGradient& gradient);

/** As products of packed panels. */
void correlateInBlocks(Memory& memory, const Correlation& correlation);
void gradWeightInBlocks(Memory& memory, const WeightGradient& gradient);

}  // namespace gradus
