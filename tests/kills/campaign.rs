//! All cycles, the healing after them, and the count.

use std::io::Write as _;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tempfile::TempDir;

use crate::audit::audit;
use crate::cycle::{self, Imported, Synced};
use crate::device::Device;
use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::processes::programs::Programs;
use crate::processes::server::ServerProcess;
use crate::report::Report;

/// What is run.
pub struct Campaign<'a> {
    pub cycles: u32,
    pub seed: u64,
    pub import_arguments: &'a [&'a str],
    pub server_arguments: &'a [&'a str],
    pub programs: &'a Programs,
}

/// Two users, one of whom has two devices that fetch each other's changes while they are killed.
const SCOPES: [&str; 3] = ["user:ann", "user:ann", "user:bob"];
/// A sync is worth killing while it has this many writes to send.
const BACKLOG: usize = 2_000;

/// What a cycle may take on the average before the run fails: something is stuck. It takes a tenth of that where
/// two cores are idle.
const LONGEST_CYCLE: Duration = Duration::from_secs(2);

/// Runs it. An error is what kept it from coming to a count: a file that no longer opens, a sync that is stuck.
pub fn run(campaign: &Campaign<'_>) -> Result<Report, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut report = Report::new(campaign.seed);
    println!("  seed {}, {} cycles", campaign.seed, campaign.cycles);
    let counted = Run::new(campaign, &folder).count(&mut report);
    let failed = counted.is_err() || report.verdict().is_err() && !campaign.is_planted();
    if failed {
        println!("  seed {}; the files are kept in {}", campaign.seed, folder.keep().display());
    }
    counted.map(|()| report)
}

impl Campaign<'_> {
    fn is_planted(&self) -> bool {
        !self.import_arguments.is_empty() || !self.server_arguments.is_empty()
    }
}

struct Run<'a> {
    campaign: &'a Campaign<'a>,
    folder: &'a TempDir,
    rng: Rng,
    devices: Vec<Device>,
    ledger: Ledger,
    /// What went wrong on the way without keeping the run from going on.
    troubles: Vec<String>,
}

impl<'a> Run<'a> {
    fn new(campaign: &'a Campaign<'a>, folder: &'a TempDir) -> Self {
        let device = |(number, scope)| {
            let file = folder.path().join(format!("client-{number}.db"));
            Device::new(&campaign.programs.todo, file, scope)
        };
        Self {
            campaign,
            folder,
            rng: Rng::with_seed(campaign.seed),
            devices: SCOPES.into_iter().enumerate().map(device).collect(),
            ledger: Ledger::default(),
            troubles: Vec::new(),
        }
    }

    fn count(mut self, report: &mut Report) -> Result<(), String> {
        let begun = Instant::now();
        let mut server = self.serve();
        for number in 0..self.campaign.cycles {
            if begun.elapsed() > LONGEST_CYCLE * self.campaign.cycles {
                return Err(format!("{number} cycles took {} s", begun.elapsed().as_secs()));
            }
            let cycle = self.cycle(number, &mut server, report);
            cycle.map_err(|reason| format!("in cycle {number}: {reason}"))?;
        }
        self.heal(&server)?;
        // The tables are read when nobody else has them.
        server.kill();
        report.findings = audit(&self.folder.path().join("server.db"), &self.devices, &self.ledger)?;
        report.findings.strange.append(&mut self.troubles);
        report.acknowledged = self.ledger.promises().len();
        report.took = begun.elapsed();
        Ok(())
    }

    fn serve(&self) -> ServerProcess {
        let database = self.folder.path().join("server.db");
        ServerProcess::start(&self.campaign.programs.server, &database, self.campaign.server_arguments)
    }

    fn cycle(&mut self, number: u32, server: &mut ServerProcess, report: &mut Report) -> Result<(), String> {
        let plan = Plan::draw(&mut self.rng, number);
        let (importer, syncer) = self.choose()?;
        let scope = self.devices[importer].scope.clone();
        let titles = self.ledger.titles(&scope, plan.feed.lines);
        let (imported, synced) = cycle::run(
            &plan,
            (&self.devices[importer], &titles),
            &self.devices[syncer],
            server,
            self.campaign.import_arguments,
        )?;
        self.ledger.acknowledge(&scope, &titles, &imported.ids)?;
        for device in [importer, syncer] {
            self.devices[device].look()?;
        }
        note(report, &imported, &synced, self.devices[syncer].pending);
        if synced.server_killed {
            *server = self.serve();
        }
        if let Some(id) = self.rng.choice(&imported.ids) {
            self.tick(importer, id);
        }
        Ok(())
    }

    /// The device that imports, and the one that syncs: the latter has much to send.
    fn choose(&mut self) -> Result<(usize, usize), String> {
        let mut order: Vec<usize> = (0..self.devices.len()).collect();
        order.sort_by_key(|&device| self.devices[device].pending);
        let (importer, syncer) = (order[0], order[order.len() - 1]);
        let missing = BACKLOG.saturating_sub(self.devices[syncer].pending);
        if missing > 0 {
            self.fill(syncer, missing)?;
        }
        Ok((importer, syncer))
    }

    /// Imports without a kill.
    fn fill(&mut self, device: usize, count: usize) -> Result<(), String> {
        let device = &mut self.devices[device];
        let titles = self.ledger.titles(&device.scope, count);
        let file = device.file.with_extension("titles");
        let written = std::fs::File::create(&file).and_then(|mut file| {
            titles.iter().try_for_each(|title| file.write_all(format!("{title}\n").as_bytes()))
        });
        written.map_err(|error| error.to_string())?;
        let ids: Vec<String> =
            device.run(&["import", &file.to_string_lossy()])?.lines().map(str::to_owned).collect();
        if ids.len() != count {
            return Err(format!("{count} lines were imported, and {} ids printed", ids.len()));
        }
        self.ledger.acknowledge(&device.scope, &titles, &ids)?;
        device.pending += count;
        Ok(())
    }

    /// A write of another kind: applied twice it leaves two rows in the server's log.
    fn tick(&mut self, device: usize, id: &str) {
        match self.devices[device].run(&["done", id]) {
            Ok(_) => self.ledger.tick(id),
            // It was acknowledged, so it should be there.
            Err(reason) => self.troubles.push(reason),
        }
    }

    /// Everybody syncs in peace, twice: the second time brings what the others have sent.
    fn heal(&mut self, server: &ServerProcess) -> Result<(), String> {
        for _ in 0..2 {
            for device in &self.devices {
                device.run(&["sync", "--timeout", "60s", "--url", &server.url])?;
            }
        }
        Ok(())
    }
}

fn note(report: &mut Report, imported: &Imported, synced: &Synced, pending: usize) {
    report.cycles += 1;
    let pushing = synced.pushes > 0 && pending > 0;
    report.imports.add(imported.killed, imported.in_flight());
    report.syncs.add(synced.killed, pushing);
    report.servers.add(synced.server_killed, pushing && synced.server_had_client);
}
