package io.gradus.report;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** One line of comma-separated values, quoted where RFC 4180 wants it. */
final class CsvLine {

  private CsvLine() {}

  static String of(List<String> cells) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < cells.size(); i++) {
      line.append(i == 0 ? "" : ",").append(quoted(cells.get(i)));
    }
    return line.append('\n').toString();
  }

  private static String quoted(String cell) {
    boolean plain = cell.indexOf(',') < 0 && cell.indexOf('"') < 0;
    return plain ? cell : '"' + cell.replace("\"", "\"\"") + '"';
  }

  static List<String> cells(String line) throws IOException {
    List<String> cells = new ArrayList<>();
    int at = 0;
    while (true) {
      StringBuilder cell = new StringBuilder();
      if (at < line.length() && line.charAt(at) == '"') {
        at = unquote(line, at, cell);
      } else {
        int end = line.indexOf(',', at);
        cell.append(line, at, end < 0 ? line.length() : end);
        at = end < 0 ? line.length() : end;
      }
      cells.add(cell.toString());
      if (at == line.length()) {
        return cells;
      }
      if (line.charAt(at) != ',') {
        throw new IOException("there is text behind a quoted cell");
      }
      at++;
    }
  }

  /** Adds what a quoted cell contains, and returns where it ends. */
  private static int unquote(String line, int start, StringBuilder cell) throws IOException {
    for (int at = start + 1; at < line.length(); at++) {
      char c = line.charAt(at);
      if (c != '"') {
        cell.append(c);
      } else if (at + 1 < line.length() && line.charAt(at + 1) == '"') {
        cell.append(c);
        at++;
      } else {
        return at + 1;
      }
    }
    throw new IOException("a quoted cell does not end");
  }
}
