#include "cuda/attention.h"
#include "cuda/backend.h"

namespace gradus {

using namespace attention;

void CudaBackend::addAttentionForward() {
  attention = [this](Type t, In q, In k, In v, In lengths, In documents, In mask, In slopes, Out y,
                     Out lse, Dims dims, double scale, double dropout, int64_t seed) {
    const attention::Call call(gpu_, "attention", lengths, documents, mask, slopes, dims, scale,
                               dropout, seed);
    const Problem& p = call.problem;
    const Forward operands = {q, k, v, y, lse};
    if (decodes(p)) {
      decode(gpu_, p, t, operands);
    } else if (fits(gpu_, p, t, {q, k, v, y})) {
      const bool byHopper = hopper_ && hopper::fits(p);
      (byHopper ? hopper::forward : tensor)(gpu_, p, t, operands);
    } else {
      plain(gpu_, p, t, operands);
    }
  };
}

}  // namespace gradus
