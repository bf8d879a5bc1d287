"""Writes tables with PyArrow, one file for each compression: python3 tables.py (PyArrow 25)."""

import datetime
import decimal
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

N = 50
HERE = pathlib.Path(__file__).parent


def some(values, every):
    """The values, but for each that is none."""
    return [None if i % every == every - 1 else x for i, x in enumerate(values)]


table = pa.table({
    "i8": pa.array([i - 25 for i in range(N)], pa.int8()),
    "u32": pa.array([2**32 - 1 - i for i in range(N)], pa.uint32()),
    "i64": pa.array(some([i * 10**10 for i in range(N)], 7), pa.int64()),
    "u64": pa.array([2**64 - 2**12 * (i + 1) for i in range(N)], pa.uint64()),
    "f32": pa.array([i / 8 for i in range(N)], pa.float32()),
    "f64": pa.array(some([i * 0.1 for i in range(N)], 5), pa.float64()),
    "decimal": pa.array([decimal.Decimal(i - 10) / 100 for i in range(N)], pa.decimal128(9, 2)),
    "text": pa.array(some([f"tëxt {i % 3}" for i in range(N)], 4), pa.string()),
    "boolean": pa.array([i % 2 == 0 for i in range(N)], pa.bool_()),
    "date": pa.array([datetime.date(2026, 1, 1) + datetime.timedelta(i) for i in range(N)]),
    "raw": pa.array([b"r%d" % i for i in range(N)], pa.binary()),
})
for compression in ("none", "snappy", "gzip", "zstd", "lz4"):
    pq.write_table(table, HERE / f"{compression}.parquet", compression=compression,
                   row_group_size=20, data_page_version="2.0" if compression == "zstd" else "1.0",
                   write_page_checksum=True)
pq.write_table(pa.table({"flat": [1, 2], "nested": [[1], [2, 3]], "struct": [{"a": 1}, {"a": 2}]}),
               HERE / "nested.parquet")
