#include "cuda/gemm_algorithms.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

namespace gradus {

namespace {

uint64_t fnv1a(const void* data, size_t bytes) {
  uint64_t hash = 14695981039346656037u;
  for (size_t i = 0; i < bytes; ++i) {
    hash = (hash ^ static_cast<const unsigned char*>(data)[i]) * 1099511628211u;
  }
  return hash;
}

/** An event that is destroyed with its scope. */
class Event {
 public:
  explicit Event(Gpu& gpu) : gpu_(gpu) {
    gpu.check(cudaEventCreateWithFlags(&event_, cudaEventDefault), "an event");
  }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record() { gpu_.check(cudaEventRecord(event_, gpu_.stream()), "an event"); }
  float millisecondsSince(const Event& start) {
    gpu_.check(cudaEventSynchronize(event_), "to time products");
    float milliseconds = 0;
    gpu_.check(cudaEventElapsedTime(&milliseconds, start.event_, event_), "to time products");
    return milliseconds;
  }

 private:
  Gpu& gpu_;
  cudaEvent_t event_ = nullptr;
};

}  // namespace

size_t GemmShapeHash::operator()(const GemmShape& shape) const {
  return fnv1a(shape.data(), sizeof(shape));
}

void KeptAlgorithms::read(const std::string& gpu, size_t version) {
  if (!enabled()) return;
  std::string name = gpu;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '-');
  path_ = folder_ + "/" + name + "-cublasLt-" + std::to_string(version) + ".txt";
  title_ = "gradus: cuBLASLt " + std::to_string(version) + " on " + gpu;
  algorithms_ = parse();
}

const cublas::MatmulAlgo* KeptAlgorithms::find(const GemmShape& shape) const {
  const auto found = algorithms_.find(shape);
  return found == algorithms_.end() ? nullptr : &found->second;
}

void KeptAlgorithms::keep(const GemmShape& shape, const cublas::MatmulAlgo& algorithm) {
  if (!enabled()) return;
  algorithms_.insert_or_assign(shape, algorithm);
  // Other processes choose as well: what they wrote meanwhile stays.
  Algorithms theirs = parse();
  algorithms_.merge(theirs);
  write();
}

// The title, a line of numbers for each shape, and a sum over all of it.

KeptAlgorithms::Algorithms KeptAlgorithms::parse() const {
  std::ifstream file(path_);
  std::stringstream all;
  all << file.rdbuf();
  const std::string text = all.str();
  const size_t end = text.rfind("sum ");
  if (end == std::string::npos || text.rfind(title_ + "\n", 0) != 0 ||
      text.substr(end) != "sum " + std::to_string(fnv1a(text.data(), end)) + "\n") {
    return {};
  }
  Algorithms algorithms;
  std::istringstream lines(text.substr(title_.size() + 1, end - title_.size() - 1));
  GemmShape shape;
  cublas::MatmulAlgo algorithm;
  for (;;) {
    for (int64_t& number : shape) lines >> number;
    for (uint64_t& word : algorithm.data) lines >> word;
    if (!lines) return algorithms;
    algorithms.insert_or_assign(shape, algorithm);
  }
}

void KeptAlgorithms::write() const {
  std::ostringstream lines;
  lines << title_ << "\n";
  for (const auto& [shape, algorithm] : algorithms_) {
    for (int64_t number : shape) lines << number << " ";
    for (uint64_t word : algorithm.data) lines << word << " ";
    lines << "\n";
  }
  const std::string text = lines.str();
  // Whoever reads meanwhile sees the old file or the new one. Without either, choosing costs time
  // again, and nothing else.
  std::error_code failed;
  std::filesystem::create_directories(folder_, failed);
  const std::string beside = path_ + "." + std::to_string(getpid());
  std::ofstream file(beside);
  file << text << "sum " << fnv1a(text.data(), text.size()) << "\n";
  file.close();
  if (file) std::filesystem::rename(beside, path_, failed);
  if (!file || failed) std::filesystem::remove(beside, failed);
}

size_t fastest(Gpu& gpu, size_t count, const std::function<bool(size_t)>& run) {
  constexpr int kRounds = 4;  // the first loads the kernels
  constexpr float kNever = std::numeric_limits<float>::infinity();
  std::vector<float> best(count, kNever);
  Event start(gpu), end(gpu);
  // In turn, so that a change of the clock meets all of them.
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < count; ++i) {
      start.record();
      const bool ran = run(i);
      end.record();
      const float time = end.millisecondsSince(start);
      if (round > 0) best[i] = ran ? std::min(best[i], time) : kNever;
    }
  }
  return static_cast<size_t>(std::min_element(best.begin(), best.end()) - best.begin());
}

}  // namespace gradus
