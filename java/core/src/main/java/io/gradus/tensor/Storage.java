package io.gradus.tensor;

/**
 * One block of native memory and who frees it: the scope it was made in, or, outside all scopes,
 * the garbage collector. Tensors that are views of each other share one.
 */
final class Storage {

  private final Device device;
  private final long bytes;
  private final Throwable origin = Leaks.origin();

  private long address;
  private Scope owner;
  private int slot;
  private Reclaimer.Claim claim;
  private int sharers = 1;

  Storage(Device device, long bytes) {
    this.device = device;
    this.bytes = bytes;
    this.address = NativeMemory.allocate(device, bytes);
    own(Scope.current());
  }

  private void own(Scope scope) {
    owner = scope;
    if (scope != null) {
      slot = scope.blocks().add(device, address, bytes);
    } else {
      claim = Reclaimer.claim(this, whenForgotten(device, address, bytes, origin));
    }
  }

  /** Static, so that it cannot refer to the storage whose end it waits for. */
  private static Runnable whenForgotten(Device device, long address, long bytes, Throwable origin) {
    return () -> {
      Leaks.report(
          "a tensor of " + bytes + " bytes was left to the garbage collector; it was made", origin);
      NativeMemory.release(device, address, bytes);
    };
  }

  Device device() {
    return device;
  }

  long bytes() {
    return bytes;
  }

  boolean isFree() {
    return address == 0 || owner != null && owner.isClosed();
  }

  /**
   * @throws IllegalStateException where the memory was freed
   */
  long address() {
    if (isFree()) {
      throw new IllegalStateException(
          owner != null && owner.isClosed()
              ? "tensor: it was freed when its tape or scope closed; hand it out with keep(tensor)"
              : "tensor: it was closed");
    }
    return address;
  }

  synchronized Storage share() {
    sharers++;
    return this;
  }

  synchronized boolean isShared() {
    return sharers > 1;
  }

  /** One tensor less: the last one frees the memory. */
  synchronized void release() {
    if (--sharers > 0 || isFree()) {
      return;
    }
    disown();
    NativeMemory.release(device, address, bytes);
    address = 0;
  }

  private void disown() {
    if (owner != null) {
      owner.blocks().remove(slot);
    } else {
      claim.cancel();
    }
  }

  /** Moves from one scope to another; null stands for the garbage collector. */
  synchronized void moveOut(Scope from, Scope to) {
    address();
    if (owner == from) {
      disown();
      own(to);
    }
  }
}
