package io.gradus.backend;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The folders that NVIDIA's libraries may lie in, in the order in which the CUDA backend looks:
 * what the user names, the jars on the class path, the system, its toolkits, Python's packages.
 * Only folders are listed, and few of them, so that this takes no time where there is nothing.
 */
final class NvidiaLibraries {

  /** Bytedeco's jars with the classifier {@code linux-x86_64-redist} hold them here. */
  private static final String IN_JARS = "org/bytedeco/cuda/linux-x86_64/libcublasLt.so.13";

  private static final String ANY = "lib{cublasLt,cudnn,nccl}.so*";

  /** Stands for where the system's linker looks. */
  static final String SYSTEM = "";

  private final Set<String> folders = new LinkedHashSet<>();

  private NvidiaLibraries() {}

  static List<String> folders() {
    NvidiaLibraries found = new NvidiaLibraries();
    String named = System.getProperty("gradus.cuda.path");
    if (named != null) {
      Stream.of(named.split(File.pathSeparator)).forEach(found.folders::add);
    } else {
      found.addJars();
    }
    found.folders.add(SYSTEM);
    found.addToolkits();
    found.addPython();
    return List.copyOf(found.folders);
  }

  /** Half a gigabyte to unpack, which is why a folder that the user names stands in its place. */
  private void addJars() {
    Path library = Unpacked.resource(IN_JARS);
    if (library != null) {
      folders.add(library.getParent().toString());
    }
  }

  private void addToolkits() {
    for (String variable : new String[] {"CUDA_PATH", "CUDA_HOME"}) {
      addIn(environment(variable), "lib64");
    }
    addIn(Path.of("/usr/local/cuda"), "lib64");
    children(Path.of("/usr/local"), "cuda-*").forEach(toolkit -> addIn(toolkit, "lib64"));
  }

  /** Conda's own packages lie among its libraries, pip's in a folder for each. */
  private void addPython() {
    addIn(environment("CONDA_PREFIX"), "lib");
    for (Path prefix :
        new Path[] {
          environment("VIRTUAL_ENV"),
          environment("CONDA_PREFIX"),
          Path.of(System.getProperty("user.home"), ".local"),
          Path.of("/usr/local"),
          Path.of("/usr")
        }) {
      if (prefix != null) {
        for (Path python : children(prefix.resolve("lib"), "python3*")) {
          for (String packages : new String[] {"site-packages", "dist-packages"}) {
            children(python.resolve(packages).resolve("nvidia"), "*")
                .forEach(library -> addIn(library, "lib"));
          }
        }
      }
    }
  }

  /** Null where the variable is not set, or to what is no path. */
  private static Path environment(String variable) {
    String value = System.getenv(variable);
    try {
      return value == null || value.isEmpty() ? null : Path.of(value);
    } catch (InvalidPathException e) {
      return null;
    }
  }

  private void addIn(Path parent, String name) {
    if (parent != null && !children(parent.resolve(name), ANY).isEmpty()) {
      folders.add(parent.resolve(name).toString());
    }
  }

  /** What a folder holds of a pattern, in the order of their names; nothing where it is none. */
  private static List<Path> children(Path folder, String pattern) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, pattern)) {
      entries.forEach(found::add);
    } catch (IOException | DirectoryIteratorException e) {
      return List.of(); // one that cannot be read cannot be loaded from either
    }
    found.sort(null);
    return found;
  }
}
