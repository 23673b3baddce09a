import MizuSync

#if canImport(os)
    import os
#endif

/// What the SDK says for developers, in the log of the system.
enum SystemLog {
    static func log(_ level: LogLevel, _ target: String, _ text: String) {
        #if canImport(os)
            let log = Logger(subsystem: "dev.mizu.sync", category: target)
            // The SDK says nothing of the user's data.
            switch level {
            case .error: log.error("\(text, privacy: .public)")
            case .warn: log.warning("\(text, privacy: .public)")
            case .debug: log.debug("\(text, privacy: .public)")
            }
        #endif
    }
}

extension SyncOptions {
    /// Writes what the SDK says for developers to the log of the system, under `dev.mizu.sync`.
    public mutating func logToSystem() {
        onLog = { SystemLog.log($0.level, $0.target, $0.text) }
    }
}
