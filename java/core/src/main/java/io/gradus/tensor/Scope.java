package io.gradus.tensor;

import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.function.Supplier;

/**
 * Owns the tensors made while it is open and frees them, at once and newest first, when it closes.
 *
 * <pre>{@code
 * try (Scope scope = Scope.open()) {
 *   Tensor score = scope.keep(Reductions.mean(Activations.relu(x)));
 * } // everything but score is free
 * }</pre>
 *
 * <p>Scopes nest, each thread has its own, and the innermost open one owns what is made. A scope
 * that is forgotten is freed by the garbage collector, together with its tensors, when neither it
 * nor any of them is in use. Outside all scopes, the collector frees each tensor by itself.
 */
public final class Scope implements AutoCloseable {

  /**
   * The scopes open on this thread, outermost first. Weak, so that a forgotten scope does not live
   * as long as its thread.
   */
  private static final ThreadLocal<ArrayList<WeakReference<Scope>>> OPEN =
      ThreadLocal.withInitial(ArrayList::new);

  /** Stands on the stack where code runs outside all scopes. */
  private static final Scope OUTSIDE = new Scope(null);

  private final Blocks blocks;
  private final Reclaimer.Claim claim;
  private volatile boolean closed;

  private Scope(Blocks blocks) {
    this.blocks = blocks;
    this.claim = blocks == null ? null : Reclaimer.claim(this, blocks.whenForgotten());
  }

  /** Opens a scope on this thread. */
  public static Scope open() {
    Scope scope = new Scope(new Blocks());
    OPEN.get().add(new WeakReference<>(scope));
    return scope;
  }

  /**
   * Runs code outside all scopes: the tensors it makes live until they are closed or nothing refers
   * to them. For what outlasts a step, such as an optimizer's state.
   */
  public static <T> T outside(Supplier<T> code) {
    ArrayList<WeakReference<Scope>> open = OPEN.get();
    WeakReference<Scope> mark = new WeakReference<>(OUTSIDE);
    open.add(mark);
    try {
      return code.get();
    } finally {
      open.remove(mark);
    }
  }

  /** The innermost scope open on this thread; null outside all scopes. */
  static Scope current() {
    ArrayList<WeakReference<Scope>> open = OPEN.get();
    for (int i = open.size() - 1; i >= 0; i--) {
      Scope scope = open.get(i).get();
      if (scope != null && !scope.closed) {
        return scope == OUTSIDE ? null : scope;
      }
      open.remove(i);
    }
    return null;
  }

  /**
   * Hands a tensor to the scope around this one, or to the garbage collector where there is none.
   * Tensors that share its memory go with it. A tensor of another scope stays where it is.
   *
   * @return the tensor
   */
  public Tensor keep(Tensor tensor) {
    tensor.storage().moveOut(this, around());
    return tensor;
  }

  /** The scope that was innermost when this one opened; null where there was none. */
  private Scope around() {
    ArrayList<WeakReference<Scope>> open = OPEN.get();
    int i = open.size() - 1;
    while (i >= 0 && open.get(i).get() != this) {
      i--;
    }
    for (i--; i >= 0; i--) {
      Scope scope = open.get(i).get();
      if (scope != null && !scope.closed) {
        return scope == OUTSIDE ? null : scope;
      }
    }
    return null;
  }

  /**
   * Frees the tensors made since it opened, but for those handed out. Closing twice is harmless.
   */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      claim.cancel();
      blocks.free();
      current(); // drops closed scopes from this thread's stack
    }
    Reference.reachabilityFence(this);
  }

  /** Whether it was closed. */
  public boolean isClosed() {
    return closed;
  }

  Blocks blocks() {
    return blocks;
  }
}
