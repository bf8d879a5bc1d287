/** The CUDA library of Gradus for Linux on x86-64. */
open module io.gradus.linux.x86_64.cuda {
  requires io.gradus;
}
