//! What goes wrong beside lost messages and deaths: things that last for a while, or strike the whole world.

use std::time::Duration;

use mizu_sync::simulation::Event;
use mizu_sync_protocol::Wire;

use crate::backend::Weather;
use crate::fault::Fault;
use crate::network::Trouble;
use crate::violation::{Checked, Violation};
use crate::world::{Happening, World};

/// How long an outage goes on after the devices have slept over it.
const AFTERMATH: Duration = Duration::from_secs(45);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const YEAR_MILLIS: i64 = 365 * 24 * 3600 * 1000;

/// One kind of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mischief {
    /// Nothing passes between a device and the server, in one direction or both.
    Partition,
    /// Answers do not come through.
    HalfOpen,
    /// Something else answers.
    Portal,
    /// A device's process dies.
    Death,
    /// The server is down for a while.
    Down,
    /// A device's clock jumps.
    DeviceClock,
    /// The server's clock jumps.
    ServerClock,
    /// A device sleeps for eight hours.
    Sleep,
    /// Everybody is away for days; the server forgets what is old.
    Absence,
    /// An app is not seen for a while.
    Background,
    /// A device is told that there is no network, and later that there is.
    Flight,
    /// A device is told that there is a network, which it knew.
    IdleSignal,
    /// The server refuses everything.
    Storm,
    /// A gateway loses what the server answers.
    Gateway,
    /// The server takes no large bodies.
    Narrow,
    /// Every mutation fails, in words.
    Outage,
    /// Every mutation fails for hours, while a device sleeps.
    LongOutage,
    /// The server is backed up, and sometimes restored.
    Restore,
    /// A server that speaks the other form takes over.
    OtherServer,
    /// Other clients write.
    Strangers,
    /// A device loses its live socket, and may not notice.
    Socket,
    /// A device's token expires.
    Expiry,
}

impl Mischief {
    /// All of it.
    pub const ALL: [Self; 22] = [
        Self::Partition,
        Self::HalfOpen,
        Self::Portal,
        Self::Death,
        Self::Down,
        Self::DeviceClock,
        Self::ServerClock,
        Self::Sleep,
        Self::Absence,
        Self::Background,
        Self::Flight,
        Self::IdleSignal,
        Self::Storm,
        Self::Gateway,
        Self::Narrow,
        Self::Outage,
        Self::LongOutage,
        Self::Restore,
        Self::OtherServer,
        Self::Strangers,
        Self::Socket,
        Self::Expiry,
    ];
}

impl World {
    /// Something goes wrong, and more will.
    ///
    /// # Errors
    /// When what follows violates a promise.
    pub fn make_mischief(&mut self) -> Checked {
        if !self.chaos || self.plan.mischief.is_empty() {
            return Ok(());
        }
        let mischief = self.plan.mischief[self.rng.usize(..self.plan.mischief.len())];
        let device = self.rng.usize(..self.devices.len());
        self.note(format_args!("mischief: {mischief:?} d{device}"));
        match mischief {
            Mischief::Partition => {
                let trouble = [Trouble::NoneIn, Trouble::NoneOut, Trouble::Cut][self.rng.usize(..3)];
                self.disturb(device, trouble);
            }
            Mischief::HalfOpen => self.disturb(device, Trouble::HalfOpen),
            Mischief::Portal => self.disturb(device, Trouble::Portal),
            Mischief::Death => self.strike_dead(device),
            Mischief::Down => {
                let until = self.until(4);
                self.backend.die(until);
                self.drop_lines();
            }
            Mischief::DeviceClock => {
                self.faults.count(Fault::DeviceClockJump);
                self.devices[device].clock_error = self.rng.i64(-20..20) * YEAR_MILLIS;
            }
            Mischief::ServerClock => self.jump_server_clock(),
            Mischief::Sleep => self.sleep(device),
            Mischief::Absence => self.be_absent(),
            Mischief::Background => self.hide(device)?,
            Mischief::Flight => self.fly(device)?,
            Mischief::IdleSignal => self.network_signal(device, true)?,
            Mischief::Storm => self.storm(),
            Mischief::Gateway => {
                let status = [502, 504, 500][self.rng.usize(..3)];
                self.weather(Weather::AnswersWith(status));
            }
            Mischief::Narrow => {
                let bytes = self.rng.usize(200..900);
                self.weather(Weather::TakesAtMost(bytes));
            }
            Mischief::Outage => self.backend.outage_until = self.until(6),
            Mischief::LongOutage => self.long_outage(),
            Mischief::Restore => self.restore_or_back_up()?,
            Mischief::OtherServer => self.change_server(),
            Mischief::Strangers => {
                let count = self.rng.u32(1..6);
                self.strangers_write(count)?;
            }
            Mischief::Socket => self.drop_line(device),
            Mischief::Expiry => self.expire_token(device),
        }
        // Hours in which nothing happens shall be just that.
        let asleep = self.devices.iter().map(|device| device.asleep_until).max().unwrap_or_default();
        let quiet_until = asleep.max(self.quiet_until);
        let delay = self.about(self.plan.mischief_every);
        self.schedule.at(self.now().max(quiet_until) + delay, Happening::Mischief);
        Ok(())
    }

    /// Some seconds from now, around so many.
    fn until(&mut self, seconds: u64) -> Duration {
        self.now() + self.about(Duration::from_secs(seconds))
    }

    fn disturb(&mut self, device: usize, trouble: Trouble) {
        let until = self.until(8);
        self.devices[device].link.disturb(trouble, until);
    }

    fn weather(&mut self, weather: Weather) {
        let until = self.until(5);
        self.backend.weather = (weather, until);
    }

    fn storm(&mut self) {
        let retry_after = self.rng.bool().then(|| Duration::from_secs(self.rng.u64(1..9)));
        let status = [500, 502, 503, 429, 408][self.rng.usize(..5)];
        self.weather(Weather::Refuses(status, retry_after));
    }

    fn strike_dead(&mut self, device: usize) {
        let Some(process) = &self.devices[device].process else { return };
        let fault = if process.state.progress.is_some() {
            Fault::DeathInSnapshot
        } else if process.flights.is_empty() {
            Fault::DeathAfterStore
        } else {
            Fault::DeathInExchange
        };
        self.kill(device, fault);
    }

    /// Ahead or behind, or right again. Nothing is trimmed while it is ahead: a server that forgets by a wrong
    /// clock keeps no promise.
    fn jump_server_clock(&mut self) {
        self.faults.count(Fault::ServerClockJump);
        self.backend.clock_error = match self.rng.u8(..4) {
            0 => self.rng.i64(-3..3) * YEAR_MILLIS,
            1 => self.rng.i64(-40..40) * 24 * 3600 * 1000,
            _ => 0,
        };
    }

    /// One device sleeps.
    fn sleep(&mut self, device: usize) {
        self.faults.count(Fault::Sleep);
        let wake = self.now() + HOUR * 8;
        self.put_to_sleep(Some(device), wake);
    }

    /// All the others fall asleep too, one after the other: hours of polling would show nothing new.
    fn put_to_sleep(&mut self, first: Option<usize>, wake: Duration) {
        self.quiet_until = wake;
        for device in 0..self.devices.len() {
            let mean = if first == Some(device) { Duration::ZERO } else { Duration::from_secs(8) };
            let delay = self.about(mean);
            self.schedule.after(delay, Happening::FallsAsleep(device, wake));
        }
    }

    /// Everybody sleeps for days, and the server is tidied up at the end of it.
    fn be_absent(&mut self) {
        self.faults.count(Fault::Absence);
        let days = if self.rng.u8(..4) == 0 { self.rng.u32(50..110) } else { self.rng.u32(2..30) };
        let wake = self.now() + DAY * days;
        self.schedule.at(wake, Happening::Trim);
        for device in 0..self.devices.len() {
            let delay = self.about(Duration::from_secs(3));
            self.devices[device].asleep_until = wake + delay;
            self.fall_silent(device);
        }
    }

    /// The server forgets what is old.
    ///
    /// # Errors
    /// When it cannot.
    pub fn trim(&mut self) -> Checked {
        if self.backend.clock_error > 0 {
            return Ok(());
        }
        let trimmed = self.backend.trim(self.now())?;
        self.note(format_args!("the server forgets {trimmed} changes"));
        if trimmed > 0 {
            self.faults.count(Fault::Trim);
        }
        Ok(())
    }

    fn hide(&mut self, device: usize) -> Checked {
        self.faults.count(Fault::Background);
        let until = self.until(15);
        self.schedule.at(until, Happening::Foreground(device, true));
        self.foreground_signal(device, false)
    }

    fn fly(&mut self, device: usize) -> Checked {
        self.faults.count(Fault::NetworkSignal);
        let until = self.until(10);
        self.devices[device].link.disturb(Trouble::Cut, until);
        self.schedule.at(until, Happening::Network(device, true));
        self.network_signal(device, false)
    }

    /// Longer than the time after which a mutation that fails may be given up.
    fn long_outage(&mut self) {
        let wake = self.now() + HOUR * 8;
        self.backend.outage_until = wake + AFTERMATH;
        self.put_to_sleep(None, wake);
        self.quiet_until = wake + AFTERMATH;
    }

    fn restore_or_back_up(&mut self) -> Checked {
        let unsound = |error| Violation::unsound("the server's files", error);
        if !self.backend.has_backup() || self.rng.u8(..3) == 0 {
            self.note(format_args!("the server is backed up"));
            return self.backend.back_up().map_err(unsound);
        }
        let Some(lost) = self.backend.restore(&self.ledger).map_err(unsound)? else { return Ok(()) };
        self.note(format_args!("the server is restored, {lost} mutations are lost"));
        self.faults.count(Fault::Restore);
        self.drop_lines();
        for device in &mut self.devices {
            device.view.of_another_history = true;
        }
        if self.rng.bool() {
            let known = self.devices.iter().filter_map(|device| device.process.as_ref());
            let known = known.map(|process| process.state.cursor.get()).max().unwrap_or_default();
            let count = u32::try_from(lost).unwrap_or(u32::MAX).saturating_mul(3) + self.rng.u32(1..4);
            if self.strangers_write(count)? > known {
                self.faults.count(Fault::Regrown);
            }
        }
        Ok(())
    }

    fn change_server(&mut self) {
        self.faults.count(Fault::WireChange);
        let until = self.until(1);
        self.backend.die(until);
        self.drop_lines();
        let setup = &mut self.backend.setup;
        setup.wire = match setup.wire {
            Wire::Plain => Wire::Extended,
            Wire::Extended => Wire::Plain,
        };
    }

    /// Other clients write. Gives the head of the log afterwards.
    ///
    /// # Errors
    /// When the server does not take it.
    pub fn strangers_write(&mut self, count: u32) -> Checked<u64> {
        let touch =
            |rng: &mut fastrand::Rng| ("item.touch", format!(r#"{{"id":"i{}","rev":$rev}}"#, rng.u32(..8)));
        let mutations: Vec<(&str, String)> = (0..count).map(|_| touch(&mut self.rng)).collect();
        self.note(format_args!("strangers write {count}"));
        let now = self.now();
        let head = self.backend.strangers_push(now, &mut self.ledger, &mutations)?;
        self.hint(head);
        Ok(head)
    }

    /// Everything is well from now on, and every device is told so, or finds out.
    ///
    /// # Errors
    /// When what follows violates a promise.
    pub fn heal(&mut self) -> Checked {
        self.chaos = false;
        self.backend.heal();
        self.backend.clock_error = 0;
        for device in 0..self.devices.len() {
            self.devices[device].link.heal();
        }
        for device in 0..self.devices.len() {
            self.start(device)?;
            if !self.devices[device].foreground {
                self.foreground_signal(device, true)?;
            }
            if !self.devices[device].network_up || self.plan.signals {
                self.network_signal(device, true)?;
            } else if self.rng.u8(..8) == 0 {
                self.tell(device, Event::SyncRequested(1))?;
            }
        }
        self.renew_tokens()
    }
}
