// What the parts of the emulator share.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

#include "cuda_runtime.h"
#include "live.h"

namespace emulator {

/** Held while anything below is read or changed, and while a stream runs what it was given. */
extern std::recursive_mutex state;
extern Live live;

/** Remembers an error for cudaGetLastError. */
cudaError_t noted(cudaError_t error);
/** Gives work to a stream; see GRADUS_EMULATOR_STREAMS. */
cudaError_t submit(Stream* stream, std::function<void()> work);
/** Runs what the streams were given so far, as CUDA does before it frees memory. */
void runAll();

/** The device's memory in bytes: GRADUS_EMULATOR_MEMORY says how many MiB. */
size_t limit();

}  // namespace emulator
