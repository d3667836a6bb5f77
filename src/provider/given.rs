//! Who holds which opening, under which key, and since when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::envelope::SealedOpenings;
use super::{Provider, ProviderError};
use crate::clock::SimTime;
use crate::gate::{DocketError, MatterId, Secrecy};
use crate::record::about_log::{AboutLog, is_about_the_log};
use crate::record::entry::Slot;
use crate::record::opening::{FullOpening, Opening};
use crate::world::{Address, AuthorityId, RecipientKey, RegionId};

/// Who was given an opening.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(tag = "who", content = "name", rename_all = "kebab-case")]
pub enum Holder {
    HeadOffice,
    /// Shown in a permit.
    Region(RegionId),
    /// A court or another authority of the roster.
    Authority(AuthorityId),
    Auditor(String),
    AccountHolder(Address),
    Public,
}

/// An opening that somebody beside head office was given.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Given {
    pub entry: u64,
    pub to: Holder,
    pub slots: Vec<Slot>,
    pub at: SimTime,
    /// Which key it was sealed to: [`RecipientKey::id`]; absent where to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Until when it may be used, where it was given for a time only. A promise of the holder: nothing takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<SimTime>,
}

/// What is to be given.
#[derive(Clone, Debug)]
pub struct Giving<'a> {
    /// One demand's entries only.
    pub matter: Option<&'a str>,
    pub slots: &'a [Slot],
    pub until: Option<SimTime>,
    /// The reader's key; needed of an auditor, whom no roster knows.
    pub key: Option<RecipientKey>,
}

/// What one holder has of an entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HoldingView {
    #[serde(flatten)]
    pub holder: Holder,
    pub slots: Vec<Slot>,
    /// Under which key it is kept or was handed over.
    pub key: String,
    pub since: SimTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<SimTime>,
}

/// An entry, and who holds which opening of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EntryOpenings {
    pub entry: u64,
    /// Absent if its opening is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter: Option<MatterId>,
    /// When its opening was erased, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<SimTime>,
    pub holdings: Vec<HoldingView>,
    /// What keeps it from the account holders and from the public, by account; absent where nothing does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<ClosedTo>,
}

/// What keeps an account holder from being told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClosedTo {
    pub account: Address,
    pub by: Secrecy,
}

impl Provider {
    /// Who holds which opening: of one matter's entries, or of all.
    pub async fn openings(&self, matter: Option<&str>) -> Result<Vec<EntryOpenings>, ProviderError> {
        let entries: Vec<u64> = match matter {
            Some(name) => self.docket.entries(self.find(name)?.id()),
            None => (0..self.docket.log().head().size).collect(),
        };
        let erased = self.docket.erased();
        let mut openings = Vec::new();
        for entry in entries {
            let full = self.docket.log().opening(entry).await.map_err(DocketError::from)?;
            openings.push(self.openings_of(entry, full.as_ref(), &erased));
        }
        Ok(openings)
    }

    /// Who reads openings under a name: an authority of the roster, or else an auditor.
    pub fn reader(&self, name: String) -> Holder {
        match name.parse().ok().filter(|id: &AuthorityId| self.world.roster().authority(id).is_ok()) {
            Some(authority) => Holder::Authority(authority),
            None => Holder::Auditor(name),
        }
    }

    /// The openings of those slots of one matter's entries, or of all, as far as they are still open: head office's own.
    pub async fn opened(&self, matter: Option<&str>, slots: &[Slot]) -> Result<Vec<Opening>, ProviderError> {
        let entries: Vec<u64> = match matter {
            Some(name) => self.docket.entries(self.find(name)?.id()),
            None => (1..self.docket.log().head().size).collect(),
        };
        let mut openings = Vec::new();
        for entry in entries {
            let full = self.docket.log().opening(entry).await.map_err(DocketError::from)?;
            // What is about the log everybody may read, and wants it to know that the entry is of no matter.
            let about = full.as_ref().is_some_and(|full| is_about_the_log(&full.opening));
            openings.extend(full.map(|full| full.opening.used(if about { &AboutLog::OPEN } else { slots })));
        }
        Ok(openings)
    }

    /// Gives the openings of those slots of one matter's entries, or of all, to a court or other authority of the roster,
    /// sealed to its key there, or else to an auditor, sealed to the key that is shown.
    pub async fn give(
        &self,
        name: String,
        ask: Giving<'_>,
    ) -> Result<(SealedOpenings, usize), ProviderError> {
        let to = self.reader(name.clone());
        let key = match (&to, ask.key) {
            (Holder::Authority(id), shown) => {
                let known = self.world.roster().authority(id)?.recipient_key();
                if shown.is_some_and(|shown| shown != *known) {
                    return Err(ProviderError::OtherReaderKey { name, known: known.clone() });
                }
                known.clone()
            }
            (_, Some(shown)) => shown,
            (_, None) => return Err(ProviderError::NoReaderKey(name)),
        };
        let (at, until) = (self.now(), ask.until);
        if let Some(until) = until.filter(|until| *until <= at) {
            return Err(ProviderError::UsableNoMore { name, until, now: at });
        }
        let mut openings = self.opened(ask.matter, ask.slots).await?;
        // An entry that uses none of these slots has nothing to be opened.
        openings.retain(|opening| opening.slots().next().is_some());
        if openings.is_empty() {
            return Err(ProviderError::NothingToGive(name));
        }
        let sealed = SealedOpenings::seal(&openings, name.clone(), &key, at, until)
            .map_err(|error| ProviderError::UnusableReaderKey { name, error })?;
        let given = |opening: &Opening| Given {
            entry: opening.entry(),
            to: to.clone(),
            slots: opening.slots().map(|(slot, _)| slot).collect(),
            at,
            key: Some(key.id()),
            until,
        };
        // Before they are handed over: who has them is always known.
        self.cabinet.keep_given(openings.iter().map(given).collect())?;
        Ok((sealed, openings.len()))
    }

    fn openings_of(
        &self,
        entry: u64,
        full: Option<&FullOpening>,
        erased: &BTreeMap<u64, SimTime>,
    ) -> EntryOpenings {
        let value = |slot| full.and_then(|full| full.opening.value(slot).ok().flatten());
        let text = |slot| value(slot).and_then(|value| value.as_str().map(str::to_owned));
        let matter = text(Slot::Matter).map(MatterId::from_recorded);
        // Entries about the log itself keep it among their facts.
        let facts = value(Slot::Facts).unwrap_or_default();
        let since = value(Slot::Timing)
            .or_else(|| facts.get("timing").or(facts.get("started")).cloned())
            .and_then(|value| serde_json::from_value(value).ok());
        let since: SimTime = since.unwrap_or_else(|| self.docket.latest().unwrap_or(self.now()));
        let mut holdings = Vec::new();
        let uses = |slot: Slot| {
            full.and_then(|full| full.opening.slot(slot)).is_some_and(|opened| !opened.value.is_empty())
        };
        if let Some(full) = full {
            holdings.push(HoldingView {
                holder: Holder::HeadOffice,
                slots: Slot::ALL.into_iter().filter(|slot| uses(*slot)).collect(),
                key: "head-office/cabinet.key".to_owned(),
                since,
                until: None,
            });
            holdings.extend(full.grants.keys().map(|region| HoldingView {
                holder: Holder::Region(region.clone()),
                slots: vec![Slot::Grants],
                key: format!("the channel key of region {region}: its own grant only, in the permit"),
                since,
                until: None,
            }));
        }
        // What is about the log is published when it is cosigned.
        let published = self.docket.log().published();
        let cosigned = published.map_or(0, |published| published.checkpoint.head().size);
        if entry < cosigned && (entry == 0 || full.is_some_and(|full| is_about_the_log(&full.opening))) {
            let slots = AboutLog::OPEN.to_vec();
            let key = "none: published".to_owned();
            holdings.push(HoldingView { holder: Holder::Public, slots, key, since, until: None });
        }
        holdings.extend(self.cabinet.given(entry).into_iter().map(|given| HoldingView {
            key: match &given.to {
                Holder::Public => "none: published".to_owned(),
                Holder::AccountHolder(_) => "none: in the notice".to_owned(),
                Holder::Authority(_) | Holder::Auditor(_) => {
                    given.key.unwrap_or_else(|| "none: in files of its own".to_owned())
                }
                Holder::HeadOffice | Holder::Region(_) => String::new(),
            },
            holder: given.to,
            // Which of them an erased entry used, only who has them can tell.
            slots: given.slots.into_iter().filter(|slot| full.is_none() || uses(*slot)).collect(),
            since: given.at,
            until: given.until,
        }));
        let closed = matter.as_ref().and_then(|id| self.docket.get(id)).map(|matter| {
            let accounts = matter.demand().accounts.iter();
            let told = |account: &Address| {
                holdings.iter().any(|holding| holding.holder == Holder::AccountHolder(account.clone()))
            };
            accounts
                .filter(|account| !told(account))
                .map(|account| ClosedTo { account: account.clone(), by: self.secrecy(&matter, account) })
                .filter(|closed| !closed.by.is_over())
                .collect()
        });
        EntryOpenings {
            entry,
            kind: text(Slot::Kind),
            matter,
            erased: erased.get(&entry).copied(),
            holdings,
            closed: closed.unwrap_or_default(),
        }
    }
}
