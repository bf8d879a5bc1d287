package io.gradus.train;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.NonFiniteException;
import io.gradus.autograd.Tape;
import io.gradus.nn.Module;
import io.gradus.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Finds where a value that is not finite, or a gradient that is too large, came from.
 *
 * @param loss of one batch, as the step takes its gradient
 * @param limit the largest norm of a gradient; infinity for none
 */
record Anomaly(Module model, Function<List<Tensor>, Tensor> loss, double limit) {

  /** Makes a step again, value by value, without changing a parameter. */
  String origin(List<List<Tensor>> batches) {
    for (List<Tensor> batch : batches) {
      for (int i = 0; i < batch.size(); i++) {
        if (!isFinite(batch.get(i))) {
          return "tensor " + i + " of the batch, " + batch.get(i).describe();
        }
      }
    }
    for (Map.Entry<String, Tensor> item : model.state().entrySet()) {
      if (!isFinite(item.getValue())) {
        return "the model's own " + item.getKey() + ", " + item.getValue().describe();
      }
    }
    String largest = "";
    for (List<Tensor> batch : batches) {
      try (Tape tape = Tape.recordFinite(limit)) {
        largest = largest(tape.gradients(loss.apply(batch)));
      } catch (NonFiniteException e) {
        return e.getMessage();
      }
    }
    return "no single value; the largest gradient is that of " + largest;
  }

  private static boolean isFinite(Tensor x) {
    if (x.dtype().isFloating()) {
      for (float value : x.toFloats()) {
        if (!Float.isFinite(value)) {
          return false;
        }
      }
    }
    return true;
  }

  private String largest(Gradients gradients) {
    String name = "none";
    double most = -1;
    for (Map.Entry<String, Tensor> parameter : model.parameters().asMap().entrySet()) {
      if (gradients.contains(parameter.getValue())) {
        double norm = norm(gradients.get(parameter.getValue()));
        if (norm > most) {
          most = norm;
          name = parameter.getKey();
        }
      }
    }
    return name + ", of norm " + (float) most;
  }

  private static double norm(Tensor x) {
    double squares = 0;
    for (float value : x.toFloats()) {
      squares += (double) value * value;
    }
    return Math.sqrt(squares);
  }
}
