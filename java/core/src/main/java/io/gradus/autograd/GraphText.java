package io.gradus.autograd;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Writes a graph for people: as a table, as a picture, as a trace. */
final class GraphText {

  private static final String[] COLORS = {
    "#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#edc948", "#b07aa1", "#9c755f"
  };

  /** Steps that are alike, summed. */
  private static final class Total {
    final String name;
    final String shape;
    int count;
    double flops;
    double bytes;
    double nanos;

    Total(GraphStep step) {
      this.name = step.name();
      this.shape = step.shape();
    }
  }

  private GraphText() {}

  static String table(List<GraphStep> steps, long planned, long unplanned) {
    StringBuilder text = new StringBuilder();
    text.append(format("%-28s %-32s %5s %10s %9s%n", "kernel", "sizes", "calls", "MFLOP", "MB"));
    for (Total total : totals(steps, null)) {
      text.append(
          format(
              "%-28s %-32s %5d %10.1f %9.2f%n",
              total.name, total.shape, total.count, total.flops / 1e6, total.bytes / 1e6));
    }
    text.append(
        format(
            "%d steps; %.1f MB of memory, %.1f MB if nothing shared its place%n",
            steps.size(), planned / 1e6, unplanned / 1e6));
    return text.toString();
  }

  static String table(List<GraphStep> steps, long[] nanos) {
    double all = nanos.length == 0 ? 0 : nanos[nanos.length - 1];
    StringBuilder text = new StringBuilder();
    text.append(
        format(
            "%-28s %-32s %5s %9s %6s %8s %7s%n",
            "kernel", "sizes", "calls", "ms", "share", "GFLOP/s", "GB/s"));
    List<Total> totals = totals(steps, nanos);
    totals.sort(Comparator.comparingDouble((Total total) -> total.nanos).reversed());
    for (Total total : totals) {
      text.append(
          format(
              "%-28s %-32s %5d %9.3f %5.1f%% %8.1f %7.1f%n",
              total.name,
              total.shape,
              total.count,
              total.nanos / 1e6,
              100 * total.nanos / all,
              total.flops / total.nanos,
              total.bytes / total.nanos));
    }
    text.append(format("%d steps in %.3f ms%n", steps.size(), all / 1e6));
    return text.toString();
  }

  private static List<Total> totals(List<GraphStep> steps, long[] nanos) {
    Map<String, Total> totals = new LinkedHashMap<>();
    for (int i = 0; i < steps.size(); i++) {
      GraphStep step = steps.get(i);
      Total total =
          totals.computeIfAbsent(step.name() + "\0" + step.shape(), key -> new Total(step));
      total.count++;
      total.flops += step.flops();
      total.bytes += step.bytes();
      total.nanos += nanos == null ? 0 : nanos[2 * i + 1] - nanos[2 * i];
    }
    return new ArrayList<>(totals.values());
  }

  /** One bar below the other, from its start to its end; a title on each says what it is. */
  static String svg(List<GraphStep> steps, double[] starts, double[] ends, String unit) {
    double all = Arrays.stream(ends).max().orElse(1);
    int width = 1000;
    int rowHeight = 14;
    int left = 320;
    StringBuilder text = new StringBuilder();
    text.append(
        format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
                + " font-family=\"sans-serif\" font-size=\"10\">%n",
            left + width + 20, rowHeight * steps.size() + 20));
    for (int i = 0; i < steps.size(); i++) {
      GraphStep step = steps.get(i);
      int y = 10 + rowHeight * i;
      String what = escape(step.name() + " " + step.shape());
      text.append(format("<text x=\"4\" y=\"%d\">%s</text>%n", y + 10, what));
      text.append(
          format(
              "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" fill=\"%s\">"
                  + "<title>%s: %.4g %s, %.4g MFLOP, %.4g MB</title></rect>%n",
              left + width * starts[i] / all,
              y,
              Math.max(0.5, width * (ends[i] - starts[i]) / all),
              rowHeight - 2,
              COLORS[Math.floorMod(step.name().hashCode(), COLORS.length)],
              what,
              ends[i] - starts[i],
              unit,
              step.flops() / 1e6,
              step.bytes() / 1e6));
    }
    return text.append("</svg>\n").toString();
  }

  /** As long as its FLOPs or its bytes would take where a byte costs as much as ten FLOPs. */
  static String svg(List<GraphStep> steps) {
    double[] starts = new double[steps.size()];
    double[] ends = new double[steps.size()];
    double at = 0;
    for (int i = 0; i < starts.length; i++) {
      starts[i] = at;
      at += Math.max(steps.get(i).flops(), 10 * steps.get(i).bytes()) / 1e6;
      ends[i] = at;
    }
    return svg(steps, starts, ends, "MFLOP or their worth in bytes");
  }

  /** In the format of Chrome's tracing page and of Perfetto. */
  static String chromeTrace(List<GraphStep> steps, long[] nanos) {
    StringBuilder text = new StringBuilder("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
    for (int i = 0; i < steps.size(); i++) {
      GraphStep step = steps.get(i);
      text.append(
          format(
              "%s%n{\"name\":\"%s\",\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":%.3f,\"dur\":%.3f,"
                  + "\"args\":{\"sizes\":\"%s\",\"flops\":%.0f,\"bytes\":%.0f}}",
              i == 0 ? "" : ",",
              step.name(),
              nanos[2 * i] / 1e3,
              (nanos[2 * i + 1] - nanos[2 * i]) / 1e3,
              step.shape(),
              step.flops(),
              step.bytes()));
    }
    return text.append("]}\n").toString();
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
