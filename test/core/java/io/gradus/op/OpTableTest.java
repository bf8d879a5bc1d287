package io.gradus.op;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Devices;
import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Runs every row of {@link OpTable} through everything that a row can be asked. */
class OpTableTest {

  /** Operands larger than this are tried in F32 only, and not for each pair of derivatives. */
  private static final long LARGE = 10_000;

  /** Second derivatives grow with the square of this. */
  private static final long SMALL = 64;

  @TestFactory
  Stream<DynamicTest> values_agree_with_the_reference() {
    return trials(row -> true, trial -> Forward.check(trial, trial.values(trial.row().wide)));
  }

  @TestFactory
  Stream<DynamicTest> operands_may_begin_anywhere_in_their_memory() {
    return trials(row -> true, trial -> Forward.check(trial, 1, trial.values(trial.row().domain)));
  }

  @TestFactory
  Stream<DynamicTest> first_derivatives_agree_with_finite_differences() {
    return trials(
        row -> row.differentiable,
        trial -> {
          if (trial.type().isFloating()) {
            Derivatives.checkFirst(trial);
          }
        });
  }

  @TestFactory
  Stream<DynamicTest> second_derivatives_agree_with_finite_differences() {
    return trials(
        row -> row.differentiable && row.differentiableTwice,
        trial -> {
          if (trial.type() == DType.F32 && trial.size() <= SMALL) {
            Derivatives.checkSecond(trial);
          }
        });
  }

  @TestFactory
  Stream<DynamicTest> second_derivatives_that_no_kernel_has_are_refused() {
    return firstTrials(row -> !row.differentiableTwice, Refusals::secondDerivatives);
  }

  @TestFactory
  Stream<DynamicTest> graphs_replay_to_what_the_op_computes_bit_for_bit() {
    return trials(
        row -> !row.leavesDevice,
        trial -> {
          if (trial.type() == trial.row().types.get(0) && trial.size() <= LARGE) {
            Replays.check(trial);
          }
        });
  }

  @TestFactory
  Stream<DynamicTest> nan_infinities_zeros_and_subnormals_follow_the_formula() {
    return rows(row -> row.specialOperands > 0)
        .flatMap(
            row ->
                floating(row)
                    .flatMap(
                        type -> onEach(row + " " + type, on -> Forward.specials(row, type, on))));
  }

  @TestFactory
  Stream<DynamicTest> mistakes_are_refused_in_the_words_of_the_row() {
    return rows(row -> true)
        .flatMap(
            row ->
                row.rejections.stream()
                    .flatMap(
                        rejection ->
                            onEach(rejection.message(), on -> Refusals.check(row, rejection, on))));
  }

  @TestFactory
  Stream<DynamicTest> closed_tensors_are_refused() {
    return firstTrials(row -> !row.shapeOnly, Refusals::closedOperands);
  }

  @TestFactory
  Stream<DynamicTest> mixed_types_are_refused() {
    return firstTrials(
        row -> !row.mixesTypes && some(row).variables().length > 1, Refusals::mixedTypes);
  }

  @TestFactory
  Stream<DynamicTest> integers_are_refused_where_the_op_computes() {
    return firstTrials(
        row -> some(row).variables().length > 0 && row.refusesIntegers, Refusals::integers);
  }

  @TestFactory
  Stream<DynamicTest> mixed_devices_are_refused() {
    return firstTrials(row -> some(row).operands().size() > 1, Refusals::mixedDevices);
  }

  @Test
  void every_op_has_a_row_and_every_row_an_op() throws IOException, URISyntaxException {
    List<Method> ops = ops();
    Set<String> names = new HashSet<>();
    Set<String> overloaded =
        ops.stream()
            .map(Method::getName)
            .filter(name -> !names.add(name))
            .collect(Collectors.toSet());
    Set<String> expected = new TreeSet<>();
    for (Method op : ops) {
      expected.add(op.getName() + (overloaded.contains(op.getName()) ? parameters(op) : ""));
    }
    Set<String> rows = new TreeSet<>();
    OpTable.rows().forEach(row -> rows.add(row.name));
    assertEquals(expected, rows);
  }

  private static List<Method> ops() throws IOException, URISyntaxException {
    Path classes =
        Path.of(Pointwise.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    try (Stream<Path> files = Files.list(classes.resolve("io/gradus/op"))) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(file -> file.endsWith(".class"))
          .map(file -> load("io.gradus.op." + file.replace(".class", "")))
          .filter(type -> Modifier.isPublic(type.getModifiers()) && !type.isEnum())
          .flatMap(type -> Arrays.stream(type.getDeclaredMethods()))
          .filter(method -> Modifier.isPublic(method.getModifiers()))
          .filter(method -> Modifier.isStatic(method.getModifiers()))
          // Options begin with a static method of their own.
          .filter(method -> method.getReturnType() != method.getDeclaringClass())
          .toList();
    }
  }

  private static Class<?> load(String name) {
    try {
      return Class.forName(name);
    } catch (ClassNotFoundException e) {
      throw new AssertionError(e);
    }
  }

  /** As in source: {@code (Tensor, int...)}. */
  private static String parameters(Method op) {
    String text =
        Arrays.stream(op.getParameterTypes())
            .map(Class::getSimpleName)
            .collect(Collectors.joining(", ", "(", ")"));
    return op.isVarArgs() ? text.replace("[])", "...)") : text;
  }

  // Rows, types and shapes

  private static Stream<Row> rows(java.util.function.Predicate<Row> which) {
    return OpTable.rows().stream().filter(which);
  }

  private static Stream<DType> floating(Row row) {
    return row.types.stream().filter(DType::isFloating);
  }

  /** A test for each row, type and device, over all shapes. */
  private static Stream<DynamicTest> trials(
      java.util.function.Predicate<Row> which, Consumer<Trial> check) {
    return rows(which)
        .flatMap(
            row ->
                row.types.stream()
                    .flatMap(type -> onEach(row + " " + type, on -> each(row, type, on, check))));
  }

  /** A test for each device that is there. */
  private static Stream<DynamicTest> onEach(String name, Consumer<Device> check) {
    return Devices.all().stream()
        .map(device -> dynamicTest(name + " on " + device, () -> check.accept(device)));
  }

  private static void each(Row row, DType type, Device device, Consumer<Trial> check) {
    assertTrue(!row.shapes.isEmpty(), () -> row + " has no shapes");
    for (String operands : row.shapes) {
      Trial trial = row.trial(operands, type, device);
      if (type == DType.F32 || trial.size() <= LARGE) {
        check.accept(trial);
      }
    }
  }

  /** A test for each row, with one set of operands. */
  private static Stream<DynamicTest> firstTrials(
      java.util.function.Predicate<Row> which, Consumer<Trial> check) {
    return rows(which).map(row -> dynamicTest(row.name, () -> check.accept(some(row))));
  }

  /** The first operands that are not empty. */
  private static Trial some(Row row) {
    return row.shapes.stream()
        .map(operands -> row.trial(operands, row.types.get(0), Device.cpu()))
        .filter(trial -> trial.size() > 0)
        .findFirst()
        .orElseThrow();
  }
}
