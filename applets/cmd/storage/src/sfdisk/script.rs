//! Scripts of sfdisk: lines of a head, and a line for each partition.

use kit::{Error, Result};

use crate::partitions::kinds::{Kind, guid};
use crate::partitions::model::Want;
use crate::size;

/// Longest script.
pub const LIMIT: u64 = 1 << 20;

/// The head of a script.
#[derive(Debug, Default)]
pub struct Head {
    /// `dos` or `gpt`.
    pub label: Option<String>,
    /// The disk's number.
    pub id: Option<String>,
}

/// Head, and lines with their numbers, which are read when the table's form is known.
pub fn split(text: &str) -> Result<(Head, Vec<(usize, &str)>)> {
    let (mut head, mut lines) = (Head::default(), Vec::new());
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once(':').map(|(key, value)| (key.trim(), value.trim())) {
            Some(("label", value)) => head.label = Some(value.to_owned()),
            Some(("label-id", value)) => head.id = Some(value.to_owned()),
            Some(("unit", "sectors") | ("device" | "first-lba" | "last-lba" | "sector-size", _)) => {}
            Some(("unit" | "grain" | "table-length", _)) => return Err(wrong(number, "such a line is not supported")),
            _ => lines.push((number, line)),
        }
    }
    Ok((head, lines))
}

fn wrong(line: usize, text: &str) -> Error {
    Error::new(format!("line {line}: {text}"))
}

/// A partition's line. Sizes with a unit are bytes, those without are sectors.
pub fn partition(number: usize, line: &str, sector: u64, is_gpt: bool) -> Result<Want> {
    let mut want = Want::default();
    let mut rest = line;
    if let Some((name, fields)) = line.split_once(':').filter(|(name, _)| !name.contains(['=', ',', '"'])) {
        let name = name.trim();
        let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
        let digits = digits.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        want.number = Some(digits.parse().map_err(|_| wrong(number, "the name of a partition ends in its number"))?);
        rest = fields;
    }
    let is_spaced = !rest.contains(',') && !rest.contains('=');
    for (at, field) in fields(rest, is_spaced).into_iter().enumerate() {
        let (key, value) = match field.split_once('=') {
            Some((key, value)) => (key.trim().to_ascii_lowercase(), value.trim().trim_matches('"')),
            None if field == "bootable" => ("bootable".to_owned(), ""),
            None => ((*["start", "size", "type", "mark"].get(at).unwrap_or(&"")).to_owned(), field.as_str()),
        };
        set(&mut want, &key, value, sector, is_gpt).map_err(|text| wrong(number, &text))?;
    }
    Ok(want)
}

/// Fields between commas outside quotes, or between blanks.
fn fields(text: &str, is_spaced: bool) -> Vec<String> {
    if is_spaced {
        return text.split_whitespace().map(str::to_owned).collect();
    }
    let (mut fields, mut is_quoted) = (vec![String::new()], false);
    for c in text.chars() {
        is_quoted ^= c == '"';
        match fields.last_mut() {
            Some(_) if c == ',' && !is_quoted => fields.push(String::new()),
            Some(field) => field.push(c),
            None => {}
        }
    }
    fields.into_iter().map(|field| field.trim().to_owned()).collect()
}

fn set(want: &mut Want, key: &str, value: &str, sector: u64, is_gpt: bool) -> Result<(), String> {
    let is_default = matches!(value, "" | "-" | "+");
    match key {
        "start" | "size" | "type" | "id" if is_default => {}
        "start" => want.start = Some(length(value, sector)?),
        "size" => want.size = Some(length(value, sector)?),
        "type" | "id" => want.kind = Some(Kind::read(value, is_gpt).ok_or_else(|| format!("unknown type {value}"))?),
        "uuid" => want.id = Some(guid(value).ok_or_else(|| format!("{value} is no UUID"))?),
        "name" => value.clone_into(&mut want.name),
        "attrs" => want.attributes = attributes(value)?,
        "bootable" => want.boots = true,
        "mark" => want.boots = value == "*",
        _ => return Err(format!("unknown field {key}")),
    }
    Ok(())
}

/// Sectors of `2048` or `10M`.
pub fn length(text: &str, sector: u64) -> Result<u64, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text
        .strip_suffix(['s', 'S'])
        .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
        .map_or((text, is_plain), |t| (t, true));
    let number = size::read(text.0).ok_or_else(|| format!("{} is no size", text.0))?;
    Ok(if text.1 { number } else { number / sector })
}

/// Names of GPT's first three attributes.
const NAMES: [&str; 3] = ["RequiredPartition", "NoBlockIOProtocol", "LegacyBIOSBootable"];

fn attributes(text: &str) -> Result<u64, String> {
    let mut bits = 0;
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        let named = NAMES.iter().position(|name| *name == word);
        let numbered = || word.trim_start_matches("GUID:").parse().ok().filter(|bit| *bit < 64);
        bits |= 1_u64 << named.or_else(numbered).ok_or_else(|| format!("unknown attribute {word}"))?;
    }
    Ok(bits)
}

/// The words of attributes.
pub fn attribute_words(bits: u64) -> String {
    let named = NAMES.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, name)| (*name).to_owned());
    let numbered: Vec<String> = (48..64).filter(|bit| bits >> bit & 1 == 1).map(|bit| bit.to_string()).collect();
    let numbered = (!numbered.is_empty()).then(|| format!("GUID:{}", numbered.join(",")));
    named.chain(numbered).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn lines_in_both_forms() {
        let want = partition(1, ",20M,S,*", 512, false).unwrap();
        assert_eq!((want.start, want.size, want.kind, want.boots), (None, Some(40_960), Some(Kind::Byte(0x82)), true));
        let want = partition(1, "/dev/sda3 : start=2048, size=+, type=U, name=\"a, b\"", 512, true).unwrap();
        assert_eq!((want.number, want.start, want.size, want.name.as_str()), (Some(3), Some(2048), None, "a, b"));
        assert_eq!(partition(1, "2048 10M L", 512, false).unwrap().size, Some(20_480));
        assert!(partition(1, "size=x", 512, true).is_err() && partition(1, "colour=red", 512, true).is_err());
    }
}
