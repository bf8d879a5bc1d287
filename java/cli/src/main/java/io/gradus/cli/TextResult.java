package io.gradus.cli;

import io.gradus.data.TokenBatches;
import io.gradus.data.Tokens;
import io.gradus.hub.TextGenerator;
import io.gradus.hub.Tokenizer;
import io.gradus.model.Gpt;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.train.TextEvaluation;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * How well a language model does on text.
 *
 * @param name of the text, for people
 * @param bitsPerByte of the text in UTF-8
 */
record TextResult(String name, TextEvaluation evaluation, double bitsPerByte) {

  private static final int BATCH = 8; // rows, where no run says how many
  private static final byte[] TOKENS = "GRADUSTK".getBytes(StandardCharsets.US_ASCII);

  /** How text is cut into rows; the end of text is -1 where documents are not told apart. */
  private record Rows(int batch, int time, int endOfText) {}

  /**
   * Reads a model and runs it over text.
   *
   * @param data a file or folder of text, or a file of ids; null for what the run held out
   */
  static TextResult of(GptFolder folder, Path data, Device device) throws IOException {
    RunFile run = Files.exists(folder.run()) ? RunFile.read(folder.run()) : null;
    if (data == null && (run == null || run.validation() == 0)) {
      throw new IOException(
          "eval: there is no held-out text in " + folder.path() + "; name some with --data");
    }
    GptFolder.Loaded loaded = folder.load("eval", device);
    Gpt model = loaded.model();
    if (run != null && run.bf16()) {
      model.activations(DType.BF16);
    }
    Rows rows =
        run == null
            ? new Rows(BATCH, model.config().context(), -1)
            : new Rows(run.recipe().batchSize(), run.recipe().time(), run.recipe().endOfText());
    if (data == null) {
      Tokens all = Tokens.open(folder.tokens());
      if (run.validation() > all.size()) {
        throw new IOException(
            "eval: " + folder.tokens() + " is not the text of this run: it is too short");
      }
      Tokens heldOut = all.slice(all.size() - run.validation(), all.size());
      return of(run.text() + ", held out", loaded, heldOut, rows);
    }
    if (isTokens(data)) {
      return of(data.toString(), loaded, Tokens.open(data), rows);
    }
    TextSource source = TextSource.of(List.of(data));
    Path encoded = Files.createTempFile("gradus", ".tokens"); // the text may exceed the memory
    try {
      Tokenizer tokenizer = loaded.tokenizer();
      Tokens.write(
          encoded,
          tokenizer.size(),
          to -> source.encode(tokenizer, TextGenerator.endOfText(tokenizer), to));
      return of(source.name(), loaded, Tokens.open(encoded), rows);
    } finally {
      Files.deleteIfExists(encoded);
    }
  }

  private static TextResult of(String name, GptFolder.Loaded loaded, Tokens tokens, Rows rows)
      throws IOException {
    if (tokens.vocabulary() != loaded.tokenizer().size()) {
      throw new IOException(
          "eval: the ids are of another tokenizer: vocabularies of "
              + tokens.vocabulary()
              + " in "
              + name
              + " and "
              + loaded.tokenizer().size()
              + "; encode the text with the model's");
    }
    TokenBatches batches =
        TokenBatches.inOrder(tokens, rows.batch(), rows.time()).to(loaded.model().device());
    TextEvaluation evaluation =
        TextEvaluation.of(
            loaded.model(),
            rows.endOfText() < 0 ? batches : batches.documents(rows.endOfText()),
            0);
    if (evaluation.tokens() == 0) {
      throw new IOException(
          "eval: no token follows another one within a text of " + name + "; name other text");
    }
    double bits = TokenFigures.of(tokens, loaded.tokenizer()).bitsPerByte(evaluation.loss());
    return new TextResult(name, evaluation, bits);
  }

  /** Whether a file begins as those of ids do. */
  private static boolean isTokens(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      return false;
    }
    try (InputStream in = Files.newInputStream(file)) {
      return Arrays.equals(in.readNBytes(TOKENS.length), TOKENS);
    }
  }

  /** For people. */
  @Override
  public String toString() {
    return Text.format(
        "%s: %,d tokens, loss %.4f, perplexity %.2f, %.3f bits per byte",
        name, evaluation.tokens(), evaluation.loss(), evaluation.perplexity(), bitsPerByte);
  }

  String json() {
    return new Json()
        .put("network", "gpt")
        .put("data", name)
        .put("loss", evaluation.loss(), 6)
        .put("perplexity", evaluation.perplexity(), 4)
        .put("bits_per_byte", bitsPerByte, 4)
        .put("count", evaluation.tokens())
        .toString();
  }
}
