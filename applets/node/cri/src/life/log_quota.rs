//! The quota of a container's log: a few times the size at which the kubelet rotates it.

use std::fs;

use kit::paths;

/// A log's quota by the size at which the kubelet rotates: it looks every ten seconds, and may be late.
const FACTOR: u64 = 4;
/// That size, where the kubelet's configuration does not tell it: the kubelet's own default.
const ROTATED: u64 = 10 << 20;
/// The setting's name in `KubeletConfiguration` (kubelet.config.k8s.io/v1beta1).
const SETTING: &str = "containerLogMaxSize";

/// The quota of a container that is made now, in bytes.
pub fn of_node() -> u64 {
    quota(&fs::read_to_string(paths::KUBELET_CONFIG).unwrap_or_default())
}

/// A size of zero or less turns rotation off; a quota is needed all the more.
fn quota(config: &str) -> u64 {
    setting(config).and_then(quantity).filter(|size| *size > 0).unwrap_or(ROTATED).saturating_mul(FACTOR)
}

/// The setting's text. The file is YAML as kubeadm and people write it, or JSON; no other section has a setting of that name.
fn setting(config: &str) -> Option<&str> {
    config.split(['\n', ',', '{', '}']).find_map(|part| {
        let (name, value) = part.split_once(':')?;
        let value = value.split('#').next().unwrap_or_default();
        (bare(name) == SETTING).then(|| bare(value))
    })
}

fn bare(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

/// A quantity of Kubernetes' in whole bytes: a number, with a fraction or not, and a suffix of its tables.
fn quantity(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let unit: f64 = match suffix {
        "" => 1.0,
        "Ki" => f64::from(1_u32 << 10),
        "Mi" => f64::from(1_u32 << 20),
        "Gi" => f64::from(1_u32 << 30),
        "Ti" => 2_f64.powi(40),
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        power => 10_f64.powi(power.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    let bytes = number.parse::<f64>().ok()? * unit;
    // A size of more bytes than a file can have is as good as the largest one.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
    Some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quota_follows_the_kubelets_setting() {
        let mib = |count: u64| count << 20;
        for (config, wanted) in [
            ("", mib(40)),
            ("apiVersion: kubelet.config.k8s.io/v1beta1\ncontainerLogMaxSize: 20Mi\ncontainerLogMaxFiles: 3\n", mib(80)),
            ("containerLogMaxSize: \"1Gi\"  # much\n", mib(4096)),
            ("containerLogMaxSize: '1.5Mi'\n", mib(6)),
            ("{\"kind\":\"KubeletConfiguration\",\"containerLogMaxSize\":\"50Mi\",\"x\":1}", mib(200)),
            ("containerLogMaxSize: 5M\n", 20_000_000),
            ("containerLogMaxSize: 2e6\n", 8_000_000),
            ("containerLogMaxSize: 4096\n", 16384),
            ("# containerLogMaxSize: 20Mi\n", mib(40)),
            ("containerLogMaxSize: -1\n", mib(40)),
            ("containerLogMaxSize: 0\n", mib(40)),
            ("containerLogMaxSize: much\n", mib(40)),
        ] {
            assert_eq!(quota(config), wanted, "{config}");
        }
    }
}
