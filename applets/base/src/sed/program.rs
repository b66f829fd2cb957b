//! A script as sed runs it.

use std::path::PathBuf;

use regex::bytes::Regex;

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
    /// Whether its range is open.
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
    For(Regex),
}

/// What a command does. Jumps hold the number of the command to go on with.
#[derive(Debug)]
pub(super) enum Action {
    /// `{`: to behind the closing brace when the line is not meant.
    Block(usize),
    /// `}`, `:`, `#`
    Nothing,
    Number,
    Append(Vec<u8>),
    Insert(Vec<u8>),
    Change(Vec<u8>),
    Branch(usize),
    BranchIfReplaced(usize),
    BranchUnlessReplaced(usize),
    Delete,
    DeleteFirst,
    GetHold,
    AppendHold,
    Hold,
    HoldAppend,
    Exchange,
    List,
    Next,
    NextAppend,
    Print,
    PrintFirst,
    Quit(u8, bool),
    ReadFile(PathBuf),
    Replace(Box<Replace>),
    WriteFile(PathBuf),
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
    pub file: Option<PathBuf>,
}

/// A part of a replacement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(Vec<u8>),
    Group(usize),
    Case(Case),
}

/// What happens to letters from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Lower,
    Upper,
    NextLower,
    NextUpper,
    Keep,
}
