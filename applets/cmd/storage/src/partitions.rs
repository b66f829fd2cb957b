//! Partition tables in memory, the disks they come from, and their lists. Nothing is written before [`disk::Target::write`].

pub mod disk;
pub mod dos;
pub mod gpt;
pub mod kinds;
pub mod list;
pub mod model;
