//! The shell's command line. By hand: POSIX ends it at the first operand, and `+x` takes an option back.

use std::ffi::OsString;

use kit::{Error, Result};

use crate::background::CHILD;

/// What a call asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-c`: the commands themselves.
    pub command: Option<String>,
    /// `-s`: commands come from standard input, whatever operands there are.
    pub stdin: bool,
    /// `-i`
    pub interactive: bool,
    /// `-l`, or a name that begins with a dash.
    pub login: bool,
    /// `--noprofile`
    pub no_profile: bool,
    /// `--norc`
    pub no_rc: bool,
    /// Long names of options to switch on, as `set -o` has them.
    pub on: Vec<String>,
    /// Long names of options to switch off.
    pub off: Vec<String>,
    /// `-n`
    pub no_execute: bool,
    /// A child that runs a list in the background: see `background.rs`.
    pub child: bool,
    /// The script and its arguments; with `-c`, the name and the arguments.
    pub operands: Vec<String>,
}

/// The letters that `set` knows too, and their long names.
const LETTERS: &[(char, &str)] = &[
    ('a', "allexport"),
    ('b', "notify"),
    ('C', "noclobber"),
    ('e', "errexit"),
    ('f', "noglob"),
    ('m', "monitor"),
    ('u', "nounset"),
    ('v', "verbose"),
    ('x', "xtrace"),
];

impl Options {
    /// Read a command line; `args[0]` is the shell's name.
    pub fn parse(args: &[OsString]) -> Result<Self> {
        let mut words = args.iter().map(|a| a.to_string_lossy().into_owned()).peekable();
        let login = words.next().is_some_and(|name| name.starts_with('-'));
        let mut options = Self { login, ..Self::default() };
        let mut takes_command = false;
        while let Some(word) = words.next_if(|w| w.len() > 1 && w.starts_with(['-', '+'])) {
            if word == "--" {
                break;
            }
            if let Some(long) = word.strip_prefix("--") {
                options.long(long)?;
                continue;
            }
            let on = word.starts_with('-');
            for letter in word.chars().skip(1) {
                match letter {
                    'c' if on => takes_command = true,
                    'o' => {
                        let name = words.next().ok_or_else(|| Error::usage("-o needs the name of an option"))?;
                        options.set(name, on);
                    }
                    _ => options.letter(letter, on)?,
                }
            }
        }
        // A lone dash ends the options too.
        words.next_if_eq("-");
        if takes_command {
            options.command = Some(words.next().ok_or_else(|| Error::usage("-c needs a command"))?);
        }
        options.operands = words.collect();
        Ok(options)
    }

    fn long(&mut self, name: &str) -> Result<()> {
        match name {
            "login" => self.login = true,
            "noprofile" => self.no_profile = true,
            "norc" => self.no_rc = true,
            CHILD => self.child = true,
            "posix" => self.set("posix".into(), true),
            "help" => return Err(Error::text(HELP)),
            "version" => return Err(Error::text(concat!("kutties sh ", env!("CARGO_PKG_VERSION"), " (brush)\n"))),
            _ => return Err(Error::usage(format!("no such option: --{name}"))),
        }
        Ok(())
    }

    fn letter(&mut self, letter: char, on: bool) -> Result<()> {
        match letter {
            'i' => self.interactive = on,
            'l' => self.login = on,
            'n' => self.no_execute = on,
            's' => self.stdin = on,
            _ => {
                let known = LETTERS.iter().find(|(l, _)| *l == letter);
                let (_, name) = known.ok_or_else(|| Error::usage(format!("no such option: -{letter}")))?;
                self.set((*name).into(), on);
            }
        }
        Ok(())
    }

    fn set(&mut self, name: String, on: bool) {
        if on { &mut self.on } else { &mut self.off }.push(name);
    }
}

const HELP: &str = "\
run commands from a file, an argument or standard input

Usage: sh [-abCefilmnuvx] [-o OPTION]... [FILE [ARGUMENT]...]
       sh [OPTION]... -c COMMANDS [NAME [ARGUMENT]...]
       sh [OPTION]... -s [ARGUMENT]...

  -c              commands are the next argument
  -i              interactive
  -l, --login     read /etc/profile and ~/.profile first
  -s              commands come from standard input
  --noprofile     read no profile
  --norc          read no ~/.bashrc
  -a -b -C -e -f -m -n -u -v -x, -o OPTION    as `set` has them; + switches off
";

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn parse(line: &str) -> Options {
        Options::parse(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn commands_and_operands() {
        let o = parse("sh -ec run name one -x");
        assert_eq!(o.command.as_deref(), Some("run"));
        assert_eq!(o.on, ["errexit"]);
        assert_eq!(o.operands, ["name", "one", "-x"]);
        assert_eq!(parse("sh -- -file").operands, ["-file"]);
        assert_eq!(parse("sh +x -o pipefail f").off, ["xtrace"]);
    }

    #[test]
    fn a_dash_in_front_of_the_name_is_a_login() {
        assert!(parse("-sh").login);
        assert!(parse("sh -l").login);
        assert!(!parse("sh").login);
    }

    #[test]
    fn unknown_options_are_refused() {
        assert!(Options::parse(&["sh".into(), "-Z".into()]).is_err());
        assert!(Options::parse(&["sh".into(), "--zap".into()]).is_err());
        assert!(Options::parse(&["sh".into(), "-c".into()]).is_err());
    }
}
