package io.gradus.data;

import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** Rows that are filled with short texts, one after the other. */
final class PackedRows {

  private record Row(int[] inputs, int[] targets, int[] documents, int[] positions) {
    Row(int time) {
      this(new int[time], new int[time], new int[time], new int[time]);
      Arrays.fill(targets, TokenBatches.NO_TARGET);
    }
  }

  private final int time;
  private final List<Row> rows = new ArrayList<>();
  private int used; // of the last row
  private int document; // the number of the next one in that row

  PackedRows(int time) {
    if (time < 1) {
      throw new IllegalArgumentException("pack: a row must take a token: " + time);
    }
    this.time = time;
    this.used = time;
  }

  void add(int[] text) {
    for (int from = 0; from < text.length; from += time) {
      put(Arrays.copyOfRange(text, from, Math.min(from + time, text.length)));
    }
  }

  private void put(int[] text) {
    if (used + text.length > time) {
      rows.add(new Row(time));
      used = 0;
      document = 0;
    }
    Row row = rows.get(rows.size() - 1);
    for (int i = 0; i < text.length; i++) {
      row.inputs[used + i] = text[i];
      row.targets[used + i] = i + 1 < text.length ? text[i + 1] : TokenBatches.NO_TARGET;
      row.documents[used + i] = document;
      row.positions[used + i] = i;
    }
    used += text.length;
    document++;
    // What is left is a document of its own until a text takes its place.
    for (int i = used; i < time; i++) {
      row.documents[i] = document;
      row.positions[i] = i - used;
    }
  }

  TokenBatch batch() {
    if (rows.isEmpty()) {
      throw new IllegalArgumentException("pack: there are no tokens");
    }
    return new TokenBatch(
        tensor(Row::inputs), tensor(Row::targets), tensor(Row::documents), tensor(Row::positions));
  }

  private Tensor tensor(Function<Row, int[]> part) {
    int[] all = new int[Math.multiplyExact(rows.size(), time)];
    for (int i = 0; i < rows.size(); i++) {
      System.arraycopy(part.apply(rows.get(i)), 0, all, i * time, time);
    }
    return Tensor.of(all, rows.size(), time);
  }
}
