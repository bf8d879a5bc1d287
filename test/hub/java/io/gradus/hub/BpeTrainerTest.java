package io.gradus.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BpeTrainerTest {

  @TempDir Path directory;

  @Test
  void real_text_gives_hugging_faces_merges() throws IOException {
    Tokenizer trained =
        new BpeTrainer(1024, "<|endoftext|>").add(Texts.read("moby-dick.txt")).train();
    assertSameModel("golden/bpe-moby-dick.json", trained);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void pairs_that_tie_and_come_back_give_hugging_faces_merges(int seed) throws IOException {
    Tokenizer trained =
        new BpeTrainer(1000)
            .minFrequency(1)
            .add(Texts.read("golden/few-letters-" + seed + ".txt"))
            .train();
    assertSameModel("golden/bpe-few-letters-" + seed + ".json", trained);
  }

  /** Python wrote the one file and this library the other: their models are the same. */
  private void assertSameModel(String golden, Tokenizer trained) throws IOException {
    Path ours = directory.resolve("tokenizer.json");
    trained.save(ours);
    try (var expected = Files.newInputStream(Texts.resource(golden));
        var actual = Files.newInputStream(ours)) {
      TokenizerFile theirs = TokenizerJson.read(expected);
      TokenizerFile written = TokenizerJson.read(actual);
      assertEquals(theirs.merges(), written.merges());
      assertEquals(new TreeMap<>(theirs.vocabulary()), new TreeMap<>(written.vocabulary()));
      assertEquals(theirs.added(), written.added());
    }
  }

  @Test
  void merges_are_those_of_counting_all_pairs_anew_each_time() {
    Random random = new Random(7);
    for (int round = 0; round < 20; round++) {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < 400; i++) {
        text.append(" ").append(Integer.toString(random.nextInt(3000), 5 + round));
      }
      Tokenizer trained = new BpeTrainer(330).add(text.toString()).train();
      List<String> tokens = new ArrayList<>();
      for (int id = 0; id < trained.size(); id++) {
        tokens.add(trained.token(id));
      }
      assertEquals(naive(text.toString(), 330, trained), tokens);
    }
  }

  /** The tokens, learned in the plainest way; the alphabet is the tested one's. */
  private static List<String> naive(String text, int size, Tokenizer alphabet) {
    List<String> tokens = new ArrayList<>();
    for (int id = 0; id < 256; id++) {
      tokens.add(alphabet.token(id));
    }
    List<List<Integer>> words = new ArrayList<>();
    new Gpt2Splitter()
        .split(
            text,
            0,
            text.length(),
            (t, from, to) -> {
              List<Integer> word = new ArrayList<>();
              for (byte b : t.substring(from, to).getBytes(StandardCharsets.UTF_8)) {
                word.add(tokens.indexOf(String.valueOf(ByteAlphabet.charOf(b & 0xFF))));
              }
              words.add(word);
            });
    while (tokens.size() < size) {
      Map<List<Integer>, Integer> counts =
          new TreeMap<>(
              Comparator.comparing((List<Integer> pair) -> pair.get(0))
                  .thenComparing(pair -> pair.get(1)));
      for (List<Integer> word : words) {
        for (int i = 0; i + 1 < word.size(); i++) {
          counts.merge(List.of(word.get(i), word.get(i + 1)), 1, Integer::sum);
        }
      }
      List<Integer> best = null;
      for (var pair : counts.keySet()) {
        if (best == null || counts.get(pair) > counts.get(best)) {
          best = pair;
        }
      }
      if (best == null || counts.get(best) < 2) {
        break;
      }
      String token = tokens.get(best.get(0)) + tokens.get(best.get(1));
      int id = tokens.contains(token) ? tokens.indexOf(token) : tokens.size();
      if (id == tokens.size()) {
        tokens.add(token);
      }
      for (List<Integer> word : words) {
        for (int i = 0; i + 1 < word.size(); i++) {
          if (word.get(i).equals(best.get(0)) && word.get(i + 1).equals(best.get(1))) {
            word.set(i, id);
            word.remove(i + 1);
          }
        }
      }
    }
    return tokens;
  }

  @Test
  void what_it_saves_gives_hugging_faces_library_the_same_ids() throws IOException {
    Tokenizer trained =
        new BpeTrainer(700, "<|endoftext|>", "<|user text|>")
            .add(Texts.resource("moby-dick.txt"))
            .train();
    Path file = directory.resolve("tokenizer.json");
    trained.save(file);
    Tokenizer loaded = Tokenizer.load(file);
    assertEquals(700, loaded.size());
    assertEquals(List.of("<|endoftext|>", "<|user text|>"), loaded.specialTokens());
    Random random = new Random(3);
    try (Reference reference = Reference.of(file)) {
      for (int i = 0; i < 2_000; i++) {
        String text = Texts.random(random) + "<|user text|>" + Texts.random(random);
        int[] ids = reference.encode(text);
        assertArrayEquals(ids, trained.encode(text), () -> Texts.shown(text));
        assertArrayEquals(ids, loaded.encode(text), () -> Texts.shown(text));
        assertEquals(text, trained.decode(ids));
      }
    }
  }

  @Test
  void a_file_in_parts_counts_like_its_text_in_one() throws IOException {
    String text = Texts.read("moby-dick.txt").repeat(3) + "x".repeat(3_000_000) + "\n\n end ";
    Path file = Files.writeString(directory.resolve("text"), text);
    Path fromFile = directory.resolve("a.json");
    Path fromText = directory.resolve("b.json");
    new BpeTrainer(600).add(file).train().save(fromFile);
    // The only word that is cut is the one of three million letters.
    new BpeTrainer(600).add(text.replace("x".repeat(3_000_000), "")).train().save(fromText);
    Tokenizer tokenizer = Tokenizer.load(fromFile);
    assertTrue(tokenizer.contains("xx"));
    IntList ids = new IntList();
    tokenizer.encode(file, ids::addAll);
    assertEquals(text, tokenizer.decode(ids.toArray()));

    Path plain =
        Files.writeString(directory.resolve("plain"), Texts.read("moby-dick.txt").repeat(3));
    new BpeTrainer(600).add(plain).train().save(fromFile);
    new BpeTrainer(600).add(Files.readString(plain)).train().save(fromText);
    assertEquals(Files.readString(fromText), Files.readString(fromFile));
  }

  @Test
  void it_tells_how_far_it_is() {
    List<Integer> sizes = new ArrayList<>();
    new BpeTrainer(260).add("ababab abab abab ab ab cd cd").train(sizes::add);
    assertEquals(List.of(257, 258, 259, 260), sizes);
  }

  @Test
  void a_vocabulary_ends_where_pairs_are_too_rare() {
    assertEquals(257, new BpeTrainer(1000).add("ab ab").train().size());
    assertEquals(256, new BpeTrainer(1000).minFrequency(3).add("ab ab").train().size());
  }

  @Test
  void it_refuses_what_gives_no_vocabulary() throws IOException {
    assertMessage(
        "tokenizer: nothing to learn from: the text is empty; add some",
        assertThrows(IllegalStateException.class, () -> new BpeTrainer(300).add("").train()));
    Path empty = Files.createFile(directory.resolve("empty"));
    assertThrows(IllegalStateException.class, () -> new BpeTrainer(300).add(empty).train());
    assertMessage(
        "tokenizer: the vocabulary is too small: 256 tokens; the bytes and the special tokens alone"
            + " take 257",
        assertThrows(IllegalArgumentException.class, () -> new BpeTrainer(256, "<end>")));
    assertMessage(
        "tokenizer: special tokens are empty or the same: [a, a]; give each a name of its own",
        assertThrows(IllegalArgumentException.class, () -> new BpeTrainer(1000, "a", "a")));
  }

  @Test
  void files_that_are_no_text_are_named_with_the_place() throws IOException {
    byte[] text = Texts.read("moby-dick.txt").repeat(2).getBytes(StandardCharsets.UTF_8);
    assertEquals(
        "tokenizer: not a text file: %s is not UTF-8 at byte 150000; convert it to UTF-8",
        problem(text, 150_000, 0xFF));
    assertEquals(
        "tokenizer: not a text file: %s has a zero byte and is no text at byte 150000; convert it to"
            + " UTF-8",
        problem(text, 150_000, 0));
    byte[] cut = Arrays.copyOf("caf\u00e9".getBytes(StandardCharsets.UTF_8), 4);
    assertEquals(
        "tokenizer: not a text file: %s is not UTF-8 at byte 3; convert it to UTF-8",
        problem(cut, 0, 'C'));
    Path missing = directory.resolve("missing");
    assertMessage(
        "tokenizer: no such file: " + missing,
        assertThrows(IOException.class, () -> new BpeTrainer(300).add(missing)));
  }

  private String problem(byte[] text, int at, int value) throws IOException {
    byte[] broken = text.clone();
    broken[at] = (byte) value;
    Path file = Files.write(directory.resolve("broken"), broken);
    String message =
        assertThrows(IOException.class, () -> new BpeTrainer(300).add(file)).getMessage();
    return message.replace(file.toString(), "%s");
  }

  private static void assertMessage(String message, Exception e) {
    assertEquals(message, e.getMessage());
  }
}
