package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Machine;
import io.gradus.benchmarks.Rounds;
import io.gradus.benchmarks.Sizes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Matrix products of the sizes that training has, in Gradus, OpenBLAS, MKL and oneDNN in turn, with
 * one thread and with all. Prints the medians of the rounds in GFLOP/s as a Markdown table, and
 * writes it.
 *
 * <p>{@code CompareGemm [rounds] [threads] [file.md]}.
 */
public final class CompareGemm {
  private static final List<String> SHAPES =
      List.of(
          Sizes.FORWARD_B32,
          Sizes.FORWARD_B64,
          Sizes.FORWARD_B256,
          Sizes.WEIGHTS_B32,
          Sizes.WEIGHTS_B64,
          Sizes.WEIGHTS_B256,
          Sizes.LOGITS_B32,
          Sizes.SQUARE,
          Sizes.GPT2_QKV,
          Sizes.GPT2_OUT,
          Sizes.GPT2_INPUT_GRAD,
          Sizes.GPT2_WEIGHT_GRAD,
          Sizes.GPT2_HEAD,
          Sizes.SMALL_UP,
          Sizes.SMALL_DOWN,
          Sizes.BERT_UP,
          Sizes.TOKEN_UP,
          Sizes.TOKEN_HEAD);
  private static final List<String> LIBRARIES = List.of("gradus", "openblas", "mkl", "onednn");

  private record Key(String shape, String library, String threads) {}

  private final Map<Key, List<Double>> rates = new HashMap<>();
  private final List<String> threads;

  private CompareGemm(List<String> threads) {
    this.threads = threads;
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 3;
    String most = args.length > 1 ? args[1] : "" + Runtime.getRuntime().availableProcessors();
    Path file = Path.of(args.length > 2 ? args[2] : "benchmarks/rivals/libtorch/target/gemm.md");
    var compare = new CompareGemm(most.equals("1") ? List.of("1") : List.of("1", most));
    compare.measure(rounds);
    String table = compare.table();
    table +=
        "%n%s, JDK %s, %s: medians of %d rounds of medians, GFLOP/s.%n"
            .formatted(Machine.processor(), Runtime.version().feature(), LocalDate.now(), rounds);
    System.out.print(table);
    Files.writeString(file, table);
  }

  private void measure(int rounds) throws IOException, InterruptedException {
    List<Answering> engines = new ArrayList<>();
    try {
      for (String count : threads) {
        for (String library : LIBRARIES) {
          engines.add(new Answering(count, GemmRates.class, library));
        }
      }
      for (int round = 1; round <= rounds; round++) {
        for (String shape : SHAPES) {
          for (int i = 0; i < engines.size(); i++) {
            String library = LIBRARIES.get(i % LIBRARIES.size());
            var key = new Key(shape, library, threads.get(i / LIBRARIES.size()));
            double rate = rate(engines.get(i), shape);
            System.err.printf("round %d of %d: %s: %.0f%n", round, rounds, key, rate);
            rates.computeIfAbsent(key, k -> new ArrayList<>()).add(rate);
          }
        }
      }
    } finally {
      engines.forEach(Answering::close);
    }
  }

  /** NaN where the library cannot be loaded, as oneDNN where there is no libOpenCL. */
  private static double rate(Answering engine, String shape) throws InterruptedException {
    try {
      return engine.ask(shape);
    } catch (IOException e) {
      System.err.println(e.getMessage());
      return Double.NaN;
    }
  }

  private String table() {
    var text = new StringBuilder("| m x n x k |");
    for (String count : threads) {
      LIBRARIES.forEach(library -> text.append(" %s, %s |".formatted(library, count)));
      text.append(" gradus / best, %s |".formatted(count));
    }
    text.append("\n|").append("---|".repeat(1 + threads.size() * (LIBRARIES.size() + 1)));
    for (String shape : SHAPES) {
      text.append("\n| %s |".formatted(shape));
      threads.forEach(count -> text.append(cells(shape, count)));
    }
    return text.append('\n').toString();
  }

  /** The rate of each library, and Gradus's share of the best of the others. */
  private String cells(String shape, String count) {
    var text = new StringBuilder();
    double best = 0;
    for (String library : LIBRARIES) {
      double rate = rate(shape, library, count);
      text.append(Double.isNaN(rate) ? " – |" : String.format(Locale.ROOT, " %.0f |", rate));
      best = library.equals("gradus") || !(rate > best) ? best : rate;
    }
    double ratio = rate(shape, "gradus", count) / best;
    return text.append(String.format(Locale.ROOT, " %.2f |", ratio)).toString();
  }

  private double rate(String shape, String library, String count) {
    return Rounds.of(rates.get(new Key(shape, library, count)), rate -> rate).median();
  }
}
