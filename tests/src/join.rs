//! Ways to join, and not to: bare kubeadm, bad input, a kubelet alone, again after a reboot.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use firmware::sign::Key;
use kit::{Context, Error, Result};
use kube::discovery::{Pin, Token, discover};
use kube::discovery_file::{confirm, from_file};
use kube::kubeconfig::Kubeconfig;
use lab::appliance::Appliance;
use lab::console::Mark;
use lab::control_plane::ControlPlane;
use lab::network::Lab;
use lab::vm::Spec;
use lab::web::Web;
use lab::{busybox, segment, until};

use crate::case::{BOTH, Case, Failure, Outcome, X86, ensure};
use crate::kube::{delete, field, start, start_this};
use crate::world::{BOOT, JOIN, Kind, Node, POD, World};

/// The cases; those on the unjoined machine come first, then it joins.
pub const CASES: &[Case] = &[
    Case { name: "a-real-cluster-is-discovered", boards: X86, run: discovered },
    Case { name: "bare-preflight-passes", boards: BOTH, run: preflight },
    Case { name: "join-without-kube-segment", boards: X86, run: no_kube },
    Case { name: "init-with-wrong-input-makes-nothing", boards: X86, run: wrong_init },
    Case { name: "join-with-wrong-token", boards: X86, run: wrong_token },
    Case { name: "join-with-wrong-ca-hash", boards: X86, run: wrong_hash },
    Case { name: "join-to-nobody", boards: X86, run: nobody },
    Case { name: "kubelet-alone-in-384-mib", boards: X86, run: worker },
    Case { name: "kubelet-alone-joins-natively", boards: X86, run: native },
    Case { name: "stays-ready-for-ten-minutes", boards: X86, run: stays_ready },
    Case { name: "at-boot-by-command-line", boards: X86, run: by_command_line },
    Case { name: "at-boot-by-dhcp-and-pods-end-before-a-reboot", boards: X86, run: by_dhcp },
    Case { name: "at-boot-by-url-that-comes-late", boards: X86, run: by_url },
    Case { name: "reboots-and-joins-again", boards: X86, run: rejoins },
    Case { name: "a-cluster-of-systemds-and-a-node-made-anew", boards: X86, run: made_anew },
];

/// Cases of `make soak`.
pub const LONG_CASES: &[Case] = &[Case { name: "kubelet-alone-is-ready-in-192-mib", boards: X86, run: smallest }];

/// Parts of the names of cases that need the bundle with the kubelet alone.
pub const ALONE: &[&str] = &["kubelet-alone", "at-boot", "joined-worker"];

/// The front asks before kubeadm does, which would try for five minutes; a machine that does not answer gets one.
const REFUSAL: Duration = Duration::from_mins(2);

/// A token whose time is over, as the cluster keeps it.
const EXPIRED: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: bootstrap-token-expird, namespace: kube-system}\n\
    type: bootstrap.kubernetes.io/token\nstringData:\n  token-id: expird\n  token-secret: 0123456789abcdef\n  usage-bootstrap-signing: 'true'\n  \
    usage-bootstrap-authentication: 'true'\n  expiration: '2020-01-01T00:00:00Z'\n";

/// Runs the checks of the native join before it touches the node, from here: it needs no machine.
fn discovered(world: &mut World, _: &str) -> Outcome {
    let (plane, endpoint) = (&world.plane, world.plane.endpoint());
    let (token, pin) = (Token::parse(plane.token())?, Pin::parse(plane.ca_hash())?);
    let other = Pin::parse(&format!("sha256:{}", "0".repeat(64)))?;
    let ca = plane.ca()?;
    // The control plane signs what is discovered some time after it has begun.
    let found = until(POD, || discover(&endpoint, &token, &[other.clone(), pin.clone()]))?;
    ensure(found.endpoint == endpoint && found.ca == ca.as_bytes(), || format!("another cluster was found: {found:?}"))?;
    plane.apply(EXPIRED)?;
    let secret = format!("{}.0123456789abcdef", token.id);
    let table = [
        (discover(&endpoint, &Token::parse("expird.0123456789abcdef")?, std::slice::from_ref(&pin)), "expired"),
        (discover(&endpoint, &Token::parse(&secret)?, std::slice::from_ref(&pin)), "secret of token"),
        (discover(&endpoint, &token, &[other]), "has hash"),
        (discover("10.77.0.1:1", &token, &[pin]), "reach 10.77.0.1:1"),
        (from_file("https://10.77.0.1:6443/x"), "believe 10.77.0.1:6443"),
        (
            by_file(&world.lab, &endpoint, &fs::read_to_string(OTHER_CA).on("read", OTHER_CA)?, plane.token()),
            "believe 10.77.0.1:6443",
        ),
    ];
    for (outcome, words) in table {
        let why = outcome.map_or_else(|e| e.to_string(), |found| format!("it was believed: {found:?}"));
        ensure(why.contains(words), || format!("not {words:?}: {why}"))?;
    }
    let found = by_file(&world.lab, &endpoint, &ca, plane.token())?;
    ensure(found.credentials == token.credentials(), || format!("the file's token is lost: {found:?}"))
}

/// A certificate authority that has nothing to do with the API server's.
const OTHER_CA: &str = "/etc/kubernetes/pki/etcd/ca.crt";

/// Discover by a file that names the CA by its path and holds the token.
fn by_file(lab: &Lab, endpoint: &str, ca: &str, token: &str) -> Result<Kubeconfig> {
    let path = lab.dir().join("discovery.conf");
    fs::write(lab.dir().join("discovery.crt"), ca).on("write", lab.dir())?;
    let text = format!(
        "clusters:\n- name: c\n  cluster: {{server: 'https://{endpoint}', certificate-authority: discovery.crt}}\ncurrent-context: k\n\
         contexts: [{{name: k, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{token: {token}}}}}]\n"
    );
    fs::write(&path, text).on("write", &path)?;
    from_file(&path.to_string_lossy()).and_then(confirm)
}

fn preflight(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.node(board, Kind::Unjoined)?;
    let line = plane.join_command();
    let words: Vec<&str> = line.split(' ').skip(2).collect();
    let argv = [&["kubeadm", "join", "phase", "preflight"], words.as_slice()].concat();
    let output = node.vm.guest.exec_within(&argv, b"", JOIN)?;
    ensure(output.ok(), || format!("{}{}", output.stdout, output.stderr))
}

/// Type a join that must be refused with a sentence, after which the shell is there.
fn refused(node: &mut Node, join: &str, sentence: &[&str]) -> Outcome {
    node.vm.console.wait_prompt(Mark::default(), BOOT)?;
    let (code, said) = node.vm.type_and_hear(join, REFUSAL)?;
    let said = said.to_lowercase();
    ensure(code != 0, || format!("it ended with 0:\n{said}"))?;
    ensure(sentence.iter().any(|words| said.contains(words)), || format!("none of {sentence:?} in:\n{said}"))?;
    ensure(!said.contains("panic"), || said.clone())?;
    let code = node.vm.type_and_judge("true", Duration::from_secs(30))?;
    ensure(code == 0, || "the shell is gone".into())
}

fn no_kube(world: &mut World, board: &str) -> Outcome {
    let join = format!("kutties {}", world.plane.join_command());
    refused(world.bare(board)?, &join, &["kube segment", "kube-node", "kubeadm"])
}

/// Inits that must be refused, each with a sentence; afterwards nothing of a control plane is there.
fn wrong_init(world: &mut World, board: &str) -> Outcome {
    let node = world.node(board, Kind::Unjoined)?.0;
    refused(node, "kutties kubeadm init --pod-network-cidr=10.77.0.0/16", &["own address"])?;
    refused(node, "kutties kubeadm init --pod-network-cidr=10.244.1.0/16", &["begins at 10.244.0.0/16"])?;
    refused(node, "kutties kubeadm init --pod-network-cidr=10.100.0.0/16", &["overlap"])?;
    let late =
        "now=$(date +%s); date -s @86400 >/dev/null; kutties kubeadm init; code=$?; date -s @$now >/dev/null; (exit $code)";
    refused(node, late, &["the clock is wrong"])?;
    let full = "truncate -s 0 /var/filler && head -c $(($(stat -f -c '%a * %S' /var) - 100000000)) /dev/zero >/var/filler && kutties kubeadm init; code=$?; \
                rm -f /var/filler; (exit $code)";
    refused(node, full, &["/var has"])?;
    let left =
        node.vm.guest.sh("ls /etc/kubernetes/pki /etc/kubernetes/manifests /var/lib/etcd 2>/dev/null | grep -v :; true")?;
    ensure(left.trim().is_empty(), || format!("it left {left}"))
}

fn wrong_token(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.node(board, Kind::Unjoined)?;
    let join = format!("kutties {}", plane.join_command()).replace(plane.token(), "abcdef.0123456789abcdef");
    refused(node, &join, &["token"])
}

fn wrong_hash(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.node(board, Kind::Unjoined)?;
    let wrong = format!("sha256:{}", "0".repeat(64));
    let join = format!("kutties {}", plane.join_command()).replace(plane.ca_hash(), &wrong);
    refused(node, &join, &["hash", "public key", "pinned"])
}

fn nobody(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.node(board, Kind::Unjoined)?;
    let join = format!("kutties {}", plane.join_command()).replace(&plane.endpoint(), "10.77.0.1:1");
    refused(node, &join, &["10.77.0.1:1"])
}

/// Boot a machine with a kubelet alone, which joins by the files that it brings along.
pub fn kubelet_alone(
    world: &mut World,
    board: &str,
    kubelet: impl FnOnce(&Appliance) -> PathBuf,
    memory: u32,
) -> kit::Result<Node> {
    let plane = &world.plane;
    let (bootstrap, ca, config) = (plane.bootstrap_kubeconfig()?, plane.ca()?, plane.kubelet_config()?);
    world.boot(board, |appliance, spec| {
        let all = appliance.kube_node();
        spec.segments.retain(|segment| *segment != all);
        spec.segments.push(kubelet(appliance));
        let identity: [(&str, &[u8]); 3] = [
            ("/etc/kubernetes/bootstrap-kubelet.conf", bootstrap.as_bytes()),
            ("/etc/kubernetes/pki/ca.crt", ca.as_bytes()),
            ("/var/lib/kubelet/config.yaml", config.as_bytes()),
        ];
        spec.segments.push(segment::files(&spec.dir.join("identity.cpio"), &identity)?);
        spec.memory = memory;
        Ok(())
    })
}

fn worker(world: &mut World, board: &str) -> Outcome {
    let mut node = kubelet_alone(world, board, Appliance::kube_worker, 384)?;
    node.wait_ready(&world.plane, JOIN)?;
    start(&world.plane, &node, "small", "")?;
    delete(&world.plane, "small")?;
    Ok(())
}

/// The least memory that a worker is Ready in: nothing may be there twice while the root directory moves.
fn smallest(world: &mut World, board: &str) -> Outcome {
    let profile = firmware::binary::profile();
    if profile != "release" {
        return Err(Failure::Skipped(format!("it was built with the profile {profile}")));
    }
    let mut node = kubelet_alone(world, board, Appliance::kube_worker, 192)?;
    node.wait_ready(&world.plane, JOIN)?;
    Ok(())
}

/// Boot with the kubelet in the place of the whole bundle.
pub fn take_kubelet(appliance: &Appliance, spec: &mut Spec) {
    let all = appliance.kube_node();
    spec.segments.retain(|segment| *segment != all);
    spec.segments.push(appliance.kube_worker());
}

fn native(world: &mut World, board: &str) -> Outcome {
    let mut node = world.boot(board, |appliance, spec| {
        take_kubelet(appliance, spec);
        Ok(())
    })?;
    let plane = &world.plane;
    let by_kubeadm = format!("kutties {}", plane.join_command());
    let own = by_kubeadm.replace("kubeadm join", "join");
    let table: [(String, &str); 5] = [
        (by_kubeadm.replace(plane.token(), "abcdef.0123456789abcdef"), "knows no token abcdef"),
        (own.replace(plane.token(), &format!("{}.0123456789abcdef", &plane.token()[..6])), "secret of token"),
        (own.replace(plane.ca_hash(), &format!("sha256:{}", "0".repeat(64))), "has hash sha256:"),
        (format!("{own} --control-plane"), "needs kubeadm"),
        ("kutties kubeadm token list".into(), "kubelet alone"),
    ];
    for (line, sentence) in &table {
        refused(&mut node, line, &[sentence])?;
    }
    // A refused join has left nothing.
    let left = node.vm.guest.sh("ls /etc/kubernetes/pki /etc/kubernetes/*.conf /var/lib/kubelet/* 2>/dev/null || true")?;
    ensure(left.trim().is_empty(), || format!("a refused join leaves {left}"))?;
    let (code, said) = node.vm.type_and_hear(&own, JOIN)?;
    ensure(code == 0 && said.contains("has joined the cluster"), || format!("the join ended with {code}:\n{said}"))?;
    node.wait_ready(&world.plane, JOIN)?;
    let guest = &node.vm.guest;
    ensure(guest.exec(&["test", "-e", "/etc/kubernetes/bootstrap-kubelet.conf"])?.code == 1, || "the token stays".into())?;
    refused(&mut node, &own, &["joined already"])?;
    start(&world.plane, &node, "native", "")?;
    delete(&world.plane, "native")?;
    Ok(())
}

/// The resolver of systemd, which `kubeadm init` writes into the cluster's configuration on Debian and Ubuntu.
const SYSTEMDS_RESOLVER: &str = "/run/systemd/resolve/resolv.conf";

/// A node joins by kubeadm where the cluster's kubelets are told to use systemd's resolver; then its Node object is deleted and made
/// anew, which gives it another range of addresses.
fn made_anew(world: &mut World, board: &str) -> Outcome {
    let usual = world.plane.kubelet_config()?;
    let configure = |plane: &ControlPlane, text: &str| {
        let patch = serde_json::json!({ "data": { "kubelet": text } }).to_string();
        plane.ask(&["-n", "kube-system", "patch", "configmap", "kubelet-config", "--type=merge", "-p", &patch]).map(drop)
    };
    configure(&world.plane, &format!("{}\nresolvConf: {SYSTEMDS_RESOLVER}\n", usual.trim_end()))?;
    let joined = world.boot(board, |_, _| Ok(())).and_then(|mut node| {
        node.join(&world.plane)?;
        Ok(node)
    });
    configure(&world.plane, &usual)?;
    let (mut node, plane) = (joined?, &world.plane);
    node.wait_ready(plane, JOIN)?;
    let config = node.vm.guest.sh("grep resolvConf /var/lib/kubelet/config.yaml")?;
    ensure(config.contains(SYSTEMDS_RESOLVER), || format!("the kubelet's configuration says {config}"))?;
    start(plane, &node, "resolves", "")?;
    let object = format!("node/{}", node.name);
    let before = field(plane, &object, "{.spec.podCIDR}")?;
    plane.ask(&["delete", &object, "--timeout=2m"])?;
    node.vm.guest.sh("systemctl restart kubelet")?;
    let after = until(JOIN, || match field(plane, &object, "{.spec.podCIDR}")? {
        range if range.is_empty() => Err(Error::new("the Node has no range yet")),
        range => Ok(range),
    })?;
    ensure(after != before, || format!("the Node made anew has the range {after} again"))?;
    node.wait_ready(plane, JOIN)?;
    start(plane, &node, "renewed", "")?;
    let address = field(plane, "pod/renewed", "{.status.podIP}")?;
    let prefix = after.rsplit_once('.').map_or("", |(prefix, _)| prefix);
    ensure(address.starts_with(prefix), || format!("the pod has {address}, the Node {after}"))?;
    delete(plane, "renewed")?;
    plane.ask(&["delete", &object, "--timeout=2m"]).map(drop)?;
    Ok(())
}

/// The key `join`, as it stands on a kernel's command line.
fn join_key(plane: &ControlPlane) -> String {
    format!("{},token={},ca={}", plane.endpoint(), plane.token(), plane.ca_hash())
}

/// Reads the kernel's command line in a container, and waits to be looked at.
const CURIOUS: &str = "command: [sh, -c, 'wc -c </proc/cmdline; exec sleep 1000']\n";

fn by_command_line(world: &mut World, board: &str) -> Outcome {
    let key = join_key(&world.plane);
    let mut node = world.boot(board, |appliance, spec| {
        take_kubelet(appliance, spec);
        spec.cmdline = format!("{} kutties.join={key}", spec.cmdline);
        Ok(())
    })?;
    let plane = &world.plane;
    node.wait_ready(plane, JOIN)?;
    // The token stands there: no pod reads it, and nobody is shown it.
    start_this(plane, &node, "curious", &busybox::pod("curious", &node.name, CURIOUS))?;
    let seen = until(POD, || match plane.ask(&["logs", "curious"])? {
        seen if seen.is_empty() => Err(Error::new("no log yet")),
        seen => Ok(seen),
    })?;
    ensure(seen.trim() == "0", || format!("a pod sees {} bytes of the kernel's command line", seen.trim()))?;
    delete(plane, "curious")?;
    let shown = node.vm.guest.run(&["/bin/kutties", "config", "show"])?;
    let line = shown.lines().find(|line| line.starts_with("join ")).unwrap_or_default();
    ensure(line.contains("(secret)") && line.contains("on the kernel's command line"), || shown.clone())?;
    ensure(!shown.contains(&plane.token()[7..]), || "the secret is shown".into())?;
    Ok(())
}

/// Port at which pods tell how they end.
const ENDS: u16 = 8079;

/// A pod that says when its hook runs and when its process gets its signal, on the node's network, which outlives all pods. The hook is
/// slow: whoever does not wait for it never hears its end.
fn tells_its_end(node: &str) -> String {
    let tell = |what: &str| format!("wget -q -O /dev/null http://10.77.0.1:{ENDS}/{what}");
    let (begin, end, signal) = (tell("hook-begins"), tell("hook-ends"), tell("signal"));
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: tells}}\nspec:\n  nodeName: {node}\n  hostNetwork: true\n  \
         terminationGracePeriodSeconds: 60\n  containers:\n  - name: c\n    image: {}\n    imagePullPolicy: IfNotPresent\n    \
         command: [sh, -c, \"trap '{signal}; exit 0' TERM; while :; do sleep 1; done\"]\n    \
         lifecycle: {{preStop: {{exec: {{command: [sh, -c, \"{begin}; sleep 5; {end}\"]}}}}}}\n",
        busybox::NAME
    )
}

/// The join by DHCP, which a local source must have asked for; what else the server says stays refused. Then a reboot, before which the
/// kubelet ends its pods as their specification says.
fn by_dhcp(world: &mut World, board: &str) -> Outcome {
    let key = join_key(&world.plane);
    world.lab.offer(&format!("kutties.join={key} kutties.shutdown.grace=90 kutties.service.x.command=/bin/touch,/run/evil"))?;
    let mut node = world.boot(board, |appliance, spec| {
        take_kubelet(appliance, spec);
        for nic in &mut spec.nics {
            nic.mac = nic.mac.replace("52:54:00", lab::network::OFFERED);
        }
        spec.cmdline = format!("{} kutties.settings.dhcp=yes kutties.hostname=by-dhcp", spec.cmdline);
        Ok(())
    })?;
    node.name = "by-dhcp".into();
    let plane = &world.plane;
    node.wait_ready(plane, JOIN)?;
    let shown = node.vm.guest.run(&["/bin/kutties", "config", "show"])?;
    let row = |key: &str| shown.lines().find(|line| line.starts_with(&format!("{key} "))).unwrap_or_default();
    ensure(row("join").contains("by the DHCP server on eth0"), || shown.clone())?;
    let refused = "wrong: key service.x.command by the DHCP server on eth0 is refused: a DHCP server may never set it";
    ensure(shown.contains(refused), || shown.clone())?;
    let drop_in = node.vm.guest.sh("cat /etc/kubernetes/kubelet.conf.d/05-kutties-shutdown.conf")?;
    ensure(drop_in.contains("shutdownGracePeriod: 90s"), || drop_in.clone())?;

    let pages = ["hook-begins", "hook-ends", "signal"].map(|page| (format!("/{page}"), b"heard".to_vec()));
    let web = Web::start(ENDS, pages.into())?;
    start_this(plane, &node, "tells", &tells_its_end(&node.name))?;
    ensure(web.asked().is_empty(), || format!("it tells too early: {:?}", web.asked()))?;
    let from = node.vm.console.mark();
    node.vm.guest.exec(&["reboot"])?;
    node.vm.console.wait("shutdown: file systems", from, BOOT)?;
    let said = node.vm.console.since(from);
    ensure(web.asked() == ["/hook-begins", "/hook-ends", "/signal"], || format!("it told {:?}:\n{said}", web.asked()))?;
    ensure(said.contains("shutdown: pods, by the kubelet") && !said.contains("take too long"), || said.clone())?;
    // The kubelet's last word reached the cluster: nobody sends work to a node that is on its way down.
    let ready = field(plane, "node/by-dhcp", "{.status.conditions[?(@.type=='Ready')].status}")?;
    ensure(ready != "True", || format!("the Node's condition Ready is {ready}"))?;
    plane.ask(&["delete", "pod", "tells", "--grace-period=0", "--force"]).map(drop)?;
    Ok(())
}

/// Port at which the lab serves settings.
const WEB: u16 = 8077;

fn by_url(world: &mut World, board: &str) -> Outcome {
    let mut mac = String::new();
    let key = Key::make(&world.lab.dir().join("settings-key")).map_err(told)?;
    let mut node = world.boot(board, |appliance, spec| {
        take_kubelet(appliance, spec);
        let trust = [(kit::paths::TRUST, key.public().into_bytes())];
        spec.segments
            .push(segment::files(&spec.dir.join("trust.cpio"), &trust.each_ref().map(|(path, key)| (*path, key.as_slice())))?);
        mac = spec.nics.first().map(|nic| nic.mac.clone()).unwrap_or_default();
        spec.smbios =
            vec!["kutties.config=http://10.77.0.1:8077/${mac}/${serial}.toml".into(), "kutties.shutdown.grace=7".into()];
        spec.smbios_serial = Some("rack 7".into());
        spec.fw_cfg =
            vec![("opt/kutties/shutdown.grace".into(), "8".into()), ("opt/kutties/hostname".into(), "by-fw-cfg".into())];
        spec.cmdline = format!("{} kutties.var.size=50%", spec.cmdline);
        Ok(())
    })?;
    // Nobody serves it yet: that is said, and the shell is there.
    node.vm.wait_console("10.77.0.1:8077", Mark::default(), BOOT)?;
    node.vm.console.wait_prompt(Mark::default(), BOOT)?;
    ensure(node.vm.type_and_judge("true", BOOT)? == 0, || "there is no shell".into())?;
    let said = node.vm.console.since(Mark::default());
    ensure(said.contains("10.77.0.1:8077"), || format!("it does not say what it could not fetch:\n{said}"))?;
    early_settings(&node)?;

    // Now it is served, with an unknown key, too, which is said and harms nothing.
    let text = format!("hostname = \"by-url\"\njoin = \"{}\"\nno-such-key = 1\n", join_key(&world.plane));
    let path = format!("/{mac}/rack%207.toml");
    let pages = |text: &str, signature: String| {
        [(path.clone(), text.as_bytes().to_vec()), (format!("{path}.sig"), signature.into_bytes())].into()
    };
    // Somebody on the way has changed it: nothing of it is taken.
    let from = node.vm.console.mark();
    let forged = Web::start(WEB, pages(&text.replace("by-url", "forged"), key.sign(text.as_bytes())))?;
    node.vm.wait_console("is not signed by a key of /etc/kutties/update.pub", from, BOOT)?;
    drop(forged);
    let name = node.vm.guest.sh("hostname; kutties config show")?;
    ensure(!name.contains("forged"), || format!("forged settings are taken:\n{name}"))?;
    let web = Web::start(WEB, pages(&text, key.sign(text.as_bytes())))?;
    node.name = "by-url".into();
    node.wait_ready(&world.plane, JOIN)?;
    ensure(web.asked().contains(&path), || format!("{path} was not asked for, but {:?}", web.asked()))?;
    let late = shown(&node)?;
    ensure(row(&late, "hostname").starts_with("hostname by-url at http://10.77.0.1:8077/"), || late.clone())?;
    ensure(row(&late, "join").contains("(secret)"), || late.clone())?;
    let said = node.vm.console.since(Mark::default());
    ensure(said.contains("unknown key no-such-key at http://"), || format!("the unknown key is not said:\n{said}"))
}

/// The settings that the node has.
fn shown(node: &Node) -> Result<String> {
    node.vm.guest.run(&["/bin/kutties", "config", "show"])
}

/// A setting's row of them, without the sources that may set it, which stand in brackets.
fn row(shown: &str, key: &str) -> String {
    let line = shown.lines().find(|line| line.split_whitespace().next() == Some(key)).unwrap_or_default();
    let line = line.rsplit_once(" [").map_or(line, |(line, _)| line);
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Checks what holds before the URL is served.
fn early_settings(node: &Node) -> Outcome {
    let early = shown(node)?;
    for (key, expected) in [
        ("hostname", "hostname by-fw-cfg in fw_cfg opt/kutties/hostname"),
        ("shutdown.grace", "shutdown.grace 8 in fw_cfg opt/kutties/shutdown.grace"),
        ("var.size", "var.size 50% on the kernel's command line"),
        ("network.dhcp", "network.dhcp yes by default"),
    ] {
        ensure(row(&early, key) == expected, || format!("{key} is not {expected:?}:\n{early}"))?;
    }
    ensure(row(&early, "config").ends_with("in the SMBIOS strings"), || early.clone())?;
    let name = node.vm.guest.sh("hostname")?;
    ensure(name.trim() == "by-fw-cfg", || format!("the host's name is {name}"))
}

fn told(e: impl std::fmt::Display) -> Error {
    Error::new(format!("{e:#}"))
}

/// In seconds.
const TEN_MINUTES: f64 = 600.0;

/// Since when the node is Ready without a break.
fn ready_since(plane: &ControlPlane, node: &str) -> Result<String> {
    field(
        plane,
        &format!("node/{node}"),
        "{.status.conditions[?(@.type=='Ready')].status} {.status.conditions[?(@.type=='Ready')].lastTransitionTime}",
    )
}

fn stays_ready(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    let first = ready_since(plane, &node.name)?;
    // The warm machine has served the cases so far: only what is missing of ten minutes is waited for.
    until(Duration::from_mins(11), || {
        let now = ready_since(plane, &node.name)?;
        if now != first || !now.starts_with("True") {
            return Ok(Err(Failure::Failed(format!("Ready was {first}, now it is {now}"))));
        }
        let age = age(plane, &node.name)?;
        if age >= TEN_MINUTES { Ok(Ok(())) } else { Err(Error::new(format!("it is Ready for {age:.0} s only"))) }
    })?
}

/// The seconds for which the kubelet's lease has been renewed.
fn age(plane: &ControlPlane, node: &str) -> Result<f64> {
    let since = ready_since(plane, node)?;
    let since = since.split(' ').nth(1).unwrap_or_default().to_owned();
    let seconds = lab::tool::run("date", &["-d", &since, "+%s"])?;
    let now = lab::tool::run("date", &["+%s"])?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|e| Error::new(format!("read a time: {e}")));
    Ok(number(&now)? - number(&seconds)?)
}

/// So long after its reboot a node is certainly Ready still for the cluster, which takes the last word ten seconds late.
const STILL_READY: Duration = Duration::from_secs(25);

fn rejoins(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.node(board, Kind::Unjoined)?;
    node.join(plane)?;
    node.wait_ready(plane, JOIN)?;
    let boot_id = format!("node/{}", node.name);
    let first = field(plane, &boot_id, "{.status.nodeInfo.bootID}")?;
    let from = node.vm.console.mark();
    let begin = Instant::now();
    // As by a failing power supply: a kubelet that has the time tells the cluster that it goes.
    node.vm.console.type_line("reboot -f")?;
    // The dying shell may show its prompt once more, so first comes what the second boot says last.
    let booting = node.vm.console.wait("] consoles: ", from, BOOT)?;
    node.vm.console.wait_prompt(booting, BOOT)?;
    node.vm.wait_agent(BOOT)?;
    let booted = begin.elapsed();
    let (code, said) = node.vm.type_and_hear(&format!("kutties {}", plane.join_command()), JOIN)?;
    ensure(code == 0, || format!("the second join ended with {code}:\n{said}"))?;
    // The old Node is Ready for forty seconds after its machine's last word; the boot takes less when the machine is not busy.
    let told = said.contains(&format!("still shows node {}", node.name));
    ensure(told || booted > STILL_READY, || format!("it does not say that it waits for the old Node:\n{said}"))?;
    until(JOIN, || match field(plane, &boot_id, "{.status.nodeInfo.bootID}")? {
        now if now == first => Err(Error::new("the cluster shows the first boot still")),
        _ => Ok(()),
    })?;
    node.wait_ready(plane, JOIN)?;
    start(plane, node, "again", "")?;
    delete(plane, "again")?;
    Ok(())
}
