package io.gradus.benchmarks;

import io.gradus.hub.BpeTrainer;
import io.gradus.hub.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** How fast does text become tokens, and text again, and how fast is a vocabulary learned? */
public class TokenizerBench {

  /** The tests' excerpt of Moby-Dick, from the root of the project. */
  public static final Path TEXT = Path.of("test/hub/resources/moby-dick.txt");

  public static final Path WORD_PIECE = Path.of("test/hub/resources/golden/wordpiece.json");
  public static final int VOCABULARY = 4096;

  /** A task on the whole text, which gives something to look at. */
  private interface Task {
    Object run();
  }

  @State(Scope.Benchmark)
  public static class Text {
    @Param({"encode BPE", "encode WordPiece", "decode BPE", "train BPE"})
    String task;

    private Task run;

    @Setup
    public void prepare() throws IOException {
      String text = Files.readString(TEXT);
      Tokenizer bpe = train(text);
      Tokenizer wordPiece = Tokenizer.load(WORD_PIECE);
      int[] ids = bpe.encode(text);
      run =
          switch (task) {
            case "encode BPE" -> () -> bpe.encode(text);
            case "encode WordPiece" -> () -> wordPiece.encode(text);
            case "decode BPE" -> () -> bpe.decode(ids);
            default -> () -> train(text);
          };
    }
  }

  /** A vocabulary of {@link #VOCABULARY} tokens. */
  public static Tokenizer train(String text) {
    return new BpeTrainer(VOCABULARY, "<|endoftext|>").add(text).train();
  }

  /** The size of the text that each task reads or writes. */
  static long bytes() {
    try {
      return Files.size(TEXT);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Benchmark
  public Object gradus(Text text) {
    return text.run.run();
  }
}
