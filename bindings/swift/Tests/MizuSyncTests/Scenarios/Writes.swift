import MizuSync

extension World {
    /// Runs a step if it is one that writes.
    func runWrite(_ step: inout Step) async throws -> JSON? {
        switch step.name {
        case "create": return try await rows(&step).create(step.text("id"), step.value("value"))
        case "add": return try await rows(&step).add(step.value("value"))
        case "set": try await rows(&step).set(step.text("id"), step.value("value"))
        case "update": try await rows(&step).update(step.text("id"), step.fields("change"))
        case "delete": try await rows(&step).delete(step.text("id"))
        case "batch": return try await runBatch(&step)
        case "mutate": return .string(try await mutate(&step))
        case "new_id": return .string(newID())
        case "retry":
            let client = try client(&step)
            return .string(try await client.retry(step.text("id")))
        case "retry_with":
            let client = try client(&step)
            return .string(try await client.retry(step.text("id"), argsJSON: step.value("args").asText))
        case "discard":
            let client = try client(&step)
            try await client.discard(step.text("id"))
        default: return nil
        }
        return .null
    }

    private func runBatch(_ step: inout Step) async throws -> JSON {
        let device = try device(step.text("on"))
        let writes = try step.steps("writes")
        return .array(
            try await device.client.batch { batch in
                try writes.map { try self.run($0, in: batch, device) }
            })
    }

    private func run(_ json: [String: JSON], in batch: Batch, _ device: Device) throws -> JSON {
        // Not through the batch, but beside it.
        if json["on"] != nil { return try blocking { try await self.run(json) } }
        return try runNow(json) { step in
            guard step.name == "mutate" else { return try device.rows(step.text("in")).edit(batch, &step) }
            try batch.mutate(step.text("mutation"), args: step.value("args"))
            return .null
        }
    }

    private func mutate(_ step: inout Step) async throws -> String {
        let device = try device(step.text("on"))
        let mutation = try step.text("mutation")
        let args = try step.value("args")
        guard step.has("expect") else { return try await device.client.mutate(mutation, args: args) }
        let expected = try step.steps("expect")
        return try await device.client.mutate(mutation, args: args) { edits in
            for json in expected {
                _ = try self.runNow(json) { try device.rows($0.text("in")).edit(edits, &$0) }
            }
        }
    }
}
