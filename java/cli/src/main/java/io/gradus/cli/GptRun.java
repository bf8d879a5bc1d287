package io.gradus.cli;

import io.gradus.data.Tokens;
import io.gradus.hub.TextGenerator;
import io.gradus.hub.Tokenizer;
import io.gradus.model.GenerationConfig;
import io.gradus.model.Gpt;
import io.gradus.model.GptConfig;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.train.Pretraining;
import io.gradus.train.PretrainingConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The training of a language model in a folder that has its tokenizer, tokens and settings. */
final class GptRun implements Pretraining.Listener {

  private static final int SAMPLE_TOKENS = 60;

  private final GptFolder folder;
  private final RunFile settings;
  private final Tokenizer tokenizer;
  private final Gpt model;
  private final Pretraining training;
  private final GptPlan plan;
  private final GptReport report;
  private GptMeter meter;
  private GptProgress progress;
  private double best = Double.POSITIVE_INFINITY;

  private GptRun(
      GptFolder folder,
      RunFile settings,
      GptConfig config,
      Tokens tokens,
      Device device,
      GptReport report)
      throws IOException {
    this.folder = folder;
    this.settings = settings;
    this.report = report;
    tokenizer = Tokenizer.load(folder.tokenizer());
    Seed seed = Seed.of(settings.seed());
    model = new Gpt(config, device, seed.split(0));
    if (settings.bf16()) {
      model.activations(DType.BF16);
    }
    model.checkpointing(settings.checkpointing());
    long trainTokens = tokens.size() - settings.validation();
    Tokens train = tokens.slice(0, trainTokens);
    Tokens validation =
        settings.validation() == 0 ? null : tokens.slice(trainTokens, tokens.size());
    training =
        new Pretraining(model, train, validation, settings.recipe(), seed.split(1), folder.path())
            .averaging(settings.ema());
    plan =
        new GptPlan(
            settings,
            config,
            model.parameters().count(),
            trainTokens,
            TokenFigures.of(validation == null ? train : validation, tokenizer),
            device,
            PeakRate.get(device, settings.bf16() ? DType.BF16 : DType.F32));
  }

  /** A training from its beginning. */
  static GptRun start(
      GptFolder folder,
      RunFile settings,
      GptConfig config,
      Tokens tokens,
      Device device,
      GptReport report)
      throws IOException {
    return new GptRun(folder, settings, config, tokens, device, report);
  }

  /** A training that goes on from its last checkpoint. */
  static GptRun resume(GptFolder folder, Device device, GptReport report) throws IOException {
    if (!Files.exists(folder.run()) || !Files.exists(folder.last())) {
      boolean begun = Files.exists(folder.run());
      throw new IOException(
          "--resume: there is nothing to resume in "
              + folder.path()
              + ": no "
              + (begun ? folder.last() : folder.run()).getFileName()
              + "; leave out --resume to begin"
              + (begun ? ", with --overwrite" : ""));
    }
    RunFile settings = RunFile.read(folder.run());
    GptConfig config = GptConfig.read(folder.config());
    Tokens tokens = Tokens.open(folder.tokens());
    if (settings.validation() > tokens.size()) {
      throw new IOException(
          "--resume: " + folder.tokens() + " is not the text of this run: it is too short");
    }
    GptRun run = new GptRun(folder, settings, config, tokens, device, report);
    run.training.resume();
    long done = run.training.optimizer().steps();
    if (done >= settings.recipe().steps()) {
      throw new IllegalStateException(
          "--resume: the run in "
              + folder.path()
              + " has finished all of its "
              + done
              + " steps; name another folder with --output to train again");
    }
    run.best = run.training.bestLoss();
    return run;
  }

  @SuppressWarnings("try") // the hook only has to be there
  void run() throws IOException {
    PretrainingConfig recipe = settings.recipe();
    long first = training.optimizer().steps();
    report.start(plan, first);
    meter = new GptMeter(recipe.steps(), model.config().flopsPerToken(recipe.time()), plan.peak());
    try (StopOnInterrupt onInterrupt = new StopOnInterrupt(training::stop)) {
      training.run(this);
      report.end(result());
    }
  }

  private GptResult result() {
    double loss = best == Double.POSITIVE_INFINITY ? Double.NaN : best;
    return new GptResult(
        folder,
        training.optimizer().steps(),
        settings.recipe().steps(),
        loss,
        plan.heldOut().bitsPerByte(loss),
        plan.heldOut().entropy(),
        settings.prompt(),
        meter.seconds());
  }

  // As a listener

  @Override
  public void step(Pretraining.Step step) {
    progress = meter.add(step);
    report.step(progress);
    boolean evaluates =
        settings.validation() > 0
            && (step.number() == settings.recipe().steps()
                || step.number() % settings.recipe().evaluateEvery() == 0);
    if (!evaluates) {
      sample(step.number());
    }
    meter.begin();
  }

  @Override
  public void evaluated(Pretraining.Evaluated evaluated) {
    best = Math.min(best, evaluated.loss());
    report.evaluated(progress, evaluated);
    sample(evaluated.step());
    meter.begin();
  }

  @Override
  public void saved(Path file) {
    report.saved(file);
    meter.begin();
  }

  private void sample(long step) {
    long every = settings.sampleEvery();
    boolean canBegin =
        !settings.prompt().isEmpty() || TextGenerator.endOfText(tokenizer).isPresent();
    if (every > 0 && canBegin && (step % every == 0 || step == settings.recipe().steps())) {
      int most = Math.min(SAMPLE_TOKENS, model.config().context() / 2);
      var config =
          GenerationConfig.sample(most, Seed.of(settings.seed())).withTemperature(0.8).withTopK(50);
      var generator = new TextGenerator(model, tokenizer);
      String text = generator.generate(settings.prompt(), config, List.of(), piece -> {});
      report.sample(step, settings.prompt(), text);
    }
  }
}
