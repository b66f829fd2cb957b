//! Values: numbers, texts, and texts from outside that count as numbers when they look like some.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;

use crate::array::Array;
use crate::number;

/// Text.
pub type Bytes = Rc<[u8]>;
/// Array, shared with the functions that it was handed to.
pub type ArrayRef = Rc<RefCell<Array>>;

/// Value of a variable.
#[derive(Debug, Clone, Default)]
pub enum Value {
    #[default]
    Unset,
    Num(f64),
    Str(Bytes),
    /// From outside: a field, a line, an argument.
    Input(Bytes),
    Array(ArrayRef),
}

impl Value {
    /// A text.
    pub fn text(bytes: &[u8]) -> Self {
        Self::Str(bytes.into())
    }

    /// A text from outside.
    pub fn input(bytes: &[u8]) -> Self {
        Self::Input(bytes.into())
    }

    /// As a number.
    pub fn num(&self) -> f64 {
        match self {
            Self::Num(n) => *n,
            Self::Str(text) | Self::Input(text) => number::leading(text).0,
            Self::Unset | Self::Array(_) => 0.0,
        }
    }

    /// As a condition.
    pub fn truth(&self) -> bool {
        match self {
            Self::Num(n) => *n != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::Input(text) => input_truth(text),
            Self::Unset | Self::Array(_) => false,
        }
    }

    /// Appends it as a text; a number with a fraction in the form of `convfmt`.
    pub fn put(&self, convfmt: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Num(n) => number::put(*n, convfmt, out),
            Self::Str(text) | Self::Input(text) => out.extend_from_slice(text),
            Self::Unset | Self::Array(_) => {}
        }
    }

    /// As a text.
    pub fn bytes(&self, convfmt: &[u8]) -> Bytes {
        match self {
            Self::Str(text) | Self::Input(text) => Rc::clone(text),
            _ => {
                let mut out = Vec::new();
                self.put(convfmt, &mut out);
                out.into()
            }
        }
    }

    /// The number that it is in a comparison, if it is none by its text.
    fn comparable(&self) -> Option<f64> {
        match self {
            Self::Num(n) => Some(*n),
            Self::Unset => Some(0.0),
            Self::Input(text) => number::whole(text),
            Self::Str(_) | Self::Array(_) => None,
        }
    }

    /// The order of two values; none if a number is not one.
    pub fn compare(&self, other: &Self, convfmt: &[u8]) -> Option<Ordering> {
        if let (Some(a), Some(b)) = (self.comparable(), other.comparable()) {
            return a.partial_cmp(&b);
        }
        match (self, other) {
            (Self::Str(a) | Self::Input(a), Self::Str(b) | Self::Input(b)) => Some(a.cmp(b)),
            _ => Some(self.bytes(convfmt).cmp(&other.bytes(convfmt))),
        }
    }

    /// Tells if it is a number or looks like one.
    pub fn is_numeric(&self) -> bool {
        self.comparable().is_some()
    }
}

/// A text from outside as a condition.
pub fn input_truth(text: &[u8]) -> bool {
    number::whole(text).map_or(!text.is_empty(), |n| n != 0.0)
}
