#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;
use alloc::format;
use alloc::string::ToString;
use alloc::vec;

#[derive(Default)]
struct Lab {
    said: Vec<String>,
    seen: Option<Choice>,
    loaded: Option<Found>,
    fetched: Vec<String>,
    forms: Vec<Vec<(String, String)>>,
    slept: u64,
    /// The load fails.
    broken: bool,
}

impl World for Lab {
    fn variable(&mut self, name: &str) -> Option<String> {
        let value = match name {
            "net0/mac" | "mac" => "52:54:00:00:00:01",
            "ip" => "10.0.0.5",
            "platform" => "efi",
            "buildarch" => "x86_64",
            "uuid" => "04030201-0605-0807-090a-0b0c0d0e0f10",
            "serial" => "a b",
            _ => return None,
        };
        Some(value.to_string())
    }
    fn fetch(&mut self, base: &str, uri: &str, form: Option<&[(String, String)]>) -> Result<Fetched, String> {
        self.fetched.push(uri.to_string());
        self.forms.extend(form.map(<[_]>::to_vec));
        let script = match uri {
            "next.ipxe" => Some("#!ipxe\nkernel k2 ${x}\nboot\n"),
            "self" => Some("chain self\n"),
            "one" => Some("exit 1\n"),
            "over" => Some("set over 1\nexit\n"),
            _ if uri.contains("missing") => return Err(format!("there is no {uri}")),
            _ => None,
        };
        let url = if script.is_some() { format!("http://other/{uri}") } else { format!("{base}/{uri}") };
        Ok(Fetched { key: self.fetched.len(), url, script: script.map(ToString::to_string) })
    }
    fn free(&mut self, _: usize) {}
    fn load(&mut self, found: &Found) -> Result<(), String> {
        if self.broken {
            return Err("it is no kernel".into());
        }
        self.loaded = Some(found.clone());
        Ok(())
    }
    fn say(&mut self, text: &str) {
        self.said.push(text.to_string());
    }
    fn choose(&mut self, menu: &Choice) -> Option<usize> {
        self.seen = Some(menu.clone());
        (!menu.items.is_empty()).then_some(menu.default)
    }
    fn sleep(&mut self, seconds: u64) {
        self.slept += seconds;
    }
    fn lookup(&mut self, host: &str) -> Result<String, String> {
        if host == "h" { Ok("10.0.0.9".into()) } else { Err(format!("there is no {host}")) }
    }
    fn cpu(&mut self) -> Option<String> {
        Some("fpu pae sse2 lm nx".into())
    }
}

/// URLs of kernel and segments, and the command line.
fn found(text: &str) -> (String, Vec<String>, String) {
    let mut lab = Lab::default();
    assert_eq!(run(text, "base", &mut lab), Ok(End::Boot), "{text}: {:?}", lab.said);
    let found = lab.loaded.unwrap();
    (found.kernel.url, found.initrds.into_iter().map(|(file, _)| file.url).collect(), found.words)
}

fn end(text: &str) -> Result<End, String> {
    run(text, "base", &mut Lab::default())
}

#[test]
fn our_own_script_is_understood() {
    let text = "#!ipxe\nset kutties a=1 b=${serial:uristring}\niseq ${platform} pcbios && goto bios ||\n\
        kernel kutties.efi ${kutties}\nboot\n:bios\nkernel no\nboot\n";
    assert_eq!(found(text), ("base/kutties.efi".into(), vec![], "a=1 b=a%20b".into()));
    let text = "#!ipxe\niseq ${platform} efi && goto efi ||\nexit\n:efi\nkernel --name vmlinuz vmlinuz quiet ${none}\n\
        initrd a\ninitrd --name x b\nboot\n";
    assert_eq!(found(text), ("base/vmlinuz".into(), vec!["base/a".into(), "base/b".into()], "quiet".into()));
}

#[test]
fn scripts_call_others_and_menus_choose() {
    let next = found("set x 1\nchain missing || chain next.ipxe\n");
    assert_eq!((next.0.as_str(), next.2.as_str()), ("http://other/next.ipxe/k2", "1"));
    assert_eq!(found("chain program.efi w\n").2, "w");
    let text = "menu Which one?\nitem --gap -- ---\nitem\nitem --key 1 one The first\nitem two The second\n\
        choose --default two --timeout 3000 which || exit\ngoto ${which}\n:one\nkernel 1\nboot\n:two\n\
        kernel 2-${net${no}0/mac:hexhyp}\nboot\n";
    let mut lab = Lab::default();
    assert_eq!(run(text, "", &mut lab), Ok(End::Boot));
    assert_eq!(lab.loaded.unwrap().kernel.url, "/2-52-54-00-00-00-01");
    let menu = lab.seen.unwrap();
    assert_eq!((menu.title.as_str(), menu.timeout, menu.default, menu.items.len()), ("Which one?", 3000, 1, 2));
}

#[test]
fn what_fails_and_is_not_caught_is_said() {
    for (text, words) in [
        ("nonsense\n", "line 1: there is no command nonsense"),
        ("\ngoto nowhere\n", "line 2: there is no label nowhere"),
        (":a\ngoto a\n", "more than 10000"),
        ("chain self\n", "deep"),
        ("boot\n", "nothing to boot"),
        ("set x ${y\n", "no end"),
        ("chain missing\n", "there is no missing"),
        ("kernel missing\nkernel k\nboot\n", "line 1: there is no missing"),
        ("isset ${y}\n", "not set"),
        ("iseq\n", "two values"),
        ("set a aaaaaaaaaaaaaaaa\n:l\nset a ${a}${a}\ngoto l\n", "too "),
        (":l\nsleep 1000\ngoto l\n", "sleeps for more"),
        (":l\nimgfetch k\nimgfree\ngoto l\n", "fetches more"),
        ("shell\n", "shell can't be done here"),
        ("imgverify k s\n", "not verified"),
        ("sanboot iscsi:10.0.0.1::::x\n", "can't be attached"),
        ("sanboot --drive 0x81\n", "not the first disk"),
        ("chain k##params\n", "no parameters"),
        ("chain one\n", "ended with 1"),
        ("dhcp net1\n", "no network card net1"),
        ("choose x\n", "no menu"),
        ("set x:number 1\n", "no type"),
        ("initrd k /a mode=755\n", "mode=755"),
    ] {
        let why = end(text).unwrap_err();
        assert!(why.contains(words), "{text:?}: {why}");
    }
    assert_eq!(end("exit\nnonsense\n"), Ok(End::Exit(0)));
    assert_eq!(end("prompt || isset ${mac} && iseq a b ||\n"), Ok(End::Exit(0)));
}

#[test]
fn the_disk_and_the_firmware_are_ends_of_their_own() {
    for (text, expected) in [
        ("sanboot --no-describe --drive 0x80 || exit\nkernel wipe\nboot\n", End::Disk),
        ("sanboot --drive=0x80\n", End::Disk),
        ("sanboot --drive 0x81 || exit 3\nkernel wipe\nboot\n", End::Exit(3)),
        ("kernel wipe\nexit\n", End::Exit(0)),
        ("chain over\niseq ${over} 1 && poweroff\n", End::Off),
        ("isset ${none} || reboot\n", End::Restart),
        (
            "menu\nitem local x\nitem wipe y\nchoose --default local t && goto ${t}\n:local\nexit\n:wipe\nkernel w\nboot\n",
            End::Exit(0),
        ),
        ("chain --replace over\nkernel wipe\nboot\n", End::Exit(0)),
    ] {
        assert_eq!(end(text), Ok(expected), "{text}");
    }
}

#[test]
fn a_fetch_or_a_load_that_fails_is_caught() {
    let text = "set n:int32 0\n:again\nimgfree\nkernel missing a || goto retry\nboot || goto retry\n:retry\n\
        iseq ${n} 3 && goto fail ||\ninc n\nsleep ${n}\ngoto again\n:fail\nkernel good x=${n}\nboot\n";
    let mut lab = Lab::default();
    assert_eq!(run(text, "", &mut lab), Ok(End::Boot));
    assert_eq!((lab.loaded.unwrap().words.as_str(), lab.slept), ("x=3", 6));
    let mut lab = Lab { broken: true, ..Lab::default() };
    assert_eq!(run("kernel k\nboot || goto other\nexit 9\n:other\nexit 5\n", "", &mut lab), Ok(End::Exit(5)));
    assert!(lab.said.iter().any(|line| line.contains("no kernel")), "{:?}", lab.said);
}

#[test]
fn images_have_names_and_arguments() {
    let text = "imgfetch --name bz http://h/vmlinuz-1\nimgfetch --name initrd http://h/core\n\
        imgargs bz initrd=initrd console=ttyS0\nimgexec bz\n";
    let (kernel, initrds, words) = found(text);
    assert_eq!((kernel.as_str(), words.as_str()), ("base/http://h/vmlinuz-1", "initrd=initrd console=ttyS0"));
    assert_eq!(initrds, ["base/http://h/core"]);
    assert_eq!(found("kernel a\nimgfree a\nkernel b\nboot\n").0, "base/b");
    assert_eq!(found("imgfetch --name rest next.ipxe && chain rest || goto no\n:no\n").0, "http://other/next.ipxe/k2");
    let mut lab = Lab::default();
    run("kernel k\ninitrd conf /etc/a.conf\nboot\n", "", &mut lab).unwrap();
    assert_eq!(lab.loaded.unwrap().initrds[0].1.as_deref(), Some("/etc/a.conf"));
}

#[test]
fn forms_are_sent_with_the_request() {
    let mut lab = Lab::default();
    let text = "params\nparam mac0 ${net0/mac}\nparam product ${product}\nisset ${net1/mac} && param mac1 ${net1/mac} || goto go\n\
        :go\nchain boot.php##params\n";
    assert_eq!(run(text, "", &mut lab), Ok(End::Boot));
    let form = [("mac0", "52:54:00:00:00:01"), ("product", "")].map(|(name, value)| (name.to_string(), value.to_string()));
    assert_eq!((lab.fetched, lab.forms), (vec!["boot.php".to_string()], vec![form.to_vec()]));
}

#[test]
fn settings_have_types() {
    for (text, expected) in [
        ("set a:int32 0\ninc a\ninc a 9\necho ${a}\n", "10"),
        ("set s:hex 20:20\nset s ${s:string}\necho [${s}]\n", "[  ]"),
        ("echo ${mac:hexraw} ${mac:hexhyp} ${ip} ${ip:hexraw}\n", "525400000001 52-54-00-00-00-01 10.0.0.5 0a000005"),
        ("echo ${uuid} ${serial:hex}\n", "04030201-0605-0807-090a-0b0c0d0e0f10 61:20:62"),
        ("set a x\nclear a\necho [${a}]\n", "[]"),
        ("nslookup a h && echo ${a}\n", "10.0.0.9"),
        ("nslookup a other || echo none\n", "none"),
        ("set n:int8 -1\necho ${n} ${n:uint8}\n", "-1 255"),
        ("set a 1 ; echo ${a} # no more\n", "1"),
        ("cpuid --ext 29 && set arch x86_64 || set arch i386\necho ${arch}\n", "x86_64"),
        ("cpuid --ext 0x1 || cpuid 6 && echo pae\n", "pae"),
        ("cpuid --ecx 31 && echo guest || echo bare\n", "bare"),
        ("set text ${serial:base64}\necho ${text}\n", "YSBi"),
        ("set cmd echo twice\n${cmd}\n", "twice"),
        ("set x ${none:uristring}\nshow x || echo unset\n", "unset"),
    ] {
        let mut lab = Lab::default();
        assert_eq!(run(text, "", &mut lab), Ok(End::Exit(0)), "{text}");
        assert_eq!(lab.said.last().map(String::as_str), Some(expected), "{text}");
    }
}
