package io.gradus.tensor;

import io.gradus.backend.Backend;
import java.lang.reflect.Constructor;

/** A second device, for tests of what must not mix: it says another name and is the CPU. */
public final class OtherDevice {

  private static final Device OTHER = make();

  private OtherDevice() {}

  public static Device get() {
    return OTHER;
  }

  private static Device make() {
    try {
      Constructor<Device> constructor =
          Device.class.getDeclaredConstructor(String.class, Backend.class);
      constructor.setAccessible(true);
      return constructor.newInstance("other", null);
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }
}
