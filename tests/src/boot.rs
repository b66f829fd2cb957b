//! Booting: what PID 1 sets up, and what it says of bad input. Booting itself is the first case that asks for a machine.

use std::time::Duration;

use lab::appliance::Appliance;
use lab::console::Mark;
use lab::network;

use crate::case::{BOTH, Case, Failure, Outcome, X86, ensure};
use crate::cri;
use crate::world::{BOOT, Kind, UNKNOWN_KEY, World};

/// The cases that any machine can show.
pub const CASES: &[Case] = &[
    Case { name: "binary-fits", boards: X86, run: binary_fits },
    Case { name: "reaches-a-shell-without-a-disk", boards: BOTH, run: reaches_shell },
    Case { name: "every-step-is-done", boards: BOTH, run: steps },
    Case { name: "the-kernel-is-told-what-a-node-wants", boards: BOTH, run: settings },
    Case { name: "var-is-its-own-filesystem", boards: X86, run: var },
    Case { name: "root-has-limits", boards: BOTH, run: root },
    Case { name: "full-root-leaves-a-node", boards: X86, run: full_root },
    Case { name: "unknown-key-is-named", boards: X86, run: unknown_key },
    Case { name: "corrupt-segment-leaves-a-shell", boards: X86, run: corrupt_segment },
    Case { name: "hostile-dhcp-server-sets-nothing", boards: X86, run: hostile_dhcp },
    Case { name: "console-shell-comes-back", boards: X86, run: shell_returns },
    Case { name: "killed-service-comes-back", boards: X86, run: service_returns },
    Case { name: "doctor-names-what-is-wrong", boards: X86, run: doctor },
    Case { name: "the-boot-is-a-chart-and-a-screen", boards: BOTH, run: chart },
];

/// The cases after which a machine is off.
pub const END_CASES: &[Case] = &[Case { name: "powers-off", boards: BOTH, run: powers_off }];

/// The binary's limit, from the first flash part that it must fit.
const BINARY: u64 = 16 << 20;

fn binary_fits(_: &mut World, board: &str) -> Outcome {
    let profile = firmware::binary::profile();
    if profile != "release" {
        return Err(Failure::Skipped(format!("it was built with the profile {profile}")));
    }
    let size = Appliance::open(board)?.binary_size()?;
    ensure(size <= BINARY, || format!("the binary has {size} bytes, {BINARY} are allowed"))
}

fn reaches_shell(world: &mut World, board: &str) -> Outcome {
    let node = world.bare(board)?;
    node.vm.console.wait_prompt(Mark::default(), BOOT)?;
    let code = node.vm.type_and_judge("test $(seq 1 3 | wc -l) -eq 3 && [ -e /bin/kutties ]", Duration::from_secs(30))?;
    ensure(code == 0, || format!("a command at the shell ended with {code}"))?;
    let disks = node.vm.guest.sh("ls /sys/block")?;
    let real: Vec<&str> = disks.split_whitespace().filter(|name| !name.starts_with("loop") && !name.starts_with("ram")).collect();
    ensure(real.is_empty(), || format!("it has disks: {real:?}"))
}

fn steps(world: &mut World, board: &str) -> Outcome {
    let (node, _) = world.node(board, Kind::Unjoined)?;
    let log = String::from_utf8_lossy(&node.vm.guest.read(kit::paths::BOOT_LOG)?).into_owned();
    ensure(log.lines().count() > 5, || format!("the boot log is short:\n{log}"))?;
    let bad: Vec<&str> = log.lines().filter(|line| line.to_lowercase().contains("failed") || line.contains("panic")).collect();
    ensure(bad.is_empty(), || bad.join("\n"))
}

/// Settings that the kubelet and its pods want, and those that save a small node memory. The kernel
/// alone would say otherwise to each.
fn settings(world: &mut World, board: &str) -> Outcome {
    const WANTED: &[(&str, &str)] = &[
        ("/proc/sys/kernel/panic", "10"),
        ("/proc/sys/vm/overcommit_memory", "1"),
        ("/proc/sys/net/ipv4/ip_forward", "1"),
        ("/proc/sys/net/ipv6/conf/all/forwarding", "1"),
        // Router advertisements count on the node's own cards; those of pods keep the default (CVE-2020-10749).
        ("/proc/sys/net/ipv6/conf/eth0/accept_ra", "2"),
        ("/proc/sys/net/ipv6/conf/default/accept_ra", "1"),
        ("/proc/sys/fs/inotify/max_user_instances", "8192"),
        ("/proc/sys/kernel/dmesg_restrict", "1"),
        ("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never"),
    ];
    let (node, _) = world.node(board, Kind::Unjoined)?;
    for (path, wanted) in WANTED {
        let is = String::from_utf8_lossy(&node.vm.guest.read(path)?).trim().to_owned();
        ensure(is == *wanted, || format!("{path} is {is:?}, not {wanted:?}"))?;
    }
    // The kernel's own formula, without the 40 MiB and more for huge pages.
    let reserve = node.vm.guest.sh("echo $(cat /proc/sys/vm/min_free_kbytes) $(grep MemTotal /proc/meminfo | tr -dc 0-9)")?;
    let (free, total) = reserve.trim().split_once(' ').unwrap_or_default();
    let within = free.parse::<u64>().ok().zip(total.parse::<u64>().ok()).is_some_and(|(free, total)| free * free <= 16 * total);
    ensure(within, || format!("the kernel keeps {free} KiB of {total} for itself"))
}

fn var(world: &mut World, board: &str) -> Outcome {
    let mounts = world.bare(board)?.vm.guest.read("/proc/mounts")?;
    let mounts = String::from_utf8_lossy(&mounts).into_owned();
    let var = mounts.lines().find(|line| line.split(' ').nth(1) == Some("/var")).unwrap_or_default();
    ensure(var.contains("tmpfs") && var.contains("size="), || format!("/var is {var:?}"))
}

fn root(world: &mut World, board: &str) -> Outcome {
    let mounts = world.bare(board)?.vm.guest.read("/proc/mounts")?;
    let mounts = String::from_utf8_lossy(&mounts).into_owned();
    let fields = |at: &str| mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).rfind(|line| line.get(1) == Some(&at));
    let root = fields("/").unwrap_or_default();
    let (kind, options) = (root.get(2).copied().unwrap_or_default(), root.get(3).copied().unwrap_or_default());
    let limited = |option: &str| options.split(',').any(|part| part.starts_with(option));
    ensure(kind == "tmpfs" && limited("size=") && limited("nr_inodes="), || format!("/ is {root:?}"))?;
    // The kernel runs /sbin/modprobe from the root directory of its own processes.
    world.bare(board)?.vm.guest.sh("test -x /proc/2/root/sbin/modprobe")?;
    let mode = world.bare(board)?.vm.guest.sh("stat -c %a /")?;
    ensure(mode.trim() == "755", || format!("the mode of / is {mode}"))?;
    let procs = mounts.lines().filter(|line| line.split(' ').nth(1) == Some("/proc")).count();
    ensure(procs == 1, || format!("/proc is mounted {procs} times"))?;
    let binary = fields(kit::paths::BINARY).unwrap_or_default();
    ensure(binary.get(3).is_some_and(|options| options.starts_with("ro,")), || format!("the binary is {binary:?}"))
}

/// Neither a full nor a crowded root directory takes the node away: what works there lies elsewhere.
fn full_root(world: &mut World, board: &str) -> Outcome {
    const FILLS: [&str; 2] = ["dd if=/dev/zero of=/full bs=1M", "mkdir /full && cd /full && seq 1 30000 | xargs -n 1000 touch"];
    let node = world.bare(board)?;
    node.vm.console.wait_prompt(Mark::default(), BOOT)?;
    for fill in FILLS {
        // The shell does not read what a group says before the group has ended: too much of it would block a pipe.
        let said = node.vm.guest.sh(&format!("{{ {fill}; }} > /tmp/said 2>&1; tail -n 4 /tmp/said"))?;
        ensure(said.contains("o space left on device"), || format!("{fill}: {said}"))?;
        let code = node.vm.type_and_judge("echo x > /run/x && test -s /run/x", Duration::from_secs(30))?;
        ensure(code == 0, || format!("the shell ended with {code} after {fill}"))?;
        node.vm.guest.run(&["/bin/crictl", "info"])?;
        // A server that begins now finds all it needs, too.
        let before = cri::server(&node.vm.guest)?;
        cri::kill(&node.vm.guest, "true")?;
        cri::wait_served(&node.vm.guest, &before)?;
        node.vm.guest.sh_until("crictl info", Duration::from_mins(1))?;
        node.vm.guest.sh("rm -r /full && echo x > /again && rm /again")?;
    }
    Ok(())
}

fn unknown_key(world: &mut World, board: &str) -> Outcome {
    let node = world.bare(board)?;
    let key = UNKNOWN_KEY.trim_start_matches("kutties.");
    let said = node.vm.console.lines().into_iter().any(|line| line.text.contains(key) && !line.text.contains("ommand line:"));
    ensure(said, || format!("no line on the console names {key}"))
}

fn corrupt_segment(world: &mut World, board: &str) -> Outcome {
    let node = world.bare(board)?;
    node.vm.console.wait("nitramfs unpacking failed", Mark::default(), Duration::ZERO)?;
    let code = node.vm.type_and_judge("true", Duration::from_secs(30))?;
    ensure(code == 0, || "the shell does not work".into())
}

/// Checks that a hostile DHCP server's settings are refused key by key and told on the console; the
/// address, which anybody may give, counts.
fn hostile_dhcp(world: &mut World, board: &str) -> Outcome {
    let node = world.boot(board, |appliance, spec| {
        let kube = appliance.kube_node();
        spec.segments.retain(|segment| *segment != kube);
        for nic in &mut spec.nics {
            nic.mac = nic.mac.replace("52:54:00", network::ATTACKED);
        }
        Ok(())
    })?;
    node.vm.console.wait_prompt(Mark::default(), BOOT)?;
    let said = node.vm.console.since(Mark::default());
    let shown = node.vm.guest.run(&["/bin/kutties", "config", "show"])?;
    for setting in network::ATTACK {
        let key = setting.trim_start_matches("kutties.").split('=').next().unwrap_or_default();
        let words = format!("key {key} by the DHCP server on eth0 is refused");
        for (place, text) in [("the console", &said), ("kutties config show", &shown)] {
            ensure(text.contains(&words), || format!("{place} does not say {words:?}:\n{text}"))?;
        }
    }
    let set: Vec<&str> =
        shown.lines().filter(|line| !line.starts_with("wrong: ") && line.contains("by the DHCP server")).collect();
    ensure(set.is_empty(), || format!("it has set {set:?}"))?;
    let guest = &node.vm.guest;
    let state = guest.sh("hostname; cat /etc/hosts /etc/resolv.conf /proc/sys/vm/swappiness; ip route; ip addr show eth0; \
         ls /run /run/kutties/log; systemctl status | cat")?;
    for words in ["evil", "6.6.6.6", "reboot", "127.0.0.0/8", "224.0.0.1", "x.log", "sshd"] {
        ensure(!state.contains(words), || format!("{words:?} is in\n{state}"))?;
    }
    for words in ["kutties-525402", "inet 10.77.0.", "10.99.0.0/24 via 10.77.0.1", "nameserver 10.77.0.1"] {
        ensure(state.contains(words), || format!("{words:?} is not in\n{state}"))?;
    }
    Ok(())
}

fn shell_returns(world: &mut World, board: &str) -> Outcome {
    let node = world.bare(board)?;
    // A shell that is at its prompt: what is typed before that belongs to the one that exits.
    node.vm.console.wait_prompt(Mark::default(), BOOT)?;
    let code = node.vm.type_and_judge("true", BOOT)?;
    ensure(code == 0, || "the shell does not work".into())?;
    let from = node.vm.console.mark();
    node.vm.console.type_line("exit")?;
    node.vm.console.wait_prompt(from, Duration::from_mins(1))?;
    let code = node.vm.type_and_judge("true", Duration::from_secs(30))?;
    ensure(code == 0, || "the new shell does not work".into())
}

fn service_returns(world: &mut World, board: &str) -> Outcome {
    let guest = &world.bare(board)?.vm.guest;
    let before = cri::server(guest)?;
    cri::kill(guest, "true")?;
    cri::wait_served(guest, &before)?;
    Ok(())
}

fn powers_off(world: &mut World, board: &str) -> Outcome {
    let node = world.bare(board)?;
    node.vm.console.type_line("poweroff")?;
    node.vm.wait_off(Duration::from_mins(1))?;
    Ok(())
}

/// The machine was given a key that there is not; then it loses its CRI server, its name servers and the space in /var.
fn doctor(world: &mut World, board: &str) -> Outcome {
    let guest = &world.bare(board)?.vm.guest;
    let said = guest.sh("kutties doctor; echo status $?")?;
    let wanted = ["BAD     boot          config: unknown key", "ok      cri ", "ok      network ", "status 1"];
    ensure(wanted.iter().all(|words| said.contains(words)) && said.matches("BAD").count() == 1, || said.clone())?;
    let spoil = "systemctl stop cri; cp /etc/resolv.conf /tmp/resolv.conf; echo >/etc/resolv.conf; \
                 head -c $(($(stat -f -c '%a * %S' /var) - 1000000)) /dev/zero >/var/filler; kutties doctor -q; \
                 rm /var/filler; cat /tmp/resolv.conf >/etc/resolv.conf; systemctl start cri";
    let said = guest.sh(spoil)?;
    let wanted = ["BAD     cri ", "systemctl restart cri", "/etc/resolv.conf names no server", "/var has 0 % of its bytes left"];
    ensure(wanted.iter().all(|words| said.contains(words)), || said.clone())?;
    guest.sh_until("kutties doctor | grep -q '^ok      cri '", Duration::from_secs(20)).map(drop)?;
    Ok(())
}

fn chart(world: &mut World, board: &str) -> Outcome {
    let guest = &world.bare(board)?.vm.guest;
    let svg = guest.sh("kutties boot-chart")?;
    let bars = ["kernel</text>", "mounts", "network", "service agent</text>", "</svg>"];
    ensure(svg.starts_with("<svg") && bars.iter().all(|bar| svg.contains(bar)), || svg.clone())?;
    let page = guest.sh("kutties screen; hostname")?;
    let name = page.lines().last().unwrap_or_default();
    let rows = [&format!("node        {name}"), "cluster     not joined", "services    ", "last error  "];
    ensure(rows.iter().all(|row| page.contains(row)), || page.clone())
}
