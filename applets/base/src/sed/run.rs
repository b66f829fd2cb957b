//! A program over its input.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use kit::{Context, Error, Exit, Result, out};
use regex::bytes::Regex;

use super::Options;
use super::input::Input;
use super::program::{Action, Address, Command, End, Program, Range, Replace, Search};
use super::text::{listed, put};

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
        self.input = Input::of(files);
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
            Action::Branch(to) => *at = *to,
            Action::BranchIfReplaced(to) if std::mem::take(&mut self.replaced) => *at = *to,
            Action::BranchUnlessReplaced(to) if !std::mem::take(&mut self.replaced) => *at = *to,
            Action::Block(_) | Action::Nothing | Action::BranchIfReplaced(_) | Action::BranchUnlessReplaced(_) => {}
            Action::Change(text) => {
                if !range_goes_on {
                    self.put_out(text)?;
                }
                return Ok(Some(Step::Deleted));
            }
            Action::Delete => return Ok(Some(Step::Deleted)),
            Action::DeleteFirst => {
                let Some(end) = self.line.iter().position(|b| *b == self.end) else { return Ok(Some(Step::Deleted)) };
                self.line.drain(..=end);
                return Ok(Some(Step::Again));
            }
            Action::Next | Action::NextAppend if self.input.is_last() => return Ok(Some(Step::Quit(true))),
            Action::Next => {
                self.print_unless_quiet()?;
                self.flush_after()?;
                self.read(false)?;
            }
            Action::NextAppend => {
                self.flush_after()?;
                self.read(true)?;
            }
            Action::Quit(status, prints) => {
                self.exit = Exit(*status);
                return Ok(Some(Step::Quit(*prints)));
            }
            Action::Replace(replace) => self.replace(replace)?,
            Action::GetHold | Action::AppendHold | Action::Hold | Action::HoldAppend | Action::Exchange | Action::Map(_) => {
                self.change(action);
            }
            _ => self.write(action)?,
        }
        Ok(None)
    }

    /// Commands that change the line or what is held.
    fn change(&mut self, action: &Action) {
        match action {
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
            Action::Map(pairs) => {
                let text = String::from_utf8_lossy(&self.line);
                let mapped = text.chars().map(|c| pairs.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to));
                self.line = mapped.collect::<String>().into_bytes();
            }
            _ => {}
        }
    }

    /// Commands that write something, at once or behind the line.
    fn write(&mut self, action: &Action) -> Result<()> {
        match action {
            Action::Number => self.put_out(format!("{}\n", self.number).as_bytes()),
            Action::Insert(text) => self.put_out(text),
            Action::List => self.put_out(listed(&self.line).as_bytes()),
            Action::Print => self.print_line(),
            Action::PrintFirst => {
                let end = self.line.iter().position(|b| *b == self.end).unwrap_or(self.line.len());
                let first = [&self.line[..end], &[self.end]].concat();
                self.put_out(&first)
            }
            Action::WriteFile(file) => self.write_to(file),
            Action::Append(text) => {
                self.after.push(After::Text(text.clone()));
                Ok(())
            }
            Action::ReadFile(file) => {
                self.after.push(After::File(file.clone()));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn put_out(&mut self, text: &[u8]) -> Result<()> {
        self.output.write_all(text).doing("write the output")
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
