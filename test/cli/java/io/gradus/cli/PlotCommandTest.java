package io.gradus.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.gradus.report.CsvLog;
import io.gradus.report.JsonLinesLog;
import io.gradus.report.RunHistory;
import io.gradus.report.RunLog;
import io.gradus.report.TensorBoardLog;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlotCommandTest {

  @TempDir private Path folder;

  private static void write(RunLog log, double rate) throws IOException {
    try (log) {
      for (int step = 0; step < 50; step++) {
        log.scalars(step, Map.of("train/loss", Math.exp(-rate * step), "train/accuracy", 0.5));
      }
    }
  }

  private String[] three() throws IOException {
    write(new TensorBoardLog(folder.resolve("runs/a")), 0.1);
    write(new CsvLog(folder.resolve("b.csv")), 0.05);
    write(new JsonLinesLog(folder.resolve("c.jsonl")), 0.02);
    return new String[] {"runs/a", "b.csv", "c.jsonl"};
  }

  private Cli plot(String... args) {
    String[] all = new String[args.length + 1];
    all[0] = "plot";
    for (int i = 0; i < args.length; i++) {
      boolean path = !args[i].startsWith("-") && !args[i].equals("0.9");
      all[i + 1] = path ? folder.resolve(args[i]).toString() : args[i];
    }
    return Cli.run(all);
  }

  private static Map<Integer, Integer> colors(BufferedImage picture) {
    Map<Integer, Integer> colors = new HashMap<>();
    for (int y = 0; y < picture.getHeight(); y++) {
      for (int x = 0; x < picture.getWidth(); x++) {
        colors.merge(picture.getRGB(x, y) & 0xffffff, 1, Integer::sum);
      }
    }
    return colors;
  }

  @Test
  void runs_of_all_kinds_of_logs_come_into_one_picture() throws IOException {
    String[] logs = three();
    Cli run = plot(logs[0], logs[1], logs[2], "-o", "all.png", "--width=640", "--height=400");
    assertEquals("", run.err());
    assertEquals(0, run.code());
    assertEquals(List.of("saved " + folder.resolve("all.png")), run.lines());
    BufferedImage picture = ImageIO.read(folder.resolve("all.png").toFile());
    assertEquals(640, picture.getWidth());
    assertEquals(400, picture.getHeight());
    Map<Integer, Integer> colors = colors(picture);
    for (int color : new int[] {0x4e79a7, 0xf28e2b, 0x59a14f}) {
      assertTrue(colors.getOrDefault(color, 0) > 100, Integer.toHexString(color));
    }
    assertFalse(colors.containsKey(0xe15759), "a fourth line");
  }

  @Test
  void an_svg_is_xml_with_a_path_for_each_line() throws Exception {
    three();
    Cli run = plot("b.csv", "-o", "b.svg", "--smooth", "0.9", "--log-y", "--metric=*");
    assertEquals("", run.err());
    var document =
        javax.xml.parsers.DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(folder.resolve("b.svg").toFile());
    assertEquals("svg", document.getDocumentElement().getTagName());
    String svg = Files.readString(folder.resolve("b.svg"));
    for (String color : new String[] {"#4e79a7", "#f28e2b"}) {
      assertTrue(svg.contains("stroke=\"" + color + "\" stroke-width"), color);
      assertTrue(svg.contains("stroke=\"" + color + "\" stroke-opacity=\"0.275\""), color);
    }
  }

  @Test
  void a_run_that_has_just_begun_has_a_point() throws IOException {
    try (CsvLog log = new CsvLog(folder.resolve("one.csv"))) {
      log.scalars(1, Map.of("loss", 0.5));
      log.scalars(2, Map.of("loss", Double.NaN));
    }
    assertEquals(0, plot("one.csv", "-o", "one.png").code());
    BufferedImage picture = ImageIO.read(folder.resolve("one.png").toFile());
    assertNotNull(picture);
    assertTrue(colors(picture).getOrDefault(0x4e79a7, 0) > 10);
  }

  @Test
  void names_that_are_not_there_are_refused_with_those_that_are() throws IOException {
    three();
    Cli run = plot("b.csv", "-o", "b.png", "--metric=eval/loss");
    assertEquals(2, run.code());
    assertTrue(
        run.err().contains("--metric: nothing was measured under this name: eval/loss; there are"),
        run.err());
    assertTrue(run.err().contains("train/accuracy"), run.err());
  }

  @Test
  void what_cannot_be_drawn_is_a_sentence() throws IOException {
    three();
    Files.writeString(folder.resolve("bad.csv"), "step,loss\n1,x\n");
    Files.writeString(folder.resolve("empty.csv"), "");
    Files.writeString(folder.resolve("nan.csv"), "step,loss\n1,NaN\n");
    assertSentence(2, "--output: must end with .png or .svg", plot("b.csv", "-o", "b.gif"));
    assertSentence(2, "--smooth: must be at least 0", plot("b.csv", "-o", "b.png", "--smooth=1"));
    assertSentence(2, "--width: must lie in", plot("b.csv", "-o", "b.png", "--width=1"));
    assertSentence(2, "the logs are empty", plot("empty.csv", "-o", "b.png"));
    assertSentence(1, "no such file", plot("none.csv", "-o", "b.png"));
    assertSentence(1, "line 2: not a number: x", plot("bad.csv", "-o", "b.png"));
    assertSentence(1, "there is no point to draw", plot("nan.csv", "-o", "b.png"));
    assertSentence(1, "no such directory", plot("b.csv", "-o", "none/b.png"));
    assertFalse(Files.exists(folder.resolve("b.png")));
  }

  private static void assertSentence(int code, String part, Cli run) {
    assertTrue(run.err().contains(part), run.err());
    assertEquals(1, run.err().lines().count());
    assertEquals(code, run.code());
  }

  @Test
  void a_run_draws_its_losses_and_without_any_everything() throws IOException {
    three();
    Path file = folder.resolve("end.png");
    Curves.losses(file, RunHistory.read(folder.resolve("b.csv")));
    Map<Integer, Integer> colors = colors(ImageIO.read(file.toFile()));
    assertTrue(colors.getOrDefault(0x4e79a7, 0) > 100);
    assertFalse(colors.containsKey(0xf28e2b), "the accuracy too");
    assertEquals(Set.of("train/loss"), Curves.losses(Set.of("train/loss", "lr")));
    assertEquals(Set.of("lr"), Curves.losses(Set.of("lr")));
  }

  /** In a process of its own, since the JVM asks for the display once. */
  @Test
  void no_display_is_asked_for() throws Exception {
    three();
    Path picture = folder.resolve("b.png");
    ProcessBuilder command =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx256m",
            "-cp",
            System.getProperty("java.class.path"),
            Main.class.getName(),
            "plot",
            folder.resolve("b.csv").toString(),
            "--output=" + picture);
    command.environment().put("DISPLAY", ":4242");
    Process process = command.redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes());
    assertEquals(0, process.waitFor(), output);
    assertNotNull(ImageIO.read(picture.toFile()));
  }

  @Test
  void runs_have_the_shortest_names_that_tell_them_apart() {
    assertEquals(List.of("a", "b"), RunNames.of(List.of(Path.of("runs/a"), Path.of("/x/runs/b"))));
    assertEquals(
        List.of("a/log.csv", "b/log.csv"),
        RunNames.of(List.of(Path.of("x/a/log.csv"), Path.of("x/b/log.csv"))));
    assertEquals(List.of("1: a", "2: a"), RunNames.of(List.of(Path.of("a"), Path.of("a"))));
  }
}
