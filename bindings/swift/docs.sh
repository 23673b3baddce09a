#!/usr/bin/env bash
# docs.sh: build the documentation of MizuSync into target/docc. A link that leads nowhere is an error. Run in the folder of
# Package.swift after `cargo xtask swift build`.
set -euo pipefail
out=target/docc
docc=$(command -v docc || echo /usr/libexec/swift/bin/docc)
rm -rf "$out" && mkdir -p "$out/graphs"
# shellcheck disable=SC2046 # Names of files without spaces.
swiftc -swift-version 6 -parse-as-library -package-name mizusync -I target/swift/debug/Modules \
  -Xcc -fmodule-map-file=target/bindings/swift/MizuSyncFFI/include/module.modulemap \
  -emit-module -module-name MizuSync -emit-module-path "$out/MizuSync.swiftmodule" \
  -emit-symbol-graph -emit-symbol-graph-dir "$out/graphs" $(find bindings/swift/Sources/MizuSync -name '*.swift')
"$docc" convert bindings/swift/Sources/MizuSync/MizuSync.docc --additional-symbol-graph-dir "$out/graphs" \
  --fallback-bundle-identifier dev.mizu.sync --output-path "$out/html" --warnings-as-errors
