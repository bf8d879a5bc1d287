package io.gradus.op;

import io.gradus.tensor.Tensor;

/**
 * Recurrent layers over whole sequences, of F32, BF16 or F16: one direction of one layer is one op.
 * Each time's state h follows from that time's input and the state before; σ is the sigmoid, ⊙ the
 * product of elements. Weights, their gates one below the other, and biases are laid out as in
 * PyTorch; they may be F32 beside a narrower input. Gates and states are kept in the input's type.
 *
 * <p>Sequences of a batch may differ in length: behind its end a sequence keeps its state and gives
 * 0. Backwards in time, each begins at its own end.
 */
public final class Recurrent {

  private Recurrent() {}

  /**
   * The weights of a layer.
   *
   * @param weightIh of the input, (gates · size, width)
   * @param weightHh of the state, (gates · size, size)
   * @param biasIh (gates · size), or null
   * @param biasHh the same
   */
  public record Weights(Tensor weightIh, Tensor weightHh, Tensor biasIh, Tensor biasHh) {}

  /**
   * What a layer gives.
   *
   * @param y the state at each time, (time, batch, size)
   * @param h the last state, (batch, size)
   * @param c the last state of an LSTM's cells, (batch, size); of other layers null
   */
  public record States(Tensor y, Tensor h, Tensor c) {}

  /**
   * {@code h = f(W_ih x + b_ih + W_hh h₋₁ + b_hh)} with {@code f = tanh} or relu (Elman 1990).
   *
   * @param x (time, batch, width)
   * @param h0 the state before, (batch, size)
   * @param w of one gate
   * @param lengths how many times of each sequence count, I32 of shape (batch), more than there are
   *     standing for all; null for all
   * @param reverse from the last time to the first
   * @param relu relu instead of tanh
   */
  public static States rnn(
      Tensor x, Tensor h0, Weights w, Tensor lengths, boolean reverse, boolean relu) {
    if (Mixed.narrows(x, h0)) {
      return rnn(Mixed.narrow(x), Mixed.narrow(h0), w, lengths, reverse, relu);
    }
    Rnn pass = new Rnn(x, h0, w, lengths, reverse, relu);
    pass.run(1);
    return statesOf(pass, null);
  }

  private static final class Rnn extends RecurrentPass {
    private final boolean relu;

    Rnn(Tensor x, Tensor h0, Weights w, Tensor lengths, boolean reverse, boolean relu) {
      super("rnn", 1, true, x, h0, w, lengths, reverse);
      this.relu = relu;
    }

    @Override
    void forward() {
      x.backend()
          .rnn(
              x.typeCode(),
              gates.address(),
              weight().typeCode(),
              weight().address(),
              biasType(),
              biasAt(),
              lengthsAt(),
              h.address(),
              out.address(),
              times,
              batch,
              size,
              reverse,
              relu);
    }

    @Override
    void backward(Tensor dy, Sweep back) {
      x.backend()
          .rnnGrad(
              x.typeCode(),
              h.address(),
              weight().typeCode(),
              weight().address(),
              lengthsAt(),
              dy.address(),
              back.dh.address(),
              back.dgates.address(),
              times,
              batch,
              size,
              reverse,
              relu);
    }
  }

  /**
   * Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al.
   * 2000): {@code c = f ⊙ c₋₁ + i ⊙ g} and {@code h = o ⊙ tanh(c)}, where the gates i, f and o are
   * {@code σ(W_ih x + b_ih + W_hh h₋₁ + b_hh)} and g is tanh of the like.
   *
   * @param c0 the state of the cells before, (batch, size)
   * @param w of four gates in the order i, f, g, o; else as in {@link #rnn}
   */
  public static States lstm(
      Tensor x, Tensor h0, Tensor c0, Weights w, Tensor lengths, boolean reverse) {
    if (Mixed.narrows(x, h0, c0)) {
      return lstm(Mixed.narrow(x), Mixed.narrow(h0), Mixed.narrow(c0), w, lengths, reverse);
    }
    Lstm pass = new Lstm(x, h0, c0, w, lengths, reverse);
    pass.runCells(c0);
    return statesOf(pass, c0);
  }

  private static final class Lstm extends RecurrentPass {
    private final Tensor c;

    Lstm(Tensor x, Tensor h0, Tensor c0, Weights w, Tensor lengths, boolean reverse) {
      super("lstm", 4, true, x, h0, w, lengths, reverse);
      Checks.sameType(op, x, c0);
      Checks.sameShape(op, h0, c0);
      c = states();
    }

    void runCells(Tensor c0) {
      copyState(c0.address(), at(c, first()));
      run(2);
      copyState(at(c, last()), at(out, times + 1));
    }

    @Override
    void forward() {
      x.backend()
          .lstm(
              x.typeCode(),
              gates.address(),
              weight().typeCode(),
              weight().address(),
              biasType(),
              biasAt(),
              lengthsAt(),
              c.address(),
              h.address(),
              out.address(),
              times,
              batch,
              size,
              reverse);
    }

    @Override
    void backward(Tensor dy, Sweep back) {
      x.backend()
          .lstmGrad(
              x.typeCode(),
              gates.address(),
              c.address(),
              weight().typeCode(),
              weight().address(),
              lengthsAt(),
              dy.address(),
              back.dh.address(),
              back.dc.address(),
              back.dgates.address(),
              times,
              batch,
              size,
              reverse);
    }

    @Override
    void close() {
      super.close();
      c.close();
    }
  }

  /**
   * Gated recurrent units (Cho et al. 2014) as in PyTorch and cuDNN: {@code h = (1 - z) ⊙ n + z ⊙
   * h₋₁}, where the gates r and z are {@code σ(W_ih x + b_ih + W_hh h₋₁ + b_hh)} and {@code n =
   * tanh(W_ih x + b_ih + r ⊙ (W_hh h₋₁ + b_hh))}.
   *
   * @param w of three gates in the order r, z, n; else as in {@link #rnn}
   */
  public static States gru(Tensor x, Tensor h0, Weights w, Tensor lengths, boolean reverse) {
    if (Mixed.narrows(x, h0)) {
      return gru(Mixed.narrow(x), Mixed.narrow(h0), w, lengths, reverse);
    }
    Gru pass = new Gru(x, h0, w, lengths, reverse);
    pass.run(1);
    return statesOf(pass, null);
  }

  private static final class Gru extends RecurrentPass {

    Gru(Tensor x, Tensor h0, Weights w, Tensor lengths, boolean reverse) {
      super("gru", 3, false, x, h0, w, lengths, reverse);
    }

    @Override
    void forward() {
      x.backend()
          .gru(
              x.typeCode(),
              gates.address(),
              hidden.address(),
              weight().typeCode(),
              weight().address(),
              biasType(),
              biasAt(),
              lengthsAt(),
              h.address(),
              out.address(),
              times,
              batch,
              size,
              reverse);
    }

    @Override
    void backward(Tensor dy, Sweep back) {
      x.backend()
          .gruGrad(
              x.typeCode(),
              gates.address(),
              hidden.address(),
              h.address(),
              weight().typeCode(),
              weight().address(),
              lengthsAt(),
              dy.address(),
              back.dh.address(),
              back.dgates.address(),
              back.dhidden.address(),
              times,
              batch,
              size,
              reverse);
    }
  }

  /** One tensor holds all that a pass gives; its parts are views. */
  private static States statesOf(RecurrentPass pass, Tensor c0) {
    pass.record(c0);
    return new States(
        Shapes.slice(pass.out, 0, pass.times), state(pass, 0), c0 == null ? null : state(pass, 1));
  }

  private static Tensor state(RecurrentPass pass, int i) {
    Tensor state = Shapes.slice(pass.out, pass.times + i, pass.times + i + 1);
    return Shapes.reshape(state, pass.batch, pass.size);
  }
}
