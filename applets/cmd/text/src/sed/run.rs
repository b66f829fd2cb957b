//! A program over its input.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::rc::Rc;

use kit::{Context, Error, Exit, Result};

use super::Options;
use super::input::{Input, complain};
use super::output::Output;
use super::parse::first_state;
use super::program::{Action, Command, Program, Range};
use super::text::listed;
use pattern::{Pattern, decode, encode};

/// A file could not be read, or could not be edited in place: GNU's statuses.
const UNREAD: Exit = Exit(2);
const UNEDITED: Exit = Exit(4);

/// Run it over the files, or standard input when there are none.
pub(super) fn run(mut program: Program, files: Vec<PathBuf>, options: &Options) -> Result<Exit> {
    let files = if files.is_empty() { vec![PathBuf::from("-")] } else { files };
    let mut editor = Editor::new(options, program.quiet);
    for command in &program.commands {
        let file = match &command.action {
            Action::WriteFile(file) | Action::WriteFirst(file) => Some(file),
            Action::Replace(replace) => replace.file.as_ref(),
            _ => None,
        };
        file.map_or(Ok(()), |file| editor.output.open(file))?;
    }
    if let Some(suffix) = &options.in_place {
        for file in files {
            if editor.edit_in_place(&mut program, file, suffix, options.follow_symlinks)? {
                break;
            }
        }
    } else if options.separate {
        for file in files {
            editor.restart(&mut program, vec![file]);
            if editor.edit(&mut program)? {
                break;
            }
        }
    } else {
        editor.restart(&mut program, files);
        editor.edit(&mut program)?;
    }
    editor.output.flush()?;
    if editor.failed && editor.status == Exit::OK {
        editor.status = UNREAD;
    }
    Ok(editor.status)
}

/// End of a line's commands.
enum Step {
    /// At the end of the script: print and go on.
    Done,
    /// Without printing.
    Deleted,
    /// With what is left, without reading (`D`).
    Again,
    /// The program ends; the line may be printed before.
    Quit(bool),
}

/// A program at work.
pub(super) struct Editor {
    pub(super) input: Input,
    pub(super) output: Output,
    pub(super) line: Vec<u8>,
    /// The line had an end: a last line without one is written without one.
    pub(super) ended: bool,
    file: Rc<Path>,
    hold: Vec<u8>,
    /// The same of what is held.
    hold_ended: bool,
    pub(super) number: u64,
    pub(super) end: u8,
    quiet: bool,
    unbuffered: bool,
    /// Columns of a line of `l`.
    width: usize,
    pub(super) replaced: bool,
    /// Output after the line: texts and files to copy.
    after: Vec<After>,
    pub(super) last: Option<Rc<Pattern>>,
    /// Files of `R`, none for those that can't be read.
    read: BTreeMap<PathBuf, Option<BufReader<File>>>,
    status: Exit,
    failed: bool,
}

enum After {
    Text(Vec<u8>),
    File(PathBuf),
}

impl Editor {
    fn new(options: &Options, quiet: bool) -> Self {
        let end = if options.null_data { 0 } else { b'\n' };
        Self {
            input: Input::default(),
            output: Output::new(end),
            line: Vec::new(),
            ended: true,
            file: Path::new("-").into(),
            hold: Vec::new(),
            hold_ended: true,
            number: 0,
            end,
            quiet: options.quiet || quiet,
            unbuffered: options.unbuffered,
            width: options.line_length,
            replaced: false,
            after: Vec::new(),
            last: None,
            read: BTreeMap::new(),
            status: Exit::OK,
            failed: false,
        }
    }

    /// Begin with other files, as if there had been none before.
    fn restart(&mut self, program: &mut Program, files: Vec<PathBuf>) {
        self.number = 0;
        self.hold.clear();
        self.hold_ended = true;
        self.read.clear();
        for command in &mut program.commands {
            command.range = first_state(command.from.as_ref());
        }
        self.input = Input::of(files);
    }

    /// Edit one file in place. A file that can't be is told of, and the next one's turn comes. True when the program ends.
    fn edit_in_place(&mut self, program: &mut Program, file: PathBuf, suffix: &str, follow: bool) -> Result<bool> {
        let meta = fs::metadata(&file);
        let target = if follow { fs::canonicalize(&file).unwrap_or_else(|_| file.clone()) } else { file.clone() };
        if let Err(e) = self.output.edit(&target) {
            complain(&e.to_string());
            self.failed = true;
            if meta.is_ok() {
                self.status = UNEDITED;
            }
            return Ok(false);
        }
        self.restart(program, vec![file]);
        let failed = std::mem::take(&mut self.failed);
        let ended = self.edit(program)?;
        if self.failed {
            // Half of a text must not take the whole one's place.
            return Err(Error::new(format!("edit {}: it could not be read to its end", target.display())).with_exit(UNEDITED));
        }
        self.failed = failed;
        self.output.keep(suffix)?;
        Ok(ended)
    }

    /// All lines through the program. True when it said to end.
    fn edit(&mut self, program: &mut Program) -> Result<bool> {
        let mut again = false;
        while again || self.read(false) {
            again = false;
            match self.commands(&mut program.commands)? {
                Step::Done => self.print_unless_quiet()?,
                Step::Deleted => {}
                Step::Again => again = true,
                Step::Quit(prints) => {
                    if prints {
                        self.print_unless_quiet()?;
                        self.output.text(&[])?;
                    }
                    self.flush_after()?;
                    return Ok(true);
                }
            }
            self.flush_after()?;
        }
        Ok(false)
    }

    /// The next line, in place of this one or behind it.
    fn read(&mut self, append: bool) -> bool {
        let Some(line) = self.input.next(self.end, &mut self.failed) else { return false };
        if append {
            self.line.push(self.end);
        } else {
            self.line.clear();
        }
        self.line.extend(line.text);
        self.ended = line.ended;
        self.file = line.file;
        self.number += 1;
        true
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
            let range_goes_on = in_range && !command.inverse && matches!(command.range, Range::Open | Range::Until(_));
            if let Some(step) = self.act(&mut command.action, &mut at, range_goes_on)? {
                return Ok(step);
            }
        }
        Ok(Step::Done)
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
                    self.put(text)?;
                }
                return Ok(Some(Step::Deleted));
            }
            Action::Delete => return Ok(Some(Step::Deleted)),
            Action::DeleteFirst => {
                let Some(end) = self.line.iter().position(|b| *b == self.end) else { return Ok(Some(Step::Deleted)) };
                self.line.drain(..=end);
                return Ok(Some(Step::Again));
            }
            // The line is printed, and there is no other; with -s and -i the next file's may come.
            Action::NextAppend(false) if self.input.is_last() => return Ok(Some(Step::Deleted)),
            Action::Next | Action::NextAppend(_) if self.input.is_last() => return Ok(Some(Step::Done)),
            Action::Next => {
                self.print_unless_quiet()?;
                self.flush_after()?;
                self.read(false);
            }
            Action::NextAppend(_) => {
                self.flush_after()?;
                self.read(true);
            }
            Action::Quit(status, prints) => {
                self.status = Exit(*status);
                return Ok(Some(Step::Quit(*prints)));
            }
            Action::Replace(replace) => self.replace(replace)?,
            Action::ReadLine(path) => self.read_line(path)?,
            Action::Execute(command) => self.execute(command)?,
            _ => self.change(action)?,
        }
        Ok(None)
    }

    /// Commands that change the line or what is held.
    fn change(&mut self, action: &Action) -> Result<()> {
        match action {
            Action::Empty => self.line.clear(),
            Action::GetHold => {
                self.line.clone_from(&self.hold);
                self.ended = self.hold_ended;
            }
            Action::AppendHold => {
                self.line.push(self.end);
                self.line.extend_from_slice(&self.hold);
                self.ended = self.hold_ended;
            }
            Action::Hold => {
                self.hold.clone_from(&self.line);
                self.hold_ended = self.ended;
            }
            Action::HoldAppend => {
                self.hold.push(self.end);
                self.hold.extend_from_slice(&self.line);
                self.hold_ended = self.ended;
            }
            Action::Exchange => {
                std::mem::swap(&mut self.hold, &mut self.line);
                std::mem::swap(&mut self.hold_ended, &mut self.ended);
            }
            Action::Map(pairs) => {
                let mut text = decode(&self.line);
                for c in &mut text {
                    *c = pairs.iter().find(|(from, _)| from == c).map_or(*c, |(_, to)| *to);
                }
                self.line = encode(&text);
            }
            _ => self.write(action)?,
        }
        Ok(())
    }

    /// Commands that write something, at once or behind the line.
    fn write(&mut self, action: &Action) -> Result<()> {
        match action {
            Action::Number => self.output.line(self.number.to_string().as_bytes(), true)?,
            Action::FileName => {
                let name = self.file.as_os_str().as_encoded_bytes();
                self.output.line(name, true)?;
            }
            Action::Insert(text) => self.put(text)?,
            Action::List(width) => {
                let listed = listed(&self.line, width.unwrap_or(self.width));
                listed.lines().try_for_each(|line| self.output.line(line.as_bytes(), true))?;
            }
            Action::Print => self.output.line(&self.line, self.ended)?,
            Action::PrintFirst => {
                let (first, ended) = self.first();
                self.output.line(&first, ended)?;
            }
            Action::WriteFile(file) => self.output.write_to(file, &self.line, self.ended)?,
            Action::WriteFirst(file) => {
                let (first, ended) = self.first();
                self.output.write_to(file, &first, ended)?;
            }
            Action::Append(text) => self.after.push(After::Text(text.clone())),
            Action::ReadFirst(file) => self.output.copy(file)?,
            Action::ReadFile(file) => self.after.push(After::File(file.clone())),
            _ => {}
        }
        Ok(())
    }

    /// The text of `i` and `c`. Its end is that of a line; that of `a` stays as it is: GNU's.
    fn put(&mut self, text: &[u8]) -> Result<()> {
        match text.strip_suffix(b"\n") {
            Some(text) => self.output.line(text, true),
            None => self.output.text(text),
        }
    }

    /// The line up to its first end of line, and if there is one.
    fn first(&self) -> (Vec<u8>, bool) {
        match self.line.iter().position(|b| *b == self.end) {
            Some(end) => (self.line[..end].to_vec(), true),
            None => (self.line.clone(), self.ended),
        }
    }

    /// `e`: the output of a command before the line, or that of the line in its place.
    fn execute(&mut self, command: &[u8]) -> Result<()> {
        if !command.is_empty() {
            let text = self.executed(command)?;
            return self.output.text(&text);
        }
        self.line = self.executed(&self.line.clone())?;
        self.line.pop_if(|byte| *byte == self.end);
        Ok(())
    }

    /// Output of a command in a shell.
    pub(super) fn executed(&mut self, command: &[u8]) -> Result<Vec<u8>> {
        // Earlier output comes before the command's own.
        self.output.flush()?;
        let mut shell = Process::new("/bin/sh");
        shell.arg("-c").arg(OsStr::from_bytes(command)).stderr(Stdio::inherit()).stdin(Stdio::inherit());
        Ok(shell.output().doing("run a shell")?.stdout)
    }

    /// `R`: the file's next line goes out after this one.
    fn read_line(&mut self, path: &Path) -> Result<()> {
        let file = self.read.entry(path.to_owned()).or_insert_with(|| File::open(path).ok().map(BufReader::new));
        let Some(reader) = file else { return Ok(()) };
        let mut line = Vec::new();
        if reader.read_until(self.end, &mut line).on("read", path)? > 0 {
            self.after.push(After::Text(line));
        }
        Ok(())
    }

    fn print_unless_quiet(&mut self) -> Result<()> {
        if self.quiet { Ok(()) } else { self.output.line(&self.line, self.ended) }
    }

    /// Writes all that was to come after the line.
    fn flush_after(&mut self) -> Result<()> {
        for part in std::mem::take(&mut self.after) {
            match part {
                After::Text(text) => self.output.text(&text)?,
                After::File(path) => self.output.copy(&path)?,
            }
        }
        if self.unbuffered { self.output.flush() } else { Ok(()) }
    }
}
