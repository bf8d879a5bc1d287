package io.gradus.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever a file has in it, the answer is an IOException of one line that names it. */
class BadFilesTest {

  private static final String BYTE_LEVEL = "{'type':'ByteLevel','add_prefix_space':false}";
  private static final String BPE =
      "{'pre_tokenizer':"
          + BYTE_LEVEL
          + ",'model':{'type':'BPE','vocab':{'a':0,'b':1,'ab':2},'merges':['a b']}}";
  private static final String BERT =
      "{'pre_tokenizer':{'type':'BertPreTokenizer'},"
          + "'model':{'type':'WordPiece','unk_token':'[UNK]','vocab':{'[UNK]':0,'a':1}}}";

  @TempDir Path directory;

  private String problem(byte[] content) throws IOException {
    Path file = Files.write(directory.resolve("tokenizer.json"), content);
    String message = assertThrows(IOException.class, () -> Tokenizer.load(file)).getMessage();
    String begin = "tokenizer: cannot be read: " + file + ": ";
    String end = "; get the file again or another";
    assertTrue(message.startsWith(begin), message);
    assertTrue(message.endsWith(end), message);
    assertTrue(message.length() < 600 && message.indexOf('\n') < 0, message);
    return message.substring(begin.length(), message.length() - end.length());
  }

  private String problem(String json) throws IOException {
    return problem(json.replace('\'', '"').getBytes(StandardCharsets.UTF_8));
  }

  private String problem(String json, String from, String to) throws IOException {
    assertTrue(json.contains(from), json);
    return problem(json.replace(from, to));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'merges':['a b'] | 'merges':['a c'] | merge 0 needs the token c, which is not there",
        "'merges':['a b'] | 'merges':['b a'] | merge 0 needs the token ba, which is not there",
        "'merges':['a b'] | 'merges':['ab'] | merge 0 is not two tokens: ab",
        "'merges':['a b'] | 'merges':['a b c'] | merge 0 is not two tokens: a b c",
        "'merges':['a b'] | 'merges':[['a']] | merge 0 is not a pair of strings",
        "'merges':['a b'] | 'merges':[['a','b','c']] | merge 0 is not a pair of strings",
        "'merges':['a b'] | 'merges':[7] | merge 0 is not two tokens: ",
        "'ab':2 | 'ab':1 | its tokens b and ab have the same id 1",
        "'ab':2 | 'ab':-1 | its token ab has the id -1",
        "'ab':2 | 'ab':2147483647 | its token ab has the id 2147483647",
        "'ab':2 | 'ab':99999999999 | its vocabulary has 99999999999 for ab",
        "'ab':2 | 'ab':1.5 | its vocabulary has 1.5 for ab",
        "'ab':2 | 'ab':'2' | its vocabulary has 2 for ab",
        "'ab':2 | 'ab':2,'a':3 | Duplicate field 'a'",
        "'ab':2 | 'ab':2,'\\ud800':3 | its token with the id 3 is not Unicode",
        "'type':'BPE' | 'type':'Unigram' | its model Unigram is not supported, only BPE and WordPiece",
        "'type':'BPE' | 'type':7 | its model has 7 for type, which is not text",
        "'type':'BPE' | 'type':'BPE','dropout':0.1 | its BPE has dropout, which is not supported",
        "'type':'BPE' | 'type':'BPE','byte_fallback':true | its BPE has byte_fallback, which is not supported",
        "'type':'BPE' | 'type':'BPE','end_of_word_suffix':'</w>' | its BPE has a end_of_word_suffix, which is not supported",
        "'type':'BPE' | 'type':'BPE','unk_token':'?' | its vocabulary lacks ?",
        "'type':'ByteLevel' | 'type':'Metaspace' | its pre_tokenizer Metaspace is not supported, only ByteLevel, BertPreTokenizer, Split, Whitespace, WhitespaceSplit, Digits, Sequence",
        "'type':'ByteLevel' | 'type':'WhitespaceSplit' | its BPE is not byte-level, which is the only kind supported",
        "{'pre | {'normalizer':{'type':'Nmt'},'pre | its normalizer Nmt is not supported, only BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Sequence",
        "{'pre | {'normalizer':{},'pre | its normalizer lacks type",
        "{'pre | {'normalizer':[],'pre | its normalizer is [] and no object",
        "{'pre | {'decoder':{'type':'Fuse'},'pre | its decoder Fuse is not supported, only ByteLevel and WordPiece",
        "{'pre | {'post_processor':{'type':'X'},'pre | its post_processor X is not supported, only BertProcessing, RobertaProcessing, TemplateProcessing, ByteLevel, Sequence",
        "{'pre | {'post_processor':{'type':'BertProcessing','sep':['a',0],'cls':['c',9]},'pre | its post_processor has the id 9, which no token has",
        "{'pre | {'post_processor':{'type':'BertProcessing','sep':['a',0],'cls':[]},'pre | its post_processor lacks cls with an id",
        "{'pre | {'added_tokens':[{'id':3,'content':''}],'pre | its added token 3 is empty",
        "{'pre | {'added_tokens':[{'content':'x'}],'pre | its list of added tokens has id -1, out of range",
        "{'pre | {'added_tokens':[{'id':1,'content':'a'}],'pre | its added token a has two ids: 0 and 1",
        "{'pre | {'added_tokens':[{'id':1,'content':'x'}],'pre | its tokens b and x have the same id 1",
        "{'pre | {'added_tokens':[{'id':2000000000,'content':'x'}],'pre | its token x has the id 2000000000",
        "{'pre | {'added_tokens':[null],'pre | its list of added tokens has null in added_tokens",
        "{'pre | {'added_tokens':7,'pre | its list of added tokens has 7 for added_tokens, which is not an array",
        "{'pre | {'model':{},'pre | Duplicate field 'model'",
        "]}} | ]}} x | Unrecognized token 'x': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
        "]}} | ]}} {} | something follows its closing }"
      })
  void every_mistake_is_told(String from, String to, String problem) throws IOException {
    assertEquals(
        String.valueOf(problem == null ? "" : problem).strip(), problem(BPE, from, to).strip());
  }

  @Test
  void files_that_are_none_are_told() throws IOException {
    Path missing = directory.resolve("missing.json");
    assertEquals(
        "tokenizer: no such file: " + missing,
        assertThrows(IOException.class, () -> Tokenizer.load(missing)).getMessage());
    assertEquals(
        "tokenizer: not a regular file: " + directory,
        assertThrows(IOException.class, () -> Tokenizer.load(directory)).getMessage());
    assertEquals("it is no JSON object", problem(""));
    assertEquals("it is no JSON object", problem("[]"));
    assertEquals("it has no model", problem("{}"));
    assertEquals("its model is no object", problem("{'model':[]}"));
    assertEquals(
        "its vocabulary is empty", problem(BPE, "'a':0,'b':1,'ab':2},'merges':['a b']", "}"));
    assertEquals("it is not UTF-8", problem(new byte[] {'{', '"', (byte) 0xFF, '"'}));
    assertEquals(
        "its vocabulary lacks the token for unknown words", problem(BERT, "'[UNK]':0,", ""));
    assertEquals(
        "its WordPiece is byte-level, which is not supported",
        problem(BERT, "BertPreTokenizer", "ByteLevel"));
    assertEquals(
        "its model has max_input_chars_per_word 99999999999, out of range",
        problem(BERT, "'unk", "'max_input_chars_per_word':99999999999,'unk"));
  }

  @Test
  void deep_nesting_and_long_numbers_end_early() throws IOException {
    String deep = "[".repeat(100_000);
    assertEquals("it is nested more than 64 deep", problem("{'version':" + deep));
    assertNotNull(problem("{'model':{'x':{'y':" + deep));
    assertNotNull(problem("{'model':{'merges':" + deep));
    assertNotNull(problem("{'model':{'vocab':" + deep));
    assertNotNull(problem("{'version':" + "9".repeat(1_000_000)));
    assertNotNull(problem(BPE, "'ab':2", "'ab':" + "9".repeat(1_000_000)));
    String sequence = "{'type':'Sequence','pretokenizers':[".repeat(60) + "]}".repeat(60);
    assertNotNull(problem(BPE, BYTE_LEVEL, sequence));
    String split = "{'type':'Split','behavior':'Isolated','pattern':{'Regex':'%s'}}";
    String nested = "(".repeat(100_000) + ")".repeat(100_000);
    assertTrue(
        problem(BPE, BYTE_LEVEL, split.formatted(nested))
            .startsWith("its expression cannot be read by Java: Stack overflow"));
    assertTrue(
        problem(BPE, BYTE_LEVEL, split.formatted("a(b"))
            .startsWith("its expression cannot be read by Java: Unclosed group in a(b"));
  }

  @Test
  void a_model_without_a_type_is_known_by_its_merges() throws IOException {
    Path file = directory.resolve("tokenizer.json");
    Files.writeString(file, BPE.replace("'type':'BPE',", "").replace('\'', '"'));
    assertArrayEquals(new int[] {2, 0}, Tokenizer.load(file).encode("aba"));
    Files.writeString(file, BERT.replace("'type':'WordPiece',", "").replace('\'', '"'));
    assertArrayEquals(new int[] {1, 0}, Tokenizer.load(file).encode("a b"));
  }

  @Test
  void a_vocabulary_may_have_holes() throws IOException {
    Path file = directory.resolve("tokenizer.json");
    Files.writeString(file, BPE.replace("'ab':2", "'ab':1000").replace('\'', '"'));
    Tokenizer tokenizer = Tokenizer.load(file);
    assertEquals(1001, tokenizer.size());
    assertArrayEquals(new int[] {1000, 0}, tokenizer.encode("aba"));
    assertThrows(IllegalArgumentException.class, () -> tokenizer.decode(500));
    // There is no token for c.
    assertArrayEquals(new int[] {1000}, tokenizer.encode("acb"));
  }

  @Test
  void a_file_cut_anywhere_or_with_a_byte_changed_is_told_or_read() throws IOException {
    for (String golden : new String[] {"golden/bpe-few-letters-0.json", "golden/wordpiece.json"}) {
      byte[] bytes = Files.readAllBytes(Texts.resource(golden));
      Random random = new Random(8);
      for (int i = 0; i < 150; i++) {
        problem(Arrays.copyOf(bytes, random.nextInt(bytes.length - 2)));
        byte[] changed = bytes.clone();
        int at = i % 2 == 0 ? random.nextInt(2000) : random.nextInt(bytes.length);
        changed[at] = (byte) random.nextInt(256);
        Path file = Files.write(directory.resolve("changed.json"), changed);
        try {
          Tokenizer.load(file).encode("Call me Ishmael.");
        } catch (IOException e) {
          assertTrue(e.getMessage().startsWith("tokenizer: cannot be read: "), e.getMessage());
        }
      }
    }
  }

  @Test
  void saving_leaves_what_was_there_when_it_fails() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(Texts.resource("golden/bpe-moby-dick.json"));
    Path nowhere = directory.resolve("no/such/tokenizer.json");
    assertEquals(
        "tokenizer: no such directory: " + nowhere.getParent() + "; make it first",
        assertThrows(IOException.class, () -> tokenizer.save(nowhere)).getMessage());
    Path file = directory.resolve("tokenizer.json");
    tokenizer.save(file);
    tokenizer.save(file);
    Path again = directory.resolve("again.json");
    Tokenizer.load(file).save(again);
    assertEquals(Files.readString(file), Files.readString(again));
  }
}
