package io.gradus.cli;

import io.gradus.hub.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code gradus tokenizer decode}: ids to text. */
@Command(name = "decode", description = "Turns token ids into their text.")
final class TokenizerDecodeCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "TOKENIZER", description = "A tokenizer.json.")
  private Path tokenizerFile;

  @Parameters(
      index = "1..*",
      arity = "0..*",
      paramLabel = "ID",
      description = "The ids. Default: those in standard input, separated by white space.")
  private List<String> ids = List.of();

  @Option(names = "--skip-special", description = "Leave special tokens out.")
  private boolean skipSpecial;

  @Option(names = "--json", description = "Write one JSON object: text.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(tokenizerFile);
    String text = tokenizer.decode(ids(), skipSpecial);
    Output.standard().line(json ? new Json().put("text", text).toString() : text);
    return 0;
  }

  private int[] ids() throws IOException {
    List<String> words = new ArrayList<>();
    for (String part : ids.isEmpty() ? List.of(StandardInput.text("decode")) : ids) {
      part.lines()
          .flatMap(line -> List.of(line.strip().split("[\\s,]+")).stream())
          .filter(word -> !word.isEmpty())
          .forEach(words::add);
    }
    return words.stream().mapToInt(this::id).toArray();
  }

  private int id(String word) {
    try {
      return Integer.parseInt(word);
    } catch (NumberFormatException e) {
      throw new ParameterException(spec.commandLine(), "decode: not a token id: " + word, e);
    }
  }
}
