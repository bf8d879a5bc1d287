package io.gradus.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.optim.Schedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingArgumentsTest {

  @TempDir private Path folder;

  private static TrainingArgumentsBuilder builder() {
    return TrainingArguments.builder(Path.of("out"));
  }

  private static String refusal(UnaryOperator<TrainingArgumentsBuilder> wrong) {
    TrainingArgumentsBuilder builder = wrong.apply(builder());
    return assertThrows(IllegalArgumentException.class, builder::build).getMessage();
  }

  @Test
  void each_wrong_value_is_refused_by_its_name() {
    Map<String, UnaryOperator<TrainingArgumentsBuilder>> wrong = new LinkedHashMap<>();
    wrong.put("outputDir", b -> b.outputDir(Path.of("")));
    wrong.put("numTrainEpochs", b -> b.numTrainEpochs(0));
    wrong.put("numTrainEpochs must", b -> b.numTrainEpochs(Double.POSITIVE_INFINITY));
    wrong.put("maxSteps", b -> b.maxSteps(0));
    wrong.put("perDeviceTrainBatchSize", b -> b.perDeviceTrainBatchSize(0));
    wrong.put("perDeviceEvalBatchSize", b -> b.perDeviceEvalBatchSize(-1));
    wrong.put("gradientAccumulationSteps", b -> b.gradientAccumulationSteps(0));
    wrong.put("learningRate", b -> b.learningRate(Double.NaN));
    wrong.put("warmupSteps", b -> b.warmupSteps(-1));
    wrong.put("warmupRatio", b -> b.warmupRatio(1.5));
    wrong.put("plateauFactor", b -> b.plateauFactor(1));
    wrong.put("plateauPatience", b -> b.plateauPatience(-1));
    wrong.put("lrSchedulerType", b -> b.lrSchedulerType(SchedulerType.REDUCE_ON_PLATEAU));
    wrong.put("weightDecay", b -> b.weightDecay(-0.1));
    wrong.put("adamBeta1", b -> b.adamBeta1(1));
    wrong.put("adamBeta2", b -> b.adamBeta2(-1));
    wrong.put("adamEpsilon", b -> b.adamEpsilon(-1));
    wrong.put("emaDecay", b -> b.emaDecay(1));
    wrong.put("maxGradNorm", b -> b.maxGradNorm(-1));
    wrong.put("explodingGradNorm", b -> b.explodingGradNorm(Double.NaN));
    wrong.put("loggingSteps", b -> b.loggingSteps(0));
    wrong.put("evalSteps", b -> b.evalSteps(0));
    wrong.put("saveSteps", b -> b.saveSteps(0));
    wrong.put("saveTotalLimit", b -> b.saveTotalLimit(-1));
    wrong.put("metricForBestModel", b -> b.metricForBestModel(""));
    wrong.put("bf16 and fp16", b -> b.bf16(true).fp16(true));
    wrong.put("dataloaderNumWorkers", b -> b.dataloaderNumWorkers(-1));
    wrong.put("loadBestModelAtEnd", b -> b.loadBestModelAtEnd(true));
    wrong.forEach(
        (name, change) -> {
          String message = refusal(change);
          assertTrue(message.startsWith("training: " + name), message);
        });
  }

  @Test
  void a_file_holds_every_value() throws IOException {
    TrainingArguments arguments =
        builder()
            .overwriteOutputDir(true)
            .numTrainEpochs(2.5)
            .maxSteps(9_007_199_254_740_993L)
            .learningRate(1.0 / 3)
            .lrSchedulerType(SchedulerType.REDUCE_ON_PLATEAU)
            .plateauFactor(0.25)
            .plateauPatience(4)
            .emaDecay(0.99)
            .loggingDir(Path.of("logs"))
            .evalStrategy(IntervalStrategy.EPOCH)
            .loadBestModelAtEnd(true)
            .metricForBestModel("accuracy")
            .seed(Long.MIN_VALUE + 1)
            .bf16(true)
            .nonFinite(NonFinite.SKIP)
            .detectAnomaly(true)
            .build();
    assertTrue(arguments.greaterIsBetter());
    arguments.write(folder.resolve("arguments.json"));
    assertEquals(arguments, TrainingArguments.read(folder.resolve("arguments.json")));
    TrainingArguments plain = builder().build();
    assertNull(plain.loggingDir());
    assertFalse(plain.greaterIsBetter());
    plain.write(folder.resolve("plain.json"));
    assertEquals(plain, TrainingArguments.read(folder.resolve("plain.json")));
  }

  @Test
  void a_file_names_what_differs_and_nothing_else() throws IOException {
    Path file = folder.resolve("arguments.json");
    Files.writeString(
        file, "{\"type\": \"training\", \"outputDir\": \"run\", \"learningRate\": 1e-3}");
    TrainingArguments read = TrainingArguments.read(file);
    assertEquals(TrainingArguments.builder(Path.of("run")).learningRate(1e-3).build(), read);
    Files.writeString(file, "{\"type\": \"training\", \"outputDir\": \"run\", \"lr\": 1e-3}");
    var e = assertThrows(IllegalArgumentException.class, () -> TrainingArguments.read(file));
    assertTrue(e.getMessage().startsWith("training: the configuration has no lr"), e.getMessage());
    Files.writeString(file, "{\"type\": \"training\", \"outputDir\": \"run\", \"seed\": 1.5}");
    e = assertThrows(IllegalArgumentException.class, () -> TrainingArguments.read(file));
    assertEquals("training: seed must be a whole number: 1.5", e.getMessage());
    Files.writeString(file, "{\"type\": \"training\", \"outputDir\": \"run\", \"bf16\": 1}");
    e = assertThrows(IllegalArgumentException.class, () -> TrainingArguments.read(file));
    assertEquals("training: bf16 must be true or false: 1", e.getMessage());
  }

  @Test
  void steps_follow_from_epochs_and_batches() {
    TrainingArguments arguments =
        builder().numTrainEpochs(2.5).gradientAccumulationSteps(4).build();
    assertEquals(3, arguments.stepsPerEpoch(10));
    assertEquals(8, arguments.totalSteps(10));
    assertEquals(7, builder().maxSteps(7).build().totalSteps(10));
  }

  @Test
  void the_schedules_rise_and_fall_as_their_formulas_say() {
    for (SchedulerType type : SchedulerType.values()) {
      Schedule rate =
          builder()
              .learningRate(2)
              .lrSchedulerType(type)
              .warmupRatio(0.2)
              .evalStrategy(IntervalStrategy.EPOCH)
              .build()
              .schedule(20);
      double first = type == SchedulerType.CONSTANT ? 2 : 2 * 1.0 / 5;
      assertEquals(first, rate.at(0), 1e-12, type.name());
      assertEquals(2, rate.at(4), 1e-12, type.name());
      double half =
          switch (type) {
            case LINEAR, COSINE -> 1;
            case POLYNOMIAL -> 0.5;
            case CONSTANT, CONSTANT_WITH_WARMUP, REDUCE_ON_PLATEAU -> 2;
            case INVERSE_SQRT -> 2 * Math.sqrt(4.0 / 12);
          };
      assertEquals(half, rate.at(12), 1e-12, type.name());
      double end =
          switch (type) {
            case LINEAR, COSINE, POLYNOMIAL -> 0;
            case CONSTANT, CONSTANT_WITH_WARMUP, REDUCE_ON_PLATEAU -> 2;
            case INVERSE_SQRT -> 2 * Math.sqrt(4.0 / 30);
          };
      assertEquals(end, rate.at(30), 1e-12, type.name());
    }
    TrainingArguments both = builder().warmupSteps(3).warmupRatio(0.5).learningRate(1).build();
    assertEquals(0.25, both.schedule(100).at(0), 1e-12); // steps win over the ratio
  }
}
