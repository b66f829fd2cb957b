//! Words about the model of a processor: from /proc/cpuinfo, and for arm64 from a table of cores,
//! because the kernel tells numbers there.

use std::path::Path;

use crate::attribute::{bounded, parse};

/// Bytes of /proc/cpuinfo: some 2 KiB a processor. More than 4 MiB are not read.
const LARGEST: u64 = 4 << 20;

/// Cores by implementer and part (Main ID Register, Arm Architecture Reference Manual).
const CORES: &[(u64, u64, &str)] = &[
    (0x41, 0xd03, "Cortex-A53"),
    (0x41, 0xd04, "Cortex-A35"),
    (0x41, 0xd05, "Cortex-A55"),
    (0x41, 0xd07, "Cortex-A57"),
    (0x41, 0xd08, "Cortex-A72"),
    (0x41, 0xd09, "Cortex-A73"),
    (0x41, 0xd0a, "Cortex-A75"),
    (0x41, 0xd0b, "Cortex-A76"),
    (0x41, 0xd0c, "Neoverse-N1"),
    (0x41, 0xd40, "Neoverse-V1"),
    (0x41, 0xd49, "Neoverse-N2"),
    (0x41, 0xd4f, "Neoverse-V2"),
];

/// Implementers.
const VENDORS: &[(u64, &str)] = &[
    (0x41, "ARM"),
    (0x42, "Broadcom"),
    (0x43, "Cavium"),
    (0x46, "FUJITSU"),
    (0x48, "HiSilicon"),
    (0x4e, "NVIDIA"),
    (0x50, "APM"),
    (0x51, "Qualcomm"),
    (0x61, "Apple"),
    (0xc0, "Ampere"),
];

/// Fields of the first processor in /proc/cpuinfo.
#[derive(Debug, Default)]
pub struct Model(Vec<(String, String)>);

impl Model {
    /// Reads it below a root directory.
    pub fn read(root: &Path) -> Self {
        let bytes = bounded(&root.join("proc/cpuinfo"), LARGEST).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.lines().take_while(|line| !line.is_empty());
        let field = |line: &str| line.split_once(':').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
        Self(lines.filter_map(field).collect())
    }

    /// Value of the first of these fields that there is.
    pub fn field(&self, names: &[&str]) -> Option<&str> {
        let of = |name: &&str| self.0.iter().find(|(known, value)| known == name && !value.is_empty());
        names.iter().find_map(of).map(|(_, value)| value.as_str())
    }

    /// Tells if the processor has a flag.
    pub fn has(&self, flag: &str) -> bool {
        self.field(&["flags", "Features"]).is_some_and(|flags| flags.split_whitespace().any(|known| known == flag))
    }

    /// Vendor.
    pub fn vendor(&self) -> Option<String> {
        let number = || parse(self.field(&["CPU implementer"])?);
        let known = || VENDORS.iter().find(|(number_of, _)| Some(*number_of) == number()).map(|(_, name)| *name);
        self.field(&["vendor_id"]).or_else(known).or_else(|| self.field(&["CPU implementer"])).map(str::to_owned)
    }

    /// Name of the model.
    pub fn name(&self) -> Option<String> {
        let numbers = || Some((parse(self.field(&["CPU implementer"])?)?, parse(self.field(&["CPU part"])?)?));
        let known = || CORES.iter().find(|(vendor, part, _)| Some((*vendor, *part)) == numbers()).map(|(_, _, name)| *name);
        self.field(&["model name"]).or_else(known).map(str::to_owned)
    }

    /// Stepping: on arm64 variant and revision.
    pub fn stepping(&self) -> Option<String> {
        let arm = || {
            let variant = parse(self.field(&["CPU variant"])?)?;
            Some(format!("r{variant}p{}", self.field(&["CPU revision"])?))
        };
        self.field(&["stepping"]).map(str::to_owned).or_else(arm)
    }
}
