//! Module sets and programs of what a control plane runs beside Kubernetes itself.

use super::table::{ModuleSet, Program, pins};

/// The store of a control plane; the version is the one that kubeadm 1.37 names.
pub static ETCD: ModuleSet = ModuleSet {
    name: "etcd",
    root: "go.etcd.io/etcd/server/v3",
    version: "v3.7.0",
    staging: None,
    staging_but: &[],
    also: &[("go.etcd.io/etcd/etcdctl/v3", "v3.7.0"), ("go.etcd.io/etcd/etcdutl/v3", "v3.7.0")],
    without: &[],
    tags: "",
    stamps: &[],
    go_mod: pins!("etcd", "go.mod"),
    go_sum: pins!("etcd", "go.sum"),
};

pub static ETCD_SERVER: Program =
    Program { name: "etcd", imports: &[r#""os""#, r#""go.etcd.io/etcd/server/v3/etcdmain""#], start: "etcdmain.Main(os.Args)" };

pub static ETCDCTL: Program =
    Program { name: "etcdctl", imports: &[r#""go.etcd.io/etcd/etcdctl/v3/ctlv3""#], start: "ctlv3.MustStart()" };

/// Makes a store of a snapshot, for a restore. Upstream's own main can't be imported; its commands can.
pub static ETCDUTL: Program = Program {
    name: "etcdutl",
    imports: &[
        r#""os""#,
        r#""time""#,
        r#""github.com/spf13/cobra""#,
        r#""go.etcd.io/etcd/etcdutl/v3/etcdutl""#,
    ],
    start: "root := &cobra.Command{Use: \"etcdutl\"}
		root.PersistentFlags().StringVarP(&etcdutl.OutputFormat, \"write-out\", \"w\", \"simple\", \"form of the output\")
		root.PersistentFlags().DurationVar(&etcdutl.FlockTimeout, \"timeout\", 10*time.Second, \"time to wait for the lock\")
		root.AddCommand(etcdutl.NewDefragCommand(), etcdutl.NewSnapshotCommand(), etcdutl.NewHashKVCommand(), etcdutl.NewVersionCommand())
		if root.Execute() != nil {
			os.Exit(1)
		}",
};

/// Cluster DNS; the version is the one that kubeadm 1.37.1 names.
pub static COREDNS: ModuleSet = ModuleSet {
    name: "coredns",
    root: "github.com/coredns/coredns",
    version: "v1.14.6",
    staging: None,
    staging_but: &[],
    also: &[],
    without: &[],
    tags: "grpcnotrace",
    stamps: &[],
    go_mod: pins!("coredns", "go.mod"),
    go_sum: pins!("coredns", "go.sum"),
};

/// The plugins of kubeadm's Corefile, and three that people add to it: log, hosts and rewrite. All of upstream's would
/// be twice the program.
pub static COREDNS_SERVER: Program = Program {
    name: "coredns",
    imports: &[
        r#""github.com/coredns/coredns/coremain""#,
        r#"_ "github.com/coredns/coredns/plugin/cache""#,
        r#"_ "github.com/coredns/coredns/plugin/errors""#,
        r#"_ "github.com/coredns/coredns/plugin/forward""#,
        r#"_ "github.com/coredns/coredns/plugin/health""#,
        r#"_ "github.com/coredns/coredns/plugin/hosts""#,
        r#"_ "github.com/coredns/coredns/plugin/kubernetes""#,
        r#"_ "github.com/coredns/coredns/plugin/loadbalance""#,
        r#"_ "github.com/coredns/coredns/plugin/log""#,
        r#"_ "github.com/coredns/coredns/plugin/loop""#,
        r#"_ "github.com/coredns/coredns/plugin/metrics""#,
        r#"_ "github.com/coredns/coredns/plugin/ready""#,
        r#"_ "github.com/coredns/coredns/plugin/reload""#,
        r#"_ "github.com/coredns/coredns/plugin/rewrite""#,
    ],
    start: "coremain.Run()",
};

/// The pod network. Left out are the backend `udp`, which is in C and for amd64 alone, and the one of a cloud whose library the module
/// proxy does not have.
pub static FLANNEL: ModuleSet = ModuleSet {
    name: "flannel",
    root: "github.com/flannel-io/flannel",
    version: "v0.28.10",
    staging: None,
    staging_but: &[],
    also: &[],
    without: &["github.com/flannel-io/flannel/pkg/backend/tencentvpc", "github.com/flannel-io/flannel/pkg/backend/udp"],
    tags: "grpcnotrace",
    stamps: &[("github.com/flannel-io/flannel/pkg/version.Version", "v0.28.10")],
    go_mod: pins!("flannel", "go.mod"),
    go_sum: pins!("flannel", "go.sum"),
};
