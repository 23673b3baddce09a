import MizuSync
import MizuSyncTesting

extension World {
    /// Runs a step if it is one of the scripted server's.
    func runScript(_ step: inout Step) async throws -> JSON? {
        guard step.name.hasPrefix("server.") else { return nil }
        guard let server else { throw Wrong("it is no scenario for a server without a script") }
        let name = String(step.name.dropFirst("server.".count))
        if let answer = try ask(server, name, &step) { return answer }
        try await tell(server, name, &step)
        return .null
    }

    /// What gives something.
    private func ask(_ server: TestServer, _ name: String, _ step: inout Step) throws -> JSON? {
        switch name {
        case "get":
            return try server.getJSON(scope(&step), step.text("in"), step.text("id")).map { try .parsed($0) } ?? .null
        case "delete": return .bool(try server.delete(scope(&step), step.text("in"), step.text("id")))
        case "count": return .number(try server.count(scope(&step), step.text("in")))
        case "requests": return .number(try server.requests(endpoint(&step)))
        case "mutations":
            let applied: [[String: JSON]] = try server.mutations.map {
                [
                    "id": .string($0.id), "name": .string($0.name), "scope": .string($0.scope),
                    "args": try .parsed($0.args),
                ]
            }
            return try ShownFields(&step).ofEach(applied)
        default: return nil
        }
    }

    /// What gives nothing.
    private func tell(_ server: TestServer, _ name: String, _ step: inout Step) async throws {
        switch name {
        case "put": try server.putJSON(scope(&step), step.text("in"), step.text("id"), step.value("value").asText)
        case "wait_for_requests": try await server.waitForRequests(endpoint(&step), times: step.number("times"))
        case "wait_for_subscription": try await server.waitForSubscription(scope(&step))
        case "reject":
            try server.reject(step.text("mutation"), code: step.text("code"), message: step.text("message"))
        case "fail": try server.fail(step.text("mutation"), message: step.text("message"))
        case "accept": try server.accept(step.text("mutation"))
        case "know":
            let mutation = try step.text("mutation")
            guard mutation == "account.transfer" else { throw Wrong("nobody has said what \"\(mutation)\" does") }
            try server.onMutation(mutation, transfer)
        case "answer_status":
            try server.answer(
                endpoint(&step), status: step.number("status"), times: step.optionalNumber("times") ?? 1,
                retryAfter: step.optionalNumber("retry_after"))
        case "answer_normally": try server.answerNormally()
        case "lose_replies": try server.loseReplies(endpoint(&step), times: step.optionalNumber("times") ?? 1)
        case "require_token": try server.requireToken(step.text("token"))
        case "expire_tokens": try server.expireTokens()
        case "forbid": try server.forbid(scope(&step))
        case "allow": try server.allow(scope(&step))
        case "plain": try server.plain(step.flag("on"))
        case "live": try server.live(step.flag("on"))
        case "captive_portal": try server.captivePortal(step.flag("on"))
        case "go_offline": try server.goOffline()
        case "go_online": try server.goOnline()
        case "hang": try server.hang()
        case "release": try server.release()
        case "reset": try server.reset()
        case "back_up": try server.backUp()
        case "restore": try server.restore()
        case "trim": try server.trim()
        default: throw Wrong("the server has no step \"\(name)\"")
        }
    }

    private func scope(_ step: inout Step) throws -> String { try step.optionalText("scope") ?? "user:1" }

    private func endpoint(_ step: inout Step) throws -> TestServer.Endpoint {
        let name = try step.text("endpoint")
        guard let endpoint = TestServer.Endpoint(rawValue: name) else { throw Wrong("there is no endpoint \(name)") }
        return endpoint
    }
}

private struct Transfer: Decodable {
    let from: String
    let to: String
    let cents: Int64
}

/// What the server does with `account.transfer`: it moves money that is there.
@Sendable
private func transfer(_ transaction: ServerTransaction) throws {
    let transfer: Transfer = try transaction.args()
    for (id, change) in [(transfer.from, -transfer.cents), (transfer.to, transfer.cents)] {
        guard var account: Account = try transaction.get("account", id) else {
            throw Refusal.forever(code: "not_found", "there is no such account")
        }
        account.cents += change
        if account.cents < 0 { throw Refusal.forever(code: "conflict", "there is less in the account") }
        try transaction.put("account", id, account)
    }
}
