package io.gradus.hub;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.function.IntConsumer;

/**
 * Learns a byte-level BPE vocabulary from text, as GPT-2's was: first the special tokens, then the
 * 256 bytes, then one token for each merge of the pair that is most frequent at that time.
 *
 * <pre>{@code
 * Tokenizer tokenizer = new BpeTrainer(32_000, "<|endoftext|>").add(Path.of("text.txt")).train();
 * tokenizer.save(Path.of("tokenizer.json"));
 * }</pre>
 *
 * <p>The same text gives the same tokens, which are those of Hugging Face's {@code BpeTrainer}.
 * Only the different words are held in memory, so text can be larger than it.
 */
public final class BpeTrainer {

  private final int vocabularySize;
  private final List<String> specialTokens;
  private long minFrequency = 2;
  private final Map<String, long[]> counts = new HashMap<>();
  private final PreTokenizer splitter = new Gpt2Splitter();

  /** For a vocabulary of at most so many tokens, with the special ones in front. */
  public BpeTrainer(int vocabularySize, String... specialTokens) {
    int least = 256 + specialTokens.length;
    if (vocabularySize < least) {
      throw new IllegalArgumentException(
          "tokenizer: the vocabulary is too small: "
              + vocabularySize
              + " tokens; the bytes and the special tokens alone take "
              + least);
    }
    this.vocabularySize = vocabularySize;
    this.specialTokens = List.of(specialTokens);
    if (this.specialTokens.contains("")
        || Arrays.stream(specialTokens).distinct().count() < specialTokens.length) {
      throw new IllegalArgumentException(
          "tokenizer: special tokens are empty or the same: "
              + this.specialTokens
              + "; give each a name of its own");
    }
  }

  /** Learns no pair that is seen less often; 2 unless set. */
  public BpeTrainer minFrequency(long minFrequency) {
    this.minFrequency = minFrequency;
    return this;
  }

  /** Counts the words of a text. */
  public BpeTrainer add(String text) {
    String wellFormed = Unicode.wellFormed(text);
    splitter.split(
        wellFormed,
        0,
        wellFormed.length(),
        (part, from, to) ->
            counts.computeIfAbsent(part.substring(from, to), word -> new long[1])[0]++);
    return this;
  }

  /**
   * Counts the words of a text file of any size.
   *
   * @throws IOException when it is not UTF-8, with the place where it is not
   */
  public BpeTrainer add(Path textFile) throws IOException {
    TextFile.read(textFile, this::add);
    return this;
  }

  /** Learns the vocabulary of all text that was added. */
  public Tokenizer train() {
    return train(tokens -> {});
  }

  /** The same, telling how many tokens there are after each merge. */
  public Tokenizer train(IntConsumer progress) {
    if (counts.isEmpty()) {
      throw new IllegalStateException(
          "tokenizer: nothing to learn from: the text is empty; add some");
    }
    return new Training(progress).run();
  }

  /** A pair in the queue, with the words that it came up in. */
  private static final class Candidate implements Comparable<Candidate> {
    final long pair;
    final IntList words = new IntList();
    long count;

    Candidate(long pair) {
      this.pair = pair;
    }

    void addWord(int word) {
      if (words.size() == 0 || words.get(words.size() - 1) != word) {
        words.add(word);
      }
    }

    /** The most frequent first; of equals, the one of the earlier tokens. */
    @Override
    public int compareTo(Candidate other) {
      int byCount = Long.compare(other.count, count);
      return byCount != 0 ? byCount : Long.compare(pair, other.pair);
    }
  }

  private final class Training {

    private final IntConsumer progress;
    private final List<String> tokens = new ArrayList<>();
    private final Map<String, Integer> ids = new HashMap<>();
    private final int[][] words = new int[counts.size()][];
    private final int[] lengths = new int[counts.size()];
    private final long[] wordCounts = new long[counts.size()];
    private final PairMap pairCounts = new PairMap(1 << 12);
    private final PriorityQueue<Candidate> queue = new PriorityQueue<>();

    /** Pairs that the merge at hand has made. */
    private PairMap madeIndex;

    private final List<Candidate> made = new ArrayList<>();

    Training(IntConsumer progress) {
      this.progress = progress;
      specialTokens.forEach(this::token);
      char[] alphabet = new char[256];
      for (int b = 0; b < 256; b++) {
        alphabet[b] = ByteAlphabet.charOf(b);
      }
      Arrays.sort(alphabet);
      for (char c : alphabet) {
        token(String.valueOf(c));
      }
      int word = 0;
      for (var item : counts.entrySet()) {
        words[word] =
            ByteAlphabet.encode(item.getKey())
                .chars()
                .map(c -> ids.get(String.valueOf((char) c)))
                .toArray();
        lengths[word] = words[word].length;
        wordCounts[word++] = item.getValue()[0];
      }
    }

    private int token(String token) {
      Integer id = ids.putIfAbsent(token, tokens.size());
      if (id == null) {
        tokens.add(token);
        return tokens.size() - 1;
      }
      return id;
    }

    Tokenizer run() {
      madeIndex = new PairMap(1 << 12);
      for (int word = 0; word < words.length; word++) {
        for (int i = 0; i + 1 < lengths[word]; i++) {
          change(words[word][i], words[word][i + 1], wordCounts[word], word);
        }
      }
      queueMade();
      // A pair can come up again after a token was made in a second way; its last merge counts.
      Map<Long, Integer> merges = new LinkedHashMap<>();
      while (tokens.size() < vocabularySize && !queue.isEmpty()) {
        Candidate top = queue.poll();
        long count = pairCounts.get(top.pair);
        if (top.count != count) {
          top.count = count;
          queue.add(top);
          continue;
        }
        if (count < Math.max(1, minFrequency)) {
          break;
        }
        int left = PairMap.left(top.pair);
        int right = PairMap.right(top.pair);
        int id = token(tokens.get(left) + tokens.get(right));
        merges.remove(top.pair);
        merges.put(top.pair, id);
        for (int i = 0; i < top.words.size(); i++) {
          merge(top.words.get(i), left, right, id);
        }
        queueMade();
        progress.accept(tokens.size());
      }
      return tokenizer(merges.keySet());
    }

    private void merge(int word, int left, int right, int id) {
      int[] symbols = words[word];
      int n = lengths[word];
      long count = wordCounts[word];
      int out = 0;
      for (int i = 0; i < n; i++) {
        if (symbols[i] != left || i + 1 == n || symbols[i + 1] != right) {
          symbols[out++] = symbols[i];
          continue;
        }
        if (out > 0) {
          change(symbols[out - 1], left, -count, word);
          change(symbols[out - 1], id, count, word);
        }
        i++;
        if (i + 1 < n) {
          change(right, symbols[i + 1], -count, word);
          change(id, symbols[i + 1], count, word);
        }
        symbols[out++] = id;
      }
      lengths[word] = out;
    }

    private void change(int left, int right, long count, int word) {
      long pair = PairMap.pair(left, right);
      pairCounts.add(pair, count);
      if (count > 0) {
        long index = madeIndex.get(pair);
        if (index == PairMap.NONE) {
          index = made.size();
          madeIndex.put(pair, index);
          made.add(new Candidate(pair));
        }
        made.get((int) index).addWord(word);
      }
    }

    private void queueMade() {
      for (Candidate candidate : made) {
        candidate.count = pairCounts.get(candidate.pair);
        if (candidate.count > 0) {
          queue.add(candidate);
        }
      }
      made.clear();
      madeIndex = new PairMap(16);
    }

    private Tokenizer tokenizer(Iterable<Long> pairs) {
      List<String> merges = new ArrayList<>();
      for (long pair : pairs) {
        merges.add(tokens.get(PairMap.left(pair)));
        merges.add(tokens.get(PairMap.right(pair)));
      }
      List<AddedToken> added = new ArrayList<>();
      for (String special : specialTokens) {
        added.add(AddedToken.special(ids.get(special), special));
      }
      Map<String, Object> byteLevel =
          Json.object(
              "type",
              "ByteLevel",
              "add_prefix_space",
              false,
              "trim_offsets",
              true,
              "use_regex",
              true);
      Map<String, Object> parts =
          Json.object(
              "version",
              "1.0",
              "pre_tokenizer",
              byteLevel,
              "post_processor",
              byteLevel,
              "decoder",
              byteLevel);
      Map<String, Object> model =
          Json.object(
              "type",
              "BPE",
              "dropout",
              null,
              "unk_token",
              null,
              "continuing_subword_prefix",
              null,
              "end_of_word_suffix",
              null,
              "fuse_unk",
              false,
              "byte_fallback",
              false,
              "ignore_merges",
              false);
      try {
        return new Tokenizer(new TokenizerFile(parts, added, model, ids, merges));
      } catch (IOException e) {
        throw new IllegalArgumentException("tokenizer: " + e.getMessage(), e);
      }
    }
  }
}
