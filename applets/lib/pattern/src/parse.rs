//! A pattern's characters into a tree.

use super::bracket::{self, Rules};
use super::bytes::raw_byte;
use super::class;
use super::grammar::{Grammar, Leading};
use super::node::{Node, Place, Set};
use super::{Meaning, Syntax};

/// Most repetitions that an interval may ask for: `RE_DUP_MAX`.
const MOST_REPEATS: u32 = 32767;
/// Most groups within one another: a tree this deep is walked without trouble for the stack.
const DEEPEST: usize = 250;

/// Read a pattern; its groups count from `groups` on. Returns the tree and the number of groups.
///
/// # Errors
/// One sentence.
pub(crate) fn parse(pattern: &[char], syntax: Syntax, meaning: Meaning, groups: usize) -> Result<(Node, usize), String> {
    let grammar = Grammar::of(syntax, meaning);
    let mut parser = Parser { chars: pattern, at: 0, grammar, meaning, offset: groups, groups, closed: Vec::new(), open: 0 };
    if syntax == Syntax::Fixed {
        let literals = pattern.iter().map(|c| parser.literal(*c)).collect::<Result<_, _>>()?;
        return Ok((Node::Sequence(literals), groups));
    }
    let node = parser.choice()?;
    Ok((node, parser.groups))
}

/// A part of a pattern, as far as it is known without what stands around it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Char(char),
    /// A character behind a backslash that means something of its own, or itself.
    Escaped(char),
    Bracket,
    Dot,
    Open,
    Close,
    Bar,
    Star,
    Plus,
    Question,
    /// The start of an interval.
    Brace,
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    grammar: Grammar,
    meaning: Meaning,
    /// Groups of patterns before this one.
    offset: usize,
    groups: usize,
    /// Numbers of groups that a back-reference may name.
    closed: Vec<usize>,
    /// Groups that are open.
    open: usize,
}

impl Parser<'_> {
    /// The next token and its length.
    fn peek(&self) -> Result<Option<(Token, usize)>, String> {
        let Some(c) = self.chars.get(self.at).copied() else { return Ok(None) };
        let Grammar { slashed_groups, slashed_plus, intervals, .. } = self.grammar;
        if c == '\\' {
            let next = *self.chars.get(self.at + 1).ok_or("the pattern ends in a backslash")?;
            let token = match next {
                '(' if slashed_groups => Token::Open,
                ')' if slashed_groups => Token::Close,
                '|' if slashed_groups => Token::Bar,
                '{' if slashed_groups && intervals => Token::Brace,
                '+' if slashed_plus => Token::Plus,
                '?' if slashed_plus => Token::Question,
                next => Token::Escaped(next),
            };
            return Ok(Some((token, 2)));
        }
        let token = match c {
            '[' => Token::Bracket,
            '.' => Token::Dot,
            '*' => Token::Star,
            '(' if !slashed_groups => Token::Open,
            ')' if self.grammar.loose && self.open == 0 => Token::Char(c),
            ')' if !slashed_groups => Token::Close,
            '|' if !slashed_groups => Token::Bar,
            '{' if !slashed_groups && intervals => Token::Brace,
            '+' if !slashed_plus => Token::Plus,
            '?' if !slashed_plus => Token::Question,
            c => Token::Char(c),
        };
        Ok(Some((token, 1)))
    }

    /// Alternatives, to the end or a closing bracket.
    fn choice(&mut self) -> Result<Node, String> {
        let before = self.closed.clone();
        let mut after = before.clone();
        let mut parts = Vec::new();
        loop {
            // A group of one alternative is not there for the next.
            self.closed.clone_from(&before);
            parts.push(self.sequence()?);
            after.extend(self.closed.iter().skip(before.len()));
            match self.peek()? {
                Some((Token::Bar, len)) => self.at += len,
                Some((Token::Close, _)) if self.open == 0 => return Err("a ) closes nothing".into()),
                _ => break,
            }
        }
        self.closed = after;
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node::Choice(parts) })
    }

    fn sequence(&mut self) -> Result<Node, String> {
        let mut parts = Vec::new();
        // Nothing that could be repeated stands before: the start, or a place behind which a star is a character.
        let mut leading = true;
        while let Some((token, len)) = self.peek()? {
            if matches!(token, Token::Bar | Token::Close) {
                break;
            }
            let is_repeat = matches!(token, Token::Star | Token::Plus | Token::Question | Token::Brace);
            if is_repeat && !leading {
                let body = parts.pop().unwrap_or(Node::Empty);
                parts.push(self.repeats(body)?);
                continue;
            }
            self.at += len;
            if is_repeat {
                leading = self.leading(token, &mut parts)?;
                continue;
            }
            let node = self.atom(token, parts.is_empty())?;
            leading = match node {
                Node::Place(Place::Start | Place::LineStart) => true,
                Node::Place(_) if self.grammar.free_anchors => true,
                Node::Place(_) => !matches!(token, Token::Char(_)),
                _ => false,
            };
            parts.push(node);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node::Sequence(parts) })
    }

    /// A repetition operator with nothing before it. Returns if the next one has nothing before it, too.
    fn leading(&mut self, token: Token, parts: &mut Vec<Node>) -> Result<bool, String> {
        let (leading, c) = match token {
            Token::Brace => (self.grammar.leading_interval, '{'),
            Token::Plus => (self.grammar.leading, '+'),
            Token::Question => (self.grammar.leading, '?'),
            _ => (self.grammar.leading, '*'),
        };
        // As GNU: of an interval that stands alone the brace alone is left out; a brace of none is a character.
        let is_none = token == Token::Brace && leading == Leading::Nothing && self.interval(self.at)?.is_none();
        match leading {
            _ if is_none => {
                let literal = self.literal(c)?;
                parts.push(literal);
                Ok(false)
            }
            Leading::Character => {
                let literal = self.literal(c)?;
                parts.push(literal);
                Ok(false)
            }
            Leading::Nothing => Ok(true),
            Leading::Error => Err(format!("there is nothing before the {c} to repeat")),
        }
    }

    /// All repetitions behind a part.
    fn repeats(&mut self, body: Node) -> Result<Node, String> {
        let mut node = body;
        let mut before = false;
        while let Some((token, len)) = self.peek()? {
            if before && self.grammar.once && matches!(token, Token::Star | Token::Brace) {
                return Err("a repetition is repeated".into());
            }
            let (least, most) = match token {
                Token::Star => (0, None),
                Token::Plus => (1, None),
                Token::Question => (0, Some(1)),
                Token::Brace => match self.interval(self.at + len)? {
                    Some((least, most, end)) => {
                        self.at = end - len;
                        (least, most)
                    }
                    None => break,
                },
                _ => break,
            };
            self.at += len;
            before = true;
            node = Node::Repeat { body: Box::new(node), least, most };
        }
        if !before {
            // A brace that begins no interval.
            self.at += 1;
            let brace = self.literal('{')?;
            node = Node::Sequence(vec![node, brace]);
        }
        Ok(node)
    }

    /// `{2}`, `{2,}`, `{,3}`, `{2,3}`, `{,}` behind the brace: its numbers and the place behind it. None: it is a character.
    fn interval(&self, at: usize) -> Result<Option<(u32, Option<u32>, usize)>, String> {
        let rest = self.chars.get(at..).unwrap_or_default();
        let close: &[char] = if self.grammar.slashed_groups { &['\\', '}'] } else { &['}'] };
        let len = rest.iter().position(|c| !c.is_ascii_digit() && *c != ',').unwrap_or(rest.len());
        let body: String = rest[..len].iter().collect();
        let (low, high) = body.split_once(',').unwrap_or((&body, &body));
        if body.is_empty() || high.contains(',') || !rest[len..].starts_with(close) {
            return if self.grammar.loose { Ok(None) } else { Err("{ is not followed by numbers and }".into()) };
        }
        let number = |digits: &str| digits.parse().ok().filter(|n| *n <= MOST_REPEATS).ok_or("an interval is too large");
        let least = if low.is_empty() { 0 } else { number(low)? };
        let most = if high.is_empty() { None } else { Some(number(high)?) };
        if most.is_some_and(|most| most < least) {
            return Err("an interval's end is before its start".into());
        }
        Ok(Some((least, most, at + len + close.len())))
    }

    fn atom(&mut self, token: Token, first: bool) -> Result<Node, String> {
        let Meaning { any_case, lines, .. } = self.meaning;
        match token {
            Token::Open => self.group(),
            Token::Bracket => {
                let rules = Rules { names: self.grammar.names, any_case, lines };
                let (set, end) = bracket::read(self.chars, self.at, rules)?;
                self.at = end;
                Ok(Node::Set(set))
            }
            Token::Dot => {
                let newline = class::range('\n', '\n');
                let chars = if lines { class::without(&class::all(), &newline) } else { class::all() };
                Ok(Node::Set(Set { chars, bytes: Vec::new() }))
            }
            Token::Char('^') if self.grammar.free_anchors || first => {
                Ok(Node::Place(if lines { Place::LineStart } else { Place::Start }))
            }
            Token::Char('$') if self.grammar.free_anchors || self.is_at_end()? => {
                Ok(Node::Place(if lines { Place::LineEnd } else { Place::End }))
            }
            Token::Escaped(c) => self.escaped(c),
            Token::Char(c) => self.literal(c),
            _ => Ok(Node::Empty),
        }
    }

    fn is_at_end(&self) -> Result<bool, String> {
        Ok(matches!(self.peek()?, None | Some((Token::Bar | Token::Close, _))))
    }

    fn group(&mut self) -> Result<Node, String> {
        if self.open == DEEPEST {
            return Err("groups are too deep within one another".into());
        }
        self.groups += 1;
        let number = self.groups;
        self.open += 1;
        let body = self.choice()?;
        match self.peek()? {
            Some((Token::Close, len)) => self.at += len,
            _ => return Err("a ( is not closed".into()),
        }
        self.open -= 1;
        self.closed.push(number);
        Ok(Node::Group(number, Box::new(body)))
    }

    fn escaped(&mut self, c: char) -> Result<Node, String> {
        let set = |chars| Ok(Node::Set(Set { chars, bytes: Vec::new() }));
        let place = |place| Ok(Node::Place(place));
        match c {
            '1'..='9' => {
                let number = self.offset + c.to_digit(10).map_or(0, |digit| digit as usize);
                if self.closed.contains(&number) {
                    Ok(Node::Recall(number))
                } else {
                    Err(format!("there is no group before the back-reference \\{c}"))
                }
            }
            '<' => place(Place::WordStart),
            '>' => place(Place::WordEnd),
            '`' => place(Place::Start),
            '\'' => place(Place::End),
            'b' => place(Place::WordEdge),
            'B' => place(Place::NoWordEdge),
            'w' => set(class::word()),
            'W' => set(class::without(&class::all(), &class::word())),
            's' => set(class::space()),
            'S' => set(class::without(&class::all(), &class::space())),
            _ => self.literal(c),
        }
    }

    /// A character, or a byte that is none, as itself.
    fn literal(&self, c: char) -> Result<Node, String> {
        if let Some(byte) = raw_byte(c) {
            return Ok(Node::Byte(byte));
        }
        let mut set = Set::of(c, c);
        if self.meaning.any_case && set.chars.try_case_fold_simple().is_err() {
            return Err("there is no table of letters' cases".into());
        }
        Ok(Node::Set(set))
    }
}
