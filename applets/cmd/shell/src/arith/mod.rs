//! Arithmetic: C's expressions on 64 bits, evaluated while they are read.

mod number;
mod operators;

use crate::ast::{Bytes, Word};
use crate::parse::is_name;
use crate::shell::{Flow, Shell, shown};
use crate::vars::assign::Key;
pub use number::decimal;

/// Expressions inside one another and in variables: a guard of the stack.
const DEEPEST: u32 = 256;

/// Mistake in an expression, or a way out of a command in it.
pub(crate) enum Stop {
    /// Sentence.
    Wrong(String),
    /// Way out.
    Out(Flow),
}

impl From<Flow> for Stop {
    fn from(flow: Flow) -> Self {
        Self::Out(flow)
    }
}

type Value = Result<i64, Stop>;

/// A variable or element that can be assigned to.
#[derive(Debug, Clone)]
struct Place {
    name: Bytes,
    key: Option<Key>,
}

/// One expression in evaluation.
struct Eval<'a> {
    shell: &'a mut Shell,
    text: &'a [u8],
    at: usize,
    depth: u32,
    /// Greater than 0 in a part that is read and not evaluated.
    skipped: u32,
}

impl Shell {
    /// Value of an expression. A mistake ends the command.
    pub fn arith_text(&mut self, text: &[u8]) -> Result<i64, Flow> {
        if let Some(number) = decimal(text) {
            return Ok(number);
        }
        match evaluate(self, text, 0) {
            Ok(value) => Ok(value),
            Err(Stop::Out(flow)) => Err(flow),
            Err(Stop::Wrong(message)) => {
                if self.bash {
                    return self.fail(format!("{}: {message}", shown(text.trim_ascii())));
                }
                self.fail(message)
            }
        }
    }

    /// The same; a mistake is not said.
    pub fn arith_quiet(&mut self, text: &[u8]) -> Option<i64> {
        evaluate(self, text, 0).ok()
    }

    /// The same; a mistake is said and makes none.
    pub fn arith_checked(&mut self, text: &[u8]) -> Result<Option<i64>, Flow> {
        match self.arith_text(text) {
            Ok(value) => Ok(Some(value)),
            Err(Flow::Fail(_)) => Ok(None),
            Err(flow) => Err(flow),
        }
    }
}

fn evaluate(shell: &mut Shell, text: &[u8], depth: u32) -> Value {
    if depth > DEEPEST {
        return Err(Stop::Wrong("expression recursion level exceeded".into()));
    }
    let mut eval = Eval { shell, text, at: 0, depth, skipped: 0 };
    if eval.peek().is_none() {
        return Ok(0);
    }
    let value = eval.comma()?;
    match eval.peek() {
        None => Ok(value),
        Some(_) => Err(Eval::wrong()),
    }
}

impl Eval<'_> {
    fn wrong() -> Stop {
        Stop::Wrong("arithmetic syntax error".into())
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(|byte| b" \t\n\r".contains(byte)) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// True, and behind it, when the text goes on so.
    fn eat(&mut self, wanted: &str) -> bool {
        self.peek();
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(wanted.as_bytes()));
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn comma(&mut self) -> Value {
        let mut value = self.assignment()?;
        while self.eat(",") {
            value = self.assignment()?;
        }
        Ok(value)
    }

    fn assignment(&mut self) -> Value {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Stop::Wrong("expression recursion level exceeded".into()));
        }
        let value = self.assignment_inside();
        self.depth -= 1;
        value
    }

    fn assignment_inside(&mut self) -> Value {
        let start = self.at;
        if let Some(place) = self.place()?
            && let Some(op) = self.assigning()
        {
            let right = self.assignment()?;
            let value = match op {
                "=" => right,
                op => {
                    let left = self.load(&place)?;
                    self.apply(op.trim_end_matches('='), left, right)?
                }
            };
            self.store(&place, value)?;
            return Ok(value);
        }
        self.at = start;
        self.ternary()
    }

    /// An operator that assigns.
    fn assigning(&mut self) -> Option<&'static str> {
        self.peek();
        let rest = self.text.get(self.at..)?;
        let ops = ["<<=", ">>=", "**=", "*=", "/=", "%=", "+=", "-=", "&=", "^=", "|="];
        if let Some(op) = ops.iter().find(|op| rest.starts_with(op.as_bytes())) {
            self.at += op.len();
            return Some(op);
        }
        if rest.first() == Some(&b'=') && rest.get(1) != Some(&b'=') {
            self.at += 1;
            return Some("=");
        }
        None
    }

    fn ternary(&mut self) -> Value {
        let condition = self.binary(0)?;
        if !self.eat("?") {
            return Ok(condition);
        }
        let yes = self.part(condition != 0, Self::comma)?;
        if !self.eat(":") {
            return Err(Self::wrong());
        }
        let no = self.part(condition == 0, Self::assignment)?;
        Ok(if condition != 0 { yes } else { no })
    }

    /// A part that counts only under a condition.
    fn part(&mut self, counts: bool, read: impl FnOnce(&mut Self) -> Value) -> Value {
        self.skipped += u32::from(!counts);
        let value = read(self);
        self.skipped -= u32::from(!counts);
        value
    }

    fn unary(&mut self) -> Value {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Stop::Wrong("expression recursion level exceeded".into()));
        }
        let value = self.unary_inside();
        self.depth -= 1;
        value
    }

    fn unary_inside(&mut self) -> Value {
        for (sign, step) in [("++", 1), ("--", -1)] {
            let start = self.at;
            if self.eat(sign) {
                if let Some(place) = self.place()? {
                    let value = self.load(&place)?.wrapping_add(step);
                    self.store(&place, value)?;
                    return Ok(value);
                }
                self.at = start;
            }
        }
        match self.peek() {
            Some(b'!') => {
                self.at += 1;
                Ok(i64::from(self.unary()? == 0))
            }
            Some(b'~') => {
                self.at += 1;
                Ok(!self.unary()?)
            }
            Some(b'-') => {
                self.at += 1;
                Ok(self.unary()?.wrapping_neg())
            }
            Some(b'+') => {
                self.at += 1;
                self.unary()
            }
            _ => self.operand(),
        }
    }

    fn operand(&mut self) -> Value {
        match self.peek() {
            Some(b'(') => {
                self.at += 1;
                let value = self.comma()?;
                if self.eat(")") { Ok(value) } else { Err(Self::wrong()) }
            }
            Some(b'0'..=b'9') => self.number(),
            _ => {
                let Some(place) = self.place()? else { return Err(Self::wrong()) };
                let value = self.load(&place)?;
                for (sign, step) in [("++", 1), ("--", -1)] {
                    if self.eat(sign) {
                        self.store(&place, value.wrapping_add(step))?;
                        break;
                    }
                }
                Ok(value)
            }
        }
    }

    fn number(&mut self) -> Value {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let in_number = |byte: &u8| byte.is_ascii_alphanumeric() || b"#@_".contains(byte);
        let len = rest.iter().take_while(|byte| in_number(byte)).count();
        let digits = rest.get(..len).unwrap_or_default();
        self.at += len;
        number::literal(digits).ok_or_else(Self::wrong)
    }

    /// A variable or an element.
    fn place(&mut self) -> Result<Option<Place>, Stop> {
        self.peek();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let len = rest.iter().take_while(|byte| in_name(byte)).count();
        let name = rest.get(..len).unwrap_or_default();
        if !is_name(name) {
            return Ok(None);
        }
        self.at += len;
        let (name, index) = self.shell.resolve(name);
        let mut index = index;
        if self.text.get(self.at) == Some(&b'[') {
            let inner = self.brackets().ok_or_else(Self::wrong)?;
            index = Some(inner);
        }
        let key = match index {
            Some(_) if self.skipped > 0 => None,
            Some(index) => Some(self.key(&name, &index)?),
            None => None,
        };
        Ok(Some(Place { name, key }))
    }

    fn key(&mut self, name: &[u8], index: &[u8]) -> Result<Key, Stop> {
        let is_map = matches!(self.shell.vars.get(name).map(|var| &var.value), Some(crate::vars::Value::Map(_)));
        if is_map {
            let word: Word = self.shell.parse_word(index);
            return Ok(Key::Name(self.shell.expand_text(&word)?));
        }
        evaluate(self.shell, index, self.depth + 1).map(Key::Number)
    }

    /// Text between brackets, which are passed.
    fn brackets(&mut self) -> Option<Bytes> {
        let rest = self.text.get(self.at..)?;
        let mut depth = 0_u32;
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                b'[' => depth += 1,
                b']' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += at + 1;
                        return rest.get(1..at).map(<[u8]>::to_vec);
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn load(&mut self, place: &Place) -> Value {
        use crate::ast::Index;
        if self.skipped > 0 {
            return Ok(0);
        }
        let got = match &place.key {
            None => self.shell.var(&place.name),
            Some(key) => {
                let text = match key {
                    Key::Number(number) => number.to_string().into_bytes(),
                    Key::Name(name) => name.clone(),
                };
                let word = Word { parts: vec![crate::ast::Part::Quoted(text)] };
                match self.shell.element(&place.name, &Index::At(word))? {
                    crate::vars::lookup::Got::One(text) => Some(text),
                    _ => None,
                }
            }
        };
        match got {
            Some(text) => match decimal(&text) {
                Some(number) => Ok(number),
                None => evaluate(self.shell, &text, self.depth + 1),
            },
            None if self.shell.set.nounset => {
                let name = shown(&place.name);
                Err(Stop::Wrong(format!("{name}: parameter not set")))
            }
            None => Ok(0),
        }
    }

    fn store(&mut self, place: &Place, value: i64) -> Result<(), Stop> {
        if self.skipped > 0 {
            return Ok(());
        }
        let text = value.to_string().into_bytes();
        Ok(self.shell.put(&place.name, place.key.clone(), text, false)?)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn expressions() {
        let mut shell = Shell::new(b"sh".to_vec(), true);
        for (text, value) in [
            ("1+2*3", 7),
            ("(1+2)*3", 9),
            ("2**3**2", 512),
            ("-2**2", 4),
            ("7%3-1", 0),
            ("1<<4|1", 17),
            ("1<2&&2<1||5", 1),
            ("0x10+010+2#101", 29),
            ("a=3,a++ + ++a", 8),
            ("a", 5),
            ("a>4?a:0", 5),
            ("0?b=1:2", 2),
            ("b", 0),
            ("!0+~0", 0),
            ("a+=2", 7),
            ("10 - -1", 11),
            ("1?2:3?4:5", 2),
            ("", 0),
            ("-9223372036854775808/-1", i64::MIN),
        ] {
            assert_eq!(shell.arith_text(text.as_bytes()), Ok(value), "{text}");
        }
        for text in ["1+", "1/0", "(1", "1 2", "=", "08", "a b"] {
            assert!(shell.arith_text(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(shell.vars.text(b"a").unwrap(), b"7");
    }
}
