//! The interface's messages and services, made from `proto/api.proto`.
#![allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]

tonic::include_proto!("runtime.v1");
