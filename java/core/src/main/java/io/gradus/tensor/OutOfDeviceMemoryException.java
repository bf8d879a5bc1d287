package io.gradus.tensor;

import java.util.Locale;

/** A device has not enough memory for a tensor. Nothing that exists is harmed. */
public final class OutOfDeviceMemoryException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  OutOfDeviceMemoryException(Device device, long requested) {
    super(
        "out of memory on "
            + device
            + ": "
            + text(requested)
            + " requested, "
            + text(device.usedBytes())
            + " held by tensors, "
            + text(device.freeBytes())
            + " free, the limit is "
            + text(device.limitBytes())
            + "; use smaller batches, close scopes sooner or raise -Dgradus."
            + (device.isHost() ? "memory" : "cuda.memory")
            + " (bytes)");
  }

  private static String text(long bytes) {
    String[] units = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    int unit = 0;
    double value = bytes;
    while (value >= 1024 && unit < units.length - 1) {
      value /= 1024;
      unit++;
    }
    return String.format(Locale.ROOT, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  }
}
