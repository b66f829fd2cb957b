//! A server of NFS 3 and 4 in the lab: nfs-ganesha as Debian ships it, with a volume in memory.
//! Packages are downloaded and unpacked, never installed.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use firmware::apt::Suite;
use kit::{Context, Error, Result};

use crate::service::Service;
use crate::until;

/// Their source: the suite of the kernel.
const SUITE: &str = "trixie";
const PACKAGES: &[&str] = &["base-files", "nfs-ganesha", "nfs-ganesha-mem", "rpcbind"];
/// The volume's path.
pub const PATH: &str = "/volume";
/// The port of NFS.
const PORT: u16 = 2049;
/// It reads its configuration and registers with rpcbind.
const UP_TIMEOUT: Duration = Duration::from_secs(30);

/// No locks of version 3, which would need rpc.statd at both ends; a short grace period, in which
/// it lets nobody open files.
const CONFIGURATION: &str = "NFS_CORE_PARAM { Protocols = 3,4; Enable_NLM = false; Enable_RQUOTA = false; }
NFS_KRB5 { Active_krb5 = false; }
NFSv4 { Grace_Period = 5; Lease_Lifetime = 5; RecoveryBackend = fs; RecoveryRoot = /run/recovery; Only_Numeric_Owners = true; }
EXPORT { Export_Id = 1; Path = /volume; Pseudo = /volume; Access_Type = RW; Squash = No_Root_Squash; SecType = sys;
  Protocols = 3,4; Transports = TCP; FSAL { Name = MEM; } }
";

/// The tree is its root, in namespaces that end with it.
const START: &str = "set -e
mount -t tmpfs run \"$1/run\" && mkdir -p \"$1/run/rpcbind\" \"$1/run/recovery\" \"$1/run/ganesha\"
for directory in dev proc sys; do mkdir -p \"$1/$directory\" && mount --rbind /$directory \"$1/$directory\"; done
chroot \"$1\" /usr/sbin/rpcbind -f -i &
for i in $(seq 50); do [ -e \"$1/run/rpcbind.sock\" ] && break; sleep 0.1; done
exec chroot \"$1\" /usr/bin/ganesha.nfsd -F -L STDOUT -f /etc/ganesha/lab.conf -p /run/ganesha.pid";

/// The server's files; needs the internet the first time.
pub fn tree() -> Result<PathBuf> {
    let root = Suite::new(SUITE, "amd64").and_then(|suite| suite.tree(PACKAGES)).map_err(|e| Error::new(format!("{e:#}")))?;
    // Made by what packages do when they are installed.
    for (name, text) in [
        ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n_rpc:x:0:0::/run/rpcbind:/usr/sbin/nologin\n"),
        ("etc/group", "root:x:0:\n"),
        ("etc/hosts", "127.0.0.1 localhost\n"),
        ("etc/ganesha/lab.conf", CONFIGURATION),
    ] {
        let path = root.join(name);
        fs::create_dir_all(root.join("etc/ganesha")).on("make", &root)?;
        fs::write(&path, text).on("write", &path)?;
    }
    Ok(root)
}

/// Starts the server on all of the lab's addresses.
pub fn start(dir: &Path) -> Result<Service> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child=KILL", "--", "sh", "-c", START, "nfs"]).arg(tree()?);
    let mut server = Service::start("nfs", &mut command, dir)?;
    until(UP_TIMEOUT, || {
        server.check()?;
        TcpStream::connect(("127.0.0.1", PORT)).map(drop).doing(format!("reach the NFS server\n{}", server.said()))
    })?;
    Ok(server)
}
