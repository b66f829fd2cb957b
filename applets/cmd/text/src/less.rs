//! `less [-N] [-S] [-F] [FILE]...` and `more` show texts page by page on any terminal.
//!
//! Keys: space and f forward, b back, Enter and j a line on, k a line back, d and u half a page, g first, G last, /TEXT and n and
//! N search, = where we are, q quit. When the output is no terminal the text goes through as it is.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, out, parse};
use pattern::{Meaning, Pattern, Syntax};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// Page by page.
pub const LESS: Applet = Applet { name: "less", about: "show a text page by page", place: Place::Bin, run };
/// The same by its older name.
pub const MORE: Applet = Applet { name: "more", about: "show a text page by page", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// With line numbers.
    #[arg(short = 'N', long = "LINE-NUMBERS")]
    numbers: bool,
    /// Cut long lines.
    #[arg(short = 'S', long = "chop-long-lines")]
    chop: bool,
    /// End at once when all fits on a screen.
    #[arg(short = 'F', long)]
    quit_if_one_screen: bool,
    /// The files; standard input without one.
    files: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&LESS, args)?;
    let mut text = Vec::new();
    if options.files.is_empty() {
        io::stdin().read_to_end(&mut text).doing("read standard input")?;
    }
    for file in &options.files {
        File::open(file).and_then(|mut f| f.read_to_end(&mut text)).on("read", file)?;
    }
    let keys = File::open("/dev/tty");
    let (true, Ok(keys)) = (io::stdout().is_terminal(), keys) else {
        let mut out = out();
        out.write_all(&text).and_then(|()| out.flush()).doing("write standard output")?;
        return Ok(Exit::OK);
    };
    let mut pager = Pager::new(&String::from_utf8_lossy(&text), keys, &options)?;
    if options.quit_if_one_screen && pager.lines.len() < pager.rows {
        pager.draw()?;
        return Ok(Exit::OK);
    }
    pager.talk()?;
    Ok(Exit::OK)
}

struct Pager {
    /// As they stand on the screen: long ones wrapped or cut.
    lines: Vec<String>,
    top: usize,
    rows: usize,
    keys: File,
    before: Termios,
    search: Option<Pattern>,
    message: String,
}

impl Drop for Pager {
    fn drop(&mut self) {
        // A terminal that is gone needs no settings.
        let _ = tcsetattr(&self.keys, OptionalActions::Drain, &self.before);
    }
}

impl Pager {
    fn new(text: &str, keys: File, options: &Options) -> Result<Self> {
        let before = tcgetattr(&keys).doing("ask the terminal")?;
        let mut single = before.clone();
        single.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(&keys, OptionalActions::Drain, &single).doing("set the terminal")?;
        // A serial console does not know its window.
        let size = tcgetwinsize(&keys).ok().filter(|s| s.ws_row > 1 && s.ws_col > 0);
        let (rows, columns) = size.map_or((24, 80), |s| (usize::from(s.ws_row), usize::from(s.ws_col)));
        let mut lines = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let number = if options.numbers { format!("{:>7} ", at + 1) } else { String::new() };
            let shown: Vec<char> = format!("{number}{}", plain(line)).chars().collect();
            let parts = if shown.is_empty() { vec![&shown[..]] } else { shown.chunks(columns).collect() };
            let count = if options.chop { 1 } else { parts.len() };
            lines.extend(parts.into_iter().take(count).map(|p| p.iter().collect::<String>()));
        }
        Ok(Self { lines, top: 0, rows, keys, before, search: None, message: String::new() })
    }

    fn talk(&mut self) -> Result<()> {
        let page = self.rows - 1;
        loop {
            self.draw()?;
            self.prompt()?;
            self.message.clear();
            match self.key()? {
                None | Some(b'q' | b'Q' | 3) => break,
                Some(b' ' | b'f' | 6) => self.top += page,
                Some(b'b' | 2) => self.top = self.top.saturating_sub(page),
                Some(b'd' | 4) => self.top += page / 2,
                Some(b'u' | 21) => self.top = self.top.saturating_sub(page / 2),
                Some(b'\n' | b'\r' | b'j' | b'e') => self.top += 1,
                Some(b'k' | b'y') => self.top = self.top.saturating_sub(1),
                Some(b'g' | b'<') => self.top = 0,
                Some(b'G' | b'>') => self.top = self.lines.len(),
                Some(b'/') => self.ask()?,
                Some(b'n') => self.find(true),
                Some(b'N') => self.find(false),
                Some(b'=') => self.message = format!("line {} of {}", self.top + 1, self.lines.len()),
                Some(0x1b) => self.arrow()?,
                Some(_) => {}
            }
            self.top = self.top.min(self.lines.len().saturating_sub(page));
        }
        say("\r\x1b[K")
    }

    fn draw(&mut self) -> Result<()> {
        let page = self.lines.iter().skip(self.top).take(self.rows - 1);
        let mut text = String::from("\x1b[H\x1b[J");
        page.for_each(|line| {
            text.push_str(line);
            text.push_str("\r\n");
        });
        say(&text)
    }

    fn prompt(&mut self) -> Result<()> {
        let at_end = self.top + self.rows > self.lines.len();
        let text = match (self.message.as_str(), at_end) {
            ("", true) => "(END)",
            ("", false) => ":",
            (message, _) => message,
        };
        let text = format!("\x1b[7m{text}\x1b[m");
        say(&text)
    }

    /// The rest of an arrow key or a page key.
    fn arrow(&mut self) -> Result<()> {
        let page = self.rows - 1;
        if self.key()? != Some(b'[') {
            return Ok(());
        }
        match self.key()? {
            Some(b'A') => self.top = self.top.saturating_sub(1),
            Some(b'B') => self.top += 1,
            Some(b'H') => self.top = 0,
            Some(b'F') => self.top = self.lines.len(),
            Some(number @ (b'5' | b'6')) => {
                self.key()?;
                self.top = if number == b'5' { self.top.saturating_sub(page) } else { self.top + page };
            }
            _ => {}
        }
        Ok(())
    }

    /// Read a pattern, then look for it.
    fn ask(&mut self) -> Result<()> {
        let mut pattern: Vec<u8> = Vec::new();
        loop {
            let text = format!("\r\x1b[K/{}", String::from_utf8_lossy(&pattern));
            say(&text)?;
            match self.key()? {
                None | Some(3 | 0x1b) => return Ok(()),
                Some(b'\n' | b'\r') => break,
                Some(8 | 0x7f) => {
                    pattern.pop();
                }
                Some(byte) => pattern.push(byte),
            }
        }
        if !pattern.is_empty() {
            // A pattern that is none is looked for as a text.
            let made = |syntax| pattern::compile(&pattern, syntax, Meaning::default());
            self.search = made(Syntax::Extended).or_else(|_| made(Syntax::Fixed)).ok();
        }
        self.find(true);
        Ok(())
    }

    fn find(&mut self, forward: bool) {
        let Some(search) = &self.search else { return };
        let fits = |line: &&String| search.is_match(line.as_bytes()).unwrap_or(false);
        let found = if forward {
            self.lines.iter().skip(self.top + 1).position(|l| fits(&l)).map(|at| self.top + 1 + at)
        } else {
            self.lines.iter().take(self.top).rposition(|l| fits(&l))
        };
        match found {
            Some(at) => self.top = at,
            None => self.message = "not found".into(),
        }
    }

    fn key(&mut self) -> Result<Option<u8>> {
        let mut byte = [0];
        let len = self.keys.read(&mut byte).doing("read the terminal")?;
        Ok((len > 0).then_some(byte[0]))
    }
}

fn say(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("write standard output")
}

/// Tabs as blanks, other control characters as `^X`.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    for c in line.chars() {
        match c {
            '\t' => {
                let blanks = 8 - column % 8;
                text.push_str(&" ".repeat(blanks));
                column += blanks;
            }
            c if c.is_ascii_control() => {
                text.push('^');
                text.push(char::from((c as u8) ^ 0x40));
                column += 2;
            }
            c => {
                text.push(c);
                column += 1;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(plain("a\tb\x1b"), "a       b^[");
    }
}
