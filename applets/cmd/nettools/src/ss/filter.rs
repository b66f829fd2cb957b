//! Filters of `ss`: states, and expressions over ports and addresses.

use std::net::SocketAddr;

use kit::{Error, Result};
use netlink::{Cidr, InternetSocket};

use super::states::{ALL, STATES};

/// Most brackets and `not`s in one another.
const MOST_DEPTH: usize = 64;

/// A filter.
#[derive(Debug, Default)]
pub struct Filter {
    /// Bits of states; none when the options choose.
    pub states: Option<u32>,
    expression: Option<Expression>,
}

#[derive(Debug)]
enum Expression {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    /// True for the own port, a comparison, and a port.
    Port(bool, std::cmp::Ordering, bool, u16),
    /// True for the own end; its network and port.
    End(bool, Option<Cidr>, Option<u16>),
}

impl Filter {
    /// The words of the command line.
    pub fn read(words: &[String]) -> Result<Self> {
        let spaced: Vec<String> = words.iter().map(|word| word.replace('(', " ( ").replace(')', " ) ")).collect();
        let joined = spaced.join(" ");
        let words: Vec<&str> = joined.split_whitespace().collect();
        let (mut states, mut at) = (None, 0);
        while let Some(word @ ("state" | "exclude")) = words.get(at).copied() {
            let name = words.get(at + 1).ok_or_else(|| Error::usage("a state is needed"))?;
            let bits = state(name)?;
            let old = states.unwrap_or(if word == "state" { 0 } else { ALL });
            states = Some(if word == "state" { old | bits } else { old & !bits });
            at += 2;
        }
        let mut reader = Reader { words: &words[at..], depth: 0 };
        let expression = if reader.words.is_empty() { None } else { Some(reader.or()?) };
        match reader.words.first() {
            None => Ok(Self { states, expression }),
            Some(word) => Err(Error::usage(format!("{word:?} makes no sense there"))),
        }
    }

    /// Tells if there is no expression.
    pub const fn is_empty(&self) -> bool {
        self.expression.is_none()
    }

    /// Tells if a socket is wanted.
    pub fn fits(&self, socket: &InternetSocket) -> bool {
        self.expression.as_ref().is_none_or(|expression| expression.fits(socket))
    }
}

fn state(name: &str) -> Result<u32> {
    Ok(match name {
        "all" => ALL,
        "connected" => ALL & !(1 << 10 | 1 << 7),
        "synchronized" => ALL & !(1 << 10 | 1 << 7 | 1 << 2),
        "bucket" => 1 << 3 | 1 << 6,
        "big" => ALL & !(1 << 3 | 1 << 6),
        name => {
            let name = match name {
                "listen" => "listening",
                "close" => "closed",
                name => name,
            };
            let found = STATES.iter().position(|(_, word)| *word == name);
            1 << found.ok_or_else(|| Error::usage(format!("{name:?} is no state")))?
        }
    })
}

struct Reader<'a> {
    words: &'a [&'a str],
    depth: usize,
}

impl Reader<'_> {
    fn next_if(&mut self, names: &[&str]) -> bool {
        let found = self.words.first().is_some_and(|word| names.contains(word));
        if found {
            self.words = &self.words[1..];
        }
        found
    }

    fn take(&mut self) -> Result<&str> {
        let (word, rest) = self.words.split_first().ok_or_else(|| Error::usage("the expression is incomplete"))?;
        self.words = rest;
        Ok(word)
    }

    fn or(&mut self) -> Result<Expression> {
        let mut left = self.and()?;
        while self.next_if(&["or", "|", "||"]) {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression> {
        let mut left = self.one()?;
        loop {
            let joined = self.next_if(&["and", "&", "&&"]);
            let ends = self.words.first().is_none_or(|word| ["or", "|", "||", ")"].contains(word));
            if !joined && ends {
                return Ok(left);
            }
            left = Expression::And(Box::new(left), Box::new(self.one()?));
        }
    }

    fn one(&mut self) -> Result<Expression> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(Error::usage("the expression is too deep"));
        }
        let found = if self.next_if(&["not", "!"]) {
            Expression::Not(Box::new(self.one()?))
        } else if self.next_if(&["("]) {
            let inside = self.or()?;
            if !self.next_if(&[")"]) {
                return Err(Error::usage("a bracket is not closed"));
            }
            inside
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(found)
    }

    fn comparison(&mut self) -> Result<Expression> {
        let word = self.take()?.to_owned();
        match word.as_str() {
            "src" | "dst" => {
                let is_negated = self.next_if(&["!=", "ne", "neq"]);
                let _ = self.next_if(&["=", "==", "eq"]);
                let text = self.take()?;
                let (network, port) = end(text).ok_or_else(|| Error::usage(format!("{text:?} is no address")))?;
                let found = Expression::End(word == "src", network, port);
                Ok(if is_negated { Expression::Not(Box::new(found)) } else { found })
            }
            "sport" | "dport" => {
                use std::cmp::Ordering::{Equal, Greater, Less};
                let (order, is_negated) = match self.take()? {
                    "=" | "==" | "eq" => (Equal, false),
                    "!=" | "ne" | "neq" => (Equal, true),
                    ">" | "gt" => (Greater, false),
                    "<=" | "le" | "leq" => (Greater, true),
                    "<" | "lt" => (Less, false),
                    ">=" | "ge" | "geq" => (Less, true),
                    other => return Err(Error::usage(format!("{other:?} is no comparison"))),
                };
                let text = self.take()?;
                let port = text.trim_start_matches(':').parse().map_err(|_| Error::usage(format!("{text:?} is no port")))?;
                Ok(Expression::Port(word == "sport", order, is_negated, port))
            }
            word => Err(Error::usage(format!("{word:?} is no part of an expression"))),
        }
    }
}

/// `10.0.0.0/8:22`, `[::1]:22`, `:22` or an address alone.
fn end(text: &str) -> Option<(Option<Cidr>, Option<u16>)> {
    let (address, port) = match text.strip_prefix('[') {
        Some(inside) => {
            let (address, rest) = inside.split_once(']')?;
            (address, rest.strip_prefix(':'))
        }
        None if text.matches(':').count() == 1 => text.split_once(':').map(|(address, port)| (address, Some(port)))?,
        None => (text, None),
    };
    let port = match port {
        None | Some("" | "*") => None,
        Some(port) => Some(port.parse().ok()?),
    };
    if address.is_empty() || address == "*" {
        return Some((None, port));
    }
    let network = address.parse::<std::net::IpAddr>().map(Cidr::host).ok().or_else(|| address.parse().ok())?;
    Some((Some(network), port))
}

impl Expression {
    fn fits(&self, socket: &InternetSocket) -> bool {
        let end = |is_own: bool| -> SocketAddr { if is_own { socket.local } else { socket.remote } };
        match self {
            Self::And(a, b) => a.fits(socket) && b.fits(socket),
            Self::Or(a, b) => a.fits(socket) || b.fits(socket),
            Self::Not(a) => !a.fits(socket),
            Self::Port(is_own, order, is_negated, port) => (end(*is_own).port().cmp(port) == *order) != *is_negated,
            Self::End(is_own, network, port) => {
                let end = end(*is_own);
                network.is_none_or(|network| network.contains(end.ip())) && port.is_none_or(|port| port == end.port())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn read(text: &str) -> Result<Filter> {
        Filter::read(&text.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    fn socket(local: &str, remote: &str) -> InternetSocket {
        InternetSocket {
            state: 1,
            timer: 0,
            retransmissions: 0,
            expires: 0,
            local: local.parse().unwrap(),
            remote: remote.parse().unwrap(),
            interface: 0,
            receive_queue: 0,
            send_queue: 0,
            user: 0,
            inode: 0,
            cookie: 0,
        }
    }

    #[test]
    fn expressions() {
        let one = socket("10.1.2.3:22", "192.168.0.1:4000");
        for (text, fits) in [
            ("sport = :22", true),
            ("sport = 23", false),
            ("dport >= :4000", true),
            ("dport < :4000", false),
            ("( sport = :23 or dport = :4000 )", true),
            ("src 10.0.0.0/8 dst 192.168.0.1:4000", true),
            ("not src 10.0.0.0/8", false),
            ("state established src 10.1.2.3", true),
        ] {
            assert_eq!(read(text).unwrap().fits(&one), fits, "{text}");
        }
        assert_eq!(read("state listening").unwrap().states, Some(1 << 10));
        for text in ["sport", "sport = x", "( sport = :1", "state nothing", "sport = :1 )", "src 1.2.3"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&"not ".repeat(100)).is_err());
    }
}
