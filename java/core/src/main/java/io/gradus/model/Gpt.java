package io.gradus.model;

import io.gradus.autograd.Tape;
import io.gradus.data.TokenBatch;
import io.gradus.nn.Checkpointed;
import io.gradus.nn.Draws;
import io.gradus.nn.Embedding;
import io.gradus.nn.LayerNorm;
import io.gradus.nn.Linear;
import io.gradus.nn.Module;
import io.gradus.nn.ModuleList;
import io.gradus.nn.Norm;
import io.gradus.nn.RmsNorm;
import io.gradus.op.AttentionOptions;
import io.gradus.op.LinearAlgebra;
import io.gradus.op.Losses;
import io.gradus.op.Pointwise;
import io.gradus.op.Random;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A language model that reads from left to right, of GPT-2's or Llama's kind: from tokens {@code
 * (batch, time)}, I32 or I64, to the scores {@code (batch, time, vocabulary)} of each next token.
 *
 * <pre>{@code
 * Gpt model = new Gpt(GptConfig.tiny(), Device.best(), Seed.of(42));
 * try (Tape tape = Tape.record()) {
 *   Tensor loss = model.loss(batch);
 *   optimizer.step(tape.gradients(loss).clipNorm(1.0));
 * }
 * }</pre>
 *
 * <p>Its parameters are {@code tokens.weight}, {@code positions.weight} where positions are
 * learned, {@code blocks.0.norm1.weight}, {@code blocks.0.attention.qkv.weight}, {@code
 * blocks.0.attention.out.weight}, {@code blocks.0.norm2.weight}, {@code
 * blocks.0.feedForward.up.weight}, {@code blocks.0.feedForward.down.weight} and so on, each with
 * its bias where there is one, {@code norm.weight}, and {@code head.weight} where it is not the
 * tokens'.
 */
public final class Gpt extends Module implements Checkpointed {

  private final GptConfig config;
  private final Embedding tokens;
  private final Embedding positions; // null where they are not learned
  private final ModuleList<GptBlock> blocks;
  private final Norm norm;
  private final Linear head; // null where it is the token embedding
  private final Tensor slopes; // null without ALiBi
  private final Draws draws;
  private DType activations = DType.F32;
  private boolean checkpointing;

  /** Equal seeds give equal parameters. */
  public Gpt(GptConfig config, Device device, Seed seed) {
    this.config = config;
    tokens =
        child("tokens", new Embedding(config.vocabulary(), config.width(), device, seed.split(0)));
    positions =
        config.positions() == GptConfig.Positions.LEARNED
            ? child(
                "positions", new Embedding(config.context(), config.width(), device, seed.split(1)))
            : null;
    List<GptBlock> parts = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      parts.add(new GptBlock(config, device, seed.split(i)));
    }
    blocks = child("blocks", new ModuleList<>(parts));
    norm = child("norm", norm(config, device));
    head =
        config.tiedHead()
            ? null
            : child(
                "head",
                new Linear(config.width(), config.vocabulary(), false, device, seed.split(2)));
    slopes =
        config.positions() == GptConfig.Positions.ALIBI
            ? Scope.outside(() -> Tensor.of(slopes(config.heads())).to(device))
            : null;
    draws = draws("dropout", seed.split(3));
    // Smaller where it writes into the residual stream, by the root of how many do.
    double residual = 0.02 / Math.sqrt(2.0 * config.layers());
    Weights.initialize(
        this,
        name -> name.endsWith(".out.weight") || name.endsWith(".down.weight") ? residual : 0.02,
        seed.split(4));
  }

  static Norm norm(GptConfig config, Device device) {
    return switch (config.norm()) {
      case LAYER -> new LayerNorm(config.width(), config.bias(), config.normEpsilon(), device);
      case RMS -> new RmsNorm(config.width(), config.normEpsilon(), device);
    };
  }

  /** Of head i of n: {@code 2^(-8 (i + 1) / n)}. */
  private static float[] slopes(int heads) {
    float[] slopes = new float[heads];
    for (int i = 0; i < heads; i++) {
      slopes[i] = (float) Math.pow(2, -8.0 * (i + 1) / heads);
    }
    return slopes;
  }

  /** What it is made of. */
  public GptConfig config() {
    return config;
  }

  // Settings of training

  /**
   * The type of what lies between the layers: BF16 halves the memory that a step takes; products
   * are summed in F32 and parameters stay F32. F32 at first.
   */
  public void activations(DType type) {
    if (!type.isFloating()) {
      throw new IllegalArgumentException("gpt: activations must be f32, bf16 or f16: " + type);
    }
    activations = type;
  }

  @Override
  public void checkpointing(boolean on) {
    checkpointing = on;
  }

  /**
   * Whether a parameter is a matrix of a layer, which weight decay is for: not a norm, a bias or an
   * embedding. For {@code AdamW.builder().weightDecay(0.1, Gpt::isMatrix)}.
   */
  public static boolean isMatrix(String parameter) {
    return parameter.endsWith(".weight")
        && !parameter.contains("norm")
        && !parameter.startsWith("tokens.")
        && !parameter.startsWith("positions.");
  }

  // Forward

  @Override
  public Tensor forward(Tensor tokens) {
    return forward(tokens, null, null);
  }

  /**
   * The scores where rows hold several documents, which do not see each other.
   *
   * @param documents I32 (batch, time), equal for the tokens of one document; null for rows of one
   * @param places I32 (batch, time), each token's position in its document; null for 0, 1, 2 ...
   */
  public Tensor forward(Tensor tokens, Tensor documents, Tensor places) {
    return scores(hidden(tokens, documents, places));
  }

  /**
   * The mean cross-entropy of the tokens that follow, for training. The scores are gone with the
   * gradient. A batch that is on another device comes to the model's.
   */
  public Tensor loss(TokenBatch batch) {
    TokenBatch here = batch.to(device());
    Tensor hidden = hidden(here.inputs(), here.documents(), here.positions());
    Tensor weight = head == null ? tokens.weight() : head.weight();
    return Losses.linearCrossEntropy(hidden, weight, here.targets());
  }

  /** The last norm's output, {@code (batch, time, width)}. */
  private Tensor hidden(Tensor ids, Tensor documents, Tensor places) {
    checkTokens(ids, 0);
    Seed seed = draw();
    double p = isTraining() ? config.dropout() : 0;
    AttentionOptions options = options(documents, p);
    Tensor x = drop(cast(embed(ids, places)), p, seed);
    if (checkpointing && Tape.isRecording()) {
      for (int i = 0; i < blocks.size(); i++) {
        GptBlock block = blocks.get(i);
        Seed own = seed.split(i);
        x = Tape.checkpoint(x, in -> block.call(in, options, places, p, own));
      }
      return norm.call(x);
    }
    Tensor normalized = blocks.get(0).norm1().call(x);
    for (int i = 0; i < blocks.size(); i++) {
      Norm next = i + 1 < blocks.size() ? blocks.get(i + 1).norm1() : norm;
      var residual = blocks.get(i).call(x, normalized, next, options, places, p, seed.split(i));
      x = residual.sum();
      normalized = residual.normalized();
    }
    return normalized;
  }

  private Seed draw() {
    return isTraining() && config.dropout() > 0 ? draws.next() : Seed.of(0);
  }

  private static Tensor drop(Tensor x, double p, Seed seed) {
    return p == 0 ? x : Random.dropout(x, p, seed.split(-1));
  }

  private AttentionOptions options(Tensor documents, double p) {
    AttentionOptions options = AttentionOptions.causal();
    if (config.window() > 0) {
      options = options.window(config.window());
    }
    if (slopes != null) {
      options = options.alibi(slopes);
    }
    if (documents != null) {
      options = options.documents(documents);
    }
    return options;
  }

  private Tensor embed(Tensor ids, Tensor places) {
    return positions == null
        ? tokens.call(ids)
        : tokens.call(ids, in -> tokens.forward(in, places, positions));
  }

  private Tensor cast(Tensor x) {
    return activations == DType.F32 ? x : Pointwise.cast(x, activations);
  }

  private Tensor scores(Tensor hidden) {
    return head == null ? LinearAlgebra.linear(hidden, tokens.weight()) : head.call(hidden);
  }

  private void checkTokens(Tensor ids, int before) {
    if (ids.rank() != 2 || ids.size() == 0) {
      throw new IllegalArgumentException(
          "gpt: tokens must be (batch, time), at least one: " + ids.describe());
    }
    if (before + ids.dim(1) > config.context()) {
      throw new IllegalArgumentException(
          "gpt: the sequence is longer than the context: "
              + (before + ids.dim(1))
              + " tokens, context "
              + config.context()
              + "; shorten it");
    }
  }

  // Generation

  /**
   * The scores of the token after the last, {@code (batch, vocabulary)}, for sequences of which all
   * but these tokens were given before. Always in F32: there is little between the layers to save.
   *
   * @param ids I32 (batch, time): the tokens that come next in each sequence
   * @param cache what is kept of those before; these are added to it
   * @throws IllegalArgumentException where a sequence becomes longer than the context
   */
  public Tensor next(Tensor ids, KeyValueCache cache) {
    cache.checkBatch(ids);
    checkTokens(ids, cache.longest());
    Tensor places = cache.places(ids.dim(1));
    cache.grow((int) ids.dim(1));
    AttentionOptions options = options(null, 0).lengths(cache.lengths());
    Tensor x = embed(ids, places);
    Tensor normalized = blocks.get(0).norm1().call(x);
    for (int i = 0; i < blocks.size(); i++) {
      Norm after = i + 1 < blocks.size() ? blocks.get(i + 1).norm1() : norm;
      var residual = blocks.get(i).next(x, normalized, after, options, places, cache.layer(i));
      x = residual.sum();
      normalized = residual.normalized();
    }
    return scores(KeyValueCache.last(normalized));
  }

  @Override
  protected String settings() {
    return "vocabulary=" + config.vocabulary() + ", context=" + config.context();
  }
}
