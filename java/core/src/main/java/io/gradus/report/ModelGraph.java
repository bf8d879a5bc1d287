package io.gradus.report;

import io.gradus.autograd.Tape;
import io.gradus.nn.Module;
import io.gradus.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Draws what a model computes: its ops from the input at the top to the output at the bottom, with
 * their shapes and the parameters they use.
 *
 * <pre>{@code
 * Files.writeString(Path.of("model.svg"), ModelGraph.svg(model, x));
 * }</pre>
 *
 * <p>{@link io.gradus.autograd.Graph#toSvg} draws what the kernels of a whole step cost, and {@link
 * Tape#toDot} gives the record to Graphviz.
 */
public final class ModelGraph {

  private static final int BOX_HEIGHT = 34;
  private static final int ROW = 62;
  private static final int GAP = 24;
  private static final int LETTER = 7; // pixels, of the average letter

  /** A box: two lines of text, and where it stands. */
  private static final class Box {
    final String title;
    final String detail;
    final boolean isOp;
    final List<Box> inputs = new ArrayList<>();
    int row;
    double x;

    Box(String title, String detail, boolean isOp) {
      this.title = title;
      this.detail = detail;
      this.isOp = isOp;
    }

    double width() {
      return 20 + LETTER * Math.max(title.length(), detail.length());
    }

    double middle() {
      return x + width() / 2;
    }
  }

  private final List<Box> boxes = new ArrayList<>();
  private final Map<Tensor, Box> made = new IdentityHashMap<>();
  private final Map<Tensor, String> parameters = new IdentityHashMap<>();

  private ModelGraph(Module model, Tensor x, List<Tape.Op> ops) {
    model.state().forEach((name, tensor) -> parameters.putIfAbsent(tensor, name));
    box(x, "input");
    ops.forEach(this::add);
  }

  /**
   * A picture of a model's forward pass in SVG. The model is run once, as it is: in training or in
   * evaluation.
   *
   * @throws IllegalStateException where a tape records on this thread
   * @throws RuntimeException what the model throws for such an input
   */
  public static String svg(Module model, Tensor x) {
    if (Tape.isRecording()) {
      throw new IllegalStateException("modelGraph: a tape records on this thread; close it first");
    }
    try (Tape tape = Tape.record()) {
      Tensor y = model.call(x);
      ModelGraph graph = new ModelGraph(model, x, tape.ops());
      graph.keep(y);
      return graph.svg();
    }
  }

  // What stands where

  private Box box(Tensor tensor, String title) {
    Box box = new Box(title, tensor.describe(), false);
    made.put(tensor, box);
    boxes.add(box);
    return box;
  }

  private void add(Tape.Op op) {
    StringBuilder title = new StringBuilder(op.name());
    List<Box> inputs = new ArrayList<>();
    for (Tensor input : op.inputs()) {
      String parameter = parameters.get(input);
      if (parameter != null) {
        title.append(' ').append(parameter);
      } else {
        Box from = made.get(input);
        inputs.add(from != null ? from : box(input, "constant"));
      }
    }
    if (inputs.isEmpty() && op.inputs().size() == 1) {
      parameters.put(op.output(), parameters.get(op.inputs().get(0))); // a slice or a cast of it
      return;
    }
    Box box = new Box(title.toString(), op.output().describe(), true);
    box.inputs.addAll(inputs);
    box.row = 1 + inputs.stream().mapToInt(input -> input.row).max().orElse(-1);
    boxes.add(box);
    made.put(op.output(), box);
  }

  /** Keeps what leads to the output; an op may reshape for itself what it reads. */
  private void keep(Tensor y) {
    Set<Box> leading = new HashSet<>();
    Deque<Box> rest = new ArrayDeque<>();
    if (made.containsKey(y)) {
      rest.add(made.get(y));
    }
    while (!rest.isEmpty()) {
      Box box = rest.remove();
      if (leading.add(box)) {
        rest.addAll(box.inputs);
      }
    }
    leading.add(boxes.get(0)); // the input, even where it has no influence
    boxes.retainAll(leading);
  }

  /** Rows from the top, each in the middle; a box stands left of those that came after it. */
  private double place() {
    Map<Integer, List<Box>> rows = new HashMap<>();
    boxes.forEach(box -> rows.computeIfAbsent(box.row, row -> new ArrayList<>()).add(box));
    double widest = rows.values().stream().mapToDouble(ModelGraph::width).max().orElse(0);
    for (List<Box> row : rows.values()) {
      double x = GAP + (widest - width(row)) / 2;
      for (Box box : row) {
        box.x = x;
        x += box.width() + GAP;
      }
    }
    return widest + 2 * GAP;
  }

  private static double width(List<Box> row) {
    return row.stream().mapToDouble(box -> box.width() + GAP).sum() - GAP;
  }

  // Drawing

  private String svg() {
    double width = place();
    int rows = 1 + boxes.stream().mapToInt(box -> box.row).max().orElse(0);
    StringBuilder svg = new StringBuilder();
    svg.append(
        format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%d\""
                + " font-family=\"sans-serif\" font-size=\"12\" text-anchor=\"middle\">%n",
            width, rows * ROW + GAP));
    for (Box box : boxes) {
      for (Box from : box.inputs) {
        svg.append(line(from, box));
      }
    }
    for (Box box : boxes) {
      svg.append(
          format(
              "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"%d\" fill=\"%s\""
                  + " stroke=\"#4e79a7\"/>%n",
              box.x,
              top(box),
              box.width(),
              BOX_HEIGHT,
              box.isOp ? 3 : 16,
              box.isOp ? "#e8eff7" : "#ffffff"));
      svg.append(text(box, 14, box.title, "font-weight=\"bold\""));
      svg.append(text(box, 28, box.detail, "fill=\"#555555\""));
    }
    return svg.append("</svg>\n").toString();
  }

  private static int top(Box box) {
    return GAP / 2 + box.row * ROW;
  }

  /** From the lower edge of one box to the upper edge of another; around what lies between. */
  private static String line(Box from, Box to) {
    int start = top(from) + BOX_HEIGHT;
    int end = top(to);
    // What skips rows bends to the side of the wider box, so that it is seen beside the others.
    double bend = to.row - from.row > 1 ? Math.max(from.width(), to.width()) : 0;
    return format(
        "<path d=\"M%.1f %d C%.1f %d %.1f %d %.1f %d\" fill=\"none\" stroke=\"#888888\"/>%n",
        from.middle(),
        start,
        from.middle() + bend,
        start + ROW / 3,
        to.middle() + bend,
        end - ROW / 3,
        to.middle(),
        end);
  }

  private static String text(Box box, int down, String text, String style) {
    String safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    return format(
        "<text x=\"%.1f\" y=\"%d\" %s>%s</text>%n", box.middle(), top(box) + down, style, safe);
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
