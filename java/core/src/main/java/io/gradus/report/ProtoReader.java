package io.gradus.report;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Reads a message in the wire format of Protocol Buffers, field by field; its bytes may lie. */
final class ProtoReader {

  private final ByteBuffer in;
  private int field;
  private int wire;

  ProtoReader(byte[] bytes) {
    this(ByteBuffer.wrap(bytes));
  }

  private ProtoReader(ByteBuffer bytes) {
    this.in = bytes.order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Goes to the next field; false at the end. Each must then be read, or skipped. */
  boolean next() throws IOException {
    if (!in.hasRemaining()) {
      return false;
    }
    long tag = varint();
    field = (int) (tag >>> 3);
    wire = (int) (tag & 7);
    return true;
  }

  /** The number of the field. */
  int field() {
    return field;
  }

  long int64() throws IOException {
    expect(ProtoWriter.VARINT);
    return varint();
  }

  double float64() throws IOException {
    expect(ProtoWriter.FIXED64);
    need(Double.BYTES);
    return in.getDouble();
  }

  float float32() throws IOException {
    expect(ProtoWriter.FIXED32);
    need(Float.BYTES);
    return in.getFloat();
  }

  ProtoReader message() throws IOException {
    return new ProtoReader(bytes());
  }

  String text() throws IOException {
    return StandardCharsets.UTF_8.decode(bytes()).toString();
  }

  /** The bytes of a field that has a length, in the byte order of the format. */
  ByteBuffer bytes() throws IOException {
    expect(ProtoWriter.BYTES);
    return bytes(varint());
  }

  /** The bytes of numbers of one size: a packed field, or one number by itself. */
  ByteBuffer numbers() throws IOException {
    return switch (wire) {
      case ProtoWriter.FIXED32 -> bytes(Float.BYTES);
      case ProtoWriter.FIXED64 -> bytes(Double.BYTES);
      default -> bytes();
    };
  }

  private ByteBuffer bytes(long length) throws IOException {
    need(length);
    ByteBuffer part = in.slice().order(ByteOrder.LITTLE_ENDIAN).limit((int) length);
    in.position(in.position() + (int) length);
    return part;
  }

  /** Numbers of a repeated field added to those read before, whether it is packed or not. */
  double[] float64s(double[] before) throws IOException {
    ByteBuffer more = numbers();
    double[] all = Arrays.copyOf(before, before.length + more.remaining() / Double.BYTES);
    more.asDoubleBuffer().get(all, before.length, all.length - before.length);
    return all;
  }

  void skip() throws IOException {
    switch (wire) {
      case ProtoWriter.VARINT -> varint();
      case ProtoWriter.FIXED64 -> float64();
      case ProtoWriter.BYTES -> bytes();
      case ProtoWriter.FIXED32 -> float32();
      default -> throw new IOException("field " + field + " is of the unknown kind " + wire);
    }
  }

  private long varint() throws IOException {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      need(1);
      byte next = in.get();
      value |= (long) (next & 0x7f) << shift;
      if (next >= 0) {
        return value;
      }
    }
    throw new IOException("a number of field " + field + " does not end");
  }

  private void expect(int kind) throws IOException {
    if (wire != kind) {
      throw new IOException("field " + field + " is of kind " + wire + " and not " + kind);
    }
  }

  private void need(long bytes) throws IOException {
    if (bytes < 0 || bytes > in.remaining()) {
      throw new IOException(
          "field " + field + " claims " + bytes + " bytes, and " + in.remaining() + " are left");
    }
  }
}
