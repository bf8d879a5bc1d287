"""Writes an event file with TensorBoard's own writer, for TensorBoardLogTest.

Made with tensorboard 2.21.0: python3 event_files.py. Times are fixed, so it gives the same bytes.
"""

import pathlib

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2
from tensorboard.compat.proto import types_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

Value = summary_pb2.Summary.Value


def tensor(dtype, dims=(), **values):
    shape = tensor_shape_pb2.TensorShapeProto(
        dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in dims])
    return tensor_pb2.TensorProto(dtype=dtype, tensor_shape=shape, **values)


def metadata(plugin):
    return summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name=plugin))


VALUES = [
    Value(tag="old", simple_value=0.5),
    Value(tag="new", metadata=metadata("scalars"),
          tensor=tensor(types_pb2.DT_FLOAT, float_val=[0.25])),
    Value(tag="double", metadata=metadata("scalars"),
          tensor=tensor(types_pb2.DT_DOUBLE, double_val=[0.1])),
    Value(tag="histogram", histo=summary_pb2.HistogramProto(
        min=-2, max=3.5, num=6, sum=3.75, sum_squares=17,
        bucket_limit=[-1, 0.5, 2, 4], bucket=[1, 2, 0, 3])),
    Value(tag="text", metadata=metadata("text"),
          tensor=tensor(types_pb2.DT_STRING, (2,), string_val=[b"first", b"second"])),
]

folder = pathlib.Path(__file__).parent / "tensorboard"
folder.mkdir(exist_ok=True)
with open(folder / "events.out.tfevents.1", "wb") as out:
    writer = RecordWriter(out)
    writer.write(event_pb2.Event(wall_time=1, file_version="brain.Event:2").SerializeToString())
    for step, value in enumerate(VALUES, 1):
        event = event_pb2.Event(
            wall_time=step + 0.5, step=step, summary=summary_pb2.Summary(value=[value]))
        writer.write(event.SerializeToString())
    writer.flush()
