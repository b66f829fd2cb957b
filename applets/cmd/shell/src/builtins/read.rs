//! `read`

use std::time::{Duration, Instant};

use sys::descriptor;

use super::{Call, Options};
use crate::ast::Bytes;
use crate::expand::field::Mark;
use crate::shell::{Done, SIGNALLED, Shell, shown};

/// Manner in which a call reads.
struct Reading {
    number: i32,
    raw: bool,
    delimiter: u8,
    most: Option<usize>,
    /// Delimiters are text too (`-N`).
    exactly: bool,
    until: Option<Instant>,
    silent: bool,
}

/// End of what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The delimiter, or as much as was wanted.
    Whole,
    /// The input ended.
    Input,
    /// The time was over.
    Time,
    /// A signal with a trap came.
    Signal(i32),
}

/// `read [-r] [-s] [-e] [-a ARRAY] [-d DELIMITER] [-i TEXT] [-n COUNT] [-N COUNT] [-p PROMPT] [-t TIME] [-u FD] [NAME…]`
pub fn read(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"ersa:d:i:n:N:p:t:u:") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let reading = match reading(&options) {
        Ok(reading) => reading,
        Err(message) => return shell.misused(call, message),
    };
    let names = call.args().get(options.words..).unwrap_or_default();
    for name in names {
        if !crate::parse::is_name(name) && crate::vars::lookup::split_subscript(name).is_none() {
            let what = if shell.bash { "not a valid identifier" } else { "bad variable name" };
            shell.complain(Some(b"read"), format!("{}: {what}", shown(name)));
            return Ok(if shell.bash { 1 } else { 2 });
        }
    }
    let terminal = descriptor::is_terminal(reading.number);
    if let Some(prompt) = options.argument(b'p').filter(|_| terminal) {
        // Nothing is left to ask when standard error is closed.
        let _ = descriptor::write_all(2, prompt);
    }
    if options.argument(b't').is_some_and(|time| seconds(time) == Some(Duration::ZERO)) {
        let ready = descriptor::wait_readable(reading.number, 0).unwrap_or(false);
        return Ok(i32::from(!ready));
    }
    let quiet = (terminal && (reading.silent || reading.most.is_some())).then(|| quieten(&reading));
    let (text, end) = collect(shell, &reading);
    drop(quiet);
    let done = if let Some(array) = options.argument(b'a') {
        let words = fields(shell, &text, usize::MAX);
        shell.vars.remove(array);
        shell.set_list(array, words)
    } else {
        store(shell, names, &text, &reading)
    };
    done?;
    Ok(match end {
        End::Whole => 0,
        End::Input => 1,
        End::Time => SIGNALLED + 14,
        End::Signal(number) => {
            shell.run_traps()?;
            SIGNALLED + number
        }
    })
}

fn reading(options: &Options) -> Result<Reading, String> {
    let count = |letter: u8| {
        options.argument(letter).map(|text| {
            let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
            number.ok_or_else(|| format!("{}: invalid number", shown(text)))
        })
    };
    let most = count(b'N').or_else(|| count(b'n')).transpose()?;
    let number = match options.argument(b'u') {
        Some(text) => super::integer(text).map(|number| number as i32)?,
        None => 0,
    };
    let until = match options.argument(b't') {
        Some(text) => {
            let time = seconds(text);
            let time = time.ok_or_else(|| format!("{}: invalid timeout", shown(text)))?;
            Instant::now().checked_add(time)
        }
        None => None,
    };
    let delimiter = options.argument(b'd').map_or(b'\n', |text| text.first().copied().unwrap_or(0));
    Ok(Reading { number, raw: options.has(b'r'), delimiter, most, exactly: options.has(b'N'), until, silent: options.has(b's') })
}

fn seconds(text: &[u8]) -> Option<Duration> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    Duration::try_from_secs_f64(value).ok()
}

/// Terminal whose settings come back when it is dropped.
struct Quiet {
    number: i32,
    before: rustix::termios::Termios,
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that is gone needs no settings.
        let _ =
            with_file(self.number, |file| rustix::termios::tcsetattr(file, rustix::termios::OptionalActions::Now, &self.before));
    }
}

/// Does something with the file of a number, by way of a copy.
fn with_file<T>(number: i32, act: impl FnOnce(&std::fs::File) -> rustix::io::Result<T>) -> Option<T> {
    let file = std::fs::File::open(format!("/proc/self/fd/{number}")).ok()?;
    act(&file).ok()
}

/// Lets a terminal show nothing, or give single keys.
fn quieten(reading: &Reading) -> Option<Quiet> {
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
    let before = with_file(reading.number, |file| tcgetattr(file))?;
    let mut settings = before.clone();
    if reading.silent {
        settings.local_modes -= LocalModes::ECHO;
    }
    if reading.most.is_some() || reading.delimiter != b'\n' {
        settings.local_modes -= LocalModes::ICANON;
        settings.special_codes[SpecialCodeIndex::VMIN] = 1;
        settings.special_codes[SpecialCodeIndex::VTIME] = 0;
    }
    with_file(reading.number, |file| tcsetattr(file, OptionalActions::Now, &settings))?;
    Some(Quiet { number: reading.number, before })
}

/// Reads byte by byte: what stands behind the delimiter belongs to the next command.
/// A byte comes with the knowledge if a backslash protects it.
fn collect(shell: &mut Shell, reading: &Reading) -> (Vec<(u8, Mark)>, End) {
    let mut text = Vec::new();
    let mut escaped = false;
    let mut count = 0;
    loop {
        if reading.most.is_some_and(|most| count >= most) {
            return (text, End::Whole);
        }
        let byte = match next_byte(shell, reading) {
            Ok(byte) => byte,
            Err(end) => return (text, end),
        };
        if escaped {
            escaped = false;
            if byte != b'\n' {
                text.push((byte, Mark::Quoted));
                count += 1;
            }
        } else if byte == b'\\' && !reading.raw {
            escaped = true;
        } else if byte == reading.delimiter && !reading.exactly {
            return (text, End::Whole);
        } else if byte != 0 {
            text.push((byte, Mark::Split));
            // The bytes behind the first of a character don't count.
            count += usize::from(byte & 0xc0 != 0x80 || shell.bytes_only());
        }
    }
}

fn next_byte(shell: &mut Shell, reading: &Reading) -> Result<u8, End> {
    let mut byte = [0];
    loop {
        if let Some(until) = reading.until {
            let left = until.saturating_duration_since(Instant::now());
            let left = i32::try_from(left.as_millis()).unwrap_or(i32::MAX);
            match descriptor::wait_readable(reading.number, left) {
                Ok(true) => {}
                Ok(false) => return Err(End::Time),
                Err(_) => {
                    trapped(shell)?;
                    continue;
                }
            }
        }
        match descriptor::read(reading.number, &mut byte) {
            Ok(0) => return Err(End::Input),
            Ok(_) => return Ok(byte[0]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => trapped(shell)?,
            Err(e) => {
                shell.complain(Some(b"read"), format!("read error: {}", crate::shell::cause(&e)));
                return Err(End::Input);
            }
        }
    }
}

/// Ends the call when a signal came that has a trap, or Ctrl-C at a terminal.
fn trapped(shell: &mut Shell) -> Result<(), End> {
    let caught = |number: &i32| {
        shell.traps.actions.get(number).is_some_and(|action| !action.text.is_empty())
            || *number == crate::trap::SIGINT && shell.interactive
    };
    let came: Vec<i32> = (1..65).filter(|number| sys::disposition::has_come(*number)).collect();
    match came.iter().copied().find(|number| caught(number)) {
        Some(number) if number != crate::trap::SIGCHLD => Err(End::Signal(number)),
        _ => Ok(()),
    }
}

/// Gives the names their parts of the text.
fn store(shell: &mut Shell, names: &[Bytes], text: &[(u8, Mark)], reading: &Reading) -> Result<(), crate::shell::Flow> {
    let whole = || text.iter().map(|(byte, _)| *byte).collect::<Bytes>();
    if names.is_empty() {
        return shell.set_var(b"REPLY", whole());
    }
    if reading.exactly {
        shell.set_target(&names[0], whole())?;
        return names[1..].iter().try_for_each(|name| shell.set_target(name, Bytes::new()));
    }
    let mut fields = fields(shell, text, names.len()).into_iter();
    for name in names {
        shell.set_target(name, fields.next().unwrap_or_default())?;
    }
    Ok(())
}

/// Splits a text by IFS into so many fields; the last one has all the rest.
fn fields(shell: &Shell, text: &[(u8, Mark)], most: usize) -> Vec<Bytes> {
    let ifs = shell.separators();
    let is = |cell: &(u8, Mark)| cell.1 == Mark::Split && ifs.contains(&cell.0);
    let blank = |cell: &(u8, Mark)| is(cell) && matches!(cell.0, b' ' | b'\t' | b'\n');
    let skip = |at: &mut usize| {
        while text.get(*at).is_some_and(blank) {
            *at += 1;
        }
    };
    let bytes = |cells: &[(u8, Mark)]| cells.iter().map(|cell| cell.0).collect::<Bytes>();
    let mut all = Vec::new();
    let mut at = 0;
    skip(&mut at);
    while at < text.len() {
        let start = at;
        while text.get(at).is_some_and(|cell| !is(cell)) {
            at += 1;
        }
        let end = at;
        skip(&mut at);
        if text.get(at).is_some_and(|cell| is(cell) && !blank(cell)) {
            at += 1;
            skip(&mut at);
        }
        if all.len() + 1 < most {
            all.push(bytes(text.get(start..end).unwrap_or_default()));
            continue;
        }
        // One field and its separator: the separator goes. More of them: all of it stays.
        let mut last = text.get(start..).unwrap_or_default();
        while last.last().is_some_and(blank) {
            last = &last[..last.len() - 1];
        }
        all.push(bytes(if at >= text.len() { &text[start..end] } else { last }));
        break;
    }
    all
}

/// A line of standard input without its end; none at the end of the input.
pub fn plain_line() -> Option<Bytes> {
    let mut line = Bytes::new();
    let mut byte = [0];
    loop {
        match descriptor::read(0, &mut byte) {
            Ok(0) | Err(_) => return (!line.is_empty()).then_some(line),
            Ok(_) if byte[0] == b'\n' => return Some(line),
            Ok(_) => line.push(byte[0]),
        }
    }
}
