//! Progress of a long build: one line that is rewritten on a terminal, a line now and then
//! elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Interval of lines where there is no terminal: often enough to see that it lives, rarely enough
/// for a log.
const LOG_EVERY: Duration = Duration::from_secs(15);

/// Interval of a terminal line's rewrites.
const REDRAW_EVERY: Duration = Duration::from_millis(200);

/// The progress of one build.
pub struct Progress {
    what: String,
    terminal: bool,
    start: Instant,
    shown: Instant,
    drawn: bool,
}

impl Progress {
    /// Says that `what` begins.
    pub fn begin(what: String) -> Self {
        say(&format!("{what}: begins\n"));
        let now = Instant::now();
        Self { what, terminal: std::io::stderr().is_terminal(), start: now, shown: now, drawn: false }
    }

    /// Says where the build is.
    pub fn at(&mut self, state: &str) {
        let pause = if self.terminal { REDRAW_EVERY } else { LOG_EVERY };
        if self.shown.elapsed() < pause {
            return;
        }
        self.shown = Instant::now();
        self.drawn = true;
        let seconds = self.start.elapsed().as_secs();
        if self.terminal {
            say(&format!("\r\x1b[K{}: {state}, {seconds} s", self.what));
        } else {
            say(&format!("{}: {state}, {seconds} s\n", self.what));
        }
    }

    /// Says how it ended.
    pub fn end(self, result: &str) {
        let clear = if self.terminal && self.drawn { "\r\x1b[K" } else { "" };
        say(&format!("{clear}{}: {result} after {} s\n", self.what, self.start.elapsed().as_secs()));
    }
}

/// Progress is for people only: a closed standard error is no reason to stop.
fn say(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}
