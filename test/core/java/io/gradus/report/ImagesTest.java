package io.gradus.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImagesTest {

  private static final int GREY = 0x808080; // of the gaps

  @TempDir private Path folder;

  private static int at(BufferedImage picture, int x, int y) {
    return picture.getRGB(x, y) & 0xffffff;
  }

  @Test
  void images_stand_in_rows_with_gaps() throws IOException {
    float[] values = new float[3 * 2 * 3]; // three grey images of 2x3
    values[0] = 1;
    values[6 + 5] = 0.2f;
    values[12] = 7;
    values[13] = Float.NaN;
    Path file = folder.resolve("grid.png");
    try (Tensor x = Tensor.of(values, 3, 1, 2, 3)) {
      Images.grid(file, x, 2, 2);
    }
    BufferedImage picture = ImageIO.read(file.toFile());
    assertEquals(2 * 6 + 2, picture.getWidth());
    assertEquals(2 * 4 + 2, picture.getHeight());
    assertEquals(0xffffff, at(picture, 0, 0));
    assertEquals(0xffffff, at(picture, 1, 1)); // twice as large
    assertEquals(0, at(picture, 2, 0));
    assertEquals(GREY, at(picture, 6, 0));
    assertEquals(GREY, at(picture, 0, 4));
    assertEquals(0x333333, at(picture, 8 + 5, 3));
    assertEquals(0xffffff, at(picture, 0, 6)); // cut at 1
    assertEquals(0, at(picture, 2, 6)); // NaN
    assertEquals(GREY, at(picture, 8, 6)); // there is no fourth one
  }

  @Test
  void three_channels_are_red_green_and_blue() throws IOException {
    Path file = folder.resolve("colour.png");
    try (Tensor x = Tensor.of(new float[] {1, 0, 0.2f, 0, 0.4f, 1}, 3, 1, 2)) {
      Images.grid(file, x, 1, 1);
    }
    BufferedImage picture = ImageIO.read(file.toFile());
    assertEquals(0xff3366, at(picture, 0, 0));
    assertEquals(0x0000ff, at(picture, 1, 0));
  }

  @Test
  void a_heat_map_is_red_for_and_blue_against() throws IOException {
    Path file = folder.resolve("map.png");
    try (Tensor x = Tensor.of(new float[] {1, -1, 0, 0, 1, 0, -1, Float.NaN}, 1, 2, 2, 2)) {
      Images.heatMap(file, x, 1, 1); // sums 2, -1, -1, NaN
    }
    BufferedImage picture = ImageIO.read(file.toFile());
    assertEquals(0xff0000, at(picture, 0, 0));
    assertEquals(0x7f7fff, at(picture, 1, 0));
    assertEquals(0x7f7fff, at(picture, 0, 1));
    assertEquals(0xffffff, at(picture, 1, 1));
  }

  @Test
  void a_map_in_which_nothing_counts_is_white() throws IOException {
    Path file = folder.resolve("map.png");
    try (Tensor x = Tensor.zeros(2, 2)) {
      Images.heatMap(file, x, 1, 1);
    }
    assertEquals(0xffffff, at(ImageIO.read(file.toFile()), 1, 1));
  }

  @Test
  void what_is_no_picture_is_refused_and_the_old_file_stays() throws IOException {
    Path file = Files.writeString(folder.resolve("grid.png"), "old");
    try (Tensor two = Tensor.zeros(1, 2, 3, 3);
        Tensor flat = Tensor.zeros(9);
        Tensor none = Tensor.zeros(0, 1, 3, 3);
        Tensor ids = Tensor.of(new int[4], 2, 2);
        Tensor good = Tensor.zeros(3, 3)) {
      for (Tensor bad : new Tensor[] {two, flat, none, ids}) {
        assertThrows(IllegalArgumentException.class, () -> Images.grid(file, bad, 1, 1));
      }
      assertThrows(IllegalArgumentException.class, () -> Images.grid(file, good, 0, 1));
      var e =
          assertThrows(IllegalArgumentException.class, () -> Images.grid(file, good, 1, 1 << 20));
      assertTrue(e.getMessage().contains("too large: 3145728x3145728"), e::getMessage);
      assertThrows(
          IOException.class, () -> Images.grid(folder.resolve("none/grid.png"), good, 1, 1));
    }
    assertEquals("old", Files.readString(file));
  }
}
