//! Commands behind `:`: files, settings, other programs.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::buffer::Line;
use crate::editor::{Done, Editor, Stop};
use crate::keys::key;
use crate::range::{Range, Words};

fn say(e: impl std::fmt::Display) -> Stop {
    Stop::Say(e.to_string())
}

impl Editor {
    pub fn ex_command(&mut self, name: &str, range: Range, words: &mut Words<'_>) -> Done {
        if self.line_command(name, range, words)? {
            return Ok(());
        }
        words.blanks();
        let argument = words.rest().trim_ascii_end().to_vec();
        match name {
            "w" | "write" | "w!" | "write!" => self.write(&argument, range, name.ends_with('!')),
            "wq" | "wq!" | "x" | "x!" | "xit" | "exit" => {
                if name.starts_with('w') || self.buffer.modified || !argument.is_empty() {
                    self.write(&argument, range, name.ends_with('!'))?;
                }
                self.quit(true)
            }
            "wn" | "wnext" => {
                self.write(&argument, range, false)?;
                self.next_file(true, false)
            }
            "q" | "quit" => self.quit(false),
            "q!" | "quit!" | "qa!" | "qall!" | "cq" | "cquit" => Err(Stop::Quit(u8::from(name.starts_with('c')))),
            "qa" | "qall" => self.quit(true),
            "wa" | "wall" => self.write(b"", Range::default(), false),
            "wqa" | "xa" | "xall" => {
                self.write(b"", Range::default(), false)?;
                Err(Stop::Quit(0))
            }
            "e" | "edit" | "e!" | "edit!" | "vi" | "visual" => self.edit_file(&argument, name.ends_with('!')),
            "n" | "next" | "n!" | "next!" => self.next_file(true, name.ends_with('!')),
            "N" | "Next" | "prev" | "previous" | "rew" | "rewind" => self.next_file(false, false),
            "r" | "read" => self.read_in(&argument, range),
            "f" | "file" => {
                if !argument.is_empty() {
                    self.path = Some(path(&argument));
                }
                self.message = self.status();
                Ok(())
            }
            "set" | "se" => self.set_words(&argument),
            "u" | "undo" => self.buffer.undo().map(|at| self.cursor = at).ok_or(Stop::Beep),
            "red" | "redo" => self.buffer.redo().map(|at| self.cursor = at).ok_or(Stop::Beep),
            "reg" | "registers" | "di" | "display" => {
                let mut names: Vec<String> = self.registers.keys().map(|name| format!("\"{name}")).collect();
                names.sort();
                self.message = names.join(" ");
                Ok(())
            }
            "noh" | "nohlsearch" => Ok(()),
            "p" | "print" | "nu" | "number" | "l" | "list" | "P" => {
                let (_, last) = self.span_of(range);
                self.go_to_line(last);
                self.message = String::from_utf8_lossy(self.line()).into_owned();
                Ok(())
            }
            _ => Err(Stop::Say(format!("there is no command {name}"))),
        }
    }

    fn quit(&mut self, all: bool) -> Done {
        if self.buffer.modified {
            return Err(Stop::Say("the text was changed: :w writes it, :q! gives it up".into()));
        }
        if !all && self.file + 1 < self.files.len() {
            let left = self.files.len() - self.file - 1;
            // Asked twice, it is meant.
            self.file = self.files.len();
            return Err(Stop::Say(format!("{left} more files to edit: :n takes the next, :q ends")));
        }
        Err(Stop::Quit(0))
    }

    fn set_words(&mut self, argument: &[u8]) -> Done {
        let text = String::from_utf8_lossy(argument).into_owned();
        if text.is_empty() || text == "all" {
            self.message = self.settings.all();
            return Ok(());
        }
        for word in text.split_ascii_whitespace() {
            if let Some(shown) = self.settings.set(word).map_err(Stop::Say)? {
                self.message = shown;
            }
        }
        Ok(())
    }

    /// `w`, `w FILE`, `w >>FILE`, `w !COMMAND`.
    fn write(&mut self, argument: &[u8], range: Range, force: bool) -> Done {
        let whole = range.last.is_none();
        let (first, last) = if whole { (0, self.buffer.len() - 1) } else { self.span_of(range) };
        let text = self.bytes(first, last + 1);
        if let Some(command) = argument.strip_prefix(b"!") {
            let output = output_of(command, Some(&text))?;
            self.message = String::from_utf8_lossy(&output).trim_end().replace('\n', " ");
            return Ok(());
        }
        if let Some(file) = argument.strip_prefix(b">>") {
            let file = if file.trim_ascii().is_empty() { self.own_path()? } else { path(file.trim_ascii()) };
            crate::file::append(&file, &text).map_err(say)?;
            self.message = format!("\"{}\" has {} bytes more", file.display(), text.len());
            return Ok(());
        }
        let own = self.path.clone();
        let file = if argument.is_empty() { self.own_path()? } else { path(argument) };
        let is_own = own.as_ref() == Some(&file);
        if !is_own && !force && file.exists() {
            return Err(Stop::Say(format!("\"{}\" is there already: :w! writes over it", file.display())));
        }
        if is_own && !force && self.settings.read_only {
            return Err(Stop::Say("the file is only to be read: :w! writes it".into()));
        }
        if is_own && !force && !whole {
            return Err(Stop::Say("a part would replace the whole file: :w! writes it".into()));
        }
        crate::file::write(&file, &text).map_err(say)?;
        self.message = format!("\"{}\" {} lines, {} bytes written", file.display(), last - first + 1, text.len());
        if own.is_none() {
            self.path = Some(file);
        }
        if whole && (is_own || own.is_none()) {
            self.buffer.modified = false;
        }
        Ok(())
    }

    fn own_path(&self) -> Done<PathBuf> {
        self.path.clone().ok_or(Stop::Say("the text has no file: :w FILE gives it one".into()))
    }

    fn edit_file(&mut self, argument: &[u8], force: bool) -> Done {
        if self.buffer.modified && !force {
            return Err(Stop::Say("the text was changed: :w writes it, :e! gives it up".into()));
        }
        let file = if argument.is_empty() { self.own_path()? } else { path(argument) };
        self.load(file)
    }

    fn next_file(&mut self, forward: bool, force: bool) -> Done {
        if self.buffer.modified && !force {
            return Err(Stop::Say("the text was changed: :w writes it, :n! gives it up".into()));
        }
        let at = if forward { self.file + 1 } else { self.file.wrapping_sub(1) };
        let file = self.files.get(at).cloned().ok_or(Stop::Say("there is no other file".into()))?;
        self.load(file)?;
        self.file = at;
        Ok(())
    }

    /// `r FILE` and `r !COMMAND`.
    fn read_in(&mut self, argument: &[u8], range: Range) -> Done {
        let text = if let Some(command) = argument.strip_prefix(b"!") {
            output_of(command, None)?
        } else {
            let file = if argument.is_empty() { self.own_path()? } else { path(argument) };
            let text = crate::file::read(&file).map_err(say)?;
            text.ok_or_else(|| Stop::Say(format!("\"{}\" is not there", file.display())))?
        };
        if text.is_empty() {
            return Ok(());
        }
        let at = range.last.unwrap_or(self.cursor.line + 1);
        self.buffer.replace(at, 0, lines_of(&text));
        self.go_to_line(at);
        Ok(())
    }

    /// `!COMMAND`, or lines through a command.
    pub fn shell(&mut self, command: &[u8], range: Range) -> Done {
        if range.last.is_some() {
            let (first, last) = self.span_of(range);
            let text = self.buffer.lines()[first..=last].join(&b'\n');
            let output = output_of(command, Some(&[text, b"\n".to_vec()].concat()))?;
            let lines = if output.is_empty() { Vec::new() } else { lines_of(&output) };
            self.buffer.replace(first, last - first + 1, lines);
            self.go_to_line(first);
            return Ok(());
        }
        let Some(mut screen) = self.screen.take() else {
            output_of(command, None)?;
            return Ok(());
        };
        let result = screen.lend(true).and_then(|()| {
            let status = shell(command).status();
            // Ignored: the message is lost when the terminal is gone.
            let _ = std::io::stdout().write_all(b"\n[a key goes on]");
            let _ = std::io::stdout().flush();
            screen.lend(false).map(|()| status)
        });
        let key = self.keys.next(&mut || false);
        self.screen = Some(screen);
        result.map_err(say)?.map_err(say)?;
        if matches!(key, Some(':')) {
            self.keys.push(&[key::ESCAPE, ':']);
        }
        Ok(())
    }
}

/// A command's output; `input` goes in at the same time as that comes out.
fn output_of(command: &[u8], input: Option<&[u8]>) -> Done<Vec<u8>> {
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let child = shell(command).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(say)?;
    let pipe = child.stdin.take();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            if let (Some(mut pipe), Some(input)) = (pipe, input) {
                // A command need not read all of its input.
                let _ = pipe.write_all(input);
            }
        });
        child.wait_with_output()
    });
    let output = output.map_err(say)?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).trim_end().replace('\n', " ");
        return Err(Stop::Say(format!("the command failed: {text}")));
    }
    Ok(output.stdout)
}

fn shell(command: &[u8]) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(OsStr::from_bytes(command));
    shell
}

fn path(text: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(text))
}

fn lines_of(text: &[u8]) -> Vec<Line> {
    text.strip_suffix(b"\n").unwrap_or(text).split(|c| *c == b'\n').map(<[u8]>::to_vec).collect()
}
