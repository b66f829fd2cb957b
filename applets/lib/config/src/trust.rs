//! Trust in sources: which of them may set a key. Each key of the table has one of five levels.
//!
//! Anybody on the wire can answer as a DHCP server or change what plain HTTP brings, so a key that gives power over this machine
//! never comes from there.

/// A kind of source, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The file that the board's builder wrote.
    Board,
    /// Other files of /etc/kutties, which came with a segment.
    File,
    /// A DHCP server's answer.
    Dhcp,
    /// SMBIOS strings, of the firmware or the hypervisor.
    Smbios,
    /// QEMU's fw_cfg, of the hypervisor.
    FwCfg,
    /// The answer of the URL that the key `config` names, once it is known whose it is.
    Url,
    /// The kernel's command line.
    CommandLine,
}

impl Origin {
    /// Tells if only those who start this machine can write there.
    pub const fn is_local(self) -> bool {
        !matches!(self, Self::Dhcp | Self::Url)
    }
}

/// The sources that may set a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Files of segments alone: what leads to a secret. A command line is for everybody to read,
    /// and firmware and hypervisors keep theirs.
    Segment,
    /// Local sources alone: what the other rules rest on, and what is read before the network is up.
    Local,
    /// Local sources and the configuration URL.
    Url,
    /// Those, and a DHCP server's option 224 where a local source says `settings.dhcp=yes`.
    Settings,
    /// Those, and any DHCP server.
    Dhcp,
}

impl Trust {
    /// Tells if a source of that kind may set the key; `settings` is a local source's value of
    /// `settings.dhcp`.
    pub const fn takes(self, origin: Origin, settings: bool) -> bool {
        match origin {
            Origin::Dhcp => matches!(self, Self::Dhcp) || (settings && matches!(self, Self::Settings)),
            Origin::Url => !matches!(self, Self::Segment | Self::Local),
            Origin::Board | Origin::File => true,
            _ => !matches!(self, Self::Segment),
        }
    }

    /// The sources in words, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Segment => "segment",
            Self::Local => "local",
            Self::Url => "local, URL",
            Self::Settings => "local, URL, DHCP with settings.dhcp",
            Self::Dhcp => "local, URL, DHCP",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KEYS, key};

    const LOCAL: [Origin; 5] = [Origin::Board, Origin::File, Origin::Smbios, Origin::FwCfg, Origin::CommandLine];

    #[test]
    fn local_sources_may_set_every_key_but_what_leads_to_secrets() {
        for origin in LOCAL {
            let segment = matches!(origin, Origin::Board | Origin::File);
            let takes = |key: &crate::Key| key.trust.takes(origin, false) == (segment || key.trust != Trust::Segment);
            assert!(origin.is_local() && KEYS.iter().all(takes), "{origin:?}");
        }
        let secret: Vec<&str> = KEYS.iter().filter(|key| key.trust == Trust::Segment).map(|key| key.name).collect();
        assert_eq!(secret, ["age.identity"]);
        assert!(!Origin::Dhcp.is_local() && !Origin::Url.is_local());
    }

    #[test]
    fn dhcp_sets_a_name_and_time_servers_and_little_more_when_asked() {
        let names = |settings| -> Vec<&str> {
            KEYS.iter().filter(|key| key.trust.takes(Origin::Dhcp, settings)).map(|key| key.name).collect()
        };
        assert_eq!(names(false), ["hostname", "ntp.servers"]);
        // A new key belongs here only when a stranger may set it: weigh it, then add it.
        assert_eq!(names(true), ["hostname", "join", "kubelet.enabled", "ntp.servers", "shutdown.grace"]);
    }

    #[test]
    fn a_url_does_not_set_what_it_is_judged_by() {
        for key in [&key::AGE_IDENTITY, &key::CONFIG, &key::SETTINGS_DHCP, &key::SETTINGS_UNSIGNED] {
            assert!(!key.trust.takes(Origin::Url, true), "{}", key.name);
        }
        assert!(key::SERVICE_COMMAND.trust.takes(Origin::Url, false));
    }
}
