package io.gradus.tensor;

import java.util.List;

/** The devices that tests run on. */
public final class Devices {

  private static final boolean NAMED = System.getProperty("gradus.cuda.library") != null;

  private Devices() {}

  /**
   * The processor, and a GPU where there is one. Where a library for GPUs is named there must be
   * one, and it is all: what the processor does is tested without.
   */
  public static List<Device> all() {
    if (NAMED) {
      return List.of(Device.cuda(0));
    }
    return hasCuda() ? List.of(Device.cpu(), Device.cuda(0)) : List.of(Device.cpu());
  }

  /** Whether there is a GPU, or has to be. */
  public static boolean hasCuda() {
    return NAMED || Device.whyNoCuda() == null;
  }

  /** One that is not this. */
  public static Device other(Device device) {
    if (device != Device.cpu()) {
      return Device.cpu();
    }
    return hasCuda() ? Device.cuda(0) : OtherDevice.get();
  }
}
