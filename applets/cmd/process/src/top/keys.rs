//! The keys of `top`: the terminal without lines and echo while it runs.

use std::io::{Read, Write, stdin};
use std::time::Duration;

use kit::{Context, Error, Result, account, out};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use super::show::{Field, View};
use crate::select;

/// Lines that a page key scrolls.
const PAGE: usize = 20;

/// Meanings of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The time is over.
    Nothing,
    /// Look again at once.
    Now,
    End,
    Sort(Field),
    Reverse,
    WholeCommands,
    Idle,
    EachProcessor,
    Interval,
    Kill,
    User,
    Scroll(isize),
    Help,
}

/// The terminal, which gets its old modes back.
pub struct Keyboard {
    old: Option<Termios>,
}

impl Keyboard {
    /// Take it from the shell. Without a terminal there are no keys.
    pub fn take() -> Result<Self> {
        let Ok(old) = tcgetattr(stdin()) else { return Ok(Self { old: None }) };
        let keyboard = Self { old: Some(old) };
        keyboard.set(false)?;
        Ok(keyboard)
    }

    /// With lines and echo, or without.
    fn set(&self, has_lines: bool) -> Result<()> {
        let Some(old) = &self.old else { return Ok(()) };
        let mut modes = old.clone();
        if !has_lines {
            modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
            modes.special_codes[SpecialCodeIndex::VMIN] = 0;
            modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        }
        tcsetattr(stdin(), OptionalActions::Now, &modes).doing("set the terminal's modes")
    }

    /// The next key's meaning within the time.
    pub fn wait(&mut self, limit: Duration) -> Result<Action> {
        let input = stdin();
        let limit = Timespec { tv_sec: limit.as_secs().cast_signed(), tv_nsec: limit.subsec_nanos().into() };
        let wanted = if self.old.is_some() { PollFlags::IN } else { PollFlags::empty() };
        let mut fds = [PollFd::new(&input, wanted)];
        match poll(&mut fds, Some(&limit)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(Action::Nothing),
            Err(e) => return Err(e).doing("wait for a key"),
            Ok(_) => {}
        }
        let mut bytes = [0; 8];
        let count = input.lock().read(&mut bytes).doing("read a key")?;
        // The terminal is gone.
        if count == 0 { Ok(Action::End) } else { Ok(meaning(&bytes[..count])) }
    }

    /// Ask for a line.
    fn ask(&self, question: &str) -> Result<String> {
        self.set(true)?;
        let mut out = out();
        write!(out, "\x1b[6H\x1b[K{question} ").and_then(|()| out.flush()).doing("write the terminal")?;
        let mut line = String::new();
        let read = stdin().read_line(&mut line).doing("read a line");
        self.set(false)?;
        read.map(|_| line.trim().to_owned())
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        // The shell behind us gets what it had; it is too late for a complaint.
        let _ = self.set(true);
        let _ = writeln!(std::io::stdout());
    }
}

fn meaning(bytes: &[u8]) -> Action {
    match bytes {
        b"q" | b"\x03" | b"\x04" => Action::End,
        b"P" => Action::Sort(Field::Cpu),
        b"M" => Action::Sort(Field::Memory),
        b"N" => Action::Sort(Field::Pid),
        b"T" => Action::Sort(Field::Time),
        b"R" => Action::Reverse,
        b"c" => Action::WholeCommands,
        b"i" => Action::Idle,
        b"1" => Action::EachProcessor,
        b"d" | b"s" => Action::Interval,
        b"k" => Action::Kill,
        b"u" => Action::User,
        b"h" | b"?" => Action::Help,
        b"\x1b[A" | b"\x1bOA" => Action::Scroll(-1),
        b"\x1b[B" | b"\x1bOB" => Action::Scroll(1),
        b"\x1b[5~" => Action::Scroll(-PAGE.cast_signed()),
        b"\x1b[6~" => Action::Scroll(PAGE.cast_signed()),
        b"\x1b[H" | b"\x1b[1~" => Action::Scroll(isize::MIN),
        _ => Action::Now,
    }
}

/// Do what a key means. An error is a sentence for the screen.
pub fn apply(keyboard: &mut Keyboard, action: Action, view: &mut View, delay: &mut Duration) -> Result<()> {
    match action {
        Action::Nothing | Action::Now | Action::End => {}
        Action::Sort(field) => view.sort = field,
        Action::Reverse => view.is_reversed = !view.is_reversed,
        Action::WholeCommands => view.whole_commands = !view.whole_commands,
        Action::Idle => view.hides_idle = !view.hides_idle,
        Action::EachProcessor => view.each_processor = !view.each_processor,
        Action::Scroll(by) => view.scrolled = view.scrolled.saturating_add_signed(by),
        Action::Help => {
            return Err(Error::new("P M N T: sort  R: reverse  c i 1: show  d: interval  k: signal  u: user  q: end"));
        }
        Action::Interval => {
            let text = keyboard.ask("Seconds between two looks:")?;
            let seconds = text.parse().ok().filter(|seconds: &f64| *seconds >= 0.1);
            let wanted = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            *delay = wanted.ok_or_else(|| Error::new(format!("{text:?} is no interval")))?;
        }
        Action::User => {
            let name = keyboard.ask("User (empty: all):")?;
            view.user = match name.as_str() {
                "" => None,
                name => Some(account::user_id(name).ok_or_else(|| Error::new(format!("no such user: {name}")))?),
            };
        }
        Action::Kill => {
            let text = keyboard.ask("Process to signal:")?;
            let pid = text.parse().map_err(|_| Error::new(format!("{text:?} is no process number")))?;
            let name = keyboard.ask("Signal (TERM):")?;
            select::send(pid, select::signal(if name.is_empty() { "TERM" } else { &name })?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_meanings() {
        assert_eq!(meaning(b"q"), Action::End);
        assert_eq!(meaning(b"M"), Action::Sort(Field::Memory));
        assert_eq!(meaning(b"\x1b[B"), Action::Scroll(1));
        assert_eq!(meaning(b" "), Action::Now);
    }
}
