#!/usr/bin/env bash
# headers.sh FOLDER: copies what Swift imports of the core there, as an xcframework has it: in a folder of its name. Xcode puts
# the headers of all frameworks of an app into one place, where there can be one module.modulemap only.
set -euo pipefail
mkdir -p "$1/MizuSyncFFI"
cp target/bindings/swift/MizuSyncFFI/include/* "$1/MizuSyncFFI/"
