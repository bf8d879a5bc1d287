#include "cpu/streaming.h"

#include <algorithm>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace gradus {

void stream(const void* from, void* to, int64_t bytes) {
  auto* x = static_cast<const char*>(from);
  auto* y = static_cast<char*>(to);
#if defined(__SSE2__)
  constexpr int64_t kLine = 64;
  const auto offset = static_cast<int64_t>(reinterpret_cast<uintptr_t>(y) % kLine);
  const int64_t head = std::min(bytes, (kLine - offset) % kLine);
  if (head > 0) std::memcpy(y, x, static_cast<size_t>(head));
  int64_t i = head;
  for (; i + kLine <= bytes; i += kLine) {
    for (int64_t k = 0; k < kLine; k += 16) {
      const __m128i part = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i + k));
      _mm_stream_si128(reinterpret_cast<__m128i*>(y + i + k), part);
    }
  }
  x += i;
  y += i;
  bytes -= i;
#endif
  if (bytes > 0) std::memcpy(y, x, static_cast<size_t>(bytes));
}

void fence() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace gradus
