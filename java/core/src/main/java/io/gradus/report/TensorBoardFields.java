package io.gradus.report;

/** The numbers of the fields that are used, as TensorFlow's .proto files give them. */
final class TensorBoardFields {

  // Event
  static final int WALL_TIME = 1;
  static final int STEP = 2;
  static final int FILE_VERSION = 3;
  static final int SUMMARY = 5;

  // Summary
  static final int VALUE = 1;

  // Summary.Value
  static final int TAG = 1;
  static final int SIMPLE_VALUE = 2;
  static final int HISTO = 5;
  static final int TENSOR = 8;
  static final int METADATA = 9;

  // SummaryMetadata and its PluginData
  static final int PLUGIN_DATA = 1;
  static final int PLUGIN_NAME = 1;

  // HistogramProto
  static final int MIN = 1;
  static final int MAX = 2;
  static final int NUM = 3;
  static final int SUM = 4;
  static final int SUM_SQUARES = 5;
  static final int BUCKET_LIMIT = 6;
  static final int BUCKET = 7;

  // TensorProto and its TensorShapeProto
  static final int DTYPE = 1;
  static final int TENSOR_SHAPE = 2;
  static final int TENSOR_CONTENT = 4;
  static final int FLOAT_VAL = 5;
  static final int DOUBLE_VAL = 6;
  static final int STRING_VAL = 8;
  static final int DIM = 2;
  static final int DIM_SIZE = 1;

  private TensorBoardFields() {}
}
