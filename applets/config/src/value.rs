//! Values as they come from TOML or a command line, made to fit a key.

use serde::{Deserialize, Serialize};

use crate::Kind;

/// A value as given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// A text, number or yes/no, as text.
    One(String),
    /// A list.
    Many(Vec<String>),
}

impl Value {
    /// The TOML value, or none for a table or a list of anything but simple values.
    pub fn from_toml(value: &toml::Value) -> Option<Self> {
        match value {
            toml::Value::Array(items) => items.iter().map(simple).collect::<Option<_>>().map(Self::Many),
            other => simple(other).map(Self::One),
        }
    }

    /// The same for that kind of key, or what it should have been.
    pub fn fit(self, kind: Kind) -> Result<Self, &'static str> {
        match (kind, self) {
            (Kind::List, Self::One(text)) => Ok(Self::Many(split(&text))),
            (Kind::List, many @ Self::Many(_)) | (Kind::Text, many @ Self::One(_)) => Ok(many),
            (Kind::Flag, Self::One(text)) if flag(&text).is_some() => Ok(Self::One(text)),
            (Kind::Number, Self::One(text)) if text.parse::<u64>().is_ok() => Ok(Self::One(text)),
            (Kind::Flag, _) => Err("yes or no"),
            (Kind::Number, _) => Err("a whole number"),
            (Kind::Text, _) => Err("one text, not a list"),
        }
    }

    /// The single value.
    pub fn one(&self) -> Option<&str> {
        match self {
            Self::One(text) => Some(text),
            Self::Many(_) => None,
        }
    }

    /// All values.
    pub fn many(&self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text.clone()],
            Self::Many(items) => items.clone(),
        }
    }
}

/// What commas separate; empty parts vanish.
pub fn split(text: &str) -> Vec<String> {
    text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Yes or no.
pub fn flag(text: &str) -> Option<bool> {
    match text {
        "yes" | "true" | "on" | "1" => Some(true),
        "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn simple(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(yes.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}
