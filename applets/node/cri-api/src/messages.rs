//! The interface's messages and services, made from `proto/api.proto`.
#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::allow_attributes_without_reason, reason = "generated")]

tonic::include_proto!("runtime.v1");
