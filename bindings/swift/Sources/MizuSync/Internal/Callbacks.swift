import Foundation
internal import MizuSyncNative

/// Code of the app that the core calls. The client has it, and gives it up when it is closed: the core holds on to nothing of
/// it, so that an app that forgets a client has it closed.
final class Callbacks: Sendable {
    private let options: Locked<SyncOptions?>

    init(_ options: SyncOptions) {
        self.options = Locked(options)
    }

    /// Nothing is told any more.
    func end() {
        // What it holds may be the last to hold objects of the app.
        let ended = options.with { options in
            defer { options = nil }
            return options
        }
        withExtendedLifetime(ended) {}
    }

    /// What the core is to call: of what the app does not want to hear, it makes no call.
    func native() -> MizuSyncNative.Callbacks {
        let told = Told(self)
        let options = options.with { $0 }
        return MizuSyncNative.Callbacks(
            onSync: options?.onSync.map { _ in told },
            onError: options?.onError.map { _ in told },
            onOnline: options?.onOnline.map { _ in told },
            onOffline: options?.onOffline.map { _ in told },
            onRejected: options?.onRejected.map { _ in told },
            onTokenNeeded: options?.onTokenNeeded.map { _ in told },
            onLog: options?.onLog.map { _ in told })
    }

    /// Something is in the way, whoever has found that.
    func failed(_ error: SyncError) {
        call("onError") { try $0.onError?(error) }
    }

    /// The client could not be opened, or do what it was asked before it was open. The core does not log that, and an app
    /// without ``SyncOptions/onError`` would only see that it has no data.
    func notOpened(_ error: SyncError) {
        guard let options = options.with({ $0 }) else { return }
        if options.onLog != nil || options.onError == nil { log(options, target: "open", error.message) }
        failed(error)
    }

    /// What the app throws in a callback breaks nothing, and is not silent.
    fileprivate func call(_ name: String, _ callback: (SyncOptions) throws -> Void) {
        guard let options = options.with({ $0 }) else { return }
        do {
            try callback(options)
        } catch {
            // Not what it says: that may be the user's data.
            let text = "\(name) threw \(type(of: error)); the sync goes on"
            log(options, isToTheApp: name != "onLog", target: "callbacks", text)
        }
    }

    /// For developers: to the app's log, or where it has none.
    private func log(_ options: SyncOptions, isToTheApp: Bool = true, target: String, _ text: String) {
        guard let log = options.onLog, isToTheApp else {
            FileHandle.standardError.write(Data("mizu-sync: \(text)\n".utf8))
            return
        }
        try? log(LogLine(level: .error, target: target, text: text))
    }
}

/// What the core calls once, when it has told what came before.
final class Telling: Listener, Sendable {
    private let tell: @Sendable () -> Void

    init(_ tell: @escaping @Sendable () -> Void) {
        self.tell = tell
    }

    func ready() {
        tell()
    }
}

/// What the core calls.
private final class Told: OnSync, OnError, OnOnline, OnOffline, OnRejected, OnTokenNeeded, OnLog, @unchecked Sendable {
    // Set once. `@unchecked`, for a weak property is a `var`.
    private weak var callbacks: Callbacks?

    init(_ callbacks: Callbacks) {
        self.callbacks = callbacks
    }

    func onSync(cursor: UInt64) {
        callbacks?.call("onSync") { try $0.onSync?(cursor) }
    }

    func onError(problem: Problem) {
        callbacks?.failed(SyncError(problem))
    }

    func onOnline() {
        callbacks?.call("onOnline") { try $0.onOnline?() }
    }

    func onOffline() {
        callbacks?.call("onOffline") { try $0.onOffline?() }
    }

    func onRejected(mutation: NativeRejected) {
        callbacks?.call("onRejected") { try $0.onRejected?(RejectedMutation(mutation)) }
    }

    func onTokenNeeded() {
        callbacks?.call("onTokenNeeded") { try $0.onTokenNeeded?() }
    }

    func onLog(level: NativeLevel, target: String, text: String) {
        let line = LogLine(level: LogLevel(level), target: target, text: text)
        callbacks?.call("onLog") { try $0.onLog?(line) }
    }
}

extension LogLevel {
    fileprivate init(_ native: NativeLevel) {
        self =
            switch native {
            case .error: .error
            case .warn: .warn
            case .debug: .debug
            }
    }
}

/// One that throws changes nothing: the entity then does not fit, which is told.
private final class UpcastOf: Upcast, Sendable {
    private let step: SyncOptions.Upcasting

    init(_ step: @escaping SyncOptions.Upcasting) {
        self.step = step
    }

    func upcast(fields: String) -> String {
        do {
            var object = try JSONDecoder().decode([String: JSON].self, from: Data(fields.utf8))
            try step(&object)
            return String(decoding: try JSONEncoder().encode(object), as: UTF8.self)
        } catch {
            return fields
        }
    }
}

extension ClientOptions {
    /// As the core takes them.
    init(url: String, scope: String, _ options: SyncOptions, _ callbacks: Callbacks) throws {
        self.init(
            url: url,
            scope: scope,
            database: try options.database.path(scope: scope),
            principal: options.principal,
            headers: options.headers.map { Header(name: $0.name, value: $0.value) },
            allowCleartext: options.allowsCleartext,
            relaxed: options.relaxedDurability,
            pullInterval: try options.pullInterval.milliseconds(of: "pullInterval"),
            pushInterval: try options.pushInterval.milliseconds(of: "pushInterval"),
            live: options.live,
            appVersion: options.appVersion,
            indexes: options.indexes.map { index in
                IndexOption(collection: index.collection, fields: index.fields.map(\.path))
            },
            upcasts: options.upcasts.map { upcast in
                UpcastOption(
                    collection: upcast.collection, to: UInt32(clamping: upcast.version), upcast: UpcastOf(upcast.step))
            },
            callbacks: callbacks.native())
    }
}

extension Duration {
    /// In milliseconds, of which a part counts as a whole one.
    fileprivate func milliseconds(of option: String) throws -> UInt64 {
        guard self >= .zero else {
            throw SyncError(.invalidOption, "the option \(option) is not valid: it must not be negative")
        }
        return self == .zero ? 0 : max(1, milliseconds)
    }

    /// In milliseconds, at least 0.
    var milliseconds: UInt64 {
        let (seconds, attoseconds) = max(self, .zero).components
        let (whole, isTooMuch) = UInt64(seconds).multipliedReportingOverflow(by: 1_000)
        return isTooMuch ? .max / 2 : whole + UInt64(attoseconds / 1_000_000_000_000_000)
    }
}
