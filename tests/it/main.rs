//! Tests through the public interface: one binary, a module per topic, helpers in `common`.

mod common;
mod docs;
mod fails_closed;
mod faulty_disk;
mod gate;
mod holds;
mod interrupted_play;
mod killed_demo;
mod killed_region;
mod law;
mod law_books;
mod law_cases;
mod law_diff;
mod law_fiction;
mod law_prove;
mod layers;
mod lost_region;
mod lying_head_office;
mod mail_files;
mod mail_paths;
mod order_rights;
mod placement;
mod power_cut;
mod program;
mod program_cases;
mod program_ends;
mod program_tells;
mod provider;
mod reach;
mod record_audit;
mod record_bad_input;
mod record_cli;
mod record_disk;
mod record_faults;
mod record_go;
mod record_http;
mod record_log;
mod record_permit;
mod record_seeds;
mod record_start;
/// The helpers of the record's unit tests, with the names they use.
#[path = "../../src/record/testing.rs"]
mod record_testing;
mod record_verify;
mod record_witness;
mod region_identity;
mod region_process;
mod region_transport;
mod release_crash;
mod rotation;
mod route_crash;
mod standard_world;
mod store;
mod story;
mod thief;

use rogatory::{clock, demand, entropy, record, world};
