package io.gradus.tensor;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The leak report of {@code -Dgradus.leaks=true}: memory that the garbage collector had to free is
 * logged once for each place in the program that made it.
 */
final class Leaks {

  private static final boolean ENABLED = Boolean.getBoolean("gradus.leaks");
  private static final System.Logger LOG = System.getLogger("io.gradus");
  private static final Set<String> SEEN = ConcurrentHashMap.newKeySet();

  private Leaks() {}

  /** This moment's stack where leaks are reported; else null. */
  static Throwable origin() {
    return ENABLED ? new Throwable() : null;
  }

  static void report(String what, Throwable origin) {
    if (origin == null) {
      return;
    }
    String place = place(origin);
    if (SEEN.add(place)) {
      LOG.log(System.Logger.Level.WARNING, "leak: " + what + " at " + place);
    }
  }

  /** The first caller outside the packages that make tensors for others. */
  private static String place(Throwable origin) {
    for (StackTraceElement frame : origin.getStackTrace()) {
      String name = frame.getClassName();
      if (!name.startsWith("io.gradus.tensor.")
          && !name.startsWith("io.gradus.autograd.")
          && !name.startsWith("io.gradus.op.")) {
        return frame.toString();
      }
    }
    return "an unknown place";
  }
}
