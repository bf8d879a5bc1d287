package io.gradus.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.gradus.autograd.Graph;
import io.gradus.autograd.Tape;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/**
 * Holds what a captured op and its gradients come to, replayed with other numbers, against what the
 * op makes of these numbers itself: the same bits.
 */
final class Replays {

  private final Trial trial;
  private final Row row;

  /** The operands of the capture, and those of the replay; behind them the gradient of y. */
  private final Doubles[][] inputs = new Doubles[2][];

  private Replays(Trial trial) {
    this.trial = trial;
    this.row = trial.row();
    for (int i = 0; i < inputs.length; i++) {
      Doubles[] x = trial.values(row.domain, trial.random(i));
      inputs[i] = Arrays.copyOf(x, x.length + 1);
      double scale = i + 1;
      inputs[i][x.length] =
          row.reference
              .apply(x)
              .map(y -> Bits.round(trial.outputType(), scale * (y < 0 ? -0.5 : 0.75)));
    }
  }

  static void check(Trial trial) {
    Replays replays = new Replays(trial);
    replays.check("value", replays::value);
    if (trial.row().differentiable) {
      for (int variable : trial.variables()) {
        replays.check("gradient of operand " + variable, in -> replays.gradient(in, variable));
      }
    }
  }

  private Tensor value(Tensor... in) {
    return row.op.apply(operands(in));
  }

  private Tensor gradient(Tensor[] in, int variable) {
    try (Tape tape = Tape.record()) {
      Tensor[] operands = operands(in);
      Tensor dy = in[in.length - 1];
      return tape.keep(
          tape.vjp(row.op.apply(operands), dy, operands[variable]).get(operands[variable]));
    }
  }

  /** An input of a graph stays what it is, so an op that takes its operand's memory gets a copy. */
  private Tensor[] operands(Tensor[] in) {
    Tensor[] operands = Arrays.copyOf(in, in.length - 1);
    if (row.overwrites) {
      operands[0] = operands[0].copy();
    }
    return operands;
  }

  @SuppressWarnings("try") // the scope only has to close
  private void check(String what, Graph.Step step) {
    try (Scope scope = Scope.open();
        Graph graph = Graph.capture(step, tensors(0))) {
      Tensor replayed = graph.replay(tensors(1));
      try (Tensor captured = graph.result()) {
        double[] want = Bits.values(step.run(tensors(1))).values();
        assertArrayEquals(want, Bits.values(replayed).values(), trial + ": replayed " + what);
        assertArrayEquals(
            Bits.values(step.run(tensors(0))).values(),
            Bits.values(graph.replay(tensors(0))).values(),
            trial + ": " + what + " replayed with what was captured");
      }
    }
  }

  private Tensor[] tensors(int which) {
    Doubles[] values = inputs[which];
    Tensor[] tensors =
        Arrays.copyOf(trial.tensors(Arrays.copyOf(values, values.length - 1)), values.length);
    tensors[values.length - 1] = trial.tensor(trial.outputType(), values[values.length - 1]);
    return tensors;
  }
}
