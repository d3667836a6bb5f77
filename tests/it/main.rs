//! Tests through the public interface: one binary, a module per topic, helpers in `common`.

mod common;
mod law;
mod layers;
mod mail_files;
