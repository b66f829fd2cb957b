//! The conversation with a person: prompts, the line editor, completion.

pub mod complete;
mod keys;
pub mod line;
pub mod prompt;
pub mod search;
mod size;
pub mod terminal;
