//! A script as sed runs it.

use std::path::PathBuf;
use std::rc::Rc;

use pattern::Pattern;

/// All commands, in order; blocks are jumps.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub commands: Vec<Command>,
    /// `#n` in the script's first line: as `-n`.
    pub quiet: bool,
}

/// A command and the lines that it is for.
#[derive(Debug)]
pub(super) struct Command {
    pub from: Option<Address>,
    pub to: Option<End>,
    /// `!`
    pub inverse: bool,
    pub action: Action,
    /// State of its range.
    pub range: Range,
}

/// A range while lines go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    Closed,
    /// Until the end fits.
    Open,
    /// Until this line.
    Until(u64),
    /// It does not come again.
    Over,
}

/// One line, or those that fit.
#[derive(Debug)]
pub(super) enum Address {
    Line(u64),
    Last,
    Pattern(Search),
    /// `FIRST~STEP`
    Step(u64, u64),
    /// `0,/RE/`: the range is open before the first line.
    Zero,
}

/// The end of a range.
#[derive(Debug)]
pub(super) enum End {
    At(Address),
    /// `+N`
    After(u64),
    /// `~N`: the next line whose number is a multiple.
    Multiple(u64),
}

/// A pattern; the empty one is whatever was searched for last.
#[derive(Debug)]
pub(super) enum Search {
    Last,
    For(Rc<Pattern>),
}

/// Action of a command. Jumps hold the number of the command to go on with.
#[derive(Debug)]
pub(super) enum Action {
    /// `{`: to behind the closing brace when the line is not meant.
    Block(usize),
    /// `}`, `:`, `#`
    Nothing,
    Number,
    FileName,
    Append(Vec<u8>),
    Insert(Vec<u8>),
    Change(Vec<u8>),
    Branch(usize),
    BranchIfReplaced(usize),
    BranchUnlessReplaced(usize),
    Delete,
    DeleteFirst,
    /// `z`
    Empty,
    GetHold,
    AppendHold,
    Hold,
    HoldAppend,
    Exchange,
    /// `l`, with a length of line of its own.
    List(Option<usize>),
    Next,
    NextAppend(bool),
    Print,
    PrintFirst,
    Quit(u8, bool),
    ReadFile(PathBuf),
    /// `0r`: the file goes out before the first line.
    ReadFirst(PathBuf),
    /// `e`: what a shell prints for a command, or for the line when there is none.
    Execute(Vec<u8>),
    /// `R`: a line of the file each time.
    ReadLine(PathBuf),
    Replace(Box<Replace>),
    WriteFile(PathBuf),
    /// `W`
    WriteFirst(PathBuf),
    /// `y`: characters, or bytes that are none, and what becomes of them.
    Map(Vec<(char, char)>),
}

/// `s`
#[derive(Debug)]
pub(super) struct Replace {
    pub search: Search,
    pub with: Vec<Piece>,
    pub all: bool,
    /// The first match that counts.
    pub from: usize,
    pub print: bool,
    /// The new line is a command for a shell, whose output takes its place.
    pub execute: bool,
    pub file: Option<PathBuf>,
}

impl Replace {
    /// The highest group that the replacement names.
    pub(super) fn groups(&self) -> usize {
        self.with.iter().filter_map(|piece| piece.group).max().unwrap_or(0)
    }
}

/// A part of a replacement: a text, and what a group has matched behind it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub text: Vec<u8>,
    pub group: Option<usize>,
    pub case: Case,
    /// `\u` or `\l`, for the first character.
    pub first: Option<Case>,
}

/// Change of letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Case {
    Lower,
    Upper,
    #[default]
    Keep,
}
