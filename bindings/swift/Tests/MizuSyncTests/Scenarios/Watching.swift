import Dispatch
import MizuSync

extension World {
    /// Runs a step if it is about watchers or signals.
    func runWatcher(_ step: inout Step) async throws -> JSON? {
        if let done = try assign(&step) { return done }
        switch step.name {
        case "watch": return try await watch(&step)
        case "effect": return try await runEffect(&step)
        case "next":
            let log = try log(step.text("of"))
            for (index, wanted) in try step.list("values").enumerated() {
                let value = try await log.next()
                guard same(value, wanted) else {
                    throw Wrong("value \(index + 1) is \(value.asText), not \(wanted.asText)")
                }
            }
        case "reach":
            let log = try log(step.text("of"))
            return try await log.next(step.value("value"))
        case "stop_watching": try await log(step.text("of")).stop()
        case "left": return .number(try log(step.text("of")).left())
        case "signal":
            let name = try step.text("name")
            add(name, .signal(Signal(try step.value("value"), isSame: same)))
        case "computed":
            let name = try step.text("name")
            let expression = try expression(&step)
            let runs = Box(0)
            let computed = Computed<JSON>(isSame: same) {
                runs.with { $0 += 1 }
                return try expression()
            }
            add(name, .computed(computed, runs: runs))
        case "runs":
            guard case .computed(_, let runs) = try cell(step.text("of")) else { throw Wrong("a signal does not run") }
            return .number(runs.value)
        default: return nil
        }
        return .null
    }

    /// Sets a signal if the step says so.
    func assign(_ step: inout Step) throws -> JSON? {
        guard step.name == "assign" else { return nil }
        let signal = try signal(step.text("of"))
        signal.value = try step.value("value")
        return .null
    }

    private func signal(_ name: String) throws -> Signal<JSON> {
        guard case .signal(let signal) = try cell(name) else { throw Wrong("a computed value cannot be set") }
        return signal
    }

    /// What a computed value is made of: the sum of reads, a list of them, or one of two by a third.
    private func expression(_ step: inout Step) throws -> @Sendable () throws -> JSON {
        // What this has made holds it no longer than it is there.
        let read: @Sendable (JSON) throws -> JSON = { [weak self] what in
            guard let self else { throw Wrong("the scenario is over") }
            return try self.read(what)
        }
        if step.has("sum") {
            let parts = try step.list("sum")
            return {
                let sum = try parts.reduce(0 as Int64) { sum, part in
                    if case .int(let number) = try read(part) { return sum + number }
                    return sum
                }
                return .int(sum)
            }
        }
        if step.has("list") {
            let parts = try step.list("list")
            return { .array(try parts.map(read)) }
        }
        let parts = try step.list("choose")
        guard parts.count == 3 else { throw Wrong("it is computed by sum, list, or choose of three") }
        return { try read(try read(parts[0]) == .bool(true) ? parts[1] : parts[2]) }
    }

    /// Watches as an app would. Gives the first value.
    private func watch(_ step: inout Step) async throws -> JSON {
        let name = try step.text("name")
        var what = try Step(try step.value("read").fields)
        let log = Log()
        let last = Box<JSON?>(nil)
        let seen: @Sendable (JSON) -> Void = { value in
            let isNew = last.with { last in
                defer { last = value }
                return last.map { !same($0, value) } ?? true
            }
            if isNew { log.add(value) }
        }
        let task = try task(&what, seen)
        try what.end()
        log.onStop {
            task.cancel()
            await task.value
        }
        add(name, log)
        return try await log.next()
    }

    private func task(_ what: inout Step, _ seen: @escaping @Sendable (JSON) -> Void) throws -> Task<Void, Never> {
        switch what.name {
        case "status":
            let shown = try ShownFields(&what)
            let values = try client(&what).status.values
            return Task { for await status in values { seen((try? shown.of(json(status))) ?? .null) } }
        case "pending":
            let shown = try ShownFields(&what)
            let values = try client(&what).pending.values
            return Task { for await mutations in values { seen((try? shown.ofEach(mutations.map(json))) ?? .null) } }
        case "rejected":
            let shown = try ShownFields(&what)
            let values = try client(&what).rejected.values
            return Task { for await mutations in values { seen((try? shown.ofEach(mutations.map(json))) ?? .null) } }
        case "value":
            let values = try cell(what.text("of")).values
            return Task { for await value in values { seen(value) } }
        default:
            guard let task = try rows(&what).watch(&what, seen) else { throw Wrong("\(what.name) cannot be watched") }
            return task
        }
    }

    /// Reads in an effect, and keeps what each run has read. Gives the first.
    private func runEffect(_ step: inout Step) async throws -> JSON {
        let name = try step.text("name")
        let what = try step.value("read")
        let assigned = try step.optionalText("assign").map(signal)
        let log = Log()
        let queue = DispatchQueue(label: "effect \(name)")
        let failed: @Sendable (any Error) -> Void = { [weak self] in self?.failed($0) }
        let effect = Effect(on: queue, onError: failed) { [weak self] in
            guard let self else { return }
            let value: JSON
            do { value = try read(what) } catch let error as SyncError { value = fails(error) }
            assigned?.value = value
            log.add(value)
        }
        log.onStop {
            effect.stop()
            await withCheckedContinuation { done in queue.async { done.resume() } }
        }
        add(name, log)
        return try await log.next()
    }
}
