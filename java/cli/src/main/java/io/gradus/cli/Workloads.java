package io.gradus.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** What {@code gradus bench} can measure, by name. */
final class Workloads {

  private static final Map<String, Supplier<Workload>> BY_NAME = new LinkedHashMap<>();

  static {
    BY_NAME.put("mlp_784_256_10_b32", () -> Workload.mlp(784, 256, 10, 32));
    BY_NAME.put("mlp_784_256_10_b64", () -> Workload.mlp(784, 256, 10, 64));
    BY_NAME.put("mlp_784_256_10_b256", () -> Workload.mlp(784, 256, 10, 256));
  }

  private Workloads() {}

  static List<String> names() {
    return new ArrayList<>(BY_NAME.keySet());
  }

  static boolean contains(String name) {
    return BY_NAME.containsKey(name);
  }

  static Workload create(String name) {
    return BY_NAME.get(name).get();
  }
}
