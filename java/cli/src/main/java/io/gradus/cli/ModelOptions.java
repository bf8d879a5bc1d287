package io.gradus.cli;

import io.gradus.model.GptConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Option;

/** What a language model is made of: a configuration, and whatever shall differ from it. */
final class ModelOptions {

  /** For the help. */
  static final class Names implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return GptConfig.names().iterator();
    }
  }

  @Option(
      names = "--config",
      paramLabel = "NAME|FILE",
      completionCandidates = Names.class,
      description =
          "The model: ${COMPLETION-CANDIDATES}, or a config.json. Its vocabulary is that of the"
              + " tokenizer. Default: ${DEFAULT-VALUE}.")
  private String config = "tiny";

  @Option(names = "--layers", paramLabel = "N", description = "The number of blocks.")
  private Integer layers;

  @Option(names = "--heads", paramLabel = "N", description = "Attention heads in a block.")
  private Integer heads;

  @Option(
      names = "--kv-heads",
      paramLabel = "N",
      description = "Heads of keys and values; fewer are shared by several heads.")
  private Integer kvHeads;

  @Option(
      names = "--width",
      paramLabel = "N",
      description = "The size of a token's vector between the blocks.")
  private Integer width;

  @Option(
      names = "--hidden",
      paramLabel = "N",
      description = "The size inside feed-forward parts. It follows --width where it is not given.")
  private Integer hidden;

  @Option(
      names = "--context",
      paramLabel = "N",
      description = "The most tokens that a sequence may have.")
  private Integer context;

  @Option(names = "--norm", paramLabel = "KIND", description = "One of layer, rms.")
  private String norm;

  @Option(names = "--norm-epsilon", paramLabel = "E", description = "Keeps norms finite.")
  private Double normEpsilon;

  @Option(
      names = "--feed-forward",
      paramLabel = "KIND",
      description = "The nonlinearity: gelu, gelu_erf, swiglu.")
  private String feedForward;

  @Option(
      names = "--positions",
      paramLabel = "KIND",
      description = "How the order of tokens is known: learned, rotary, alibi.")
  private String positions;

  @Option(
      names = "--rope-theta",
      paramLabel = "T",
      description = "The base of the wavelengths of rotary positions.")
  private Double ropeTheta;

  @Option(
      names = "--window",
      paramLabel = "N",
      description = "How many tokens each one sees, itself included; 0 for all before it.")
  private Integer window;

  @Option(
      names = "--bias",
      arity = "1",
      paramLabel = "true|false",
      description = "Whether linear layers and layer norms have a bias.")
  private Boolean bias;

  @Option(
      names = "--tied-head",
      arity = "1",
      paramLabel = "true|false",
      description = "Whether the output layer shares the weights of the token embedding.")
  private Boolean tiedHead;

  @Option(
      names = "--dropout",
      paramLabel = "P",
      description = "The probability behind the embedding, in attention and behind each part.")
  private Double dropout;

  String name() {
    return config;
  }

  /** The model of the configuration and the options. */
  GptConfig config() throws IOException {
    GptConfig base = base();
    Map<String, Object> others = new LinkedHashMap<>();
    put(others, "layers", layers);
    put(others, "heads", heads);
    if (kvHeads == null && base.kvHeads() == base.heads()) {
      put(others, "kvHeads", heads);
    }
    put(others, "kvHeads", kvHeads);
    put(others, "width", width);
    if (width != null) {
      others.put("hidden", Math.round((float) base.hidden() / base.width() * width));
    }
    put(others, "hidden", hidden);
    put(others, "context", context);
    put(others, "norm", norm);
    put(others, "normEpsilon", normEpsilon);
    put(others, "feedForward", feedForward);
    put(others, "positions", positions);
    put(others, "ropeTheta", ropeTheta);
    put(others, "window", window);
    put(others, "bias", bias);
    put(others, "tiedHead", tiedHead);
    put(others, "dropout", dropout);
    return base.with(others);
  }

  private GptConfig base() throws IOException {
    return !GptConfig.names().contains(config) && Files.exists(Path.of(config))
        ? GptConfig.read(Path.of(config))
        : GptConfig.named(config);
  }

  private static void put(Map<String, Object> others, String name, Object value) {
    if (value != null) {
      others.put(name, value);
    }
  }
}
