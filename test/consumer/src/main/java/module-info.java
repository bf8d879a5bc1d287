/** A program of a user. */
module consumer {
  requires io.gradus.hub;
  requires io.gradus.platform;
}
