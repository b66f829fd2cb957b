//! Values of parameters: positional, special, variables, elements of arrays.

use crate::ast::{Bytes, Index};
use crate::shell::{Flow, Shell};
use crate::vars::Value;

/// Value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Got {
    /// Not set.
    Unset,
    /// One text.
    One(Bytes),
    /// Several; joined when quoted (`*`), or each for itself (`@`).
    Many(Vec<Bytes>, bool),
}

/// Longest chain of references.
const REFERENCES: u32 = 10;

impl Shell {
    /// Name that a reference leads to, and the subscript it may have.
    pub fn resolve(&self, name: &[u8]) -> (Bytes, Option<Bytes>) {
        let mut name = name.to_vec();
        for _ in 0..REFERENCES {
            let Some(var) = self.vars.get(&name).filter(|var| var.nameref) else { break };
            let Some(target) = var.scalar().filter(|target| !target.is_empty()) else { break };
            if let Some((array, index)) = split_subscript(target) {
                return (array.to_vec(), Some(index.to_vec()));
            }
            if *target == name {
                break;
            }
            name = target.clone();
        }
        (name, None)
    }

    /// Value of a parameter without subscript.
    pub fn param_value(&mut self, name: &[u8]) -> Result<Got, Flow> {
        let Some(first) = name.first() else { return Ok(Got::Unset) };
        if first.is_ascii_digit() {
            return Ok(self.positional(name));
        }
        if !first.is_ascii_alphabetic() && *first != b'_' {
            return Ok(self.special(*first));
        }
        if let Some(text) = self.dynamic(name) {
            return Ok(Got::One(text));
        }
        if let Some(list) = self.dynamic_list(name) {
            return Ok(list.into_iter().next().map_or(Got::Unset, Got::One));
        }
        let (name, index) = self.resolve(name);
        if let Some(index) = index {
            let word = Index::At(crate::ast::Word::plain(&index));
            return match index.as_slice() {
                b"@" => self.element(&name, &Index::All),
                b"*" => self.element(&name, &Index::Joined),
                _ => self.element(&name, &word),
            };
        }
        Ok(self.vars.text(&name).cloned().map_or(Got::Unset, Got::One))
    }

    /// Text of a variable, references followed.
    pub fn var(&mut self, name: &[u8]) -> Option<Bytes> {
        match self.param_value(name) {
            Ok(Got::One(text)) => Some(text),
            _ => None,
        }
    }

    fn positional(&self, name: &[u8]) -> Got {
        let number = std::str::from_utf8(name).ok().and_then(|text| text.parse::<usize>().ok());
        match number {
            Some(0) => Got::One(self.name.clone()),
            Some(number) => self.args.get(number - 1).cloned().map_or(Got::Unset, Got::One),
            None => Got::Unset,
        }
    }

    fn special(&self, sign: u8) -> Got {
        let number = |number: i64| Got::One(number.to_string().into_bytes());
        match sign {
            b'@' => Got::Many(self.args.clone(), false),
            b'*' => Got::Many(self.args.clone(), true),
            b'#' => number(self.args.len() as i64),
            b'?' => number(self.status.into()),
            b'$' => number(self.pid.into()),
            b'!' => self.jobs.last.map_or(Got::Unset, |pid| number(pid.into())),
            b'-' => Got::One(self.option_letters()),
            _ => Got::Unset,
        }
    }

    /// Value of an element, or of all.
    pub fn element(&mut self, name: &[u8], index: &Index) -> Result<Got, Flow> {
        let (name, _) = self.resolve(name);
        match index {
            Index::All => Ok(Got::Many(self.elements(&name), false)),
            Index::Joined => Ok(Got::Many(self.elements(&name), true)),
            Index::At(word) => self.one_element(&name, word),
        }
    }

    fn one_element(&mut self, name: &[u8], word: &crate::ast::Word) -> Result<Got, Flow> {
        if let Some(Value::Map(_)) = self.vars.get(name).map(|var| &var.value) {
            let key = self.expand_text(word)?;
            let Some(Value::Map(map)) = self.vars.get(name).map(|var| &var.value) else {
                return Ok(Got::Unset);
            };
            return Ok(map.get(&key).cloned().map_or(Got::Unset, Got::One));
        }
        let mut number = self.expand_number(word)?;
        if let Some(list) = self.dynamic_list(name) {
            let at = usize::try_from(number).unwrap_or(usize::MAX);
            return Ok(list.get(at).cloned().map_or(Got::Unset, Got::One));
        }
        Ok(match self.vars.get(name).map(|var| &var.value) {
            Some(Value::List(list)) => {
                if number < 0 {
                    number += list.last_key_value().map_or(0, |(last, _)| last + 1);
                }
                list.get(&number).cloned().map_or(Got::Unset, Got::One)
            }
            Some(Value::Text(text)) if number == 0 || number == -1 => Got::One(text.clone()),
            None if number == 0 => self.dynamic(name).map_or(Got::Unset, Got::One),
            _ => Got::Unset,
        })
    }

    /// All elements of a variable; a plain one has one.
    pub fn elements(&mut self, name: &[u8]) -> Vec<Bytes> {
        if let Some(list) = self.dynamic_list(name) {
            return list;
        }
        match self.vars.get(name).map(|var| &var.value) {
            Some(Value::List(list)) => list.values().cloned().collect(),
            Some(Value::Map(map)) => map.values().cloned().collect(),
            Some(Value::Text(text)) => vec![text.clone()],
            _ => self.dynamic(name).into_iter().collect(),
        }
    }

    /// Subscripts of a variable's elements.
    pub fn keys(&mut self, name: &[u8]) -> Vec<Bytes> {
        let number = |number: i64| number.to_string().into_bytes();
        if let Some(list) = self.dynamic_list(name) {
            return (0..list.len() as i64).map(number).collect();
        }
        match self.vars.get(name).map(|var| &var.value) {
            Some(Value::List(list)) => list.keys().copied().map(number).collect(),
            Some(Value::Map(map)) => map.keys().cloned().collect(),
            Some(Value::Text(_)) => vec![b"0".to_vec()],
            _ => Vec::new(),
        }
    }
}

/// Name and subscript of `name[subscript]`.
pub fn split_subscript(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == b'[')?;
    let inner = text.strip_suffix(b"]")?.get(at + 1..)?;
    Some((text.get(..at)?, inner)).filter(|(name, _)| crate::parse::is_name(name))
}
