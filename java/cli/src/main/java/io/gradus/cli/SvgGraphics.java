package io.gradus.cli;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Composite;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics;
import java.awt.Graphics2D;
import java.awt.GraphicsConfiguration;
import java.awt.Image;
import java.awt.Paint;
import java.awt.Rectangle;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.Stroke;
import java.awt.font.FontRenderContext;
import java.awt.font.GlyphVector;
import java.awt.font.TextLayout;
import java.awt.geom.AffineTransform;
import java.awt.geom.Arc2D;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.awt.geom.Path2D;
import java.awt.geom.PathIterator;
import java.awt.geom.RoundRectangle2D;
import java.awt.image.BufferedImage;
import java.awt.image.BufferedImageOp;
import java.awt.image.ImageObserver;
import java.awt.image.RenderedImage;
import java.awt.image.renderable.RenderableImage;
import java.text.AttributedCharacterIterator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Draws into a picture in SVG: shapes, lines and letters as paths, colours with their opacity,
 * clips. It takes no images.
 *
 * <p>XChart's own way to SVG needs a library under the LGPL; this is what its charts use of one.
 */
final class SvgGraphics extends Graphics2D {

  /**
   * Paths behind each other. XChart draws a curve line by line: what goes on where the path before
   * it ended, in the same style, becomes a part of it, which makes the file ten times smaller.
   */
  private static final class Body {
    private final StringBuilder done = new StringBuilder();
    private final StringBuilder path = new StringBuilder();
    private String style;
    private String end = ""; // of the path, where it is a line

    void add(String d, String newStyle) {
      int goesOn = d.lastIndexOf('L');
      boolean isLine = goesOn > 0 && d.indexOf('L') == goesOn && !d.endsWith("Z");
      if (isLine && newStyle.equals(style) && d.substring(1, goesOn).equals(end)) {
        path.append(d, goesOn, d.length());
      } else {
        finish();
        path.append(d);
        style = newStyle;
      }
      end = isLine ? d.substring(goesOn + 1) : "";
    }

    private void finish() {
      if (!path.isEmpty()) {
        done.append("<path d=\"").append(path).append("\" ").append(style).append("/>\n");
        path.setLength(0);
      }
    }

    StringBuilder finished() {
      finish();
      return done;
    }
  }

  private final Body body; // shared by all that draw into one picture
  private final Map<String, String> clips; // what is clipped to, and its name
  private final int width;
  private final int height;

  /** Knows colour, font, stroke, transform and clip, and draws nothing that anyone sees. */
  private final Graphics2D state;

  SvgGraphics(int width, int height) {
    this(
        new Body(),
        new LinkedHashMap<>(),
        width,
        height,
        new BufferedImage(1, 1, BufferedImage.TYPE_INT_ARGB).createGraphics());
  }

  private SvgGraphics(
      Body body, Map<String, String> clips, int width, int height, Graphics2D state) {
    this.body = body;
    this.clips = clips;
    this.width = width;
    this.height = height;
    this.state = state;
  }

  /** The picture. */
  String toSvg() {
    StringBuilder svg = new StringBuilder();
    svg.append(
        format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
                + " viewBox=\"0 0 %d %d\">\n",
            width, height, width, height));
    clips.forEach(
        (path, name) ->
            svg.append(format("<clipPath id=\"%s\"><path d=\"%s\"/></clipPath>\n", name, path)));
    return svg.append(body.finished()).append("</svg>\n").toString();
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  // What is drawn

  @Override
  public void fill(Shape shape) {
    path(shape, "fill=\"" + color() + "\"" + opacity("fill"));
  }

  @Override
  public void draw(Shape shape) {
    if (!(getStroke() instanceof BasicStroke stroke)) {
      fill(getStroke().createStrokedShape(shape));
      return;
    }
    double scale = Math.sqrt(Math.abs(getTransform().getDeterminant()));
    StringBuilder style = new StringBuilder("fill=\"none\" stroke=\"" + color() + "\"");
    style.append(opacity("stroke"));
    style.append(" stroke-width=\"").append(number(stroke.getLineWidth() * scale)).append('"');
    if (stroke.getLineJoin() == BasicStroke.JOIN_ROUND) {
      style.append(" stroke-linejoin=\"round\"");
    }
    if (stroke.getEndCap() == BasicStroke.CAP_ROUND) {
      style.append(" stroke-linecap=\"round\"");
    }
    if (stroke.getDashArray() != null) {
      style.append(" stroke-dasharray=\"");
      for (float dash : stroke.getDashArray()) {
        style.append(number(dash * scale)).append(' ');
      }
      style.append('"');
    }
    path(shape, style.toString());
  }

  private void path(Shape shape, String style) {
    String d = data(shape, getTransform());
    if (d.isEmpty()) {
      return;
    }
    String all = style;
    if (getClip() != null) {
      String clip = data(getClip(), getTransform());
      String name = clips.computeIfAbsent(clip, path -> "clip" + clips.size());
      all += " clip-path=\"url(#" + name + ")\"";
    }
    body.add(d, all);
  }

  private String color() {
    return format("#%06x", getColor().getRGB() & 0xffffff);
  }

  private String opacity(String what) {
    int alpha = getColor().getAlpha();
    return alpha == 255 ? "" : format(" %s-opacity=\"%.3f\"", what, alpha / 255.0);
  }

  private static String data(Shape shape, AffineTransform transform) {
    StringBuilder d = new StringBuilder();
    double[] at = new double[6];
    for (PathIterator i = shape.getPathIterator(transform); !i.isDone(); i.next()) {
      int kind = i.currentSegment(at);
      d.append("MLQCZ".charAt(kind));
      int numbers = new int[] {2, 2, 4, 6, 0}[kind];
      for (int n = 0; n < numbers; n++) {
        d.append(n == 0 ? "" : " ").append(number(at[n]));
      }
    }
    return d.toString();
  }

  /** Hundredths of a pixel are enough, and what is not written is not loaded. */
  private static String number(double value) {
    double rounded = Math.rint(value * 100) / 100;
    return rounded == (long) rounded ? Long.toString((long) rounded) : Double.toString(rounded);
  }

  @Override
  public void drawLine(int x1, int y1, int x2, int y2) {
    draw(new Line2D.Double(x1, y1, x2, y2));
  }

  @Override
  public void fillRect(int x, int y, int width, int height) {
    fill(new Rectangle(x, y, width, height));
  }

  @Override
  public void clearRect(int x, int y, int width, int height) {
    Color color = getColor();
    setColor(getBackground());
    fillRect(x, y, width, height);
    setColor(color);
  }

  @Override
  public void drawRoundRect(int x, int y, int width, int height, int arcWidth, int arcHeight) {
    draw(new RoundRectangle2D.Double(x, y, width, height, arcWidth, arcHeight));
  }

  @Override
  public void fillRoundRect(int x, int y, int width, int height, int arcWidth, int arcHeight) {
    fill(new RoundRectangle2D.Double(x, y, width, height, arcWidth, arcHeight));
  }

  @Override
  public void drawOval(int x, int y, int width, int height) {
    draw(new Ellipse2D.Double(x, y, width, height));
  }

  @Override
  public void fillOval(int x, int y, int width, int height) {
    fill(new Ellipse2D.Double(x, y, width, height));
  }

  @Override
  public void drawArc(int x, int y, int width, int height, int start, int angle) {
    draw(new Arc2D.Double(x, y, width, height, start, angle, Arc2D.OPEN));
  }

  @Override
  public void fillArc(int x, int y, int width, int height, int start, int angle) {
    fill(new Arc2D.Double(x, y, width, height, start, angle, Arc2D.PIE));
  }

  @Override
  public void drawPolyline(int[] x, int[] y, int count) {
    draw(polygon(x, y, count, false));
  }

  @Override
  public void drawPolygon(int[] x, int[] y, int count) {
    draw(polygon(x, y, count, true));
  }

  @Override
  public void fillPolygon(int[] x, int[] y, int count) {
    fill(polygon(x, y, count, true));
  }

  private static Shape polygon(int[] x, int[] y, int count, boolean closed) {
    Path2D path = new Path2D.Double();
    for (int i = 0; i < count; i++) {
      if (i == 0) {
        path.moveTo(x[i], y[i]);
      } else {
        path.lineTo(x[i], y[i]);
      }
    }
    if (closed && count > 0) {
      path.closePath();
    }
    return path;
  }

  // Letters are shapes too, so that the picture looks the same without the font.

  @Override
  public void drawString(String text, float x, float y) {
    drawGlyphVector(getFont().createGlyphVector(getFontRenderContext(), text), x, y);
  }

  @Override
  public void drawString(String text, int x, int y) {
    drawString(text, (float) x, (float) y);
  }

  @Override
  public void drawString(AttributedCharacterIterator text, float x, float y) {
    AffineTransform there = AffineTransform.getTranslateInstance(x, y);
    fill(new TextLayout(text, getFontRenderContext()).getOutline(there));
  }

  @Override
  public void drawString(AttributedCharacterIterator text, int x, int y) {
    drawString(text, (float) x, (float) y);
  }

  @Override
  public void drawGlyphVector(GlyphVector glyphs, float x, float y) {
    fill(glyphs.getOutline(x, y));
  }

  // What is not drawn

  private static UnsupportedOperationException noImages() {
    return new UnsupportedOperationException("svg: images are not supported");
  }

  @Override
  public boolean drawImage(Image image, AffineTransform transform, ImageObserver observer) {
    throw noImages();
  }

  @Override
  public void drawImage(BufferedImage image, BufferedImageOp op, int x, int y) {
    throw noImages();
  }

  @Override
  public void drawRenderedImage(RenderedImage image, AffineTransform transform) {
    throw noImages();
  }

  @Override
  public void drawRenderableImage(RenderableImage image, AffineTransform transform) {
    throw noImages();
  }

  @Override
  public boolean drawImage(Image image, int x, int y, ImageObserver observer) {
    throw noImages();
  }

  @Override
  public boolean drawImage(Image image, int x, int y, int w, int h, ImageObserver observer) {
    throw noImages();
  }

  @Override
  public boolean drawImage(Image image, int x, int y, Color background, ImageObserver observer) {
    throw noImages();
  }

  @Override
  public boolean drawImage(
      Image image, int x, int y, int w, int h, Color background, ImageObserver observer) {
    throw noImages();
  }

  @Override
  public boolean drawImage(
      Image image,
      int dx1,
      int dy1,
      int dx2,
      int dy2,
      int sx1,
      int sy1,
      int sx2,
      int sy2,
      ImageObserver observer) {
    throw noImages();
  }

  @Override
  public boolean drawImage(
      Image image,
      int dx1,
      int dy1,
      int dx2,
      int dy2,
      int sx1,
      int sy1,
      int sx2,
      int sy2,
      Color background,
      ImageObserver observer) {
    throw noImages();
  }

  @Override
  public void copyArea(int x, int y, int width, int height, int dx, int dy) {
    throw noImages();
  }

  // State

  @Override
  public Graphics create() {
    return new SvgGraphics(body, clips, width, height, (Graphics2D) state.create());
  }

  @Override
  public void dispose() {
    state.dispose();
  }

  @Override
  public Color getColor() {
    return state.getColor();
  }

  @Override
  public void setColor(Color color) {
    state.setColor(color);
  }

  @Override
  public Paint getPaint() {
    return state.getPaint();
  }

  @Override
  public void setPaint(Paint paint) {
    state.setPaint(paint);
  }

  @Override
  public void setPaintMode() {
    state.setPaintMode();
  }

  @Override
  public void setXORMode(Color color) {
    state.setXORMode(color);
  }

  @Override
  public Color getBackground() {
    return state.getBackground();
  }

  @Override
  public void setBackground(Color color) {
    state.setBackground(color);
  }

  @Override
  public Composite getComposite() {
    return state.getComposite();
  }

  @Override
  public void setComposite(Composite composite) {
    state.setComposite(composite);
  }

  @Override
  public Stroke getStroke() {
    return state.getStroke();
  }

  @Override
  public void setStroke(Stroke stroke) {
    state.setStroke(stroke);
  }

  @Override
  public Font getFont() {
    return state.getFont();
  }

  @Override
  public void setFont(Font font) {
    state.setFont(font);
  }

  @Override
  public FontMetrics getFontMetrics(Font font) {
    return state.getFontMetrics(font);
  }

  @Override
  public FontRenderContext getFontRenderContext() {
    // Without hints for pixels: a vector picture has none.
    return new FontRenderContext(null, true, true);
  }

  @Override
  public Shape getClip() {
    return state.getClip();
  }

  @Override
  public Rectangle getClipBounds() {
    return state.getClipBounds();
  }

  @Override
  public void setClip(Shape clip) {
    state.setClip(clip);
  }

  @Override
  public void setClip(int x, int y, int width, int height) {
    state.setClip(x, y, width, height);
  }

  @Override
  public void clip(Shape shape) {
    state.clip(shape);
  }

  @Override
  public void clipRect(int x, int y, int width, int height) {
    state.clipRect(x, y, width, height);
  }

  @Override
  public boolean hit(Rectangle rectangle, Shape shape, boolean onStroke) {
    return state.hit(rectangle, shape, onStroke);
  }

  @Override
  public GraphicsConfiguration getDeviceConfiguration() {
    return state.getDeviceConfiguration();
  }

  @Override
  public Object getRenderingHint(RenderingHints.Key key) {
    return state.getRenderingHint(key);
  }

  @Override
  public void setRenderingHint(RenderingHints.Key key, Object value) {
    state.setRenderingHint(key, value);
  }

  @Override
  public RenderingHints getRenderingHints() {
    return state.getRenderingHints();
  }

  @Override
  public void setRenderingHints(Map<?, ?> hints) {
    state.setRenderingHints(hints);
  }

  @Override
  public void addRenderingHints(Map<?, ?> hints) {
    state.addRenderingHints(hints);
  }

  @Override
  public AffineTransform getTransform() {
    return state.getTransform();
  }

  @Override
  public void setTransform(AffineTransform transform) {
    state.setTransform(transform);
  }

  @Override
  public void transform(AffineTransform transform) {
    state.transform(transform);
  }

  @Override
  public void translate(int x, int y) {
    state.translate(x, y);
  }

  @Override
  public void translate(double x, double y) {
    state.translate(x, y);
  }

  @Override
  public void rotate(double angle) {
    state.rotate(angle);
  }

  @Override
  public void rotate(double angle, double x, double y) {
    state.rotate(angle, x, y);
  }

  @Override
  public void scale(double x, double y) {
    state.scale(x, y);
  }

  @Override
  public void shear(double x, double y) {
    state.shear(x, y);
  }
}
