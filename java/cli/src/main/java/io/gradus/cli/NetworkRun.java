package io.gradus.cli;

import io.gradus.data.Batch;
import io.gradus.data.Batches;
import io.gradus.data.Dataset;
import io.gradus.data.JsonTree;
import io.gradus.data.SequenceDataset;
import io.gradus.data.TensorDataset;
import io.gradus.hub.Tokenizer;
import io.gradus.metric.Accuracy;
import io.gradus.model.Vae;
import io.gradus.nn.Module;
import io.gradus.optim.Optimizer;
import io.gradus.report.JsonLinesLog;
import io.gradus.report.RunHistory;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.train.StopRules;
import io.gradus.train.TrainOutput;
import io.gradus.train.Trainer;
import io.gradus.train.TrainingArguments;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;

/** The training of a network of images or texts, in a folder that has all that belongs to it. */
final class NetworkRun {

  private static final int TEST_BATCH = 250;
  private static final int AHEAD = 4; // batches for each thread that reads
  private static final int THREADS = Math.max(1, Runtime.getRuntime().availableProcessors() / 2);

  private final RunFolder folder;
  private final NetworkOptions options;
  private final TaskData data;
  private final Network network;
  private final Module model;
  private final Trainer<Batch> trainer;
  private final TrainingArguments arguments;
  private final long batches;
  private final Report report;

  private NetworkRun(
      RunFolder folder,
      NetworkOptions options,
      TaskData data,
      Network network,
      boolean overwrite,
      Device device,
      Report report) {
    this.folder = folder;
    this.options = options;
    this.data = data;
    this.network = network;
    this.report = report;
    TrainerOptions settings = options.trainer();
    Seed seed = Seed.of(settings.seed());
    model = network.make(device, seed.split(0));
    Batches train = train(data, settings.batchSize(), device, seed.split(1));
    batches = train.count();
    arguments = settings.arguments(folder.path(), overwrite, batches, task(network, data));
    Optimizer optimizer =
        settings.optimizer(model.parameters(), arguments.schedule(arguments.totalSteps(batches)));
    trainer =
        new Trainer<>(
                model,
                network.objective(model, settings.labelSmoothing()),
                train,
                inOrder(data.evaluated(), settings.batchSize(), device),
                arguments)
            .optimizer(optimizer);
    if (network.classifies()) {
      trainer.metrics(new Accuracy());
    }
    trainer.callbacks(
        new RunProgress(
            report,
            settings.epochs(),
            arguments.stepsPerEpoch(batches),
            data.validation() == null ? "test" : "validation",
            network.classifies()));
    if (settings.patience() > 0) {
      trainer.callbacks(StopRules.noImprovement(settings.patience(), 0));
    }
  }

  /** Shuffled, and read by threads where that takes time. */
  static Batches train(TaskData data, int batchSize, Device device, Seed seed) {
    Batches batches = Batches.of(data.train(), batchSize).to(device);
    batches = data.order() == null ? batches.shuffle(seed) : batches.order(data.order(), seed);
    return data.inMemory() ? batches : batches.prefetch(THREADS, AHEAD * THREADS);
  }

  /** For a test, which keeps less than a step and takes larger batches. */
  static Batches inOrder(Dataset examples, int batchSize, Device device) {
    Batches batches = Batches.of(examples, (int) Math.min(TEST_BATCH, 2L * batchSize)).to(device);
    boolean held = examples instanceof TensorDataset || examples instanceof SequenceDataset;
    return held ? batches : batches.prefetch(THREADS, AHEAD * THREADS);
  }

  private static TrainerOptions.TaskKind task(Network network, TaskData data) {
    // A batch of texts is as long as the longest of them: there are too many shapes to capture.
    return new TrainerOptions.TaskKind(
        network.classifies() ? "accuracy" : "loss", data.order() == null);
  }

  /** A training from its beginning: writes what describes it. */
  static NetworkRun start(
      RunFolder folder, NetworkOptions options, JsonTree values, Device device, Report report)
      throws IOException {
    TaskData data = options.load();
    Network network = options.network(data);
    NetworkRun run = new NetworkRun(folder, options, data, network, true, device, report);
    Files.createDirectories(folder.path());
    // Only what can begin takes another one's place.
    OldRun.remove(folder);
    values.write(folder.run());
    new RunFolder.Trained(network, data.format(), data.classes(), data.tokenizer()).write(folder);
    return run;
  }

  /** A training that goes on from its newest checkpoint. */
  static NetworkRun resume(RunFolder folder, NetworkOptions options, Device device, Report report)
      throws IOException {
    RunFolder.Trained trained = folder.trained();
    folder.checkSame(options, trained);
    TaskData data = options.load();
    if (!trained.format().equals(data.format())
        || !trained.classes().equals(data.classes())
        || !isSame(trained.tokenizer(), data.tokenizer())) {
      throw new IOException(
          "resume: the data is not what the run began with: "
              + data.name()
              + " has other classes, sizes or words than "
              + folder.network()
              + " says");
    }
    NetworkRun run =
        new NetworkRun(folder, options, data, trained.network(), false, device, report);
    if (!run.trainer.resume()) {
      throw new IOException(
          "resume: there is no checkpoint in " + folder.path() + "; begin with gradus train");
    }
    return run;
  }

  private static boolean isSame(Tokenizer one, Tokenizer other) {
    if (one == null || other == null || one.size() != other.size()) {
      return one == other;
    }
    return IntStream.range(0, one.size()).allMatch(id -> one.token(id).equals(other.token(id)));
  }

  private boolean isDone() {
    return trainer.state().globalStep() >= trainer.state().totalSteps();
  }

  @SuppressWarnings("try") // the hook only has to be there
  void run() throws IOException {
    report.start(plan());
    TrainOutput output;
    boolean[] interrupted = {false};
    try (JsonLinesLog log = new JsonLinesLog(folder.metrics());
        StopOnInterrupt onInterrupt =
            new StopOnInterrupt(
                () -> {
                  interrupted[0] = true;
                  trainer.stop();
                })) {
      trainer.logs(log);
      output = trainer.train();
      if (interrupted[0] && !isDone() && options.trainer().savesCheckpoints()) {
        report.stopped(output.globalStep(), folder.path());
        return;
      }
      finish(output);
    }
  }

  private void finish(TrainOutput output) throws IOException {
    TestResult test =
        TestResult.of(
            network,
            model,
            inOrder(data.test(), options.trainer().batchSize(), model.device()),
            data.classes());
    report.end(test, output.reason(), output.runtime());
    model.save(folder.model());
    saved(folder.model());
    if (model instanceof Vae vae) {
      ImageFormat format = (ImageFormat) data.format();
      Path samples = folder.path().resolve("samples.png");
      VaePictures.samples(samples, vae, format, Seed.of(options.trainer().seed()));
      saved(samples);
      Path reconstructions = folder.path().resolve("reconstructions.png");
      VaePictures.reconstructions(reconstructions, vae, format, data.test());
      saved(reconstructions);
    }
    if (options.trainer().plot() != null) {
      Path picture = folder.path().resolve("loss." + options.trainer().plot());
      Curves.losses(picture, RunHistory.read(folder.metrics()));
      saved(picture);
    }
  }

  private void saved(Path file) throws IOException {
    report.saved(file, Files.size(file));
  }

  private Plan plan() {
    TrainerOptions settings = options.trainer();
    return new Plan(
        data.name(),
        data.unit(),
        data.train().size(),
        data.validation() == null ? 0 : data.validation().size(),
        data.test().size(),
        network.kind(),
        network.layers(),
        model.parameters().count(),
        settings.epochs(),
        settings.batchSize(),
        arguments.totalSteps(batches),
        trainer.state().globalStep(),
        settings.optimizerName(),
        settings.learningRate(),
        settings.weightDecay(),
        settings.seed(),
        model.device());
  }
}
