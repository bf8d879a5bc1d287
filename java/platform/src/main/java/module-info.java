/** Gradus with the native libraries of every platform: the one module to require. */
module io.gradus.platform {
  requires transitive io.gradus;
  requires io.gradus.linux.x86_64;
  requires org.bytedeco.javacpp.linux.x86_64;
  requires org.bytedeco.openblas.linux.x86_64;
}
