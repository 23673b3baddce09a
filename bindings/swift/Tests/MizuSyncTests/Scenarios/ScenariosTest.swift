import Foundation
import MizuSync
import MizuSyncTesting
import Testing

/// The scenarios of `tests/scenarios`, step by step as its README says: against the scripted server and against the server as a
/// process.
@Suite(.serialized)
struct ScenariosTest {
    @Test(arguments: ScenarioRun.all)
    func scenario(_ run: ScenarioRun) async throws {
        let folder = try Folder()
        let devices = folder.file("devices")
        try FileManager.default.createDirectory(at: devices, withIntermediateDirectories: true)
        switch run.place {
        case .alone:
            try await World(url: "http://127.0.0.1:9/_sync", server: nil, folder: devices).runAll(run.scenario.steps)
        case .scripted:
            let server = try TestServer()
            try await World(url: server.url, server: server, folder: devices).runAll(run.scenario.steps)
            server.stop()
        case .process:
            let server = try ServerProcess(database: folder.file("server.db"))
            try await World(url: server.url, server: nil, folder: devices).runAll(run.scenario.steps)
        }
    }

    private struct APIRow: Decodable {
        let row: String
    }

    @Test
    func everyRowOfTheAPIHasAScenario() throws {
        let file = URL(fileURLWithPath: "tests/scenarios/api.json")
        let rows = try JSONDecoder().decode([APIRow].self, from: Data(contentsOf: file)).map(\.row)
        let covered = Dictionary(grouping: try Scenario.all().flatMap(\.covers)) { $0 }
        for row in rows {
            print("\(row): \(covered[row]?.count ?? 0) scenarios")
            #expect(covered[row] != nil, "no scenario covers \(row)")
        }
    }
}
