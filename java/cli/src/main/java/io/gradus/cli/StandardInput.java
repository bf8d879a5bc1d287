package io.gradus.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Text that is piped in. */
final class StandardInput {

  private StandardInput() {}

  /** All of it; errors begin with the name of the option that asked. */
  static String text(String option) throws IOException {
    byte[] bytes = System.in.readAllBytes();
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new IOException(option + ": standard input is not UTF-8", e);
    }
  }
}
