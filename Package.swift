// swift-tools-version: 6.0

import Foundation
import PackageDescription

/// The core of a release, for Apple's platforms: set in the tags of releases alone, see RELEASING.md.
let release: (url: String, checksum: String)? = nil

/// What `cargo xtask bindings` has generated, and the library of the core beside it.
let generated = "target/bindings/swift"

/// What `ios/build-xcframework.sh` has built.
let framework = "target/ios/MizuSyncFFI.xcframework"

/// The core: that of a release, or one that was built here for Apple's platforms, or for this machine alone.
let core: Target =
    if let release {
        .binaryTarget(name: "MizuSyncFFI", url: release.url, checksum: release.checksum)
    } else if FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/\(framework)") {
        .binaryTarget(name: "MizuSyncFFI", path: framework)
    } else {
        .target(
            name: "MizuSyncFFI", path: "\(generated)/MizuSyncFFI",
            linkerSettings: [
                .linkedLibrary("mizu_sync_native"),
                // Which SwiftPM takes from a package that is depended on by its path: what was built here is in no other.
                .unsafeFlags(["-L\(Context.packageDirectory)/\(generated)/lib"]),
                // What imports Observation would look for symbols that the library of it does not need.
                .unsafeFlags(["-Xlinker", "--unresolved-symbols=ignore-in-shared-libs"], .when(platforms: [.linux])),
            ])
    }

let package = Package(
    name: "MizuSync",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [
        .library(name: "MizuSync", targets: ["MizuSync"]),
        .library(name: "MizuSyncPlatform", targets: ["MizuSyncPlatform"]),
        .library(name: "MizuSyncTesting", targets: ["MizuSyncTesting"]),
    ],
    targets: [
        core,
        .target(name: "MizuSyncNative", dependencies: ["MizuSyncFFI"], path: "\(generated)/MizuSyncNative"),
        .target(
            name: "MizuSync", dependencies: ["MizuSyncNative"], path: "bindings/swift/Sources/MizuSync",
            resources: [.copy("PrivacyInfo.xcprivacy")]),
        // Most of it is empty where there is no UIKit.
        .target(
            name: "MizuSyncPlatform", dependencies: ["MizuSync"], path: "ios/Sources/MizuSyncPlatform"),
        .target(
            name: "MizuSyncTesting", dependencies: ["MizuSync", "MizuSyncNative"],
            path: "bindings/swift/Sources/MizuSyncTesting"),
        // The program of README, which a test runs.
        .executableTarget(
            name: "FirstProgram", dependencies: ["MizuSync"], path: "bindings/swift/Tests/FirstProgram"),
        .executableTarget(
            name: "Figures", dependencies: ["MizuSync", "MizuSyncTesting"], path: "bindings/swift/Tests/Figures"),
        .testTarget(
            name: "MizuSyncTests",
            dependencies: ["MizuSync", "MizuSyncNative", "MizuSyncPlatform", "MizuSyncTesting", "FirstProgram"],
            path: "bindings/swift/Tests/MizuSyncTests"),
    ],
    swiftLanguageModes: [.v6]
)
