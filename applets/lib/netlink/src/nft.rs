//! nf_tables: address translation for pods, by messages to the kernel; no `nft` or `iptables` program is needed.
//!
//! Tables, chains and comments are those of the reference CNI plugins (v1.9.1, their nftables back end), so that either side deletes
//! what the other made. A rule belongs to whom its comment names; there is no other way to tell whose it is when two pods follow
//! each other at one address.

mod expression;
mod loopback;
mod masquerade;
mod ports;

use kit::Result;
use rustix::net::netlink::NETFILTER;

use crate::link_change::gone;
use crate::socket::{flag, is_absent, is_overtaken, refusal};
use crate::wire::{Writer, attributes};
use crate::{Netlink, family};

use expression::Expr;
pub use loopback::guard_loopback;
pub use masquerade::{masquerade, masqueraded, unmasquerade};
pub use ports::{Forward, forward, forwarded, unforward};

/// Message types (`NFT_MSG_*` in the subsystem's number space).
mod msg {
    const SUBSYSTEM: u16 = 10 << 8;
    pub const BEGIN: u16 = 0x10;
    pub const END: u16 = 0x11;
    pub const NEWTABLE: u16 = SUBSYSTEM;
    pub const DELTABLE: u16 = SUBSYSTEM | 2;
    pub const NEWCHAIN: u16 = SUBSYSTEM | 3;
    pub const NEWRULE: u16 = SUBSYSTEM | 6;
    pub const GETRULE: u16 = SUBSYSTEM | 7;
    pub const DELRULE: u16 = SUBSYSTEM | 8;
    pub const GETGENERATION: u16 = SUBSYSTEM | 16;
}

/// Attributes (`NFTA_*`).
mod nfta {
    pub const GENERATION: u16 = 1;
    pub const BATCH_GENERATION: u16 = 1;
    pub const TABLE_NAME: u16 = 1;
    pub const CHAIN_TABLE: u16 = 1;
    pub const CHAIN_NAME: u16 = 3;
    pub const CHAIN_HOOK: u16 = 4;
    pub const CHAIN_TYPE: u16 = 7;
    pub const HOOK_NUMBER: u16 = 1;
    pub const HOOK_PRIORITY: u16 = 2;
    pub const RULE_TABLE: u16 = 1;
    pub const RULE_CHAIN: u16 = 2;
    pub const RULE_HANDLE: u16 = 3;
    pub const RULE_EXPRESSIONS: u16 = 4;
    pub const RULE_USERDATA: u16 = 7;
    pub const ELEMENT: u16 = 1;
    pub const EXPR_NAME: u16 = 1;
    pub const EXPR_DATA: u16 = 2;
    pub const DATA_VALUE: u16 = 1;
    pub const DATA_VERDICT: u16 = 2;
    pub const VERDICT_CODE: u16 = 1;
    pub const VERDICT_CHAIN: u16 = 2;
}

/// Hook of a chain in a packet's way, with its priority.
#[derive(Debug, Clone, Copy)]
enum Hook {
    /// Before connection tracking, for packets that come from a link.
    Raw,
    /// Before routing, where destinations are translated.
    Prerouting,
    /// Packets of this machine's own.
    Output,
    /// After routing, where sources are translated.
    Postrouting,
}

impl Hook {
    const fn number(self) -> u32 {
        match self {
            Self::Raw | Self::Prerouting => 0,
            Self::Output => 3,
            Self::Postrouting => 4,
        }
    }

    const fn priority(self) -> i32 {
        match self {
            Self::Raw => -300,
            Self::Prerouting | Self::Output => -100,
            Self::Postrouting => 100,
        }
    }

    /// Type of the chains at this hook.
    const fn chain_type(self) -> &'static str {
        match self {
            Self::Raw => "filter",
            Self::Prerouting | Self::Output | Self::Postrouting => "nat",
        }
    }
}

/// A table of a family.
#[derive(Debug, Clone, Copy)]
struct Table {
    family: u8,
    name: &'static str,
}

/// A rule that is there.
struct Found {
    handle: u64,
    comment: String,
}

impl Table {
    /// The rules of a chain that have a comment; none when there is no such chain or table.
    fn rules(self, chain: &str) -> Result<Vec<Found>> {
        let mut nl = open()?;
        let listed = nl.dump(msg::GETRULE, |w| {
            w.put(&[self.family, 0, 0, 0]).text(nfta::RULE_TABLE, self.name).text(nfta::RULE_CHAIN, chain);
        });
        let answers = match listed {
            Err(e) if is_absent(&e) => return Ok(Vec::new()),
            answers => answers?,
        };
        let find = |body: &[u8]| {
            let body = body.get(4..)?;
            let value = |kind| attributes(body).find(|a| a.kind == kind).map(|a| a.value);
            // An elder kernel answers with all tables.
            let ours = |kind, name: &str| value(kind).is_some_and(|v| v.strip_suffix(&[0]) == Some(name.as_bytes()));
            if !ours(nfta::RULE_TABLE, self.name) || !ours(nfta::RULE_CHAIN, chain) {
                return None;
            }
            let handle = u64::from_be_bytes(value(nfta::RULE_HANDLE)?.try_into().ok()?);
            Some(Found { handle, comment: comment_in(value(nfta::RULE_USERDATA)?)? })
        };
        Ok(answers.iter().filter_map(|answer| find(&answer.body)).collect())
    }

    /// Delete the rules of these chains whose comment `is_stale`. That another deletes them at the same time is as good.
    fn prune(self, chains: &[&str], is_stale: impl Fn(&str) -> bool) -> Result<()> {
        for chain in chains {
            for rule in self.rules(chain)?.into_iter().filter(|rule| is_stale(&rule.comment)) {
                let mut batch = Batch::new(self);
                batch.delete(chain, rule.handle);
                gone(batch.commit())?;
            }
        }
        Ok(())
    }
}

impl Table {
    /// Delete the table when none of these chains has a rule of anybody's. Should somebody add one meanwhile, it stays.
    fn drop_if_idle(self, chains: &[&str]) -> Result<()> {
        let now = generation()?;
        for chain in chains {
            if !self.rules(chain)?.is_empty() {
                return Ok(());
            }
        }
        let mut batch = Batch::new(self);
        batch.drop_table();
        batch.generation = Some(now);
        match batch.commit() {
            // The rules changed since they were counted: whoever did that sees to the table at its own end.
            Err(e) if is_overtaken(&e) => Ok(()),
            other => gone(other).map(drop),
        }
    }
}

/// The number that grows with each change of any table.
fn generation() -> Result<u32> {
    let answers = open()?.request(msg::GETGENERATION, 0, |w| {
        w.put(&[family::UNSPEC, 0, 0, 0]);
    })?;
    let number = |body: &[u8]| {
        let value = attributes(body.get(4..)?).find(|a| a.kind == nfta::GENERATION)?.value;
        Some(u32::from_be_bytes(value.try_into().ok()?))
    };
    answers.iter().find_map(|answer| number(&answer.body)).ok_or_else(|| refusal(rustix::io::Errno::BADMSG, ""))
}

/// The comment in a rule's user data, a list of type, length, value.
fn comment_in(mut data: &[u8]) -> Option<String> {
    loop {
        let (head, rest) = data.split_at_checked(2)?;
        let (value, rest) = rest.split_at_checked(head[1].into())?;
        if head[0] == COMMENT {
            let text = value.strip_suffix(&[0]).unwrap_or(value);
            return Some(String::from_utf8_lossy(text).into_owned());
        }
        data = rest;
    }
}

/// The type of a comment in user data.
const COMMENT: u8 = 0;
/// The longest comment, in bytes, as `nft` has it.
pub const COMMENT_LENGTH: usize = 128;

fn open() -> Result<Netlink> {
    Netlink::open_protocol(Some(NETFILTER)).map_err(|_| refusal(rustix::io::Errno::PROTONOSUPPORT, ""))
}

/// A transaction: all of it happens or nothing.
struct Batch {
    table: Table,
    messages: Vec<(u16, u16, Writer)>,
    /// Nothing happens if the tables have changed since.
    generation: Option<u32>,
}

impl Batch {
    const fn new(table: Table) -> Self {
        Self { table, messages: Vec::new(), generation: None }
    }

    /// Make the table if it is not there.
    fn table(&mut self) {
        let name = self.table.name;
        self.add(msg::NEWTABLE, flag::CREATE, |w| {
            w.text(nfta::TABLE_NAME, name);
        });
    }

    /// Delete the table with all that is in it.
    fn drop_table(&mut self) {
        let name = self.table.name;
        self.add(msg::DELTABLE, 0, |w| {
            w.text(nfta::TABLE_NAME, name);
        });
    }

    /// Make a chain if it is not there; packets come to it by a hook, or only from other chains.
    fn chain(&mut self, chain: &str, hook: Option<Hook>) {
        let table = self.table.name;
        self.add(msg::NEWCHAIN, flag::CREATE, |w| {
            w.text(nfta::CHAIN_TABLE, table).text(nfta::CHAIN_NAME, chain);
            let Some(hook) = hook else { return };
            w.nest(nfta::CHAIN_HOOK, |w| {
                w.be32(nfta::HOOK_NUMBER, hook.number());
                w.be32(nfta::HOOK_PRIORITY, hook.priority().cast_unsigned());
            });
            w.text(nfta::CHAIN_TYPE, hook.chain_type());
        });
    }

    /// Empty a chain.
    fn flush(&mut self, chain: &str) {
        let table = self.table.name;
        self.add(msg::DELRULE, 0, |w| {
            w.text(nfta::RULE_TABLE, table).text(nfta::RULE_CHAIN, chain);
        });
    }

    /// Append a rule, with a comment or without.
    fn rule(&mut self, chain: &str, rule: &[Expr], comment: &str) {
        let table = self.table.name;
        self.add(msg::NEWRULE, flag::CREATE | flag::APPEND, |w| {
            w.text(nfta::RULE_TABLE, table).text(nfta::RULE_CHAIN, chain);
            w.nest(nfta::RULE_EXPRESSIONS, |w| rule.iter().for_each(|expr| expr.write(w)));
            if !comment.is_empty() {
                let bytes = &comment.as_bytes()[..comment.len().min(COMMENT_LENGTH)];
                let data = [&[COMMENT, bytes.len() as u8 + 1], bytes, &[0]].concat();
                w.bytes(nfta::RULE_USERDATA, &data);
            }
        });
    }

    /// Delete one rule.
    fn delete(&mut self, chain: &str, handle: u64) {
        let table = self.table.name;
        self.add(msg::DELRULE, 0, |w| {
            w.text(nfta::RULE_TABLE, table).text(nfta::RULE_CHAIN, chain);
            w.bytes(nfta::RULE_HANDLE, &handle.to_be_bytes());
        });
    }

    fn add(&mut self, kind: u16, flags: u16, fill: impl FnOnce(&mut Writer)) {
        let mut body = Writer::default();
        body.put(&[self.table.family, 0, 0, 0]);
        fill(&mut body);
        self.messages.push((kind, flags, body));
    }

    fn commit(self) -> Result<()> {
        /// The subsystem's number in network order, in the frame's fixed part.
        const FRAME: [u8; 4] = [family::UNSPEC, 0, 0, 10];
        let mut nl = open()?;
        let mut seq = nl.take_seq(self.messages.len() as u32 + 2);
        let mut batch = Writer::default();
        let mut put = |kind, flags, body: &[u8]| {
            batch.message(kind, flags | flag::REQUEST, seq, |w| {
                w.put(body);
            });
            seq += 1;
        };
        let mut begin = Writer::default();
        begin.put(&FRAME);
        if let Some(generation) = self.generation {
            begin.be32(nfta::BATCH_GENERATION, generation);
        }
        put(msg::BEGIN, 0, &begin.into_bytes());
        let last = self.messages.len().saturating_sub(1);
        for (at, (kind, flags, body)) in self.messages.into_iter().enumerate() {
            let ack = if at == last { flag::ACK } else { 0 };
            put(kind, flags | ack, &body.into_bytes());
        }
        put(msg::END, 0, &FRAME);
        nl.send(&batch.into_bytes())?;
        // The last message before the frame's end is the one that is acknowledged.
        nl.wait_for(seq - 2, &mut Vec::new()).map(drop)
    }
}
