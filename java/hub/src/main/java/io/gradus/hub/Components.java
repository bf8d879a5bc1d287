package io.gradus.hub;

import static io.gradus.hub.RegexSplitter.Behavior.CONTIGUOUS;
import static io.gradus.hub.RegexSplitter.Behavior.ISOLATED;
import static io.gradus.hub.RegexSplitter.Behavior.MERGED_WITH_NEXT;
import static io.gradus.hub.RegexSplitter.Behavior.MERGED_WITH_PREVIOUS;
import static io.gradus.hub.RegexSplitter.Behavior.REMOVED;

import io.gradus.hub.Template.Piece;
import java.io.IOException;
import java.text.Normalizer.Form;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** The parts of a tokenizer from what its file says about them. */
final class Components {

  private static final int UNICODE = Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNICODE_CASE;
  private static final String WORD = "\\p{IsAlphabetic}\\p{M}\\p{Nd}\\p{Pc}";

  private Components() {}

  /** Null for a text that stays as it is. */
  static Normalizer normalizer(Settings settings) throws IOException {
    if (settings == null) {
      return null;
    }
    switch (settings.type()) {
      case "BertNormalizer" -> {
        boolean lowercase = settings.flag("lowercase", true);
        return new BertNormalizer(
            settings.flag("clean_text", true),
            settings.flag("handle_chinese_chars", true),
            settings.flag("strip_accents", lowercase),
            lowercase);
      }
      case "Lowercase" -> {
        return Unicode::lower;
      }
      case "NFC", "NFD", "NFKC", "NFKD" -> {
        Form form = Form.valueOf(settings.type());
        return text -> java.text.Normalizer.normalize(text, form);
      }
      case "Sequence" -> {
        Normalizer all = null;
        for (Settings next : settings.list("normalizers")) {
          Normalizer before = all;
          Normalizer then = normalizer(next);
          all = before == null ? then : text -> then.normalize(before.normalize(text));
        }
        return all;
      }
      default ->
          throw settings.unsupported("BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Sequence");
    }
  }

  /** Null for a text that is one word. */
  static PreTokenizer preTokenizer(Settings settings) throws IOException {
    if (settings == null) {
      return null;
    }
    switch (settings.type()) {
      case "ByteLevel" -> {
        return new ByteLevel(
            settings.flag("add_prefix_space", true), settings.flag("use_regex", true));
      }
      case "BertPreTokenizer" -> {
        return new BertSplitter();
      }
      case "Split" -> {
        return split(settings);
      }
      case "Whitespace" -> {
        return new RegexSplitter(
            Pattern.compile("[" + WORD + "]+|[^" + WORD + "\\s]+", UNICODE), REMOVED, true);
      }
      case "WhitespaceSplit" -> {
        return new RegexSplitter(Pattern.compile("\\s", UNICODE), REMOVED, false);
      }
      case "Digits" -> {
        boolean each = settings.flag("individual_digits", false);
        return new RegexSplitter(Pattern.compile("\\p{N}"), each ? ISOLATED : CONTIGUOUS, false);
      }
      case "Sequence" -> {
        PreTokenizer all = null;
        for (Settings next : settings.list("pretokenizers")) {
          PreTokenizer then = preTokenizer(next);
          all = all == null ? then : all.then(then);
        }
        return all;
      }
      default ->
          throw settings.unsupported(
              "ByteLevel, BertPreTokenizer, Split, Whitespace, WhitespaceSplit, Digits, Sequence");
    }
  }

  private static PreTokenizer split(Settings settings) throws IOException {
    Settings pattern = settings.object("pattern");
    RegexSplitter.Behavior behavior = behavior(settings);
    boolean invert = settings.flag("invert", false);
    // These leave nothing between their matches.
    if (behavior == ISOLATED || behavior == REMOVED && invert) {
      switch (pattern.text("Regex", "")) {
        case Gpt2Splitter.REGEX -> {
          return new Gpt2Splitter();
        }
        case Gpt4Splitter.REGEX -> {
          return new Gpt4Splitter(3);
        }
        case Gpt4Splitter.REGEX_OF_SINGLE_DIGITS -> {
          return new Gpt4Splitter(1);
        }
        default -> {}
      }
    }
    return new RegexSplitter(pattern(pattern), behavior, invert);
  }

  private static Pattern pattern(Settings settings) throws IOException {
    String literal = settings.text("String", null);
    if (literal != null) {
      return Pattern.compile(literal, Pattern.LITERAL);
    }
    String regex = settings.text("Regex");
    try {
      return Pattern.compile(regex, UNICODE);
    } catch (PatternSyntaxException e) {
      String what = e.getDescription() + " in " + Json.shown(regex);
      throw new IOException("its expression cannot be read by Java: " + what, e);
    }
  }

  private static RegexSplitter.Behavior behavior(Settings settings) throws IOException {
    String name = settings.text("behavior");
    return switch (name) {
      case "Removed" -> REMOVED;
      case "Isolated" -> ISOLATED;
      case "MergedWithPrevious" -> MERGED_WITH_PREVIOUS;
      case "MergedWithNext" -> MERGED_WITH_NEXT;
      case "Contiguous" -> CONTIGUOUS;
      default -> throw new IOException("its " + settings.part() + " has behavior " + name);
    };
  }

  /** Whether words reach the model as bytes; these must be the last word about them. */
  static boolean isByteLevel(Settings settings) throws IOException {
    if (settings == null || !settings.type().equals("Sequence")) {
      return settings != null && settings.type().equals("ByteLevel");
    }
    List<Settings> steps = settings.list("pretokenizers");
    for (int i = 0; i < steps.size() - 1; i++) {
      if (isByteLevel(steps.get(i))) {
        throw new IOException("its " + settings.part() + " goes on after ByteLevel");
      }
    }
    return !steps.isEmpty() && isByteLevel(steps.get(steps.size() - 1));
  }

  static Template template(Settings settings) throws IOException {
    if (settings == null) {
      return Template.PLAIN;
    }
    switch (settings.type()) {
      case "ByteLevel" -> {
        return Template.PLAIN; // It moves offsets, which nobody here asks for.
      }
      case "BertProcessing" -> {
        Piece start = Piece.tokens(0, pairedId(settings, "cls"));
        int end = pairedId(settings, "sep");
        Piece first = Piece.text(0, 0);
        return new Template(
            List.of(start, first, Piece.tokens(0, end)),
            List.of(start, first, Piece.tokens(0, end), Piece.text(1, 1), Piece.tokens(1, end)));
      }
      case "RobertaProcessing" -> {
        Piece start = Piece.tokens(0, pairedId(settings, "cls"));
        Piece end = Piece.tokens(0, pairedId(settings, "sep"));
        Piece first = Piece.text(0, 0);
        return new Template(
            List.of(start, first, end), List.of(start, first, end, end, Piece.text(1, 0), end));
      }
      case "TemplateProcessing" -> {
        Settings tokens = settings.object("special_tokens");
        return new Template(
            pieces(settings.list("single"), tokens), pieces(settings.list("pair"), tokens));
      }
      case "Sequence" -> {
        Template found = Template.PLAIN;
        for (Settings next : settings.list("processors")) {
          Template template = template(next);
          if (template != Template.PLAIN && found != Template.PLAIN) {
            throw new IOException("its " + settings.part() + " has two templates");
          }
          found = template == Template.PLAIN ? found : template;
        }
        return found;
      }
      default ->
          throw settings.unsupported(
              "BertProcessing, RobertaProcessing, TemplateProcessing, ByteLevel, Sequence");
    }
  }

  /** The id of a field such as {@code "cls": ["[CLS]", 101]}. */
  private static int pairedId(Settings settings, String name) throws IOException {
    List<?> pair = settings.get(name, List.class, "a token and its id", List.of());
    if (pair.size() != 2 || !(pair.get(1) instanceof Integer id)) {
      throw new IOException("its " + settings.part() + " lacks " + name + " with an id");
    }
    return id;
  }

  private static List<Piece> pieces(List<Settings> list, Settings tokens) throws IOException {
    List<Piece> pieces = new ArrayList<>();
    for (Settings item : list) {
      if (item.fields().containsKey("Sequence")) {
        Settings text = item.object("Sequence");
        String name = text.text("id");
        if (!name.equals("A") && !name.equals("B")) {
          throw new IOException("its " + text.part() + " has the id " + Json.shown(name));
        }
        pieces.add(Piece.text(name.equals("A") ? 0 : 1, text.number("type_id", 0)));
      } else {
        Settings special = item.object("SpecialToken");
        Settings token = tokens.object(special.text("id"));
        List<?> ids = token.get("ids", List.class, "an array", List.of());
        int[] tokenIds = new int[ids.size()];
        for (int i = 0; i < tokenIds.length; i++) {
          if (!(ids.get(i) instanceof Integer id)) {
            throw new IOException("its " + token.part() + " has an id " + Json.shown(ids.get(i)));
          }
          tokenIds[i] = id;
        }
        pieces.add(Piece.tokens(special.number("type_id", 0), tokenIds));
      }
    }
    return pieces;
  }

  static TokenText tokenText(Settings settings) throws IOException {
    if (settings == null) {
      return TokenText.spaced();
    }
    return switch (settings.type()) {
      case "ByteLevel" -> TokenText.byteLevel();
      case "WordPiece" ->
          TokenText.wordPiece(settings.text("prefix", "##"), settings.flag("cleanup", true));
      default -> throw settings.unsupported("ByteLevel and WordPiece");
    };
  }

  static Model model(TokenizerFile file, boolean byteLevel) throws IOException {
    Settings settings = new Settings("model", file.model());
    Map<String, Integer> vocabulary = file.vocabulary();
    return switch (settings.type()) {
      case "BPE" -> {
        if (!byteLevel) {
          throw new IOException("its BPE is not byte-level, which is the only kind supported");
        }
        yield bytePairs(file, settings);
      }
      case "WordPiece" -> {
        if (byteLevel) {
          throw new IOException("its WordPiece is byte-level, which is not supported");
        }
        Integer unknown = vocabulary.get(settings.text("unk_token", "[UNK]"));
        if (unknown == null) {
          throw new IOException("its vocabulary lacks the token for unknown words");
        }
        yield new WordPiece(
            vocabulary,
            unknown,
            settings.text("continuing_subword_prefix", "##"),
            settings.number("max_input_chars_per_word", 100));
      }
      default -> throw settings.unsupported("BPE and WordPiece");
    };
  }

  private static BytePairs bytePairs(TokenizerFile file, Settings settings) throws IOException {
    for (String affix : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
      if (!settings.text(affix, "").isEmpty()) {
        throw new IOException("its BPE has a " + affix + ", which is not supported");
      }
    }
    if (settings.flag("byte_fallback", false)) {
      throw new IOException("its BPE has byte_fallback, which is not supported");
    }
    Number dropout = settings.get("dropout", Number.class, "a number", 0);
    if (dropout.doubleValue() != 0) {
      throw new IOException("its BPE has dropout, which is not supported");
    }
    Map<String, Integer> vocabulary = file.vocabulary();
    String unknown = settings.text("unk_token", null);
    if (unknown != null && !vocabulary.containsKey(unknown)) {
      throw new IOException("its vocabulary lacks " + Json.shown(unknown));
    }
    List<String> merges = file.merges();
    long[] pairs = new long[merges.size() / 2];
    int[] merged = new int[pairs.length];
    for (int i = 0; i < pairs.length; i++) {
      String left = merges.get(2 * i);
      String right = merges.get(2 * i + 1);
      pairs[i] = PairMap.pair(mergeId(vocabulary, left, i), mergeId(vocabulary, right, i));
      merged[i] = mergeId(vocabulary, left + right, i);
    }
    return new BytePairs(
        vocabulary,
        pairs,
        merged,
        unknown == null ? -1 : vocabulary.get(unknown),
        settings.flag("ignore_merges", false));
  }

  private static int mergeId(Map<String, Integer> vocabulary, String token, int merge)
      throws IOException {
    Integer id = vocabulary.get(token);
    if (id == null) {
      throw new IOException(
          "merge " + merge + " needs the token " + Json.shown(token) + ", which is not there");
    }
    return id;
  }
}
