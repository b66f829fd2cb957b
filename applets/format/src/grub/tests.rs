#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;
use alloc::vec;

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
    assert_eq!((menu.entries.len(), menu.default, menu.timeout), (2, 1, Some(5)), "{menu:?}");
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
    assert_eq!((menu.entries[0].words.as_str(), menu.default, menu.timeout), ("a b", 3, None));
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
