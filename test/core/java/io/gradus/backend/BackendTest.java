package io.gradus.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Loader;
import org.junit.jupiter.api.Test;

class BackendTest {

  @Test
  void the_best_plugin_opens_and_computes() throws IOException {
    String name = bestName();
    Backend backend = Backend.open(plugin(name).getPath());
    try (FloatPointer x = new FloatPointer(1, 2, 3);
        FloatPointer y = new FloatPointer(10, 20, 30)) {
      backend.axpy(2, x.address(), y.address(), 3);
      float[] values = new float[3];
      y.get(values);
      assertArrayEquals(new float[] {12, 24, 36}, values);
    }
    assertEquals(name, backend.name());
  }

  @Test
  void a_missing_plugin_is_an_exception() {
    var e = assertThrows(RuntimeException.class, () -> Backend.open("/no/such/plugin.so"));
    assertTrue(e.getMessage().startsWith("backend: cannot be opened: /no/such/plugin.so"));
  }

  private static String bestName() throws IOException {
    for (int level = Backend.cpuLevel(); level >= 2; level--) {
      if (plugin("cpu_v" + level) != null) {
        return "cpu_v" + level;
      }
    }
    return "cpu_base";
  }

  private static File plugin(String name) throws IOException {
    String resource = Loader.getPlatform() + "/libgradus_" + name + ".so";
    return Loader.cacheResource(Backend.class, resource);
  }
}
