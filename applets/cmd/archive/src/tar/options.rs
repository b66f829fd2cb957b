//! Command line of tar: the table made into clap's arguments, and what follows from them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches, Parser, builder::OsStringValueParser};
use kit::{Error, Result, parse};

use super::TAR;
use super::ids::Ids;
use super::items::{self, Item};
use super::mode::Change;
use super::pattern::Patterns;
use super::quote::Quote;
use super::table::{ROWS, State, Takes};
use super::transform::Transform;
use super::writer::{Format, PaxOptions};
use crate::codec::Codec;
use crate::files::member::Time;

/// Operation of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Create,
    Extract,
    List,
    Diff,
    Append,
    Update,
    Catenate,
    Delete,
    TestLabel,
}

/// Compression that was asked for.
pub(super) enum Filter {
    /// None, or on reading what the first bytes tell.
    Auto,
    Codec(Codec),
    /// A program and its arguments.
    Program(String),
}

/// The command line as clap has it.
pub(super) struct Line(ArgMatches);

impl CommandFactory for Line {
    fn command() -> Command {
        let mut command = Command::new("tar").infer_long_args(true).disable_help_flag(true).disable_version_flag(true);
        for row in ROWS {
            let mut arg = Arg::new(row.long).help(row.help).hide(row.state != State::Same);
            if row.long != "old" {
                arg = arg.long(row.long);
            }
            if let Some(short) = row.short {
                arg = arg.short(short);
            }
            arg = arg.visible_aliases(row.aliases.iter().copied());
            arg = match row.takes {
                Takes::Nothing => arg.action(ArgAction::Count),
                Takes::Maybe => arg.num_args(0..=1).require_equals(true).default_missing_value("").action(ArgAction::Append),
                Takes::One | Takes::Many => arg.action(ArgAction::Append).allow_hyphen_values(true),
            };
            if row.takes != Takes::Nothing {
                arg = arg.value_parser(OsStringValueParser::new()).value_name("VALUE");
            }
            command = command.arg(arg);
        }
        let names = Arg::new("names").action(ArgAction::Append).num_args(0..).value_parser(OsStringValueParser::new());
        let help = Arg::new("help").long("help").short('?').action(ArgAction::Help).help("print help");
        let version = Arg::new("version").long("version").action(ArgAction::Version).help("print the version");
        command.arg(names.value_name("NAME")).arg(help).arg(version).after_help(super::EXAMPLE)
    }

    fn command_for_update() -> Command {
        Self::command()
    }
}

impl FromArgMatches for Line {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(matches.clone()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0 = matches.clone();
        Ok(())
    }
}

impl Parser for Line {}

impl Line {
    /// The options of a call; refused ones are errors.
    pub(super) fn read(args: &[OsString]) -> Result<Self> {
        let line: Self = parse(&TAR, &with_dash(args))?;
        for row in ROWS {
            if let State::Refused(reason) = row.state
                && line.at(row.long).is_some()
            {
                return Err(Error::usage(format!("--{} is refused: {reason}", row.long)));
            }
        }
        Ok(line)
    }

    /// Number of times that an option was given.
    pub(super) fn count(&self, id: &str) -> u8 {
        self.0.try_get_one::<u8>(id).ok().flatten().copied().unwrap_or(0)
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.count(id) > 0
    }

    /// Place of an option's last occurrence.
    pub(super) fn at(&self, id: &str) -> Option<usize> {
        self.0.value_source(id).filter(|source| *source == clap::parser::ValueSource::CommandLine)?;
        self.0.indices_of(id)?.next_back()
    }

    /// All values, each with its place.
    pub(super) fn many(&self, id: &str) -> Vec<(usize, &OsString)> {
        match (self.0.indices_of(id), self.0.try_get_many::<OsString>(id)) {
            (Some(places), Ok(Some(values))) => places.zip(values).collect(),
            _ => Vec::new(),
        }
    }

    /// The last value.
    pub(super) fn one(&self, id: &str) -> Option<&OsStr> {
        Some(self.many(id).last()?.1.as_os_str())
    }

    pub(super) fn text(&self, id: &str) -> Result<Option<&str>> {
        let Some(value) = self.one(id) else { return Ok(None) };
        value.to_str().map(Some).ok_or_else(|| Error::usage(format!("--{id}: a name was expected, not {}", value.display())))
    }

    pub(super) fn number<T: std::str::FromStr>(&self, id: &str) -> Result<Option<T>> {
        let Some(text) = self.text(id)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Error::usage(format!("--{id}: {text} is no number that fits")))
    }

    /// Tell if the first was given, and not the second behind it.
    pub(super) fn on(&self, yes: &str, no: &str) -> bool {
        self.on_before(yes, no, usize::MAX, false)
    }

    /// The same for what stands before a place.
    pub(super) fn on_before(&self, yes: &str, no: &str, place: usize, usual: bool) -> bool {
        let at = |id| self.at(id).filter(|at| *at < place);
        match (at(yes), at(no)) {
            (None, None) => usual,
            (yes, no) => yes > no,
        }
    }
}

/// `tar xzf FILE` as `tar -x -z -f FILE`: in the old form arguments follow the letters in their order.
fn with_dash(args: &[OsString]) -> Vec<OsString> {
    let Some(letters) = args.get(1).and_then(|a| a.to_str()).filter(|a| !a.starts_with('-') && !a.is_empty()) else {
        return args.to_vec();
    };
    let mut rest = args[2..].iter().cloned();
    let mut all = vec![args[0].clone()];
    for letter in letters.chars() {
        all.push(format!("-{letter}").into());
        let valued = |takes| matches!(takes, Takes::One | Takes::Many);
        if ROWS.iter().any(|row| row.short == Some(letter) && valued(row.takes)) {
            all.extend(rest.next());
        }
    }
    all.extend(rest);
    all
}

/// Options, each in its own type where it has one.
pub(super) struct Options {
    pub(super) line: Line,
    pub(super) mode: Mode,
    pub(super) archive: Option<PathBuf>,
    pub(super) verbose: u8,
    pub(super) items: Vec<Item>,
    pub(super) exclude: Patterns,
    pub(super) filter: Filter,
    pub(super) format: Format,
    pub(super) pax: PaxOptions,
    pub(super) record: u64,
    pub(super) ids: Ids,
    pub(super) change: Option<Change>,
    pub(super) mtime: Option<Time>,
    pub(super) newer: Option<Time>,
    pub(super) strip: usize,
    pub(super) transform: Transform,
    pub(super) quote: Quote,
    pub(super) absolute: bool,
    pub(super) xattrs: bool,
    pub(super) acls: bool,
    pub(super) selinux: bool,
    pub(super) occurrence: Option<usize>,
    /// Directories have lists of what is in them: `-g` and `-G`.
    pub(super) incremental: bool,
}

impl Options {
    /// Options from the command line.
    pub(super) fn read(args: &[OsString]) -> Result<Self> {
        let line = Line::read(args)?;
        let mode = mode(&line)?;
        let archive = line.one("file").map(OsStr::to_owned).or_else(|| std::env::var_os("TAPE")).map(PathBuf::from);
        let archive = archive.filter(|name| name.as_os_str() != "-");
        let format = format(&line, mode)?;
        let date = |id: &str| line.one(id).map(super::date::parse).transpose();
        let newer = match date("newer")? {
            Some(time) => Some(time),
            None => date("newer-mtime")?,
        };
        let occurrence = match line.text("occurrence")? {
            Some("") => Some(1),
            _ => line.number("occurrence")?,
        };
        let blocks = line.number::<u64>("blocking-factor")?.unwrap_or(20).checked_mul(512);
        let record = line.number::<u64>("record-size")?.or(blocks).filter(|size| *size > 0 && size % 512 == 0);
        Ok(Self {
            mode,
            verbose: line.count("verbose"),
            items: items::read(&line)?,
            exclude: Patterns::excluded(&line)?,
            filter: filter(&line, mode, archive.as_deref())?,
            format,
            pax: pax_options(&line)?,
            record: record.ok_or_else(|| Error::usage("a record is a multiple of 512 bytes"))?,
            ids: Ids::read(&line)?,
            change: line.text("mode")?.map(Change::parse).transpose()?,
            mtime: date("mtime")?,
            newer,
            strip: line.number("strip-components")?.unwrap_or(0),
            transform: Transform::read(&line)?,
            quote: Quote::read(&line)?,
            absolute: line.has("absolute-names"),
            xattrs: line.on("xattrs", "no-xattrs") || line.at("xattrs-include").is_some(),
            acls: line.on("acls", "no-acls"),
            selinux: line.on("selinux", "no-selinux"),
            occurrence,
            incremental: incremental(&line, mode, format)?,
            archive,
            line,
        })
    }

    /// Names that members have to fit, or none for all.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.items.iter().filter_map(|item| match item {
            Item::Name(name) => Some(name.as_slice()),
            _ => None,
        })
    }
}

fn incremental(line: &Line, mode: Mode, format: Format) -> Result<bool> {
    let listed = line.at("listed-incremental").is_some();
    line.number::<u64>("level")?;
    if !listed && !line.has("incremental") {
        return Ok(false);
    }
    if matches!(mode, Mode::Append | Mode::Update | Mode::Catenate | Mode::Delete | Mode::TestLabel) {
        return Err(Error::usage("-g and -G are for -c, -x, -t and -d"));
    }
    if listed && (line.at("newer").is_some() || line.at("newer-mtime").is_some()) {
        return Err(Error::usage("-g tells by itself which files are new: -N does not go with it"));
    }
    if mode == Mode::Create && matches!(format, Format::Ustar | Format::V7) {
        return Err(Error::usage("incremental archives need the form gnu, oldgnu or pax"));
    }
    Ok(true)
}

fn mode(line: &Line) -> Result<Mode> {
    let modes = [
        ("create", Mode::Create),
        ("extract", Mode::Extract),
        ("list", Mode::List),
        ("diff", Mode::Diff),
        ("append", Mode::Append),
        ("update", Mode::Update),
        ("catenate", Mode::Catenate),
        ("delete", Mode::Delete),
        ("test-label", Mode::TestLabel),
    ];
    let mut given = modes.iter().filter(|(id, _)| line.has(id));
    match (given.next(), given.next()) {
        (Some((_, mode)), None) => Ok(*mode),
        _ => Err(Error::usage("give one of -A, -c, -d, -r, -t, -u, -x, --delete and --test-label")),
    }
}

fn format(line: &Line, mode: Mode) -> Result<Format> {
    let named = match line.text("format")? {
        None => None,
        Some("gnu") => Some(Format::Gnu),
        Some("oldgnu") => Some(Format::OldGnu),
        Some("pax" | "posix") => Some(Format::Pax),
        Some("ustar") => Some(Format::Ustar),
        Some("v7") => Some(Format::V7),
        Some(other) => return Err(Error::usage(format!("no such form of archive: {other}"))),
    };
    let attributes = ["xattrs", "acls", "selinux", "pax-option", "xattrs-include"].iter().any(|id| line.at(id).is_some());
    let old = line.has("old-archive") || (line.has("old") && mode == Mode::Create);
    Ok(match named {
        Some(Format::Gnu | Format::OldGnu | Format::Ustar | Format::V7) if attributes && mode == Mode::Create => {
            return Err(Error::usage("attributes and pax options need the form pax"));
        }
        Some(named) => named,
        None if line.has("posix") || attributes => Format::Pax,
        None if old => Format::V7,
        None => Format::Gnu,
    })
}

fn filter(line: &Line, mode: Mode, archive: Option<&std::path::Path>) -> Result<Filter> {
    let codecs =
        [("gzip", Codec::Gzip), ("bzip2", Codec::Bzip2), ("xz", Codec::Xz), ("lzma", Codec::Lzma), ("zstd", Codec::Zstd)];
    let programs = ["lzip", "lzop", "compress"];
    let mut all: Vec<Filter> = codecs.iter().filter(|(id, _)| line.has(id)).map(|(_, codec)| Filter::Codec(*codec)).collect();
    // compress's form is read without the program.
    all.extend(programs.iter().filter(|id| line.has(id)).map(|id| match *id {
        "compress" if mode != Mode::Create => Filter::Codec(Codec::Compress),
        id => Filter::Program(id.into()),
    }));
    if let Some(program) = line.text("use-compress-program")? {
        all.push(Filter::Program(program.into()));
    }
    if all.len() > 1 {
        return Err(Error::usage("give one compression"));
    }
    if let Some(filter) = all.pop() {
        return Ok(filter);
    }
    let of_name = archive.and_then(|name| Codec::of_name(name.as_os_str().as_bytes()));
    Ok(match of_name {
        Some(codec) if mode == Mode::Create && line.on("auto-compress", "no-auto-compress") => Filter::Codec(codec),
        _ => Filter::Auto,
    })
}

/// `delete=PATTERN`, `exthdr.name=NAME`, `KEYWORD=VALUE` for all members, `KEYWORD:=VALUE` for each.
fn pax_options(line: &Line) -> Result<PaxOptions> {
    let mut options = PaxOptions::default();
    for (_, list) in line.many("pax-option") {
        for word in list.as_bytes().split(|byte| *byte == b',').filter(|word| !word.is_empty()) {
            let word = word.trim_ascii_start();
            let equals = word.iter().position(|byte| *byte == b'=');
            let equals = equals.ok_or_else(|| Error::usage("--pax-option takes KEYWORD=VALUE or KEYWORD:=VALUE"))?;
            let (keyword, value) = (&word[..equals], word[equals + 1..].to_vec());
            match (keyword, keyword.strip_suffix(b":")) {
                (b"delete", _) => options.delete.push(value),
                (b"exthdr.name", _) => options.name = Some(value),
                (b"exthdr.mtime" | b"globexthdr.name" | b"globexthdr.mtime", _) => {
                    let keyword = String::from_utf8_lossy(keyword).into_owned();
                    return Err(Error::usage(format!("--pax-option={keyword} is refused: headers have their member's time")));
                }
                (_, Some(keyword)) => options.each.push((keyword.to_vec(), value)),
                (keyword, None) => options.all.push((keyword.to_vec(), value)),
            }
        }
    }
    Ok(options)
}
