package io.gradus.cli;

import io.gradus.data.InputFile;
import io.gradus.hub.TextGenerator;
import io.gradus.model.GenerationConfig;
import io.gradus.tensor.Seed;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code gradus generate}: goes on where a prompt ends. */
@Command(
    name = "generate",
    description = {
      "Lets a language model go on where a prompt ends, and writes the text as it comes.",
      "The same seed gives the same text."
    })
final class GenerateCommand implements Callable<Integer> {

  private static final int SIDE_BY_SIDE = 16; // prompts; each takes memory for its own keys

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "MODEL",
      description = "A folder with config.json, tokenizer.json and model.safetensors.")
  private Path model;

  @Option(names = "--prompt", paramLabel = "TEXT", description = "Where to begin; can be repeated.")
  private List<String> prompts = List.of();

  @Option(
      names = "--prompts",
      paramLabel = "FILE",
      description = "A file of prompts, one on each line; - for standard input.")
  private String promptFile;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "The most tokens to write. Default: ${DEFAULT-VALUE}.")
  private int maxTokens = 100;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description =
          "Below 1 likely tokens become likelier; 0 takes the likeliest. Default: 0.8; 0 with"
              + " --beams.")
  private Double temperature;

  @Option(names = "--greedy", description = "Take the likeliest token always.")
  private boolean greedy;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description = "Draw among the K likeliest tokens; 0 for all. Default: ${DEFAULT-VALUE}.")
  private int topK = 0;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description =
          "Draw among the likeliest tokens that reach P together. Default: ${DEFAULT-VALUE}.")
  private double topP = 1;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "R",
      description = "Above 1 tokens that were seen become unlikelier. Default: ${DEFAULT-VALUE}.")
  private double repetitionPenalty = 1;

  @Option(
      names = "--beams",
      paramLabel = "N",
      description = "Search with N beams for the likeliest text. Default: ${DEFAULT-VALUE}, none.")
  private int beams = 1;

  @Option(
      names = "--length-penalty",
      paramLabel = "L",
      description = "Above 0 beam search likes longer texts. Default: ${DEFAULT-VALUE}.")
  private double lengthPenalty = 1;

  @Option(names = "--stop", paramLabel = "TEXT", description = "End before this; can be repeated.")
  private List<String> stops = List.of();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Decides what is drawn. Default: ${DEFAULT-VALUE}.")
  private long seed = 42;

  @Mixin private DeviceOption device;

  @Mixin private ThreadsOption threads;

  @Option(
      names = "--json",
      description = "Write one JSON line for each prompt: prompt, text, seconds.")
  private boolean json;

  private final Output out = Output.standard();

  @Override
  public Integer call() throws IOException {
    GenerationConfig config = config();
    check(!stops.contains(""), "--stop", "must not be empty", "''");
    List<String> all = prompts();
    device.check();
    threads.apply();
    GptFolder.Loaded loaded = new GptFolder(model).load("generate", device.get());
    var generator = new TextGenerator(loaded.model(), loaded.tokenizer());
    if (all.size() == 1 && !json) {
      stream(generator, all.get(0), config);
      return 0;
    }
    for (int from = 0; from < all.size(); from += SIDE_BY_SIDE) {
      List<String> part = all.subList(from, Math.min(all.size(), from + SIDE_BY_SIDE));
      long start = System.nanoTime();
      List<String> texts = generator.generate(part, with(config, from / SIDE_BY_SIDE), stops);
      double seconds = (System.nanoTime() - start) / 1e9 / part.size();
      for (int i = 0; i < part.size(); i++) {
        write(part.get(i), texts.get(i), seconds, from + i);
      }
    }
    return 0;
  }

  private void stream(TextGenerator generator, String prompt, GenerationConfig config) {
    out.write(prompt);
    generator.generate(prompt, config, stops, out::write);
    out.line("");
  }

  private void write(String prompt, String text, double seconds, int number) {
    if (json) {
      out.line(
          new Json().put("prompt", prompt).put("text", text).put("seconds", seconds, 3).toString());
    } else {
      out.line("%s%s%s", number == 0 ? "" : System.lineSeparator(), prompt, text);
    }
  }

  /** Equal prompts in different parts of a long list are not to get equal texts. */
  private static GenerationConfig with(GenerationConfig config, int part) {
    return part == 0 ? config : config.withSeed(config.seed().split(part));
  }

  private GenerationConfig config() {
    check(
        !greedy || temperature == null || temperature == 0,
        "--temperature",
        "cannot be given together with --greedy",
        temperature);
    check(
        beams == 1 || temperature == null || temperature == 0,
        "--temperature",
        "cannot be given together with --beams, which draws nothing",
        temperature);
    check(maxTokens >= 1, "--max-tokens", "must be 1 or more", maxTokens);
    check(
        temperature == null || temperature >= 0 && temperature < 1e6,
        "--temperature",
        "must be 0 or more",
        temperature);
    check(topK >= 0, "--top-k", "must be 0 or more", topK);
    check(topP > 0 && topP <= 1, "--top-p", "must be more than 0 and at most 1", topP);
    check(
        repetitionPenalty > 0 && repetitionPenalty < 1e6,
        "--repetition-penalty",
        "must be positive",
        repetitionPenalty);
    check(beams >= 1, "--beams", "must be 1 or more", beams);
    check(Double.isFinite(lengthPenalty), "--length-penalty", "must be finite", lengthPenalty);
    double heat = greedy || beams > 1 ? 0 : temperature != null ? temperature : 0.8;
    return new GenerationConfig(
        maxTokens,
        heat,
        topK,
        topP,
        repetitionPenalty,
        beams,
        lengthPenalty,
        Set.of(),
        Seed.of(seed));
  }

  private void check(boolean right, String option, String rule, Object value) {
    Usage.check(spec, right, option, rule, value);
  }

  private List<String> prompts() throws IOException {
    List<String> all = new ArrayList<>(prompts);
    if (promptFile != null) {
      all.addAll(lines());
    }
    if (all.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(),
          promptFile == null
              ? "generate: there is no prompt; give --prompt or --prompts"
              : "--prompts: there is no line in " + promptFile);
    }
    return all;
  }

  private List<String> lines() throws IOException {
    if (promptFile.equals("-")) {
      return StandardInput.text("--prompts").lines().toList();
    }
    InputFile.check("--prompts", Path.of(promptFile));
    try {
      return Files.readAllLines(Path.of(promptFile));
    } catch (CharacterCodingException e) {
      throw new IOException("--prompts: not UTF-8: " + promptFile, e);
    }
  }
}
