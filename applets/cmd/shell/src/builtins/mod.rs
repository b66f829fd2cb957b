//! Builtins: the table, and what they share.
#![expect(clippy::unnecessary_wraps, reason = "the rows of the table share one signature")]

mod alias;
mod control;
mod declare;
pub mod directory;
mod echo;
mod getopts;
mod hash;
mod history;
mod job;
mod kill;
mod limits;
mod mapfile;
pub mod printf;
pub mod read;
mod set;
pub mod test;
mod trap;
mod typed;
mod unset;
mod wait;

use crate::ast::{Assign, Bytes};
use crate::shell::{Done, Shell, shown};

/// A call: the words, the name first.
#[derive(Debug, Default)]
pub struct Call {
    /// Words.
    pub words: Vec<Bytes>,
    /// Assignments of arrays and elements among the words, by the words' numbers.
    pub assigns: Vec<(usize, Assign)>,
    /// The shell ends with it.
    pub last: bool,
}

/// A builtin.
#[derive(Debug)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// POSIX calls it special: it comes before functions, and its mistakes end a script.
    pub special: bool,
    /// The function.
    pub run: fn(&mut Shell, &Call) -> Done,
}

const fn special(name: &'static str, run: fn(&mut Shell, &Call) -> Done) -> Builtin {
    Builtin { name, special: true, run }
}

const fn plain(name: &'static str, run: fn(&mut Shell, &Call) -> Done) -> Builtin {
    Builtin { name, special: false, run }
}

/// All builtins, by name.
pub const ALL: &[Builtin] = &[
    special(".", control::dot),
    special(":", |_, _| Ok(0)),
    plain("[", test::bracket),
    plain("alias", alias::alias),
    plain("bg", job::background),
    special("break", control::leave_loop),
    plain("builtin", typed::builtin),
    plain("caller", control::caller),
    plain("cd", directory::cd),
    plain("command", typed::command),
    plain("compgen", history::compgen),
    plain("complete", history::nothing),
    plain("compopt", history::nothing),
    special("continue", control::next_turn),
    plain("declare", declare::declare),
    plain("dirs", directory::dirs),
    plain("disown", job::disown),
    plain("echo", echo::echo),
    plain("enable", typed::enable),
    special("eval", control::eval),
    special("exec", control::exec),
    special("exit", control::exit),
    special("export", declare::export),
    plain("false", |_, _| Ok(1)),
    plain("fc", history::fc),
    plain("fg", job::foreground),
    plain("getopts", getopts::getopts),
    plain("hash", hash::hash),
    plain("help", typed::help),
    plain("history", history::history),
    plain("jobs", job::jobs),
    plain("kill", kill::kill),
    plain("let", control::arithmetic),
    plain("local", declare::local),
    plain("logout", control::exit),
    plain("mapfile", mapfile::mapfile),
    plain("popd", directory::popd),
    plain("printf", printf::printf),
    plain("pushd", directory::pushd),
    plain("pwd", directory::pwd),
    plain("read", read::read),
    plain("readarray", mapfile::mapfile),
    special("readonly", declare::readonly),
    special("return", control::leave_function),
    special("set", set::set),
    special("shift", control::shift),
    plain("shopt", set::shopt),
    plain("source", control::dot),
    plain("suspend", job::suspend),
    plain("test", test::test),
    special("times", limits::times),
    special("trap", trap::trap),
    plain("true", |_, _| Ok(0)),
    plain("type", typed::type_of),
    plain("typeset", declare::declare),
    plain("ulimit", limits::ulimit),
    plain("umask", limits::umask),
    plain("unalias", alias::unalias),
    special("unset", unset::unset),
    plain("wait", wait::wait),
];

/// A builtin by its name.
pub fn find(name: &[u8]) -> Option<&'static Builtin> {
    let at = ALL.binary_search_by(|builtin| builtin.name.as_bytes().cmp(name)).ok()?;
    ALL.get(at)
}

impl Call {
    /// Name that the builtin was called by.
    pub fn name(&self) -> &[u8] {
        self.words.first().map_or(b"", Vec::as_slice)
    }

    /// Words behind the name.
    pub fn args(&self) -> &[Bytes] {
        self.words.get(1..).unwrap_or_default()
    }
}

/// Options in front of operands, one letter each.
#[derive(Debug, Default)]
pub struct Options {
    /// Letters and the arguments of those that take one.
    pub found: Vec<(u8, Bytes)>,
    /// Number of words that they take.
    pub words: usize,
}

impl Options {
    /// Reads options: `known` has the letters, a colon behind those with an argument.
    ///
    /// # Errors
    /// The complaint about an option.
    pub fn read(args: &[Bytes], known: &[u8]) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(word) = args.get(options.words) {
            if word == b"--" {
                options.words += 1;
                break;
            }
            if word.len() < 2 || word[0] != b'-' {
                break;
            }
            options.words += 1;
            let mut rest = word.get(1..).unwrap_or_default();
            while let Some((letter, behind)) = rest.split_first() {
                rest = behind;
                let at = known.iter().position(|k| k == letter && *letter != b':');
                let Some(at) = at else {
                    return Err(format!("-{}: invalid option", char::from(*letter)));
                };
                if known.get(at + 1) != Some(&b':') {
                    options.found.push((*letter, Bytes::new()));
                    continue;
                }
                let argument = if rest.is_empty() {
                    options.words += 1;
                    args.get(options.words - 1).cloned()
                } else {
                    Some(std::mem::take(&mut rest).to_vec())
                };
                let missing = || format!("-{}: option requires an argument", char::from(*letter));
                options.found.push((*letter, argument.ok_or_else(missing)?));
                break;
            }
        }
        Ok(options)
    }

    /// True when a letter was given.
    pub fn has(&self, letter: u8) -> bool {
        self.found.iter().any(|(found, _)| *found == letter)
    }

    /// Argument of a letter, the last one given.
    pub fn argument(&self, letter: u8) -> Option<&Bytes> {
        self.found.iter().rev().find(|(found, _)| *found == letter).map(|(_, argument)| argument)
    }
}

impl Shell {
    /// Says what is wrong with a call; status 2.
    pub fn misused(&mut self, call: &Call, message: impl AsRef<[u8]>) -> Done {
        self.complain(Some(call.name()), message);
        let special = find(call.name()).is_some_and(|builtin| builtin.special) && self.posix();
        if special && !self.interactive {
            return Err(crate::shell::Flow::Exit(2));
        }
        Ok(2)
    }

    /// Reads the options of a call, or says what is wrong.
    pub fn options(&mut self, call: &Call, known: &[u8]) -> Result<Options, Done> {
        Options::read(call.args(), known).map_err(|message| self.misused(call, message))
    }
}

/// A number that an argument must be.
pub fn integer(text: &[u8]) -> Result<i64, String> {
    let number = std::str::from_utf8(text.trim_ascii()).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| format!("{}: numeric argument required", shown(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(ALL.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn options() {
        let args: Vec<Bytes> = [b"-ab".as_slice(), b"-cX", b"-d", b"Y", b"x"].map(<[u8]>::to_vec).to_vec();
        let options = Options::read(&args, b"abc:d:");
        assert!(options.is_ok_and(|o| o.has(b'b') && o.argument(b'd') == Some(&b"Y".to_vec()) && o.words == 4));
        assert!(Options::read(&args, b"a").is_err());
    }
}
