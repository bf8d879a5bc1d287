// Which of cuBLASLt's algorithms multiplies each shape: the fastest, kept on disk.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cuda/cublas_lt.h"
#include "cuda/gpu.h"

namespace gradus {

/** All that the choice of an algorithm depends on, as numbers. */
using GemmShape = std::array<int64_t, 18>;

struct GemmShapeHash {
  size_t operator()(const GemmShape& shape) const;
};

/**
 * Algorithms by shape, in a file for each GPU and version of cuBLASLt. One that is not as we write
 * it is ignored, and replaced with the next choice.
 */
class KeptAlgorithms {
 public:
  /** Keeps nothing where there is no folder. */
  explicit KeptAlgorithms(std::string folder) : folder_(std::move(folder)) {}

  bool enabled() const { return !folder_.empty(); }
  void read(const std::string& gpu, size_t version);
  /** Null where none is kept. */
  const cublas::MatmulAlgo* find(const GemmShape& shape) const;
  void keep(const GemmShape& shape, const cublas::MatmulAlgo& algorithm);

 private:
  using Algorithms = std::unordered_map<GemmShape, cublas::MatmulAlgo, GemmShapeHash>;

  Algorithms parse() const;
  void write() const;

  const std::string folder_;
  std::string path_, title_;
  Algorithms algorithms_;
};

/** Which of `count` ways takes the least time; `run` starts one once and says whether that went
 * well. Waits for the device. */
size_t fastest(Gpu& gpu, size_t count, const std::function<bool(size_t)>& run);

}  // namespace gradus
