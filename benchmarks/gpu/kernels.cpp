// Times kernels of GPT-2's training step on a GPU, beside what the device can do at best: the rate
// of a copy for those that move memory, the rate of a large product for those that multiply.
//
//   kernels BACKEND LIBRARIES [SMALL]     SMALL divides the sizes, for a run that only shows it
//   works
//
// Prints a table in Markdown, then one line of JSON.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "gradus/plugin.h"

using gradus::Backend;
using gradus::DType;
using gradus::In;
using gradus::Out;

namespace {

constexpr DType kF32 = DType::F32, kBF16 = DType::BF16, kI32 = DType::I32;

/** Device memory for the length of the program. */
Out memory(Backend& gpu, DType type, int64_t n) {
  const int64_t address = gpu.allocate(n * gradus::byteSize(type));
  if (address == 0) {
    std::fprintf(stderr, "kernels: out of memory\n");
    std::exit(1);
  }
  return Out(address);
}

Out numbers(Backend& gpu, DType type, int64_t n) {
  static int64_t stream = 0;
  const Out x = memory(gpu, type, n);
  gpu.uniform(type, x, n, 42, ++stream, -1, 1);
  return x;
}

/** Ids below `bound`, as many as there are tokens. */
Out ids(Backend& gpu, int64_t n, int64_t bound) {
  const Out floats = memory(gpu, kF32, n), x = memory(gpu, kI32, n);
  gpu.uniform(kF32, floats, n, 7, 1, 0, static_cast<double>(bound));
  gpu.cast(kF32, floats, kI32, x, n);
  return x;
}

/** Seconds of one call: the median of several rounds, of so many calls that a round takes long. */
double time(Backend& gpu, const std::function<void()>& call) {
  float ignored;
  const In probe = memory(gpu, kF32, 1);
  auto round = [&](int calls) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) call();
    gpu.download(&ignored, probe, sizeof(ignored));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  round(3);
  const double once = round(1);
  const int calls = std::clamp(static_cast<int>(0.02 / once), 1, 200);
  std::vector<double> rounds;
  for (int i = 0; i < 7; ++i) rounds.push_back(round(calls) / calls);
  std::nth_element(rounds.begin(), rounds.begin() + 3, rounds.end());
  return rounds[3];
}

class Table {
 public:
  explicit Table(Backend& gpu) : gpu_(gpu) {
    std::printf("%s\n\n", gpu.description());
    std::printf("| kernel | ms | GB/s | TFLOP/s | share |\n|---|---|---|---|---|\n");
  }

  /** The first one of each kind is what the others are compared with. */
  void moves(const std::string& name, double bytes, const std::function<void()>& call) {
    const double rate = bytes / row(gpu_, name, call);
    if (copy_ == 0) copy_ = rate;
    finish(rate * 1e-9, 0, rate / copy_);
  }
  void multiplies(const std::string& name, double flops, const std::function<void()>& call) {
    multiplies(gpu_, name, flops, call);
  }
  /** By another backend of the same GPU. */
  void multiplies(Backend& by, const std::string& name, double flops,
                  const std::function<void()>& call) {
    const double rate = flops / row(by, name, call);
    if (product_ == 0) product_ = rate;
    finish(0, rate * 1e-12, rate / product_);
  }

  void end() const {
    std::printf("\n{\"device\":\"%s\",\"kernels\":[%s]}\n", gpu_.description(), json_.c_str());
  }

 private:
  double row(Backend& by, const std::string& name, const std::function<void()>& call) {
    const double seconds = time(by, call);
    std::printf("| %s | %.3f |", name.c_str(), seconds * 1e3);
    json_ += (json_.empty() ? "" : ",") + ("{\"kernel\":\"" + name) +
             "\",\"ms\":" + std::to_string(seconds * 1e3);
    return seconds;
  }

  void finish(double gigabytes, double teraflops, double share) {
    gigabytes > 0 ? std::printf(" %.0f | |", gigabytes) : std::printf(" | %.0f |", teraflops);
    std::printf(" %.0f %% |\n", share * 100);
    std::fflush(stdout);
    json_ += gigabytes > 0 ? ",\"gbs\":" + std::to_string(gigabytes)
                           : ",\"tflops\":" + std::to_string(teraflops);
    json_ += ",\"share\":" + std::to_string(share) + "}";
  }

  Backend& gpu_;
  double copy_ = 0, product_ = 0;
  std::string json_;
};

void movers(Backend& gpu, Table& table, int64_t small) {
  const int64_t tokens = 65536 / small, width = 768, wide = 4 * width;
  const int64_t parameters = 124475904 / small, large = (int64_t{1} << 29) / small;
  {
    const Out x = memory(gpu, kBF16, large), y = memory(gpu, kBF16, large);
    table.moves("copy", 4.0 * large, [=, &gpu] { gpu.copy(x, y, 2 * large); });
    gpu.release(x.address, 2 * large);
    gpu.release(y.address, 2 * large);
  }
  const int64_t n = tokens * width, m = tokens * wide;
  const Out x = numbers(gpu, kBF16, m), dy = numbers(gpu, kBF16, m), y = memory(gpu, kBF16, m);
  const Out z = memory(gpu, kBF16, m), w = numbers(gpu, kF32, wide), b = numbers(gpu, kF32, wide);
  const Out mean = memory(gpu, kF32, tokens), rstd = memory(gpu, kF32, tokens);
  const Out dw = memory(gpu, kF32, wide), db = memory(gpu, kF32, wide);
  table.moves("gelu bf16", 4.0 * m, [=, &gpu] { gpu.gelu(kBF16, x, y, m); });
  table.moves("geluGrad bf16", 6.0 * m, [=, &gpu] { gpu.geluGrad(kBF16, x, dy, y, m); });
  table.moves("dropout bf16", 4.0 * m, [=, &gpu] { gpu.dropout(kBF16, x, y, m, 1, 1, 0.1); });
  table.moves("columnSums bf16 3072", 2.0 * m,
              [=, &gpu] { gpu.columnSums(kBF16, dy, kF32, db, tokens, wide, false); });
  table.moves("addLayerNorm bf16 768", 8.0 * n, [=, &gpu] {
    gpu.addLayerNorm(kBF16, x, dy, kF32, w, b, z, y, mean, rstd, tokens, width, 1e-5, 0, 0);
  });
  table.moves("layerNormGrad bf16 768", 6.0 * n, [=, &gpu] {
    gpu.layerNormGrad(kBF16, dy, x, kF32, w, mean, rstd, y, false, dw, db, tokens, width);
  });
  const int64_t vocabulary = std::max<int64_t>(50257 / small, 64);
  const Out table16 = numbers(gpu, kBF16, vocabulary * width),
            tokenIds = ids(gpu, tokens, vocabulary);
  const Out dtable = memory(gpu, kBF16, vocabulary * width);
  table.moves("embedding bf16 768", 4.0 * n, [=, &gpu] {
    gpu.embedding(kBF16, kI32, tokenIds, table16, kI32, nullptr, nullptr, y, vocabulary, 0, width,
                  tokens, 1);
  });
  table.moves("takeRowsGrad bf16 768", 4.0 * n, [=, &gpu] {
    gpu.takeRowsGrad(kBF16, dy, kI32, tokenIds, dtable, vocabulary, width, tokens);
  });
  const int64_t padded = 50304;  // as linearCrossEntropy lays scores out
  const int64_t rows = tokens / 8, logits = rows * padded;
  const Out scores = numbers(gpu, kBF16, logits), labels = ids(gpu, rows, vocabulary);
  const Out lse = memory(gpu, kF32, rows), loss = memory(gpu, kF32, 1),
            count = memory(gpu, kF32, 1);
  const Out one = memory(gpu, kF32, 1), dscores = memory(gpu, kBF16, logits);
  gpu.fill(kF32, one, 1, 1);
  table.moves("crossEntropy bf16 50257", 2.0 * logits, [=, &gpu] {
    gpu.crossEntropy(kBF16, scores, kI32, labels, nullptr, loss, lse, count, rows, vocabulary,
                     padded, -100, 0, 0);
  });
  table.moves("crossEntropyGrad bf16 50257", 4.0 * logits, [=, &gpu] {
    gpu.crossEntropyGrad(kBF16, scores, kI32, labels, nullptr, lse, count, one, dscores, rows,
                         vocabulary, padded, -100, 0, false);
  });
  table.moves("softmax bf16 50304", 4.0 * logits,
              [=, &gpu] { gpu.softmax(kBF16, scores, dscores, rows, padded); });
  const Out p = numbers(gpu, kF32, parameters), g = numbers(gpu, kF32, parameters);
  const Out first = memory(gpu, kF32, parameters), second = memory(gpu, kF32, parameters);
  gpu.fill(kF32, first, 0, parameters);
  gpu.fill(kF32, second, 0, parameters);
  table.moves("adamw", 28.0 * parameters, [=, &gpu] {
    gpu.adamw(p, g, first, second, parameters, 1e-6, 0.9, 0.999, 1e-8, 0.1, 1, 1, nullptr);
  });
  table.moves("sumSquares", 4.0 * parameters,
              [=, &gpu] { gpu.sumSquares(kF32, g, loss, parameters); });
  table.moves("cast f32 to bf16", 6.0 * parameters,
              [=, &gpu] { gpu.cast(kF32, p, kBF16, y, std::min(parameters, m)); });
}

/** What graphs make of the products of a layer of GPT-2 that widens, with F32 parameters: beside
 * the same products alone, it shows what cuBLASLt's epilogues cost. */
void joinedMultipliers(Backend& gpu, Table& table, int64_t tokens, int64_t width) {
  const int64_t wide = 4 * width, gelu = 2;
  const double flops = 2.0 * tokens * width * wide;
  const Out x = numbers(gpu, kBF16, tokens * width), h = numbers(gpu, kBF16, tokens * wide);
  const Out up = numbers(gpu, kF32, wide * width), down = numbers(gpu, kF32, wide * width);
  const Out b = numbers(gpu, kF32, wide), dw = memory(gpu, kF32, wide * width);
  const Out db = memory(gpu, kF32, wide), before = memory(gpu, kBF16, tokens * wide);
  const Out y = memory(gpu, kBF16, tokens * wide), z = memory(gpu, kBF16, tokens * width);
  auto size = [&](int64_t m, int64_t n, int64_t k) {
    return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
  };
  table.multiplies("matmulActivation gelu bf16 " + size(tokens, wide, width), flops, [=, &gpu] {
    gpu.matmulActivation(kBF16, x, kF32, up, kF32, b, kBF16, before, nullptr, y, tokens, wide,
                         width, gelu, false, true);
  });
  table.multiplies("matmulActivation geluGrad bf16 " + size(tokens, wide, width), flops, [=, &gpu] {
    gpu.matmulActivation(kBF16, x, kF32, down, kF32, nullptr, kBF16, nullptr, h, y, tokens, wide,
                         width, gelu, false, false);
  });
  table.multiplies("matmulAdd bf16 " + size(tokens, width, wide), flops, [=, &gpu] {
    gpu.matmulAdd(kBF16, h, kF32, down, kF32, b, kBF16, x, z, tokens, width, wide, false, true);
  });
  table.multiplies("matmulSums bf16 to f32 " + size(wide, width, tokens), flops, [=, &gpu] {
    gpu.matmulSums(kBF16, h, kBF16, x, kF32, dw, db, wide, width, tokens);
  });
}

/** hopper: the same GPU with attention by Hopper's own instructions, null where it has none. */
void multipliers(Backend& gpu, Backend* hopper, Table& table, int64_t small) {
  struct Product {
    int64_t m, n, k;
    bool transposeA, transposeB;
  };
  const int64_t tokens = 65536 / small, width = 768;
  const int64_t square = std::max<int64_t>(8192 / small, 64);
  const Product products[] = {
      {square, square, square, false, false},     {tokens, 3 * width, width, false, true},
      {tokens, 4 * width, width, false, true},    {tokens, width, 4 * width, false, true},
      {tokens, width, 4 * width, false, false},   {4 * width, width, tokens, true, false},
      {square, 50304 / small, width, false, true}};
  for (const Product& p : products) {
    const Out a = numbers(gpu, kBF16, p.m * p.k), b = numbers(gpu, kBF16, p.k * p.n);
    const Out y = memory(gpu, kBF16, p.m * p.n);
    const std::string name = "matmul bf16 " + std::to_string(p.m) + "x" + std::to_string(p.n) +
                             "x" + std::to_string(p.k) + " " + (p.transposeA ? "t" : "n") +
                             (p.transposeB ? "t" : "n");
    table.multiplies(name, 2.0 * p.m * p.n * p.k, [=, &gpu] {
      gpu.matmul(kBF16, a, kBF16, b, kBF16, nullptr, kBF16, y, 1, p.m, p.n, p.k, 0, 0, p.transposeA,
                 p.transposeB, false);
    });
    gpu.release(a.address, 2 * p.m * p.k);
    gpu.release(b.address, 2 * p.k * p.n);
    gpu.release(y.address, 2 * p.m * p.n);
  }
  joinedMultipliers(gpu, table, tokens, width);
  for (int64_t d : {64, 128, 256}) {
    const int64_t batch = std::max<int64_t>(32 / small, 1), t = 1024 / (small > 1 ? 8 : 1);
    const int64_t heads = width / d, n = batch * t * width;
    const Out qkv = numbers(gpu, kBF16, 3 * n), y = memory(gpu, kBF16, n),
              dy = numbers(gpu, kBF16, n);
    const Out dqkv = memory(gpu, kBF16, 3 * n), lse = memory(gpu, kF32, batch * heads * t);
    const long packed = 3 * width, plain = width;
    const long dims[] = {batch,      t,         t,     heads,      heads,  d, 1,          0,
                         t * packed, packed,    d,     t * packed, packed, d, t * packed, packed,
                         d,          t * plain, plain, d,          0,      0, 0,          0};
    auto part = [](Out x, int64_t element) { return Out(x.address + 2 * element); };
    const In q = part(qkv, 0), k = part(qkv, width), v = part(qkv, 2 * width);
    const double scale = 0.125, flops = 2.0 * batch * t * t * width;
    const std::string size = std::to_string(batch) + "x" + std::to_string(heads) + "x" +
                             std::to_string(t) + "x" + std::to_string(d) + " causal";
    auto add = [&](Backend& by, const std::string& suffix) {
      table.multiplies(by, "attention bf16 " + size + suffix, flops, [=, &by] {
        by.attention(kBF16, q, k, v, nullptr, nullptr, nullptr, nullptr, y, lse, gradus::Dims(dims),
                     scale, 0, 0);
      });
      table.multiplies(by, "attentionGrad bf16 " + size + suffix, 2.5 * flops, [=, &by] {
        by.attentionGrad(kBF16, q, k, v, nullptr, nullptr, nullptr, nullptr, y, lse, dy,
                         part(dqkv, 0), part(dqkv, width), part(dqkv, 2 * width),
                         gradus::Dims(dims), scale, 0, 0);
      });
    };
    add(gpu, "");
    if (hopper != nullptr) add(*hopper, " hopper");
  }
}

/** One query of a cache of keys, as generation asks for it: reading the cache is the work. */
void decoders(Backend& gpu, Table& table, int64_t small) {
  struct Cache {
    DType type;
    long batch, keys, heads, kvHeads, d;
  };
  const Cache caches[] = {{kBF16, 1, 32768, 32, 8, 128},
                          {kBF16, 16, 4096, 32, 8, 128},
                          {kBF16, 1, 32768, 12, 12, 64},
                          {kBF16, 1, 16384, 8, 4, 256},
                          {kF32, 1, 32768, 12, 12, 64}};
  for (const Cache& c : caches) {
    const long tk = c.keys / small, own = c.kvHeads * c.d, wide = c.heads * c.d;
    const int64_t n = c.batch * tk * own, rows = c.batch * c.heads;
    const Out q = numbers(gpu, c.type, rows * c.d), y = memory(gpu, c.type, rows * c.d);
    const Out k = numbers(gpu, c.type, n), v = numbers(gpu, c.type, n);
    const Out lse = memory(gpu, kF32, rows);
    const long dims[] = {c.batch, 1,    tk,  c.heads,  c.kvHeads, c.d, 1,        0,
                         wide,    0,    c.d, tk * own, own,       c.d, tk * own, own,
                         c.d,     wide, 0,   c.d,      0,         0,   0,        0};
    const double scale = 1 / std::sqrt(static_cast<double>(c.d));
    const std::string name = std::string("decoding ") + (c.type == kF32 ? "f32 " : "bf16 ") +
                             std::to_string(c.batch) + "x" + std::to_string(c.heads) + "/" +
                             std::to_string(c.kvHeads) + "x" + std::to_string(tk) + "x" +
                             std::to_string(c.d);
    table.moves(name, 2.0 * n * gradus::byteSize(c.type), [=, &gpu] {
      gpu.attention(c.type, q, k, v, nullptr, nullptr, nullptr, nullptr, y, lse, gradus::Dims(dims),
                    scale, 0, 0);
    });
    gpu.release(k.address, n * gradus::byteSize(c.type));
    gpu.release(v.address, n * gradus::byteSize(c.type));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::printf("usage: kernels BACKEND LIBRARIES [SMALL]\n");
    return 2;
  }
  const std::string libraries = "libraries=" + std::string(argv[2]);
  Backend& gpu = *Backend::openCuda(argv[1], 0, 0, (libraries + "\nattention=mma").c_str());
  Backend* hopper = nullptr;
  try {
    hopper = Backend::openCuda(argv[1], 0, 0, (libraries + "\nattention=hopper").c_str());
  } catch (const std::runtime_error& e) {
    std::fprintf(stderr, "kernels: no rows of hopper: %s\n", e.what());
  }
  const int64_t small = argc > 3 ? std::atoll(argv[3]) : 1;
  Table table(gpu);
  movers(gpu, table, small);
  decoders(gpu, table, small);
  multipliers(gpu, hopper, table, small);
  table.end();
  return 0;
}
