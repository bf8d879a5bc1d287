package io.gradus.cli;

import io.gradus.data.Dataset;
import io.gradus.data.Order;
import io.gradus.data.SequenceDataset;
import io.gradus.data.Splits;
import io.gradus.hub.BpeTrainer;
import io.gradus.hub.Tokenizer;
import io.gradus.model.RnnClassifierConfig;
import io.gradus.tensor.Seed;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Options of a recurrent network. */
@Command(
    description = {
      "A recurrent network that classifies texts.",
      "Without --data it learns the handwritten digits that ship with Gradus pixel by pixel, each a"
          + " token of its own (Le et al. 2015): 1,437 images of 8x8 pixels to train, 360 to test."
    })
final class RnnOptions extends NetworkOptions {

  /** What goes along the sequence. */
  enum Cell {
    gru,
    lstm,
    rnn
  }

  /** What the classes are told by. */
  enum Pooling {
    last,
    mean
  }

  @Option(
      names = "--data",
      paramLabel = "PATH",
      description =
          "Texts and their classes: a CSV file with a header, a file of JSON lines, or a folder with"
              + " a folder of text files for each class, either below train and test, or all"
              + " together. Of what has no test, a fifth is held out for one. Default: the"
              + " handwritten digits that ship with Gradus.")
  private Path data;

  @Option(
      names = "--text",
      paramLabel = "NAME",
      description = "The column of the texts. Default: ${DEFAULT-VALUE}.")
  private String text = "text";

  @Option(
      names = "--label",
      paramLabel = "NAME",
      description = "The column of the classes. Default: ${DEFAULT-VALUE}.")
  private String label = "label";

  @Option(
      names = "--vocabulary",
      paramLabel = "N",
      description = "Tokens that are learned of the texts to train. Default: ${DEFAULT-VALUE}.")
  private int vocabulary = 8000;

  @Option(
      names = "--max-length",
      paramLabel = "N",
      description = "Tokens of a text that are read. Default: ${DEFAULT-VALUE}.")
  private int maxLength = 256;

  @Option(
      names = "--cell",
      paramLabel = "NAME",
      description = "One of ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private Cell cell = Cell.gru;

  @Option(
      names = "--width",
      paramLabel = "N",
      description = "The size of a token's vector. Default: 8, with --data 128.")
  private Integer width;

  @Option(
      names = "--hidden",
      paramLabel = "N",
      description = "The size of the state, of one direction. Default: ${DEFAULT-VALUE}.")
  private int hidden = 128;

  @Option(
      names = "--layers",
      paramLabel = "N",
      description = "How many. Default: ${DEFAULT-VALUE}.")
  private int layers = 1;

  @Option(
      names = "--bidirectional",
      description = "Read in both directions. Default: forward alone.")
  private boolean bidirectional;

  @Option(
      names = "--pooling",
      paramLabel = "NAME",
      description =
          "Whether the last state tells the class or the mean of all: ${COMPLETION-CANDIDATES}."
              + " Default: last, with --data mean.")
  private Pooling pooling;

  @Option(
      names = "--dropout",
      paramLabel = "P",
      description =
          "Dropout behind the embedding, between layers and before the classes. Default: 0.2, with"
              + " --data 0.3.")
  private Double dropout;

  @Override
  String kind() {
    return RnnNetwork.KIND;
  }

  @Override
  Path data() {
    return data;
  }

  @Override
  TrainerOptions.Defaults ofDigits() {
    return new TrainerOptions.Defaults(20, 32, 0.005, 0.01);
  }

  @Override
  TrainerOptions.Defaults ofData() {
    return new TrainerOptions.Defaults(10, 32, 0.002, 0.01);
  }

  @Override
  void check(CommandSpec spec) {
    super.check(spec);
    Usage.check(
        spec,
        vocabulary >= 257,
        "--vocabulary",
        "must be 257 or more, for all bytes and the padding",
        vocabulary);
    Usage.checkSize(spec, "--max-length", maxLength);
    Usage.checkSize(spec, "--width", width);
    Usage.checkSize(spec, "--hidden", hidden);
    Usage.checkSize(spec, "--layers", layers);
    Usage.checkDropout(spec, dropout);
  }

  @Override
  void complete() {
    super.complete();
    boolean digits = data == null;
    pooling = pooling != null ? pooling : digits ? Pooling.last : Pooling.mean;
    width = width != null ? width : (Integer) (digits ? 8 : 128);
    dropout = dropout != null ? dropout : (Double) (digits ? 0.2 : 0.3);
  }

  @Override
  TaskData load() throws IOException {
    return data == null ? digits() : texts();
  }

  private TaskData digits() throws IOException {
    ImageSource source = Digits.load();
    int side = source.side();
    ImageFormat format = new ImageFormat(1, side, side, List.of(), List.of(), Digits.BRIGHTEST + 1);
    Dataset train = ImageOptions.tokens(source.train(), format);
    Dataset validation = null;
    double share = trainer().validation();
    if (share > 0) {
      List<long[]> parts = parts(source.train().classes(), share);
      validation = train.subset(parts.get(1));
      train = train.subset(parts.get(0));
    }
    return new TaskData(
        source.name(),
        "images",
        train,
        validation,
        ImageOptions.test(source, format),
        null,
        format,
        source.classes(),
        null,
        true);
  }

  private List<long[]> parts(long[] classes, double share) throws IOException {
    List<long[]> parts =
        Splits.stratified(classes, Seed.of(trainer().seed()).split(2), 1 - share, share);
    ImageOptions.checkValidation(parts, share);
    return parts;
  }

  private TaskData texts() throws IOException {
    TextExamples.Split split = TextExamples.read(data, text, label);
    List<String> classes = split.train().classes();
    TextExamples train = split.train();
    TextExamples validation = null;
    double share = trainer().validation();
    if (share > 0) {
      List<long[]> parts = parts(train.numbers(classes), share);
      validation = train.take(parts.get(1));
      train = train.take(parts.get(0));
    }
    BpeTrainer learned = new BpeTrainer(vocabulary, TextFormat.PADDING);
    train.texts().forEach(learned::add);
    Tokenizer tokenizer = learned.train();
    TextFormat format = new TextFormat(maxLength);
    SequenceDataset sequences = train.encode(tokenizer, format, classes);
    return new TaskData(
        split.name(),
        "texts",
        sequences,
        validation == null ? null : validation.encode(tokenizer, format, classes),
        split.test().encode(tokenizer, format, classes),
        Order.bucketed(sequences.lengths()),
        format,
        classes,
        tokenizer,
        true);
  }

  @Override
  TestData loadTest(RunFolder.Trained trained, Path folder) throws IOException {
    if (trained.format() instanceof ImageFormat format) {
      ImageSource source =
          folder == null
              ? Digits.load()
              : ImageSource.openTest(folder, format.channels() == 1, trained.classes());
      return new TestData(source.name(), ImageOptions.test(source, format));
    }
    TextFormat format = (TextFormat) trained.format();
    TextExamples.Split split =
        folder == null
            ? TextExamples.read(data, text, label)
            : TextExamples.readTest(folder, text, label);
    return new TestData(
        split.name(), split.test().encode(trained.tokenizer(), format, trained.classes()));
  }

  @Override
  Network network(TaskData task) {
    int tokens =
        task.format() instanceof ImageFormat images ? images.levels() : task.tokenizer().size();
    return new RnnNetwork(
        new RnnClassifierConfig(
            tokens,
            width,
            RnnClassifierConfig.Cell.valueOf(cell.name().toUpperCase(Locale.ROOT)),
            hidden,
            layers,
            bidirectional,
            RnnClassifierConfig.Pooling.valueOf(pooling.name().toUpperCase(Locale.ROOT)),
            task.classes().size(),
            dropout));
  }
}
