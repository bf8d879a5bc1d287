package io.gradus.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

/** Short names for runs, by which a legend tells them apart. */
final class RunNames {

  private RunNames() {}

  /**
   * The last part of each path or, where several are alike, as many parts as it takes; paths that
   * are the same get numbers.
   */
  static List<String> of(List<Path> logs) {
    int longest = logs.stream().mapToInt(Path::getNameCount).max().orElse(0);
    for (int parts = 1; parts <= longest; parts++) {
      List<String> names = new ArrayList<>();
      for (Path log : logs) {
        names.add(last(log, parts));
      }
      if (new HashSet<>(names).size() == names.size()) {
        return names;
      }
    }
    List<String> names = new ArrayList<>();
    for (Path log : logs) {
      names.add(names.size() + 1 + ": " + log);
    }
    return names;
  }

  private static String last(Path log, int parts) {
    int count = log.getNameCount();
    return count <= parts ? log.toString() : log.subpath(count - parts, count).toString();
  }
}
