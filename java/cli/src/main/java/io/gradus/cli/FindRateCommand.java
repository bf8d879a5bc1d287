package io.gradus.cli;

import io.gradus.autograd.Autocast;
import io.gradus.autograd.Tape;
import io.gradus.data.Batch;
import io.gradus.data.BatchSource;
import io.gradus.data.Batches;
import io.gradus.nn.Module;
import io.gradus.optim.Optimizer;
import io.gradus.optim.Schedule;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import io.gradus.train.LearningRateFinder;
import io.gradus.train.Objective;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code gradus find-lr} of one network: looks for its learning rate. */
@Command
final class FindRateCommand implements Callable<Integer> {

  /** The command that those of the networks are below. */
  @Command(
      name = "find-lr",
      description =
          "Looks for the learning rate of a network (Smith 2017): takes steps with rates from low to"
              + " high and tells at which the loss falls fastest. Nothing is kept of them.")
  static final class AnyNetwork implements Runnable {

    @Spec private CommandSpec spec;

    /** Called where no network is named. */
    @Override
    public void run() {
      throw new ParameterException(
          spec.commandLine(), "find-lr: no network is given; name mlp, cnn, rnn, vae or vit");
    }
  }

  @Spec private CommandSpec spec;

  @Mixin private NetworkOptions options;

  @Mixin private DeviceOption device;

  @Mixin private ThreadsOption threads;

  @Option(
      names = "--low",
      paramLabel = "R",
      description = "The first learning rate. Default: ${DEFAULT-VALUE}.")
  private double low = 1e-6;

  @Option(
      names = "--high",
      paramLabel = "R",
      description = "The last one, unless the loss explodes before. Default: ${DEFAULT-VALUE}.")
  private double high = 1;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Steps from one to the other. Default: ${DEFAULT-VALUE}.")
  private int steps = 100;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description =
          "Draw the losses, into a file that ends with .png or .svg. Default: no picture.")
  private Path output;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Options from a file, as of gradus train. Default: none.")
  private Path config; // read before the arguments are parsed: see ConfigArguments

  @Option(names = "--json", description = "Write JSON lines. Default: a table.")
  private boolean json;

  private FindRateCommand(NetworkOptions options) {
    this.options = options;
  }

  static CommandLine line() {
    CommandLine line = new CommandLine(new AnyNetwork());
    for (String kind : NetworkOptions.KINDS) {
      NetworkOptions options = NetworkOptions.of(kind);
      CommandLine own = new CommandLine(new FindRateCommand(options));
      own.setResourceBundle(options.defaults());
      line.addSubcommand(kind, own);
    }
    return line;
  }

  @Override
  public Integer call() throws IOException {
    options.check(spec);
    Usage.check(spec, low > 0 && low < Double.POSITIVE_INFINITY, "--low", "must be positive", low);
    Usage.check(
        spec,
        high > low && high < Double.POSITIVE_INFINITY,
        "--high",
        "must be more than --low",
        high);
    Usage.check(spec, steps >= 2, "--steps", "must be 2 or more", steps);
    Usage.check(
        spec,
        output == null || Plots.isPicture(output),
        "--output",
        "must end with .png or .svg",
        output);
    device.check();
    threads.apply();
    options.complete();
    LearningRateFinder.Found found = find();
    tell(found);
    if (output != null) {
      draw(found);
    }
    return 0;
  }

  private LearningRateFinder.Found find() throws IOException {
    TaskData data = options.load();
    Network network = options.network(data);
    TrainerOptions settings = options.trainer();
    Seed seed = Seed.of(settings.seed());
    Device there = device.get();
    Module model = network.make(there, seed.split(0));
    Optimizer optimizer = settings.optimizer(model.parameters(), Schedule.constant(low));
    Objective<Batch> objective = network.objective(model, settings.labelSmoothing());
    Batches batches = NetworkRun.train(data, settings.batchSize(), there, seed.split(1));
    try (Endless endless = new Endless(batches)) {
      return LearningRateFinder.of(low, high, steps)
          .find(model, optimizer, () -> step(objective, endless.next(), optimizer, settings));
    }
  }

  @SuppressWarnings("try") // it only has to close
  private static double step(
      Objective<Batch> objective, Batch batch, Optimizer optimizer, TrainerOptions settings) {
    try (Tape tape = Tape.record()) {
      Tensor loss = loss(objective, batch, settings.bf16());
      var gradients = tape.gradients(loss);
      optimizer.step(settings.clip() > 0 ? gradients.clipNorm(settings.clip()) : gradients);
      return loss.item();
    }
  }

  @SuppressWarnings("try") // it only has to close
  private static Tensor loss(Objective<Batch> objective, Batch batch, boolean bf16) {
    if (!bf16) {
      return objective.compute(objective.tensors(batch)).loss();
    }
    try (Autocast autocast = Autocast.to(DType.BF16)) {
      return objective.compute(objective.tensors(batch)).loss();
    }
  }

  /** One epoch after the other. */
  private static final class Endless implements AutoCloseable {
    private final BatchSource<Batch> source;
    private long number;
    private BatchSource.Epoch<Batch> epoch;

    Endless(BatchSource<Batch> source) {
      this.source = source;
      this.epoch = source.epoch(0, 0);
    }

    Batch next() {
      if (!epoch.hasNext()) {
        epoch.close();
        epoch = source.epoch(++number, 0);
      }
      return epoch.next();
    }

    @Override
    public void close() {
      epoch.close();
    }
  }

  private void tell(LearningRateFinder.Found found) {
    Output out = Output.standard();
    if (!json) {
      out.line(found.toString());
      return;
    }
    for (LearningRateFinder.Point point : found.points()) {
      out.line(
          new Json()
              .put("event", "step")
              .put("learning_rate", point.rate())
              .put("loss", point.loss(), 6)
              .put("smoothed", point.smoothed(), 6)
              .toString());
    }
    Json end = new Json().put("event", "suggestion");
    found.suggestion().ifPresent(rate -> end.put("learning_rate", rate));
    out.line(end.toString());
  }

  private void draw(LearningRateFinder.Found found) throws IOException {
    double[] rates = found.points().stream().mapToDouble(p -> p.rate()).toArray();
    double[] losses = found.points().stream().mapToDouble(p -> p.smoothed()).toArray();
    Plots.learningRates(output, rates, losses, found.suggestion().orElse(Double.NaN));
    if (!json) {
      Output.standard().line("saved %s", output);
    }
  }
}
