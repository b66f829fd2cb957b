//! Commands of iPXE.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::End;
use super::machine::{Machine, Run, Step};
use super::settings::{Kind, Setting, typed};

/// The longest sleep of a script, in seconds, of all its commands together.
const SLEEP: u64 = 3600;
/// The most parameters of a form, and forms.
const PARAMETERS: usize = 64;
const FORMS: usize = 8;
/// Commands that show something, or set up a screen that is not there.
const SHOWN: &[&str] = &[
    "ifstat",
    "route",
    "console",
    "colour",
    "color",
    "cpair",
    "nstat",
    "ipstat",
    "neighbour",
    "certstat",
    "profstat",
    "sync",
    "fcstat",
    "ibstat",
    "help",
    "ifclose",
];
/// Commands that bring up a network card. There is one, and it has its address.
const NETWORK: &[&str] = &["dhcp", "ifopen", "ifconf", "iflinkwait", "iwstat"];

impl Machine<'_> {
    pub(super) fn command(&mut self, words: &[String], base: &str, depth: usize) -> Run {
        // A variable may hold a command with its arguments.
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let Some(first) = words.first().copied() {
            words.splice(..1, first.split_whitespace());
        }
        let Some((name, args)) = words.split_first() else { return Ok(Step::Next) };
        match *name {
            "kernel" | "imgselect" | "imgload" | "initrd" | "module" | "imgfetch" | "imgextract" => {
                self.fetch_command(name, args, base)
            }
            "boot" | "imgexec" | "chain" => self.execute(name, args, base, depth),
            "imgargs" => self.imgargs(args, base),
            "imgfree" => self.imgfree(args),
            "imgstat" => self.imgstat(),
            "menu" => self.menu(args),
            "item" => self.item(args),
            "choose" => self.choose(args),
            "params" => self.params(args),
            "param" => self.param(args),
            "sanboot" => sanboot(args),
            "goto" => Ok(Step::Goto(args.first().ok_or("goto needs a label")?.to_string())),
            "exit" => Ok(Step::End(End::Exit(args.first().map_or(0, |code| code.parse().unwrap_or(1))))),
            "poweroff" => Ok(Step::End(End::Off)),
            "reboot" => Ok(Step::End(End::Restart)),
            "time" => {
                let rest: Vec<String> = args.iter().map(ToString::to_string).collect();
                if depth > super::machine::DEPTH {
                    return Err("commands are too deep".into());
                }
                self.command(&rest, base, depth + 1)
            }
            name if SHOWN.contains(&name) => Ok(Step::Next),
            name if NETWORK.contains(&name) => network(name, args),
            name => self.variable_command(name, args),
        }
    }

    /// Commands about variables, and those that are never done.
    fn variable_command(&mut self, name: &str, args: &[&str]) -> Run {
        let first = args.first().copied().unwrap_or_default();
        match name {
            "set" => self.assign(first, &args.get(1..).unwrap_or_default().join(" ")),
            "clear" => {
                self.set.remove(typed(first).0);
                Ok(Step::Next)
            }
            "inc" => self.inc(args),
            "show" => {
                let value = self.value(first).ok_or_else(|| format!("{first} is not set"))?;
                self.world.say(&format!("{first} = {value}"));
                Ok(Step::Next)
            }
            "isset" => truth(!first.is_empty(), "it is not set"),
            "iseq" => match args {
                [one, other] => truth(one == other, "they differ"),
                _ => Err("iseq needs two values".into()),
            },
            "echo" => {
                let words = args.strip_prefix(&["-n"]).unwrap_or(args);
                self.world.say(&words.join(" "));
                Ok(Step::Next)
            }
            "sleep" => self.sleep(first),
            "cpuid" => self.cpuid(args),
            "nslookup" => {
                let [name, host] = args else { return Err("nslookup needs a variable and a host".into()) };
                let address = self.world.lookup(host)?;
                self.put(name, Setting::of_machine("ip", &address))
            }
            "ntp" => {
                self.world.say("the clock stays as the node keeps it");
                Ok(Step::Next)
            }
            "imgtrust" if first == "--allow" || first == "-a" => Ok(Step::Next),
            "imgtrust" | "imgverify" => Err(format!("{name}: signatures are not verified here")),
            "prompt" => Err("nobody pressed a key".into()),
            "shell" | "login" | "config" | "read" | "form" | "present" | "sanhook" | "sanunhook" | "autoboot" | "ping"
            | "vcreate" | "vdestroy" | "certstore" | "certfree" | "fdt" | "shim" | "pciscan" | "usbscan" | "usbkeys"
            | "gdbstub" | "lotest" | "imgmem" | "imgdecrypt" | "startnet" | "pxebs" | "startpxe" | "stoppxe" | "wol" | "bofm"
            | "iwlist" | "ifname" | "imgsig" | "imgprepend" | "mdio" | "acpi" => Err(format!("{name} can't be done here")),
            _ => Err(format!("there is no command {name}")),
        }
    }

    fn assign(&mut self, name: &str, value: &str) -> Run {
        if name.is_empty() {
            return Err("set needs a name".into());
        }
        let (plain, kind) = match name.rsplit_once(':') {
            Some((plain, kind)) => (plain, Kind::named(kind).ok_or_else(|| format!("there is no type {kind}"))?),
            None => (name, Kind::Text),
        };
        if value.is_empty() {
            self.set.remove(plain);
            return Ok(Step::Next);
        }
        self.put(plain, Setting::read(value, kind)?)
    }

    fn inc(&mut self, args: &[&str]) -> Run {
        let (name, kind) = typed(args.first().ok_or("inc needs a name")?);
        let by = match args.get(1) {
            Some(number) => number.parse::<i64>().map_err(|_| format!("{number} is no number"))?,
            None => 1,
        };
        let before = self.setting(name);
        let numeric = |kind: &Kind| matches!(kind, Kind::Number(..));
        let own = before.as_ref().map(|setting| setting.kind).filter(numeric);
        let kind = kind.filter(numeric).or(own).unwrap_or(Kind::Number(4, true));
        let number = before.map_or(0, |setting| setting.number(true));
        self.put(name, Setting::read(&number.saturating_add(by).to_string(), kind)?)
    }

    fn sleep(&mut self, seconds: &str) -> Run {
        let seconds: u64 = seconds.parse().map_err(|_| format!("sleep: {seconds:?} is no number"))?;
        if self.slept.saturating_add(seconds) > SLEEP {
            return Err(format!("the script sleeps for more than {SLEEP} seconds"));
        }
        self.slept += seconds;
        self.world.sleep(seconds);
        Ok(Step::Next)
    }

    fn cpuid(&mut self, args: &[&str]) -> Run {
        let flags = self.world.cpu().ok_or("cpuid: this processor has none")?;
        let (mut extended, mut ecx, mut bit) = (false, false, None);
        for arg in args {
            match *arg {
                "--ext" | "-e" => extended = true,
                "--ecx" | "-c" => ecx = true,
                number => bit = number.parse::<usize>().ok(),
            }
        }
        let table = match (extended, ecx) {
            (false, false) => EDX,
            (false, true) => ECX,
            (true, false) => EXTENDED_EDX,
            (true, true) => EXTENDED_ECX,
        };
        let bit = bit.filter(|bit| *bit < 32).ok_or("cpuid needs the number of a bit")?;
        let name = table.split_whitespace().nth(bit).unwrap_or("-");
        truth(flags.split_whitespace().any(|flag| flag == name), "the processor lacks it")
    }

    fn params(&mut self, args: &[&str]) -> Run {
        let name = option(args, "--name", "-n");
        if args.contains(&"--delete") || args.contains(&"-d") {
            self.forms.remove(name);
            return Ok(Step::Next);
        }
        if self.forms.len() >= FORMS && !self.forms.contains_key(name) {
            return Err("there are too many forms".into());
        }
        self.forms.insert(name.to_string(), Vec::new());
        Ok(Step::Next)
    }

    fn param(&mut self, args: &[&str]) -> Run {
        let form = option(args, "--params", "-p").to_string();
        let mut rest = args.iter().copied().peekable();
        while let Some(option) = rest.next_if(|arg| arg.starts_with('-')) {
            match option {
                "--params" | "-p" => drop(rest.next()),
                other => return Err(format!("param {other} can't be done here")),
            }
        }
        let name = rest.next().ok_or("param needs a name")?.to_string();
        let value = rest.collect::<Vec<_>>().join(" ");
        let form = self.forms.get_mut(&form).ok_or("param: there is no form; params makes one")?;
        if form.len() >= PARAMETERS {
            return Err("the form has too many parameters".into());
        }
        form.push((name, value));
        Ok(Step::Next)
    }
}

/// The value of an option, or an empty one.
fn option<'a>(args: &[&'a str], long: &str, short: &str) -> &'a str {
    let at = args.iter().position(|arg| *arg == long || *arg == short);
    at.and_then(|at| args.get(at + 1)).copied().unwrap_or_default()
}

/// The first disk, when no other is named.
fn sanboot(args: &[&str]) -> Run {
    let mut args = args.iter().copied();
    while let Some(arg) = args.next() {
        let (option, value) = arg.split_once('=').unwrap_or((arg, ""));
        let mut value = || if value.is_empty() { args.next().unwrap_or_default() } else { value };
        match option {
            "--drive" | "-d" => match value() {
                "0x80" | "0" | "128" => {}
                drive => return Err(format!("sanboot: the drive {drive} is not the first disk")),
            },
            "--filename" | "-f" | "--label" | "-l" | "--uuid" | "-u" | "--extra" | "-e" => drop(value()),
            "--no-describe" | "-n" | "--keep" | "-k" => {}
            other => return Err(format!("sanboot: {other} can't be attached here")),
        }
    }
    Ok(Step::End(End::Disk))
}

fn truth(holds: bool, otherwise: &str) -> Run {
    if holds { Ok(Step::Next) } else { Err(otherwise.to_string()) }
}

/// Bits of CPUID's registers, from 0, by Linux' names in /proc/cpuinfo.
const EDX: &str = "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov \
    pat pse36 pn clflush - dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe";
const ECX: &str = "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm \
    - pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor";
const EXTENDED_EDX: &str = "fpu vme de pse tsc msr pae mce cx8 apic - syscall mtrr pge mca cmov \
    pat pse36 - mp nx - mmxext mmx fxsr fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow";
const EXTENDED_ECX: &str = "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop \
    skinit wdt - lwp fma4 tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc perfctr_llc mwaitx - -";

/// The card that was asked on is `net0`.
fn network(name: &str, args: &[&str]) -> Run {
    let mut own = args.iter().skip_while(|arg| arg.starts_with('-')).filter(|arg| arg.starts_with("net"));
    match own.find(|card| **card != "net0" && **card != "netX") {
        Some(card) => Err(format!("{name}: there is no network card {card}")),
        None => Ok(Step::Next),
    }
}
