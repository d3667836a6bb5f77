//! A component that does not open. It keeps nobody from using the others: whoever needs it is told why it is down.

use futures_util::future::BoxFuture;

use crate::region::{Answer, Body, Call, Context, ErrorCode, Peer, Reply, Service, ServiceError};

/// What is down, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Down {
    pub who: Peer,
    pub why: String,
}

impl Service for Down {
    type Call = Call;
    type Reply = Reply;

    fn call(&self, _: Context, _: Call, _: Body) -> BoxFuture<'_, Result<Answer<Reply>, ServiceError>> {
        Box::pin(async { Err(ServiceError::new(ErrorCode::Unreachable, self.why.clone())) })
    }
}
