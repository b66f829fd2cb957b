//! The table of targets.

use crate::{archives, backups, boots, files, join, kernels, network, smbios, spdy, updates};

/// Something that takes any bytes. It panics when what must hold does not.
pub struct Target {
    /// The name of its directory in `corpus/`.
    pub name: &'static str,
    /// Takes the bytes.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "age", run: backups::age },
    Target { name: "archive-cpio", run: archive::fuzz::cpio },
    Target { name: "archive-tar", run: archives::tar },
    Target { name: "awk", run: awk::fuzz::program },
    Target { name: "awk-text", run: awk::fuzz::text },
    Target { name: "backup", run: backups::archive },
    Target { name: "bc", run: calc::fuzz::bc },
    Target { name: "bc-numbers", run: calc::fuzz::numbers },
    Target { name: "bls", run: boots::boot_entry },
    Target { name: "cluster-info", run: join::cluster_info },
    Target { name: "cni-answer", run: network::cni_answer },
    Target { name: "cni-network", run: network::cni_network },
    Target { name: "compressed", run: archive::fuzz::stream },
    Target { name: "dbus", run: network::dbus_message },
    Target { name: "dhcp", run: network::dhcp_packet },
    Target { name: "dmi", run: smbios::shown },
    Target { name: "dns", run: network::dns_answer },
    Target { name: "elf", run: network::elf_section },
    Target { name: "elf-shown", run: smbios::elf_shown },
    Target { name: "fit", run: kernels::fit },
    Target { name: "grub", run: boots::grub_menu },
    Target { name: "hosts-toml", run: image::fuzz::hosts_toml },
    Target { name: "http-answer", run: join::answer },
    Target { name: "http-head", run: cri::fuzz::head },
    Target { name: "http-request", run: boots::http_request },
    Target { name: "ipxe", run: boots::ipxe_script },
    Target { name: "join-configuration", run: join::configuration },
    Target { name: "keys", run: files::keys },
    Target { name: "kubeconfig", run: join::kubeconfig },
    Target { name: "load-option", run: smbios::load_option },
    Target { name: "manifest", run: image::fuzz::manifest },
    Target { name: "modules", run: files::modules },
    Target { name: "neighbour", run: network::neighbour },
    Target { name: "ntp", run: network::ntp_answer },
    Target { name: "partitions", run: storage::fuzz::partitions },
    Target { name: "patch", run: text::fuzz::patch },
    Target { name: "pe", run: kernels::pe },
    Target { name: "pe-more", run: boots::extended },
    Target { name: "pxe", run: boots::pxe_client },
    Target { name: "registry-words", run: image::fuzz::words },
    Target { name: "shell-pattern", run: shell::fuzz::pattern },
    Target { name: "shell-script", run: shell::fuzz::script },
    Target { name: "signature", run: updates::signature },
    Target { name: "smbios", run: smbios::table },
    Target { name: "spdy", run: spdy::session },
    Target { name: "syslinux", run: boots::syslinux_menu },
    Target { name: "tar", run: image::fuzz::tar },
    Target { name: "tftp", run: boots::tftp_message },
    Target { name: "udp", run: network::udp_packet },
    Target { name: "update-manifest", run: updates::manifest },
    Target { name: "volume", run: kernels::volume },
    Target { name: "websocket", run: cri::fuzz::websocket },
    Target { name: "zboot", run: kernels::zboot },
    Target { name: "zip", run: archive::fuzz::zip },
];

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::{corpus, mutate::Mutator};

    #[test]
    fn the_corpus_and_mutations_of_it_break_nothing() {
        for target in TARGETS {
            let inputs = corpus::load(target.name).unwrap();
            assert!(!inputs.is_empty(), "{} has no corpus", target.name);
            for input in &inputs {
                (target.run)(input);
            }
            let mut mutator = Mutator::new(7);
            for _ in 0..3000 {
                (target.run)(&mutator.input(&inputs));
            }
        }
    }
}
