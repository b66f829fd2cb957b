//! Forms of the fields of SMBIOS structures, and the texts that they become.

use crate::dmi::Structure;

/// Form of a field.
pub enum Form {
    /// Number of a string.
    Text,
    /// Word out of a list, whose first has this number.
    Word(u8, &'static [&'static str]),
    /// Bits with a meaning each, the lowest first; `""` is a bit that says nothing.
    Bits(&'static [&'static str]),
    /// The same in 16 bits.
    WideBits(&'static [&'static str]),
    /// Number of another structure.
    Handle,
    /// Number of 16 bits with a unit; 0 is not known.
    Measure(&'static str),
    /// Number of 8 bits.
    Number,
    /// Anything else: needs so many bytes.
    Other(usize, fn(&Structure<'_>) -> Option<String>),
}

/// Field: place, name, form.
pub type Field = (usize, &'static str, Form);

/// Text of a field; none where the structure ends before it, or where there is nothing to tell.
pub fn shown(s: &Structure<'_>, at: usize, form: &Form) -> Option<String> {
    match form {
        Form::Text => s.string(at),
        Form::Word(first, words) => Some(word(*first, s.byte(at)?, words)),
        Form::Bits(words) => Some(or_none(set(s.byte(at)?.into(), words))),
        Form::WideBits(words) => Some(or_none(set(s.word(at)?.into(), words))),
        Form::Handle if s.word(at)? == 0xffff => Some("Not Provided".to_owned()),
        Form::Handle => Some(format!("0x{:04X}", s.word(at)?)),
        Form::Measure(_) if s.word(at)? == 0 => Some("Unknown".to_owned()),
        Form::Measure(unit) => Some(format!("{}{unit}", s.word(at)?)),
        Form::Number => Some(s.byte(at)?.to_string()),
        Form::Other(length, shown) => s.bytes.get(at..at + length).and_then(|_| shown(s)),
    }
}

fn or_none(words: Vec<&'static str>) -> String {
    if words.is_empty() { "None".to_owned() } else { listed(words) }
}

/// Words of the bits that are set.
pub fn set(bits: u64, words: &[&'static str]) -> Vec<&'static str> {
    let is_set = |(at, word): (usize, &&'static str)| (bits >> at & 1 != 0 && !word.is_empty()).then_some(*word);
    words.iter().enumerate().filter_map(is_set).collect()
}

/// Lines below that of the name.
pub fn listed(words: impl IntoIterator<Item = &'static str>) -> String {
    words.into_iter().flat_map(|word| ["\n\t\t", word]).collect()
}

/// Word with that number.
pub fn word(first: u8, number: u8, words: &[&str]) -> String {
    let found = number.checked_sub(first).and_then(|at| words.get(usize::from(at)));
    found.copied().unwrap_or("<OUT OF SPEC>").to_owned()
}

/// Size, counted in `2^(10 * power)` bytes, in its largest unit, or in the next smaller one where the larger leaves a rest.
pub fn capacity(size: u64, power: usize) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB", "ZB"];
    let mut steps = size.checked_ilog2().map_or(0, |bits| bits / 10);
    if steps > 0 && size >> (10 * (steps - 1)) & 0x3ff != 0 {
        steps -= 1;
    }
    format!("{} {}", size >> (10 * steps), units.get(power + steps as usize).copied().unwrap_or_default())
}
