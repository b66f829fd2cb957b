//! The steps of a change of the store at which a test kills it. Outside of tests they are nothing.

/// A place at which a process may be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The folder of the change is there, nothing in it.
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

/// Every step, for the test that goes through them.
#[cfg(test)]
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
#[cfg(not(test))]
pub const fn reached(_: Step) {}
