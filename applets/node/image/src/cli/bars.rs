//! Progress of a pull for a person: a bar a layer on a terminal, else a line for each finished
//! layer.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use kit::Result;

use super::list::megabytes;
use crate::registry::Progress;

/// Interval of a terminal's redraws.
const TICK: Duration = Duration::from_millis(100);
/// Ticks between two lines for a program.
const SELDOM: u32 = 10;
/// A bar's width in characters.
const WIDTH: u64 = 32;
/// Bars beyond this many push each other off the screen.
const MOST: usize = 20;

/// To whom progress is told.
#[derive(Clone, Copy)]
pub enum Style {
    /// To nobody.
    Silent,
    /// On standard error, with bars if it is a terminal.
    Person,
    /// By a function, once a second.
    Lines(fn(&Progress) -> Result<()>),
}

/// A thread that tells how far a pull is.
pub struct Bars {
    style: Style,
    name: String,
    thread: Mutex<Option<(Arc<AtomicBool>, JoinHandle<()>)>>,
}

impl Bars {
    /// Nothing is told yet.
    pub fn new(style: Style, name: &str) -> Self {
        Self { style, name: name.to_owned(), thread: Mutex::new(None) }
    }

    /// The layers are known: tell about them from now on.
    pub fn show(&self, progress: &Arc<Progress>) {
        let (style, progress) = (self.style, progress.clone());
        let end = Arc::new(AtomicBool::new(false));
        let ends = end.clone();
        if let Style::Person = style {
            complain(&format!("{}: {}\n", self.name, progress.digest));
        }
        let thread = thread::spawn(move || match style {
            Style::Silent => {}
            Style::Lines(tell) => every(SELDOM, &ends, || {
                // A reader that has gone gets nothing; the pull goes on.
                let _ = tell(&progress);
            }),
            Style::Person if std::io::stderr().is_terminal() => draw(&progress, &ends),
            Style::Person => plain(&progress, &ends),
        });
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some((end, thread));
    }

    /// The pull has ended: tell the last state and no more.
    pub fn close(&self) {
        if let Some((end, thread)) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            end.store(true, Ordering::Relaxed);
            // A thread that died has told its own story.
            let _ = thread.join();
        }
    }
}

/// Do something every so many ticks, and once more at the end.
fn every(ticks: u32, end: &AtomicBool, mut act: impl FnMut()) {
    let mut count = 0;
    while !end.load(Ordering::Relaxed) {
        if count % ticks == 0 {
            act();
        }
        count += 1;
        thread::sleep(TICK);
    }
    act();
}

fn plain(progress: &Progress, end: &AtomicBool) {
    let mut told = vec![false; progress.layers.len()];
    every(1, end, || {
        for (layer, told) in progress.layers.iter().zip(&mut told) {
            if layer.state().1 && !*told {
                *told = true;
                complain(&format!("{} {} done\n", short(&layer.digest), megabytes(layer.size)));
            }
        }
    });
}

fn draw(progress: &Progress, end: &AtomicBool) {
    let mut drawn = 0;
    every(1, end, || {
        let mut text = if drawn > 0 { format!("\x1b[{drawn}A") } else { String::new() };
        let lines = progress.layers.len().min(MOST);
        for layer in &progress.layers[..lines] {
            let (done, whole) = layer.state();
            // Writing to a string can't fail.
            let _ = writeln!(text, "\r\x1b[K{} {}", short(&layer.digest), bar(done, layer.size, whole));
        }
        if progress.layers.len() > lines {
            let whole = progress.layers[lines..].iter().filter(|layer| layer.state().1).count();
            let _ = writeln!(text, "\r\x1b[K… and {whole} of {} more", progress.layers.len() - lines);
        }
        drawn = lines + usize::from(progress.layers.len() > lines);
        complain(&text);
    });
}

fn bar(done: u64, size: u64, whole: bool) -> String {
    let filled = done.min(size).saturating_mul(WIDTH).checked_div(size).unwrap_or(WIDTH);
    let filled = usize::try_from(filled).unwrap_or(0);
    let bar = format!("[{}{}]", "=".repeat(filled), " ".repeat(WIDTH as usize - filled));
    let state = match (whole, done >= size) {
        (true, _) => "done",
        (_, true) => "unpacking",
        _ => "",
    };
    format!("{bar} {:>10} / {:>10} {state}", megabytes(done), megabytes(size))
}

/// Enough of a digest for a person.
fn short(digest: &str) -> &str {
    digest.trim_start_matches("sha256:").get(..12).unwrap_or(digest)
}

fn complain(text: &str) {
    let mut err = std::io::stderr().lock();
    // Nobody may be looking.
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_one_width() {
        for (done, size) in [(0, 10), (5, 10), (10, 10), (11, 10), (0, 0), (u64::MAX, u64::MAX)] {
            assert_eq!(bar(done, size, false).find(']'), Some(WIDTH as usize + 1), "{done} of {size}");
        }
        assert!(bar(10, 10, true).ends_with("done"));
    }
}
