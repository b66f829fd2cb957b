//! nf_tables: address translation for pods.
