//! `vi [-R] [-c COMMAND] [+LINE | +/PATTERN | +COMMAND] [FILE]...` edits texts on the whole screen.
//!
//! Modes are those of vi: keys are commands, `i a I A o O R s c C S` begin to insert, Escape ends it. Operators `d c y < > !
//! gu gU g~` go with motions `h j k l w b e W B E 0 ^ $ | f t F T ; , % { } ( ) G gg H M L / ? n N * # ' backquote + - _` and
//! with `iw aw i" i( i[ i{`; `x X D Y J gJ r ~ p P u Ctrl-R . & @r m v V z ZZ ZQ` and Ctrl-F B D U E Y G L do what they do in
//! vi, with counts and registers.
//!
//! Behind `:` stand `w q x wq e r n N f set s & g v d y pu m t j < > = k ! norm u red`, with lines before them (`% . $ 'a
//! /x/ +1`). Settings: number, list, ignorecase, autoindent, expandtab, wrapscan, readonly, tabstop, shiftwidth.
//!
//! A file is replaced by a new one with the same owner and mode, or written in its place where it is a link. When that fails, as on
//! a full disk, the old file and the text in the editor stay as they are. When the terminal goes away, a changed text is kept
//! as FILE.saved.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};

use crate::editor::{Editor, Stop};
use crate::keys::Keys;
use crate::screen::Screen;

/// The editor.
pub const VI: Applet = Applet { name: "vi", about: "edit texts on the whole screen", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// The files are only to be read
    #[arg(short = 'R')]
    read_only: bool,
    /// A command to do when the first file is loaded
    #[arg(short = 'c', value_name = "COMMAND", allow_hyphen_values = true)]
    commands: Vec<OsString>,
    /// The files
    files: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&VI, args)?;
    if !io::stdout().is_terminal() {
        return Err(Error::new("the output is no terminal"));
    }
    let open = || File::options().read(true).write(true).open("/dev/tty").on("open", "/dev/tty");
    let mut commands: Vec<String> = options.commands.iter().map(|command| command.to_string_lossy().into_owned()).collect();
    let mut files = Vec::new();
    for file in &options.files {
        match file.to_string_lossy().strip_prefix('+') {
            Some("") => commands.push("$".into()),
            Some(command) => commands.push(command.to_owned()),
            None => files.push(PathBuf::from(file)),
        }
    }
    let mut editor = Editor::new(Keys::terminal(open()?), files.clone());
    editor.settings.read_only = options.read_only;
    if let Some(first) = files.first() {
        match editor.load(first.clone()) {
            Err(Stop::Say(e)) => return Err(Error::new(e)),
            _ => editor.buffer.forget(),
        }
    }
    sys::fds::ignore_hangup();
    editor.screen = Some(Screen::new(open()?)?);
    for command in &commands {
        match editor.colon(command) {
            Err(Stop::Quit(status)) => return Ok(Exit(status)),
            Err(Stop::Say(text)) => editor.message = text,
            _ => {}
        }
    }
    editor.clamp();
    let status = editor.run()?;
    Ok(Exit(status))
}
