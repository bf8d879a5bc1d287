package io.gradus.data;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Names and their numbers from 0 on, as of the classes that a model tells apart. */
public final class Categories {

  private final List<String> names;
  private final Map<String, Integer> ids = new LinkedHashMap<>();

  private Categories(List<String> names) {
    this.names = List.copyOf(names);
    for (String name : names) {
      if (ids.put(name, ids.size()) != null) {
        throw new IllegalArgumentException("categories: there is more than one: " + name);
      }
    }
  }

  /** Names in the order of their numbers, none of them twice. */
  public static Categories of(List<String> names) {
    return new Categories(names);
  }

  /** The different names among these, in alphabetical order; null is left out. */
  public static Categories in(String... names) {
    return new Categories(
        Arrays.stream(names).filter(Objects::nonNull).distinct().sorted().toList());
  }

  /** How many there are. */
  public int size() {
    return names.size();
  }

  /** In the order of their numbers. */
  public List<String> names() {
    return names;
  }

  /** The name of a number. */
  public String name(int id) {
    return names.get(id);
  }

  /** The number of a name; -1 where it is not known. */
  public int id(String name) {
    return ids.getOrDefault(name, -1);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Categories categories && names.equals(categories.names);
  }

  @Override
  public int hashCode() {
    return names.hashCode();
  }

  @Override
  public String toString() {
    return names.toString();
  }
}
