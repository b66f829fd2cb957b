//! Signs of life for a person who waits: a line when nothing was said for some seconds.

use std::io::{self, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Silence after which a line is written: no wait is silent for more than ten seconds.
const SILENCE: Duration = Duration::from_secs(8);
/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// The moment of the last word on the terminal.
static LAST: LazyLock<Mutex<Instant>> = LazyLock::new(|| Mutex::new(Instant::now()));

/// Something was said.
pub fn touch() {
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
}

/// Write to standard output.
pub fn say(bytes: &[u8]) {
    touch();
    let mut out = io::stdout().lock();
    // Nobody may be looking any more; the work goes on.
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Lines during silence, until it is dropped.
pub struct Heartbeat {
    _end: Sender<()>,
}

impl Heartbeat {
    /// Begins; each line names `phase` and its time so far.
    pub fn begin(phase: impl Into<String>) -> Self {
        let (end, ended) = mpsc::channel::<()>();
        let (phase, start) = (phase.into(), Instant::now());
        touch();
        thread::spawn(move || {
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                let silent = LAST.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
                if silent >= SILENCE {
                    say(format!("    {phase}: {} s so far\n", start.elapsed().as_secs()).as_bytes());
                }
            }
        });
        Self { _end: end }
    }
}
