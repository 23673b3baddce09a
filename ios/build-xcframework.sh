#!/usr/bin/env bash
# Builds target/ios/MizuSyncFFI.xcframework, for devices, simulators and Macs, on a Mac with Xcode and Rust. Zips it and prints
# its checksum, as a release of the Swift package names it. Was never run yet.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ "$(uname)" = Darwin ] || { echo "build-xcframework: this needs a Mac with Xcode" >&2; exit 1; }
for tool in cargo xcodebuild lipo ditto swift; do
  command -v "$tool" >/dev/null || { echo "build-xcframework: $tool is missing" >&2; exit 1; }
done

cargo xtask bindings
out=target/ios
rm -rf "$out" && mkdir -p "$out/simulator" "$out/mac"
ios/headers.sh "$out/headers"
headers=$out/headers

library=libmizu_sync_native.a
export IPHONEOS_DEPLOYMENT_TARGET=16.0 MACOSX_DEPLOYMENT_TARGET=13.0
for target in aarch64-apple-ios aarch64-apple-ios-sim x86_64-apple-ios aarch64-apple-darwin x86_64-apple-darwin; do
  cargo build -p mizu-sync-native --profile mobile --target "$target"
done
built() { printf 'target/%s/mobile/%s' "$1" "$library"; }
lipo -create "$(built aarch64-apple-ios-sim)" "$(built x86_64-apple-ios)" -output "$out/simulator/$library"
lipo -create "$(built aarch64-apple-darwin)" "$(built x86_64-apple-darwin)" -output "$out/mac/$library"

xcodebuild -create-xcframework \
  -library "$(built aarch64-apple-ios)" -headers "$headers" \
  -library "$out/simulator/$library" -headers "$headers" \
  -library "$out/mac/$library" -headers "$headers" \
  -output "$out/MizuSyncFFI.xcframework"
ditto -c -k --keepParent "$out/MizuSyncFFI.xcframework" "$out/MizuSyncFFI.xcframework.zip"
swift package compute-checksum "$out/MizuSyncFFI.xcframework.zip"
