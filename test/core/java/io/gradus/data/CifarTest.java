package io.gradus.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.gradus.data.Cifar.Labels;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CifarTest {

  private static final int PIXELS = 3 * 32 * 32;

  @TempDir Path directory;

  /** Images of which pixel j of the ith is i + j, each behind its labels. */
  private Path write(String name, int[]... labels) throws IOException {
    ByteBuffer content = ByteBuffer.allocate(labels.length * (labels[0].length + PIXELS));
    for (int i = 0; i < labels.length; i++) {
      for (int label : labels[i]) {
        content.put((byte) label);
      }
      for (int j = 0; j < PIXELS; j++) {
        content.put((byte) (i + j));
      }
    }
    return Files.write(directory.resolve(name), content.array());
  }

  private static int[] labels(int... labels) {
    return labels;
  }

  private static void assertRefused(String message, Executable read) {
    assertEquals("cifar: " + message, assertThrows(IOException.class, read).getMessage());
  }

  @Test
  void the_files_of_cifar_10_follow_each_other() throws IOException {
    for (int i = 1; i <= 5; i++) {
      write("data_batch_" + i + ".bin", labels(i), labels(9));
    }
    write("test_batch.bin", labels(0), labels(1), labels(2));
    Cifar cifar = Cifar.read10(directory);
    assertArrayEquals(new long[] {1, 9, 2, 9, 3, 9, 4, 9, 5, 9}, cifar.train().classes());
    assertArrayEquals(new long[] {0, 1, 2}, cifar.test().classes());
    assertEquals("truck", Cifar.CIFAR10.name(9));
  }

  @Test
  void cifar_100_has_two_labels_for_each_image() throws IOException {
    write("train.bin", labels(19, 99), labels(0, 7), labels(4, 0));
    write("test.bin", labels(10, 50));
    Cifar fine = Cifar.read100(directory, Labels.FINE);
    assertArrayEquals(new long[] {99, 7, 0}, fine.train().classes());
    assertArrayEquals(new long[] {50}, fine.test().classes());
    Cifar coarse = Cifar.read100(directory, Labels.COARSE);
    assertArrayEquals(new long[] {19, 0, 4}, coarse.train().classes());
    assertArrayEquals(new long[] {10}, coarse.test().classes());
  }

  @ParameterizedTest
  @ValueSource(ints = {10, 100})
  void images_are_planes_of_red_green_and_blue(int classes) throws IOException {
    int[] label = classes == 10 ? labels(3) : labels(3, 30);
    for (int i = 1; i <= 5; i++) {
      write("data_batch_" + i + ".bin", label);
    }
    write("test_batch.bin", label, label, label);
    write("train.bin", label);
    write("test.bin", label, label, label);
    Cifar cifar = classes == 10 ? Cifar.read10(directory) : Cifar.read100(directory, Labels.FINE);
    assertEquals(3, cifar.test().size());
    Batch last = cifar.test().batch(2);
    assertEquals(Shape.of(1, 3, 32, 32), last.inputs().shape());
    float[] pixels = last.inputs().toFloats();
    for (int j = 0; j < PIXELS; j++) {
      assertEquals((2 + j & 0xff) / 255f, pixels[j]);
    }
    assertEquals(6 / 255f, cifar.test().image(1, Seed.of(0)).pixels()[5]);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3_072, 3_073, 3_075, 2 * 3_074 - 1, 3 * 3_073})
  void files_without_a_whole_number_of_images_are_refused(int length) throws IOException {
    for (String truncated : new String[] {"train.bin", "test.bin"}) {
      write("train.bin", labels(1, 2));
      write("test.bin", labels(1, 2));
      Path file = Files.write(directory.resolve(truncated), new byte[length]);
      assertRefused(
          "not whole images: "
              + file
              + " has "
              + length
              + " bytes; an image has 3074, get the file again",
          () -> Cifar.read100(directory, Labels.FINE));
    }
  }

  @Test
  void a_file_of_cifar_100_is_none_of_cifar_10() throws IOException {
    Path file = write("data_batch_1.bin", labels(1, 2));
    assertRefused(
        "not whole images: " + file + " has 3074 bytes; an image has 3073, get the file again",
        () -> Cifar.read10(directory));
  }

  @ParameterizedTest
  @CsvSource({"FINE, 0, 100, 100", "FINE, 0, 255, 100", "COARSE, 20, 0, 20"})
  void labels_outside_the_classes_are_refused(Labels kind, int coarse, int fine, int classes)
      throws IOException {
    Path file = write("train.bin", labels(19, 99), labels(coarse, fine));
    write("test.bin", labels(0, 0));
    int label = kind == Labels.FINE ? fine : coarse;
    assertRefused(
        "unknown label: "
            + file
            + " has "
            + label
            + " for image 1; there are "
            + classes
            + " classes",
        () -> Cifar.read100(directory, kind));
  }

  @Test
  void the_label_that_is_not_asked_for_may_be_anything() throws IOException {
    write("train.bin", labels(200, 99));
    write("test.bin", labels(200, 0));
    assertArrayEquals(new long[] {99}, Cifar.read100(directory, Labels.FINE).train().classes());
  }

  @Test
  void missing_files_are_named() throws IOException {
    write("train.bin", labels(0, 0));
    assertRefused(
        "no such file: " + directory.resolve("test.bin"),
        () -> Cifar.read100(directory, Labels.FINE));
    assertRefused(
        "no such file: " + directory.resolve("data_batch_1.bin"), () -> Cifar.read10(directory));
  }
}
