//! Tree of bc's language, names resolved to numbers.

use std::cell::RefCell;
use std::rc::Rc;

use crate::decimal::Decimal;

/// Number of a name.
pub type Name = usize;

/// Targets of assignments.
#[derive(Debug, Clone)]
pub enum Place {
    Variable(Name),
    Element(Name, Box<Expr>),
    Scale,
    Ibase,
    Obase,
    Last,
}

/// Digits, and their value in the base that they were read in last.
#[derive(Debug, Clone)]
pub struct Literal {
    pub digits: Vec<u8>,
    pub known: RefCell<Option<(u32, Decimal)>>,
}

/// Operator with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}

/// Argument of a call.
#[derive(Debug, Clone)]
pub enum Argument {
    Value(Expr),
    Array(Name),
}

/// Expression.
#[derive(Debug, Clone)]
pub enum Expr {
    Number(Literal),
    Place(Place),
    Assign(Place, Option<Operator>, Box<Expr>),
    /// Place, what is added, and true if the old value counts.
    Step(Place, bool, bool),
    Binary(Operator, Box<[Expr; 2]>),
    And(Box<[Expr; 2]>),
    Or(Box<[Expr; 2]>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Call(Name, Vec<Argument>),
    Length(Box<Argument>),
    Root(Box<Expr>),
    ScaleOf(Box<Expr>),
    Read,
    Group(Box<Expr>),
}

/// Part of a print statement.
#[derive(Debug, Clone)]
pub enum Printed {
    Text(Vec<u8>),
    Value(Expr),
}

/// Statement.
#[derive(Debug, Clone)]
pub enum Stmt {
    /// True: the value is shown.
    Expr(Expr, bool),
    Text(Vec<u8>),
    Print(Vec<Printed>),
    If(Expr, Vec<Stmt>, Vec<Stmt>),
    /// The step of a `for` is last.
    While(Option<Expr>, Vec<Stmt>, Option<Expr>),
    Block(Vec<Stmt>),
    Break,
    Continue,
    Return(Option<Expr>),
    Halt,
    Define(Rc<Function>),
}

/// Parameter or automatic variable.
#[derive(Debug, Clone)]
pub struct Local {
    pub name: Name,
    pub array: bool,
    /// The caller's array itself, not a copy.
    pub shared: bool,
}

/// Function.
#[derive(Debug)]
pub struct Function {
    pub name: Name,
    pub void: bool,
    pub params: Vec<Local>,
    pub autos: Vec<Local>,
    pub body: Vec<Stmt>,
}
