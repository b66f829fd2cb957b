//! The lab for a person: `lab run` boots a node and joins it to a cluster, both made for the occasion.
#![expect(clippy::print_stderr, reason = "for a person")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "lab", about = "A cluster and a diskless node on this machine")]
struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Build all, boot a diskless machine, join it to a fresh cluster, run a pod, give its shell.
    Run {
        /// A board of `board/`.
        #[arg(long, default_value = "x86_64-qemu")]
        board: String,
        /// End with the verdict instead of a shell; so does a run without a terminal.
        #[arg(long)]
        check: bool,
    },
    /// Build all, boot a control plane and workers, make a cluster of them by what a person types, check it, give the first one's shell.
    Cluster {
        /// A board of `board/`.
        #[arg(long, default_value = "x86_64-qemu")]
        board: String,
        /// Number of machines; the first has the control plane.
        #[arg(long, default_value_t = 2)]
        nodes: u8,
        /// Number of those that join as control planes and share an address; 3 of them show the death of one.
        #[arg(long, default_value_t = 1)]
        control_planes: u8,
        /// End after the checks; so does a run without a terminal.
        #[arg(long)]
        check: bool,
        /// Network between the nodes.
        #[arg(long, value_enum, default_value_t = lab::cluster::Network::Vxlan)]
        network: lab::cluster::Network,
        /// Try kubeadm's other verbs, too.
        #[arg(long)]
        verbs: bool,
    },
    /// Do one of the builds of `run`.
    #[command(hide = true)]
    Phase {
        /// Its name.
        word: String,
        /// A board of `board/`.
        #[arg(long)]
        board: String,
    },
}

fn main() -> ExitCode {
    let done = match Options::parse().what {
        What::Run { board, check } => lab::run::run(&board, check),
        What::Cluster { board, nodes, control_planes, check, network, verbs } => {
            let options = lab::cluster::Options { board, nodes, control_planes, check, evidence: None, network, verbs };
            lab::cluster::run(&options)
        }
        What::Phase { word, board } => lab::phase::one(&word, &board).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|e| {
        eprintln!("lab: {e}");
        ExitCode::FAILURE
    })
}
