import Foundation
import MizuSync
import MizuSyncTesting

extension World {
    /// Runs a step if it is one of a client's life.
    func runDevice(_ step: inout Step) async throws -> JSON? {
        switch step.name {
        case "open": try await open(&step)
        case "preview": try preview(&step)
        case "start": try client(&step).start()
        case "stop": try await client(&step).stop()
        case "pause": try await client(&step).pause()
        case "resume": try await client(&step).resume()
        case "close":
            let client = try client(&step)
            try await onThread { client.close() }
        case "wipe":
            let lose = try step.flag("lose_unsent")
            try await client(&step).wipe(loseUnsent: lose)
        case "set_token":
            let token = try step.text("token")
            try client(&step).setToken(token)
        case "set_network":
            let isUp = try step.flag("up")
            try client(&step).setNetwork(isUp: isUp)
        case "set_foreground":
            let isSeen = try step.flag("seen")
            try client(&step).setForeground(isSeen)
        case "notify_live":
            let cursor = try step.number("cursor")
            try client(&step).notifyLive(cursor: UInt64(cursor))
        case "sync", "flush", "wait_for_first_sync", "delivered": try await wait(&step)
        default: return nil
        }
        return .null
    }

    /// The client that a step is about.
    func client(_ step: inout Step) throws -> SyncClient {
        try device(step.text("on")).client
    }

    private func wait(_ step: inout Step) async throws {
        let timeout = try step.optionalNumber("timeout").map { Duration.milliseconds($0) } ?? soon
        let client = try client(&step)
        switch step.name {
        case "sync": try await client.sync(timeout: timeout)
        case "flush": try await client.flush(timeout: timeout)
        case "wait_for_first_sync": try await client.waitForFirstSync(timeout: timeout)
        default: try await client.delivered(timeout: timeout)
        }
    }

    private func open(_ step: inout Step) async throws {
        let name = try step.text("name")
        let scope = try step.optionalText("scope") ?? "user:1"
        let base = try step.optionalText("base")
        let isTesting = try step.flag("testing")
        let models = try step.fields("models").mapValues { try $0.text }
        let isSynced = try step.flag("synced")
        let log = Log()
        let configure = try options(&step, log)
        try step.end()
        let client =
            isTesting
            ? try SyncClient.inMemory(scope: scope, configure)
            : try SyncClient(
                base.map { url.replacingOccurrences(of: "/_sync", with: $0) } ?? url, scope: scope, configure)
        do {
            // Waits until it is open, or says why it is not.
            _ = try await onThread { try client.clientID }
        } catch {
            client.close()
            throw error
        }
        add(name, log)
        add(name, Device(client: client, models: models))
        if isSynced {
            try client.start()
            try await client.waitForFirstSync(timeout: soon)
        }
    }

    private func options(_ step: inout Step, _ log: Log) throws -> (inout SyncOptions) throws -> Void {
        let file = try step.optionalText("file")
        let principal = try step.optionalText("principal")
        let token = try step.optionalText("token")
        let pull = try step.optionalNumber("pull_interval")
        let push = try step.optionalNumber("push_interval")
        let live = try step.optionalFlag("live")
        let version = try step.optionalText("app_version")
        let indexes = try step.fields("index").mapValues { try $0.list.map { field(try $0.text) } }
        let isUpcast = try step.flag("upcast")
        let told = try told(&step, log)
        return { options in
            options.database = file.map { .file(self.file($0)) } ?? .inMemory
            options.principal = principal
            options.token = token
            if let pull { options.pullInterval = .milliseconds(pull) }
            if let push { options.pushInterval = .milliseconds(push) }
            if let live { options.live = live }
            if let version { options.appVersion = version }
            for (collection, fields) in indexes {
                for field in fields { options.index(collection, field) }
            }
            if isUpcast {
                options.upcast("todo", to: 2) { fields in
                    if let text = fields.removeValue(forKey: "text") { fields["title"] = text }
                }
            }
            try told(&options)
        }
    }

    /// What a device wants to be told: it is kept, and then done what is to be done.
    private func told(_ step: inout Step, _ log: Log) throws -> (inout SyncOptions) throws -> Void {
        let actions = try step.fields("when").mapValues { try $0.list.map { try $0.fields } }
        let wanted = Set(try step.texts("tells")).union(actions.keys)
        let tell: @Sendable (String, JSON) throws -> Void = { [weak self] name, told in
            log.add(told)
            if let steps = actions[name] { try self?.runInCallback(steps) }
        }
        return { options in
            for name in wanted {
                switch name {
                case "sync": options.onSync = { try tell(name, ["sync": .number($0)]) }
                case "error": options.onError = { try tell(name, ["error": .string($0.kind)]) }
                case "online": options.onOnline = { try tell(name, .string(name)) }
                case "offline": options.onOffline = { try tell(name, .string(name)) }
                case "token_needed": options.onTokenNeeded = { try tell(name, .string(name)) }
                case "log": options.onLog = { try tell(name, ["log": .string($0.level.rawValue)]) }
                case "rejected":
                    options.onRejected = { try tell(name, ["rejected": .string($0.name), "code": .string($0.code)]) }
                default: throw Wrong("a device cannot be told of \"\(name)\"")
                }
            }
        }
    }

    private func preview(_ step: inout Step) throws {
        let name = try step.text("name")
        let rows = try step.fields("rows")
        let pending = try step.list("pending").map { try $0.list.map { try $0.text } }
        let rejected = try step.list("rejected").map { try $0.list.map { try $0.text } }
        let client = try SyncClient.preview(scope: "user:1") { preview in
            for (collection, rows) in rows {
                for (id, value) in try rows.fields { try preview.row(collection, id, value) }
            }
            for mark in pending { preview.pending(mark[0], mark[1]) }
            for mark in rejected { preview.rejected(mark[0], mark[1], code: mark[2], error: mark[3]) }
        }
        add(name, Device(client: client, models: [:]))
    }
}
