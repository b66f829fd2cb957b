//! Packets of machines that boot from the network, and the configurations of boot loaders: from
//! untrusted networks and disks.
#![expect(clippy::panic, reason = "a panic is how a target tells")]

use format::grub::{By, Disks, Fact};
use format::ipxe::{Choice, End, Fetched, Found, World};
use format::menu::{Entry, MOST, Menu, Start};
use format::syslinux::Reader;
use format::{bls, dhcp, grub, http, ipxe, newc, pe, pxe, syslinux, tftp};

/// A message of TFTP; what both ends count stays within the file.
pub fn tftp_message(input: &[u8]) {
    match tftp::parse(input) {
        Some(tftp::Message::Read(file, true, options)) if !file.is_empty() && file.len() < 200 => {
            let again = tftp::read_request(&file, &options);
            assert_eq!(tftp::parse(&again), Some(tftp::Message::Read(file, true, options)));
            let (block, window) = (options.block.unwrap_or(tftp::BLOCK), options.window.unwrap_or(1));
            let mut sender = tftp::Sender::new(options.size.unwrap_or(9), block, window);
            for pair in input.chunks(2) {
                let due = sender.due();
                assert!(due.start <= due.end && due.end - due.start <= u64::from(window));
                sender.acknowledged(pair.iter().fold(0, |number, byte| number << 8 | u16::from(*byte)));
            }
        }
        Some(tftp::Message::Data(_, block)) => assert!(block.len() <= input.len()),
        _ => {}
    }
}

/// The head of a request: no path leads out of the root's slash, no control character comes through, parts lie in the file.
pub fn http_request(input: &[u8]) {
    if let http::Head::Whole(request, len) = http::parse(input) {
        assert!(len <= input.len() && request.path.starts_with('/') && !request.path.chars().any(char::is_control));
        for size in [0, 1, 10, u64::MAX] {
            let part = http::part(request.range.as_deref(), size);
            assert!(part.is_none_or(|part| part.start <= part.end && part.end <= size));
        }
    }
}

/// A packet of a machine that boots.
pub fn pxe_client(input: &[u8]) {
    let Ok(packet) = dhcp::Packet::parse(input) else { return };
    if let Some(uuid) = pxe::client(&packet).and_then(|client| client.uuid) {
        assert_eq!(uuid.len(), 36);
    }
    let text = String::from_utf8_lossy(input);
    if let Some(mac) = pxe::read_mac(&text) {
        assert_eq!(pxe::read_mac(&pxe::mac(mac)), Some(mac));
    }
}

/// A section is added without the whole program, and then is the last one.
pub fn extended(input: &[u8]) {
    let bytes = newc::archive(&[("etc/a", b"b")]);
    let Ok(pe::Extended { head, end, tail }) = pe::extended(input, input.len() as u64, ".initrd", &bytes) else { return };
    let middle = input.get(head.len()..end as usize).unwrap_or_else(|| panic!("the program ends before its last section"));
    let all = [head.as_slice(), middle, &tail].concat();
    let sections = pe::sections(&all).unwrap_or_else(|e| panic!("what was added to can't be read: {e}"));
    assert_eq!(sections.last().and_then(|section| section.of_file(&all)), Some(bytes.as_slice()));
}

fn check(menu: &Menu) {
    assert!(menu.entries.len() <= MOST && menu.fallback.iter().all(|number| *number < menu.entries.len()));
    assert!(menu.default.as_ref().is_ok_and(|default| *default < menu.entries.len().max(1)) || menu.default.is_err());
    let empty = |entry: &Entry| entry.start == Start::Kernel && entry.kernel.path.is_empty();
    assert!(!menu.entries.iter().any(empty), "there is nothing to boot: {menu:?}");
    // Nothing takes the place of a default that can't be started.
    if let Ok(number) = menu.automatic() {
        assert_eq!((Ok(number), menu.entries[number].reason()), (menu.default.clone(), None));
    }
}

/// SYSLINUX's configuration, which includes itself.
pub fn syslinux_menu(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for reader in [Reader::Syslinux, Reader::Extlinux] {
        check(&syslinux::parse(&text, reader, &mut |_| Some(text.to_string())));
    }
}

/// A boot loader entry, and the settings beside it.
pub fn boot_entry(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut all: Vec<bls::Sorted> =
        ["a.conf", "b-1", "b-10.conf"].iter().filter_map(|name| bls::entry(name, &text, |_| Some("v".into()))).collect();
    bls::sort(&mut all);
    let mut menu = Menu { entries: all.into_iter().map(|sorted| sorted.entry).collect(), ..Menu::default() };
    bls::settings(&text, &mut menu);
    check(&menu);
}

/// File systems on which each file is the configuration itself.
struct Same<'a>(&'a str);

impl Disks for Same<'_> {
    fn read(&mut self, _: &str, _: &str) -> Option<String> {
        Some(self.0.to_owned())
    }
    fn exists(&mut self, _: &str, path: &str) -> bool {
        path.len().is_multiple_of(2)
    }
    fn search(&mut self, _: By, value: &str) -> Option<String> {
        (!value.is_empty()).then(|| "other".into())
    }
    fn entries(&mut self, _: &str, _: &dyn Fn(&str) -> Option<String>) -> Vec<Entry> {
        Vec::new()
    }
    fn partition(&mut self, disk: usize, partition: usize) -> Option<String> {
        (disk < partition).then(|| "other".into())
    }
    fn fact(&mut self, device: &str, _: Fact) -> Option<String> {
        (!device.is_empty()).then(|| device.to_owned())
    }
    fn inside(&mut self, device: &str, path: &str) -> Result<String, String> {
        if path.len().is_multiple_of(2) { Ok("image".into()) } else { Err(device.to_owned()) }
    }
}

/// GRUB's environment block, which keeps its length and has what was set.
pub fn grub_block(input: &[u8]) {
    let Ok(block) = grub::with_variable(input, "next_entry", "") else { return };
    assert!(block.len() == input.len() && String::from_utf8_lossy(&block).contains("\nnext_entry=\n"));
    assert_eq!(grub::with_variable(&block, "next_entry", "").as_ref(), Ok(&block));
}

/// GRUB's configuration, which may source itself.
pub fn grub_menu(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(menu) = grub::run(&text, "/boot/grub", &mut Same(&text)) {
        check(&menu);
    }
    grub_block(input);
}

/// A network on which each file is the script itself, and somebody takes the first of every menu.
struct Loop<'a> {
    text: &'a str,
    loaded: bool,
}

impl World for Loop<'_> {
    fn variable(&mut self, name: &str) -> Option<String> {
        (name.len() < 5).then(|| name.to_owned())
    }
    fn fetch(&mut self, base: &str, uri: &str, _: Option<&[(String, String)]>) -> Result<Fetched, String> {
        match uri.len() % 3 {
            0 => Err("it is not there".into()),
            1 => Ok(Fetched { url: base.to_owned(), ..Fetched::default() }),
            _ => Ok(Fetched { url: base.to_owned(), script: Some(self.text.to_owned()), ..Fetched::default() }),
        }
    }
    fn free(&mut self, _: usize) {}
    fn load(&mut self, found: &Found) -> Result<(), String> {
        assert!(!self.loaded, "a script goes on after its start");
        self.loaded = found.words.len().is_multiple_of(2);
        if self.loaded { Ok(()) } else { Err("it is no kernel".into()) }
    }
    fn sleep(&mut self, _: u64) {}
    fn lookup(&mut self, host: &str) -> Result<String, String> {
        Ok(host.to_owned())
    }
    fn cpu(&mut self) -> Option<String> {
        Some("lm".into())
    }
    fn say(&mut self, _: &str) {}
    fn choose(&mut self, menu: &Choice) -> Option<usize> {
        (!menu.items.is_empty()).then_some(0)
    }
}

/// A script for iPXE, which may chain to itself.
pub fn ipxe_script(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut network = Loop { text: &text, loaded: false };
    let end = ipxe::run(&text, "http://h/s", &mut network);
    assert_eq!(end == Ok(End::Boot), network.loaded, "what was loaded is what is started");
}
