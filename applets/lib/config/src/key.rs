//! The keys: one constant and one row each. The reference page and the complaints derive from here.

use crate::trust::Trust;

/// Type of a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A host's name, such as `rack7` or `rack7.example.org`.
    HostName,
    /// An IP address of one machine.
    Address,
    /// yes/no, true/false, on/off, 1/0.
    Flag,
    /// A whole number, not negative and not above this one.
    Number(u64),
    /// Texts: a TOML array, or separated by commas.
    List,
}

/// One thing that can be set.
#[derive(Debug)]
pub struct Key {
    /// Its name; dots are TOML tables. A `*` stands for any one part, a `**` at the end for one or more.
    pub name: &'static str,
    /// Type of its value.
    pub kind: Kind,
    /// Its value when nobody sets it, as one would write it on the command line.
    pub default: &'static str,
    /// The sources that may set it.
    pub trust: Trust,
    /// Meaning of the key, for the list of keys.
    pub about: &'static str,
}

/// The longest grace period of a shutdown, in seconds: an hour. Who waits longer waits for something that does not end.
pub const LONGEST_GRACE: u64 = 3600;
/// The most backups that are kept.
const MOST_BACKUPS: u64 = 10_000;
/// The longest time for the network at boot, in seconds.
const LONGEST_NETWORK: u64 = 3600;

impl Key {
    /// Returns the text in place of an open key's stars; an empty text for a plain key; none when
    /// `name` is not this key.
    pub fn stars<'a>(&self, name: &'a str) -> Option<&'a str> {
        if let Some(head) = self.name.strip_suffix("**") {
            return name.strip_prefix(head).filter(|rest| !rest.is_empty());
        }
        match self.name.split_once('*') {
            Some((head, tail)) => {
                let star = name.strip_prefix(head)?.strip_suffix(tail)?;
                (!star.is_empty() && !star.contains('.')).then_some(star)
            }
            None => (name == self.name).then_some(""),
        }
    }
}

/// `age.identity`
pub const AGE_IDENTITY: Key = Key {
    name: "age.identity",
    kind: Kind::Text,
    default: "/etc/kutties/age.key",
    trust: Trust::Segment,
    about: "a file (mode 0600) of this machine's segment with the age identity that opens a backup at boot; without that file the consoles ask for it",
};
/// `backup.every`
pub const BACKUP_EVERY: Key = Key {
    name: "backup.every",
    kind: Kind::Text,
    default: "",
    trust: Trust::Url,
    about: "the time between two backups of a control plane, such as 6h; without it there is none by itself",
};
/// `backup.keep`
pub const BACKUP_KEEP: Key = Key {
    name: "backup.keep",
    kind: Kind::Number(MOST_BACKUPS),
    default: "7",
    trust: Trust::Url,
    about: "number of backups to keep that are files with ${time} in their names: the newest",
};
/// `backup.recipients`
pub const BACKUP_RECIPIENTS: Key = Key {
    name: "backup.recipients",
    kind: Kind::List,
    default: "",
    trust: Trust::Url,
    about: "recipients that can open backups: age1…, as age-keygen prints it; the identity stays elsewhere",
};
/// `backup.to`
pub const BACKUP_TO: Key = Key {
    name: "backup.to",
    kind: Kind::Text,
    default: "",
    trust: Trust::Url,
    about: "place for backups: a directory, a file, or a URL of HTTPS that takes them by PUT; ${hostname} and ${time} are filled in",
};
/// `config`
pub const CONFIG: Key = Key {
    name: "config",
    kind: Kind::Text,
    default: "",
    trust: Trust::Local,
    about: "a URL that answers with settings as TOML; ${mac}, ${uuid}, ${serial} and ${hostname} stand for this machine's",
};
/// `console.shell`
pub const CONSOLE_SHELL: Key = Key {
    name: "console.shell",
    kind: Kind::Text,
    default: "/bin/sh",
    trust: Trust::Url,
    about: "the program on each console; it is started again when it ends",
};
/// `container.size`
pub const CONTAINER_SIZE: Key = Key {
    name: "container.size",
    kind: Kind::Text,
    default: "25%",
    trust: Trust::Url,
    about: "the most that one container may write below its root where /var is in RAM; a percentage of /var, or bytes with k, m or g",
};
/// `data.create`
pub const DATA_CREATE: Key = Key {
    name: "data.create",
    kind: Kind::Flag,
    default: "no",
    trust: Trust::Local,
    about: "make a partition and a file system on the disk that data.disk names by SERIAL=, when it is empty",
};
/// `data.disk`
pub const DATA_DISK: Key = Key {
    name: "data.disk",
    kind: Kind::Text,
    default: "",
    trust: Trust::Local,
    about: "the disk to mount at /data: as var.disk",
};
/// `hostname`
pub const HOSTNAME: Key = Key {
    name: "hostname",
    kind: Kind::HostName,
    default: "",
    trust: Trust::Dhcp,
    about: "this machine's name; without it the ip= parameter's, the DHCP server's, or kutties-<MAC address>",
};
/// `join`
pub const JOIN: Key = Key {
    name: "join",
    kind: Kind::List,
    default: "",
    trust: Trust::Settings,
    about: "join a cluster at boot: HOST:PORT,token=TOKEN,ca=sha256:HASH; or file=FILE|URL,token=TOKEN",
};
/// `kubelet.enabled`
pub const KUBELET_ENABLED: Key = Key {
    name: "kubelet.enabled",
    kind: Kind::Flag,
    default: "yes",
    trust: Trust::Settings,
    about: "start the kubelet once /var/lib/kubelet/config.yaml exists",
};
/// `kubelet.env`
pub const KUBELET_ENV: Key = Key {
    name: "kubelet.env",
    kind: Kind::List,
    default: "GOGC=50",
    trust: Trust::Url,
    about: "NAME=VALUE settings of the kubelet's environment; GOGC=50 trades some processor time for memory",
};
/// `modules.coldplug`
pub const MODULES_COLDPLUG: Key = Key {
    name: "modules.coldplug",
    kind: Kind::Flag,
    default: "yes",
    trust: Trust::Local,
    about: "load the modules of the devices that are there at boot",
};
/// `modules.load`
pub const MODULES_LOAD: Key = Key {
    name: "modules.load",
    kind: Kind::List,
    default: "",
    trust: Trust::Local,
    about: "modules to load at boot beside those that Kubernetes needs",
};
/// `network.dhcp`
pub const NETWORK_DHCP: Key = Key {
    name: "network.dhcp",
    kind: Kind::Flag,
    default: "yes",
    trust: Trust::Local,
    about: "ask for an address on every network card with a carrier when ip= is not given",
};
/// `network.pods`
pub const NETWORK_PODS: Key = Key {
    name: "network.pods",
    kind: Kind::Text,
    default: "none",
    trust: Trust::Url,
    about: "the pod network while /etc/cni/net.d has no configuration: none, or bridge, which serves one node; routes between nodes are yours to make",
};
/// `network.timeout`
pub const NETWORK_TIMEOUT: Key = Key {
    name: "network.timeout",
    kind: Kind::Number(LONGEST_NETWORK),
    default: "30",
    trust: Trust::Local,
    about: "seconds that a network card has to get an address at boot, at most 3600",
};
/// `network.vip`
pub const NETWORK_VIP: Key = Key {
    name: "network.vip",
    kind: Kind::Address,
    default: "",
    trust: Trust::Url,
    about: "an address that the machines with a control plane share and one of them holds: the cluster's endpoint; a free one of their network",
};
/// `ntp.servers`
pub const NTP_SERVERS: Key = Key {
    name: "ntp.servers",
    kind: Kind::List,
    default: "",
    trust: Trust::Dhcp,
    about: "time servers, HOST or HOST:PORT; without them those that the DHCP server names, else the clock is left alone",
};
/// `restore`
pub const RESTORE: Key = Key {
    name: "restore",
    kind: Kind::List,
    default: "",
    trust: Trust::Url,
    about: "take a control plane back from its backup at boot: FILE or URL, then cluster=sha256:HASH of the CA whose key must be in it, which http:// needs",
};
/// `root.size`
pub const ROOT_SIZE: Key = Key {
    name: "root.size",
    kind: Kind::Text,
    default: "25%",
    trust: Trust::Local,
    about: "the most that files outside /var, /run and /tmp may take: a part of the memory (25%) or bytes (64m); at least what the initramfs brought and 16 MiB",
};
/// `service.*.after`
pub const SERVICE_AFTER: Key = Key {
    name: "service.*.after",
    kind: Kind::List,
    default: "",
    trust: Trust::Url,
    about: "files that must exist before the service starts",
};
/// `service.*.command`
pub const SERVICE_COMMAND: Key = Key {
    name: "service.*.command",
    kind: Kind::List,
    default: "",
    trust: Trust::Url,
    about: "a program with its arguments, to be kept running",
};
/// `settings.dhcp`
pub const SETTINGS_DHCP: Key = Key {
    name: "settings.dhcp",
    kind: Kind::Flag,
    default: "no",
    trust: Trust::Local,
    about: "take the settings of DHCP option 224 that a DHCP server may give at all, the join among them: for a network whose DHCP server alone can answer",
};
/// `settings.unsigned`
pub const SETTINGS_UNSIGNED: Key = Key {
    name: "settings.unsigned",
    kind: Kind::Flag,
    default: "no",
    trust: Trust::Local,
    about: "believe the settings of a URL that is not HTTPS without a signature: for a network where nobody else is",
};
/// `shutdown.grace`
pub const SHUTDOWN_GRACE: Key = Key {
    name: "shutdown.grace",
    kind: Kind::Number(LONGEST_GRACE),
    default: "30",
    trust: Trust::Settings,
    about: "seconds that pods have to end at shutdown, preStop hooks included, before they are killed; at most 3600",
};
/// `ssh.keys`
pub const SSH_KEYS: Key = Key {
    name: "ssh.keys",
    kind: Kind::List,
    default: "",
    trust: Trust::Url,
    about: "public keys whose owners may log in as root with ssh, as in authorized_keys; without any, and without that file, there is no sshd",
};
/// `ssh.port`
pub const SSH_PORT: Key =
    Key { name: "ssh.port", kind: Kind::Number(65_535), default: "22", trust: Trust::Url, about: "the port of sshd" };
/// `sysctl.**`
pub const SYSCTL: Key = Key {
    name: "sysctl.**",
    kind: Kind::Text,
    default: "",
    trust: Trust::Url,
    about: "a kernel setting, such as sysctl.vm.swappiness=1",
};
/// `var.create`
pub const VAR_CREATE: Key = Key {
    name: "var.create",
    kind: Kind::Flag,
    default: "no",
    trust: Trust::Local,
    about: "make a partition and a file system on the disk that var.disk names by SERIAL=, when it is empty",
};
/// `var.disk`
pub const VAR_DISK: Key = Key {
    name: "var.disk",
    kind: Kind::Text,
    default: "",
    trust: Trust::Local,
    about: "the disk to mount at /var, which then outlives a reboot, with /etc/kubernetes: LABEL=, UUID=, SERIAL= or first-empty, which makes a file system on the first empty disk",
};
/// `var.size`
pub const VAR_SIZE: Key = Key {
    name: "var.size",
    kind: Kind::Text,
    default: "60%",
    trust: Trust::Local,
    about: "the most that /var may hold in RAM: images, containers and the kubelet's files; a percentage, or bytes with k, m or g",
};

/// All of them, sorted by name.
pub const KEYS: &[Key] = &[
    AGE_IDENTITY,
    BACKUP_EVERY,
    BACKUP_KEEP,
    BACKUP_RECIPIENTS,
    BACKUP_TO,
    CONFIG,
    CONSOLE_SHELL,
    CONTAINER_SIZE,
    DATA_CREATE,
    DATA_DISK,
    HOSTNAME,
    JOIN,
    KUBELET_ENABLED,
    KUBELET_ENV,
    MODULES_COLDPLUG,
    MODULES_LOAD,
    NETWORK_DHCP,
    NETWORK_PODS,
    NETWORK_TIMEOUT,
    NETWORK_VIP,
    NTP_SERVERS,
    RESTORE,
    ROOT_SIZE,
    SERVICE_AFTER,
    SERVICE_COMMAND,
    SETTINGS_DHCP,
    SETTINGS_UNSIGNED,
    SHUTDOWN_GRACE,
    SSH_KEYS,
    SSH_PORT,
    SYSCTL,
    VAR_CREATE,
    VAR_DISK,
    VAR_SIZE,
];
