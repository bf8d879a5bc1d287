package io.gradus.tensor;

/**
 * Where randomness starts. The same seed gives the same numbers on every device and any number of
 * threads: random kernels compute each element from the seed, a stream and the element's index.
 *
 * @param value the key of the counter-based generator (Philox4x32-10, Salmon et al. 2011)
 */
public record Seed(long value) {

  /** The seed of a number. */
  public static Seed of(long value) {
    return new Seed(value);
  }

  /**
   * A seed of its own for part {@code index} of whatever this one is for: {@code seed.split(0)} and
   * {@code seed.split(1)} start unrelated sequences.
   */
  public Seed split(long index) {
    // SplitMix64's finalizer (Steele, Lea, Flood 2014) mixes every input bit into every output bit.
    long z = value + 0x9e3779b97f4a7c15L * (index + 1);
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return SeedTrace.part(this, index, new Seed(z ^ (z >>> 31)));
  }

  /** A number from 0 to 1, exclusive, that belongs to part {@code index}: all are as likely. */
  public double uniform(long index) {
    return (split(index).value >>> 11) * 0x1p-53;
  }
}
