package io.gradus.cli;

import io.gradus.data.Tokens;
import io.gradus.hub.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code gradus tokenizer encode}: text to ids. */
@Command(
    name = "encode",
    description = "Turns a text, a file or standard input into token ids, separated by blanks.")
final class TokenizerEncodeCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "TOKENIZER", description = "A tokenizer.json.")
  private Path tokenizerFile;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "TEXT",
      description = "The text. Default: standard input.")
  private String text;

  @Option(
      names = "--file",
      paramLabel = "FILE",
      description = "A file of text in UTF-8 of any size, instead of the text.")
  private Path file;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description = "Write a file of ids to train with, instead of showing them.")
  private Path output;

  @Option(names = "--json", description = "Write one JSON object: ids, tokens and their number.")
  private boolean json;

  private final Output out = Output.standard();

  @Override
  public Integer call() throws IOException {
    Usage.check(
        spec, file == null || text == null, "--file", "cannot be given together with a text", file);
    Tokenizer tokenizer = Tokenizer.load(tokenizerFile);
    if (output != null) {
      write(tokenizer);
    } else if (file != null && !json) {
      show(tokenizer);
    } else {
      int[] ids = tokenizer.encode(text());
      out.line(json ? object(tokenizer, ids) : join(ids));
    }
    return 0;
  }

  private void write(Tokenizer tokenizer) throws IOException {
    long[] count = {0};
    Tokens.write(
        output,
        tokenizer.size(),
        to -> {
          Tokens.Sink counted =
              ids -> {
                count[0] += ids.length;
                to.add(ids);
              };
          if (file != null) {
            TextSource.of(List.of(file)).encode(tokenizer, OptionalInt.empty(), counted);
          } else {
            counted.add(tokenizer.encode(text()));
          }
        });
    out.line(
        json
            ? new Json().put("file", output.toString()).put("count", count[0]).toString()
            : Text.format("%,d tokens saved in %s", count[0], output));
  }

  /** Part by part, so that the file may be larger than memory. */
  private void show(Tokenizer tokenizer) throws IOException {
    boolean[] begun = {false};
    TextSource.of(List.of(file))
        .encode(
            tokenizer,
            OptionalInt.empty(),
            ids -> {
              out.write((begun[0] && ids.length > 0 ? " " : "") + join(ids));
              begun[0] |= ids.length > 0;
            });
    out.line("");
  }

  private String text() throws IOException {
    if (file != null) {
      return TextSource.of(List.of(file)).text();
    }
    return text != null ? text : StandardInput.text("encode");
  }

  private static String join(int[] ids) {
    return Arrays.stream(ids).mapToObj(Integer::toString).collect(Collectors.joining(" "));
  }

  private static String object(Tokenizer tokenizer, int[] ids) {
    String[] tokens = Arrays.stream(ids).mapToObj(tokenizer::token).toArray(String[]::new);
    return new Json()
        .put("ids", to -> to.writeArray(ids, 0, ids.length))
        .put("tokens", to -> to.writeArray(tokens, 0, tokens.length))
        .put("count", ids.length)
        .toString();
  }
}
