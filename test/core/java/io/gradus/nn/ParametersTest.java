package io.gradus.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Gradients;
import io.gradus.autograd.Tape;
import io.gradus.op.Reductions;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ParametersTest {

  private final Sequential model =
      new Sequential(
          new Linear(4, 3, Device.cpu(), Seed.of(1)), new Linear(3, 2, Device.cpu(), Seed.of(2)));
  private final Parameters parameters = model.parameters();

  @Test
  void frozen_parameters_get_no_gradients() {
    parameters.freeze(name -> name.startsWith("0."));
    assertEquals(23, parameters.count());
    assertEquals(8, parameters.trainableCount());
    try (Tape tape = Tape.record()) {
      Gradients gradients = tape.gradients(Reductions.sum(model.forward(Tensor.ones(1, 4))));
      assertFalse(gradients.contains(parameters.get("0.weight")));
      assertTrue(gradients.contains(parameters.get("1.weight")));
    }
    parameters.unfreeze(name -> name.equals("0.bias"));
    assertEquals(11, parameters.trainableCount());
    assertFalse(parameters.get("0.weight").requiresGrad());
  }

  @Test
  void freezing_what_is_not_there_is_an_error() {
    var error =
        assertThrows(IllegalArgumentException.class, () -> parameters.freeze("encoder"::equals));
    assertEquals(
        "freeze: no parameter is meant; there are 0.weight, 0.bias, 1.weight, 1.bias",
        error.getMessage());
    error =
        assertThrows(IllegalArgumentException.class, () -> parameters.unfreeze("encoder"::equals));
    assertTrue(error.getMessage().startsWith("unfreeze: "), error.getMessage());
  }

  @Test
  void an_unknown_name_is_answered_with_the_known_ones() {
    var error = assertThrows(IllegalArgumentException.class, () -> parameters.get("weight"));
    assertEquals(
        "parameters: no such name: weight; there are 0.weight, 0.bias, 1.weight, 1.bias",
        error.getMessage());
    Map<String, Tensor> many = new LinkedHashMap<>();
    for (int i = 0; i < 7; i++) {
      many.put("p" + i, Tensor.ones(1));
    }
    error = assertThrows(IllegalArgumentException.class, () -> Parameters.of(many).get("x"));
    assertEquals(
        "parameters: no such name: x; there are p0, p1, p2, p3, p4 and 2 more", error.getMessage());
  }

  @Test
  void a_shared_tensor_has_its_first_name() {
    Map<String, Tensor> tied = new LinkedHashMap<>();
    tied.put("embedding", Tensor.ones(2, 3));
    tied.put("head", tied.get("embedding"));
    Parameters once = Parameters.of(tied);
    assertEquals(List.of("embedding"), List.copyOf(once.names()));
    assertSame(tied.get("head"), once.get("embedding"));
    assertEquals(6, once.count());
  }

  @Test
  void prints_a_line_for_each() {
    parameters.freeze("1.bias"::equals);
    assertEquals(
        """
        0.weight  (3, 4) f32
        0.bias    (3) f32
        1.weight  (2, 3) f32
        1.bias    (2) f32 frozen\
        """,
        parameters.toString());
    assertEquals("", Parameters.of(Map.of()).toString());
  }
}
