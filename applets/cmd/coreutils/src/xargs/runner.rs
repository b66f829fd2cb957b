//! Calls of the program.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use kit::{Context, Error, Exit, Result};

use super::Options;
use super::words::Words;

/// First and last time between two looks at several calls that run at once.
const FIRST_LOOK: Duration = Duration::from_micros(200);
const LAST_LOOK: Duration = Duration::from_millis(20);

/// Starts calls and waits for them.
pub(super) struct Runner<'a> {
    options: &'a Options,
    /// Most bytes of arguments of a call.
    limit: usize,
    /// By slot.
    children: Vec<Option<Child>>,
    pub exit: Exit,
}

impl<'a> Runner<'a> {
    pub const fn new(options: &'a Options, limit: usize) -> Self {
        Self { options, limit, children: Vec::new(), exit: Exit::OK }
    }

    /// A call as soon as its words are there.
    pub fn all(&mut self, mut input: Words<impl BufRead>) -> Result<()> {
        let program = if self.options.program.is_empty() { vec!["echo".into()] } else { self.options.program.clone() };
        if let Some(text) = &self.options.replace {
            return self.by_lines(&program, text, input);
        }
        let own: usize = program.iter().map(|word| word.len() + 1).sum();
        self.fits(own)?;
        let (mut call, mut bytes, mut lines, mut called) = (program.clone(), own, 0, false);
        loop {
            let next = input.next();
            if next.is_err() && call.len() > program.len() {
                // Arguments that were read before the error still get their call: GNU's.
                self.start(&call)?;
            }
            let Some((word, ends_line)) = next? else { break };
            let count = call.len() - program.len();
            if count > 0 && bytes + word.len() + 1 > self.limit {
                // Lines are not parted, nor with -x are those words that belong together.
                let whole = self.options.exit && self.options.max_args.is_some();
                if whole || self.options.max_lines.is_some() {
                    return Err(too_long());
                }
                if !self.start(&std::mem::replace(&mut call, program.clone()))? {
                    return Ok(());
                }
                (bytes, lines, called) = (own, 0, true);
            }
            bytes += word.len() + 1;
            self.fits(bytes)?;
            call.push(word);
            lines += usize::from(ends_line);
            let full = self.options.max_args.is_some_and(|max| call.len() - program.len() >= max)
                || self.options.max_lines.is_some_and(|max| lines >= max);
            if full {
                if !self.start(&std::mem::replace(&mut call, program.clone()))? {
                    return Ok(());
                }
                (bytes, lines, called) = (own, 0, true);
            }
        }
        if call.len() > program.len() || !(called || self.options.no_run_if_empty) {
            self.start(&call)?;
        }
        Ok(())
    }

    /// A call a line, with the line in place of a text.
    fn by_lines(&mut self, program: &[OsString], text: &str, mut input: Words<impl BufRead>) -> Result<()> {
        while let Some((line, _)) = input.next()? {
            // The program itself stays what it is.
            let words: Vec<OsString> = program
                .iter()
                .enumerate()
                .map(|(at, word)| if at == 0 { word.clone() } else { replace(word, text, &line) })
                .collect();
            self.fits(words.iter().map(|word| word.len() + 1).sum())?;
            if !self.start(&words)? {
                break;
            }
        }
        Ok(())
    }

    fn fits(&self, bytes: usize) -> Result<()> {
        if bytes <= self.limit { Ok(()) } else { Err(too_long()) }
    }

    /// Start a call, waiting for room first. False when no more may be started.
    fn start(&mut self, words: &[OsString]) -> Result<bool> {
        let Some(slot) = self.slot()? else { return Ok(false) };
        if self.options.verbose || self.options.interactive {
            let end = if self.options.interactive { "?..." } else { "\n" };
            // A closed standard error loses the message.
            let _ = write!(io::stderr(), "{}{end}", words.join(OsStr::new(" ")).display());
        }
        if self.options.interactive && !agreed()? {
            return Ok(true);
        }
        let (program, arguments) = words.split_first().ok_or_else(|| Error::new("no program to run"))?;
        let mut command = Command::new(program);
        command.args(arguments);
        if self.options.open_tty {
            command.stdin(File::open("/dev/tty").on("open", "/dev/tty")?);
        } else if self.options.arg_file.is_none() {
            command.stdin(Stdio::null());
        }
        if let Some(name) = &self.options.process_slot_var {
            command.env(name, slot.to_string());
        }
        match command.spawn() {
            Ok(child) => self.children[slot] = Some(child),
            Err(e) => {
                let exit = if e.kind() == io::ErrorKind::NotFound { Exit::NOT_FOUND } else { Exit::NOT_RUN };
                return Err(e).doing(format!("run {}", program.display())).map_err(|e: Error| e.with_exit(exit));
            }
        }
        // With one call at a time its status decides if there is a next one.
        Ok(self.options.max_procs != 1 || self.wait_one()?)
    }

    /// A free slot. None: a call said that no more may follow.
    fn slot(&mut self) -> Result<Option<usize>> {
        let most = if self.options.max_procs == 0 { usize::MAX } else { self.options.max_procs };
        if let Some(free) = self.children.iter().position(Option::is_none) {
            return Ok(Some(free));
        }
        if self.children.len() < most {
            self.children.push(None);
            return Ok(Some(self.children.len() - 1));
        }
        Ok(if self.wait_one()? { self.children.iter().position(Option::is_none) } else { None })
    }

    /// Wait for all calls that run.
    pub fn wait_all(&mut self) -> Result<()> {
        while self.children.iter().any(Option::is_some) {
            self.wait_one()?;
        }
        Ok(())
    }

    /// Wait for the first call that ends. False when it says that no more may follow.
    fn wait_one(&mut self) -> Result<bool> {
        let mut pause = FIRST_LOOK;
        let single = self.children.iter().flatten().count() == 1;
        loop {
            for slot in &mut self.children {
                let Some(child) = slot else { continue };
                let status = if single { child.wait().map(Some) } else { child.try_wait() };
                if let Some(status) = status.doing("wait for a call")? {
                    *slot = None;
                    return Ok(self.ended(status));
                }
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LAST_LOOK);
        }
    }

    fn ended(&mut self, status: ExitStatus) -> bool {
        let (exit, go_on) = meaning(status);
        if exit != Exit::OK && self.exit.0 < exit.0 {
            self.exit = exit;
        }
        go_on
    }
}

fn too_long() -> Error {
    Error::new("the words are longer than a call may be")
}

/// Ask the person at the terminal: standard input has the words.
fn agreed() -> Result<bool> {
    let mut answer = String::new();
    let tty = File::open("/dev/tty").on("open", "/dev/tty")?;
    BufReader::new(tty).read_line(&mut answer).doing("read the answer")?;
    Ok(answer.starts_with(['y', 'Y']))
}

fn replace(word: &OsStr, text: &str, with: &OsStr) -> OsString {
    let mut parts = Vec::new();
    let mut rest = word.as_bytes();
    while let Some(at) = rest.windows(text.len().max(1)).position(|w| w == text.as_bytes()) {
        parts.extend_from_slice(&rest[..at]);
        parts.extend_from_slice(with.as_bytes());
        rest = &rest[at + text.len()..];
    }
    parts.extend_from_slice(rest);
    OsString::from_vec(parts)
}

fn meaning(status: ExitStatus) -> (Exit, bool) {
    match (status.code(), status.signal()) {
        (Some(0), _) => (Exit::OK, true),
        (Some(255), _) => (Exit(124), false),
        (None, Some(_)) => (Exit(125), false),
        _ => (Exit(123), true),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::path::PathBuf;

    use kit::parse;

    use super::super::XARGS;
    use super::*;

    /// One word; the next one only comes when the first one's call has left its mark.
    struct Late {
        given: bool,
        mark: PathBuf,
    }

    impl io::Read for Late {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Ok(0)
        }
    }

    impl BufRead for Late {
        fn fill_buf(&mut self) -> io::Result<&[u8]> {
            let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
            while !self.mark.exists() {
                assert!(std::time::Instant::now() < end, "the first call waits for the end of the input");
                std::thread::yield_now();
            }
            Ok(&[])
        }

        fn consume(&mut self, _: usize) {}

        fn read_until(&mut self, _: u8, to: &mut Vec<u8>) -> io::Result<usize> {
            if self.given {
                return self.fill_buf().map(<[u8]>::len);
            }
            self.given = true;
            to.extend_from_slice(self.mark.as_os_str().as_bytes());
            Ok(to.len())
        }
    }

    #[test]
    fn calls_do_not_wait_for_the_end_of_the_input() {
        let mark = std::env::temp_dir().join(format!("kutties-xargs-{}", std::process::id()));
        let options: Options = parse(&XARGS, &["xargs", "-n1", "-0", "touch"].map(OsString::from)).unwrap();
        let mut runner = Runner::new(&options, 4096);
        runner
            .all(Words { input: Late { given: false, mark: mark.clone() }, delimiter: Some(0), lines: false, end: None })
            .unwrap();
        runner.wait_all().unwrap();
        std::fs::remove_file(mark).unwrap();
    }

    #[test]
    fn replacing_in_words() {
        assert_eq!(replace(OsStr::new("a{}b{}"), "{}", OsStr::new("X")), "aXbX");
    }
}
