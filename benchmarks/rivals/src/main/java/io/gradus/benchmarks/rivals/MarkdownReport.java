package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Machine;
import io.gradus.benchmarks.Rounds;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.ToDoubleBiFunction;

/** The report as people read it. */
final class MarkdownReport {
  private static final String NONE = "–";

  private final Report report;
  private final Options options;
  private final StringBuilder text = new StringBuilder();

  MarkdownReport(Report report) {
    this.report = report;
    this.options = report.options();
    line(
        "Samples (MLP, MiniLM, BERT) or tokens (GPT) a second: median of the rounds and its range.");
    byEngine("Gradus / libtorch, MKL", this::rate, this::ratio);
    line("Peak resident memory, MB.");
    byEngine(null, this::resident, null);
    line("Loss after 20 steps from the same weights and data, without dropout.");
    byEngine(null, this::loss, null);
    line(
        "Share of the floor: the time in which the machine could do the step, by the step's time.");
    byEngine(null, (workload, engine) -> share(workload, engine, report::share), null);
    line("Share of the attainable, which the roofline below explains.");
    byEngine(null, (workload, engine) -> share(workload, engine, report::shareOfAttainable), null);
    roofline();
    peaks();
    circumstances();
  }

  @Override
  public String toString() {
    return text.toString();
  }

  private interface Cell {
    String of(Workload workload, Engine engine);
  }

  /** A row for each workload, a column for each engine, and perhaps one more. */
  private void byEngine(String title, Cell cell, Function<Workload, String> last) {
    List<String> head = new ArrayList<>(List.of("workload"));
    options.engines().forEach(engine -> head.add(engine.title()));
    if (title != null) {
      head.add(title);
    }
    List<List<String>> rows = new ArrayList<>();
    for (Workload workload : options.workloads()) {
      List<String> row = new ArrayList<>(List.of("`" + workload.name() + "`"));
      for (Engine engine : options.engines()) {
        row.add(engine.has(workload) ? cell.of(workload, engine) : NONE);
      }
      if (last != null) {
        row.add(last.apply(workload));
      }
      rows.add(row);
    }
    table(head, rows);
  }

  private String rate(Workload workload, Engine engine) {
    Result result = report.result(workload, engine);
    if (!result.isMeasured()) {
      return "failed";
    }
    if (!report.isValid(workload, engine)) {
      double wanted = report.result(workload, Engine.GRADUS).loss();
      return "void: loss " + digits(result.loss()) + ", not " + digits(wanted);
    }
    Rounds rate = result.rate();
    return figure(rate.median()) + " (" + figure(rate.least()) + " to " + figure(rate.most()) + ")";
  }

  private String ratio(Workload workload) {
    return report.isCompared(workload) ? report.ratio(workload).toString() : NONE;
  }

  private String resident(Workload workload, Engine engine) {
    Result result = report.result(workload, engine);
    return result.isMeasured() ? format("%,.0f", result.residentMb()) : NONE;
  }

  private String loss(Workload workload, Engine engine) {
    return digits(report.result(workload, engine).loss());
  }

  private String share(
      Workload workload, Engine engine, ToDoubleBiFunction<Workload, Engine> share) {
    return report.isValid(workload, engine)
        ? format("%.0f %%", 100 * share.applyAsDouble(workload, engine))
        : NONE;
  }

  private void roofline() {
    Peaks peaks = report.peaksUsed();
    line(
        "Roofline of one step: all at the peaks of %d threads; attainable with products at the"
                .formatted(options.threads())
            + " typical rate of a tile, attention at 65 % of it.");
    List<List<String>> rows = new ArrayList<>();
    for (Workload workload : options.workloads()) {
      rows.add(
          List.of(
              "`" + workload.name() + "`",
              number(workload.gemmFlops() / 1e9),
              number(workload.attentionFlops() / 1e9),
              number(workload.bytes() / 1e6),
              format("%.3g", workload.floor(peaks)),
              format("%.3g", workload.attainable(peaks))));
    }
    table(
        List.of(
            "workload",
            "products, GFLOP",
            "attention, GFLOP",
            "optimizer and loss, MB",
            "floor, ms",
            "attainable, ms"),
        rows);
  }

  private void peaks() {
    line(
        "The machine at most: f32 multiply-adds with the widest vectors, those of a product's tile whose"
            + " operands are in L1, streams in memory and cache. Typical: the median instead of the best.");
    List<String> names = new ArrayList<>(report.peaksUsed().figures().keySet());
    List<List<String>> rows = new ArrayList<>();
    for (Peaks peaks : report.peaks()) {
      rows.add(names.stream().map(name -> number(peaks.figures().get(name))).toList());
    }
    table(names.stream().map(name -> name.replace('_', ' ')).toList(), rows);
  }

  private void circumstances() {
    line(
        format(
            "%s, %d processors, %.0f GB; %d threads, JDK %s, %s; %d rounds of %s s.",
            Machine.processor(),
            Runtime.getRuntime().availableProcessors(),
            Machine.memoryBytes() / 1e9,
            options.threads(),
            Runtime.version(),
            report.date(),
            options.rounds(),
            options.seconds()));
    line(
        format(
            "Before each measurement other programs used %.0f %% of the processors (%.0f to %.0f).",
            100 * report.busy().median(), 100 * report.busy().least(), 100 * report.busy().most()));
    line("");
    for (Engine engine : options.engines()) {
      line("- " + engine.title() + ": " + engine.versions());
    }
  }

  private void table(List<String> head, List<List<String>> rows) {
    line("");
    line("| " + String.join(" | ", head) + " |");
    line("|" + "---|".repeat(head.size()));
    rows.forEach(row -> line("| " + String.join(" | ", row) + " |"));
    line("");
  }

  private void line(String line) {
    text.append(line).append('\n');
  }

  private static String figure(double rate) {
    return format(rate < 10 ? "%.2f" : rate < 100 ? "%.1f" : "%,.0f", rate);
  }

  private static String number(double value) {
    return value == Math.rint(value) ? format("%.0f", value) : format("%.4g", value);
  }

  private static String digits(double loss) {
    return Double.isNaN(loss) ? NONE : format("%.7g", loss);
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
