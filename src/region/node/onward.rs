//! Rows on their way from one region to another.
//!
//! Content that rests here may have its traffic data or its address book elsewhere. Whoever brought the message carries the row
//! on; only the region it is for can read it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::super::call::Onward;
use super::super::error::{ErrorCode, ServiceError};
use super::Node;
use crate::clock::SimTime;
use crate::vault::{IntakePublicKey, IntakeSession, Sealed};
use crate::world::{Address, DataClass, RegionId};

/// A row in clear.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) date: SimTime,
    /// JSON.
    pub(super) row: String,
}

/// The other regions, with the session of this process towards each.
pub(super) struct Neighbours {
    keys: BTreeMap<RegionId, IntakePublicKey>,
    sessions: Mutex<BTreeMap<RegionId, Arc<IntakeSession>>>,
}

impl Neighbours {
    pub(super) fn new(keys: BTreeMap<RegionId, IntakePublicKey>) -> Self {
        Neighbours { keys, sessions: Mutex::default() }
    }

    fn session(&self, region: &RegionId) -> Result<Arc<IntakeSession>, ServiceError> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(region) {
            return Ok(session.clone());
        }
        let key = self.keys.get(region).ok_or_else(|| {
            let message = format!("this region was enrolled without the intake key of `{region}`");
            ServiceError::new(ErrorCode::NotFound, message)
        })?;
        let session = IntakeSession::with(key).map_err(|error| ServiceError::internal(&error))?;
        let session = Arc::new(session);
        sessions.insert(region.clone(), session.clone());
        Ok(session)
    }
}

impl Node {
    pub(super) fn seal_onward(
        &self,
        region: &RegionId,
        account: &Address,
        class: DataClass,
        row: &Row,
    ) -> Result<Onward, ServiceError> {
        let session = self.neighbours.session(region)?;
        let clear = serde_json::to_vec(row).map_err(|error| ServiceError::internal(&error))?;
        let row = session.seal(&binding(region, account, class), &clear);
        Ok(Onward { region: region.clone(), class, row })
    }

    pub(super) fn open_onward(
        &self,
        account: &Address,
        class: DataClass,
        sealed: &Sealed,
    ) -> Result<Row, ServiceError> {
        let opened = self.intake.open(sealed, &binding(&self.region, account, class));
        let row = opened.and_then(|clear| serde_json::from_slice(&clear).ok());
        row.ok_or_else(|| {
            let message = format!("that is no row of `{class}` of `{account}` for {}", self.region);
            ServiceError::new(ErrorCode::Invalid, message)
        })
    }
}

fn binding(region: &RegionId, account: &Address, class: DataClass) -> Vec<u8> {
    format!("rogatory row v1\n{region}\n{account}\n{class}").into_bytes()
}
