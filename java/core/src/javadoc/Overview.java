import com.sun.source.doctree.DocCommentTree;
import com.sun.source.doctree.DocTree;
import com.sun.source.doctree.LinkTree;
import com.sun.source.doctree.LiteralTree;
import com.sun.source.doctree.StartElementTree;
import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePath;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.lang.model.element.Modifier;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/**
 * Writes the overview page of the Javadoc: every public class and every op with the first sentence
 * of its comment. The build runs it as {@code java Overview.java SOURCES PAGE}.
 */
final class Overview {

  /** Packages in the order in which somebody who trains a network meets them. */
  private static final Map<String, String> CHAPTERS = new LinkedHashMap<>();

  static {
    CHAPTERS.put("nn", "Layers");
    CHAPTERS.put("model", "Models");
    CHAPTERS.put("op", "Ops and losses");
    CHAPTERS.put("optim", "Optimizers and schedules");
    CHAPTERS.put("data", "Data");
    CHAPTERS.put("image", "Images");
    CHAPTERS.put("train", "Training");
    CHAPTERS.put("metric", "Metrics");
    CHAPTERS.put("report", "Reports and pictures");
    CHAPTERS.put("autograd", "Gradients and graphs");
    CHAPTERS.put("tensor", "Tensors and devices");
  }

  private static final Pattern SENTENCE_END = Pattern.compile("(?<!et al)(?<!\\.\\.)\\.(?= )");

  private final DocTrees docs;
  private final Map<String, Map<String, String>> chapters = new TreeMap<>();

  private Overview(DocTrees docs) {
    this.docs = docs;
  }

  public static void main(String[] args) throws IOException {
    List<Path> files;
    try (Stream<Path> found = Files.walk(Path.of(args[0]))) {
      files = found.filter(file -> file.toString().endsWith(".java")).sorted().toList();
    }
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    try (var manager = compiler.getStandardFileManager(null, null, null)) {
      JavacTask task =
          (JavacTask)
              compiler.getTask(
                  null, manager, null, null, null, manager.getJavaFileObjectsFromPaths(files));
      Overview overview = new Overview(DocTrees.instance(task));
      for (CompilationUnitTree unit : task.parse()) {
        overview.read(unit);
      }
      Path page = Path.of(args[1]);
      Files.createDirectories(page.toAbsolutePath().getParent());
      Files.writeString(page, overview.page());
    }
  }

  // Reading

  private void read(CompilationUnitTree unit) {
    if (unit.getPackageName() == null) {
      return;
    }
    String where = unit.getPackageName().toString();
    for (Tree declaration : unit.getTypeDecls()) {
      if (declaration instanceof ClassTree type
          && type.getModifiers().getFlags().contains(Modifier.PUBLIC)) {
        TreePath path = new TreePath(new TreePath(unit), type);
        String name = where + "." + type.getSimpleName();
        String text = entry("{@link " + name + "}", sentence(path)) + ops(where, name, path);
        chapters
            .computeIfAbsent(where.substring(where.lastIndexOf('.') + 1), key -> new TreeMap<>())
            .put(type.getSimpleName().toString(), text);
      }
    }
  }

  /** What a class of ops has, overloads once. */
  private String ops(String where, String type, TreePath path) {
    if (!where.endsWith(".op")) {
      return "";
    }
    Map<String, String> entries = new LinkedHashMap<>();
    for (Tree member : ((ClassTree) path.getLeaf()).getMembers()) {
      if (member instanceof MethodTree method
          && method
              .getModifiers()
              .getFlags()
              .containsAll(List.of(Modifier.PUBLIC, Modifier.STATIC))) {
        String name = method.getName().toString();
        String link = "{@link " + type + "#" + name + " " + name + "}";
        entries.putIfAbsent(name, entry(link, sentence(new TreePath(path, method))));
      }
    }
    return entries.isEmpty()
        ? ""
        : "<dd><dl>\n" + String.join("", entries.values()) + "</dl></dd>\n";
  }

  /** Not the compiler's first sentence, which ends behind "et al.". */
  private String sentence(TreePath path) {
    DocCommentTree comment = docs.getDocCommentTree(path);
    if (comment == null) {
      return "";
    }
    StringBuilder text = new StringBuilder();
    for (DocTree part : comment.getFullBody()) {
      if (part instanceof StartElementTree) {
        break;
      }
      text.append(html(part));
    }
    String paragraph = text.toString().replaceAll("\\s+", " ").strip();
    Matcher end = SENTENCE_END.matcher(paragraph);
    return end.find() ? paragraph.substring(0, end.end()) : paragraph.replaceFirst(":$", ".");
  }

  /** A link counts as code: its name may not be found from here. */
  private static String html(DocTree part) {
    if (part instanceof LinkTree link) {
      return link.getLabel().isEmpty()
          ? "{@code "
              + link.getReference().getSignature().replaceFirst("^#", "").replace('#', '.')
              + "}"
          : link.getLabel().get(0).toString();
    }
    return part instanceof LiteralTree literal
        ? "{@code " + literal.getBody().getBody() + "}"
        : part.toString();
  }

  // Writing

  private static String entry(String term, String text) {
    return "<dt>" + term + "</dt>\n" + (text.isEmpty() ? "" : "<dd>" + text + "</dd>\n");
  }

  private String page() {
    List<String> unknown = new ArrayList<>(chapters.keySet());
    unknown.removeAll(CHAPTERS.keySet());
    unknown.remove("backend");
    if (!unknown.isEmpty()) {
      throw new IllegalStateException("overview: packages without a chapter: " + unknown);
    }
    StringBuilder page =
        new StringBuilder(
            """
            <!DOCTYPE html>
            <html lang="en">
            <head><title>Gradus</title></head>
            <body>
            <h1>Gradus</h1>
            <p>Trains neural networks from plain Java on native kernels. All there is:</p>
            """);
    CHAPTERS.forEach(
        (name, title) -> {
          page.append("<h2>" + title + "</h2>\n<dl>\n");
          chapters.getOrDefault(name, Map.of()).values().forEach(page::append);
          page.append("</dl>\n");
        });
    return page.append("</body>\n</html>\n").toString();
  }
}
