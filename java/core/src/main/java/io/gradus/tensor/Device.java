package io.gradus.tensor;

import io.gradus.backend.Backend;
import io.gradus.backend.Backends;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Where a tensor's memory lies and its ops run. */
public final class Device {

  private static final Device CPU = new Device("cpu", null);

  /** Those that were asked for and opened, by index. */
  private static final Map<Integer, Device> GPUS = new ConcurrentHashMap<>();

  private static volatile String whyNoCuda; // kept, because looking takes a while

  private final String name;
  private final Backend gpu; // null for the processor, whose backend opens at its first use

  private Device(String name, Backend gpu) {
    this.name = name;
    this.gpu = gpu;
  }

  /** The processor. */
  public static Device cpu() {
    return CPU;
  }

  /**
   * A CUDA GPU, the same object each time.
   *
   * @param index from 0 on, as CUDA counts them; {@code CUDA_VISIBLE_DEVICES} says which there are
   * @throws IllegalStateException where it cannot be used; the message says what is missing
   */
  public static Device cuda(int index) {
    try {
      return GPUS.computeIfAbsent(index, i -> new Device("cuda:" + i, Backends.cuda(i)));
    } catch (IllegalStateException e) {
      throw new IllegalStateException(
          "device: cuda:"
              + index
              + " is not available: "
              + e.getMessage()
              + ", or use Device.cpu()",
          e);
    }
  }

  /** The first GPU where it can be used, else the processor. */
  public static Device best() {
    return whyNoCuda() == null ? cuda(0) : CPU;
  }

  /** Why {@code cuda(0)} fails here, as a phrase; null where it does not. */
  public static String whyNoCuda() {
    if (whyNoCuda == null && !GPUS.containsKey(0)) {
      try {
        cuda(0);
      } catch (IllegalStateException e) {
        whyNoCuda = e.getCause().getMessage();
      }
    }
    return whyNoCuda;
  }

  /** Where NVIDIA's libraries are looked for, in this order; for people. */
  public static List<String> cudaFolders() {
    return Backends.cudaFolders();
  }

  /** One line for people: what runs the ops of this device. */
  public String description() {
    return backend().description();
  }

  /** How many threads, or multiprocessors of a GPU, share the work of one op. */
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

  /** Bytes that can still be taken from the system, beside those that are held. */
  public long freeBytes() {
    return backend().freeBytes();
  }

  /**
   * Waits until all that was asked of this device is done, as reading a value does. The processor
   * has done it when an op returns.
   */
  public void await() {
    if (!isHost()) {
      try (Tensor last = Tensor.empty(Shape.of(), DType.U8, this)) {
        last.toBytes();
      }
    }
  }

  /** Gives memory that is kept to be used again back to the system. */
  public void trim() {
    backend().trim();
  }

  /** Whether addresses on this device are addresses in the host's memory. */
  boolean isHost() {
    return gpu == null;
  }

  /** The native side; for the packages of Gradus. */
  @SuppressWarnings("exports")
  public Backend backend() {
    return gpu != null ? gpu : Backends.cpu();
  }

  /** {@code cpu}, {@code cuda:0}. */
  @Override
  public String toString() {
    return name;
  }
}
