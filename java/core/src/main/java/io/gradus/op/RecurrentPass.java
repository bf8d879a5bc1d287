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
 * One direction of one recurrent layer over all times. What its cells share: one product of the
 * input for all times, then a kernel that goes through them; back through time the same, and one
 * product for each weight.
 */
abstract class RecurrentPass {

  final String op;
  final Tensor x;
  final Tensor h0;
  final Tensor lengths;
  final boolean reverse;
  final long times;
  final long batch;
  final long in;
  final long size;

  private final Recurrent.Weights w;
  private final long width; // of all gates

  /** Of all times: what the gradient needs of the gates. */
  final Tensor gates;

  /** What the state gives to the gates, where they do not simply add it: (times, batch, width). */
  final Tensor hidden;

  /** The states with the first one, in the order of time: (times + 1, batch, size). */
  final Tensor h;

  /** (times + states, batch, size): what the layer gives at each time, then its last states. */
  Tensor out;

  private Sweep sweep;

  RecurrentPass(
      String op,
      int gateCount,
      boolean addsHidden,
      Tensor x,
      Tensor h0,
      Recurrent.Weights w,
      Tensor lengths,
      boolean reverse) {
    this.op = op;
    this.x = x;
    this.h0 = h0;
    this.w = w;
    this.lengths = lengths;
    this.reverse = reverse;
    check(gateCount);
    times = x.dim(0);
    batch = x.dim(1);
    in = x.dim(2);
    size = h0.dim(1);
    width = gateCount * size;
    gates = Tensor.empty(Shape.of(times, batch, width), x.dtype(), x.device());
    hidden = addsHidden ? gates : Tensor.emptyLike(gates);
    h = states();
  }

  private void check(int gateCount) {
    Checks.floating(op, x);
    Checks.sameType(op, x, h0);
    if (x.rank() != 3 || h0.rank() != 2 || h0.dim(0) != x.dim(1)) {
      throw new IllegalArgumentException(
          op
              + ": needs an input (time, batch, width) and a state (batch, size): "
              + x.shape()
              + " and "
              + h0.shape());
    }
    long width = gateCount * h0.dim(1);
    parameter("weight_ih", w.weightIh(), Shape.of(width, x.dim(2)));
    parameter("weight_hh", w.weightHh(), Shape.of(width, h0.dim(1)));
    parameter("bias_ih", w.biasIh(), Shape.of(width));
    parameter("bias_hh", w.biasHh(), Shape.of(width));
    if (lengths != null) {
      Checks.type(op, lengths, DType.I32);
      Checks.sameDevice(op, x, lengths);
      if (!lengths.shape().equals(Shape.of(x.dim(1)))) {
        throw new IllegalArgumentException(
            op
                + ": there must be a length for each sequence: "
                + lengths.shape()
                + " of "
                + x.dim(1));
      }
    }
  }

  private void parameter(String name, Tensor parameter, Shape shape) {
    if (parameter == null && shape.rank() == 1) {
      return;
    }
    if (parameter == null) {
      throw new IllegalArgumentException(op + ": " + name + " is missing");
    }
    if (parameter.dtype() == DType.F32) {
      Checks.sameDevice(op, x, parameter);
    } else {
      Checks.sameType(op, x, parameter);
    }
    if (!parameter.shape().equals(shape)) {
      throw new IllegalArgumentException(
          op + ": " + name + " must have the shape " + shape + ": " + parameter.shape());
    }
  }

  /** Room for a state of each time and the first one. */
  final Tensor states() {
    return Tensor.empty(Shape.of(times + 1, batch, size), x.dtype(), x.device());
  }

  // What cells differ in

  /** Goes through all times: gates hold what the input gives, h the first state. */
  abstract void forward();

  /**
   * Goes back through them. {@code back.dh}, the gradient of the last state, becomes that of the
   * first, and {@code back.dc} alike; dgates and dhidden are written.
   */
  abstract void backward(Tensor dy, Sweep back);

  // Forward

  /** Computes {@link #out} of so many states. */
  final void run(int states) {
    inputProduct(x, false, w.biasIh(), gates, false);
    out = Tensor.empty(Shape.of(times + states, batch, size), x.dtype(), x.device());
    copyState(h0.address(), at(h, first()));
    forward();
    copyState(at(h, last()), at(out, times));
  }

  final void copyState(long from, long to) {
    x.backend().copy(from, to, batch * size * x.dtype().bytes());
  }

  /** The place of the state before all steps. */
  final long first() {
    return reverse ? times : 0;
  }

  /** The place of the state after all steps. */
  final long last() {
    return reverse ? 0 : times;
  }

  /** Where the matrix of a time begins. */
  static long at(Tensor x, long time) {
    return x.address() + time * x.shape().size(1, 3) * x.dtype().bytes();
  }

  final Tensor weight() {
    return w.weightHh();
  }

  final int biasType() {
    return (w.biasHh() == null ? x : w.biasHh()).typeCode();
  }

  final long biasAt() {
    return w.biasHh() == null ? 0 : w.biasHh().address();
  }

  final long lengthsAt() {
    return lengths == null ? 0 : lengths.address();
  }

  /** For all times: {@code y = a wᵀ + bias}, or, back, {@code y = a w}, or that much more. */
  private void inputProduct(Tensor a, boolean back, Tensor bias, Tensor y, boolean accumulate) {
    Tensor w = this.w.weightIh();
    x.backend()
        .matmul(
            a.typeCode(),
            a.address(),
            w.typeCode(),
            w.address(),
            bias == null ? y.typeCode() : bias.typeCode(),
            bias == null ? 0 : bias.address(),
            y.typeCode(),
            y.address(),
            1,
            times * batch,
            w.dim(back ? 1 : 0),
            w.dim(back ? 0 : 1),
            0,
            0,
            false,
            !back,
            accumulate);
  }

  // Backward

  /** What comes of one sweep back through time, until each input has asked for its gradient. */
  final class Sweep {
    final Tensor dgates = Tensor.emptyLike(gates);
    final Tensor dhidden = hidden == gates ? dgates : Tensor.emptyLike(gates);
    Tensor dh;
    Tensor dc; // null where the cell has but one state

    private final Tensor dy; // what it belongs to

    private Sweep(Tensor dy, int states) {
      this.dy = dy;
      dh = stateGradient(0);
      dc = states > 1 ? stateGradient(1) : null;
      backward(dy, this);
    }

    private Tensor stateGradient(int state) {
      Tensor d = Tensor.empty(Shape.of(batch, size), x.dtype(), x.device());
      copyState(at(dy, times + state), d.address());
      return d;
    }

    private void close() {
      dgates.close();
      dhidden.close();
      for (Tensor d : new Tensor[] {dh, dc}) {
        if (d != null) {
          d.close();
        }
      }
    }
  }

  private Sweep sweep(Tensor dy) {
    if (Tape.isRecording()) {
      throw new IllegalStateException(
          op
              + ": its gradient cannot be differentiated again; for second derivatives compose its"
              + " steps of matmulNT, sigmoid and tanh");
    }
    if (sweep == null || sweep.dy != dy) {
      closeSweep();
      sweep = new Sweep(dy, (int) (out.dim(0) - times));
    }
    return sweep;
  }

  private void closeSweep() {
    if (sweep != null) {
      sweep.close();
      sweep = null;
    }
  }

  /** Records the op; c0 may be null. */
  final void record(Tensor c0) {
    if (!Tape.isRecording()) { // nobody will ask for a gradient
      close();
    }
    List<Wrt> inputs = new ArrayList<>();
    inputs.add(wrtInto(x, this::gradX));
    inputs.add(
        wrt(
            h0,
            dy -> {
              Tensor dh = sweep(dy).dh;
              sweep.dh = null;
              return dh;
            }));
    if (c0 != null) {
      inputs.add(
          wrt(
              c0,
              dy -> {
                Tensor dc = sweep(dy).dc;
                sweep.dc = null;
                return dc;
              }));
    }
    inputs.add(wrtInto(w.weightIh(), (dy, dw, add) -> gradW(sweep(dy).dgates, x, 0, dw, add)));
    inputs.add(
        wrtInto(
            w.weightHh(), (dy, dw, add) -> gradW(sweep(dy).dhidden, h, reverse ? 1 : 0, dw, add)));
    if (w.biasIh() != null) {
      inputs.add(wrtInto(w.biasIh(), (dy, db, add) -> gradBias(sweep(dy).dgates, db, add)));
    }
    if (w.biasHh() != null) {
      inputs.add(wrtInto(w.biasHh(), (dy, db, add) -> gradBias(sweep(dy).dhidden, db, add)));
    }
    if (lengths != null) {
      inputs.add(constant(lengths));
    }
    Tape.record(op, out, inputs.toArray(Wrt[]::new));
  }

  void close() {
    gates.close();
    hidden.close();
    h.close();
  }

  private Wrt wrtInto(Tensor input, Wrt.Into gradient) {
    Wrt.Into last =
        (dy, dx, accumulate) -> {
          gradient.write(dy, dx, accumulate);
          if (input == lastTrained()) {
            closeSweep(); // as large as what was kept, and nobody else will ask
          }
        };
    return wrt(
        input,
        dy -> {
          Tensor dx = Tensor.emptyLike(input);
          last.write(dy, dx, false);
          return dx;
        },
        last);
  }

  private Tensor lastTrained() {
    Tensor last = null;
    for (Tensor p : new Tensor[] {w.weightIh(), w.weightHh(), w.biasIh(), w.biasHh()}) {
      last = p != null && p.requiresGrad() ? p : last;
    }
    return last;
  }

  private void gradX(Tensor dy, Tensor dx, boolean accumulate) {
    inputProduct(sweep(dy).dgates, true, null, dx, accumulate);
  }

  /** {@code dw = dgatesᵀ x} over all times, whose first stands at {@code from} in x. */
  private void gradW(Tensor dgates, Tensor x, long from, Tensor dw, boolean accumulate) {
    x.backend()
        .matmul(
            dgates.typeCode(),
            dgates.address(),
            x.typeCode(),
            at(x, from),
            dw.typeCode(),
            0,
            dw.typeCode(),
            dw.address(),
            1,
            dw.dim(0),
            dw.dim(1),
            times * batch,
            0,
            0,
            true,
            false,
            accumulate);
  }

  private void gradBias(Tensor dgates, Tensor db, boolean accumulate) {
    x.backend()
        .columnSums(
            dgates.typeCode(),
            dgates.address(),
            db.typeCode(),
            db.address(),
            times * batch,
            width,
            accumulate);
  }
}
