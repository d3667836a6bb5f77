//! The nodes of the regions, and how they and head office talk.
//!
//! A node is a [`Service`]: typed calls with a streamed body each way. A [`Link`] is the caller's end. It reaches a
//! service in the same process or, through mutual TLS and HTTP/2, in another, and behaves alike in both: the same
//! deadlines, the same bound on calls under way, the same simulated distance.

mod body;
mod ca;
mod client;
mod credentials;
mod error;
mod identity;
mod link;
/// Nodes as processes of their own.
pub mod process;
mod server;
mod service;
mod tls;
mod wan;
mod wire;

pub use body::{Body, BodyReader, BodySender, BodyWriter, ReaderGone};
pub use ca::{CaError, DeploymentCa};
pub use client::Address;
pub use credentials::{BadCredentials, Credentials, credentials_path};
pub use error::{ErrorCode, ServiceError};
pub use identity::{DeploymentId, IdentityError, Peer};
pub use link::{CallOptions, Link, LinkLimits};
pub use server::{ServerLimits, serve};
pub use service::{Answer, Context, Correlation, Service, SharedService, Typed};
pub use wan::{Cut, Wan};
