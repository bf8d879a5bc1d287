package io.gradus.train;

import io.gradus.data.TokenBatch;
import io.gradus.data.TokenBatches;
import io.gradus.model.Gpt;
import io.gradus.op.Losses;
import io.gradus.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The objective of a language model: the mean cross-entropy of the token that follows each one.
 *
 * <pre>{@code
 * TokenBatches train = TokenBatches.random(text, 8, 256, Seed.of(1)).to(model.device());
 * TokenBatches eval = TokenBatches.inOrder(heldOut, 8, 256).to(model.device());
 * new Trainer<>(model, new LanguageModeling(model), train, eval, arguments).train();
 * }</pre>
 *
 * @param model what is trained
 */
public record LanguageModeling(Gpt model) implements Objective<TokenBatch> {

  @Override
  public List<Tensor> tensors(TokenBatch batch) {
    TokenBatch here = batch.to(model.device());
    return Stream.of(here.inputs(), here.targets(), here.documents(), here.positions())
        .filter(Objects::nonNull)
        .toList();
  }

  @Override
  public Outcome compute(List<Tensor> tensors) {
    Tensor inputs = tensors.get(0);
    Tensor targets = tensors.get(1);
    Tensor documents = tensors.size() > 2 ? tensors.get(2) : null;
    Tensor places = tensors.size() > 2 ? tensors.get(3) : null;
    if (model.isTraining()) {
      var batch = new TokenBatch(inputs, targets, documents, places);
      return new Outcome(model.loss(batch), null, targets);
    }
    Tensor scores = model.forward(inputs, documents, places);
    return new Outcome(Losses.crossEntropyInPlace(scores, targets), scores, targets);
  }

  /** The number of tokens that another one follows. */
  @Override
  public long weight(TokenBatch batch) {
    if (batch.documents() == null) {
      return batch.size();
    }
    return Arrays.stream(batch.targets().toInts())
        .filter(target -> target != TokenBatches.NO_TARGET)
        .count();
  }
}
