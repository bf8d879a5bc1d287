// What of the emulated GPU is in use: what a test counts that looks for leaks.
#pragma once

#include <cstdint>

namespace emulator {

struct Live {
  int64_t streams, events, graphs, pools;
  int64_t blocks, bytes;              // of device memory that a backend holds
  int64_t reserved;                   // bytes that pools keep beside them
  int64_t pinnedBlocks, pinnedBytes;  // of the host's memory

  bool operator==(const Live& other) const {
    return streams == other.streams && events == other.events && graphs == other.graphs &&
           pools == other.pools && blocks == other.blocks && bytes == other.bytes &&
           reserved == other.reserved && pinnedBlocks == other.pinnedBlocks &&
           pinnedBytes == other.pinnedBytes;
  }
};

}  // namespace emulator

/** Of the library that it is looked up in. */
extern "C" __attribute__((visibility("default"))) void gradus_emulator_live(emulator::Live* live);
