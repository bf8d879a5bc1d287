#!/usr/bin/env bash
# Checks and measures the CUDA backend on a machine with a GPU, within 8 minutes of 16 cores: builds it there,
# runs the kernel tests against their double references, the small ones under compute-sanitizer too, the op
# table, training beside the processor's and 10,000 steps from Java, then times kernels and whole steps beside
# PyTorch's.
#
#   test/native/gpu-check.sh [--emulated] [OUTPUT]
#
# leaves summary.md, results.json and log.txt in OUTPUT, target/gpu-check.
#
# It needs nvcc, CMake, ninja and a C++ compiler there, for the comparison python3 with PyTorch, and what
# gpu-pack.sh packs: PACK names that file. Every stage has a time limit of its own, and one that fails stops
# only those that need what it makes. With --emulated it runs every stage in small on the emulated GPU, where
# nothing can be measured, to see that it works.
#
#   WORK       a folder for all that it makes, target/gpu-check/work
#   BUILD      that of the native build, $WORK/build; one that is configured is built as it is
#   LIBRARIES  the folder with cuBLASLt, where the system does not find it
#   PYTHON     a Python 3, best one that has PyTorch, python3
#   MINUTES    for all stages together, 8
set -euo pipefail
SELF=$(realpath "${BASH_SOURCE[0]}")
cd "$(dirname "$SELF")/../.."

readonly SKIPPED=75

main() {
  local output=${1:-target/gpu-check} name
  output=$(realpath -m "$output")
  export WORK=${WORK:-target/gpu-check/work} PACK=${PACK:-target/gpu-pack.tar.gz} PYTHON=${PYTHON:-python3}
  WORK=$(realpath -m "$WORK")
  PACK=$(realpath -m "$PACK")
  export BUILD=${BUILD:-$WORK/build}
  BUILD=$(realpath -m "$BUILD")
  export TORCHINDUCTOR_CACHE_DIR=$WORK/torch TRITON_CACHE_DIR=$WORK/triton
  rm -rf "$WORK"/{stages,logs,results,cache,carried} "$output"/{summary.md,results.json,log.txt}
  mkdir -p "$WORK"/{stages,logs,results,cache} "$output"
  # Building for the host, and what then runs, may take its time.
  PATIENCE=${EMULATED:+5}
  END=$((SECONDS + ${MINUTES:-8} * 60 * ${PATIENCE:-1}))

  run device 30
  run unpack 60
  # What follows in two threads: the compilers', and, with a core of its own, PyTorch's.
  run torch_compile 170 &
  run build 240
  # Right or wrong, all at once: nothing is timed.
  run kernel_tests 180 &
  run sanitizer 150 &
  run java_info 60 &
  run java_ops 180 &
  run java_training 120 &
  run java_commands 150 &
  run java_long 180 &
  wait
  # Nothing else runs beside what is timed.
  run kernel_times 60
  for name in gpt2 mlp shakespeare; do
    run "gradus_$name" 60
    run "torch_$name" 90
  done

  "$PYTHON" test/native/gpu-report "$WORK" "$output"
}

# Runs stage_NAME with a time limit and notes in $WORK/stages how it went.
run() {
  local name=$1 limit=$(($2 * ${PATIENCE:-1})) start=$SECONDS left=$((END - SECONDS)) status=0 outcome reason=
  local log=$WORK/logs/$name.log
  if ((left < limit)); then limit=$left; fi
  if ((limit < 5)); then
    echo "there was no time left" >"$log"
    status=$SKIPPED
  else
    LOG=$log timeout -k 5 "$limit" bash "$SELF" --stage "$name" >"$log" 2>&1 </dev/null || status=$?
  fi
  reason=$(grep -v '^[[:space:]]*$' "$log" | tail -n 1 | tr '\t' ' ' | cut -c 1-200 || true)
  case $status in
    0) outcome=passed ;;
    "$SKIPPED") outcome=skipped ;;
    124 | 137) outcome=failed reason="took more than $limit s; last: $reason" ;;
    *) outcome=failed ;;
  esac
  printf '%s\t%s\t%d\t%s\n' "$name" "$outcome" $((SECONDS - start)) "$reason" >"$WORK/stages/$name"
  echo "gpu-check: $name $outcome after $((SECONDS - start)) s: $reason"
}

skip() {
  echo "$1"
  exit $SKIPPED
}

# The settings of a stage. The emulated GPU takes milliseconds for what a real one does in microseconds.
settings() {
  libraries=${LIBRARIES:-$(find_libraries)}
  if [[ -n ${EMULATED:-} ]]; then
    library=$BUILD/test/libgradus_cuda_emulated.so libraries=$BUILD/test/nvidia
    targets=(gradus_cuda_emulated activations_test softmax_test)
    native_tests='^(activations|softmax)_test_cuda$'
    sanitized=(softmax) raced=(softmax)
    ops='^(mixed|closed)_' training=(CudaModuleTest) commands=#steps_are_measured long=#a_classifier_takes_no_more_memory_with_each_tape
    large=false small=4096 seconds=0.2
    gpt2=gpt2_b1_t4_bf16 mlp=mlp_784_256_10_b32 shakespeare=shakespeare_b1_t8
    torch=(--device cpu --layers 1)
  else
    library=$BUILD/cuda/libgradus_cuda.so
    targets=(gradus_cuda cuda_tests)
    native_tests='_gpu$'
    sanitized=(activations losses normalization optimizers reductions softmax) raced=(normalization softmax)
    ops=. training=(CudaTest CudaModuleTest CudaTrainingTest) commands= long=
    large=true small=1 seconds=5
    gpt2=gpt2_b64_t1024_bf16 mlp=mlp_784_256_10_b32 shakespeare=shakespeare_b8_t256
    torch=(--device cuda)
  fi
  carried=$WORK/carried
  openblas=$carried/openblas/org/bytedeco/openblas/linux-x86_64
}

# The newest cuBLASLt of Python's packages; "-" where there is none, and the system's own is looked for.
find_libraries() {
  "$PYTHON" - 2>/dev/null <<'EOF' || echo -
import glob, os, site
folders = site.getsitepackages() + [site.getusersitepackages()]
found = [f for s in folders for f in glob.glob(s + "/nvidia/**/libcublasLt.so.*", recursive=True)]
print(os.path.dirname(sorted(found)[-1]) if found else "-")
EOF
}

need_library() { [[ -e $library ]] || skip "there is no $library"; }
need_java() { [[ -e $carried/runtime ]] || skip "nothing was carried along: see gpu-pack.sh"; }
need_torch() {
  "$PYTHON" -c 'import torch' 2>/dev/null || skip "$PYTHON has no PyTorch"
  [[ -n ${EMULATED:-} ]] || "$PYTHON" -c 'import torch; exit(not torch.cuda.is_available())' ||
    skip "PyTorch sees no GPU"
}

stage_device() {
  nproc
  if [[ -n ${EMULATED:-} ]]; then
    echo "an emulated GPU: nothing that is timed here means anything"
    return
  fi
  nvcc --version | tail -n 2
  nvidia-smi --query-gpu=name,compute_cap,driver_version,memory.total --format=csv,noheader | head -n 1
}

stage_unpack() {
  [[ -e $PACK ]] || skip "there is no $PACK: gpu-pack.sh makes it"
  mkdir -p "$carried"
  tar -xzf "$PACK" -C "$carried"
  paste -sd ' ' "$carried/MANIFEST.txt"
}

stage_build() {
  local options=(-G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=ON -DGRADUS_LEVELS=v3
    "-DGRADUS_OPENBLAS=$openblas") keep=(-k)
  if [[ -z ${EMULATED:-} ]]; then
    options+=(-DGRADUS_CUDA=ON "-DGRADUS_CUDA_ARCHITECTURES=$(architecture)" -DGRADUS_EMULATOR=OFF
      -DGRADUS_GPU_TESTS=ON "-DGRADUS_CUDA_LIBRARIES=$libraries")
  else
    options+=(-DGRADUS_CUDA=OFF)
  fi
  if [[ ! -e $BUILD/CMakeCache.txt ]]; then
    need_java
    cmake -S native -B "$BUILD" "${options[@]}"
  fi
  # A test that does not compile must not keep the others from running.
  if [[ -e $BUILD/build.ninja ]]; then keep+=(0); fi
  cmake --build "$BUILD" --parallel "$(nproc)" --target "${targets[@]}" -- "${keep[@]}"
  stat -c '%s bytes: %n' "$library"
}

# What the GPU here runs; PTX, which the driver then compiles, where it is none that we know.
architecture() {
  case $(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1) in
    9.0) echo 90a-real ;;
    8.0) echo 80-real ;;
    *) echo 80-virtual ;;
  esac
}

stage_kernel_tests() {
  need_library
  local status=0
  ctest --test-dir "$BUILD" -R "$native_tests" --no-tests=error --parallel 8 --timeout 120 \
    --output-on-failure || status=$?
  summarize '% tests passed'
  return $status
}

# The last line of this stage's log that has this text becomes the last of all, which the report shows.
summarize() {
  grep -h -- "$1" "$LOG" | tail -n 1 || true
}

stage_sanitizer() {
  need_library
  [[ -n ${EMULATED:-} ]] || command -v compute-sanitizer >/dev/null || skip "there is no compute-sanitizer"
  local name job jobs=() failed=()
  for name in "${sanitized[@]/%/:memcheck}" "${raced[@]/%/:racecheck}"; do
    sanitize "${name%:*}" "${name#*:}" >"$WORK/logs/sanitizer-${name/:/-}.txt" 2>&1 &
    jobs+=("$name:$!")
  done
  for job in "${jobs[@]}"; do
    if ! wait "${job##*:}"; then failed+=("${job%:*}"); fi
  done
  tail -n 12 "$WORK"/logs/sanitizer-*.txt
  echo "${#jobs[@]} programs, not clean or too slow: ${failed[*]:-none}"
  ((${#failed[@]} == 0))
}

sanitize() {
  local sanitizer=(compute-sanitizer --tool "$2" --error-exitcode 1)
  if [[ -n ${EMULATED:-} ]]; then sanitizer=(env); fi
  timeout 130 "${sanitizer[@]}" "$BUILD/test/$1_test" "$library" "$libraries"
}

# A JVM with everything that was carried along: $1 is its class or jar's arguments.
java() {
  local path=$carried/classes:$carried/test-classes:$carried/cli-test-classes:$carried/openblas:$carried/lib/\*
  local options=("-Dorg.bytedeco.javacpp.cachedir=$WORK/cache" "-Dgradus.cuda.cache=$WORK/cache"
    "-Dgradus.cuda.library=$library" --enable-native-access=ALL-UNNAMED)
  if [[ $libraries != - ]]; then options+=("-Dgradus.cuda.path=$libraries"); fi
  "$carried/runtime/bin/java" "${options[@]}" -cp "$path" "$@"
}

# JUnit's console; it fails where a test fails, and where there is none.
junit() {
  local options=()
  while [[ $1 == -[DX]* ]]; do
    options+=("$1")
    shift
  done
  java "${options[@]}" org.junit.platform.console.ConsoleLauncher execute --disable-banner \
    --disable-ansi-colors --fail-if-no-tests --details=summary "$@"
}

stage_java_info() {
  need_library
  need_java
  java io.gradus.cli.Main info
}

# One JVM for each question that the table asks of its rows.
stage_java_ops() {
  need_library
  need_java
  local name job jobs=() failed=() table=test/core/java/io/gradus/op/OpTableTest.java
  for name in $(sed -n 's/^  Stream<DynamicTest> \([a-z_]*\)() {$/\1/p' "$table" | grep -E "$ops"); do
    junit -Dgradus.cuda.blocking=true -Dgradus.threads=1 \
      --select-method "io.gradus.op.OpTableTest#$name" >"$WORK/logs/ops-$name.txt" 2>&1 &
    jobs+=("$name:$!")
  done
  ((${#jobs[@]})) || { echo "no test of $table has this name: $ops"; return 1; }
  for job in "${jobs[@]}"; do
    if ! wait "${job##*:}"; then failed+=("${job%:*}"); fi
  done
  head -c 20000 "$WORK"/logs/ops-*.txt
  awk -v questions=${#jobs[@]} -v failed="${failed[*]:-none}" '/^\[ *[0-9]+ tests successful/ { n += $2 }
    END { print n + 0 " tests of " questions " questions passed; questions with failures: " failed }' \
    "$WORK"/logs/ops-*.txt
  ((${#failed[@]} == 0))
}

stage_java_training() {
  need_library
  need_java
  local name selected=()
  for name in "${training[@]}"; do
    selected+=("$(selector "$name")")
  done
  counted -Dgradus.threads=4 "${selected[@]}"
}

stage_java_commands() {
  need_library
  need_java
  counted -Dgradus.threads=4 "$(selector "CudaCommandsTest$commands")"
}

# JUnit, with the number of tests that passed as the last line.
counted() {
  local status=0
  junit "$@" || status=$?
  summarize 'tests successful'
  return $status
}

# How JUnit's console is told of a class, or of one of its methods behind a #.
selector() {
  local file
  file=$(cd test && find core/java cli/java -name "${1%%#*}.java")
  file=${file#*/java/}
  file=${file%.java}
  case $1 in
    *\#*) echo "--select-method=${file//\//.}#${1#*#}" ;;
    *) echo "--select-class=${file//\//.}" ;;
  esac
}

# 100 steps in BF16 beside the processor's in F32, and 10,000 that take no more memory. The heap is touched
# before, and the optimizing compiler's memory comes and goes, so that what grows is ours.
stage_java_long() {
  need_library
  need_java
  local status=0
  junit -Dgradus.test.large=$large -Dgradus.threads=6 -XX:TieredStopAtLevel=1 -Xms512m -Xmx512m \
    -XX:+AlwaysPreTouch "$(selector "CudaLongTrainingTest$long")" || status=1
  summarize 'apart$\|resident$\|AssertionFailedError'
  return $status
}

stage_kernel_times() {
  need_library
  g++ -std=c++17 -O2 -Wall -Wextra -Inative/include benchmarks/gpu/kernels.cpp -o "$WORK/kernels" -ldl
  "$WORK/kernels" "$library" "$libraries" "$small" | tee "$WORK/kernels.md"
  tail -n 1 "$WORK/kernels.md" >"$WORK/results/kernels.json"
  echo "$(grep -c '^| ' "$WORK/kernels.md") lines of times"
}

stage_gradus_gpt2() { gradus "$gpt2"; }
stage_gradus_mlp() { gradus "$mlp"; }
stage_gradus_shakespeare() { gradus "$shakespeare"; }

gradus() {
  need_library
  need_java
  # The command line has no smaller ones, and the emulated GPU would take an hour.
  if [[ -n ${EMULATED:-} && $1 != mlp* ]]; then skip "$1 is too much for the emulated GPU"; fi
  java io.gradus.cli.Main bench --device cuda --workload "$1" --seconds "$seconds" --json |
    tee "$WORK/results/gradus_$1.json"
}

stage_torch_compile() { torch_bench "$gpt2" --mode compile --warm-up; }
stage_torch_gpt2() { torch_bench "$gpt2" --mode compile; }
stage_torch_mlp() { torch_bench "$mlp" --mode eager; }
stage_torch_shakespeare() { torch_bench "$shakespeare" --mode eager; }

torch_bench() {
  need_torch
  local file=$WORK/results/torch_$1.json
  "$PYTHON" benchmarks/gpu/torch_bench.py "$@" "${torch[@]}" --seconds "$seconds" | tee "$file"
  [[ -s $file ]] || rm "$file"
}

if [[ ${1:-} == --emulated ]]; then
  export EMULATED=yes
  shift
fi
if [[ ${1:-} == --stage ]]; then
  settings
  "stage_$2"
else
  main "$@"
fi
