//! One world: three devices, a network, a server, a clock, and one thread that makes things happen in order.
//!
//! What a world does is spread over the modules of this crate by subject: [`crate::drive`] lets the engines
//! run, [`crate::traffic`] carries requests and answers, [`crate::act`] is the apps, [`crate::mischief`] is what
//! goes wrong, [`crate::finale`] heals everything and checks what must be true then.

use std::path::Path;
use std::time::Duration;

use mizu_sync::simulation::Config;

use crate::backend::{Backend, Setup};
use crate::device::{self, Device};
use crate::fault::{Fault, FaultCounts};
use crate::ledger::Ledger;
use crate::plan::{DEVICES, Plan};
use crate::schedule::{Moment, Schedule};
use crate::sockets::LineEvent;
use crate::trace::Trace;
use crate::traffic::{Landing, Parcel};
use crate::view::{ACCOUNTS, MONEY};
use crate::violation::{Check, Checked, Violation};

/// Events after which a world is taken for one that does not come to rest.
const MOST_EVENTS: u32 = 200_000;

/// What is going to happen.
pub enum Happening {
    /// The app on a device does something.
    AppActs(usize),
    /// The time that an engine has asked for.
    Alarm {
        /// Of the device.
        device: usize,
        /// The process that asked.
        incarnation: u64,
        /// Only the last one that it asked for holds.
        alarm: u64,
    },
    /// A request reaches the server.
    Arrives(Box<Parcel>),
    /// Something comes of a request at its device.
    Lands(Box<Landing>),
    /// A device is started, unless it lives.
    Starts(usize),
    /// The platform of a device says whether there is a network.
    Network(usize, bool),
    /// The platform of a device says whether its app is seen.
    Foreground(usize, bool),
    /// A device sleeps until then.
    FallsAsleep(usize, Moment),
    /// Something happens to a live socket at its device.
    Line(Box<LineEvent>),
    /// The app on a device has got a token.
    TokenComes(usize),
    /// The server forgets what is old.
    Trim,
    /// Something goes wrong.
    Mischief,
}

/// Which known bug is awake, if any: one of the client or one of the server.
#[cfg(feature = "planted-bugs")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Awake {
    /// A bug of the client.
    pub client: Option<mizu_sync::planted::Bug>,
    /// A bug of the server.
    pub server: Option<mizu_sync_server::Bug>,
}

/// Which known bug is awake: this build has none.
#[cfg(not(feature = "planted-bugs"))]
#[derive(Clone, Copy, Debug, Default)]
pub struct Awake {}

/// A world.
pub struct World {
    /// What it is like.
    pub plan: Plan,
    /// All chance in it.
    pub rng: fastrand::Rng,
    /// Its clock, and what is going to happen.
    pub schedule: Schedule<Happening>,
    /// What has happened.
    pub trace: Trace,
    /// How often things went wrong.
    pub faults: FaultCounts,
    /// The devices.
    pub devices: Vec<Device>,
    /// The server.
    pub backend: Backend,
    /// What the apps were told is saved.
    pub ledger: Ledger,
    /// How engines are configured.
    pub config: Config,
    /// Whether anything still goes wrong.
    pub chaos: bool,
    /// Until when everybody sleeps, or is about to.
    pub quiet_until: Moment,
    events: u32,
}

impl World {
    /// The world of this seed, with its files in `directory`.
    ///
    /// # Errors
    /// When the files cannot be made.
    #[cfg_attr(not(feature = "planted-bugs"), expect(unused_variables, reason = "this build has no bugs"))]
    pub fn new(seed: u64, directory: &Path, awake: Awake, verbose: bool) -> Checked<Self> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let plan = Plan::draw(&mut rng);
        let setup = Setup {
            wire: plan.wire,
            page: plan.page,
            from_zero: plan.from_zero,
            #[cfg(feature = "planted-bugs")]
            bug: awake.server,
        };
        let server_rng = rng.fork();
        let backend = Backend::new(directory.join("server.db"), setup, server_rng)
            .map_err(|error| Violation::unsound("the server's file", error))?;
        let device = |index: usize| Device::new(index, directory.join(format!("device-{index}.db")), &plan);
        let config = device::config(
            &plan,
            #[cfg(feature = "planted-bugs")]
            awake.client,
        );
        Ok(Self {
            rng,
            schedule: Schedule::new(),
            trace: Trace::new(verbose),
            faults: FaultCounts::new(),
            devices: (0..DEVICES).map(device).collect(),
            backend,
            ledger: Ledger::default(),
            config,
            chaos: true,
            quiet_until: Moment::ZERO,
            events: 0,
            plan,
        })
    }

    /// Lets it happen, from the beginning to the last check.
    ///
    /// # Errors
    /// The first violation.
    pub fn run(&mut self) -> Checked {
        self.begin()?;
        while self.devices.iter().any(|device| device.acts_left > 0) {
            let moment = self.now() + Duration::from_secs(1);
            self.run_until(moment)?;
        }
        self.finale()
    }

    fn begin(&mut self) -> Checked {
        let plan = format!("{:?}", self.plan);
        self.note(format_args!("{plan}"));
        let share = MONEY / ACCOUNTS as i64;
        let accounts = (0..ACCOUNTS).map(|number| {
            let args = format!(r#"{{"id":"a{number}","data":{{"rev":$rev,"balance":{share}}}}}"#);
            ("account.create", args)
        });
        let items = (0..self.plan.items).map(|number| {
            let args = format!(r#"{{"id":"i{number}","data":{{"rev":$rev,"title":"first"}}}}"#);
            ("item.create", args)
        });
        let rows: Vec<(&str, String)> = accounts.chain(items).collect();
        self.backend.strangers_push(Moment::ZERO, &mut self.ledger, &rows)?;
        if self.plan.wire == mizu_sync_protocol::Wire::Plain {
            self.faults.count(Fault::PlainServer);
        }
        for device in 0..self.devices.len() {
            let delay = self.about(self.plan.act_every);
            self.schedule.after(delay, Happening::Starts(device));
            self.schedule.after(delay * 2, Happening::AppActs(device));
        }
        let delay = self.about(self.plan.mischief_every);
        self.schedule.after(delay, Happening::Mischief);
        Ok(())
    }

    /// Lets everything happen that is due by `end`.
    ///
    /// # Errors
    /// The first violation.
    pub fn run_until(&mut self, end: Moment) -> Checked {
        while let Some(happening) = self.schedule.next_by(end) {
            self.events += 1;
            if self.events > MOST_EVENTS {
                return Err(Violation::new(Check::Sound, "the world does not come to rest"));
            }
            self.happen(happening)?;
        }
        Ok(())
    }

    fn happen(&mut self, happening: Happening) -> Checked {
        // What concerns a sleeping device waits for it; but an answer to it is lost.
        if let Some(device) = self.concerned(&happening) {
            let awake = self.devices[device].asleep_until;
            if self.now() < awake {
                let lost = match &happening {
                    Happening::Lands(landing) => landing.is_answer(),
                    Happening::Line(event) => event.is_message(),
                    _ => false,
                };
                if !lost {
                    self.schedule.at(awake, happening);
                }
                return Ok(());
            }
        }
        match happening {
            Happening::AppActs(device) => self.app_acts(device),
            Happening::Alarm { device, incarnation, alarm } => self.alarm_rings(device, incarnation, alarm),
            Happening::Arrives(parcel) => self.arrives(&parcel),
            Happening::Lands(landing) => self.lands(*landing),
            Happening::Line(event) => self.line_event(*event),
            Happening::TokenComes(device) => self.token_comes(device),
            Happening::Starts(device) => self.start(device),
            Happening::Network(device, up) => self.network_signal(device, up),
            Happening::Foreground(device, seen) => self.foreground_signal(device, seen),
            Happening::FallsAsleep(device, wake) => {
                if self.chaos {
                    self.note(format_args!("d{device} falls asleep"));
                    self.devices[device].asleep_until = wake;
                    self.fall_silent(device);
                }
                Ok(())
            }
            Happening::Trim => self.trim(),
            Happening::Mischief => self.make_mischief(),
        }
    }

    fn concerned(&self, happening: &Happening) -> Option<usize> {
        match happening {
            Happening::AppActs(device)
            | Happening::Alarm { device, .. }
            | Happening::Starts(device)
            | Happening::FallsAsleep(device, _)
            | Happening::TokenComes(device)
            | Happening::Network(device, _)
            | Happening::Foreground(device, _) => Some(*device),
            Happening::Lands(landing) => Some(landing.device),
            Happening::Line(event) => Some(event.device),
            Happening::Arrives(_) | Happening::Trim | Happening::Mischief => None,
        }
    }

    /// The time.
    pub fn now(&self) -> Moment {
        self.schedule.now()
    }

    /// Adds a line to the trace.
    pub fn note(&mut self, text: std::fmt::Arguments<'_>) {
        self.trace.line(self.schedule.now(), text);
    }

    /// Whether something of this probability happens now. Nothing does once the world is healed.
    pub fn strikes(&mut self, probability: f64) -> bool {
        self.chaos && probability > 0.0 && self.rng.f64() < probability
    }

    /// A random time around `mean`.
    pub fn about(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(0.1 + 1.8 * self.rng.f64())
    }
}
