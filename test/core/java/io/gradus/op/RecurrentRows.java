package io.gradus.op;

import static io.gradus.op.Row.op;

import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/** Recurrent layers over whole sequences, with their formulas. */
final class RecurrentRows {

  private RecurrentRows() {}

  static List<Row> rows() {
    return Stream.of(
            rnn(false, false),
            rnn(true, false),
            rnn(false, true),
            lstm(false),
            lstm(true),
            gru(false),
            gru(true))
        .flatMap(row -> row)
        .toList();
  }

  private static Stream<Row> rnn(boolean reverse, boolean relu) {
    return inTwo(
        "rnn",
        x -> joined(Recurrent.rnn(x[0], x[1], weights(x, 2), optional(x, 6), reverse, relu), x[1]),
        x -> sequence(1, x, reverse, relu),
        new String[] {
          "3x2x4 2x5 5x4 5x5 5 5 2:i32",
          "1x1x1 1x1 1x1 1x1 1 1",
          "0x2x3 2x4 4x3 4x4 4 4",
          "2x0x3 0x4 4x3 4x4 4 4",
          "5x7x3 7x17 17x3 17x17 17 17 7:i32"
        },
        row ->
            row.rejects(
                    "2x3 2x5 5x3 5x5 5 5",
                    "rnn: needs an input (time, batch, width) and a state (batch, size): (2, 3) and"
                        + " (2, 5)")
                .rejects(
                    "3x2x4 2x5 5x3 5x5 5 5", "rnn: weight_ih must have the shape (5, 4): (5, 3)")
                .rejects(
                    "3x2x4 2x5 5x4 5x4 5 5", "rnn: weight_hh must have the shape (5, 5): (5, 4)")
                .rejects("3x2x4 2x5 5x4 5x5 4 5", "rnn: bias_ih must have the shape (5): (4)")
                .rejects("3x2x4 2x5 5x4 5x5 5 4", "rnn: bias_hh must have the shape (5): (4)")
                .rejects(
                    "3x2x4 2x5 5x4 5x5 5 5 3:i32",
                    "rnn: there must be a length for each sequence: (3) of 2")
                .rejects(
                    "3x2x4 2x5 5x4 5x5 5 5 2:i64",
                    "rnn: needs a tensor of type i32: (2) i64; cast it first"));
  }

  private static Stream<Row> lstm(boolean reverse) {
    return inTwo(
        "lstm",
        x -> joined(Recurrent.lstm(x[0], x[1], x[2], weights(x, 3), optional(x, 7), reverse), x[1]),
        x -> sequence(4, x, reverse, false),
        new String[] {
          "3x2x4 2x5 2x5 20x4 20x5 20 20 2:i32",
          "1x1x1 1x1 1x1 4x1 4x1 4 4",
          "0x2x3 2x2 2x2 8x3 8x2 8 8",
          "2x0x3 0x2 0x2 8x3 8x2 8 8",
          "4x7x3 7x17 7x17 68x3 68x17 68 68 7:i32"
        },
        row ->
            row.rejects("3x2x4 2x5 2x4 20x4 20x5 20 20", "lstm: shapes differ: (2, 5) and (2, 4)"));
  }

  private static Stream<Row> gru(boolean reverse) {
    return inTwo(
        "gru",
        x -> joined(Recurrent.gru(x[0], x[1], weights(x, 2), optional(x, 6), reverse), x[1]),
        x -> sequence(3, x, reverse, false),
        new String[] {
          "3x2x4 2x5 15x4 15x5 15 15 2:i32",
          "1x1x1 1x1 3x1 3x1 3 3",
          "0x2x3 2x2 6x3 6x2 6 6",
          "2x0x3 0x2 6x3 6x2 6 6",
          "4x7x3 7x17 51x3 51x17 51 51 7:i32"
        },
        row ->
            row.rejects(
                "3x2x4 3x5 15x4 15x5 15 15",
                "gru: needs an input (time, batch, width) and a state (batch, size): (3, 2, 4) and"
                    + " (3, 5)"));
  }

  /** Gates and states are kept in the type of the input, so that each step rounds once more. */
  private static Stream<Row> inTwo(
      String name,
      Function<Tensor[], Tensor> op,
      Function<Doubles[], Doubles> reference,
      String[] shapes,
      Function<Row, Row> rejections) {
    Row exact = op(name, op, reference).types(DType.F32).tolerance(2e-6, 2e-6);
    Row rounded =
        op(name, op, reference).types(DType.BF16, DType.F16).tolerance(0, 0.03).mixesTypes();
    return Stream.of(rejections.apply(exact), rounded)
        .map(row -> row.shapes(shapes).domain(-0.7, 0.7).differentiableOnce());
  }

  private static Recurrent.Weights weights(Tensor[] x, int at) {
    return new Recurrent.Weights(x[at], x[at + 1], x[at + 2], x[at + 3]);
  }

  private static Tensor optional(Tensor[] x, int i) {
    return i < x.length ? x[i] : null;
  }

  /** All that a layer gives, (time + states, batch, size). */
  private static Tensor joined(Recurrent.States states, Tensor h0) {
    Shape one = Shape.of(1, h0.dim(0), h0.dim(1));
    Tensor h = Shapes.reshape(states.h(), one);
    return states.c() == null
        ? Shapes.concat(0, states.y(), h)
        : Shapes.concat(0, states.y(), h, Shapes.reshape(states.c(), one));
  }

  // The formulas

  private static Doubles sequence(int gates, Doubles[] operands, boolean reverse, boolean relu) {
    boolean lstm = gates == 4;
    Doubles x = operands[0];
    int first = lstm ? 3 : 2;
    Doubles lengths = operands.length > first + 4 ? operands[first + 4] : null;
    int times = (int) x.dim(0);
    int batch = (int) x.dim(1);
    int size = (int) operands[1].dim(1);
    double[][] h = rows(operands[1]);
    double[][] c = lstm ? rows(operands[2]) : h;
    double[] out = new double[(times + (lstm ? 2 : 1)) * batch * size];
    for (int i = 0; i < times; i++) {
      int time = reverse ? times - 1 - i : i;
      for (int b = 0; b < batch; b++) {
        if (lengths == null || time < lengths.at(b)) {
          double[] fromX = new double[gates * size];
          double[] fromH = new double[gates * size];
          for (int g = 0; g < gates * size; g++) {
            fromX[g] = operands[first + 2].at(g);
            fromH[g] = operands[first + 3].at(g);
            for (int k = 0; k < x.dim(2); k++) {
              fromX[g] += operands[first].at(g, k) * x.at(time, b, k);
            }
            for (int k = 0; k < size; k++) {
              fromH[g] += operands[first + 1].at(g, k) * h[b][k];
            }
          }
          for (int j = 0; j < size; j++) {
            step(gates, fromX, fromH, h[b], c[b], j, size, relu);
            out[(time * batch + b) * size + j] = h[b][j];
          }
        }
      }
    }
    for (int b = 0; b < batch; b++) {
      System.arraycopy(h[b], 0, out, (times * batch + b) * size, size);
      if (lstm) {
        System.arraycopy(c[b], 0, out, ((times + 1) * batch + b) * size, size);
      }
    }
    return new Doubles(Shape.of(times + (lstm ? 2 : 1), batch, size), out);
  }

  private static void step(
      int gates, double[] x, double[] h, double[] hs, double[] cs, int j, int size, boolean relu) {
    if (gates == 1) {
      double sum = x[j] + h[j];
      hs[j] = relu ? Math.max(0, sum) : Math.tanh(sum);
    } else if (gates == 3) {
      double r = sigmoid(x[j] + h[j]);
      double z = sigmoid(x[size + j] + h[size + j]);
      double n = Math.tanh(x[2 * size + j] + r * h[2 * size + j]);
      hs[j] = (1 - z) * n + z * hs[j];
    } else {
      double in = sigmoid(x[j] + h[j]);
      double forget = sigmoid(x[size + j] + h[size + j]);
      double cell = Math.tanh(x[2 * size + j] + h[2 * size + j]);
      double output = sigmoid(x[3 * size + j] + h[3 * size + j]);
      cs[j] = forget * cs[j] + in * cell;
      hs[j] = output * Math.tanh(cs[j]);
    }
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  private static double[][] rows(Doubles x) {
    double[][] rows = new double[(int) x.dim(0)][(int) x.dim(1)];
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j < rows[i].length; j++) {
        rows[i][j] = x.at(i, j);
      }
    }
    return rows;
  }
}
