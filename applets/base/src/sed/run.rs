//! A program over its input.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use kit::{Context, Error, Exit, Result, out};
use regex::bytes::{Captures, Regex};

use super::Options;
use super::program::{Action, Address, Case, Command, End, Piece, Program, Range, Replace, Search};

/// Run it over the files, or standard input when there are none.
pub(super) fn run(mut program: Program, files: Vec<PathBuf>, options: &Options) -> Result<Exit> {
    let files = if files.is_empty() { vec![PathBuf::from("-")] } else { files };
    let mut editor = Editor::new(options, program.quiet);
    // Files that are written exist, and are empty, from the start.
    for command in &program.commands {
        let file = match &command.action {
            Action::WriteFile(file) => Some(file),
            Action::Replace(replace) => replace.file.as_ref(),
            _ => None,
        };
        file.map_or(Ok(()), |f| editor.open_output(f))?;
    }
    if options.in_place.is_some() || options.separate {
        for file in files {
            editor.restart(vec![file], options)?;
            let ended = editor.edit(&mut program)?;
            editor.keep()?;
            if ended {
                break;
            }
        }
    } else {
        editor.restart(files, options)?;
        editor.edit(&mut program)?;
    }
    editor.output.flush().doing("write standard output")?;
    for (path, file) in &mut editor.written {
        file.flush().on("write", path)?;
    }
    Ok(if editor.failed && editor.exit == Exit::OK { Exit::USAGE } else { editor.exit })
}

/// Where a line's commands end.
enum Step {
    /// At the end of the script: print and go on.
    Done,
    /// Without printing.
    Deleted,
    /// With what is left, without reading (`D`).
    Again,
    /// The program ends; whether the line is printed.
    Quit(bool),
}

struct Editor {
    input: Input,
    line: Vec<u8>,
    /// Whether the line had an end: a last line without one is written without one.
    ended: bool,
    hold: Vec<u8>,
    number: u64,
    end: u8,
    quiet: bool,
    unbuffered: bool,
    replaced: bool,
    /// What goes out after the line: texts and files to copy.
    after: Vec<After>,
    last: Option<Regex>,
    output: Box<dyn Write>,
    /// The file that is edited in place, its new text's file, and the suffix of the old one.
    place: Option<(PathBuf, PathBuf, String)>,
    written: BTreeMap<PathBuf, BufWriter<File>>,
    exit: Exit,
    failed: bool,
}

enum After {
    Text(Vec<u8>),
    File(PathBuf),
}

impl Editor {
    fn new(options: &Options, quiet: bool) -> Self {
        Self {
            input: Input::default(),
            line: Vec::new(),
            ended: true,
            hold: Vec::new(),
            number: 0,
            end: if options.null_data { 0 } else { b'\n' },
            quiet: options.quiet || quiet,
            unbuffered: options.unbuffered,
            replaced: false,
            after: Vec::new(),
            last: None,
            output: Box::new(out()),
            place: None,
            written: BTreeMap::new(),
            exit: Exit::OK,
            failed: false,
        }
    }

    /// Begin with other files.
    fn restart(&mut self, files: Vec<PathBuf>, options: &Options) -> Result<()> {
        self.number = 0;
        if let (Some(suffix), Some(file)) = (&options.in_place, files.first()) {
            let meta = fs::metadata(file).on("edit", file)?;
            if !meta.is_file() {
                return Err(Error::new(format!("edit {}: not a regular file", file.display())));
            }
            let mut name = file.file_name().unwrap_or_default().to_owned();
            name.push(format!(".sed{}", std::process::id()));
            let fresh = file.with_file_name(name);
            let new = File::create(&fresh).on("make", &fresh)?;
            new.set_permissions(meta.permissions()).on("set the permissions of", &fresh)?;
            self.output = Box::new(BufWriter::new(new));
            self.place = Some((file.clone(), fresh, suffix.clone()));
        }
        self.input = Input { files: files.into_iter().rev().collect(), ..Input::default() };
        Ok(())
    }

    /// Put the new text in the old one's place.
    fn keep(&mut self) -> Result<()> {
        self.output.flush().doing("write the new text")?;
        let Some((file, fresh, suffix)) = self.place.take() else { return Ok(()) };
        self.output = Box::new(out());
        if !suffix.is_empty() {
            let mut name = file.file_name().unwrap_or_default().to_owned();
            name.push(&suffix);
            let old = file.with_file_name(name);
            fs::rename(&file, &old).on("keep the old text as", old)?;
        }
        fs::rename(&fresh, &file).on("replace", file)
    }

    /// All lines through the program. True when it said to end.
    fn edit(&mut self, program: &mut Program) -> Result<bool> {
        let mut again = false;
        while again || self.read(false)? {
            again = false;
            match self.commands(&mut program.commands)? {
                Step::Done => self.print_unless_quiet()?,
                Step::Deleted => {}
                Step::Again => again = true,
                Step::Quit(prints) => {
                    if prints {
                        self.print_unless_quiet()?;
                    }
                    self.flush_after()?;
                    // What is left of a file that is edited in place stays as it is.
                    while self.place.is_some() && self.read(false)? {
                        self.print_line()?;
                    }
                    return Ok(true);
                }
            }
            self.flush_after()?;
        }
        Ok(false)
    }

    /// The next line, in place of this one or behind it.
    fn read(&mut self, append: bool) -> Result<bool> {
        let Some((text, ended)) = self.input.next(self.end, &mut self.failed)? else { return Ok(false) };
        if append {
            self.line.push(self.end);
        } else {
            self.line.clear();
        }
        self.line.extend(text);
        self.ended = ended;
        self.number += 1;
        Ok(true)
    }

    fn commands(&mut self, commands: &mut [Command]) -> Result<Step> {
        let mut at = 0;
        self.replaced = false;
        while let Some(command) = commands.get_mut(at) {
            at += 1;
            let in_range = command.to.is_some();
            let meant = self.selects(command)? != command.inverse;
            if !meant {
                if let Action::Block(end) = command.action {
                    at = end;
                }
                continue;
            }
            let range_goes_on = in_range && !command.inverse && command.range != Range::Closed;
            if let Some(step) = self.act(&mut command.action, &mut at, range_goes_on)? {
                return Ok(step);
            }
        }
        Ok(Step::Done)
    }

    /// Whether the command is for this line. Opens and closes its range.
    fn selects(&mut self, command: &mut Command) -> Result<bool> {
        let Some(from) = &command.from else { return Ok(true) };
        let Some(to) = &command.to else { return self.fits(from) };
        if command.range != Range::Closed {
            let (ends, inside) = match (command.range, to) {
                // A range whose end lies behind us holds its first line alone.
                (Range::Until(last), _) => (self.number >= last, self.number <= last),
                (_, End::At(address)) => (self.fits(address)?, true),
                _ => (false, true),
            };
            if ends {
                command.range = Range::Closed;
            }
            return Ok(inside || self.fits(from)?);
        }
        if !self.fits(from)? {
            return Ok(false);
        }
        let end = match to {
            End::At(Address::Line(last)) => Some(*last),
            End::After(more) => Some(self.number + more),
            End::Multiple(0) => Some(self.number),
            End::Multiple(of) => Some(self.number.next_multiple_of(*of)),
            End::At(Address::Last) if self.input.is_last() => Some(self.number),
            End::At(_) => None,
        };
        command.range = match end {
            Some(last) if last <= self.number => Range::Closed,
            Some(last) => Range::Until(last),
            None => Range::Open,
        };
        Ok(true)
    }

    fn fits(&mut self, address: &Address) -> Result<bool> {
        Ok(match address {
            Address::Line(number) => self.number == *number,
            Address::Last => self.input.is_last(),
            Address::Step(first, 0) => self.number == *first,
            Address::Step(first, step) => self.number >= *first && (self.number - first).is_multiple_of(*step),
            Address::Zero => false,
            Address::Pattern(search) => self.regex(search)?.is_match(&self.line),
        })
    }

    fn regex(&mut self, search: &Search) -> Result<Regex> {
        if let Search::For(regex) = search {
            self.last = Some(regex.clone());
        }
        self.last.clone().ok_or_else(|| Error::new("an empty pattern stands for the last one, and there was none"))
    }

    /// One command. A step ends the line's commands.
    fn act(&mut self, action: &mut Action, at: &mut usize, range_goes_on: bool) -> Result<Option<Step>> {
        match action {
            Action::Number => {
                let number = self.number;
                writeln!(self.output, "{number}").doing("write the output")?;
            }
            Action::Append(text) => self.after.push(After::Text(text.clone())),
            Action::Insert(text) => self.output.write_all(text).doing("write the output")?,
            Action::Change(text) => {
                if !range_goes_on {
                    self.output.write_all(text).doing("write the output")?;
                }
                return Ok(Some(Step::Deleted));
            }
            Action::Branch(to) => *at = *to,
            Action::BranchIfReplaced(to) if std::mem::take(&mut self.replaced) => *at = *to,
            Action::BranchUnlessReplaced(to) if !std::mem::take(&mut self.replaced) => *at = *to,
            Action::Block(_) | Action::Nothing | Action::BranchIfReplaced(_) | Action::BranchUnlessReplaced(_) => {}
            Action::Delete => return Ok(Some(Step::Deleted)),
            Action::DeleteFirst => {
                let Some(end) = self.line.iter().position(|b| *b == self.end) else { return Ok(Some(Step::Deleted)) };
                self.line.drain(..=end);
                return Ok(Some(Step::Again));
            }
            Action::GetHold => self.line.clone_from(&self.hold),
            Action::AppendHold => {
                self.line.push(self.end);
                self.line.extend_from_slice(&self.hold);
            }
            Action::Hold => self.hold.clone_from(&self.line),
            Action::HoldAppend => {
                self.hold.push(self.end);
                self.hold.extend_from_slice(&self.line);
            }
            Action::Exchange => std::mem::swap(&mut self.hold, &mut self.line),
            Action::List => {
                let text = listed(&self.line);
                self.output.write_all(text.as_bytes()).doing("write the output")?;
            }
            Action::Next => {
                if self.input.is_last() {
                    return Ok(Some(Step::Quit(true)));
                }
                self.print_unless_quiet()?;
                self.flush_after()?;
                self.read(false)?;
            }
            Action::NextAppend => {
                if self.input.is_last() {
                    return Ok(Some(Step::Quit(true)));
                }
                self.flush_after()?;
                self.read(true)?;
            }
            Action::Print => self.print_line()?,
            Action::PrintFirst => {
                let end = self.line.iter().position(|b| *b == self.end).unwrap_or(self.line.len());
                self.output
                    .write_all(&self.line[..end])
                    .and_then(|()| self.output.write_all(&[self.end]))
                    .doing("write the output")?;
            }
            Action::Quit(status, prints) => {
                self.exit = Exit(*status);
                return Ok(Some(Step::Quit(*prints)));
            }
            Action::ReadFile(file) => self.after.push(After::File(file.clone())),
            Action::Replace(replace) => self.replace(replace)?,
            Action::WriteFile(file) => self.write_to(&file.clone())?,
            Action::Map(pairs) => {
                let text = String::from_utf8_lossy(&self.line);
                let mapped = text.chars().map(|c| pairs.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to));
                self.line = mapped.collect::<String>().into_bytes();
            }
        }
        Ok(None)
    }

    fn replace(&mut self, replace: &Replace) -> Result<()> {
        let regex = self.regex(&replace.search)?;
        let mut fresh = Vec::with_capacity(self.line.len());
        let (mut done_to, mut changed) = (0, false);
        for (at, found) in regex.captures_iter(&self.line).enumerate() {
            let Some(whole) = found.get(0) else { break };
            if at + 1 < replace.from {
                continue;
            }
            fresh.extend_from_slice(&self.line[done_to..whole.start()]);
            put(&replace.with, &found, &mut fresh);
            done_to = whole.end();
            changed = true;
            if !replace.all {
                break;
            }
        }
        if !changed {
            return Ok(());
        }
        fresh.extend_from_slice(&self.line[done_to..]);
        self.line = fresh;
        self.replaced = true;
        if replace.print {
            self.print_line()?;
        }
        replace.file.as_ref().map_or(Ok(()), |file| self.write_to(file))
    }

    fn print_unless_quiet(&mut self) -> Result<()> {
        if self.quiet { Ok(()) } else { self.print_line() }
    }

    fn print_line(&mut self) -> Result<()> {
        let end: &[u8] = if self.ended || !self.input.is_last() { &[self.end] } else { &[] };
        self.output.write_all(&self.line).and_then(|()| self.output.write_all(end)).doing("write the output")
    }

    /// What was to come after the line.
    fn flush_after(&mut self) -> Result<()> {
        for part in std::mem::take(&mut self.after) {
            match part {
                After::Text(text) => self.output.write_all(&text).doing("write the output")?,
                // A file that is not there reads as an empty one: POSIX.
                After::File(path) => {
                    let bytes = fs::read(path).unwrap_or_default();
                    self.output.write_all(&bytes).doing("write the output")?;
                }
            }
        }
        if self.unbuffered { self.output.flush().doing("write the output") } else { Ok(()) }
    }

    fn open_output(&mut self, path: &Path) -> Result<()> {
        if path != Path::new("/dev/stdout") && !self.written.contains_key(path) {
            let file = File::create(path).on("make", path)?;
            self.written.insert(path.to_owned(), BufWriter::new(file));
        }
        Ok(())
    }

    fn write_to(&mut self, path: &Path) -> Result<()> {
        let mut text = self.line.clone();
        text.push(self.end);
        match self.written.get_mut(path) {
            Some(file) => file.write_all(&text).on("write", path),
            None => self.output.write_all(&text).doing("write the output"),
        }
    }
}

/// A replacement for one match.
fn put(pieces: &[Piece], found: &Captures, to: &mut Vec<u8>) {
    let (mut lasting, mut once) = (Case::Keep, None);
    for piece in pieces {
        let text = match piece {
            Piece::Text(text) => text.as_slice(),
            Piece::Group(n) => found.get(*n).map_or(&[][..], |m| m.as_bytes()),
            Piece::Case(case @ (Case::NextLower | Case::NextUpper)) => {
                once = Some(*case);
                continue;
            }
            Piece::Case(case) => {
                lasting = *case;
                continue;
            }
        };
        if lasting == Case::Keep && once.is_none() {
            to.extend_from_slice(text);
            continue;
        }
        for c in String::from_utf8_lossy(text).chars() {
            let case = once.take().unwrap_or(lasting);
            let cased = match case {
                Case::Lower | Case::NextLower => c.to_lowercase().to_string(),
                Case::Upper | Case::NextUpper => c.to_uppercase().to_string(),
                Case::Keep => c.to_string(),
            };
            to.extend_from_slice(cased.as_bytes());
        }
    }
}

/// The line of `l`: no byte that a terminal would act on, at most 70 columns.
fn listed(line: &[u8]) -> String {
    /// POSIX leaves it open; this is GNU's.
    const WIDTH: usize = 69;
    let mut text = String::new();
    let mut column = 0;
    for byte in line {
        let shown = match byte {
            b'\\' => "\\\\".into(),
            7 => "\\a".into(),
            8 => "\\b".into(),
            9 => "\\t".into(),
            10 => "\\n".into(),
            11 => "\\v".into(),
            12 => "\\f".into(),
            13 => "\\r".into(),
            0x20..0x7f => char::from(*byte).to_string(),
            _ => format!("\\{byte:03o}"),
        };
        if column + shown.len() > WIDTH {
            text.push_str("\\\n");
            column = 0;
        }
        column += shown.len();
        text.push_str(&shown);
    }
    text + "$\n"
}

/// Files, one after another, a line ahead: whether a line is the last must be known.
#[derive(Default)]
struct Input {
    /// Those to come, the next one last.
    files: Vec<PathBuf>,
    current: Option<Box<dyn BufRead>>,
    ahead: Option<(Vec<u8>, bool)>,
    begun: bool,
}

impl Input {
    fn next(&mut self, end: u8, failed: &mut bool) -> Result<Option<(Vec<u8>, bool)>> {
        if !self.begun {
            self.begun = true;
            self.ahead = self.fetch(end, failed)?;
        }
        let line = self.ahead.take();
        if line.is_some() {
            self.ahead = self.fetch(end, failed)?;
        }
        Ok(line)
    }

    fn is_last(&self) -> bool {
        self.ahead.is_none()
    }

    fn fetch(&mut self, end: u8, failed: &mut bool) -> Result<Option<(Vec<u8>, bool)>> {
        loop {
            if let Some(reader) = &mut self.current {
                let mut line = Vec::new();
                if reader.read_until(end, &mut line).doing("read the input")? > 0 {
                    let ended = line.pop_if(|b| *b == end).is_some();
                    return Ok(Some((line, ended)));
                }
                self.current = None;
            }
            let Some(path) = self.files.pop() else { return Ok(None) };
            match open(&path) {
                Ok(reader) => self.current = Some(reader),
                Err(e) => {
                    *failed = true;
                    // Nothing is left to tell it to when standard error is closed.
                    let _ = writeln!(io::stderr(), "sed: {e}");
                }
            }
        }
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let mut file = File::open(path).on("read", path)?;
    // A folder opens and does not read.
    file.read(&mut []).on("read", path)?;
    if file.metadata().on("read", path)?.is_dir() {
        return Err(Error::new(format!("read {}: is a directory", path.display())));
    }
    Ok(Box::new(BufReader::new(file)))
}
