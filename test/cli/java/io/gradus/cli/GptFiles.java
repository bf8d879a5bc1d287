package io.gradus.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** A text that is learned in a moment, and the options of a model that does. */
final class GptFiles {

  private static final String[] WHO = {"the whale", "a sailor", "the ship", "Ahab", "the sea"};
  private static final String[] DOES = {"sees", "hunts", "follows", "loves", "drowns"};

  private GptFiles() {}

  static String text(int sentences) {
    Random random = new Random(1);
    var text = new StringBuilder();
    for (int i = 0; i < sentences; i++) {
      text.append(WHO[random.nextInt(5)]).append(' ').append(DOES[random.nextInt(5)]);
      text.append(' ').append(WHO[random.nextInt(5)]).append(i % 7 == 6 ? ".\n" : ". ");
    }
    return text.toString();
  }

  static Path write(Path folder) throws IOException {
    return Files.writeString(folder.resolve("text.txt"), text(400));
  }

  /** {@code train gpt} with a very small model, and whatever else is given. */
  static Cli train(Path text, Path output, String... more) {
    return Cli.run(arguments(text, output, more));
  }

  static String[] arguments(Path text, Path output, String... more) {
    List<String> args =
        new ArrayList<>(
            List.of(
                "train gpt --vocabulary 280 --layers 2 --width 32 --heads 2 --context 16"
                    .split(" ")));
    args.addAll(List.of("--batch-size", "4", "--text", text.toString()));
    args.addAll(List.of("--output", output.toString()));
    args.addAll(List.of(more));
    return args.toArray(new String[0]);
  }
}
