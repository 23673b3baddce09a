import Foundation
import Testing

@Suite
struct PrivacyTests {
    /// What App Store Connect looks for.
    private struct Manifest: Decodable {
        struct Accessed: Decodable {
            enum CodingKeys: String, CodingKey {
                case category = "NSPrivacyAccessedAPIType"
                case reasons = "NSPrivacyAccessedAPITypeReasons"
            }
            var category: String
            var reasons: [String]
        }
        enum CodingKeys: String, CodingKey {
            case isTracking = "NSPrivacyTracking"
            case trackingDomains = "NSPrivacyTrackingDomains"
            case collected = "NSPrivacyCollectedDataTypes"
            case accessed = "NSPrivacyAccessedAPITypes"
        }
        var isTracking: Bool
        var trackingDomains: [String]
        var collected: [[String: String]]
        var accessed: [Accessed]
    }

    @Test
    func thePrivacyManifestGivesAReasonForAllThatTheCoreAsksTheSystemFor() throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: "bindings/swift/Sources/MizuSync/PrivacyInfo.xcprivacy"))
        let manifest = try PropertyListDecoder().decode(Manifest.self, from: data)
        #expect(!manifest.isTracking && manifest.trackingDomains.isEmpty && manifest.collected.isEmpty)
        let prefix = "NSPrivacyAccessedAPICategory"
        let expected = ["FileTimestamp", "SystemBootTime", "DiskSpace"].map { prefix + $0 }
        #expect(manifest.accessed.map(\.category) == expected)
        #expect(manifest.accessed.allSatisfy { !$0.reasons.isEmpty })
    }
}
