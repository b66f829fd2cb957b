//! Values: numbers, texts, and texts from outside that count as numbers when they look like some; and arrays of
//! them, which remember the order in which their keys came: it is that of `for (k in a)`.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use crate::format::{self, Argument};
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
            Self::Num(n) => format::put_plain(*n, convfmt, out),
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

impl Argument for Value {
    fn num(&self) -> f64 {
        self.num()
    }

    fn is_code(&self) -> bool {
        !matches!(self, Self::Unset) && self.is_numeric()
    }

    fn put(&self, convfmt: &[u8], out: &mut Vec<u8>) {
        self.put(convfmt, out);
    }
}

/// A text from outside as a condition.
pub fn input_truth(text: &[u8]) -> bool {
    number::whole(text).map_or(!text.is_empty(), |n| n != 0.0)
}

/// Values by key.
#[derive(Debug, Default)]
pub struct Array {
    entries: HashMap<Bytes, (u64, Value), BuildHasherDefault<Hash>>,
    next: u64,
}

impl Array {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }

    pub fn contains(&self, key: &[u8]) -> bool {
        self.entries.contains_key(key)
    }

    pub fn remove(&mut self, key: &[u8]) {
        self.entries.remove(key);
    }

    /// Copy of the value, which is made if it is not there.
    pub fn get(&mut self, key: &[u8]) -> Value {
        if let Some((_, value)) = self.entries.get(key) {
            return value.clone();
        }
        self.next += 1;
        self.entries.insert(key.into(), (self.next, Value::Unset));
        Value::Unset
    }

    pub fn set(&mut self, key: &[u8], value: Value) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.1 = value;
        } else {
            self.next += 1;
            self.entries.insert(key.into(), (self.next, value));
        }
    }

    /// Works on the value in its place.
    pub fn update<T>(&mut self, key: &[u8], change: impl FnOnce(&mut Value) -> T) -> T {
        if let Some(entry) = self.entries.get_mut(key) {
            return change(&mut entry.1);
        }
        let mut value = Value::Unset;
        let result = change(&mut value);
        self.next += 1;
        self.entries.insert(key.into(), (self.next, value));
        result
    }

    /// Keys in the order in which they came.
    pub fn keys(&self) -> Vec<Bytes> {
        let mut keys: Vec<_> = self.entries.iter().map(|(key, (order, _))| (*order, key)).collect();
        keys.sort_unstable_by_key(|(order, _)| *order);
        keys.into_iter().map(|(_, key)| Rc::clone(key)).collect()
    }

    /// Values in the order in which their keys came.
    pub fn values(&self) -> Vec<Value> {
        self.keys().iter().filter_map(|key| self.entries.get(key).map(|(_, value)| value.clone())).collect()
    }

    /// Puts values under 1, 2, 3.
    pub fn fill(&mut self, values: impl Iterator<Item = Value>) -> usize {
        self.clear();
        let mut count = 0;
        for value in values {
            count += 1;
            self.set(count.to_string().as_bytes(), value);
        }
        count
    }
}

/// Hash of a key: eight bytes a step. Keys of an enemy could be chosen to collide, as in every other awk.
#[derive(Default)]
pub struct Hash(u64);

/// Odd number with well mixed bits (the golden ratio).
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hash {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(MIX);
    }
}

impl Hasher for Hash {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.add(u64::from_le_bytes(word) ^ ((rest.len() as u64) << 56));
        }
    }

    fn write_usize(&mut self, length: usize) {
        self.add(length as u64);
    }

    /// The table takes its place from the low bits, into which a product brings little: the high ones are mixed in.
    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(MIX);
        mixed ^ (mixed >> 32)
    }
}
