#include "cuda/staging.h"

#include <algorithm>
#include <cstring>

namespace gradus {

Staging::Staging(Gpu& gpu) : gpu_(gpu), copies_(gpu) {}

Staging::~Staging() {
  cudaStreamSynchronize(copies_);
  for (Slot& slot : slots_.blocks) {
    if (slot.moved != nullptr) cudaEventDestroy(slot.moved);
  }
  close(small_);
  close(slots_);
  close(down_);
}

template <class B, int n>
void Staging::close(Ring<B, n>& ring) {
  for (B& block : ring.blocks) {
    if (block.copied != nullptr) cudaEventDestroy(block.copied);
  }
  cudaFreeHost(ring.pinned);
}

cudaEvent_t Staging::event() {
  cudaEvent_t event = nullptr;
  gpu_.check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "an event");
  return event;
}

/** At its first use; whether this was it. */
template <class B, int n>
bool Staging::open(Ring<B, n>& ring, int64_t bytes) {
  if (ring.blocks[n - 1].copied != nullptr) return false;
  if (ring.pinned == nullptr) {
    gpu_.check(cudaHostAlloc(reinterpret_cast<void**>(&ring.pinned), static_cast<size_t>(n * bytes),
                             cudaHostAllocDefault),
               "pinned memory");
  }
  for (int i = 0; i < n; ++i) {
    ring.blocks[i].pinned = ring.pinned + i * bytes;
    if (ring.blocks[i].copied == nullptr) ring.blocks[i].copied = event();
  }
  return true;
}

void Staging::openSmall() {
  std::lock_guard<std::mutex> lock(small_.opening);
  open(small_, kSmall);
}

void Staging::openSlots() {
  std::lock_guard<std::mutex> lock(slots_.opening);
  if (!open(slots_, kPiece)) return;
  // Of a small limit the tensors need it all.
  constexpr int64_t kShare = 64;
  if (gpu_.tensors().limit() < kShare * kSlots * kPiece) return;
  for (Slot& slot : slots_.blocks) {
    slot.moved = event();
    auto* device = static_cast<char*>(gpu_.tensors().reserve());
    // The block is there for what comes after it in the stream of the kernels.
    gpu_.check(cudaEventRecord(slot.moved, gpu_.stream()), "an event");
    slot.device = device;
  }
}

void Staging::upload(Out to, const void* from, int64_t bytes) {
  gpu_.use();
  const bool behind = bytes <= kSmall || gpu_.isOnDetour();
  if (behind) {
    openSmall();
  } else {
    openSlots();
  }
  const auto* source = static_cast<const char*>(from);
  for (int64_t done = 0; done < bytes;) {
    const int64_t piece = std::min(behind ? kSmall : kPiece, bytes - done);
    const Out place(to.address + done);
    if (behind) {
      uploadBehind(small_.next(), place, source + done, piece);
    } else {
      uploadBeside(slots_.next(), place, source + done, piece);
    }
    done += piece;
  }
}

void Staging::copy(void* to, const void* from, int64_t bytes, cudaMemcpyKind kind,
                   cudaStream_t stream) {
  gpu_.check(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), kind, stream),
             kind == cudaMemcpyDeviceToHost ? "download" : "upload");
}

void Staging::fill(Block& block, const char* from, int64_t bytes) {
  gpu_.check(cudaEventSynchronize(block.copied), "upload");
  std::memcpy(block.pinned, from, static_cast<size_t>(bytes));
}

/** Behind the kernels that are on their way. */
void Staging::uploadBehind(Block& block, Out to, const char* from, int64_t bytes) {
  std::lock_guard<std::mutex> lock(block.mutex);
  fill(block, from, bytes);
  copy(to.as<void>(), block.pinned, bytes, cudaMemcpyHostToDevice, gpu_.stream());
  gpu_.check(cudaEventRecord(block.copied, gpu_.stream()), "upload");
}

/** Beside them. */
void Staging::uploadBeside(Slot& slot, Out to, const char* from, int64_t bytes) {
  if (slot.device == nullptr) return uploadBehind(slot, to, from, bytes);
  std::lock_guard<std::mutex> lock(slot.mutex);
  fill(slot, from, bytes);
  gpu_.check(cudaStreamWaitEvent(copies_, slot.moved, 0), "upload");
  copy(slot.device, slot.pinned, bytes, cudaMemcpyHostToDevice, copies_);
  gpu_.check(cudaEventRecord(slot.copied, copies_), "upload");
  gpu_.check(cudaStreamWaitEvent(gpu_.stream(), slot.copied, 0), "upload");
  copy(to.as<void>(), slot.device, bytes, cudaMemcpyDeviceToDevice, gpu_.stream());
  gpu_.check(cudaEventRecord(slot.moved, gpu_.stream()), "upload");
}

void Staging::download(void* to, In from, int64_t bytes) {
  if (bytes == 0) return gpu_.wait("download");
  gpu_.use();
  std::lock_guard<std::mutex> lock(downloading_);
  open(down_, kPiece);
  auto block = [&](int64_t done) -> Block& { return down_.blocks[done / kPiece % kDownBlocks]; };
  auto ask = [&](int64_t done) {
    const int64_t piece = std::min(kPiece, bytes - done);
    copy(block(done).pinned, from.as<char>() + done, piece, cudaMemcpyDeviceToHost, gpu_.stream());
    gpu_.check(cudaEventRecord(block(done).copied, gpu_.stream()), "download");
  };
  constexpr int64_t kAhead = kDownBlocks * kPiece;
  for (int64_t done = 0; done < std::min(bytes, kAhead); done += kPiece) ask(done);
  for (int64_t done = 0; done < bytes; done += kPiece) {
    gpu_.wait(block(done).copied, "download");
    std::memcpy(static_cast<char*>(to) + done, block(done).pinned,
                static_cast<size_t>(std::min(kPiece, bytes - done)));
    if (done + kAhead < bytes) ask(done + kAhead);
  }
}

}  // namespace gradus
