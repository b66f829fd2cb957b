//! Options of `lsof`, and the files that they choose.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result, account};

use crate::open_files::{OpenFile, Use};
use crate::process::Process;
use crate::sockets::Socket;

/// The options in a line.
pub const USAGE: &str = "usage: lsof [-alnPRtUw] [-c NAME] [-d FDS] [-F FIELDS] [-i [ADDRESS]] [-p PIDS] [-u USERS] \
                         [+d DIR] [+D DIR] [+L NUMBER] [FILE]...";

/// Words that are wanted, and words that are not.
#[derive(Debug, Default)]
struct Words {
    wanted: Vec<String>,
    unwanted: Vec<String>,
}

impl Words {
    fn add(&mut self, list: &str) {
        for word in list.split(',').filter(|word| !word.is_empty()) {
            match word.strip_prefix('^') {
                Some(word) => self.unwanted.push(word.to_owned()),
                None => self.wanted.push(word.to_owned()),
            }
        }
    }
}

/// A choice of internet sockets.
#[derive(Debug, Default, PartialEq, Eq)]
struct Internet {
    is_v6: Option<bool>,
    protocol: Option<String>,
    address: Option<IpAddr>,
    ports: Vec<(u16, u16)>,
}

/// A file that was named.
#[derive(Debug)]
struct Named {
    path: PathBuf,
    device: u64,
    inode: u64,
    /// A mount point stands for its whole file system.
    is_mount: bool,
}

/// Choice of processes and files.
#[derive(Debug, Default)]
pub struct Choice {
    pids: Words,
    users: Words,
    commands: Words,
    descriptors: Words,
    internet: Vec<Internet>,
    wants_unix: bool,
    files: Vec<Named>,
    /// Directories, with true for all below them.
    directories: Vec<(PathBuf, bool)>,
    links_below: Option<u64>,
    needs_all: bool,
    /// Process numbers alone.
    pub is_terse: bool,
    /// Fields for another program.
    pub fields: Option<String>,
    /// Numbers of users.
    pub numbers: bool,
    /// The parent's number, too.
    pub parents: bool,
}

impl Choice {
    /// Read the arguments.
    pub fn read(words: &[String]) -> Result<Self> {
        let mut choice = Self::default();
        let mut words = words.iter().map(String::as_str).peekable();
        while let Some(word) = words.next() {
            if word == "--" {
                words.by_ref().try_for_each(|name| choice.name(name))?;
            } else if let Some(option) = word.strip_prefix('+').filter(|option| !option.is_empty()) {
                choice.plus(option, &mut words)?;
            } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                choice.minus(letters, &mut words)?;
            } else {
                choice.name(word)?;
            }
        }
        Ok(choice)
    }

    fn plus<'a>(&mut self, option: &'a str, words: &mut dyn Iterator<Item = &'a str>) -> Result<()> {
        let mut value = |rest: &'a str| match rest {
            "" => words.next().ok_or_else(|| Error::usage(format!("+{option} wants a value"))),
            rest => Ok(rest),
        };
        match option.split_at(1) {
            ("D", rest) => self.directories.push((directory(value(rest)?)?, true)),
            ("d", rest) => self.directories.push((directory(value(rest)?)?, false)),
            ("L", rest) => {
                let number = rest.parse().map_err(|_| Error::usage("+L wants a number"))?;
                self.links_below = Some(number);
            }
            _ => return Err(Error::usage(format!("unknown option +{option}\n{USAGE}"))),
        }
        Ok(())
    }

    fn minus<'a, I>(&mut self, letters: &'a str, words: &mut std::iter::Peekable<I>) -> Result<()>
    where
        I: Iterator<Item = &'a str>,
    {
        for (at, letter) in letters.char_indices() {
            let rest = &letters[at + letter.len_utf8()..];
            match letter {
                'a' => self.needs_all = true,
                't' => self.is_terse = true,
                'l' => self.numbers = true,
                'R' => self.parents = true,
                'U' => self.wants_unix = true,
                // Names are never looked up, and warnings never said.
                'n' | 'P' | 'w' => {}
                'i' => {
                    let next = words.next_if(|next| rest.is_empty() && internet(next).is_some() && !Path::new(next).exists());
                    let text = next.unwrap_or(rest);
                    let wanted = internet(text).ok_or_else(|| Error::usage(format!("unacceptable address: {text:?}")))?;
                    self.internet.push(wanted);
                    return Ok(());
                }
                'F' => {
                    let is_fields = |next: &&str| next.bytes().all(|b| b.is_ascii_alphabetic()) && !Path::new(next).exists();
                    let next = words.next_if(|next| rest.is_empty() && is_fields(next));
                    return self.valued(letter, next.unwrap_or(rest));
                }
                'c' | 'd' | 'p' | 'u' => {
                    let value = if rest.is_empty() { words.next() } else { Some(rest) };
                    let value = value.ok_or_else(|| Error::usage(format!("-{letter} wants a value\n{USAGE}")))?;
                    return self.valued(letter, value);
                }
                _ => return Err(Error::usage(format!("unknown option -{letter}\n{USAGE}"))),
            }
        }
        Ok(())
    }

    fn valued(&mut self, letter: char, value: &str) -> Result<()> {
        match letter {
            'c' => self.commands.add(value),
            'd' => self.descriptors.add(value),
            'F' => self.fields = Some(if value.is_empty() { "pcufn".to_owned() } else { value.to_owned() }),
            'p' => {
                self.pids.add(value);
                let bad = |word: &&String| word.parse::<u32>().is_err();
                if let Some(word) = self.pids.wanted.iter().chain(&self.pids.unwanted).find(bad) {
                    return Err(Error::usage(format!("illegal process ID: {word}")));
                }
            }
            _ => {
                let mut names = Words::default();
                names.add(value);
                let number = |name: &String| {
                    let id = account::user_id(name).ok_or_else(|| Error::usage(format!("can't get UID for {name}")));
                    id.map(|id| id.to_string())
                };
                self.users.wanted.extend(names.wanted.iter().map(number).collect::<Result<Vec<_>>>()?);
                self.users.unwanted.extend(names.unwanted.iter().map(number).collect::<Result<Vec<_>>>()?);
            }
        }
        Ok(())
    }

    fn name(&mut self, name: &str) -> Result<()> {
        let path = Path::new(name).canonicalize().on("status", name)?;
        let found = fs::metadata(&path).on("status", name)?;
        let above = path.parent().and_then(|parent| fs::metadata(parent).ok());
        let is_mount = found.is_dir() && above.is_none_or(|above| above.dev() != found.dev());
        self.files.push(Named { path, device: found.dev(), inode: found.ino(), is_mount });
        Ok(())
    }

    fn chooses_processes(&self) -> bool {
        !(self.pids.wanted.is_empty() && self.users.wanted.is_empty() && self.commands.wanted.is_empty())
    }

    fn chooses_files(&self) -> bool {
        !(self.descriptors.wanted.is_empty() && self.internet.is_empty() && self.files.is_empty() && self.directories.is_empty())
            || self.wants_unix
            || self.links_below.is_some()
    }

    /// Tells if files of the process may be wanted at all.
    pub fn may_have(&self, process: &Process) -> bool {
        let (pid, user) = (process.pid.to_string(), process.user.to_string());
        let excluded = self.pids.unwanted.contains(&pid)
            || self.users.unwanted.contains(&user)
            || self.commands.unwanted.iter().any(|name| process.name.starts_with(name.as_str()));
        let any_file = self.chooses_files() && !self.needs_all;
        !excluded && (any_file || !self.chooses_processes() || self.is_chosen(process))
    }

    /// Tells if a choice of processes names this one: with `-a` each kind of choice must.
    fn is_chosen(&self, process: &Process) -> bool {
        let (pid, user) = (process.pid.to_string(), process.user.to_string());
        let kinds = [
            (&self.pids.wanted, self.pids.wanted.contains(&pid)),
            (&self.users.wanted, self.users.wanted.contains(&user)),
            (&self.commands.wanted, self.commands.wanted.iter().any(|name| process.name.starts_with(name.as_str()))),
        ];
        let mut given = kinds.iter().filter(|(words, _)| !words.is_empty()).map(|(_, fits)| *fits);
        if self.needs_all { given.all(|fits| fits) } else { given.any(|fits| fits) }
    }

    /// Tells if the file is wanted.
    pub fn has(&self, process: &Process, file: &OpenFile, socket: Option<&Socket>) -> bool {
        let descriptor = name(file.used);
        if self.descriptors.unwanted.iter().any(|word| is_descriptor(word, &descriptor)) {
            return false;
        }
        let by_process = self.chooses_processes().then(|| self.is_chosen(process));
        let by_file = [
            (!self.descriptors.wanted.is_empty()).then(|| self.descriptors.wanted.iter().any(|w| is_descriptor(w, &descriptor))),
            (!self.internet.is_empty()).then(|| socket.is_some_and(|s| self.internet.iter().any(|wanted| wanted.fits(s)))),
            self.wants_unix.then(|| socket.is_some_and(|socket| socket.protocol == "unix")),
            (!self.files.is_empty() || !self.directories.is_empty()).then(|| self.is_named(file)),
            self.links_below.map(|limit| file.mode & 0o170_000 == 0o100_000 && file.links < limit),
        ];
        let mut all = by_file.into_iter().chain([by_process]).flatten().peekable();
        match all.peek() {
            None => true,
            Some(_) if self.needs_all => all.all(|fits| fits),
            Some(_) => all.any(|fits| fits),
        }
    }

    fn is_named(&self, file: &OpenFile) -> bool {
        let by_name = |named: &Named| {
            let is_it = file.device == named.device && (named.is_mount || file.inode == named.inode);
            is_it && file.mode != 0 || file.name == named.path
        };
        let below = |(directory, deep): &(PathBuf, bool)| match file.name.strip_prefix(directory) {
            Ok(rest) => *deep || rest.components().count() <= 1,
            Err(_) => false,
        };
        self.files.iter().any(by_name) || self.directories.iter().any(below)
    }
}

impl Internet {
    fn fits(&self, socket: &Socket) -> bool {
        let ends = [socket.local, socket.remote];
        let mut ends = ends.iter().flatten().peekable();
        if ends.peek().is_none() {
            return false;
        }
        self.is_v6.is_none_or(|v6| v6 == socket.is_v6)
            && self.protocol.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(socket.protocol))
            && ends.any(|end| {
                let port = |(first, last): &(u16, u16)| (*first..=*last).contains(&end.port());
                self.address.is_none_or(|address| address == end.ip()) && (self.ports.is_empty() || self.ports.iter().any(port))
            })
    }
}

/// `[4|6][tcp|udp][@ADDRESS][:PORT[-PORT][,PORT]...]`.
fn internet(text: &str) -> Option<Internet> {
    let mut wanted = Internet::default();
    let mut rest = text;
    if let Some(after) = rest.strip_prefix('4') {
        (wanted.is_v6, rest) = (Some(false), after);
    } else if let Some(after) = rest.strip_prefix('6') {
        (wanted.is_v6, rest) = (Some(true), after);
    }
    let end = rest.find(['@', ':']).unwrap_or(rest.len());
    let (protocol, after) = rest.split_at(end);
    match protocol.to_ascii_lowercase().as_str() {
        "" => {}
        "tcp" | "udp" | "raw" => wanted.protocol = Some(protocol.to_owned()),
        _ => return None,
    }
    rest = after;
    if let Some(after) = rest.strip_prefix('@') {
        let (address, after) = match after.strip_prefix('[') {
            Some(inside) => inside.split_once(']')?,
            None => after.split_at(after.find(':').unwrap_or(after.len())),
        };
        let address = if address == "localhost" { "127.0.0.1" } else { address };
        (wanted.address, rest) = (Some(address.parse().ok()?), after);
    }
    if rest.is_empty() {
        return Some(wanted);
    }
    for part in rest.strip_prefix(':')?.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        wanted.ports.push((first.parse().ok()?, last.parse().ok()?));
    }
    Some(wanted)
}

fn directory(name: &str) -> Result<PathBuf> {
    let path = Path::new(name).canonicalize().on("status", name)?;
    if path.is_dir() { Ok(path) } else { Err(Error::usage(format!("{name} is not a directory"))) }
}

/// The name of the column FD.
pub fn name(used: Use) -> String {
    match used {
        Use::Directory => "cwd".to_owned(),
        Use::Root => "rtd".to_owned(),
        Use::Program => "txt".to_owned(),
        Use::Mapping => "mem".to_owned(),
        Use::Descriptor(number) => number.to_string(),
    }
}

/// `cwd`, `3`, or a range such as `0-2`.
fn is_descriptor(word: &str, name: &str) -> bool {
    let range = word.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    match (range, name.parse::<u32>()) {
        (Some((first, last)), Ok(number)) => (first..=last).contains(&number),
        _ => word == name,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn addresses_of_sockets() {
        let wanted = internet("4tcp@127.0.0.1:22,80-90").unwrap();
        assert_eq!(wanted.is_v6, Some(false));
        assert_eq!(wanted.protocol.as_deref(), Some("tcp"));
        assert_eq!(wanted.ports, [(22, 22), (80, 90)]);
        assert_eq!(internet("@[::1]:1").unwrap().address, Some("::1".parse().unwrap()));
        assert_eq!(internet("").unwrap(), Internet::default());
        assert!(internet("sctp").is_none());
        assert!(internet(":x").is_none());
    }

    #[test]
    fn letters_together_and_words_behind() {
        let words: Vec<String> = ["-nPti", ":22", "-p", "1,^2"].map(str::to_owned).to_vec();
        let choice = Choice::read(&words).unwrap();
        assert!(choice.is_terse);
        assert_eq!(choice.internet[0].ports, [(22, 22)]);
        assert_eq!((choice.pids.wanted, choice.pids.unwanted), (vec!["1".to_owned()], vec!["2".to_owned()]));
        assert!(Choice::read(&["-Z".to_owned()]).is_err());
        assert!(Choice::read(&["-p".to_owned(), "x".to_owned()]).is_err());
        assert!(is_descriptor("0-2", "1") && !is_descriptor("0-2", "cwd"));
    }
}
