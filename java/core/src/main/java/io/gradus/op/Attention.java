package io.gradus.op;

import static io.gradus.autograd.Wrt.constant;
import static io.gradus.autograd.Wrt.wrt;

import io.gradus.autograd.Tape;
import io.gradus.autograd.Wrt;
import io.gradus.tensor.DType;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Scaled dot-product attention (Vaswani et al. 2017): {@code softmax(scale · q · kᵀ) · v} for each
 * head. The scores are computed in blocks and never held (Dao et al. 2022), so that memory grows
 * with the length of a sequence and not with its square. A query that sees no key gives 0.
 *
 * <p>Of F32, BF16 or F16, with heads of 1 to 256. There may be fewer heads of keys and values than
 * of queries (Ainslie et al. 2023): each then serves as many neighbouring heads of queries.
 */
public final class Attention {

  private static final long MAX_HEAD_SIZE = 256;

  private Attention() {}

  /**
   * Self-attention of one packed projection, which is read where it lies.
   *
   * @param qkv (batch, time, (heads + 2 · kvHeads) · headSize): queries, then keys, then values,
   *     each head after head
   * @return (batch, time, heads · headSize)
   */
  public static Tensor attention(Tensor qkv, int heads, int kvHeads, AttentionOptions options) {
    if (Mixed.narrows(qkv)) {
      return attention(Mixed.narrow(qkv), heads, kvHeads, options);
    }
    Checks.floating("attention", qkv);
    checkHeads(heads, kvHeads);
    long all = heads + 2L * kvHeads;
    if (qkv.rank() != 3 || qkv.dim(2) % all != 0) {
      throw new IllegalArgumentException(
          "attention: needs (batch, time, (heads + 2 · kvHeads) · headSize): "
              + qkv.shape()
              + " with "
              + heads
              + " heads and "
              + kvHeads
              + " of keys");
    }
    long b = qkv.dim(0);
    long t = qkv.dim(1);
    long d = qkv.dim(2) / all;
    Sizes sizes = new Sizes(b, t, t, heads, kvHeads, d);
    long[] steps = {t * all * d, all * d, d};
    Call call = new Call(qkv, sizes, options, steps, steps);
    Tensor y = Tensor.empty(Shape.of(b, t, heads * d), qkv.dtype(), qkv.device());
    long k = heads * d * qkv.dtype().bytes();
    long v = k + kvHeads * d * qkv.dtype().bytes();
    Tensor lse = call.forward(qkv.address(), qkv.address() + k, qkv.address() + v, y);
    return call.record(
        y,
        wrt(
            qkv,
            dy -> {
              Tensor dqkv = Tensor.emptyLike(qkv);
              long dx = dqkv.address();
              long x = qkv.address();
              call.backward(new long[] {x, x + k, x + v}, y, lse, dy, dx, dx + k, dx + v);
              return Tape.record("attentionGrad", dqkv, constant(qkv), constant(dy));
            }));
  }

  /**
   * Attention of queries to keys and values that lie apart, as in cross-attention or with a
   * key-value cache.
   *
   * @param q (batch, queries, heads, headSize)
   * @param k (batch, keys, kvHeads, headSize)
   * @param v as k
   * @return as q
   */
  public static Tensor attention(Tensor q, Tensor k, Tensor v, AttentionOptions options) {
    if (Mixed.narrows(q, k, v)) {
      return attention(Mixed.narrow(q), Mixed.narrow(k), Mixed.narrow(v), options);
    }
    Checks.floating("attention", q);
    Checks.sameType("attention", q, k);
    Checks.sameType("attention", q, v);
    if (q.rank() != 4
        || k.rank() != 4
        || !k.shape().equals(v.shape())
        || q.dim(0) != k.dim(0)
        || q.dim(3) != k.dim(3)) {
      throw new IllegalArgumentException(
          "attention: needs queries (batch, time, heads, headSize) and keys and values (batch,"
              + " keys, kvHeads, headSize): "
              + q.shape()
              + ", "
              + k.shape()
              + " and "
              + v.shape());
    }
    checkHeads(q.dim(2), k.dim(2));
    Sizes sizes = new Sizes(q.dim(0), q.dim(1), k.dim(1), q.dim(2), k.dim(2), q.dim(3));
    Call call = new Call(q, sizes, options, steps(q), steps(k));
    Tensor y = Tensor.emptyLike(q);
    Tensor lse = call.forward(q.address(), k.address(), v.address(), y);
    Separate gradients = new Separate(call, 0, y, lse, q, k, v);
    return call.record(
        y,
        wrt(q, dy -> gradients.take(0, dy)),
        wrt(k, dy -> gradients.take(1, dy)),
        wrt(v, dy -> gradients.take(2, dy)));
  }

  /**
   * Attention of queries to packed keys and values, which are read where they lie.
   *
   * @param q (batch, queries, heads · headSize)
   * @param kv (batch, keys, 2 · kvHeads · headSize): keys, then values, each head after head
   * @return as q
   */
  public static Tensor attention(
      Tensor q, Tensor kv, int heads, int kvHeads, AttentionOptions options) {
    if (Mixed.narrows(q, kv)) {
      return attention(Mixed.narrow(q), Mixed.narrow(kv), heads, kvHeads, options);
    }
    Checks.floating("attention", q);
    Checks.sameType("attention", q, kv);
    checkHeads(heads, kvHeads);
    if (q.rank() != 3
        || kv.rank() != 3
        || q.dim(0) != kv.dim(0)
        || q.dim(2) % heads != 0
        || kv.dim(2) != q.dim(2) / heads * 2 * kvHeads) {
      throw new IllegalArgumentException(
          "attention: needs queries (batch, time, heads · headSize) and keys with values (batch,"
              + " keys, 2 · kvHeads · headSize): "
              + q.shape()
              + " and "
              + kv.shape()
              + " with "
              + heads
              + " heads and "
              + kvHeads
              + " of keys");
    }
    long d = q.dim(2) / heads;
    Sizes sizes = new Sizes(q.dim(0), q.dim(1), kv.dim(1), heads, kvHeads, d);
    long[] qSteps = {q.dim(1) * q.dim(2), q.dim(2), d};
    long[] kSteps = {kv.dim(1) * kv.dim(2), kv.dim(2), d};
    Call call = new Call(q, sizes, options, qSteps, kSteps);
    Tensor y = Tensor.emptyLike(q);
    long v = kvHeads * d * kv.dtype().bytes();
    Tensor lse = call.forward(q.address(), kv.address(), kv.address() + v, y);
    Separate gradients = new Separate(call, v, y, lse, q, kv);
    return call.record(
        y, wrt(q, dy -> gradients.take(0, dy)), wrt(kv, dy -> gradients.take(1, dy)));
  }

  private static void checkHeads(long heads, long kvHeads) {
    if (heads < 1 || kvHeads < 1 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "attention: the heads of keys must divide those of queries: "
              + heads
              + " and "
              + kvHeads);
    }
  }

  private static long[] steps(Tensor x) {
    return new long[] {x.dim(1) * x.dim(2) * x.dim(3), x.dim(2) * x.dim(3), x.dim(3)};
  }

  /** The kernel gives all gradients at once, and the tape asks for one after the other. */
  private static final class Separate {
    private final Call call;
    private final long valuesAt; // how far behind the keys, where both are one tensor
    private final Tensor y;
    private final Tensor lse;
    private final Tensor[] x;
    private final Tensor[] dx;
    private Tensor dy;

    /** With queries, keys and values, or queries and both in one. */
    Separate(Call call, long valuesAt, Tensor y, Tensor lse, Tensor... x) {
      this.call = call;
      this.valuesAt = valuesAt;
      this.y = y;
      this.lse = lse;
      this.x = x;
      this.dx = new Tensor[x.length];
    }

    Tensor take(int i, Tensor dy) {
      if (this.dy != dy || dx[i] == null) {
        compute(dy);
      }
      Tensor taken = dx[i];
      dx[i] = null;
      return Tape.record("attentionGrad", taken, constant(x[i]), constant(dy));
    }

    private void compute(Tensor dy) {
      long[] from = new long[3];
      long[] to = new long[3];
      for (int i = 0; i < x.length; i++) {
        if (dx[i] != null) {
          dx[i].close();
        }
        dx[i] = Tensor.emptyLike(x[i]);
        from[i] = x[i].address();
        to[i] = dx[i].address();
      }
      if (x.length == 2) {
        from[2] = from[1] + valuesAt;
        to[2] = to[1] + valuesAt;
      }
      call.backward(from, y, lse, dy, to[0], to[1], to[2]);
      this.dy = dy;
    }
  }

  private record Sizes(long b, long tq, long tk, long heads, long kvHeads, long d) {}

  /** One use of attention: its sizes and options as native code reads them. */
  private static final class Call {
    private final Tensor q;
    private final Sizes sizes;
    private final AttentionOptions options;
    private final long[] dims = new long[24];

    /** With the steps of batch, time and head of queries, and of keys and values. */
    Call(Tensor q, Sizes sizes, AttentionOptions options, long[] qSteps, long[] kSteps) {
      this.q = q;
      this.sizes = sizes;
      this.options = options;
      check();
      long width = sizes.heads * sizes.d;
      long[][] parts = {
        {sizes.b, sizes.tq, sizes.tk, sizes.heads, sizes.kvHeads, sizes.d},
        {options.causal ? 1 : 0, options.window},
        qSteps,
        kSteps,
        kSteps,
        {sizes.tq * width, width, sizes.d},
        maskSteps()
      };
      int at = 0;
      for (long[] part : parts) {
        System.arraycopy(part, 0, dims, at, part.length);
        at += part.length;
      }
    }

    private void check() {
      if (sizes.d < 1 || sizes.d > MAX_HEAD_SIZE) {
        throw new IllegalArgumentException(
            "attention: head size " + sizes.d + " is not supported: supported are 1 to 256");
      }
      given("lengths", options.lengths, DType.I32, Shape.of(sizes.b));
      given("documents", options.documents, DType.I32, Shape.of(sizes.b, sizes.tq));
      given("slopes", options.slopes, DType.F32, Shape.of(sizes.heads));
      if (options.documents != null && sizes.tq != sizes.tk) {
        throw new IllegalArgumentException(
            "attention: documents need as many queries as keys: " + sizes.tq + " and " + sizes.tk);
      }
      if (options.mask != null) {
        Checks.type("attention", options.mask, DType.F32);
        Checks.sameDevice("attention", q, options.mask);
        Shape scores = Shape.of(sizes.b, sizes.heads, sizes.tq, sizes.tk);
        if (!broadcasts(options.mask.shape(), scores)) {
          throw new IllegalArgumentException(
              "attention: the mask does not broadcast to the scores: "
                  + options.mask.shape()
                  + " and "
                  + scores);
        }
      }
    }

    private static boolean broadcasts(Shape shape, Shape to) {
      boolean fits = shape.rank() <= to.rank();
      for (int i = 1; fits && i <= shape.rank(); i++) {
        fits = shape.dim(-i) == 1 || shape.dim(-i) == to.dim(-i);
      }
      return fits;
    }

    private void given(String name, Tensor x, DType type, Shape shape) {
      if (x == null) {
        return;
      }
      Checks.type("attention", x, type);
      Checks.sameDevice("attention", q, x);
      if (!x.shape().equals(shape)) {
        throw new IllegalArgumentException(
            "attention: " + name + " must have the shape " + shape + ": " + x.shape());
      }
    }

    private long[] maskSteps() {
      long[] steps = new long[4];
      if (options.mask != null) {
        Shape shape = options.mask.shape();
        long[] own = Broadcast.strides(shape);
        for (int i = 0; i < own.length; i++) {
          steps[4 - own.length + i] = shape.dim(i) == 1 ? 0 : own[i];
        }
      }
      return steps;
    }

    /** Computes y and returns the logarithms of the sums, which the gradient needs. */
    Tensor forward(long qAt, long kAt, long vAt, Tensor y) {
      Tensor lse = Tensor.empty(Shape.of(sizes.b, sizes.heads, sizes.tq), DType.F32, y.device());
      Checks.indexed(
          () ->
              q.backend()
                  .attention(
                      q.typeCode(),
                      qAt,
                      kAt,
                      vAt,
                      address(options.lengths),
                      address(options.documents),
                      address(options.mask),
                      address(options.slopes),
                      y.address(),
                      lse.address(),
                      dims,
                      options.scaleFor(sizes.d),
                      options.p,
                      seed()));
      return lse;
    }

    void backward(long[] x, Tensor y, Tensor lse, Tensor dy, long dq, long dk, long dv) {
      if (Tape.isRecording()) {
        throw new IllegalStateException(
            "attention: its gradient cannot be differentiated again; for second derivatives use"
                + " matmulNT, softmax and matmul");
      }
      q.backend()
          .attentionGrad(
              q.typeCode(),
              x[0],
              x[1],
              x[2],
              address(options.lengths),
              address(options.documents),
              address(options.mask),
              address(options.slopes),
              y.address(),
              lse.address(),
              dy.address(),
              dq,
              dk,
              dv,
              dims,
              options.scaleFor(sizes.d),
              options.p,
              seed());
    }

    private long seed() {
      return options.seed == null ? 0 : options.seed.value();
    }

    private static long address(Tensor x) {
      return x == null ? 0 : x.address();
    }

    Tensor record(Tensor y, Wrt... inputs) {
      List<Wrt> all = new ArrayList<>(List.of(inputs));
      for (Tensor x :
          new Tensor[] {options.lengths, options.documents, options.mask, options.slopes}) {
        if (x != null) {
          all.add(constant(x));
        }
      }
      return Tape.record("attention", y, all.toArray(Wrt[]::new));
    }
  }
}
