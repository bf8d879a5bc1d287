package io.gradus.parquet;

import io.gradus.data.InputFile;
import io.gradus.data.Table;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.impl.ColumnReadStoreImpl;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.DummyRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.api.GroupConverter;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;

/**
 * Reads tables from Parquet files.
 *
 * <pre>{@code
 * Table table = Parquet.read(Path.of("houses.parquet"));
 * TensorDataset data = TableEncoder.builder("price").build(table).encode(table);
 * }</pre>
 *
 * <p>Integers, floating numbers and decimals become numbers (as {@code double}: integers above
 * 2<sup>53</sup> are rounded), texts become texts, and booleans, dates and times the texts that
 * Parquet writes for them. Nested and repeated columns cannot be read.
 */
public final class Parquet {

  private Parquet() {}

  /**
   * Reads some columns, or without names all.
   *
   * @throws IOException that names the file where it is broken, has no such column, or a column
   *     that is asked for is nested or of a type that cannot be read
   */
  public static Table read(Path file, String... columns) throws IOException {
    InputFile.check("parquet", file);
    var options =
        ParquetReadOptions.builder(new PlainParquetConfiguration())
            .withCodecFactory(new Codecs())
            .usePageChecksumVerification()
            .build();
    try (ParquetFileReader reader = ParquetFileReader.open(new LocalInputFile(file), options)) {
      checkChunks(file, reader);
      return read(file, reader, columns);
    } catch (IOException e) {
      throw e.getMessage() != null && e.getMessage().startsWith("parquet: ") ? e : broken(file, e);
    } catch (RuntimeException | LinkageError e) {
      // What the library throws at bytes that it does not expect is anything, and a codec that is
      // not on the class path is a class that is not found.
      throw broken(file, e);
    } catch (OutOfMemoryError e) {
      // Compressed pages and counts of rows can claim any size, and the library believes them.
      throw new IOException("parquet: cannot read " + file + ": there is too little memory", e);
    }
  }

  private static IOException broken(Path file, Throwable cause) {
    return new IOException(
        "parquet: cannot read " + file + ": it is broken (" + cause + "); get the file again",
        cause);
  }

  /** Before the library gets memory for chunks that the file does not have. */
  private static void checkChunks(Path file, ParquetFileReader reader) throws IOException {
    long bytes = Files.size(file);
    for (BlockMetaData block : reader.getRowGroups()) {
      for (ColumnChunkMetaData chunk : block.getColumns()) {
        if (!Codecs.KNOWN.contains(chunk.getCodec())) {
          throw new IOException(
              "parquet: unknown compression: "
                  + file
                  + " has "
                  + chunk.getCodec()
                  + "; write it with one of "
                  + Codecs.KNOWN);
        }
        long from = chunk.getStartingPos();
        if (from < 0 || chunk.getTotalSize() < 0 || chunk.getTotalSize() > bytes - from) {
          throw new IOException(
              "parquet: cannot read "
                  + file
                  + ": it says that "
                  + chunk.getPath()
                  + " has "
                  + chunk.getTotalSize()
                  + " bytes at "
                  + from
                  + ", and has "
                  + bytes
                  + "; get the file again");
        }
      }
    }
  }

  private static Table read(Path file, ParquetFileReader reader, String... names)
      throws IOException {
    MessageType all = reader.getFooter().getFileMetaData().getSchema();
    MessageType schema = names.length == 0 ? all : selected(file, all, names);
    List<Values> columns = new ArrayList<>();
    for (ColumnDescriptor column : schema.getColumns()) {
      if (column.getPath().length > 1 || column.getMaxRepetitionLevel() > 0) {
        throw new IOException(
            "parquet: nested column: "
                + file
                + " has "
                + String.join(".", column.getPath())
                + "; read only the columns that are not nested");
      }
      columns.add(Values.of(file, column));
    }
    reader.setRequestedSchema(schema);
    GroupConverter none = new DummyRecordConverter(schema).getRootConverter();
    String createdBy = reader.getFooter().getFileMetaData().getCreatedBy();
    for (PageReadStore group = reader.readNextRowGroup();
        group != null;
        group = reader.readNextRowGroup()) {
      var store = new ColumnReadStoreImpl(group, none, schema, createdBy);
      for (Values values : columns) {
        values.add(store.getColumnReader(values.column()), group.getRowCount());
      }
    }
    Map<String, Object> byName = new LinkedHashMap<>();
    columns.forEach(values -> byName.put(values.column().getPath()[0], values.array()));
    return Table.of(file.toString(), byName);
  }

  private static MessageType selected(Path file, MessageType all, String... names)
      throws IOException {
    List<Type> fields = new ArrayList<>();
    for (String name : names) {
      if (!all.containsField(name)) {
        throw new IOException(
            "parquet: no such column: "
                + file
                + " has no "
                + name
                + ", but "
                + all.getFields().stream().map(Type::getName).toList());
      }
      fields.add(all.getType(name));
    }
    return new MessageType(all.getName(), fields);
  }
}
