//! `getopt -o LETTERS [-l NAMES] [-n NAME] [-a] [-q] [-Q] [-u] [-s SHELL] [-T] -- ARGUMENT...` puts a script's arguments in order.
//!
//! Options come first, each with its value, then `--` and the rest, quoted for a shell's `eval set --`. A letter or name with `:`
//! takes a value, with `::` one that may be missing. `+` before the letters ends at the first argument that is no option, `-`
//! keeps the order. `getopt LETTERS ARGUMENT...` is the old form, without quotes.
//!
//! Exit status: 0; 1 for an option that is wrong; 2 for wrong use; 4 for `-T`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

/// Arguments of scripts.
pub const GETOPT: Applet = Applet { name: "getopt", about: "put a script's arguments in order", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// Letters of options
    #[arg(short = 'o', long = "options", value_name = "LETTERS", allow_hyphen_values = true)]
    letters: Option<OsString>,
    /// Names of long options, parted by commas
    #[arg(short, long, value_name = "NAMES")]
    longoptions: Vec<String>,
    /// Let long options begin with one dash
    #[arg(short, long)]
    alternative: bool,
    /// Name for messages
    #[arg(short, long, value_name = "NAME", default_value = "getopt")]
    name: String,
    /// Tell no mistakes
    #[arg(short, long)]
    quiet: bool,
    /// Tell mistakes alone
    #[arg(short = 'Q', long)]
    quiet_output: bool,
    /// Quote nothing
    #[arg(short, long)]
    unquoted: bool,
    /// The shell to quote for: sh, bash; csh and tcsh are refused
    #[arg(short, long, value_name = "SHELL", default_value = "sh")]
    shell: String,
    /// Tell by the exit status 4 that this is the new form
    #[arg(short = 'T', long)]
    test: bool,
    /// The arguments, behind the letters in the old form
    #[arg(trailing_var_arg = true, value_name = "ARGUMENT")]
    words: Vec<OsString>,
}

/// Value of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Value,
    MaybeValue,
}

/// Order of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    OptionsFirst,
    EndAtFirst,
    AsGiven,
}

struct Definition {
    letters: Vec<(u8, Takes)>,
    names: Vec<(Vec<u8>, Takes)>,
    order: Order,
    alternative: bool,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&GETOPT, args)?;
    if options.test {
        return Ok(Exit(4));
    }
    if !matches!(options.shell.as_str(), "sh" | "bash") {
        return Err(Error::usage(format!("there is no quoting for the shell {}", options.shell)));
    }
    let mut words: Vec<Vec<u8>> = options.words.iter().cloned().map(OsStringExt::into_vec).collect();
    // The old form: the letters come first, and nothing is quoted.
    let old = options.letters.is_none() && args.get(1).is_some_and(|first| !first.as_bytes().starts_with(b"-"));
    let letters = match options.letters {
        Some(letters) => letters.into_vec(),
        None if words.is_empty() => return Err(Error::usage("the letters of the options are needed: -o LETTERS")),
        None => words.remove(0),
    };
    if old && words.first().is_some_and(|word| word == b"--") {
        words.remove(0);
    }
    let definition = define(&letters, &options.longoptions, options.alternative)?;
    let sorted = sort(&definition, &words);
    if !options.quiet_output {
        let quoted = |word: &Vec<u8>| if options.unquoted || old { word.clone() } else { quote(word) };
        let mut text = Vec::new();
        for (word, is_option) in sorted.found.iter().chain(&[(b"--".to_vec(), true)]) {
            text.push(b' ');
            text.extend(if *is_option { word.clone() } else { quoted(word) });
        }
        for word in &sorted.rest {
            text.push(b' ');
            text.extend(quoted(word));
        }
        text.push(b'\n');
        let mut out = out();
        out.write_all(&text).and_then(|()| out.flush()).doing("write standard output")?;
    }
    if !options.quiet {
        for mistake in &sorted.mistakes {
            // A closed standard error loses the message.
            let _ = writeln!(io::stderr(), "{}: {mistake}", options.name);
        }
    }
    Ok(if sorted.mistakes.is_empty() { Exit::OK } else { Exit::FAILED })
}

fn takes(colons: usize) -> Takes {
    match colons {
        0 => Takes::Nothing,
        1 => Takes::Value,
        _ => Takes::MaybeValue,
    }
}

fn define(letters: &[u8], names: &[String], alternative: bool) -> Result<Definition> {
    let (order, letters) = match letters {
        [b'+', letters @ ..] => (Order::EndAtFirst, letters),
        [b'-', letters @ ..] => (Order::AsGiven, letters),
        _ if std::env::var_os("POSIXLY_CORRECT").is_some() => (Order::EndAtFirst, letters),
        _ => (Order::OptionsFirst, letters),
    };
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(letter) = letters.get(at) {
        let colons = letters[at + 1..].iter().take(2).take_while(|c| **c == b':').count();
        found.push((*letter, takes(colons)));
        at += 1 + colons;
    }
    let split = |c: char| c == ',' || c.is_ascii_whitespace();
    let mut long = Vec::new();
    for name in names.iter().flat_map(|list| list.split(split)).filter(|name| !name.is_empty()) {
        let bare = name.trim_end_matches(':');
        if bare.is_empty() {
            return Err(Error::usage("a long option has no name"));
        }
        long.push((bare.as_bytes().to_vec(), takes(name.len() - bare.len())));
    }
    Ok(Definition { letters: found, names: long, order, alternative })
}

/// Words in order.
#[derive(Default)]
struct Sorted {
    /// Options and values; true for what is not quoted.
    found: Vec<(Vec<u8>, bool)>,
    rest: Vec<Vec<u8>>,
    mistakes: Vec<String>,
}

fn sort(definition: &Definition, words: &[Vec<u8>]) -> Sorted {
    let mut sorted = Sorted::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == b"--" {
            sorted.rest.extend(words.cloned());
            break;
        }
        let long = word.strip_prefix(b"--");
        let single = word.strip_prefix(b"-").filter(|rest| !rest.is_empty());
        match (long, single) {
            (Some(name), _) => sorted.long(definition, "--", name, &mut words),
            (None, Some(name)) if definition.alternative && definition.is_long(name) => {
                sorted.long(definition, "-", name, &mut words);
            }
            // No letter either: then a long option was meant.
            (None, Some(letters))
                if definition.alternative && !definition.letters.iter().any(|(known, _)| *known == letters[0]) =>
            {
                sorted.mistakes.push(format!("unrecognized option '-{}'", String::from_utf8_lossy(letters)));
            }
            (None, Some(letters)) => sorted.short(definition, letters, &mut words),
            _ if definition.order == Order::AsGiven => sorted.found.push((word.clone(), false)),
            _ => {
                sorted.rest.push(word.clone());
                if definition.order == Order::EndAtFirst {
                    sorted.rest.extend(words.cloned());
                    break;
                }
            }
        }
    }
    sorted
}

impl Definition {
    /// A word with one dash is a long option if it begins one, and no letter of the same name is there.
    fn is_long(&self, word: &[u8]) -> bool {
        let name = word.split(|c| *c == b'=').next().unwrap_or_default();
        let letter = name.len() == 1 && self.letters.iter().any(|(letter, _)| *letter == name[0]);
        !letter && self.names.iter().any(|(known, _)| known.starts_with(name))
    }
}

impl Sorted {
    fn short(&mut self, definition: &Definition, letters: &[u8], words: &mut std::slice::Iter<'_, Vec<u8>>) {
        let mut rest = letters;
        while let [letter, tail @ ..] = rest {
            rest = tail;
            let shown = String::from_utf8_lossy(&[*letter]).into_owned();
            let known = definition.letters.iter().find(|(known, _)| known == letter && *letter != b':');
            let Some((_, takes)) = known else {
                self.mistakes.push(format!("invalid option -- '{shown}'"));
                continue;
            };
            let value = match takes {
                Takes::Nothing => None,
                _ if !rest.is_empty() => Some(std::mem::take(&mut rest).to_vec()),
                Takes::MaybeValue => Some(Vec::new()),
                Takes::Value => {
                    let Some(value) = words.next() else {
                        self.mistakes.push(format!("option requires an argument -- '{shown}'"));
                        return;
                    };
                    Some(value.clone())
                }
            };
            self.found.push((vec![b'-', *letter], true));
            self.found.extend(value.map(|value| (value, false)));
        }
    }

    fn long(&mut self, definition: &Definition, dashes: &str, word: &[u8], words: &mut std::slice::Iter<'_, Vec<u8>>) {
        let (name, value) = match word.iter().position(|c| *c == b'=') {
            Some(at) => (&word[..at], Some(word[at + 1..].to_vec())),
            None => (word, None),
        };
        let shown = format!("{dashes}{}", String::from_utf8_lossy(word));
        let exact = definition.names.iter().find(|(known, _)| known == name);
        let fitting: Vec<_> = definition.names.iter().filter(|(known, _)| known.starts_with(name)).collect();
        let (known, takes) = match (exact, fitting.as_slice()) {
            (Some(known), _) => known,
            (None, [known]) => *known,
            (None, []) => return self.mistakes.push(format!("unrecognized option '{shown}'")),
            (None, several) => {
                let names: Vec<_> = several.iter().map(|(known, _)| format!("'--{}'", String::from_utf8_lossy(known))).collect();
                return self.mistakes.push(format!("option '{shown}' is ambiguous; possibilities: {}", names.join(" ")));
            }
        };
        let full = format!("{dashes}{}", String::from_utf8_lossy(known));
        let value = match (takes, value) {
            (Takes::Nothing, Some(_)) => return self.mistakes.push(format!("option '{full}' doesn't allow an argument")),
            (Takes::Nothing, None) => None,
            (_, Some(value)) => Some(value),
            (Takes::MaybeValue, None) => Some(Vec::new()),
            (Takes::Value, None) => match words.next() {
                Some(value) => Some(value.clone()),
                None => return self.mistakes.push(format!("option '{full}' requires an argument")),
            },
        };
        self.found.push(([b"--", known.as_slice()].concat(), true));
        self.found.extend(value.map(|value| (value, false)));
    }
}

/// In single quotes, with those inside put outside.
fn quote(word: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for c in word {
        match c {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            c => quoted.push(*c),
        }
    }
    quoted.push(b'\'');
    quoted
}
