//! The answers of systemd-logind that the kubelet asks for: how long a shutdown can be held up, a lock that does so, and the signal that it
//! begins (org.freedesktop.login1(5)). Every other call is refused, so that nobody takes silence for consent.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use format::dbus::{self, Call, Value};
use rustix::pipe::{PipeFlags, pipe_with};

/// The bus itself.
const BUS: &str = "org.freedesktop.DBus";
/// logind's interface, object, and signal.
const MANAGER: &str = "org.freedesktop.login1.Manager";
const OBJECT: &str = "/org/freedesktop/login1";
const SIGNAL: &str = "PrepareForShutdown";
/// Longest delay of a shutdown, in microseconds: a hundred years. The kubelet compares it with its
/// own grace period, and would write a file for a logind that is not there where this is shorter.
/// The shutdown has limits of its own.
const DELAY_MAX: u64 = 100 * 365 * 86_400 * 1_000_000;
/// Limit of inhibitor locks at a time.
const LOCKS: usize = 16;
/// The sender of the signal.
const SENDER: &str = ":1.logind";

/// Errors' names.
const UNKNOWN_METHOD: &str = "org.freedesktop.DBus.Error.UnknownMethod";
const UNKNOWN_PROPERTY: &str = "org.freedesktop.DBus.Error.UnknownProperty";
const INVALID: &str = "org.freedesktop.DBus.Error.InvalidArgs";
const NOT_SUPPORTED: &str = "org.freedesktop.DBus.Error.NotSupported";
const LIMIT: &str = "org.freedesktop.DBus.Error.LimitsExceeded";
const IN_PROGRESS: &str = "org.freedesktop.login1.OperationInProgress";

/// Locks, and whether the system ends.
#[derive(Debug, Default)]
pub struct Login {
    /// Our ends of the locks' pipes: one is closed at the other end when its holder lets go, or dies.
    locks: Vec<OwnedFd>,
    ending: bool,
}

/// A value of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Text(String),
    Number(u64),
}

/// Outcome of a call.
#[derive(Debug)]
pub enum Outcome {
    /// Done, with this answer.
    Done(Vec<Answer>),
    /// A lock, which goes along.
    Lock(OwnedFd),
    /// Done; the caller wants the signal.
    Listen,
    /// It is not done: the error's name, and a sentence.
    Refused(&'static str, &'static str),
}

impl Answer {
    /// The same for a message.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Text(text),
            Self::Number(number) => Value::Number(*number),
        }
    }
}

impl Login {
    /// Do what was asked by the client of that name.
    pub fn call(&mut self, call: &Call, name: &str) -> Outcome {
        let texts: Vec<&str> = call.texts.iter().map(String::as_str).collect();
        match (call.interface.as_str(), call.member.as_str(), texts.as_slice()) {
            (BUS, "Hello", []) => Outcome::Done(vec![Answer::Text(name.to_owned())]),
            (BUS, "AddMatch", [rule]) if rule.contains(SIGNAL) || !rule.contains("member=") => Outcome::Listen,
            (BUS, "AddMatch" | "RemoveMatch", [_]) | ("org.freedesktop.DBus.Peer", "Ping", []) => Outcome::Done(vec![]),
            ("org.freedesktop.DBus.Properties", "Get", [MANAGER, "InhibitDelayMaxUSec"]) => {
                Outcome::Done(vec![Answer::Number(DELAY_MAX)])
            }
            ("org.freedesktop.DBus.Properties", "Get", [_, _]) => Outcome::Refused(UNKNOWN_PROPERTY, "there is no such property"),
            (MANAGER, "Inhibit", [what, _, _, mode]) => self.inhibit(what, mode),
            (BUS, "Hello" | "AddMatch" | "RemoveMatch", _) | (MANAGER, "Inhibit", _) => {
                Outcome::Refused(INVALID, "these are not its arguments")
            }
            _ => Outcome::Refused(UNKNOWN_METHOD, "there is no such method here"),
        }
    }

    fn inhibit(&mut self, what: &str, mode: &str) -> Outcome {
        if what != "shutdown" || mode != "delay" {
            return Outcome::Refused(NOT_SUPPORTED, "a shutdown can be delayed, and nothing else");
        }
        if self.ending {
            return Outcome::Refused(IN_PROGRESS, "the system is going to end");
        }
        if self.locks.len() >= LOCKS {
            return Outcome::Refused(LIMIT, "there are too many locks");
        }
        match pipe_with(PipeFlags::CLOEXEC) {
            Ok((ours, theirs)) => {
                self.locks.push(ours);
                Outcome::Lock(theirs)
            }
            Err(_) => Outcome::Refused(LIMIT, "a lock can't be made"),
        }
    }

    /// The system is going to end: no more locks.
    pub const fn prepare_for_shutdown(&mut self) {
        self.ending = true;
    }

    /// Tells if the system is shutting down.
    pub const fn is_ending(&self) -> bool {
        self.ending
    }

    /// That the system is going to end, as message number `serial`.
    pub fn signal(&self, serial: u32) -> Vec<u8> {
        dbus::signal(serial, SENDER, [OBJECT, MANAGER, SIGNAL], &[Value::Flag(self.ending)])
    }

    /// The locks that are held.
    pub fn locks(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.locks.iter().map(AsFd::as_fd)
    }

    /// Forget those that were let go.
    pub fn release(&mut self, is_closed: impl Fn(&OwnedFd) -> bool) {
        self.locks.retain(|lock| !is_closed(lock));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn ask(login: &mut Login, interface: &str, member: &str, texts: &[&str]) -> Outcome {
        let values: Vec<Value<'_>> = texts.iter().copied().map(Value::Text).collect();
        let bytes = dbus::call(1, "org.freedesktop.login1", [OBJECT, interface, member], &values);
        login.call(&Call::parse(&bytes).unwrap().unwrap(), ":1.7")
    }

    #[test]
    fn the_kubelets_calls_are_answered() {
        let mut login = Login::default();
        let done = |outcome| match outcome {
            Outcome::Done(values) => Some(values),
            _ => None,
        };
        assert_eq!(done(ask(&mut login, BUS, "Hello", &[])), Some(vec![Answer::Text(":1.7".into())]));
        let delay = ask(&mut login, "org.freedesktop.DBus.Properties", "Get", &[MANAGER, "InhibitDelayMaxUSec"]);
        assert_eq!(done(delay), Some(vec![Answer::Number(DELAY_MAX)]));
        // Go's time.Duration holds it in nanoseconds.
        assert!(i64::try_from(u128::from(DELAY_MAX) * 1000).is_ok());
        let rule = "type='signal',interface='org.freedesktop.login1.Manager',member='PrepareForShutdown'";
        assert!(matches!(ask(&mut login, BUS, "AddMatch", &[rule]), Outcome::Listen));
        let lock = ask(&mut login, MANAGER, "Inhibit", &["shutdown", "kubelet", "a reason", "delay"]);
        assert!(matches!(lock, Outcome::Lock(_)) && login.locks().count() == 1);
    }

    #[test]
    fn what_is_not_honoured_is_refused() {
        let mut login = Login::default();
        for (interface, member, texts, name) in [
            (MANAGER, "Inhibit", &["shutdown", "a", "b", "block"][..], NOT_SUPPORTED),
            (MANAGER, "Inhibit", &["shutdown:sleep", "a", "b", "delay"], NOT_SUPPORTED),
            (MANAGER, "Inhibit", &["shutdown"], INVALID),
            (MANAGER, "Reboot", &[], UNKNOWN_METHOD),
            (MANAGER, "PowerOff", &[], UNKNOWN_METHOD),
            ("org.freedesktop.systemd1.Manager", "KillUnit", &["systemd-logind.service", "all"], UNKNOWN_METHOD),
            ("org.freedesktop.DBus.Properties", "Get", &[MANAGER, "BlockInhibited"], UNKNOWN_PROPERTY),
            (BUS, "AddMatch", &[], INVALID),
        ] {
            let outcome = ask(&mut login, interface, member, texts);
            assert!(matches!(outcome, Outcome::Refused(is, _) if is == name), "{member}: {outcome:?}");
        }
        assert_eq!(login.locks().count(), 0);
        for _ in 0..LOCKS {
            ask(&mut login, MANAGER, "Inhibit", &["shutdown", "a", "b", "delay"]);
        }
        let one_more = ask(&mut login, MANAGER, "Inhibit", &["shutdown", "a", "b", "delay"]);
        assert!(matches!(one_more, Outcome::Refused(LIMIT, _)) && login.locks().count() == LOCKS);
        login.prepare_for_shutdown();
        let late = ask(&mut login, MANAGER, "Inhibit", &["shutdown", "a", "b", "delay"]);
        assert!(matches!(late, Outcome::Refused(IN_PROGRESS, _)));
        login.release(|_| true);
        assert_eq!(login.locks().count(), 0);
    }
}
