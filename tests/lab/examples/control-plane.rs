//! Starts a control plane alone, shows what it is made of, and gives a shell inside the lab (or runs the arguments there).
#![expect(clippy::print_stdout, reason = "for a person")]

use std::process::{Command, ExitCode};
use std::time::Instant;

use kit::{Context, Result};
use lab::control_plane::{ControlPlane, Programs};
use lab::namespace;
use lab::network::Lab;

fn main() -> ExitCode {
    run().unwrap_or_else(|e| {
        println!("control-plane: {e}");
        ExitCode::FAILURE
    })
}

fn run() -> Result<ExitCode> {
    if !namespace::inside() {
        Programs::ready()?;
        return namespace::enter();
    }
    let start = Instant::now();
    let lab = Lab::start()?;
    println!("network: {:.1} s", start.elapsed().as_secs_f32());
    let plane = ControlPlane::start(&lab)?;
    println!("control plane: {:.1} s", start.elapsed().as_secs_f32());
    println!("from another terminal: {} get nodes", plane.kubectl_hint(&lab));
    println!("{}", plane.join_command());
    print!("{}", plane.ask(&["get", "namespaces"])?);
    let mut words = std::env::args_os().skip(1);
    let mut command = Command::new(words.next().unwrap_or_else(|| "sh".into()));
    let status = command.args(words).env("KUBECONFIG", plane.kubeconfig()).status().doing("start the command")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
