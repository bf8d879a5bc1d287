// Pinned memory by which data goes up and down while the device computes.
#pragma once

#include <atomic>
#include <mutex>

#include "cuda/gpu.h"
#include "gradus/types.h"

namespace gradus {

/**
 * Data goes up in pieces through slots that are filled in turn, each a pinned block and a block of
 * the device beside it. A stream of its own copies from the one to the other while the stream of
 * the kernels computes, which then moves the piece to where it belongs, at the memory's speed and
 * in the order of the calls: only there it is known that the last users of that place are done. A
 * pinned block is filled again when the copy has read it, a slot's device block when the move has.
 *
 * So the host can be two rings ahead of the kernels before it waits for them.
 */
class Staging {
 public:
  explicit Staging(Gpu& gpu);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /** When it returns, `from` may be changed. Thread-safe. */
  void upload(Out to, const void* from, int64_t bytes);
  /** Waits for what was asked for before it, and for nothing else. Thread-safe. */
  void download(void* to, In from, int64_t bytes);

 private:
  // At 50 GB/s the bus has a piece for 40 us: its events and launches should come to less.
  static constexpr int64_t kPiece = Memory::kSlab;
  static constexpr int kSlots = 8;
  // Up to here a copy among the kernels is over before a slot's launches would be.
  static constexpr int64_t kSmall = int64_t{64} << 10;
  static constexpr int kSmallBlocks = 32;
  static constexpr int kDownBlocks = 2;  // one is read while the other is written

  /** A pinned block, and the event after the copy from or to it. */
  struct Block {
    std::mutex mutex;
    char* pinned = nullptr;
    cudaEvent_t copied = nullptr;
  };
  struct Slot : Block {
    char* device = nullptr;       // null where the device's memory is too short for it
    cudaEvent_t moved = nullptr;  // from there
  };
  template <class B, int n>
  struct Ring {
    std::mutex opening;
    char* pinned = nullptr;
    B blocks[n];
    std::atomic<unsigned> turn{0};

    B& next() { return blocks[turn++ % n]; }
  };

  template <class B, int n>
  bool open(Ring<B, n>& ring, int64_t bytes);
  template <class B, int n>
  static void close(Ring<B, n>& ring);
  void openSmall();
  void openSlots();
  cudaEvent_t event();

  void copy(void* to, const void* from, int64_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
  void fill(Block& block, const char* from, int64_t bytes);
  void uploadBehind(Block& block, Out to, const char* from, int64_t bytes);
  void uploadBeside(Slot& slot, Out to, const char* from, int64_t bytes);

  Gpu& gpu_;
  Stream copies_;
  Ring<Block, kSmallBlocks> small_;
  Ring<Slot, kSlots> slots_;
  Ring<Block, kDownBlocks> down_;
  std::mutex downloading_;
};

}  // namespace gradus
