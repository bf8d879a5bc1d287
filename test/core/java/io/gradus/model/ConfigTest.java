package io.gradus.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigTest {

  @TempDir private Path folder;

  static java.util.List<String> names() {
    return GptConfig.names();
  }

  @ParameterizedTest
  @MethodSource("names")
  void what_is_written_is_read_again(String name) throws IOException {
    GptConfig config = GptConfig.named(name).withDropout(0.25).with("window", 7);
    Path file = folder.resolve("config.json");
    config.write(file);
    assertEquals(config, GptConfig.read(file));
  }

  @Test
  void bert_configurations_are_read_again_too() throws IOException {
    Path file = folder.resolve("config.json");
    BertConfig config = BertConfig.miniLm().withDropout(0.2);
    config.write(file);
    assertEquals(config, BertConfig.read(file));
    var e = assertThrows(IOException.class, () -> GptConfig.read(file));
    assertTrue(e.getMessage().startsWith("gpt: not the configuration of this kind of model"));
  }

  @Test
  void the_counts_are_those_of_the_models() {
    for (String name : new String[] {"tiny", "llama-tiny"}) {
      GptConfig config = GptConfig.named(name);
      Gpt model = new Gpt(config, Device.cpu(), Seed.of(1));
      long matrices =
          model.parameters().asMap().entrySet().stream()
              .filter(p -> Gpt.isMatrix(p.getKey()))
              .mapToLong(p -> p.getValue().size())
              .sum();
      long head = config.tiedHead() ? (long) config.vocabulary() * config.width() : 0;
      assertEquals(matrices + head, config.matrixParameters());
      assertTrue(model.parameters().count() > 700_000 && model.parameters().count() < 1_100_000);
    }
    assertEquals(798e6, GptConfig.named("gpt2-124m").flopsPerToken(1024), 1e6);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "null",
        "{\"type\": \"gpt\"}",
        "{\"type\": \"gpt\", \"vocabulary\": [1]}",
        "{\"type\": \"gpt\", \"type\": \"gpt\"}",
        "{\"type\": 3}",
        "{\"type\": \"gpt\"} {}",
        "\u0000\u0001\u0002"
      })
  void broken_files_are_refused_by_name(String text) throws IOException {
    Path file = folder.resolve("config.json");
    Files.writeString(file, text);
    var e = assertThrows(IOException.class, () -> GptConfig.read(file));
    assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
  }

  @Test
  void values_that_describe_no_model_are_refused() throws IOException {
    Path file = folder.resolve("config.json");
    GptConfig.tiny().write(file);
    String good = Files.readString(file);
    for (String[] change :
        new String[][] {
          {"\"heads\" : 4", "\"heads\" : 5"},
          {"\"width\" : 128", "\"width\" : -128"},
          {"\"width\" : 128", "\"width\" : 1e30"},
          {"\"width\" : 128", "\"width\" : 127.5"},
          {"\"width\" : 128", "\"width\" : \"wide\""},
          {"\"norm\" : \"LAYER\"", "\"norm\" : \"BATCH\""},
          {"\"bias\" : false", "\"bias\" : 0"}
        }) {
      assertTrue(good.contains(change[0]), good);
      Files.writeString(file, good.replace(change[0], change[1]));
      var e = assertThrows(IOException.class, () -> GptConfig.read(file));
      assertTrue(e.getMessage().startsWith("gpt: "), e.getMessage());
    }
    assertThrows(IOException.class, () -> GptConfig.read(folder.resolve("none.json")));
    var e = assertThrows(IllegalArgumentException.class, () -> GptConfig.named("gpt5"));
    assertTrue(e.getMessage().contains("there are tiny, shakespeare"), e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> GptConfig.tiny().with("colour", 3));
  }
}
