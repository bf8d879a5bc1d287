package io.gradus.benchmarks;

import io.gradus.autograd.Tape;
import io.gradus.data.Batch;
import io.gradus.data.Batches;
import io.gradus.data.ImageDataset;
import io.gradus.data.ImageFolder;
import io.gradus.image.ImageTransform;
import io.gradus.model.Cnn;
import io.gradus.model.CnnConfig;
import io.gradus.model.Mlp;
import io.gradus.model.MlpConfig;
import io.gradus.nn.Activation;
import io.gradus.nn.Flatten;
import io.gradus.nn.Module;
import io.gradus.nn.Sequential;
import io.gradus.op.Losses;
import io.gradus.optim.AdamW;
import io.gradus.optim.Optimizer;
import io.gradus.tensor.Device;
import io.gradus.tensor.Seed;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/**
 * How long a training step waits for its batch: 2,000 PNG files of 32x32 pixels in folders,
 * cropped, flipped and normalized, beside steps of a small ResNet, and of an MLP whose steps take
 * but some milliseconds. Arguments: how many epochs are measured, by default 10.
 */
public final class DataWait {

  private static final int IMAGES = 2_000;
  private static final int CLASSES = 10;
  private static final int BATCH = 32;
  private static final int SIDE = 32;
  private static final int WARM_UP = 3; // epochs

  /** Of an epoch, in ns. */
  private record Times(long steps, long all, long first, long waited) {

    double stepMillis() {
      return all / 1e6 / steps;
    }

    double waitMillis() {
      return waited / 1e6 / steps;
    }

    double share() {
      return 100.0 * waited / all;
    }

    /** Without the first batch, which no thread can read before the epoch begins. */
    double shareAfterFirst() {
      return 100.0 * (waited - first) / (all - first);
    }
  }

  private DataWait() {}

  public static void main(String[] args) throws IOException {
    int epochs = args.length > 0 ? Integer.parseInt(args[0]) : 10;
    Path folder = Files.createTempDirectory("gradus-data-wait");
    try {
      write(folder);
      ImageDataset data =
          ImageFolder.open(folder)
              .transform(ImageTransform.randomCrop(SIDE, SIDE, 4))
              .transform(ImageTransform.randomHorizontalFlip(0.5))
              .transform(
                  ImageTransform.normalize(
                      new float[] {0.5f, 0.5f, 0.5f}, new float[] {0.25f, 0.25f, 0.25f}));
      System.out.println(
          "| network | threads | ms a step | of it waiting | share | after the first batch |");
      System.out.println("|---|---|---|---|---|---|");
      for (Network network : Network.values()) {
        for (int threads : new int[] {0, 1, 2}) {
          print(network, threads, measure(network, data, threads, epochs));
        }
      }
    } finally {
      delete(folder);
    }
  }

  private static List<Times> measure(Network network, ImageDataset data, int threads, int epochs) {
    List<Times> times = new ArrayList<>();
    Batches batches = Batches.of(data, BATCH).shuffle(Seed.of(1));
    Run run = new Run(network, threads == 0 ? batches : batches.prefetch(threads, 8));
    for (int epoch = 0; epoch < WARM_UP + epochs; epoch++) {
      Times time = run.epoch(epoch);
      if (epoch >= WARM_UP) {
        times.add(time);
      }
    }
    return times;
  }

  private static void print(Network network, int threads, List<Times> times) {
    System.out.printf(
        Locale.ROOT,
        "| %s | %d | %s | %s | %s %% | %s %% |%n",
        network.name().toLowerCase(Locale.ROOT),
        threads,
        Rounds.of(times, Times::stepMillis),
        Rounds.of(times, Times::waitMillis),
        Rounds.of(times, Times::share),
        Rounds.of(times, Times::shareAfterFirst));
  }

  /** What is trained. */
  private enum Network {
    RESNET {
      @Override
      Module make() {
        return Cnn.of(CnnConfig.resNet(3, SIDE, CLASSES, 1), Device.cpu(), Seed.of(1));
      }
    },
    MLP {
      @Override
      Module make() {
        List<Integer> sizes = List.of(3 * SIDE * SIDE, 1024, 512, CLASSES);
        Mlp mlp = new Mlp(new MlpConfig(sizes, Activation.RELU, 0), Device.cpu(), Seed.of(1));
        return new Sequential(new Flatten(), mlp);
      }
    };

    abstract Module make();
  }

  /** A training. */
  private static final class Run {
    private final Batches batches;
    private final Module model;
    private final Optimizer optimizer;

    Run(Network network, Batches batches) {
      this.batches = batches;
      this.model = network.make();
      this.optimizer = AdamW.builder().build(model.parameters());
    }

    Times epoch(int number) {
      long waited = 0;
      long first = 0;
      long start = System.nanoTime();
      try (var epoch = batches.epoch(number, 0)) {
        for (long step = 0; step < batches.count(); step++) {
          long before = System.nanoTime();
          Batch batch = epoch.next();
          long wait = System.nanoTime() - before;
          first = step == 0 ? wait : first;
          waited += wait;
          step(batch);
        }
      }
      return new Times(batches.count(), System.nanoTime() - start, first, waited);
    }

    private void step(Batch batch) {
      try (Tape tape = Tape.record()) {
        var loss = Losses.crossEntropy(model.forward(batch.inputs()), batch.targets());
        optimizer.step(tape.gradients(loss));
      }
    }
  }

  /** Pictures that do not pack better than photographs do: noise on a slope. */
  private static void write(Path folder) throws IOException {
    BufferedImage picture = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_3BYTE_BGR);
    for (int i = 0; i < IMAGES; i++) {
      Seed seed = Seed.of(i);
      for (int p = 0; p < SIDE * SIDE; p++) {
        int shade = 4 * (p / SIDE) + 2 * (p % SIDE);
        long noise = seed.split(p).value();
        picture.setRGB(
            p % SIDE,
            p / SIDE,
            shade + (int) (noise & 31) << 16
                | shade + (int) (noise >> 8 & 31) << 8
                | shade + (int) (noise >> 16 & 31));
      }
      Path place = Files.createDirectories(folder.resolve("class" + i % CLASSES));
      ImageIO.write(picture, "png", place.resolve(i + ".png").toFile());
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
