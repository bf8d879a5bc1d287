#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "cuda/async_proxy.h"
#include "state.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if !defined(__x86_64__)
#error "the emulator changes stacks in x86-64's own way"
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

// Saves what a callee must preserve, and the stack; takes the other stack up where it was left.
extern "C" void gradus_emulator_switch(void** from, void* to);
asm(R"(
  .text
  .globl gradus_emulator_switch
  .hidden gradus_emulator_switch
  .type gradus_emulator_switch, @function
gradus_emulator_switch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
  .size gradus_emulator_switch, .-gradus_emulator_switch
)");

namespace emulator {

namespace {

constexpr int kMostThreads = 1024, kWarpgroup = 128;
constexpr size_t kStack = size_t{256} << 10;
constexpr size_t kMostShared = size_t{227} << 10;

enum class State { Ready, AtWarp, AtWarpgroup, AtBlock, Done };

struct Fiber {
  void* stack = nullptr;  // where it was left
  char* memory = nullptr;
  State state = State::Done;
  unsigned mask = 0;  // of the lanes it waits for
  int index = 0;
};

/** The threads of one block after another; there is one of these. */
class Block {
 public:
  void run(const dim3& blocks, const dim3& threads, size_t shared,
           const std::function<void()>& thread);
  void meetWarp(unsigned mask);
  void meetWarpgroup();
  void meetBlock();

  int lane() const { return current_->index % 32; }
  int lanes() const { return std::min(32, count_ - current_->index / 32 * 32); }
  uint64_t* slot(int lane) { return &slots_[current_->index / 32 * 32 + lane]; }
  unsigned char* shared() { return shared_; }
  size_t sharedBytes() const { return sharedBytes_; }
  uint64_t number() const { return number_; }
  uint64_t* sum() { return &sum_; }
  [[noreturn]] static void fail(const char* why);

 private:
  static void start();
  void runThreads();
  void resume(Fiber& fiber);
  void giveWay();
  bool releaseWarp(int warp, int l);
  void leaveWarp(int warp);
  bool releaseBlock();

  Fiber fibers_[kMostThreads];
  uint64_t slots_[kMostThreads];
  uint64_t sum_ = 0;
  unsigned char* shared_ = nullptr;
  size_t sharedBytes_ = 0;
  uint64_t number_ = 0;
  const std::function<void()>* thread_ = nullptr;
  Fiber* current_ = nullptr;
  void* home_ = nullptr;  // the scheduler's stack
  void* homeFake_ = nullptr;
  const void* homeBottom_ = nullptr;
  size_t homeSize_ = 0;
  int count_ = 0;
  int atBlock_ = 0;  // threads that wait for the block
  int done_ = 0;
};

Block block;
std::recursive_mutex running;

void Block::fail(const char* why) {
  std::fprintf(stderr, "emulator: block (%u, %u, %u): %s\n", blockIdx.x, blockIdx.y, blockIdx.z,
               why);
  std::abort();
}

void Block::start() {
  Fiber* fiber = block.current_;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &block.homeBottom_, &block.homeSize_);
#endif
  (*block.thread_)();
  fiber->state = State::Done;
  block.giveWay();
  std::abort();
}

void Block::resume(Fiber& fiber) {
  current_ = &fiber;
  const unsigned index = static_cast<unsigned>(fiber.index);
  threadIdx = {index % blockDim.x, index / blockDim.x % blockDim.y,
               index / blockDim.x / blockDim.y};
#if defined(__SANITIZE_ADDRESS__)
  void* fake = nullptr;
  __sanitizer_start_switch_fiber(&fake, fiber.memory, kStack);
#endif
  gradus_emulator_switch(&home_, fiber.stack);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
}

void Block::giveWay() {
  Fiber* self = current_;
#if defined(__SANITIZE_ADDRESS__)
  void* fake = nullptr;
  __sanitizer_start_switch_fiber(self->state == State::Done ? nullptr : &fake, homeBottom_,
                                 homeSize_);
#endif
  gradus_emulator_switch(&self->stack, home_);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake, &homeBottom_, &homeSize_);
#endif
}

void Block::meetWarp(unsigned mask) {
  Fiber* self = current_;
  if ((mask >> (self->index % 32) & 1) == 0)
    fail("a thread waits for a warp's lanes without being one");
  self->mask = mask;
  self->state = State::AtWarp;
  if (!releaseWarp(self->index / 32, self->index % 32)) giveWay();
}

void Block::meetWarpgroup() {
  const int first = current_->index / kWarpgroup * kWarpgroup;
  if (first + kWarpgroup > count_) fail("a warpgroup has fewer than 128 threads");
  current_->state = State::AtWarpgroup;
  for (int i = first; i < first + kWarpgroup; ++i) {
    if (fibers_[i].state != State::AtWarpgroup) return giveWay();
  }
  for (int i = first; i < first + kWarpgroup; ++i) fibers_[i].state = State::Ready;
}

void Block::meetBlock() {
  current_->state = State::AtBlock;
  ++atBlock_;
  if (!releaseBlock()) giveWay();
}

/** Lets the lanes go on that lane l waits for, if they are all there. */
bool Block::releaseWarp(int warp, int l) {
  Fiber* first = fibers_ + warp * 32;
  const int lanes = std::min(32, count_ - warp * 32);
  const unsigned mask = first[l].mask;
  for (int i = 1; i < lanes; ++i) {  // the next one first, which most often is not there yet
    const int other = (l + i) % lanes;
    if ((mask >> other & 1) == 0 || first[other].state == State::Done) continue;
    if (first[other].state != State::AtWarp || first[other].mask != mask) return false;
  }
  for (int other = 0; other < lanes; ++other) {
    if ((mask >> other & 1) != 0 && first[other].state == State::AtWarp) {
      first[other].state = State::Ready;
    }
  }
  return true;
}

/** Who waits for a thread that is gone waits no more. */
void Block::leaveWarp(int warp) {
  for (int l = 0; l < std::min(32, count_ - warp * 32); ++l) {
    if (fibers_[warp * 32 + l].state == State::AtWarp) releaseWarp(warp, l);
  }
}

bool Block::releaseBlock() {
  if (atBlock_ + done_ < count_) return false;
  atBlock_ = 0;
  for (int i = 0; i < count_; ++i) {
    if (fibers_[i].state == State::AtBlock) fibers_[i].state = State::Ready;
  }
  return true;
}

/** The order in which threads take their turns. */
std::vector<int> orderOf(int count) {
  std::vector<int> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  static const char* const wanted = std::getenv("GRADUS_EMULATOR_ORDER");
  if (wanted == nullptr) return order;
  if (std::string(wanted) == "reverse") {
    std::reverse(order.begin(), order.end());
  } else {
    static std::mt19937 random(static_cast<unsigned>(std::atoi(wanted)));
    std::shuffle(order.begin(), order.end(), random);
  }
  return order;
}

void Block::runThreads() {
  for (int i = 0; i < count_; ++i) {
    Fiber& fiber = fibers_[i];
    if (fiber.memory == nullptr) {
      void* memory = mmap(nullptr, kStack, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (memory == MAP_FAILED) fail("no memory for a stack");
      fiber.memory = static_cast<char*>(memory);
    }
    fiber.index = i;
    fiber.state = State::Ready;
#if defined(__SANITIZE_ADDRESS__)
    // The last thread on this stack never returned from start(), whose frames are still marked.
    constexpr size_t kFrames = 4096;
    __asan_unpoison_memory_region(fiber.memory + kStack - kFrames, kFrames);
#endif
    // As if it had been left right before start(): six registers, and where to return to.
    auto** top = reinterpret_cast<void**>(fiber.memory + kStack) - 1;
    *--top = reinterpret_cast<void*>(&Block::start);
    for (int r = 0; r < 6; ++r) *--top = nullptr;
    fiber.stack = top;
  }
  atBlock_ = done_ = 0;
  const std::vector<int> order = orderOf(count_);
  for (int left = count_; left > 0;) {
    bool moved = false;
    for (int i : order) {
      Fiber& fiber = fibers_[i];
      if (fiber.state != State::Ready) continue;
      moved = true;
      resume(fiber);
      if (fiber.state != State::Done) continue;
      --left;
      ++done_;
      leaveWarp(i / 32);
    }
    if (!moved && left > 0 && !releaseBlock()) {
      fail("its threads wait for each other: not all came to one barrier");
    }
  }
}

void Block::run(const dim3& blocks, const dim3& threads, size_t shared,
                const std::function<void()>& thread) {
  std::lock_guard<std::recursive_mutex> lock(running);
  gridDim = blocks;
  blockDim = threads;
  count_ = static_cast<int>(threads.x * threads.y * threads.z);
  thread_ = &thread;
  for (unsigned z = 0; z < blocks.z; ++z) {
    for (unsigned y = 0; y < blocks.y; ++y) {
      for (unsigned x = 0; x < blocks.x; ++x) {
        blockIdx = {x, y, z};
        // Fresh and of this size for each block, so that a sanitizer sees its end.
        shared_ =
            static_cast<unsigned char*>(std::aligned_alloc(128, (shared + 127) / 128 * 128 + 128));
        std::memset(shared_, kFresh, shared);
        sharedBytes_ = shared;
        ++number_;
        runThreads();
        std::free(shared_);
      }
    }
  }
}

}  // namespace

struct Graph {
  std::vector<std::function<void()>> work;
};
struct GraphExec {
  std::vector<std::function<void()>> work;
};
struct Event {
  using Time = std::chrono::steady_clock::time_point;
  std::shared_ptr<Time> time = std::make_shared<Time>();
  Stream* stream = nullptr;  // that it was recorded in last
  uint64_t position = 0;     // how much of that was before it
};

std::recursive_mutex state;
Live live = {};

namespace {

thread_local cudaError_t lastError = cudaSuccess;
std::vector<Stream*> streams;

/** Until a stream, if it is there still, has run so much of what it was given. */
void runUntil(Stream* stream, uint64_t position) {
  if (std::find(streams.begin(), streams.end(), stream) == streams.end()) return;
  while (stream->done < position) {
    const std::function<void()> work = std::move(stream->queue.front());
    stream->queue.pop_front();
    work();
    ++stream->done;
  }
}

uint64_t given(const Stream* stream) { return stream->done + stream->queue.size(); }

/** Lets other streams than the one at hand go ahead by chance. */
void runSome(unsigned seed) {
  static std::mt19937 random(seed);
  for (unsigned turns = random() % 3; turns > 0; --turns) {
    Stream* stream = streams[random() % streams.size()];
    if (!stream->queue.empty()) runUntil(stream, stream->done + 1);
  }
}

}  // namespace

cudaError_t noted(cudaError_t error) {
  if (error != cudaSuccess) lastError = error;
  return error;
}

cudaError_t submit(Stream* stream, std::function<void()> work) {
  static const char* const wanted = std::getenv("GRADUS_EMULATOR_STREAMS");
  if (stream->captured != nullptr) {
    stream->captured->work.push_back(std::move(work));
    return cudaSuccess;
  }
  if (wanted == nullptr) {
    work();
    return cudaSuccess;
  }
  std::lock_guard<std::recursive_mutex> lock(state);
  stream->queue.push_back(std::move(work));
  if (std::string(wanted) != "late") runSome(static_cast<unsigned>(std::atoi(wanted)));
  return cudaSuccess;
}

void runAll() {
  for (size_t i = 0; i < streams.size(); ++i) runUntil(streams[i], given(streams[i]));
}

cudaError_t run(const dim3& blocks, const dim3& threads, size_t shared, Stream* stream,
                std::function<void()> thread) {
  const auto count = static_cast<size_t>(threads.x) * threads.y * threads.z;
  if (count == 0 || count > kMostThreads || blocks.x == 0 || blocks.y == 0 || blocks.z == 0 ||
      blocks.y > 65535 || blocks.z > 65535) {
    return noted(cudaErrorInvalidConfiguration);
  }
  if (shared > kMostShared) return noted(cudaErrorInvalidValue);
  return submit(stream, [=] { block.run(blocks, threads, shared, thread); });
}

unsigned char* dynamicShared() { return block.shared(); }
size_t dynamicSharedBytes() { return block.sharedBytes(); }
uint64_t blockNumber() { return block.number(); }
void fail(const char* why) { Block::fail(why); }
void meetWarp(unsigned mask) { block.meetWarp(mask); }
void meetWarpgroup() { block.meetWarpgroup(); }
void meetBlock() { block.meetBlock(); }
uint64_t* slot(int lane) { return block.slot(lane); }
int lane() { return block.lane(); }
int lanes() { return block.lanes(); }

}  // namespace emulator

int __syncthreads_count(int predicate) {
  emulator::meetBlock();
  if (threadIdx.x + threadIdx.y + threadIdx.z == 0) *emulator::block.sum() = 0;
  emulator::meetBlock();
  *emulator::block.sum() += predicate != 0;
  emulator::meetBlock();
  return static_cast<int>(*emulator::block.sum());
}

int __syncthreads_or(int predicate) { return __syncthreads_count(predicate) != 0; }

cudaError_t cudaGetDeviceCount(int* count) {
  const char* devices = std::getenv("GRADUS_EMULATOR_DEVICES");
  *count = devices == nullptr ? 1 : std::atoi(devices);
  return *count == 0 ? emulator::noted(cudaErrorNoDevice) : cudaSuccess;
}

cudaError_t cudaSetDevice(int) { return cudaSuccess; }

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  std::strcpy(properties->name, "emulator");
  const char* capability = std::getenv("GRADUS_EMULATOR_CAPABILITY");
  properties->major = capability == nullptr ? 9 : std::atoi(capability);
  properties->multiProcessorCount = 2;
  properties->totalGlobalMem = emulator::limit();
  properties->sharedMemPerBlockOptin = emulator::kMostShared;
  properties->l2CacheSize = 1 << 20;
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind,
                            cudaStream_t stream) {
  return emulator::submit(stream, [=] {
    if (bytes > 0) std::memmove(to, from, bytes);
  });
}

cudaError_t cudaMemsetAsync(void* block, int value, size_t bytes, cudaStream_t stream) {
  return emulator::submit(stream, [=] {
    if (bytes > 0) std::memset(block, value, bytes);
  });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  std::lock_guard<std::recursive_mutex> lock(emulator::state);
  *stream = new emulator::Stream{emulator::submit, nullptr, {}};
  emulator::streams.push_back(*stream);
  ++emulator::live.streams;
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  std::lock_guard<std::recursive_mutex> lock(emulator::state);
  emulator::runUntil(stream, emulator::given(stream));
  auto& streams = emulator::streams;
  streams.erase(std::find(streams.begin(), streams.end(), stream));
  --emulator::live.streams;
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  std::lock_guard<std::recursive_mutex> lock(emulator::state);
  if (stream->captured != nullptr) return emulator::noted(cudaErrorStreamCaptureUnsupported);
  emulator::runUntil(stream, emulator::given(stream));
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  std::lock_guard<std::recursive_mutex> lock(emulator::state);
  if (stream->captured != nullptr) return emulator::noted(cudaErrorStreamCaptureUnsupported);
  if (event->stream == nullptr) return cudaSuccess;  // it was never recorded
  return emulator::submit(stream, [other = event->stream, position = event->position] {
    emulator::runUntil(other, position);
  });
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream->captured != nullptr) return emulator::noted(cudaErrorInvalidValue);
  std::lock_guard<std::recursive_mutex> lock(emulator::state);
  stream->captured = new emulator::Graph();
  ++emulator::live.graphs;
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  *status =
      stream->captured == nullptr ? cudaStreamCaptureStatusNone : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = stream->captured;
  stream->captured = nullptr;
  return *graph == nullptr ? emulator::noted(cudaErrorInvalidValue) : cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  std::lock_guard<std::recursive_mutex> lock(emulator::state);
  *exec = new emulator::GraphExec{graph->work};
  ++emulator::live.graphs;
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  for (const auto& work : exec->work) emulator::submit(stream, work);
  return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return cudaSuccess; }

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  std::lock_guard<std::recursive_mutex> lock(emulator::state);
  --emulator::live.graphs;
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  std::lock_guard<std::recursive_mutex> lock(emulator::state);
  --emulator::live.graphs;
  delete exec;
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  std::lock_guard<std::recursive_mutex> lock(emulator::state);
  *event = new emulator::Event();
  ++emulator::live.events;
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  std::lock_guard<std::recursive_mutex> lock(emulator::state);
  --emulator::live.events;
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  std::lock_guard<std::recursive_mutex> lock(emulator::state);
  event->stream = stream->captured == nullptr ? stream : nullptr;
  const cudaError_t result =
      emulator::submit(stream, [time = event->time] { *time = std::chrono::steady_clock::now(); });
  event->position = emulator::given(stream);
  return result;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  std::lock_guard<std::recursive_mutex> lock(emulator::state);
  if (event->stream != nullptr) emulator::runUntil(event->stream, event->position);
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  *milliseconds = std::chrono::duration<float, std::milli>(*end->time - *start->time).count();
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int value) {
  return value > static_cast<int>(emulator::kMostShared) ? emulator::noted(cudaErrorInvalidValue)
                                                         : cudaSuccess;
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = emulator::lastError;
  emulator::lastError = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError() { return emulator::lastError; }

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    default:
      return "an emulated error";
  }
}

const char* cudaGetErrorName(cudaError_t error) {
  static thread_local std::string name;
  name = "error " + std::to_string(static_cast<int>(error));
  return name.c_str();
}
