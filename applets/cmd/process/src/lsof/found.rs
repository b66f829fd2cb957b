//! Processes with files that were asked for.

use crate::open_files::OpenFile;
use crate::process::Process;
use crate::sockets::Socket;

/// An open file with its socket, if it is one.
pub struct Row {
    /// The file.
    pub file: OpenFile,
    /// The socket that it is.
    pub socket: Option<Socket>,
}

/// A process with the files of it that were asked for.
pub struct Found {
    /// The process.
    pub process: Process,
    /// Its files.
    pub rows: Vec<Row>,
}
