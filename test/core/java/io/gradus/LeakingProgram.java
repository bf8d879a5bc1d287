package io.gradus;

import io.gradus.op.Activations;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Tensor;

/** Leaves a tensor and a scope to the garbage collector, and says in which lines it made them. */
public final class LeakingProgram {

  private LeakingProgram() {}

  @SuppressWarnings("try") // a scope only has to close
  public static void main(String[] args) {
    long before = Device.cpu().usedBytes();
    try (Scope scope = Scope.open()) {
      Tensor.zeros(500);
    }
    Tensor.zeros(700).close();
    for (int i = 0; i < 3; i++) {
      nextLine();
      Activations.relu(Tensor.zeros(1000));
    }
    nextLine();
    Scope.open();
    Tensor.zeros(2);
    Tensor.zeros(3);
    for (int i = 0; i < 500 && Device.cpu().usedBytes() != before; i++) {
      System.gc();
      Scope.outside(() -> Tensor.scalar(0)).close();
    }
  }

  private static void nextLine() {
    StackWalker.getInstance()
        .walk(frames -> frames.skip(1).findFirst())
        .ifPresent(frame -> System.out.println("line " + (frame.getLineNumber() + 1)));
  }
}
