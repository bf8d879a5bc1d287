// What a call is worth: FLOPs, bytes and a line for people. Kernels whose arguments say more than
// the sizes of their tensors have a case here; a kernel without one counts a pass over its tensors.
#include "runtime/graph_facts.h"

#include <algorithm>
#include <cstring>

namespace gradus {

namespace {

/** Numbers and types of a call by their place among those of their kind. */
struct Arguments {
  explicit Arguments(const Call& call) {
    for (const Argument& a : call.arguments) {
      if (a.kind == Argument::Kind::Type) types.push_back(a.as<Type>());
      if (a.kind == Argument::Kind::Integer) numbers.push_back(static_cast<double>(a.integer));
      if (a.kind == Argument::Kind::Flag) flags.push_back(a.integer != 0);
      if (a.kind == Argument::Kind::Dims && a.dims != nullptr) {
        dims.assign(a.dims, a.dims + a.count);
      }
    }
  }
  std::vector<DType> types;
  std::vector<double> numbers, dims;
  std::vector<bool> flags;
};

std::string sizes(std::initializer_list<double> values) {
  std::string text;
  for (double value : values) {
    text += (text.empty() ? "" : "x") + std::to_string(static_cast<int64_t>(value));
  }
  return text;
}

/** "tn" where the first operand is transposed and the second is not. */
std::string transposes(const Arguments& a) {
  return std::string(a.flags[0] ? "t" : "n") + (a.flags[1] ? "t" : "n");
}

StepFacts matmulFacts(const Arguments& a) {
  const double batch = a.numbers[0], m = a.numbers[1], n = a.numbers[2], k = a.numbers[3];
  const double y = static_cast<double>(byteSize(a.types[3]));
  const bool accumulate = a.flags[2];
  StepFacts facts;
  facts.shape = (batch > 1 ? sizes({batch, m, n, k}) : sizes({m, n, k})) + " " + transposes(a) +
                (accumulate ? " add" : "");
  facts.flops = 2 * batch * m * n * k;
  facts.bytes =
      (a.numbers[4] == 0 ? 1 : batch) * m * k * static_cast<double>(byteSize(a.types[0])) +
      (a.numbers[5] == 0 ? 1 : batch) * k * n * static_cast<double>(byteSize(a.types[1])) +
      batch * m * n * y * (accumulate ? 2 : 1);
  return facts;
}

StepFacts attentionFacts(const Arguments& a, bool gradient) {
  const double batch = a.dims[0], tq = a.dims[1], tk = a.dims[2], heads = a.dims[3];
  const double kvHeads = a.dims[4], d = a.dims[5];
  const bool causal = a.dims[6] != 0;
  const double keys = causal ? std::max(tk - tq, 0.0) + (std::min(tq, tk) + 1) / 2 : tk;
  StepFacts facts;
  facts.shape = sizes({batch, heads, tq, tk, d}) + (causal ? " causal" : "");
  // Two products forward; the gradient makes one of them again and four others.
  facts.flops = 2 * batch * heads * tq * keys * d * (gradient ? 5 : 2);
  facts.bytes = batch * d * (2 * heads * tq + 2 * kvHeads * tk) *
                static_cast<double>(byteSize(a.types[0])) * (gradient ? 2 : 1);
  return facts;
}

/** A recurrent layer of so many gates: its products with the state, once for each time. */
StepFacts recurrentFacts(const Arguments& a, int gates) {
  const double times = a.numbers[0], rows = a.numbers[1], size = a.numbers[2];
  StepFacts facts;
  facts.shape = sizes({times, rows, size});
  facts.flops = 2 * times * rows * size * size * gates;
  facts.bytes = times * rows * size * (2 * gates + 3) * static_cast<double>(byteSize(a.types[0]));
  return facts;
}

/** Bytes of an element of one product's a, b and y, whose types come in this order. */
struct Widths {
  Widths(const Arguments& args, size_t yAt)
      : a(static_cast<double>(byteSize(args.types[0]))),
        b(static_cast<double>(byteSize(args.types[1]))),
        y(static_cast<double>(byteSize(args.types[yAt]))) {}
  double a, b, y;
};

/** A product with an activation: of the bytes, those that move from and to memory. */
StepFacts matmulActivationFacts(const Call& call, const Arguments& a) {
  const double m = a.numbers[0], n = a.numbers[1], k = a.numbers[2];
  const bool before = call.arguments[7].integer != 0, slope = call.arguments[8].integer != 0;
  const Widths bytes(a, 3);
  StepFacts facts;
  facts.shape = sizes({m, n, k}) + " " + transposes(a) + (slope ? " slope" : "");
  facts.flops = 2 * m * n * k;
  facts.bytes = bytes.a * m * k + bytes.b * k * n + bytes.y * m * n * (1 + before + slope);
  return facts;
}

/** An optimizer: so many arrays of n floats are read or written. */
StepFacts updateFacts(const Call& call, const Arguments& a, int arrays, int flops) {
  double n = a.numbers[0];
  if (call.left) {
    n = 0;
    for (const Range& range : *call.left) n += static_cast<double>(range.end - range.begin);
  }
  return {"", sizes({n}), n * flops, n * arrays * 4};
}

/** A product to which another matrix is added. */
StepFacts matmulAddFacts(const Arguments& a) {
  const double m = a.numbers[0], n = a.numbers[1], k = a.numbers[2];
  const Widths bytes(a, 3);
  StepFacts facts;
  facts.shape = sizes({m, n, k}) + " " + transposes(a);
  facts.flops = m * n * (2 * k + 1);
  facts.bytes = bytes.a * m * k + bytes.b * k * n + bytes.y * 2 * m * n;
  return facts;
}

/** A product of F32 that takes a step of SGD, of four operations for each element. */
StepFacts matmulSgdFacts(const Arguments& a) {
  const double m = a.numbers[0], n = a.numbers[1], k = a.numbers[2];
  StepFacts facts;
  facts.shape = "f32 " + sizes({m, n, k}) + " " + transposes(a);
  facts.flops = m * n * (2 * k + 4);
  facts.bytes = 4 * (m * k + k * n + 2 * m * n);
  return facts;
}

/** A product a' b and the sums of a's columns. */
StepFacts matmulSumsFacts(const Arguments& a) {
  const double m = a.numbers[0], n = a.numbers[1], k = a.numbers[2];
  const Widths bytes(a, 2);
  StepFacts facts;
  facts.shape = sizes({m, n, k}) + " tn";
  facts.flops = m * k * (2 * n + 1);
  facts.bytes = bytes.a * m * k + bytes.b * k * n + bytes.y * (m * n + m);
  return facts;
}

/** The three products of a convolution have the same sizes: each of x, y and weights once. */
StepFacts convolutionFacts(const Arguments& a) {
  const double x = a.dims[0] * a.dims[1] * a.dims[2] * a.dims[3];
  const double y = a.dims[0] * a.dims[4] * a.dims[5] * a.dims[6];
  const double seen = a.dims[1] / a.dims[15] * a.dims[7] * a.dims[8];  // by a pixel of y
  StepFacts facts;
  facts.shape = sizes({a.dims[0], a.dims[1], a.dims[2], a.dims[3]}) + " by " +
                sizes({a.dims[4], a.dims[7], a.dims[8]});
  facts.flops = 2 * y * seen;
  facts.bytes = (x + y) * static_cast<double>(byteSize(a.types[0])) +
                a.dims[4] * seen * static_cast<double>(byteSize(a.types[1]));
  return facts;
}

/** A pass over the tensors that the step made, and over others as far as the sizes say. */
StepFacts passFacts(const Recording& recording, const Call& call, const Arguments& a) {
  StepFacts facts;
  for (double number : a.numbers) facts.shape += (facts.shape.empty() ? "" : "x") + sizes({number});
  double largest = 0;
  const double element = a.types.empty() ? 1 : static_cast<double>(byteSize(a.types[0]));
  const bool elementwise = call.kernel->access() == Access::Elementwise;
  for (size_t j = 0; j < call.arguments.size(); ++j) {
    if (!call.arguments[j].isAddress() || call.arguments[j].integer == 0) continue;
    double bytes = 0;
    if (call.places[j].buffer >= 0) {
      bytes = static_cast<double>(recording.buffers[call.places[j].buffer].bytes);
    } else if (elementwise) {
      bytes = a.numbers[0] * element;
    }
    facts.bytes += bytes;
    largest = std::max(largest, bytes / element);
  }
  facts.flops = largest;
  return facts;
}

}  // namespace

StepFacts factsOf(const Recording& recording, const Call& call) {
  const Arguments arguments(call);
  const std::string name = call.kernel->name();
  StepFacts facts;
  if (name == "matmul") {
    facts = matmulFacts(arguments);
  } else if (name == "matmulActivation") {
    facts = matmulActivationFacts(call, arguments);
  } else if (name == "attention" || name == "attentionGrad") {
    facts = attentionFacts(arguments, name == "attentionGrad");
  } else if (name == "conv2d" || name == "conv2dGradInput" || name == "conv2dGradWeight") {
    facts = convolutionFacts(arguments);
  } else if (name == "rnn" || name == "rnnGrad") {
    facts = recurrentFacts(arguments, 1);
  } else if (name == "lstm" || name == "lstmGrad") {
    facts = recurrentFacts(arguments, 4);
  } else if (name == "gru" || name == "gruGrad") {
    facts = recurrentFacts(arguments, 3);
  } else if (name == "adamw") {
    facts = updateFacts(call, arguments, 7, 14);
  } else if (name == "matmulAdd") {
    facts = matmulAddFacts(arguments);
  } else if (name == "matmulSums") {
    facts = matmulSumsFacts(arguments);
  } else if (name == "matmulSgd") {
    facts = matmulSgdFacts(arguments);
  } else if (name == "sgd") {
    facts = updateFacts(call, arguments, 3, 4);

  } else {
    facts = passFacts(recording, call, arguments);
  }
  facts.name = name;
  if (!arguments.types.empty()) {
    facts.shape = std::string(nameOf(arguments.types.back())) + " " + facts.shape;
  }
  return facts;
}

}  // namespace gradus
