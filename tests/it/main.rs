//! Tests through the public interface: one binary, a module per topic, helpers in `common`.

mod common;
mod law;
mod law_books;
mod layers;
mod mail_files;
mod region_identity;
mod region_process;
mod region_transport;
mod story;
