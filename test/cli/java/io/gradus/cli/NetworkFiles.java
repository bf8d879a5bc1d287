package io.gradus.cli;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;

/** Small data sets that are learned at once. */
final class NetworkFiles {

  private static final List<String> COLORS = List.of("blue", "green", "red");

  private NetworkFiles() {}

  /** A folder of pictures of several sizes for each of three colours. */
  static void pictures(Path folder, int each) throws IOException {
    for (String color : COLORS) {
      Path own = Files.createDirectories(folder.resolve(color));
      for (int i = 0; i < each; i++) {
        picture(own.resolve(i + ".png"), color, 12 + i % 3, i);
      }
    }
  }

  static Path picture(Path file, String color, int side, int seed) throws IOException {
    Random random = new Random(seed);
    BufferedImage image = new BufferedImage(side, side + 2, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < side + 2; y++) {
      for (int x = 0; x < side; x++) {
        int strong = 170 + random.nextInt(80);
        int red = color.equals("red") ? strong : random.nextInt(60);
        int green = color.equals("green") ? strong : random.nextInt(60);
        int blue = color.equals("blue") ? strong : random.nextInt(60);
        image.setRGB(x, y, new Color(red, green, blue).getRGB());
      }
    }
    ImageIO.write(image, "png", file.toFile());
    return file;
  }

  /** The text of a number: one word of it tells whether it is good or bad. */
  static String text(int number) {
    String[] good = {"good", "great", "lovely"};
    String[] bad = {"bad", "awful", "dull"};
    String[] other = {"the film,", "a story", "this book", "\"its\" music"};
    String word = (number % 2 == 0 ? good : bad)[number / 2 % 3];
    return other[number / 6 % 4]
        + " is "
        + word
        + (number % 3 == 0 ? " " + other[number / 5 % 4] : "");
  }

  static String label(int number) {
    return number % 2 == 0 ? "good" : "bad";
  }

  static Path csv(Path file, int rows) throws IOException {
    StringBuilder text = new StringBuilder("text,label\n");
    for (int i = 0; i < rows; i++) {
      text.append('"').append(text(i).replace("\"", "\"\"")).append("\",").append(label(i));
      text.append('\n');
    }
    return Files.writeString(file, text);
  }

  static Path jsonLines(Path file, int rows) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < rows; i++) {
      text.append(new Json().put("review", text(i)).put("stars", label(i))).append('\n');
    }
    return Files.writeString(file, text);
  }

  static void textFolder(Path folder, int each) throws IOException {
    for (int i = 0; i < 2 * each; i++) {
      Path own = Files.createDirectories(folder.resolve(label(i)));
      Files.writeString(own.resolve(i + ".txt"), text(i));
    }
  }
}
