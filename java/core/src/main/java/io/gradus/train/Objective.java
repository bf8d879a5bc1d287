package io.gradus.train;

import io.gradus.data.Batch;
import io.gradus.nn.Module;
import io.gradus.op.Pointwise;
import io.gradus.tensor.DType;
import io.gradus.tensor.Tensor;
import java.util.List;

/**
 * How a batch becomes a loss.
 *
 * <pre>{@code
 * final class NextToken implements Objective<TokenBatch> {
 *   public List<Tensor> tensors(TokenBatch batch) {
 *     return List.of(batch.inputs(), batch.targets());
 *   }
 *
 *   public Outcome compute(List<Tensor> in) {
 *     Tensor scores = model.forward(in.get(0));
 *     return new Outcome(Losses.crossEntropyInPlace(scores, in.get(1)), scores, in.get(1));
 *   }
 *
 *   public long weight(TokenBatch batch) {
 *     return batch.size();
 *   }
 * }
 * }</pre>
 *
 * @param <B> what a batch is
 */
public interface Objective<B> {

  /**
   * What a step computes.
   *
   * @param loss a scalar
   * @param predictions for metrics; null for none
   * @param targets for metrics; null for none
   */
  record Outcome(Tensor loss, Tensor predictions, Tensor targets) {}

  /** The tensors of a batch that {@link #compute} reads; not null, any shapes and types. */
  List<Tensor> tensors(B batch);

  /**
   * The loss of a batch. It is captured once for each of the shapes it meets and replayed from then
   * on, see {@link io.gradus.autograd.Graph}: what Java decides in here, a branch or a number,
   * stays as it was, and no tensor can be read. {@link TrainingArgumentsBuilder#captureGraph} turns
   * that off.
   */
  Outcome compute(List<Tensor> tensors);

  /** Of how many examples or tokens the loss is the mean. */
  long weight(B batch);

  /** The loss of a model's output and the batch's targets. In mixed precision both are F32. */
  static Objective<Batch> of(Module model, TrainingLoss loss) {
    return new Objective<>() {
      @Override
      public List<Tensor> tensors(Batch batch) {
        Batch here = batch.to(model.device());
        return List.of(here.inputs(), here.targets());
      }

      @Override
      public Outcome compute(List<Tensor> tensors) {
        Tensor output = model.forward(tensors.get(0));
        boolean small = output.dtype() == DType.BF16 || output.dtype() == DType.F16;
        Tensor predictions = small ? Pointwise.cast(output, DType.F32) : output;
        Tensor targets = tensors.get(1);
        return new Outcome(loss.of(predictions, targets), predictions, targets);
      }

      @Override
      public long weight(Batch batch) {
        return batch.size();
      }
    };
  }
}
