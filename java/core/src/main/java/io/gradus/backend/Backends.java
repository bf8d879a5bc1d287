package io.gradus.backend;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.bytedeco.javacpp.Loader;

/** Finds, unpacks and opens the backend libraries that came with the jars. */
public final class Backends {

  /** Instruction levels of the CPU library, best first, each with the processor level it needs. */
  private enum Level {
    V4(4),
    V3(3),
    V2(2),
    BASE(0);

    final int needs;

    Level(int needs) {
      this.needs = needs;
    }

    String suffix() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static final String OPENBLAS = "org/bytedeco/openblas/";

  static {
    // Every Pointer allocation would otherwise compare the process's resident memory, in which ours
    // counts, with a multiple of the Java heap, and collect garbage over and over.
    Property.setDefault("org.bytedeco.javacpp.maxPhysicalBytes", "0");
    Property.setDefault("org.bytedeco.javacpp.maxBytes", "0");
  }

  private static volatile Backend cpu;

  private Backends() {}

  /** The CPU's backend, opened at first use with the system properties {@code gradus.*}. */
  public static Backend cpu() {
    Backend opened = cpu;
    return opened != null ? opened : openOnce();
  }

  /**
   * A GPU's backend, opened anew with the system properties {@code gradus.*}.
   *
   * @throws IllegalStateException where it cannot be; the message says what is missing, and how to
   *     get it
   */
  public static Backend cuda(int index) {
    String library = CudaLibrary.path();
    String settings = CudaLibrary.settings();
    long limit = Property.number("gradus.cuda.memory", 0);
    try {
      return Backend.openCuda(library, index, limit, settings);
    } catch (LinkageError e) {
      throw noGlue(Loader.getPlatform(), e);
    } catch (RuntimeException e) {
      String why = e.getMessage().replaceFirst("^(cuda|open): ", "");
      boolean driver = why.startsWith("no device can be used");
      throw new IllegalStateException(
          driver ? why + "; it takes an NVIDIA GPU and its driver, 580 or newer" : why, e);
    }
  }

  /** Where NVIDIA's libraries are looked for. */
  public static List<String> cudaFolders() {
    return NvidiaLibraries.folders().stream()
        .map(folder -> folder.equals(NvidiaLibraries.SYSTEM) ? "the system's own" : folder)
        .toList();
  }

  /** Not left to class initialization, which hides why it failed from its second caller on. */
  private static synchronized Backend openOnce() {
    if (cpu == null) {
      cpu = openCpu();
    }
    return cpu;
  }

  private static Backend openCpu() {
    int threads = Property.threads("gradus.threads", Runtime.getRuntime().availableProcessors());
    long limit = Property.number("gradus.memory", 0);
    String platform = Loader.getPlatform();
    return Backend.open(cpuLibrary(platform), openBlas(platform), engine(), threads, limit);
  }

  private static int engine() {
    String gemm = System.getProperty("gradus.gemm", "own");
    return switch (gemm) {
      case "own" -> 0;
      case "openblas" -> 1;
      case "auto" -> 2;
      default ->
          throw new IllegalArgumentException(
              "gradus.gemm: there is no " + gemm + ": supported are own, openblas and auto");
    };
  }

  /** The best library that this processor can run, or the one that {@code gradus.cpu} names. */
  private static String cpuLibrary(String platform) {
    String wanted = System.getProperty("gradus.cpu");
    int processor = processorLevel(platform);
    for (Level level : Level.values()) {
      boolean fits = processor == 0 ? level == Level.BASE : level.needs <= processor;
      if (wanted != null && !wanted.equals(level.suffix())) {
        continue;
      }
      if (!fits) {
        if (wanted != null) {
          throw new IllegalArgumentException(
              "gradus.cpu: this processor cannot run " + wanted + ": it is at v" + processor);
        }
        continue;
      }
      Path library =
          Unpacked.resource(
              "io/gradus/backend/" + platform + "/" + libraryName(platform, level.suffix()));
      if (library != null) {
        return library.toString();
      }
    }
    throw new IllegalStateException(
        wanted == null
            ? "gradus: no native library for "
                + platform
                + " that this processor (v"
                + processor
                + ") can run is on the class or module path; add io.gradus:gradus with the"
                + " classifier "
                + platform
            : "gradus.cpu: there is no library "
                + wanted
                + " for "
                + platform
                + ": supported are v2, v3 and v4 on x86-64, base elsewhere");
  }

  private static int processorLevel(String platform) {
    try {
      return Backend.cpuLevel();
    } catch (LinkageError e) {
      throw noGlue(platform, e);
    }
  }

  /** The glue comes from the same jar as the CPU's libraries, so its absence has the same cure. */
  private static IllegalStateException noGlue(String platform, LinkageError e) {
    return new IllegalStateException(
        "gradus: the native code for "
            + platform
            + " cannot be loaded; add io.gradus:gradus"
            + " with the classifier "
            + platform
            + " ("
            + e.getMessage()
            + ")",
        e);
  }

  private static String libraryName(String platform, String level) {
    if (platform.startsWith("windows")) {
      return "gradus_cpu_" + level + ".dll";
    }
    return "libgradus_cpu_" + level + (platform.startsWith("macosx") ? ".dylib" : ".so");
  }

  /** Unpacks OpenBLAS and the libraries that it needs, which must lie beside it. */
  private static String openBlas(String platform) {
    String folder = OPENBLAS + platform + "/";
    for (String companion :
        new String[] {
          "libgcc_s.so.1", "libquadmath.so.0", "libgfortran.so.5",
          "libgcc_s.1.1.dylib", "libquadmath.0.dylib", "libgfortran.5.dylib",
          "libgcc_s_seh-1.dll", "libquadmath-0.dll", "libgfortran-5.dll"
        }) {
      Unpacked.resource(folder + companion);
    }
    for (String name :
        new String[] {"libopenblas.so.0", "libopenblas.0.dylib", "libopenblas.dll"}) {
      Path library = Unpacked.resource(folder + name);
      if (library != null) {
        return library.toString();
      }
    }
    throw new IllegalStateException(
        "gradus: OpenBLAS for "
            + platform
            + " is not on the class or module path; add"
            + " org.bytedeco:openblas with the classifier "
            + platform);
  }
}
