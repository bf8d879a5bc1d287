package io.gradus.cli;

import io.gradus.tensor.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code gradus info}: what Gradus found on this machine. */
@Command(
    name = "info",
    description =
        "Shows version, JVM, system, the CPU level and OpenBLAS that were chosen, threads, memory,"
            + " devices, why one is absent, and where NVIDIA's libraries are looked for.")
final class InfoCommand implements Runnable {

  @Mixin private ThreadsOption threads;

  @Option(names = "--json", description = "Write one JSON object.")
  private boolean json;

  private final Output out = Output.standard();

  @Override
  public void run() {
    threads.apply();
    if (json) {
      out.line(jsonLine());
    } else {
      show();
    }
  }

  /** What needs no native code comes first, so that it is there where the backend does not open. */
  private void show() {
    row("version", Main.Version.number());
    row("java", java());
    row("system", system());
    Device cpu = Device.cpu();
    row("kernels", cpu.description());
    row("threads", Text.format("%d of %d cores", cpu.threads(), cores()));
    row(
        "memory",
        Text.format(
            "at most %s for tensors (-Dgradus.memory), %s in use, %s held",
            Text.bytes(limit(cpu)), Text.bytes(cpu.usedBytes()), Text.bytes(cpu.heldBytes())));
    OptionalDouble resident = ResidentMemory.mb();
    row(
        "",
        Text.format(
            "%s resident, Java heap at most %s",
            resident.isPresent() ? Text.format("%.1f MiB", resident.getAsDouble()) : "unknown",
            Text.bytes(Runtime.getRuntime().maxMemory())));
    row("devices", cpu.toString());
    List<Device> gpus = gpus();
    if (gpus.isEmpty()) {
      row("", "cuda: absent: " + Device.whyNoCuda());
    }
    for (Device gpu : gpus) {
      row("", Text.format("%s, %s", gpu.description(), Text.bytes(gpu.limitBytes())));
    }
    row("", "NVIDIA's libraries are looked for in: " + String.join(", ", Device.cudaFolders()));
  }

  /** Those that open: each is asked for, since only then it is known what is missing for it. */
  private static List<Device> gpus() {
    List<Device> gpus = new ArrayList<>();
    try {
      while (Device.whyNoCuda() == null) {
        gpus.add(Device.cuda(gpus.size()));
      }
    } catch (IllegalStateException e) {
      // That was one more than there are.
    }
    return gpus;
  }

  private void row(String name, String value) {
    out.line("%-10s%s", name, value);
  }

  private static String jsonLine() {
    Device cpu = Device.cpu();
    List<Device> gpus = gpus();
    List<String> devices = new ArrayList<>(List.of(cpu.toString()));
    gpus.forEach(gpu -> devices.add(gpu.toString()));
    String[] folders = Device.cudaFolders().toArray(String[]::new);
    return new Json()
        .put("version", Main.Version.number())
        .put("java", java())
        .put("system", system())
        .put("kernels", cpu.description())
        .put("threads", cpu.threads())
        .put("cores", cores())
        .put("memory_limit_bytes", limit(cpu))
        .put("memory_used_bytes", cpu.usedBytes())
        .put("memory_held_bytes", cpu.heldBytes())
        .put("rss_mb", ResidentMemory.mb().orElse(Double.NaN), 1)
        .put("java_heap_limit_bytes", Runtime.getRuntime().maxMemory())
        .put("devices", to -> to.writeArray(devices.toArray(String[]::new), 0, devices.size()))
        .put("gpus", to -> to.writeArray(described(gpus), 0, gpus.size()))
        .put("why_no_cuda", Device.whyNoCuda())
        .put("cuda_folders", to -> to.writeArray(folders, 0, folders.length))
        .toString();
  }

  private static String[] described(List<Device> devices) {
    return devices.stream().map(Device::description).toArray(String[]::new);
  }

  private static String java() {
    return System.getProperty("java.version")
        + ", "
        + System.getProperty("java.vm.name")
        + ", "
        + System.getProperty("java.vendor");
  }

  private static String system() {
    return System.getProperty("os.name")
        + " "
        + System.getProperty("os.version")
        + ", "
        + System.getProperty("os.arch");
  }

  private static int cores() {
    return Runtime.getRuntime().availableProcessors();
  }

  private static long limit(Device device) {
    return device.limitBytes();
  }
}
