package io.gradus.model;

import io.gradus.nn.FeedForward;
import io.gradus.nn.Module;
import io.gradus.nn.Norm;
import io.gradus.nn.SelfAttention;
import io.gradus.op.AttentionOptions;
import io.gradus.op.Normalization;
import io.gradus.op.Pointwise;
import io.gradus.op.Positions;
import io.gradus.op.Random;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;

/**
 * One block of a {@link Gpt}: attention and a feed-forward part, each normalized before and added
 * to the residual stream {@code (batch, time, width)} behind.
 */
final class GptBlock extends Module {

  private final GptConfig config;
  private final Norm norm1;
  private final SelfAttention attention;
  private final Norm norm2;
  private final FeedForward feedForward;

  GptBlock(GptConfig config, Device device, Seed seed) {
    this.config = config;
    norm1 = child("norm1", Gpt.norm(config, device));
    attention =
        child(
            "attention",
            new SelfAttention(
                config.width(),
                config.heads(),
                config.kvHeads(),
                config.bias(),
                device,
                seed.split(0)));
    norm2 = child("norm2", Gpt.norm(config, device));
    feedForward =
        child(
            "feedForward",
            new FeedForward(
                config.width(),
                config.hidden(),
                config.feedForward(),
                config.bias(),
                device,
                seed.split(1)));
  }

  Norm norm1() {
    return norm1;
  }

  @Override
  public Tensor forward(Tensor x) {
    return forward(x, AttentionOptions.causal(), null, 0, Seed.of(0));
  }

  /** The block by itself, from its residual stream to the next one's. */
  Tensor call(Tensor x, AttentionOptions options, Tensor places, double p, Seed seed) {
    return call(x, in -> forward(in, options, places, p, seed));
  }

  private Tensor forward(Tensor x, AttentionOptions options, Tensor places, double p, Seed seed) {
    var middle = attend(x, norm1.call(x), options, places, p, seed);
    Tensor branch = feedForward.call(middle.normalized());
    Tensor dropped = p == 0 ? branch : Random.dropout(branch, p, seed.split(2));
    return Pointwise.add(middle.sum(), dropped);
  }

  /**
   * The block in a chain: takes the normalized stream from the block before and normalizes for the
   * one behind, in the same pass in which the branch is added.
   */
  Normalization.Residual call(
      Tensor x,
      Tensor normalized,
      Norm next,
      AttentionOptions options,
      Tensor places,
      double p,
      Seed seed) {
    return call(
        x,
        in -> {
          var middle = attend(in, normalized, options, places, p, seed);
          return next.add(feedForward.call(middle.normalized()), middle.sum(), p, seed.split(2));
        },
        Normalization.Residual::sum);
  }

  private Normalization.Residual attend(
      Tensor x, Tensor normalized, AttentionOptions options, Tensor places, double p, Seed seed) {
    AttentionOptions own = p == 0 ? options : options.dropout(p, seed.split(0));
    Tensor branch =
        attention.call(
            normalized, in -> attention.forward(in, own, packed -> rotate(packed, places)));
    return norm2.add(branch, x, p, seed.split(1));
  }

  private Tensor rotate(Tensor packed, Tensor places) {
    return config.positions() != GptConfig.Positions.ROTARY
        ? packed
        : Positions.rotaryInPlace(
            packed, config.heads() + config.kvHeads(), config.head(), config.ropeTheta(), places);
  }

  /** The chain for generation: keys and values of earlier tokens come from a cache. */
  Normalization.Residual next(
      Tensor x,
      Tensor normalized,
      Norm after,
      AttentionOptions options,
      Tensor places,
      KeyValueCache.Layer cache) {
    Tensor packed = rotate(attention.qkv().call(normalized), places);
    Tensor branch = attention.out().call(cache.attend(packed, options));
    var middle = norm2.add(branch, x, 0, null);
    return after.add(feedForward.call(middle.normalized()), middle.sum(), 0, null);
  }
}
