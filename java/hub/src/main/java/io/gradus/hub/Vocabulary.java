package io.gradus.hub;

import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Tokens and their ids, the model's and the added ones. */
final class Vocabulary {

  /** How many ids may be left out: enough for any padding, too few to fill a memory. */
  private static final int MAX_HOLES = 1 << 20;

  private final Map<String, Integer> ids;
  private final String[] tokens;
  private final boolean[] special;

  Vocabulary(Map<String, Integer> model, List<AddedToken> added) throws IOException {
    ids = new HashMap<>(model);
    int limit = model.size() + added.size() + MAX_HOLES;
    String[] byId = new String[model.size() + added.size()];
    boolean[] specials = new boolean[byId.length];
    int size = 0;
    for (var item : model.entrySet()) {
      byId = put(byId, item.getKey(), item.getValue(), limit);
      size = Math.max(size, item.getValue() + 1);
    }
    for (AddedToken token : added) {
      if (token.content().isEmpty()) {
        throw new IOException("its added token " + token.id() + " is empty");
      }
      Integer id = ids.putIfAbsent(token.content(), token.id());
      if (id == null) {
        byId = put(byId, token.content(), token.id(), limit);
      } else if (id != token.id()) {
        throw new IOException(
            "its added token "
                + Json.shown(token.content())
                + " has two ids: "
                + id
                + " and "
                + token.id());
      }
      size = Math.max(size, token.id() + 1);
      specials = specials.length < size ? Arrays.copyOf(specials, size) : specials;
      specials[token.id()] |= token.special();
    }
    if (size == 0) {
      throw new IOException("its vocabulary is empty");
    }
    tokens = Arrays.copyOf(byId, size);
    special = Arrays.copyOf(specials, size);
  }

  private static String[] put(String[] tokens, String token, int id, int limit) throws IOException {
    if (id < 0 || id >= limit) {
      throw new IOException("its token " + Json.shown(token) + " has the id " + id);
    }
    if (!Unicode.wellFormed(token).equals(token)) {
      throw new IOException("its token with the id " + id + " is not Unicode");
    }
    if (id >= tokens.length) {
      tokens = Arrays.copyOf(tokens, Math.max(id + 1, tokens.length + tokens.length / 2));
    }
    if (tokens[id] != null) {
      throw new IOException(
          "its tokens "
              + Json.shown(tokens[id])
              + " and "
              + Json.shown(token)
              + " have the same id "
              + id);
    }
    tokens[id] = token;
    return tokens;
  }

  int size() {
    return tokens.length;
  }

  /** Null where there is no such token. */
  Integer id(String token) {
    return ids.get(token);
  }

  /** Null where no token has that id. */
  String token(int id) {
    return id >= 0 && id < tokens.length ? tokens[id] : null;
  }

  boolean isSpecial(int id) {
    return special[id];
  }
}
