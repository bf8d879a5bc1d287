package io.gradus.train;

import io.gradus.autograd.CapturedStep;
import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.data.TokenBatch;
import io.gradus.data.TokenBatches;
import io.gradus.data.Tokens;
import io.gradus.model.Gpt;
import io.gradus.op.Pointwise;
import io.gradus.op.Shapes;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.optim.Schedule;
import io.gradus.tensor.Device;
import io.gradus.tensor.OutOfDeviceMemoryException;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * Trains a {@link Gpt} on text: AdamW with warm-up and cosine, clipping, accumulation, evaluation
 * on held-out text, and checkpoints from which it goes on with the same bits.
 *
 * <pre>{@code
 * var training = new Pretraining(model, train, validation, config, Seed.of(42), folder);
 * training.run(new Pretraining.Listener() {});
 * }</pre>
 *
 * <p>The folder receives {@code config.json}, {@code model.safetensors} with the weights that did
 * best on the held-out text, and {@code last.safetensors} with all that {@link #resume()} needs.
 */
public final class Pretraining {

  /**
   * One step.
   *
   * @param number counted from 1
   * @param loss the mean of its tokens, before the step
   * @param norm of the gradients, before they were clipped
   * @param learningRate of the step
   * @param tokens that it learned from
   */
  public record Step(long number, double loss, double norm, double learningRate, long tokens) {}

  /**
   * One look at held-out text.
   *
   * @param step after which
   * @param loss the mean of all its tokens
   * @param best whether no earlier one was lower
   */
  public record Evaluated(long step, double loss, boolean best) {}

  /** Hears how the training goes. */
  public interface Listener {
    /** A step was taken. */
    default void step(Step step) {}

    /** The model was evaluated; it may be used now. */
    default void evaluated(Evaluated evaluated) throws IOException {}

    /** A file was written. */
    default void saved(Path file) {}
  }

  private static final String MODEL = "model.safetensors";
  private static final String LAST = "last.safetensors";

  private final Gpt model;
  private final PretrainingConfig config;
  private final TokenBatches train;
  private final TokenBatches validation; // null for none
  private final Optimizer optimizer;
  private final Path folder; // null to save nothing
  private final CapturedStep captured = CapturedStep.of(this::learn);
  private AveragedWeights averages;
  private Ahead ahead; // null where nothing was read ahead
  private double bestLoss = Double.POSITIVE_INFINITY;
  private volatile boolean stopped;

  /**
   * A training from the start.
   *
   * @param validation held-out text; null for none
   * @param seed decides which rows are read
   * @param folder where to save, made where it is missing; null to save nothing
   * @throws IllegalArgumentException where there is too little text for a row
   */
  public Pretraining(
      Gpt model,
      Tokens train,
      Tokens validation,
      PretrainingConfig config,
      Seed seed,
      Path folder) {
    checkVocabulary(model, train);
    this.model = model;
    this.config = config;
    this.train = documents(TokenBatches.random(train, config.batchSize(), config.time(), seed));
    this.validation =
        validation == null
            ? null
            : documents(TokenBatches.inOrder(validation, config.batchSize(), config.time()));
    this.folder = folder;
    this.averages = new AveragedWeights(model, 0);
    this.optimizer =
        AdamW.builder()
            .learningRate(schedule(config))
            .betas(config.beta1(), config.beta2())
            .weightDecay(
                config.weightDecay(),
                name ->
                    Gpt.isMatrix(name)
                        || config.decayEmbeddings()
                            && (name.startsWith("tokens.") || name.startsWith("positions.")))
            .build(model.parameters());
  }

  /**
   * Keeps an exponential moving average of the weights, which is what is evaluated and saved as
   * {@code model.safetensors}, and what the model has once the training has ended. Comes before
   * {@link #resume} and {@link #run}.
   *
   * @param decay as {@link TrainingArguments#emaDecay}; 0 for no average
   * @throws IllegalArgumentException where it does not lie in [0, 1)
   */
  public Pretraining averaging(double decay) {
    if (!(decay >= 0 && decay < 1)) {
      throw new IllegalArgumentException("train: the decay must lie in [0, 1): " + decay);
    }
    averages = new AveragedWeights(model, decay);
    return this;
  }

  private TokenBatches documents(TokenBatches batches) {
    TokenBatches there = batches.to(model.device());
    return config.endOfText() < 0 ? there : there.documents(config.endOfText());
  }

  private static void checkVocabulary(Gpt model, Tokens tokens) {
    if (tokens.vocabulary() > model.config().vocabulary()) {
      throw new IllegalArgumentException(
          "train: the text has tokens that the model does not: vocabularies of "
              + tokens.vocabulary()
              + " and "
              + model.config().vocabulary()
              + "; encode it with the model's tokenizer");
    }
  }

  /** Warm-up, then a cosine down to a share of the highest rate. */
  private static Schedule schedule(PretrainingConfig config) {
    double lowest = config.lowestRate() * config.learningRate();
    Schedule cosine =
        Schedule.warmupCosine(config.learningRate() - lowest, config.warmup(), config.steps());
    Schedule floor =
        steps -> steps < config.warmup() ? lowest * (steps + 1) / (config.warmup() + 1.0) : lowest;
    return steps -> cosine.at(steps) + floor.at(steps);
  }

  /** The optimizer, with the steps taken so far. */
  public Optimizer optimizer() {
    return optimizer;
  }

  /** The lowest loss of held-out text so far; infinite before the first look at it. */
  public double bestLoss() {
    return bestLoss;
  }

  /**
   * Goes on from the last checkpoint in the folder.
   *
   * @throws IOException where there is none or it is broken
   * @throws IllegalArgumentException where it is of another model
   */
  public void resume() throws IOException {
    if (folder == null) {
      throw new IllegalStateException("train: nothing to resume: it was given no folder");
    }
    Path file = folder.resolve(LAST);
    averages.begin();
    Map<String, String> notes = Checkpoint.load(file, model, optimizer, averages.average());
    try {
      bestLoss = Double.parseDouble(notes.get("bestLoss"));
    } catch (NumberFormatException | NullPointerException e) {
      throw new IOException("train: the checkpoint lacks its notes: " + file, e);
    }
  }

  /**
   * Ends {@link #run} after the step at hand, with a checkpoint to go on from; any thread may call.
   */
  public void stop() {
    stopped = true;
  }

  /**
   * Trains until all steps are taken, or until it is {@linkplain #stop stopped}.
   *
   * @throws IllegalStateException where the loss is no number any more
   * @throws IOException where a checkpoint cannot be written; the one before is unchanged
   */
  public void run(Listener listener) throws IOException {
    if (folder != null) {
      Files.createDirectories(folder);
      model.config().write(folder.resolve("config.json"));
    }
    model.train();
    averages.begin();
    while (optimizer.steps() < config.steps() && !stopped) {
      listener.step(step());
      long done = optimizer.steps();
      boolean end = done == config.steps();
      if (validation != null && (end || done % config.evaluateEvery() == 0)) {
        averages.show();
        evaluate(done, listener);
        averages.begin();
      }
      if (folder != null && (end || stopped || done % config.saveEvery() == 0)) {
        saveLast(listener);
      }
    }
    averages.show();
    if (validation == null) {
      saveModel(listener);
    }
  }

  private void evaluate(long done, Listener listener) throws IOException {
    double loss = evaluate();
    boolean best = loss < bestLoss;
    bestLoss = Math.min(loss, bestLoss);
    if (best) {
      saveModel(listener);
    }
    listener.evaluated(new Evaluated(done, loss, best));
  }

  /** The batches of the step after so many. */
  private record Ahead(long steps, List<Tensor> inputs) {}

  @SuppressWarnings("try") // the scope only has to close
  private Step step() {
    double rate = optimizer.learningRate();
    List<Tensor> inputs = inputs(optimizer.steps());
    try (Scope scope = Scope.open()) {
      Tensor result = captured.run(inputs.toArray(Tensor[]::new));
      readAhead(); // before it waits for the step
      float[] lossAndNorm = result.toFloats();
      Step made =
          new Step(optimizer.steps(), lossAndNorm[0], lossAndNorm[1], rate, config.tokensPerStep());
      check(made);
      averages.update();
      return made;
    } finally {
      inputs.forEach(Tensor::close);
    }
  }

  private List<Tensor> inputs(long steps) {
    Ahead read = ahead;
    ahead = null;
    if (read != null && read.steps() == steps) {
      return read.inputs();
    }
    if (read != null) {
      read.inputs().forEach(Tensor::close);
    }
    return read(steps);
  }

  private List<Tensor> read(long steps) {
    List<Tensor> inputs = new ArrayList<>();
    for (int i = 0; i < config.accumulate(); i++) {
      TokenBatch batch = train.get(steps * config.accumulate() + i);
      Stream.of(batch.inputs(), batch.targets(), batch.documents(), batch.positions())
          .filter(Objects::nonNull)
          .forEach(inputs::add);
    }
    return inputs;
  }

  /** The next step's batches, on their way while a GPU computes this one. */
  private void readAhead() {
    long steps = optimizer.steps();
    if (model.device() != Device.cpu() && steps < config.steps()) {
      try {
        ahead = new Ahead(steps, Scope.outside(() -> read(steps)));
      } catch (OutOfDeviceMemoryException e) {
        ahead = null; // there is room when this step's are closed
      }
    }
  }

  /** The loss and the norm of its gradient; where that is no number, nothing has changed. */
  private Tensor learn(Tensor... inputs) {
    int each = inputs.length / config.accumulate();
    Gradients sum = null;
    Tensor loss = null;
    for (int i = 0; i < inputs.length; i += each) {
      try (Tape tape = Tape.record()) {
        TokenBatch batch =
            each == 2
                ? new TokenBatch(inputs[i], inputs[i + 1])
                : new TokenBatch(inputs[i], inputs[i + 1], inputs[i + 2], inputs[i + 3]);
        Tensor part = model.loss(batch);
        sum = tape.keep(tape.accumulate(sum, part));
        loss = tape.keep(loss == null ? part : Pointwise.add(loss, part));
      }
    }
    double share = 1.0 / config.accumulate();
    double most = config.clip() > 0 ? config.clip() : Double.POSITIVE_INFINITY;
    Gradients.Clipped clipped = sum.scale(share).clipFinite(most);
    optimizer.step(clipped.gradients());
    sum.close();
    return Shapes.stack(0, Pointwise.mul(loss, share), clipped.norm());
  }

  private static void check(Step step) {
    if (!Double.isFinite(step.loss()) || !Double.isFinite(step.norm())) {
      throw new IllegalStateException(
          "train: the loss or its gradient is no number any more at step "
              + step.number()
              + ": "
              + step.loss()
              + "; lower the learning rate");
    }
  }

  /**
   * The mean loss of the held-out text, in order; the model is switched to evaluation meanwhile.
   */
  public double evaluate() {
    return averages.look(
        () -> TextEvaluation.of(model, validation, config.evaluateBatches()).loss());
  }

  private void saveModel(Listener listener) throws IOException {
    if (folder != null) {
      model.save(folder.resolve(MODEL));
      listener.saved(folder.resolve(MODEL));
    }
  }

  private void saveLast(Listener listener) throws IOException {
    Map<String, String> notes = new LinkedHashMap<>();
    notes.put("bestLoss", Double.toString(bestLoss));
    Checkpoint.save(folder.resolve(LAST), model, optimizer, averages.average(), notes);
    listener.saved(folder.resolve(LAST));
  }
}
