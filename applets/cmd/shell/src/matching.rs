//! Patterns of the shell: `*`, `?`, `[…]`, and bash's groups `@(a|b)`.
//!
//! The time is polynomial in the lengths of pattern and text: a pattern that branches is followed through all places at once.

use crate::expand::field::{Cell, Mark};

/// A pattern.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pattern {
    nodes: Vec<Node>,
    any_case: bool,
    /// Nothing but bytes.
    literal: bool,
    /// A group is in it.
    groups: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Byte(u8),
    Any,
    Star,
    Class(Class),
    Group(u8, Vec<Vec<Node>>),
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Class {
    negated: bool,
    ranges: Vec<(u32, u32)>,
    named: Vec<Vec<u8>>,
}

/// Deepest groups in groups: a guard of the stack.
const DEEPEST: u32 = 50;

/// Code of the character at the begin of `text`, and its length; a byte that is none has a code of its own.
pub fn character(text: &[u8]) -> Option<(u32, usize)> {
    let first = *text.first()?;
    let len = match first {
        0..=0x7f => return Some((first.into(), 1)),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let whole = text.get(..len).and_then(|bytes| std::str::from_utf8(bytes).ok());
    match whole.and_then(|whole| whole.chars().next()) {
        Some(c) => Some((c.into(), len)),
        None => Some((0xdc00 + u32::from(first), 1)),
    }
}

/// Number of characters.
pub fn count(text: &[u8]) -> usize {
    let (mut at, mut number) = (0, 0);
    while let Some((_, len)) = character(text.get(at..).unwrap_or_default()) {
        at += len;
        number += 1;
    }
    number
}

/// Byte where the character of that number begins, or the end.
pub fn offset(text: &[u8], characters: usize) -> usize {
    let mut at = 0;
    for _ in 0..characters {
        let Some((_, len)) = character(text.get(at..).unwrap_or_default()) else { break };
        at += len;
    }
    at
}

/// True when cells have a character in them that makes them a pattern.
pub fn is_pattern(cells: &[Cell], groups: bool) -> bool {
    let special = |at: usize, cell: &Cell| {
        cell.1.is_special()
            && match cell.0 {
                b'*' | b'?' => true,
                // A bracket that nothing closes is a character, as the command `[` is.
                b'[' => cells.get(at + 1..).is_some_and(|rest| rest.iter().any(|cell| cell.0 == b']')),
                b'+' | b'@' | b'!' => groups && cells.get(at + 1).is_some_and(|next| next.0 == b'('),
                _ => false,
            }
    };
    cells.iter().enumerate().any(|(at, cell)| special(at, cell))
}

impl Pattern {
    /// Pattern of cells: only those that no quotes protect have a meaning.
    pub fn new(cells: &[Cell], groups: bool, any_case: bool) -> Self {
        let cells: Vec<Cell> = cells.iter().copied().filter(|cell| cell.1 != Mark::Empty).collect();
        let mut reader = Reader { cells: &cells, at: 0, groups };
        let nodes = reader.nodes(0, &[]);
        let literal = !any_case && nodes.iter().all(|node| matches!(node, Node::Byte(_)));
        let groups = nodes.iter().any(|node| matches!(node, Node::Group(..)));
        Self { nodes, any_case, literal, groups }
    }

    /// Pattern of a text without quotes.
    pub fn of_text(text: &[u8], groups: bool, any_case: bool) -> Self {
        let cells: Vec<Cell> = text.iter().map(|byte| Cell(*byte, Mark::Plain)).collect();
        Self::new(&cells, groups, any_case)
    }

    /// True for the empty pattern.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// True when the pattern begins with a dot that is written out.
    pub fn begins_with_dot(&self) -> bool {
        match self.nodes.first() {
            Some(Node::Byte(b'.')) => true,
            Some(Node::Group(b'@' | b'+', alternatives)) => {
                alternatives.iter().any(|nodes| nodes.first() == Some(&Node::Byte(b'.')))
            }
            _ => false,
        }
    }

    /// True when all of the text fits.
    pub fn matches(&self, text: &[u8]) -> bool {
        if self.groups {
            return self.ends(text).last().copied().unwrap_or(false);
        }
        self.matches_simply(text)
    }

    /// Without groups one place to go back to is enough: a later star makes earlier ones settled.
    fn matches_simply(&self, text: &[u8]) -> bool {
        let (mut node, mut at, mut back) = (0, 0, None);
        loop {
            match self.nodes.get(node) {
                Some(Node::Star) => {
                    node += 1;
                    back = Some((node, at));
                    continue;
                }
                Some(one) => {
                    if let Some(len) = one.step(text.get(at..).unwrap_or_default(), self.any_case) {
                        node += 1;
                        at += len;
                        continue;
                    }
                }
                None if at == text.len() => return true,
                None => {}
            }
            let Some((behind, from)) = back else { return false };
            let rest = text.get(from..).unwrap_or_default();
            let Some((_, len)) = character(rest) else { return false };
            back = Some((behind, from + len));
            node = behind;
            at = from + len;
        }
    }

    /// For each place of the text, true when the pattern may end there, having begun at the text's begin.
    pub fn ends(&self, text: &[u8]) -> Vec<bool> {
        let mut places = vec![false; text.len() + 1];
        places[0] = true;
        run(&self.nodes, text, places, self.any_case)
    }

    /// Length of the longest match at the text's begin.
    pub fn longest_at(&self, text: &[u8]) -> Option<usize> {
        if self.literal {
            let fits = |(node, byte): (&Node, &u8)| *node == Node::Byte(*byte);
            let whole = text.len() >= self.nodes.len();
            return (whole && self.nodes.iter().zip(text).all(fits)).then_some(self.nodes.len());
        }
        let branches = |node: &Node| matches!(node, Node::Star | Node::Group(..));
        if !self.nodes.iter().any(branches) {
            let mut at = 0;
            for node in &self.nodes {
                at += node.step(text.get(at..)?, self.any_case)?;
            }
            return Some(at);
        }
        if let Some(Node::Byte(_) | Node::Class(_)) = self.nodes.first() {
            self.nodes.first()?.step(text, self.any_case)?;
        }
        self.ends(text).iter().rposition(|end| *end)
    }
}

impl Node {
    /// Length of the one character at the text's begin, when it fits.
    fn step(&self, text: &[u8], any_case: bool) -> Option<usize> {
        match self {
            Self::Byte(byte) => {
                let found = text.first()?;
                let same = found == byte || any_case && found.eq_ignore_ascii_case(byte);
                same.then_some(1)
            }
            Self::Any => character(text).map(|(_, len)| len),
            Self::Class(class) => {
                let (code, len) = character(text)?;
                class.has(code, any_case).then_some(len)
            }
            Self::Star | Self::Group(..) => None,
        }
    }
}

/// Places where nodes may end that began at one of `places`.
fn run(nodes: &[Node], text: &[u8], mut places: Vec<bool>, any_case: bool) -> Vec<bool> {
    for node in nodes {
        places = match node {
            Node::Star => {
                let first = places.iter().position(|place| *place).unwrap_or(places.len());
                (0..places.len()).map(|at| at >= first).collect()
            }
            Node::Group(kind, alternatives) => group(*kind, alternatives, text, &places, any_case),
            _ => {
                let mut next = vec![false; places.len()];
                for at in (0..text.len()).filter(|at| places[*at]) {
                    if let Some(len) = node.step(&text[at..], any_case) {
                        next[at + len] = true;
                    }
                }
                next
            }
        };
    }
    places
}

fn group(kind: u8, alternatives: &[Vec<Node>], text: &[u8], places: &[bool], any_case: bool) -> Vec<bool> {
    let once = |places: &[bool]| {
        let mut all = vec![false; places.len()];
        for nodes in alternatives {
            let ends = run(nodes, text, places.to_vec(), any_case);
            all.iter_mut().zip(ends).for_each(|(all, end)| *all |= end);
        }
        all
    };
    match kind {
        b'@' => once(places),
        b'?' => once(places).iter().zip(places).map(|(end, place)| *end || *place).collect(),
        b'!' => {
            let mut all = vec![false; places.len()];
            for at in (0..places.len()).filter(|at| places[*at]) {
                let mut alone = vec![false; places.len()];
                alone[at] = true;
                let ends = once(&alone);
                for end in at..places.len() {
                    all[end] |= !ends[end];
                }
            }
            all
        }
        _ => {
            let mut all = if kind == b'*' { places.to_vec() } else { vec![false; places.len()] };
            let mut new = places.to_vec();
            while new.iter().any(|place| *place) {
                let ends = once(&new);
                new = ends.iter().zip(&all).map(|(end, known)| *end && !*known).collect();
                all.iter_mut().zip(&ends).for_each(|(all, end)| *all |= *end);
            }
            all
        }
    }
}

impl Class {
    fn has(&self, code: u32, any_case: bool) -> bool {
        let one = |code: u32| {
            self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&code)) || self.named.iter().any(|name| named(name, code))
        };
        let other = |code: u32| match char::from_u32(code) {
            Some(c) if c.is_lowercase() => c.to_uppercase().next().map_or(code, u32::from),
            Some(c) => c.to_lowercase().next().map_or(code, u32::from),
            None => code,
        };
        (one(code) || any_case && one(other(code))) != self.negated
    }
}

fn named(name: &[u8], code: u32) -> bool {
    let Some(c) = char::from_u32(code) else { return false };
    match name {
        b"alpha" => c.is_alphabetic(),
        b"digit" => c.is_ascii_digit(),
        b"alnum" => c.is_alphanumeric(),
        b"upper" => c.is_uppercase(),
        b"lower" => c.is_lowercase(),
        b"space" => c.is_whitespace() || c == '\u{b}',
        b"blank" => c == ' ' || c == '\t',
        b"punct" => c.is_ascii_punctuation(),
        b"print" => !c.is_control(),
        b"graph" => !c.is_control() && !c.is_whitespace(),
        b"cntrl" => c.is_control(),
        b"xdigit" => c.is_ascii_hexdigit(),
        b"word" => c.is_alphanumeric() || c == '_',
        b"ascii" => c.is_ascii(),
        _ => false,
    }
}

struct Reader<'a> {
    cells: &'a [Cell],
    at: usize,
    groups: bool,
}

impl Reader<'_> {
    fn special(&self, ahead: usize) -> Option<u8> {
        let cell = self.cells.get(self.at + ahead)?;
        cell.1.is_special().then_some(cell.0)
    }

    /// Nodes up to one of the bytes, which stays.
    fn nodes(&mut self, depth: u32, ends: &[u8]) -> Vec<Node> {
        let mut nodes = Vec::new();
        while let Some(cell) = self.cells.get(self.at).copied() {
            let special = self.special(0);
            if special.is_some_and(|byte| ends.contains(&byte)) {
                return nodes;
            }
            let group = self.groups && depth < DEEPEST && self.special(1) == Some(b'(');
            match special {
                Some(kind @ (b'?' | b'*' | b'+' | b'@' | b'!')) if group => {
                    if let Some(node) = self.group(kind, depth) {
                        nodes.push(node);
                        continue;
                    }
                    nodes.push(Node::Byte(cell.0));
                }
                Some(b'*') => {
                    if nodes.last() != Some(&Node::Star) {
                        nodes.push(Node::Star);
                    }
                }
                Some(b'?') => nodes.push(Node::Any),
                Some(b'[') => match self.class() {
                    Some(class) => {
                        nodes.push(Node::Class(class));
                        continue;
                    }
                    None => nodes.push(Node::Byte(b'[')),
                },
                Some(b'\\') if self.at + 1 < self.cells.len() => {
                    self.at += 1;
                    nodes.push(Node::Byte(self.cells[self.at].0));
                }
                _ => nodes.push(Node::Byte(cell.0)),
            }
            self.at += 1;
        }
        nodes
    }

    fn group(&mut self, kind: u8, depth: u32) -> Option<Node> {
        let start = self.at;
        self.at += 2;
        let mut alternatives = Vec::new();
        loop {
            alternatives.push(self.nodes(depth + 1, b"|)"));
            match self.special(0) {
                Some(b'|') => self.at += 1,
                Some(_) => {
                    self.at += 1;
                    return Some(Node::Group(kind, alternatives));
                }
                None => {
                    self.at = start;
                    return None;
                }
            }
        }
    }

    /// A bracket expression, and the place behind it; none when its end is missing.
    fn class(&mut self) -> Option<Class> {
        let mut class = Class::default();
        let mut at = self.at + 1;
        if let Some(Cell(b'!' | b'^', mark)) = self.cells.get(at)
            && mark.is_special()
        {
            class.negated = true;
            at += 1;
        }
        let first = at;
        loop {
            let cell = *self.cells.get(at)?;
            let special = cell.1.is_special();
            if cell.0 == b']' && special && at > first {
                self.at = at + 1;
                return Some(class);
            }
            if let (b'[', true, Some((kind, name, end))) = (cell.0, special, self.inner(at)) {
                if kind == b':' {
                    class.named.push(name);
                } else {
                    let (code, _) = character(&name)?;
                    class.ranges.push((code, code));
                }
                at = end;
                continue;
            }
            let (from, next) = self.code(at)?;
            at = next;
            let dash = self.cells.get(at).is_some_and(|cell| cell.0 == b'-' && cell.1.is_special());
            let last = self.cells.get(at + 1).is_none_or(|c| c.0 == b']' && c.1.is_special());
            if dash && !last {
                let (to, next) = self.code(at + 1)?;
                class.ranges.push((from, to));
                at = next;
            } else {
                class.ranges.push((from, from));
            }
        }
    }

    /// Code of the character at a place, a backslash considered, and the place behind it.
    fn code(&self, at: usize) -> Option<(u32, usize)> {
        let mut at = at;
        let cell = self.cells.get(at)?;
        if cell.0 == b'\\' && cell.1.is_special() && at + 1 < self.cells.len() {
            at += 1;
        }
        let bytes: Vec<u8> = self.cells.get(at..)?.iter().take(4).map(|cell| cell.0).collect();
        let (code, len) = character(&bytes)?;
        Some((code, at + len))
    }

    /// `[:name:]`, `[.x.]` or `[=x=]` inside brackets: kind, name, place behind it.
    fn inner(&self, at: usize) -> Option<(u8, Vec<u8>, usize)> {
        let kind = self.cells.get(at + 1)?.0;
        if !matches!(kind, b':' | b'.' | b'=') {
            return None;
        }
        let rest = self.cells.get(at + 2..)?;
        let end = rest.windows(2).position(|pair| pair[0].0 == kind && pair[1].0 == b']')?;
        let name: Vec<u8> = rest.get(..end)?.iter().map(|cell| cell.0).collect();
        (!name.is_empty()).then_some((kind, name, at + 2 + end + 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, text: &str) -> bool {
        Pattern::of_text(pattern.as_bytes(), true, false).matches(text.as_bytes())
    }

    #[test]
    fn stars_and_classes() {
        assert!(fits("a*c*e", "abcde") && fits("*", "") && !fits("a*b", "ac"));
        assert!(fits("[a-c]?", "bx") && fits("[!a]", "b") && !fits("[!a]", "a"));
        assert!(fits("[]a]", "]") && fits("[a-]", "-") && fits("[[:digit:]x]", "7"));
        assert!(fits("[a", "[a") && fits("\\*", "*") && !fits("\\*", "a"));
        assert!(fits("?", "ü") && fits("[ä-ü]", "ö"));
    }

    #[test]
    fn groups() {
        assert!(fits("@(a|b)c", "bc") && !fits("@(a|b)c", "cc"));
        assert!(fits("+(ab)", "abab") && !fits("+(ab)", "") && fits("*(ab)", ""));
        assert!(fits("!(a|b)", "c") && !fits("!(a|b)", "a") && fits("!(*.o)", "x.c"));
        assert!(fits("a?(b)c", "ac") && fits("*.@(c|h)", "x.h"));
    }

    #[test]
    fn longest_matches() {
        let longest = |pattern: &str, text: &str| Pattern::of_text(pattern.as_bytes(), true, false).longest_at(text.as_bytes());
        assert_eq!(longest("a*", "aab"), Some(3));
        assert_eq!(longest("+(a)", "aab"), Some(2));
        assert_eq!(longest("x", "aab"), None);
    }
}
