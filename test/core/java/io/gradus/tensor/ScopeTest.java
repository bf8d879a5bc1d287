package io.gradus.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;

@SuppressWarnings("try") // some scopes only have to close
class ScopeTest {

  private static long used() {
    return Device.cpu().usedBytes();
  }

  @Test
  void closing_a_scope_frees_its_tensors() {
    long before = Garbage.settle();
    Tensor x;
    Tensor view;
    try (Scope scope = Scope.open()) {
      x = Tensor.zeros(1000);
      view = x.view(Shape.of(10), 0);
      assertTrue(used() > before);
    }
    assertEquals(before, used());
    assertTrue(x.isClosed());
    assertTrue(view.isClosed());
    var e = assertThrows(IllegalStateException.class, x::toFloats);
    assertEquals(
        "tensor: it was freed when its tape or scope closed; hand it out with keep(tensor)",
        e.getMessage());
  }

  @Test
  void closing_a_scope_frees_its_tensors_newest_first() {
    List<Long> made = new ArrayList<>();
    try (Scope scope = Scope.open()) {
      for (int i = 0; i < 5; i++) {
        made.add(Tensor.zeros(1000).address());
      }
    }
    // The allocator hands out first what came back last: the same addresses in the same order.
    List<Long> again = new ArrayList<>();
    try (Scope scope = Scope.open()) {
      for (int i = 0; i < 5; i++) {
        again.add(Tensor.zeros(1000).address());
      }
    }
    assertEquals(made, again);
    assertEquals(5, made.stream().distinct().count());
  }

  @Test
  void what_was_closed_before_is_not_freed_twice() {
    long before = Garbage.settle();
    try (Scope scope = Scope.open()) {
      Tensor first = Tensor.zeros(1000);
      Tensor second = Tensor.zeros(1000);
      Tensor third = Tensor.zeros(1000);
      second.close();
      third.close();
      Tensor fourth = Tensor.zeros(1000);
      first.close();
      assertFalse(fourth.isClosed());
    }
    assertEquals(before, used());
    Tensor late;
    try (Scope scope = Scope.open()) {
      late = Tensor.zeros(1000);
    }
    late.close();
    assertEquals(before, used());
  }

  @Test
  void the_innermost_scope_owns_what_is_made() {
    try (Scope outer = Scope.open()) {
      Tensor a = Tensor.zeros(2);
      Tensor b;
      try (Scope inner = Scope.open()) {
        b = Tensor.zeros(2);
      }
      Tensor c = Tensor.zeros(2);
      assertFalse(a.isClosed());
      assertTrue(b.isClosed());
      outer.close();
      assertTrue(a.isClosed());
      assertTrue(c.isClosed());
    }
  }

  @Test
  void keep_hands_a_tensor_and_its_views_to_the_scope_around() {
    long before = Garbage.settle();
    Tensor view;
    try (Scope outer = Scope.open()) {
      try (Scope inner = Scope.open()) {
        Tensor x = Tensor.of(new float[] {1, 2, 3});
        view = x.view(Shape.of(2), 1);
        assertEquals(view, inner.keep(view));
      }
      assertArrayEquals(new float[] {2, 3}, view.toFloats());
    }
    assertTrue(view.isClosed());
    assertEquals(before, used());
  }

  @Test
  void keep_of_the_outermost_scope_hands_out_for_good() {
    long before = Garbage.settle();
    Tensor kept;
    try (Scope scope = Scope.open()) {
      kept = scope.keep(Tensor.ones(3));
      assertEquals(kept, scope.keep(kept));
    }
    assertArrayEquals(new float[] {1, 1, 1}, kept.toFloats());
    kept.close();
    assertEquals(before, used());
  }

  @Test
  void a_tensor_of_another_scope_stays_where_it_is() {
    try (Scope outer = Scope.open()) {
      Tensor x = Tensor.ones(3);
      try (Scope inner = Scope.open()) {
        inner.keep(x);
      }
      assertFalse(x.isClosed());
      outer.close();
      assertTrue(x.isClosed());
    }
  }

  @Test
  void a_freed_tensor_cannot_be_kept() {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.ones(3);
      x.close();
      assertThrows(IllegalStateException.class, () -> scope.keep(x));
    }
  }

  @Test
  void scopes_may_close_in_any_order() {
    long before = Garbage.settle();
    Scope outer = Scope.open();
    Tensor a = Tensor.zeros(2);
    Scope inner = Scope.open();
    Tensor b = Tensor.zeros(2);
    outer.close();
    outer.close();
    assertTrue(a.isClosed());
    assertFalse(b.isClosed());
    Tensor c = Tensor.zeros(2);
    assertEquals(b, inner.keep(b));
    inner.close();
    assertTrue(c.isClosed());
    assertFalse(b.isClosed());
    b.close();
    assertEquals(before, used());
  }

  @Test
  void other_threads_have_scopes_of_their_own() throws Exception {
    try (Scope scope = Scope.open()) {
      Tensor theirs = CompletableFuture.supplyAsync(() -> Tensor.ones(2)).get();
      scope.close();
      assertArrayEquals(new float[] {1, 1}, theirs.toFloats());
      theirs.close();
    }
  }

  @Test
  void many_threads_make_and_free_at_once() {
    long before = Garbage.settle();
    List<CompletableFuture<Void>> threads =
        Collections.nCopies(8, 0).stream()
            .map(
                i ->
                    CompletableFuture.runAsync(
                        () -> {
                          for (int step = 0; step < 500; step++) {
                            try (Scope scope = Scope.open()) {
                              Tensor x = Tensor.full(step, Shape.of(257), DType.F32, Device.cpu());
                              try (Tensor y = x.copy()) {
                                assertEquals(step, y.toFloats()[256]);
                              }
                              scope.keep(x);
                              x.close();
                            }
                          }
                        }))
            .toList();
    threads.forEach(CompletableFuture::join);
    assertEquals(before, used());
  }

  @Test
  void outside_all_scopes_nothing_is_owned() {
    Tensor kept;
    try (Scope scope = Scope.open()) {
      kept = Scope.outside(() -> Tensor.ones(2));
      Tensor owned =
          Scope.outside(
              () -> {
                try (Scope inner = Scope.open()) {
                  return Tensor.ones(2);
                }
              });
      assertTrue(owned.isClosed());
    }
    assertArrayEquals(new float[] {1, 1}, kept.toFloats());
    kept.close();
  }

  @Test
  void a_failure_outside_leaves_the_scopes_as_they_were() {
    Tensor x;
    try (Scope scope = Scope.open()) {
      assertThrows(
          ArithmeticException.class,
          () ->
              Scope.outside(
                  () -> {
                    throw new ArithmeticException();
                  }));
      x = Tensor.ones(2);
    }
    assertTrue(x.isClosed());
  }

  @Test
  void a_forgotten_scope_is_freed_with_its_tensors() throws Exception {
    long before = Garbage.settle();
    onAnotherThread(
        () -> {
          Scope.open();
          Tensor.zeros(1 << 20);
          return Tensor.zeros(1 << 20);
        });
    Garbage.collectUntil(() -> used() == before);
  }

  @Test
  void a_forgotten_scope_lives_as_long_as_one_of_its_tensors() throws Exception {
    long before = Garbage.settle();
    Tensor x =
        onAnotherThread(
            () -> {
              Scope.open();
              Tensor.zeros(1 << 20);
              return Tensor.ones(2);
            });
    Garbage.settle();
    assertTrue(used() >= before + (4 << 20));
    assertArrayEquals(new float[] {1, 1}, x.toFloats());
  }

  @Test
  void a_forgotten_scope_lives_as_long_as_it_is_in_use() throws Exception {
    long before = Garbage.settle();
    Scope scope =
        onAnotherThread(
            () -> {
              Scope open = Scope.open();
              Tensor.zeros(1 << 20);
              return open;
            });
    Garbage.settle();
    assertTrue(used() >= before + (4 << 20));
    scope.close();
    assertEquals(before, used());
  }

  /** Forgotten scopes stay innermost on their thread until they are collected. */
  private static <T> T onAnotherThread(Callable<T> code) throws Exception {
    FutureTask<T> task = new FutureTask<>(code);
    Thread thread = new Thread(task);
    thread.start();
    thread.join();
    return task.get();
  }
}
