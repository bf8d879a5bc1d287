package io.gradus.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.image.Image;
import io.gradus.image.ImageFile;
import io.gradus.image.ImageTransform;
import io.gradus.tensor.DType;
import io.gradus.tensor.Seed;
import io.gradus.tensor.Shape;
import io.gradus.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImageFolderTest {

  @TempDir Path directory;

  /** A picture whose colors say what it is: red its number, green the column, blue the row. */
  private Path picture(String name, int number, int height, int width) throws IOException {
    BufferedImage picture = new BufferedImage(width, height, BufferedImage.TYPE_3BYTE_BGR);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        picture.setRGB(x, y, number << 16 | x << 8 | y);
      }
    }
    return write(name, picture);
  }

  private Path write(String name, BufferedImage picture) throws IOException {
    Path file = directory.resolve(name);
    Files.createDirectories(file.getParent());
    String format = name.substring(name.lastIndexOf('.') + 1);
    assertTrue(ImageIO.write(picture, format, file.toFile()), name);
    return file;
  }

  private ImageFolder threeClasses() throws IOException {
    picture("set/rose/b.png", 4, 3, 5);
    picture("set/rose/deep/er/a.PNG", 5, 3, 5);
    picture("set/daisy/2.png", 2, 3, 5);
    picture("set/daisy/10.png", 1, 3, 5);
    picture("set/tulip/x.bmp", 6, 3, 5);
    Files.writeString(directory.resolve("set/tulip/notes.txt"), "no picture");
    Files.writeString(directory.resolve("set/tulip/png"), "no picture");
    Files.writeString(directory.resolve("set/readme.png"), "in no class");
    Files.createDirectories(directory.resolve("set/.checkpoints"));
    Files.writeString(directory.resolve("set/rose/.hidden.png"), "hidden");
    return ImageFolder.open(directory.resolve("set"));
  }

  @Test
  void folders_are_classes_in_the_order_of_their_names() throws IOException {
    ImageFolder folder = threeClasses();
    assertEquals(List.of("daisy", "rose", "tulip"), folder.categories().names());
    assertArrayEquals(new long[] {0, 0, 1, 1, 2}, folder.classes());
    assertEquals(5, folder.size());
    Batch batch = folder.batch(0, 1, 2, 3, 4);
    assertEquals(Shape.of(5, 3, 3, 5), batch.inputs().shape());
    assertEquals(DType.F32, batch.inputs().dtype());
    assertArrayEquals(new long[] {0, 0, 1, 1, 2}, batch.targets().toLongs());
    float[] x = batch.inputs().toFloats();
    int[] numbers = {1, 2, 4, 5, 6};
    for (int i = 0; i < 5; i++) {
      for (int row = 0; row < 3; row++) {
        for (int column = 0; column < 5; column++) {
          int at = i * 45 + row * 5 + column;
          assertEquals(numbers[i] / 255f, x[at]);
          assertEquals(column / 255f, x[at + 15]);
          assertEquals(row / 255f, x[at + 30]);
        }
      }
    }
    assertEquals(Shape.of(5, 1, 3, 5), folder.grayscale().load().inputs().shape());
    assertEquals(
        (0.299f * 4 + 0.587f * 4 + 0.114f * 2) / 255,
        folder.grayscale().image(2, Seed.of(0)).get(0, 2, 4),
        1e-6);
  }

  @Test
  void transforms_run_where_images_are_read() throws IOException {
    ImageDataset data =
        threeClasses()
            .transform(ImageTransform.randomCrop(2, 2, 1))
            .transform(ImageTransform.colorJitter(0.1, 0.1, 0.1, 0.1));
    List<List<Float>> all = new ArrayList<>();
    for (int threads : new int[] {0, 1, 3}) {
      List<Float> values = new ArrayList<>();
      for (Batch batch : Batches.of(data, 2).shuffle(Seed.of(3)).prefetch(threads, 2).epoch(4)) {
        assertEquals(Shape.of(batch.size(), 3, 2, 2), batch.inputs().shape());
        for (float x : batch.inputs().toFloats()) {
          values.add(x);
        }
      }
      all.add(values);
    }
    assertEquals(all.get(0), all.get(1));
    assertEquals(all.get(0), all.get(2));
    assertArrayEquals(new long[] {0, 0, 1, 1, 2}, data.classes());
    ImageDataset wrong = threeClasses().transform(ImageTransform.randomCrop(9, 9, 0));
    var error = assertThrows(IOException.class, () -> wrong.batch(0));
    assertTrue(error.getMessage().endsWith(": " + wrong.name(0)), error.getMessage());
  }

  @Test
  void images_in_memory_take_the_same_way() throws IOException {
    byte[] bytes = {0, 51, 102, -1, 1, 2, 3, 4};
    ImageDataset gray = ImageDataset.of(Tensor.of(bytes, 2, 2, 2), Tensor.of(new byte[] {3, -1}));
    Batch batch = gray.batch(1, 0);
    assertEquals(Shape.of(2, 1, 2, 2), batch.inputs().shape());
    assertArrayEquals(
        new float[] {1 / 255f, 2 / 255f, 3 / 255f, 4 / 255f, 0, 0.2f, 0.4f, 1},
        batch.inputs().toFloats());
    assertArrayEquals(new long[] {255, 3}, batch.targets().toLongs());
    ImageDataset two = ImageDataset.of(Tensor.of(bytes, 1, 2, 2, 2), Tensor.of(new long[] {9}));
    assertEquals(Shape.of(1, 2, 2, 2), two.load().inputs().shape());
    assertThrows(IndexOutOfBoundsException.class, () -> gray.batch(2));
    assertThrows(
        IllegalArgumentException.class,
        () -> ImageDataset.of(Tensor.ones(1, 2, 2), Tensor.of(new long[] {9})));
    assertThrows(
        IllegalArgumentException.class,
        () -> ImageDataset.of(Tensor.of(bytes, 2, 2, 2), Tensor.of(new long[] {9})));
    assertThrows(IllegalArgumentException.class, () -> gray.batch());
  }

  @Test
  void gray_pictures_keep_their_numbers() throws IOException {
    BufferedImage gray = new BufferedImage(2, 2, BufferedImage.TYPE_BYTE_GRAY);
    gray.getRaster().setSamples(0, 0, 2, 2, 0, new int[] {0, 100, 128, 255});
    Image image = ImageFile.read(write("gray.png", gray));
    assertEquals("(1, 2, 2)", image.toString());
    assertArrayEquals(new float[] {0, 100 / 255f, 128 / 255f, 1}, image.pixels());
    BufferedImage deep = new BufferedImage(2, 1, BufferedImage.TYPE_USHORT_GRAY);
    deep.getRaster().setSamples(0, 0, 2, 1, 0, new int[] {1, 65_535});
    assertArrayEquals(
        new float[] {1 / 65_535f, 1}, ImageFile.read(write("deep.png", deep)).pixels());
  }

  @Test
  void transparency_and_palettes_become_plain_colors() throws IOException {
    BufferedImage clear = new BufferedImage(2, 1, BufferedImage.TYPE_INT_ARGB);
    clear.setRGB(0, 0, 0x80ff3300);
    clear.setRGB(1, 0, 0x000000ff);
    Image image = ImageFile.read(write("clear.png", clear));
    assertArrayEquals(new float[] {1, 0, 0.2f, 0, 0, 1}, image.pixels());
    BufferedImage indexed = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_INDEXED);
    indexed.setRGB(0, 0, 0xffff0000);
    indexed.setRGB(1, 0, 0xff00ff00);
    assertArrayEquals(
        new float[] {1, 0, 0, 1, 0, 0}, ImageFile.read(write("few.gif", indexed)).pixels());
    BufferedImage bits = new BufferedImage(9, 1, BufferedImage.TYPE_BYTE_BINARY);
    bits.setRGB(8, 0, 0xffffffff);
    float[] pixels = ImageFile.read(write("bits.png", bits)).toGrayscale().pixels();
    assertEquals(1, pixels[8], 1e-6);
    assertEquals(0, pixels[7]);
  }

  @Test
  void jpegs_are_read_about_right() throws IOException {
    Image image = ImageFile.read(picture("plain.jpg", 200, 16, 16));
    assertEquals("(3, 16, 16)", image.toString());
    assertEquals(200 / 255f, image.get(0, 8, 8), 0.05);
    assertTrue(
        ImageFile.endings().containsAll(List.of("png", "jpg", "jpeg", "gif", "bmp", "tiff")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"png", "jpg", "gif", "bmp", "tiff"})
  void a_picture_that_is_cut_short_is_refused(String format) throws IOException {
    byte[] whole = Files.readAllBytes(noise("whole." + format));
    Path file = directory.resolve("cut." + format);
    for (int length : new int[] {1, 10, whole.length / 4, whole.length / 2, whole.length * 3 / 4}) {
      Files.write(file, Arrays.copyOf(whole, length));
      var error = assertThrows(IOException.class, () -> ImageFile.read(file), length + " bytes");
      assertTrue(
          error.getMessage().startsWith("image: cannot read " + file + ": "), error.getMessage());
    }
  }

  private Path noise(String name) throws IOException {
    BufferedImage picture = new BufferedImage(40, 40, BufferedImage.TYPE_3BYTE_BGR);
    Random random = new Random(1);
    for (int i = 0; i < 1_600; i++) {
      picture.setRGB(i % 40, i / 40, random.nextInt());
    }
    return write(name, picture);
  }

  @ParameterizedTest
  @ValueSource(strings = {"png", "jpg", "gif", "bmp", "tiff"})
  void a_picture_with_wrong_bytes_fails_as_a_file_or_not_at_all(String format) throws IOException {
    byte[] whole = Files.readAllBytes(noise("whole." + format));
    Path file = directory.resolve("broken." + format);
    Random random = new Random(2);
    for (int i = 0; i < 100; i++) {
      byte[] broken = whole.clone();
      for (int j = 0; j < 1 + i % 4; j++) {
        broken[random.nextInt(Math.min(broken.length, i % 2 == 0 ? 100 : broken.length))] ^=
            (byte) (1 << random.nextInt(8));
      }
      Files.write(file, broken);
      try {
        ImageFile.read(file);
      } catch (IOException e) {
        assertTrue(e.getMessage().startsWith("image: cannot read " + file + ": "), e.getMessage());
      }
    }
  }

  @Test
  void a_small_file_that_claims_a_huge_picture_is_refused() throws IOException {
    byte[] png = Files.readAllBytes(picture("huge.png", 1, 3, 5));
    ByteBuffer.wrap(png).putInt(16, 1_000_000).putInt(20, 1_000_000);
    CRC32 crc = new CRC32();
    crc.update(png, 12, 17);
    ByteBuffer.wrap(png).putInt(29, (int) crc.getValue());
    Path file = Files.write(directory.resolve("huge.png"), png);
    var error = assertThrows(IOException.class, () -> ImageFile.read(file));
    assertTrue(
        error.getMessage().startsWith("image: cannot read " + file + ": it says 1000000x1000000; "),
        error.getMessage());
  }

  @Test
  void what_is_no_picture_is_named() throws IOException {
    Path file = directory.resolve("text.png");
    Files.writeString(file, "this is a text");
    var error = assertThrows(IOException.class, () -> ImageFile.read(file));
    assertTrue(
        error
            .getMessage()
            .startsWith(
                "image: cannot read " + file + ": no picture of a format that is known; known are"),
        error.getMessage());
    Files.write(file, new byte[0]);
    error = assertThrows(IOException.class, () -> ImageFile.read(file));
    assertTrue(error.getMessage().contains(": it is empty; "), error.getMessage());
    error = assertThrows(IOException.class, () -> ImageFile.read(directory.resolve("none")));
    assertEquals("image: no such file: " + directory.resolve("none"), error.getMessage());
    error = assertThrows(IOException.class, () -> ImageFile.read(directory));
    assertEquals("image: not a regular file: " + directory, error.getMessage());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void a_broken_picture_among_others_is_named_by_the_loop(int threads) throws IOException {
    ImageFolder folder = threeClasses();
    Path broken = folder.files().get(3);
    Files.write(broken, Arrays.copyOf(Files.readAllBytes(broken), 60));
    var epoch = Batches.of(folder, 1).prefetch(threads, 3).epoch(0, 0);
    for (int i = 0; i < 3; i++) {
      epoch.next();
    }
    var error = assertThrows(UncheckedIOException.class, epoch::next);
    assertTrue(error.getMessage().contains(broken.toString()), error.getMessage());
  }

  @Test
  void sizes_that_differ_are_named() throws IOException {
    picture("mixed/a/1.png", 1, 3, 5);
    picture("mixed/a/2.png", 1, 4, 5);
    ImageFolder folder = ImageFolder.open(directory.resolve("mixed"));
    var error = assertThrows(IOException.class, () -> folder.batch(0, 1));
    assertEquals(
        "images: sizes differ in a batch: (3, 3, 5) "
            + folder.name(0)
            + " and (3, 4, 5) "
            + folder.name(1)
            + "; resize or crop them",
        error.getMessage());
    assertEquals(
        Shape.of(2, 3, 6, 6),
        folder.transform(ImageTransform.resize(6, 6)).load().inputs().shape());
  }

  @Test
  void folders_without_pictures_are_refused() throws IOException {
    Path folder = Files.createDirectories(directory.resolve("empty"));
    assertRefused(folder, "no classes: " + folder + " has no folders; it must have one for each");
    Files.createDirectories(folder.resolve("a"));
    assertRefused(
        folder,
        "no pictures: "
            + folder.resolve("a")
            + " has none; known endings are "
            + ImageFile.endings());
    assertRefused(directory.resolve("none"), "no such directory: " + directory.resolve("none"));
    Path file = Files.writeString(directory.resolve("file"), "");
    assertRefused(file, "not a directory: " + file);
    Files.createSymbolicLink(folder.resolve("a/loop"), folder);
    var error = assertThrows(IOException.class, () -> ImageFolder.open(folder));
    assertTrue(error.getMessage().startsWith("image folder: cannot list "), error.getMessage());
  }

  private static void assertRefused(Path folder, String message) {
    var error = assertThrows(IOException.class, () -> ImageFolder.open(folder));
    assertEquals("image folder: " + message, error.getMessage());
  }
}
