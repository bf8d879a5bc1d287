package io.gradus.parquet;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.EnumSet;
import java.util.Set;
import java.util.zip.GZIPInputStream;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.compression.CompressionCodecFactory;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.hadoop.CodecFactory;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;

/** What unpacks pages: the JDK where it can, for Apache's library would ask Hadoop, else that. */
final class Codecs implements CompressionCodecFactory {

  /** What can be unpacked without other libraries. */
  static final Set<CompressionCodecName> KNOWN =
      EnumSet.of(
          CompressionCodecName.UNCOMPRESSED,
          CompressionCodecName.SNAPPY,
          CompressionCodecName.GZIP,
          CompressionCodecName.ZSTD,
          CompressionCodecName.LZ4_RAW);

  private final CodecFactory others = new CodecFactory(new PlainParquetConfiguration(), 0);

  @Override
  public BytesInputCompressor getCompressor(CompressionCodecName codec) {
    throw new UnsupportedOperationException("parquet: tables are read, not written");
  }

  @Override
  public BytesInputDecompressor getDecompressor(CompressionCodecName codec) {
    return codec == CompressionCodecName.GZIP ? new Gzip() : others.getDecompressor(codec);
  }

  @Override
  public void release() {
    others.release();
  }

  private static final class Gzip implements BytesInputDecompressor {

    @Override
    public BytesInput decompress(BytesInput packed, int size) throws IOException {
      return BytesInput.from(unpack(packed.toInputStream(), size));
    }

    @Override
    public void decompress(ByteBuffer in, int packed, ByteBuffer out, int size) throws IOException {
      byte[] bytes = new byte[packed];
      in.get(bytes);
      out.put(unpack(new ByteArrayInputStream(bytes), size));
    }

    /** What it says that it has is not believed before it is there. */
    private static byte[] unpack(InputStream packed, int size) throws IOException {
      try (var in = new GZIPInputStream(packed)) {
        byte[] unpacked = in.readNBytes(size);
        if (unpacked.length < size) {
          throw new EOFException("a page has " + unpacked.length + " of " + size + " bytes");
        }
        return unpacked;
      }
    }

    @Override
    public void release() {
      // There is nothing to give back.
    }
  }
}
