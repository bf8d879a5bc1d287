package io.gradus.cli;

import io.gradus.data.Tokens;
import io.gradus.hub.BpeTrainer;
import io.gradus.hub.TextGenerator;
import io.gradus.hub.Tokenizer;
import io.gradus.model.GptConfig;
import io.gradus.tensor.Device;
import io.gradus.train.PretrainingConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code gradus train gpt}: trains a language model on text. */
@Command(
    name = "gpt",
    description = {
      "Trains a language model from raw text: learns a tokenizer, then the model, looks at held-out"
          + " text and writes a sample now and then, and saves all of it in a folder.",
      "Without --text it learns Moby-Dick, which ships with Gradus, in two minutes."
    })
final class TrainGptCommand implements Callable<Integer> {

  private static final String END = "<|endoftext|>";
  private static final Set<String> WITH_RESUME =
      Set.of("--resume", "--output", "--device", "--threads", "--json", "--stacktrace");

  @Spec private CommandSpec spec;

  @Option(
      names = "--text",
      arity = "1..*",
      paramLabel = "FILE",
      description =
          "Files of text in UTF-8, or folders of such files, of any size. Default: Moby-Dick.")
  private List<Path> texts;

  @Option(
      names = "--held-out",
      paramLabel = "S",
      description =
          "The share of the tokens, the last ones, that the model is tested on."
              + " Default: ${DEFAULT-VALUE}.")
  private double heldOut = 0.1;

  @Option(
      names = "--tokenizer",
      paramLabel = "FILE",
      description = "A tokenizer.json. Default: one is learned from the text.")
  private Path tokenizerFile;

  @Option(
      names = "--vocabulary",
      paramLabel = "N",
      description =
          "The most tokens to learn. Default: those of the configuration, 512 at the least.")
  private Integer vocabulary;

  @Mixin private ModelOptions model;

  @Mixin private RecipeOptions recipe;

  @Option(names = "--bf16", description = "Keep what lies between the layers in BF16.")
  private boolean bf16;

  @Option(
      names = "--checkpointing",
      description = "Compute blocks again for their gradients instead of keeping what they need.")
  private boolean checkpointing;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description =
          "Where randomness starts: equal seeds give equal models. Default: ${DEFAULT-VALUE}.")
  private long seed = 42;

  @Option(
      names = "--sample-prompt",
      paramLabel = "TEXT",
      description = "What samples begin with. Default: the first words of the held-out text.")
  private String prompt;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description =
          "The folder of the model: config.json, tokenizer.json, model.safetensors, and what"
              + " --resume needs. Default: ${DEFAULT-VALUE}.")
  private Path output = Path.of("gpt");

  @Option(names = "--overwrite", description = "Replace the run that the folder has.")
  private boolean overwrite;

  @Option(
      names = "--resume",
      description = "Go on with the run in the folder, with its settings and to the same bits.")
  private boolean resume;

  @Mixin private DeviceOption device;

  @Mixin private ThreadsOption threads;

  @Option(
      names = "--json",
      description =
          "Write JSON lines, whose event is start, step (a hundred), evaluation, sample, saved or"
              + " end.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    GptFolder folder = new GptFolder(output);
    if (resume) {
      checkResume();
      device.check();
      threads.apply();
      try (GptReport report = report()) {
        GptRun.resume(folder, device.get(), report).run();
      }
      return 0;
    }
    GptConfig config = config();
    check(config);
    device.check();
    checkFolder(folder);
    threads.apply();
    Device there = device.get(); // what is missing for it comes out before the text is read
    TextSource source = texts == null ? TextSource.mobyDick() : TextSource.of(texts);
    try (GptReport report = report()) {
      prepare(folder, source, config, there, report).run();
    }
    return 0;
  }

  private void checkResume() {
    for (OptionSpec option : spec.commandLine().getParseResult().matchedOptions()) {
      if (!WITH_RESUME.contains(option.longestName())) {
        throw new ParameterException(
            spec.commandLine(),
            "--resume: goes on with the settings of its folder; leave out " + option.longestName());
      }
    }
  }

  private GptConfig config() throws IOException {
    try {
      return model.config();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private void check(GptConfig config) {
    recipe.check(config);
    check(heldOut >= 0 && heldOut < 1, "--held-out", "must be at least 0 and less than 1", heldOut);
    check(
        vocabulary == null || tokenizerFile == null,
        "--vocabulary",
        "cannot be given together with --tokenizer",
        vocabulary);
    check(
        vocabulary == null || vocabulary > 256,
        "--vocabulary",
        "must be 257 or more, for all bytes and the end of texts",
        vocabulary);
  }

  private void check(boolean right, String option, String rule, Object value) {
    Usage.check(spec, right, option, rule, value);
  }

  private void checkFolder(GptFolder folder) throws IOException {
    if (Files.exists(output) && !Files.isDirectory(output)) {
      throw new IOException("--output: not a folder: " + output);
    }
    if (!overwrite && !folder.isEmpty()) {
      throw new IOException(
          Files.exists(folder.run())
              ? "--output: "
                  + output
                  + " has another run; go on with it by --resume, replace it by --overwrite, or"
                  + " name another folder"
              : "--output: " + output + " is not empty; name another folder, or --overwrite");
    }
  }

  /** Fills the folder with all that a run needs. What is wrong with the text comes out before. */
  private GptRun prepare(
      GptFolder folder, TextSource source, GptConfig base, Device device, GptReport report)
      throws IOException {
    Tokenizer tokenizer = tokenizer(source, base, report);
    GptConfig config = base.withVocabulary(tokenizer.size());
    checkPrompt(tokenizer, config);
    boolean made = !Files.exists(output);
    try {
      Files.createDirectories(output);
      encode(folder, source, tokenizer, config);
    } catch (IOException | RuntimeException e) {
      if (made) {
        Files.deleteIfExists(output);
      }
      throw e;
    }
    Files.deleteIfExists(folder.last());
    Files.deleteIfExists(folder.model());
    tokenizer.save(folder.tokenizer());
    Tokens tokens = Tokens.open(folder.tokens());
    RunFile settings = settings(source, tokenizer, config, tokens);
    settings.write(folder.run());
    return GptRun.start(folder, settings, config, tokens, device, report);
  }

  private void checkPrompt(Tokenizer tokenizer, GptConfig config) {
    int tokens = prompt == null ? 0 : tokenizer.encode(prompt).length;
    check(
        tokens < config.context(),
        "--sample-prompt",
        "leaves no room in the context of " + config.context() + " tokens",
        tokens);
  }

  private Tokenizer tokenizer(TextSource source, GptConfig config, GptReport report)
      throws IOException {
    if (tokenizerFile != null) {
      return Tokenizer.load(tokenizerFile);
    }
    long start = System.nanoTime();
    int most = vocabulary != null ? vocabulary : Math.max(512, config.vocabulary());
    BpeTrainer trainer = new BpeTrainer(most, END);
    source.addTo(trainer);
    Tokenizer tokenizer = trainer.train();
    report.prepared(
        Text.format(
            "tokenizer: %,d tokens learned from %s in %s",
            tokenizer.size(), source.name(), Text.duration((System.nanoTime() - start) / 1e9)));
    return tokenizer;
  }

  private void encode(GptFolder folder, TextSource source, Tokenizer tokenizer, GptConfig config)
      throws IOException {
    Tokens.write(
        folder.tokens(),
        tokenizer.size(),
        to -> {
          long[] count = {0};
          source.encode(
              tokenizer,
              TextGenerator.endOfText(tokenizer),
              ids -> {
                count[0] += ids.length;
                to.add(ids);
              });
          checkEnough(count[0], recipe.time(config));
        });
  }

  /** Rows to train and to test need a token more than they have. */
  private void checkEnough(long tokens, int time) {
    long validation = validation(tokens);
    if (tokens - validation <= time || validation > 0 && validation <= time) {
      throw new IllegalArgumentException(
          "text: there is too little for rows of "
              + time
              + " tokens: "
              + (tokens - validation)
              + " to train, "
              + validation
              + " held out; give more text, a shorter --time or another --held-out");
    }
  }

  private long validation(long tokens) {
    return (long) (tokens * heldOut);
  }

  private RunFile settings(
      TextSource source, Tokenizer tokenizer, GptConfig config, Tokens tokens) {
    long validation = validation(tokens.size());
    int end = TextGenerator.endOfText(tokenizer).orElse(-1);
    PretrainingConfig all = recipe.recipe(config, tokens.size() - validation, end);
    return new RunFile(
        source.name(),
        source.bytes(),
        validation,
        all,
        recipe.ema(),
        bf16,
        checkpointing,
        recipe.sampleEvery(all),
        prompt != null ? prompt : firstWords(tokens, tokens.size() - validation, tokenizer, config),
        seed);
  }

  /** Some whole words of the held-out text, which leave room for more. */
  private static String firstWords(
      Tokens tokens, long from, Tokenizer tokenizer, GptConfig config) {
    int count = (int) Math.min(Math.min(24, config.context() / 2), tokens.size() - from);
    String text = count == 0 ? "" : tokenizer.decode(tokens.read(from, count), true);
    int first = text.indexOf(' ') + 1;
    int last = text.lastIndexOf(' ');
    return last > first ? text.substring(first, last).replaceAll("\\s+", " ") : "";
  }

  private GptReport report() {
    Output out = Output.standard();
    return json ? new GptJson(out) : new GptLog(out, Terminal.columns());
  }
}
