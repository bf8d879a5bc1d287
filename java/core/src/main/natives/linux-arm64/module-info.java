/** The native libraries of Gradus for Linux on ARM. */
open module io.gradus.linux.arm64 {
  requires io.gradus;
}
