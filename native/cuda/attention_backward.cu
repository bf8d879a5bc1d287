#include "cuda/backend.h"

namespace gradus {

void CudaBackend::addAttentionBackward() {}

}  // namespace gradus
