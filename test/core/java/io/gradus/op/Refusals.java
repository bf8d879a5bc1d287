package io.gradus.op;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Tape;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.OtherDevice;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;
import java.util.Arrays;

/** Holds that ops refuse what they cannot do, in words that help. */
final class Refusals {

  private Refusals() {}

  /** What the row says that it refuses. */
  @SuppressWarnings("try") // the scope only has to close
  static void check(Row row, Row.Rejection rejection, Device device) {
    try (Scope scope = Scope.open()) {
      Trial trial = new Trial(row, rejection.message(), rejection.operands(), DType.F32, device);
      Tensor[] x = trial.tensors(trial.values(row.domain));
      var e = assertThrows(rejection.type(), () -> rejection.op().apply(x));
      assertEquals(rejection.message(), e.getMessage());
    }
  }

  @SuppressWarnings("try")
  static void closedOperands(Trial trial) {
    for (int i = 0; i < trial.operands().size(); i++) {
      try (Scope scope = Scope.open()) {
        Tensor[] x = trial.tensors(trial.values(trial.row().domain));
        x[i].close();
        refuses(IllegalStateException.class, "tensor: it was closed", trial, x);
      }
      Tensor[] x = trial.tensors(trial.values(trial.row().domain));
      try (Scope scope = Scope.open()) {
        x[i] = trial.tensors(trial.values(trial.row().domain))[i];
      }
      refuses(
          IllegalStateException.class,
          "tensor: it was freed when its tape or scope closed; hand it out with keep(tensor)",
          trial,
          x);
    }
  }

  /** One of the operands that vary is of another type. */
  @SuppressWarnings("try")
  static void mixedTypes(Trial trial) {
    for (int i : trial.variables()) {
      if (i == 0 && trial.row().mixedPrecision) {
        continue;
      }
      try (Scope scope = Scope.open()) {
        Doubles[] values = trial.values(trial.row().domain);
        Tensor[] x = trial.tensors(values);
        x[i] = trial.tensor(DType.BF16, values[i]);
        refuses(
            IllegalArgumentException.class, trial.row().opName() + ": types differ: ", trial, x);
      }
    }
  }

  /** Integers, where only floating types are supported. */
  @SuppressWarnings("try")
  static void integers(Trial trial) {
    try (Scope scope = Scope.open()) {
      Doubles[] values = trial.values(trial.row().domain);
      Tensor[] x = trial.tensors(values);
      for (int i : trial.variables()) {
        x[i] = trial.tensor(DType.I64, values[i]);
      }
      refuses(
          IllegalArgumentException.class,
          trial.row().opName()
              + ": i64 is not supported: supported are f32, bf16 and f16; cast the tensor first",
          trial,
          x);
    }
  }

  /** One of the operands lies on another device. */
  @SuppressWarnings("try")
  static void mixedDevices(Trial trial) {
    for (int i = 0; i < trial.operands().size(); i++) {
      try (Scope scope = Scope.open()) {
        Tensor[] x = trial.tensors(trial.values(trial.row().domain));
        x[i] = Tensor.zeros(x[i].shape(), x[i].dtype(), OtherDevice.get());
        refuses(
            IllegalArgumentException.class, trial.row().opName() + ": devices differ: ", trial, x);
      }
    }
  }

  /** A gradient of a gradient. */
  @SuppressWarnings("try")
  static void secondDerivatives(Trial trial) {
    try (Tape outer = Tape.record();
        Tape inner = Tape.record()) {
      Tensor[] x = trial.tensors(trial.values(trial.row().domain));
      Tensor y = trial.row().op.apply(x);
      Tensor dy = Tensor.full(1, y.shape(), y.dtype(), y.device());
      var e = assertThrows(IllegalStateException.class, () -> inner.vjp(y, dy, x), trial::toString);
      assertTrue(
          e.getMessage().startsWith(trial.row().opName() + ": ")
              && e.getMessage().contains("cannot be differentiated again; "),
          e::getMessage);
    }
  }

  private static void refuses(
      Class<? extends Exception> type, String start, Trial trial, Tensor[] x) {
    var e = assertThrows(type, () -> trial.row().op.apply(x), trial::toString);
    assertTrue(
        e.getMessage().startsWith(start),
        () -> trial + " of " + Arrays.toString(x) + ": " + e.getMessage());
  }
}
