//! A pod's limits of bandwidth, which Kubernetes writes into annotations.

use std::collections::BTreeMap;

use kit::{Error, Result};
use serde_json::{Map, Value, json};

/// The annotations, and what the capability calls them.
const LIMITS: [(&str, &str); 2] = [("kubernetes.io/ingress-bandwidth", "ingress"), ("kubernetes.io/egress-bandwidth", "egress")];
/// Limits that Kubernetes accepts, in bits a second.
const REASONABLE: std::ops::RangeInclusive<u128> = 1_000..=1_000_000_000_000_000;
/// Burst in bits: as many as the plugins can count.
const BURST: u32 = u32::MAX;

/// The capability `bandwidth`; none when the pod has no limit.
pub fn of(annotations: &BTreeMap<String, String>) -> Result<Option<Value>> {
    let mut limits = Map::new();
    for (annotation, name) in LIMITS {
        let Some(text) = annotations.get(annotation) else { continue };
        let rate = quantity(text).filter(|rate| REASONABLE.contains(rate));
        let rate = rate.ok_or_else(|| Error::new(format!("annotation {annotation}: {text:?} is no rate from 1k to 1P")))?;
        limits.insert(format!("{name}Rate"), json!(rate as u64));
        limits.insert(format!("{name}Burst"), json!(BURST));
    }
    Ok((!limits.is_empty()).then_some(Value::Object(limits)))
}

/// A Kubernetes quantity: digits, maybe with a fraction, and a decimal or binary unit. Rounded up to a whole number.
fn quantity(text: &str) -> Option<u128> {
    const UNITS: [(&str, u128); 11] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("Pi", 1 << 50),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
        ("P", 1_000_000_000_000_000),
        ("", 1),
    ];
    /// More digits than any rate has would only overflow.
    const DIGITS: usize = 18;
    let (number, unit) = UNITS.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, *size)))?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{part}");
    if digits.is_empty() || digits.len() > DIGITS || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let scale = 10u128.pow(part.len() as u32);
    Some((digits.parse::<u128>().ok()? * unit).div_ceil(scale))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn quantities_are_kubernetes_own() {
        for (text, bits) in
            [("1k", 1_000), ("10M", 10_000_000), ("1.5G", 1_500_000_000), ("2Ki", 2048), ("4000", 4000), (".5M", 500_000)]
        {
            assert_eq!(quantity(text), Some(bits), "{text}");
        }
        for text in ["", "M", "-1M", "1 M", "1.2.3", "x", "1MM", "9999999999999999999", "\u{661}M"] {
            assert_eq!(quantity(text), None, "{text}");
        }
    }

    #[test]
    fn limits_are_told_with_their_bursts() {
        let limit = |text: &str| of(&BTreeMap::from([("kubernetes.io/egress-bandwidth".to_owned(), text.to_owned())]));
        assert_eq!(limit("10M").unwrap(), Some(json!({"egressRate": 10_000_000, "egressBurst": 4_294_967_295u32})));
        assert_eq!(of(&BTreeMap::new()).unwrap(), None);
        assert!(limit("100").unwrap_err().to_string().contains("egress-bandwidth: \"100\" is no rate"));
        assert!(limit("2P").is_err());
    }
}
