import Foundation
internal import MizuSyncNative

/// Why a call failed: what, where, and what to do, in one sentence that can be shown. No failure loses what was saved before.
///
/// ```swift
/// do {
///     try await todos.create("t1", Todo(title: "Milk"))
/// } catch let error as SyncError where error.code == .alreadyExists {
///     // It is there.
/// }
/// ```
public struct SyncError: LocalizedError, Hashable, Sendable, CustomStringConvertible {
    /// For the app, to tell it from others.
    public let code: Code
    /// For a person.
    public let message: String
    /// Whether it may pass by itself, so that nobody has to do anything.
    public let isPassing: Bool

    /// What an app may want to tell apart. More may come.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// Its name.
        public let rawValue: String

        /// A code by its name.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        public var description: String { rawValue }

        /// The client is closed: open a new one.
        public static let closed = Code(rawValue: "closed")
        /// The client is paused: resume it first.
        public static let paused = Code(rawValue: "paused")
        /// The client has to be started first.
        public static let notStarted = Code(rawValue: "notStarted")
        /// The client is started already.
        public static let alreadyStarted = Code(rawValue: "alreadyStarted")
        /// An option is not valid.
        public static let invalidOption = Code(rawValue: "invalidOption")
        /// A value, a name or an id cannot be stored.
        public static let invalidValue = Code(rawValue: "invalidValue")
        /// An entity with this id is visible already.
        public static let alreadyExists = Code(rawValue: "alreadyExists")
        /// There is no such entity or mutation here.
        public static let notFound = Code(rawValue: "notFound")
        /// Somebody else has changed an entity that a batch updates: nothing was written, do it again.
        public static let changedMeanwhile = Code(rawValue: "changedMeanwhile")
        /// What is stored does not fit the app's type.
        public static let doesNotFit = Code(rawValue: "doesNotFit")
        /// Another client, in this process or another, has the file.
        public static let fileInUse = Code(rawValue: "fileInUse")
        /// The file holds another scope, another user, a newer version, or is no database of this SDK. It was not touched.
        public static let wrongFile = Code(rawValue: "wrongFile")
        /// The file is damaged. Where it was set aside, the next client begins with a new one.
        public static let fileDamaged = Code(rawValue: "fileDamaged")
        /// The file cannot be read or written.
        public static let fileUnusable = Code(rawValue: "fileUnusable")
        /// There is no space left. Nothing of the write was kept.
        public static let diskFull = Code(rawValue: "diskFull")
        /// The server does not answer, or not for now. It is tried again.
        public static let unreachable = Code(rawValue: "unreachable")
        /// The server answers with something that is not the protocol, or that no retry changes.
        public static let badServer = Code(rawValue: "badServer")
        /// The server wants a token, or another one: see ``SyncClient/setToken(_:)``.
        public static let needsAuth = Code(rawValue: "needsAuth")
        /// The server refuses this scope to this user.
        public static let forbidden = Code(rawValue: "forbidden")
        /// The server's data was reset, or restored from a backup; everything is fetched again.
        public static let serverReset = Code(rawValue: "serverReset")
        /// What was waited for did not happen in time. Nothing is lost; it goes on in the background.
        public static let timedOut = Code(rawValue: "timedOut")
        /// Writes that were not sent, or were refused and not decided about, would be lost.
        public static let unsent = Code(rawValue: "unsent")
        /// The SDK is used in a way that cannot work.
        public static let misuse = Code(rawValue: "misuse")
        /// A bug of the SDK. Please report it.
        public static let bug = Code(rawValue: "bug")
    }

    public var errorDescription: String? { message }

    public var description: String { message }

    init(_ code: Code, _ message: String, isPassing: Bool = false) {
        self.code = code
        self.message = message
        self.isPassing = isPassing
    }

    init(_ problem: Problem) {
        self.init(Code(problem.kind), problem.sentence, isPassing: problem.isPassing)
    }

    /// What the SDK itself has thrown, or a bug of it.
    init(known error: any Error) {
        self =
            error as? SyncError
            ?? SyncError(.bug, "the client cannot be opened, which is a bug; please report it: \(error)")
    }

    static let closed = SyncError(.closed, "the client is closed: open a new one")
}

extension SyncError.Code {
    init(_ kind: ErrorKind) {
        self =
            switch kind {
            case .closed: .closed
            case .paused: .paused
            case .notStarted: .notStarted
            case .alreadyStarted: .alreadyStarted
            case .invalidOption: .invalidOption
            case .invalidValue: .invalidValue
            case .alreadyExists: .alreadyExists
            case .notFound: .notFound
            case .changedMeanwhile: .changedMeanwhile
            case .doesNotFit: .doesNotFit
            case .fileInUse: .fileInUse
            case .wrongFile: .wrongFile
            case .fileDamaged: .fileDamaged
            case .fileUnusable: .fileUnusable
            case .diskFull: .diskFull
            case .unreachable: .unreachable
            case .badServer: .badServer
            case .needsAuth: .needsAuth
            case .forbidden: .forbidden
            case .logChanged: .serverReset
            case .timedOut: .timedOut
            case .unsent: .unsent
            case .misuse: .misuse
            case .callback, .bug: .bug
            }
    }
}
