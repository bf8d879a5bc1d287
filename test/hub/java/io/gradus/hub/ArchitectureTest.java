package io.gradus.hub;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.net.URISyntaxException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The hub stands on the library's public packages, and on nothing native. */
class ArchitectureTest {

  @Test
  void the_hub_sees_what_the_library_exports() throws URISyntaxException {
    ArchConfiguration.get().setResolveMissingDependenciesFromClassPath(false);
    JavaClasses hub =
        new ClassFileImporter()
            .importPath(
                Path.of(
                    Tokenizer.class.getProtectionDomain().getCodeSource().getLocation().toURI()));
    classes()
        .that()
        .resideInAPackage("io.gradus.hub..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "java..",
            "com.fasterxml.jackson.core..",
            "io.gradus.hub..",
            "io.gradus.autograd..",
            "io.gradus.data..",
            "io.gradus.model..",
            "io.gradus.nn..",
            "io.gradus.op..",
            "io.gradus.optim..",
            "io.gradus.tensor..",
            "io.gradus.train..")
        .check(hub);
  }
}
