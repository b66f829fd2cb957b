use super::*;
use crate::menu::{Entry, Start, Wait};
use alloc::format;
use alloc::vec;

fn read(text: &str) -> Menu {
    parse(text, Reader::Syslinux, &mut |_| None)
}

/// Returns the target of each entry.
fn shown(menu: &Menu) -> Vec<String> {
    let meaning = |entry: &Entry| match &entry.start {
        Start::Kernel => format!("{} {}", entry.kernel.path, entry.words).trim().to_string(),
        Start::Unknown(why) => format!("? {why}"),
        other => format!("{other:?}"),
    };
    menu.entries.iter().map(meaning).collect()
}

#[test]
fn a_menu_is_read() {
    let text = "DEFAULT menu.c32\nTIMEOUT 45\nAPPEND quiet\nMENU INCLUDE other.cfg\nLABEL one\n  MENU LABEL ^One\n  KERNEL /k1\n  \
        APPEND initrd=/a,/b root=/dev/sda1\nlabel two\n menu default\n linux /k2\n initrd /c\nlabel chain\n kernel other.c32\n\
        label three\n kernel k3\n append -\n";
    let mut asked = Vec::new();
    let menu = parse(text, Reader::Syslinux, &mut |name| {
        asked.push(name.to_string());
        Some("include other.cfg\n".into())
    });
    assert_eq!(asked.len(), read::DEPTH, "it includes itself");
    assert_eq!((menu.default.clone(), menu.wait, menu.entries.len()), (Ok(1), Wait::Seconds(5), 4));
    let [one, two, chain, three] = &menu.entries[..] else { return assert_eq!(menu.entries.len(), 4) };
    assert_eq!((one.title.as_str(), one.words.as_str(), one.initrds.len()), ("One", "root=/dev/sda1", 2));
    assert_eq!((two.kernel.path.as_str(), two.words.as_str(), two.initrds.len()), ("/k2", "quiet", 1));
    assert!(chain.reason().is_some_and(|why| why.contains("other.c32")));
    assert_eq!((three.id.as_str(), three.words.as_str()), ("three", ""));
    assert_eq!(read("default two\nlabel one\nkernel a\nlabel two\nkernel b\n").default, Ok(1));
}

#[test]
fn the_default_is_never_replaced() {
    let labels = "LABEL wipe\n KERNEL k\nLABEL local\n LOCALBOOT 0\nLABEL odd\n KERNEL odd.c32\n";
    for (settings, expected, wait) in [
        ("DEFAULT local", Ok("local"), Wait::Seconds(0)),
        ("DEFAULT \"local\"", Ok("local"), Wait::Seconds(0)),
        ("DEFAULT menu\nONTIMEOUT local\nTIMEOUT 50", Ok("local"), Wait::Seconds(5)),
        ("DEFAULT menu.c32\nONTIMEOUT local\nTOTALTIMEOUT 10", Ok("local"), Wait::Seconds(1)),
        ("UI vesamenu.c32\nDEFAULT local\nTIMEOUT 10", Ok("local"), Wait::Seconds(1)),
        // Nobody waits: then it does not count.
        ("DEFAULT local\nONTIMEOUT wipe\nPROMPT 0\nTIMEOUT 0", Ok("local"), Wait::Seconds(0)),
        ("DEFAULT wipe\nONTIMEOUT local\nPROMPT 1\nTIMEOUT 10", Ok("local"), Wait::Seconds(1)),
        ("UI menu.c32", Ok("wipe"), Wait::Forever),
        ("", Err("no default"), Wait::Forever),
        ("DEFAULT odd\nTIMEOUT 10", Err("\"odd\" can't be started: odd.c32 is a module"), Wait::Seconds(1)),
        ("DEFAULT other.c32 x", Err("other.c32 is a module"), Wait::Seconds(0)),
        ("DEFAULT pxelinux.0", Err("program for a BIOS"), Wait::Seconds(0)),
    ] {
        let menu = read(&format!("{settings}\n{labels}"));
        let found = menu.automatic().map(|number| menu.entries[number].id.clone());
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{settings}"),
            (Err(why), Err(words)) => assert!(why.contains(words), "{settings}: {why}"),
            _ => assert_eq!(found, expected.map(ToString::to_string).map_err(ToString::to_string), "{settings}"),
        }
        assert_eq!(menu.wait, wait, "{settings}");
    }
    let first = parse(labels, Reader::Extlinux, &mut |_| None);
    assert_eq!(first.automatic(), Ok(0), "U-Boot takes the first");
}

#[test]
fn labels_that_are_no_kernel_are_told_apart() {
    for (label, expected) in [
        ("LOCALBOOT -1", "Disk"),
        ("localboot 0x80", "Disk"),
        ("KERNEL chain.c32\nAPPEND hd0", "Disk"),
        ("COM32 chain.c32\nAPPEND hd0 1 swap", "Disk"),
        ("KERNEL /boot/chain.c32 hd0,1", "Disk"),
        ("KERNEL chain.c32\nAPPEND hd1", "? chain.c32 hd1 is not the first disk"),
        ("KERNEL chain.c32\nAPPEND ntldr=/bootmgr", "? chain.c32 ntldr=/bootmgr is not the first disk"),
        ("KERNEL localboot.c32\nAPPEND 0x80", "Disk"),
        ("KERNEL pxechn.c32\nAPPEND 10.0.0.1::x.0", "? pxechn.c32 is a module of SYSLINUX that can't be run here"),
        ("KERNEL reboot.c32", "Restart"),
        ("COM32 poweroff", "Off"),
        ("KERNEL linux.c32 k a\nAPPEND b", "k a b"),
        ("LINUX odd.c32\nAPPEND a", "odd.c32 a"),
        ("KERNEL http://h/k?x=a.c32", "http://h/k?x=a.c32"),
        ("KERNEL pxelinux.0", "? pxelinux.0 is a program for a BIOS"),
        ("KERNEL memdisk\nINITRD a.iso", "? memdisk is a program for a BIOS"),
        ("BOOT sector", "? BOOT starts a program for a BIOS"),
        ("FDIMAGE f.img", "? FDIMAGE starts a program for a BIOS"),
        ("MENU GOTO other", "? it only leads to another menu (goto other)"),
        ("CONFIG other.cfg", "? the configuration other.cfg is not read"),
        ("KERNEL k\nMENU PASSWD x", "? it wants a password, and none is asked for here"),
        ("KERNEL k\nMENU DISABLE", "? the configuration disables it"),
        ("", "? it names no kernel"),
        ("TEXT HELP\nKERNEL k\nENDTEXT\nLOCALBOOT 0", "Disk"),
    ] {
        assert_eq!(shown(&read(&format!("DEFAULT a\nLABEL a\n{label}\n"))), [expected], "{label}");
    }
}

#[test]
fn menus_lie_in_menus() {
    let text = "UI menu.c32\nAPPEND up\nMENU BEGIN more\nMENU TITLE ^More\nAPPEND down\nLABEL a\nKERNEL a\nMENU END\n\
        LABEL b\nKERNEL b\nLABEL c\nKERNEL menu.c32\nAPPEND c.cfg\nINCLUDE d.cfg Dir\n";
    let menu = parse(text, Reader::Syslinux, &mut |name| Some(format!("LABEL of-{name}\nKERNEL {name}\n")));
    let titles: Vec<&str> = menu.entries.iter().map(|entry| entry.title.as_str()).collect();
    assert_eq!(titles, ["More > a", "b", "c > of-c.cfg", "Dir > of-d.cfg"]);
    assert_eq!(shown(&menu), ["a down", "b up", "c.cfg", "d.cfg up"]);
    // The first item is a menu: nobody starts what is in it.
    assert!(menu.automatic().is_err_and(|why| why.contains("the menu \"More\"")), "{:?}", menu.default);
    let marked = format!("{text}MENU BEGIN\nMENU DEFAULT\nMENU END\nLABEL e\nMENU DEFAULT\nLOCALBOOT 0\n");
    let menu = parse(&marked, Reader::Syslinux, &mut |_| None);
    assert_eq!(menu.automatic().map(|number| menu.entries[number].id.as_str()), Ok("e"));
    let named = read("DEFAULT c\nLABEL w\nKERNEL w\nLABEL c\nCONFIG c.cfg\n");
    assert!(named.automatic().is_err_and(|why| why.contains("c.cfg is not read")));
    let named = parse("DEFAULT c\nLABEL w\nKERNEL w\nLABEL c\nCONFIG c.cfg\n", Reader::Syslinux, &mut |_| {
        Some("LABEL x\nKERNEL x".into())
    });
    assert!(named.automatic().is_err_and(|why| why.contains("the default is the menu \"c\"")));
}

#[test]
fn command_lines_start_labels_and_kernels() {
    let text = "DEFAULT linux single\nAPPEND quiet\nONERROR local\nLABEL linux\nKERNEL k\nINITRD a,b\nSYSAPPEND 0x3\nLABEL local\nLOCALBOOT 0\n";
    let menu = read(text);
    let number = menu.automatic().unwrap_or(usize::MAX);
    let entry = &menu.entries[number];
    assert_eq!((entry.words.as_str(), entry.initrds.len(), entry.sysappend), ("quiet single", 2, 3));
    assert_eq!((menu.entries.len(), menu.fallback), (3, vec![1]));
    let kernel = read("DEFAULT vmlinuz initrd=a initrd=i root=/dev/sda1\n");
    assert_eq!(shown(&kernel), ["vmlinuz root=/dev/sda1"]);
    assert_eq!(kernel.entries[0].initrds[0].path, "i");
}

#[test]
fn facts_become_words() {
    let ip = [[10, 0, 0, 5], [10, 0, 0, 1], [10, 0, 0, 254], [255, 255, 255, 0]].map(Into::into);
    let facts = Facts {
        ip: Some(ip),
        mac: Some([2, 0, 0, 0, 0, 1]),
        uuid: Some("u".into()),
        dmi: vec![("sys_vendor", "A Vendor\n".into())],
    };
    let all = appended(0x3ffff, &facts).join(" ");
    assert_eq!(all, "ip=10.0.0.5:10.0.0.1:10.0.0.254:255.255.255.0 BOOTIF=01-02-00-00-00-00-01 SYSUUID=u SYSVENDOR=A_Vendor");
    assert_eq!(appended(2, &facts), ["BOOTIF=01-02-00-00-00-00-01"]);
    assert!(appended(0, &facts).is_empty() && appended(0x3ffff, &Facts::default()).is_empty());
}

#[test]
fn names_go_from_one_machine_to_all() {
    let names = pxelinux_names(Some("u"), [2, 0, 0, 0, 0, 1], [10, 0, 0, 5].into());
    assert_eq!(names[..3], ["u", "01-02-00-00-00-00-01", "0A000005"]);
    assert_eq!(names[9..], ["0", "default"]);
}
