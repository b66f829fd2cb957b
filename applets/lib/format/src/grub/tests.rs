#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;
use alloc::vec;

use crate::menu::{Place, Start, Wait};

/// Two file systems: our own, and one that is called `sdb1`.
struct Lab;

impl Disks for Lab {
    fn read(&mut self, device: &str, path: &str) -> Option<String> {
        let text = match (device, path) {
            ("", "/boot/grub/grubenv") => "# GRUB Environment Block\nsaved_entry=second\nnext=\n####\n",
            ("", "/more.cfg") => "menuentry \"From another file\" { linux /more }\n",
            ("", "/self.cfg") => "source /self.cfg\n",
            _ => return None,
        };
        Some(text.to_string())
    }
    fn exists(&mut self, device: &str, path: &str) -> bool {
        device == "sdb1" && path == "/there"
    }
    fn search(&mut self, by: By, value: &str) -> Option<String> {
        (by == By::Uuid && value == "abcd-1234").then(|| "sdb1".to_string())
    }
    fn entries(&mut self, _: &str, variable: &dyn Fn(&str) -> Option<String>) -> Vec<Entry> {
        let words = variable("kernelopts").unwrap_or_default();
        vec![Entry { id: "bls".into(), kernel: Place { path: "/bls".into(), ..Place::default() }, words, ..Entry::default() }]
    }
}

fn menu(text: &str) -> Menu {
    run(text, "/boot/grub", &mut Lab).unwrap()
}

/// In the manner of grub-mkconfig.
const DEBIAN: &str = r#"
# begins
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
fi
load_env
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
else
   set default="${saved_entry}"
fi
if [ x"${feature_menuentry_id}" = xy ]; then
  menuentry_id_option="--id"
else
  menuentry_id_option=""
fi
export menuentry_id_option
function gfxmode { set gfxpayload="${1}" ; }
function load_all { insmod all_video; set video=yes }
if loadfont unicode ; then set gfx=1 ; elif true; then set timeout_style=menu; fi
if sleep --interruptible 0 ; then set timeout=0; else set timeout=5; fi
menuentry 'A system' --class debian --id 'first' {
	load_all
	insmod gzio
	if [ x$grub_platform = xxen ]; then insmod xzio; fi
	set root='hd0,gpt2'
	search --no-floppy --fs-uuid --set=root --hint-bios=hd0,gpt2  abcd-1234
	linux	/vmlinuz-6.12 root=UUID=x ro  quiet "dyndbg=file a.c +p" video=$video
	initrd	/ucode /initrd.img-6.12
}
submenu 'More of it' $menuentry_id_option 'sub' {
	menuentry 'old' --id second { linux (hd0)/vmlinuz-6.1 single
	}
}
menuentry "Nothing to boot" { halt }
"#;

#[test]
fn a_usual_configuration_is_understood() {
    let menu = menu(DEBIAN);
    assert_eq!((menu.entries.len(), menu.default.clone(), menu.wait), (3, Ok(1), Wait::Seconds(0)), "{menu:?}");
    let first = &menu.entries[0];
    assert_eq!((first.title.as_str(), first.id.as_str()), ("A system", "first"));
    assert_eq!(first.kernel, Place { device: "sdb1".into(), path: "/vmlinuz-6.12".into() });
    assert_eq!(first.initrds.len(), 2);
    assert_eq!(first.initrds[1].device, "sdb1");
    assert_eq!(first.words, "root=UUID=x ro quiet \"dyndbg=file a.c +p\" video=yes");
    let old = &menu.entries[1];
    assert_eq!((old.title.as_str(), old.kernel.device.as_str(), old.words.as_str()), ("More of it > old", "", "single"));
}

#[test]
fn files_loops_and_other_entries() {
    let text = "search --set root -u abcd-1234\nset kernelopts='a b'\nblscfg\nunset root\nsource /more.cfg\nfor i in x y; do\n menuentry \"n-$i\" { linux /k-$i }\ndone\nset default=n-y\nset timeout=-1";
    let menu = menu(text);
    let titles: Vec<&str> = menu.entries.iter().map(|entry| entry.title.as_str()).collect();
    assert_eq!(titles, ["", "From another file", "n-x", "n-y"]);
    assert_eq!((menu.entries[0].words.as_str(), menu.default, menu.wait), ("a b", Ok(3), Wait::Forever));
}

#[test]
fn tests_hold_or_not() {
    for (test, holds) in [
        ("[ a = a ]", true),
        ("[ a != a ]", false),
        ("[ ]", false),
        ("[ \"\" ]", false),
        ("[ -z \"$none\" ]", true),
        ("[ 9 -lt 10 -a ! x = y ]", true),
        ("[ x = y -o -n z ]", true),
        ("[ -f /there ]", false),
        ("! [ a = b ]", true),
        ("unknown command", false),
    ] {
        let text = format!("if {test}; then menuentry yes {{ linux /k }}; fi");
        assert_eq!(menu(&text).entries.len() == 1, holds, "{test}");
    }
    assert_eq!(menu("search -u abcd-1234 --set\nif [ -f /there ]; then menuentry x { linux /k }\nfi").entries.len(), 1);
}

#[test]
fn what_is_wrong_or_endless_is_said() {
    for (text, words) in [
        ("menuentry x { linux /k", "} is missing"),
        ("menuentry x linux", "{ is missing"),
        ("if true; then linux", "lacks fi"),
        ("if true; fi", "lacks then"),
        ("}", "too many"),
        ("fi", "too many"),
        ("set x='a", "' in the configuration has no end"),
        ("set x=\"a", "\" in the configuration has no end"),
        ("!", "no command"),
        ("source /self.cfg", "deep"),
        ("function f { f }\nf", "deep"),
        ("function { x }", "no name"),
    ] {
        let why = run(text, "", &mut Lab).unwrap_err();
        assert!(why.contains(words), "{text:?}: {why}");
    }
    let deep = "if true; then ".repeat(1000);
    assert!(run(&deep, "", &mut Lab).unwrap_err().contains("deep"));
    let grows = format!("set a=aaaaaaaa\nfunction g {{ set a=$a$a }}\n{}", "g\n".repeat(40));
    assert!(run(&grows, "", &mut Lab).unwrap_err().contains("too "));
}

/// Title and meaning of each entry.
fn shown(menu: &Menu) -> Vec<(&str, String)> {
    let meaning = |entry: &Entry| match &entry.start {
        Start::Kernel => format!("{}{} {}", entry.kernel.device, entry.kernel.path, entry.words).trim().to_string(),
        Start::Unknown(why) => format!("? {why}"),
        other => format!("{other:?}"),
    };
    menu.entries.iter().map(|entry| (entry.title.as_str(), meaning(entry))).collect()
}

#[test]
fn bodies_run_with_the_variables_that_the_configuration_leaves() {
    let text = "menuentry late { linux $k $1 $2 }\nset k=/after\nset here=1\nexport there=2\n\
        submenu below { menuentry inner { linux /k here=$here there=$there } }\n\
        function f { linux /f $1 $#\n shift\n setparams x y\n initrd /$2 }\nmenuentry f { f a b; }";
    let menu = menu(text);
    assert_eq!(
        shown(&menu),
        [("late", "/after late".to_string()), ("below > inner", "/k here=1 there=2".into()), ("f", "/f a 2".into()),]
    );
    assert_eq!(menu.entries[2].initrds[0].path, "/y");
}

#[test]
fn what_is_no_kernel_stays_in_the_menu() {
    let text = "menuentry a { exit }\nmenuentry b { chainloader +1 }\nmenuentry c { chainloader (hd1,1)/EFI/x/grubx64.efi }\n\
        menuentry d { halt }\nmenuentry e { reboot }\nmenuentry f { true }\nmenuentry g { multiboot2 /xen; module2 /k }\n\
        menuentry h { linux (lvm/vg-root)/k }\nmenuentry i { chainloader /EFI/Linux/a.efi x }\nmenuentry j { linux $none }\n\
        menuentry k { nonsense; linux /k }\nmenuentry l { exit; linux /k }\nmenuentry m --users boss { linux /k }";
    let menu = menu(text);
    let found: Vec<String> = shown(&menu).into_iter().map(|(_, meaning)| meaning).collect();
    let expected = [
        "Disk",
        "Disk",
        "Disk",
        "Off",
        "Restart",
        "? it loads no kernel",
        "? multiboot2 can't be done here",
        "? there is no device lvm/vg-root here",
        "/EFI/Linux/a.efi x",
        "? linux names no kernel",
        "? nonsense can't be done here",
        "Disk",
        "? it wants a password, and none is asked for here",
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_default_counts_all_entries() {
    let entries = "menuentry zero { true }\nmenuentry one --id first { linux /1 }\nsubmenu two --id sub {\n\
        menuentry 'in > it' --id in { linux /20 }\nmenuentry inner { linux /21 }\n}\nmenuentry '3rd' { linux /3 }\n";
    for (default, expected) in [
        ("0", Err("\"zero\" can't be started: it loads no kernel")),
        ("", Err("\"zero\"")),
        ("no such", Err("\"zero\"")),
        ("1", Ok(1)),
        ("0x1", Ok(1)),
        ("first", Ok(1)),
        ("2", Ok(2)),
        ("2>1", Ok(3)),
        ("two>inner", Ok(3)),
        ("sub>in >> it", Ok(2)),
        ("sub>7", Ok(2)),
        ("3", Ok(4)),
        ("3rd", Ok(4)),
        ("inner", Err("\"zero\"")),
        ("in", Ok(2)),
        ("9", Err("\"zero\"")),
    ] {
        let menu = menu(&format!("{entries}set default='{default}'\nset fallback='1 3rd'"));
        match (menu.automatic(), expected) {
            (Ok(number), Ok(expected)) => assert_eq!(number, expected, "{default}"),
            (Err(why), Err(words)) => assert!(why.contains(words), "{default}: {why}"),
            (found, _) => assert_eq!(found, expected.map_err(ToString::to_string), "{default}"),
        }
        assert_eq!(menu.fallback, [1, 4]);
    }
    let lost = menu(&format!("{entries}set default=lost\nextract_legacy_entries_source /menu.lst"));
    assert!(lost.automatic().unwrap_err().contains("extract_legacy_entries_source"));
}

#[test]
fn a_configuration_may_end_at_once_or_hand_over() {
    for (text, expected) in [
        ("menuentry x { linux /x }\nexit", vec!["Disk"]),
        ("linux /now a\nboot\nmenuentry x { linux /x }", vec!["/now a"]),
        ("menuentry x { linux /x }\nconfigfile /more.cfg\nmenuentry y { linux /y }", vec!["/more"]),
        ("menuentry x { linux /x }\nconfigfile /none.cfg\nmenuentry y { linux /y }", vec!["/x", "/y"]),
        ("menuentry x { configfile /more.cfg }", vec!["/more"]),
        ("menuentry x { linux /x }\nmenuentry back { configfile /boot/grub/grub.cfg }", vec!["/x", "? it loads no kernel"]),
    ] {
        let menu = menu(text);
        let found: Vec<String> = shown(&menu).into_iter().map(|(_, meaning)| meaning).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn loops_have_an_end_or_are_refused() {
    let text = "set n=0\nwhile [ $n -lt 3 ]; do increment n; if [ $n = 2 ]; then continue; fi; menuentry w$n { linux /w$n }; done\n\
        until false; do break; done\nfor i in a b c; do if [ $i = b ]; then break; fi; menuentry $i { linux /$i }; done";
    let menu = menu(text);
    let titles: Vec<&str> = menu.entries.iter().map(|entry| entry.title.as_str()).collect();
    assert_eq!(titles, ["w1", "w3", "a"]);
    assert!(run("while true; do true; done", "", &mut Lab).unwrap_err().contains("more than"));
    let one = run("menuentry a { while true; do true; done\nlinux /k }\nmenuentry b { linux /k }\n", "", &mut Lab).unwrap();
    assert_eq!(one.entries[1].reason(), None);
    assert!(one.automatic().unwrap_err().contains("runs for more than"));
}

#[test]
fn a_default_for_one_start_is_written_back() {
    let text = "load_env -f /boot/grub/grubenv\nset default=$saved_entry\nset saved_entry=\nsave_env saved_entry\n\
        menuentry x --id second { set saved_entry=y\nsave_env -f (hd0,1)/env saved_entry none\nlinux /x }";
    let menu = menu(text);
    assert!(menu.once && menu.saves.len() == 1 && menu.saves[0].file.path == "/boot/grub/grubenv");
    let own = &menu.entries[0].saves;
    assert_eq!((own.len(), own[0].value.as_str(), own[0].file.path.as_str()), (1, "y", "/env"));
    let mut block = b"# GRUB Environment Block\na=1\nnext_entry=x\n".to_vec();
    block.resize(1024, b'#');
    let written = with_variable(&block, "next_entry", "").unwrap();
    let text = String::from_utf8(written.clone()).unwrap();
    assert!(text.starts_with("# GRUB Environment Block\na=1\nnext_entry=\n###") && written.len() == 1024, "{text}");
    assert!(with_variable(&block, "b", &"x".repeat(1000)).unwrap_err().contains("full"));
    assert!(with_variable(&block[..1000], "b", "").is_err() && with_variable(&[0; 1024], "b", "").is_err());
}
