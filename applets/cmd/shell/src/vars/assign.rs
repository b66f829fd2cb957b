//! Assignments to variables and elements.

use std::collections::BTreeMap;

use crate::ast::{Assign, AssignValue, Bytes, Element, Word};
use crate::shell::{Flow, Shell, shown};
use crate::vars::{Value, Var};

/// Place of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// Number of a list's element.
    Number(i64),
    /// Name of a map's element.
    Name(Bytes),
}

impl Shell {
    /// Carries out an assignment as it is written.
    pub fn assign(&mut self, assign: &Assign) -> Result<(), Flow> {
        let (name, index) = self.resolve(&assign.name);
        let index = match (&assign.index, index) {
            (Some(index), _) => Some(index.clone()),
            (None, Some(index)) => Some(Word::plain(&index)),
            (None, None) => None,
        };
        match &assign.value {
            AssignValue::Word(word) => {
                let key = match &index {
                    Some(index) => Some(self.key(&name, index)?),
                    None => None,
                };
                let text = self.expand_assigned(word)?;
                self.put(&name, key, text, assign.append)
            }
            AssignValue::Array(elements) => self.assign_array(&name, elements, assign.append),
        }
    }

    /// Sets a variable's text by the rules of assignments.
    pub fn set_var(&mut self, name: &[u8], text: impl Into<Bytes>) -> Result<(), Flow> {
        let (name, index) = self.resolve(name);
        let key = match index {
            Some(index) => Some(self.key(&name, &Word::plain(&index))?),
            None => None,
        };
        self.put(&name, key, text.into(), false)
    }

    /// Sets what a name such as `a` or `a[1]` stands for.
    pub fn set_target(&mut self, target: &[u8], text: impl Into<Bytes>) -> Result<(), Flow> {
        match super::lookup::split_subscript(target) {
            Some((name, index)) => {
                let (name, _) = self.resolve(name);
                let word = self.parse_word(index);
                let key = self.key(&name, &word)?;
                self.put(&name, Some(key), text.into(), false)
            }
            None => self.set_var(target, text),
        }
    }

    /// Place that a subscript names.
    pub fn key(&mut self, name: &[u8], index: &Word) -> Result<Key, Flow> {
        if let Some(Value::Map(_)) = self.vars.get(name).map(|var| &var.value) {
            return self.expand_text(index).map(Key::Name);
        }
        self.expand_number(index).map(Key::Number)
    }

    /// Puts a text at its place.
    pub fn put(&mut self, name: &[u8], key: Option<Key>, text: Bytes, append: bool) -> Result<(), Flow> {
        self.check_writable(name)?;
        let var = self.vars.get(name);
        let (integer, lower, upper) = var.map_or((false, false, false), |var| (var.integer, var.lower, var.upper));
        let old = if append { self.old_text(name, key.as_ref()) } else { Bytes::new() };
        let text = if integer {
            let value = self.arith_text(&text)?;
            let old = if append { self.arith_text(&old)? } else { 0 };
            value.wrapping_add(old).to_string().into_bytes()
        } else {
            let mut whole = old;
            whole.extend(text);
            match (lower, upper) {
                (true, _) => crate::expand::case::lower(&whole),
                (_, true) => crate::expand::case::upper(&whole),
                _ => whole,
            }
        };
        let all_export = self.set.allexport;
        let var = self.vars.entry(name);
        var.export |= all_export;
        if store(var, key, text) {
            self.changed(name);
            return Ok(());
        }
        self.fail(format!("{}: bad array subscript", shown(name)))
    }

    fn old_text(&self, name: &[u8], key: Option<&Key>) -> Bytes {
        let Some(var) = self.vars.get(name) else { return Bytes::new() };
        let old = match (&var.value, key) {
            (Value::List(list), Some(Key::Number(number))) => list.get(number),
            (Value::Map(map), Some(Key::Name(name))) => map.get(name),
            (Value::Text(text), Some(Key::Number(0))) => Some(text),
            (_, None) => var.scalar(),
            _ => None,
        };
        old.cloned().unwrap_or_default()
    }

    /// Complains when a variable must not be changed.
    pub fn check_writable(&self, name: &[u8]) -> Result<(), Flow> {
        if !self.vars.get(name).is_some_and(|var| var.readonly) {
            return Ok(());
        }
        let what = if self.bash { "readonly variable" } else { "is read only" };
        self.fail(format!("{}: {what}", shown(name)))
    }

    /// `name=(…)`.
    pub fn assign_array(&mut self, name: &[u8], elements: &[Element], append: bool) -> Result<(), Flow> {
        self.check_writable(name)?;
        let is_map = matches!(self.vars.get(name).map(|var| &var.value), Some(Value::Map(_)));
        // The elements may be made of the array's old ones.
        let mut new = Vec::new();
        for element in elements {
            self.element_values(element, is_map, &mut new)?;
        }
        let mut value = self.vars.entry(name).value.clone();
        if !append {
            value = if is_map { Value::Map(BTreeMap::new()) } else { Value::List(BTreeMap::new()) };
        }
        let var = self.vars.entry(name);
        var.value = match value {
            Value::Text(text) => Value::List(BTreeMap::from([(0, text)])),
            Value::Unset => Value::List(BTreeMap::new()),
            other => other,
        };
        let mut next = match &var.value {
            Value::List(list) => list.last_key_value().map_or(0, |(last, _)| last + 1),
            _ => 0,
        };
        if is_map && new.iter().all(|(key, ..)| key.is_none()) {
            return self.assign_pairs(name, &new);
        }
        for (key, text, append) in new {
            let key = key.unwrap_or(Key::Number(next));
            if let Key::Number(number) = key {
                next = number.wrapping_add(1);
            }
            self.put(name, Some(key), text, append)?;
        }
        self.changed(name);
        Ok(())
    }

    /// A map's elements written as names and values in turn.
    fn assign_pairs(&mut self, name: &[u8], new: &[(Option<Key>, Bytes, bool)]) -> Result<(), Flow> {
        for pair in new.chunks(2) {
            let [first, rest @ ..] = pair else { continue };
            let text = rest.first().map(|(_, text, _)| text.clone()).unwrap_or_default();
            self.put(name, Some(Key::Name(first.1.clone())), text, false)?;
        }
        Ok(())
    }

    fn element_values(&mut self, element: &Element, is_map: bool, new: &mut Vec<(Option<Key>, Bytes, bool)>) -> Result<(), Flow> {
        if let Some(index) = &element.index {
            let key = if is_map { Key::Name(self.expand_text(index)?) } else { Key::Number(self.expand_number(index)?) };
            let text = self.expand_assigned(&element.value)?;
            new.push((Some(key), text, element.append));
        } else {
            let words = self.expand_words(std::slice::from_ref(&element.value))?;
            new.extend(words.into_iter().map(|word| (None, word, false)));
        }
        Ok(())
    }

    /// Does what the shell itself must when a variable has changed.
    pub fn changed(&mut self, name: &[u8]) {
        match name {
            b"PATH" => self.hash.clear(),
            b"OPTIND" => {
                let value = self.vars.text(name).and_then(|text| crate::arith::decimal(text));
                if value != Some(self.option_word) {
                    self.option_at = 0;
                    self.option_word = value.unwrap_or(1);
                }
            }
            b"RANDOM" => {
                let seed = self.vars.text(name).and_then(|text| crate::arith::decimal(text));
                self.seed(seed.unwrap_or(1));
                self.vars.remove(name);
            }
            b"SECONDS" => {
                let value = self.vars.text(name).and_then(|text| crate::arith::decimal(text));
                self.seconds = value.unwrap_or(0);
                self.started = std::time::Instant::now();
                self.vars.remove(name);
            }
            b"POSIXLY_CORRECT" => self.set.posix = true,
            _ => {}
        }
    }

    /// Puts an array in place of a variable's value.
    pub fn set_list(&mut self, name: &[u8], list: Vec<Bytes>) -> Result<(), Flow> {
        let (name, _) = self.resolve(name);
        self.check_writable(&name)?;
        let list = (0_i64..).zip(list).collect();
        self.vars.entry(&name).value = Value::List(list);
        Ok(())
    }
}

/// Puts a text into a variable; false for a subscript that it can't have.
fn store(var: &mut Var, key: Option<Key>, text: Bytes) -> bool {
    match (&mut var.value, key) {
        (Value::List(list), None) => {
            list.insert(0, text);
        }
        (Value::Map(map), None) => {
            map.insert(b"0".to_vec(), text);
        }
        (value, None) => *value = Value::Text(text),
        (Value::Map(map), Some(Key::Name(name))) => {
            map.insert(name, text);
        }
        (Value::Map(map), Some(Key::Number(number))) => {
            map.insert(number.to_string().into_bytes(), text);
        }
        (Value::List(list), Some(Key::Number(mut number))) => {
            if number < 0 {
                number += list.last_key_value().map_or(0, |(last, _)| last + 1);
            }
            if number < 0 {
                return false;
            }
            list.insert(number, text);
        }
        (value, Some(Key::Number(number))) => {
            if number < 0 {
                return false;
            }
            let mut list = match std::mem::take(value) {
                Value::Text(old) => BTreeMap::from([(0, old)]),
                _ => BTreeMap::new(),
            };
            list.insert(number, text);
            *value = Value::List(list);
        }
        (_, Some(Key::Name(_))) => return false,
    }
    true
}
