//! A node boots another one, which joins the cluster by itself; and a node that is a boot loader itself, as in a machine's flash.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::format::fat;
use kit::{Context, Error, Result};
use lab::appliance::Appliance;
use lab::control_plane::ControlPlane;
use lab::netboot::Netboot;
use lab::vm::{Medium, Spec};
use lab::{segment, until};

use crate::case::{Case, Outcome, X86, ensure};
use crate::media::{BOOT_ID, start_loaded};
use crate::world::{BOOT, JOIN, World};

/// The cases; `make boot-matrix` tries them.
pub const CASES: &[Case] = &[
    Case { name: "a-node-boots-a-node", boards: X86, run: node_boots_node },
    Case { name: "pxeboot-by-a-script", boards: X86, run: pxeboot },
    Case { name: "boot-from-a-disk-with-grub", boards: X86, run: boot_from_disk },
];

/// Directory that the first node serves.
const SERVED: &str = "/srv/netboot";
/// Service that it runs, once it has an address.
const SERVICE: &str = "[service.netboot]\ncommand = [\"/bin/kutties\", \"netboot\", \"-i\", \"eth0\", \"--kubeconfig\", \"/srv/admin.conf\", \
    \"--machines\", \"/srv/machines\", \"/srv/netboot\"]\nafter = [\"/run/kutties/dhcp/eth0.json\"]\n";
/// Settings for every machine: something to recognize it by.
const SETTINGS: &str = "shutdown.grace = 7\n";
/// The machine that was booted has its certificate; the server looks every two seconds.
const USED: Duration = Duration::from_secs(30);

fn node_boots_node(world: &mut World, board: &str) -> Outcome {
    let kubeconfig = world.plane.kubeconfig();
    let key = format!("{},token={},ca={}", world.plane.endpoint(), world.plane.token(), world.plane.ca_hash());
    let mut first = world.boot(board, |appliance, spec| {
        let all = appliance.kube_node();
        spec.segments.retain(|segment| *segment != all);
        spec.segments.extend([appliance.kube_worker(), served(appliance, spec, &kubeconfig)?]);
        spec.cmdline = format!("{} kutties.join={key}", spec.cmdline);
        spec.memory = 1024;
        Ok(())
    })?;
    first.wait_ready(&world.plane, JOIN)?;
    let before = tokens(&world.plane)?;
    let second = world.boot(board, |_, spec| {
        let nic = spec.nics.pop().ok_or_else(|| Error::new("the machine has no place in the network"))?;
        let net = format!("tap,id=boot,ifname={},script=no,downscript=no", nic.tap);
        let card = format!("virtio-net-pci,netdev=boot,mac={},bootindex=0", nic.mac);
        let args = ["-netdev", &net, "-device", &card].map(str::to_owned).to_vec();
        spec.medium = Some(Medium { uefi: None, args });
        spec.memory = 768;
        Ok(())
    });
    let mut second = second.map_err(|e| Error::new(format!("{e}\n{}", first.service_log("netboot"))))?;
    let ready = second.wait_ready(&world.plane, JOIN);
    ready.map_err(|e| Error::new(format!("{e}\n{}\n{}", first.service_log("netboot"), second.service_log("join"))))?;
    let shown = second.vm.guest.run(&["/bin/kutties", "config", "show"])?;
    for (key, place) in [("shutdown.grace", "at http://10.77.0."), ("join", "at http://10.77.0."), ("config", "command line")] {
        let line = shown.lines().find(|line| line.starts_with(&format!("{key} "))).unwrap_or_default();
        ensure(line.contains(place), || format!("{key} is not {place}:\n{shown}"))?;
    }
    // The token was the machine's own, and is gone once it was used.
    let used = second.vm.guest.sh("sed -n 's/.*token=\\([a-z0-9]*\\)[.].*/\\1/p' /run/kutties/config/fetched.toml")?;
    ensure(used.trim().len() == 6 && !world.plane.token().starts_with(used.trim()), || {
        format!("the token {used:?} is not its own")
    })?;
    until(USED, || match tokens(&world.plane)? {
        now if now == before => Ok(()),
        now => Err(Error::new(format!("the token stays: {now}"))),
    })?;
    // A stranger asks, and is told why there is nothing.
    let address = first.seat.address;
    let refused = second.vm.guest.exec(&["wget", "-q", "-O", "-", &format!("http://{address}/../etc/shadow")])?;
    ensure(refused.code == 8, || format!("{refused:?}"))?;
    let ask = "GET /boot.ipxe HTTP/1.1\\r\\nRange: bytes=0-5\\r\\nConnection: close\\r\\n\\r\\n";
    let part = second.vm.guest.sh(&format!("printf '{ask}' | nc {address} 80 | tail -c 6"))?;
    ensure(part == "#!ipxe", || format!("a part of the script is {part:?}"))
}

/// The network names a script, by ProxyDHCP; what it names is started by kexec.
fn pxeboot(world: &mut World, board: &str) -> Outcome {
    let server = Netboot::on_bridge(&world.lab, &Appliance::open(board)?.media().join("netboot"))?;
    let node = world.boot(board, |appliance, spec| {
        without_kube(appliance, spec);
        Ok(())
    })?;
    let guest = &node.vm.guest;
    let before = guest.sh(BOOT_ID)?;
    let nobody = guest.exec_within(&["kutties", "pxeboot", "-l", "--url", "tftp://10.77.0.1/nothing"], b"", BOOT)?;
    ensure(nobody.code == 1 && nobody.stderr.contains("open "), || format!("{nobody:?}"))?;
    // By TFTP as by DHCP's answer, which is a URL.
    let whole = guest.exec_within(&["kutties", "pxeboot", "-l", "--url", "tftp://10.77.0.1/x86_64/kutties.efi"], b"", BOOT)?;
    ensure(whole.ok(), || format!("{whole:?}"))?;
    let loaded = guest.exec_within(&["kutties", "pxeboot", "-i", "eth0", "-t", "1", "-l"], b"", BOOT)?;
    ensure(loaded.ok() && loaded.stdout.contains("boot.ipxe"), || format!("{loaded:?}\n{}", server.said()))?;
    start_loaded(&node, &before)
}

fn without_kube(appliance: &Appliance, spec: &mut Spec) {
    let all = appliance.kube_node();
    spec.segments.retain(|segment| *segment != all);
}

/// A configuration in the manner of GRUB's own: a search, a variable, a condition, a menu in the menu. FAT's UUID is its number.
const GRUB: &str = "set timeout=1\nsearch --no-floppy --fs-uuid --set=root 4B54-0001\nset words=\"console=ttyS0 quiet\"\n\
    if [ -f /vmlinuz ]; then set found=yes; else set found=; fi\nset default='right'\n\
    menuentry 'Wrong' --id wrong { linux /missing }\nsubmenu 'More' {\n  menuentry 'Right' --id right {\n    \
    linux /vmlinuz $words @WORDS@ found=$found\n    initrd /core.cpio.zst /modules.cpio.zst /asked.cpio.zst\n  }\n}\n";
/// The same number.
const SERIAL: u32 = 0x4b54_0001;

fn boot_from_disk(world: &mut World, board: &str) -> Outcome {
    let node = world.boot(board, |appliance, spec| {
        without_kube(appliance, spec);
        spec.disks.push(disk(appliance, &spec.dir)?);
        Ok(())
    })?;
    let guest = &node.vm.guest;
    let before = guest.sh(BOOT_ID)?;
    let listed = guest.run(&["kutties", "boot", "--list"])?;
    ensure(listed.contains("*  2  vda: More > Right") && listed.contains("1  vda: Wrong"), || listed.clone())?;
    let wrong = guest.exec(&["kutties", "boot", "-l", "-t", "0", "--default", "wrong"])?;
    ensure(wrong.code == 1 && wrong.stderr.contains("open /missing of vda: no such file"), || format!("{wrong:?}"))?;
    let loaded = guest.exec_within(&["kutties", "boot", "-l", "--append", "more=1"], b"", BOOT)?;
    ensure(loaded.ok(), || format!("{loaded:?}"))?;
    let mounts = guest.sh("grep -c /run/kutties/boot /proc/mounts || true")?;
    ensure(mounts.trim() == "0", || format!("{mounts} file systems stay mounted"))?;
    start_loaded(&node, &before)?;
    let line = node.vm.guest.sh("cat /proc/cmdline")?;
    ensure(line.contains("found=yes more=1"), || format!("the new kernel's command line is {line}"))
}

/// A disk that is one file system of FAT, with a system and GRUB's configuration.
fn disk(appliance: &Appliance, dir: &Path) -> Result<PathBuf> {
    let directory = appliance.media().join("netboot");
    let config = GRUB.replace("@WORDS@", "panic=-1 oops=panic tsc=unstable");
    let read = |name: &str| fs::read(directory.join(name)).on("read", directory.join(name));
    let parts = ["vmlinuz", "core.cpio.zst", "modules.cpio.zst", "asked.cpio.zst"];
    let contents = parts.iter().map(|name| read(name)).collect::<Result<Vec<_>>>()?;
    let mut files: Vec<(&str, &[u8])> = parts.iter().copied().zip(contents.iter().map(Vec::as_slice)).collect();
    files.push(("boot/grub/grub.cfg", config.as_bytes()));
    let shape = fat::Shape { label: "SYSTEM", serial: SERIAL, hidden: 0, free: 0, time: 0 };
    let path = dir.join("system.img");
    let written = fat::image(shape, &files).doing("make a file system")?;
    fs::write(&path, written.bytes).on("write", &path)?;
    Ok(path)
}

/// The segment with what the first node serves.
fn served(appliance: &Appliance, spec: &Spec, kubeconfig: &Path) -> Result<PathBuf> {
    let mut files: Vec<(String, Vec<u8>)> = vec![
        ("/srv/admin.conf".into(), fs::read(kubeconfig).on("read", kubeconfig)?),
        ("/srv/machines/default.toml".into(), SETTINGS.into()),
        ("/etc/kutties/netboot-server.toml".into(), SERVICE.into()),
    ];
    let directory = appliance.netboot();
    for entry in fs::read_dir(&directory).on("read", &directory)? {
        let path = entry.on("read", &directory)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push((format!("{SERVED}/{name}"), fs::read(&path).on("read", &path)?));
    }
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    segment::files(&spec.dir.join("served.cpio"), &files)
}

/// The bootstrap tokens of the cluster.
fn tokens(plane: &ControlPlane) -> Result<String> {
    plane.ask(&["-n", "kube-system", "get", "secrets", "--field-selector=type=bootstrap.kubernetes.io/token", "-o", "name"])
}
