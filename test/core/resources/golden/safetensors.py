"""Writes safetensors files with nothing but numpy, so that making the golden files needs no package
besides PyTorch."""

import json
import struct

import numpy as np

TYPES = {np.dtype("<f4"): "F32", np.dtype("<i8"): "I64"}


def write(path, tensors, metadata):
  """Writes {name: torch tensor}, wider types first, so that every tensor is aligned to its type."""
  arrays = {name: tensor.detach().numpy() for name, tensor in tensors.items()}
  names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
  header, offset = {"__metadata__": metadata}, 0
  for name in names:
    array = arrays[name]
    header[name] = {
        "dtype": TYPES[array.dtype],
        "shape": list(array.shape),
        "data_offsets": [offset, offset + array.nbytes],
    }
    offset += array.nbytes
  text = json.dumps(header, separators=(",", ":")).encode()
  text += b" " * (-len(text) % 8)
  with open(path, "wb") as out:
    out.write(struct.pack("<Q", len(text)) + text)
    for name in names:
      out.write(arrays[name].tobytes())
  print(f"{path.name}: {len(names)} tensors, {8 + len(text) + offset} bytes")
