package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ErrorsTest {

  @TempDir private Path folder;

  /** The one line that a user sees. */
  private static void assertFails(int code, String sentence, String... args) {
    Cli run = Cli.run(args);
    assertEquals(sentence + System.lineSeparator(), run.err());
    assertEquals(code, run.code());
    assertEquals("", run.out());
  }

  @Test
  void no_command_is_wrong_usage() {
    assertFails(
        2,
        "gradus: no command is given; name train, resume, eval, predict, find-lr, generate,"
            + " tokenizer, info, bench, profile or plot; see gradus --help");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "teach | gradus: Unmatched argument at index 0: 'teach'; see gradus --help",
        "info --fast | gradus: Unknown option: '--fast'; see gradus info --help",
        "train mlp --epochs 0 | gradus: --epochs: must be 1 or more: 0; see gradus train mlp --help",
        "train mlp --epochs x | gradus: Invalid value for option '--epochs': 'x' is not an int;"
            + " see gradus train mlp --help",
        "train mlp --batch-size -1 | gradus: --batch-size: must be 1 or more: -1;"
            + " see gradus train mlp --help",
        "train mlp --hidden 8,0 | gradus: --hidden: must be 1 or more: [8, 0]; see gradus train mlp --help",
        "train mlp --dropout 1 | gradus: --dropout: must be at least 0 and less than 1: 1.0;"
            + " see gradus train mlp --help",
        "train mlp --learning-rate NaN | gradus: --learning-rate: must be positive: NaN;"
            + " see gradus train mlp --help",
        "train mlp --weight-decay -0.1 | gradus: --weight-decay: must not be negative: -0.1;"
            + " see gradus train mlp --help",
        "train mlp --ema 1 | gradus: --ema: must be at least 0 and less than 1: 1.0;"
            + " see gradus train mlp --help",
        "train mlp --plateau-factor 1 | gradus: --plateau-factor: must be more than 0 and less than"
            + " 1: 1.0; see gradus train mlp --help",
        "train mlp --plateau-patience -1 | gradus: --plateau-patience: must not be negative: -1;"
            + " see gradus train mlp --help",
        "train mlp --optimizer sdg | gradus: Invalid value for option '--optimizer': expected one of"
            + " [adamw, adam, nadam, radam, adamax, sgd, rmsprop, adagrad, adadelta, adafactor, lion]"
            + " (case-sensitive) but was 'sdg'; see gradus train mlp --help",
        "train mlp --patience -1 | gradus: --patience: must not be negative: -1;"
            + " see gradus train mlp --help",
        "train mlp --validation 1 | gradus: --validation: must be at least 0 and less than 1: 1.0;"
            + " see gradus train mlp --help",
        "train mlp --best --no-checkpoints | gradus: --best: needs the checkpoints that are left"
            + " out: --no-checkpoints; see gradus train mlp --help",
        "train mlp --plot gif | gradus: --plot: must be png or svg: gif; see gradus train mlp --help",
        "train cnn --size 0 | gradus: --size: must lie in 1 to 4096: 0; see gradus train cnn --help",
        "train cnn --architecture lenet --blocks 2 | gradus: --blocks: is for resnet alone: 2;"
            + " see gradus train cnn --help",
        "train cnn --architecture lenet | gradus: cnn: size must be 12 or more, which two windows"
            + " leave one of: 8; see gradus train cnn --help",
        "train vit --patch 3 | gradus: vit: height must be of patches of 3: 8; see gradus train vit"
            + " --help",
        "train vae --label-smoothing 0.1 | gradus: --label-smoothing: a vae learns without labels:"
            + " 0.1; see gradus train vae --help",
        "train rnn --vocabulary 256 | gradus: --vocabulary: must be 257 or more, for all bytes and"
            + " the padding: 256; see gradus train rnn --help",
        "find-lr | gradus: find-lr: no network is given; name mlp, cnn, rnn, vae or vit;"
            + " see gradus find-lr --help",
        "find-lr mlp --low 1 --high 0.5 | gradus: --high: must be more than --low: 0.5;"
            + " see gradus find-lr mlp --help",
        "find-lr mlp --output x.gif | gradus: --output: must end with .png or .svg: x.gif;"
            + " see gradus find-lr mlp --help",
        "predict none --top 0 | gradus: --top: must be 1 or more: 0; see gradus predict --help",
        "eval | gradus: Missing required parameter: 'DIR'; see gradus eval --help",
        "train | gradus: train: no network is given; name gpt, mlp, cnn, rnn, vae or vit; see gradus train --help",
        "train --steps 3 | gradus: Unknown options: '--steps', '3'; see gradus train --help",
        "train gpt --heads 3 | gradus: gpt: heads must divide the width 128: 3;"
            + " see gradus train gpt --help",
        "train gpt --config gpt3 | gradus: gpt: no configuration has this name: gpt3; there are"
            + " tiny, shakespeare, gpt2-124m, gpt2-355m, gpt2-774m, gpt2-1558m, llama-tiny;"
            + " see gradus train gpt --help",
        "train gpt --time 129 | gradus: --time: is longer than the context, 128: 129;"
            + " see gradus train gpt --help",
        "train gpt --steps 0 | gradus: --steps: must be 1 or more: 0; see gradus train gpt --help",
        "train gpt --epochs 1 --steps 1 | gradus: --epochs: cannot be given together with --steps:"
            + " 1.0; see gradus train gpt --help",
        "train gpt --steps 5 --warmup 6 | gradus: --warmup: must not be more than the steps, 5: 6;"
            + " see gradus train gpt --help",
        "train gpt --beta2 1 | gradus: --beta2: must be at least 0 and less than 1: 1.0;"
            + " see gradus train gpt --help",
        "train gpt --vocabulary 256 | gradus: --vocabulary: must be 257 or more, for all bytes and"
            + " the end of texts: 256; see gradus train gpt --help",
        "train gpt --resume --steps 5 | gradus: --resume: goes on with the settings of its folder;"
            + " leave out --steps; see gradus train gpt --help",
        "generate none | gradus: generate: there is no prompt; give --prompt or --prompts;"
            + " see gradus generate --help",
        "generate none --prompt a --greedy --temperature 1 | gradus: --temperature: cannot be"
            + " given together with --greedy: 1.0; see gradus generate --help",
        "generate none --prompt a --top-p 0 | gradus: --top-p: must be more than 0 and at most 1:"
            + " 0.0; see gradus generate --help",
        "tokenizer | gradus: tokenizer: no task is given; name train, encode or decode;"
            + " see gradus tokenizer --help",
        "tokenizer train --vocabulary 9 none | gradus: --vocabulary: must be 257 or more, for all"
            + " bytes and special tokens: 9; see gradus tokenizer train --help",
        "train mlp --threads 0 | gradus: --threads: must lie in 1 to 1024: 0; see gradus train mlp --help",
        "bench --workload mlp | gradus: --workload: there is none of this name: mlp; supported are"
            + " mlp_784_256_10_b32, mlp_784_256_10_b64, mlp_784_256_10_b256, gpt2_b4_t64,"
            + " gpt2_b1_t512, shakespeare_b8_t256, minilm_b16_s128, minilm_b16_s128_dropout,"
            + " bertbase_b8_s128, gpt2_b32_t1024_bf16, gpt2_b64_t1024_bf16, generate_gpt2;"
            + " see gradus bench --help",
        "bench --seconds 0 | gradus: --seconds: must be positive and at most 86400: 0.0;"
            + " see gradus bench --help",
        "bench --seconds NaN | gradus: --seconds: must be positive and at most 86400: NaN;"
            + " see gradus bench --help",
      })
  void wrong_usage_is_one_sentence_and_a_hint(String args, String sentence) {
    assertFails(2, sentence, args.split(" "));
  }

  @Test
  void a_missing_data_folder_is_named() {
    Path missing = folder.resolve("none");
    assertFails(
        1,
        "gradus: data: no such directory: " + missing,
        "train",
        "mlp",
        "--data",
        missing.toString());
  }

  @Test
  void a_data_folder_that_is_a_file_is_named() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    assertFails(
        1, "gradus: data: not a directory: " + file, "train", "mlp", "--data", file.toString());
  }

  @Test
  void an_empty_data_folder_says_what_was_looked_for() {
    assertFails(
        1,
        "gradus: data: no images to learn from in "
            + folder
            + ": looked for train-images-idx3-ubyte as of MNIST, data_batch_1.bin and train.bin as"
            + " of CIFAR, and a folder of pictures for each class",
        "train",
        "mlp",
        "--data",
        folder.toString());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "x.csv | text,b;1,2; | csv: no such column: FILE has no label, but [text, b]",
        "y.csv | text,label;hello,; | data: there is no label in row 1: FILE",
        "z.csv | text,label;hello,a; | data: too few texts to hold some out for a test: 1",
        "q.txt | hello; | data: neither .csv, .tsv nor .jsonl, nor a folder with a folder for each"
            + " class: FILE",
        "j.jsonl | {\"body\": \"x\"}; | --text: there is no column of this name: text; FILE has"
            + " [body]",
      })
  void texts_that_cannot_be_learned_are_told(String name, String content, String sentence)
      throws IOException {
    Path file = Files.writeString(folder.resolve(name), content.replace(';', '\n'));
    assertFails(
        1,
        "gradus: " + sentence.replace("FILE", file.toString()),
        "train",
        "rnn",
        "--data",
        file.toString());
  }

  @Test
  void a_share_that_leaves_nothing_is_refused() {
    assertFails(
        1,
        "gradus: --validation: there are too few examples for a share of 1.0E-4: 1437 to train and"
            + " 0 held out",
        "train",
        "mlp",
        "--validation",
        "0.0001");
  }

  @Test
  void a_truncated_file_is_named() throws IOException {
    IdxFiles.write(folder);
    Path file = folder.resolve("train-labels-idx1-ubyte");
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length - 1));
    Cli run = Cli.run("train", "mlp", "--data", folder.toString());
    assertEquals(1, run.code());
    assertTrue(run.err().startsWith("gradus: idx: cut short: " + file), run.err());
    assertEquals(1, run.err().lines().count());
  }

  @Test
  void an_output_folder_that_is_missing_is_found_out_before_the_training() {
    Path parent = folder.resolve("none");
    assertFails(
        1,
        "gradus: --output: no such directory: " + parent,
        "train",
        "mlp",
        "--output",
        parent.resolve("run").toString());
  }

  @Test
  void an_output_that_is_a_file_is_found_out_before_the_training() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    assertFails(
        1, "gradus: --output: not a folder: " + file, "train", "mlp", "--output", file.toString());
  }

  @Test
  void the_stack_trace_comes_when_asked_for() {
    Cli run = Cli.run("train", "mlp", "--data", folder.toString(), "--stacktrace");
    assertEquals(1, run.code());
    assertTrue(run.err().startsWith("gradus: data: no images to learn"), run.err());
    assertTrue(run.err().contains("\tat io.gradus.cli.ImageSource"), run.err());
  }

  @Test
  void a_reader_that_goes_away_ends_the_run_without_a_word() {
    PrintStream out = System.out;
    OutputStream broken =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("Broken pipe");
          }
        };
    System.setOut(new PrintStream(broken, true));
    try {
      PrintStream err = System.err;
      var seen = new java.io.ByteArrayOutputStream();
      System.setErr(new PrintStream(seen, true));
      try {
        assertEquals(1, Main.run("info"));
        assertEquals("", seen.toString());
      } finally {
        System.setErr(err);
      }
    } finally {
      System.setOut(out);
    }
  }

  @Test
  void a_failure_in_a_static_initializer_is_told_by_its_cause() {
    var cause = new IllegalStateException("gradus: no native library");
    assertEquals(
        "gradus: no native library", Main.sentence(new ExceptionInInitializerError(cause)));
  }

  @Test
  void a_failure_without_a_message_is_told_by_its_name() {
    assertEquals("StackOverflowError", Main.sentence(new StackOverflowError()));
  }
}
