//! What a world is like. Every seed draws its own: some faults often, others never. A world in which all faults
//! were equally likely would hide what only shows when a few of them meet ("Swarm Testing", Groce et al., 2012).

use std::time::Duration;

use mizu_sync_protocol::Wire;

use crate::mischief::Mischief;
use crate::sockets::Sockets;

/// Devices in a world.
pub const DEVICES: usize = 3;

/// What a world is like.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The form that the server speaks at first.
    pub wire: Wire,
    /// Whether a plain server's snapshots say cursor 0.
    pub from_zero: bool,
    /// Rows in a page of the server, at most.
    pub page: u32,
    /// Items that are there at the beginning.
    pub items: u32,
    /// What each app does, in all.
    pub acts: u32,
    /// Between two of them, on average.
    pub act_every: Duration,
    /// The way of a message, on average.
    pub latency: Duration,
    /// How likely it is that a request gets lost.
    pub lost_request: f64,
    /// The same of an answer.
    pub lost_reply: f64,
    /// How likely it is that a message takes seconds.
    pub delayed: f64,
    /// How likely it is that a request arrives twice.
    pub duplicated: f64,
    /// How likely it is that a device dies at any one step.
    pub death: f64,
    /// How likely it is that the server dies over a request.
    pub server_death: f64,
    /// Which live sockets the server gives.
    pub sockets: Sockets,
    /// How likely it is that one is refused.
    pub refused_socket: f64,
    /// How likely it is that a hint gets lost.
    pub lost_hint: f64,
    /// How likely it is that a hint comes late, twice, or lies.
    pub odd_hint: f64,
    /// Whether the apps can be asked for a token.
    pub asks_for_token: bool,
    /// What else happens, and how often.
    pub mischief: Vec<Mischief>,
    /// Between two of them, on average.
    pub mischief_every: Duration,
    /// How likely a poison mutation is among what the app does.
    pub poison: f64,
    /// Between two pulls of a client.
    pub pull_interval: Duration,
    /// For how long a client holds mutations back.
    pub push_interval: Duration,
    /// Whether the platform says so when the network is back at the end.
    pub signals: bool,
}

impl Plan {
    /// Draws a plan.
    pub fn draw(rng: &mut fastrand::Rng) -> Self {
        let wire = if rng.u8(..100) < 22 { Wire::Plain } else { Wire::Extended };
        let millis = |rng: &mut fastrand::Rng, range| Duration::from_millis(rng.u64(range));
        let often = |rng: &mut fastrand::Rng, most: f64| if rng.bool() { 0.0 } else { most * rng.f64() };
        let pull_interval = match rng.u8(..6) {
            0..3 => millis(rng, 600..3_000),
            3..5 => millis(rng, 3_000..9_000),
            _ => Duration::from_secs(30),
        };
        let mut mischief: Vec<Mischief> = Mischief::ALL.into_iter().filter(|_| rng.u8(..100) < 30).collect();
        // That a plain server was restored cannot be told from its answers.
        if wire == Wire::Plain {
            mischief.retain(|mischief| *mischief != Mischief::Restore);
        } else if mischief.contains(&Mischief::Restore) {
            mischief.retain(|mischief| *mischief != Mischief::OtherServer);
        }
        // A server that says 0 and forgets the beginning of its log cannot be synced with by anybody.
        let from_zero = wire == Wire::Plain && rng.u8(..4) == 0;
        mischief.retain(|mischief| !from_zero || *mischief != Mischief::Absence);
        let sockets = match rng.u8(..10) {
            0..7 => Sockets::Hinting,
            7 if wire == Wire::Plain => Sockets::Mute,
            _ => Sockets::None,
        };
        Self {
            wire,
            from_zero,
            page: if rng.bool() { rng.u32(1..6) } else { 500 },
            items: rng.u32(0..10),
            acts: rng.u32(6..20),
            act_every: millis(rng, 60..1_200),
            latency: millis(rng, 2..120),
            lost_request: often(rng, 0.2),
            lost_reply: often(rng, 0.2),
            delayed: often(rng, 0.15),
            duplicated: often(rng, 0.25),
            death: often(rng, 0.02),
            server_death: often(rng, 0.06),
            sockets,
            refused_socket: often(rng, 0.3),
            lost_hint: often(rng, 0.3),
            odd_hint: often(rng, 0.2),
            asks_for_token: rng.u8(..4) > 0,
            mischief,
            mischief_every: millis(rng, 400..5_000),
            poison: if rng.u8(..3) == 0 { 0.05 } else { 0.0 },
            pull_interval,
            push_interval: if rng.bool() { Duration::ZERO } else { millis(rng, 1..400) },
            signals: rng.bool(),
        }
    }
}
