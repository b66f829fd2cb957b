//! The conversation with a person: prompts, the line editor, completion.

pub mod complete;
pub mod line;
pub mod prompt;
pub mod search;
mod size;
pub mod terminal;
