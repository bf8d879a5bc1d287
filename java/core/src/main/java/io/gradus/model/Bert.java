package io.gradus.model;

import io.gradus.nn.Draws;
import io.gradus.nn.Embedding;
import io.gradus.nn.FeedForward;
import io.gradus.nn.LayerNorm;
import io.gradus.nn.Linear;
import io.gradus.nn.Module;
import io.gradus.nn.ModuleList;
import io.gradus.nn.SelfAttention;
import io.gradus.op.Activations;
import io.gradus.op.AttentionOptions;
import io.gradus.op.Random;
import io.gradus.op.Shapes;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A transformer encoder, in which every token sees all others (Devlin et al. 2019): from tokens
 * {@code (batch, time)}, I32 or I64, to vectors {@code (batch, time, width)}.
 *
 * <p>Its parameters are {@code tokens.weight}, {@code positions.weight}, {@code types.weight},
 * {@code norm}, {@code blocks.0.attention.qkv}, {@code blocks.0.attention.out}, {@code
 * blocks.0.norm1}, {@code blocks.0.feedForward.up}, {@code blocks.0.feedForward.down}, {@code
 * blocks.0.norm2} and so on, and {@code pooler}, each of the latter with weight and bias.
 */
public final class Bert extends Module {

  private final BertConfig config;
  private final Embedding tokens;
  private final Embedding positions;
  private final Embedding types;
  private final LayerNorm norm;
  private final ModuleList<Block> blocks;
  private final Linear pooler;
  private final Draws draws;

  /** Equal seeds give equal parameters. */
  public Bert(BertConfig config, Device device, Seed seed) {
    this.config = config;
    int width = config.width();
    tokens = child("tokens", new Embedding(config.vocabulary(), width, device, seed.split(0)));
    positions = child("positions", new Embedding(config.context(), width, device, seed.split(1)));
    types = child("types", new Embedding(config.types(), width, device, seed.split(2)));
    norm = child("norm", new LayerNorm(width, true, config.normEpsilon(), device));
    List<Block> parts = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      parts.add(new Block(config, device, seed.split(i)));
    }
    blocks = child("blocks", new ModuleList<>(parts));
    pooler = child("pooler", new Linear(width, width, device, seed.split(3)));
    draws = draws("dropout", seed.split(4));
    Weights.initialize(this, name -> 0.02, seed.split(5));
  }

  /** What it is made of. */
  public BertConfig config() {
    return config;
  }

  @Override
  public Tensor forward(Tensor tokens) {
    return forward(tokens, null, null);
  }

  /**
   * The vectors of sequences that may differ in length. Padding is left out and costs next to
   * nothing; its vectors are 0. What dropout drops depends on all lengths. Java reads the lengths,
   * so a step with them cannot be captured as a graph.
   *
   * @param typeIds (batch, time), I32 or I64: the type of each token; null for 0
   * @param lengths I32 (batch): how many tokens of each row are not padding, at least 1; null for
   *     all
   */
  public Tensor forward(Tensor ids, Tensor typeIds, Tensor lengths) {
    check(ids, typeIds);
    Packing packing = Packing.of(ids, lengths);
    Drops drops = drops();
    Tensor x = encode(ids, typeIds, packing, drops, blocks.size());
    return packing == null ? x : packing.unpack(x);
  }

  /**
   * What {@link #pool} makes of the vectors that {@link #forward} gives, {@code (batch, width)},
   * for less: in the last block only the keys and values of all tokens are computed, and the rest
   * for the first token of each sequence. With dropout, the last block drops other elements than in
   * {@code forward}.
   */
  public Tensor pooled(Tensor ids, Tensor typeIds, Tensor lengths) {
    check(ids, typeIds);
    Packing packing = Packing.of(ids, lengths);
    Drops drops = drops();
    int last = blocks.size() - 1;
    Tensor x = encode(ids, typeIds, packing, drops, last);
    AttentionOptions options = AttentionOptions.full();
    if (packing != null) {
      options = options.lengths(lengths);
    }
    return pool(blocks.get(last).firsts(x, packing, options, drops.p, drops.seed.split(last)));
  }

  /** The probability of dropout and what decides it. */
  private record Drops(double p, Seed seed) {}

  private Drops drops() {
    boolean drops = isTraining() && config.dropout() > 0;
    return drops ? new Drops(config.dropout(), draws.next()) : new Drops(0, Seed.of(0));
  }

  /** Embeds tokens and runs them through the first blocks, packed where there is a packing. */
  private Tensor encode(Tensor ids, Tensor typeIds, Packing packing, Drops drops, int count) {
    AttentionOptions options = AttentionOptions.full();
    Tensor x;
    if (packing == null) {
      x = embed(ids, typeIds, null);
    } else {
      options = options.documents(packing.documents());
      Tensor kinds = typeIds == null ? null : packing.pack(typeIds);
      x = embed(packing.pack(ids), kinds, packing.positions());
    }
    if (drops.p > 0) {
      x = Random.dropout(x, drops.p, drops.seed.split(-1));
    }
    for (int i = 0; i < count; i++) {
      x = blocks.get(i).call(x, options, drops.p, drops.seed.split(i));
    }
    return x;
  }

  private void check(Tensor ids, Tensor typeIds) {
    if (ids.rank() != 2 || ids.size() == 0 || ids.dim(1) > config.context()) {
      throw new IllegalArgumentException(
          "bert: tokens must be (batch, time) with 1 to "
              + config.context()
              + " in each sequence: "
              + ids.describe());
    }
    if (typeIds != null && !typeIds.shape().equals(ids.shape())) {
      throw new IllegalArgumentException(
          "bert: there must be a type for each token: "
              + typeIds.shape()
              + " for tokens "
              + ids.shape());
    }
  }

  private Tensor embed(Tensor ids, Tensor typeIds, Tensor places) {
    Tensor x = tokens.call(ids, in -> tokens.forward(in, places, positions));
    Tensor kinds = typeIds != null ? typeIds : Tensor.zeros(ids.shape(), DType.I32, ids.device());
    return norm.add(types.call(kinds), x, 0, null).normalized();
  }

  /**
   * One vector for each sequence, {@code (batch, width)}: a layer with tanh over the first token's.
   *
   * @param vectors (batch, time, width), as {@link #forward} gives them
   */
  public Tensor pool(Tensor vectors) {
    Tensor first = Shapes.narrow(vectors, 1, 0, 1);
    return Activations.tanh(pooler.call(Shapes.reshape(first, vectors.dim(0), vectors.dim(2))));
  }

  @Override
  protected String settings() {
    return "vocabulary=" + config.vocabulary() + ", context=" + config.context();
  }

  /** Attention and a feed-forward part, each added to its input and normalized behind. */
  private static final class Block extends Module {
    private final SelfAttention attention;
    private final LayerNorm norm1;
    private final FeedForward feedForward;
    private final LayerNorm norm2;

    Block(BertConfig config, Device device, Seed seed) {
      int width = config.width();
      int heads = config.heads();
      attention =
          child("attention", new SelfAttention(width, heads, heads, true, device, seed.split(0)));
      norm1 = child("norm1", new LayerNorm(width, true, config.normEpsilon(), device));
      feedForward =
          child(
              "feedForward",
              new FeedForward(
                  width, config.hidden(), FeedForward.Kind.GELU_ERF, true, device, seed.split(1)));
      norm2 = child("norm2", new LayerNorm(width, true, config.normEpsilon(), device));
    }

    @Override
    public Tensor forward(Tensor x) {
      return forward(x, AttentionOptions.full(), 0, Seed.of(0));
    }

    Tensor call(Tensor x, AttentionOptions options, double p, Seed seed) {
      return call(x, in -> forward(in, options, p, seed));
    }

    private Tensor forward(Tensor x, AttentionOptions options, double p, Seed seed) {
      AttentionOptions own = p == 0 ? options : options.dropout(p, seed.split(0));
      return behind(
          attention.call(x, in -> attention.forward(in, own, packed -> packed)), x, p, seed);
    }

    /** For the first token of each sequence; of all others it takes keys and values only. */
    Tensor firsts(Tensor x, Packing packing, AttentionOptions options, double p, Seed seed) {
      AttentionOptions own = p == 0 ? options : options.dropout(p, seed.split(0));
      return call(
          x,
          in -> {
            Tensor first = packing == null ? Shapes.narrow(in, 1, 0, 1) : packing.firsts(in);
            Tensor branch = attention.call(in, all -> attend(first, all, packing, own));
            return behind(branch, first, p, seed);
          });
    }

    private Tensor attend(Tensor x, Tensor all, Packing packing, AttentionOptions options) {
      Tensor keys = attention.keysAndValues(all);
      return attention.forward(x, packing == null ? keys : packing.unpack(keys), options);
    }

    /** What follows attention. */
    private Tensor behind(Tensor branch, Tensor x, double p, Seed seed) {
      Tensor middle = norm1.add(branch, x, p, seed.split(1)).normalized();
      return norm2.add(feedForward.call(middle), middle, p, seed.split(2)).normalized();
    }
  }
}
