package io.gradus.tensor;

import io.gradus.backend.Backend;
import io.gradus.backend.Backends;

/** Where a tensor's memory lies and its ops run. */
public final class Device {

  private static final Device CPU = new Device("cpu");

  private final String name;

  private Device(String name) {
    this.name = name;
  }

  /** The processor. */
  public static Device cpu() {
    return CPU;
  }

  /**
   * A CUDA GPU.
   *
   * @throws IllegalStateException where this build or machine has none; the message says which
   */
  public static Device cuda(int index) {
    throw new IllegalStateException(
        "device: cuda:" + index + " is not available: " + whyNoCuda() + "; use Device.cpu()");
  }

  /** The fastest device there is. */
  public static Device best() {
    return CPU;
  }

  /** Why {@link #cuda} fails here, as a phrase. */
  public static String whyNoCuda() {
    return "this version of Gradus has no CUDA backend";
  }

  /** One line for people: what runs the ops of this device. */
  public String description() {
    return backend().description();
  }

  /** How many threads share the work of one op. */
  public int threads() {
    return backend().threads();
  }

  /** Bytes that tensors hold on this device. */
  public long usedBytes() {
    return backend().usedBytes();
  }

  /** Bytes taken from the system: those that tensors hold and those kept to be used again. */
  public long heldBytes() {
    return backend().heldBytes();
  }

  /** The most bytes that tensors may take on this device. */
  public long limitBytes() {
    return backend().limitBytes();
  }

  /** Gives memory that is kept to be used again back to the system. */
  public void trim() {
    backend().trim();
  }

  /** The native side; for the packages of Gradus. */
  @SuppressWarnings("exports")
  public Backend backend() {
    return Backends.cpu();
  }

  /** {@code cpu}. */
  @Override
  public String toString() {
    return name;
  }
}
