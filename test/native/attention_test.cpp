// Attention against its formula in double, scores in memory, forward and gradient.
#include "attention_cases.h"
#include "copies.h"

namespace {

const int64_t kTimes[] = {1, 2, 64, 65, 129};

/** Every option by itself, then together. */
std::vector<Case> optionsAt(int64_t t) {
  Case plain;
  plain.tq = plain.tk = t;
  if (t > 100) plain.d = 5;  // the reference takes its time
  std::vector<Case> cases;
  auto add = [&](const char* name, auto&& change) {
    Case c = plain;
    change(c);
    c.name = std::string(name) + ", " + std::to_string(c.tq) + " x " + std::to_string(c.tk);
    cases.push_back(c);
  };
  auto mask = [](Case& c, bool b, bool h, bool i, bool j) {
    c.maskSize = 1;
    const bool uses[] = {b, h, i, j};
    const int64_t sizes[] = {c.batch, c.heads, c.tq, c.tk};
    for (int axis = 3; axis >= 0; --axis) {
      c.maskSteps[axis] = uses[axis] ? c.maskSize : 0;
      if (uses[axis]) c.maskSize *= sizes[axis];
    }
  };
  add("full", [](Case&) {});
  add("causal", [](Case& c) { c.causal = true; });
  add("causal window", [](Case& c) { c.causal = true, c.window = 5; });
  add("full window", [](Case& c) { c.window = 40; });
  add("lengths", [](Case& c) { c.lengths = true, c.batch = 3; });
  add("causal lengths", [](Case& c) { c.causal = c.lengths = true; });
  add("documents", [](Case& c) { c.documents = true; });
  add("causal documents", [](Case& c) { c.documents = c.causal = true; });
  add("mask of all", [&](Case& c) { mask(c, true, true, true, true); });
  add("mask of keys", [&](Case& c) { mask(c, true, false, false, true); });
  add("mask of queries", [&](Case& c) { mask(c, false, true, true, false); });
  add("slopes", [](Case& c) { c.slopes = c.causal = true; });
  add("dropout", [](Case& c) { c.dropout = 0.3; });
  add("all dropped", [](Case& c) { c.dropout = 1; });
  add("grouped", [](Case& c) { c.heads = 6, c.kvHeads = 2, c.causal = true; });
  add("one head of keys", [](Case& c) { c.heads = 3, c.kvHeads = 1; });
  add("packed", [](Case& c) { c.packed = true, c.heads = 4; });
  add("one of each", [](Case& c) { c.batch = c.heads = c.kvHeads = 1, c.causal = true; });
  add("cache", [](Case& c) { c.tk = c.tq + 130, c.causal = c.lengths = true, c.batch = 1; });
  add("more keys", [](Case& c) { c.tk = 2 * c.tq + 3, c.causal = true; });
  add("fewer keys", [](Case& c) { c.tk = c.tq / 2 + 1, c.causal = true; });
  add("all options", [&](Case& c) {
    c.heads = 4, c.causal = c.lengths = c.documents = c.slopes = c.packed = true;
    c.window = 50, c.dropout = 0.1;
    mask(c, true, true, true, true);
  });
  for (DType type : {DType::BF16, DType::F16}) {
    add(type == DType::BF16 ? "bf16" : "f16",
        [&](Case& c) { c.type = type, c.packed = c.causal = true, c.heads = 4; });
  }
  return cases;
}

void everyOption(Backend& backend) {
  for (int64_t t : kTimes) {
    for (const Case& c : optionsAt(t)) check(backend, c);
  }
}

void everyHeadSize(Backend& backend) {
  for (int64_t d : {1, 7, 16, 33, 64, 80, 128, 256}) {
    for (int64_t t : {3, 65, 150}) {
      Case c;
      c.name = "head size " + std::to_string(d) + ", time " + std::to_string(t);
      c.tq = c.tk = t;
      c.d = d;
      c.causal = true;
      c.scale = 1 / std::sqrt(static_cast<double>(d));
      check(backend, c);
    }
  }
}

/** 16-bit types by themselves: a GPU has other kernels for them, with tiles of several widths. */
void everyTile(Backend& backend) {
  for (DType type : {DType::BF16, DType::F16}) {
    for (int64_t d : {8, 40, 64, 72, 128}) {
      if (type == DType::F16 && d != 40) continue;
      Case c;
      c.name = "tile of " + std::to_string(d);
      c.type = type;
      c.batch = 1;
      c.d = d;
      c.tq = c.tk = 131;
      c.heads = 2;
      c.kvHeads = 1;
      c.causal = c.packed = true;
      c.scale = 1 / std::sqrt(static_cast<double>(d));
      check(backend, c);
    }
    for (Case c : optionsAt(65)) {
      c.type = type;
      if (type == DType::F16 && c.dropout == 0) continue;
      check(backend, c);
    }
    Case negative;
    negative.name = "negative scale";
    negative.type = type;
    negative.tq = negative.tk = 20;
    negative.scale = -0.4;
    check(backend, negative);
  }
}

/** Long heads in 16 bits, whose tiles are narrower and whose gradient pairs warps. */
void everyLongHead(Backend& backend) {
  for (DType type : {DType::BF16, DType::F16}) {
    for (int64_t d : {136, 160, 192, 256}) {
      Case c;
      c.type = type;
      c.batch = 1;
      c.d = d;
      c.scale = 1 / std::sqrt(static_cast<double>(d));
      c.tq = c.tk = 67;
      c.kvHeads = 1;
      c.name = "long head of " + std::to_string(d) + ", ";
      auto add = [&](const char* name, auto&& change) {
        Case changed = c;
        change(changed);
        changed.name += name;
        check(backend, changed);
      };
      add("causal packed", [](Case& c) { c.causal = c.packed = true; });
      if (type == DType::F16 && d != 192) continue;
      add("lengths, dropout", [](Case& c) { c.batch = 2, c.lengths = true, c.dropout = 0.3; });
      if (d != 160 && d != 256) continue;
      add("window", [](Case& c) { c.window = 20, c.tk = 97, c.kvHeads = 2; });
      add("causal documents", [](Case& c) { c.causal = c.documents = true, c.window = 30; });
      add("mask, slopes", [](Case& c) {
        c.slopes = true;
        c.maskSize = c.tq * c.tk;
        c.maskSteps[2] = c.tk;
        c.maskSteps[3] = 1;
      });
    }
  }
}

/** Few queries of a cache of keys, which a GPU shares out among blocks. */
void everyCache(Backend& backend) {
  for (DType type : kFloating) {
    for (int64_t tk : {2, 7, 500, 5000}) {
      if (tk > 1000 && type == DType::F16) continue;
      Case cache;
      cache.type = type;
      cache.tk = tk;
      cache.heads = 4;
      cache.d = tk > 1000 ? 8 : 64;
      cache.gradients = tk < 100;
      cache.scale = 1 / std::sqrt(static_cast<double>(cache.d));
      auto add = [&](const char* name, auto&& change) {
        Case c = cache;
        change(c);
        c.name = std::string("cache, ") + name + ", " + std::to_string(c.tq) + " x " +
                 std::to_string(c.tk) + ", type " + std::to_string(static_cast<int>(type));
        check(backend, c);
      };
      add("full", [](Case& c) { c.batch = c.heads = c.kvHeads = 1; });
      add("grouped lengths", [](Case& c) { c.lengths = c.causal = true, c.batch = 3; });
      add("one head of keys", [](Case& c) { c.kvHeads = 1, c.heads = 11, c.causal = true; });
      add("mask", [](Case& c) {
        c.maskSize = c.heads * c.tk;
        c.maskSteps[1] = c.tk;
        c.maskSteps[3] = 1;
      });
      if (tk < 100) continue;
      add("causal window", [](Case& c) { c.causal = c.lengths = true, c.window = 300; });
      add("window", [](Case& c) { c.window = 70; });
      add("dropout, slopes", [](Case& c) { c.slopes = c.causal = true, c.dropout = 0.2; });
      add("three queries", [](Case& c) { c.tq = 3, c.causal = c.lengths = true, c.batch = 3; });
      if (tk > 1000) continue;
      for (int64_t d : {5, 80, 128, 256}) {
        add("head size", [&](Case& c) { c.d = d, c.batch = 1, c.tk = 261; });
      }
    }
  }
}

/** Which weights stay, from values and gradients that are made of one weight each. */
void dropoutIsByElement(Backend& backend, DType type, int64_t d, int64_t tq, int64_t tk) {
  Case c;
  c.type = type;
  c.d = d;
  c.tq = tq;
  c.tk = tk;
  c.batch = 1;
  c.heads = c.kvHeads = 3;
  c.dropout = 0.3;
  // Products of 0, so that all weights are alike: first with unit vectors as keys and values, then
  // as queries and gradients.
  Run keys(c), queries(c);
  for (int64_t i = 0; i < keys.q.size(); ++i) {
    const int64_t at = i / (c.heads * d) % tq;
    keys.q.set(i, 0);
    keys.dy.set(i, 1);
    queries.q.set(i, i % d == at);
    queries.dy.set(i, i % d == at);
  }
  for (int64_t j = 0; j < keys.k.size(); ++j) {
    const int64_t at = j / (c.heads * d) % tk;
    keys.k.set(j, j % d == at);
    keys.v.set(j, j % d == at);
    queries.k.set(j, 0);
    queries.v.set(j, 1);
  }
  for (Run* run : {&keys, &queries}) {
    run->forward(backend);
    run->backward(backend);
  }
  const auto threshold = static_cast<uint32_t>(std::nearbyint(c.dropout * 0x1p32));
  int64_t wrong = 0, all = 0;
  for (int64_t b = 0; b < c.batch; ++b) {
    for (int64_t h = 0; h < c.heads; ++h) {
      for (int64_t i = 0; i < tq; ++i) {
        for (int64_t j = 0; j < tk; ++j, ++all) {
          const auto block = gradus::math::philox(5, 0, static_cast<uint64_t>(all / 4));
          const uint32_t words[] = {block.a, block.b, block.c, block.d};
          const bool kept = words[all % 4] >= threshold;
          if (j < d) {
            wrong += (keys.y[keys.at(3, b, i, h) + j] > 0) != kept;
            wrong += (keys.dq[keys.at(0, b, i, h) + j] > 0) != kept;
          }
          if (i < d) {
            wrong += (queries.dvAt(b, j, h, i) > 0) != kept;
            wrong += (queries.dkAt(b, j, h, i) > 0) != kept;
          }
        }
      }
    }
  }
  CHECK(wrong == 0, "dropout, type %d, head size %ld: %ld differ", static_cast<int>(type),
        static_cast<long>(d), static_cast<long>(wrong));
}

/** Plain attention of heads of 64 and 128 in 16 bits, over blocks of many queries and keys: what
 * Hopper has kernels for. */
void everyBlock(Backend& backend) {
  for (int64_t d : {64, 128}) {
    Case plain;
    plain.d = d;
    plain.batch = 1;
    plain.tq = plain.tk = 200;
    plain.kvHeads = 1;
    plain.scale = 1 / std::sqrt(static_cast<double>(d));
    auto add = [&](const char* name, auto&& change) {
      Case c = plain;
      c.type = DType::BF16;
      change(c);
      c.name = std::string(name) + ", heads of " + std::to_string(d);
      check(backend, c);
    };
    add("full", [](Case&) {});
    add("causal", [](Case& c) { c.causal = true; });
    add("f16", [](Case& c) { c.type = DType::F16, c.causal = c.packed = true; });
    add("long", [](Case& c) { c.tq = c.tk = 400, c.heads = 1, c.causal = true; });
    add("window", [](Case& c) { c.tq = c.tk = 400, c.heads = 1, c.window = 37; });
    add("causal window", [](Case& c) { c.tk = 420, c.heads = 1, c.causal = true, c.window = 90; });
    add("causal lengths", [](Case& c) { c.batch = 3, c.causal = c.lengths = true; });
    add("documents", [](Case& c) { c.documents = c.causal = c.packed = true; });
    add("one query",
        [](Case& c) { c.tq = 1, c.tk = 300, c.causal = c.lengths = true, c.batch = 2; });
    add("one key", [](Case& c) { c.tk = 1; });
    add("fewer keys", [](Case& c) { c.tk = 50, c.causal = true; });
    add("whole blocks", [](Case& c) { c.tq = 192, c.tk = 256; });
  }
}

/** What lies beyond the lengths may be anything: a cache is not cleared. */
void whatIsHiddenByLengthsIsNotRead(Backend& backend, DType type, int64_t d) {
  Case c;
  c.type = type;
  c.d = d;
  c.tq = 1;
  c.tk = 200;
  c.causal = c.lengths = true;
  Run clean(c), dirty(c);
  for (int64_t j = 100; j < 200; ++j) {
    for (int64_t e = 0; e < c.kvHeads * c.d; ++e) {
      dirty.k.set(j * c.kvHeads * c.d + e, kNaN);
      dirty.v.set(j * c.kvHeads * c.d + e, kInfinity);
    }
  }
  for (Run* run : {&clean, &dirty}) {
    run->forward(backend);
    run->backward(backend);
  }
  CHECK(clean.y.sameBits(dirty.y) && clean.lse.sameBits(dirty.lse), "values differ");
  CHECK(clean.dq.sameBits(dirty.dq) && clean.dk.sameBits(dirty.dk) && clean.dv.sameBits(dirty.dv),
        "gradients differ");
}

void nanStaysWhereItIsSeen(Backend& backend) {
  for (int64_t t : {5, 65}) {
    Case c;
    c.tq = c.tk = t;
    c.causal = true;
    for (int operand = 0; operand < 3; ++operand) {
      Run run(c);
      Tensor* x[] = {&run.q, &run.k, &run.v};
      const int64_t place = t / 2;
      x[operand]->set(run.at(operand, 1, place, 1) + 3, kNaN);
      run.forward(backend);
      int64_t wrong = 0;
      for (int64_t b = 0; b < c.batch; ++b) {
        for (int64_t i = 0; i < t; ++i) {
          for (int64_t h = 0; h < c.heads; ++h) {
            for (int64_t e = 0; e < c.d; ++e) {
              const bool row = b == 1 && h == 1 && (operand == 0 ? i == place : i >= place);
              const bool want = row && (operand < 2 || e == 3);
              // Nothing times NaN is NaN: a value may reach the rows that share its tile.
              if (operand == 2 && e == 3 && b == 1 && h == 1 && i < place) continue;
              wrong += std::isnan(run.y[run.at(3, b, i, h) + e]) != want;
            }
          }
        }
      }
      CHECK(wrong == 0, "operand %d, time %ld: %ld are wrong", operand, static_cast<long>(t),
            static_cast<long>(wrong));
    }
  }
}

void lengthsAreChecked(Backend& backend) {
  Case c;
  c.tk = 5;
  c.tq = 2;
  c.lengths = true;
  for (int length : {-1, 6}) {
    Run run(c);
    run.lengths.set(1, length);
    const std::string want =
        "attention: length " + std::to_string(length) + " at batch 1 is outside [0, 6)";
    CHECK(outOfRange([&] { run.forward(backend); }) == want, "forward, length %d", length);
    CHECK(outOfRange([&] { run.backward(backend); }) == want, "backward, length %d", length);
  }
}

/** Other GPUs than Hopper, and other words, are refused by name. */
bool isEmulated(const std::string& library) {
  return library.find("_cuda_emulated") != std::string::npos;
}

void settingIsChecked(const std::string& library, const char* second) {
  if (!isEmulated(library)) return;
  auto refusal = [&](const char* setting) -> std::string {
    try {
      Backend::openCuda(library.c_str(), 0, 0,
                        ("libraries=" + std::string(second) + "\n" + setting).c_str());
    } catch (const std::exception& e) {
      return e.what();
    }
    return "";
  };
  const std::string hopper =
      "cuda: attention=hopper needs compute capability 9.0: emulator has 8.0; take auto or mma";
  setenv("GRADUS_EMULATOR_CAPABILITY", "8", 1);
  CHECK(refusal("attention=hopper") == hopper, "another GPU");
  CHECK(refusal("attention=auto").empty() && refusal("attention=mma").empty(), "any GPU");
  unsetenv("GRADUS_EMULATOR_CAPABILITY");
  CHECK(refusal("attention=fast") == "cuda: there is no setting attention=fast", "another word");
}

void threadsChangeNothing(const std::vector<Backend*>& backends) {
  for (int64_t heads : {1, 6}) {
    Case c;
    c.tq = c.tk = 300;
    c.heads = heads;
    c.kvHeads = heads == 1 ? 1 : 2;
    c.d = 64;
    c.causal = true;
    c.dropout = 0.1;
    std::vector<Run> runs(backends.size(), Run(c));
    for (size_t i = 0; i < runs.size(); ++i) {
      runs[i].forward(*backends[i]);
      runs[i].backward(*backends[i]);
      CHECK(runs[i].y.sameBits(runs[0].y) && runs[i].lse.sameBits(runs[0].lse), "values, %zu", i);
      CHECK(runs[i].dq.sameBits(runs[0].dq) && runs[i].dk.sameBits(runs[0].dk) &&
                runs[i].dv.sameBits(runs[0].dv),
            "gradients, %zu", i);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Backend& backend = openBackend(argc, argv);
  for (DType type : kFloating) {
    for (int64_t d : {16, 64}) whatIsHiddenByLengthsIsNotRead(backend, type, d);
  }
  nanStaysWhereItIsSeen(backend);
  threadsChangeNothing(copiesOf(argv[1], argv[2]));
  // With a setting, only what it has kernels of its own for.
  if (std::getenv("GRADUS_TEST_SETTING") != nullptr) {
    everyBlock(backend);
    return report("attention_test");
  }
  // The emulated GPU takes its time for them, and has kernels of other sizes of tile only.
  if (!isEmulated(argv[1])) everyBlock(backend);
  everyOption(backend);
  everyHeadSize(backend);
  everyTile(backend);
  everyLongHead(backend);
  everyCache(backend);
  for (DType type : kFloating) {
    dropoutIsByElement(backend, type, 64, 61, 59);
    dropoutIsByElement(backend, type, 64, 2, 130);
  }
  dropoutIsByElement(backend, DType::BF16, 128, 66, 101);
  dropoutIsByElement(backend, DType::F16, 256, 35, 69);
  lengthsAreChecked(backend);
  settingIsChecked(argv[1], argv[2]);
  return report("attention_test");
}
