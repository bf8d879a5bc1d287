package io.gradus.autograd;

import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/** Writes a tape's record for people: as a table, and as a graph in the DOT language. */
final class TapeText {

  private final List<Node> nodes;
  private final Map<Tensor, String> names = new IdentityHashMap<>();
  private int leaves;

  private TapeText(List<Node> nodes) {
    this.nodes = nodes;
    for (int i = 0; i < nodes.size(); i++) {
      names.put(nodes.get(i).y(), "%" + i);
    }
  }

  static String table(List<Node> nodes) {
    TapeText text = new TapeText(nodes);
    List<String[]> rows = new ArrayList<>();
    rows.add(new String[] {"output", "op", "shape", "inputs"});
    for (Node node : nodes) {
      StringJoiner inputs = new StringJoiner(", ");
      for (Wrt wrt : node.inputs()) {
        inputs.add(text.name(wrt.input()) + " " + wrt.input().describe());
      }
      rows.add(
          new String[] {text.name(node.y()), node.op(), node.y().describe(), inputs.toString()});
    }
    return align(rows);
  }

  private String name(Tensor tensor) {
    return names.computeIfAbsent(
        tensor, leaf -> (leaf.requiresGrad() ? "parameter" : "input") + leaves++);
  }

  private static String align(List<String[]> rows) {
    int[] widths = new int[3];
    for (String[] row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row[i].length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (String[] row : rows) {
      for (int i = 0; i < widths.length; i++) {
        text.append(row[i]).append(" ".repeat(widths[i] - row[i].length() + 2));
      }
      text.append(row[3]).append('\n');
    }
    return text.toString();
  }

  static String dot(List<Node> nodes) {
    TapeText text = new TapeText(nodes);
    StringBuilder dot = new StringBuilder("digraph tape {\n  rankdir=LR;\n  node [shape=box];\n");
    Map<Tensor, Boolean> drawn = new IdentityHashMap<>();
    for (Node node : nodes) {
      drawn.put(node.y(), true);
      dot.append(box(text.name(node.y()), node.op() + "\\n" + node.y().describe(), "solid"));
      for (Wrt wrt : node.inputs()) {
        String name = text.name(wrt.input());
        if (drawn.put(wrt.input(), true) == null) {
          dot.append(box(name, name + "\\n" + wrt.input().describe(), "rounded"));
        }
        dot.append("  \"").append(name).append("\" -> \"").append(text.name(node.y())).append("\"");
        dot.append(wrt.isDifferentiable() ? ";\n" : " [style=dashed];\n");
      }
    }
    return dot.append("}\n").toString();
  }

  private static String box(String name, String label, String style) {
    String safe = label.replace("\"", "\\\"");
    return "  \"" + name + "\" [label=\"" + safe + "\", style=" + style + "];\n";
  }
}
