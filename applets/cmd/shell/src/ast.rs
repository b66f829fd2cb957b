//! Tree of commands that the parser makes and the executor runs.

use std::cell::OnceCell;
use std::rc::Rc;

/// Text of any bytes.
pub type Bytes = Vec<u8>;

/// A word as it was written, before any expansion.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Word {
    /// Its parts, one behind the other.
    pub parts: Vec<Part>,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Plain text, in which pattern characters have their meaning.
    Plain(Bytes),
    /// Text whose meaning quotes or a backslash took away.
    Quoted(Bytes),
    /// The inside of double quotes.
    Double(Vec<Part>),
    /// `$x` and `${x…}`.
    Param(Box<Param>),
    /// `$(…)` and backquotes.
    Command(Rc<List>),
    /// `$((…))`.
    Arith(Word),
    /// `<(…)`, or `>(…)` when `output`.
    Process {
        /// The command reads what is written to the name.
        output: bool,
        /// The command.
        list: Rc<List>,
    },
}

/// `${!name[index]op}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Name, number or special character.
    pub name: Bytes,
    /// `!` in front: the value names the variable.
    pub indirect: bool,
    /// `#` in front: the length.
    pub length: bool,
    /// Subscript of an array.
    pub index: Option<Index>,
    /// Operation on the value.
    pub op: Op,
    /// Text of an expansion that makes no sense; an error when it is expanded.
    pub bad: Option<Bytes>,
    /// The text between the braces, for messages.
    pub line: u32,
}

/// A subscript.
#[derive(Debug, Clone, PartialEq)]
pub enum Index {
    /// `[@]`
    All,
    /// `[*]`
    Joined,
    /// One element.
    At(Word),
}

/// Operation of a parameter expansion.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// The value as it is.
    None,
    /// `-`, `=`, `?` and `+`; with a colon an empty value counts as unset.
    Test {
        /// The character.
        kind: u8,
        /// With a colon.
        colon: bool,
        /// The word behind it.
        word: Word,
    },
    /// `#`, `##`, `%`, `%%`.
    Trim {
        /// From the end.
        suffix: bool,
        /// The longest match.
        longest: bool,
        /// The pattern.
        pattern: Word,
    },
    /// `/`, `//`, `/#`, `/%`.
    Replace {
        /// `/` for all, `#` at the beginning, `%` at the end, 0 for the first.
        mode: u8,
        /// The pattern.
        pattern: Word,
        /// The replacement.
        with: Word,
    },
    /// `:offset:length`.
    Substring {
        /// Expression of the offset.
        offset: Word,
        /// Expression of the length.
        length: Option<Word>,
    },
    /// `^`, `^^`, `,`, `,,`, `~`, `~~`.
    Case {
        /// The character.
        kind: u8,
        /// Doubled: each character.
        all: bool,
        /// Characters that it concerns.
        pattern: Option<Word>,
    },
    /// `@Q` and the like.
    Transform(u8),
    /// `${!prefix*}`, or `${!prefix@}` when true.
    Names(bool),
    /// `${!name[@]}`, or with `*` when false.
    Keys(bool),
}

/// Commands one after another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct List {
    /// The commands.
    pub items: Vec<Item>,
}

/// One and-or list of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// First pipeline.
    pub first: Pipeline,
    /// The others; true behind `&&`, false behind `||`.
    pub rest: Vec<(bool, Pipeline)>,
    /// `&` behind it.
    pub background: bool,
    /// As it was written.
    pub text: Box<[u8]>,
}

/// Commands joined by `|`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// `!` in front.
    pub negated: bool,
    /// `time` in front; true for `time -p`.
    pub timed: Option<bool>,
    /// The commands.
    pub commands: Vec<Command>,
}

/// A command with its redirections.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Its kind and parts.
    pub kind: Kind,
    /// Redirections, in their order.
    pub redirects: Vec<Redirect>,
    /// Line where it begins.
    pub line: u32,
}

/// Kinds of commands.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A program, builtin or function with its words, or assignments alone.
    Simple(Simple),
    /// `{ …; }`
    Brace(List),
    /// `( … )`
    Subshell(List),
    /// `if`: conditions with their bodies, and `else`.
    If(Vec<(List, List)>, Option<List>),
    /// `while`, or `until` when true.
    While(bool, List, List),
    /// `for name in words`; no words stand for `"$@"`.
    For(Bytes, Option<Vec<Word>>, List),
    /// `for ((a; b; c))`.
    ArithFor(Box<[Word; 3]>, List),
    /// `select name in words`.
    Select(Bytes, Option<Vec<Word>>, List),
    /// `case word in … esac`.
    Case(Word, Vec<CaseItem>),
    /// A function's definition.
    Function(Bytes, Rc<Function>),
    /// `(( … ))`
    Arith(Word),
    /// `[[ … ]]`
    Test(Test),
    /// `coproc NAME command`.
    Coproc(Bytes, Box<Command>),
}

/// Parts of a simple command.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Simple {
    /// Assignments in front of the command.
    pub assigns: Vec<Assign>,
    /// The command and its arguments.
    pub words: Vec<Arg>,
    /// As it was written.
    pub text: Box<[u8]>,
}

/// An argument of a simple command.
#[derive(Debug, Clone, PartialEq)]
pub enum Arg {
    /// A word.
    Word(Word),
    /// `name=value` behind a command that declares variables.
    Assign(Assign),
}

/// `name[index]+=value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Assign {
    /// The variable.
    pub name: Bytes,
    /// Subscript.
    pub index: Option<Word>,
    /// `+=`.
    pub append: bool,
    /// The value.
    pub value: AssignValue,
}

/// Right side of an assignment.
#[derive(Debug, Clone, PartialEq)]
pub enum AssignValue {
    /// A word.
    Word(Word),
    /// `(…)`.
    Array(Vec<Element>),
}

/// One element of an array's list.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// Subscript, where one is written.
    pub index: Option<Word>,
    /// `[i]+=…`.
    pub append: bool,
    /// Value.
    pub value: Word,
}

/// Patterns of `case` and what is run for them.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseItem {
    /// The patterns.
    pub patterns: Vec<Word>,
    /// The commands.
    pub body: List,
    /// Continuation behind the commands.
    pub end: CaseEnd,
}

/// End of a part of `case`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseEnd {
    /// `;;`
    Leave,
    /// `;&`
    FallThrough,
    /// `;;&`
    TestNext,
}

/// A function.
#[derive(Debug, PartialEq)]
pub struct Function {
    /// Command that is run.
    pub body: Command,
    /// The definition as it was written.
    pub text: Bytes,
}

/// A redirection.
#[derive(Debug, Clone, PartialEq)]
pub struct Redirect {
    /// The descriptor in front, if any.
    pub from: From,
    /// Kind.
    pub kind: RedirectKind,
    /// File name, number or here-string; the delimiter of a here-document.
    pub word: Word,
    /// Text of a here-document, known once its line is read.
    pub document: Option<Rc<OnceCell<Word>>>,
}

/// Front part of a redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// Nothing: 0 or 1.
    Usual,
    /// A number.
    Number(i32),
    /// `{name}`.
    Name(Bytes),
}

/// Kinds of redirections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectKind {
    /// `<`
    Read,
    /// `>`
    Write,
    /// `>|`
    Clobber,
    /// `>>`
    Append,
    /// `<>`
    ReadWrite,
    /// `<&`
    CopyIn,
    /// `>&`
    CopyOut,
    /// `&>`
    Both,
    /// `&>>`
    BothAppend,
    /// `<<` and `<<-`
    Document,
    /// `<<<`
    String,
}

/// Expression of `[[ … ]]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `!`
    Not(Box<Test>),
    /// `&&`
    And(Box<Test>, Box<Test>),
    /// `||`
    Or(Box<Test>, Box<Test>),
    /// `-f word`
    Unary(Bytes, Word),
    /// `word = word`
    Binary(Bytes, Word, Word),
}

impl Word {
    /// Word of plain text.
    pub fn plain(text: &[u8]) -> Self {
        Self { parts: vec![Part::Plain(text.to_vec())] }
    }

    /// Text of a word that is nothing but plain text.
    pub fn literal(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [Part::Plain(text)] => Some(text),
            _ => None,
        }
    }
}
