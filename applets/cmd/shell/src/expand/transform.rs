//! `${x@a}`, `${x@A}` and `${x@K}`: attributes, declarations, pairs.

use super::escape;
use crate::ast::{Bytes, Index};
use crate::shell::Shell;
use crate::vars::lookup::Got;
use crate::vars::{Value, Var};

/// Letters of a variable's attributes, as `declare` takes them.
pub fn attributes(var: &Var) -> Bytes {
    let letters = [
        (matches!(var.value, Value::List(_)), b'a'),
        (matches!(var.value, Value::Map(_)), b'A'),
        (var.integer, b'i'),
        (var.lower, b'l'),
        (var.nameref, b'n'),
        (var.readonly, b'r'),
        (var.upper, b'u'),
        (var.export, b'x'),
    ];
    letters.iter().filter(|(has, _)| *has).map(|(_, letter)| *letter).collect()
}

/// `declare` command that makes a variable as it is.
pub fn declaration(name: &[u8], var: &Var) -> Bytes {
    let letters = attributes(var);
    let letters = if letters.is_empty() { b"-".to_vec() } else { letters };
    let mut text = [b"declare -", letters.as_slice(), b" ", name].concat();
    if var.value != Value::Unset {
        text.push(b'=');
        text.extend(shown_value(&var.value));
    }
    text
}

/// A value as an assignment takes it.
pub fn shown_value(value: &Value) -> Bytes {
    let pairs: Vec<(Bytes, &Bytes)> = match value {
        Value::Unset => return Bytes::new(),
        Value::Text(text) => return escape::double(text),
        Value::List(list) => list.iter().map(|(number, text)| (number.to_string().into_bytes(), text)).collect(),
        Value::Map(map) => {
            let key = |key: &Bytes| {
                let plain = key.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(byte));
                if plain && !key.is_empty() { key.clone() } else { escape::double(key) }
            };
            map.iter().map(|(name, text)| (key(name), text)).collect()
        }
    };
    let mut text = b"(".to_vec();
    for (number, (key, value)) in pairs.iter().enumerate() {
        if number > 0 {
            text.push(b' ');
        }
        text.extend([b"[", key.as_slice(), b"]=", &escape::double(value)].concat());
    }
    if matches!(value, Value::Map(_)) && !pairs.is_empty() {
        text.push(b' ');
    }
    text.push(b')');
    text
}

/// `${x@A}`.
pub fn assignment(shell: &Shell, name: &[u8], _whole: bool) -> Got {
    let Some(var) = shell.vars.get(name) else { return Got::Unset };
    if let (Value::Text(text), true) = (&var.value, attributes(var).is_empty()) {
        return Got::One([name, b"=", &escape::quoted(text)].concat());
    }
    if let Value::Text(text) = &var.value {
        let letters = attributes(var);
        let head = [b"declare -", letters.as_slice(), b" ", name, b"="].concat();
        return Got::One([head, escape::quoted(text)].concat());
    }
    Got::One(declaration(name, var))
}

/// `${x[@]@K}` as one text, `@k` as words.
pub fn pairs(shell: &mut Shell, name: &[u8], index: Option<&Index>, joined: bool) -> Got {
    let (keys, values) = (shell.keys(name), shell.elements(name));
    if index.is_none() {
        return values.first().map_or(Got::Unset, |text| Got::One(escape::quoted(text)));
    }
    if joined {
        let pair = |(key, value): (&Bytes, &Bytes)| [key, b" ".as_slice(), &escape::double(value)].concat();
        let all: Vec<Bytes> = keys.iter().zip(&values).map(pair).collect();
        return Got::One(all.join(b" ".as_slice()));
    }
    Got::Many(keys.into_iter().zip(values).flat_map(|(key, value)| [key, value]).collect(), false)
}
