/** A program of a user. */
module consumer {
  requires io.gradus.platform;
}
