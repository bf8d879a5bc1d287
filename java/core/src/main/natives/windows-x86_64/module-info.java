/** The native libraries of Gradus for Windows on x86-64. */
open module io.gradus.windows.x86_64 {
  requires io.gradus;
}
