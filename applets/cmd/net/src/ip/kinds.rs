//! Options of `ip link add … type bond` and `macvlan`.

use kit::Result;
use netlink::{Bond, Kind};

use super::words::{Words, usage};

/// Modes of a bond, by their numbers.
const BOND_MODES: &[&str] = &["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"];
/// Choices of a packet's link in a bond, by their numbers.
const HASHES: &[&str] = &["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"];
const LACP_RATES: &[&str] = &["slow", "fast"];
/// Modes of a macvlan; the number of each is 1 shifted by its place.
const MACVLAN_MODES: &[&str] = &["private", "vepa", "bridge", "passthru"];

/// The place of the next word in a list of names; a bond's names may be numbers.
fn choice(words: &mut Words<'_>, what: &str, names: &[&str], is_numbered: bool) -> Result<u8> {
    let word = words.need(what)?;
    let by_number = || word.parse().ok().filter(|place: &usize| is_numbered && *place < names.len());
    let place = names.iter().position(|name| *name == word).or_else(by_number);
    place.and_then(|place| u8::try_from(place).ok()).ok_or_else(|| usage(format!("{word:?} is not {what}: {}", names.join(", "))))
}

pub fn bond<'a>(words: &mut Words<'a>) -> Result<Kind<'a>> {
    let mut bond = Bond::default();
    while let Some(word) = words.next() {
        match word {
            "mode" => bond.mode = Some(choice(words, "a mode", BOND_MODES, true)?),
            "xmit_hash_policy" => bond.hash = Some(choice(words, "a policy", HASHES, true)?),
            "lacp_rate" => bond.lacp_rate = Some(choice(words, "a rate", LACP_RATES, true)?),
            "miimon" => bond.miimon = Some(words.read("a number of milliseconds")?),
            "updelay" => bond.up_delay = Some(words.read("a number of milliseconds")?),
            "downdelay" => bond.down_delay = Some(words.read("a number of milliseconds")?),
            "min_links" => bond.min_links = Some(words.read("a number of links")?),
            other => return Words::unknown(other),
        }
    }
    Ok(Kind::Bond(bond))
}

pub fn macvlan<'a>(words: &mut Words<'a>, on: Option<&'a str>) -> Result<Kind<'a>> {
    let mut mode = None;
    while let Some(word) = words.next() {
        match word {
            "mode" => mode = Some(1 << choice(words, "a mode", MACVLAN_MODES, false)?),
            other => return Words::unknown(other),
        }
    }
    let on = on.ok_or_else(|| usage("a macvlan needs \"link NAME\""))?;
    Ok(Kind::Macvlan { on, mode })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        line.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn bonds_and_macvlans() {
        let list = texts("mode 802.3ad miimon 100 xmit_hash_policy layer3+4 lacp_rate fast min_links 2");
        let wanted =
            Bond { mode: Some(4), miimon: Some(100), hash: Some(1), lacp_rate: Some(1), min_links: Some(2), ..Bond::default() };
        assert!(matches!(bond(&mut Words::new(&list)).unwrap(), Kind::Bond(bond) if bond == wanted));
        assert!(matches!(bond(&mut Words::new(&texts("mode 1"))).unwrap(), Kind::Bond(bond) if bond.mode == Some(1)));
        for wrong in ["mode 7", "mode", "miimon x", "fail_over_mac 1"] {
            assert!(bond(&mut Words::new(&texts(wrong))).is_err(), "{wrong}");
        }
        let list = texts("mode bridge");
        let made = macvlan(&mut Words::new(&list), Some("eth0")).unwrap();
        assert!(matches!(made, Kind::Macvlan { on: "eth0", mode: Some(4) }));
        assert!(macvlan(&mut Words::new(&list), None).is_err());
        assert!(macvlan(&mut Words::new(&texts("mode 2")), Some("eth0")).is_err());
    }
}
