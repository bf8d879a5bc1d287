/** Trains neural networks from plain Java on native kernels. */
module io.gradus {
  requires com.fasterxml.jackson.core;
  requires java.desktop;
  requires org.bytedeco.javacpp;
  requires org.bytedeco.openblas;

  exports io.gradus.autograd;
  exports io.gradus.data;
  exports io.gradus.metric;
  exports io.gradus.model;
  exports io.gradus.nn;
  exports io.gradus.op;
  exports io.gradus.optim;
  exports io.gradus.report;
  exports io.gradus.tensor;
  exports io.gradus.train;
}
