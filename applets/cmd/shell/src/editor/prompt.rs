//! Prompts: backslash escapes and expansions.

use crate::ast::Bytes;
use crate::parse::Parser;
use crate::shell::{Flow, Shell};

/// A prompt's escapes replaced (`\w`, `\$`, `\u`). What they stand for is protected from expansion.
pub fn decode(shell: &Shell, text: &[u8]) -> Bytes {
    let mut new = Bytes::new();
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'\\' {
            new.push(*first);
            continue;
        }
        let Some((kind, behind)) = rest.split_first() else {
            new.push(b'\\');
            break;
        };
        rest = behind;
        match kind {
            b'0'..=b'7' => {
                let digits = rest.iter().take(2).take_while(|d| (b'0'..=b'7').contains(*d)).count();
                let (number, behind) = rest.split_at(digits);
                rest = behind;
                let value = u32::from(kind - b'0');
                new.push(number.iter().fold(value, |v, d| v * 8 + u32::from(d - b'0')) as u8);
            }
            b'D' if rest.first() == Some(&b'{') => {
                let end = rest.iter().position(|byte| *byte == b'}').unwrap_or(rest.len());
                let form = rest.get(1..end).unwrap_or_default();
                let form = if form.is_empty() { b"%X".as_slice() } else { form };
                protect(&mut new, &date(shell, form));
                rest = rest.get(end + 1..).unwrap_or_default();
            }
            _ => one(shell, *kind, &mut new),
        }
    }
    new
}

fn one(shell: &Shell, kind: u8, new: &mut Bytes) {
    let var = |name: &[u8]| shell.vars.text(name).cloned().unwrap_or_default();
    match kind {
        b'a' => new.push(7),
        b'e' => new.push(27),
        b'n' => new.push(b'\n'),
        b'r' => new.push(b'\r'),
        b'[' => new.push(1),
        b']' => new.push(2),
        b'\\' => new.extend_from_slice(b"\\\\"),
        b'$' => {
            let root = rustix::process::geteuid().is_root();
            new.extend_from_slice(if root { b"#" } else { b"\\$" });
        }
        b'w' => protect(new, &short_home(shell, var(b"PWD"))),
        b'W' => {
            let path = short_home(shell, var(b"PWD"));
            let last = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
            let name = path.get(last..).filter(|name| !name.is_empty()).unwrap_or(&path);
            protect(new, name);
        }
        b'u' => protect(new, &user()),
        b'h' => {
            let name = host();
            let end = name.iter().position(|byte| *byte == b'.').unwrap_or(name.len());
            protect(new, name.get(..end).unwrap_or_default());
        }
        b'H' => protect(new, &host()),
        b's' => {
            let name = shell.name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            protect(new, name.strip_prefix(b"-").unwrap_or(name));
        }
        b'v' | b'V' => new.extend_from_slice(env!("CARGO_PKG_VERSION").as_bytes()),
        b'j' => {
            let count = shell.jobs.list.iter().filter(|job| !job.silent).count();
            new.extend_from_slice(count.to_string().as_bytes());
        }
        b'!' | b'#' => {
            let number = shell.history.borrow().len() + 1;
            new.extend_from_slice(number.to_string().as_bytes());
        }
        b't' => protect(new, &date(shell, b"%H:%M:%S")),
        b'T' => protect(new, &date(shell, b"%I:%M:%S")),
        b'@' => protect(new, &date(shell, b"%I:%M %p")),
        b'A' => protect(new, &date(shell, b"%H:%M")),
        b'd' => protect(new, &date(shell, b"%a %b %d")),
        other => new.extend([b'\\', other]),
    }
}

/// Adds a text with backslashes in front of what would be expanded.
fn protect(new: &mut Bytes, text: &[u8]) {
    for byte in text {
        if matches!(byte, b'$' | b'`' | b'\\') {
            new.push(b'\\');
        }
        new.push(*byte);
    }
}

fn date(shell: &Shell, form: &[u8]) -> Bytes {
    let zone = shell.vars.text(b"TZ").map(Vec::as_slice);
    crate::time::format(form, crate::vars::special::now().0, zone)
}

fn short_home(shell: &Shell, path: Bytes) -> Bytes {
    let home = shell.vars.text(b"HOME").filter(|home| home.len() > 1);
    match home.and_then(|home| path.strip_prefix(home.as_slice())) {
        Some(rest) if rest.is_empty() || rest.starts_with(b"/") => [b"~", rest].concat(),
        _ => path,
    }
}

fn user() -> Bytes {
    let uid = rustix::process::geteuid().as_raw().to_string().into_bytes();
    let account = crate::expand::account(2, &uid);
    account.and_then(|fields| fields.first().cloned()).unwrap_or(uid)
}

/// Name of this machine.
pub fn host() -> Bytes {
    rustix::system::uname().nodename().to_bytes().to_vec()
}

impl Shell {
    /// A prompt as it is shown.
    pub fn expand_prompt(&mut self, prompt: &[u8]) -> Result<Bytes, Flow> {
        let text = if self.bash || self.interactive { decode(self, prompt) } else { prompt.to_vec() };
        if !text.iter().any(|byte| matches!(byte, b'$' | b'`' | b'\\')) {
            return Ok(text);
        }
        let settings = std::rc::Rc::clone(&self.settings);
        match Parser::of_text(&text, &settings, self.line).whole_text() {
            Ok(word) => self.arith_word(&word),
            Err(_) => Ok(text),
        }
    }
}
