package io.gradus.cli;

import io.gradus.autograd.CapturedStep;
import io.gradus.autograd.Graph;
import io.gradus.autograd.Tape;
import io.gradus.data.SafeTensors;
import io.gradus.data.TokenBatch;
import io.gradus.model.BertClassifier;
import io.gradus.model.BertConfig;
import io.gradus.model.GenerationConfig;
import io.gradus.model.Generator;
import io.gradus.model.Gpt;
import io.gradus.model.GptConfig;
import io.gradus.model.Mlp;
import io.gradus.model.MlpConfig;
import io.gradus.nn.Module;
import io.gradus.op.Losses;
import io.gradus.op.Random;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.optim.Sgd;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One step of a training, or of whatever else is to be measured.
 *
 * @param units how many samples or tokens one step works through
 * @param metric what they are, in a second
 * @param step the step
 * @param training what the step trains; null where it does not
 * @param device that it runs on
 * @param flops what a unit takes in floating-point operations; NaN where nobody has counted
 * @param type of the operands of most of them
 */
record Workload(
    int units,
    String metric,
    Runnable step,
    Training training,
    Device device,
    double flops,
    DType type) {

  private static final String SAMPLES = "samples/s";
  private static final String TOKENS = "tokens/s";
  private static final Seed SEED = Seed.of(42);
  private static final double WARM_UP = 100; // steps

  /** A loss, made anew in each step from inputs and targets. */
  private interface Loss {
    Tensor compute(Tensor inputs, Tensor targets);
  }

  /**
   * What another engine needs to take the same steps, and what it then compares.
   *
   * @param model whose parameters are trained
   * @param inputs of the one batch
   * @param targets of the one batch
   * @param loss of the batch
   * @param optimizer of the model
   */
  record Training(Module model, Tensor inputs, Tensor targets, Loss loss, Optimizer optimizer) {

    /** One step; its loss. */
    private Tensor step(Tensor... batch) {
      try (Tape tape = Tape.record()) {
        Tensor value = loss.compute(batch[0], batch[1]);
        optimizer.step(tape.gradients(value));
        return tape.keep(value);
      }
    }

    /** The step, once taken. */
    Graph capture() {
      return Graph.capture(this::step, inputs, targets);
    }

    /** Writes the parameters and the batch as safetensors. */
    void save(Path file) throws IOException {
      Map<String, Tensor> tensors = new LinkedHashMap<>(model.parameters().asMap());
      tensors.put("inputs", inputs);
      tensors.put("targets", targets);
      SafeTensors.write(file, tensors, Map.of());
    }

    /** The loss, without a step. */
    @SuppressWarnings("try") // the scope only has to close
    double value() {
      try (Scope scope = Scope.open()) {
        return loss.compute(inputs, targets).item();
      }
    }
  }

  /** Trains an MLP with one hidden layer of ReLU on one batch of random data. */
  static Workload mlp(Device device, int inputs, int hidden, int classes, int batch) {
    Mlp model = new Mlp(MlpConfig.of(inputs, hidden, classes), device, SEED.split(0));
    Optimizer sgd = Sgd.builder().learningRate(0.01).build(model.parameters());
    Tensor x = Random.normal(Shape.of(batch, inputs), SEED.split(1), 0, 1, device);
    Tensor y = integers(device, SEED, classes, batch);
    Loss loss = (in, labels) -> Losses.crossEntropy(model.forward(in), labels);
    return training(batch, SAMPLES, new Training(model, x, y, loss, sgd));
  }

  /** Trains a language model, with activations of a type, on one batch of random tokens. */
  static Workload gpt(Device device, GptConfig config, DType activations, int batch, int time) {
    Gpt model = new Gpt(config, device, SEED.split(0));
    model.activations(activations);
    Tensor x = integers(device, SEED.split(1), config.vocabulary(), batch, time);
    Tensor y = integers(device, SEED.split(2), config.vocabulary(), batch, time);
    Loss loss = (in, targets) -> model.loss(new TokenBatch(in, targets));
    return training(batch * time, TOKENS, new Training(model, x, y, loss, adamW(model)))
        .counting(config.flopsPerToken(time), activations);
  }

  /** Trains an encoder to tell two classes of random sequences apart. */
  static Workload bert(Device device, BertConfig config, int batch, int time) {
    var model = new BertClassifier(config, 2, device, SEED.split(0));
    Tensor x = integers(device, SEED.split(1), config.vocabulary(), batch, time);
    Tensor y = integers(device, SEED.split(2), 2, batch);
    Loss loss = (in, labels) -> Losses.crossEntropy(model.forward(in), labels);
    return training(batch, SAMPLES, new Training(model, x, y, loss, adamW(model)));
  }

  /**
   * At the full rate from its first step on, where every gradient counts by its sign alone,
   * rounding would soon decide the loss, and no two engines could be compared.
   */
  private static Optimizer adamW(Module model) {
    return AdamW.builder()
        .learningRate(steps -> 3e-4 * Math.min(1, (steps + 1) / WARM_UP))
        .weightDecay(0.1)
        .build(model.parameters());
  }

  private static Workload training(int units, String metric, Training training) {
    var captured = CapturedStep.of(training::step);
    Runnable step = () -> captured.run(training.inputs, training.targets);
    return new Workload(units, metric, step, training, training.inputs.device());
  }

  /** What nobody has counted. */
  Workload(int units, String metric, Runnable step, Training training, Device device) {
    this(units, metric, step, training, device, Double.NaN, DType.F32);
  }

  private Workload counting(double flops, DType type) {
    return new Workload(units, metric, step, training, device, flops, type);
  }

  /** The share of the device's peak that units at this rate take; NaN where it is not known. */
  double mfu(double rate) {
    return Double.isNaN(flops) ? flops : rate * flops / PeakRate.get(device, type);
  }

  /** Generates tokens one by one with a model that has learned nothing: the work is the same. */
  static Workload generation(Device device, GptConfig config, int prompt, int tokens) {
    Gpt model = new Gpt(config, device, SEED.split(0));
    Generator generator = new Generator(model);
    int[] ids = new java.util.Random(SEED.value()).ints(prompt, 0, config.vocabulary()).toArray();
    GenerationConfig greedy = GenerationConfig.greedy(tokens);
    return new Workload(tokens, TOKENS, () -> generator.generate(ids, greedy), null, device);
  }

  /** Labels or tokens. */
  private static Tensor integers(Device device, Seed seed, int limit, int... dims) {
    int count = 1;
    for (int dim : dims) {
      count *= dim;
    }
    int[] values = new java.util.Random(seed.value()).ints(count, 0, limit).toArray();
    long[] shape = java.util.Arrays.stream(dims).asLongStream().toArray();
    return Tensor.of(values, shape).to(device);
  }
}
