package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;

import io.gradus.autograd.Tape;
import io.gradus.autograd.Wrt;
import io.gradus.tensor.Tensor;
import java.util.function.UnaryOperator;

/**
 * The gradients of an op's input x and of its parameters, which one sweep over dy and x computes
 * together: reading both a second time would cost as much as the first. They are asked for one by
 * one, x first; what is computed along the way is kept until its turn comes.
 */
final class OneSweep {

  /** Computes the gradients that are not null; dx is added to where {@code accumulate} says so. */
  @FunctionalInterface
  interface Kernel {
    void run(Tensor dy, Tensor dx, boolean accumulate, Tensor[] parameterGradients);
  }

  private final Tensor x;
  private final Tensor[] parameters; // null where one is absent
  private final Kernel kernel;
  private final Tensor[] ready;
  private Tensor readyFor; // the dy that `ready` belongs to

  OneSweep(Tensor x, Kernel kernel, Tensor... parameters) {
    this.x = x;
    this.kernel = kernel;
    this.parameters = parameters;
    this.ready = new Tensor[parameters.length];
  }

  /** The input, with its gradient composed of recorded ops for second derivatives. */
  Wrt wrtX(UnaryOperator<Tensor> composed) {
    return Wrt.wrt(
        x,
        dy -> {
          if (Tape.isRecording()) {
            return composed.apply(dy);
          }
          Tensor dx = Tensor.emptyLike(x);
          sweep(dy, dx, false);
          return dx;
        },
        this::sweep);
  }

  /** A parameter, likewise; a constant where it is absent is left out by the caller. */
  Wrt wrtParameter(int i, UnaryOperator<Tensor> composed) {
    return Wrt.wrt(
        parameters[i],
        dy -> Tape.isRecording() ? composed.apply(dy) : take(i, dy),
        (dy, place, accumulate) -> {
          try (Tensor gradient = take(i, dy)) {
            if (accumulate) {
              long to = place.address();
              place.backend().add(place.typeCode(), to, gradient.address(), to, place.size(), null);
            } else {
              place.copyFrom(gradient);
            }
          }
        });
  }

  private void sweep(Tensor dy, Tensor dx, boolean accumulate) {
    boolean trained = false;
    for (Tensor parameter : parameters) {
      trained |= parameter != null && parameter.requiresGrad();
    }
    run(dy, dx, accumulate, trained);
  }

  private Tensor take(int i, Tensor dy) {
    if (readyFor != dy || ready[i] == null) {
      run(dy, null, false, true);
    }
    Tensor gradient = ready[i];
    ready[i] = null;
    return gradient;
  }

  private void run(Tensor dy, Tensor dx, boolean accumulate, boolean withParameters) {
    for (int i = 0; i < parameters.length; i++) {
      boolean wanted = withParameters && parameters[i] != null;
      ready[i] = wanted ? Tensor.emptyLike(parameters[i]) : null;
    }
    readyFor = withParameters ? dy : null;
    kernel.run(dy, dx, accumulate, ready);
    Tape.record("sweep", dx == null ? dy : dx, constant(x), constant(dy));
  }
}
