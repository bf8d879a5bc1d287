package io.gradus.parquet;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.ColumnReader;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.DecimalLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.IntLogicalTypeAnnotation;
import org.apache.parquet.schema.PrimitiveStringifier;
import org.apache.parquet.schema.PrimitiveType;

/** The values of a column as they are read, in an array that grows. */
abstract class Values {

  private static final int FIRST = 1 << 10;

  private final ColumnDescriptor column;
  private int size;

  Values(ColumnDescriptor column) {
    this.column = column;
  }

  ColumnDescriptor column() {
    return column;
  }

  /** Reads the rows of a group. */
  void add(ColumnReader reader, long rows) {
    int whole = column.getMaxDefinitionLevel();
    for (long row = 0; row < rows; row++) {
      if (size == capacity()) {
        grow(Math.addExact(size, Math.max(FIRST, size / 2)));
      }
      put(size++, reader.getCurrentDefinitionLevel() == whole ? reader : null);
      reader.consume();
    }
  }

  /** {@code double[]} or {@code String[]}. */
  Object array() {
    grow(size);
    return values();
  }

  abstract int capacity();

  abstract void grow(int capacity);

  /** Puts the value at hand into its place; null for none. */
  abstract void put(int place, ColumnReader value);

  abstract Object values();

  private static final class Numbers extends Values {
    private final ToDoubleFunction<ColumnReader> read;
    private double[] values = new double[0];

    Numbers(ColumnDescriptor column, ToDoubleFunction<ColumnReader> read) {
      super(column);
      this.read = read;
    }

    @Override
    int capacity() {
      return values.length;
    }

    @Override
    void grow(int capacity) {
      values = Arrays.copyOf(values, capacity);
    }

    @Override
    void put(int place, ColumnReader value) {
      values[place] = value == null ? Double.NaN : read.applyAsDouble(value);
    }

    @Override
    Object values() {
      return values;
    }
  }

  private static final class Texts extends Values {
    private final Function<ColumnReader, String> read;
    private String[] values = new String[0];

    Texts(ColumnDescriptor column, Function<ColumnReader, String> read) {
      super(column);
      this.read = read;
    }

    @Override
    int capacity() {
      return values.length;
    }

    @Override
    void grow(int capacity) {
      values = Arrays.copyOf(values, capacity);
    }

    @Override
    void put(int place, ColumnReader value) {
      values[place] = value == null ? null : read.apply(value);
    }

    @Override
    Object values() {
      return values;
    }
  }

  /** For the type of a column. */
  static Values of(Path file, ColumnDescriptor column) throws IOException {
    PrimitiveType type = column.getPrimitiveType();
    LogicalTypeAnnotation meaning = type.getLogicalTypeAnnotation();
    if (meaning instanceof DecimalLogicalTypeAnnotation decimal) {
      return decimals(column, type, decimal.getScale());
    }
    boolean number = meaning == null || meaning instanceof IntLogicalTypeAnnotation;
    PrimitiveStringifier text = type.stringifier();
    return switch (type.getPrimitiveTypeName()) {
      case INT32 ->
          number
              ? new Numbers(
                  column,
                  isUnsigned(meaning)
                      ? x -> Integer.toUnsignedLong(x.getInteger())
                      : ColumnReader::getInteger)
              : new Texts(column, x -> text.stringify(x.getInteger()));
      case INT64 ->
          number
              ? new Numbers(
                  column, isUnsigned(meaning) ? x -> unsigned(x.getLong()) : ColumnReader::getLong)
              : new Texts(column, x -> text.stringify(x.getLong()));
      case FLOAT -> new Numbers(column, ColumnReader::getFloat);
      case DOUBLE -> new Numbers(column, ColumnReader::getDouble);
      case BOOLEAN -> new Texts(column, x -> Boolean.toString(x.getBoolean()));
      case BINARY ->
          // Old writers do not say that bytes are texts.
          new Texts(
              column,
              meaning == null
                  ? x -> x.getBinary().toStringUsingUTF8()
                  : x -> text.stringify(x.getBinary()));
      case FIXED_LEN_BYTE_ARRAY, INT96 -> {
        if (meaning == null) {
          throw new IOException(
              "parquet: unknown column type: "
                  + file
                  + " has "
                  + type
                  + "; read only the other columns");
        }
        yield new Texts(column, x -> text.stringify(x.getBinary()));
      }
    };
  }

  private static boolean isUnsigned(LogicalTypeAnnotation meaning) {
    return meaning instanceof IntLogicalTypeAnnotation integer && !integer.isSigned();
  }

  private static double unsigned(long x) {
    return x >= 0 ? x : (x >>> 1 | x & 1) * 2.0;
  }

  private static Values decimals(ColumnDescriptor column, PrimitiveType type, int scale) {
    return new Numbers(
        column,
        x ->
            switch (type.getPrimitiveTypeName()) {
              case INT32 -> BigDecimal.valueOf(x.getInteger(), scale).doubleValue();
              case INT64 -> BigDecimal.valueOf(x.getLong(), scale).doubleValue();
              default ->
                  new BigDecimal(new BigInteger(x.getBinary().getBytes()), scale).doubleValue();
            });
  }
}
