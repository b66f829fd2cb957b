//! `kutties ntp SERVER…`: keep the clock right by time servers (SNTP, RFC 5905).
//!
//! Usage: kutties ntp [-q] SERVER[:PORT]…
//!
//! It is what init runs as the service `ntp` when the key `ntp.servers` names servers, or a DHCP server does (option 42). At the start the clock
//! is set; later it is led slowly, and set again only when three answers in a row say that it is off by more than half a second.
//! The clock is never set before the day on which this system was built, nor decades after it. With `-q` servers are asked once, and
//! nothing is set.

mod ask;
mod choice;

use std::ffi::OsString;
use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result};
use rustix::time::{ClockId, clock_gettime};

use ask::{Sample, ask};
use choice::choose;

/// The record.
pub const NAME: Applet = Applet { name: "ntp", about: "keep the clock right by time servers", place: Place::Hidden, run };

/// More servers than these make nothing better; a DHCP server could name dozens.
const MOST: usize = 4;
/// Smallest offset that makes the clock jump at the start, in nanoseconds: an eighth of a second,
/// as in RFC 5905.
const STEP: i128 = 125_000_000;
/// The same later, when programs count on a clock without jumps: what the kernel can lead, see `sys::clock::LARGEST`.
const LATER: i128 = 500_000_000;
/// Number of answers in a row that must say so then.
const SUSPECTS: u32 = 3;
/// An offset below this lets the pauses grow, in nanoseconds.
const CALM: i128 = 20_000_000;
/// The pauses between questions as powers of two, in seconds: a minute; at most 17 minutes. Public servers ask for no less.
const SHORT: u8 = 6;
const LONG: u8 = 10;
/// The first pause after a round without an answer: the network may just come up.
const FIRST: u8 = 2;
/// Time that a server is left alone that refuses us for good.
const DAY: Duration = Duration::from_hours(24);

#[derive(Parser)]
struct Options {
    /// Ask once, say what the servers say, and set nothing
    #[arg(short, long)]
    query: bool,
    /// Time servers, by name or address
    #[arg(required = true)]
    servers: Vec<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, args)?;
    let floor = kit::clock::earliest();
    if options.query {
        return query(&options.servers, floor);
    }
    let servers = options.servers.into_iter().take(MOST).map(Server::new).collect();
    let mut client = Client { servers, floor, set: false, pause: FIRST, suspects: 0 };
    loop {
        let pause = client.round()?;
        sleep(pause);
    }
}

/// Prints each server's answer; an error when none answers.
fn query(servers: &[String], floor: i64) -> Result<Exit> {
    let mut failed = None;
    let mut exit = Exit::FAILED;
    for server in servers {
        match ask(server, floor) {
            Ok(sample) => {
                exit = Exit::OK;
                say(&format!("{server}: {sample}"))?;
            }
            Err(refusal) => failed = Some(refusal.error),
        }
    }
    match failed {
        Some(e) if exit != Exit::OK => Err(e),
        _ => Ok(exit),
    }
}

/// A server, and what became of it.
struct Server {
    name: String,
    /// Last message about it, which is not repeated.
    said: String,
    /// Until when it is not asked.
    rests: Option<Instant>,
}

impl Server {
    fn new(name: String) -> Self {
        Self { name, said: String::new(), rests: None }
    }

    /// Its answer, or none and a line about why.
    fn ask(&mut self, floor: i64) -> Result<Option<Sample>> {
        let now = Instant::now();
        if self.rests.is_some_and(|until| now < until) {
            return Ok(None);
        }
        match ask(&self.name, floor) {
            Ok(sample) => {
                self.said.clear();
                Ok(Some(sample))
            }
            Err(refusal) => {
                self.rests = refusal.kiss.map(|word| now + if word == *b"RATE" { pause(LONG) } else { DAY });
                let line = refusal.error.to_string();
                if line != self.said {
                    say(&line)?;
                    self.said = line;
                }
                Ok(None)
            }
        }
    }
}

/// All that is known from one round to the next.
struct Client {
    servers: Vec<Server>,
    floor: i64,
    /// True if the clock was right once.
    set: bool,
    pause: u8,
    /// Number of answers in a row that say that the clock is far off.
    suspects: u32,
}

impl Client {
    /// Ask all, act, and give the pause before the next round.
    fn round(&mut self) -> Result<Duration> {
        let mut samples = Vec::new();
        for server in &mut self.servers {
            samples.extend(server.ask(self.floor)?);
        }
        if let Some(sample) = choose(&samples) {
            self.follow(sample)?;
        } else {
            if !samples.is_empty() {
                say("the time servers don't agree; none is believed")?;
            }
            self.pause = (self.pause + 1).min(LONG);
        }
        Ok(pause(self.pause))
    }

    fn follow(&mut self, sample: &Sample) -> Result<()> {
        let off = sample.offset.abs();
        if off > if self.set { LATER } else { STEP } {
            self.suspects += 1;
            self.pause = SHORT;
            if self.set && self.suspects < SUSPECTS {
                return Ok(());
            }
            step(sample, self.floor)?;
        } else {
            let nanos = i64::try_from(sample.offset).unwrap_or_default();
            sys::clock::slew(nanos, self.pause.max(SHORT)).doing("lead the clock")?;
            if !self.set {
                say(&format!("the clock is right: {sample}"))?;
            }
            self.pause = if off < CALM { (self.pause + 1).clamp(SHORT, LONG) } else { SHORT };
        }
        (self.set, self.suspects) = (true, 0);
        Ok(())
    }
}

/// Set the clock by an answer.
fn step(sample: &Sample, floor: i64) -> Result<()> {
    let now = since_1970() + sample.offset;
    // The answer was after the floor; a clock that somebody else has set meanwhile may make the sum be before it.
    let seconds = u64::try_from(now / ask::NANOS).unwrap_or(0);
    if i64::try_from(seconds).unwrap_or(i64::MAX) < floor {
        return Err(Error::new("set the clock: it would be before the day on which this system was built"));
    }
    sys::clock::set(Duration::new(seconds, (now % ask::NANOS) as u32)).doing("set the clock")?;
    say(&format!("set the clock: {sample}"))
}

/// The clock, in nanoseconds.
fn since_1970() -> i128 {
    let now = clock_gettime(ClockId::Realtime);
    i128::from(now.tv_sec) * ask::NANOS + i128::from(now.tv_nsec)
}

const fn pause(power: u8) -> Duration {
    Duration::from_secs(1 << power)
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").doing("write the outcome")
}
