//! YAML as JSON's values, and back: kubeconfigs, configurations in `ConfigMap`s and the files of people.
//!
//! Bounded, because strangers write it: no aliases (a few bytes of them make gigabytes), no deep nesting, no key twice.

use kit::{Error, Result};
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

/// The deepest nesting: a kubeconfig has five levels, a kubelet's configuration six.
const DEEPEST: usize = 32;
/// The longest text, in bytes: etcd takes no object above 1.5 MiB.
pub const LONGEST: usize = 2 << 20;

/// The documents of a text that have content.
pub fn documents(text: &str) -> Result<Vec<Value>> {
    if text.len() > LONGEST {
        return Err(Error::new(format!("it is longer than {LONGEST} bytes")));
    }
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| Error::new(format!("it is no YAML: {}", e.info())))?;
        tree.take(event).map_err(|why| Error::new(format!("line {}: {why}", span.start.line())))?;
    }
    Ok(tree.documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// The one document of a text.
pub fn document(text: &str) -> Result<Value> {
    let mut all = documents(text)?;
    match (all.pop(), all.pop()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Error::new("it is empty")),
        _ => Err(Error::new("it holds more than one document")),
    }
}

/// Documents read so far, and the open collections.
#[derive(Default)]
struct Tree {
    documents: Vec<Value>,
    open: Vec<Open>,
}

/// A collection that has not ended, and for a mapping the key whose value comes next.
enum Open {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

impl Tree {
    fn take(&mut self, event: Event<'_>) -> Result<(), &'static str> {
        match event {
            Event::Alias(_) => Err("aliases are not taken"),
            Event::Scalar(text, style, _, tag) => {
                // A tag such as !!str forces the type; none that Kubernetes writes does more.
                let plain = style == ScalarStyle::Plain && tag.is_none();
                // A key is a text whatever it looks like.
                let key = matches!(self.open.last(), Some(Open::Map(_, None)));
                self.put(if plain && !key { scalar(&text) } else { Value::String(text.into_owned()) })
            }
            Event::SequenceStart(..) => self.open(Open::List(Vec::new())),
            Event::MappingStart(..) => self.open(Open::Map(Map::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(list)) => self.put(Value::Array(list)),
                Some(Open::Map(map, _)) => self.put(Value::Object(map)),
                None => Err("something ends that has not begun"),
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(&mut self, open: Open) -> Result<(), &'static str> {
        if self.open.len() >= DEEPEST {
            return Err("it is nested too deeply");
        }
        if matches!(self.open.last(), Some(Open::Map(_, None))) {
            return Err("a key is not a text");
        }
        self.open.push(open);
        Ok(())
    }

    fn put(&mut self, value: Value) -> Result<(), &'static str> {
        match self.open.last_mut() {
            None => self.documents.push(value),
            Some(Open::List(list)) => list.push(value),
            Some(Open::Map(map, key)) => match key.take() {
                Some(key) => drop(map.insert(key, value)),
                None => match value {
                    Value::String(text) if map.contains_key(&text) => return Err("a key stands there twice"),
                    Value::String(text) => *key = Some(text),
                    _ => return Err("a key is not a text"),
                },
            },
        }
        Ok(())
    }
}

/// Value of a plain scalar in YAML's core schema.
fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(number) = text.parse::<i64>() {
        return Value::Number(number.into());
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    let number = text.parse::<f64>().ok().filter(|_| numeric).and_then(Number::from_f64);
    number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// The value as a document in block style. Texts are quoted as JSON does, which YAML reads the same.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out.trim_start_matches('\n').to_owned()
}

/// After a key's colon or a list's dash; ends with a newline.
fn write(out: &mut String, value: &Value, indent: usize) {
    let margin = "  ".repeat(indent);
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            for (key, value) in map {
                let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric()) && scalar(key).is_string();
                let key = if plain { key.clone() } else { Value::from(key.as_str()).to_string() };
                out.extend([margin.as_str(), &key, ":"]);
                write(out, value, indent + 1);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            out.push('\n');
            for value in list {
                out.extend([margin.as_str(), "-"]);
                write(out, value, indent + 1);
            }
        }
        // Simple words need no quotes, and are easier to read without.
        Value::String(text) if is_plain(text) => out.extend([" ", text, "\n"]),
        other => out.extend([" ", &other.to_string(), "\n"]),
    }
}

/// Tells if a text means itself without quotes, in YAML 1.1 as in 1.2.
fn is_plain(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-');
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(word)
        && scalar(text).is_string()
        && !["y", "n", "yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::json;

    #[test]
    fn what_kubeadm_writes_is_read() {
        let text = "apiVersion: v1\nclusters:\n- cluster:\n    server: https://10.0.0.1:6443\n  name: \"\"\nok: true\nn: 3\nempty: null\nd: 0s\nq: \"1\"\n";
        let value = document(text).unwrap();
        assert_eq!(value["clusters"][0]["cluster"]["server"], "https://10.0.0.1:6443");
        assert_eq!((&value["ok"], &value["n"], &value["d"], &value["q"]), (&json!(true), &json!(3), &json!("0s"), &json!("1")));
        assert!(value["empty"].is_null());
        assert_eq!(document("{\"a\": [1, {\"b\": \"x\"}]}").unwrap(), json!({"a": [1, {"b": "x"}]}));
        assert_eq!(documents("a: 1\n---\nb: 2\n---\n").unwrap().len(), 2);
    }

    #[test]
    fn what_is_dangerous_or_broken_is_refused() {
        let deep = "[".repeat(100_000);
        let laughs = "a: &a [x,x]\nb: [*a,*a]\n";
        let long = "x".repeat(LONGEST + 1);
        for wrong in
            ["", "a: 1\n---\nb: 2\n", "a: 1\na: 2\n", "[a: b]: c", "? [x]\n: y\n", "a: [", "\t- a: \"", &deep, laughs, &long]
        {
            assert!(document(wrong).is_err(), "{}", &wrong[..wrong.len().min(40)]);
        }
    }

    #[test]
    fn a_value_survives_the_way_out_and_in() {
        let value = json!({
            "a": [], "b": {}, "c": ["yes", "no", "1", "0s", "", "x y", "#", "-", "on", "~", "a: b", "https://x", "line\nline", "é"],
            "d": {"e": [{"f": 1, "g": [1, [2]]}], "nil": null, "t": true, "x": 1.5}, "10": "ten", "k.e/y": "v", "true": false,
        });
        assert_eq!(document(&text(&value)).unwrap(), value, "{}", text(&value));
        assert_eq!(text(&json!({"a": {"b": "/etc/x"}, "c": "10.96.0.10"})), "a:\n  b: /etc/x\nc: \"10.96.0.10\"\n");
    }
}
