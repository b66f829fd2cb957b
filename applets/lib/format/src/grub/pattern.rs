//! Extended regular expressions (POSIX.1, 9.4) for `regexp`, tried with a limit of steps.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// The longest pattern and text, in characters; the most steps of a search; depth of groups.
const LONGEST: usize = 1024;
const STEPS: usize = 100_000;
const DEPTH: usize = 16;
/// The largest number in braces.
const REPEAT: usize = 255;

#[derive(Debug)]
enum Node {
    Char(char),
    Any,
    /// Ranges, and whether they are those that do not fit.
    Set(Vec<(char, char)>, bool),
    Begin,
    End,
    Group(usize, Vec<Vec<Node>>),
    /// A node, how often at least and at most.
    Repeat(Box<Node>, usize, usize),
}

/// A pattern that was read.
#[derive(Debug)]
pub(super) struct Pattern {
    alternatives: Vec<Vec<Node>>,
    groups: usize,
}

type Spans = Vec<Option<(usize, usize)>>;

impl Pattern {
    pub fn read(text: &str) -> Result<Self, String> {
        let chars: Vec<char> = text.chars().collect();
        if chars.len() > LONGEST {
            return Err("the pattern is too long".into());
        }
        let mut reader = Reader { chars, at: 0, groups: 0 };
        let alternatives = reader.alternatives(0)?;
        if reader.at < reader.chars.len() {
            return Err("a ) is too many".into());
        }
        Ok(Self { alternatives, groups: reader.groups })
    }

    /// The match and its groups; none where nothing fits.
    pub fn find(&self, text: &str) -> Result<Option<Vec<String>>, String> {
        let chars: Vec<char> = text.chars().collect();
        if chars.len() > LONGEST {
            return Err("the text is too long".into());
        }
        let mut search = Search { chars: &chars, spans: vec![None; self.groups + 1], steps: 0 };
        for begin in 0..=chars.len() {
            for alternative in &self.alternatives {
                let mut end = None;
                let fits = search.run(alternative, begin, &mut |_, at| {
                    end = Some(at);
                    true
                })?;
                if let Some(end) = end.filter(|_| fits) {
                    search.spans[0] = Some((begin, end));
                    let text = |span: &Option<(usize, usize)>| {
                        span.map(|(from, to)| chars[from..to].iter().collect()).unwrap_or_default()
                    };
                    return Ok(Some(search.spans.iter().map(text).collect()));
                }
            }
        }
        Ok(None)
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    groups: usize,
}

impl Reader {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.get(self.at).copied();
        self.at += usize::from(c.is_some());
        c
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn alternatives(&mut self, depth: usize) -> Result<Vec<Vec<Node>>, String> {
        if depth > DEPTH {
            return Err("the groups are too deep".into());
        }
        let mut all = vec![Vec::new()];
        while let Some(c) = self.peek() {
            match c {
                ')' if depth > 0 => break,
                '|' => {
                    self.at += 1;
                    all.push(Vec::new());
                }
                _ => {
                    let node = self.node(depth)?;
                    let node = self.repeated(node)?;
                    if let Some(last) = all.last_mut() {
                        last.push(node);
                    }
                }
            }
        }
        Ok(all)
    }

    fn node(&mut self, depth: usize) -> Result<Node, String> {
        Ok(match self.next() {
            Some('.') => Node::Any,
            Some('^') => Node::Begin,
            Some('$') => Node::End,
            Some('(') => {
                self.groups += 1;
                let number = self.groups;
                let inner = self.alternatives(depth + 1)?;
                if self.next() != Some(')') {
                    return Err("a ) is missing".into());
                }
                Node::Group(number, inner)
            }
            Some('[') => self.set()?,
            Some('\\') => Node::Char(self.next().ok_or("a \\ ends it")?),
            Some(c @ ('*' | '+' | '?' | ')')) => return Err(c.to_string() + " stands where it can't"),
            Some(c) => Node::Char(c),
            None => return Err("it ends too early".into()),
        })
    }

    fn set(&mut self) -> Result<Node, String> {
        let (mut ranges, not) = (Vec::new(), self.peek() == Some('^'));
        self.at += usize::from(not);
        loop {
            let c = self.next().ok_or("a ] is missing")?;
            if c == ']' && !ranges.is_empty() {
                return Ok(Node::Set(ranges, not));
            }
            if c == '[' && self.peek() == Some(':') {
                let rest: String = self.chars[self.at + 1..].iter().take_while(|c| **c != ':').collect();
                self.at += rest.chars().count() + 3;
                ranges.extend_from_slice(class(&rest).ok_or("it has an unknown class")?);
                continue;
            }
            match self.chars.get(self.at..self.at + 2) {
                Some(&['-', to]) if to != ']' => {
                    self.at += 2;
                    ranges.push((c, to));
                }
                _ => ranges.push((c, c)),
            }
        }
    }

    fn repeated(&mut self, node: Node) -> Result<Node, String> {
        let mut node = node;
        loop {
            let (least, most) = match self.peek() {
                Some('*') => (0, usize::MAX),
                Some('+') => (1, usize::MAX),
                Some('?') => (0, 1),
                Some('{') => {
                    let inner: String = self.chars[self.at + 1..].iter().take_while(|c| **c != '}').collect();
                    let (least, most) = inner.split_once(',').unwrap_or((&inner, &inner));
                    let number = |text: &str| text.parse::<usize>().ok().filter(|number| *number <= REPEAT);
                    let least = number(least).ok_or("the numbers in braces are wrong")?;
                    let most = if most.is_empty() { Some(usize::MAX) } else { number(most) };
                    self.at += inner.chars().count() + 1;
                    (least, most.ok_or("the numbers in braces are wrong")?)
                }
                _ => return Ok(node),
            };
            self.at += 1;
            if matches!(node, Node::Repeat(..)) {
                return Err("a repetition is repeated".into());
            }
            node = Node::Repeat(Box::new(node), least, most);
        }
    }
}

fn class(name: &str) -> Option<&'static [(char, char)]> {
    Some(match name {
        "digit" => &[('0', '9')],
        "alpha" => &[('a', 'z'), ('A', 'Z')],
        "alnum" => &[('a', 'z'), ('A', 'Z'), ('0', '9')],
        "upper" => &[('A', 'Z')],
        "lower" => &[('a', 'z')],
        "xdigit" => &[('0', '9'), ('a', 'f'), ('A', 'F')],
        "space" => &[(' ', ' '), ('\t', '\r')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        _ => return None,
    })
}

struct Search<'a> {
    chars: &'a [char],
    spans: Spans,
    steps: usize,
}

/// Match of the pattern's rest; it gets the position where that begins.
type Then<'t> = &'t mut dyn FnMut(&mut Search<'_>, usize) -> bool;

impl Search<'_> {
    /// Nodes one after another, the longest repetitions first.
    fn run(&mut self, nodes: &[Node], at: usize, then: Then<'_>) -> Result<bool, String> {
        let fits = self.sequence(nodes, at, then);
        if self.steps > STEPS { Err("it takes too long".into()) } else { Ok(fits) }
    }

    fn sequence(&mut self, nodes: &[Node], at: usize, then: Then<'_>) -> bool {
        self.steps += 1;
        if self.steps > STEPS {
            return false;
        }
        let Some((node, rest)) = nodes.split_first() else { return then(self, at) };
        match node {
            Node::Group(number, alternatives) => alternatives.iter().any(|alternative| {
                let before = self.spans[*number];
                let fits = self.sequence(alternative, at, &mut |search, end| {
                    let inner = search.spans[*number].replace((at, end));
                    let fits = search.sequence(rest, end, then);
                    if !fits {
                        search.spans[*number] = inner;
                    }
                    fits
                });
                if !fits {
                    self.spans[*number] = before;
                }
                fits
            }),
            Node::Repeat(inner, least, most) => self.repeat(inner, *least, *most, rest, at, then),
            Node::Begin => at == 0 && self.sequence(rest, at, then),
            Node::End => at == self.chars.len() && self.sequence(rest, at, then),
            single => match self.chars.get(at) {
                Some(c) if one(single, *c) => self.sequence(rest, at + 1, then),
                _ => false,
            },
        }
    }

    fn repeat(&mut self, inner: &Node, least: usize, most: usize, rest: &[Node], at: usize, then: Then<'_>) -> bool {
        if most > 0 && self.steps <= STEPS {
            let more = self.sequence(core::slice::from_ref(inner), at, &mut |search, end| {
                // A repetition of nothing has no end.
                end > at && search.repeat(inner, least.saturating_sub(1), most.saturating_sub(1), rest, end, then)
            });
            if more {
                return true;
            }
        }
        least == 0 && self.sequence(rest, at, then)
    }
}

fn one(node: &Node, c: char) -> bool {
    match node {
        Node::Char(own) => *own == c,
        Node::Any => true,
        Node::Set(ranges, not) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *not,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn patterns_fit_or_not() {
        for (pattern, text, expected) in [
            ("^([0-9]+)", "6.1", Some(vec!["6", "6"])),
            ("^([0-9]+)\\.([0-9]+)$", "6.12", Some(vec!["6.12", "6", "12"])),
            ("^\\(([^)]*)\\)/?(.*)$", "(hd0,gpt2)/boot", Some(vec!["(hd0,gpt2)/boot", "hd0,gpt2", "boot"])),
            ("vmlinuz-(.*)", "/boot/vmlinuz-6.1-1", Some(vec!["vmlinuz-6.1-1", "6.1-1"])),
            ("(a|b)+c", "abac", Some(vec!["abac", "a"])),
            ("[[:digit:]]{2,3}", "a1234", Some(vec!["123"])),
            ("x?y", "y", Some(vec!["y"])),
            ("^a$", "ab", None),
            ("[^a-c]", "abc", None),
        ] {
            let found = Pattern::read(pattern).unwrap().find(text).unwrap();
            assert_eq!(found.as_deref(), expected.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>()).as_deref());
        }
        for wrong in ["(", "a)", "[", "*a", "a**", "a{x}", "\\"] {
            assert!(Pattern::read(wrong).is_err(), "{wrong}");
        }
        let slow = Pattern::read("(a*)*(a*)*(a*)*b").unwrap();
        assert!(slow.find(&"a".repeat(200)).unwrap_err().contains("too long"));
    }
}
