//! What goes wrong with a call, as its caller may know it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest message that travels, in bytes.
const MESSAGE_LIMIT: usize = 1024;

/// An error of a call. The message is written for whoever asked: it names what they sent and what was allowed,
/// never a path, a key or what somebody else asked. What the operator needs goes into the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ServiceError {
    pub code: ErrorCode,
    pub message: String,
}

impl ServiceError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let mut message = message.into();
        let fits = (0..=MESSAGE_LIMIT.min(message.len())).rev().find(|&end| message.is_char_boundary(end));
        message.truncate(fits.unwrap_or(0));
        ServiceError { code, message }
    }

    /// For failures that are none of the caller's business: the cause goes into the log, under the correlation of
    /// the call that is running, and the caller learns only that it happened.
    pub fn internal(cause: &dyn fmt::Display) -> Self {
        tracing::error!(%cause, "a call failed");
        ServiceError::new(ErrorCode::Internal, "the node failed; its log says why")
    }
}

/// The kinds of error a caller may want to tell apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// The call makes no sense, whoever sends it.
    Invalid,
    /// This party may not make this call.
    Forbidden,
    /// The node will not do it: a permit that does not hold, a law that bars.
    Refused,
    /// What the call names is not here.
    NotFound,
    /// The call does not fit the present state.
    Conflict,
    /// More bytes than are accepted.
    TooLarge,
    /// Too many calls are under way. Nothing was done.
    Busy,
    /// The node is stopping and takes no new calls. Nothing was done.
    Stopping,
    /// The node could not be reached. Nothing was done.
    Unreachable,
    /// One of the two ends is not who it should be. Nothing was done.
    Untrusted,
    /// No answer in time. The call may have been carried out.
    Deadline,
    /// The connection broke before the end of the answer. The call may have been carried out.
    Lost,
    /// The node failed.
    Internal,
}

impl ErrorCode {
    /// True if the call certainly had no effect, so that making it again cannot do anything twice.
    pub fn is_without_effect(self) -> bool {
        matches!(self, ErrorCode::Busy | ErrorCode::Stopping | ErrorCode::Unreachable | ErrorCode::Untrusted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let error = ServiceError::new(ErrorCode::Invalid, "é".repeat(2000));
        assert_eq!(error.message.len(), MESSAGE_LIMIT);
        let odd = ServiceError::new(ErrorCode::Invalid, format!("x{}", "é".repeat(2000)));
        assert_eq!(odd.message.len(), MESSAGE_LIMIT - 1);
    }

    #[test]
    fn the_cause_of_an_internal_error_does_not_travel() {
        let error = ServiceError::internal(&"/data/regions/ie-dublin/keys: permission denied");
        assert!(!serde_json::to_string(&error).unwrap().contains("ie-dublin"));
    }
}
