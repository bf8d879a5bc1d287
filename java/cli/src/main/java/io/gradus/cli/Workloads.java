package io.gradus.cli;

import io.gradus.model.BertConfig;
import io.gradus.model.GptConfig;
import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** What {@code gradus bench} can measure, by name. */
final class Workloads {

  private static final Map<String, Function<Device, Workload>> BY_NAME = new LinkedHashMap<>();

  static {
    BY_NAME.put("mlp_784_256_10_b32", on -> Workload.mlp(on, 784, 256, 10, 32));
    BY_NAME.put("mlp_784_256_10_b64", on -> Workload.mlp(on, 784, 256, 10, 64));
    BY_NAME.put("mlp_784_256_10_b256", on -> Workload.mlp(on, 784, 256, 10, 256));
    BY_NAME.put("gpt2_b4_t64", on -> Workload.gpt(on, gpt2(), DType.F32, 4, 64));
    BY_NAME.put("gpt2_b1_t512", on -> Workload.gpt(on, gpt2(), DType.F32, 1, 512));
    BY_NAME.put(
        "shakespeare_b8_t256",
        on -> Workload.gpt(on, GptConfig.named("shakespeare"), DType.F32, 8, 256));
    BY_NAME.put("minilm_b16_s128", on -> Workload.bert(on, miniLm(0), 16, 128));
    BY_NAME.put("minilm_b16_s128_dropout", on -> Workload.bert(on, miniLm(0.1), 16, 128));
    BY_NAME.put(
        "bertbase_b8_s128", on -> Workload.bert(on, BertConfig.base().withDropout(0), 8, 128));
    BY_NAME.put("gpt2_b32_t1024_bf16", on -> Workload.gpt(on, gpt2(), DType.BF16, 32, 1024));
    BY_NAME.put("gpt2_b64_t1024_bf16", on -> Workload.gpt(on, gpt2(), DType.BF16, 64, 1024));
    BY_NAME.put("generate_gpt2", on -> Workload.generation(on, gpt2(), 16, 64));
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

  /** Those that a device gets through: the longest take a processor minutes a step. */
  static List<String> names(Device device) {
    return names().stream()
        .filter(name -> device != Device.cpu() || !name.endsWith("_bf16"))
        .toList();
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

  static Workload create(String name, Device device) {
    return BY_NAME.get(name).apply(device);
  }
}
