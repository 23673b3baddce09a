import Foundation
import MizuSync
import MizuSyncTesting

/// A client, and which types its collections have.
struct Device: Sendable {
    let client: SyncClient
    let models: [String: String]
}

/// A value of the graph.
enum Cell: Sendable {
    case signal(Signal<JSON>)
    case computed(Computed<JSON>, runs: Box<Int>)

    var value: JSON {
        get throws {
            switch self {
            case .signal(let signal): signal.value
            case .computed(let computed, _): try computed.value
            }
        }
    }

    var values: Values<JSON> {
        switch self {
        case .signal(let signal): signal.values
        case .computed(let computed, _): computed.values
        }
    }
}

/// What a scenario has made so far, and how a step is run: what it gives is compared with what it is to give.
final class World: Sendable {
    let url: String
    /// The scripted server, where there is one.
    let server: TestServer?
    private let folder: URL
    private let variables = Box<[String: JSON]>([:])
    private let devices = Box<[String: Device]>([:])
    private let logs = Box<[String: Log]>([:])
    private let cells = Box<[String: Cell]>([:])
    /// What failed where nobody waits for it: in a callback, or an effect.
    private let wrong = Box<(any Error)?>(nil)

    init(url: String, server: TestServer?, folder: URL) {
        self.url = url
        self.server = server
        self.folder = folder
    }

    func file(_ name: String) -> URL { folder.appendingPathComponent(name) }

    func device(_ name: String) throws -> Device {
        guard let device = devices.with({ $0[name] }) else { throw Wrong("no device has the name \"\(name)\"") }
        return device
    }

    func add(_ name: String, _ device: Device) { devices.with { $0[name] = device } }

    func log(_ name: String) throws -> Log {
        guard let log = logs.with({ $0[name] }) else { throw Wrong("no watcher has the name \"\(name)\"") }
        return log
    }

    func add(_ name: String, _ log: Log) { logs.with { $0[name] = log } }

    func cell(_ name: String) throws -> Cell {
        guard let cell = cells.with({ $0[name] }) else { throw Wrong("no signal has the name \"\(name)\"") }
        return cell
    }

    func add(_ name: String, _ cell: Cell) { cells.with { $0[name] = cell } }

    func keep(_ name: String, _ value: JSON) { variables.with { $0[name] = value } }

    func failed(_ error: any Error) { wrong.with { $0 = $0 ?? error } }

    /// Runs all steps of a scenario. What fails says which.
    func runAll(_ steps: [[String: JSON]]) async throws {
        do {
            for (index, step) in steps.enumerated() {
                do {
                    _ = try await run(step)
                    if let error = wrong.value { throw error }
                } catch {
                    throw Wrong("step \(index + 1) \(JSON.object(step).asText): \(error)")
                }
            }
        } catch {
            await close()
            throw error
        }
        await close()
    }

    private func close() async {
        for log in logs.value.values { await log.stop() }
        for device in devices.value.values { device.client.close() }
    }

    /// Runs the steps of a callback. The next step of the scenario fails where one of them does not hold.
    func runInCallback(_ steps: [[String: JSON]]) throws {
        for step in steps {
            if step["do"] == "throw" { throw Wrong("the scenario wants it") }
            do {
                _ = try blocking { try await self.run(step) }
            } catch {
                return failed(Wrong("in a callback, \(JSON.object(step).asText): \(error)"))
            }
        }
    }

    /// Runs one step, and checks what it gives.
    @discardableResult
    func run(_ json: [String: JSON]) async throws -> JSON {
        var check = try Check(json, self)
        do {
            let result: JSON
            if let becomes = check.step.optional("becomes") {
                result = try await become(check.step.take(), becomes)
            } else {
                result = try await act(&check.step)
            }
            return try check.gives(result)
        } catch let error as SyncError {
            return try check.fails(error)
        }
    }

    /// As ``run(_:)``, of a step of which `act` makes something at once.
    func runNow(_ json: [String: JSON], _ act: (inout Step) throws -> JSON) throws -> JSON {
        var check = try Check(json, self)
        do {
            let result = try act(&check.step)
            return try check.gives(result)
        } catch let error as SyncError {
            return try check.fails(error)
        }
    }

    func variable(_ name: String) -> JSON? { variables.with { $0[name] } }

    private func act(_ step: inout Step) async throws -> JSON {
        if let result = try await runDevice(&step) { return result }
        if let result = try await runWrite(&step) { return result }
        if let result = try await runWatcher(&step) { return result }
        if let result = try await runScript(&step) { return result }
        if let result = try await runControl(&step) { return result }
        return try read(&step)
    }

    /// Reads. Tracked where something watches.
    func read(_ step: inout Step) throws -> JSON {
        guard let result = try runRead(&step) else { throw Wrong("there is no step \"\(step.name)\" here") }
        return result
    }

    /// As the other one, of a step whose variables are filled in.
    func read(_ json: JSON) throws -> JSON {
        var step = try Step(json.fields)
        let result = try read(&step)
        try step.end()
        return result
    }

    /// Waits until a read gives this.
    private func become(_ read: Step, _ wanted: JSON) async throws -> JSON {
        let computed = Computed<JSON>(isSame: same) {
            var step = read
            do {
                let value = try self.read(&step)
                try step.end()
                return value
            } catch let error as SyncError {
                return fails(error)
            }
        }
        let log = Log()
        let task = Task { for await value in computed.values { log.add(value) } }
        defer { task.cancel() }
        do {
            return try await log.next(wanted)
        } catch {
            throw Wrong("it does not become \(wanted.asText): \(error)")
        }
    }

    /// Steps that hold other steps.
    private func runControl(_ step: inout Step) async throws -> JSON? {
        switch step.name {
        case "repeat":
            let times = try step.number("times")
            let steps = try step.steps("steps")
            for n in 1...times {
                keep("n", .number(n))
                for step in steps { try await run(step) }
            }
        case "together":
            let steps = try step.steps("steps")
            try batch {
                for step in steps {
                    _ = try self.runNow(step) { try self.assign(&$0) ?? self.read(&$0) }
                }
            }
        default: return nil
        }
        return .null
    }
}

/// What every step may have is taken from it, and compared with what the rest makes.
private struct Check {
    var step: Step
    private let wanted: JSON?
    private let failure: String?
    private let name: String?
    private let world: World

    init(_ json: [String: JSON], _ world: World) throws {
        step = try Step(json, variable: world.variable)
        wanted = step.optional("is")
        failure = try step.optionalText("fails")
        name = try step.optionalText("as")
        self.world = world
    }

    func gives(_ result: JSON) throws -> JSON {
        try step.end()
        if let failure { throw Wrong("it is to fail with \(failure), and gives \(result.asText)") }
        if let wanted, !same(wanted, result) { throw Wrong("it gives \(result.asText), not \(wanted.asText)") }
        if let name { world.keep(name, result) }
        return result
    }

    func fails(_ error: SyncError) throws -> JSON {
        guard error.kind == failure else { throw error }
        try step.end()
        return .null
    }
}

/// What a failure is in a log of values.
func fails(_ error: SyncError) -> JSON {
    ["fails": .string(error.kind)]
}

extension SyncError {
    /// The kind, as scenarios name it.
    var kind: String { code.rawValue.snakeCase }
}

extension String {
    /// `fileInUse` is `file_in_use`.
    var snakeCase: String {
        reduce(into: "") { text, letter in text += letter.isUppercase ? "_\(letter.lowercased())" : String(letter) }
    }
}
