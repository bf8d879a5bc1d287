package io.gradus.cli;

import io.gradus.hub.BpeTrainer;
import io.gradus.hub.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code gradus tokenizer train}: learns a byte-level BPE vocabulary. */
@Command(
    name = "train",
    description =
        "Learns a byte-level BPE vocabulary from text, as GPT-2's was, and saves it as Hugging"
            + " Face's tokenizer.json.")
final class TokenizerTrainCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Option(
      names = "--vocabulary",
      paramLabel = "N",
      description = "The most tokens to learn. Default: ${DEFAULT-VALUE}.")
  private int vocabulary = 32_000;

  @Option(
      names = "--special",
      split = ",",
      paramLabel = "TOKEN",
      description = "Special tokens, which come first. Default: <|endoftext|>.")
  private List<String> special = List.of("<|endoftext|>");

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description = "Where to save it. Default: ${DEFAULT-VALUE}.")
  private Path output = Path.of("tokenizer.json");

  @Parameters(
      arity = "1..*",
      paramLabel = "TEXT",
      description = "Files of text in UTF-8, or folders of such files, of any size.")
  private List<Path> texts;

  @Option(names = "--json", description = "Write one JSON object.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    Usage.check(
        spec,
        vocabulary >= 256 + special.size(),
        "--vocabulary",
        "must be " + (256 + special.size()) + " or more, for all bytes and special tokens",
        vocabulary);
    long start = System.nanoTime();
    TextSource source = TextSource.of(texts);
    BpeTrainer trainer = new BpeTrainer(vocabulary, special.toArray(new String[0]));
    source.addTo(trainer);
    Tokenizer tokenizer = trainer.train();
    tokenizer.save(output);
    double seconds = (System.nanoTime() - start) / 1e9;
    Output out = Output.standard();
    if (json) {
      out.line(
          new Json()
              .put("file", output.toString())
              .put("tokens", tokenizer.size())
              .put("bytes", source.bytes())
              .put("seconds", seconds, 3)
              .toString());
    } else {
      out.line(
          "%,d tokens learned from %s of %s in %s, saved in %s",
          tokenizer.size(),
          Text.bytes(source.bytes()),
          source.name(),
          Text.duration(seconds),
          output);
    }
    return 0;
  }
}
