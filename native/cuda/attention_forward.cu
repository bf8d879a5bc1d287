#include "cuda/backend.h"

namespace gradus {

void CudaBackend::addAttentionForward() {}

}  // namespace gradus
