package io.gradus;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.model.Mlp;
import io.gradus.model.MlpConfig;
import io.gradus.op.Activations;
import io.gradus.op.Attention;
import io.gradus.op.AttentionOptions;
import io.gradus.op.Comparisons;
import io.gradus.op.Indexing;
import io.gradus.op.LinearAlgebra;
import io.gradus.op.Losses;
import io.gradus.op.Normalization;
import io.gradus.op.Pointwise;
import io.gradus.op.Positions;
import io.gradus.op.Random;
import io.gradus.op.Reductions;
import io.gradus.op.Shapes;
import io.gradus.op.Softmax;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.optim.Sgd;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;
import java.util.zip.CRC32;

/**
 * Prints a digest of what each op computes from tensors large enough to be shared by threads, and
 * of a network after ten steps. {@link SameBitsTest} compares what different numbers of threads
 * print.
 */
public final class SameBitsProgram {

  private static final Device CPU = Device.cpu();

  private SameBitsProgram() {}

  public static void main(String[] args) {
    System.out.println("threads " + CPU.threads());
    pointwise();
    reductions();
    products();
    softmaxAndLosses();
    normalization();
    attention();
    movesAndIndices();
    random();
    train("sgd", new Mlp(config(), CPU, Seed.of(1)), true);
    train("adamw", new Mlp(config(), CPU, Seed.of(1)), false);
  }

  private static Tensor numbers(int seed, long... shape) {
    return Random.normal(Shape.of(shape), Seed.of(seed), 0, 1, CPU);
  }

  private static Tensor indices(int bound, long... shape) {
    Tensor numbers = Random.uniform(Shape.of(shape), Seed.of(bound), 0, bound, CPU);
    return Pointwise.cast(numbers, DType.I32);
  }

  private static void pointwise() {
    one("exp", Pointwise::exp, 100_003);
    one("gelu", Activations::gelu, 100_003);
    one("tanh", Activations::tanh, 333, 301);
    one("clamp", x -> Pointwise.clamp(x, -1, 1), 100_003);
    one("bf16 silu", x -> Activations.silu(Pointwise.cast(x, DType.BF16)), 100_003);
    one("f16 sigmoid", x -> Activations.sigmoid(Pointwise.cast(x, DType.F16)), 100_003);
    one("geluErf", Activations::geluErf, 100_003);
    one("swiglu", Activations::swiglu, 333, 602);
    two("biasGelu", Activations::biasGelu, numbers(1, 1701, 301), numbers(2, 301));
    two("biasGeluErf", Activations::biasGeluErf, numbers(1, 1701, 301), numbers(2, 301));
    two("add", Pointwise::add, numbers(1, 700, 300), numbers(2, 300));
    two("mul", Pointwise::mul, numbers(1, 300, 1, 301), numbers(2, 5, 1));
    two("div", Pointwise::div, numbers(1, 700, 300), numbers(2, 700, 1));
    two("less", Comparisons::less, numbers(1, 100_003), numbers(2, 100_003));
  }

  private static void reductions() {
    one("sum", Reductions::sum, 1_000_003);
    one("sum of rows", x -> Reductions.sum(x, 1), 501, 1003);
    one("sum of columns", x -> Reductions.sum(x, 0), 1003, 501);
    one("sum of few columns", x -> Reductions.sum(x, 0), 100_003, 3);
    one("sum of the middle", x -> Reductions.sum(x, 1), 53, 101, 57);
    one("mean of the ends", x -> Reductions.mean(x, 0, 2), 53, 101, 57);
    one("max", x -> Reductions.max(x, 0), 1003, 501);
    one("argmax", x -> Reductions.argmax(x, -1), 1003, 501);
    one("f16 sum", x -> Reductions.sum(Pointwise.cast(x, DType.F16), 0), 1003, 501);
  }

  private static void products() {
    two("matmul", LinearAlgebra::matmul, numbers(1, 257, 300), numbers(2, 300, 201));
    two("matmul long", LinearAlgebra::matmul, numbers(1, 10, 5000), numbers(2, 5000, 11));
    two("matmul batches", LinearAlgebra::matmul, numbers(1, 9, 65, 70), numbers(2, 9, 70, 33));
    two("matmulNT", LinearAlgebra::matmulNT, numbers(1, 257, 300), numbers(2, 201, 300));
    two("matmulTN", LinearAlgebra::matmulTN, numbers(1, 300, 257), numbers(2, 300, 201));
    two("linear", LinearAlgebra::linear, numbers(1, 256, 784), numbers(2, 256, 784));
    two(
        "bf16 matmul",
        (a, b) ->
            LinearAlgebra.matmul(Pointwise.cast(a, DType.BF16), Pointwise.cast(b, DType.BF16)),
        numbers(1, 257, 300),
        numbers(2, 300, 201));
    two("addBias", LinearAlgebra::addBias, numbers(1, 700, 300), numbers(2, 300));
  }

  private static void softmaxAndLosses() {
    one("softmax", Softmax::softmax, 501, 1003);
    one("logSoftmax", Softmax::logSoftmax, 5003, 10);
    Tensor labels = indices(503, 1001);
    one("crossEntropy", x -> Losses.crossEntropy(x, labels), 1001, 503);
  }

  private static void normalization() {
    Tensor bias = numbers(3, 301);
    two(
        "layerNorm",
        (x, w) -> Normalization.layerNorm(x, w, bias, 1e-5),
        numbers(1, 1701, 301),
        numbers(2, 301));
    two(
        "addRmsNorm",
        (x, w) -> {
          var stream = Normalization.addRmsNorm(x, x, w, 1e-5, 0.1, Seed.of(3));
          return Pointwise.add(stream.sum(), stream.normalized());
        },
        numbers(1, 1701, 301),
        numbers(2, 301));
    one("rotary", x -> Positions.rotary(x, 3, 64, 10_000, 5), 2, 351, 301);
  }

  private static void attention() {
    AttentionOptions options = AttentionOptions.causal().dropout(0.1, Seed.of(9));
    one("attention", x -> Attention.attention(x, 6, 2, options), 2, 301, 10 * 33);
    one("attention of one head", x -> Attention.attention(x, 1, 1, options), 1, 500, 3 * 64);
    two(
        "bf16 attention",
        (q, k) -> {
          Tensor keys = Pointwise.cast(k, DType.BF16);
          return Attention.attention(Pointwise.cast(q, DType.BF16), keys, keys, options);
        },
        numbers(1, 2, 130, 4, 40),
        numbers(2, 2, 257, 4, 40));
  }

  private static void movesAndIndices() {
    one("permute", x -> Shapes.permute(x, 2, 0, 1), 53, 101, 57);
    one("expand", x -> Shapes.expand(x, Shape.of(300, 501)), 501);
    one("concat", x -> Shapes.concat(1, x, x), 501, 203);
    Tensor rows = indices(1003, 2001);
    one("takeRows", x -> Indexing.takeRows(x, rows), 1003, 101);
    two(
        "embedding",
        (words, places) -> Indexing.embedding(rows, words, null, places),
        numbers(1, 1003, 101),
        numbers(2, 2001, 101));
    Tensor places = indices(101, 1003, 201);
    one("gather", x -> Indexing.gather(x, 1, places), 1003, 101);
  }

  private static void random() {
    print("uniform", Random.uniform(Shape.of(100_003), Seed.of(3), -1, 1, CPU));
    print("normal", Random.normal(Shape.of(100_003), Seed.of(3), 0, 1, CPU));
    one("dropout", x -> Random.dropout(x, 0.3, Seed.of(3)), 100_003);
  }

  private static void one(String name, UnaryOperator<Tensor> op, long... shape) {
    two(name, (x, unused) -> op.apply(x), numbers(1, shape), Tensor.scalar(0));
  }

  /** The op's value, and its gradients where it has any. */
  @SuppressWarnings("try") // the scope only has to close
  private static void two(String name, BinaryOperator<Tensor> op, Tensor a, Tensor b) {
    try (Scope scope = Scope.open();
        Tape tape = Tape.record()) {
      Tensor y = op.apply(a, b);
      print(name, y);
      if (y.dtype().isFloating()) {
        Tensor dy = Pointwise.cast(numbers(7, y.shape().toArray()), y.dtype());
        Gradients gradients = tape.vjp(y, dy, a, b);
        print(name + ", da", gradients.get(a));
        print(name + ", db", gradients.get(b));
      }
    }
  }

  private static MlpConfig config() {
    return MlpConfig.of(784, 256, 10);
  }

  private static void train(String name, Mlp model, boolean sgd) {
    Optimizer optimizer =
        sgd
            ? Sgd.builder().learningRate(0.1).momentum(0.9).build(model.parameters())
            : AdamW.builder().learningRate(1e-3).weightDecay(0.1).build(model.parameters());
    Tensor x = numbers(5, 64, 784);
    Tensor labels = indices(10, 64);
    for (int step = 0; step < 10; step++) {
      try (Tape tape = Tape.record()) {
        Tensor loss = Losses.crossEntropy(model.forward(x), labels);
        Gradients gradients = tape.gradients(loss);
        print(name + " step " + step, loss);
        optimizer.step(gradients.clipNorm(1));
      }
    }
    model.parameters().asMap().forEach((parameter, value) -> print(name + " " + parameter, value));
  }

  private static void print(String name, Tensor x) {
    ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(x.byteSize()));
    x.copyTo(bytes, 0);
    CRC32 digest = new CRC32();
    digest.update(bytes.flip());
    System.out.printf("%s %s = %08x%n", name, x.describe(), digest.getValue());
  }
}
