package io.gradus.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokensTest {

  @TempDir private Path folder;

  private static int[] random(int count, int vocabulary) {
    return new SplittableRandom(1).ints(count, 0, vocabulary).toArray();
  }

  private Path write(int vocabulary, int[] ids) throws IOException {
    Path file = folder.resolve("tokens.bin");
    Tokens.write(file, vocabulary, to -> to.add(ids));
    return file;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 256, 65_536, 65_537, 1_000_000})
  void what_is_written_is_read_again(int vocabulary) throws IOException {
    int[] ids = random(100_003, vocabulary);
    Tokens tokens = Tokens.open(write(vocabulary, ids));
    assertEquals(ids.length, tokens.size());
    assertEquals(vocabulary, tokens.vocabulary());
    assertArrayEquals(ids, tokens.read(0, ids.length));
    Tokens slice = tokens.slice(7, 90_000);
    assertEquals(ids[7 + 40_000], slice.read(40_000, 1)[0]);
    assertEquals(89_993, slice.size());
  }

  @Test
  void two_bytes_serve_an_id_where_they_can() throws IOException {
    assertEquals(32 + 2 * 10, Files.size(write(65_536, random(10, 65_536))));
    assertEquals(32 + 4 * 10, Files.size(write(65_537, random(10, 65_537))));
  }

  @Test
  void a_file_without_ids_is_one_too() throws IOException {
    assertEquals(0, Tokens.open(write(5, new int[0])).size());
  }

  @Test
  void ids_in_memory_are_a_copy() {
    int[] ids = {1, 2, 3};
    Tokens tokens = Tokens.of(ids, 4);
    ids[0] = 3;
    assertArrayEquals(new int[] {1, 2}, tokens.read(0, 2));
  }

  @Test
  void ids_outside_the_vocabulary_are_refused_and_a_file_stays_as_it_was() throws IOException {
    var e = assertThrows(IndexOutOfBoundsException.class, () -> Tokens.of(new int[] {4}, 4));
    assertEquals("tokens: id 4 is outside the vocabulary of 4", e.getMessage());
    Path file = write(4, new int[] {1, 2});
    assertThrows(IndexOutOfBoundsException.class, () -> Tokens.write(file, 4, to -> to.add(1, -1)));
    assertEquals(2, Tokens.open(file).size());
    assertThrows(IllegalArgumentException.class, () -> Tokens.of(new int[0], 0));
  }

  @Test
  void ranges_outside_are_refused() {
    Tokens tokens = Tokens.of(new int[] {1, 2, 3}, 4);
    var e = assertThrows(IndexOutOfBoundsException.class, () -> tokens.read(2, 2));
    assertEquals("tokens: 2 ids from 2 on are more than there are: 3", e.getMessage());
    assertThrows(IndexOutOfBoundsException.class, () -> tokens.read(-1, 1));
    assertThrows(IndexOutOfBoundsException.class, () -> tokens.slice(2, 1));
    assertThrows(IndexOutOfBoundsException.class, () -> tokens.slice(1, 3).read(1, 2));
  }

  // Broken files

  private void refuses(String message, Path file) {
    var e = assertThrows(IOException.class, () -> Tokens.open(file));
    assertTrue(e.getMessage().startsWith("tokens: " + message), e.getMessage());
    assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
  }

  @Test
  void broken_files_are_refused() throws IOException {
    refuses("no such file", folder.resolve("none"));
    refuses("not a regular file", folder);
    Path file = folder.resolve("other");
    Files.write(file, new byte[0]);
    refuses("not a file of token ids", file);
    Files.write(file, new byte[100]);
    refuses("not a file of token ids", file);

    byte[] good = Files.readAllBytes(write(300, random(10, 300)));
    Files.write(file, java.util.Arrays.copyOf(good, good.length - 1));
    refuses("", file);
    Files.write(file, java.util.Arrays.copyOf(good, good.length + 2));
    refuses("", file);
    for (int at : new int[] {8, 12, 16, 24}) {
      byte[] broken = good.clone();
      ByteBuffer.wrap(broken).order(ByteOrder.LITTLE_ENDIAN).putInt(at, -1);
      Files.write(file, broken);
      refuses("", file);
    }
  }

  @Test
  void an_id_in_a_file_that_lies_outside_its_vocabulary_is_found_when_read() throws IOException {
    Path file = write(300, random(10, 300));
    byte[] bytes = Files.readAllBytes(file);
    bytes[32 + 6] = -1;
    bytes[32 + 7] = -1;
    Files.write(file, bytes);
    Tokens tokens = Tokens.open(file);
    tokens.read(0, 3);
    assertThrows(IndexOutOfBoundsException.class, () -> tokens.read(0, 4));
  }

  @Test
  void writing_that_fails_leaves_nothing() {
    Path file = folder.resolve("never.bin");
    assertThrows(
        IOException.class,
        () ->
            Tokens.write(
                file,
                9,
                to -> {
                  to.add(1, 2, 3);
                  throw new IOException("the source broke");
                }));
    assertFalse(Files.exists(file));
  }
}
