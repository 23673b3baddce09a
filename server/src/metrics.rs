//! What a service counts, in the text format of Prometheus. Nothing here names a scope, a user or a token.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The upper bounds of the histogram of durations, in seconds.
const BOUNDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0];

/// The counters. Each request takes the lock a few times, for the time of an addition.
#[derive(Default)]
pub(crate) struct Metrics {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    requests: BTreeMap<(&'static str, u16), u64>,
    durations: BTreeMap<&'static str, Histogram>,
    mutations: Mutations,
    changes_pulled: u64,
    snapshot_rows: u64,
    hints_sent: u64,
}

#[derive(Default)]
struct Histogram {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    seconds: f64,
}

/// What became of the mutations of a push.
#[derive(Default)]
pub(crate) struct Mutations {
    pub(crate) applied: u64,
    /// Answered with a stored outcome.
    pub(crate) repeated: u64,
    /// For now.
    pub(crate) failed: u64,
    /// By code.
    pub(crate) rejected: BTreeMap<&'static str, u64>,
}

/// What is measured when it is asked for.
pub(crate) struct Gauges {
    pub(crate) live_sockets: usize,
    pub(crate) subscriptions: usize,
    /// Of what the database tells: its bytes, and the last cursor.
    pub(crate) database: Option<(u64, u64)>,
}

impl Metrics {
    pub(crate) fn request(&self, endpoint: &'static str, status: u16, duration: Duration) {
        let mut counts = self.counts();
        *counts.requests.entry((endpoint, status)).or_default() += 1;
        counts.durations.entry(endpoint).or_default().add(duration);
    }

    pub(crate) fn mutations(&self, mutations: Mutations) {
        let total = &mut self.counts().mutations;
        total.applied += mutations.applied;
        total.repeated += mutations.repeated;
        total.failed += mutations.failed;
        for (code, count) in mutations.rejected {
            *total.rejected.entry(code).or_default() += count;
        }
    }

    pub(crate) fn changes_pulled(&self, count: usize) {
        self.counts().changes_pulled += count as u64;
    }

    pub(crate) fn snapshot_rows(&self, count: usize) {
        self.counts().snapshot_rows += count as u64;
    }

    pub(crate) fn hint_sent(&self) {
        self.counts().hints_sent += 1;
    }

    pub(crate) fn to_text(&self, gauges: &Gauges) -> String {
        let mut out = Text(String::with_capacity(4 * 1024));
        let counts = self.counts();
        out.family("mizu_requests_total", "counter", "Requests answered, by endpoint and HTTP status.");
        for ((endpoint, status), count) in &counts.requests {
            let labels = format!("endpoint=\"{endpoint}\",status=\"{status}\"");
            out.sample("mizu_requests_total", &labels, count);
        }
        out.durations(&counts.durations);
        out.mutations(&counts.mutations);
        out.single("mizu_changes_pulled_total", "counter", "Changes sent to pulls.", counts.changes_pulled);
        out.single(
            "mizu_snapshot_rows_total",
            "counter",
            "Entities sent in snapshots.",
            counts.snapshot_rows,
        );
        out.single("mizu_hints_sent_total", "counter", "Hints given to live sockets.", counts.hints_sent);
        drop(counts);
        out.single("mizu_live_sockets", "gauge", "Live sockets that are open.", gauges.live_sockets);
        out.single("mizu_subscriptions", "gauge", "Subscriptions of live sockets.", gauges.subscriptions);
        if let Some((bytes, cursor)) = gauges.database {
            out.single("mizu_database_bytes", "gauge", "Size of the database, without its log.", bytes);
            out.single("mizu_cursor", "gauge", "The last cursor given out.", cursor);
        }
        out.0
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Histogram {
    fn add(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        for (bucket, bound) in self.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(seconds <= bound);
        }
        self.count += 1;
        self.seconds += seconds;
    }
}

/// The text format: a head for each family, then its samples.
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String does not fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{name}{{{labels}}} {value}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn durations(&mut self, durations: &BTreeMap<&'static str, Histogram>) {
        let name = "mizu_request_duration_seconds";
        self.family(name, "histogram", "How long a request took, from its head to its answer.");
        for (endpoint, histogram) in durations {
            for (bound, count) in BOUNDS.iter().zip(histogram.buckets) {
                let labels = format!("endpoint=\"{endpoint}\",le=\"{bound}\"");
                self.sample(&format!("{name}_bucket"), &labels, count);
            }
            let labels = format!("endpoint=\"{endpoint}\"");
            self.sample(&format!("{name}_bucket"), &format!("{labels},le=\"+Inf\""), histogram.count);
            self.sample(&format!("{name}_sum"), &labels, histogram.seconds);
            self.sample(&format!("{name}_count"), &labels, histogram.count);
        }
    }

    fn mutations(&mut self, mutations: &Mutations) {
        let name = "mizu_mutations_total";
        self.family(
            name,
            "counter",
            "Mutations by what became of them, and by code where they were rejected.",
        );
        for (outcome, count) in
            [("applied", mutations.applied), ("repeated", mutations.repeated), ("failed", mutations.failed)]
        {
            self.sample(name, &format!("outcome=\"{outcome}\",code=\"\""), count);
        }
        for (code, count) in &mutations.rejected {
            self.sample(name, &format!("outcome=\"rejected\",code=\"{code}\""), count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_each_bucket_that_is_large_enough() {
        let metrics = Metrics::default();
        metrics.request("pull", 200, Duration::from_millis(20));
        metrics.request("pull", 200, Duration::from_secs(60));
        let text = metrics.to_text(&Gauges { live_sockets: 0, subscriptions: 0, database: None });
        for (bound, count) in [("0.01", 0), ("0.025", 1), ("30", 1), ("+Inf", 2)] {
            let line =
                format!("mizu_request_duration_seconds_bucket{{endpoint=\"pull\",le=\"{bound}\"}} {count}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
        assert!(text.contains("mizu_request_duration_seconds_sum{endpoint=\"pull\"} 60.02\n"), "{text}");
        assert!(text.contains("mizu_requests_total{endpoint=\"pull\",status=\"200\"} 2\n"), "{text}");
    }
}
