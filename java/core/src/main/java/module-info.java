/** Trains neural networks from plain Java on native kernels. */
module io.gradus {
  requires com.fasterxml.jackson.core;
  requires org.bytedeco.javacpp;
  requires org.bytedeco.openblas;

  exports io.gradus.autograd;
  exports io.gradus.data;
  exports io.gradus.op;
  exports io.gradus.tensor;
}
