package io.gradus.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * native/cuda/cublas_lt.h is written without NVIDIA's header; bytedeco's classes carry the numbers
 * that were read from it.
 */
class CublasConstantsTest {

  private static final Path HEADER = Path.of("../../native/cuda/cublas_lt.h");
  private static final Pattern CONSTANT = Pattern.compile("constexpr int (\\w+) = (\\d+);");

  @Test
  void our_header_has_the_numbers_of_nvidias() throws IOException {
    Map<String, Integer> theirs = new HashMap<>();
    theirs.putAll(constantsOf("/org/bytedeco/cuda/global/cudart.class"));
    theirs.putAll(constantsOf("/org/bytedeco/cuda/global/cublas.class"));
    Map<String, Integer> ours = new TreeMap<>();
    Matcher constants = CONSTANT.matcher(Files.readString(HEADER));
    while (constants.find()) {
      ours.put(constants.group(1), Integer.valueOf(constants.group(2)));
    }
    assertTrue(ours.size() > 20, "constants that were found: " + ours);
    ours.forEach((name, value) -> assertEquals(theirs.get(name), value, name));
  }

  /**
   * The int constants of a class, read from its file: to ask the class itself would load libraries
   * of NVIDIA's that need not be there.
   */
  private static Map<String, Integer> constantsOf(String resource) throws IOException {
    try (InputStream file = CublasConstantsTest.class.getResourceAsStream(resource);
        DataInputStream in = new DataInputStream(file)) {
      in.skipNBytes(8); // magic and version
      Object[] pool = readPool(in);
      in.skipNBytes(6); // access, this and super
      in.skipNBytes(2L * in.readUnsignedShort()); // interfaces
      Map<String, Integer> constants = new HashMap<>();
      for (int fields = in.readUnsignedShort(); fields > 0; fields--) {
        in.skipNBytes(2); // access
        Object name = pool[in.readUnsignedShort()];
        in.skipNBytes(2); // type
        for (int attributes = in.readUnsignedShort(); attributes > 0; attributes--) {
          Object kind = pool[in.readUnsignedShort()];
          int length = in.readInt();
          if (kind.equals("ConstantValue")
              && pool[in.readUnsignedShort()] instanceof Integer value) {
            constants.put((String) name, value);
          } else if (!kind.equals("ConstantValue")) {
            in.skipNBytes(length);
          }
        }
      }
      return constants;
    }
  }

  /** Texts and ints at their places in the constant pool. */
  private static Object[] readPool(DataInputStream in) throws IOException {
    Object[] pool = new Object[in.readUnsignedShort()];
    for (int i = 1; i < pool.length; i++) {
      int tag = in.readUnsignedByte();
      switch (tag) {
        case 1 -> pool[i] = in.readUTF();
        case 3 -> pool[i] = in.readInt();
        case 4, 9, 10, 11, 12, 17, 18 -> in.skipNBytes(4);
        case 5, 6 -> {
          in.skipNBytes(8);
          i++; // long and double take two places
        }
        case 7, 8, 16, 19, 20 -> in.skipNBytes(2);
        case 15 -> in.skipNBytes(3);
        default -> throw new IOException("class file: unknown tag " + tag);
      }
    }
    return pool;
  }
}
