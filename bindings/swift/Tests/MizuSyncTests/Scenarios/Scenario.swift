import Foundation
import MizuSync
import Testing

/// A scenario as data: see `tests/scenarios/README.md`.
struct Scenario: Decodable, Sendable {
    let name: String
    let covers: [String]
    let needs: Needs
    let steps: [[String: JSON]]

    enum Needs: String, Decodable, Sendable {
        case nothing, server, script

        var places: [Place] {
            switch self {
            case .nothing: [.alone]
            case .server: [.scripted, .process]
            case .script: [.scripted]
            }
        }
    }

    /// Where a scenario runs.
    enum Place: String, CaseIterable, Sendable {
        case alone, scripted, process
    }

    static func all() throws -> [Scenario] {
        let folder = URL(fileURLWithPath: "tests/scenarios")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "json" && $0.lastPathComponent != "api.json" }
            .sorted { $0.path < $1.path }
        return try files.flatMap { try JSONDecoder().decode([Scenario].self, from: Data(contentsOf: $0)) }
    }
}

/// A scenario at a place where it runs.
struct ScenarioRun: Sendable, CustomTestStringConvertible {
    let scenario: Scenario
    let place: Scenario.Place

    var testDescription: String { "\(place.rawValue): \(scenario.name)" }

    static let all: [ScenarioRun] = {
        do {
            return try Scenario.all().flatMap { scenario in
                scenario.needs.places.map { ScenarioRun(scenario: scenario, place: $0) }
            }
        } catch {
            fatalError("the scenarios cannot be read: run in the folder of Package.swift (\(error))")
        }
    }()
}
