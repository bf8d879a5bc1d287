package io.gradus.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.tensor.Seed;
import io.gradus.tensor.Tensor;
import java.awt.Color;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageTransformTest {

  private static final Seed SEED = Seed.of(1);

  /** Every number another one, from 0 to 1. */
  private static Image counted(int channels, int height, int width) {
    float[] pixels = new float[channels * height * width];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (i + 1f) / (pixels.length + 1);
    }
    return new Image(channels, height, width, pixels);
  }

  private static Image random(int channels, int height, int width, long seed) {
    float[] pixels = new float[channels * height * width];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (float) Seed.of(seed).uniform(i);
    }
    return new Image(channels, height, width, pixels);
  }

  private static Image row(float... pixels) {
    return new Image(1, 1, pixels.length, pixels);
  }

  @Test
  void every_transform_follows_from_its_seed_and_leaves_its_image() {
    List<ImageTransform> all =
        List.of(
            ImageTransform.randomCrop(5, 6, 2),
            ImageTransform.randomResizedCrop(8, 7, 0.3),
            ImageTransform.randomHorizontalFlip(0.5),
            ImageTransform.randomVerticalFlip(0.5),
            ImageTransform.randomRotation(90),
            ImageTransform.colorJitter(0.4, 0.4, 0.4, 0.2),
            ImageTransform.randomErasing(0.9),
            ImageTransform.compose(
                ImageTransform.randomCrop(7, 7, 1), ImageTransform.randomHorizontalFlip(0.5)));
    for (int i = 0; i < all.size(); i++) {
      Image image = random(3, 9, 8, 4);
      float[] before = image.pixels().clone();
      Set<List<Float>> seen = new HashSet<>();
      for (int seed = 0; seed < 20; seed++) {
        Image once = all.get(i).apply(image, Seed.of(seed));
        assertArrayEquals(once.pixels(), all.get(i).apply(image, Seed.of(seed)).pixels());
        List<Float> pixels = new ArrayList<>();
        for (float x : once.pixels()) {
          pixels.add(x);
        }
        seen.add(pixels);
      }
      assertTrue(seen.size() > 1, "transform " + i + " is always the same");
      assertArrayEquals(before, image.pixels(), "transform " + i);
    }
  }

  @Test
  void normalizing_takes_each_channel_by_itself() {
    Image image = new Image(2, 1, 2, new float[] {1, 2, 3, 5});
    Image y =
        ImageTransform.normalize(new float[] {1, 3}, new float[] {2, 0.5f}).apply(image, SEED);
    assertArrayEquals(new float[] {0, 0.5f, 0, 4}, y.pixels());
    assertEquals(
        "normalize: 2 means do not fit an image (1, 1, 1)",
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    ImageTransform.normalize(new float[] {1, 3}, new float[] {2, 1})
                        .apply(row(1), SEED))
            .getMessage());
    assertThrows(
        IllegalArgumentException.class,
        () -> ImageTransform.normalize(new float[] {1}, new float[] {0}));
    assertThrows(
        IllegalArgumentException.class,
        () -> ImageTransform.normalize(new float[] {1}, new float[] {1, 1}));
  }

  @Test
  void flips_exchange_sides() {
    Image image = new Image(2, 2, 3, new float[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
    assertArrayEquals(
        new float[] {3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10},
        ImageTransform.randomHorizontalFlip(1).apply(image, SEED).pixels());
    assertArrayEquals(
        new float[] {4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9},
        ImageTransform.randomVerticalFlip(1).apply(image, SEED).pixels());
    assertSame(image, ImageTransform.randomHorizontalFlip(0).apply(image, SEED));
    int flipped = 0;
    for (int i = 0; i < 10_000; i++) {
      boolean same = ImageTransform.randomVerticalFlip(0.3).apply(image, Seed.of(i)) == image;
      flipped += same ? 0 : 1;
    }
    assertEquals(3_000, flipped, 5 * Math.sqrt(10_000 * 0.3 * 0.7));
  }

  @Test
  void a_center_crop_takes_the_middle_and_pads_what_is_missing() {
    Image image = counted(1, 4, 4);
    Image y = ImageTransform.centerCrop(2, 2).apply(image, SEED);
    assertArrayEquals(
        new float[] {
          image.get(0, 1, 1), image.get(0, 1, 2), image.get(0, 2, 1), image.get(0, 2, 2)
        },
        y.pixels());
    assertArrayEquals(
        new float[] {0, 1, 2, 0, 0, 0, 0, 0},
        ImageTransform.centerCrop(2, 4).apply(row(1, 2), SEED).pixels());
  }

  @Test
  void random_crops_come_from_everywhere_and_from_nowhere_else() {
    Image image = counted(2, 5, 4);
    Set<List<Integer>> places = new HashSet<>();
    for (int seed = 0; seed < 2_000; seed++) {
      Image y = ImageTransform.randomCrop(3, 3, 1).apply(image, Seed.of(seed));
      places.add(place(image, y));
    }
    // (5 + 2 - 3 + 1) rows times (4 + 2 - 3 + 1) columns.
    assertEquals(20, places.size());
    assertEquals(
        "randomCrop: an image (2, 5, 4) with 1 pixels around it is smaller than (3, 7); resize it"
            + " first",
        assertThrows(
                IllegalArgumentException.class,
                () -> ImageTransform.randomCrop(3, 7, 1).apply(image, SEED))
            .getMessage());
  }

  /** Where a part was cut out of an image whose numbers all differ, padded with zeros. */
  private static List<Integer> place(Image image, Image part) {
    for (int top = -1; top <= 3; top++) {
      for (int left = -1; left <= 2; left++) {
        if (isAt(image, part, top, left)) {
          return List.of(top, left);
        }
      }
    }
    throw new AssertionError("it is from nowhere: " + Arrays.toString(part.pixels()));
  }

  private static boolean isAt(Image image, Image part, int top, int left) {
    for (int c = 0; c < part.channels(); c++) {
      for (int y = 0; y < part.height(); y++) {
        for (int x = 0; x < part.width(); x++) {
          boolean inside =
              y + top >= 0 && y + top < image.height() && x + left >= 0 && x + left < image.width();
          if (part.get(c, y, x) != (inside ? image.get(c, y + top, x + left) : 0)) {
            return false;
          }
        }
      }
    }
    return true;
  }

  @ParameterizedTest
  @CsvSource({
    "5,7,10,14",
    "5,7,3,4",
    "5,7,5,1",
    "5,7,1,20",
    "1,1,3,3",
    "8,8,4,4",
    "9,5,7,11",
    "32,20,7,9"
  })
  void resizing_interpolates_as_the_triangle_filter_says(
      int height, int width, int newHeight, int newWidth) {
    Image image = random(2, height, width, 3);
    Image y = ImageTransform.resize(newHeight, newWidth).apply(image, SEED);
    for (int c = 0; c < 2; c++) {
      for (int i = 0; i < newHeight; i++) {
        for (int j = 0; j < newWidth; j++) {
          double sum = 0;
          double weights = 0;
          for (int k = 0; k < height; k++) {
            for (int l = 0; l < width; l++) {
              double w = weight(i, newHeight, k, height) * weight(j, newWidth, l, width);
              sum += w * image.get(c, k, l);
              weights += w;
            }
          }
          assertEquals(sum / weights, y.get(c, i, j), 1e-5);
        }
      }
    }
  }

  /** Of a pixel in another, by how far their middles are apart in the coarser of both grids. */
  private static double weight(int to, int toLength, int from, int fromLength) {
    double scale = (double) fromLength / toLength;
    double away = Math.abs((to + 0.5) * scale - (from + 0.5));
    return Math.max(0, 1 - away / Math.max(1, scale));
  }

  @Test
  void resizing_by_one_length_keeps_the_proportion() {
    assertEquals(
        "(1, 10, 25)", ImageTransform.resize(10).apply(counted(1, 4, 10), SEED).toString());
    assertEquals(
        "(1, 25, 10)", ImageTransform.resize(10).apply(counted(1, 10, 4), SEED).toString());
    Image image = counted(1, 4, 10);
    assertSame(image, ImageTransform.resize(4).apply(image, SEED));
    assertThrows(IllegalArgumentException.class, () -> ImageTransform.resize(0));
    assertThrows(IllegalArgumentException.class, () -> ImageTransform.resize(2, -1));
  }

  @Test
  void resized_crops_are_parts_of_the_image() {
    // Of an image that brightens evenly to the right a part does so too.
    float[] pixels = new float[40 * 40];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = i % 40 / 40f;
    }
    Image image = new Image(1, 40, 40, pixels);
    for (int seed = 0; seed < 200; seed++) {
      Image y = ImageTransform.randomResizedCrop(10, 10, 0.25).apply(image, Seed.of(seed));
      double part = (y.get(0, 5, 8) - y.get(0, 5, 1)) / 7 * 10; // width, as a share of the image's
      assertTrue(part > Math.sqrt(0.25 * 3 / 4) - 0.06 && part <= 1.06, "share " + part);
    }
    Image bar = new Image(1, 1, 100, new float[100]);
    assertEquals(
        "(1, 3, 3)", ImageTransform.randomResizedCrop(3, 3, 1).apply(bar, SEED).toString());
    assertThrows(IllegalArgumentException.class, () -> ImageTransform.randomResizedCrop(3, 3, 0));
  }

  @Test
  void a_quarter_turn_moves_every_pixel() {
    Image image = counted(2, 3, 3);
    Image left = ImageTransform.rotate(90).apply(image, SEED);
    Image half = ImageTransform.rotate(180).apply(counted(1, 2, 3), SEED);
    for (int y = 0; y < 3; y++) {
      for (int x = 0; x < 3; x++) {
        assertEquals(image.get(1, x, 2 - y), left.get(1, y, x), 1e-6);
      }
    }
    float[] turned = counted(1, 2, 3).pixels();
    for (int i = 0; i < 6; i++) {
      assertEquals(turned[5 - i], half.pixels()[i], 1e-6);
    }
  }

  @Test
  void a_small_turn_interpolates_and_lets_zeros_in() {
    Image ones = new Image(1, 21, 21, ones(441));
    Image y = ImageTransform.rotate(45).apply(ones, SEED);
    assertEquals(1, y.get(0, 10, 10), 1e-6);
    assertEquals(1, y.get(0, 10, 0), 1e-6);
    assertEquals(0, y.get(0, 0, 0));
    double sum = 0;
    for (float x : y.pixels()) {
      sum += x;
    }
    // A square and the same square turned by 45 degrees share 2 (sqrt(2) - 1) of their area.
    assertEquals(2 * (Math.sqrt(2) - 1) * 441, sum, 12);
    for (int seed = 0; seed < 50; seed++) {
      float corner = ImageTransform.randomRotation(5).apply(ones, Seed.of(seed)).get(0, 10, 0);
      assertEquals(1, corner, 1e-5);
    }
    assertThrows(IllegalArgumentException.class, () -> ImageTransform.randomRotation(-1));
    assertThrows(IllegalArgumentException.class, () -> ImageTransform.rotate(Double.NaN));
  }

  private static float[] ones(int n) {
    float[] ones = new float[n];
    Arrays.fill(ones, 1);
    return ones;
  }

  @Test
  void erasing_leaves_a_rectangle_of_zeros() {
    Image image = counted(3, 20, 30);
    for (int seed = 0; seed < 300; seed++) {
      Image y = ImageTransform.randomErasing(1).apply(image, Seed.of(seed));
      int top = 20;
      int bottom = -1;
      int left = 30;
      int right = -1;
      int zeros = 0;
      for (int i = 0; i < 20; i++) {
        for (int j = 0; j < 30; j++) {
          if (y.get(1, i, j) == 0) {
            zeros++;
            top = Math.min(top, i);
            bottom = Math.max(bottom, i);
            left = Math.min(left, j);
            right = Math.max(right, j);
          } else {
            assertEquals(image.get(1, i, j), y.get(1, i, j));
          }
          assertEquals(y.get(0, i, j) == 0, y.get(2, i, j) == 0);
        }
      }
      assertEquals((bottom - top + 1) * (right - left + 1), zeros);
      assertTrue(zeros >= 0.015 * 600 && zeros <= 0.36 * 600, "zeros: " + zeros);
    }
    int erased = 0;
    for (int seed = 0; seed < 2_000; seed++) {
      boolean same = ImageTransform.randomErasing(0.25).apply(image, Seed.of(seed)) == image;
      erased += same ? 0 : 1;
    }
    assertEquals(500, erased, 5 * Math.sqrt(2_000 * 0.25 * 0.75));
    assertThrows(IllegalArgumentException.class, () -> ImageTransform.randomErasing(1.5));
  }

  @Test
  void brightness_contrast_and_saturation_follow_their_formulas() {
    Image image = random(3, 4, 5, 6);
    float[] gray = image.toGrayscale().pixels();
    double mean = 0;
    for (float g : gray) {
      mean += g / gray.length;
    }
    float[] bright = image.pixels().clone();
    ColorJitter.brighten(bright, 1.5f);
    float[] contrast = image.pixels().clone();
    ColorJitter.contrast(image, contrast, 0.25f);
    float[] saturated = image.pixels().clone();
    ColorJitter.saturate(image, saturated, 1.75f);
    for (int i = 0; i < bright.length; i++) {
      double x = image.pixels()[i];
      assertEquals(Math.min(1, 1.5 * x), bright[i], 1e-6);
      assertEquals(0.25 * x + 0.75 * mean, contrast[i], 1e-6);
      double g = gray[i % gray.length];
      assertEquals(Math.min(1, Math.max(0, 1.75 * x - 0.75 * g)), saturated[i], 1e-6);
    }
  }

  @ParameterizedTest
  @ValueSource(floats = {-0.5f, -0.3f, -0.01f, 0, 0.1f, 1 / 3f, 0.5f})
  void the_hue_turns_as_javas_own_conversion_says(float turn) {
    Image image = random(3, 6, 7, 8);
    int n = 42;
    image.pixels()[0] = image.pixels()[n] = image.pixels()[2 * n] = 0.5f; // gray stays
    image.pixels()[1] = image.pixels()[n + 1] = 0; // a pure color
    float[] x = image.pixels().clone();
    ColorJitter.turnHue(image, x, turn);
    for (int i = 0; i < n; i++) {
      int[] rgb = new int[3];
      for (int c = 0; c < 3; c++) {
        rgb[c] = Math.round(255 * image.pixels()[c * n + i]);
      }
      float[] hsb = Color.RGBtoHSB(rgb[0], rgb[1], rgb[2], null);
      Color turned = Color.getHSBColor(hsb[0] + turn, hsb[1], hsb[2]);
      // Both are rounded to one of 256 steps there, and a hue of few steps is a rough one.
      assertEquals(turned.getRed() / 255f, x[i], 0.02);
      assertEquals(turned.getGreen() / 255f, x[n + i], 0.02);
      assertEquals(turned.getBlue() / 255f, x[2 * n + i], 0.02);
    }
  }

  @Test
  void jitter_of_nothing_changes_nothing_and_gray_has_no_colors() {
    Image image = random(3, 4, 5, 6);
    assertArrayEquals(
        image.pixels(), ImageTransform.colorJitter(0, 0, 0, 0).apply(image, SEED).pixels(), 1e-6f);
    Image gray = random(1, 4, 5, 6);
    assertArrayEquals(
        gray.pixels(), ImageTransform.colorJitter(0, 0, 1, 0.5).apply(gray, SEED).pixels(), 1e-6f);
    Image jittered = ImageTransform.colorJitter(0.9, 0.9, 0.9, 0.5).apply(image, SEED);
    for (float x : jittered.pixels()) {
      assertTrue(x >= 0 && x <= 1);
    }
    assertFalse(Arrays.equals(image.pixels(), jittered.pixels()));
    assertThrows(IllegalArgumentException.class, () -> ImageTransform.colorJitter(0, 0, 0, 0.6));
  }

  @Test
  void images_and_tensors_are_the_same_numbers() {
    Image image = counted(3, 2, 4);
    try (Tensor x = image.toTensor()) {
      assertEquals("(3, 2, 4)", x.shape().toString());
      assertArrayEquals(image.pixels(), Image.of(x).pixels());
    }
    assertThrows(IllegalArgumentException.class, () -> Image.of(Tensor.ones(2, 2)));
    assertEquals(
        "image: 3 numbers do not make an image (1, 2, 2)",
        assertThrows(IllegalArgumentException.class, () -> new Image(1, 2, 2, new float[3]))
            .getMessage());
    assertThrows(IllegalArgumentException.class, () -> new Image(1, 0, 2, new float[0]));
    assertThrows(IllegalArgumentException.class, () -> counted(2, 1, 1).toGrayscale());
    assertThrows(IllegalArgumentException.class, () -> counted(2, 1, 1).toRgb());
    assertArrayEquals(new float[] {1, 2, 1, 2, 1, 2}, row(1, 2).toRgb().pixels());
    assertSame(image, image.toRgb());
  }
}
