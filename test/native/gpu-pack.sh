#!/usr/bin/env bash
# Packs what gpu-check.sh takes along to a machine with a GPU that has no JDK and no Maven: a Java runtime,
# the classes of core, of its tests and of the command line, what they depend on, and OpenBLAS.
#
#   test/native/gpu-pack.sh [--built] [FILE]     writes FILE, target/gpu-pack.tar.gz where none is named
#
# With --built it packs what the last build made, as `mvn -DskipTests -pl java/cli -am package` does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() {
  echo "gpu-pack: $1" >&2
  exit 1
}

built=
if [[ ${1:-} == --built ]]; then
  built=yes
  shift
fi
(($# <= 1)) || fail "too many arguments: $*"
file=$(realpath -m "${1:-target/gpu-pack.tar.gz}")

jlink=${JAVA_HOME:+$JAVA_HOME/bin/}jlink
command -v "$jlink" >/dev/null || fail "there is no $jlink: install a JDK, 17 or newer, or let JAVA_HOME name one"
MVN=(mvn -B -ntp -q)
if [[ -z $built ]]; then
  "${MVN[@]}" -Dquick -DskipTests -pl java/cli -am package
fi
classes=java/core/target/classes
for needed in "$classes/io/gradus/backend/linux-x86_64" java/{core,cli}/target/test-classes \
  java/core/target/openblas java/cli/target/gradus-cli.jar java/cli/target/lib; do
  [[ -e $needed ]] || fail "there is no $needed: call it without --built"
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Folders rather than jars where tests look into them, and OpenBLAS where CMake finds its headers as well.
# MANIFEST.txt says what was packed, and when.
cp -r "$classes" "$folder/classes"
cp -r java/core/target/test-classes "$folder/test-classes"
cp -r java/cli/target/test-classes "$folder/cli-test-classes"
cp -r java/core/target/openblas "$folder/openblas"
mkdir "$folder/lib"
cp java/cli/target/gradus-cli.jar "$folder/lib"
# Core's jars and OpenBLAS' are those folders.
find java/cli/target/lib -name '*.jar' ! -name 'gradus-[0-9]*' ! -name 'openblas-*-linux-x86_64.jar' \
  -exec cp -t "$folder/lib" {} +

junit=$(sed -n 's:.*<junit.version>\(.*\)</junit.version>.*:\1:p' pom.xml)
[[ -n $junit ]] || fail "pom.xml has no junit.version"
plugin=$(sed -n '/<artifactId>maven-dependency-plugin</,/<version>/s:.*<version>\(.*\)</version>.*:\1:p' pom.xml)
"${MVN[@]}" "org.apache.maven.plugins:maven-dependency-plugin:${plugin:?}:copy" -N \
  "-Dartifact=org.junit.platform:junit-platform-console-standalone:$junit" "-DoutputDirectory=$folder/lib"

# What is loaded from these class paths, and java.desktop, without which the command line draws no curves.
"$jlink" --add-modules java.base,java.logging,java.management,java.xml,jdk.management,jdk.unsupported \
  --strip-debug --no-header-files --no-man-pages --output "$folder/runtime"

{
  date -u +%Y-%m-%dT%H:%M:%SZ
  git describe --always --dirty 2>/dev/null || echo "not a git checkout"
  "$folder/runtime/bin/java" -version 2>&1
} >"$folder/MANIFEST.txt"
mkdir -p "$(dirname "$file")"
tar -C "$folder" --owner=0 --group=0 -czf "$file" .
du -sh "$folder"/* | sed "s:$folder/::"
echo "gpu-pack: $file has $(($(stat -c %s "$file") / 1000000)) MB"
