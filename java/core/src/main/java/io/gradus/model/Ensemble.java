package io.gradus.model;

import io.gradus.nn.Module;
import io.gradus.nn.ModuleList;
import io.gradus.op.Pointwise;
import io.gradus.op.Reductions;
import io.gradus.op.Shapes;
import io.gradus.op.Softmax;
import io.gradus.tensor.Tensor;
import java.util.List;

/**
 * Several models that answer as one: their mean is right more often than each of them, the more so
 * the less their errors have in common (Hansen and Salamon 1990; Lakshminarayanan et al. 2017).
 *
 * <p>What comes out can be taken for scores in either case: {@link
 * io.gradus.op.Losses#crossEntropy} and the metrics take it. Its parameters are those of all
 * members, {@code members.0.…}; it can be trained, saved and loaded as one.
 */
public final class Ensemble extends Module {

  /** What is averaged. */
  public enum Average {
    /** The scores: a product of the members' probabilities, in which each has a veto. */
    LOGITS,
    /** The probabilities of classes (last axis), whose logarithms come out. */
    PROBABILITIES
  }

  private final ModuleList<Module> members;
  private final Average average;

  /** The mean of members that take the same input and give outputs of one shape and type. */
  public Ensemble(Average average, List<? extends Module> members) {
    if (members.isEmpty()) {
      throw new IllegalArgumentException("ensemble: there must be one member or more");
    }
    this.members = child("members", new ModuleList<>(List.copyOf(members)));
    this.average = average;
  }

  @Override
  public Tensor forward(Tensor x) {
    Tensor[] outputs = new Tensor[members.size()];
    for (int i = 0; i < outputs.length; i++) {
      Tensor y = members.get(i).call(x);
      outputs[i] = average == Average.LOGITS ? y : Softmax.logSoftmax(y);
    }
    if (average == Average.LOGITS) {
      return Reductions.mean(Shapes.stack(0, outputs), 0);
    }
    // The logarithm of the mean of e^y, from the largest on: probabilities themselves may be too
    // small for a float.
    Tensor all = Shapes.stack(0, outputs);
    Tensor largest = Reductions.max(all, true, 0);
    Tensor mean = Reductions.mean(Pointwise.exp(Pointwise.sub(all, largest)), 0);
    return Pointwise.add(Pointwise.log(mean), Shapes.reshape(largest, outputs[0].shape()));
  }

  @Override
  protected String settings() {
    return "average=" + average;
  }
}
