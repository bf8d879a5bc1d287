package io.gradus.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.autograd.Tape;
import io.gradus.nn.Linear;
import io.gradus.nn.Module;
import io.gradus.op.Activations;
import io.gradus.op.Pointwise;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

class ModelGraphTest {

  private static final class Residual extends Module {
    private final Linear inner = child("inner", new Linear(6, 6, Device.cpu(), Seed.of(1)));

    @Override
    public Tensor forward(Tensor x) {
      return Pointwise.add(x, Activations.relu(inner.forward(x)));
    }
  }

  private static Document parse(String svg) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
  }

  private static List<String> texts(Document svg) {
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < svg.getElementsByTagName("text").getLength(); i++) {
      texts.add(svg.getElementsByTagName("text").item(i).getTextContent());
    }
    return texts;
  }

  @Test
  void every_op_is_a_box_with_its_shape_below_what_it_reads() throws Exception {
    Document svg;
    try (Tensor x = Tensor.zeros(7, 6)) {
      svg = parse(ModelGraph.svg(new Residual(), x));
      assertEquals(
          List.of(
              "input",
              x.describe(),
              "linear inner.weight inner.bias",
              x.describe(),
              "relu",
              x.describe(),
              "add",
              x.describe()),
          texts(svg));
    }
    assertEquals(4, svg.getElementsByTagName("rect").getLength());
    assertEquals(4, svg.getElementsByTagName("path").getLength()); // add reads two
    double above = -1;
    for (int i = 0; i < 4; i++) {
      Element box = (Element) svg.getElementsByTagName("rect").item(i);
      double y = Double.parseDouble(box.getAttribute("y"));
      assertTrue(y > above);
      above = y;
      double right =
          Double.parseDouble(box.getAttribute("x")) + Double.parseDouble(box.getAttribute("width"));
      assertTrue(right < Double.parseDouble(svg.getDocumentElement().getAttribute("width")));
    }
  }

  @Test
  void a_constant_that_the_model_makes_is_a_box_too() throws Exception {
    Tensor two = Tensor.of(new float[] {2}, 1);
    Module model =
        new Module() {
          @Override
          public Tensor forward(Tensor x) {
            Pointwise.exp(x); // leads nowhere
            return Pointwise.mul(x, two);
          }
        };
    try (Tensor x = Tensor.zeros(3, 1)) {
      List<String> texts = texts(parse(ModelGraph.svg(model, x)));
      assertTrue(texts.contains("constant"));
      assertFalse(texts.contains("exp"), "what leads nowhere is left out");
    }
  }

  @Test
  void a_tape_that_records_is_left_alone() {
    Residual model = new Residual();
    try (Tensor x = Tensor.zeros(1, 6);
        Tape tape = Tape.record()) {
      assertThrows(IllegalStateException.class, () -> ModelGraph.svg(model, x));
      assertEquals(0, tape.size());
    }
  }
}
