#!/usr/bin/env bash
# Checks the CUDA backend on a machine with a GPU: builds it there, runs the kernel tests against their
# double references, the small ones under compute-sanitizer too, times the kernels, and trains GPT-2 in
# PyTorch beside Gradus. It is meant to take 8 minutes of 16 cores; no GPU has run it yet. It needs nvcc,
# CMake, ninja and the folder that `mvn -pl java/core initialize` unpacks OpenBLAS to.
#
#   test/native/gpu-check.sh [OUTPUT]     leaves tests.xml, kernels.md, torch.json and gradus.json there
#
# With the environment's JAVA and CLI (an executable jar of gradus-cli) it trains in Gradus as well.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly OUTPUT=$(realpath -m "${1:-target/gpu-check}")
readonly BUILD=${BUILD:-$OUTPUT/build}
# The newest cuBLASLt of Python's packages, where the system has none of its own.
readonly LIBRARIES=${LIBRARIES:-$(dirname "$(python3 - <<'PYTHON'
import glob, site, sys
folders = site.getsitepackages() + [site.getusersitepackages()]
found = [f for s in folders for f in glob.glob(s + "/nvidia/**/libcublasLt.so.*", recursive=True)]
print(sorted(found)[-1] if found else "-/-")
PYTHON
)")}
mkdir -p "$OUTPUT"
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | tee "$OUTPUT/device.txt"

cmake -G Ninja -S native -B "$BUILD" -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=ON -DGRADUS_CUDA=ON \
  -DGRADUS_GPU_TESTS=ON -DGRADUS_LEVELS=v3 -DGRADUS_CUDA_LIBRARIES="$LIBRARIES" \
  -DGRADUS_OPENBLAS="$PWD/java/core/target/openblas/org/bytedeco/openblas/linux-x86_64" >/dev/null
cmake --build "$BUILD" --parallel "$(nproc)" >"$OUTPUT/build.log" || { tail -n 40 "$OUTPUT/build.log"; exit 1; }

status=0
ctest --test-dir "$BUILD" -R '_gpu$' --output-on-failure --output-junit "$OUTPUT/tests.xml" || status=1

if command -v compute-sanitizer >/dev/null; then
  for name in activations losses normalization optimizers softmax; do
    compute-sanitizer --error-exitcode 1 --log-file "$OUTPUT/sanitizer-$name.log" \
      "$BUILD/test/${name}_test" "$BUILD/cuda/libgradus_cuda.so" "$LIBRARIES" || status=1
  done
fi

g++ -std=c++17 -O2 -Inative/include benchmarks/gpu/kernels.cpp -o "$BUILD/kernels" -ldl
"$BUILD/kernels" "$BUILD/cuda/libgradus_cuda.so" "$LIBRARIES" | tee "$OUTPUT/kernels.md" || status=1

if python3 -c 'import torch' 2>/dev/null; then
  python3 benchmarks/gpu/gpt2_torch.py 64 1024 20 | tee "$OUTPUT/torch.json" || status=1
fi
if [[ -n ${CLI:-} ]]; then
  "${JAVA:-java}" -Dgradus.cuda.library="$BUILD/cuda/libgradus_cuda.so" -Dgradus.cuda.path="$LIBRARIES" \
    -jar "$CLI" bench --device cuda --workload gpt2_b64_t1024_bf16 --json | tee "$OUTPUT/gradus.json" ||
    status=1
fi
exit $status
