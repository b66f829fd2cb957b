//! Keys in, the edited line out, on any terminal: backspace and carriage return do for a line that fits, a VT100 for longer ones.

use std::io::{self, Write};

use rustix::stdio::stdin;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, Winsize, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};

use super::complete::Offers;
use super::keys::read_key;
use super::line::{Key, Line};
use super::search::{Next, Search};

/// A serial console does not know its window; nearly all that are used through one have this.
const USUAL: Winsize = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
/// Let lines flow into the next row: firmware switches that off on the way.
const WRAP: &str = "\x1b[?7h";
/// More candidates than fit on a screen are counted, not listed.
const MOST_OFFERS: usize = 100;

/// End of a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Entered {
    /// With Enter.
    Line(String),
    /// With Ctrl-C.
    Interrupted,
    /// With Ctrl-D on an empty line, or the terminal went away.
    End,
}

/// A terminal that gives single keys until it is dropped.
pub struct Terminal {
    before: Termios,
    width: usize,
    /// Characters on the screen, prompt and line, over as many rows as it takes.
    shown: Vec<char>,
    /// Place of the cursor in it; none when that is not known.
    at: Option<usize>,
}

impl Terminal {
    /// Take single keys from standard input, which must be a terminal.
    pub fn open() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        raw.input_modes -= InputModes::IXON | InputModes::ICRNL | InputModes::INLCR;
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(stdin(), OptionalActions::Drain, &raw)?;
        let mut size = tcgetwinsize(stdin()).unwrap_or(USUAL);
        if size.ws_col == 0 {
            size = super::size::ask().unwrap_or(USUAL);
            // Other programs ask too. One that can't be told keeps its own idea.
            let _ = tcsetwinsize(stdin(), size);
        }
        Ok(Self { before, width: usize::from(size.ws_col), shown: Vec::new(), at: None })
    }

    /// Edit one line after a prompt, with a history and an answer to Tab.
    pub fn read_line(
        &mut self,
        prompt: &str,
        history: &[String],
        mut offers: impl FnMut(&str, usize) -> Offers,
    ) -> io::Result<Entered> {
        let mut line = Line::default();
        let mut at = history.len();
        let mut draft = String::new();
        self.draw(prompt, &line)?;
        let mut waiting = None;
        loop {
            let Some(key) = next_key(&mut waiting)? else { return Ok(Entered::End) };
            match key {
                Key::Control('m' | 'j') => {
                    line.press(Key::End);
                    self.draw(prompt, &line)?;
                    say("\n")?;
                    return Ok(Entered::Line(line.text()));
                }
                Key::Control('c') => {
                    say("^C\n")?;
                    return Ok(Entered::Interrupted);
                }
                Key::Control('d') if line.is_empty() => {
                    say("\n")?;
                    return Ok(Entered::End);
                }
                Key::Control('l') => {
                    self.forget();
                    say("\x1b[H\x1b[J")?;
                }
                Key::Control('i') => self.offer(&mut line, &mut offers)?,
                Key::Control('r') => waiting = self.search(&mut line, history, &mut at)?,
                Key::Up | Key::Control('p') if at > 0 => {
                    if at == history.len() {
                        draft = line.text();
                    }
                    at -= 1;
                    line.set(&history[at]);
                }
                Key::Down | Key::Control('n') if at < history.len() => {
                    at += 1;
                    line.set(history.get(at).unwrap_or(&draft));
                }
                key => {
                    line.press(key);
                }
            }
            self.draw(prompt, &line)?;
        }
    }

    /// Searches the history until a key ends that; the key comes back where it is the line's.
    fn search(&mut self, line: &mut Line, history: &[String], at: &mut usize) -> io::Result<Option<Key>> {
        let before = line.text();
        let mut search = Search { wanted: before.clone(), found: None };
        search.press(Key::Control('r'), history);
        loop {
            line.set(search.entry(history));
            self.draw(&search.prompt(), line)?;
            let Some(key) = read_key()? else { return Ok(None) };
            match search.press(key, history) {
                Next::Search => {}
                Next::Take => {
                    *at = search.found.unwrap_or(*at);
                    return Ok(Some(key));
                }
                Next::Cancel => {
                    line.set(&before);
                    return Ok(None);
                }
            }
        }
    }

    /// Draw the line over its last drawing, no more of it than changed, and leave the cursor at its place.
    fn draw(&mut self, prompt: &str, line: &Line) -> io::Result<()> {
        let last = prompt.rsplit('\n').next().unwrap_or_default();
        let seen: Vec<char> = visible(last);
        let (text, cursor) = line.shown();
        let wanted: Vec<char> = seen.iter().copied().chain(text).collect();
        let target = seen.len() + cursor;
        let mut bytes = String::new();
        if self.at.is_none() && seen.len() != last.chars().count() {
            // Colours are drawn once, with the prompt.
            bytes.push('\r');
            bytes.extend(last.chars().filter(|c| !matches!(c, '\x01' | '\x02')));
            self.at = Some(seen.len());
            self.shown = seen;
        }
        if wanted.len() >= self.width && self.shown.len() < self.width {
            bytes.push_str(WRAP);
        }
        let at = self.at.unwrap_or_else(|| {
            bytes.push('\r');
            0
        });
        bytes.push_str(&Screen { width: self.width }.change(&self.shown, at, &wanted, target));
        self.shown = wanted;
        self.at = Some(target);
        say(&bytes)
    }

    /// Something else was written: the next drawing begins on a line of its own.
    fn forget(&mut self) {
        self.shown.clear();
        self.at = None;
    }

    /// Tab: put in what all candidates share; when that adds nothing, list them.
    fn offer(&mut self, line: &mut Line, offers: &mut impl FnMut(&str, usize) -> Offers) -> io::Result<()> {
        let before = line.before();
        let found = offers(&line.text(), before.len());
        let shared = shared_start(&found.words);
        if !shared.is_empty() && shared.len() > found.replaces {
            line.replace(found.start, found.replaces, &shared);
            return Ok(());
        }
        match found.words.len() {
            0 | 1 => say("\x07"),
            many if many > MOST_OFFERS => self.list(&format!("{many} possibilities")),
            _ => {
                let names: Vec<_> = found.words.iter().map(|w| last_part(w)).collect();
                self.list(&names.join("  "))
            }
        }
    }

    fn list(&mut self, text: &str) -> io::Result<()> {
        self.forget();
        say(&format!("\n{text}\n"))
    }
}

fn say(text: &str) -> io::Result<()> {
    let mut out = io::stderr().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A terminal that is gone needs no settings.
        let _ = tcsetattr(stdin(), OptionalActions::Drain, &self.before);
    }
}

/// Rows of so many columns, one flowing into the next.
struct Screen {
    width: usize,
}

impl Screen {
    /// Bytes that turn what is shown, cursor at `at`, into what is wanted, cursor at `target`.
    fn change(&self, shown: &[char], at: usize, wanted: &[char], target: usize) -> String {
        let mut bytes = String::new();
        if shown == wanted {
            self.go(&mut bytes, wanted, at, target);
            return bytes;
        }
        let same = shown.iter().zip(wanted).take_while(|(a, b)| a == b).count();
        self.go(&mut bytes, shown, at, same);
        let blank = shown.len().saturating_sub(wanted.len());
        let padded: Vec<char> = wanted.iter().copied().chain(std::iter::repeat_n(' ', blank)).collect();
        self.go(&mut bytes, &padded, same, padded.len());
        self.go(&mut bytes, &padded, padded.len(), target);
        bytes
    }

    /// Move the cursor: on by writing what stands there, back by backspaces, to a row above by VT100's sequences.
    fn go(&self, bytes: &mut String, shown: &[char], from: usize, to: usize) {
        let Some(passed) = shown.get(from..to) else {
            let rows = from / self.width - to / self.width;
            if rows == 0 {
                bytes.push_str(&"\x08".repeat(from - to));
            } else {
                bytes.extend(["\x1b[", &rows.to_string(), "A\r"]);
                self.go(bytes, shown, to - to % self.width, to);
            }
            return;
        };
        bytes.extend(passed);
        if !passed.is_empty() && to.is_multiple_of(self.width) {
            // A terminal stays in the last column until the next character comes.
            bytes.extend([shown.get(to).copied().unwrap_or(' '), '\r']);
        }
    }
}

/// Characters of a prompt that take room: neither those between \x01 and \x02 nor escape sequences.
fn visible(prompt: &str) -> Vec<char> {
    let mut seen = Vec::new();
    let mut chars = prompt.chars();
    while let Some(c) = chars.next() {
        match c {
            '\x01' => {
                chars.by_ref().find(|c| *c == '\x02');
            }
            '\x1b' => {
                if chars.next() == Some('[') {
                    chars.by_ref().find(char::is_ascii_alphabetic);
                }
            }
            c if c.is_control() => {}
            c => seen.push(c),
        }
    }
    seen
}

/// The key that waits, or the next one.
fn next_key(waiting: &mut Option<Key>) -> io::Result<Option<Key>> {
    match waiting.take() {
        Some(key) => Ok(Some(key)),
        None => read_key(),
    }
}

fn shared_start(words: &[String]) -> String {
    let Some((first, rest)) = words.split_first() else { return String::new() };
    let mut shared: &str = first;
    for word in rest {
        let len = shared.char_indices().zip(word.chars()).take_while(|((_, a), b)| a == b).count();
        shared = shared.char_indices().nth(len).map_or(shared, |(at, _)| &shared[..at]);
    }
    shared.to_owned()
}

/// A file's own name, with the slash that marks a directory.
fn last_part(word: &str) -> &str {
    let bare = word.trim_end();
    let inner = bare.trim_end_matches('/');
    inner.rfind('/').map_or(bare, |at| &bare[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_starts() {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(shared_start(&words(&["mount ", "mountpoint "])), "mount");
        assert_eq!(shared_start(&words(&["ls "])), "ls ");
        assert_eq!(shared_start(&words(&["a", "b"])), "");
    }

    fn draw(width: usize, shown: &str, at: usize, wanted: &str, target: usize) -> String {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        Screen { width }.change(&chars(shown), at, &chars(wanted), target)
    }

    #[test]
    fn no_more_is_drawn_than_changed() {
        assert_eq!(draw(80, "# ab", 4, "# abc", 5), "c");
        assert_eq!(draw(80, "# abc", 5, "# ab", 4), "\x08 \x08");
        assert_eq!(draw(80, "# abc", 5, "# abc", 2), "\x08\x08\x08");
        assert_eq!(draw(80, "# abc", 2, "# abc", 4), "ab");
        assert_eq!(draw(80, "# ac", 3, "# abc", 4), "bc\x08");
    }

    #[test]
    fn a_long_line_takes_several_rows() {
        assert_eq!(draw(4, "# a", 3, "# ab", 4), "b \r");
        assert_eq!(draw(4, "# ab", 4, "# abc", 5), "c");
        assert_eq!(draw(4, "# abc", 5, "# abc", 2), "\x1b[1A\r# ");
        assert_eq!(draw(4, "# abc", 5, "# ab", 4), "\x08 \x08");
    }

    #[test]
    fn colours_take_no_room() {
        assert_eq!(visible("\x1b[1;32m# \x1b[0m"), ['#', ' ']);
        assert_eq!(visible("\x01hidden\x02$ "), ['$', ' ']);
    }

    #[test]
    fn names_in_lists() {
        assert_eq!(last_part("/usr/lib/ "), "lib/");
        assert_eq!(last_part("ls "), "ls");
    }
}
