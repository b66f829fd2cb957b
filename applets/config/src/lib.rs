//! Configuration keys, their precedence and sources.
