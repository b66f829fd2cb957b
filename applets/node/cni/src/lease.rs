//! Leases of addresses as files, in host-local's form: `/var/lib/cni/networks/NETWORK/ADDRESS` holds the container's id and the
//! link's name on two lines, `last_reserved_ip.N` the address that range set N gave out last. A lock file keeps others out.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use kit::fs::Form;
use kit::{Context, Result};
use rustix::fs::FlockOperation;

/// The directory where each network has its own.
const DIR: &str = "/var/lib/cni/networks";

/// A network's leases, locked.
#[derive(Debug)]
pub struct Leases {
    dir: PathBuf,
    /// Holds the lock until it is dropped.
    _lock: File,
}

impl Leases {
    /// Lock a network's leases, making their directory where there is none.
    pub fn open(dir: Option<&Path>, network: &str) -> Result<Self> {
        let dir = dir.unwrap_or(Path::new(DIR)).join(network);
        fs::create_dir_all(&dir).on("make", &dir)?;
        let file = dir.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&file).on("open", &file)?;
        rustix::io::retry_on_intr(|| rustix::fs::flock(&lock, FlockOperation::LockExclusive)).on("lock", &file)?;
        Ok(Self { dir, _lock: lock })
    }

    /// Lease an address; false when somebody has it.
    pub fn reserve(&self, addr: IpAddr, container_id: &str, ifname: &str, set: usize) -> Result<bool> {
        let file = self.dir.join(addr.to_string());
        if file.try_exists().on("look at", &file)? {
            return Ok(false);
        }
        Self::write(&file, &holder(container_id, ifname))?;
        Self::write(&self.dir.join(format!("last_reserved_ip.{set}")), &addr.to_string())?;
        Ok(true)
    }

    /// The address that was leased last of a range set.
    pub fn last(&self, set: usize) -> Option<IpAddr> {
        fs::read_to_string(self.dir.join(format!("last_reserved_ip.{set}"))).ok()?.trim().parse().ok()
    }

    /// The addresses of a container's link.
    pub fn of(&self, container_id: &str, ifname: &str) -> Result<Vec<IpAddr>> {
        let wanted = holder(container_id, ifname);
        Ok(self.all()?.into_iter().filter(|(_, holder)| *holder == wanted).map(|(addr, _)| addr).collect())
    }

    /// Give back the addresses of a container's link.
    pub fn release(&self, container_id: &str, ifname: &str) -> Result<()> {
        self.of(container_id, ifname)?.into_iter().try_for_each(|addr| self.remove(addr))
    }

    /// Give back what belongs to none of `valid` (container id, link).
    pub fn keep_only(&self, valid: &[(String, String)]) -> Result<()> {
        let valid: Vec<String> = valid.iter().map(|(id, ifname)| holder(id, ifname)).collect();
        let stale = self.all()?.into_iter().filter(|(_, holder)| !valid.contains(holder));
        stale.map(|(addr, _)| addr).try_for_each(|addr| self.remove(addr))
    }

    /// All leases: the files that have an address for a name.
    fn all(&self) -> Result<Vec<(IpAddr, String)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir).on("read", &self.dir)? {
            let path = entry.on("read", &self.dir)?.path();
            if let Some(addr) = path.file_name().and_then(|name| name.to_str()?.parse().ok()) {
                let text = fs::read_to_string(&path).on("read", &path)?;
                found.push((addr, text.lines().map(str::trim).collect::<Vec<_>>().join("\r\n")));
            }
        }
        Ok(found)
    }

    fn remove(&self, addr: IpAddr) -> Result<()> {
        let file = self.dir.join(addr.to_string());
        match fs::remove_file(&file) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e).on("remove", &file),
            _ => Ok(()),
        }
    }

    /// Write whole or not at all, so that a crash leaves no empty lease.
    fn write(file: &Path, text: &str) -> Result<()> {
        kit::fs::replace(file, text, Form::PLAIN)
    }
}

/// A lease's text; host-local ends its first line with carriage return and line feed.
fn holder(container_id: &str, ifname: &str) -> String {
    format!("{}\r\n{ifname}", container_id.trim())
}
