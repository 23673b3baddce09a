import Foundation

/// How a ``SyncClient`` is opened.
///
/// Callbacks are called one after the other on a thread of the SDK. One that throws or takes its time breaks nothing, but as
/// long as it takes nothing else is told, and loops over values have no news. What it throws is logged. One that needs the client takes it from where the app keeps it, or weakly: a client that its own
/// callbacks hold is only freed by ``SyncClient/close()``.
public struct SyncOptions: Sendable {
    /// Where the data is kept: a file for each scope.
    public var database = Database.automatic

    /// The user whose data this is. The file remembers it, and is refused to another one.
    public var principal: String?

    /// What the server knows the user by; needs a ``principal``. Sent as `Authorization: Bearer …`, never stored, never
    /// logged. See also ``SyncClient/setToken(_:)``.
    public var token: String?

    /// Whether `http://` may lead to other hosts. Everybody on the way can read and change what is sent.
    public var allowsCleartext = false

    /// Whether a power cut may take the last writes, which are faster for it. The death of the process takes none.
    public var relaxedDurability = false

    /// How often the server is asked for changes when nothing else asks for them; ten times that while it hints.
    public var pullInterval = Duration.seconds(30)

    /// The longest that a write is held back to send it together with later ones.
    public var pushInterval = Duration.zero

    /// Whether a live socket is kept open while the app is seen, on which the server hints at changes.
    public var live = true

    /// The app's own version. When it changes, what the former one could not read is fetched again.
    public var appVersion = ""

    /// How values become JSON. Dates are texts such as `2027-01-01T10:00:00.000Z` unless told, which are ordered as the times.
    public var encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .custom { try Timestamp.encode($0, to: $1) }
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }()

    /// How JSON becomes values. Dates are read from texts of RFC 3339 unless told, with any number of digits behind the second.
    public var decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom { try Timestamp.date(from: $0) }
        return decoder
    }()

    /// Called when a sync has caught up with the server and its cursor has moved, and after the first sync.
    public var onSync: (@Sendable (_ cursor: UInt64) throws -> Void)?

    /// Called when something is in the way of the sync: once, until it is over or something else is. Also when the file
    /// cannot be opened.
    public var onError: (@Sendable (SyncError) throws -> Void)?

    /// Called when the server begins to answer.
    public var onOnline: (@Sendable () throws -> Void)?

    /// Called when the server ceases to answer.
    public var onOffline: (@Sendable () throws -> Void)?

    /// Called for each write that the server refuses. It is also in ``SyncClient/rejected`` until it is decided about.
    public var onRejected: (@Sendable (RejectedMutation) throws -> Void)?

    /// Called when the server does not accept the token, for the app to get another one in its own time and to give it to
    /// ``SyncClient/setToken(_:)``. Until then nothing is sent, and nothing counts as failed.
    public var onTokenNeeded: (@Sendable () throws -> Void)?

    /// Called with what the SDK says for developers. Never a token, and nothing of the user's data.
    public var onLog: (@Sendable (LogLine) throws -> Void)?

    var headers: [(name: String, value: String)] = []
    var indexes: [(collection: String, fields: [Field])] = []
    var upcasts: [(collection: String, version: Int, step: Upcasting)] = []

    /// A step to the next version of the app's model.
    typealias Upcasting = @Sendable (inout [String: JSON]) throws -> Void

    init() {}

    /// As they are unless told.
    package static var standard: SyncOptions { SyncOptions() }

    /// A header for every request.
    public mutating func header(_ name: String, _ value: String) {
        headers.append((name, value))
    }

    /// An index on properties of a collection, the most important first: queries that begin with them are fast.
    public mutating func index(_ collection: String, _ properties: String...) {
        indexes.append((collection, properties.map { field($0) }))
    }

    /// As the other one, for properties of properties.
    public mutating func index(_ collection: String, _ fields: Field...) {
        indexes.append((collection, fields))
    }

    /// Brings entities that older versions of the app have written to `version` of a collection's model, when they are read.
    /// What had no versions is of version 1. Where a new optional property will do, that is simpler.
    ///
    /// One that throws changes nothing: the entity then does not fit the type, which is told.
    public mutating func upcast(
        _ collection: String, to version: Int,
        _ change: @escaping @Sendable (_ fields: inout [String: JSON]) throws -> Void
    ) {
        upcasts.append((collection, version, change))
    }

    var coders: Coders { Coders(encoder: encoder, decoder: decoder) }
}

/// Where a ``SyncClient`` keeps its data.
public enum Database: Hashable, Sendable {
    /// A file of the scope in the folder for the app's own data, `Application Support/MizuSync`, which is in no backup. On a Mac
    /// and on Linux, where apps share that folder, it is in one of the app's name there.
    case automatic
    /// This file. It is made if it is not there, its folder is not. Exclude it, and the files beside it, from backups.
    case file(URL)
    /// No file: for tests and previews.
    case inMemory

    /// The path of the file for a scope; `nil` where there is none. Makes the folder of an automatic one.
    func path(scope: String) throws -> String? {
        switch self {
        case .inMemory: return nil
        case .file(let url):
            guard url.isFileURL else {
                throw SyncError(.invalidOption, "the option database is not valid: \(url) is no file URL")
            }
            return url.path
        case .automatic:
            do {
                let folder = try FileManager.default
                    .url(for: .applicationSupportDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
                    .appendingPathComponent(Self.folderName, isDirectory: true)
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                try Self.keepToThisDevice(folder)
                return folder.appendingPathComponent(Self.fileName(scope: scope)).path
            } catch {
                throw SyncError(
                    .fileUnusable,
                    "the folder for the database cannot be made: give a file of your own by the option database "
                        + "(\((error as NSError).localizedDescription))")
            }
        }
    }

    /// What is in the folder comes into no backup: on another device it would go on as this one. And it can be read while the
    /// device is locked, for syncs in the background, once it was unlocked.
    private static func keepToThisDevice(_ folder: URL) throws {
        #if canImport(Darwin)
            var folder = folder
            var values = URLResourceValues()
            values.isExcludedFromBackup = true
            try folder.setResourceValues(values)
        #endif
        #if os(iOS) || os(tvOS) || os(watchOS) || os(visionOS)
            let protection = FileProtectionType.completeUntilFirstUserAuthentication
            try FileManager.default.setAttributes([.protectionKey: protection], ofItemAtPath: folder.path)
        #endif
    }

    /// Below the folder for apps' own data, of which an iPhone has one for each app.
    private static var folderName: String {
        #if os(macOS) || os(Linux)
            "MizuSync/" + (Bundle.main.bundleIdentifier ?? ProcessInfo.processInfo.processName)
        #else
            "MizuSync"
        #endif
    }

    /// Another one for every scope, on file systems too that do not know upper from lower case, and short enough for them. Of a
    /// long scope it is the beginning and a number made of the whole: should two have the same, the file is refused to one.
    package static func fileName(scope: String) -> String {
        let escaped = scope.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                String(UnicodeScalar(byte))
            default: "_" + String(byte, radix: 16)
            }
        }.joined()
        if escaped.utf8.count <= longest { return escaped + ".db" }
        // FNV-1a.
        let number = escaped.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return "\(escaped.prefix(longest))__\(String(number, radix: 16)).db"
    }

    /// Of 255 bytes; the files beside it have longer names.
    private static let longest = 160
}

/// What the SDK says for developers.
public struct LogLine: Hashable, Sendable, CustomStringConvertible {
    /// How much it matters.
    public let level: LogLevel
    /// The part of the SDK that says it.
    public let target: String
    /// What it says.
    public let text: String

    public var description: String { "\(level) \(target): \(text)" }
}

/// How much a ``LogLine`` matters.
public enum LogLevel: String, CaseIterable, Hashable, Sendable {
    /// Something is wrong, most likely in the app.
    case error
    /// Something is worth a look.
    case warn
    /// What goes on, for whoever looks for a fault.
    case debug
}
