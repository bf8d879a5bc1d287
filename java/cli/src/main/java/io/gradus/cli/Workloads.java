package io.gradus.cli;

import io.gradus.model.BertConfig;
import io.gradus.model.GptConfig;
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
    BY_NAME.put("gpt2_b4_t64", () -> Workload.gpt(gpt2(), 4, 64));
    BY_NAME.put("gpt2_b1_t512", () -> Workload.gpt(gpt2(), 1, 512));
    BY_NAME.put("shakespeare_b8_t256", () -> Workload.gpt(GptConfig.named("shakespeare"), 8, 256));
    BY_NAME.put("minilm_b16_s128", () -> Workload.bert(miniLm(0), 16, 128));
    BY_NAME.put("minilm_b16_s128_dropout", () -> Workload.bert(miniLm(0.1), 16, 128));
    BY_NAME.put("bertbase_b8_s128", () -> Workload.bert(BertConfig.base().withDropout(0), 8, 128));
    BY_NAME.put("generate_gpt2", () -> Workload.generation(gpt2(), 16, 64));
  }

  private Workloads() {}

  private static GptConfig gpt2() {
    return GptConfig.named("gpt2-124m");
  }

  private static BertConfig miniLm(double dropout) {
    return BertConfig.miniLm().withDropout(dropout);
  }

  static List<String> names() {
    return new ArrayList<>(BY_NAME.keySet());
  }

  /** Those that take a moment and little memory. */
  static List<String> small() {
    return names().stream()
        .filter(name -> !name.contains("gpt2") && !name.contains("base"))
        .toList();
  }

  /** Those that train. */
  static List<String> trainings() {
    return names().stream().filter(name -> !name.startsWith("generate")).toList();
  }

  static boolean contains(String name) {
    return BY_NAME.containsKey(name);
  }

  static Workload create(String name) {
    return BY_NAME.get(name).get();
  }
}
