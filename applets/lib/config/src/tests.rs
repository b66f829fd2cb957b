//! Tests of the sources together: precedence, trust, and what is wrong with them.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;
use std::fs;

fn load(name: &str, files: &[(&str, &str)], command_line: &str) -> Config {
    let dir = std::env::temp_dir().join(format!("kutties-config-{}-{name}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    for (file, text) in files {
        fs::write(dir.join(file), text).unwrap();
    }
    let config = Config::load_from(&Places { command_line: command_line.into(), ..Places::below(&dir) });
    fs::remove_dir_all(dir).unwrap();
    config
}

#[test]
fn defaults_hold_without_any_source() {
    let config = load("none", &[], "console=ttyS0 quiet");
    assert!(config.complaints().is_empty());
    assert!(config.flag(&key::NETWORK_DHCP));
    assert_eq!(config.text(&key::CONSOLE_SHELL), "/bin/sh");
    assert_eq!(config.source(&key::HOSTNAME), None);
}

#[test]
fn the_later_source_wins_key_by_key() {
    let files = [
        ("board.toml", "hostname = \"board\"\n[network]\ndhcp = false\n[modules]\nload = [\"a\"]\n"),
        ("z.toml", "hostname = \"z\"\n"),
        ("b.toml", "hostname = \"b\"\nmodules.load = [\"x\", \"y\"]\n"),
    ];
    let config = load("order", &files, "kutties.hostname=line other.key=1");
    assert_eq!(config.complaints(), [""; 0]);
    assert_eq!(config.text(&key::HOSTNAME), "line");
    assert_eq!(config.source(&key::HOSTNAME), Some("on the kernel's command line"));
    assert!(!config.flag(&key::NETWORK_DHCP));
    assert_eq!(config.list(&key::MODULES_LOAD), ["x", "y"]);
}

#[test]
fn every_source_has_its_place() {
    let dir = std::env::temp_dir().join(format!("kutties-config-{}-all", std::process::id()));
    fs::create_dir_all(dir.join("dhcp")).unwrap();
    let mut places = Places { directory: dir.clone(), ..Places::below(&dir) };
    let expect = |name: &str, source: &str| {
        let config = Config::load_from(&places);
        assert_eq!(config.complaints(), [""; 0]);
        assert_eq!(config.text(&key::HOSTNAME), name);
        assert!(config.source(&key::HOSTNAME).unwrap().contains(source), "{:?}", config.source(&key::HOSTNAME));
    };
    fs::write(dir.join("a.toml"), "hostname = \"file\"\nvar.size = \"1g\"\n").unwrap();
    expect("file", "a.toml");
    fs::write(dir.join("dhcp/eth0.json"), lease("dhcp", &["10.0.0.9"], b"kutties.ntp.servers=10.0.0.9").to_string()).unwrap();
    expect("dhcp", "DHCP server on eth0");
    assert_eq!(Config::load_from(&places).list(&key::NTP_SERVERS), ["10.0.0.9"]);
    let smbios = [&[11, 5, 1, 0, 1][..], b"kutties.hostname=smbios\0serial 7\0\0", &[127, 4, 4, 0, 0, 0]].concat();
    fs::write(dir.join("DMI"), smbios).unwrap();
    expect("smbios", "SMBIOS");
    fs::create_dir_all(dir.join("fw_cfg/hostname")).unwrap();
    fs::create_dir_all(dir.join("fw_cfg/more.toml")).unwrap();
    fs::write(dir.join("fw_cfg/hostname/raw"), "fw\n").unwrap();
    fs::write(dir.join("fw_cfg/more.toml/raw"), "shutdown.grace = 7\n").unwrap();
    expect("fw", "opt/kutties/hostname");
    fs::write(dir.join("fetched"), "# http://x/y\nhostname = \"url\"\n").unwrap();
    expect("url", "http://x/y");
    places.command_line = "kutties.hostname=line".into();
    let config = Config::load_from(&places);
    assert_eq!((config.text(&key::HOSTNAME), config.text(&key::VAR_SIZE)), ("line", "1g"));
    assert_eq!(config.number(&key::SHUTDOWN_GRACE), 7);
    // Gathered settings are read again as they were.
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
    fs::remove_dir_all(dir).unwrap();
}

/// A lease as the DHCP client writes it down; option 224 is in hexadecimal digits.
fn lease(name: &str, ntp: &[&str], settings: &[u8]) -> serde_json::Value {
    let digits = settings.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
    serde_json::json!({"host_name": name, "ntp": ntp, "options": {"224": digits}})
}

/// Returns the configuration of a machine with a lease, that command line and that file.
fn leased(name: &str, lease: &serde_json::Value, command_line: &str, file: &str) -> Config {
    let dir = std::env::temp_dir().join(format!("kutties-config-{}-lease-{name}", std::process::id()));
    fs::create_dir_all(dir.join("dhcp")).unwrap();
    fs::write(dir.join("dhcp/eth0.json"), lease.to_string()).unwrap();
    fs::write(dir.join("a.toml"), file).unwrap();
    let config = Config::load_from(&Places { command_line: command_line.into(), ..Places::below(&dir) });
    fs::remove_dir_all(dir).unwrap();
    config
}

/// A setting for every key, as a stranger would give it; and the same key's name.
const GIVEN: &[(&str, &str)] = &[
    ("age.identity", "kutties.age.identity=/tmp/evil"),
    ("backup.every", "kutties.backup.every=1m"),
    ("backup.keep", "kutties.backup.keep=1"),
    ("backup.recipients", "kutties.backup.recipients=age1evil"),
    ("backup.to", "kutties.backup.to=https://evil.example/x"),
    ("config", "kutties.config=https://evil.example/a.toml"),
    ("console.shell", "kutties.console.shell=/bin/evil"),
    ("container.size", "kutties.container.size=1k"),
    ("data.create", "kutties.data.create=yes"),
    ("data.disk", "kutties.data.disk=first-empty"),
    ("hostname", "kutties.hostname=given"),
    ("join", "kutties.join=10.9.0.1:6443,token=abcdef.0123456789abcdef"),
    ("kubelet.enabled", "kutties.kubelet.enabled=no"),
    ("kubelet.env", "kutties.kubelet.env=SSL_CERT_FILE=/x"),
    ("modules.coldplug", "kutties.modules.coldplug=no"),
    ("modules.load", "kutties.modules.load=evil"),
    ("network.dhcp", "kutties.network.dhcp=no"),
    ("network.pods", "kutties.network.pods=bridge"),
    ("network.timeout", "kutties.network.timeout=1"),
    ("network.vip", "kutties.network.vip=10.9.0.100"),
    ("ntp.servers", "kutties.ntp.servers=10.9.0.1"),
    ("restore", "kutties.restore=https://evil.example/x"),
    ("root.size", "kutties.root.size=1k"),
    ("service.x.after", "kutties.service.x.after=/x"),
    ("service.x.command", "kutties.service.x.command=/bin/sh,-c,\"id >/dev/console\""),
    ("settings.dhcp", "kutties.settings.dhcp=yes"),
    ("settings.unsigned", "kutties.settings.unsigned"),
    ("shutdown.grace", "kutties.shutdown.grace=3"),
    ("ssh.keys", "\"kutties.ssh.keys=ssh-ed25519 AAAA evil\""),
    ("ssh.port", "kutties.ssh.port=2222"),
    ("sysctl.kernel.modprobe", "kutties.sysctl.kernel.modprobe=/bin/evil"),
    ("var.create", "kutties.var.create=yes"),
    ("var.disk", "kutties.var.disk=first-empty"),
    ("var.size", "kutties.var.size=1k"),
];

/// Names of what the DHCP server has set; every other key of [`GIVEN`] must be refused by its name.
fn taken(config: &Config) -> Vec<&str> {
    let taken: Vec<&str> = config.all().filter(|(_, _, source)| source.contains("DHCP")).map(|(name, ..)| name).collect();
    for (name, _) in GIVEN.iter().filter(|(name, _)| !taken.contains(name)) {
        let words = format!("key {name} by the DHCP server on eth0 is refused: ");
        assert_eq!(config.complaints().iter().filter(|line| line.starts_with(&words)).count(), 1, "{words}");
    }
    taken
}

#[test]
fn a_dhcp_server_sets_a_name_and_time_servers_alone() {
    let words: Vec<&str> = GIVEN.iter().map(|(_, word)| *word).collect();
    let given = lease("", &[], words.join(" ").as_bytes());
    let refused = leased("refused", &given, "quiet", "");
    assert_eq!(taken(&refused), ["hostname", "ntp.servers"]);
    assert_eq!((refused.text(&key::CONFIG), refused.flag(&key::SETTINGS_UNSIGNED)), ("", false));
    assert!(refused.open(&key::SERVICE_COMMAND).next().is_none() && refused.list(&key::SSH_KEYS).is_empty());
    // A local source asks for more, and still gets no power over the machine from there.
    let asked = ["hostname", "join", "kubelet.enabled", "ntp.servers", "shutdown.grace"];
    assert_eq!(taken(&leased("line", &given, "kutties.settings.dhcp=yes", "")), asked);
    assert_eq!(taken(&leased("file", &given, "", "settings.dhcp = true\n")), asked);
    // The last word of the local sources counts.
    assert_eq!(taken(&leased("off", &given, "kutties.settings.dhcp=no", "settings.dhcp = true\n")), ["hostname", "ntp.servers"]);
    assert!(KEYS.iter().all(|key| GIVEN.iter().any(|(name, _)| key.stars(name).is_some())), "a key is not tried");
}

#[test]
fn odd_leases_harm_nothing_and_are_told_in_one_line() {
    let long = "x".repeat(1200);
    for (at, settings) in [
        &b"kutties.hostname=a\nkutties.ssh.keys=x"[..],
        b"\"kutties.hostname=a\n127.0.0.1 evil\"",
        b"kutties.hostname=\x1b[2J",
        b"kutties.\x1b]0;evil\x07=1",
        b"kutties.hostname=$(reboot)",
        b"kutties.hostname=-x kutties.join=x",
        b"kutties.hostname=a\0kutties.ssh.keys=x",
        b"\xff\xfe",
        b"kutties",
        b"kutties.",
        b"kutties.=",
        b"\"kutties.hostname=a",
        format!("kutties.{long}={long}").as_bytes(),
        format!("kutties.hostname={long}").as_bytes(),
        "kutties.service.x.command=a ".repeat(400).as_bytes(),
    ]
    .into_iter()
    .enumerate()
    {
        let config = leased(&format!("odd-{at}"), &lease("", &[], settings), "", "");
        assert!(config.all().all(|(_, value, _)| value == ["a"]), "{at}: {:?}", config.values);
        assert!(config.complaints().len() <= COMPLAINTS, "{at}");
        for line in config.complaints() {
            assert!(line.len() < 300 && !line.chars().any(char::is_control), "{at}: {line:?}");
        }
    }
    for name in ["a b", "a;reboot", "a\n10.0.0.1 evil", "-a", "$(id)", "a/b", &long] {
        let config = leased("name", &lease(name, &["10.0.0.1;reboot", "--x", "evil"], b""), "", "");
        assert_eq!(config.all().count(), 0, "{name:?}: {:?}", config.values);
        assert!(config.complaints()[0].starts_with("key hostname by the DHCP server on eth0 must be a host's name"));
    }
    let times: Vec<String> = (0..60).map(|n| format!("10.0.0.{n}")).collect();
    let times: Vec<&str> = times.iter().map(String::as_str).collect();
    assert_eq!(leased("times", &lease("a.lab", &times, b"\0"), "", "").list(&key::NTP_SERVERS).len(), 8);
}

#[test]
fn a_url_does_not_set_what_it_is_judged_by() {
    let dir = std::env::temp_dir().join(format!("kutties-config-{}-url", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let text = "# https://x/y\nconfig = \"http://evil/\"\n[settings]\nunsigned = true\ndhcp = true\n[service.x]\ncommand = [\"/bin/x\"]\n";
    fs::write(dir.join("fetched"), text).unwrap();
    let config = Config::load_from(&Places { command_line: "kutties.config=https://x/y".into(), ..Places::below(&dir) });
    fs::remove_dir_all(dir).unwrap();
    assert_eq!((config.text(&key::CONFIG), config.flag(&key::SETTINGS_UNSIGNED)), ("https://x/y", false));
    assert_eq!((config.flag(&key::SETTINGS_DHCP), config.open(&key::SERVICE_COMMAND).count()), (false, 1));
    for name in ["config", "settings.unsigned", "settings.dhcp"] {
        let words = format!("key {name} at https://x/y is refused: only a local source may set it");
        assert!(config.complaints().contains(&words), "{words}: {:?}", config.complaints());
    }
}

#[test]
fn what_leads_to_a_secret_comes_from_a_segment_alone() {
    let secret = "AGE-SECRET-KEY-1QQQ";
    let config =
        load("identity", &[("a.toml", "age.identity = \"/etc/kutties/my.key\"\n")], &format!("kutties.age.identity={secret}"));
    assert_eq!(config.text(&key::AGE_IDENTITY), "/etc/kutties/my.key");
    assert_eq!(
        config.complaints(),
        ["key age.identity on the kernel's command line is refused: only a file of a segment may set it"]
    );
    let given = lease("", &[], format!("kutties.age.identity={secret}").as_bytes());
    let config = leased("identity", &given, "kutties.settings.dhcp=yes", "");
    assert_eq!(config.source(&key::AGE_IDENTITY), None);
    assert!(config.complaints().iter().all(|line| !line.contains(secret)), "{:?}", config.complaints());
}

#[test]
fn unknown_keys_and_wrong_values_are_named_with_their_source() {
    let files = [("a.toml", "hostnam = 1\n[network]\ndhcp = \"perhaps\"\n"), ("bad.toml", "= nonsense")];
    let config = load("bad", &files, "kutties.nope=1 kutties.shutdown.grace=soon");
    let all = config.complaints().join("\n");
    assert!(all.contains("unknown key hostnam in /"), "{all}");
    assert!(all.contains("key network.dhcp in /") && all.contains("must be yes or no"), "{all}");
    assert!(all.contains("bad.toml"), "{all}");
    assert!(all.contains("unknown key nope on the kernel's command line"), "{all}");
    assert!(all.contains("key shutdown.grace on the kernel's command line must be a whole number"), "{all}");
    assert!(config.flag(&key::NETWORK_DHCP));
}

#[test]
fn open_keys_give_their_names() {
    let config = load(
        "open",
        &[("a.toml", "[service.web]\ncommand = [\"/bin/web\", \"-p\", \"80\"]\n[sysctl]\n\"vm.swappiness\" = 1\n")],
        "kutties.service.two.command=/bin/two,-x kutties.sysctl.net.ipv4.ip_forward=0",
    );
    assert_eq!(config.complaints(), [""; 0]);
    let services: Vec<_> = config.open(&key::SERVICE_COMMAND).collect();
    assert_eq!(services[0], ("two", vec!["/bin/two".into(), "-x".into()]));
    assert_eq!(services[1].0, "web");
    let sysctls: Vec<_> = config.open(&key::SYSCTL).collect();
    assert_eq!(sysctls, [("net.ipv4.ip_forward", vec!["0".into()]), ("vm.swappiness", vec!["1".into()])]);
}

#[test]
fn every_key_is_documented_and_its_default_fits() {
    for key in KEYS {
        assert!(!key.about.is_empty(), "{}", key.name);
        if !key.default.is_empty() {
            assert!(Value::One(key.default.into()).fit(key.kind).is_ok(), "{}", key.name);
        }
    }
    assert!(KEYS.windows(2).all(|pair| pair[0].name < pair[1].name));
}
