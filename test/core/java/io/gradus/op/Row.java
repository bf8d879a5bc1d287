package io.gradus.op;

import io.gradus.tensor.DType;
import io.gradus.tensor.Device;
import io.gradus.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * One way to call an op and everything that a test needs to know of it. {@link OpTable} writes them
 * down, {@link OpTableTest} runs them.
 */
final class Row {

  /** A call that the op must refuse. */
  record Rejection(
      List<Operand> operands,
      Function<Tensor[], Tensor> op,
      Class<? extends Exception> type,
      String message) {}

  private static final String[] UNARY = {
    "0", "()", "1", "2", "7", "17", "1025", "0x3", "2x3x5", "32769"
  };
  private static final String[] BROADCAST = {
    "0 0",
    "() ()",
    "1 1",
    "2 2",
    "7 7",
    "17 17",
    "1025 1025",
    "2x3 3",
    "3 2x3",
    "2x3 2x1",
    "2x1 1x3",
    "() 2x3",
    "7 ()",
    "5x1x7 1x3x1",
    "4x1x3 4x5x3",
    "3x4x5 4x1",
    "0x3 3",
    "0x1 1x3",
    "33x17 17",
    "17 33x1",
    "2x3x1x5 3x4x1"
  };

  /** The method, with its parameters where it is overloaded: {@code add(Tensor, double)}. */
  final String name;

  final Function<Tensor[], Tensor> op;
  final Function<Doubles[], Doubles> reference;

  List<String> shapes = new ArrayList<>();
  Domain domain = Domain.between(-2, 2);
  Domain wide = domain;
  List<DType> types = List.of(DType.F32, DType.BF16, DType.F16);
  DType output; // null: as the operands
  private String says;
  double relative = 1e-6;
  double absolute = 1e-37;
  double roundedOnGpu;
  double gradient = 2e-5;
  boolean differentiable = true;
  boolean differentiableTwice = true;
  boolean overwrites;
  boolean consumes;
  boolean mixedPrecision;
  boolean shapeOnly;
  boolean leavesDevice;
  boolean mixesTypes;
  boolean refusesIntegers = true;
  int specialOperands; // how many operands take NaN, infinities and the like
  boolean zeroSigns = true;
  final List<Rejection> rejections = new ArrayList<>();

  private Row(String name, Function<Tensor[], Tensor> op, Function<Doubles[], Doubles> reference) {
    this.name = name;
    this.op = op;
    this.reference = reference;
  }

  // What kinds of ops there are

  /** Any op. It needs {@link #shapes}. */
  static Row op(
      String name, Function<Tensor[], Tensor> op, Function<Doubles[], Doubles> reference) {
    return new Row(name, op, reference);
  }

  /** Applies a formula to each element. */
  static Row unary(String name, UnaryOperator<Tensor> op, DoubleUnaryOperator formula) {
    Row row = new Row(name, x -> op.apply(x[0]), x -> x[0].map(formula)).shapes(UNARY);
    row.specialOperands = 1;
    return row;
  }

  /** Applies a formula to each pair of elements, broadcasting. */
  static Row broadcast(String name, BinaryOperator<Tensor> op, DoubleBinaryOperator formula) {
    Row row =
        new Row(name, x -> op.apply(x[0], x[1]), x -> x[0].zip(x[1], formula)).shapes(BROADCAST);
    row.specialOperands = 2;
    return row.rejects(
        "2x3 2x4",
        row.opName()
            + ": shapes do not line up: (2, 3) and (2, 4); sizes must be the same or 1, counted"
            + " from the last axis");
  }

  /** Any op of one tensor. It needs {@link #shapes}. */
  static Row one(String name, UnaryOperator<Tensor> op, UnaryOperator<Doubles> reference) {
    return new Row(name, x -> op.apply(x[0]), x -> reference.apply(x[0]));
  }

  /** Any op of two tensors. It needs {@link #shapes}. */
  static Row binary(String name, BinaryOperator<Tensor> op, BinaryOperator<Doubles> reference) {
    return new Row(name, x -> op.apply(x[0], x[1]), x -> reference.apply(x[0], x[1]));
  }

  /** A comparison of two tensors of any type, which gives a mask. */
  static Row comparison(String name, BinaryOperator<Tensor> op, DoubleBinaryOperator formula) {
    return broadcast(name, op, formula).domain(Domain.coarse()).everyType().gives(DType.U8);
  }

  /** A comparison with a number. */
  static Row comparison(String name, UnaryOperator<Tensor> op, DoubleUnaryOperator formula) {
    return unary(name, op, formula).domain(Domain.coarse()).everyType().gives(DType.U8);
  }

  /** What an op says of an axis that a tensor of shape (2, 3) does not have. */
  static String outside(String op, int axis) {
    return op + ": axis " + axis + " is outside the shape (2, 3) of rank 2";
  }

  /** The name in error messages: the method's, unless the row says another. */
  String opName() {
    return says != null ? says : name.replaceAll("\\(.*", "");
  }

  Row says(String opName) {
    says = opName;
    return this;
  }

  // What it is tried with

  /** More operands to try it with; see {@link Operand}. */
  Row shapes(String... operands) {
    shapes.addAll(List.of(operands));
    return this;
  }

  Row domain(Domain domain) {
    this.domain = domain;
    this.wide = domain;
    return this;
  }

  Row domain(double low, double high, double... kinks) {
    return domain(Domain.between(low, high, kinks));
  }

  /** Numbers for the values alone, where the gradients of {@link #domain} would drown. */
  Row wide(double low, double high) {
    wide = Domain.between(low, high);
    return this;
  }

  Row types(DType... only) {
    types = List.of(only);
    return this;
  }

  /** An op that moves or compares elements and takes integers too. */
  Row everyType() {
    return types(DType.values()).takesIntegers();
  }

  Row takesIntegers() {
    refusesIntegers = false;
    return this;
  }

  Row gives(DType type) {
    output = type;
    differentiable = type.isFloating();
    return this;
  }

  Row withoutGradient() {
    differentiable = false;
    return this;
  }

  /** The gradient is one kernel, which refuses to be differentiated again. */
  Row differentiableOnce() {
    differentiableTwice = false;
    return this;
  }

  /** Only the operand's shape is read: there are no ops without an operand in the table. */
  Row readsShapeOnly() {
    shapeOnly = true;
    refusesIntegers = false;
    return this;
  }

  /** The result may be on another device, which no graph spans. */
  Row leavesDevice() {
    leavesDevice = true;
    return this;
  }

  /** The gradient takes the memory of the first operand. */
  Row overwrites() {
    overwrites = true;
    return this;
  }

  /** Operands may differ in type; what is refused stands in {@link #rejects}. */
  Row mixesTypes() {
    mixesTypes = true;
    return this;
  }

  /** The result takes the memory of the first operand, which is closed. */
  Row consumes() {
    consumes = true;
    overwrites = true;
    return this;
  }

  /** All operands but the first are parameters, which may be F32 beside a narrower input. */
  Row mixedPrecision() {
    mixedPrecision = true;
    return this;
  }

  // How well

  /** Errors of values that are allowed beyond the rounding of the result. */
  Row tolerance(double relative, double absolute) {
    this.relative = relative;
    this.absolute = absolute;
    return this;
  }

  /** Errors of gradients that are allowed in F32, relative to the largest of them. */
  Row gradientTolerance(double relative) {
    this.gradient = relative;
    return this;
  }

  /** On a GPU, 16-bit numbers up to so large are rounded once more on the way. */
  Row roundsOnGpu(double magnitude) {
    roundedOnGpu = magnitude;
    return this;
  }

  /** The sign of a zero is left open. */
  Row anyZero() {
    zeroSigns = false;
    return this;
  }

  /** NaN, infinities and the like are left open. */
  Row withoutSpecials() {
    specialOperands = 0;
    return this;
  }

  // What it refuses

  Row rejects(String operands, String message) {
    return rejects(operands, op, message);
  }

  Row rejects(String operands, Class<? extends Exception> type, String message) {
    rejections.add(new Rejection(Operand.parse(operands), op, type, message));
    return this;
  }

  /** With other arguments than the row's. */
  Row rejects(String operands, Function<Tensor[], Tensor> call, String message) {
    rejections.add(
        new Rejection(Operand.parse(operands), call, IllegalArgumentException.class, message));
    return this;
  }

  /** Numbers, without an element of chance, for one try: the same each time. */
  Trial trial(String operands, DType type, Device device) {
    return new Trial(this, operands, Operand.parse(operands), type, device);
  }

  @Override
  public String toString() {
    return name;
  }
}
