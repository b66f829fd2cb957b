//! Variables: their values, attributes and scopes.

pub mod assign;
pub mod lookup;
pub mod special;

use std::collections::BTreeMap;

use crate::ast::Bytes;

/// Value of a variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Value {
    /// Declared, no value.
    #[default]
    Unset,
    /// Text.
    Text(Bytes),
    /// Array with numbers.
    List(BTreeMap<i64, Bytes>),
    /// Array with names.
    Map(BTreeMap<Bytes, Bytes>),
}

/// A variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Var {
    /// Its value.
    pub value: Value,
    /// `export`
    pub export: bool,
    /// `readonly`
    pub readonly: bool,
    /// `declare -i`
    pub integer: bool,
    /// `declare -l`
    pub lower: bool,
    /// `declare -u`
    pub upper: bool,
    /// `declare -n`
    pub nameref: bool,
}

/// Variables that a scope hides, as they were before; none for those that did not exist.
type Hidden = BTreeMap<Bytes, Option<Var>>;

/// All variables.
#[derive(Debug, Default)]
pub struct Vars {
    map: BTreeMap<Bytes, Var>,
    scopes: Vec<Hidden>,
}

impl Var {
    /// Variable with a text.
    pub fn text(text: impl Into<Bytes>) -> Self {
        Self { value: Value::Text(text.into()), ..Self::default() }
    }

    /// Text, or the element that stands for an array where none is named.
    pub fn scalar(&self) -> Option<&Bytes> {
        match &self.value {
            Value::Unset => None,
            Value::Text(text) => Some(text),
            Value::List(list) => list.get(&0),
            Value::Map(map) => map.get(b"0".as_slice()),
        }
    }
}

impl Vars {
    /// A variable, without following references.
    pub fn get(&self, name: &[u8]) -> Option<&Var> {
        self.map.get(name)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, name: &[u8]) -> Option<&mut Var> {
        self.map.get_mut(name)
    }

    /// The variable, made where there is none.
    pub fn entry(&mut self, name: &[u8]) -> &mut Var {
        self.map.entry(name.to_vec()).or_default()
    }

    /// Text of a variable.
    pub fn text(&self, name: &[u8]) -> Option<&Bytes> {
        self.map.get(name).and_then(Var::scalar)
    }

    /// Puts a variable in its place, whatever was there.
    pub fn put(&mut self, name: &[u8], var: Var) {
        self.map.insert(name.to_vec(), var);
    }

    /// Sets a text, past all attributes: for what the shell itself sets.
    pub fn set(&mut self, name: &[u8], text: impl Into<Bytes>) {
        self.entry(name).value = Value::Text(text.into());
    }

    /// Takes a variable away. In the scope that it is local to it stays so.
    pub fn remove(&mut self, name: &[u8]) -> Option<Var> {
        self.map.remove(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &Var)> {
        self.map.iter()
    }

    /// Begins a scope.
    pub fn push_scope(&mut self) {
        self.scopes.push(Hidden::new());
    }

    /// Ends the newest scope: what it hid is back.
    pub fn pop_scope(&mut self) -> Vec<Bytes> {
        let mut changed = Vec::new();
        for (name, before) in self.scopes.pop().unwrap_or_default() {
            match before {
                Some(var) => self.map.insert(name.clone(), var),
                None => self.map.remove(&name),
            };
            changed.push(name);
        }
        changed
    }

    /// True when the newest scope has a variable of its own by that name.
    pub fn is_local(&self, name: &[u8]) -> bool {
        self.scopes.last().is_some_and(|hidden| hidden.contains_key(name))
    }

    /// Makes a name local to the newest scope; the variable that was there stays visible until it is changed.
    pub fn hide(&mut self, name: &[u8]) {
        if let Some(hidden) = self.scopes.last_mut() {
            hidden.entry(name.to_vec()).or_insert_with(|| self.map.get(name).cloned());
        }
    }

    /// `NAME=VALUE` of each exported variable.
    pub fn environment(&self) -> Vec<Bytes> {
        let exported = self.map.iter().filter(|(_, var)| var.export);
        exported.filter_map(|(name, var)| Some([name, b"=".as_slice(), var.scalar()?].concat())).collect()
    }
}
