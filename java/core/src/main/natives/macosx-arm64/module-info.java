/** The native libraries of Gradus for macOS on ARM. */
open module io.gradus.macosx.arm64 {
  requires io.gradus;
}
