//! Table of bundles: module sets, programs and variants. A new variant is one row; a new module set
//! is one row and its pins.

use anyhow::{Context, Result};

use super::sets::{COREDNS, COREDNS_SERVER, ETCD, ETCD_SERVER, ETCDCTL, ETCDUTL, FLANNEL};

/// A set of Go modules with one pinned go.mod and go.sum.
#[derive(Debug)]
pub struct ModuleSet {
    /// The directory of its pins in `firmware/bundle/`.
    pub name: &'static str,
    /// The module that brings the programs.
    pub root: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Modules that `root` replaces by directories of its own tree, and the version at which they are published.
    pub staging: Option<(&'static str, &'static [&'static str])>,
    /// Those of them that are taken at another version: theirs is not in Go's checksum database, and what can't be checked is not built.
    pub staging_but: &'static [(&'static str, &'static str)],
    /// Modules beside the root that programs come from: (module, version).
    pub also: &'static [(&'static str, &'static str)],
    /// Packages that the root's main.go imports for what they register, and that are left out.
    pub without: &'static [&'static str],
    /// Build tags.
    pub tags: &'static str,
    /// Variables that the linker sets.
    pub stamps: &'static [(&'static str, &'static str)],
    /// The pinned go.mod.
    pub go_mod: &'static str,
    /// The pinned go.sum.
    pub go_sum: &'static str,
}

/// A program of a file that goes by the name it is called by.
#[derive(Debug)]
pub struct Program {
    /// Name of the program.
    pub name: &'static str,
    /// Import lines of the generated main.go.
    pub imports: &'static [&'static str],
    /// Its start, as Go.
    pub start: &'static str,
}

/// Programs of a variant.
#[derive(Debug)]
pub enum Contents {
    /// One file for several programs: shared code is there once.
    Multicall {
        /// The file's name.
        file: &'static str,
        /// Programs, by the names that it is called by.
        programs: &'static [&'static Program],
    },
    /// One file from sources of our own: (file, name and text of each).
    Own(&'static str, &'static [(&'static str, &'static str)]),
    /// One file a main package: (file, package).
    Packages(&'static [(&'static str, &'static str)]),
}

impl Contents {
    /// The files that a build makes.
    pub fn files(&self) -> Vec<&'static str> {
        match self {
            Self::Multicall { file, .. } | Self::Own(file, _) => vec![file],
            Self::Packages(list) => list.iter().map(|(file, _)| *file).collect(),
        }
    }

    /// The programs in them.
    pub fn programs(&self) -> Vec<&'static str> {
        match self {
            Self::Multicall { programs, .. } => programs.iter().map(|p| p.name).collect(),
            Self::Packages(_) | Self::Own(..) => self.files(),
        }
    }
}

/// Something to build.
#[derive(Debug)]
pub struct Variant {
    /// Name for a person.
    pub name: &'static str,
    /// Purpose in a few words.
    pub about: &'static str,
    /// Source of its modules.
    pub modules: &'static ModuleSet,
    /// Programs in it.
    pub contents: Contents,
    /// Needs a C compiler and static C libraries.
    pub cgo: bool,
}

/// The variant of that name.
pub fn find(name: &str) -> Result<&'static Variant> {
    let known = || VARIANTS.iter().map(|v| v.name).collect::<Vec<_>>().join(", ");
    VARIANTS.iter().find(|v| v.name == name).with_context(|| format!("no bundle is called {name}: {}", known()))
}

/// The text of a file of a set's pins.
macro_rules! pins {
    ($set:literal, $file:literal) => {
        include_str!(concat!("../../bundle/", $set, "/", $file))
    };
}
pub(super) use pins;

/// Kubernetes. kubeadm takes the version of the control plane from `gitVersion`.
static KUBE: ModuleSet = ModuleSet {
    name: "kube",
    root: "k8s.io/kubernetes",
    version: "v1.37.1",
    staging: Some(("v0.37.1", STAGING)),
    staging_but: &[],
    also: &[],
    without: &[],
    tags: "grpcnotrace,notest",
    stamps: &[
        ("k8s.io/component-base/version.gitVersion", "v1.37.1"),
        ("k8s.io/component-base/version.gitMajor", "1"),
        ("k8s.io/component-base/version.gitMinor", "37"),
        ("k8s.io/component-base/version.gitTreeState", "clean"),
        ("k8s.io/client-go/pkg/version.gitVersion", "v1.37.1"),
        ("k8s.io/client-go/pkg/version.gitMajor", "1"),
        ("k8s.io/client-go/pkg/version.gitMinor", "37"),
        ("k8s.io/client-go/pkg/version.gitTreeState", "clean"),
    ],
    go_mod: pins!("kube", "go.mod"),
    go_sum: pins!("kube", "go.sum"),
};

/// The modules under `staging/src` of Kubernetes' tree.
const STAGING: &[&str] = &[
    "k8s.io/api",
    "k8s.io/apiextensions-apiserver",
    "k8s.io/apimachinery",
    "k8s.io/apiserver",
    "k8s.io/cli-runtime",
    "k8s.io/client-go",
    "k8s.io/cloud-provider",
    "k8s.io/cluster-bootstrap",
    "k8s.io/code-generator",
    "k8s.io/component-base",
    "k8s.io/component-helpers",
    "k8s.io/controller-manager",
    "k8s.io/cri-api",
    "k8s.io/cri-client",
    "k8s.io/cri-streaming",
    "k8s.io/csi-translation-lib",
    "k8s.io/dynamic-resource-allocation",
    "k8s.io/endpointslice",
    "k8s.io/externaljwt",
    "k8s.io/kms",
    "k8s.io/kube-aggregator",
    "k8s.io/kube-controller-manager",
    "k8s.io/kube-proxy",
    "k8s.io/kube-scheduler",
    "k8s.io/kubectl",
    "k8s.io/kubelet",
    "k8s.io/metrics",
    "k8s.io/mount-utils",
    "k8s.io/pod-security-admission",
    "k8s.io/sample-apiserver",
    "k8s.io/sample-cli-plugin",
    "k8s.io/sample-controller",
    "k8s.io/streaming",
];

/// The stamps of an older kubelet.
macro_rules! stamps {
    ($version:literal, $minor:literal) => {
        &[
            ("k8s.io/component-base/version.gitVersion", $version),
            ("k8s.io/component-base/version.gitMajor", "1"),
            ("k8s.io/component-base/version.gitMinor", $minor),
            ("k8s.io/component-base/version.gitTreeState", "clean"),
        ]
    };
}

/// The oldest kubelets that a control plane of 1.37 takes, each with pins of its own.
static KUBE_1_36: ModuleSet = ModuleSet {
    name: "kube-1.36",
    root: "k8s.io/kubernetes",
    version: "v1.36.3",
    staging: Some(("v0.36.3", STAGING)),
    staging_but: &[],
    also: &[],
    without: &[],
    tags: "grpcnotrace,notest",
    stamps: stamps!("v1.36.3", "36"),
    go_mod: pins!("kube-1.36", "go.mod"),
    go_sum: pins!("kube-1.36", "go.sum"),
};

/// The same of 1.35.
static KUBE_1_35: ModuleSet = ModuleSet {
    name: "kube-1.35",
    root: "k8s.io/kubernetes",
    version: "v1.35.6",
    staging: Some(("v0.35.6", STAGING)),
    staging_but: &[("k8s.io/mount-utils", "v0.35.7")],
    also: &[],
    without: &[],
    tags: "grpcnotrace,notest",
    stamps: stamps!("v1.35.6", "35"),
    go_mod: pins!("kube-1.35", "go.mod"),
    go_sum: pins!("kube-1.35", "go.sum"),
};

/// Upstream's tests of whole clusters. They bring modules that no node needs, so their pins are their own.
static E2E: ModuleSet = ModuleSet {
    name: "e2e",
    root: "k8s.io/kubernetes",
    version: "v1.37.1",
    staging: Some(("v0.37.1", STAGING)),
    staging_but: &[],
    also: &[],
    without: &[],
    tags: "grpcnotrace,notest",
    stamps: stamps!("v1.37.1", "37"),
    go_mod: pins!("e2e", "go.mod"),
    go_sum: pins!("e2e", "go.sum"),
};

/// The runtime of the hand-made appliance that `make bench` compares with.
static CONTAINERD: ModuleSet = ModuleSet {
    name: "containerd",
    root: "github.com/containerd/containerd/v2",
    version: "v2.4.2",
    staging: None,
    staging_but: &[],
    also: &[],
    without: &[],
    tags: "no_btrfs,no_devmapper,no_zfs,netgo,osusergo",
    stamps: &[("github.com/containerd/containerd/v2/version.Version", "v2.4.2")],
    go_mod: pins!("containerd", "go.mod"),
    go_sum: pins!("containerd", "go.sum"),
};

/// The container starter of the same.
static RUNC: ModuleSet = ModuleSet {
    name: "runc",
    root: "github.com/opencontainers/runc",
    version: "v1.4.1",
    staging: None,
    staging_but: &[],
    also: &[],
    without: &[],
    tags: "seccomp,netgo,osusergo",
    stamps: &[("main.version", "1.4.1")],
    go_mod: pins!("runc", "go.mod"),
    go_sum: pins!("runc", "go.sum"),
};

/// The network plugins of the same.
static CNI: ModuleSet = ModuleSet {
    name: "cni",
    root: "github.com/containernetworking/plugins",
    version: "v1.9.1",
    staging: None,
    staging_but: &[],
    also: &[],
    without: &[],
    tags: "netgo,osusergo",
    stamps: &[],
    go_mod: pins!("cni", "go.mod"),
    go_sum: pins!("cni", "go.sum"),
};

/// The reference that our encrypted backups are compared with.
static AGE: ModuleSet = ModuleSet {
    name: "age",
    root: "filippo.io/age",
    version: "v1.3.2",
    staging: None,
    staging_but: &[],
    also: &[],
    without: &[],
    tags: "",
    stamps: &[("main.Version", "v1.3.2")],
    go_mod: pins!("age", "go.mod"),
    go_sum: pins!("age", "go.sum"),
};

/// The registry that the lab's machines pull from.
static REGISTRY: ModuleSet = ModuleSet {
    name: "registry",
    root: "github.com/distribution/distribution/v3",
    version: "v3.1.2",
    staging: None,
    staging_but: &[],
    also: &[],
    without: &[],
    tags: "",
    stamps: &[("github.com/distribution/distribution/v3/version.version", "v3.1.2")],
    go_mod: pins!("registry", "go.mod"),
    go_sum: pins!("registry", "go.sum"),
};

static KUBELET: Program = Program {
    name: "kubelet",
    imports: &[
        r#""context""#,
        r#""os""#,
        r#""k8s.io/component-base/cli""#,
        r#"_ "k8s.io/component-base/logs/json/register""#,
        r#"_ "k8s.io/component-base/metrics/prometheus/clientgo""#,
        r#"_ "k8s.io/component-base/metrics/prometheus/version""#,
        r#"kubelet "k8s.io/kubernetes/cmd/kubelet/app""#,
    ],
    // Never a signal context of our own: the command makes one and panics at a second.
    start: "os.Exit(cli.Run(kubelet.NewKubeletCommand(context.Background())))",
};

static KUBEADM: Program = Program {
    name: "kubeadm",
    imports: &[
        r#"kubeadm "k8s.io/kubernetes/cmd/kubeadm/app""#,
        r#"kubeadmerrors "k8s.io/kubernetes/cmd/kubeadm/app/util/errors""#,
    ],
    start: "kubeadmerrors.HandleError(kubeadm.Run())",
};

static KUBECTL: Program = Program {
    name: "kubectl",
    imports: &[
        r#""os""#,
        r#"_ "k8s.io/client-go/plugin/pkg/client/auth""#,
        r#""k8s.io/component-base/cli""#,
        r#""k8s.io/component-base/logs""#,
        r#"kubectl "k8s.io/kubectl/pkg/cmd""#,
        r#"kubectlutil "k8s.io/kubectl/pkg/cmd/util""#,
    ],
    start: "logs.GlogSetter(kubectl.GetLogVerbosity(os.Args))
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			kubectlutil.CheckErr(err)
		}",
};

static KUBE_PROXY: Program = Program {
    name: "kube-proxy",
    imports: &[
        r#""os""#,
        r#""k8s.io/component-base/cli""#,
        r#"_ "k8s.io/component-base/logs/json/register""#,
        r#"_ "k8s.io/component-base/metrics/prometheus/clientgo""#,
        r#"_ "k8s.io/component-base/metrics/prometheus/version""#,
        r#"proxy "k8s.io/kubernetes/cmd/kube-proxy/app""#,
    ],
    start: "os.Exit(cli.Run(proxy.NewProxyCommand()))",
};

static KUBE_APISERVER: Program = Program {
    name: "kube-apiserver",
    imports: &[
        r#""os""#,
        r#"_ "time/tzdata""#,
        r#""k8s.io/component-base/cli""#,
        r#"apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app""#,
    ],
    start: "os.Exit(cli.Run(apiserver.NewAPIServerCommand()))",
};

static KUBE_CONTROLLER_MANAGER: Program = Program {
    name: "kube-controller-manager",
    imports: &[
        r#""os""#,
        r#"_ "time/tzdata""#,
        r#""k8s.io/component-base/cli""#,
        r#"manager "k8s.io/kubernetes/cmd/kube-controller-manager/app""#,
    ],
    start: "os.Exit(cli.Run(manager.NewControllerManagerCommand()))",
};

static KUBE_SCHEDULER: Program = Program {
    name: "kube-scheduler",
    imports: &[r#""os""#, r#""k8s.io/component-base/cli""#, r#"scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app""#],
    start: "os.Exit(cli.Run(scheduler.NewSchedulerCommand()))",
};

/// Everything that can be built.
pub static VARIANTS: &[Variant] = &[
    Variant {
        name: "worker",
        about: "the kubelet alone",
        modules: &KUBE,
        contents: Contents::Multicall { file: "kubelet", programs: &[&KUBELET] },
        cgo: false,
    },
    Variant {
        name: "node",
        about: "kubelet, kubeadm, kubectl and kube-proxy in one file",
        modules: &KUBE,
        contents: Contents::Multicall { file: "kube", programs: &[&KUBELET, &KUBEADM, &KUBECTL, &KUBE_PROXY] },
        cgo: false,
    },
    Variant {
        name: "cri-client",
        about: "the tests' client of every RPC of the runtime",
        modules: &KUBE,
        contents: Contents::Own("cri-client", &[("main.go", include_str!("../../../tests/cri-client/main.go"))]),
        cgo: false,
    },
    Variant {
        name: "lab",
        about: "a node and a control plane in one file",
        modules: &KUBE,
        contents: Contents::Multicall {
            file: "kube",
            programs: &[&KUBELET, &KUBEADM, &KUBECTL, &KUBE_PROXY, &KUBE_APISERVER, &KUBE_CONTROLLER_MANAGER, &KUBE_SCHEDULER],
        },
        cgo: false,
    },
    Variant {
        name: "agnhost",
        about: "the program of Kubernetes' own test image",
        modules: &KUBE,
        contents: Contents::Packages(&[("agnhost", "k8s.io/kubernetes/test/images/agnhost")]),
        cgo: false,
    },
    Variant {
        name: "survivor",
        about: "the tests' client that sees the runtime's server die",
        modules: &KUBE,
        contents: Contents::Own(
            "survivor",
            &[
                ("main.go", include_str!("../../../tests/survivor/main.go")),
                ("bystander.go", include_str!("../../../tests/survivor/bystander.go")),
                ("crowd.go", include_str!("../../../tests/survivor/crowd.go")),
                ("kill.go", include_str!("../../../tests/survivor/kill.go")),
                ("measure.go", include_str!("../../../tests/survivor/measure.go")),
            ],
        ),
        cgo: false,
    },
    Variant {
        name: "worker-1.36",
        about: "the kubelet of 1.36 alone",
        modules: &KUBE_1_36,
        contents: Contents::Multicall { file: "kubelet", programs: &[&KUBELET] },
        cgo: false,
    },
    Variant {
        name: "worker-1.35",
        about: "the kubelet of 1.35 alone",
        modules: &KUBE_1_35,
        contents: Contents::Multicall { file: "kubelet", programs: &[&KUBELET] },
        cgo: false,
    },
    Variant {
        name: "e2e",
        about: "upstream's tests of nodes and their storage",
        modules: &E2E,
        contents: Contents::Own("e2e.test", &[("main.go", include_str!("../../../tests/conformance/e2e.go"))]),
        cgo: false,
    },
    Variant {
        name: "ginkgo",
        about: "what runs them in parallel",
        modules: &E2E,
        contents: Contents::Packages(&[("ginkgo", "github.com/onsi/ginkgo/v2/ginkgo")]),
        cgo: false,
    },
    Variant {
        name: "curl",
        about: "the little of curl that upstream's tests ask of their image",
        modules: &E2E,
        contents: Contents::Own("curl", &[("main.go", include_str!("../../../tests/conformance/curl.go"))]),
        cgo: false,
    },
    Variant {
        name: "nonewprivs",
        about: "the program of Kubernetes' image with a set-uid file",
        modules: &KUBE,
        contents: Contents::Packages(&[("nnp", "k8s.io/kubernetes/test/images/nonewprivs")]),
        cgo: false,
    },
    Variant {
        name: "streaming-client",
        about: "the tests' client of the runtime's streaming URLs",
        modules: &KUBE,
        contents: Contents::Own("streaming-client", &[("main.go", include_str!("../../../tests/streaming-client/main.go"))]),
        cgo: false,
    },
    Variant {
        name: "etcd",
        about: "the store of a control plane, its client and its tool for snapshots, in one file",
        modules: &ETCD,
        contents: Contents::Multicall { file: "etcd", programs: &[&ETCD_SERVER, &ETCDCTL, &ETCDUTL] },
        cgo: false,
    },
    Variant {
        name: "containerd",
        about: "the bench's peer: containerd, its shim and ctr",
        modules: &CONTAINERD,
        contents: Contents::Packages(&[
            ("containerd", "github.com/containerd/containerd/v2/cmd/containerd"),
            ("containerd-shim-runc-v2", "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"),
            ("ctr", "github.com/containerd/containerd/v2/cmd/ctr"),
        ]),
        cgo: false,
    },
    Variant {
        name: "runc",
        about: "the bench's peer: runc with seccomp, static",
        modules: &RUNC,
        contents: Contents::Packages(&[("runc", "github.com/opencontainers/runc")]),
        cgo: true,
    },
    Variant {
        name: "cni",
        about: "the bench's peer: the network plugins that a node without a mesh needs",
        modules: &CNI,
        contents: Contents::Packages(&[
            ("bridge", "github.com/containernetworking/plugins/plugins/main/bridge"),
            ("host-local", "github.com/containernetworking/plugins/plugins/ipam/host-local"),
            ("loopback", "github.com/containernetworking/plugins/plugins/main/loopback"),
            ("portmap", "github.com/containernetworking/plugins/plugins/meta/portmap"),
            ("ptp", "github.com/containernetworking/plugins/plugins/main/ptp"),
        ]),
        cgo: false,
    },
    Variant {
        name: "cni-lab",
        about: "the tests' network plugins and libcni's own client",
        modules: &CNI,
        contents: Contents::Packages(&[
            ("bandwidth", "github.com/containernetworking/plugins/plugins/meta/bandwidth"),
            ("bridge", "github.com/containernetworking/plugins/plugins/main/bridge"),
            ("cnitool", "github.com/containernetworking/cni/cnitool"),
            ("host-local", "github.com/containernetworking/plugins/plugins/ipam/host-local"),
            ("loopback", "github.com/containernetworking/plugins/plugins/main/loopback"),
            ("portmap", "github.com/containernetworking/plugins/plugins/meta/portmap"),
            ("ptp", "github.com/containernetworking/plugins/plugins/main/ptp"),
            ("tuning", "github.com/containernetworking/plugins/plugins/meta/tuning"),
        ]),
        cgo: false,
    },
    Variant {
        name: "coredns",
        about: "cluster DNS with the plugins that kubeadm's settings name",
        modules: &COREDNS,
        contents: Contents::Multicall { file: "coredns", programs: &[&COREDNS_SERVER] },
        cgo: false,
    },
    Variant {
        name: "flannel",
        about: "the pod network's daemon, and the program that installs its CNI configuration",
        modules: &FLANNEL,
        contents: Contents::Packages(&[
            ("flanneld", "github.com/flannel-io/flannel"),
            ("install-conf", "github.com/flannel-io/flannel/cmd/install_conf"),
        ]),
        cgo: false,
    },
    Variant {
        name: "registry",
        about: "the lab's image registry",
        modules: &REGISTRY,
        contents: Contents::Packages(&[("registry", "github.com/distribution/distribution/v3/cmd/registry")]),
        cgo: false,
    },
    Variant {
        name: "age",
        about: "the reference of encrypted backups, for tests",
        modules: &AGE,
        contents: Contents::Packages(&[("age", "filippo.io/age/cmd/age"), ("age-keygen", "filippo.io/age/cmd/age-keygen")]),
        cgo: false,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for variant in VARIANTS {
            assert!(find(variant.name).is_ok_and(|v| v.about == variant.about), "{}", variant.name);
        }
        assert!(find("nothing").is_err());
    }

    #[test]
    fn pins_name_the_version_of_the_table() {
        for set in VARIANTS.iter().map(|v| v.modules) {
            for (module, version) in std::iter::once(&(set.root, set.version)).chain(set.also) {
                let line = format!("{module} {version}");
                assert!(set.go_mod.contains(&line), "{}: go.mod lacks {line}", set.name);
                assert!(set.go_sum.contains(&line), "{}: go.sum lacks {line}", set.name);
            }
        }
    }
}
