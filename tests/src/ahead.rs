//! Go programs, built while cargo works: its last step keeps one processor alone busy, for minutes.

use std::collections::BTreeSet;
use std::thread::{self, JoinHandle};

use kit::Result;
use lab::appliance::Appliance;

use crate::plan::Planned;
use crate::{cni, rpcs};

/// Builds that any board's machines take, in the order in which they are asked for.
const BOARD: &[&str] = &["node", "cri-client", "streaming-client"];
/// Builds that the lab takes, for this machine.
const NATIVE: &[&str] = &["lab", "etcd", "registry"];
/// Builds that some areas take, for the board or for this machine.
const AREAS: &[(&str, &[&str], &[&str])] = &[
    ("survive/", &["survivor"], &[]),
    ("conformance/", &["agnhost", "nonewprivs", "curl"], &["e2e", "ginkgo"]),
    ("cni/", &[cni::BUNDLE], &[]),
    ("rpcs/", &[], &[rpcs::CLIENT]),
];

/// Begin with what the plan will want. An error is for whoever asks for the same again; the lock of the bundles' cache has them wait.
pub fn begin(plan: &[Planned]) -> Result<JoinHandle<()>> {
    let wanted = wanted(plan)?;
    Ok(thread::spawn(move || {
        for (variant, arch) in wanted {
            if firmware::bundle::ready(variant, &arch).is_err() {
                return;
            }
        }
    }))
}

fn wanted(plan: &[Planned]) -> Result<Vec<(&'static str, String)>> {
    let native = std::env::consts::ARCH;
    // The unit tests ask first, for the plugins that they compare ours with.
    let mut wanted = vec![(cni::BUNDLE, native.to_owned())];
    for board in plan.iter().map(|planned| planned.board).collect::<BTreeSet<_>>().into_iter().rev() {
        let arch = Appliance::open(board)?.board.arch.to_string();
        let of = |area: &&(&str, _, _)| plan.iter().any(|planned| planned.board == board && planned.name.starts_with(area.0));
        let areas = || AREAS.iter().filter(of);
        wanted.extend(BOARD.iter().chain(areas().flat_map(|area| area.1)).map(|variant| (*variant, arch.clone())));
        wanted.extend(areas().flat_map(|area| area.2).map(|variant| (*variant, native.to_owned())));
    }
    wanted.extend(NATIVE.iter().map(|variant| (*variant, native.to_owned())));
    Ok(wanted)
}
