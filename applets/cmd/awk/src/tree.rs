//! Tree of a program, names resolved to places.

use std::rc::Rc;

use crate::matcher::Matcher;
use crate::value::Bytes;

/// Whole program.
#[derive(Debug, Default)]
pub struct Program {
    pub begin: Vec<Stmt>,
    pub rules: Vec<Rule>,
    pub end: Vec<Stmt>,
    /// There is an END rule, even an empty one: input is read.
    pub has_end: bool,
    pub functions: Vec<Function>,
    /// Names of the global variables, in the order of their numbers.
    pub globals: Vec<String>,
}

/// Pattern and action.
#[derive(Debug)]
pub struct Rule {
    pub pattern: Pattern,
    /// None prints the record.
    pub action: Option<Vec<Stmt>>,
}

/// Condition of a rule.
#[derive(Debug)]
pub enum Pattern {
    Always,
    If(Expr),
    /// From the first to the last.
    Range(Expr, Expr),
}

/// Function of the program.
#[derive(Debug, Default)]
pub struct Function {
    pub name: String,
    pub params: usize,
    /// For each parameter: it is used as an array.
    pub arrays: Vec<bool>,
    pub body: Vec<Stmt>,
    pub defined: bool,
}

/// Place of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    Global(usize),
    Local(usize),
}

/// Statement.
#[derive(Debug)]
pub enum Stmt {
    Expr(Expr),
    Print(Vec<Expr>, Option<Target>),
    Printf(Vec<Expr>, Option<Target>),
    If(Expr, Vec<Stmt>, Vec<Stmt>),
    While(Expr, Vec<Stmt>),
    Do(Vec<Stmt>, Expr),
    For(Box<ForParts>),
    ForIn(Slot, Slot, Vec<Stmt>),
    Switch(Expr, Vec<(Case, Vec<Stmt>)>),
    Block(Vec<Stmt>),
    Delete(Slot, Option<Vec<Expr>>),
    Break,
    Continue,
    Next,
    NextFile,
    Exit(Option<Expr>),
    Return(Option<Expr>),
}

/// Parts of `for (first; test; step) body`.
#[derive(Debug)]
pub struct ForParts {
    pub first: Option<Stmt>,
    pub test: Option<Expr>,
    pub step: Option<Stmt>,
    pub body: Vec<Stmt>,
}

/// Label of a switch.
#[derive(Debug)]
pub enum Case {
    Value(Expr),
    Default,
}

/// Redirection of an output.
#[derive(Debug)]
pub struct Target {
    pub kind: TargetKind,
    pub name: Expr,
}

/// Kind of a redirection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    File,
    Append,
    Pipe,
}

/// Source of a `getline`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Main,
    File,
    Command,
}

/// Expression.
#[derive(Debug)]
pub enum Expr {
    Num(f64),
    Str(Bytes),
    Regex(Rc<Matcher>),
    Var(Slot),
    Field(Box<Expr>),
    Index(Slot, Vec<Expr>),
    Assign(Box<[Expr; 2]>),
    Update(Operator, Box<[Expr; 2]>),
    /// `++` and `--`: the variable, what is added, and true if the old value counts.
    Step(Box<Expr>, f64, bool),
    Cond(Box<[Expr; 3]>),
    And(Box<[Expr; 2]>),
    Or(Box<[Expr; 2]>),
    Not(Box<Expr>),
    Neg(Box<Expr>),
    Plus(Box<Expr>),
    Binary(Operator, Box<[Expr; 2]>),
    Compare(Relation, Box<[Expr; 2]>),
    /// True: it must not match.
    Match(Box<[Expr; 2]>, bool),
    Concat(Vec<Expr>),
    In(Slot, Vec<Expr>),
    Call(usize, Vec<Expr>),
    Builtin(Builtin, Vec<Expr>),
    Getline(Source, Option<Box<Expr>>, Option<Box<Expr>>),
    /// Parentheses round one expression: what stands in them is no longer a place or a part of a chain.
    Group(Box<Expr>),
    /// Parentheses round several, which only `print` and `in` know.
    List(Vec<Expr>),
}

impl Expr {
    /// Tells if it can be assigned to.
    pub const fn is_place(&self) -> bool {
        matches!(self, Self::Var(_) | Self::Field(_) | Self::Index(..))
    }
}

/// Arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

/// Comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    Less,
    LessEqual,
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
}

/// Function of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builtin {
    And,
    Asort,
    Asorti,
    Atan2,
    Close,
    Compl,
    Cos,
    Exp,
    Fflush,
    Gensub,
    Gsub,
    Index,
    Int,
    Length,
    Log,
    Lshift,
    Match,
    Mktime,
    Or,
    Rand,
    Rshift,
    Sin,
    Split,
    Sprintf,
    Sqrt,
    Srand,
    Strftime,
    Strtonum,
    Sub,
    Substr,
    System,
    Systime,
    Tolower,
    Toupper,
    Xor,
}

/// Name, function, fewest and most arguments.
const BUILTINS: &[(&str, Builtin, usize, usize)] = &[
    ("and", Builtin::And, 2, 99),
    ("asort", Builtin::Asort, 1, 2),
    ("asorti", Builtin::Asorti, 1, 2),
    ("atan2", Builtin::Atan2, 2, 2),
    ("close", Builtin::Close, 1, 2),
    ("compl", Builtin::Compl, 1, 1),
    ("cos", Builtin::Cos, 1, 1),
    ("exp", Builtin::Exp, 1, 1),
    ("fflush", Builtin::Fflush, 0, 1),
    ("gensub", Builtin::Gensub, 3, 4),
    ("gsub", Builtin::Gsub, 2, 3),
    ("index", Builtin::Index, 2, 2),
    ("int", Builtin::Int, 1, 1),
    ("length", Builtin::Length, 0, 1),
    ("log", Builtin::Log, 1, 1),
    ("lshift", Builtin::Lshift, 2, 2),
    ("match", Builtin::Match, 2, 3),
    ("mktime", Builtin::Mktime, 1, 2),
    ("or", Builtin::Or, 2, 99),
    ("rand", Builtin::Rand, 0, 0),
    ("rshift", Builtin::Rshift, 2, 2),
    ("sin", Builtin::Sin, 1, 1),
    ("split", Builtin::Split, 2, 4),
    ("sprintf", Builtin::Sprintf, 1, usize::MAX),
    ("sqrt", Builtin::Sqrt, 1, 1),
    ("srand", Builtin::Srand, 0, 1),
    ("strftime", Builtin::Strftime, 0, 3),
    ("strtonum", Builtin::Strtonum, 1, 1),
    ("sub", Builtin::Sub, 2, 3),
    ("substr", Builtin::Substr, 2, 3),
    ("system", Builtin::System, 1, 1),
    ("systime", Builtin::Systime, 0, 0),
    ("tolower", Builtin::Tolower, 1, 1),
    ("toupper", Builtin::Toupper, 1, 1),
    ("xor", Builtin::Xor, 2, 99),
];

impl Builtin {
    /// The function of that name.
    pub fn named(name: &str) -> Option<Self> {
        BUILTINS.binary_search_by_key(&name, |row| row.0).ok().map(|at| BUILTINS[at].1)
    }

    /// Its name, and the fewest and most arguments that it takes.
    pub fn facts(self) -> (&'static str, usize, usize) {
        BUILTINS.iter().find(|row| row.1 == self).map_or(("", 0, 0), |row| (row.0, row.2, row.3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_sorted() {
        assert!(BUILTINS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
