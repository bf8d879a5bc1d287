package io.gradus.backend;

import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import org.bytedeco.javacpp.Loader;

/**
 * Native libraries as files, in a folder of our own below JavaCPP's cache.
 *
 * <p>Not in JavaCPP's own place for them: there, a program that lets JavaCPP load MKL instead of
 * OpenBLAS leaves a link from the one's name to the other, for every later program to find.
 */
final class Unpacked {

  private Unpacked() {}

  /**
   * The file with a resource's content, written at its first use. Resources of one folder and one
   * jar lie side by side.
   *
   * <p>The class loader finds it in every module; a class would only look into its own, and the
   * natives are modules of their own.
   *
   * @return null where there is no such resource
   */
  static Path resource(String name) {
    URL url = Unpacked.class.getClassLoader().getResource(name);
    if (url == null) {
      return null;
    }
    try {
      Path folder = Loader.getCacheDir().toPath().resolve("gradus").resolve(origin(url));
      Path file = folder.resolve(name.substring(name.lastIndexOf('/') + 1));
      URLConnection resource = url.openConnection();
      try (InputStream content = resource.getInputStream()) {
        if (!isCurrent(resource, file)) {
          write(content, resource.getLastModified(), file);
        }
      }
      return file;
    } catch (IOException e) {
      throw new IllegalStateException(
          "gradus: cannot unpack "
              + name
              + ": "
              + e.getMessage()
              + "; set -Dorg.bytedeco.javacpp.cachedir to a folder that can be written",
          e);
    }
  }

  /**
   * A folder name for where a resource comes from: the folder of a build, or a jar as it is.
   * Another build's jar of the same name holds files of the same time, which the build sets, and
   * perhaps of the same size.
   */
  private static String origin(URL url) throws IOException {
    String place = url.toString();
    place = place.substring(0, place.lastIndexOf('/'));
    if (url.openConnection() instanceof JarURLConnection inJar) {
      URLConnection jar = inJar.getJarFileURL().openConnection();
      place += " " + jar.getContentLengthLong() + " " + jar.getLastModified();
      jar.getInputStream().close(); // which asking opened
    }
    return Integer.toHexString(place.hashCode());
  }

  /** Whether the file was written from this resource: size and time agree, as a copy keeps both. */
  private static boolean isCurrent(URLConnection resource, Path file) throws IOException {
    return Files.isRegularFile(file)
        && Files.size(file) == resource.getContentLengthLong()
        && Files.getLastModifiedTime(file).toMillis() == resource.getLastModified();
  }

  /**
   * Written beside and renamed, so that a program that starts at the same time sees all or nothing.
   */
  private static void write(InputStream content, long time, Path file) throws IOException {
    Files.createDirectories(file.getParent());
    Path part = Files.createTempFile(file.getParent(), "unpack", ".part");
    try {
      Files.copy(content, part, StandardCopyOption.REPLACE_EXISTING);
      Files.setLastModifiedTime(part, FileTime.fromMillis(time));
      Files.move(part, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }
}
