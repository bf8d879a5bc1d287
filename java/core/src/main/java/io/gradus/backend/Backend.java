package io.gradus.backend;

import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.Name;
import org.bytedeco.javacpp.annotation.Namespace;
import org.bytedeco.javacpp.annotation.Platform;

/** The kernels of one kind of device. */
@Platform(include = {"gradus/backend.h", "gradus/plugin.h"})
@Namespace("gradus")
@Name("Backend")
public final class Backend extends Pointer {

  static {
    Loader.load();
  }

  private Backend(Pointer pointer) {
    super(pointer);
  }

  /** Opens the backend in the shared library at {@code path}. */
  public static native Backend open(String path);

  /** The highest x86-64 level (1 to 4) that this machine runs, 0 on other processors. */
  public static native int cpuLevel();

  public native @Cast("const char*") String name();

  /** {@code y = a x + y} over {@code n} floats. */
  public native void axpy(float a, long x, long y, long n);
}
