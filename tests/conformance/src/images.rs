//! The images that the specs name, packed here: upstream's programs from its modules, on Debian's static busybox and bash in the place of
//! Alpine. They go into the lab's registry under upstream's names, and the node finds them there as its mirror of registry.k8s.io.

use std::fs;
use std::path::{Path, PathBuf};

use firmware::apt::Suite;
use firmware::board::Arch;
use firmware::oci_image::{self, Image};
use firmware::{binary, bundle, place, test_image, tools};
use initramfs::Archive;
use kit::{Context, Error, Result};
use lab::registry::Registry;

use crate::suite::Suite as Specs;
use crate::{fake_registry, told};

/// Registry that the lab's one mirrors.
pub const UPSTREAM: &str = "registry.k8s.io";

/// Debian suite of bash.
const SUITE: &str = "trixie";

/// Commands of upstream's busybox beyond those of the test image.
const MORE: &[&str] = &[
    "base64",
    "clear",
    "cmp",
    "diff",
    "egrep",
    "expand",
    "fgrep",
    "fold",
    "gunzip",
    "gzip",
    "hexdump",
    "hostid",
    "ifconfig",
    "install",
    "less",
    "link",
    "logger",
    "losetup",
    "md5sum",
    "netstat",
    "nice",
    "nohup",
    "nproc",
    "paste",
    "pidof",
    "reset",
    "route",
    "sha1sum",
    "sha512sum",
    "shuf",
    "strings",
    "sysctl",
    "tac",
    "telnet",
    "time",
    "top",
    "truncate",
    "tsort",
    "unlink",
    "usleep",
    "watch",
];

/// The users and groups that specs look for in images.
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\nwww-data:x:33:33:::/bin/sh\nuser-defined-in-image:x:1000:1000::/:/bin/sh\n";
const GROUP: &str = "root:x:0:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\nuser-defined-in-image:x:1000:\ngroup-defined-in-image:x:50000:user-defined-in-image\n";

/// An image of upstream: its repository below [`UPSTREAM`], and what we pack in its place.
struct Row {
    repository: &'static str,
    packed: &'static str,
}

const ROWS: &[Row] = &[
    Row { repository: "e2e-test-images/agnhost", packed: "agnhost" },
    Row { repository: "e2e-test-images/busybox", packed: "busybox" },
    Row { repository: "e2e-test-images/glibc-dns-testing", packed: "busybox" },
    Row { repository: "e2e-test-images/kitten", packed: "kitten" },
    Row { repository: "e2e-test-images/nginx", packed: "server" },
    Row { repository: "e2e-test-images/nonewprivs", packed: "nonewprivs" },
    Row { repository: "e2e-test-images/nonroot", packed: "nonroot" },
    Row { repository: "pause", packed: "pause" },
];

/// Registry of critest's own images: not for other tests.
pub const CRITEST: &str = "gcr.io";
/// Registry of one more of its images, under an elder name of [`UPSTREAM`].
pub const CRITEST_ELDER: &str = "k8s.gcr.io";
/// The image that most of critest's containers are made of, and that of its servers.
pub const CRITEST_BASE: (&str, &str) =
    ("registry.k8s.io/e2e-test-images/busybox:critest", "registry.k8s.io/e2e-test-images/nginx:critest");

/// Those of critest: repository, tags, and what we pack. One it names by a digest, which only upstream's own bytes have.
const CRITEST_ROWS: &[(&str, &[&str], &str)] = &[
    ("e2e-test-images/busybox", &["critest"], "ash"),
    ("e2e-test-images/httpd", &["2.4.39-4"], "httpd"),
    ("e2e-test-images/nginx", &["critest", "1.14-2"], "nginx"),
    ("e2e-test-images/nonewprivs", &["1.3"], "nonewprivs"),
    ("pause", &["3.9"], "pause"),
    ("k8s-staging-cri-tools/test-image-latest", &["latest"], "busybox"),
    ("k8s-staging-cri-tools/test-image-tag", &["test", "all"], "busybox"),
    ("k8s-staging-cri-tools/test-image-tags", &["1", "2", "3"], "busybox"),
    ("k8s-staging-cri-tools/test-image-1", &["latest"], "user-1002"),
    ("k8s-staging-cri-tools/test-image-2", &["latest"], "user-www-data"),
    ("k8s-staging-cri-tools/test-image-3", &["latest"], "user-1003"),
    ("k8s-staging-cri-tools/test-image-user-uid", &["latest"], "user-1002"),
    ("k8s-staging-cri-tools/test-image-user-username", &["latest"], "user-www-data"),
    ("k8s-staging-cri-tools/test-image-user-uid-group", &["latest"], "user-1003"),
    ("k8s-staging-cri-tools/test-image-user-username-group", &["latest"], "user-www-data-group"),
    ("k8s-staging-cri-tools/test-image-predefined-group", &["latest"], "user-predefined"),
    ("k8s-staging-cri-tools/hostnet-nginx-amd64", &["latest"], "nginx-12003"),
    ("k8s-staging-cri-tools/hostnet-nginx-arm64", &["latest"], "nginx-12003"),
];

/// Programs that critest calls in its containers and busybox has not, as far as it uses them.
const CRITEST_SCRIPTS: &[(&str, &str)] =
    &[("/bin/pgrep", "#!/bin/sh\nexec pidof \"$1\"\n"), ("/bin/ipcs", "#!/bin/sh\nexec cat /proc/sysvipc/shm\n")];

/// Users of [`CRITEST_ROWS`]: what is packed, and its user.
const USERS: &[(&str, &str)] = &[
    ("user-1002", "1002"),
    ("user-www-data", "www-data"),
    ("user-1003", "1003:users"),
    ("user-www-data-group", "www-data:100"),
    ("user-predefined", "1000"),
];

/// Packs them all for a processor, outside of the lab, where there is an internet; answers their directory.
pub fn build(arch: Arch, board: &str) -> Result<PathBuf> {
    let dir = place::out(&format!("{board}/lab/conformance")).map_err(told)?;
    let programs = dir.join("programs");
    for variant in ["agnhost", "nonewprivs", "curl"] {
        bundle::build(variant, &arch.to_string(), &programs).map_err(told)?;
    }
    let board = firmware::board::Board::load(board).map_err(told)?;
    let agent = binary::package("agent", arch, &tools::ensure(&board).map_err(told)?).map_err(told)?;
    fs::copy(agent.with_file_name("probe"), programs.join("probe")).on("copy", agent.with_file_name("probe"))?;
    let suite = Suite::new(SUITE, arch.debian()).map_err(told)?;
    let bash = suite.fetch("bash-static", "", false).and_then(|package| suite.unpack(&package)).map_err(told)?;
    Packer { arch, programs, bash: bash.join("usr/bin/bash-static"), dir: dir.clone() }.pack_all()?;
    Ok(dir)
}

/// Puts them into the registry under every tag that the specs name.
pub fn publish(registry: &Registry, specs: &Specs, dir: &Path) -> Result<()> {
    let named = specs.images()?;
    for row in ROWS {
        let prefix = format!("{UPSTREAM}/{}:", row.repository);
        let tags: Vec<&str> = named.iter().filter_map(|name| name.strip_prefix(&prefix)).collect();
        if tags.is_empty() {
            return Err(Error::new(format!("no spec names an image {prefix}…: it has another name now")));
        }
        for tag in tags {
            registry.put(&dir.join(format!("{}.tar", row.packed)), row.repository, tag)?;
        }
    }
    Ok(())
}

/// Puts critest's images there as well.
pub fn publish_critest(registry: &Registry, dir: &Path) -> Result<()> {
    for (repository, tags, packed) in CRITEST_ROWS {
        for tag in *tags {
            registry.put(&dir.join(format!("{packed}.tar")), repository, tag)?;
        }
    }
    Ok(())
}

/// Sources from which images are packed.
struct Packer {
    arch: Arch,
    programs: PathBuf,
    bash: PathBuf,
    dir: PathBuf,
}

impl Packer {
    fn pack_all(&self) -> Result<()> {
        let busybox = || self.busybox();
        self.pack("busybox", &busybox()?, &[], &["sh"], "")?;
        self.pack("nonroot", &busybox()?, &[], &["sh"], "1234")?;
        self.pack("server", &busybox()?, &["/bin/httpd", "-f", "-p", "80"], &[], "")?;
        self.pack("ash", &self.ash()?, &[], &["sh"], "")?;
        for (name, program, port) in [("nginx", "nginx", 80), ("nginx-12003", "nginx", 12003), ("httpd", "httpd", 80)] {
            self.critest_server(name, program, port)?;
        }
        for (name, user) in USERS {
            self.pack(name, &busybox()?, &[], &["sh"], user)?;
        }
        let mut pause = Archive::new();
        pause.copy("/pause", 0o755, &self.programs.join("probe")).map_err(told)?;
        self.pack("pause", &pause, &["/pause"], &["hello"], "65535:65535")?;
        let mut nnp = busybox()?;
        nnp.copy("/usr/local/bin/nnp", 0o6755, &self.programs.join("nnp")).map_err(told)?;
        self.pack("nonewprivs", &nnp, &[], &["/usr/local/bin/nnp"], "")?;
        let mut agnhost = self.agnhost(busybox()?).map_err(told)?;
        // For its servers with TLS; nobody checks it.
        let own = rcgen::generate_simple_self_signed([String::from("localhost")]).map_err(told)?;
        agnhost.file("/localhost.crt", 0o644, own.cert.pem()).map_err(told)?;
        agnhost.file("/localhost.key", 0o644, own.signing_key.serialize_pem()).map_err(told)?;
        fake_registry::fill(&mut agnhost, &self.dir.join("pause.tar"))?;
        self.pack("agnhost", &agnhost, &["/agnhost"], &["pause"], "")?;
        let mut kitten = agnhost;
        kitten.file("/data.json", 0o644, r#"{"image": "kitten.jpg"}"#).map_err(told)?;
        kitten
            .file("/etc/os-release", 0o644, "NAME=\"kutties' test image, in the place of one of Alpine Linux\"\n")
            .map_err(told)?;
        self.pack("kitten", &kitten, &["/agnhost"], &["test-webserver"], "")
    }

    /// A server of that name, which answers all with 200, and calls itself and leaves its number as nginx does.
    fn critest_server(&self, name: &str, program: &str, port: u16) -> Result<()> {
        let mut files = self.ash()?;
        files.directory("/var/run").map_err(told)?;
        files.copy(&format!("/usr/sbin/{program}"), 0o755, &self.programs.join("probe")).map_err(told)?;
        let name_itself = format!("exec -a '{program}: master process' /usr/sbin/{program} serve {port}");
        let line = format!("echo $$ > /var/run/{program}.pid; echo {program}; {name_itself}");
        self.pack(name, &files, &["/bin/sh", "-c", &line], &[], "")
    }

    /// busybox alone: critest knows the words of its shell.
    fn ash(&self) -> Result<Archive> {
        let mut files = test_image::files(self.arch).map_err(told)?;
        for link in MORE.iter().chain(&["brctl"]) {
            files.link(&format!("/bin/{link}"), "busybox").map_err(told)?;
        }
        for (path, text) in CRITEST_SCRIPTS {
            files.file(path, 0o755, *text).map_err(told)?;
        }
        files.file("/etc/passwd", 0o644, PASSWD).map_err(told)?;
        files.file("/etc/group", 0o644, GROUP).map_err(told)?;
        Ok(files)
    }

    fn busybox(&self) -> Result<Archive> {
        let mut files = Archive::new();
        // busybox's shell drops variables whose names are none to it, such as `data-1`; bash passes them on, as upstream's shell does.
        files.copy("/bin/sh", 0o755, &self.bash).map_err(told)?;
        for (path, node) in test_image::files(self.arch).map_err(told)?.nodes().filter(|(path, _)| *path != "bin/sh") {
            files.put(path, node.clone()).map_err(told)?;
        }
        for link in MORE {
            files.link(&format!("/bin/{link}"), "busybox").map_err(told)?;
        }
        files.file("/etc/passwd", 0o644, PASSWD).map_err(told)?;
        files.file("/etc/group", 0o644, GROUP).map_err(told)?;
        Ok(files)
    }

    /// Makes the image of upstream's Dockerfile, as far as specs that we run look at it.
    fn agnhost(&self, mut files: Archive) -> Result<Archive, initramfs::Error> {
        files.copy("/agnhost", 0o755, &self.programs.join("agnhost"))?;
        files.link("/agnhost-2", "agnhost")?;
        files.copy("/bin/curl", 0o755, &self.programs.join("curl"))?;
        files.link("/usr/local/bin/nc", "/bin/curl")?;
        files.link("/bin/bash", "sh")?;
        files.directory("/uploads")?;
        Ok(files)
    }

    fn pack(&self, name: &str, files: &Archive, entrypoint: &[&str], command: &[&str], user: &str) -> Result<()> {
        let environment = &["PATH=/usr/local/bin:/bin:/"];
        let image = Image { name: &format!("kutties.test/{name}:1"), arch: self.arch, entrypoint, command, environment, user };
        let bytes = oci_image::pack(&image, files).map_err(told)?;
        let path = self.dir.join(format!("{name}.tar"));
        fs::write(&path, bytes).on("write", &path)
    }
}
