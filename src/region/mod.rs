//! The nodes of the regions, and how they and head office talk.
//!
//! A node is a [`Service`]: typed calls with a streamed body each way. A [`Link`] is the caller's end. It reaches a
//! service in the same process or, through mutual TLS and HTTP/2, in another, and behaves alike in both: the same
//! deadlines, the same bound on calls under way, the same simulated distance.

mod body;
mod ca;
mod call;
mod client;
mod credentials;
mod enrolment;
mod error;
mod identity;
mod link;
mod node;
mod outside;
mod own_law;
/// Nodes as processes of their own.
pub mod process;
/// The package handed to an authority, and how its recipient opens it.
pub mod production;
mod server;
mod service;
mod tls;
mod versioned;
mod wan;
mod wire;
mod witnessing;

pub use body::{Body, BodyReader, BodySender, BodyWriter, ReaderGone};
pub use ca::{CaError, DeploymentCa};
pub use call::{
    Call, Card, CopyStatus, NodeStatus, Onward, Password, Produced, Reply, Stored, Withheld, password_binding,
};
pub use client::Address;
pub use credentials::{BadCredentials, Credentials, credentials_path};
pub use enrolment::{
    Enrolment, EnrolmentError, cosigner, intake_key, prepare, remember_again, remembered, witness,
};
pub use error::{ErrorCode, ServiceError};
pub use identity::{DeploymentId, IdentityError, Peer};
pub use link::{CallOptions, Link, LinkLimits};
pub use node::{Node, NodeError, NodeParts};
pub use outside::{Outside, OutsideError, outside_key};
pub use own_law::OwnLaw;
pub use server::{ServerLimits, serve};
pub use service::{Answer, Context, Correlation, Service, SharedService, Typed, only_head_office};
pub use wan::{Cut, Wan};
pub use witnessing::LinkedWitness;
