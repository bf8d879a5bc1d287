package io.gradus.train;

import io.gradus.autograd.NonFiniteException;
import io.gradus.data.Batch;
import io.gradus.data.BatchSource;
import io.gradus.data.Batches;
import io.gradus.data.Dataset;
import io.gradus.metric.Metric;
import io.gradus.nn.Checkpointed;
import io.gradus.nn.Module;
import io.gradus.optim.AdamW;
import io.gradus.optim.ClosureOptimizer;
import io.gradus.optim.Optimizer;
import io.gradus.optim.ReduceOnPlateau;
import io.gradus.optim.Resumable;
import io.gradus.report.RunLog;
import io.gradus.tensor.DType;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * Trains a model: epochs of batches, steps of an optimizer, evaluations, logs, and checkpoints from
 * which a training goes on with the same bits.
 *
 * <pre>{@code
 * var arguments = TrainingArguments.builder(Path.of("out"))
 *     .numTrainEpochs(5).perDeviceTrainBatchSize(64).learningRate(1e-3)
 *     .evalStrategy(IntervalStrategy.EPOCH).build();
 * Mlp model = new Mlp(MlpConfig.of(784, 256, 10), Device.best(), Seed.of(1));
 * TrainOutput output =
 *     Trainer.of(model, Losses::crossEntropy, data.train(), data.test(), arguments)
 *         .callbacks(new ProgressCallback(System.out))
 *         .train();
 * }</pre>
 *
 * <p>Settings come first, then at most one of the {@code resume} methods, then {@link #train}. One
 * thread trains; {@link #stop} is for any.
 *
 * @param <B> what a batch is
 */
public final class Trainer<B> {

  private final Module model;
  private final Objective<B> objective;
  private final BatchSource<B> train;
  private final BatchSource<B> eval; // null for none
  private final TrainingArguments arguments;
  private final CallbackList callbacks = new CallbackList();
  private final TrainerControl control = new TrainerControl();
  private final TrainerState state;
  private final TrainerLog log;
  private final TrainerFiles checkpoints;
  private final Evaluator<B> evaluator;
  private final AveragedWeights averages;
  private GradScaler scaler; // null without one
  private Resumable optimizer; // null until it is needed
  private long savedStep = -1; // of the last checkpoint that this one wrote

  /**
   * A training.
   *
   * @param objective how a batch becomes a loss
   * @param eval for evaluations; null for none
   * @throws IllegalArgumentException where there is no batch, or the arguments ask for evaluations
   *     and there is nothing for them
   */
  public Trainer(
      Module model,
      Objective<B> objective,
      BatchSource<B> train,
      BatchSource<B> eval,
      TrainingArguments arguments) {
    if (train.count() < 1) {
      throw new IllegalArgumentException("trainer: there is no batch to train with");
    }
    if (eval == null && arguments.evalStrategy() != IntervalStrategy.NO) {
      throw new IllegalArgumentException(
          "trainer: evalStrategy is "
              + arguments.evalStrategy()
              + ", and there is nothing to evaluate with; give it data, or set NO");
    }
    if (arguments.gradientCheckpointing()) {
      checkpointing(model);
    }
    this.model = model;
    this.train = train;
    this.eval = eval;
    this.arguments = arguments;
    this.objective = mixed(objective, arguments);
    this.scaler = arguments.fp16() ? new GradScaler() : null;
    this.state = new TrainerState(arguments.totalSteps(train.count()), train.count());
    this.log = new TrainerLog(state);
    this.checkpoints = new TrainerFiles(model, arguments);
    callbacks.add(new FlowCallback());
    this.evaluator = new Evaluator<>(model, this.objective);
    this.averages = new AveragedWeights(model, arguments.emaDecay());
  }

  private static void checkpointing(Module model) {
    if (!(model instanceof Checkpointed parts)) {
      throw new IllegalArgumentException(
          "trainer: gradientCheckpointing needs a model that says what its parts are: "
              + model.getClass().getSimpleName()
              + "; let it implement Checkpointed, or be a Sequential");
    }
    parts.checkpointing(true);
  }

  private static <B> Objective<B> mixed(Objective<B> objective, TrainingArguments arguments) {
    if (arguments.bf16() || arguments.fp16()) {
      return new MixedPrecision<>(objective, arguments.bf16() ? DType.BF16 : DType.F16);
    }
    return objective;
  }

  /** A training on batches of inputs and targets. */
  public static Trainer<Batch> of(
      Module model,
      TrainingLoss loss,
      BatchSource<Batch> train,
      BatchSource<Batch> eval,
      TrainingArguments arguments) {
    return new Trainer<>(model, Objective.of(model, loss), train, eval, arguments);
  }

  /**
   * A training on data, shuffled anew in each epoch as the seed of the arguments decides.
   *
   * @param eval for evaluations; null for none
   */
  public static Trainer<Batch> of(
      Module model, TrainingLoss loss, Dataset train, Dataset eval, TrainingArguments arguments) {
    Batches shuffled =
        batches(train, arguments.perDeviceTrainBatchSize(), model, arguments)
            .shuffle(Seed.of(arguments.seed()));
    Batches inOrder =
        eval == null ? null : batches(eval, arguments.perDeviceEvalBatchSize(), model, arguments);
    return of(
        model,
        loss,
        arguments.dataloaderDropLast() ? shuffled.dropLast() : shuffled,
        inOrder,
        arguments);
  }

  private static Batches batches(
      Dataset data, int size, Module model, TrainingArguments arguments) {
    int workers = arguments.dataloaderNumWorkers();
    return Batches.of(data, size)
        .to(model.device())
        .prefetch(workers, Math.max(1, workers * arguments.dataloaderPrefetchFactor()));
  }

  // Settings

  /**
   * Trains with this optimizer, whose learning rates are its own, and not with the {@link AdamW}
   * that the arguments describe. Where those are a {@link ReduceOnPlateau}, each evaluation of the
   * training tells it the figure that the arguments name for the best model.
   *
   * <p>A {@link ClosureOptimizer} is asked for one step on each batch, or on all that are
   * accumulated, and computes their mean loss as often as it needs it: in memory for all of them,
   * with the same random numbers each time. A line search says how far it goes, so that {@code
   * maxGradNorm} is not for it.
   *
   * @throws IllegalArgumentException where it is a ClosureOptimizer, and the arguments ask for
   *     captureGraph, fp16 or explodingGradNorm, which it cannot do
   */
  public Trainer<B> optimizer(Resumable optimizer) {
    if (optimizer instanceof ClosureOptimizer closure) {
      ClosureStep.check(closure, arguments);
    }
    this.optimizer = optimizer;
    return this;
  }

  /** Figures of each evaluation besides the loss. */
  public Trainer<B> metrics(Metric... metrics) {
    evaluator.metrics().addAll(List.of(metrics));
    return this;
  }

  /** Who hears how it goes; a checkpoint holds what they remember, in this order. */
  public Trainer<B> callbacks(TrainerCallback... callbacks) {
    this.callbacks.add(callbacks);
    return this;
  }

  /** Where figures are written; who opened a log closes it. */
  public Trainer<B> logs(RunLog... logs) {
    log.add(logs);
    return this;
  }

  /** Scales the loss in F16 as this one says, and not with PyTorch's settings. */
  public Trainer<B> gradScaler(GradScaler scaler) {
    if (!arguments.fp16()) {
      throw new IllegalStateException("trainer: a loss is scaled in F16 alone; set fp16");
    }
    this.scaler = scaler;
    return this;
  }

  // Training

  /**
   * Trains until the last step, or until someone stops it. Called again it goes on from there.
   *
   * <p>Where the arguments have an {@code emaDecay}, the model has the averages of its weights
   * afterwards, and the weights that learn again while it goes on.
   *
   * @throws NonFiniteException where a loss or gradient is not finite and the arguments say STOP
   * @throws IOException where a checkpoint or a log cannot be written; older ones are as they were
   * @throws IllegalStateException where the directory has the checkpoints of another training
   */
  public TrainOutput train() throws IOException {
    checkpoints.prepare(state.globalStep() == 0);
    control.begin();
    averages.begin();
    Stopwatch watch = new Stopwatch(state);
    boolean training = model.isTraining();
    model.train();
    try (log;
        Step step = newStep()) {
      log.open(arguments.loggingDir());
      callbacks.onTrainBegin(this, control);
      while (!isDone()) {
        epoch(step);
      }
      if (control.isStopped() && checkpoints.wanted() && savedStep != state.globalStep()) {
        save();
      }
      averages.show();
      checkpoints.loadBest(state);
      callbacks.onTrainEnd(this, control);
    } finally {
      if (!training) {
        model.eval();
      }
    }
    return watch.output(checkpoints.best(state), control.reason());
  }

  private Step newStep() {
    return optimizer() instanceof ClosureOptimizer closure
        ? new ClosureStep(model, objective, closure, arguments)
        : new TrainStep(model, objective, (Optimizer) optimizer(), arguments, scaler);
  }

  private boolean isDone() {
    return state.isDone() || control.isStopped();
  }

  /** One epoch, or what is left of it. */
  private void epoch(Step step) throws IOException {
    if (state.batch() == 0) {
      callbacks.onEpochBegin(this, control);
    }
    try (BatchSource.Epoch<B> batches = train.epoch(state.epoch(), state.batch())) {
      while (state.batch() < train.count() && !isDone()) {
        step(step, batches);
        callbacks.onStepEnd(this, control);
        if (state.isEpochDone()) {
          state.endEpoch();
          callbacks.onEpochEnd(this, control);
          logEvaluateSave();
          return;
        }
        logEvaluateSave();
      }
    }
  }

  @SuppressWarnings("try") // the scope only has to close
  private void step(Step step, BatchSource.Epoch<B> batches) {
    long left = train.count() - state.batch();
    int parts = (int) Math.min(arguments.gradientAccumulationSteps(), left);
    try (Scope scope = Scope.open()) {
      List<List<Tensor>> tensors = new ArrayList<>();
      long weight = 0;
      for (int i = 0; i < parts; i++) {
        B batch = batches.next();
        weight += objective.weight(batch);
        List<Tensor> read = objective.tensors(batch);
        // A batch is closed when the next one is taken.
        tensors.add(i + 1 == parts ? read : read.stream().map(Tensor::copy).toList());
      }
      Step.Result result = step.run(tensors, batches::prepare);
      if (result.applied()) {
        averages.update();
      }
      state.step(result, parts, weight);
    }
  }

  /** What callbacks asked for, once a step at most: a checkpoint then holds all that came of it. */
  private void logEvaluateSave() throws IOException {
    if (control.takeLog()) {
      logged(log.training());
    }
    if (control.takeEvaluate() && eval != null) {
      evaluateAndRemember();
    }
    if (control.takeSave()) {
      save();
    }
  }

  private void evaluateAndRemember() throws IOException {
    Map<String, Double> metrics = evaluate();
    double metric = metricForBest(metrics);
    boolean best = state.evaluated(metrics, metric, arguments.greaterIsBetter());
    if (optimizer().schedule() instanceof ReduceOnPlateau plateau) {
      plateau.observe(metric);
    }
    if (best && arguments.loadBestModelAtEnd()) {
      control.save();
    }
    logged(log.evaluation(metrics));
    callbacks.onEvaluate(this, control, metrics);
  }

  double metricForBest(Map<String, Double> metrics) {
    String name = arguments.metricForBestModel();
    String full = name.startsWith(Evaluator.PREFIX) ? name : Evaluator.PREFIX + name;
    if (!metrics.containsKey(full)) {
      throw new IllegalArgumentException(
          "trainer: metricForBestModel is " + name + ", and there are " + metrics.keySet());
    }
    return metrics.get(full);
  }

  private void logged(Map<String, Double> values) throws IOException {
    callbacks.onLog(this, control, values);
  }

  /** Ends {@link #train} behind the step at hand, with a checkpoint to go on from. */
  public void stop() {
    control.stop("stopped");
  }

  // Evaluation

  /**
   * Evaluates the model, switched to evaluation meanwhile; where the arguments have an {@code
   * emaDecay}, with the averages of its weights.
   *
   * @return {@code eval_loss}, the metrics as {@code eval_accuracy}, and {@code eval_runtime} in
   *     seconds
   * @throws IllegalStateException where there is nothing to evaluate with
   */
  public Map<String, Double> evaluate() {
    if (eval == null) {
      throw new IllegalStateException("trainer: there is nothing to evaluate with; name the data");
    }
    return evaluate(eval);
  }

  /** Evaluates the model on other data. */
  public Map<String, Double> evaluate(BatchSource<B> data) {
    return Collections.unmodifiableMap(averages.look(() -> evaluator.run(data)));
  }

  // Checkpoints

  private TrainerFiles.Parts parts() {
    return new TrainerFiles.Parts(optimizer(), averages, state, scaler, callbacks);
  }

  private void save() throws IOException {
    Path written = checkpoints.save(parts());
    savedStep = state.globalStep();
    callbacks.onSave(this, control, written);
  }

  /**
   * Goes on from the newest whole checkpoint in the directory of the arguments.
   *
   * @return whether there was one; without it, {@link #train} begins at the start
   * @throws IOException where there are some, but none that can be read
   * @throws IllegalArgumentException where it is of another model or of other data
   */
  public boolean resume() throws IOException {
    return checkpoints.resume(parts());
  }

  /**
   * Goes on from one checkpoint.
   *
   * @throws IOException where it cannot be read
   * @throws IllegalArgumentException where it is of another model or of other data
   */
  public void resume(Path checkpoint) throws IOException {
    checkpoints.resume(checkpoint, parts());
  }

  // What it is made of

  /** How far it is. */
  public TrainerState state() {
    return state;
  }

  /** The model that is trained. */
  public Module model() {
    return model;
  }

  /** How it is trained. */
  public TrainingArguments arguments() {
    return arguments;
  }

  /** The optimizer; where none was given, an {@link AdamW} as the arguments describe it. */
  public Resumable optimizer() {
    if (optimizer == null) {
      optimizer =
          AdamW.builder()
              .learningRate(arguments.schedule(state.totalSteps()))
              .betas(arguments.adamBeta1(), arguments.adamBeta2())
              .epsilon(arguments.adamEpsilon())
              .weightDecay(arguments.weightDecay())
              .decayMatricesOnly()
              .build(model.parameters());
    }
    return optimizer;
  }
}
