//! The node's own disks: what is made on an empty one outlives reboots and power cuts, and all
//! others stay as they are.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use format::crc32;
use format::ext4::{FileSystem, SUPERBLOCK, Shape};
use kit::{Context, Error, Result, paths};
use lab::until;

use crate::case::{Case, Outcome, X86, ensure};
use crate::join::take_kubelet;
use crate::kube::{delete, field, start};
use crate::world::{JOIN, Node, World};

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "an-empty-disk-becomes-var-and-keeps-it", boards: X86, run: keeps },
    Case { name: "a-power-cut-loses-nothing-that-was-synced", boards: X86, run: power_cut },
    Case { name: "a-foreign-disk-is-not-touched", boards: X86, run: foreign },
    Case { name: "a-damaged-file-system-is-put-aside", boards: X86, run: damaged },
];
/// Cases that join a cluster and boot three times.
pub const LONG_CASES: &[Case] = &[
    Case { name: "a-worker-stays-its-node-over-a-power-cut", boards: X86, run: worker },
    Case { name: "nfs-of-every-version", boards: X86, run: nfs },
];
/// The name of the case that needs a server.
pub const NFS: &str = "disk/nfs-of-every-version";

const MIB: u64 = 1 << 20;
/// From the order to switch off to the end of QEMU.
const OFF: Duration = Duration::from_mins(2);

/// An image of a disk below the lab's directory: so many bytes, all of them zeroes.
fn image(world: &World, name: &str, bytes: u64) -> Result<PathBuf> {
    let path = world.lab.dir().join(name);
    File::create(&path).and_then(|file| file.set_len(bytes)).on("make", &path)?;
    Ok(path)
}

/// A machine without Kubernetes with these disks, whose serial numbers are `disk-0` and so on, and
/// these settings.
fn boot(world: &mut World, board: &str, disks: &[&Path], settings: &str) -> Result<Node> {
    world.boot(board, |appliance, spec| {
        let kube = appliance.kube_node();
        spec.segments.retain(|segment| *segment != kube);
        spec.own_disks = (0..).zip(disks).map(|(at, disk): (u32, _)| (disk.to_path_buf(), format!("disk-{at}"))).collect();
        spec.cmdline = format!("{} {settings}", spec.cmdline);
        Ok(())
    })
}

/// Switches a machine off in order.
fn off(mut node: Node) -> Result<()> {
    // The answer may be lost: whoever would give it is ended.
    let _ = node.vm.guest.exec_within(&["poweroff"], b"", Duration::from_secs(5));
    node.vm.wait_off(OFF)
}

/// Lines of the step `disks`, of each boot since the machine began: a kernel that died of the emulator boots again, and what it had
/// already made is not made twice.
fn told(node: &Node) -> Result<String> {
    let console = node.vm.console.lines();
    let lines: Vec<&str> = console.iter().map(|line| line.text.as_str()).filter(|text| text.contains("] disks: ")).collect();
    if lines.is_empty() {
        return Err(Error::new(format!("no boot has a line of the disks:\n{}", node.vm.console.tail(20))));
    }
    Ok(lines.join("\n"))
}

/// The line of a mount point in the table of mounts.
fn mounted(node: &Node, at: &str) -> Result<String> {
    let table = node.vm.guest.sh("cat /proc/mounts")?;
    Ok(table.lines().rfind(|line| line.split(' ').nth(1) == Some(at)).unwrap_or_default().to_owned())
}

/// e2fsck finds nothing to mend in the first partition of an image.
fn is_sound(disk: &Path) -> Outcome {
    let place = format!("{}?offset={MIB}", disk.display());
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new("e2fsck").args(["-fn", &place]).env("PATH", path).output().doing("start e2fsck")?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure(output.status.success(), || format!("e2fsck {place}: {said}"))
}

const KEYS: &str = "kutties.var.disk=first-empty kutties.data.disk=SERIAL=disk-1 kutties.data.create=yes";

fn keeps(world: &mut World, board: &str) -> Outcome {
    let (var, data) = (image(world, "keeps-var.img", 1024 * MIB)?, image(world, "keeps-data.img", 64 * MIB)?);
    let disks = [var.as_path(), data.as_path()];
    let node = boot(world, board, &disks, KEYS)?;
    let said = told(&node)?;
    ensure(said.contains("/var is /dev/vda1, made; /data is /dev/vdb1, made"), || said.clone())?;
    for (at, device) in [("/var", "/dev/vda1"), (paths::KUBERNETES, "/dev/vda1"), ("/data", "/dev/vdb1")] {
        let line = mounted(&node, at)?;
        ensure(line.starts_with(device) && line.contains(" ext4 rw,nosuid,nodev"), || format!("{at}: {line}"))?;
    }
    let guest = &node.vm.guest;
    guest.sh("echo pods >/var/lib/kubelet/kept; echo pki >/etc/kubernetes/kept; echo volume >/data/kept")?;
    let id = guest.sh("cat /etc/machine-id")?;
    off(node)?;
    is_sound(&var)?;
    is_sound(&data)?;
    // A disk that has grown meanwhile: its table of groups does not fit into the block that it had.
    File::options().write(true).open(&var).and_then(|file| file.set_len(20_480 * MIB)).on("enlarge", &var)?;
    let node = boot(world, board, &disks, KEYS)?;
    let said = told(&node)?;
    ensure(said.contains("/var is /dev/vda1, partition widened, now 20478 MiB; /data is /dev/vdb1"), || said.clone())?;
    let guest = &node.vm.guest;
    let kept = guest.sh("cat /var/lib/kubelet/kept /etc/kubernetes/kept /data/kept /etc/machine-id")?;
    ensure(kept == format!("pods\npki\nvolume\n{id}"), || kept.clone())?;
    let blocks = guest.sh("stat -f -c %b /var")?;
    ensure(blocks.trim().parse::<u64>().is_ok_and(|blocks| blocks > 5_000_000), || format!("it has {blocks} blocks"))?;
    off(node)?;
    is_sound(&var)
}

fn power_cut(world: &mut World, board: &str) -> Outcome {
    let disk = image(world, "cut.img", 512 * MIB)?;
    let keys = "kutties.var.disk=SERIAL=disk-0 kutties.var.create=yes";
    let node = boot(world, board, &[&disk], keys)?;
    let guest = &node.vm.guest;
    guest.sh("mkdir /var/lib/etcd && echo state >/var/lib/etcd/member && sync")?;
    // The power fails in the middle of this.
    guest.sh("(while :; do for i in 1 2 3 4 5 6 7 8; do echo $i >/var/lib/etcd/$i; mv /var/lib/etcd/$i /var/lib/etcd/x$i; done; done) >/dev/null 2>&1 &")?;
    guest.sh_until("test -e /var/lib/etcd/x8", Duration::from_secs(20))?;
    drop(node);
    let node = boot(world, board, &[&disk], keys)?;
    let said = told(&node)?;
    ensure(said.contains("/var is /dev/vda1") && !said.contains("made"), || said.clone())?;
    let log = node.vm.guest.sh("cat /var/lib/etcd/member; dmesg | grep -c 'EXT4-fs (vda1): recovery complete'")?;
    ensure(log == "state\n1\n", || format!("{log}\n{}", node.vm.console.tail(5)))?;
    off(node)?;
    is_sound(&disk)
}

fn foreign(world: &mut World, board: &str) -> Outcome {
    let disks = [image(world, "foreign-0.img", 64 * MIB)?, image(world, "foreign-1.img", 64 * MIB)?];
    // One byte in the first MiB of one, and one in the last MiB of the other.
    for (disk, at) in disks.iter().zip([700_000, 64 * MIB - 700_000]) {
        File::options().write(true).open(disk).and_then(|file| file.write_all_at(&[1], at)).on("write", disk)?;
    }
    let sums = || -> Result<Vec<String>> {
        disks.iter().map(|disk| Ok(firmware::sum::bytes(&fs::read(disk).on("read", disk)?))).collect()
    };
    let (before, paths) = (sums()?, [disks[0].as_path(), disks[1].as_path()]);
    let node = boot(world, board, &paths, KEYS)?;
    let said = told(&node)?;
    let wanted = ["/var without it: no disk is empty", "/data without it: vdb is not empty, and holds no file system to use"];
    ensure(said.contains("FAILED") && wanted.iter().all(|words| said.contains(words)), || said.clone())?;
    let line = mounted(&node, "/var")?;
    ensure(line.contains(" tmpfs "), || line.clone())?;
    off(node)?;
    ensure(before == sums()?, || "a disk has changed".into())
}

fn damaged(world: &mut World, board: &str) -> Outcome {
    let disk = image(world, "damaged.img", 64 * MIB)?;
    let shape = Shape { bytes: 64 * MIB, label: "node-var", uuid: [7; 16], time: 1_700_000_000, reserved: 0 };
    let system = FileSystem::new(shape).doing("make a file system")?;
    let file = File::options().read(true).write(true).open(&disk).on("open", &disk)?;
    system.write(|at, bytes| file.write_all_at(bytes, at)).on("write", &disk)?;
    // The kernel's mark after an error, and the superblock's checksum over it.
    let mut block = [0; SUPERBLOCK];
    file.read_exact_at(&mut block, SUPERBLOCK as u64).on("read", &disk)?;
    block[0x3a] |= 2;
    let sum = crc32::castagnoli(!0, &block[..SUPERBLOCK - 4]);
    block[SUPERBLOCK - 4..].copy_from_slice(&sum.to_le_bytes());
    file.write_all_at(&block, SUPERBLOCK as u64).on("write", &disk)?;
    let before = firmware::sum::bytes(&fs::read(&disk).on("read", &disk)?);
    let node = boot(world, board, &[&disk], "kutties.var.disk=LABEL=node-var")?;
    let said = told(&node)?;
    ensure(said.contains("/var without it: /dev/vda is damaged; it can be read at /run/kutties/disks/var"), || said.clone())?;
    let (var, aside) = (mounted(&node, "/var")?, mounted(&node, "/run/kutties/disks/var")?);
    ensure(var.contains(" tmpfs ") && aside.contains(" ext4 ro,"), || format!("{var}\n{aside}"))?;
    off(node)?;
    let after = firmware::sum::bytes(&fs::read(&disk).on("read", &disk)?);
    ensure(before == after, || "it was written".into())
}

/// A mount, as the kubelet calls it: type, options, and the version that the kernel then shows.
const MOUNTS: &[(&str, &str, &str)] = &[
    ("nfs", "", "4.2"),
    ("nfs", "vers=3", "3"),
    ("nfs", "nfsvers=4.0,hard", "4.0"),
    ("nfs", "nfsvers=4.1,timeo=600", "4.1"),
    ("nfs4", "minorversion=2", "4.2"),
    ("nfs4", "", "4.2"),
];
/// Mounts that fail, and the sentences.
const FAILURES: &[(&str, &str, &str)] = &[
    ("10.77.0.1:/none", "vers=4.2", "the server at 10.77.0.1 has no /none"),
    ("10.77.0.1:/none", "vers=3", "the server at 10.77.0.1"),
    ("10.77.0.1:/volume", "vers=3,port=1,mountport=1,retry=0", "no NFS server answers at 10.77.0.1"),
    ("no-such-host:/volume", "retry=0", "find the address of no-such-host"),
    ("10.77.0.1:/volume", "sec=krb5,retry=0", "Kerberos needs rpc.gssd"),
    ("10.77.0.1:/volume", "vers=3,nonsense=1", "an option is wrong"),
];
/// The server lets nobody open a file in its first seconds.
const NFS_TIMEOUT: Duration = Duration::from_mins(1);

fn nfs(world: &mut World, board: &str) -> Outcome {
    let node = boot(world, board, &[], "")?;
    let (guest, server) = (&node.vm.guest, lab::nfs::start(world.lab.dir())?);
    guest.sh("mkdir -p /mnt/nfs")?;
    let source = format!("10.77.0.1:{}", lab::nfs::PATH);
    for (kind, options, version) in MOUNTS {
        let options = if options.is_empty() { "rw".to_owned() } else { format!("rw,{options}") };
        let output = guest.exec_within(&["mount", "-t", kind, "-o", &options, &source, "/mnt/nfs"], b"", NFS_TIMEOUT)?;
        ensure(output.ok(), || format!("{kind} {options}: {output:?}\n{}", server.said()))?;
        let line = mounted(&node, "/mnt/nfs")?;
        let locks = *version != "3" || line.contains(",nolock,");
        ensure(line.contains(&format!("vers={version},")) && locks, || format!("{kind} {options}: {line}"))?;
        let output = guest.exec_within(&["/bin/sh", "-c", "echo word >/mnt/nfs/file && cat /mnt/nfs/file"], b"", NFS_TIMEOUT)?;
        ensure(output.stdout == "word\n", || format!("{kind} {options}: {output:?}"))?;
        guest.sh("rm /mnt/nfs/file && umount /mnt/nfs")?;
    }
    for (source, options, sentence) in FAILURES {
        let output = guest.exec_within(&["mount", "-t", "nfs", "-o", options, source, "/mnt/nfs"], b"", NFS_TIMEOUT)?;
        ensure(output.code == 32 && output.stderr.contains(sentence), || format!("{source} {options}: {output:?}"))?;
    }
    Ok(())
}

/// A machine with the kubelet and that disk, of that name if it has one already.
fn kubelet(world: &mut World, board: &str, disk: &Path, name: Option<&str>) -> Result<Node> {
    let mut node = world.boot(board, |appliance, spec| {
        take_kubelet(appliance, spec);
        spec.memory = 768;
        spec.own_disks = vec![(disk.to_owned(), "worker".into())];
        spec.cmdline = format!("{} kutties.var.disk=first-empty", spec.cmdline);
        if let Some(name) = name {
            spec.cmdline = format!("{} kutties.hostname={name}", spec.cmdline);
        }
        Ok(())
    })?;
    if let Some(name) = name {
        name.clone_into(&mut node.name);
    }
    Ok(node)
}

fn worker(world: &mut World, board: &str) -> Outcome {
    let disk = image(world, "worker.img", 4096 * MIB)?;
    let mut node = kubelet(world, board, &disk, None)?;
    let (plane, name) = (world.plane.clone(), node.name.clone());
    node.join(&plane)?;
    node.wait_ready(&plane, JOIN)?;
    let object = format!("node/{name}");
    let told_by = |path: &str| field(&plane, &object, path);
    let (uid, boot) = (told_by("{.metadata.uid}")?, told_by("{.status.nodeInfo.bootID}")?);
    start(&plane, &node, "before-the-cut", "")?;
    drop(node);
    // Nobody joins: what was kept is enough.
    let mut node = kubelet(world, board, &disk, Some(&name))?;
    until(JOIN, || match told_by("{.status.nodeInfo.bootID}")? {
        now if now == boot => Err(Error::new("the cluster shows the first boot still")),
        _ => Ok(()),
    })?;
    node.wait_ready(&plane, JOIN)?;
    let now = told_by("{.metadata.uid}")?;
    ensure(now == uid, || format!("the Node was {uid}, now it is {now}"))?;
    start(&plane, &node, "after-the-cut", "")?;
    delete(&plane, "before-the-cut")?;
    delete(&plane, "after-the-cut")?;
    Ok(())
}
