package io.gradus.hub;

import io.gradus.data.InputFile;
import io.gradus.data.OutputFile;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/**
 * Turns text into token ids and back: byte-level BPE (GPT-2, Llama 3) and WordPiece (BERT), from
 * and to Hugging Face's {@code tokenizer.json}.
 *
 * <pre>{@code
 * Tokenizer tokenizer = Tokenizer.load(Path.of("tokenizer.json"));
 * int[] ids = tokenizer.encode("Call me Ishmael.");
 * String text = tokenizer.decode(ids);
 * }</pre>
 *
 * <p>Tokenizers do not change and can be shared by threads. Half a surrogate pair counts as U+FFFD.
 * A file's own truncation and padding are kept when it is saved again, and not applied.
 */
public final class Tokenizer {

  private final TokenizerFile file;
  private final Vocabulary vocabulary;
  private final AddedTokens rawTokens;
  private final AddedTokens normalizedTokens;
  private final Normalizer normalizer;
  private final PreTokenizer preTokenizer;
  private final WordCache words;
  private final Template template;
  private final TokenText tokenText;

  /** Reads a {@code tokenizer.json}. */
  public static Tokenizer load(Path tokenizerJson) throws IOException {
    return read(tokenizerJson, TokenizerJson::read);
  }

  /** Reads BERT's {@code vocab.txt}, which does not say itself whether capitals count. */
  public static Tokenizer loadVocabulary(Path vocabTxt, boolean lowercase) throws IOException {
    return read(vocabTxt, in -> VocabularyFile.read(in, lowercase));
  }

  private interface Reader {
    TokenizerFile read(InputStream in) throws IOException;
  }

  private static Tokenizer read(Path file, Reader reader) throws IOException {
    InputFile.check("tokenizer", file);
    try (InputStream in = Files.newInputStream(file)) {
      return new Tokenizer(reader.read(in));
    } catch (CharacterCodingException e) {
      throw unreadable(file, "it is not UTF-8", e);
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw unreadable(file, e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw unreadable(file, e.getMessage(), e);
    }
  }

  private static IOException unreadable(Path file, String what, Exception cause) {
    return new IOException(
        "tokenizer: cannot be read: " + file + ": " + what + "; get the file again or another",
        cause);
  }

  Tokenizer(TokenizerFile file) throws IOException {
    this.file = file;
    vocabulary = new Vocabulary(file.vocabulary(), file.added());
    normalizer = Components.normalizer(part("normalizer"));
    Settings splitter = part("pre_tokenizer");
    preTokenizer = Components.preTokenizer(splitter);
    words = new WordCache(Components.model(file, Components.isByteLevel(splitter)));
    template = Components.template(part("post_processor"));
    tokenText = Components.tokenText(part("decoder"));
    rawTokens = new AddedTokens(added(false), text -> text);
    normalizedTokens = new AddedTokens(added(true), this::normalized);
    for (int id : template.ids()) {
      if (vocabulary.token(id) == null) {
        throw new IOException("its post_processor has the id " + id + ", which no token has");
      }
    }
  }

  private Settings part(String name) throws IOException {
    return Settings.of(name, file.parts().get(name));
  }

  /** Special tokens first: where two are spelled alike, they win. */
  private List<AddedToken> added(boolean normalized) {
    return file.added().stream()
        .filter(token -> token.normalized() == normalized)
        .sorted((a, b) -> Boolean.compare(b.special(), a.special()))
        .toList();
  }

  private String normalized(String text) {
    return normalizer == null ? text : normalizer.normalize(text);
  }

  /** Writes a {@code tokenizer.json} that appears as a whole or not at all. */
  public void save(Path tokenizerJson) throws IOException {
    OutputFile.replace(
        "tokenizer",
        tokenizerJson,
        out -> {
          var stream = new BufferedOutputStream(Channels.newOutputStream(out), 1 << 16);
          TokenizerJson.write(file, stream);
          stream.flush();
        });
  }

  /** The ids of a text's tokens; special tokens are those that stand in the text. */
  public int[] encode(String text) {
    IntList ids = new IntList();
    encode(Unicode.wellFormed(text), ids);
    return ids.toArray();
  }

  /** A text with the special tokens that belong around it, its end cut off to fit. */
  public Encoding encode(String text, int maxLength) {
    return template.apply(encode(text), maxLength);
  }

  /** Two texts with the special tokens that belong around them, the longer one cut first. */
  public Encoding encode(String first, String second, int maxLength) {
    return template.apply(encode(first), encode(second), maxLength);
  }

  /**
   * Hands out the ids of a text file of any size, part by part: together, those of its text. Only
   * an added token with white space in it or behind it can be missed where two parts meet.
   *
   * @throws IOException when it is not UTF-8, with the place where it is not
   */
  public void encode(Path textFile, Consumer<int[]> ids) throws IOException {
    TextFile.read(textFile, part -> ids.accept(encode(part)));
  }

  private void encode(String text, IntList ids) {
    rawTokens.split(
        text,
        0,
        text.length(),
        (token, from, to) -> {
          if (token != null) {
            ids.add(token.id());
          } else if (normalizer == null) {
            encodeNormalized(text, from, to, ids);
          } else {
            String part = normalizer.normalize(text.substring(from, to));
            encodeNormalized(part, 0, part.length(), ids);
          }
        });
  }

  private void encodeNormalized(String text, int start, int end, IntList ids) {
    normalizedTokens.split(
        text,
        start,
        end,
        (token, from, to) -> {
          if (token != null) {
            ids.add(token.id());
          } else if (preTokenizer == null) {
            words.encode(text, from, to, ids);
          } else {
            preTokenizer.split(text, from, to, (t, f, e) -> words.encode(t, f, e, ids));
          }
        });
  }

  /** The text of tokens; bytes that make no character become U+FFFD. */
  public String decode(int... ids) {
    return decode(ids, false);
  }

  /** The text of tokens, with or without the special ones among them. */
  public String decode(int[] ids, boolean skipSpecial) {
    Decoder decoder = decoder(skipSpecial);
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append(decoder.add(id));
    }
    return text.append(decoder.finish()).toString();
  }

  /** Decodes tokens as they come, without the special ones where these are to be skipped. */
  public Decoder decoder(boolean skipSpecial) {
    return new Decoder(this, skipSpecial);
  }

  /**
   * Decodes tokens one at a time and hands out text that is complete: the bytes of a character that
   * tokens have only begun wait for the next ones. For one text and one thread.
   */
  public static final class Decoder {

    private final Tokenizer tokenizer;
    private final boolean skipSpecial;
    private final Utf8Decoder utf8 = new Utf8Decoder();
    private boolean first = true;

    private Decoder(Tokenizer tokenizer, boolean skipSpecial) {
      this.tokenizer = tokenizer;
      this.skipSpecial = skipSpecial;
    }

    /** The text that this token completes, often empty within other alphabets than Latin. */
    public String add(int id) {
      String token = tokenizer.token(id);
      if (skipSpecial && tokenizer.isSpecial(id)) {
        return "";
      }
      StringBuilder text = new StringBuilder();
      utf8.decode(tokenizer.tokenText.bytes(token, first), text);
      first = false;
      return text.toString();
    }

    /** What is left at the end, which is U+FFFD for a character that was begun; starts anew. */
    public String finish() {
      StringBuilder text = new StringBuilder();
      utf8.finish(text);
      first = true;
      return text.toString();
    }
  }

  /** One more than the highest id: the rows that an embedding table needs. */
  public int size() {
    return vocabulary.size();
  }

  /** Whether there is such a token. */
  public boolean contains(String token) {
    return vocabulary.id(token) != null;
  }

  /** The id of a token as it is spelled in the vocabulary, such as {@code <|endoftext|>}. */
  public int id(String token) {
    Integer id = vocabulary.id(token);
    if (id == null) {
      throw new IllegalArgumentException(
          "tokenizer: no such token: "
              + Json.shown(token)
              + " among "
              + size()
              + "; its spelling in tokenizer.json is needed");
    }
    return id;
  }

  /** The token of an id as it is spelled in the vocabulary. */
  public String token(int id) {
    String token = vocabulary.token(id);
    if (token == null) {
      throw new IllegalArgumentException(
          "tokenizer: no token has this id: "
              + id
              + " among "
              + size()
              + "; the ids come from another tokenizer or a larger model");
    }
    return token;
  }

  /** Whether a token marks something, such as the end of a text, and is no text itself. */
  public boolean isSpecial(int id) {
    return token(id) != null && vocabulary.isSpecial(id);
  }

  /** The special tokens, in the order of the file. */
  public List<String> specialTokens() {
    return file.added().stream().filter(AddedToken::special).map(AddedToken::content).toList();
  }
}
