//! The steps of a change of the store at which a test kills it, or the server that wants the change. Outside of tests they are nothing.

/// A place at which a process may be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The directory of the change is there, nothing in it.
    Begun,
    /// A layer is half unpacked.
    LayerHalf,
    /// A layer is unpacked.
    LayerWhole,
    /// Some layers were moved to their places.
    LayerMoved,
    /// The configuration is there.
    ConfigWritten,
    /// The new index lies beside the old one.
    IndexWritten,
    /// The new index is the valid one, nothing is tidied.
    Committed,
    /// A part of the rubbish is gone.
    Swept,
}

/// Every step, for the tests that go through them.
pub const ALL: [Step; 8] = [
    Step::Begun,
    Step::LayerHalf,
    Step::LayerWhole,
    Step::LayerMoved,
    Step::ConfigWritten,
    Step::IndexWritten,
    Step::Committed,
    Step::Swept,
];

/// The variable with the step at which a test's process ends.
#[cfg(test)]
pub const KILL_AT: &str = "KUTTIES_IMAGE_KILL_AT";

/// The process is at this step.
#[cfg(test)]
pub fn reached(step: Step) {
    if std::env::var(KILL_AT).is_ok_and(|name| name == format!("{step:?}")) {
        // Nothing is unwound, nothing is dropped: as a power cut.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// The process is at this step.
#[cfg(all(not(test), feature = "failpoints"))]
pub fn reached(step: Step) {
    strike(&format!("{step:?}"));
}

/// The process is at this step.
#[cfg(all(not(test), not(feature = "failpoints")))]
pub const fn reached(_: Step) {}

/// File in which a test of whole systems orders kills: a line each, `STEP PID`, the next one first.
/// Number 0 is any process at the step.
#[cfg(feature = "failpoints")]
pub const ORDERS: &str = "/run/kutties/kill-at";

/// Carry out the next order, if it is for this step: the victim dies as by a power cut. An order is gone before it is carried out, so that
/// who comes next is not killed as well.
#[cfg(feature = "failpoints")]
pub fn strike(step: &str) {
    use rustix::process::{Pid, Signal, getpid, kill_process};
    let Ok(orders) = std::fs::read_to_string(ORDERS) else { return };
    let (order, later) = orders.split_once('\n').unwrap_or((&orders, ""));
    let Some((_, victim)) = order.split_once(' ').filter(|(name, _)| *name == step) else { return };
    let gone = if later.is_empty() {
        std::fs::remove_file(ORDERS)
    } else {
        let new = format!("{ORDERS}.{}", std::process::id());
        std::fs::write(&new, later).and_then(|()| std::fs::rename(&new, ORDERS))
    };
    if gone.is_ok() {
        let victim = victim.parse().ok().and_then(Pid::from_raw).unwrap_or_else(getpid);
        let _ = kill_process(victim, Signal::KILL);
    }
}
