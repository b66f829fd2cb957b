//! The words of a call, taken one by one.

use std::net::IpAddr;

use kit::{Error, Exit, Result};
use netlink::Cidr;

/// Marks a wrong argument until `ip` has told the kernel's refusals apart.
pub const WRONG: Exit = Exit(255);

/// A wrong argument.
pub fn usage(message: impl Into<String>) -> Error {
    Error::new(message).with_exit(WRONG)
}

/// Words that are not taken yet.
pub struct Words<'a> {
    rest: &'a [String],
}

impl<'a> Words<'a> {
    pub const fn new(words: &'a [String]) -> Self {
        Self { rest: words }
    }

    /// The next word, if there is one.
    pub fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// The next word when it is of that sort.
    pub fn next_if(&mut self, sort: impl Fn(&str) -> bool) -> Option<&'a str> {
        if sort(self.rest.first()?) { self.next() } else { None }
    }

    /// All that are left.
    pub fn all(&mut self) -> &'a [String] {
        std::mem::take(&mut self.rest)
    }

    /// The next word, which must be there.
    pub fn need(&mut self, what: &str) -> Result<&'a str> {
        self.next().ok_or_else(|| usage(format!("{what} is missing")))
    }

    /// The next word as a number or anything else that can be read from a text.
    pub fn read<T: std::str::FromStr>(&mut self, what: &str) -> Result<T> {
        let word = self.need(what)?;
        word.parse().map_err(|_| usage(format!("{word:?} is not {what}")))
    }

    /// The next word as an address with a prefix; `default` and `all` are everything of the family.
    pub fn cidr(&mut self, family: Option<u8>) -> Result<Cidr> {
        let word = self.need("an address")?;
        if ["default", "all", "any"].contains(&word) {
            let zero: IpAddr = if family == Some(6) { [0; 16].into() } else { [0; 4].into() };
            return Ok(Cidr { addr: zero, prefix: 0 });
        }
        word.parse().map_err(|e: kit::Error| usage(e.to_string()))
    }

    /// The next word as a hardware address.
    pub fn mac(&mut self) -> Result<Vec<u8>> {
        let word = self.need("a hardware address")?;
        let bytes: Option<Vec<u8>> = word.split(':').map(|part| u8::from_str_radix(part, 16).ok()).collect();
        bytes.filter(|b| b.len() > 1).ok_or_else(|| usage(format!("{word:?} is not a hardware address")))
    }

    /// The command: the first of `known` that begins so; `show` when there is none.
    pub fn command(&mut self, known: &[&'static str]) -> Result<&'static str> {
        let Some(word) = self.next() else { return Ok("show") };
        let word = if ["list", "lst", "ls"].contains(&word) { "show" } else { word };
        let found = known.iter().find(|name| name.starts_with(word));
        found.copied().ok_or_else(|| usage(format!("there is no command {word:?}; ip --help lists them")))
    }

    /// `on` or `off`.
    pub fn on_off(&mut self) -> Result<bool> {
        match self.need("on or off")? {
            "on" => Ok(true),
            "off" => Ok(false),
            other => Err(usage(format!("{other:?} is neither on nor off"))),
        }
    }

    /// Complain about the word that nobody knows.
    pub fn unknown<T>(word: &str) -> Result<T> {
        Err(usage(format!("there is no argument {word:?}; ip --help lists them")))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn words_are_taken_in_order() {
        let texts: Vec<String> = "a sh 10.0.0.1/8 default 02:00:00:00:00:01 zz".split(' ').map(String::from).collect();
        let mut words = Words::new(&texts);
        assert_eq!(words.command(&["show", "add", "replace"]).unwrap(), "add");
        assert_eq!(words.command(&["show", "add"]).unwrap(), "show");
        assert_eq!(words.cidr(None).unwrap().to_string(), "10.0.0.1/8");
        assert_eq!(words.cidr(Some(6)).unwrap().to_string(), "::/0");
        assert_eq!(words.mac().unwrap(), [2, 0, 0, 0, 0, 1]);
        assert!(words.mac().is_err());
        assert_eq!(words.command(&["show"]).unwrap(), "show");
        assert!(words.need("a thing").is_err());
    }
}
