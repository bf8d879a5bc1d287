#include "cuda/attention.h"
#include "cuda/indices.h"
#include "cuda/launch.h"

namespace gradus::attention {

namespace {

/** runs[i] = [from, to), the keys next to i of its document; a block for each batch. */
__global__ void findRuns(const int32_t* documents, Range* runs, int tq, int tk) {
  constexpr int kNone = -1;
  __shared__ int firsts[kThreads], lasts[kThreads];  // where a document begins among one's own
  const int32_t* id = documents + blockIndex() * tk;
  Range* run = runs + blockIndex() * tq;
  const int me = static_cast<int>(threadIdx.x), each = (tq + kThreads - 1) / kThreads;
  const int begin = me * each, end = begin + each < tq ? begin + each : tq;
  int first = kNone, last = kNone;
  for (int i = begin; i < end; ++i) {
    if (i > 0 && id[i] == id[i - 1]) continue;
    if (first == kNone) first = i;
    last = i;
  }
  firsts[me] = first;
  lasts[me] = last;
  __syncthreads();
  int before = 0, after = tq;
  for (int t = me - 1; t >= 0; --t) {
    if (lasts[t] == kNone) continue;
    before = lasts[t];
    break;
  }
  for (int t = me + 1; t < kThreads; ++t) {
    if (firsts[t] == kNone) continue;
    after = firsts[t];
    break;
  }
  for (int i = begin; i < end; ++i) {
    if (i == 0 || id[i] != id[i - 1]) before = i;
    run[i].from = before;
  }
  for (int i = end - 1; i >= begin; --i) {
    run[i].to = after;
    if (i == 0 || id[i] != id[i - 1]) after = i;
  }
}

}  // namespace

Problem::Problem(const Gpu& gpu, In lengths, In mask, In slopes, Dims dims, double scale,
                 double dropout, int64_t seed)
    : mask(mask.as<float>()),
      slopes(slopes.as<float>()),
      lengths(lengths.as<int32_t>()),
      runs(nullptr),
      scale(static_cast<float>(scale)),
      drops(dropout > 0),
      dropout(gpu, seed, 0, dropout) {
  const int64_t* next = dims.row;
  for (int* size : {&batch, &tq, &tk, &heads, &kvHeads, &d}) *size = static_cast<int>(*next++);
  causal = *next++ != 0;
  const int64_t wanted = *next++;  // what ends beyond all queries and keys is no window
  window = wanted < static_cast<int64_t>(tq) + tk ? static_cast<int>(wanted) : 0;
  for (Steps* steps : {&qs, &ks, &vs, &ys}) {
    *steps = {next[0], next[1], next[2]};
    next += 3;
  }
  for (int64_t& step : maskSteps) step = *next++;
}

Call::Call(Gpu& gpu, const char* name, In lengths, In documents, In mask, In slopes, Dims dims,
           double scale, double dropout, int64_t seed)
    : problem(gpu, lengths, mask, slopes, dims, scale, dropout, seed),
      runs_(gpu.memory(), documents ? static_cast<int64_t>(problem.batch) * problem.tq : 0) {
  const int64_t bound = static_cast<int64_t>(problem.tk) + 1;
  if (lengths) {
    checkIndices(gpu, "attention: length", "batch", DType::I32, lengths, problem.batch, bound);
  }
  if (!documents) return;
  problem.runs = runs_.data();
  launch(gpu, name, blocksFor(problem.batch), findRuns, documents.as<int32_t>(), runs_.data(),
         problem.tq, problem.tk);
}

bool packs(const Problem& p, std::initializer_list<In> operands) {
  constexpr int kWhole = 8;
  bool whole = p.d % kWhole == 0;
  for (const Steps* steps : {&p.qs, &p.ks, &p.vs, &p.ys}) {
    for (int64_t step : {steps->batch, steps->time, steps->head}) whole &= step % kWhole == 0;
  }
  for (In operand : operands) whole &= isAligned(operand);
  return whole;
}

bool fits(const Gpu& gpu, const Problem& p, DType type, std::initializer_list<In> operands) {
  // A block's shared memory up to a head size of 128, and beyond: consumers' GPUs have less.
  const size_t needed = size_t{p.d <= 128 ? 96u : 160u} << 10;
  return type != DType::F32 && packs(p, operands) &&
         gpu.properties().sharedMemPerBlockOptin >= needed;
}

}  // namespace gradus::attention
