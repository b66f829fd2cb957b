//! The configurations of `tests/fuzz/corpus`: their entries, their default, and what is started.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::path::Path;

use format::grub::{self, By, Disks, Fact};
use format::ipxe::{self, Choice, End, Fetched, Found, World};
use format::menu::{Entry, Menu, Place, Start, Wait};
use format::syslinux::{self, Reader};

fn text(kind: &str, name: &str) -> String {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fuzz/corpus");
    let path = corpus.join(kind).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("read {}: {e}", path.display()))
}

/// A machine with three file systems beside the configuration's, and an image.
struct Machine {
    /// There is a default for one start.
    once: bool,
}

impl Disks for Machine {
    fn read(&mut self, device: &str, path: &str) -> Option<String> {
        let text = match (device, path) {
            ("", "/boot/grub/grubenv") if self.once => "# GRUB Environment Block\nnext_entry=once\n###",
            ("main", "/boot/grub/grub.cfg") => "menuentry Ubuntu { linux /vmlinuz ro }\nset timeout=0\n",
            ("", "/boot/grub/install_start.cfg") => "menuentry Install { linux /install/vmlinuz }\n",
            ("", "/boot/grub/versions/one.cfg") => {
                "menuentry One --id one-1.4 {\n setup_serial\n linux /boot/1.4/vmlinuz ${console}\n}\n"
            }
            ("image", "/etc/bootargs.cfg") => {
                "set kernel=/boot/vmlinuz\nset initramfs=/boot/initrd\nset kernelcmd=\"root=LABEL=A ro\"\n"
            }
            _ => return None,
        };
        Some(text.into())
    }
    fn exists(&mut self, device: &str, path: &str) -> bool {
        self.read(device, path).is_some() || (device == "esp" && path.eq_ignore_ascii_case("/EFI/redhat/grubx64.efi"))
    }
    fn search(&mut self, by: By, value: &str) -> Option<String> {
        let found = match (by, value) {
            (By::Label, "ESP") | (By::File, "/EFI/redhat/grubx64.efi" | "/efi/ubuntu/shimx64.efi") => "esp",
            (By::Label, "PVE" | "STATE" | "Gentoo") => "state",
            (By::Uuid, "1111-aaaa") | (By::File, "/boot/medium.uuid") => "main",
            _ => return None,
        };
        Some(found.into())
    }
    fn entries(&mut self, _: &str, _: &dyn Fn(&str) -> Option<String>) -> Vec<Entry> {
        let entry = |id: &str| {
            let kernel = Place { path: format!("/vmlinuz-{id}"), ..Place::default() };
            Entry { title: id.into(), id: id.into(), kernel, ..Entry::default() }
        };
        vec![entry("6.2"), entry("6.1"), entry("once")]
    }
    fn fact(&mut self, device: &str, fact: Fact) -> Option<String> {
        (fact == Fact::Uuid && device == "main").then(|| "2026".into())
    }
    fn inside(&mut self, device: &str, path: &str) -> Result<String, String> {
        let found = device == "state" && path.ends_with("active.img");
        if found { Ok("image".into()) } else { Err(format!("there is no {path}")) }
    }
}

fn meaning(entry: &Entry) -> String {
    match &entry.start {
        Start::Kernel => format!("{}:{} {}", entry.kernel.device, entry.kernel.path, entry.words).trim().to_owned(),
        Start::Unknown(why) => format!("? {why}"),
        other => format!("{other:?}"),
    }
}

/// The default's meaning, or the sentence that there is none.
fn automatic(menu: &Menu) -> String {
    menu.automatic().map_or_else(|why| format!("! {why}"), |number| meaning(&menu.entries[number]))
}

/// Number of entries, of those that are not understood, time, and what is started.
type Row = (&'static str, usize, usize, Wait, &'static str);

#[test]
fn grub_starts_what_the_configuration_says() {
    let rows: &[Row] = &[
        ("debian-installed", 5, 2, Wait::Seconds(5), "main:/boot/vmlinuz-6.12 root=UUID=1111-aaaa ro quiet"),
        ("debian-installer", 5, 2, Wait::Forever, ":/install/vmlinuz --- quiet"),
        ("ubuntu-live", 4, 1, Wait::Seconds(30), ":/casper/vmlinuz --- quiet splash"),
        ("ubuntu-esp", 1, 0, Wait::Seconds(0), "main:/vmlinuz ro"),
        ("fedora", 4, 1, Wait::Seconds(5), ":/vmlinuz-once"),
        ("rhel", 2, 1, Wait::Seconds(1), ":/vmlinuz-5.14 root=/dev/mapper/rl-root ro crashkernel=1G-4G:192M"),
        ("opensuse", 2, 0, Wait::Seconds(8), ":/boot/vmlinuz-6.4 root=UUID=1111-aaaa"),
        ("arch-iso", 3, 0, Wait::Seconds(15), "main:/arch/boot/vmlinuz-linux archisobasedir=arch archisodevice=UUID=2026"),
        ("alpine", 1, 0, Wait::Seconds(1), ":/boot/vmlinuz-lts modules=loop,squashfs,sd-mod,usb-storage quiet"),
        ("gentoo", 3, 0, Wait::Seconds(10), "state:/boot/gentoo dokeymap root=live:CDLABEL=Gentoo rd.live.dir=/ cdroot"),
        ("nixos", 2, 0, Wait::Seconds(5), "main:/store/linux-6.12/bzImage init=/nix/store/system/init loglevel=4"),
        ("kali-live", 4, 1, Wait::Forever, ":/live/vmlinuz boot=live components quiet findiso="),
        ("proxmox", 3, 1, Wait::Forever, "state:/boot/linux26 ro ramdisk_size=16777216 rw quiet splash=silent"),
        ("vyos", 2, 1, Wait::Seconds(5), ":/boot/1.4/vmlinuz console=ttyS0,115200"),
        ("foreman-local", 4, 0, Wait::Seconds(20), "Disk"),
        ("maas-local", 1, 0, Wait::Seconds(0), "Disk"),
        ("cobbler", 3, 1, Wait::Seconds(200), "Disk"),
        ("image-in-a-file", 2, 1, Wait::Seconds(3), "image:/boot/vmlinuz root=LABEL=A ro"),
        ("once", 2, 0, Wait::Seconds(5), ":/b"),
        ("endless", 3, 2, Wait::Seconds(1), "! the default entry \"turns for ever\" can't be started: "),
    ];
    for (name, entries, unknown, wait, starts) in rows {
        let once = ["once", "fedora"].contains(name);
        let menu =
            grub::run(&text("grub", name), "/boot/grub", &mut Machine { once }).unwrap_or_else(|why| panic!("{name}: {why}"));
        check(name, &menu, (*entries, *unknown, *wait), starts);
        assert_eq!(menu.once, once, "{name}");
    }
}

#[test]
fn syslinux_starts_what_the_configuration_says() {
    let rows: &[Row] = &[
        ("cobbler", 2, 0, Wait::Seconds(20), "Disk"),
        ("cobbler-machine", 1, 0, Wait::Seconds(1), ":/images/x/vmlinuz ksdevice=bootif lang= text"),
        ("foreman-local", 3, 0, Wait::Seconds(20), "Disk"),
        ("maas-local", 1, 0, Wait::Seconds(0), "Disk"),
        ("fog", 3, 2, Wait::Seconds(3), "Disk"),
        ("u-boot", 2, 0, Wait::Seconds(5), ":/boot/vmlinuz-6.12 root=/dev/mmcblk0p2 ro"),
        ("isolinux-menus", 6, 3, Wait::Forever, ":/live/vmlinuz boot=live quiet"),
        ("command-lines", 5, 2, Wait::Seconds(5), ":vmlinuz-rescue quiet ro"),
    ];
    for (name, entries, unknown, wait, starts) in rows {
        let menu = syslinux::parse(&text("syslinux", name), Reader::Syslinux, &mut |_| None);
        check(name, &menu, (*entries, *unknown, *wait), starts);
    }
}

fn check(name: &str, menu: &Menu, (entries, unknown, wait): (usize, usize, Wait), starts: &str) {
    let all: Vec<(&str, String)> = menu.entries.iter().map(|entry| (entry.title.as_str(), meaning(entry))).collect();
    let reasons = menu.entries.iter().filter(|entry| entry.reason().is_some()).count();
    assert_eq!((menu.entries.len(), reasons, menu.wait), (entries, unknown, wait), "{name}: {all:#?}");
    let found = automatic(menu);
    assert!(found == starts || (starts.starts_with('!') && found.starts_with(starts)), "{name}: {found}\n{all:#?}");
}

/// A network that has all but what is called missing.
#[derive(Default)]
struct Network {
    loaded: Option<Found>,
    said: Vec<String>,
}

impl World for Network {
    fn variable(&mut self, name: &str) -> Option<String> {
        let value = match name {
            "mac" | "net0/mac" => "52:54:00:00:00:01",
            "ip" | "net0/ip" => "10.0.0.5",
            "buildarch" => "x86_64",
            "platform" => "pcbios",
            "next-server" => "10.0.0.1",
            _ => return None,
        };
        Some(value.into())
    }
    fn fetch(&mut self, base: &str, uri: &str, form: Option<&[(String, String)]>) -> Result<Fetched, String> {
        if uri.contains("missing") || uri == "boot.cfg" {
            return Err(format!("there is no {uri}"));
        }
        let script = form.map(|form| format!("#!ipxe\nkernel http://f/bzImage fields={}\nboot\n", form.len()));
        let url = if uri.contains("://") { uri.into() } else { format!("{base}{uri}") };
        Ok(Fetched { key: 0, url, script })
    }
    fn free(&mut self, _: usize) {}
    fn load(&mut self, found: &Found) -> Result<(), String> {
        self.loaded = Some(found.clone());
        Ok(())
    }
    fn say(&mut self, text: &str) {
        self.said.push(text.into());
    }
    fn choose(&mut self, menu: &Choice) -> Option<usize> {
        Some(menu.default)
    }
    fn sleep(&mut self, _: u64) {}
    fn lookup(&mut self, _: &str) -> Result<String, String> {
        Ok("10.0.0.9".into())
    }
    fn cpu(&mut self) -> Option<String> {
        Some("lm".into())
    }
}

#[test]
fn ipxe_starts_what_the_script_says() {
    for (name, starts, initrds) in [
        ("cobbler", "http://c/images/x/vmlinuz initrd=initrd.img ks=http://c/ks BOOTIF=01-52-54-00-00-00-01", 1),
        ("foreman-local", "Disk", 0),
        (
            "maas",
            "http://m/amd64/boot-kernel nomodeset root=squash:http://m/squashfs ip=::::x:BOOTIF BOOTIF=01-52-54-00-00-00-01",
            1,
        ),
        ("fog", "http://f/bzImage fields=4", 0),
        ("fog-menu", "Disk", 0),
        ("netboot-xyz", "http://n/vmlinuz arch=x86_64 initrd=initrd.magic", 1),
        ("dts", "http://d/bzImage initrd=initrd console=ttyS0 console=tty0", 1),
        ("ironic", "Disk", 0),
        ("commands", "http://h/k.gz loud", 1),
    ] {
        let mut network = Network::default();
        let end = ipxe::run(&text("ipxe", name), "http://h/", &mut network);
        let found = match end.unwrap_or_else(|why| panic!("{name}: {why}: {:#?}", network.said)) {
            End::Boot => {
                let found = network.loaded.unwrap();
                assert_eq!(found.initrds.len(), initrds, "{name}");
                format!("{} {}", found.kernel.url, found.words).trim().to_owned()
            }
            other => format!("{other:?}"),
        };
        assert_eq!(found, starts, "{name}");
    }
}
