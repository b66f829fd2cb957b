//! The crate's commands by the name of the link or by the first argument: for trying them without the whole binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    kit::example::run(vi::APPLETS)
}
