package io.gradus.cli;

import io.gradus.data.Batch;
import io.gradus.nn.Module;
import io.gradus.op.CrossEntropyOptions;
import io.gradus.op.Losses;
import io.gradus.op.Pointwise;
import io.gradus.tensor.DType;
import io.gradus.tensor.Tensor;
import io.gradus.train.Objective;
import java.util.List;

/**
 * Cross-entropy between the scores of a network and the classes of a batch.
 *
 * @param scores from the inputs of a batch, and the lengths of sequences where they differ
 */
record Classification(Module model, Scores scores, double smoothing) implements Objective<Batch> {

  /** How inputs become scores (batch, classes). */
  @FunctionalInterface
  interface Scores {
    /**
     * The scores.
     *
     * @param lengths null where all inputs have one
     */
    Tensor of(Tensor inputs, Tensor lengths);
  }

  @Override
  public List<Tensor> tensors(Batch batch) {
    Batch here = batch.to(model.device());
    return here.lengths() == null
        ? List.of(here.inputs(), here.targets())
        : List.of(here.inputs(), here.targets(), here.lengths());
  }

  @Override
  public Outcome compute(List<Tensor> tensors) {
    Tensor output = scores.of(tensors.get(0), tensors.size() > 2 ? tensors.get(2) : null);
    Tensor predictions = output.dtype() == DType.F32 ? output : Pointwise.cast(output, DType.F32);
    // What is tested is the plain loss, which runs with any smoothing can be compared by.
    double spread = model.isTraining() ? smoothing : 0;
    Tensor targets = tensors.get(1);
    Tensor loss =
        Losses.crossEntropy(predictions, targets, CrossEntropyOptions.mean().smoothing(spread));
    return new Outcome(loss, predictions, targets);
  }

  @Override
  public long weight(Batch batch) {
    return batch.size();
  }
}
