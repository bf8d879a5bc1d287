package io.gradus.cli;

import io.gradus.data.Categories;
import io.gradus.data.Csv;
import io.gradus.data.JsonLines;
import io.gradus.data.SequenceDataset;
import io.gradus.data.Splits;
import io.gradus.data.Table;
import io.gradus.hub.Tokenizer;
import io.gradus.tensor.Seed;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Texts and the class of each. */
record TextExamples(List<String> texts, List<String> labels) {

  private static final double TEST_SHARE = 0.2;
  private static final long LARGEST = 1L << 26; // bytes of one text file

  /** What there is to learn from and to test. */
  record Split(String name, TextExamples train, TextExamples test) {}

  /** A CSV file, JSON lines, or a folder with a folder for each class. */
  static Split read(Path path, String text, String label) throws IOException {
    String name = name(path);
    Path train = path.resolve("train");
    Path test = path.resolve("test");
    if (Files.isDirectory(train) && Files.isDirectory(test)) {
      return new Split(name, folder(train), folder(test));
    }
    TextExamples all = all(path, text, label);
    // As the digits, always the same way.
    List<long[]> parts =
        Splits.stratified(all.numbers(all.classes()), Seed.of(0), 1 - TEST_SHARE, TEST_SHARE);
    if (parts.get(1).length == 0) {
      throw new IOException("data: too few texts to hold some out for a test: " + all.size());
    }
    return new Split(name, all.take(parts.get(0)), all.take(parts.get(1)));
  }

  /** The same, all of which tests a network, or the test part where there is one. */
  static Split readTest(Path path, String text, String label) throws IOException {
    Path test = path.resolve("test");
    TextExamples all = Files.isDirectory(test) ? folder(test) : all(path, text, label);
    return new Split(name(path), all, all);
  }

  private static String name(Path path) {
    return path.toAbsolutePath().normalize().getFileName().toString();
  }

  private static TextExamples all(Path path, String text, String label) throws IOException {
    if (!Files.exists(path)) {
      throw new IOException("data: no such file or directory: " + path);
    }
    if (Files.isDirectory(path)) {
      return folder(path);
    }
    String name = path.getFileName().toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".jsonl") || name.endsWith(".ndjson")) {
      return table(JsonLines.read(path), text, label, path);
    }
    if (name.endsWith(".csv") || name.endsWith(".tsv")) {
      Csv csv = Csv.withHeader().texts(text, label);
      return table(
          (name.endsWith(".tsv") ? csv.separator('\t') : csv).read(path), text, label, path);
    }
    throw new IOException(
        "data: neither .csv, .tsv nor .jsonl, nor a folder with a folder for each class: " + path);
  }

  private static TextExamples table(Table table, String text, String label, Path path)
      throws IOException {
    checkColumn(table, "--text", text, path);
    checkColumn(table, "--label", label, path);
    String[] texts = table.texts(text);
    String[] labels = table.texts(label);
    List<String> kept = new ArrayList<>();
    List<String> classes = new ArrayList<>();
    for (int row = 0; row < texts.length; row++) {
      if (labels[row] == null) {
        throw new IOException("data: there is no " + label + " in row " + (row + 1) + ": " + path);
      }
      kept.add(texts[row] == null ? "" : texts[row]);
      classes.add(labels[row]);
    }
    return of(kept, classes, path);
  }

  private static void checkColumn(Table table, String option, String name, Path path)
      throws IOException {
    if (!table.names().contains(name)) {
      throw new IOException(
          option
              + ": there is no column of this name: "
              + name
              + "; "
              + path
              + " has "
              + table.names());
    }
  }

  private static TextExamples folder(Path folder) throws IOException {
    List<String> texts = new ArrayList<>();
    List<String> labels = new ArrayList<>();
    for (Path of : visible(folder)) {
      if (!Files.isDirectory(of)) {
        continue;
      }
      for (Path file : visible(of)) {
        if (Files.isRegularFile(file)) {
          texts.add(content(file));
          labels.add(of.getFileName().toString());
        }
      }
    }
    return of(texts, labels, folder);
  }

  private static List<Path> visible(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> !file.getFileName().toString().startsWith("."))
          .sorted(java.util.Comparator.comparing(file -> file.getFileName().toString()))
          .toList();
    }
  }

  private static String content(Path file) throws IOException {
    if (Files.size(file) > LARGEST) {
      throw new IOException("data: too large for one text: " + file);
    }
    try {
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new IOException("data: not UTF-8: " + file, e);
    }
  }

  private static TextExamples of(List<String> texts, List<String> labels, Path path)
      throws IOException {
    if (texts.isEmpty()) {
      throw new IOException(
          "data: no texts in " + path + "; a folder must have one for each class");
    }
    return new TextExamples(texts, labels);
  }

  int size() {
    return texts.size();
  }

  /** The classes in alphabetical order. */
  List<String> classes() {
    return Categories.in(labels.toArray(new String[0])).names();
  }

  /** The number of each text's class. */
  long[] numbers(List<String> classes) throws IOException {
    Categories known = Categories.of(classes);
    long[] numbers = new long[labels.size()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = known.id(labels.get(i));
      if (numbers[i] < 0) {
        throw new IOException(
            "data: the network does not know this class: "
                + labels.get(i)
                + "; it knows "
                + classes);
      }
    }
    return numbers;
  }

  TextExamples take(long... rows) {
    List<String> some = new ArrayList<>();
    List<String> classes = new ArrayList<>();
    for (long row : rows) {
      some.add(texts.get((int) row));
      classes.add(labels.get((int) row));
    }
    return new TextExamples(some, classes);
  }

  SequenceDataset encode(Tokenizer tokenizer, TextFormat format, List<String> classes)
      throws IOException {
    List<int[]> ids = texts.stream().map(text -> format.tokens(tokenizer, text)).toList();
    return SequenceDataset.ofClasses(ids, numbers(classes), tokenizer.id(TextFormat.PADDING));
  }
}
