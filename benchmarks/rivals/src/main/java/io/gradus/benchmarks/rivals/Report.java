package io.gradus.benchmarks.rivals;

import io.gradus.benchmarks.Rounds;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Everything that was found, for {@link MarkdownReport} and {@link JsonReport}. */
final class Report {

  private record Key(Workload workload, Engine engine) {}

  private final Options options;
  private final LocalDate date = LocalDate.now();
  private final Map<Key, Result> results = new HashMap<>();
  private final Map<Integer, List<Peaks>> peaks = new TreeMap<>();

  private final List<Double> busy = new ArrayList<>();

  Report(Options options) {
    this.options = options;
  }

  Result result(Workload workload, Engine engine) {
    return results.computeIfAbsent(new Key(workload, engine), key -> new Result());
  }

  void add(Peaks found) {
    peaks.computeIfAbsent(found.threads(), threads -> new ArrayList<>()).add(found);
  }

  void addBusy(double share) {
    busy.add(share);
  }

  /** The share of the processors that other programs used before each measurement. */
  Rounds busy() {
    return Rounds.of(busy, share -> share);
  }

  Options options() {
    return options;
  }

  LocalDate date() {
    return date;
  }

  /** By number of threads. */
  List<Peaks> peaks() {
    return peaks.values().stream().map(Peaks::of).toList();
  }

  Peaks peaksUsed() {
    return Peaks.of(peaks.get(options.threads()));
  }

  /** Whether it was measured and came to the loss of Gradus. */
  boolean isValid(Workload workload, Engine engine) {
    Result result = result(workload, engine);
    return result.isMeasured() && result.agrees(result(workload, Engine.GRADUS));
  }

  /** Whether both Gradus and its strongest rival were measured. */
  boolean isCompared(Workload workload) {
    return options.engines().containsAll(List.of(Engine.GRADUS, Engine.LIBTORCH_MKL))
        && isValid(workload, Engine.GRADUS)
        && isValid(workload, Engine.LIBTORCH_MKL);
  }

  /** How many times as fast as libtorch with MKL Gradus is. */
  Rounds ratio(Workload workload) {
    return result(workload, Engine.GRADUS).ratio(result(workload, Engine.LIBTORCH_MKL));
  }

  /** How much of a step's time the machine would need at its peaks. */
  double share(Workload workload, Engine engine) {
    return workload.floor(peaksUsed()) / milliseconds(workload, engine);
  }

  /** How much of it the machine would need with what it gave to good kernels in between. */
  double shareOfAttainable(Workload workload, Engine engine) {
    return workload.attainable(peaksUsed()) / milliseconds(workload, engine);
  }

  /** Milliseconds of the median step. */
  double milliseconds(Workload workload, Engine engine) {
    return workload.units() / result(workload, engine).rate().median() * 1e3;
  }

  /** Those that were asked for and have the workload. */
  List<Engine> engines(Workload workload) {
    return options.engines().stream().filter(engine -> engine.has(workload)).toList();
  }
}
