package io.gradus.benchmarks.rivals;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.gradus.benchmarks.Machine;
import io.gradus.benchmarks.Rounds;
import java.io.IOException;
import java.io.StringWriter;

/** The report as programs read it, with every round. */
final class JsonReport {
  private final Report report;
  private final JsonGenerator out;

  static String of(Report report) throws IOException {
    var text = new StringWriter();
    try (JsonGenerator out = new JsonFactory().createGenerator(text)) {
      new JsonReport(report, out.useDefaultPrettyPrinter()).write();
    }
    return text + "\n";
  }

  private JsonReport(Report report, JsonGenerator out) {
    this.report = report;
    this.out = out;
  }

  private void write() throws IOException {
    Options options = report.options();
    out.writeStartObject();
    out.writeStringField("date", report.date().toString());
    out.writeStringField("processor", Machine.processor());
    out.writeNumberField("processors", Runtime.getRuntime().availableProcessors());
    out.writeNumberField("memory_bytes", (long) Machine.memoryBytes());
    out.writeStringField("jdk", Runtime.version().toString());
    out.writeNumberField("threads", options.threads());
    out.writeNumberField("rounds", options.rounds());
    out.writeNumberField("seconds", options.seconds());
    out.writeNumberField("loss_tolerance", Result.TOLERANCE);
    write("others_busy", report.busy());
    out.writeObjectFieldStart("versions");
    for (Engine engine : options.engines()) {
      out.writeStringField(engine.option(), engine.versions());
    }
    out.writeEndObject();
    out.writeArrayFieldStart("peaks");
    for (Peaks peaks : report.peaks()) {
      out.writeStartObject();
      for (var figure : peaks.figures().entrySet()) {
        out.writeNumberField(figure.getKey(), figure.getValue());
      }
      out.writeEndObject();
    }
    out.writeEndArray();
    out.writeArrayFieldStart("workloads");
    for (Workload workload : options.workloads()) {
      write(workload);
    }
    out.writeEndArray();
    out.writeEndObject();
  }

  private void write(Workload workload) throws IOException {
    out.writeStartObject();
    out.writeStringField("workload", workload.name());
    out.writeNumberField("units", workload.units());
    out.writeNumberField("gemm_flops", workload.gemmFlops());
    out.writeNumberField("attention_flops", workload.attentionFlops());
    out.writeNumberField("bytes", workload.bytes());
    out.writeNumberField("floor_ms", workload.floor(report.peaksUsed()));
    out.writeNumberField("attainable_ms", workload.attainable(report.peaksUsed()));
    if (report.isCompared(workload)) {
      write("ratio_to_libtorch_mkl", report.ratio(workload));
    }
    out.writeArrayFieldStart("engines");
    for (Engine engine : report.engines(workload)) {
      write(workload, engine);
    }
    out.writeEndArray();
    out.writeEndObject();
  }

  private void write(Workload workload, Engine engine) throws IOException {
    Result result = report.result(workload, engine);
    out.writeStartObject();
    out.writeStringField("engine", engine.option());
    if (!Double.isNaN(result.loss())) {
      out.writeNumberField("loss", result.loss());
    }
    out.writeBooleanField("valid", report.isValid(workload, engine));
    if (result.isMeasured()) {
      out.writeStringField("metric", result.runs().get(0).metric());
      write("rate", result.rate());
      out.writeArrayFieldStart("rounds");
      for (Result.Run run : result.runs()) {
        out.writeNumber(run.rate());
      }
      out.writeEndArray();
      out.writeNumberField("step_ms", report.milliseconds(workload, engine));
      out.writeNumberField("share_of_floor", report.share(workload, engine));
      out.writeNumberField("share_of_attainable", report.shareOfAttainable(workload, engine));
      out.writeNumberField("peak_rss_mb", result.residentMb());
    } else {
      out.writeStringField("failure", result.failure());
    }
    out.writeEndObject();
  }

  private void write(String name, Rounds rounds) throws IOException {
    out.writeObjectFieldStart(name);
    out.writeNumberField("median", rounds.median());
    out.writeNumberField("least", rounds.least());
    out.writeNumberField("most", rounds.most());
    out.writeEndObject();
  }
}
