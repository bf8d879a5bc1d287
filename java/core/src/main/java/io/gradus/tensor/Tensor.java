package io.gradus.tensor;

import io.gradus.backend.Backend;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/**
 * A block of numbers with a shape, an element type and a device: memory, and no mathematics. What
 * computes with tensors are the functions of {@code io.gradus.op}.
 *
 * <p>Elements lie contiguously, the last axis fastest. A tensor belongs to the {@link Scope} (or
 * tape) that is open on its thread when it is made and is freed when that closes; outside all
 * scopes the garbage collector frees it. Using a tensor after that is an {@link
 * IllegalStateException}.
 */
public final class Tensor implements AutoCloseable {

  private final Shape shape;
  private final DType dtype;
  private Storage storage;
  private long offset;
  private boolean requiresGrad;
  private boolean closed;

  private Tensor(Shape shape, DType dtype, Storage storage, long offset) {
    this.shape = shape;
    this.dtype = dtype;
    this.storage = storage;
    this.offset = offset;
  }

  // Making tensors

  /** Uninitialized memory, to be written whole. */
  public static Tensor empty(Shape shape, DType dtype, Device device) {
    long bytes;
    try {
      bytes = Math.multiplyExact(shape.size(), (long) dtype.bytes());
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException("tensor: " + shape + " " + dtype + " is too large", e);
    }
    return new Tensor(shape, dtype, new Storage(device, bytes), 0);
  }

  /** Uninitialized memory with the shape, type and device of another tensor. */
  public static Tensor emptyLike(Tensor x) {
    return empty(x.shape, x.dtype, x.device());
  }

  /** Every element the same number, rounded to the type. */
  public static Tensor full(double value, Shape shape, DType dtype, Device device) {
    Tensor y = empty(shape, dtype, device);
    y.fill(value);
    return y;
  }

  /** Zeros. */
  public static Tensor zeros(Shape shape, DType dtype, Device device) {
    return full(0, shape, dtype, device);
  }

  /** Zeros with the shape, type and device of another tensor. */
  public static Tensor zerosLike(Tensor x) {
    return zeros(x.shape, x.dtype, x.device());
  }

  /** F32 zeros on the CPU. */
  public static Tensor zeros(long... shape) {
    return zeros(Shape.of(shape), DType.F32, Device.cpu());
  }

  /** F32 ones on the CPU. */
  public static Tensor ones(long... shape) {
    return full(1, Shape.of(shape), DType.F32, Device.cpu());
  }

  /** An F32 tensor without axes, on the CPU. */
  public static Tensor scalar(float value) {
    return full(value, Shape.of(), DType.F32, Device.cpu());
  }

  /** Uninitialized memory for one F32 number on the device of another tensor. */
  public static Tensor scalarLike(Tensor x) {
    return empty(Shape.of(), DType.F32, x.device());
  }

  /** F32 on the CPU, copied from an array; without sizes, one axis as long as the array. */
  public static Tensor of(float[] values, long... shape) {
    return of(values, shapeOf(values.length, shape));
  }

  /** F32 of exactly this shape on the CPU, copied from an array. */
  public static Tensor of(float[] values, Shape shape) {
    Tensor y = emptyFor(values.length, DType.F32, shape);
    y.backend().upload(y.address(), values, y.byteSize());
    return y;
  }

  /** I32 on the CPU, copied from an array; without sizes, one axis as long as the array. */
  public static Tensor of(int[] values, long... shape) {
    Tensor y = emptyFor(values.length, DType.I32, shapeOf(values.length, shape));
    y.backend().upload(y.address(), values, y.byteSize());
    return y;
  }

  /** I64 on the CPU, copied from an array; without sizes, one axis as long as the array. */
  public static Tensor of(long[] values, long... shape) {
    Tensor y = emptyFor(values.length, DType.I64, shapeOf(values.length, shape));
    y.backend().upload(y.address(), values, y.byteSize());
    return y;
  }

  /** U8 on the CPU, copied from an array; without sizes, one axis as long as the array. */
  public static Tensor of(byte[] values, long... shape) {
    Tensor y = emptyFor(values.length, DType.U8, shapeOf(values.length, shape));
    y.backend().upload(y.address(), values, y.byteSize());
    return y;
  }

  /** F32 of shape (rows, columns) on the CPU. */
  public static Tensor of(float[][] rows) {
    int columns = rows.length == 0 ? 0 : rows[0].length;
    float[] values = new float[rows.length * columns];
    for (int i = 0; i < rows.length; i++) {
      if (rows[i].length != columns) {
        throw new IllegalArgumentException(
            "tensor: rows differ in length: row 0 has "
                + columns
                + ", row "
                + i
                + " has "
                + rows[i].length);
      }
      System.arraycopy(rows[i], 0, values, i * columns, columns);
    }
    return of(values, rows.length, columns);
  }

  /** F32 on the CPU, copied from what remains in a buffer, whose position stays. */
  public static Tensor of(FloatBuffer values, long... shape) {
    float[] copy = new float[values.remaining()];
    values.duplicate().get(copy);
    return of(copy, shape);
  }

  private static Shape shapeOf(int length, long[] sizes) {
    return sizes.length == 0 ? Shape.of(length) : Shape.of(sizes);
  }

  private static Tensor emptyFor(int length, DType dtype, Shape shape) {
    if (shape.size() != length) {
      throw new IllegalArgumentException(
          "tensor: "
              + length
              + " values do not fill the shape "
              + shape
              + ", which takes "
              + shape.size());
    }
    return empty(shape, dtype, Device.cpu());
  }

  // What it is

  public Shape shape() {
    return shape;
  }

  /** The size of an axis; negative axes count from the end. */
  public long dim(int axis) {
    return shape.dim(axis);
  }

  public int rank() {
    return shape.rank();
  }

  /** The number of elements. */
  public long size() {
    return shape.size();
  }

  public long byteSize() {
    return shape.size() * dtype.bytes();
  }

  public DType dtype() {
    return dtype;
  }

  public Device device() {
    return storage.device();
  }

  /**
   * Whether {@code Tape.gradients} answers for this tensor without being asked, as for parameters.
   */
  public boolean requiresGrad() {
    return requiresGrad;
  }

  /** Sets {@link #requiresGrad()}. */
  public Tensor requiresGrad(boolean requires) {
    if (requires && !dtype.isFloating()) {
      throw new IllegalArgumentException(
          "requiresGrad: only floating types have gradients: " + dtype);
    }
    requiresGrad = requires;
    return this;
  }

  // Reading and writing values

  /**
   * The only element, as a number.
   *
   * @throws IllegalArgumentException where there is not exactly one element
   */
  public double item() {
    if (size() != 1) {
      throw new IllegalArgumentException("item: needs exactly one element: " + shape);
    }
    return switch (dtype) {
      case I32 -> toInts()[0];
      case I64 -> toLongs()[0];
      default -> toFloats()[0];
    };
  }

  /** The elements as floats, converted where the type is another. */
  public float[] toFloats() {
    float[] values = new float[arrayLength()];
    if (dtype == DType.F32) {
      backend().download(values, address(), byteSize());
    } else if (!device().isHost()) {
      try (Tensor copy = to(Device.cpu())) {
        return copy.toFloats();
      }
    } else {
      Tensor copy = empty(shape, DType.F32, device());
      backend().cast(dtype.code(), address(), DType.F32.code(), copy.address(), size());
      backend().download(values, copy.address(), copy.byteSize());
      copy.close();
    }
    Reference.reachabilityFence(this);
    return values;
  }

  /** The elements of an I32 tensor. */
  public int[] toInts() {
    expect(DType.I32, "toInts");
    int[] values = new int[arrayLength()];
    backend().download(values, address(), byteSize());
    Reference.reachabilityFence(this);
    return values;
  }

  /** The elements of an I64 tensor. */
  public long[] toLongs() {
    expect(DType.I64, "toLongs");
    long[] values = new long[arrayLength()];
    backend().download(values, address(), byteSize());
    Reference.reachabilityFence(this);
    return values;
  }

  /** The elements of a U8 tensor; those above 127 are negative bytes. */
  public byte[] toBytes() {
    expect(DType.U8, "toBytes");
    byte[] values = new byte[arrayLength()];
    backend().download(values, address(), byteSize());
    Reference.reachabilityFence(this);
    return values;
  }

  private void expect(DType type, String op) {
    if (dtype != type) {
      throw new IllegalArgumentException(op + ": the tensor is not " + type + ": " + dtype);
    }
  }

  private int arrayLength() {
    if (size() > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException("tensor: " + shape + " does not fit in a Java array");
    }
    return (int) size();
  }

  /**
   * Copies raw little-endian bytes, as many as remain in {@code to}, from {@code byteOffset} on.
   * The buffer's position moves.
   */
  public void copyTo(ByteBuffer to, long byteOffset) {
    int bytes = checkRange("copyTo", to, byteOffset);
    if (to.isDirect()) {
      backend().download(to, address() + byteOffset, bytes);
      to.position(to.limit());
    } else {
      ByteBuffer direct = ByteBuffer.allocateDirect(bytes);
      backend().download(direct, address() + byteOffset, bytes);
      to.put(direct);
    }
    Reference.reachabilityFence(this);
  }

  /** Copies raw little-endian bytes, all that remain in {@code from}, to {@code byteOffset}. */
  public void copyFrom(ByteBuffer from, long byteOffset) {
    int bytes = checkRange("copyFrom", from, byteOffset);
    if (from.isDirect()) {
      backend().upload(address() + byteOffset, from, bytes);
      from.position(from.limit());
    } else {
      ByteBuffer direct = ByteBuffer.allocateDirect(bytes).put(from);
      backend().upload(address() + byteOffset, direct.flip(), bytes);
    }
    Reference.reachabilityFence(this);
  }

  private int checkRange(String op, ByteBuffer buffer, long byteOffset) {
    if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      throw new IllegalStateException(op + ": this processor is not little-endian");
    }
    int bytes = buffer.remaining();
    if (byteOffset < 0 || bytes > byteSize() - byteOffset) {
      throw new IllegalArgumentException(
          op + ": " + bytes + " bytes at " + byteOffset + " exceed the tensor's " + byteSize());
    }
    return bytes;
  }

  /**
   * Overwrites the values with another tensor's, which may be on another device. Not recorded by
   * tapes.
   *
   * @throws IllegalArgumentException where shapes or types differ
   */
  public Tensor copyFrom(Tensor x) {
    if (!shape.equals(x.shape) || dtype != x.dtype) {
      throw new IllegalArgumentException(
          "copyFrom: shapes and types must be the same: " + describe() + " and " + x.describe());
    }
    if (device() == x.device()) {
      backend().copy(x.address(), address(), byteSize());
    } else if (x.device().isHost()) {
      backend().upload(address(), x.address(), byteSize());
    } else if (device().isHost()) {
      x.backend().download(address(), x.address(), byteSize());
    } else {
      try (Tensor host = x.to(Device.cpu())) {
        copyFrom(host);
      }
    }
    Reference.reachabilityFence(x);
    Reference.reachabilityFence(this);
    return this;
  }

  /** Overwrites every element with a number, rounded to the type. Not recorded by tapes. */
  public Tensor fill(double value) {
    backend().fill(dtype.code(), address(), value, size());
    Reference.reachabilityFence(this);
    return this;
  }

  /** A copy with memory of its own. Not recorded by tapes. */
  public Tensor copy() {
    return emptyLike(this).copyFrom(this);
  }

  /**
   * This tensor where it is on that device already, else a copy there. Not recorded by tapes: with
   * gradients use {@code Shapes.to}.
   */
  public Tensor to(Device device) {
    return device == device() ? this : empty(shape, dtype, device).copyFrom(this);
  }

  // Memory

  /**
   * A tensor of another shape over the same memory, from element {@code first} on. Not recorded by
   * tapes: with gradients use {@code Shapes.reshape} and {@code Shapes.slice}.
   */
  public Tensor view(Shape shape, long first) {
    if (first < 0 || shape.size() > size() - first) {
      throw new IllegalArgumentException(
          "view: " + shape + " from element " + first + " exceeds " + this.shape);
    }
    address();
    return new Tensor(shape, dtype, storage.share(), offset + first * dtype.bytes());
  }

  /**
   * Moves the values into {@code flat} from element {@code first} on and shares its memory from
   * here on. Views made before keep the old memory. This is how parameters come to lie in one
   * buffer.
   */
  public void moveInto(Tensor flat, long first) {
    try (Tensor place = flat.view(shape, first)) {
      place.copyFrom(this);
    }
    Storage old = storage;
    storage = flat.storage.share();
    offset = flat.offset + first * dtype.bytes();
    old.release();
  }

  /** Whether this tensor and another lie in one block of memory. */
  public boolean sharesMemoryWith(Tensor other) {
    return storage == other.storage;
  }

  /** Whether other tensors, not closed yet, lie in the same block of memory. */
  public boolean isShared() {
    return storage.isShared();
  }

  /** The whole block of memory that this tensor lies in, as a tensor with one axis. */
  public Tensor block() {
    address();
    return new Tensor(Shape.of(blockSize()), dtype, storage.share(), 0);
  }

  /** The number of elements of {@link #block()}. */
  public long blockSize() {
    return storage.bytes() / dtype.bytes();
  }

  /**
   * Whether this tensor is a part of a larger block of memory, as a parameter in a flat buffer is.
   */
  public boolean isPart() {
    return blockSize() > size();
  }

  /** Where this tensor begins within {@link #block()}, in elements. */
  public long blockOffset() {
    return offset / dtype.bytes();
  }

  /**
   * Frees the memory now, or, where views share it, gives up this tensor's share. Closing is never
   * needed and closing twice is harmless.
   */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      storage.release();
    }
  }

  /** Whether its memory is gone. */
  public boolean isClosed() {
    return closed || storage.isFree();
  }

  Storage storage() {
    return storage;
  }

  // For the packages of Gradus

  /** The type's code at the native boundary. */
  public int typeCode() {
    return dtype.code();
  }

  /**
   * Where the elements lie. Valid until the tensor is freed; the caller keeps the tensor reachable
   * while native code uses it.
   *
   * @throws IllegalStateException where the tensor was freed
   */
  public long address() {
    if (closed) {
      throw new IllegalStateException(
          "tensor: it was closed: " + describe() + "; a batch closes when the next one is taken");
    }
    return storage.address() + offset;
  }

  /** The native side of the tensor's device. */
  @SuppressWarnings("exports")
  public Backend backend() {
    return storage.device().backend();
  }

  /** Shape and type, as in error messages: {@code (2, 3) f32}. */
  public String describe() {
    return shape + " " + dtype;
  }

  /** Shape, type, device and values; long axes show their ends only. */
  @Override
  public String toString() {
    return describe() + " " + device() + (isClosed() ? " closed" : " " + TensorText.values(this));
  }
}
