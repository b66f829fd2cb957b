//! Command line of a shell. By hand: POSIX ends it at the first operand, and `+x` takes an option back.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use kit::{Error, Result};

use crate::ast::Bytes;

/// Wishes of a call.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// `-c`: the commands themselves.
    pub command: Option<Bytes>,
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
    /// `--rcfile FILE`
    pub rc_file: Option<Bytes>,
    /// Letters of options of `set` to switch on or off.
    pub letters: Vec<(u8, bool)>,
    /// The same by their long names.
    pub names: Vec<(String, bool)>,
    /// Options of `shopt`.
    pub shopts: Vec<(String, bool)>,
    /// The script and its arguments; with `-c`, the name and the arguments.
    pub operands: Vec<Bytes>,
}

/// Letters that `set` knows too.
const LETTERS: &[u8] = b"abBCeEfhkHmnPptTuvx";

impl Arguments {
    /// Reads a command line; `args[0]` is the shell's name.
    pub fn parse(args: &[OsString]) -> Result<Self> {
        let mut words = args.iter().map(|arg| arg.clone().into_vec()).peekable();
        let login = words.next().is_some_and(|name| name.starts_with(b"-"));
        let mut arguments = Self { login, ..Self::default() };
        let mut takes_command = false;
        let is_option = |word: &Bytes| word.len() > 1 && matches!(word[0], b'-' | b'+');
        while let Some(word) = words.next_if(is_option) {
            if word == b"--" {
                break;
            }
            if let Some(long) = word.strip_prefix(b"--") {
                arguments.long(&String::from_utf8_lossy(long), &mut words)?;
                continue;
            }
            let on = word[0] == b'-';
            for letter in word.iter().skip(1) {
                match letter {
                    b'c' if on => takes_command = true,
                    b'o' | b'O' => {
                        let name = words
                            .next()
                            .ok_or_else(|| Error::usage(format!("-{} needs the name of an option", char::from(*letter))))?;
                        let name = String::from_utf8_lossy(&name).into_owned();
                        let list = if *letter == b'o' { &mut arguments.names } else { &mut arguments.shopts };
                        list.push((name, on));
                    }
                    _ => arguments.letter(*letter, on)?,
                }
            }
        }
        // A lone dash ends the options too.
        if !takes_command {
            words.next_if(|word| word == b"-");
        }
        if takes_command {
            arguments.command = Some(words.next().ok_or_else(|| Error::usage("-c needs a command"))?);
        }
        arguments.operands = words.collect();
        Ok(arguments)
    }

    fn long(&mut self, name: &str, words: &mut impl Iterator<Item = Bytes>) -> Result<()> {
        match name {
            "login" => self.login = true,
            "noprofile" => self.no_profile = true,
            "norc" => self.no_rc = true,
            "noediting" => {}
            "rcfile" | "init-file" => {
                self.rc_file = Some(words.next().ok_or_else(|| Error::usage("--rcfile needs a file"))?);
            }
            "posix" => self.names.push(("posix".into(), true)),
            "verbose" => self.letters.push((b'v', true)),
            "help" => return Err(Error::text(HELP)),
            "version" => return Err(Error::text(concat!("kutties sh ", env!("CARGO_PKG_VERSION"), "\n"))),
            _ => return Err(Error::usage(format!("no such option: --{name}"))),
        }
        Ok(())
    }

    fn letter(&mut self, letter: u8, on: bool) -> Result<()> {
        match letter {
            b'i' => self.interactive = on,
            b'l' => self.login = on,
            b's' => self.stdin = on,
            _ if LETTERS.contains(&letter) => self.letters.push((letter, on)),
            _ => return Err(Error::usage(format!("no such option: -{}", char::from(letter)))),
        }
        Ok(())
    }
}

const HELP: &str = "\
run commands from a file, an argument or standard input

Usage: sh [-abCefhilmnuvx] [-o OPTION]... [FILE [ARGUMENT]...]
       sh [OPTION]... -c COMMANDS [NAME [ARGUMENT]...]
       sh [OPTION]... -s [ARGUMENT]...

  -c              commands are the next argument
  -i              interactive
  -l, --login     read /etc/profile and ~/.profile first
  -s              commands come from standard input
  --noprofile     read no profile
  --norc          read no ~/.bashrc
  --rcfile FILE   read that file in place of ~/.bashrc
  -O NAME         an option of `shopt`
  -a -b -C -e -f -h -m -n -u -v -x, -o OPTION    as `set` has them; + switches off

Example: sh -ec 'mount /dev/sda1 /mnt; cp /mnt/config /etc/kutties/'
";

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn parse(line: &str) -> Arguments {
        Arguments::parse(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn commands_and_operands() {
        let a = parse("sh -ec run name one -x");
        assert_eq!(a.command.as_deref(), Some(b"run".as_slice()));
        assert_eq!(a.letters, [(b'e', true)]);
        assert_eq!(a.operands, [b"name".to_vec(), b"one".to_vec(), b"-x".to_vec()]);
        assert_eq!(parse("sh -- -file").operands, [b"-file".to_vec()]);
        assert_eq!(parse("sh +x -o pipefail f").names, [("pipefail".into(), true)]);
    }

    #[test]
    fn a_dash_in_front_of_the_name_is_a_login() {
        assert!(parse("-sh").login);
        assert!(parse("sh -l").login);
        assert!(!parse("sh").login);
    }

    #[test]
    fn unknown_options_are_refused() {
        assert!(Arguments::parse(&["sh".into(), "-Z".into()]).is_err());
        assert!(Arguments::parse(&["sh".into(), "--zap".into()]).is_err());
        assert!(Arguments::parse(&["sh".into(), "-c".into()]).is_err());
    }
}
