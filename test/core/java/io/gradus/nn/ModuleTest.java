package io.gradus.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.data.SafeTensors;
import io.gradus.op.LinearAlgebra;
import io.gradus.tensor.Device;
import io.gradus.tensor.Scope;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModuleTest {

  @TempDir Path directory;

  /** A module of a user's own: a part, a parameter, and a weight used twice. */
  private static final class Tied extends Module {
    private final Linear in = child("in", linear(2, 3, 1));
    private final Tensor scale = parameter("scale", () -> Tensor.ones(3));
    private final Tensor out = parameter("out", in::weight);

    @Override
    public Tensor forward(Tensor x) {
      return LinearAlgebra.matmul(LinearAlgebra.addBias(in.forward(x), scale), out);
    }
  }

  private static Linear linear(long in, long out, long seed) {
    return new Linear(in, out, Device.cpu(), Seed.of(seed));
  }

  private static Sequential network(long seed) {
    return new Sequential(
        linear(4, 3, seed), new Relu(), new Dropout(0.5, Seed.of(1)), linear(3, 2, seed + 1));
  }

  @Test
  void parameters_have_the_names_of_pytorch() {
    assertEquals(
        List.of("0.weight", "0.bias", "3.weight", "3.bias"),
        List.copyOf(network(1).parameters().names()));
    assertEquals(
        List.of("first.0.weight", "first.0.bias"),
        List.copyOf(
            new Module() {
              private final Module first = child("first", new Sequential(linear(1, 1, 1)));

              @Override
              public Tensor forward(Tensor x) {
                return first.forward(x);
              }
            }.parameters().names()));
  }

  @Test
  void a_module_of_a_users_own_computes_and_counts_a_shared_tensor_once() {
    Tied tied = new Tied();
    assertEquals(List.of("scale", "out", "in.bias"), List.copyOf(tied.parameters().names()));
    assertEquals(3 + 6 + 3, tied.parameters().count());
    assertEquals(Shape.of(5, 2), tied.forward(Tensor.ones(5, 2)).shape());
  }

  @Test
  void parameters_outlive_the_scope_in_which_a_module_is_made() {
    Module module;
    try (Scope scope = Scope.open()) {
      module = network(1);
      assertFalse(scope.isClosed());
    }
    assertEquals(4, module.parameters().tensors().size());
    for (Tensor parameter : module.parameters().tensors()) {
      assertTrue(parameter.requiresGrad());
      assertFalse(parameter.isClosed());
    }
  }

  @Test
  void names_that_could_not_be_told_apart_are_refused() {
    record Case(String name, String message) {}
    for (Case wrong :
        List.of(
            new Case("", "module: a name must not be empty nor contain a dot: \"\""),
            new Case("a.b", "module: a name must not be empty nor contain a dot: \"a.b\""),
            new Case("in", "module: a name stands for one thing: in twice"),
            new Case("scale", "module: a name stands for one thing: scale twice"))) {
      var error =
          assertThrows(
              IllegalArgumentException.class, () -> new Tied().child(wrong.name(), new Relu()));
      assertEquals(wrong.message(), error.getMessage());
      error =
          assertThrows(
              IllegalArgumentException.class,
              () -> new Tied().parameter(wrong.name(), () -> Tensor.ones(1)));
      assertEquals(wrong.message(), error.getMessage());
    }
    Tied tied = new Tied();
    assertThrows(IllegalArgumentException.class, () -> tied.child("self", tied));
  }

  @Test
  void saved_parameters_come_back_bit_for_bit() throws IOException {
    Path file = directory.resolve("model.safetensors");
    Module saved = network(1);
    Module loaded = network(7);
    Tensor x = Tensor.of(new float[] {1, -2, 3, -4}, 1, 4);
    saved.eval();
    loaded.eval();
    saved.save(file);
    loaded.load(file);
    for (String name : saved.parameters().names()) {
      assertArrayEquals(
          saved.parameters().get(name).toFloats(), loaded.parameters().get(name).toFloats(), name);
    }
    assertArrayEquals(saved.forward(x).toFloats(), loaded.forward(x).toFloats());
  }

  @Test
  void a_saved_file_says_that_it_follows_pytorch() throws IOException {
    Path file = directory.resolve("model.safetensors");
    network(1).save(file);
    try (SafeTensors read = SafeTensors.read(file)) {
      assertEquals(Map.of("format", "pt"), read.metadata());
      assertEquals(Shape.of(3, 4), read.shape("0.weight"));
    }
  }

  /** A module with state that is no parameter. */
  private static final class Counting extends Module {
    private final Tensor count = buffer("count", () -> Tensor.zeros(2));
    private final Draws draws = draws("draws", Seed.of(3));

    @Override
    public Tensor forward(Tensor x) {
      count.fill(draws.position() + 1);
      draws.next();
      return x;
    }
  }

  @Test
  void buffers_are_saved_and_loaded_but_are_no_parameters() throws IOException {
    Module module = new Sequential(linear(1, 1, 1), new Counting());
    assertEquals(List.of("0.weight", "0.bias"), List.copyOf(module.parameters().names()));
    assertEquals(List.of("1.count"), List.copyOf(module.buffers().keySet()));
    module.forward(Tensor.ones(1, 1));
    module.forward(Tensor.ones(1, 1));
    Path file = directory.resolve("buffers.safetensors");
    module.save(file);
    Module other = new Sequential(linear(1, 1, 2), new Counting());
    other.load(file);
    assertArrayEquals(new float[] {2, 2}, other.buffers().get("1.count").toFloats());
    assertFalse(other.buffers().get("1.count").requiresGrad());
  }

  @Test
  void draws_are_found_by_name_and_a_name_stands_for_one_thing() {
    Module module = new Sequential(new Counting(), new Dropout(0.5, Seed.of(1)));
    module.forward(Tensor.ones(1));
    assertEquals(List.of("0.draws", "1.draws"), List.copyOf(module.draws().keySet()));
    assertEquals(1, module.draws().get("0.draws").position());
    var error =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                new Module() {
                  {
                    buffer("x", () -> Tensor.zeros(1));
                    draws("x", Seed.of(1));
                  }

                  @Override
                  public Tensor forward(Tensor x) {
                    return x;
                  }
                });
    assertEquals("module: a name stands for one thing: x twice", error.getMessage());
  }

  @Test
  void a_file_that_does_not_fit_changes_nothing() throws IOException {
    Path file = directory.resolve("other.safetensors");
    new Sequential(linear(4, 3, 1), new Relu(), linear(3, 5, 2)).save(file);
    Module module = network(1);
    float[] before = module.parameters().get("0.weight").toFloats();
    var error = assertThrows(IllegalArgumentException.class, () -> module.load(file));
    assertTrue(error.getMessage().contains("missing 3.weight, 3.bias"), error.getMessage());
    assertTrue(error.getMessage().contains("unexpected"), error.getMessage());
    assertArrayEquals(before, module.parameters().get("0.weight").toFloats());

    Module wide = new Sequential(linear(5, 3, 3), new Relu(), linear(3, 5, 4));
    before = wide.parameters().get("2.weight").toFloats();
    error = assertThrows(IllegalArgumentException.class, () -> wide.load(file));
    assertTrue(
        error.getMessage().contains("0.weight is f32 (3, 4) there and f32 (3, 5) here"),
        error.getMessage());
    assertArrayEquals(before, wide.parameters().get("2.weight").toFloats());
  }

  @Test
  void a_missing_or_broken_file_is_an_exception() throws IOException {
    Module module = network(1);
    Path missing = directory.resolve("missing.safetensors");
    assertThrows(IOException.class, () -> module.load(missing));
    Path broken = Files.write(directory.resolve("broken.safetensors"), new byte[] {1, 2, 3});
    assertThrows(IOException.class, () -> module.load(broken));
  }

  @Test
  void train_and_eval_reach_every_part() {
    Dropout dropout = new Dropout(0.5, Seed.of(1));
    Module module = new Sequential(new Sequential(dropout), new Relu());
    assertTrue(module.isTraining() && dropout.isTraining());
    module.eval();
    assertFalse(module.isTraining() || dropout.isTraining());
    module.train();
    assertTrue(module.isTraining() && dropout.isTraining());
  }

  @Test
  void prints_as_a_tree() {
    Module module =
        new Sequential(new Sequential(linear(4, 3, 1), new Gelu()), new Dropout(0.1, Seed.of(1)));
    assertEquals(
        """
        Sequential(
          (0): Sequential(
            (0): Linear(in=4, out=3)
            (1): Gelu()
          )
          (1): Dropout(p=0.1)
        )\
        """,
        module.toString());
    assertEquals(
        "Linear(in=4, out=3, bias=false)",
        new Linear(4, 3, false, Device.cpu(), Seed.of(1)).toString());
  }
}
