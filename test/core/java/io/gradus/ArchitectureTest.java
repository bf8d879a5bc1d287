package io.gradus;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.gradus.tensor.Tensor;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * Imports point down only: train → model, nn, optim, data, metric, report → op → autograd → tensor
 * → backend.
 */
class ArchitectureTest {

  /** From the bottom up; packages of one floor may use each other, in one direction. */
  private static final List<List<String>> FLOORS =
      List.of(
          List.of("backend"),
          List.of("tensor"),
          List.of("autograd"),
          List.of("op"),
          List.of("nn", "optim", "data", "image", "model", "metric", "report"),
          List.of("train"));

  private static final JavaClasses MAIN = main();

  private static JavaClasses main() {
    // Our own classes are enough: reading those of the JDK takes seconds.
    ArchConfiguration.get().setResolveMissingDependenciesFromClassPath(false);
    try {
      return new ClassFileImporter()
          .importPath(
              Path.of(Tensor.class.getProtectionDomain().getCodeSource().getLocation().toURI()));
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void no_package_looks_up() {
    for (int floor = 0; floor < FLOORS.size() - 1; floor++) {
      String[] above =
          FLOORS.subList(floor + 1, FLOORS.size()).stream()
              .flatMap(List::stream)
              .map(name -> "io.gradus." + name + "..")
              .toArray(String[]::new);
      for (String name : FLOORS.get(floor)) {
        noClasses()
            .that()
            .resideInAPackage("io.gradus." + name + "..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(above)
            .check(MAIN);
      }
    }
  }

  @Test
  void packages_are_free_of_cycles() {
    slices().matching("io.gradus.(*)..").should().beFreeOfCycles().check(MAIN);
  }

  @Test
  void every_package_has_a_floor() {
    Set<String> packages =
        MAIN.stream()
            .filter(type -> !type.getPackageName().isEmpty())
            .map(type -> type.getPackageName().replaceFirst("^io\\.gradus\\.", ""))
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> floors = new TreeSet<>();
    FLOORS.forEach(floors::addAll);
    assertEquals(floors, packages);
  }

  @Test
  void only_the_backend_knows_javacpp() {
    classes()
        .that()
        .resideOutsideOfPackage("io.gradus.backend..")
        .should()
        .onlyDependOnClassesThat()
        .resideOutsideOfPackage("org.bytedeco..")
        .check(MAIN);
  }

  @Test
  void only_data_report_and_train_know_json() {
    classes()
        .that()
        .resideOutsideOfPackages("io.gradus.data..", "io.gradus.report..", "io.gradus.train..")
        .should()
        .onlyDependOnClassesThat()
        .resideOutsideOfPackage("com.fasterxml..")
        .check(MAIN);
  }
}
