#!/usr/bin/env bash
# check.sh SWIFTC...: type-check what only Apple's platforms run, against the stubs beside this. SWIFTC is the command of the
# compiler. Run in the folder of Package.swift after `cargo xtask swift build`.
set -euo pipefail
out=target/ios-check
built=target/swift/debug/Modules
rm -rf "$out" && mkdir -p "$out"
ios/headers.sh "$out/headers"
swift6=("$@" -swift-version 6 -warnings-as-errors -parse-as-library -package-name mizusync -I "$out")

module() { # name, sources
  local name=$1
  shift
  nice "${swift6[@]}" -I "$built" -I "$out/headers" -emit-module -module-name "$name" -emit-module-path "$out/$name.swiftmodule" "$@"
  echo "ios: $name is type-checked"
}

for stub in os Network UIKit BackgroundTasks SwiftUI; do
  module "$stub" "ios/stubs/$stub.swift"
done
# shellcheck disable=SC2046 # Names of files without spaces.
module MizuSync $(find bindings/swift/Sources/MizuSync -name '*.swift')
# shellcheck disable=SC2046
module MizuSyncPlatform $(find ios/Sources/MizuSyncPlatform -name '*.swift')
# shellcheck disable=SC2046
module TodoSample $(find ios/Sample -name '*.swift')
echo "ios: 8 passed, 0 failed"
