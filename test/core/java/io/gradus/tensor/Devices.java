package io.gradus.tensor;

import java.util.List;

/** The devices that tests run on. */
public final class Devices {

  private Devices() {}

  /** The processor, and a GPU where there is one; where a library is named, there must be one. */
  public static List<Device> all() {
    boolean named = System.getProperty("gradus.cuda.library") != null;
    return named || Device.whyNoCuda() == null
        ? List.of(Device.cpu(), Device.cuda(0))
        : List.of(Device.cpu());
  }

  /** One that is not this. */
  public static Device other(Device device) {
    return all().stream().filter(any -> any != device).findFirst().orElse(OtherDevice.get());
  }
}
