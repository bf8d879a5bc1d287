package io.gradus.backend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.javacpp.Loader;

/** Finds the CUDA backend's library and what it is opened with. */
final class CudaLibrary {

  private static final String PLATFORM = "linux-x86_64";
  private static final String RESOURCE =
      "io/gradus/backend/" + PLATFORM + "-cuda/libgradus_cuda.so";

  private CudaLibrary() {}

  /**
   * The library of the jar, or the one that {@code gradus.cuda.library} names.
   *
   * @throws IllegalStateException where there is none; the message says what is missing
   */
  static String path() {
    String named = System.getProperty("gradus.cuda.library");
    if (named != null) {
      if (!Files.isRegularFile(Path.of(named))) {
        throw new IllegalStateException("gradus.cuda.library names no file: " + named);
      }
      return named;
    }
    if (!Loader.getPlatform().equals(PLATFORM)) {
      throw new IllegalStateException(
          "CUDA needs " + PLATFORM + " and this is " + Loader.getPlatform());
    }
    Path library = Unpacked.resource(RESOURCE);
    if (library == null) {
      throw new IllegalStateException(
          "its library is not on the class or module path; add io.gradus:gradus with the classifier "
              + PLATFORM
              + "-cuda");
    }
    return library.toString();
  }

  /** As {@code native/cuda/settings.h} reads them. */
  static String settings() {
    StringBuilder lines = new StringBuilder();
    for (String folder : NvidiaLibraries.folders()) {
      lines.append("libraries=").append(folder).append('\n');
    }
    Path cache = cache();
    if (cache != null) {
      lines.append("cache=").append(cache).append('\n');
    }
    lines.append("blocking=").append(Property.flag("gradus.cuda.blocking")).append('\n');
    String attention = Property.choice("gradus.cuda.attention", "auto", "hopper", "mma");
    lines.append("attention=").append(attention).append('\n');
    return lines.append("tf32=").append(Property.flag("gradus.tf32")).append('\n').toString();
  }

  /** Where choices are kept from one program to the next; null where nothing can be written. */
  private static Path cache() {
    String named = System.getProperty("gradus.cuda.cache");
    String home = System.getenv("XDG_CACHE_HOME");
    Path folder =
        named != null
            ? Path.of(named)
            : home != null && !home.isEmpty()
                ? Path.of(home, "gradus")
                : Path.of(System.getProperty("user.home"), ".cache", "gradus");
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      return null;
    }
    return Files.isWritable(folder) ? folder.toAbsolutePath() : null;
  }
}
