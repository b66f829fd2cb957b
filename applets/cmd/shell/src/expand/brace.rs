//! Brace expansion: `{a,b}` and `{1..3}`, before everything else.

use crate::ast::{Part, Word};

/// Most words that a sequence makes.
const MOST: usize = 1 << 20;

/// A word as a row of bytes without quotes, and other parts.
#[derive(Debug, Clone, PartialEq)]
enum Unit {
    Byte(u8),
    Other(Part),
}

/// True when the word may have braces to expand.
pub fn may_have(word: &Word) -> bool {
    word.parts.iter().any(|part| matches!(part, Part::Plain(text) if text.contains(&b'{')))
}

/// The words that a word's braces make.
pub fn expand(word: &Word) -> Vec<Word> {
    let mut units = Vec::new();
    for part in &word.parts {
        match part {
            Part::Plain(text) => units.extend(text.iter().copied().map(Unit::Byte)),
            other => units.push(Unit::Other(other.clone())),
        }
    }
    let mut all = Vec::new();
    expand_units(&units, &mut all, 0);
    all.iter().map(|units| word_of(units)).collect()
}

fn word_of(units: &[Unit]) -> Word {
    let mut parts: Vec<Part> = Vec::new();
    for unit in units {
        match (unit, parts.last_mut()) {
            (Unit::Byte(byte), Some(Part::Plain(text))) => text.push(*byte),
            (Unit::Byte(byte), _) => parts.push(Part::Plain(vec![*byte])),
            (Unit::Other(Part::Plain(more)), Some(Part::Plain(text))) => text.extend_from_slice(more),
            (Unit::Other(part), _) => parts.push(part.clone()),
        }
    }
    Word { parts }
}

/// Adds what units make; the first braces are expanded, and each result again.
fn expand_units(units: &[Unit], all: &mut Vec<Vec<Unit>>, depth: u32) {
    let found = (0..units.len()).find_map(|at| Some((at, alternatives(units, at)?)));
    let Some((start, (choices, end))) = found.filter(|_| depth < 100 && all.len() < MOST) else {
        all.push(units.to_vec());
        return;
    };
    let head = units.get(..start).unwrap_or_default();
    let mut tails = Vec::new();
    expand_units(units.get(end..).unwrap_or_default(), &mut tails, depth + 1);
    for choice in choices {
        let mut middles = Vec::new();
        expand_units(&choice, &mut middles, depth + 1);
        for middle in &middles {
            for tail in &tails {
                if all.len() < MOST {
                    all.push([head, middle, tail].concat());
                }
            }
        }
    }
}

/// The alternatives of braces that open at a place, and the place behind them.
fn alternatives(units: &[Unit], at: usize) -> Option<(Vec<Vec<Unit>>, usize)> {
    if units.get(at) != Some(&Unit::Byte(b'{')) {
        return None;
    }
    let mut depth = 0_u32;
    let mut commas = Vec::new();
    for (place, unit) in units.iter().enumerate().skip(at) {
        match unit {
            Unit::Byte(b'{') => depth += 1,
            Unit::Byte(b',') if depth == 1 => commas.push(place),
            Unit::Byte(b'}') => {
                depth -= 1;
                if depth == 0 {
                    return choices(units, at, place, &commas).map(|all| (all, place + 1));
                }
            }
            _ => {}
        }
    }
    None
}

fn choices(units: &[Unit], at: usize, end: usize, commas: &[usize]) -> Option<Vec<Vec<Unit>>> {
    if commas.is_empty() {
        return sequence(units.get(at + 1..end)?);
    }
    let mut all = Vec::new();
    let mut from = at + 1;
    for comma in commas.iter().chain(std::iter::once(&end)) {
        all.push(units.get(from..*comma)?.to_vec());
        from = comma + 1;
    }
    Some(all)
}

/// `1..5`, `a..e`, `1..9..2`.
fn sequence(units: &[Unit]) -> Option<Vec<Vec<Unit>>> {
    let bytes: Option<Vec<u8>> = units
        .iter()
        .map(|unit| match unit {
            Unit::Byte(byte) => Some(*byte),
            Unit::Other(_) => None,
        })
        .collect();
    let text = String::from_utf8(bytes?).ok()?;
    let parts: Vec<&str> = text.split("..").collect();
    let (from, to, step) = match parts.as_slice() {
        [from, to] => (*from, *to, 1),
        [from, to, step] => (*from, *to, step.parse::<i64>().ok()?),
        _ => return None,
    };
    let step = step.unsigned_abs().max(1);
    // No byte of a number or a letter is special.
    let units = |text: String| vec![Unit::Other(Part::Plain(text.into_bytes()))];
    if let (Ok(first), Ok(last)) = (from.parse::<i64>(), to.parse::<i64>()) {
        let padded = |text: &str| {
            let digits = text.trim_start_matches(['-', '+']);
            digits.len() > 1 && digits.starts_with('0')
        };
        let width = if padded(from) || padded(to) { from.len().max(to.len()) } else { 0 };
        let numbers = numbers(first, last, step)?;
        return Some(numbers.map(|number| units(format!("{number:0width$}"))).collect());
    }
    let (first, last) = (single(from)?, single(to)?);
    let numbers = numbers(first.into(), last.into(), step)?;
    let letter = |number: i64| vec![Unit::Byte(u8::try_from(number).unwrap_or(b'?'))];
    Some(numbers.map(letter).collect())
}

fn single(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii_alphabetic() => Some(*byte),
        _ => None,
    }
}

fn numbers(first: i64, last: i64, step: u64) -> Option<impl Iterator<Item = i64>> {
    let count = first.abs_diff(last) / step + 1;
    let step = i64::try_from(step).ok()?;
    let step = if last < first { -step } else { step };
    let count = i64::try_from(count).ok().filter(|count| *count <= MOST as i64)?;
    Some((0..count).map(move |number| first.wrapping_add(step.wrapping_mul(number))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let words = expand(&Word::plain(text.as_bytes()));
        let text = |word: &Word| String::from_utf8_lossy(word.literal().unwrap_or_default()).into();
        words.iter().map(text).collect()
    }

    #[test]
    fn lists_and_sequences() {
        assert_eq!(all("a{b,c}d"), ["abd", "acd"]);
        assert_eq!(all("{1..3}"), ["1", "2", "3"]);
        assert_eq!(all("{c..a}"), ["c", "b", "a"]);
        assert_eq!(all("{01..3}"), ["01", "02", "03"]);
        assert_eq!(all("{1..9..4}"), ["1", "5", "9"]);
        assert_eq!(all("{a,{b,c}}x"), ["ax", "bx", "cx"]);
        assert_eq!(all("{a,b}{1,2}"), ["a1", "a2", "b1", "b2"]);
        assert_eq!(all("{a}"), ["{a}"]);
        assert_eq!(all("{,x}"), ["", "x"]);
        assert_eq!(all("a{b"), ["a{b"]);
        assert_eq!(all("{a{b,c}"), ["{ab", "{ac"]);
    }
}
