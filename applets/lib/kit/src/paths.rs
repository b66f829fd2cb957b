//! The fixed paths of a running system, so that one look shows what kutties touches.

/// The binary that every applet's link leads to.
pub const BINARY: &str = "/bin/kutties";
/// Directory of files that are made anew at each boot.
pub const RUN: &str = "/run/kutties";
/// The supervisor's control socket: root only.
pub const CONTROL: &str = "/run/kutties/init.sock";
/// The kubelet's bus, where PID 1 answers as systemd-logind does: root only.
pub const BUS: &str = "/run/kutties/bus.sock";
/// Leases of DHCP servers: one `LINK.json` each.
pub const DHCP: &str = "/run/kutties/dhcp";
/// Ring files of the services' output: one `NAME.log` each.
pub const LOGS: &str = "/run/kutties/log";
/// Directory of the services' logs: a real one below /var/log, because the kubelet follows no link out of it.
pub const SERVICE_LOGS: &str = "/var/log";
/// Each boot step with its time and outcome, one line each.
pub const BOOT_LOG: &str = "/run/kutties/boot.log";
/// File systems that are damaged, read-only: one directory a key.
pub const DISKS: &str = "/run/kutties/disks";
/// The files of kubeadm and of the control plane.
pub const KUBERNETES: &str = "/etc/kubernetes";
/// The static pod of a machine's API server, which kubeadm writes: only machines with a control plane have it.
pub const API_SERVER: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
/// Their place on a disk of /var, from which they are bound.
pub const KUBERNETES_KEPT: &str = "/var/lib/kutties/kubernetes";
/// The machine's number, where /var is on a disk and the firmware has none.
pub const MACHINE_ID_KEPT: &str = "/var/lib/kutties/machine-id";
/// The CRI server's socket.
pub const CRI: &str = "/run/kutties/cri.sock";
/// Socket at which bare kubeadm and crictl look for a runtime: a link to [`CRI`].
pub const CRI_WELL_KNOWN: &str = "/run/containerd/containerd.sock";
/// A directory a sandbox: its record, its monitor's socket, exit journals, namespaces.
pub const PODS: &str = "/run/kutties/pods";
/// The OCI runtime's state, as `oci --root`.
pub const OCI: &str = "/run/kutties/oci";
/// The CNI configuration made from the node's pod CIDR, when nobody else gave one.
pub const CNI_OWN: &str = "/run/kutties/cni";
/// Directory of CNI configuration that others install.
pub const CNI_CONF: &str = "/etc/cni/net.d";
/// CNI plugins.
pub const CNI_BIN: &str = "/opt/cni/bin";
/// The image store.
pub const IMAGES: &str = "/var/lib/kutties/images";
/// A directory a container: bundle, overlay upper and work, root.
pub const CONTAINERS: &str = "/var/lib/kutties/containers";
/// Images that came with the initramfs.
pub const IMAGES_GIVEN: &str = "/usr/share/kutties/images";
/// Directory of what came with the initramfs to be mounted: read-only, never changed.
pub const BUNDLES: &str = "/usr/lib/kutties";
/// The Go programs of Kubernetes as a file system with one program in it, and the layers of images where those came along.
pub const KUBE_IMAGE: &str = "/usr/lib/kutties/kube.squashfs";
/// Mount point of that image.
pub const KUBE: &str = "/usr/lib/kutties/kube";
/// Configuration that came with the initramfs: `*.toml`.
pub const CONFIG: &str = "/etc/kutties";
/// The public keys of those whose updates and settings this node takes.
pub const TRUST: &str = "/etc/kutties/update.pub";
/// Keys of people who may log in with ssh: lines as in OpenSSH's file of that name.
pub const SSH_KEYS: &str = "/etc/kutties/authorized_keys";
/// All settings with their sources, gathered when the network came up: JSON, for root alone.
pub const CONFIG_GATHERED: &str = "/run/kutties/config/gathered.json";
/// Settings from the URL of the key `config`: TOML, for root alone.
pub const CONFIG_FETCHED: &str = "/run/kutties/config/fetched.toml";
/// File that kubeadm writes last; its existence starts the kubelet.
pub const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";
/// kubeadm's environment file with `KUBELET_KUBEADM_ARGS`.
pub const KUBELET_FLAGS: &str = "/var/lib/kubelet/kubeadm-flags.env";
/// An administrator's environment file with `KUBELET_EXTRA_ARGS`.
pub const KUBELET_EXTRA: &str = "/etc/default/kubelet";
