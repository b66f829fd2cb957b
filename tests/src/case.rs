//! What a case is, and the table of all.

use crate::world::World;
use crate::{
    applets, boot, builds, callers, client, clock, cni, conformance, cri, image, join, kube, kubelets, media, netboot, oci, pods,
    registry, rpcs, ssh, streaming, survive, update,
};

/// Why a case did not pass.
pub enum Failure {
    /// It does not hold: the evidence.
    Failed(String),
    /// It can't be tried here: why. Allowed only for what is listed in `skips.toml`.
    Skipped(String),
}

impl From<kit::Error> for Failure {
    fn from(e: kit::Error) -> Self {
        Self::Failed(e.to_string())
    }
}

/// How a case ends.
pub type Outcome = Result<(), Failure>;

/// Something that must hold. Its function gets the world and the board.
pub struct Case {
    /// Unique within its area.
    pub name: &'static str,
    /// The boards on which it must hold.
    pub boards: &'static [&'static str],
    /// Tries it.
    pub run: fn(&mut World, &str) -> Outcome,
}

/// Both architectures.
pub const BOTH: &[&str] = &["x86_64-qemu", "aarch64-qemu"];
/// Where one architecture says as much as two.
pub const X86: &[&str] = &["x86_64-qemu"];

/// What x86 does not have.
pub const ARM: &[&str] = &["aarch64-qemu"];

/// Every area with its cases, in the order in which they run on a board: what wears the warm machines out comes last.
pub const AREAS: &[(&str, &[Case])] = &[
    ("boot", boot::CASES),
    ("applets", applets::CASES),
    ("oci", oci::CASES),
    ("image", image::CASES),
    ("registry", registry::CASES),
    ("kube", kube::CASES),
    ("pods", pods::CASES),
    ("rpcs", rpcs::CASES),
    ("client", client::CASES),
    ("cni", cni::CASES),
    ("cri", cri::CASES),
    ("conformance", conformance::CASES),
    ("streaming", streaming::CASES),
    ("survive", survive::CASES),
    ("clock", clock::CASES),
    ("ssh", ssh::CASES),
    ("update", update::CASES),
    ("join", join::CASES),
    ("media", media::CASES),
    ("end", boot::END_CASES),
];

/// What takes too long for every time: tried with `--long` alone.
pub const LONG_AREAS: &[(&str, &[Case])] = &[
    ("soak", streaming::LONG_CASES),
    ("survive", survive::LONG_CASES),
    ("kubelets", kubelets::LONG_CASES),
    ("callers", callers::CASES),
    ("media", media::LONG_CASES),
    ("builds", builds::LONG_CASES),
    ("update", update::LONG_CASES),
    ("netboot", netboot::CASES),
];

/// Fail with these words unless `holds`.
pub fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(Failure::Failed(otherwise())) }
}
