//! Machines on a switch: a network namespace, an API server and the service each.

pub mod server;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use netlink::{Kind, Netlink, NewLink, within};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use server::{Server, Stored};

/// The shared address.
pub const SHARED: &str = "10.9.0.100";
/// The client's, at which it also listens.
const CLIENT: &str = "10.9.0.254";

/// The switch, which is the client's namespace, and all machines. Dropping it ends them.
pub struct Lab {
    /// The machines.
    pub members: Vec<Member>,
    stored: Arc<Mutex<Stored>>,
    dir: PathBuf,
}

impl Lab {
    /// Two machines of the test with that number. The calling thread gets a namespace of its own.
    pub fn new(number: usize) -> Self {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let dir = std::env::temp_dir().join(format!("kutties-vip-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        let mut nl = Netlink::open().unwrap();
        nl.up("lo").unwrap();
        nl.add_link(&NewLink { name: "br0", kind: Kind::Bridge { vlan_filtering: false }, ..NewLink::default() }).unwrap();
        nl.add_address("br0", format!("{CLIENT}/24").parse().unwrap()).unwrap();
        nl.up("br0").unwrap();
        let stored = Arc::new(Mutex::new(Stored::default()));
        let members =
            ["a", "b"].into_iter().zip(1..).map(|(name, number)| Member::new(&mut nl, name, number, &dir, &stored)).collect();
        Self { members, stored, dir }
    }

    /// The places of those that have the address.
    pub fn holders(&self) -> Vec<usize> {
        let has = |member: &Member| member.addresses().contains(&format!("{SHARED}/32"));
        // A dead machine is not asked: nobody reaches it.
        self.members.iter().enumerate().filter(|(_, member)| !member.is_dead && has(member)).map(|(at, _)| at).collect()
    }

    /// All lines that were stored.
    pub fn kept(&self) -> BTreeSet<String> {
        self.stored.lock().unwrap().lines.iter().cloned().collect()
    }

    /// The number of changes of the holder.
    pub fn transitions(&self) -> u64 {
        self.stored.lock().unwrap().lease["spec"]["leaseTransitions"].as_u64().unwrap()
    }

    /// Output of the services.
    pub fn logs(&self) -> String {
        let log = |member: &Member| fs::read_to_string(member.dir.join("log")).unwrap_or_default();
        self.members.iter().fold(String::new(), |text, member| text + &format!("{}:\n{}", member.name, log(member)))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.members.clear();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Write a line by way of the shared address, without TLS: the client's side is not what is tried. The machine that has acknowledged it.
pub fn write(line: &str) -> Option<String> {
    let endpoint = format!("{SHARED}:{}", server::PLAIN);
    let stream = kube::http::connect_within(&endpoint, Duration::from_millis(500)).ok()?;
    let answer = kube::http::send(stream, &endpoint, "POST /write", "", line.as_bytes()).ok()?;
    (answer.status == 201).then(|| String::from_utf8(answer.body).unwrap())
}

/// Somebody who writes without a pause.
pub fn client() -> Client {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    // A thread starts in the namespace of this one.
    let thread = std::thread::spawn(move || {
        let mut acknowledged = Vec::new();
        for number in 0.. {
            let line = format!("line-{number}");
            if write(&line).is_some() {
                acknowledged.push(line);
            }
            if asked.load(Ordering::Relaxed) {
                break;
            }
            sleep(Duration::from_millis(20));
        }
        acknowledged
    });
    Client { stop, thread }
}

/// Somebody who writes.
pub struct Client {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<String>>,
}

impl Client {
    /// End it; the lines that were acknowledged.
    pub fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// A machine.
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its own address.
    pub address: IpAddr,
    /// Its API server.
    pub server: Server,
    /// It was switched off.
    pub is_dead: bool,
    netns: File,
    cable: String,
    dir: PathBuf,
    service: Child,
}

impl Member {
    fn new(nl: &mut Netlink, name: &str, number: u8, dir: &Path, stored: &Arc<Mutex<Stored>>) -> Self {
        let (dir, cable) = (dir.join(name), format!("to-{name}"));
        let address: IpAddr = [10, 9, 0, number].into();
        let netns = namespace();
        let peer = NewLink { name: "eth0", netns: Some(netns.as_fd()), ..NewLink::default() };
        nl.add_link(&NewLink { name: &cable, kind: Kind::Veth(Box::new(peer)), ..NewLink::default() }).unwrap();
        nl.set_master(&cable, Some("br0")).unwrap();
        nl.up(&cable).unwrap();
        let mut inside = within(netns.as_fd(), Netlink::open).unwrap();
        inside.add_address("eth0", format!("{address}/24").parse().unwrap()).unwrap();
        inside.up("lo").unwrap();
        inside.up("eth0").unwrap();
        let server = Server::new(name, kubeadm_files(&dir, address), stored.clone());
        let started = server.clone();
        in_namespace(&netns, move || started.start());
        let service = serve(&netns, name, &dir);
        Self { name: name.to_owned(), address, server, is_dead: false, netns, cable, dir, service }
    }

    /// The machine's IPv4 addresses, as the kernel lists them.
    pub fn addresses(&self) -> Vec<String> {
        let mut nl = within(self.netns.as_fd(), Netlink::open).unwrap();
        let all = nl.addresses_of("eth0").unwrap();
        all.into_iter().filter(|has| has.cidr.is_v4()).map(|has| has.cidr.to_string()).collect()
    }

    /// The address that others see when this machine connects to them.
    pub fn source_of_its_connections(&self) -> IpAddr {
        let listener = TcpListener::bind((CLIENT, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        in_namespace(&self.netns, move || drop(TcpStream::connect((CLIENT, port)).unwrap()));
        listener.accept().unwrap().1.ip()
    }

    /// Send its service a signal.
    pub fn signal(&mut self, signal: Signal) {
        kill(Pid::from_raw(self.service.id().cast_signed()), signal).unwrap();
        if signal == Signal::SIGKILL {
            self.service.wait().unwrap();
        }
    }

    /// Start the service again.
    pub fn serve(&mut self) {
        self.service = serve(&self.netns, &self.name, &self.dir);
    }

    /// Remove the API server's static pod, as `kubeadm reset` does.
    pub fn forget(&mut self) {
        fs::remove_file(self.dir.join("manifests/kube-apiserver.yaml")).unwrap();
    }

    /// Switch it off: nothing runs, nothing is answered, nothing is said.
    pub fn die(&mut self) {
        Netlink::open().unwrap().delete_link(&self.cable).unwrap();
        self.is_dead = true;
        self.signal(Signal::SIGKILL);
        self.server.stop();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.service.kill();
        let _ = self.service.wait();
        self.server.stop();
    }
}

/// A new namespace that lives as long as the file.
fn namespace() -> File {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        sender.send(File::open("/proc/thread-self/ns/net").unwrap()).unwrap();
    });
    receiver.recv().unwrap()
}

/// Do it in a thread of that namespace.
fn in_namespace<T: Send + 'static>(netns: &File, work: impl FnOnce() -> T + Send + 'static) -> T {
    let netns = netns.try_clone().unwrap();
    let thread = std::thread::spawn(move || {
        setns(netns, CloneFlags::CLONE_NEWNET).unwrap();
        work()
    });
    thread.join().unwrap()
}

fn serve(netns: &File, name: &str, dir: &Path) -> Child {
    let log = File::options().create(true).append(true).open(dir.join("log")).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["vip", "--name", name, "--kubernetes"]).arg(dir).arg(SHARED);
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    in_namespace(netns, move || command.spawn().unwrap())
}

/// The files that kubeadm makes, as far as the service reads them; gives the server's certificate and key, PEM. As with kubeadm, the
/// administrator's file leads to the shared address.
fn kubeadm_files(dir: &Path, address: IpAddr) -> (String, String) {
    fs::create_dir_all(dir.join("manifests")).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec![address.to_string(), SHARED.to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &ca).unwrap();
    fs::write(dir.join("ca.crt"), ca.pem()).unwrap();
    let admin = format!(
        "clusters: [{{name: c, cluster: {{server: 'https://{SHARED}:{}', certificate-authority: ca.crt}}}}]\n\
         contexts: [{{name: k, context: {{cluster: c, user: u}}}}]\ncurrent-context: k\nusers: [{{name: u, user: {{token: {}}}}}]\n",
        server::PORT,
        server::TOKEN
    );
    fs::write(dir.join("admin.conf"), admin).unwrap();
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: kube-apiserver\n    command:\n    - kube-apiserver\n    \
         - --advertise-address={address}\n    - --secure-port={}\n",
        server::PORT
    );
    fs::write(dir.join("manifests/kube-apiserver.yaml"), pod).unwrap();
    (certificate.pem(), key.serialize_pem())
}
