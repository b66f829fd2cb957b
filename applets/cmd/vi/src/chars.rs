//! Characters in a line of bytes: those of UTF-8; a byte that belongs to none counts as one.

/// Kind of a character, as words have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Blank,
    Word,
    Other,
}

/// Bytes of the character at a place; 0 at the end.
pub fn len_at(line: &[u8], at: usize) -> usize {
    let Some(rest) = line.get(at..) else { return 0 };
    let len = match rest.first() {
        None => return 0,
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        Some(_) => return 1,
    };
    if rest.get(..len).is_some_and(|bytes| std::str::from_utf8(bytes).is_ok()) { len } else { 1 }
}

/// The character at a place, if it is one.
pub fn at(line: &[u8], at: usize) -> Option<char> {
    let bytes = line.get(at..at + len_at(line, at))?;
    std::str::from_utf8(bytes).ok()?.chars().next()
}

/// Place of the character before.
pub fn before(line: &[u8], at: usize) -> usize {
    let start = at.saturating_sub(4);
    (start..at).find(|from| from + len_at(line, *from) == at).unwrap_or(at.saturating_sub(1))
}

/// Place of the last character; 0 in an empty line.
pub fn last(line: &[u8]) -> usize {
    before(line, line.len())
}

/// Place of the first character that is no blank; the last one if all are.
pub fn first_shown(line: &[u8]) -> usize {
    line.iter().position(|c| !matches!(c, b' ' | b'\t')).unwrap_or_else(|| last(line))
}

/// Class of the character at a place; `big` words end at blanks alone.
pub fn class(line: &[u8], place: usize, big: bool) -> Class {
    match line.get(place) {
        None | Some(b' ' | b'\t') => Class::Blank,
        Some(_) if big => Class::Word,
        Some(c) if c.is_ascii_alphanumeric() || *c == b'_' => Class::Word,
        Some(c) if c.is_ascii() => Class::Other,
        Some(_) if at(line, place).is_some_and(char::is_alphanumeric) => Class::Word,
        Some(_) => Class::Other,
    }
}

/// Columns of a character on the screen.
pub fn width(c: char) -> usize {
    match u32::from(c) {
        // Marks that stand over the character before them.
        0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f | 0x20d0..=0x20ff => 0,
        // Blocks that East Asian terminals and emoji show in two columns.
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Puts the character at `place` as the screen shows it; returns its bytes and the column behind it.
pub fn show(line: &[u8], place: usize, column: usize, tab: usize, out: &mut String) -> (usize, usize) {
    let len = len_at(line, place);
    match at(line, place) {
        Some('\t') if tab > 0 => {
            let width = tab - column % tab;
            out.extend(std::iter::repeat_n(' ', width));
            (len, column + width)
        }
        Some(c @ '\0'..='\x1f') => {
            out.push('^');
            out.push(char::from(c as u8 ^ 0x40));
            (len, column + 2)
        }
        Some('\x7f') => {
            out.push_str("^?");
            (len, column + 2)
        }
        Some(c @ '\u{80}'..='\u{9f}') => {
            put_hex(u32::from(c), out);
            (len, column + 4)
        }
        Some(c) => {
            out.push(c);
            (len, column + width(c))
        }
        None => {
            put_hex(line.get(place).copied().unwrap_or(0).into(), out);
            (len.max(1), column + 4)
        }
    }
}

fn put_hex(code: u32, out: &mut String) {
    out.push('<');
    out.extend([code >> 4, code & 0xf].into_iter().filter_map(|digit| char::from_digit(digit, 16)));
    out.push('>');
}

/// Column of a place in a line.
pub fn column(line: &[u8], place: usize, tab: usize) -> usize {
    let (mut at, mut column) = (0, 0);
    let mut unused = String::new();
    while at < place.min(line.len()) {
        unused.clear();
        let (len, after) = show(line, at, column, tab, &mut unused);
        at += len;
        column = after;
    }
    column
}

/// Place in a line of a column: of the character that covers it, or the last one.
pub fn place_of(line: &[u8], wanted: usize, tab: usize) -> usize {
    let (mut at, mut column) = (0, 0);
    let mut unused = String::new();
    while at < line.len() {
        unused.clear();
        let (len, after) = show(line, at, column, tab, &mut unused);
        if after > wanted {
            return at;
        }
        at += len;
        column = after;
    }
    last(line)
}
